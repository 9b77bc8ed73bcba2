"""Raw driver of `bench pages`: the statements of recorded pages, run again by psycopg or sqlite3 alone.

`python -m bench._pages_raw URL FILE CONNECTIONS SECONDS CORE`: FILE has a list of pages, each a list of (statement,
parameters). Prints the milliseconds that each page took, as a list.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

Page = list[tuple[str, Any]]


def opened(url: str) -> Callable[[], Any]:
    """Makes a connection, set up as that of the product."""
    at = sa.make_url(url)
    if at.get_backend_name() == "postgresql":
        plain = at.set(drivername="postgresql").render_as_string(hide_password=False)
        return lambda: psycopg.connect(plain, autocommit=True, options="-c random_page_cost=1.1")

    def sqlite() -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{at.database}?mode=ro", uri=True, check_same_thread=False)
        connection.execute("PRAGMA cache_size=-65536")
        return connection

    return sqlite


def run(page: Page, connection: Any) -> None:
    cursor = connection.cursor()
    for statement, parameters in page:
        cursor.execute(statement, parameters).fetchall()
    cursor.close()


def main(url: str, file: str, connections: str, seconds: str, core: str) -> None:
    os.sched_setaffinity(0, {int(core) % (os.cpu_count() or 1)})
    pages: list[Page] = pickle.loads(Path(file).read_bytes())  # noqa: S301 - our own file
    connect, taken = opened(url), []
    start = time.perf_counter() + 3

    def read(n: int) -> None:
        connection, drawn = connect(), random.Random(n)
        while (began := time.perf_counter()) < start + float(seconds):
            run(drawn.choice(pages), connection)
            if began >= start:
                taken.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(int(connections))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:6])
