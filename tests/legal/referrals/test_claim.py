"""What a case file claims, on real books: what is due, of one day, and nothing where nothing is owed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.plans.printed import agreement_pdf
from app.actions.referrals import seal_bundle
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.waivers import decide_waiver, waive
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    start_hold,
)
from app.casework.plans.rules import PlanStatus
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind, Purpose
from app.legal.bundle.models import Bundle
from app.legal.bundle.receipt import Receipt
from app.legal.bundle.service import Seal, build_bundle, single_excuse
from app.legal.bundle.verification import verify
from app.legal.checklists.items import gaps
from app.legal.checklists.loading import checklist_of, load_case_file
from app.legal.checklists.rules import completeness
from app.legal.handover.service import hand_over
from app.legal.handover.transport import BundleTransport
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.referrals.nominations import nominate_cases
from app.legal.referrals.service import decide, nominate
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.events import ContactRefused, ContactWithheld
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.programs.ports import make_paper
from tests import builders
from tests.legal.builders import KEY, no_page
from tests.outreach.agreements.made import agreement

DUE = date(2026, 3, 10)
CLOSED = DUE + timedelta(days=40)
NEXT = CLOSED + timedelta(days=1)
SEAL = Seal(KEY, no_page)


def noon(on: date) -> datetime:
    return builders.at(on)


def built(engine: Engine, case: CollectionsCase, on: date = NEXT) -> Bundle:
    with transaction(engine) as session:
        own = session.get_one(CollectionsCase, case.id)
        return build_bundle(
            session, own, SEAL, incomplete_reason="a test", by=Actor.user("ann"), now=noon(on)
        )


def files(bundle: Bundle) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def claim(bundle: Bundle) -> tuple[str, list[str]]:
    """The claim, and the accounts that make it; the ledger in the bag sums to it."""
    held = files(bundle)
    told = json.loads(held["data/case.json"])
    rows = csv.DictReader(io.StringIO(held["data/ledger.csv"].decode()))
    amount = told["claim"]["amount"]
    assert sum(round(float(row["amount"]) * 100) for row in rows) == round(float(amount) * 100)
    return amount, [each["account_ref"] for each in told["accounts"]]


def late(session: Session, book: Portfolio, **changes: object) -> tuple[Customer, Account]:
    card = builders.late_customer(session, book, due_on=DUE, **changes)  # type: ignore[arg-type]
    return session.get_one(Customer, card.customer_id), card


def case_of(engine: Engine, customer: Customer) -> CollectionsCase:
    with Session(engine, expire_on_commit=False) as session:
        query = select(CollectionsCase).where(CollectionsCase.customer_id == customer.id)
        return session.scalars(query).one()


def test_the_agreements_that_were_made_are_in_the_bundle_as_they_are_printed(engine: Engine) -> None:
    with transaction(engine) as session:
        who, _ = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    case = case_of(engine, who)
    parts = [(NEXT + timedelta(days=days), 2_500) for days in (10, 40)]
    with transaction(engine) as session:
        own = session.get_one(CollectionsCase, case.id)
        broken = agreement(session, own, parts, accepted_on=CLOSED, status=PlanStatus.BROKEN, ended_on=CLOSED)
        agreement(session, own, parts, accepted_on=NEXT, status=PlanStatus.CANCELLED)
        offered = agreement(session, own, parts, accepted_on=CLOSED, status=PlanStatus.CANCELLED)
        offered.accepted_on = None
        session.flush()
        ports = SimpleNamespace(seal=SEAL, catalog=builders.catalog(), paper=make_paper())
        reasons = {item.id: "a test" for item in gaps(checklist_of(session, own, now=noon(NEXT)))}
        sealed = [
            seal_bundle(session, own, ports, reasons, by=Actor.user("ann"), now=noon(NEXT)) for _ in range(2)
        ]
        printed = agreement_pdf(session, broken, ports)
        ports.paper = None
        bare = seal_bundle(session, own, ports, reasons, by=Actor.user("ann"), now=noon(NEXT))
    for bundle in sealed:
        held = files(bundle)
        assert [name for name in held if name.startswith("data/agreements/")] == [
            f"data/agreements/{broken.reference}.pdf", "data/agreements/index.json",
        ], "neither an offer nor what was agreed after the day of the figures"  # fmt: skip
        assert held[f"data/agreements/{broken.reference}.pdf"] == printed
        assert f"data/agreements/{broken.reference}.pdf" in held["manifest-sha256.txt"].decode()
        [told] = json.loads(held["data/agreements/index.json"])
        assert (told["plan"], told["sha256"]) == (broken.reference, hashlib.sha256(printed).hexdigest())
        assert verify(bundle.content, KEY.public_key()).ok
    [told] = json.loads(files(bare)["data/agreements/index.json"])
    assert told["file"] is None
    assert told["why_not"].startswith("This installation prints no letters.")


def test_a_claim_is_what_is_due(engine: Engine) -> None:
    """Not the healthy card, nothing set off that nobody decided, and a charged-off card is not forgiven."""
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        healthy, _ = late(session, book)
        other = builders.account(session, healthy, reference="HEALTHY")
        builders.entry(session, other, EntryKind.PURCHASE, 500_000, date(2026, 3, 1))
        builders.statement(session, other, date(2026, 3, 5), date(2026, 6, 30), 1_000)
        overpaid, _ = late(session, book)
        builders.payment(session, builders.account(session, overpaid, reference="OVERPAID"), 30_000, DUE)
        charged, gone = late(session, book)
        second = builders.account(session, charged, reference="SECOND")
        builders.entry(session, second, EntryKind.PURCHASE, 20_000, date(2026, 2, 1))
        builders.statement(session, second, date(2026, 2, 18), DUE, 1_000)
    builders.close_day(engine, CLOSED)
    assert claim(built(engine, case_of(engine, healthy)))[0] == "1000.00"
    sealed = built(engine, case_of(engine, overpaid))
    assert claim(sealed)[0] == "1000.00"
    [left_out] = json.loads(files(sealed)["data/case.json"])["accounts_not_claimed"]
    assert (left_out["account_ref"], left_out["balance"]) == ("OVERPAID", "-300.00")

    with transaction(engine) as session:
        card = session.get_one(Account, gone.id)
        change_status(
            session, card, AccountStatus.CHARGED_OFF, NEXT, "180 days", by=Actor.user("grace"), now=noon(NEXT)
        )
    builders.close_day(engine, NEXT)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, gone.id), 10_000, NEXT + timedelta(days=1))
    builders.close_day(engine, NEXT + timedelta(days=1))
    amount, accounts = claim(sealed := built(engine, case_of(engine, charged), NEXT + timedelta(days=2)))
    assert (amount, len(accounts)) == ("1100.00", 2)  # 1,000 charged off less 100 recovered, and 200
    assert b"write_off" in files(sealed)["data/off-book.csv"]


def test_what_the_creditor_charged_off_is_claimed_once(engine: Engine) -> None:
    """In parts before it came, or again although it was charged off here: less what was recovered, and the forgiven fee
    stays forgiven."""
    gone = DUE + timedelta(days=5)
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        anna, _ = late(session, book, balance=20_000)
        came = builders.account(session, anna, status=AccountStatus.CHARGED_OFF)
        builders.entry(session, came, EntryKind.OPENING_BALANCE, 100_000, date(2026, 1, 5))
        builders.entry(session, came, EntryKind.WRITE_OFF, 2_000, DUE)
        for amount in (40_000, 58_000):
            builders.entry(session, came, EntryKind.WRITE_OFF, amount, gone)
        builders.payment(session, came, 15_000, gone + timedelta(days=1))
        ben, twice = late(session, book)
        second = builders.account(session, ben)
        builders.entry(session, second, EntryKind.PURCHASE, 20_000, date(2026, 2, 1))
        builders.statement(session, second, date(2026, 2, 18), DUE, 1_000)
    builders.close_day(engine, CLOSED)
    with transaction(engine) as session:
        card = session.get_one(Account, twice.id)
        builders.entry(session, card, EntryKind.WRITE_OFF, 100_000, CLOSED)
        change_status(
            session, card, AccountStatus.CHARGED_OFF, NEXT, "as told", by=Actor.user("grace"), now=noon(NEXT)
        )
        builders.entry(session, card, EntryKind.WRITE_OFF, 100_000, NEXT)
    builders.close_day(engine, NEXT)
    after = NEXT + timedelta(days=1)
    assert claim(built(engine, case_of(engine, anna), after))[0] == "1030.00"
    assert claim(built(engine, case_of(engine, ben), after))[0] == "1200.00"


def test_all_figures_are_of_one_closed_day(engine: Engine) -> None:
    """A payment of this morning is told apart: it is neither in the claim nor in what is past due."""
    with transaction(engine) as session:
        anna, card = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    case = case_of(engine, anna)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card.id), 2_000, NEXT)
        file = load_case_file(session, case, bundle_id="X", now=noon(NEXT))
    assert (file.as_of, file.claimed_minor, file.owed_now_minor) == (CLOSED, 100_000, 98_000)
    [account] = file.accounts
    assert (account.past_due_minor, account.days_past_due) == (5_000, 40)
    assert [entry.amount_minor for entry in file.since] == [-2_000]
    assert claim(built(engine, case_of(engine, anna)))[0] == "1000.00"


def test_nothing_owed_nothing_sealed(engine: Engine) -> None:
    """Who paid this morning is not taken to court over last night's figures."""
    with transaction(engine) as session:
        anna, card = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    case = case_of(engine, anna)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card.id), 100_000, NEXT)
    with pytest.raises(Conflict, match=r"Something is owed and past due: 1000.00 CNY .* 0.00 CNY today"):
        built(engine, case)


