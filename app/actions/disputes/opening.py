"""Open a dispute, or change what it is about: checks, the hold of a dispute about everything, the acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions import holds
from app.actions.disputes.charges import let_charges_rest
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account, Customer, Entry, Statement
from app.book.ledger.rules import WAIVABLE
from app.book.portfolios.models import Portfolio
from app.casework.approvals.queries import disputes_asked_about
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.clocks import Clocks, clocks_of, told_by
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import open_disputes_of
from app.casework.disputes.rules import (
    OF_ENTRY,
    Disputed,
    DisputeKind,
    ReceivedAs,
    amount_of_entry,
    check_given,
    check_notice,
    check_told,
    covers_all,
    promised_by,
    require_open,
)
from app.casework.disputes.service import DisputeSaid, change_dispute, start_dispute
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import hold_of_kind
from app.casework.questions.service import take_up
from app.casework.recognition.cues import Subject
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.money import with_code
from app.core.text import clean_text
from app.core.vocabulary import Channel, HoldKind
from app.outreach.planning.disputes_told.writing import acknowledge_dispute
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer
from app.policy.composition import country_of, packs_for
from app.policy.pack import Pack

LONGEST_AGO = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class OpenedDispute:
    """A dispute and the gate's answer for each channel of its acknowledgement."""

    dispute: Dispute
    acknowledgement: Mapping[Channel, Answer] = field(default_factory=dict)


def open_dispute(
    session: Session,
    case: CollectionsCase,
    said: Disputed,
    words: str,
    letters: LetterCatalog,
    *,
    received_on: date,
    received_as: ReceivedAs,
    question_id: int | None = None,
    by: Actor,
    now: datetime,
) -> OpenedDispute:
    """Put a dispute on record, and stop asking for what is disputed: for everything by a hold, for a sum by leaving it
    out wherever the debt is asked for. What a billing error is about bears no interest and no late fees meanwhile. It
    is acknowledged in writing where the gate clears that. `question_id`: the question about
    the words in which it was heard; this answers it.

    Invalid, with its field, for what does not fit: an account, entry or statement of another customer, more than is
    owed, a billing error told too late. Conflict where the same is in dispute already. The caller holds the customer's
    lock.
    """
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    if not today - LONGEST_AGO <= received_on <= today:
        raise Invalid("Give a day that has come, at most two years ago.", "received_on")
    said, clocks = _judged(session, portfolio, case, said, received_on, received_as, None, today)
    owner = by.name if by.kind is ActorKind.USER else ""
    heard = DisputeSaid(said, words, clocks, received_on, received_as, owner)
    if not covers_all(said.kind, said.amount_minor):
        dispute = start_dispute(session, case, heard, by=by, now=now)
        _answer(session, case, question_id, dispute, by=by, now=now)
        pack = packs_for(portfolio, session.get_one(Customer, case.customer_id))
        let_charges_rest(session, dispute, pack, today=today, by=by, now=now)
        answers = acknowledge_dispute(session, portfolio, dispute, letters, on=today, by=by, now=now)
        return OpenedDispute(dispute, answers)
    until = promised_by(clocks.answer_by, today)
    placed = holds.place_hold(
        session, case, HoldKind.DISPUTE, words.strip()[:500], until, letters, disputed=heard, by=by, now=now
    )  # fmt: skip
    assert placed.dispute is not None
    _answer(session, case, question_id, placed.dispute, by=by, now=now)
    return OpenedDispute(placed.dispute, placed.acknowledgement)


def _answer(
    session: Session, case: CollectionsCase, question_id: int | None, dispute: Dispute, *, by: Actor, now: datetime
) -> None:  # fmt: skip
    if question_id is not None:
        take_up(session, case, question_id, Subject.DISPUTE, by=by, now=now).dispute_id = id_of(dispute)


