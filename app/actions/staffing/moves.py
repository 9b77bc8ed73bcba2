"""Move many cases at once: prepare a preview, confirm it with a reason, take it back within a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.actions.assignment import assignable
from app.actions.staffing.choice import CaseChoice, chosen_cases
from app.actions.staffing.team import bring_cases
from app.book.portfolios.days import days_now
from app.casework.assignment import moves
from app.casework.assignment.models import CaseMove, CaseMoveLine
from app.casework.assignment.move_facts import movable_cases
from app.casework.assignment.moving import (
    PREVIEW_HOLDS,
    MovableCase,
    MoveTerms,
    Promised,
    plan_moves,
    still_true,
    undo_until,
)
from app.casework.assignment.queries import agents, covers_on
from app.casework.assignment.rules import Agent
from app.casework.assignment.stays import OVERRULED, MoveState, MoveStatus, StayReason, read
from app.casework.cases.queries import customers_of
from app.core.actor import Actor
from app.core.database.rows import locked_row
from app.core.errors import Conflict, Invalid, NotFound
from app.core.staff.rules import CASEWORK
from app.core.text import clean_reason
from app.core.timeline.service import Heads, lock_customers

PREVIEW_KEPT = timedelta(days=1)


def prepare_move(
    session: Session,
    choice: CaseChoice,
    receivers: Collection[str],
    *,
    returns: bool = False,
    overruled: Collection[StayReason] = (),
    by: Actor,
    now: datetime,
) -> CaseMove:
    """Keep a preview: which of the chosen cases would go to whom, and why the others would stay. No case is touched.
    `returns`: until the absent people whose cases they are come back. Invalid names the field."""
    moves.forget_previews(session, now - PREVIEW_KEPT)
    if not_possible := set(overruled) - set(OVERRULED):
        raise Invalid(f"Nobody can overrule {', '.join(sorted(not_possible))}.", "overruled")
    people = _present(session, now)
    chosen = _receivers(session, receivers, people)
    cases = movable_cases(session, chosen_cases(session, choice, now), now)
    terms = _terms(session, now, returns=returns, overruled=overruled)
    planned = plan_moves(cases, chosen, terms)
    names = [each.username for each in chosen]
    return moves.store_preview(session, choice.stored(), names, terms, planned, by=by, now=now)


def confirm_move(session: Session, move_id: int, reason: str, *, by: Actor, now: datetime) -> CaseMove:
    """Move the cases of a preview. Each is judged again under its customer's lock: one that changed since does not
    move, and its line says why. Conflict for a preview that was confirmed, or is too old."""
    reason = clean_reason(reason)
    move = _locked(session, move_id)
    if move.status is not MoveStatus.PREPARED:
        raise Conflict("This move was confirmed already. Nothing was moved a second time.")
    if now - move.prepared_at > PREVIEW_HOLDS:
        raise Conflict("This preview is older than an hour. Prepare the move again.")
    lines = moves.lines_of(session, move_id, MoveState.PLANNED)
    if not lines:
        raise Conflict("No case of this preview can move. Change the receivers or what may be overruled.")
    customers, heads = _lock(session, lines)
    cases = _now(session, lines, now)
    terms = _terms(session, now, returns=move.returns, overruled=read(move.overruled))
    people = {each.username: each for each in _present(session, now)}
    verdicts = {
        line.case_id: still_true(_promised(line), cases.get(line.case_id), people, terms) for line in lines
    }
    moves.carry_out(session, move, lines, verdicts, customers, reason, heads, by=by, now=now)
    return move


def undo_move(session: Session, move_id: int, *, by: Actor, now: datetime) -> CaseMove:
    """Give the cases back to who had them, within a day of the move. A case that moved on since stays, and so does one
    about which somebody is on the telephone; its line says so. What an absence of today moves goes to the cover."""
    move = _locked(session, move_id)
    if move.status is not MoveStatus.DONE or move.moved_at is None:
        raise Conflict("Only a move that was confirmed, and not taken back, can be taken back.")
    if now > undo_until(move.moved_at):
        raise Conflict("This move is older than a day. Prepare a new one.")
    lines = moves.lines_of(session, move_id, MoveState.MOVED)
    customers, heads = _lock(session, lines)
    cases, known = _now(session, lines, now), assignable(session)
    verdicts = {line.case_id: _moved_on(move, line, cases.get(line.case_id), known) for line in lines}
    moves.take_back(session, move, lines, verdicts, customers, heads, by=by, now=now)
    bring_cases(session, by=by, now=now)
    return move


def get_move(session: Session, move_id: int) -> CaseMove:
    move = session.get(CaseMove, move_id)
    if move is None:
        raise NotFound(f"There is no move {move_id}. A preview that nobody confirms is deleted after a day.")
    return move


def _locked(session: Session, move_id: int) -> CaseMove:
    move = locked_row(session, CaseMove, move_id)
    return move or get_move(session, move_id)


def _lock(session: Session, lines: Sequence[CaseMoveLine]) -> tuple[Mapping[int, int], Heads]:
    """Case -> customer, and the locked heads of those customers."""
    customers = customers_of(session, [line.case_id for line in lines])
    return customers, lock_customers(session, customers.values())


def _now(session: Session, lines: Sequence[CaseMoveLine], now: datetime) -> dict[int, MovableCase]:
    found = movable_cases(session, [line.case_id for line in lines], now)
    return {each.case_id: each for each in found}


def _promised(line: CaseMoveLine) -> Promised:
    return Promised(line.case_id, line.from_owner, line.from_covered_for, line.to_owner)


def _moved_on(
    move: CaseMove, line: CaseMoveLine, case: MovableCase | None, known: Collection[str]
) -> tuple[StayReason, ...]:
    if case is None or not case.is_open:
        return (StayReason.CLOSED,)
    why = []
    if (case.owner, case.covered_for) != (line.to_owner, moves.covered_by(move, line)):
        why.append(StayReason.OWNER)
    if case.is_called:
        why.append(StayReason.CALL)
    if line.from_owner and line.from_owner not in known:
        why.append(StayReason.RECEIVER)
    return tuple(why)


def _terms(session: Session, now: datetime, *, returns: bool, overruled: Collection[StayReason]) -> MoveTerms:
    spoken = {language for each in agents(session, *CASEWORK) for language in each.can.languages}
    return MoveTerms(returns, frozenset(overruled), frozenset(_absent(session, now)), frozenset(spoken))


def _absent(session: Session, now: datetime) -> set[str]:
    """Who is absent today, by the calendar of any portfolio."""
    days: set[date] = set(days_now(session, now).values()) or {now.date()}
    return {username for day in days for username in covers_on(session, day)}


def _present(session: Session, now: datetime) -> list[Agent]:
    """People who may get cases: they work cases and are here."""
    absent = _absent(session, now)
    return [each for each in agents(session, *CASEWORK) if each.username not in absent]


def _receivers(session: Session, named: Collection[str], people: Sequence[Agent]) -> list[Agent]:
    if not named:
        raise Invalid("Choose at least one person who gets the cases.", "receivers")
    names, here = assignable(session), {each.username: each for each in people}
    for username in named:
        if username not in names:
            raise Invalid(f"{username} is no active member of staff who works cases.", "receivers")
        if username not in here:
            raise Invalid(f"{names[username]} is absent today. Choose somebody who is here.", "receivers")
    return [here[username] for username in sorted(set(named))]