def referred(engine: Engine, case: CollectionsCase) -> None:
    with transaction(engine) as session:
        nominate(session, session.get_one(CollectionsCase, case.id), "late", by=SYSTEM, now=noon(NEXT))


def approve(engine: Engine, now: datetime | None = None) -> None:
    with transaction(engine) as session:
        referral = session.scalars(select(Referral)).one()
        decide(session, referral, approve=True, by=Actor.user("lena"), now=now or noon(NEXT))


@pytest.mark.parametrize("kind", [HoldKind.DECEASED, HoldKind.BANKRUPTCY, HoldKind.DISPUTE])
def test_what_is_never_excused_stops_each_step(engine: Engine, kind: HoldKind) -> None:
    """Approval, sealing, hand-over, and the delivery of what was handed over before."""

    class Desk:
        taken: list[str] = []

        def deliver(self, bundle_id: str, bundle: bytes) -> Receipt:
            self.taken.append(bundle_id)
            return Receipt("R-1", bundle_id, "2026-04-20T09:00:00Z", 12, "00")

    with transaction(engine) as session:
        anna, _ = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    case = case_of(engine, anna)
    referred(engine, case)

    def hold(on: bool) -> None:
        with transaction(engine) as session:
            own = session.get_one(CollectionsCase, case.id)
            if on:
                held = start_hold(
                    session,
                    own,
                    kind,
                    "told us",
                    NEXT + timedelta(days=20),
                    by=Actor.user("mei"),
                    today=NEXT,
                    now=noon(NEXT),
                )
                ids.append(id_of(held))
            else:
                close_hold(
                    session,
                    session.get_one(CaseHold, ids[-1]),
                    by=Actor.user("mei"),
                    now=noon(NEXT),
                    reason="a mistake",
                    decided_by="Mei",
                )

    ids: list[int] = []
    hold(True)
    with pytest.raises(Conflict, match="no reason excuses it"):
        approve(engine)
    with pytest.raises(Conflict, match="no reason excuses it"):
        built(engine, case)
    hold(False)
    approve(engine)
    bundle = built(engine, case)
    with transaction(engine) as session:
        hand_over(session, session.get_one(CollectionsCase, case.id), bundle, now=noon(NEXT))
    hold(True)
    desk = Desk()
    deliver_due(
        engine, {Destination.LEGAL_DESK: BundleTransport(desk)}, worker="w", clock=FixedClock(noon(NEXT))
    )
    assert desk.taken == []
    with transaction(engine) as session:
        row = session.scalars(
            select(OutboxMessage).where(OutboxMessage.destination == Destination.LEGAL_DESK)
        ).one()
        assert row.status is OutboxStatus.WITHHELD
        assert "no reason excuses it" in row.error
        with pytest.raises(Conflict):
            hand_over(session, session.get_one(CollectionsCase, case.id), bundle, now=noon(NEXT))


