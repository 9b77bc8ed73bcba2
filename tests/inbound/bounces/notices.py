"""A message of the bounce mailbox, taken within a transaction of the test."""

from datetime import datetime

from sqlmodel import Session

from app.inbound.bounces.reading import read_notice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.bounces.service import put_on_record, readable


def take_notice(session: Session, raw: bytes, *, now: datetime) -> NoticeKind:
    return put_on_record(session, raw, read_notice(raw), readable(raw), now=now)
