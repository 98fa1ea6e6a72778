# SPDX-License-Identifier: Apache-2.0
"""The page to vote on. A vote goes to the Redis list `votes`; the worker takes it from there."""

import json
import os
import secrets
import socket

import redis
from flask import Flask, make_response, render_template, request

OPTIONS = {
    "a": os.environ.get("OPTION_A", "Cats"),
    "b": os.environ.get("OPTION_B", "Dogs"),
}

app = Flask(__name__)
queue = redis.Redis(host=os.environ.get("REDIS_HOST", "redis"), socket_timeout=5)


def known_voter(cookie):
    """The voter's id if it is one that we gave out (16 hexadecimal digits)."""
    if cookie and len(cookie) == 16 and all(c in "0123456789abcdef" for c in cookie):
        return cookie
    return None


@app.route("/", methods=["GET", "POST"])
def vote():
    voter = known_voter(request.cookies.get("voter_id")) or secrets.token_hex(8)
    choice = None
    if request.method == "POST":
        choice = request.form.get("vote")
        if choice not in OPTIONS:
            return "vote must be a or b\n", 400
        queue.rpush("votes", json.dumps({"voter_id": voter, "vote": choice}))
        app.logger.warning("vote %s by %s", choice, voter)

    page = render_template(
        "index.html", options=OPTIONS, choice=choice, hostname=socket.gethostname()
    )
    response = make_response(page)
    response.set_cookie("voter_id", voter, samesite="Lax", httponly=True)
    return response


@app.errorhandler(redis.RedisError)
def queue_failed(error):
    app.logger.error("redis: %s", error)
    return "the vote could not be taken, try again\n", 503
