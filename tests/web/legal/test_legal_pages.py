"""The legal team's pages: two people decide, the checklist speaks, bundles are sealed, verified and handed over."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import DailyRun
from app.casework.cases.events import NoteAdded
from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM, Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.tokens import issue_token
from app.legal.bundle.events import BundleBuilt, BundleDownloaded
from app.legal.bundle.models import Bundle
from app.legal.bundle.receipt import Receipt
from app.legal.bundle.sealing.certificate import Certificate
from app.legal.bundle.service import Seal
from app.legal.bundle.verification import verify
from app.legal.handover.transport import BundleTransport
from app.legal.referrals.events import ReferralApproved, ReferralDeclined, ReferralReturned
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.referrals.nominations import nominate_cases
from app.legal.referrals.service import nominate
from app.legal.timestamps.models import TimeStamp
from app.outreach.delivery.sending import deliver_due
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from tests.builders import events
from tests.legal.builders import KEY, no_page
from tests.legal.bundle.test_seals import KEYS, issue
from tests.web import book
from tests.web.book import lived_in
from tests.web.desk import NOW, Browser, Desk


@dataclass
class AcceptingDesk:
    """A legal desk that takes everything and keeps it."""

    taken: dict[str, bytes] = field(default_factory=dict)

    def deliver(self, bundle_id: str, bundle: bytes) -> Receipt:
        self.taken[bundle_id] = bundle
        return Receipt("R-1", bundle_id, "2026-03-02T09:00:00Z", 12, "00")


@pytest.fixture
def legal_desk(desk: Desk) -> AcceptingDesk:
    """The desk with a key to sign with and a legal desk to deliver to."""
    accepting = AcceptingDesk()
    desk.app.state.ports = replace(desk.app.state.ports, seal=Seal(KEY, no_page), legal_desk=accepting)
    return accepting


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return lived_in(desk.engine)


@pytest.fixture
def lars(desk: Desk, lived: book.Book) -> Browser:
    return desk.sign_in(Role.LEGAL)


def referral(desk: Desk) -> Referral:
    return desk.read(lambda session: session.get_one(Referral, 1))


def bundles(desk: Desk) -> list[Bundle]:
    return desk.read(lambda session: list(session.scalars(book.builders.select(Bundle).order_by("id"))))


def told(desk: Desk, *kinds: str) -> list[Mapping[str, object]]:
    return desk.read(lambda session: events(session, *kinds))


WHY = "the court sets a date on Friday"
REASON = {"excuse.document.agreement": WHY, "excuse.contact.reminder": WHY}
"""All that is missing: Cai was never written to."""


def test_legal_decides_managers_look_on_the_others_stay_out(desk: Desk, lived: book.Book) -> None:
    for role in Role:
        browser = desk.sign_in(role)
        opens = role in (Role.LEGAL, Role.MANAGER)
        for path in ("/legal", "/legal/1"):
            assert browser.get(path).status_code == (200 if opens else 403), (role, path)
        if role is not Role.LEGAL:
            for path in ("decide", "bundles", "bundles/1/hand-over"):
                answer = browser.submit(f"/legal/1/{path}", approve="true")
                assert answer.status_code == 403, (role, path)
    assert ">Approve</button>" in desk.sign_in(Role.LEGAL).get("/legal/1").text
    assert ">Approve</button>" not in desk.sign_in(Role.MANAGER).get("/legal/1").text
    assert referral(desk).status is ReferralStatus.NOMINATED


def test_the_list_says_what_who_and_why(lars: Browser) -> None:
    page = lars.get("/legal").text
    assert "Cai Dong" in page
    assert "Nominated (1)" in page
    assert "days past due" in page
    [row] = csv.DictReader(io.StringIO(lars.get("/legal?format=csv").text.removeprefix("\ufeff")))
    assert (row["customer"], row["past_due"], row["nominated_by"]) == ("Cai Dong", "50.00", "system")
    for status in ("approved", "delivered", "declined", "nonsense"):
        assert lars.get(f"/legal?status={status}").status_code == 200
    assert lars.get("/legal/99").status_code == 404


def test_the_list_says_what_the_page_behind_it_says(lars: Browser, desk: Desk) -> None:
    """A payment of the last closed day that is entered the day after counts on both."""

    def late(session: Session) -> None:
        case = session.get_one(CollectionsCase, referral(desk).case_id)
        account = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        on = session.scalars(
            select(DailyRun.business_date).order_by(col(DailyRun.business_date).desc())
        ).first()
        assert on is not None
        post_by_hand(
            session,
            account,
            EntryKind.PAYMENT,
            2_000,
            on,
            "",
            by=Actor.user("mei"),
            role=Role.MANAGER,
            now=NOW,
        )

    desk.write(late)
    assert "CN¥30.00" in lars.get("/legal").text
    assert "CN¥50.00" not in lars.get("/legal").text
    assert "CN¥30.00" in lars.get("/legal/1").text
    [row] = csv.DictReader(io.StringIO(lars.get("/legal?format=csv").text.removeprefix("\ufeff")))
    assert row["past_due"] == "30.00"


@pytest.mark.parametrize(
    ("approve", "status", "kind"),
    [
        ("true", ReferralStatus.APPROVED, ReferralApproved.KIND),
        ("false", ReferralStatus.DECLINED, ReferralDeclined.KIND),
    ],
)
def test_a_decision_is_made_once(
    desk: Desk, lars: Browser, approve: str, status: ReferralStatus, kind: str
) -> None:
    assert lars.submit("/legal/1/decide", approve=approve, reason="pays again").status_code == 303
    row = referral(desk)
    assert (row.status, row.decided_by, row.decided_at) == (status, "user:lars", NOW)
    [event] = told(desk, kind)
    assert (event["by"], event["referral"]) == ("user:lars", 1)
    assert lars.submit("/legal/1/decide", approve="true").status_code == 409
    assert referral(desk).status is status


@pytest.mark.parametrize(
    ("role", "words", "is_recall"),
    [(Role.LEGAL, "Return the case", False), (Role.MANAGER, "Recall the case", True)],
)
def test_a_case_comes_back_on_its_page(
    desk: Desk, lars: Browser, role: Role, words: str, is_recall: bool
) -> None:
    assert words not in lars.get("/legal/1").text, "it is only nominated"
    lars.submit("/legal/1/decide", approve="true")
    browser = lars if role is Role.LEGAL else desk.sign_in(role)
    assert words in browser.get("/legal/1").text
    refused = browser.submit("/legal/1/return", reason=" ")
    assert (refused.status_code, "Say why the case comes back." in refused.text) == (422, True)
    assert browser.submit("/legal/1/return", reason="the claim is too small").status_code == 303
    assert referral(desk).status is ReferralStatus.RETURNED
    [event] = told(desk, ReferralReturned.KIND)
    assert (event["reason"], event["is_recall"]) == ("the claim is too small", is_recall)
    page = browser.get("/legal/1").text
    assert words not in page
    assert "the claim is too small" in page
    assert "the claim is too small" in lars.get("/legal?status=returned").text
    [row] = csv.DictReader(
        io.StringIO(lars.get("/legal?status=returned&format=csv").text.removeprefix("\ufeff"))
    )
    assert row["return_reason"] == "the claim is too small"


@pytest.mark.parametrize("nominator", [Actor.user("lars"), Actor.token("archive")])
def test_whoever_nominated_a_case_does_not_approve_it(desk: Desk, lars: Browser, nominator: Actor) -> None:
    """In person, or by a token of theirs."""

    def by_lars(session: book.builders.Session) -> int:
        issue_token(session, "archive", Role.LEGAL, owner="lars", by=SYSTEM, now=NOW)
        of_bo = CollectionsCase.customer_id == 2
        case = session.scalars(book.builders.select(CollectionsCase).where(of_bo)).one()
        return id_of(nominate(session, case, "refuses to pay", by=nominator, now=NOW))

    number = desk.write(by_lars)
    page = lars.get(f"/legal/{number}").text
    assert "Two people are needed" in page
    assert ">Approve</button>" not in page
    assert lars.submit(f"/legal/{number}/decide", approve="true").status_code == 403
    assert told(desk, ReferralApproved.KIND) == []


def test_a_closed_case_can_only_be_declined(desk: Desk, lars: Browser) -> None:
    def close(session: book.builders.Session) -> None:
        case = session.get_one(CollectionsCase, session.get_one(Referral, 1).case_id)
        case.status = book.builders.CaseStatus.CLOSED

    desk.write(close)
    assert "can only be declined" in lars.get("/legal/1").text
    assert lars.submit("/legal/1/decide", approve="true").status_code == 409
    assert lars.submit("/legal/1/decide", approve="false", reason="pays again").status_code == 303


def test_nobody_is_nominated_over_nothing(desk: Desk) -> None:
    """A minimum can stay unpaid on an account whose balance is gone: there is nothing to go to court for."""

    def nominated(session: book.builders.Session) -> int:
        long_ago = NOW.date() - timedelta(days=120)
        case = book.builders.delinquent_case(session, due_on=long_ago, on=NOW.date(), balance_minor=0)
        portfolio = session.get_one(book.builders.Portfolio, case.portfolio_id)
        return nominate_cases(session, portfolio, NOW.date(), now=NOW)

    assert desk.write(nominated) == 0


def test_what_is_missing_is_said_and_needs_a_reason(
    desk: Desk, legal_desk: AcceptingDesk, lars: Browser
) -> None:
    page = lars.get("/legal/1").text
    assert "Credit agreement" in page
    assert "no document of kind agreement" in page
    answer = lars.submit("/legal/1/bundles", **{"excuse.document.agreement": "  "})
    assert answer.status_code == 422
    assert "Say why the file may go without it." in answer.text
    assert bundles(desk) == []

    assert lars.submit("/legal/1/bundles", **REASON).status_code == 303
    [made] = bundles(desk)
    assert (made.complete, made.incomplete_reason, made.built_by) == (False, WHY, "user:lars")
    assert verify(made.content, KEY.public_key()).ok
    [event] = told(desk, BundleBuilt.KIND)
    assert (event["bundle"], event["sha256"], event["by"]) == (made.reference, made.sha256, "user:lars")
    page = lars.get("/legal/1").text
    assert made.sha256 in page
    assert WHY in page


def test_a_later_bundle_supersedes_and_both_can_be_fetched(
    desk: Desk, legal_desk: AcceptingDesk, lars: Browser
) -> None:
    lars.submit("/legal/1/bundles", **REASON)
    lars.submit("/legal/1/bundles", **REASON)
    first, second = bundles(desk)
    assert second.supersedes == first.reference
    assert f"Superseded by {second.reference}" in lars.get("/legal/1").text
    for made, browser in ((first, lars), (second, desk.sign_in(Role.MANAGER))):
        answer = browser.get(f"/legal/1/bundles/{made.id}")
        assert answer.content == made.content
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == f'attachment; filename="{made.reference}.zip"'
    assert [(e["by"], e["bundle"]) for e in told(desk, BundleDownloaded.KIND)] == [
        ("user:lars", first.reference),
        ("user:mei", second.reference),
    ]
    assert lars.get("/legal/1/bundles/99").status_code == 404


def test_nothing_is_sealed_with_a_certificate_that_expired(desk: Desk, lars: Browser) -> None:
    old = Certificate(KEYS["P-256"], (issue("Bank", KEYS["P-256"], issued=datetime(2010, 1, 1, tzinfo=UTC)),))
    desk.app.state.ports = replace(desk.app.state.ports, seal=Seal(KEY, no_page, old))
    refused = lars.submit("/legal/1/bundles", **REASON)
    assert (refused.status_code, "DESK_SEAL_CERTIFICATE" in refused.text) == (409, True)
    assert bundles(desk) == []


def test_a_time_stamp_is_shown_and_fetched_once_it_is_there(
    desk: Desk, legal_desk: AcceptingDesk, lars: Browser
) -> None:
    lars.submit("/legal/1/bundles", **REASON)
    missing = lars.get("/legal/1/bundles/1/time-stamp")
    assert (missing.status_code, "DESK_TSA_URL" in missing.text) == (404, True)
    assert "Time stamp" not in lars.get("/legal/1").text
    stamp = TimeStamp(bundle_id=1, stamped_at=NOW, authority="tsa.example.org", response=b"a stamp")
    desk.write(lambda session: session.add(stamp))
    assert "by tsa.example.org" in lars.get("/legal/1").text
    answer = lars.get("/legal/1/bundles/1/time-stamp")
    assert (answer.content, answer.headers["content-type"]) == (b"a stamp", "application/timestamp-reply")
    assert answer.headers["content-disposition"].endswith('-01.tsr"')
    assert desk.sign_in(Role.AGENT).get("/legal/1/bundles/1/time-stamp").status_code == 403


def test_the_page_verifies_a_seal_and_names_what_is_broken(
    desk: Desk, legal_desk: AcceptingDesk, lars: Browser
) -> None:
    lars.submit("/legal/1/bundles", **REASON)
    assert "every byte is as it was sealed" in lars.get("/legal/1?verified=1").text

    def spoil(session: book.builders.Session) -> None:
        made = session.get_one(Bundle, 1)
        at = len(made.content) // 2
        made.content = made.content[:at] + bytes([made.content[at] ^ 1]) + made.content[at + 1 :]

    desk.write(spoil)
    assert "does not verify" in lars.get("/legal/1?verified=1").text
    assert lars.get("/legal/1?verified=99").status_code == 200


def test_a_bundle_is_handed_over_once_approved_and_its_receipt_is_shown(
    desk: Desk, legal_desk: AcceptingDesk, lars: Browser
) -> None:
    lars.submit("/legal/1/bundles", **REASON)
    assert lars.submit("/legal/1/bundles/1/hand-over").status_code == 409  # not approved yet
    lars.submit("/legal/1/decide", approve="true")
    for _ in range(2):
        assert lars.submit("/legal/1/bundles/1/hand-over").status_code == 303
    [made] = bundles(desk)
    [row] = [m for m in book.builders.messages(desk.engine) if m.destination is Destination.LEGAL_DESK]
    assert (row.bundle_id, row.status) == (made.id, OutboxStatus.QUEUED)
    [note] = [e for e in told(desk, NoteAdded.KIND) if made.reference in str(e["text"])]
    assert note["by"] == "user:lars"
    assert "Waiting to be delivered" in lars.get("/legal/1").text

    transports = {Destination.LEGAL_DESK: BundleTransport(legal_desk)}
    deliver_due(desk.engine, transports, worker="w", clock=desk.clock)
    assert legal_desk.taken == {made.reference: made.content}
    assert referral(desk).status is ReferralStatus.DELIVERED
    assert json.loads(bundles(desk)[0].receipt)["receipt_id"] == "R-1"
    page = lars.get("/legal/1").text
    assert "R-1" in page
    assert "Delivered" in page


def test_an_older_bundle_is_not_handed_over(desk: Desk, legal_desk: AcceptingDesk, lars: Browser) -> None:
    lars.submit("/legal/1/decide", approve="true")
    lars.submit("/legal/1/bundles", **REASON)
    lars.submit("/legal/1/bundles", **REASON)
    assert lars.submit("/legal/1/bundles/1/hand-over").status_code == 409
    assert desk.read(lambda s: s.scalars(book.builders.select(OutboxMessage).where(
        OutboxMessage.destination == Destination.LEGAL_DESK)).all()) == []  # fmt: skip


def test_without_a_key_or_a_legal_desk_the_page_says_how_to_set_them(desk: Desk, lars: Browser) -> None:
    assert "DESK_BUNDLE_KEY" in lars.get("/legal/1").text
    answer = lars.submit("/legal/1/bundles", **REASON)
    assert answer.status_code == 409
    assert "DESK_BUNDLE_KEY" in answer.text
    desk.app.state.ports = replace(desk.app.state.ports, seal=Seal(KEY, no_page))
    lars.submit("/legal/1/bundles", **REASON)
    lars.submit("/legal/1/decide", approve="true")
    assert "DESK_LEGAL_URL" in lars.get("/legal/1").text
    assert lars.submit("/legal/1/bundles/1/hand-over").status_code == 409
    assert lars.submit("/legal/1/bundles", **REASON).status_code == 303


def test_a_declined_referral_gets_no_bundle(desk: Desk, legal_desk: AcceptingDesk, lars: Browser) -> None:
    lars.submit("/legal/1/decide", approve="false", reason="pays again")
    assert lars.submit("/legal/1/bundles", **REASON).status_code == 409
    assert bundles(desk) == []


def test_the_claim_is_shown_line_by_line_and_an_export_says_what_it_cannot_carry(
    lars: Browser, desk: Desk, legal_desk: AcceptingDesk
) -> None:
    page = lars.get("/legal/1").text
    assert "Claimed on account" in page
    assert "A payment pays" in page
    assert lars.submit("/legal/1/decide", approve="true").status_code in (200, 303)
    assert lars.submit("/legal/1/bundles", **REASON).status_code in (200, 303)
    [bundle] = bundles(desk)
    path = f"/legal/1/bundles/{bundle.id}/exports/england"
    assert path not in lars.get("/legal/1").text, "not a form for a customer in China"
    shown = lars.get(path).text
    assert "takes claims in GBP" in shown
    assert "signed_by is missing" not in shown, "before anything was typed"
    refused = lars.submit(path, signed_by="Lars", sdt_customer="1")
    assert refused.status_code == 422
    assert "is not a number of 8 digits" in refused.text
    assert lars.get("/legal/1/bundles/99/exports/england").status_code == 404
    assert desk.sign_in(Role.MANAGER).get(path).status_code == 403
