"""The portfolio of the day, on SQLite, and on both databases where two tabs are at stake."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from tests.scenarios.desk_day.formosa import Formosa, formosa


@pytest.fixture
def day(sqlite_engine: Engine) -> Formosa:
    return formosa(sqlite_engine)


@pytest.fixture
def day_on_both(engine: Engine) -> Formosa:
    return formosa(engine)
