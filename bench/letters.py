"""Letters a second: one by one as tagged PDF/A, and as a day's print batch, beside Typst alone.

    python3 desk.py bench letters
    python3 desk.py bench letters --letters 2000

- bare:    `typst.compile` in a loop over the same pages, to the same standards (PDF/A-2a and PDF/UA-1), data ready.
- letters: the print adapter's work for each message: page data, QR code, PDF, digest, file and row on the manifest,
           both synced to the disk; as many at once as delivery has in flight. And the same in one thread without the
           disk.
- bare batch: Typst alone over the same letters in sets of 10, untagged.
- batch:   the print batch: sorted, typeset, marked for the inserter, bound into one PDF, digests and manifest.

Each kind runs in a process of its own, with the print adapters only; its peak memory is printed, and its growth after
the first quarter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import resource
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import typst  # noqa: E402

from app.adapters.print.batch import AT_ONCE, PrintPress  # noqa: E402
from app.adapters.print.letter_page import STANDARDS, letter_template, page_data, typeset_letter  # noqa: E402
from app.adapters.print.letters import IN_FLIGHT, PrintLetterSender  # noqa: E402
from app.adapters.print.typesetting import PRINT_STANDARDS, print_fonts  # noqa: E402
from app.core.vocabulary import Channel  # noqa: E402
from app.outreach.outbox.dispatch import Accepted, Dispatch  # noqa: E402
from app.outreach.outbox.printing import Piece  # noqa: E402

LETTERS = ROOT / "letters"
FOLDER = ROOT / "var" / "bench" / "letters"
ON = date(2026, 6, 15)
SHARE = 0.9
MEGABYTES_ONE, MEGABYTES_BATCH = 150, 300
TEMPLATE = letter_template(LETTERS)
WORDS = """# A payment has not reached us

Dear {name},

A card payment that was due on June 1, 2026 has not reached us. £75.00 is past due:

| Account | Days past due | Past due |
| Gold Visa, card ending 4321 | 14 | £50.00 |
| Store card, card ending 8765 | 14 | £25.00 |
|= Total past due |  | £75.00 |

If you have paid in the last few days, thank you. There is nothing more to do.

Otherwise please pay £75.00 in the way shown on your card statement, or call us and we will help you with it.

If you think the amount is wrong, or the account is not yours, tell us and we will look into it.

Kind regards
First Harbor Bank

---

If you would rather not hear from us by post, tell us by phone, by e-mail or on our page."""


class Measured(NamedTuple):
    seconds: float
    letters: int
    megabytes: int
    grown: int
    """Megabytes more at the end than after the first quarter."""

    @property
    def rate(self) -> float:
        return self.letters / self.seconds


def dispatch(n: int) -> Dispatch:
    return Dispatch(
        key=f"{n}:friendly-letter:1:post",
        attempt_id=f"{n}-bench",
        channel=Channel.POST,
        to=f"Person Example {n}\n{n % 90 + 1} Harbour Road\nEH{n % 17 + 1} Edinburgh\nGB",
        recipient_name=f"Person Example {n}",
        language="en",
        letter="first_reminder",
        text=WORDS.format(name=f"Person Example {n}"),
        business_date=ON,
        sender_name="First Harbor Bank",
        subject="A payment has not reached us",
        reference=f"C-{n:06}",
        context={
            "contact_phone": "+44 20 7946 0000",
            "contact_email": "help@firstharbor.example",
            "preferences_url": f"https://desk.example.com/u/{n}.post.AbCdEfGhIjKlMnOpQrStUvWx",
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench letters", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--letters", type=int, default=1_000)
    letters: int = parser.parse_args().letters
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    found = {
        work.__name__: in_fresh_process(work, letters) for work in (bare, alone, sent, bare_batch, batch)
    }
    for name, each in found.items():
        print(
            f"{name:11} {each.rate:7.1f} letters/s   {each.megabytes:4} MB at most, "
            f"{each.grown:+4} MB after the first quarter"
        )
    passed = [
        check("one by one, of a bare loop", found["sent"].rate / found["bare"].rate, SHARE),
        check("the same by one thread, without the disk", found["alone"].rate / found["bare"].rate, SHARE),
        check("batch, of a bare batch", found["batch"].rate / found["bare_batch"].rate, SHARE),
        found["sent"].megabytes <= MEGABYTES_ONE,
        found["batch"].megabytes <= MEGABYTES_BATCH,
    ]
    print(
        f"memory: {found['sent'].megabytes} of {MEGABYTES_ONE} MB one by one, "
        f"{found['batch'].megabytes} of {MEGABYTES_BATCH} MB the batch"
    )
    print("all limits hold" if all(passed) else "A LIMIT DOES NOT HOLD")
    sys.exit(0 if all(passed) else 1)


def check(what: str, share: float, least: float) -> bool:
    print(f"{what}: {share:.2f} (at least {least})")
    return share >= least


def in_fresh_process(work: Callable[[int], Measured], letters: int) -> Measured:
    """Run one kind of work in a fresh process, so that its memory is measured alone."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (letters,))