def test_gaps_are_excused_one_by_one_by_a_named_person(engine: Engine) -> None:
    with transaction(engine) as session:
        anna, _ = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    case = case_of(engine, anna)

    def build(**excuses: str) -> Bundle:
        with transaction(engine) as session:
            own = session.get_one(CollectionsCase, case.id)
            reasons = {name.replace("__", "."): why for name, why in excuses.items()}
            return build_bundle(session, own, SEAL, excuses=reasons, by=Actor.user("lena"), now=noon(NEXT))

    with pytest.raises(Conflict, match="contact.reminder"):
        build(document__agreement="on paper in the branch")
    with pytest.raises(Invalid, match="The checklist has no item"):
        build(document__agreemint="on paper")
    with transaction(engine) as session:
        items = completeness(load_case_file(session, case, bundle_id="X", now=noon(NEXT)))
        with pytest.raises(Conflict, match="Items are missing. Give a reason for each"):
            single_excuse(items, "copy to follow")
    bundle = build(document__agreement="on paper in the branch", contact__reminder="moved abroad")
    assert not bundle.complete
    told = json.loads(files(bundle)["data/case.json"])["excuses"]
    assert [(each["item"], each["by"]) for each in told] == [
        ("document.agreement", "user:lena"),
        ("contact.reminder", "user:lena"),
    ]


