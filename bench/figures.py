"""Key figures of a real portfolio at each month end, against plain Python that reads only the feed files.

    python -m bench.figures                      the 2,000 accounts that ship with the demo
    python -m bench.figures --data FOLDER        a folder of accounts, statements, transactions and payments (.csv.gz)
    python -m bench.figures --only sqlite

The files are those of the shipped sample's source: 30,000 accounts, April to September 2005. Every figure of accounts,
with its slices by bucket, product, placement month, move and supervisory class, must be equal, to the cent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.core.database.engine import make_engine  # noqa: E402
from app.programs.demo.sample import SAMPLE  # noqa: E402
from bench.day import databases, desk  # noqa: E402
from tests.reporting.kpis.real_book import compared  # noqa: E402


def measure(name: str, url: str, folder: Path) -> bool:
    desk(url, "migrate")
    engine, fine, started = make_engine(url), True, time.perf_counter()
    print(f"  {name}, {folder}", flush=True)
    with tempfile.TemporaryDirectory() as rejects:
        for on, wanted, differ in compared(engine, folder, Path(rejects)):
            for line in differ[:10]:
                print("    DIFFERS", line)
            fine &= not differ
            late, accounts = wanted["overdue_rate_accounts_30", "", ""]
            took = time.perf_counter() - started
            print(
                f"    {on}: {len(wanted):>6,} figures and slices of {accounts:,} accounts, {late:,} of them 30+ "
                f"days late: {'equal' if not differ else f'{len(differ)} differ'}  ({took:.0f} s)",
                flush=True,
            )
    engine.dispose()
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SAMPLE)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    with databases(given.only) as urls:
        return 0 if all([measure(name, url, given.data) for name, url in urls.items()]) else 1


if __name__ == "__main__":
    sys.exit(main())
