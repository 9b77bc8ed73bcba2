from collections.abc import Iterator

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.engine import Engine

from app.staff import service
from tests.web.desk import Desk


@pytest.fixture(autouse=True)
def _quick_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm with the smallest cost: these tests are not about how long a guess takes."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(service, "hasher", quick)
    service._dummy_hash.cache_clear()
    yield
    service._dummy_hash.cache_clear()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """The web application, on both databases."""
    return Desk(engine)


@pytest.fixture
def sqlite_desk(sqlite_engine: Engine) -> Desk:
    """The web application where the database makes no difference."""
    return Desk(sqlite_engine)
