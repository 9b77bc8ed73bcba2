"""A book that the tests of a module read and none of them changes, made once on each database.

    @pytest.fixture(scope="module", params=DATABASES)
    def lived(request: pytest.FixtureRequest) -> Iterator[Engine]:
        with lasting(request) as engine:
            live_through(engine)
            yield engine

The database lasts as long as the module. Fixtures of a test, such as `monkeypatch`, do not reach it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import Engine

from app.core.database.engine import make_engine
from tests.databases import sharing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.databases import Shelf

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@contextmanager
def lasting(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Yield the engine of a fresh migrated database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = request.getfixturevalue("tmp_path_factory").mktemp("lasting") / "desk.db"
        shutil.copyfile(template, path)
        engine = sharing(make_engine(f"sqlite:///{path}", durable=False))
        yield engine
        engine.dispose()
        path.unlink()
        return
    shelf: Shelf = request.getfixturevalue("postgres_shelf")
    with shelf.database() as url:
        yield shelf.engine(url)
