"""Disputes of holds: the one that a dispute hold belongs to, opened and closed with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.clocks import clocks_of
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import dispute_of_hold
from app.casework.disputes.rules import Disputed, DisputeKind, DisputeOutcome, Receipt, ReceivedAs
from app.casework.disputes.service import DisputeSaid, close_dispute, start_dispute
from app.casework.holds.models import CaseHold
from app.core.actor import CUSTOMER, Actor
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from app.policy.composition import country_of
from app.policy.pack import Pack


def dispute_of_new_hold(
    session: Session,
    case: CollectionsCase,
    hold: CaseHold,
    pack: Pack,
    disputed: DisputeSaid | Dispute | Receipt | None,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Dispute | None:
    """The dispute that a new hold belongs to; None for a hold of another kind. A call, a message or a person who places
    the hold tells no more than that the debt is disputed: then it is one of the whole debt, which a person may
    change. Its clocks run from the day of its receipt; None = it reaches us now."""
    if hold.kind is not HoldKind.DISPUTE or isinstance(disputed, Dispute):
        return disputed if isinstance(disputed, Dispute) else None
    if disputed is None:
        disputed = Receipt(today, ReceivedAs.WRITTEN if by == CUSTOMER else ReceivedAs.ORAL)
    if isinstance(disputed, Receipt):
        on = disputed.on
        country = country_of(session.get_one(Customer, case.customer_id).country)
        clocks = clocks_of(DisputeKind.WHOLE_DEBT, pack, on, country, None)
        clocks = clocks if clocks.by_law else replace(clocks, answer_by=hold.until - (today - on))
        whole = Disputed(DisputeKind.WHOLE_DEBT)
        disputed = DisputeSaid(whole, hold.reason, clocks, on, disputed.received_as)
    return start_dispute(session, case, disputed, hold_id=id_of(hold), by=by, now=now)


def close_with_hold(session: Session, hold: CaseHold, *, by: Actor, now: datetime) -> None:
    """Close the open dispute of a hold that ended without a decision of its own: the end of the hold answers it."""
    if hold.kind is not HoldKind.DISPUTE:
        return
    if (dispute := dispute_of_hold(session, id_of(hold))) is not None:
        close_dispute(session, dispute, DisputeOutcome.ANSWERED, hold.end_reason, by=by, now=now)
