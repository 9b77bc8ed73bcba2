"""Give cases to people, in sets: those without an owner by rule, those of the absent to their covers, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.assignment.events import CaseCovered, CaseReturned
from app.casework.assignment.models import CaseMove, CaseMoveLine
from app.casework.assignment.queries import agents, covers_on, unassigned_cases
from app.casework.assignment.rules import Assignment, assign, worker_of
from app.casework.assignment.stays import MoveState
from app.casework.cases.events import CaseAssigned
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import SYSTEM, Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import Heads, about_customer, lock_customers, record_many


def assign_cases(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the cases without an owner to agents (`rules.assign`). Returns how many; those for which nobody has room
    stay without. `on`: the day on which they are to be worked."""
    people = agents(session)
    if not people:
        return 0
    waiting = unassigned_cases(session, id_of(portfolio), people)
    heads = lock_customers(session, [case.customer_id for case in waiting])
    still = _still_without_owner(session, [case.case_id for case in waiting])
    made = assign([case for case in waiting if case.case_id in still], people, covers_on(session, on))
    payloads: list[tuple[Assignment, Payload]] = []
    for each in made:
        said = CaseCovered(each.owner, each.covered_for) if each.covered_for else CaseAssigned(each.owner)
        payloads.append((each, said))
    _store(session, payloads, heads, by=SYSTEM, now=now)
    return len(made)


def _still_without_owner(session: Session, case_ids: Sequence[int]) -> set[int]:
    """Those of these cases that nobody took before their customers were locked."""
    if not case_ids:
        return set()
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id).where(
        among(session, case.c.id, case_ids), case.c.owner == "", case.c.status == CaseStatus.OPEN
    )
    return set(session.scalars(query))


def cover_cases(
    session: Session, portfolio: Portfolio, on: date, *, by: Actor = SYSTEM, now: datetime
) -> int:
    """Bring each open case to who works it on this day: cases of absent people to their covers, and back. Returns how
    many moved. It looks only at cases of the absent and at covered ones, so it may run at any time."""
    covers = covers_on(session, on)
    found = _covered_or_absent(session, id_of(portfolio), covers)
    if not found:
        return 0
    heads = lock_customers(session, [row.customer_id for row in found])
    moves: list[tuple[Assignment, Payload]] = []
    chosen = _covers_chosen(session, [row.id for row in found])
    for row in _covered_or_absent(session, id_of(portfolio), covers):
        if f"customer:{row.customer_id}" not in heads:
            continue  # it became one of these meanwhile: the next night sees it
        whose = row.covered_for or row.owner
        worker = worker_of(whose, covers)
        is_chosen = (row.id, row.owner, whose) in chosen and whose in covers and row.owner not in covers
        if worker == row.owner or is_chosen:
            continue
        if worker == whose:
            moves.append((Assignment(row.id, row.customer_id, worker), CaseReturned(worker, row.owner)))
        else:
            moves.append((Assignment(row.id, row.customer_id, worker, whose), CaseCovered(worker, whose)))
    _store(session, moves, heads, by=by, now=now)
    return len(moves)


def _covers_chosen(session: Session, case_ids: Sequence[int]) -> set[tuple[int, str, str]]:
    """(case, who works it, whose it is) where a manager spread the cases of an absent person over several people."""
    move, line = table_of(CaseMove), table_of(CaseMoveLine)
    whose = sa.case((line.c.from_covered_for != "", line.c.from_covered_for), else_=line.c.from_owner)
    query = (
        sa.select(line.c.case_id, line.c.to_owner, whose)
        .join(move, move.c.id == line.c.move_id)
        .where(among(session, line.c.case_id, case_ids), line.c.state == MoveState.MOVED, move.c.returns)
    )
    return {(case_id, to, of) for case_id, to, of in session.connection().execute(query)}


def _covered_or_absent(session: Session, portfolio_id: int, covers: Mapping[str, str]) -> Sequence[DbRow]:
    """Open cases that are covered, or whose owner is absent; each by its own index."""
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id, case.c.customer_id, case.c.owner, case.c.covered_for).where(
        case.c.portfolio_id == portfolio_id, case.c.status == CaseStatus.OPEN
    )
    of_absent = query.where(among(session, case.c.owner, sorted(covers)))
    covered = query.where(case.c.covered_for != "")
    rows = {row.id: row for each in (covered, of_absent) for row in session.connection().execute(each)}
    return [rows[case_id] for case_id in sorted(rows)]


def _store(
    session: Session,
    moves: Sequence[tuple[Assignment, Payload]],
    heads: Heads,
    *,
    by: Actor,
    now: datetime,
) -> None:
    if not moves:
        return
    case = table_of(CollectionsCase)
    update = (
        sa.update(case)
        .where(case.c.id == sa.bindparam("b_id"))
        .values(owner=sa.bindparam("b_owner"), covered_for=sa.bindparam("b_for"))
    )
    rows = [{"b_id": each.case_id, "b_owner": each.owner, "b_for": each.covered_for} for each, _ in moves]
    session.connection().execute(update, rows)
    events = [about_customer(each.customer_id, said, case_id=each.case_id) for each, said in moves]
    record_many(session, events, by=by, now=now, locked=heads)
