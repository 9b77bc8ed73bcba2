"""E-mail that is made to hold up whoever reads it: it waits for a person, and what stands behind it is obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.adapters.mail.bounce_mailbox import make_postbox
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.bounces.service import collect
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests.inbound.bounces.test_service import NOW, about, an_email

TO_US = b"To: b+1-aaaaaaaa@desk.example\n"


def nested(kind: str, depth: int) -> bytes:
    if kind == "message/rfc822":
        return TO_US + b"Content-Type: message/rfc822\n\n" * depth
    parts = [f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth)]
    return TO_US + "".join(parts).encode()


HOSTILE = {
    "groups of digits": TO_US + b"\n" + b"5.1." * 4900,
    "digits one by one": TO_US + b"\n" + b"1 " * 100_000,
    "brackets in an address": TO_US
    + b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: "
    + b"(" * 5000,
    "multiparts within multiparts": nested("multipart/mixed", 1500),
    "messages within messages": nested("message/rfc822", 3000),
    "a head of quotes": TO_US + b"Content-Type: multipart/report" + b';a="\\";"' * 30_000 + b"\n\n",
    "a head of one line": TO_US + b"From: " + b"mailer-daemon@[" * 15_000 + b"\n\n",
    "nothing but bytes": bytes(range(256)) * 900,
    "half an encoding": TO_US
    + b"Content-Type: text/plain; charset=utf-7\nContent-Transfer-Encoding: base64\n\n+AAA" * 9,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_waits_for_a_person_and_the_bounce_behind_it_is_obeyed(
    sqlite_engine: Engine, tmp_path: Path, name: str
) -> None:
    box = mailbox(tmp_path)
    with transaction(sqlite_engine) as session:
        row = an_email(session)
        (box / "new" / "2.a.host").write_bytes(about(row))
    (box / "new" / "1.a.host").write_bytes(HOSTILE[name])

    counts = collect(sqlite_engine, make_postbox(f"maildir://{box}"), clock=FixedClock(NOW), seconds=3)

    assert counts == {"bounce": 1, "other": 1}
    assert list((box / "new").iterdir()) == []
    with reading(sqlite_engine) as session:
        assert session.get_one(OutboxMessage, row.id).status is OutboxStatus.BOUNCED
        (waiting,) = session.scalars(select(MailNotice).where(MailNotice.kind == NoticeKind.OTHER)).all()
        assert waiting.decided_at is None


def test_a_worker_that_stops_leaves_the_message(sqlite_engine: Engine, tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    (box / "new" / "1.a.host").write_bytes(HOSTILE["groups of digits"])
    postbox = make_postbox(f"maildir://{box}")
    assert collect(sqlite_engine, postbox, clock=FixedClock(NOW), stopping=lambda: True) == {}
    assert len(list((box / "new").iterdir())) == 1
    with reading(sqlite_engine) as session:
        assert session.scalars(select(MailNotice)).all() == []


def test_an_address_that_no_database_takes_leaves_the_mailbox(engine: Engine, tmp_path: Path) -> None:
    box = mailbox(tmp_path)
    failed = b"Final-Recipient: rfc822; a\0b@mail.example\nAction: failed\nStatus: 5.1.1\n"
    (box / "new" / "1.a.host").write_bytes(
        TO_US + b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" + failed
    )
    assert collect(engine, make_postbox(f"maildir://{box}"), clock=FixedClock(NOW)) == {"bounce": 1}
    assert list((box / "new").iterdir()) == []
    with reading(engine) as session:
        assert session.scalars(select(MailNotice.address)).all() == ["ab@mail.example"]


def mailbox(folder: Path) -> Path:
    box = folder / "bounces"
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    return box
