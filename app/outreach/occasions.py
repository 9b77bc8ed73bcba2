"""Letters that something on the case calls for, once: a plan offered or broken, a hold placed, a case paid off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.cases.models import CaseHold, CollectionsCase
from app.cases.rules import CaseStatus, HoldKind, Outcome
from app.compliance.rules import Answer
from app.db import table_of
from app.ledger.models import Portfolio
from app.outreach.folders import Folder, open_folders
from app.outreach.letters import Letter, format_amount, format_date
from app.outreach.service import OFFER_STEP, Outgoing, Stationery, contact_customers, known_keys
from app.plans.models import Plan
from app.plans.rules import PlanKind, PlanStatus
from app.plans.service import instalments_of
from app.timeline.rules import Channel, Purpose

ACKNOWLEDGED = {HoldKind.DISPUTE: "dispute_acknowledged", HoldKind.COMPLAINT: "complaint_acknowledged"}
CLOSING = {Outcome.PAID: "paid_in_full", Outcome.SETTLED: "settlement_completed"}


@dataclass(frozen=True)
class Occasion:
    """One letter for one case. `step` makes its key: whatever happens, it is written once."""

    case_id: int
    letter: str
    step: str
    figures: Mapping[str, date | int] = field(default_factory=dict)
    """What it adds to the letter's values: dates, and amounts in minor units."""
    plan: Plan | None = None


def write_occasions(
    session: Session,
    portfolio: Portfolio,
    occasions: Sequence[Occasion],
    stationery: Stationery,
    *,
    on: date,
    by: str,
    now: datetime,
) -> dict[int, Answer]:
    """Queue each of these letters that the gate clears, by e-mail or, to who has none, by post; answers by case id.

    The occasions are of different customers. One that was written before is left out. One that the gate makes wait
    longer than the planning horizon is not written: its occasion will be past.
    """
    known = known_keys(session, _keys(occasions))
    fresh = [each for each in occasions if not known.intersection(_keys([each]))]
    if not fresh:
        return {}
    opened = open_folders(session, portfolio, [each.case_id for each in fresh], now=now)
    folders = {folder.case.id: folder for folder in opened}
    outgoing = []
    for each in fresh:
        folder = folders[each.case_id]
        letter = stationery.letters[each.letter]
        if letter.purpose == Purpose.REMINDER and folder.to_ask <= 0:
            continue  # nothing is owed that it could ask for
        channel = Channel.EMAIL if folder.customer.email else Channel.POST
        figures = _formatted(each.figures, portfolio, letter, folder)
        outgoing.append(
            Outgoing(
                folder, each.letter, Purpose(letter.purpose), (channel,), _stem(each), each.plan, figures
            )
        )
    answers = contact_customers(session, portfolio, outgoing, stationery, on=on, by=by, now=now)
    return {each.folder.case.id: answer for each, [answer] in zip(outgoing, answers, strict=True)}


def _stem(occasion: Occasion) -> str:
    return f"{occasion.case_id}:{occasion.step}:1"


def _keys(occasions: Sequence[Occasion]) -> list[str]:
    return [
        f"{_stem(each)}:{channel.value}" for each in occasions for channel in (Channel.EMAIL, Channel.POST)
    ]


def _formatted(
    figures: Mapping[str, date | int], portfolio: Portfolio, letter: Letter, folder: Folder
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
    by: str,
    now: datetime,
) -> Answer | None:
    """The plan as offered, to be answered by its first payment's day; a settlement is answered by paying it. None =
    it was written before."""
    first = instalments_of(session, [plan.id or 0])[plan.id or 0][0]
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
    by: str,
    now: datetime,
) -> Answer | None:
    """Tell the customer that a dispute or complaint was received, and when they hear of it; None for other holds."""
    letter = ACKNOWLEDGED.get(hold.kind)
    if letter is None:
        return None
    figures = {"received_on": on, "review_on": hold.until}
    occasion = Occasion(hold.case_id, letter, f"hold-{hold.id}", figures)
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
        figures: dict[str, date | int] = {"missed_on": part.due_on, "missed_amount": part.amount}
        occasions.append(Occasion(row.case_id, "plan_broken", f"broken-{row.id}", figures))
    return occasions


def _paid_off(session: Session, portfolio: Portfolio, on: date) -> list[Occasion]:
    case = table_of(CollectionsCase)
    query = (
        sa.select(case.c.id, case.c.outcome)
        .where(
            case.c.portfolio_id == portfolio.id, case.c.status == CaseStatus.CLOSED, case.c.closed_on == on,
            case.c.outcome.in_(list(CLOSING)),
        )
        .order_by(case.c.id)
    )  # fmt: skip
    return [Occasion(row.id, CLOSING[row.outcome], "closed") for row in session.execute(query)]
