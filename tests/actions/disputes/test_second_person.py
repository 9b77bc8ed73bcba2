"""Beyond one's limit: decisions of disputes, goodwill and waivers wait for a manager who did not ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.corrections import post_by_hand, reverse_entry, waive
from app.actions.approvals.asking import ask_approval
from app.actions.approvals.deciding import decide_approval, decide_waiver
from app.actions.disputes.deciding import decide_dispute
from app.actions.disputes.goodwill import credit_goodwill
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import waiting_decisions, waiting_items
from app.casework.approvals.rules import AskDispute, AskGoodwill
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import Disputed, DisputeDecision, DisputeKind, DisputeOutcome, ReceivedAs
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from tests import builders

ON = date(2026, 6, 1)
NOW = builders.at(ON)
AGENT: Any = {"by": Actor.user("ben"), "role": Role.AGENT, "now": NOW}
MANAGER: Any = {"by": Actor.user("mei"), "role": Role.MANAGER, "now": NOW}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    """300.00 is past due of a balance of 1,000.00; an agent may grant 20.00 alone, a manager 100.00."""
    builders.portfolio(session, agent_waive_minor=2_000, waive_limit_minor=10_000)
    return builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON, minimum=30_000)


def card_of(session: Session, case: CollectionsCase) -> Account:
    return session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()


def past_due(session: Session, case: CollectionsCase) -> int:
    return debt_now(session, session.get_one(Portfolio, case.portfolio_id), case.customer_id, ON).past_due


def disputed(session: Session, case: CollectionsCase, amount: int) -> Dispute:
    said = Disputed(DisputeKind.AMOUNT, account_id=id_of(card_of(session, case)), amount_minor=amount)
    return open_dispute(
        session, case, said, "never bought it", builders.catalog(), received_on=ON,
        received_as=ReceivedAs.ORAL, by=Actor.user("ben"), now=NOW,
    ).dispute  # fmt: skip


def test_a_decision_beyond_the_limit_waits_and_is_carried_out_when_granted(
    session: Session, case: CollectionsCase
) -> None:
    dispute = disputed(session, case, 8_000)
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "no receipt was found")
    with pytest.raises(Forbidden, match="beyond your limit"):
        decide_dispute(session, dispute, upheld, builders.catalog(), **AGENT)
    ask = AskDispute(id_of(dispute), upheld, 8_000)
    request = ask_approval(session, case, ask, "the shop is closed", **AGENT)
    assert (request.ask, request.amount_minor) == (ask, 8_000)
    assert dispute.is_open
    assert list(waiting_decisions(session, case.customer_id)) == [dispute.id]
    assert [item.request for item in waiting_items(session)] == [request]
    with pytest.raises(Forbidden, match="Another manager"):
        decide_approval(
            session, id_of(request), builders.catalog(), approve=True, **{**MANAGER, "by": AGENT["by"]}
        )
    decide_approval(session, id_of(request), builders.catalog(), approve=True, note="yes", **MANAGER)
    assert (dispute.outcome, dispute.conceded_minor) == (DisputeOutcome.UPHELD, 8_000)
    assert dispute.decided_by == "user:mei"
    assert past_due(session, case) == 22_000
    told = session.scalars(select(StrategyTask).where(StrategyTask.for_username == "ben")).all()
    assert any("approved: yes" in each.text for each in told)
    kinds = ("approval.asked", "dispute.decided", "approval.granted")
    assert len(builders.events(session, *kinds)) == 3


def test_each_dispute_of_a_case_may_wait_for_a_manager(session: Session, case: CollectionsCase) -> None:
    """The second does not wait for the answer about the first; the same dispute is not asked for twice."""
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "no receipt was found")
    first, second = disputed(session, case, 8_000), disputed(session, case, 9_000)
    one = ask_approval(session, case, AskDispute(id_of(first), upheld, 8_000), "why", **AGENT)
    other = ask_approval(session, case, AskDispute(id_of(second), upheld, 9_000), "why", **AGENT)
    with pytest.raises(Conflict, match="such a request already"):
        ask_approval(session, case, AskDispute(id_of(first), upheld, 8_000), "again", **AGENT)
    assert set(waiting_decisions(session, case.customer_id)) == {first.id, second.id}
    decide_approval(session, id_of(other), builders.catalog(), approve=True, **MANAGER)
    assert (first.outcome, second.outcome) == (None, DisputeOutcome.UPHELD)
    decide_approval(session, id_of(one), builders.catalog(), approve=True, **MANAGER)
    assert past_due(session, case) == 30_000 - 8_000 - 9_000


def test_what_is_within_ones_limit_is_not_asked_for(session: Session, case: CollectionsCase) -> None:
    dispute = disputed(session, case, 2_000)
    ask = AskDispute(id_of(dispute), DisputeDecision(DisputeOutcome.UPHELD, "right"), 2_000)
    with pytest.raises(Invalid, match="within your own limit"):
        ask_approval(session, case, ask, "why", **AGENT)
    with pytest.raises(Invalid, match="within your own limit"):
        ask_approval(session, case, AskGoodwill(id_of(card_of(session, case)), 2_000), "why", **AGENT)


def test_what_is_granted_is_what_was_asked(session: Session, case: CollectionsCase) -> None:
    """The manager reads 80.00: the dispute is not enlarged to 900.00 behind it."""
    dispute = disputed(session, case, 8_000)
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "no receipt")
    request = ask_approval(session, case, AskDispute(id_of(dispute), upheld, 8_000), "why", **AGENT)
    said = Disputed(DisputeKind.AMOUNT, id_of(card_of(session, case)), 90_000)
    change: Any = {"by": Actor.user("ben"), "now": NOW}
    with pytest.raises(Conflict, match="waits for a manager"):
        change_what_is_disputed(session, dispute, said, "it is more", builders.catalog(), **change)
    dispute.amount_minor = dispute.left_out_minor = 90_000  # changed before requests were in its way
    with pytest.raises(Conflict, match="another sum would be conceded"):
        decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    decide_approval(session, id_of(request), builders.catalog(), approve=False, note="ask anew", **MANAGER)
    change_what_is_disputed(session, dispute, said, "it is more", builders.catalog(), **change)
    assert past_due(session, case) == 0


def test_a_dispute_in_parts_is_no_way_around_the_limit(session: Session, case: CollectionsCase) -> None:
    """15.00 alone and 50.00 with a second person leave 5.00 of the agent's 20.00 in a year."""
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "right")
    first, large, above, at = (disputed(session, case, amount) for amount in (1_500, 5_000, 501, 500))
    decide_dispute(session, first, upheld, builders.catalog(), **AGENT)
    request = ask_approval(session, case, AskDispute(id_of(large), upheld, 5_000), "no receipt", **AGENT)
    decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    with pytest.raises(Forbidden, match=r"20\.01 .*in a year"):
        decide_dispute(session, above, upheld, builders.catalog(), **AGENT)
    ask_approval(session, case, AskDispute(id_of(above), upheld, 501), "no receipt", **AGENT)
    decide_dispute(session, at, upheld, builders.catalog(), **AGENT)
    assert first.correction_id is not None
    reverse_entry(
        session, session.get_one(Entry, first.correction_id), "wrong", by=Actor.user("mei"), now=NOW
    )
    decide_dispute(session, disputed(session, case, 1_500), upheld, builders.catalog(), **AGENT)


