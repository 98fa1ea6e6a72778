# SPDX-License-Identifier: Apache-2.0
"""Applies the files of migrations/ that the database does not have yet, in order, each once."""

import os
import pathlib
import sqlite3

db = sqlite3.connect(os.environ["DATABASE"], isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
done = {name for (name,) in db.execute("SELECT name FROM migrations")}

applied = 0
for path in sorted(pathlib.Path("migrations").glob("*.sql")):
    if path.name in done:
        continue
    # One script, one transaction: a migration is there as a whole or not at all.
    db.executescript(
        f"BEGIN; {path.read_text()}; INSERT INTO migrations VALUES ('{path.name}'); COMMIT;"
    )
    print(f"applied {path.name}")
    applied += 1
print(f"{applied} applied, {len(done)} already there")
