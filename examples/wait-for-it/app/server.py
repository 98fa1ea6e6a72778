# SPDX-License-Identifier: Apache-2.0
"""Serves the table of books as text. Ends at once when the table is not there."""

import http.server
import os
import signal
import sqlite3
import sys

DATABASE = os.environ["DATABASE"]


def books():
    db = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)
    try:
        return db.execute("SELECT title, author FROM books ORDER BY title").fetchall()
    finally:
        db.close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = "".join(f"{title}, by {author}\n" for title, author in books()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


try:
    print(f"{len(books())} books")
except sqlite3.Error as error:
    sys.exit(f"the database is not ready: {error}")
signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
