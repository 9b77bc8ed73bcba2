"""Outbox under failures: workers are killed while a provider misbehaves; the state of every message is checked.

    python3 desk.py bench chaos                      four workers on PostgreSQL, then one on SQLite
    python3 desk.py bench chaos --messages 2000 --kills 5 --databases sqlite

The messages are planned by a real night. The workers hand them to an HTTP server that answers one request in five
slowly, twice, with a 500 or not at all (whether it took the message or not), or answers that it is busy. Each worker is
a process of its own that is killed with SIGKILL at a random moment and replaced. In the end every uncertain message is
looked up in the provider's list. Fails if a message was sent twice, was lost, or has a state that its events do not
explain.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.core.clock import local_instant  # noqa: E402
from app.core.database.engine import make_engine  # noqa: E402
from app.operations.day.stages import contact  # noqa: E402
from bench import gate  # noqa: E402
from tests import provider  # noqa: E402
from tests.chaos.storm import Account, Storm, account_for  # noqa: E402

SPEED = 10
"""The clock runs so much faster: leases and waits end in time."""
LEASE = timedelta(seconds=60)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench chaos", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - which storm it is
    parser.add_argument(
        "--databases", nargs="+", choices=("sqlite", "postgresql"), default=["postgresql", "sqlite"]
    )
    told = parser.parse_args()
    passed = []
    for name in told.databases:
        shutil.rmtree(gate.FOLDER, ignore_errors=True)
        gate.FOLDER.mkdir(parents=True)
        with gate._database(name) as url:
            passed.append(rage(name, url, told.messages, told.kills, told.seed))
    sys.exit(0 if all(passed) else 1)


def rage(name: str, url: str, messages: int, kills: int, seed: int) -> bool:
    engine = make_engine(url)
    day = gate._evening(engine, messages)
    counts = contact(day)
    assert counts["cleared"] == messages, counts
    engine.dispose()
    morning = local_instant(gate.ON + timedelta(days=1), 9, 0, gate.PACKS["uk"])
    timing = provider.Timing(morning.timestamp(), time.time(), SPEED)
    workers = 4 if name == "postgresql" else 1
    with provider.running(chaos=0.2, seed=seed, timing=timing) as stub:
        storm = Storm(
            url, stub, timing, day.catalog, workers=workers, kills=kills, messages=messages, lease=LEASE,
            in_flight=8, seed=seed,
        )  # fmt: skip
        started = time.perf_counter()
        killed = storm.rage()
        seconds = time.perf_counter() - started
        engine = make_engine(url)
        before = account_for(engine, stub)
        looked_up = storm.look_up(engine)
        after = account_for(engine, stub)
    print(f"{name}: {messages:,} messages, {workers} workers, {killed} killed, {seconds:.0f} s, seed {seed}")
    tell("when the workers are done", before)
    print(f"  looked up with the provider: {looked_up}")
    tell("then", after)
    engine.dispose()
    wrong = [each for one in (before, after) for each in (*one.duplicates, *one.lost, *one.unexplained)]
    print(
        "PASS" if not wrong and killed == kills else "FAIL",
        "nothing twice, nothing lost, all explained",
        flush=True,
    )
    return not wrong and killed == kills


def tell(when: str, account: Account) -> None:
    statuses = ", ".join(f"{count:,} {status.value}" for status, count in sorted(account.statuses.items()))
    print(f"  {when}: {statuses}; the provider took {account.taken:,}")
    print(
        f"    {len(account.duplicates)} sent twice, {len(account.lost)} lost, "
        f"{len(account.unexplained)} unexplained", *account.duplicates[:5], *account.lost[:5], *account.unexplained[:5],
    )  # fmt: skip


if __name__ == "__main__":
    main()
