"""The disputes page: opened, changed, shown to be right, decided; what is wrong stands beside its field."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.rules import DisputeKind, DisputeOutcome, EvidenceState
from app.casework.documents.rules import DocumentKind
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.http.cursors import encode_cursor
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.web.desk import NOW, Desk

TODAY = date(2026, 3, 2)
SAID: dict[str, Any] = {"words": "I was never there", "received_on": "2026-03-02", "received_as": "oral"}


def a_case(desk: Desk) -> tuple[int, int, int]:
    """A case with 300.00 past due, its account, and a purchase of 80.00."""

    def write(session: Session) -> tuple[int, int, int]:
        case = builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=20), on=TODAY - timedelta(days=1), minimum=30_000
        )
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        bought = builders.entry(session, card, EntryKind.PURCHASE, 8_000, TODAY - timedelta(days=45))
        assert case.id
        assert card.id
        assert bought.id
        return case.id, card.id, bought.id

    return desk.write(write)


def test_a_purchase_is_disputed_and_upheld(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, _, bought = a_case(desk)
    ben = desk.sign_in(Role.AGENT)
    assert "Nothing is in dispute" in ben.get(f"/cases/{case_id}/disputes").text
    path = f"/cases/{case_id}/disputes"
    ben.submit(path, kind="transaction", entry=str(bought), **SAID)
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert (dispute.left_out_minor, dispute.owner) == (8_000, "ben")
    page = ben.get(path).text
    assert "I was never there" in page
    assert "¥80.00" in page
    assert "not asked for" in ben.get(f"/cases/{case_id}").text
    beyond = ben.submit(f"{path}/{dispute.id}/decide", outcome="upheld", explanation="no receipt")
    assert "beyond your limit" in beyond.text
    sent = ben.submit(
        f"{path}/{dispute.id}/decide/request",
        outcome="upheld",
        explanation="no receipt",
        reason="shop is closed",
    )
    assert sent.status_code == 303
    assert "waits for a manager" in ben.get(path).text

    ben.submit(f"{path}/{dispute.id}/evidence", what="Receipt of the shop", due_on="2026-03-20")
    [asked] = desk.read(lambda session: session.scalars(select(DisputeEvidence)).all())
    receipt = desk.write(lambda session: _receipt(session, case_id))
    ben.submit(f"{path}/{dispute.id}/evidence/{asked.id}/judge", state="received", document=str(receipt))
    [asked] = desk.read(lambda session: session.scalars(select(DisputeEvidence)).all())
    assert (asked.state, asked.document_id) == (EvidenceState.RECEIVED, receipt)

    desk.write(_let_managers_credit)
    mia = desk.sign_in(Role.MANAGER)
    mia.submit(f"{path}/{dispute.id}/decide", outcome="upheld", explanation="no receipt was found")
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert dispute.outcome is DisputeOutcome.UPHELD
    assert "Upheld" in mia.get(path).text


def _receipt(session: Session, case_id: int) -> int:
    case = session.get_one(CollectionsCase, case_id)
    made = add_document(
        session,
        case,
        DocumentKind.OTHER,
        "receipt.txt",
        b"paid in cash",
        dated_on=TODAY,
        by=Actor.user("ben"),
        now=NOW,
    )
    assert made.id
    return made.id


def _let_managers_credit(session: Session) -> None:
    session.scalars(select(Portfolio)).one().waive_limit_minor = 50_000


def test_an_acknowledgement_is_called_late_only_until_it_left(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, _, bought = a_case(desk)
    ben, path = desk.sign_in(Role.AGENT), f"/cases/{case_id}/disputes"
    ben.submit(path, kind="transaction", entry=str(bought), **SAID)

    def late(session: Session) -> None:
        session.scalars(select(Dispute)).one().acknowledge_by = TODAY - timedelta(days=1)

    def sent(session: Session) -> None:
        letter = session.scalars(select(OutboxMessage)).one()
        letter.status, letter.sent_at, letter.console_only = OutboxStatus.SENT, NOW, False

    desk.write(late)
    assert "The acknowledgement was due on" in ben.get(path).text
    desk.write(sent)
    assert "The acknowledgement was due on" not in ben.get(path).text


def test_what_is_wrong_stands_beside_its_field(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, card, _ = a_case(desk)
    other_case, _, theirs = a_case(desk)
    ben = desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/disputes"
    for typed, said in (
        ({"kind": "transaction", "entry": str(theirs)}, "This entry is of no account of this customer."),
        ({"kind": "transaction"}, "Choose the account that it is about."),
        ({"kind": "amount", "account": str(card), "amount": "99,999.00"}, "is owed and not in dispute yet"),
        ({"kind": "amount", "account": str(card), "amount": "abc"}, "amount"),
        ({"kind": "whole_debt", "amount": "5.00"}, "Leave the amount empty."),
        ({"kind": ""}, "Choose one."),
    ):
        refused = ben.submit(path, **typed, **SAID)
        assert refused.status_code in (409, 422), typed
        assert said in refused.text, typed
        assert "I was never there" in refused.text
    assert desk.read(lambda session: session.scalars(select(Dispute)).all()) == []
    assert (
        desk.read(lambda session: session.scalars(select(Entry).where(Entry.id == theirs)).one()).id == theirs
    )
    again = ben.get(f"/cases/{other_case}/disputes/1/decide")
    assert again.headers["location"] == f"/cases/{other_case}/disputes?do=decide-1&draft=1#do-decide-1"


def test_a_dispute_of_everything_turns_out_to_be_about_a_sum(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, card, _ = a_case(desk)
    ben = desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/disputes"
    ben.submit(path, kind="whole_debt", **SAID)
    [hold] = desk.read(lambda session: session.scalars(select(CaseHold)).all())
    assert hold.ended_at is None
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    ben.submit(
        f"{path}/{dispute.id}/change", kind="amount", account=str(card), amount="50.00", reason="she said so"
    )
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert (dispute.kind, dispute.left_out_minor) == (DisputeKind.AMOUNT, 5_000)
    [hold] = desk.read(lambda session: session.scalars(select(CaseHold)).all())
    assert hold.ended_at is not None
    ben.submit(f"{path}/{dispute.id}/owner", owner="")
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert dispute.owner == ""


def test_goodwill_is_credited_within_the_limit_and_asked_for_beyond_it(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, card, _ = a_case(desk)
    desk.write(_let_managers_credit)
    ben, mia = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    assert "Within a year you may credit" in ben.get(f"/cases/{case_id}?do=goodwill").text
    path = f"/cases/{case_id}/goodwill"
    wrong = ben.submit(path, account="", amount="much", reason="")
    assert wrong.status_code == 422
    beyond = ben.submit(path, account=str(card), amount="40.00", reason="long wait")
    assert "Ask a manager for it" in beyond.text
    assert (
        ben.submit(f"{path}/request", account=str(card), amount="40.00", reason="long wait").status_code
        == 303
    )
    inbox = mia.get("/approvals").text
    assert "Goodwill credit" in inbox
    assert "long wait" in inbox
    mia.submit("/approvals/1/decision", approve="true")
    assert mia.submit(path, account=str(card), amount="5.00", reason="kind").status_code == 303
    assert "40.00 was credited as goodwill" not in mia.get("/approvals").text
    assert "Goodwill credit of" in mia.get(f"/cases/{case_id}").text


def test_the_decision_of_a_dispute_is_read_and_granted_in_the_inbox(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, _, bought = a_case(desk)
    ben, mia = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    path = f"/cases/{case_id}/disputes"
    ben.submit(path, kind="transaction", entry=str(bought), **SAID)
    ben.submit(f"{path}/1/decide/request", outcome="upheld", explanation="No receipt.", reason="shop closed")
    inbox = mia.get("/approvals").text
    for words in ("Decision of a dispute", "upheld, ", "¥80.00", "No receipt.", "shop closed"):
        assert words in inbox
    mia.submit("/approvals/1/decision", approve="true")
    [dispute] = desk.read(lambda session: session.scalars(select(Dispute)).all())
    assert (dispute.outcome, dispute.conceded_minor) == (DisputeOutcome.UPHELD, 8_000)


def test_the_register_shows_what_is_late_first_and_what_to_do_next(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case_id, card, bought = a_case(desk)
    other_id, _, theirs = a_case(desk)
    ben = desk.sign_in(Role.AGENT)
    assert "No dispute matches" in ben.get("/disputes").text
    ben.submit(f"/cases/{case_id}/disputes", kind="transaction", entry=str(bought), **SAID)
    said = {**SAID, "received_on": "2026-01-05"}
    ben.submit(f"/cases/{other_id}/disputes", kind="transaction", entry=str(theirs), **said)
    page = ben.get("/disputes").text
    assert page.index("D-000002") < page.index("D-000001")
    assert "Decide now: the answer is overdue." in page
    assert "Ask for evidence, or decide." in page
    assert "D-000001" not in ben.get("/disputes?state=overdue").text
    assert "No dispute matches" in ben.get("/disputes?owner=-").text
    assert "No dispute matches" in ben.get("/disputes?kind=fee").text
    ben.submit(f"/cases/{case_id}/disputes/1/evidence", what="Receipt", due_on="2026-03-20")
    assert "Evidence is awaited." in ben.get("/disputes?from=2026-03-01").text
    csv = ben.get("/disputes?format=csv").text.splitlines()
    assert csv[1].startswith("D-000002,C-000002,")
    assert "80.00,80.00,CNY,ben,2026-01-05" in csv[1]
    assert desk.sign_in(Role.LEGAL).get("/disputes").status_code == 403


@pytest.mark.parametrize("register", ["/disputes", "/complaints", "/hand-overs", "/duties"])
def test_a_made_up_page_link_is_refused_in_words(sqlite_desk: Desk, register: str) -> None:
    desk = sqlite_desk
    a_case(desk)
    mia = desk.sign_in(Role.MANAGER)
    for made_up in (encode_cursor("soon", 1), encode_cursor("2026-03-02", "one"), encode_cursor(20260302, 1)):
        refused = mia.get(f"{register}?cursor={made_up}")
        assert refused.status_code == 422
        assert "damaged" in refused.text
    assert mia.get(f"{register}?cursor={encode_cursor('2026-03-02', 1)}").status_code == 200
