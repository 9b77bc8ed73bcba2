"""Nightly run: plans the contacts of a night chunk by chunk, in two processes where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy.engine import Engine

from app.book.portfolios.models import Portfolio
from app.core.database.bulk import chunked
from app.core.database.engine import reading, retrying, transaction
from app.core.ids import id_of
from app.core.kit.parallel import can_fork, in_two_processes
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.service import draft_contacts
from app.outreach.strategy.due_steps import skip_idle_cases
from app.outreach.strategy.ladders import running_experiment

ASKED = 2000
"""Cases whose strategy is asked at once; most of them rest."""
CHUNK = 1000
"""Cases that are written in one transaction: about a tenth of a second."""
SHARED_FROM = 4000
"""Cases from which on a second process is worth its start."""


def plan_night(
    engine: Engine,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> dict[str, int]:
    """Set the next day of cases without a step due on `on`, and `plan_contacts` for the others. A night that is killed
    keeps the chunks it wrote, and the next run goes on from there.

    Reading and thinking need no lock; a chunk's rows, events and the case's next step are written in one transaction.
    """
    plan = partial(_plan, engine, portfolio, catalog, on, now)
    chunks = list(chunked(case_ids, ASKED))
    if len(case_ids) < SHARED_FROM or not can_fork(engine):
        return plan(chunks)
    return in_two_processes(engine, chunks, plan)


def _plan(
    engine: Engine,
    portfolio: Portfolio,
    catalog: LetterCatalog,
    on: date,
    now: datetime,
    chunks: Iterable[Sequence[int]],
) -> dict[str, int]:
    counts = Counter(dict.fromkeys(("cleared", "waiting", "refused", "call_tasks", "resting"), 0))
    most_are_due = False
    with reading(engine) as session:
        # Customers join an experiment, and cases the control share, where the strategy is asked from narrow rows.
        asks_all = bool(portfolio.control_share_percent or running_experiment(session, id_of(portfolio)))
    for ids in chunks:
        # An idle case is found cheaply from narrow rows; a due one costs that query in addition.
        due = ids if most_are_due else retrying(partial(_due, engine, portfolio, on, ids))
        found = Counter({"resting": len(ids) - len(due)})
        for some in chunked(due, CHUNK):
            found.update(retrying(partial(_plan_chunk, engine, portfolio, catalog, on, now, some)))
        most_are_due = not asks_all and found["resting"] < len(ids) / 4
        counts.update(found)
    return dict(counts)


def _due(engine: Engine, portfolio: Portfolio, on: date, case_ids: Sequence[int]) -> list[int]:
    with transaction(engine) as session:
        return skip_idle_cases(session, portfolio, case_ids, on=on)


def _plan_chunk(
    engine: Engine,
    portfolio: Portfolio,
    catalog: LetterCatalog,
    on: date,
    now: datetime,
    case_ids: Sequence[int],
) -> dict[str, int]:
    with reading(engine) as session:
        draft = draft_contacts(session, portfolio, case_ids, catalog, on=on, now=now)
    with transaction(engine) as session:
        return draft.write(session)
