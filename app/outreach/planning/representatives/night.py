"""What a night has to tell advisers: agreements that broke, ended, were restored or got new dates on its day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.plans.models import Plan
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.rests.queries import rested_since
from app.casework.plans.rules import PlanStatus
from app.casework.plans.tracking.assessing import NOTHING_OWED
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.agreements.ends import was_sold
from app.outreach.planning.representatives.facts import WITHIN
from app.outreach.planning.representatives.rules import NOTHING_OWED as NONE_OWED_TO_US


def broken_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Ids of the plans broken on a day that an adviser made."""
    plan, party = table_of(Plan), table_of(ThirdParty)
    query = (
        sa.select(plan.c.id)
        .join(party, party.c.id == plan.c.agreed_with_id)
        .where(
            plan.c.portfolio_id == id_of(portfolio), plan.c.status == PlanStatus.BROKEN, plan.c.ended_on == on,
            party.c.kind == PartyKind.ADVISER,
        )
        .order_by(plan.c.id)
    )  # fmt: skip
    return list(session.scalars(query))


def ended_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Ids of the plans that an adviser made and that ended on a day, or on the day before while its night ran, without
    a person: nothing is owed to us any more, the customer took up a settlement by paying it, or it broke and was not
    told as such, as nothing was owed that it could be renegotiated for."""
    plan, party, letter = table_of(Plan), table_of(ThirdParty), table_of(PartyLetter)
    message, new = table_of(OutboxMessage), plan.alias("settlement")
    is_taken_up = sa.exists().where(
        new.c.supersedes_id == plan.c.id,
        new.c.case_id == plan.c.case_id,
        new.c.taken_up_on == plan.c.ended_on,
    )
    is_withheld = sa.exists().where(
        message.c.party_letter_id == letter.c.id, message.c.error == NONE_OWED_TO_US
    )
    is_broken_for_nothing = sa.exists().where(
        letter.c.plan_id == plan.c.id,
        letter.c.occasion == Occasion.BROKEN,
        sa.or_(letter.c.why == NONE_OWED_TO_US, is_withheld),
    )
    is_over = sa.or_(
        plan.c.status == PlanStatus.CANCELLED, sa.and_(plan.c.status == PlanStatus.KEPT, was_sold())
    )
    query = (
        sa.select(plan.c.id)
        .join(party, party.c.id == plan.c.agreed_with_id)
        .where(
            plan.c.portfolio_id == id_of(portfolio),
            plan.c.status.in_((PlanStatus.CANCELLED, PlanStatus.KEPT, PlanStatus.BROKEN)),
            plan.c.ended_on.between(on - WITHIN, on), party.c.kind == PartyKind.ADVISER,
            sa.or_(
                sa.and_(is_over, plan.c.why == NOTHING_OWED),
                sa.and_(plan.c.status == PlanStatus.CANCELLED, is_taken_up),
                sa.and_(plan.c.status == PlanStatus.BROKEN, is_broken_for_nothing),
            ),
        )
        .order_by(plan.c.id)
    )  # fmt: skip
    return list(session.scalars(query))


def restored_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Ids of the plans restored on a day, or on the day before while its night ran, that an adviser made."""
    made, plan, party = table_of(PlanRestoration), table_of(Plan), table_of(ThirdParty)
    query = (
        sa.select(plan.c.id)
        .join(made, made.c.plan_id == plan.c.id)
        .join(party, party.c.id == plan.c.agreed_with_id)
        .where(
            made.c.portfolio_id == id_of(portfolio), made.c.restored_on.between(on - WITHIN, on),
            party.c.kind == PartyKind.ADVISER,
        )
        .distinct()
        .order_by(plan.c.id)
    )  # fmt: skip
    return list(session.scalars(query))


def resumed_with_advisers(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Ids of the plans that got new dates after a rest on a day, or on the day before while its night ran, and that an
    adviser made."""
    plans = rested_since(session, portfolio, on - WITHIN)
    adviser = select(ThirdParty.id).where(ThirdParty.kind == PartyKind.ADVISER)
    theirs = set(
        session.scalars(adviser.where(among(session, table_of(ThirdParty).c.id, _parties_of(plans))))
    )
    return [id_of(plan) for plan in plans if plan.agreed_with_id in theirs]


def _parties_of(plans: Sequence[Plan]) -> set[int]:
    return {plan.agreed_with_id for plan in plans if plan.agreed_with_id is not None}
