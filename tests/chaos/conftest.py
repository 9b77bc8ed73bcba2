from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tests.letters import letters


@pytest.fixture(autouse=True)
def _quick_starts() -> Iterator[None]:
    """SQLite does not wait for the disk.

    A killed process loses nothing that it gave the system to write, only a power failure does.
    """
    letters()  # for the children that are forked
    sa.event.listen(Engine, "connect", _carefree)
    yield
    sa.event.remove(Engine, "connect", _carefree)


def _carefree(connection: object, _record: object) -> None:
    if "sqlite" in type(connection).__module__:
        connection.cursor().execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Makes migrated databases, as many as asked for, empty or a copy of another; the test runs on both kinds."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        made: list[Path] = []

        def sqlite(like: str = "") -> str:
            made.append(tmp_path / f"desk-{len(made)}.db")
            shutil.copyfile(like.removeprefix("sqlite:///") or template, made[-1])
            return f"sqlite:///{made[-1]}"

        yield sqlite
        return
    server = request.getfixturevalue("postgres_server")
    names: list[str] = []

    def postgresql(like: str = "") -> str:
        names.append(server.create())
        if like:
            copy = f'CREATE DATABASE "{names[-1]}" TEMPLATE "{sa.make_url(like).database}"'
            server.drop(names[-1])
            server._run(copy)
        return str(server.url(names[-1]))

    yield postgresql
    for name in names:
        with suppress(Exception):
            server.drop(name)