# --- the kinds of work ------------------------------------------------------------------------------------------


def bare(letters: int) -> Measured:
    pages = [_inputs([n]) for n in range(letters)]
    return _measure(letters, lambda n: _compile(pages[n], list(STANDARDS), tags=True))


def alone(letters: int) -> Measured:
    messages = [dispatch(n) for n in range(letters)]
    rows = []

    def one(n: int) -> None:
        pdf = typeset_letter(TEMPLATE, messages[n])
        rows.append((messages[n].key, hashlib.sha256(pdf).hexdigest()))

    return _measure(letters, one)


def sent(letters: int) -> Measured:
    sender = PrintLetterSender(FOLDER / "one-by-one", LETTERS)
    with ThreadPoolExecutor(IN_FLIGHT) as pool:

        def some(first: int) -> None:
            outcomes = pool.map(sender.send, map(dispatch, range(first, min(first + 20, letters))))
            assert all(isinstance(outcome, Accepted) for outcome in outcomes)

        return _measure(letters, some, step=20)


def bare_batch(letters: int) -> Measured:
    firsts = range(0, letters, AT_ONCE)
    sets = {first: _inputs(list(range(first, min(first + AT_ONCE, letters)))) for first in firsts}
    return _measure(letters, lambda n: _compile(sets[n], list(PRINT_STANDARDS), tags=False), step=AT_ONCE)


def batch(letters: int) -> Measured:
    press = PrintPress(FOLDER / "batch", LETTERS)
    pieces = [Piece(dispatch(n), "GB", f"EH{n % 17 + 1}") for n in range(letters)]
    print_fonts()

    def whole(_: int) -> None:
        made = press.make(f"{ON}/batch-000001", pieces, day=ON)
        assert made.letters == letters
        assert press.publish(f"{ON}/batch-000001")

    return _measure(letters, whole, step=letters)


def _inputs(numbers: list[int]) -> dict[str, str]:
    pages = [page_data(dispatch(n), TEMPLATE.parent, i) for i, n in enumerate(numbers)]
    return {"data": json.dumps({"letters": pages}, ensure_ascii=False, sort_keys=True)}


def _compile(inputs: dict[str, str], standards: list[typst.PDFStandard], *, tags: bool) -> None:
    typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=print_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=standards,
        pdf_tags=tags,
        timestamp=0,
    )


def _measure(letters: int, work: Callable[[int], None], *, step: int = 1) -> Measured:
    """Measure one kind of work; fonts are read before the clock starts."""
    print_fonts()
    early = 0
    begun = time.perf_counter()
    for n in range(0, letters, step):
        work(n)
        if n <= letters // 4:
            early = _megabytes()
    seconds = time.perf_counter() - begun
    return Measured(seconds, letters, _megabytes(), _megabytes() - early)


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