def test_declining_needs_a_reason(engine: Engine) -> None:
    with transaction(engine) as session:
        anna, _ = late(session, builders.portfolio(session))
    builders.close_day(engine, CLOSED)
    referred(engine, case_of(engine, anna))
    with transaction(engine) as session:
        referral = session.scalars(select(Referral)).one()
        with pytest.raises(Invalid, match="Say why"):
            decide(session, referral, approve=False, reason=" ", by=Actor.user("lena"), now=noon(NEXT))
        decide(session, referral, approve=False, reason="pays again", by=Actor.user("lena"), now=noon(NEXT))
        assert (referral.status, referral.decision_reason) == (ReferralStatus.DECLINED, "pays again")


def test_no_reminder_leaves_once_the_legal_team_has_the_case(engine: Engine) -> None:
    """What was queued before the approval is withheld, and nights queue no more."""
    with transaction(engine) as session:
        anna, _ = late(session, builders.portfolio(session))
    builders.close_day(engine, DUE + timedelta(days=3))
    case = case_of(engine, anna)
    referred(engine, case)
    early = builders.night_after(DUE + timedelta(days=3))
    approve(engine, early)
    sender = builders.deliver(engine, builders.at(DUE + timedelta(days=4)))
    assert sender.sent == []
    builders.close_day(engine, CLOSED)
    assert builders.deliver(engine, noon(NEXT)).sent == []
    with Session(engine) as session:
        refused = [e for e in builders.events(session, ContactWithheld.KIND, ContactRefused.KIND)]
    rules = {reason["rule"] for event in refused for reason in event.get("reasons", [])}
    assert "desk.with_legal" in rules


