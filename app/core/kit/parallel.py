"""Parallel: a second process for half of a large batch, and a garbage collector that suits one."""

from __future__ import annotations

import gc
import json
import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.engine import Engine

T = TypeVar("T")


def collect_garbage_seldom() -> None:
    """Collect garbage seldom in this process, which closes days or recomputes a whole portfolio.

    Imported modules stay, and the millions of small objects of a night have no cycles. Python's own frequency costs a
    night a fifth of its time, and a recomputation two fifths.
    """
    gc.freeze()
    gc.set_threshold(50_000)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Start a program without garbage collection: what it imports and builds stays. Saves a fifth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def can_fork(engine: Engine) -> bool:
    """Check whether a second process may be forked: this one has no other threads, there is a second processor, and
    the database is not in this process's memory."""
    in_memory = engine.dialect.name == "sqlite" and engine.url.database in (None, "", ":memory:")
    return threading.active_count() == 1 and (os.cpu_count() or 1) > 1 and not in_memory


def in_two_processes(
    engine: Engine, items: Sequence[T], work: Callable[[Iterable[T]], Mapping[str, int]]
) -> dict[str, int]:
    """Do `work` with every other item in this process and with the rest in a fork of it; the sum of their counts.

    Raises RuntimeError if the second process fails. Ask `can_fork` before.
    """
    # The fork has its own connections: those of this process stay untouched.
    engine.dispose()
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            engine.dispose(close=False)
            counts = work(until_orphaned(items[1::2], parent))
            os.write(writer, json.dumps(counts).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - nothing of this process may go on in the parent's place
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    try:
        total = Counter(work(items[::2]))
    finally:
        with os.fdopen(reader) as pipe:
            answer = pipe.read()
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended != 0:
        raise RuntimeError(
            f"The second process of a shared batch ended with status {ended}; its errors stand above."
        )
    total.update(json.loads(answer))
    return dict(total)


def until_orphaned(items: Sequence[T], parent: int) -> Iterator[T]:
    """The second process's items, while its parent lives. Until it ends it shares its parent's locks, so that a new
    run of the same batch waits for it."""
    for item in items:
        if os.getppid() != parent:
            raise SystemExit("The process that shared this batch is gone.")
        yield item
