"""Letters that something on the case calls for, once: a plan offered or broken, a hold placed, a case paid off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import (
    CaseStatus,
    Outcome,
)
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of, live_plan
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.core.actor import Actor
from app.core.db import table_of
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.case_facts import CaseFacts, load_case_facts
from app.outreach.letters.letter import Letter
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.outbox.models import WaitingLetter
from app.outreach.planning.deferred import (
    Figures,
    figures_of,
    forget_waiting,
    keep_waiting,
    read_waiting,
    waiting_key,
)
from app.outreach.planning.service import (
    OFFER_STEP,
    PLAN_STEP,
    Outgoing,
    Stationery,
    contact_customers,
    known_keys,
)
from app.policy.answers import Answer

ACKNOWLEDGED = {HoldKind.DISPUTE: "dispute_acknowledged", HoldKind.COMPLAINT: "complaint_acknowledged"}
HOLD_STEP, BROKEN_STEP, CLOSED_STEP = "hold-", "broken-", "closed"
"""What the 'step' of such a letter's key is; the hold's or plan's number follows."""
CLOSING = {Outcome.PAID: "paid_in_full", Outcome.SETTLED: "settlement_completed"}


@dataclass(frozen=True)
class Occasion:
    """One letter for one case. `step` makes its key: whatever happens, it is written once."""

    case_id: int
    letter: str
    step: str
    figures: Figures = field(default_factory=dict)
    """What it adds to the letter's values."""
    plan: Plan | None = None
    channel: Channel | None = None
    """None = e-mail, or post to who has no e-mail address."""