def test_an_agent_asks_before_a_whole_debt_is_not_owed(session: Session, case: CollectionsCase) -> None:
    """Nobody asks for the 1,000.00 again, whatever sum is conceded."""
    said = Disputed(DisputeKind.NOT_MINE)
    dispute = open_dispute(
        session, case, said, "not me", builders.catalog(), received_on=ON, received_as=ReceivedAs.ORAL,
        by=Actor.user("ben"), now=NOW,
    ).dispute  # fmt: skip
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "another person of the name")
    with pytest.raises(Forbidden, match="beyond your limit"):
        decide_dispute(session, dispute, upheld, builders.catalog(), **AGENT)
    request = ask_approval(session, case, AskDispute(id_of(dispute), upheld, 0), "another person", **AGENT)
    decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    assert dispute.outcome is DisputeOutcome.UPHELD


def test_a_request_about_a_dispute_that_was_decided_meanwhile_is_not_granted(
    session: Session, case: CollectionsCase
) -> None:
    dispute = disputed(session, case, 8_000)
    upheld = DisputeDecision(DisputeOutcome.UPHELD, "no receipt")
    request = ask_approval(session, case, AskDispute(id_of(dispute), upheld, 8_000), "why", **AGENT)
    decide_dispute(
        session, dispute, DisputeDecision(DisputeOutcome.REJECTED, "a receipt"), builders.catalog(), **MANAGER
    )
    with pytest.raises(Conflict, match="was decided already"):
        decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    decide_approval(session, id_of(request), builders.catalog(), approve=False, note="too late", **MANAGER)
    assert past_due(session, case) == 30_000


def test_goodwill_counts_by_the_year_and_in_parts_is_no_way_around_the_limit(
    session: Session, case: CollectionsCase
) -> None:
    card = card_of(session, case)
    entry = credit_goodwill(session, card, 1_500, "long wait on the telephone", **AGENT)
    assert (entry.kind, entry.amount_minor, entry.effective_on) == (EntryKind.CREDIT, -1_500, ON)
    assert past_due(session, case) == 28_500
    [told] = builders.events(session, "ledger.goodwill_credited")
    assert told["reason"] == "long wait on the telephone"
    with pytest.raises(Forbidden, match=r"20\.01 .*in a year"):
        credit_goodwill(session, card, 501, "again", **AGENT)
    reverse_entry(session, entry, "wrong customer", by=Actor.user("mei"), now=NOW)
    credit_goodwill(session, card, 2_000, "the right one", **AGENT)
    assert past_due(session, case) == 28_000