def change_what_is_disputed(
    session: Session,
    dispute: Dispute,
    said: Disputed,
    reason: str,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Write down what a dispute is really about: it was first heard on the telephone or read in a message. One that
    turns out to be about a sum ends the hold of everything; one about everything places it. Checked as a new one.
    Conflict while a request to decide it waits for a manager: what is granted is what was asked."""
    require_open(dispute.outcome, dispute.reference)
    if disputes_asked_about(session, [id_of(dispute)]):
        raise Conflict(
            f"A decision of dispute {dispute.reference} waits for a manager. Withdraw that request first, or let it be"
            " declined."
        )
    reason = clean_text(reason, "reason", at_most=300, empty="Say how you know.")
    case = session.get_one(CollectionsCase, dispute.case_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    said, clocks = _judged(
        session, portfolio, case, said, dispute.received_on, dispute.received_as, dispute, today
    )
    hold = session.get(CaseHold, dispute.hold_id) if dispute.hold_id is not None else None
    hold = hold if hold is not None and hold.ended_at is None else None
    everything, before = covers_all(said.kind, said.amount_minor), dispute.account_id
    if everything and hold is None:
        until = promised_by(clocks.answer_by, today)
        placed = holds.place_hold(
            session, case, HoldKind.DISPUTE, reason, until, letters, disputed=dispute, by=by, now=now
        )
        hold = placed.hold
    change_dispute(
        session, dispute, said, clocks, reason, hold_id=id_of(hold) if hold and everything else None, by=by,
        now=now,
    )  # fmt: skip
    pack = packs_for(portfolio, session.get_one(Customer, case.customer_id))
    let_charges_rest(session, dispute, pack, before=before, today=today, by=by, now=now)
    if hold is not None and not everything:
        assert said.amount_minor is not None
        why = f"Only {with_code(said.amount_minor, portfolio.currency)} is disputed: {reason}"
        holds.end_hold(session, hold, why[:300], by.name, by=by, now=now)


def _judged(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    said: Disputed,
    received_on: date,
    received_as: ReceivedAs,
    but: Dispute | None,
    today: date,
) -> tuple[Disputed, Clocks]:
    """The dispute with its account and amount filled in, and its clocks. `but`: the dispute
    that it takes the place of."""
    customer = session.get_one(Customer, case.customer_id)
    pack, country = packs_for(portfolio, customer), country_of(customer.country)
    said = _filled(session, customer, said)
    check_given(said)
    statement = session.get_one(Statement, said.statement_id) if said.statement_id is not None else None
    if said.kind is DisputeKind.BILLING_ERROR and statement is not None:
        _check_billing_error(pack, statement, received_on, received_as)
    if said.kind is DisputeKind.UNAUTHORISED and said.entry_id is not None:
        entered_on = session.get_one(Entry, said.entry_id).effective_on
        check_told(told_by(said.kind, pack, entered_on), received_on)
    _require_not_disputed(session, customer, said, but)
    if said.account_id is not None and said.amount_minor is not None:
        _require_owed(session, portfolio, said, but, today)
    last = sa.select(sa.func.max(col(Statement.closing_on))).where(
        col(Statement.account_id) == said.account_id
    )
    closing_on = session.scalar(last) if said.account_id is not None else None
    return said, clocks_of(said.kind, pack, received_on, country, closing_on)


def _filled(session: Session, customer: Customer, said: Disputed) -> Disputed:
    """The dispute with the account of its entry or statement, and the amount of its entry. Invalid, beside its field,
    where one of them is another customer's."""
    entry = session.get(Entry, said.entry_id) if said.entry_id is not None else None
    statement = session.get(Statement, said.statement_id) if said.statement_id is not None else None
    for name, row, given in (("entry", entry, said.entry_id), ("statement", statement, said.statement_id)):
        if given is not None and (row is None or not _is_theirs(session, customer, row.account_id)):
            raise Invalid(f"This {name} is of no account of this customer.", name)
    if said.account_id is not None and not _is_theirs(session, customer, said.account_id):
        raise Invalid("This is no account of this customer.", "account")
    of = {row.account_id for row in (entry, statement) if row is not None}
    if said.account_id is not None and of - {said.account_id}:
        raise Invalid("What is disputed belongs to another account.", "account")
    if len(of) > 1:
        raise Invalid("Entry and statement belong to different accounts.", "statement")
    said = replace(said, account_id=said.account_id or next(iter(of), None))
    if entry is None:
        return said
    if said.kind not in OF_ENTRY and said.kind is not DisputeKind.BILLING_ERROR:
        raise Invalid("A dispute of this kind names no entry.", "entry")
    if said.kind is DisputeKind.FEE and entry.kind not in WAIVABLE:
        raise Invalid("This entry is neither a fee nor interest.", "entry")
    if session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
        raise Invalid("This entry was reversed already.", "entry")
    return replace(said, amount_minor=amount_of_entry(said.amount_minor, entry.amount_minor))


def _is_theirs(session: Session, customer: Customer, account_id: int) -> bool:
    account = session.get(Account, account_id)
    return account is not None and account.customer_id == customer.id


def _check_billing_error(
    pack: Pack, statement: Statement, received_on: date, received_as: ReceivedAs
) -> None:
    days = pack.disputes.billing_error_days if pack.disputes else None
    if days is None:
        raise Invalid(
            "The law where this customer lives has no procedure for billing errors. Record a dispute of an amount or of"
            " a transaction.",
            "kind",
        )
    if received_as is not ReceivedAs.WRITTEN:
        raise Invalid(
            "The notice of a billing error is written. Record a dispute of an amount.", "received_as"
        )
    check_notice(statement.closing_on, received_on, days)


def _require_not_disputed(session: Session, customer: Customer, said: Disputed, but: Dispute | None) -> None:
    others = [each for each in open_disputes_of(session, id_of(customer)) if but is None or each.id != but.id]
    for each in others:
        if said.entry_id is not None and each.entry_id == said.entry_id:
            raise Conflict(f"This entry is in dispute already ({each.reference}). Add a note to that case.")
        if covers_all(said.kind, said.amount_minor) and covers_all(each.kind, each.amount_minor):
            raise Conflict(f"Everything is in dispute already ({each.reference}). Add a note to that case.")
    hold = hold_of_kind(session, id_of(customer), HoldKind.DISPUTE)
    own = but.hold_id if but is not None else None
    if covers_all(said.kind, said.amount_minor) and hold is not None and hold.id != own:
        raise Conflict(f"A dispute hold stands already, to be reviewed by {hold.until}.")


def _require_owed(
    session: Session, portfolio: Portfolio, said: Disputed, but: Dispute | None, today: date
) -> None:
    """Invalid where more would be in dispute than is owed on the account."""
    assert said.account_id is not None
    assert said.amount_minor is not None
    now = standing_on(session, portfolio, [said.account_id], today)[said.account_id]
    own = but.left_out_minor if but is not None and but.account_id == said.account_id else 0
    left = max(0, now.balance - now.disputed + own)
    if said.amount_minor > left:
        amount = with_code(left, portfolio.currency)
        raise Invalid(
            f"{amount} of the account is owed and not in dispute yet. Enter no more, or dispute the whole debt.",
            "amount",
        )