@pytest.mark.parametrize(
    ("letter", "nominated"),
    [
        (None, 0),
        ({"days": 13}, 0),
        ({"days": 14}, 1),
        ({"days": 30}, 1),
        ({"days": 30, "console_only": True}, 0),
        ({"days": 30, "status": OutboxStatus.BOUNCED}, 0),
        ({"days": 30, "status": OutboxStatus.WITHHELD, "sent_at": None}, 0),
        ({"days": 30, "purpose": Purpose.CONFIRMATION}, 0),
        ({"days": 119}, 1),
        ({"days": 120}, 0),  # about something that was due before, and is paid
    ],
)
def test_nobody_is_nominated_to_whom_no_letter_really_went(
    engine: Engine, letter: dict[str, Any] | None, nominated: int
) -> None:
    on = DUE + timedelta(days=120)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=on)
        book = session.get_one(Portfolio, case.portfolio_id)
        if letter:
            sent_at = builders.at(on - timedelta(days=letter["days"]), 23)
            about = {"status": OutboxStatus.SENT, "sent_at": sent_at, **letter}
            about.pop("days")
            builders.queued_message(session, case, on=on - timedelta(days=letter["days"]), **about)
        assert nominate_cases(session, book, on, now=builders.night_after(on)) == nominated


def test_a_notice_that_the_law_wants_first_keeps_the_night_from_nominating(engine: Engine) -> None:
    """A lender in the United Kingdom sues nobody without a default notice and a letter of claim."""
    on = DUE + timedelta(days=120)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=on)
        book = session.get_one(Portfolio, case.portfolio_id)
        book.pack = "uk"
        session.get_one(Customer, case.customer_id).country = "GB"
        sent_at = builders.at(on - timedelta(days=60))
        builders.queued_message(session, case, on=on, status=OutboxStatus.SENT, sent_at=sent_at)
        assert nominate_cases(session, book, on, now=builders.night_after(on)) == 0


def test_each_part_of_the_claim_is_told_before_and_after_the_charge_off(engine: Engine) -> None:
    """A charged-off card with interest, a late fee, a waived fee and a payment that bounced: the file says part by part
    what is left of each, and its ledger sums to every figure of it."""
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        anna, card = late(session, book)
        builders.entry(session, card, EntryKind.INTEREST, 4_000, DUE)
        fee = builders.entry(session, card, EntryKind.FEE, 3_500, DUE, reference="late-fee:S-1")
        bounced = builders.payment(session, card, 50_000, DUE + timedelta(days=2))
        by, at = Actor.user("grace"), noon(CLOSED)
        waiver = waive(session, fee, 500, "goodwill", by=Actor.user("ben"), role=Role.AGENT, now=at)
        decide_waiver(session, waiver, approve=True, by=by, role=Role.MANAGER, now=at)
        reverse_entry(session, bounced, reason="returned", posted_on=CLOSED, by=by, now=at)
    builders.close_day(engine, CLOSED)
    with transaction(engine) as session:
        own = session.get_one(Account, card.id)
        change_status(session, own, AccountStatus.CHARGED_OFF, NEXT, "180 days", by=by, now=noon(NEXT))
    after = NEXT + timedelta(days=1)
    builders.close_day(engine, NEXT)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card.id), 1_500, after)
    builders.close_day(engine, after)
    sealed = built(engine, case_of(engine, anna), after + timedelta(days=1))
    assert verify(sealed.content, KEY.public_key()).ok
    told = json.loads(files(sealed)["data/case.json"])["claim"]
    [account] = told["accounts"]
    whole = {"principal": "1000.00", "interest": "40.00", "penalty": "30.00", "fees": "0.00", "costs": "0.00"}
    assert account["charged_off_on"] == NEXT.isoformat()
    assert account["at_charge_off"] == {**whole, "total": "1070.00"}
    # The law of this place pays costs and penalties first.
    assert account["claimed"] == {**whole, "penalty": "15.00", "total": "1055.00"}
    assert account["last_payment"] == {"on": after.isoformat(), "amount": "15.00"}
    assert told["amount"] == told["parts"]["total"] == "1055.00"
