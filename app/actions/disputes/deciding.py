"""Decide a dispute: its outcome, what the ledger says after it, the end of its hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session, select

from app.actions.disputes.charges import correct_charges, settle_charges
from app.actions.disputes.days import asked_for_on, pay_by_of
from app.actions.disputes.granting import require_grant
from app.actions.holds import end_hold, require_verification
from app.book.charges.rests import OF_DISPUTES
from app.book.ledger.corrections.credits import OF_DISPUTE, grant_credit
from app.book.ledger.corrections.taken_back import take_charge_back
from app.book.ledger.corrections.waivers import left_to_waive, waive_as_agreed
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import MONEY_IN, WAIVABLE
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    DECISIONS,
    MAX_EXPLANATION,
    WHOLE,
    Correction,
    DisputeDecision,
    DisputeKind,
    DisputeOutcome,
    conceded_by,
    require_open,
)
from app.casework.disputes.service import close_dispute, correct_dispute
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import EndsBy
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.text import clean_text
from app.core.vocabulary import Channel
from app.outreach.planning.disputes_told.writing import tell_decision
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer
from app.policy.composition import packs_for
from app.policy.pack import Pack


class CheckedDecision(NamedTuple):
    """A decision that may be carried out now."""

    explanation: str
    conceded_minor: int
    account: Account | None
    """The account that is corrected; None where nothing is conceded."""
    posted: Entry | None
    """The entry that corrects the ledger already."""


def decide_dispute(
    session: Session,
    dispute: Dispute,
    decision: DisputeDecision,
    letters: LetterCatalog,
    *,
    is_second: bool = False,
    by: Actor,
    role: Role,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Decide a dispute, and tell the customer in writing. What is conceded is posted: a fee is waived, any other sum
    credited; or the creditor posts it, and nobody asks for it until then. What was rejected is asked for again: where
    the law says so only once the verification was sent, and of a billing error after the days to pay. What a billing
    error bore is credited or charged with it. A hold of a
    rejected dispute ends as the law says; of one about everything that was upheld it stands while anything is owed:
    nobody asks a person for a debt that is not theirs.

    Forbidden beyond the person's limit, unless a second person approves (`is_second`). Invalid and Conflict as their
    sentences say. The caller holds the customer's lock. Returns the gate's answers about the letter.
    """
    checked = check_decision(session, dispute, decision)
    outcome, conceded, account = decision.outcome, checked.conceded_minor, checked.account
    portfolio = session.get_one(Portfolio, dispute.portfolio_id)
    today = local_date(now, portfolio.timezone)
    pack = packs_for(portfolio, session.get_one(Customer, dispute.customer_id))
    if not is_second:
        require_grant(session, portfolio, dispute, decision, conceded, role, today)
    if dispute.hold_id is None and _is_verified_first(pack, outcome):
        # A disputed portion is verified like the whole (15 USC 1692g(b)); where a hold stands, its end asks for it.
        require_verification(session, portfolio, dispute.customer_id, dispute.opened_at, today)
    entry = _correct(session, dispute, decision, checked, by=by, now=now)
    if account is not None and dispute.account_id is None:
        dispute.account_id = account.id
    pay_by = pay_by_of(session, dispute, outcome, pack, today)
    settle_charges(
        session, dispute, pack, outcome, conceded, decision.correction, entry, pay_by, today=today, by=by, now=now
    )  # fmt: skip
    close_dispute(
        session, dispute, outcome, checked.explanation, conceded_minor=conceded, correction=decision.correction,
        entry=entry, pay_by=pay_by, by=by, now=now,
    )  # fmt: skip
    _end_hold(session, portfolio, dispute, pack, today, by=by, now=now)
    return tell_decision(session, portfolio, dispute, letters, on=today, by=by, now=now)


def check_decision(session: Session, dispute: Dispute, decision: DisputeDecision) -> CheckedDecision:
    """Invalid, beside its field, or Conflict for a decision that cannot be carried out as things stand. Who may is not
    asked here."""
    require_open(dispute.outcome, dispute.reference)
    if decision.outcome not in DECISIONS:
        raise Invalid("Choose one of the outcomes.", "outcome")
    explanation = clean_text(
        decision.explanation,
        "explanation",
        at_most=MAX_EXPLANATION,
        empty="Give the reasons: the customer reads them.",
    )
    conceded = conceded_by(dispute.kind, decision.outcome, dispute.amount_minor, decision.conceded_minor)
    account = _corrected_account(session, dispute, decision, conceded)
    posted = None
    if account is not None and decision.correction is Correction.POSTED:
        if decision.entry_id is None:
            raise Invalid("Choose the entry that corrects it.", "entry")
        posted = _posted(session, dispute, id_of(account), decision.entry_id, conceded)
    if conceded and decision.correction is Correction.HERE:
        _require_not_corrected(session, dispute, conceded)
    return CheckedDecision(explanation, conceded, account, posted)


def note_correction(
    session: Session, dispute: Dispute, entry_id: int, *, by: Actor, now: datetime
) -> Dispute:
    """Note the entry by which the creditor corrected a decided dispute: the sum is left out no more. The caller holds
    the customer's lock."""
    if not dispute.awaits_correction or dispute.account_id is None:
        raise Conflict(f"Dispute {dispute.reference} waits for no correction.")
    entry = _posted(session, dispute, dispute.account_id, entry_id, dispute.conceded_minor)
    correct_dispute(session, dispute, entry, by=by, now=now)
    _lower_due(session, dispute, entry, dispute.conceded_minor, by=by, now=now)
    correct_charges(session, dispute, entry, by=by, now=now)
    return dispute