def write_occasions(
    session: Session,
    portfolio: Portfolio,
    occasions: Sequence[Occasion],
    stationery: Stationery,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[int, Answer]:
    """Queue each of these letters that the gate clears; answers by case id.

    The occasions are of different customers. One that was written before is left out. One that the gate makes wait
    longer than the planning horizon is kept, and written by the night before its wait ends (`write_waiting`).
    """
    forget_waiting(session, [waiting_key(each.case_id, each.step, each.channel) for each in occasions])
    known = known_keys(session, _keys(occasions))
    fresh = [each for each in occasions if not known.intersection(_keys([each]))]
    if not fresh:
        return {}
    opened = load_case_facts(session, portfolio, [each.case_id for each in fresh], now=now, as_of=on)
    folders = {folder.case.id: folder for folder in opened}
    asked, outgoing = [], []
    for each in fresh:
        folder = folders[each.case_id]
        letter = stationery.letters[each.letter]
        if letter.purpose == Purpose.REMINDER and folder.to_ask <= 0:
            continue  # nothing is owed that it could ask for
        channel = each.channel or (Channel.EMAIL if folder.customer.email else Channel.POST)
        figures = _formatted(each.figures, portfolio, letter, folder)
        asked.append(each)
        outgoing.append(
            Outgoing(
                folder, each.letter, Purpose(letter.purpose), (channel,), _stem(each), each.plan, figures
            )
        )
    answers = contact_customers(session, portfolio, outgoing, stationery, on=on, by=by, now=now)
    found = {}
    for each, [answer] in zip(asked, answers, strict=True):
        found[each.case_id] = answer
        keep_waiting(
            session, id_of(portfolio), folders[each.case_id].case, answer,
            step=each.step, letter=each.letter, channel=each.channel, figures=each.figures,
            plan_id=each.plan.id if each.plan else None,
        )  # fmt: skip
    return found


def write_waiting(
    session: Session,
    portfolio: Portfolio,
    keys: Sequence[str],
    stationery: Stationery,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> None:
    """Write those of these letters that still say something true, of different customers; forget the others."""
    kept = read_waiting(session, keys)
    true = [row for row in kept if _still_true(session, row, on)]
    forget_waiting(session, [row.key for row in kept])
    occasions = [
        Occasion(
            row.case_id, row.letter, row.step, figures_of(row),
            session.get(Plan, row.plan_id) if row.plan_id else None,
            Channel(row.channel) if row.channel else None,
        )
        for row in true
    ]  # fmt: skip
    write_occasions(session, portfolio, occasions, stationery, on=on, by=by, now=now)


def _still_true(session: Session, row: WaitingLetter, on: date) -> bool:
    """Whether the letter still says something that holds for whoever reads it after `on`."""
    case = session.get_one(CollectionsCase, row.case_id)
    kind, _, number = row.step.partition("-")
    if kind == CLOSED_STEP:
        return case.outcome is not None and CLOSING.get(case.outcome) == row.letter
    if case.status is not CaseStatus.OPEN:
        return False
    if f"{kind}-" == HOLD_STEP:
        hold = session.get_one(CaseHold, int(number))
        return hold.ended_at is None and hold.until > on
    plan = session.get_one(Plan, int(number))
    if f"{kind}-" == BROKEN_STEP:
        return live_plan(session, id_of(case)) is None
    parts = instalments_of(session, [int(number)])[int(number)]
    if f"{kind}-" == PLAN_STEP:
        return plan.status in LIVE and parts[-1].due_on > on
    wanted = plan.status is PlanStatus.OFFERED or (plan.kind is PlanKind.SETTLEMENT and plan.status in LIVE)
    return wanted and parts[0].due_on > on


def _stem(occasion: Occasion) -> str:
    return f"{occasion.case_id}:{occasion.step}:1"


def _keys(occasions: Sequence[Occasion]) -> list[str]:
    return [
        f"{_stem(each)}:{channel.value}"
        for each in occasions
        for channel in ((each.channel,) if each.channel else (Channel.EMAIL, Channel.POST))
    ]


def _formatted(
    figures: Mapping[str, date | int], portfolio: Portfolio, letter: Letter, folder: CaseFacts
) -> dict[str, str]:
    language = letter.locale_for(folder.customer.language, folder.customer.country)
    return {
        name: format_date(value, language)
        if isinstance(value, date)
        else format_amount(value, portfolio.currency, language)
        for name, value in figures.items()
    }


def offer_in_writing(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    stationery: Stationery,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """The plan as offered, to be answered by its first payment's day; a settlement is answered by paying it. None =
    it was written before."""
    first = instalments_of(session, [id_of(plan)])[id_of(plan)][0]
    letter = "plan_offer"
    figures: dict[str, date | int] = {"answer_by": first.due_on}
    if plan.kind is PlanKind.SETTLEMENT:
        letter, figures = (
            "settlement_offer",
            {"settlement_amount": plan.total_minor, "settle_by": first.due_on},
        )
    occasion = Occasion(plan.case_id, letter, f"{OFFER_STEP}{plan.id}", figures, plan=plan)
    written = write_occasions(session, portfolio, [occasion], stationery, on=on, by=by, now=now)
    return written.get(plan.case_id)


def acknowledge_hold(
    session: Session,
    portfolio: Portfolio,
    hold: CaseHold,
    stationery: Stationery,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Tell the customer that a dispute or complaint was received, and when they hear of it; None for other holds."""
    letter = ACKNOWLEDGED.get(hold.kind)
    if letter is None:
        return None
    figures = {"received_on": on, "review_on": hold.until}
    occasion = Occasion(hold.case_id, letter, f"{HOLD_STEP}{hold.id}", figures)
    written = write_occasions(session, portfolio, [occasion], stationery, on=on, by=by, now=now)
    return written.get(hold.case_id)


def tonight(session: Session, portfolio: Portfolio, on: date) -> list[list[Occasion]]:
    """What the night of `on` has to tell: plans broken that day, cases paid or settled that day. Customers differ
    within each list."""
    return [_broken_plans(session, portfolio, on), _paid_off(session, portfolio, on)]


def _broken_plans(session: Session, portfolio: Portfolio, on: date) -> list[Occasion]:
    plan, case = table_of(Plan), table_of(CollectionsCase)
    query = (
        sa.select(plan.c.id, plan.c.case_id, plan.c.broken_instalment)
        .join(case, sa.and_(case.c.id == plan.c.case_id, case.c.status == CaseStatus.OPEN))
        .where(
            plan.c.portfolio_id == portfolio.id, plan.c.status == PlanStatus.BROKEN, plan.c.ended_on == on,
            case.c.past_due_minor > 0,
        )
        .order_by(plan.c.id)
    )  # fmt: skip
    found = session.execute(query).all()
    parts = instalments_of(session, [row.id for row in found])
    missed = {(plan_id, part.n): part for plan_id, each in parts.items() for part in each}
    occasions = []
    for row in found:
        part = missed[row.id, row.broken_instalment]
        if part.due_on > on:
            continue  # its payment came back before its day: the letter would say that the day has passed
        figures: dict[str, date | int] = {"missed_on": part.due_on, "missed_amount": part.amount}
        occasions.append(Occasion(row.case_id, "plan_broken", f"{BROKEN_STEP}{row.id}", figures))
    return occasions


def _paid_off(session: Session, portfolio: Portfolio, on: date) -> list[Occasion]:
    case = table_of(CollectionsCase)
    query = (
        sa.select(case.c.id, case.c.outcome, case.c.occurrence)
        .where(
            case.c.portfolio_id == portfolio.id, case.c.status == CaseStatus.CLOSED, case.c.closed_on == on,
            case.c.outcome.in_(list(CLOSING)),
        )
        .order_by(case.c.id)
    )  # fmt: skip
    return [
        Occasion(row.id, CLOSING[row.outcome], closed_step(row.occurrence)) for row in session.execute(query)
    ]


def closed_step(occurrence: int) -> str:
    """A case that was opened again may have to be told a second time that it closed."""
    return CLOSED_STEP if occurrence == 1 else f"{CLOSED_STEP}-{occurrence}"
