"""Disputes: row, disputed amount and event together. People go through `app.actions.disputes`, which does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.amounts import due_to_release, restate_disputed
from app.casework.disputes.clocks import Clocks
from app.casework.disputes.events import (
    DisputeAssigned,
    DisputeChanged,
    DisputeDecided,
    DisputeOpened,
    DisputeReleased,
)
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    LONGEST_WORDS,
    MAX_EXPLANATION,
    Correction,
    Disputed,
    DisputeOutcome,
    ReceivedAs,
    left_out_after,
    require_open,
)
from app.core.actor import SYSTEM, Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record, record_many
from app.core.types import Rows


class DisputeSaid(NamedTuple):
    """A dispute as it was heard and checked, before it is on record."""

    disputed: Disputed
    words: str
    """What the customer says, in their words."""
    clocks: Clocks
    received_on: date
    received_as: ReceivedAs
    owner: str = ""
    """A user name; '' = nobody yet."""


def start_dispute(
    session: Session,
    case: CollectionsCase,
    said: DisputeSaid,
    *,
    hold_id: int | None = None,
    by: Actor,
    now: datetime,
) -> Dispute:
    """Put a dispute on record. Without a hold its amount is left out of the debt from now on. The caller holds the
    customer's lock and has checked what was given."""
    last = sa.select(sa.func.max(col(Dispute.n))).where(col(Dispute.case_id) == id_of(case))
    what, clocks = said.disputed, said.clocks
    dispute = Dispute(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        n=(session.scalar(last) or 0) + 1,
        kind=what.kind,
        account_id=what.account_id,
        entry_id=what.entry_id,
        statement_id=what.statement_id,
        amount_minor=what.amount_minor,
        left_out_minor=0 if hold_id is not None else what.amount_minor or 0,
        paid_on=what.paid_on,
        received_on=said.received_on,
        received_as=said.received_as,
        words=clean_text(said.words, "words", at_most=LONGEST_WORDS, empty="Write what the customer says."),
        owner=said.owner,
        acknowledge_by=clocks.acknowledge_by,
        answer_by=clocks.answer_by,
        by_law=clocks.by_law,
        citation=clocks.citation,
        verified=clocks.verified,
        hold_id=hold_id,
        by=by,
        opened_at=now,
    )
    session.add(dispute)
    session.flush()
    _restate(session, dispute)
    told = DisputeOpened(
        id_of(dispute), dispute.kind, said.received_on, said.received_as, dispute.answer_by, dispute.words,
        dispute.amount_minor, _account(session, dispute), hold_id,
    )  # fmt: skip
    record(session, _about(dispute, told), by=by, now=now)
    return dispute


def change_dispute(
    session: Session,
    dispute: Dispute,
    said: Disputed,
    clocks: Clocks,
    reason: str,
    *,
    hold_id: int | None,
    by: Actor,
    now: datetime,
) -> None:
    """Write down that an open dispute is about something else. `hold_id`: the hold that it has from now on."""
    require_open(dispute.outcome, dispute.reference)
    before = dispute.account_id
    dispute.kind, dispute.account_id, dispute.amount_minor = said.kind, said.account_id, said.amount_minor
    dispute.entry_id, dispute.statement_id, dispute.paid_on = said.entry_id, said.statement_id, said.paid_on
    dispute.left_out_minor = 0 if hold_id is not None else said.amount_minor or 0
    dispute.hold_id = hold_id
    dispute.acknowledge_by, dispute.answer_by, dispute.by_law = (
        clocks.acknowledge_by,
        clocks.answer_by,
        clocks.by_law,
    )
    dispute.citation, dispute.verified = clocks.citation, clocks.verified
    _restate(session, dispute, before)
    told = DisputeChanged(
        id_of(dispute),
        dispute.kind,
        dispute.answer_by,
        reason,
        dispute.amount_minor,
        _account(session, dispute),
    )
    record(session, _about(dispute, told), by=by, now=now)


def assign_dispute(session: Session, dispute: Dispute, owner: str, *, by: Actor, now: datetime) -> None:
    """Give a dispute to a colleague (a user name); '' = nobody."""
    require_open(dispute.outcome, dispute.reference)
    if owner != dispute.owner:
        dispute.owner = owner
        record(session, _about(dispute, DisputeAssigned(id_of(dispute), owner)), by=by, now=now)


