"""Agreements with a customer: a promise to pay, a repayment plan, a settlement, a hardship plan.

Each act changes the plan, records its event and queues the letter that goes with it, for a page, the API and the demo
alike. The portfolio sets what an agent or one manager may grant alone; beyond that a second person approves
(`app.actions.approvals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.contacts.rules import DeskStep
from app.casework.parties.queries import get_party
from app.casework.parties.rules import SPEAKS, MayBeTold
from app.casework.plans import service
from app.casework.plans.limits import BeyondAuthority, Grantor, authority_of, beyond
from app.casework.plans.models import Plan
from app.casework.plans.offering import Proposal, propose, put_offer
from app.casework.plans.queries import instalments_of, owed_on_late_accounts
from app.casework.plans.rules import (
    LIVE,
    NOT_RECORDED,
    Agreed,
    Instalment,
    PlanKind,
    PlanStatus,
    is_within_discount,
)
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS
from app.core.staff.rules import Role
from app.core.text import clean_text
from app.core.vocabulary import Channel
from app.outreach.agreements.known import left_in_writing
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.in_writing.agreements import (
    confirm_plan,
    offer_in_writing,
    take_back_confirmation,
)
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.writing import write_to_adviser
from app.policy.answers import Answer


@dataclass(frozen=True, slots=True)
class Agreement:
    """An active promise, plan or settlement, and the gate's answer for each channel that confirms it."""

    plan: Plan
    confirmations: Mapping[Channel, Answer]


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan or settlement that the customer may accept, and the gate's answer for each channel of its letter."""

    plan: Plan
    in_writing: Mapping[Channel, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discount:
    """The part of the debt that a settlement would waive, in minor units."""

    owed_minor: int
    waived_minor: int


# --- offer ------------------------------------------------------------------------------------------------


def offer(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    letters: LetterCatalog,
    *,
    until: date | None = None,
    replaces: Plan | None = None,
    grantor: Grantor,
    now: datetime,
) -> Offer:
    """Offer an agreement, also in writing. Until its last day its price holds; paying a settlement accepts it.

    Forbidden, with the field, where it is beyond what the grantor may grant. `replaces`: the live plan that it was
    renegotiated from, which ends once this one is accepted.
    """
    proposal = _granted(session, case, terms, replaces, grantor, now)
    made = put_offer(session, case, proposal, until=until, by=grantor.by, now=now)
    if made.kind is PlanKind.PROMISE:
        return Offer(made)  # it is the customer's own word, and confirmed once it is accepted
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    return Offer(made, offer_in_writing(session, portfolio, made, letters, on=today, by=grantor.by, now=now))


def preview(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    *,
    replaces: Plan | None = None,
    now: datetime,
) -> Sequence[Instalment]:
    """The instalments of such an agreement; nothing is offered. Invalid as for the offer itself."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    return propose(session, case, terms, replaces=replaces, today=today).parts


def beyond_authority(portfolio: Portfolio, proposal: Proposal, role: Role) -> BeyondAuthority | None:
    """Why one person of this role may not offer it alone; None = they may."""
    return beyond(
        proposal.terms,
        authority_of(portfolio, role, proposal.waived_before_minor),
        owed_minor=proposal.owed_minor,
        own_apr_millionths=proposal.own_apr_millionths,
        currency=portfolio.currency,
        past_due_minor=proposal.past_due_minor,
    )


def promise(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    due_on: date,
    letters: LetterCatalog,
    agreed: Agreed = NOT_RECORDED,
    *,
    by: Actor,
    now: datetime,
) -> Agreement:
    """Record what the customer promised, one amount by one date. Active at once, and confirmed in writing."""
    terms = AgreementTerms(PlanKind.PROMISE, amount_minor, due_on)
    # A promise asks for no authority: nothing is conceded.
    return agree(session, case, terms, letters, agreed, grantor=Grantor(by, Role.AGENT), now=now)


def discount_limit(portfolio: Portfolio, role: Role) -> int:
    """Per cent of a debt that one person of this role may waive in a settlement alone."""
    return authority_of(portfolio, role).max_discount_percent


def discount_of(
    session: Session, case: CollectionsCase, amount_minor: int, *, role: Role, now: datetime
) -> Discount | None:
    """The discount of settling for this amount; None where such an offer is refused."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    owed = owed_on_late_accounts(session, case, local_date(now, portfolio.timezone))
    may = is_within_discount(owed, amount_minor, discount_limit(portfolio, role))
    return Discount(owed, owed - amount_minor) if may and 0 < amount_minor < owed else None


# --- agree ------------------------------------------------------------------------------------------------


def accept_offer(
    session: Session,
    plan: Plan,
    letters: LetterCatalog,
    agreed: Agreed = NOT_RECORDED,
    *,
    by: Actor,
    now: datetime,
) -> Agreement:
    """Activate an offer that was agreed to, and confirm it in writing. A plan that it was renegotiated from ends.

    An agreement by telephone needs the words that were said. A third party who agreed for the customer must have
    authority on this day. Invalid otherwise, with the field.
    """
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    today = local_date(now, portfolio.timezone)
    checked = _checked(session, plan.customer_id, agreed, today)
    service.accept(session, plan, agreed=checked, by=by, today=today, now=now)
    return _confirmed(session, portfolio, plan, letters, by=by, today=today, now=now)


def agree(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    letters: LetterCatalog,
    agreed: Agreed = NOT_RECORDED,
    *,
    replaces: Plan | None = None,
    grantor: Grantor,
    now: datetime,
) -> Agreement:
    """Offer and accept in one act, as on the telephone. One letter confirms it; no offer is written.

    Raises what `offer` and `accept_offer` raise.
    """
    proposal = _granted(session, case, terms, replaces, grantor, now, is_agreed=True)
    plan = put_offer(session, case, proposal, by=grantor.by, now=now)
    return accept_offer(session, plan, letters, agreed, by=grantor.by, now=now)


def supersede(
    session: Session,
    plan: Plan,
    terms: AgreementTerms,
    letters: LetterCatalog,
    agreed: Agreed = NOT_RECORDED,
    *,
    grantor: Grantor,
    now: datetime,
) -> Agreement:
    """Renegotiate a live plan: a new one on these terms replaces it, in one transaction. Its payments have lowered the
    debt; they do not count again. Conflict where the plan no longer runs."""
    case = get_case(session, plan.case_id)
    return agree(session, case, terms, letters, agreed, replaces=plan, grantor=grantor, now=now)


def cancel_agreement(
    session: Session, plan: Plan, reason: str, letters: LetterCatalog, *, by: Actor, now: datetime
) -> Mapping[Channel, Answer]:
    """End a live agreement before its time, or withdraw an offer. A customer who has its written confirmation is told
    in writing; returns the gate's answer for each channel. Conflict for a settlement that was offered in writing, while
    the customer can still accept it by paying."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    reason = clean_text(reason, "reason", at_most=300)
    today = local_date(now, portfolio.timezone)
    _require_not_in_writing(session, plan, today)
    service.cancel(session, plan, reason, by=by, today=today, now=now)
    write_to_adviser(session, portfolio, plan, Occasion.ENDED, letters, on=today, by=by, now=now)
    return take_back_confirmation(session, portfolio, plan, letters, on=today, by=by, now=now)


def _require_not_in_writing(session: Session, plan: Plan, today: date) -> None:
    """Conflict where the customer has, or may have, this offer to settle in writing, and its time is not over."""
    if plan.kind is not PlanKind.SETTLEMENT or plan.status is not PlanStatus.OFFERED:
        return
    until = min(part.due_on for part in instalments_of(session, [id_of(plan)])[id_of(plan)])
    last_day = until + timedelta(days=plan.grace_days)
    if today <= last_day and left_in_writing(session, plan, DeskStep.OFFER):
        grace = "" if last_day == until else f", with grace days until {last_day.isoformat()}"
        raise Conflict(
            f"Settlement {plan.reference} was offered in writing until {until.isoformat()}{grace}. "
            "It stands until then. You can offer one that asks for less, or agree on another with the customer."
        )


def require_live(plan: Plan) -> None:
    """Conflict where a plan that is to be renegotiated does not run."""
    if plan.status not in LIVE:
        label = PLAN_LABELS[plan.kind.value]
        raise Conflict(f"{label} {plan.reference} is {plan.status.value}. Offer a new agreement instead.")


def _granted(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    replaces: Plan | None,
    grantor: Grantor,
    now: datetime,
    *,
    is_agreed: bool = False,
) -> Proposal:
    """Work out an agreement that the grantor may grant."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    if replaces is not None:
        require_live(replaces)
    today = local_date(now, portfolio.timezone)
    proposal = propose(session, case, terms, replaces=replaces, is_agreed=is_agreed, today=today)
    refused = None if grantor.is_second else beyond_authority(portfolio, proposal, grantor.role)
    if refused is not None:
        raise Forbidden(refused.why, refused.field)
    return proposal


def _checked(session: Session, customer_id: int, agreed: Agreed, today: date) -> Agreed:
    """How it was agreed to, with the third party's name. Invalid, with its field, for a third party who may not agree
    for the customer."""
    agreed = replace(agreed, words=clean_text(agreed.words, "words", at_most=500, required=False))
    if agreed.party_id is None:
        return agreed
    try:
        party = get_party(session, customer_id, agreed.party_id)
    except NotFound as unknown:
        raise Invalid(str(unknown), "agreed_with") from None
    if party.kind not in SPEAKS:
        raise Invalid(f"{party.full_name} does not speak for the customer.", "agreed_with")
    if not party.knows_on(today) or party.may_be_told is not MayBeTold.EVERYTHING:
        raise Invalid(
            f"{party.full_name} has no authority on this day to agree for the customer. See the third party.",
            "agreed_with",
        )
    return replace(agreed, party=party.full_name)


def _confirmed(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    letters: LetterCatalog,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Agreement:
    answers = confirm_plan(session, portfolio, plan, letters, on=today, by=by, now=now)
    write_to_adviser(session, portfolio, plan, Occasion.CONFIRMED, letters, on=today, by=by, now=now)
    replaced = session.get(Plan, plan.supersedes_id) if plan.supersedes_id else None
    if replaced is not None and replaced.agreed_with_id != plan.agreed_with_id:
        write_to_adviser(session, portfolio, replaced, Occasion.ENDED, letters, on=today, by=by, now=now)
    return Agreement(plan, answers)
