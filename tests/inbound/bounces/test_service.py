"""What comes back is put on record once, closes the right address and nothing else, and is lost by no crash."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.adapters.mail.bounce_mailbox import make_postbox
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.errors import Conflict
from app.core.vocabulary import Channel
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.bounces.service import collect, decide
from app.outreach.gate.events import AddressSuppressed, ConsentChanged
from app.outreach.gate.models import Consent, SuppressedAddress
from app.outreach.outbox.events import ContactFailed, ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.builders import events
from tests.inbound.bounces.notices import take_notice
from tests.inbound.bounces.samples import BY_HAND, COMPLAINT, OUT_OF_OFFICE, dsn

ON = date(2026, 3, 13)
NOW = builders.at(ON + timedelta(days=1), 10)


def an_email(
    session: Session, status: OutboxStatus = OutboxStatus.SENT, *, step: str = "friendly-email"
) -> OutboxMessage:
    """Ours, handed to a mail server: an attempt with its id."""
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
    row = builders.queued_message(session, case, on=ON, step=step, channel=Channel.EMAIL, status=status)
    row.attempt_id, row.attempted_at = f"{row.id}-0123456789abcdef01", NOW
    if status is OutboxStatus.SENT:
        row.provider_ref, row.sent_at = f"<{row.attempt_id}@post.example>", NOW
    session.flush()
    return row


def again(session: Session, row: OutboxMessage, n: int) -> OutboxMessage:
    """Another message to the same customer."""
    case = session.get_one(CollectionsCase, row.case_id)
    planned = builders.contact(session, case, step=f"again-{n}", channel=Channel(row.destination.value))
    copy = row.model_dump(exclude={"id", "contact_id"})
    more = OutboxMessage.model_validate({**copy, "contact_id": planned.id})
    session.add(more)
    session.flush()
    more.attempt_id = f"{more.id}-0123456789abcdef01"
    more.provider_ref, more.status = f"<{more.attempt_id}@post.example>", OutboxStatus.SENT
    session.flush()
    return more


def about(row: OutboxMessage, status: str = "5.1.1", words: str = "550 5.1.1 no such user") -> bytes:
    return dsn(status, words, attempt=row.attempt_id, to=row.address)


def closed(session: Session) -> dict[str, str]:
    rows = session.scalars(select(SuppressedAddress).where(col(SuppressedAddress.ended_at).is_(None)))
    return {row.address: row.reason.value for row in rows}


def test_a_mailbox_that_does_not_exist(engine: Engine) -> None:
    with transaction(engine) as session:
        row = an_email(session)
        raw = about(row)
        assert take_notice(session, raw, now=NOW) is NoticeKind.BOUNCE
        assert row.status is OutboxStatus.BOUNCED
        assert row.error == "came back: 5.1.1 (hard)"
        assert closed(session) == {row.address: "bounced"}
        told = events(session, customer_id=row.customer_id)
        assert [e["kind"] for e in told[-2:]] == [ContactFailed.KIND, AddressSuppressed.KIND]

        # The same again, and the same in other bytes, change nothing.
        take_notice(session, raw, now=NOW)
        take_notice(session, raw + b"\n", now=NOW)
        assert events(session, customer_id=row.customer_id) == told


def test_a_crash_while_sending_is_settled_by_what_comes_back(engine: Engine) -> None:
    """Nobody knew whether it left. It did, so it counts as a contact; and then it came back."""
    with transaction(engine) as session:
        for status in (OutboxStatus.UNKNOWN, OutboxStatus.SENDING):
            row = an_email(session, status)
            take_notice(session, about(row, "5.2.2", "mailbox full"), now=NOW)
            assert row.status is OutboxStatus.BOUNCED
            kinds = [e["kind"] for e in events(session, customer_id=row.customer_id)]
            assert kinds[-2:] == [ContactSent.KIND, ContactFailed.KIND]
        assert closed(session) == {}


def test_three_that_do_not_arrive_within_a_month_close_the_address(sqlite_engine: Engine) -> None:
    full = ("5.2.2", "552 5.2.2 mailbox full")
    with transaction(sqlite_engine) as session:
        row = an_email(session)
        old, second, third, fourth = (again(session, row, n) for n in range(4))
        take_notice(session, about(old, *full), now=NOW - timedelta(days=31))
        take_notice(session, about(row, *full), now=NOW)
        take_notice(session, about(row, *full) + b"\n", now=NOW)  # the same message once more
        take_notice(session, about(second, *full), now=NOW)
        take_notice(session, about(third, "5.7.1", "blocked"), now=NOW)  # says nothing about the address
        assert closed(session) == {}
        take_notice(session, about(fourth, *full), now=NOW)
        assert closed(session) == {row.address: "keeps_bouncing"}


def test_a_complaint_is_a_refusal_of_email_and_of_nothing_else(engine: Engine) -> None:
    with transaction(engine) as session:
        row = an_email(session)
        partner = builders.customer(session, _book(session, row), email=row.address)
        raw = COMPLAINT.replace(b"41-0123456789abcdef01", row.attempt_id.encode())
        for _ in range(2):
            take_notice(session, raw, now=NOW)
        assert row.status is OutboxStatus.DELIVERED
        consents = session.scalars(select(Consent).order_by(col(Consent.customer_id))).all()
        assert [(c.customer_id, c.channel, c.allowed) for c in consents] == [
            (row.customer_id, Channel.EMAIL, False),
            (partner.id, Channel.EMAIL, False),
        ]
        assert closed(session) == {row.address: "complaint"}
        assert len(events(session, ConsentChanged.KIND, customer_id=row.customer_id)) == 1


def _book(session: Session, row: OutboxMessage) -> builders.Portfolio:
    return session.get_one(builders.Portfolio, row.portfolio_id)


def test_a_forged_bounce_closes_nobodys_address(sqlite_engine: Engine) -> None:
    """Whoever got a message of ours knows one attempt: their own. They cannot close another's address with it, and
    without an attempt nothing happens at all."""
    with transaction(sqlite_engine) as session:
        mine, yours = an_email(session), an_email(session)
        take_notice(session, dsn(attempt=mine.attempt_id, to=yours.address), now=NOW)
        take_notice(session, dsn(attempt=f"{yours.id}-ffffffffffffffffff", to=yours.address), now=NOW)
        assert closed(session) == {}
        assert yours.status is OutboxStatus.SENT


def test_what_nobody_recognises_waits_for_a_person(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        take_notice(session, dsn(about="Subject: hello\n"), now=NOW)
        take_notice(session, BY_HAND, now=NOW)
        take_notice(session, OUT_OF_OFFICE, now=NOW)
        bounce, written = session.scalars(select(MailNotice).order_by(col(MailNotice.id)))
        assert (bounce.kind, bounce.address, bounce.decided_at) == (
            NoticeKind.BOUNCE, "alex.rivera@mail.example", None,
        )  # fmt: skip
        assert "I paid this last week" in written.text
        assert "4111 1111" not in written.text
        decide(written, by=Actor.user("mei"), now=NOW)
        assert (written.decided_by, written.text) == ("user:mei", "")
        with pytest.raises(Conflict):
            decide(written, by=Actor.user("ben"), now=NOW)


def test_the_mailbox_is_emptied_and_a_crash_before_that_changes_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    box = tmp_path / "bounces"
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    with transaction(engine) as session:
        row = an_email(session)
        raw = about(row)
    (box / "new" / "1.a.host").write_bytes(raw)
    (box / "new" / "2.a.host").write_bytes(OUT_OF_OFFICE)
    with transaction(engine) as session:  # taken, and then the power failed
        take_notice(session, raw, now=NOW)

    postbox = make_postbox(f"maildir://{box}")
    assert collect(engine, postbox, clock=FixedClock(NOW)) == {"bounce": 1, "passing": 1}
    assert collect(engine, postbox, clock=FixedClock(NOW)) == {}
    with reading(engine) as session:
        assert session.get_one(OutboxMessage, row.id).status is OutboxStatus.BOUNCED
        assert len(events(session, ContactFailed.KIND)) == 1
        assert session.get_one(Customer, row.customer_id).email in closed(session)
