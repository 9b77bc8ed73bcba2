"""Disputes through their acts: what is asked for meanwhile, what is refused, and what a decision does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.corrections import reverse_entry
from app.actions.disputes.deciding import decide_dispute, note_correction
from app.actions.disputes.evidence import ask_evidence, judge_evidence
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.actions.documents import add_document
from app.actions.holds import end_hold, place_hold
from app.book.delinquency.history import statement_view
from app.book.delinquency.models import AccountState, DisputedAmount
from app.book.delinquency.queries import owed_minor
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.casework.cases.debt import debt_now, debts_as_folded
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.events import DisputeDecided, DisputeOpened
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import disputes_of
from app.casework.disputes.rules import (
    Correction,
    Disputed,
    DisputeDecision,
    DisputeKind,
    DisputeOutcome,
    EvidenceState,
    ReceivedAs,
)
from app.casework.disputes.service import release_due
from app.casework.documents.rules import DocumentKind
from app.casework.holds.queries import hold_of_kind
from app.casework.plans.offering import propose
from app.casework.plans.rules import PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import CUSTOMER, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from app.legal.checklists.items import IN_PART
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from app.outreach.gate.contact_cases import load_contact_cases
from tests import builders

ON = date(2026, 6, 1)
NOW = builders.at(ON)
BEN: Any = {"by": Actor.user("ben"), "now": NOW}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    """300.00 is past due of a balance of 1,000.00."""
    builders.portfolio(session, agent_waive_minor=2_000, waive_limit_minor=50_000)
    return builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON, minimum=30_000)


def card_of(session: Session, case: CollectionsCase) -> Account:
    return session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()


def disputed(session: Session, case: CollectionsCase, kind: DisputeKind, **given: Any) -> Dispute:
    received = {"received_on": ON, "received_as": ReceivedAs.ORAL}
    said = Disputed(kind, **given)
    return open_dispute(session, case, said, "not mine", builders.catalog(), **received, **BEN).dispute  # type: ignore[arg-type]


def decided(session: Session, dispute: Dispute, outcome: DisputeOutcome, **about: Any) -> Dispute:
    role = about.pop("role", Role.MANAGER)
    decision = DisputeDecision(outcome, "looked into it", **about)
    decide_dispute(session, dispute, decision, builders.catalog(), role=role, **BEN)
    return dispute


def asked_for(session: Session, case: CollectionsCase) -> int:
    """The sum that is asked for, which every figure must agree on."""
    book = session.get_one(Portfolio, case.portfolio_id)
    now = debt_now(session, book, case.customer_id, ON)
    assert case.id is not None
    [night] = load_contact_cases(session, book, [case.id], now=NOW)
    [moment] = load_contact_cases(session, book, [case.id], now=NOW, as_of=ON)
    assert moment.to_ask == now.past_due
    changed = session.scalar(sa.select(sa.literal(1)).where(sa.text("exists (select 1 from ledger_change)")))
    if changed is None:
        folded = debts_as_folded(session, [case.customer_id])[case.customer_id]
        assert folded == now
        assert night.to_ask == now.past_due
        state = select(sa.func.sum(owed_minor())).select_from(AccountState)
        assert session.scalar(state) == now.past_due
    refresh_touched(session, NOW)
    session.refresh(case)
    assert case.now_past_due_minor == now.past_due
    return now.past_due


def test_a_disputed_transaction_is_left_out_and_the_rest_is_asked_for(
    session: Session, case: CollectionsCase
) -> None:
    bought = builders.entry(
        session, card_of(session, case), EntryKind.PURCHASE, 8_000, ON - timedelta(days=40)
    )
    assert asked_for(session, case) == 30_000
    dispute = disputed(session, case, DisputeKind.TRANSACTION, entry_id=bought.id)
    assert (dispute.account_id, dispute.amount_minor, dispute.left_out_minor) == (
        bought.account_id,
        8_000,
        8_000,
    )
    assert asked_for(session, case) == 22_000
    assert hold_of_kind(session, case.customer_id, HoldKind.DISPUTE) is None
    [told] = builders.events(session, DisputeOpened.KIND)
    assert (told["amount_minor"], told["account"]) == (8_000, card_of(session, case).reference)


def test_what_is_not_disputed_never_falls_below_zero(session: Session, case: CollectionsCase) -> None:
    disputed(session, case, DisputeKind.AMOUNT, account_id=card_of(session, case).id, amount_minor=70_000)
    assert asked_for(session, case) == 0
    owes = debt_now(session, session.get_one(Portfolio, case.portfolio_id), case.customer_id, ON)
    assert (owes.disputed, owes.debt, owes.balance, owes.oldest) == (30_000, 30_000, 100_000, None)


def test_bad_disputes_are_refused_beside_their_field(session: Session, case: CollectionsCase) -> None:
    card = card_of(session, case)
    bought = builders.entry(session, card, EntryKind.PURCHASE, 8_000, ON - timedelta(days=40))
    paid = builders.payment(session, card, 1_000, ON - timedelta(days=2))
    stranger = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)
    theirs = builders.entry(
        session, card_of(session, stranger), EntryKind.PURCHASE, 900, ON - timedelta(days=40)
    )
    for kind, given, field in (
        (DisputeKind.TRANSACTION, {"entry_id": theirs.id}, "entry"),
        (DisputeKind.TRANSACTION, {"entry_id": 999_999}, "entry"),
        (DisputeKind.TRANSACTION, {"entry_id": paid.id}, "entry"),
        (DisputeKind.TRANSACTION, {"entry_id": bought.id, "amount_minor": 8_001}, "amount"),
        (DisputeKind.FEE, {"entry_id": bought.id}, "entry"),
        (DisputeKind.AMOUNT, {"account_id": theirs.account_id, "amount_minor": 1}, "account"),
        (DisputeKind.AMOUNT, {"account_id": card.id, "amount_minor": 107_001}, "amount"),
        (DisputeKind.BILLING_ERROR, {"account_id": card.id, "amount_minor": 5}, "statement"),
    ):
        with pytest.raises(Invalid) as refused:
            disputed(session, case, kind, **given)
        assert refused.value.field == field
    disputed(session, case, DisputeKind.TRANSACTION, entry_id=bought.id)
    with pytest.raises(Conflict, match="in dispute already"):
        disputed(session, case, DisputeKind.TRANSACTION, entry_id=bought.id)
    assert len(disputes_of(session, case.customer_id)) == 1


def test_a_dispute_of_everything_places_the_hold(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(session, case, DisputeKind.NOT_MINE)
    hold = hold_of_kind(session, case.customer_id, HoldKind.DISPUTE)
    assert hold is not None
    assert dispute.hold_id == hold.id
    assert asked_for(session, case) == 30_000  # nobody asks: the hold stops all of it
    with pytest.raises(Conflict, match="in dispute already"):
        disputed(session, case, DisputeKind.WHOLE_DEBT)


def test_a_hold_of_a_call_or_message_has_a_dispute(session: Session, case: CollectionsCase) -> None:
    until = ON + timedelta(days=30)
    placed = place_hold(
        session,
        case,
        HoldKind.DISPUTE,
        "I never bought that",
        until,
        builders.catalog(),
        by=CUSTOMER,
        now=NOW,
    )
    assert placed.dispute is not None
    assert (placed.dispute.kind, placed.dispute.words) == (DisputeKind.WHOLE_DEBT, "I never bought that")
    assert placed.dispute.received_as is ReceivedAs.WRITTEN
    assert placed.dispute.answer_by == ON + timedelta(days=15), "the law's day, before that of the hold"
    end_hold(session, placed.hold, "explained to her", "ben", **BEN)
    assert placed.dispute.outcome is DisputeOutcome.ANSWERED


def test_a_dispute_turns_out_to_be_about_a_sum(session: Session, case: CollectionsCase) -> None:
    """The call said that she disputes the debt; she meant one amount. The rest is asked for again."""
    until = ON + timedelta(days=30)
    dispute = place_hold(
        session, case, HoldKind.DISPUTE, "disputes it", until, builders.catalog(), **BEN
    ).dispute
    assert dispute is not None
    said = Disputed(DisputeKind.AMOUNT, card_of(session, case).id, 5_000)
    change_what_is_disputed(session, dispute, said, "she said so", builders.catalog(), **BEN)
    assert hold_of_kind(session, case.customer_id, HoldKind.DISPUTE) is None
    assert dispute.is_open
    assert asked_for(session, case) == 25_000
    change_what_is_disputed(
        session,
        dispute,
        Disputed(DisputeKind.IDENTITY),
        "she says her card was stolen",
        builders.catalog(),
        **BEN,
    )
    hold = hold_of_kind(session, case.customer_id, HoldKind.DISPUTE)
    assert hold is not None
    assert (dispute.hold_id, dispute.left_out_minor) == (hold.id, 0)


def test_upheld_credits_the_account(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(
        session, case, DisputeKind.AMOUNT, account_id=card_of(session, case).id, amount_minor=8_000
    )
    with pytest.raises(Forbidden, match="beyond your limit"):
        decided(session, dispute, DisputeOutcome.UPHELD, role=Role.AGENT)
    decided(session, dispute, DisputeOutcome.UPHELD)
    credit = session.get_one(Entry, dispute.correction_id)
    assert (credit.kind, credit.amount_minor) == (EntryKind.CREDIT, -8_000)
    assert asked_for(session, case) == 22_000  # as before: what was left out is paid by the credit
    assert session.scalars(select(DisputedAmount)).all() == []
    [told] = builders.events(session, DisputeDecided.KIND)
    assert (told["outcome"], told["conceded_minor"]) == ("upheld", 8_000)
    with pytest.raises(Conflict, match="decided already"):
        decided(session, dispute, DisputeOutcome.REJECTED)


def test_an_agent_concedes_within_their_limit(session: Session, case: CollectionsCase) -> None:
    fee = builders.entry(session, card_of(session, case), EntryKind.FEE, 2_000, ON - timedelta(days=35))
    dispute = disputed(session, case, DisputeKind.FEE, entry_id=fee.id)
    decided(session, dispute, DisputeOutcome.UPHELD, role=Role.AGENT)
    assert session.get_one(Entry, dispute.correction_id).reference.startswith("waiver:")


def test_what_the_creditor_corrects_is_left_out_until_it_is_posted(
    session: Session, case: CollectionsCase
) -> None:
    card = card_of(session, case)
    dispute = disputed(session, case, DisputeKind.AMOUNT, account_id=card.id, amount_minor=8_000)
    decided(session, dispute, DisputeOutcome.PARTLY, conceded_minor=6_000, correction=Correction.CREDITOR)
    assert asked_for(session, case) == 24_000
    small = builders.entry(session, card, EntryKind.CREDIT, 100, ON)
    with pytest.raises(Invalid, match="less than"):
        note_correction(session, dispute, small.id or 0, **BEN)
    credit = builders.entry(session, card, EntryKind.CREDIT, 6_000, ON)
    note_correction(session, dispute, credit.id or 0, **BEN)
    assert asked_for(session, case) == 23_900
    with pytest.raises(Conflict, match="waits for no correction"):
        note_correction(session, dispute, credit.id or 0, **BEN)


def test_what_was_reversed_already_is_not_credited_again(session: Session, case: CollectionsCase) -> None:
    bought = builders.entry(
        session, card_of(session, case), EntryKind.PURCHASE, 8_000, ON - timedelta(days=40)
    )
    card, book = card_of(session, case), session.get_one(Portfolio, case.portfolio_id)
    dispute = disputed(session, case, DisputeKind.TRANSACTION, entry_id=bought.id)
    mirror = reverse_entry(session, bought, "posted twice", **BEN)
    with pytest.raises(Conflict, match=f"reversed by entry {mirror.reference}"):
        decided(session, dispute, DisputeOutcome.UPHELD)
    assert asked_for(session, case) == 22_000
    decided(session, dispute, DisputeOutcome.UPHELD, correction=Correction.POSTED, entry_id=mirror.id)
    assert dispute.correction_id == mirror.id
    assert session.scalars(select(Entry).where(Entry.kind == EntryKind.CREDIT)).all() == []
    # The minimum of 300.00 had billed the purchase: it asks for that no more, by whichever figure.
    assert asked_for(session, case) == 22_000
    fold_accounts(session, book, [id_of(card)], through=ON)
    assert asked_for(session, case) == 22_000
    [story] = statement_view(session, id_of(card), ON)
    assert (story.open_minor, [part.entry_id for part in story.came]) == (22_000, [mirror.id])


def test_a_charge_that_no_statement_billed_yet_lowers_no_minimum_as_it_is_taken_back(
    session: Session, case: CollectionsCase
) -> None:
    bought = builders.entry(
        session, card_of(session, case), EntryKind.PURCHASE, 8_000, ON - timedelta(days=9)
    )
    dispute = disputed(session, case, DisputeKind.TRANSACTION, entry_id=bought.id)
    mirror = reverse_entry(session, bought, "posted twice", **BEN)
    decided(session, dispute, DisputeOutcome.UPHELD, correction=Correction.POSTED, entry_id=mirror.id)
    assert asked_for(session, case) == 30_000


def test_an_entry_that_has_nothing_to_do_with_a_dispute_corrects_none(
    session: Session, case: CollectionsCase
) -> None:
    """Neither a payment, nor a credit of before, nor one that corrects another dispute."""
    card = card_of(session, case)
    before = builders.entry(session, card, EntryKind.CREDIT, 5_000, ON - timedelta(days=2))
    first = disputed(session, case, DisputeKind.AMOUNT, account_id=card.id, amount_minor=5_000)
    second = disputed(session, case, DisputeKind.AMOUNT, account_id=card.id, amount_minor=5_000)
    paid = builders.payment(session, card, 5_000, ON)
    credit = builders.entry(session, card, EntryKind.CREDIT, 5_000, ON)
    for entry, why in ((before, "before the dispute"), (paid, "a payment of the customer")):
        with pytest.raises(Invalid, match=why) as refused:
            decided(session, first, DisputeOutcome.UPHELD, correction=Correction.POSTED, entry_id=entry.id)
        assert refused.value.field == "entry"
    decided(session, first, DisputeOutcome.UPHELD, correction=Correction.POSTED, entry_id=credit.id)
    decided(session, second, DisputeOutcome.UPHELD, correction=Correction.CREDITOR)
    with pytest.raises(Invalid, match=f"corrects dispute {first.reference}"):
        note_correction(session, second, credit.id or 0, **BEN)


def test_an_earlier_payment_shows_what_was_paid_already(session: Session, case: CollectionsCase) -> None:
    card = card_of(session, case)
    paid = builders.payment(session, card, 5_000, ON - timedelta(days=2))
    dispute = disputed(session, case, DisputeKind.ALREADY_PAID, account_id=card.id, amount_minor=5_000)
    decided(session, dispute, DisputeOutcome.UPHELD, correction=Correction.POSTED, entry_id=paid.id)
    assert dispute.correction_id == paid.id


def test_a_person_whose_debt_it_is_not_stays_on_hold(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(session, case, DisputeKind.NOT_MINE)
    decided(session, dispute, DisputeOutcome.UPHELD)
    assert hold_of_kind(session, case.customer_id, HoldKind.DISPUTE) is not None


@pytest.mark.parametrize(("conceded", "stays"), [(30_000, True), (99_999, True), (100_000, False)])
def test_the_hold_stays_while_anything_is_owed(
    session: Session, case: CollectionsCase, conceded: int, stays: bool
) -> None:
    """What is past due is gone with 300.00; the rest of the 1,000.00 falls due later, and is not theirs either."""
    dispute = disputed(session, case, DisputeKind.NOT_MINE)
    about = {"conceded_minor": conceded, "account_id": card_of(session, case).id}
    session.get_one(Portfolio, case.portfolio_id).waive_limit_minor = 100_000
    decided(session, dispute, DisputeOutcome.UPHELD, **about)
    assert (hold_of_kind(session, case.customer_id, HoldKind.DISPUTE) is not None) is stays


def test_a_rejected_dispute_of_everything_ends_its_hold(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(session, case, DisputeKind.WHOLE_DEBT)
    decided(session, dispute, DisputeOutcome.REJECTED)
    assert hold_of_kind(session, case.customer_id, HoldKind.DISPUTE) is None
    assert dispute.outcome is DisputeOutcome.REJECTED


@pytest.mark.parametrize(
    "decision",
    [{"outcome": DisputeOutcome.REJECTED}, {"outcome": DisputeOutcome.PARTLY, "conceded_minor": 1}],
)
def test_a_part_is_verified_before_it_is_asked_for_again(session: Session, decision: dict[str, Any]) -> None:
    """15 USC 1692g(b): the debt, or any disputed portion of it."""
    builders.portfolio(
        session, pack="us-third-party", collector=CollectorKind.THIRD_PARTY, currency="USD",
        timezone="America/New_York", waive_limit_minor=50_000,
    )  # fmt: skip
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON, minimum=30_000)
    card = card_of(session, case)
    dispute = disputed(session, case, DisputeKind.AMOUNT, account_id=card.id, amount_minor=8_000)
    with pytest.raises(Conflict, match="No verification is on record"):
        decided(session, dispute, **decision)
    assert (dispute.is_open, dispute.left_out_minor) == (True, 8_000)
    add_document(session, case, DocumentKind.VERIFICATION, "proof.txt", b"statement", dated_on=ON, **BEN)
    decided(session, dispute, **decision)
    assert dispute.left_out_minor == 0


def test_evidence_is_of_the_customer(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(session, case, DisputeKind.NOT_MINE)
    asked = ask_evidence(session, dispute, "police report", ON + timedelta(days=14), **BEN)
    with pytest.raises(Invalid) as refused:
        judge_evidence(session, dispute, asked, EvidenceState.RECEIVED, document_id=999, **BEN)
    assert refused.value.field == "document"
    report = add_document(session, case, DocumentKind.OTHER, "report.txt", b"stolen", dated_on=ON, **BEN)
    judge_evidence(session, dispute, asked, EvidenceState.RECEIVED, document_id=report.id, **BEN)
    with pytest.raises(Invalid, match="what is missing"):
        judge_evidence(session, dispute, asked, EvidenceState.INSUFFICIENT, **BEN)
    judge_evidence(session, dispute, asked, EvidenceState.INSUFFICIENT, note="no stamp", **BEN)
    assert (asked.state, asked.document_id) == (EvidenceState.INSUFFICIENT, report.id)


def test_no_settlement_while_a_dispute_is_open(session: Session, case: CollectionsCase) -> None:
    disputed(session, case, DisputeKind.AMOUNT, account_id=card_of(session, case).id, amount_minor=8_000)
    terms = AgreementTerms(PlanKind.SETTLEMENT, 50_000, ON + timedelta(days=5))
    with pytest.raises(Conflict, match="a settlement would end what it is about"):
        propose(session, case, terms, today=ON)


def test_nothing_is_released_before_its_day(session: Session, case: CollectionsCase) -> None:
    book = session.get_one(Portfolio, case.portfolio_id)
    dispute = disputed(
        session, case, DisputeKind.AMOUNT, account_id=card_of(session, case).id, amount_minor=8_000
    )
    decided(session, dispute, DisputeOutcome.REJECTED)
    assert asked_for(session, case) == 30_000
    dispute.pay_by, dispute.left_out_minor = ON + timedelta(days=10), 8_000
    session.flush()
    assert release_due(session, book, ON + timedelta(days=9), now=NOW) == 0
    assert release_due(session, book, ON + timedelta(days=10), now=NOW) == 1
    assert (dispute.left_out_minor, release_due(session, book, ON + timedelta(days=10), now=NOW)) == (0, 0)


def test_a_case_file_claims_no_disputed_part(session: Session, case: CollectionsCase) -> None:
    """What is disputed, or conceded and not yet corrected, is left out; a person chooses to claim the rest."""
    card = card_of(session, case)
    dispute = disputed(session, case, DisputeKind.AMOUNT, account_id=card.id, amount_minor=8_000)

    def claim() -> tuple[int, bool, bool]:
        file = load_case_file(session, case, bundle_id="C-1", now=NOW + timedelta(minutes=1))
        items = {item.id: item for item in completeness(file)}
        return file.claimed_now_minor, items["dispute.none_open"].ok, IN_PART in items

    owed = 100_000
    assert claim() == (owed - 8_000, True, True)
    decided(session, dispute, DisputeOutcome.PARTLY, conceded_minor=6_000, correction=Correction.CREDITOR)
    assert claim() == (owed - 6_000, True, True)
    credit = builders.entry(session, card, EntryKind.CREDIT, 6_000, ON)
    note_correction(session, dispute, credit.id or 0, **BEN)
    assert claim() == (owed - 6_000, True, False)
    disputed(session, case, DisputeKind.WHOLE_DEBT)
    assert not claim()[1]
