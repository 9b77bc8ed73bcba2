"""The completeness checklist, and who may export what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.book.portfolios.rules import CollectorKind
from app.core.errors import Conflict, Invalid
from app.legal.bundle.excuses import check_exportable
from app.legal.bundle.receipt import Receipt
from app.legal.checklists.case_file import Dispute, Document, Hold, Statement
from app.legal.checklists.rules import completeness
from app.outreach.outbox.dispatch import Accepted
from tests.legal.builders import NOON, account, case_file, customer, entry, message, portfolio


def missing(**changes: Any) -> set[str]:
    return {item.id for item in completeness(case_file(**changes)) if not item.ok}


def test_a_complete_case_file_misses_nothing() -> None:
    assert missing() == set()


def open_dispute(**changes: Any) -> Dispute:
    return replace(Dispute("D-2", NOON, "never bought it", None, None), **changes)


def hold(kind: str, **changes: Any) -> Hold:
    return replace(Hold(kind, NOON, None, None, "user:anna", "said so"), **changes)


@pytest.mark.parametrize(
    ("changes", "item"),
    [
        ({"customer": customer(name=" ")}, "customer.identity"),
        ({"customer": customer(address_lines=("", " "))}, "customer.identity"),
        ({"customer": customer(country="")}, "customer.identity"),
        ({"accounts": (account(opened_on=None),)}, "account.opened"),
        ({"documents": ()}, "document.agreement"),
        ({"statements": ()}, "statement.coverage"),
        ({"messages": ()}, "contact.reminder"),
        ({"messages": (message(1, sent_at=None),)}, "contact.reminder"),
        ({"messages": (message(1, clearance={}),)}, "contact.clearance"),
        ({"disputes": (open_dispute(),)}, "dispute.none_open"),
        ({"holds": (hold("dispute"),)}, "dispute.none_open"),
        ({"holds": (hold("bankruptcy"),)}, "hold.none_stopping"),
        ({"accounts": (account(balance_minor=1),)}, "ledger.balances"),
        ({"time_barred": ("time-barred since 2026-01-10",)}, "limitation"),
        ({"notices_overdue": ("default sum notice was to leave by 2026-01-10",)}, "notice.owed"),
    ],
)
def test_what_is_missing_is_named(changes: Mapping[str, Any], item: str) -> None:
    assert missing(**changes) == {item}


@pytest.mark.parametrize("status", ["undelivered", "bounced", "failed"])
def test_what_came_back_was_neither_a_reminder_nor_a_notice(status: str) -> None:
    back = message(1, status=status)
    assert missing(messages=(back,)) == {"contact.reminder"}
    assert missing(messages=(back, message(2))) == set()
    demand = message(3, letter="payment-demand", sent_at=NOON - timedelta(days=30), status=status)
    assert "notice.demand" in missing(portfolio=portfolio(policy_pack="no"), messages=(demand, message(2)))


def test_a_confirmation_reminds_nobody() -> None:
    assert missing(messages=(message(1, asks=False),)) == {"contact.reminder"}


def test_a_default_notice_about_an_earlier_default_proves_nothing() -> None:
    due = account().oldest_due_on
    assert due is not None

    def given(on: date) -> set[str]:
        notice = Document("default_notice", "n.pdf", "application/pdf", on, b"%PDF-")
        claim = Document("letter_of_claim", "c.pdf", "application/pdf", due + timedelta(days=1), b"%PDF-")
        agreement = case_file().documents
        found = missing(portfolio=portfolio(policy_pack="uk"), documents=(*agreement, notice, claim))
        return found & {"notice.default"}

    assert given(due) == {"notice.default"}
    assert given(due + timedelta(days=1)) == set()


def test_what_is_over_stops_nothing() -> None:
    ended = hold("bankruptcy", ended_at=NOON)
    settled = open_dispute(resolved_at=NOON)
    assert missing(holds=(ended, hold("vulnerable")), disputes=(settled,)) == set()


def test_a_plan_the_customer_keeps_stands_in_the_way() -> None:
    (plan,) = case_file().plans
    assert missing(plans=(replace(plan, status="active"),)) == {"plan.none_running"}
    assert missing(plans=(replace(plan, status="kept"),)) == set()


def test_statements_must_reach_back_to_the_first_missed_one_without_a_gap() -> None:
    first, second, third = case_file().statements
    assert missing(statements=(second, third)) == {"statement.coverage"}
    later = Statement("S-7", "A-77001", third.closing_on + timedelta(days=63), date(2026, 7, 25), 0, 0)
    assert missing(statements=(first, second, third, later)) == {"statement.coverage"}
    in_time = replace(later, closing_on=third.closing_on + timedelta(days=62))
    assert missing(statements=(in_time, third, second, first)) == set()


def test_an_agency_shows_the_chain_of_assignment() -> None:
    agency = portfolio(collector=CollectorKind.THIRD_PARTY)
    assert missing(portfolio=agency) == {"document.assignment"}
    deed = Document("assignment", "deed.pdf", "application/pdf", date(2026, 1, 1), b"x")
    assert missing(portfolio=agency, documents=(*case_file().documents, deed)) == set()


@pytest.mark.parametrize(("days", "ok"), [(13, False), (14, True), (181, True), (182, False)])
def test_a_norwegian_demand_is_neither_too_young_nor_stale(days: int, ok: bool) -> None:
    sent = message(
        3, letter="payment-demand", sent_at=NOON + (date(2026, 6, 26) - NOON.date()) - timedelta(days=days)
    )
    found = missing(portfolio=portfolio(policy_pack="no"), messages=(sent,))
    assert found == (set() if ok else {"notice.demand"})


def test_packs_of_a_part_of_a_country_take_the_countrys_notices() -> None:
    agency = portfolio(policy_pack="us-nyc@2026-01-01", collector=CollectorKind.THIRD_PARTY)
    assert "notice.validation" in missing(portfolio=agency)
    assert "notice.validation" not in missing(portfolio=portfolio(policy_pack="US"))


def test_an_incomplete_case_needs_a_name_and_a_reason() -> None:
    with pytest.raises(Conflict, match=r"document\.agreement"):
        check_exportable(case_file(documents=()))
    with pytest.raises(Conflict):
        check_exportable(
            case_file(documents=(), incomplete_reason="the branch looks for it", exported_by=" ")
        )
    items = check_exportable(case_file(documents=(), incomplete_reason="the branch looks for it"))
    assert [item.id for item in items if not item.ok] == ["document.agreement"]


def test_no_reason_excuses_a_ledger_that_does_not_sum_to_the_claim() -> None:
    with pytest.raises(Conflict, match=r"1234\.50 EUR.*1234\.51 EUR"):
        check_exportable(case_file(claimed_minor=123_451, incomplete_reason="rounding"))


def test_entries_of_a_stranger_are_refused() -> None:
    stray = entry("T-9", "fee", date(2026, 4, 1), 0, account_ref="A-0")
    with pytest.raises(Conflict, match="A-0"):
        check_exportable(case_file(entries=(*case_file().entries, stray)))


@pytest.mark.parametrize("bundle_id", ["", "../x", "a/b", ".hidden", "a b", "x" * 101, "ä"])
def test_a_bundle_id_is_a_safe_folder_name(bundle_id: str) -> None:
    with pytest.raises(Invalid):
        check_exportable(case_file(bundle_id=bundle_id))


def test_a_receipt_settles_an_outbox_row_like_any_acceptance() -> None:
    receipt = Receipt("R-1", "B-1", "2026-06-26T10:00:00Z", 3, "0" * 64)
    assert receipt.provider_ref == Accepted("R-1").provider_ref
