from collections.abc import Iterator

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.staff import service


@pytest.fixture(autouse=True)
def _quick_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm with the smallest cost: these tests are not about how long a guess takes."""
    monkeypatch.setattr(
        service, "hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    )
    service._dummy_hash.cache_clear()
    yield
    service._dummy_hash.cache_clear()
