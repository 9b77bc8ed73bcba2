"""What came back, understood: kind, severity, whose address, and which attempt of ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.inbound.bounces.reading import read_notice
from app.inbound.bounces.rules import BUSY, NoticeKind, Severity
from tests.inbound.bounces.samples import (
    ATTEMPT,
    BY_HAND,
    COMPLAINT,
    EXCHANGE,
    EXIM,
    OUT_OF_OFFICE,
    QMAIL,
    RECEIPT,
    TO,
    dsn,
    exim_report,
)

BOUNCE, PASSING = NoticeKind.BOUNCE, NoticeKind.PASSING


@pytest.mark.parametrize(
    ("raw", "severity", "status"),
    [
        (dsn(), Severity.HARD, "5.1.1"),
        (EXCHANGE, Severity.HARD, "5.1.10"),
        (EXIM, Severity.HARD, ""),
        (QMAIL, Severity.HARD, "5.1.1"),
    ],
    ids=["postfix", "exchange", "exim", "qmail"],
)
def test_four_mail_servers_that_know_no_such_mailbox(raw: bytes, severity: Severity, status: str) -> None:
    notice = read_notice(raw)
    assert (notice.kind, notice.severity, notice.status) == (BOUNCE, severity, status)
    assert notice.attempts == (ATTEMPT,)
    assert TO in notice.recipients


@pytest.mark.parametrize(
    ("status", "diagnostic", "severity"),
    [
        ("5.2.2", "552 5.2.2 mailbox full", Severity.SOFT),
        ("4.4.7", "delivery temporarily suspended: connect timed out; gave up after 5 days", Severity.SOFT),
        ("5.4.4", "Host or domain name not found", Severity.SOFT),
        ("5.7.1", "550 5.7.1 blocked using a list; see https://list.example", Severity.POLICY),
        ("5.3.4", "552 5.3.4 message too big", Severity.POLICY),
        ("5.1.8", "sender's domain is not found", Severity.POLICY),
        ("5.0.0", "550 user unknown", Severity.HARD),
        ("5.0.0", "554 transaction failed", Severity.SOFT),
        ("5.0.0", "smtp; 550 5.7.1 not today", Severity.POLICY),
        ("5.4.1", "550 5.4.1 Recipient address rejected: user does not exist", Severity.HARD),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Severity.SOFT),
        ("5.2.1", "550 5.2.1 The email account is disabled", Severity.HARD),
    ],
)
def test_a_doubt_never_closes_an_address(status: str, diagnostic: str, severity: Severity) -> None:
    notice = read_notice(dsn(status, diagnostic))
    assert (notice.kind, notice.severity) == (BOUNCE, severity)


@pytest.mark.parametrize(
    ("status", "diagnostic"),
    [
        ("4.2.0", "450 4.2.0 mailbox busy"),
        ("4.2.1", "450 4.2.1 mailbox temporarily disabled"),
        ("5.2.1", "450 4.2.1 The user you are trying to contact is receiving mail too quickly"),
        ("5.0.0", "450 mailbox busy"),
        ("5.0.0", "421 mailbox locked by another process, user unknown to it"),
        ("5.0.0", "452 4.2.2 mailbox full"),
        ("5.1.1", "450 requested mail action not taken: mailbox is locked"),
        ("", "account is temporarily over quota"),
    ],
)
def test_a_mailbox_that_is_busy_is_there(status: str, diagnostic: str) -> None:
    for raw in (
        dsn(status, diagnostic),
        exim_report(diagnostic) if status in ("", "5.0.0") else dsn(status, diagnostic),
    ):
        notice = read_notice(raw)
        assert (notice.kind, notice.severity) == (BOUNCE, Severity.SOFT)
        assert notice.status.startswith(BUSY)


@pytest.mark.parametrize("kind", ["delivery-status", "global-delivery-status"])
@pytest.mark.parametrize(
    ("reason", "fields", "severity"),
    [
        ("550 5.1.1 <alex.rivera@mail.example>: Recipient address rejected: User unknown", "", Severity.HARD),
        ("550 No such user here", "", Severity.HARD),
        ("Unrouteable address", "", Severity.HARD),
        ("retry timeout exceeded", "", Severity.SOFT),
        ("550 5.7.1 blocked", "", Severity.POLICY),
        ("see below", 'X-Supplementary-Info: <192.0.2.1 #5.0.0 smtp; 550 "Unknown User">\n', Severity.HARD),
    ],
)
def test_the_reason_may_stand_in_the_part_for_people_only(
    reason: str, fields: str, severity: Severity, kind: str
) -> None:
    notice = read_notice(exim_report(reason, fields=fields, kind=kind))
    assert (notice.kind, notice.severity, notice.attempts) == (BOUNCE, severity, (ATTEMPT,))
    assert notice.recipients == (TO,)


@pytest.mark.parametrize(
    "raw",
    [
        exim_report("?", action=""),
        exim_report("?", action="perhaps"),
        exim_report("?").replace(b"Action:", b"Act"),
        exim_report("?")
        .partition(b"Content-Type: message/")[0]
        .replace(b"X-Failed", b"X-F")
        .replace(TO.encode(), b"somebody"),
    ],
)
def test_a_report_that_cannot_be_read_waits_for_a_person(raw: bytes) -> None:
    assert read_notice(raw).kind is NoticeKind.OTHER


@pytest.mark.parametrize(
    "raw",
    [dsn("4.4.1", action="delayed"), dsn("2.0.0", action="relayed"), OUT_OF_OFFICE, RECEIPT],
    ids=["late", "relayed", "out of office", "receipt"],
)
def test_what_only_passes(raw: bytes) -> None:
    assert read_notice(raw).kind is PASSING


def test_a_complaint() -> None:
    notice = read_notice(COMPLAINT)
    assert (notice.kind, notice.recipients, notice.attempts) == (NoticeKind.COMPLAINT, (TO,), (ATTEMPT,))
    taken_back = read_notice(COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam"))
    assert taken_back.kind is NoticeKind.OTHER


def test_what_a_person_wrote_is_for_a_person() -> None:
    notice = read_notice(BY_HAND)
    assert (notice.kind, notice.attempts) == (NoticeKind.OTHER, (ATTEMPT,))


def test_a_bounce_that_returns_nothing_is_known_by_where_it_came_or_by_its_envelope() -> None:
    assert read_notice(dsn(verp=True)).attempts == (ATTEMPT,)
    assert read_notice(dsn(envelope=True)).attempts == (ATTEMPT,)
    assert read_notice(dsn(about="Subject: hello\n")).attempts == ()


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, 900), noise=st.binary(max_size=40), which=st.sampled_from([EXCHANGE, QMAIL, COMPLAINT])
)
def test_no_message_however_broken_stops_the_reading(cut: int, noise: bytes, which: bytes) -> None:
    read_notice(which[:cut] + noise + which[cut + len(noise) :])
    read_notice(noise)
