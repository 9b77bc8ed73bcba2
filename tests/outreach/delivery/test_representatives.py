"""Letters to the adviser who made an agreement: they leave by a real mail server while the authority stands, and
nothing of the customer's is mixed with the adviser's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.advisers.clients import end_adviser
from app.actions.agreements import cancel_agreement
from app.actions.holds import place_hold
from app.actions.people.parties import add_party, end_party
from app.actions.plans.instalments import move_instalment
from app.adapters.mail.smtp import SmtpEmailSender
from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.models import Adviser
from app.casework.cases.queries import get_case
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.casework.plans.models import Plan
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.inbound.bounces.rules import Notice, NoticeKind, Severity
from app.inbound.bounces.service import put_on_record
from app.outreach.delivery.moves import Withhold
from app.outreach.delivery.representatives.transport import RepresentativeTransport
from app.outreach.gate.consent import set_consent
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.decisions import replay
from app.outreach.gate.events import ContactWithheld
from app.outreach.gate.models import Consent, SuppressedAddress
from app.outreach.outbox.dispatch import Undeliverable
from app.outreach.outbox.events import ContactSent, RepresentativeLetter
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.representatives.addresses import close_address, closed_address, open_address
from app.policy.answers import Refusals
from app.policy.facts import Contact, Facts, Suppression
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests import builders
from tests.adapters.test_smtp_email import Mailbox, serving
from tests.outreach.advised import (
    ADDRESS,
    ANN,
    CATALOG,
    DUE,
    EMAIL,
    NOW,
    ON,
    SOON,
    agreed,
    deliver,
    to_adviser,
)


def test_the_confirmation_reaches_the_adviser_by_mail_and_counts_for_nothing_of_the_customer(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        plan = agreed(session)
        plan_id, customer_id, case_id = id_of(plan), plan.customer_id, plan.case_id
        customer = session.get_one(Customer, customer_id)
        for channel in Channel:  # what the customer forbids is about contacts with them
            set_consent(session, customer, channel, allowed=False, source="x", case_id=None, by=ANN, now=NOW)
        theirs, mobile, name = customer.email, customer.mobile, customer.full_name
    [queued] = to_adviser(engine)
    assert (queued.address, queued.recipient, queued.purpose) == (
        EMAIL,
        "Help with Debt",
        Purpose.REPRESENTATIVE,
    )
    assert (queued.contact_id, queued.letter) == (None, "adviser_plan_confirmed")
    mailbox = Mailbox()
    with serving(mailbox) as port:
        deliver(engine, SmtpEmailSender(f"smtp://127.0.0.1:{port}", "desk@post.example", FixedClock(SOON)))
    [mail] = mailbox.received
    message = message_from_bytes(mail, policy=policy.default)
    assert mailbox.envelopes[0].rcpt_tos == [EMAIL]
    assert message["List-Unsubscribe"] is None
    body = message.get_body(("plain",))  # type: ignore[attr-defined]
    words = body.get_content()
    for told in (name, "H-881", f"P-{plan_id:06d}", "1 April 2026", "CN¥25.00"):
        assert told in words
    assert theirs not in words
    for part in (mail.decode(), queued.text, queued.html, queued.context):
        assert "/u/" not in part, "the customer's page is theirs alone"
    with transaction(engine) as session:
        told = [event["state"] for event in builders.events(session, RepresentativeLetter.KIND)]
        assert told == ["queued", "sent"]
        assert builders.events(session, ContactSent.KIND) == []
        book = get_portfolio(session, builders.BOOK)
        [contact_case] = load_contact_cases(session, book, [case_id], now=SOON)
        assert {past.address for past in contact_case.facts.history} == {theirs, mobile}
        row = session.scalars(
            select(OutboxMessage).where(col(OutboxMessage.party_letter_id).is_not(None))
        ).one()
        assert (row.status, row.fallback_at) == (OutboxStatus.SENT, None)
        cleared = builders.events(session, "contact.cleared", customer_id=customer_id)
        assert [each["party"] for each in cleared if each["purpose"] == "representative"] == [
            session.get_one(Plan, plan_id).agreed_with_id
        ]


def end_of_authority(session: Session, plan: Plan) -> None:
    case = get_case(session, plan.case_id)
    end_party(session, case, plan.agreed_with_id or 0, "withdrawn", by=ANN, now=NOW)


def another_adviser(session: Session, plan: Plan) -> None:
    new = NewParty(
        PartyKind.ADVISER, "Other Advice", MayBeTold.EVERYTHING, email="o@o.example", authority_from=DUE
    )
    add_party(session, get_case(session, plan.case_id), new, CATALOG, today=ON, by=ANN, now=NOW)


def held(kind: HoldKind) -> Callable[[Session, Plan], None]:
    def hold(session: Session, plan: Plan) -> None:
        until = ON + timedelta(days=30)
        place_hold(session, get_case(session, plan.case_id), kind, "told us", until, CATALOG, by=ANN, now=NOW)

    return hold


def plan_cancelled(session: Session, plan: Plan) -> None:
    cancel_agreement(session, plan, "cannot", CATALOG, by=ANN, now=NOW)


def organisation_ended(session: Session, plan: Plan) -> None:
    end_adviser(session, session.scalars(select(Adviser)).one(), "closed", by=ANN, now=NOW)


def told_less(session: Session, plan: Plan) -> None:
    session.get_one(ThirdParty, plan.agreed_with_id).may_be_told = MayBeTold.LIMITED


def address_changed(session: Session, plan: Plan) -> None:
    session.get_one(ThirdParty, plan.agreed_with_id).email = "new@help.example"


def address_of_customer(session: Session, plan: Plan) -> None:
    session.get_one(Customer, plan.customer_id).email = EMAIL.upper()


def address_wrong(session: Session, plan: Plan) -> None:
    close_address(session, EMAIL, Suppression.MANUAL, "they told us", by=ANN, now=NOW)


def expired(session: Session, plan: Plan) -> None:
    party = session.get_one(ThirdParty, plan.agreed_with_id)
    party.authority_from, party.authority_until = DUE, ON - timedelta(days=1)


of_adviser = col(OutboxMessage.destination) == Destination.ADVISER
CHANGES = [
    (end_of_authority, "no longer on the customer's file"),
    (another_adviser, "another person speaks"),
    (held(HoldKind.DECEASED), "desk.representative_hold"),
    (held(HoldKind.ATTORNEY), "desk.representative_hold"),
    (held(HoldKind.CEASE_CONTACT), "desk.representative_hold"),
    (plan_cancelled, "has ended"),
    (organisation_ended, "not worked with"),
    (told_less, "may not be told"),
    (address_changed, "address has changed"),
    (address_wrong, "desk.suppressed"),
    (address_of_customer, "customer's own"),
    (expired, "does not stand on this day"),
]


def test_whatever_ends_the_authority_or_the_agreement_before_it_leaves_withholds_it(engine: Engine) -> None:
    """Each change is judged by itself on one agreement; the last of them stays, and the worker withholds the letter."""
    transport = RepresentativeTransport(builders.RecordingSender())
    with transaction(engine) as session:
        plan_id = id_of(agreed(session))
    with transaction(engine) as session:
        [message] = session.scalars(select(OutboxMessage).where(of_adviser)).all()
        for change, reason in CHANGES:
            with session.begin_nested() as savepoint:
                change(session, session.get_one(Plan, plan_id))
                session.flush()
                [verdict] = transport.recheck_under_lock(session, [message], now=SOON)
                assert isinstance(verdict, Withhold), reason
                assert reason in verdict.reason
                savepoint.rollback()
            session.expire_all()
        [verdict] = transport.recheck_under_lock(session, [message], now=SOON)
        assert not isinstance(verdict, Withhold), "none of it was left behind"
        held(HoldKind.DECEASED)(session, session.get_one(Plan, plan_id))
    assert deliver(engine).sent == []
    [row] = to_adviser(engine)
    assert (row.status, row.fallback_at) == (OutboxStatus.WITHHELD, None), "nothing goes another way instead"
    with transaction(engine) as session:
        [refused] = session.scalars(sa.select(Event.id).where(col(Event.kind) == ContactWithheld.KIND)).all()
        assert replay(session, refused).same


def test_a_moved_payment_replaces_the_confirmation_and_an_end_is_told_once_to_who_read_of_it(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        plan = agreed(session)
        plan_id = id_of(plan)
        move_instalment(session, plan, 1, date(2026, 4, 8), CATALOG, by=ANN, now=NOW)
    [sent] = deliver(engine).sent
    assert sent.letter == "adviser_plan_changed"
    assert "8 April 2026" in sent.text
    assert "1 April 2026" not in sent.text
    assert {row.letter: row.status for row in to_adviser(engine)} == {
        "adviser_plan_confirmed": OutboxStatus.WITHHELD,
        "adviser_plan_changed": OutboxStatus.SENT,
    }
    assert deliver(engine).sent == []
    with transaction(engine) as session:
        plan_cancelled(session, session.get_one(Plan, plan_id))
        unread = agreed(session)
        plan_cancelled(session, unread)  # its confirmation has not left: nothing is taken back
    assert [each.letter for each in deliver(engine).sent] == ["adviser_plan_ended"]


def test_a_broken_plan_is_told_by_the_night_and_not_once_it_is_paid(engine: Engine) -> None:
    with transaction(engine) as session:
        first, second = (agreed(session, first=date(2026, 3, 18)) for _ in range(2))
        broke, paid = first.customer_id, second.customer_id
    deliver(engine)
    builders.close_day(engine, date(2026, 3, 25))
    broken = [row for row in to_adviser(engine) if row.letter == "adviser_plan_broken"]
    assert len(broken) == 2
    assert "CN¥25.00" in broken[0].text
    assert "past due" not in broken[0].text
    with transaction(engine) as session:
        account = session.scalars(select(Account).where(Account.customer_id == paid)).one()
        builders.payment(session, account, 100_000, broken[0].business_date)
    late = builders.at(broken[0].business_date + timedelta(days=1), 9)
    assert [each.to for each in deliver(engine, now=late).sent] == [EMAIL]
    states = {
        row.customer_id: row.status for row in to_adviser(engine) if row.letter == "adviser_plan_broken"
    }
    assert states[paid] is OutboxStatus.WITHHELD
    assert states[broke] is OutboxStatus.SENT


def bounced(session: Session, row: OutboxMessage, kind: NoticeKind, raw: bytes) -> None:
    severity = Severity.HARD if kind is NoticeKind.BOUNCE else None
    notice = Notice(kind, severity=severity, status="5.1.1", attempts=(row.attempt_id,), recipients=(EMAIL,))
    put_on_record(session, raw, notice, "", now=SOON)


def test_mail_that_comes_back_closes_the_advisers_address_and_nothing_of_a_customers(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session)
        other = builders.customer(session, get_portfolio(session, builders.BOOK), email=EMAIL)
        other_id = id_of(other)
    deliver(engine)
    [sent] = to_adviser(engine)
    with transaction(engine) as session:
        for kind in (NoticeKind.COMPLAINT, NoticeKind.BOUNCE):
            bounced(session, sent, kind, kind.value.encode())
            assert closed_address(session, EMAIL.upper()) is not None
            open_address(session, EMAIL, "they mended it", by=ANN, now=SOON)
        bounced(session, sent, NoticeKind.COMPLAINT, b"again")
        assert session.scalars(select(SuppressedAddress)).all() == []
        assert session.scalars(select(Consent)).all() == []
        assert builders.events(session, "address.suppressed", customer_id=other_id) == []
        third = agreed(session).customer_id  # the gate refuses it now
        open_address(session, EMAIL, "they mended it", by=ANN, now=SOON)
        fourth = agreed(session).customer_id
    reached = {row.customer_id for row in to_adviser(engine)}
    assert third not in reached
    assert fourth in reached


def fall_back(engine: Engine, at: datetime = SOON) -> int:
    return fall_back_due(engine, CATALOG, clock=FixedClock(at))


def no_such_mailbox() -> builders.RecordingSender:
    return builders.RecordingSender([Undeliverable("no such mailbox", no_such_address=True)])


@pytest.mark.parametrize("how", ["came back", "refused", "closed before it left", "failed for a while"])
def test_what_cannot_arrive_by_mail_is_written_by_post_once(engine: Engine, how: str) -> None:
    with transaction(engine) as session:
        agreed(session, address=ADDRESS)
        if how == "closed before it left":
            address_wrong(session, session.scalars(select(Plan)).one())
    deliver(engine, no_such_mailbox() if how == "refused" else None)
    if how in ("came back", "failed for a while"):
        severity = Severity.HARD if how == "came back" else Severity.SOFT
        [row] = to_adviser(engine)
        with transaction(engine) as session:
            notice = Notice(
                NoticeKind.BOUNCE,
                severity=severity,
                status="5.2.2",
                attempts=(row.attempt_id,),
                recipients=(EMAIL,),
            )
            put_on_record(session, b"raw", notice, "", now=SOON)
    assert (fall_back(engine), fall_back(engine, SOON + timedelta(days=1))) == (1, 0)
    mail, paper = to_adviser(engine)
    assert paper.destination is Destination.ADVISER_POST
    assert paper.address.startswith(ADDRESS)
    assert (paper.letter, paper.instead_of_id) == ("adviser_plan_confirmed", mail.id)
    assert paper.party_letter_id == mail.party_letter_id
    [sent] = deliver(engine, channel=Channel.POST).sent
    assert "CN¥25.00" in sent.text
    assert fall_back(engine, SOON + timedelta(days=2)) == 0


def test_where_there_is_no_other_address_the_timeline_says_so(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session)
    deliver(engine, no_such_mailbox())
    assert fall_back(engine) == 0
    assert len(to_adviser(engine)) == 1
    with transaction(engine) as session:
        told = builders.events(session, RepresentativeLetter.KIND)[-1]
        assert (told["state"], told["detail"]) == (
            "not written", "it could not arrive, and no address of the adviser is on file",
        )  # fmt: skip


def test_post_that_cannot_arrive_does_not_go_back_to_the_mail_that_could_not(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session, address=ADDRESS)
    deliver(engine, no_such_mailbox())
    assert fall_back(engine) == 1
    unprintable = builders.RecordingSender([Undeliverable("a character no font has")])
    deliver(engine, unprintable, channel=Channel.POST)
    with transaction(engine) as session:
        open_address(session, EMAIL, "they mended it", by=ANN, now=SOON)
    assert fall_back(engine) == 0
    assert len(to_adviser(engine)) == 2


def test_a_new_address_of_the_adviser_is_written_to(engine: Engine) -> None:
    with transaction(engine) as session:
        address_changed(session, agreed(session))
    assert deliver(engine).sent == []
    assert fall_back(engine) == 1
    assert [each.to for each in deliver(engine).sent] == ["new@help.example"]
    assert fall_back(engine) == 0


def test_what_is_false_by_then_is_not_written_by_post(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session, address=ADDRESS)
    deliver(engine, no_such_mailbox())
    with transaction(engine) as session:
        plan_cancelled(session, session.scalars(select(Plan)).one())
    assert fall_back(engine) == 0
    assert [row.letter for row in to_adviser(engine)] == ["adviser_plan_confirmed"]


def test_a_mailbox_that_does_not_exist_closes_the_address_at_once(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session)
    refusing = builders.RecordingSender([Undeliverable("no such mailbox", no_such_address=True)])
    deliver(engine, refusing)
    with transaction(engine) as session:
        assert closed_address(session, EMAIL) is not None
        assert session.scalars(select(SuppressedAddress)).all() == []


def test_a_worker_that_dies_while_sending_leaves_it_unknown_and_never_sends_it_twice(engine: Engine) -> None:
    with transaction(engine) as session:
        agreed(session)
    with transaction(engine) as session:
        session.execute(
            sa.update(OutboxMessage)
            .where(col(OutboxMessage.destination) == Destination.ADVISER)
            .values(status=OutboxStatus.SENDING, lease_until=NOW, attempt_id="1-x", attempted_at=NOW)
        )
    assert deliver(engine).sent == []
    [row] = to_adviser(engine)
    assert row.status is OutboxStatus.UNKNOWN
    with transaction(engine) as session:
        assert builders.events(session, RepresentativeLetter.KIND)[-1]["state"] == "unknown"


def test_this_purpose_never_reaches_a_customer() -> None:
    contact = Contact(Channel.EMAIL, Purpose.REPRESENTATIVE, "anna@customer.example")
    for pack in shipped_packs().values():
        answer = review(contact, Facts(("Asia/Shanghai",)), pack, NOW)
        assert isinstance(answer, Refusals)
        assert "desk.representative" in {reason.rule for reason in answer.reasons}
