import pytest
from sqlalchemy.engine import Engine

from tests.api.program import Program
from tests.web.desk import Desk


@pytest.fixture
def program(engine: Engine) -> Program:
    """A manager's program, on both databases."""
    return Program(Desk(engine))


@pytest.fixture
def sqlite_program(sqlite_engine: Engine) -> Program:
    """Where the database makes no difference."""
    return Program(Desk(sqlite_engine))