def _corrected_account(
    session: Session, dispute: Dispute, decision: DisputeDecision, conceded_minor: int
) -> Account | None:
    """The account that the conceded sum belongs to; None where nothing is conceded."""
    if not conceded_minor:
        return None
    account_id = dispute.account_id if dispute.account_id is not None else decision.account_id
    account = session.get(Account, account_id) if account_id is not None else None
    if account is None or account.customer_id != dispute.customer_id:
        raise Invalid("Choose the account that is corrected.", "account")
    return account


def _correct(
    session: Session,
    dispute: Dispute,
    decision: DisputeDecision,
    checked: CheckedDecision,
    *,
    by: Actor,
    now: datetime,
) -> Entry | None:
    """The entry that corrects the ledger: posted here, or found in it."""
    account, conceded = checked.account, checked.conceded_minor
    if account is None or decision.correction is not Correction.HERE:
        if checked.posted is not None:
            _lower_due(session, dispute, checked.posted, conceded, by=by, now=now)
        return checked.posted
    reason = f"Dispute {dispute.reference}: {checked.explanation}"[:200]
    disputed = _waivable(session, dispute)
    if disputed is None:
        return grant_credit(session, account, conceded, reason, word=OF_DISPUTE, by=by, now=now)
    waiver = waive_as_agreed(session, disputed, conceded, reason, by=by, now=now)
    return session.get_one(Entry, waiver.credit_id)


def _lower_due(
    session: Session, dispute: Dispute, entry: Entry, conceded_minor: int, *, by: Actor, now: datetime
) -> None:
    """Let the minimum that billed the disputed charge ask for it no more, where its correction lowers the balance
    only."""
    take_charge_back(session, entry, conceded_minor, asked_for_on(session, dispute), by=by, now=now)


def _waivable(session: Session, dispute: Dispute) -> Entry | None:
    """The fee or interest that is disputed."""
    entry = session.get(Entry, dispute.entry_id) if dispute.entry_id is not None else None
    return entry if entry is not None and entry.kind in WAIVABLE else None


def _require_not_corrected(session: Session, dispute: Dispute, conceded_minor: int) -> None:
    """Conflict where the disputed entry was reversed or waived since: the sum would be credited twice."""
    if dispute.entry_id is None:
        return
    if reversal := session.scalar(select(Entry).where(Entry.reverses_id == dispute.entry_id)):
        raise Conflict(
            f"The disputed entry was reversed by entry {reversal.reference}. Choose that it is in the ledger already,"
            " and that entry."
        )
    disputed = _waivable(session, dispute)
    if disputed and conceded_minor > left_to_waive(session, disputed):
        raise Conflict(f"Less than this is left of entry {disputed.reference} after other waivers.")


def _posted(session: Session, dispute: Dispute, account_id: int, entry_id: int, at_least_minor: int) -> Entry:
    """A credit of the account that stands, was posted since the dispute and corrects no other one; of what was paid
    already, also a payment, and an earlier one. Invalid for any other entry, or one of less."""
    entry = session.get(Entry, entry_id)
    if entry is None or entry.account_id != account_id:
        raise Invalid("This is no entry of the disputed account.", "entry")
    if entry.amount_minor >= 0 or session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
        raise Invalid("This entry lowers no debt: choose a payment or credit that stands.", "entry")
    if entry.reference.startswith(OF_DISPUTES):
        raise Invalid(
            "This entry credits interest on the disputed part. Choose the credit of the part.", "entry"
        )
    if -entry.amount_minor < at_least_minor:
        raise Invalid("This entry is less than what is conceded.", "entry")
    if dispute.kind is not DisputeKind.ALREADY_PAID:
        if entry.kind in MONEY_IN:
            raise Invalid("This is a payment of the customer: choose the credit that corrects it.", "entry")
        if entry.created_at < dispute.opened_at:
            raise Invalid(
                "This entry was posted before the dispute. Choose one that was posted since.", "entry"
            )
    query = select(Dispute).where(
        Dispute.customer_id == dispute.customer_id,
        Dispute.correction_id == entry.id,
        Dispute.id != dispute.id,
    )
    if other := session.scalars(query).first():
        raise Invalid(f"This entry corrects dispute {other.reference}. Choose another.", "entry")
    return entry


def _is_verified_first(pack: Pack, outcome: DisputeOutcome) -> bool:
    """Whether the law wants the verification sent before what this outcome denies is asked for again."""
    denies = outcome in (DisputeOutcome.REJECTED, DisputeOutcome.PARTLY)
    return denies and pack.disputes is not None and pack.disputes.verify_first


def _end_hold(
    session: Session,
    portfolio: Portfolio,
    dispute: Dispute,
    pack: Pack,
    today: date,
    *,
    by: Actor,
    now: datetime,
) -> None:
    hold = session.get(CaseHold, dispute.hold_id) if dispute.hold_id is not None else None
    if hold is None or hold.ended_at is not None:
        return
    assert dispute.outcome is not None
    if dispute.outcome is DisputeOutcome.UPHELD and dispute.kind in WHOLE:
        session.flush()
        owed = debt_now(session, portfolio, dispute.customer_id, today)
        if owed.debt > 0 or owed.balance > 0:
            return
    why = f"Dispute {dispute.reference} {dispute.outcome.value}"
    if _is_verified_first(pack, dispute.outcome):
        end_hold(session, hold, why, because=EndsBy.VERIFICATION, by=by, now=now)
    else:
        end_hold(session, hold, why, by.name or by, by=by, now=now)