def test_credits_by_hand_have_the_limit_of_goodwill(session: Session, case: CollectionsCase) -> None:
    """A manager may credit 100.00 a year in all. Beyond it another one approves it as goodwill. A charge, and an
    adjustment that raises the debt, are none of it; what a dispute conceded has a limit of its own."""
    card = card_of(session, case)

    def by_hand(kind: EntryKind, amount: int) -> Entry:
        return post_by_hand(session, card, kind, amount, ON, "as agreed", **MANAGER)

    decided = DisputeDecision(DisputeOutcome.UPHELD, "no receipt was found")
    decide_dispute(session, disputed(session, case, 3_000), decided, builders.catalog(), **MANAGER)
    first = by_hand(EntryKind.CREDIT, 4_000)
    by_hand(EntryKind.ADJUSTMENT, -6_000)
    for kind, amount in ((EntryKind.CREDIT, 1), (EntryKind.ADJUSTMENT, -1)):
        with pytest.raises(Forbidden, match=r"CNY 100\.01 .*your limit of CNY 100\.00"):
            by_hand(kind, amount)
    with pytest.raises(Forbidden, match="may not post"):
        post_by_hand(session, card, EntryKind.CREDIT, 1, ON, "kind", **AGENT)
    by_hand(EntryKind.ADJUSTMENT, 500)
    by_hand(EntryKind.FEE, 500)
    before = past_due(session, case)
    request = ask_approval(session, case, AskGoodwill(id_of(card), 2_000), "as agreed", **MANAGER)
    second: Any = {"by": Actor.user("max"), "role": Role.MANAGER, "now": NOW}
    decide_approval(session, id_of(request), builders.catalog(), approve=True, **second)
    assert past_due(session, case) == before - 2_000
    reverse_entry(session, first, "twice", by=Actor.user("mei"), now=NOW)
    by_hand(EntryKind.CREDIT, 2_000)


@pytest.mark.parametrize("amount", [0, -5, 100_001])
def test_goodwill_of_nothing_or_more_than_is_owed_is_refused(
    session: Session, case: CollectionsCase, amount: int
) -> None:
    with pytest.raises(Invalid) as refused:
        credit_goodwill(session, card_of(session, case), amount, "kind", is_second=True, **MANAGER)
    assert refused.value.field == "amount"


def test_goodwill_beyond_the_limit_is_credited_once_when_granted(
    session: Session, case: CollectionsCase
) -> None:
    card = card_of(session, case)
    request = ask_approval(session, case, AskGoodwill(id_of(card), 9_000), "bereaved", **AGENT)
    assert past_due(session, case) == 30_000
    decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    assert past_due(session, case) == 21_000
    with pytest.raises(Conflict, match="approved already"):
        decide_approval(session, id_of(request), builders.catalog(), approve=True, **MANAGER)
    credits = select(Entry).where(Entry.account_id == card.id, Entry.kind == EntryKind.CREDIT)
    assert [each.description for each in session.scalars(credits)] == ["bereaved"]


def test_a_late_fee_is_waived_beyond_authority(session: Session, case: CollectionsCase) -> None:
    """An agent waives a fee of 15.00 alone. One of 40.00 waits, stays owed, and is gone once a manager approves."""
    card = card_of(session, case)
    before = debt_now(session, session.get_one(Portfolio, case.portfolio_id), case.customer_id, ON).debt
    small = builders.entry(session, card, EntryKind.FEE, 1_500, ON - timedelta(days=3))
    large = builders.entry(session, card, EntryKind.FEE, 4_000, ON - timedelta(days=2))

    def owed() -> int:
        return debt_now(session, session.get_one(Portfolio, case.portfolio_id), case.customer_id, ON).debt

    assert owed() == before + 5_500
    assert waive(session, small, 1_500, "first time late", **AGENT).status is WaiverStatus.APPROVED
    assert owed() == before + 4_000
    asked = waive(session, large, 4_000, "was in hospital", **AGENT)
    assert asked.status is WaiverStatus.REQUESTED
    assert owed() == before + 4_000
    [item] = waiting_items(session)
    assert (item.kind, item.amount_minor) == ("waiver", 4_000)
    with pytest.raises(Forbidden, match="You asked for this waiver"):
        decide_waiver(session, asked, approve=True, **{**MANAGER, "by": AGENT["by"]})
    decide_waiver(session, asked, approve=True, **MANAGER)
    assert owed() == before
    assert session.scalars(select(ApprovalRequest)).all() == []
