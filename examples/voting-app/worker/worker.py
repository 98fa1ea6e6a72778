# SPDX-License-Identifier: Apache-2.0
"""Takes votes from the Redis list `votes` and stores them in PostgreSQL, one row a voter.

A vote leaves the queue only after it is in the database: it is moved to a second list first, and
what is still there at the start (after a crash) is stored again, which is harmless.
"""

import json
import os
import signal
import sys
import time

import psycopg2
import redis

UPSERT = """
    INSERT INTO votes (voter_id, vote) VALUES (%s, %s)
    ON CONFLICT (voter_id) DO UPDATE SET vote = EXCLUDED.vote
"""


def log(text):
    print(text, flush=True)


def stop(signum, frame):
    log("stopping")
    sys.exit(0)


def store(db, raw):
    try:
        vote = json.loads(raw)
        voter, choice = str(vote["voter_id"]), str(vote["vote"])
    except (ValueError, KeyError, TypeError) as error:
        log(f"not a vote, dropped: {raw!r} ({error})")
        return
    with db, db.cursor() as cursor:  # a transaction
        cursor.execute(UPSERT, (voter, choice))
    log(f"stored vote {choice} by {voter}")


def work(queue, db):
    for raw in queue.lrange("votes:taken", 0, -1):
        store(db, raw)
        queue.lrem("votes:taken", 1, raw)
    log("waiting for votes")
    while True:
        raw = queue.blmove("votes", "votes:taken", timeout=30, src="LEFT", dest="RIGHT")
        if raw is None:
            continue
        store(db, raw)
        queue.lrem("votes:taken", 1, raw)


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while True:
        try:
            queue = redis.Redis(host=os.environ.get("REDIS_HOST", "redis"))
            db = psycopg2.connect("")  # PGHOST and so on say where
            work(queue, db)
        except (redis.RedisError, psycopg2.Error) as error:
            log(f"trying again in a second: {error}".rstrip())
            time.sleep(1)


if __name__ == "__main__":
    main()