def close_dispute(
    session: Session,
    dispute: Dispute,
    outcome: DisputeOutcome,
    explanation: str,
    *,
    conceded_minor: int = 0,
    correction: Correction = Correction.HERE,
    entry: Entry | None = None,
    pay_by: date | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Give a dispute its outcome. What nobody asks for from now on: a correction that the creditor still has to post,
    and until `pay_by` what was not conceded. `entry`: the one that corrects the ledger."""
    told = _decide(
        dispute, outcome, explanation, conceded_minor=conceded_minor, correction=correction, entry=entry,
        pay_by=pay_by, by=by, now=now,
    )  # fmt: skip
    _restate(session, dispute)
    record(session, told, by=by, now=now)


def uphold_found(
    session: Session, portfolio_id: int, found: Mapping[int, int], *, by: Actor, now: datetime
) -> int:
    """Uphold the open disputes of a portfolio whose payment stands in the ledger: entry by dispute, both by id. The
    caller holds the customers' locks. Returns how many."""
    query = select(Dispute).where(
        among(session, table_of(Dispute).c.id, found), col(Dispute.outcome).is_(None)
    )
    disputes = session.scalars(
        query.order_by(col(Dispute.id)).execution_options(populate_existing=True)
    ).all()
    paid = select(Entry).where(among(session, table_of(Entry).c.id, set(found.values())))
    entries = {entry.id: entry for entry in session.scalars(paid)}
    told = [
        _decide(
            each, DisputeOutcome.UPHELD, "", conceded_minor=each.amount_minor or 0,
            correction=Correction.POSTED, entry=entries[found[id_of(each)]], by=by, now=now,
        )
        for each in disputes
    ]  # fmt: skip
    accounts = {each.account_id for each in disputes if each.account_id is not None}
    restate_disputed(session, portfolio_id, accounts)
    record_many(session, told, by=by, now=now)
    return len(told)


def _decide(
    dispute: Dispute,
    outcome: DisputeOutcome,
    explanation: str,
    *,
    conceded_minor: int,
    correction: Correction,
    entry: Entry | None,
    pay_by: date | None = None,
    by: Actor,
    now: datetime,
) -> NewEvent:
    """Write the outcome down in the row, and answer its event: the caller restates the account and records it."""
    require_open(dispute.outcome, dispute.reference)
    dispute.outcome, dispute.decided_at, dispute.decided_by = outcome, now, by
    dispute.explanation = clean_text(explanation, "explanation", required=False, at_most=MAX_EXPLANATION)
    dispute.conceded_minor = conceded_minor
    dispute.correction_id = id_of(entry) if entry else None
    dispute.awaits_correction = conceded_minor > 0 and correction is Correction.CREDITOR
    dispute.pay_by = pay_by
    left = left_out_after(
        outcome, dispute.amount_minor, conceded_minor, correction, pays_later=pay_by is not None
    )
    left += dispute.charges_made_minor if pay_by is not None else 0
    dispute.left_out_minor = left if dispute.account_id is not None else 0
    told = DisputeDecided(
        id_of(dispute), dispute.kind, outcome, dispute.explanation, conceded_minor,
        entry.reference if entry else "", dispute.awaits_correction, pay_by, dispute.charges_credited_minor,
        dispute.charges_made_minor,
    )  # fmt: skip
    return _about(dispute, told)


def correct_dispute(session: Session, dispute: Dispute, entry: Entry, *, by: Actor, now: datetime) -> None:
    """Note that the creditor's correction is in the ledger: it is left out no more."""
    amount = dispute.conceded_minor
    dispute.awaits_correction, dispute.correction_id = False, id_of(entry)
    dispute.left_out_minor = max(0, dispute.left_out_minor - amount)
    _restate(session, dispute)
    told = DisputeReleased(id_of(dispute), amount, f"corrected by entry {entry.reference}")
    record(session, _about(dispute, told), by=by, now=now)


def release_due(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Ask again for what was rejected and whose days to pay are over at the end of `on`. Returns how many disputes."""
    portfolio_id = id_of(portfolio)
    opens = date.fromordinal(on.toordinal() + 1)
    due = due_to_release(portfolio_id, opens)
    found: Rows = session.connection().execute(due).all()
    if not found:
        return 0
    lock_customers(session, sorted({customer_id for _, customer_id in found}))
    query = select(Dispute).where(among(session, table_of(Dispute).c.id, [row.id for row in found]))
    again: Rows = session.connection().execute(due).all()
    still = {row.id for row in again}
    told, accounts = [], set()
    for dispute in session.scalars(query.execution_options(populate_existing=True)):
        if dispute.id in still and dispute.account_id is not None:
            rest = dispute.conceded_minor if dispute.awaits_correction else 0
            payload = DisputeReleased(
                id_of(dispute), dispute.left_out_minor - rest, "the days to pay it are over"
            )
            told.append(_about(dispute, payload))
            dispute.left_out_minor = rest
            accounts.add(dispute.account_id)
    restate_disputed(session, portfolio_id, accounts)
    record_many(session, told, by=SYSTEM, now=now)
    return len(told)


def _restate(session: Session, dispute: Dispute, *also: int | None) -> None:
    accounts = {account_id for account_id in (dispute.account_id, *also) if account_id is not None}
    restate_disputed(session, dispute.portfolio_id, accounts)


def _account(session: Session, dispute: Dispute) -> str:
    return session.get_one(Account, dispute.account_id).reference if dispute.account_id is not None else ""


def _about(dispute: Dispute, payload: Payload) -> NewEvent:
    return about_customer(dispute.customer_id, payload, case_id=dispute.case_id)
