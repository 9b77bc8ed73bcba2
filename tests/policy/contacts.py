"""Contacts, calls and packs with which the stories of rules are told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact, ContactResult, PastContact
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.rules import Rule

AMSTERDAM, OSLO, SYDNEY, KOLKATA = "Europe/Amsterdam", "Europe/Oslo", "Australia/Sydney", "Asia/Kolkata"


def pack_at(
    pack: str,
    country: str,
    region: str = "",
    postcode: str = "",
    collector: str = "third_party",
    city: str = "",
) -> Pack:
    """The effective pack of a customer who lives there."""
    portfolio = SimpleNamespace(
        code="b",
        pack=pack,
        collector=collector,
        tightening="",
        complaint_stops="reminders",
        adopted_packs="",
        assigned_on=None,
    )
    return packs_for(portfolio, SimpleNamespace(country=country, region=region, city=city, postcode=postcode))


US, UK, CN = (shipped_packs()[code] for code in ("us-third-party", "uk", "cn"))
NEW_YORK, LOS_ANGELES, LONDON, SHANGHAI = (
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Asia/Shanghai",
)
SMS, EMAIL, POST, CALL = Channel.SMS, Channel.EMAIL, Channel.POST, Channel.CALL
PLACED, ANSWERED, ATTEMPTED = ContactResult.PLACED, ContactResult.ANSWERED, ContactResult.ATTEMPTED
MOBILE = "+15550100"


def local(text: str, zone: str) -> datetime:
    """'2026-06-01 08:00' on the wall clock of `zone`, as a UTC instant. Seconds are allowed."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def reminder(channel: Channel = SMS, address: str = MOBILE) -> Contact:
    return Contact(channel, Purpose.REMINDER, address)


def calls(
    zone: str, *at: str, result: ContactResult = PLACED, address: str = MOBILE
) -> tuple[PastContact, ...]:
    return tuple(PastContact(local(text, zone), CALL, result, address) for text in at)


def rule_ids(answer: object) -> list[str]:
    assert isinstance(answer, (WaitUntil, Refusals))
    return [reason.rule for reason in answer.reasons]


SHARED = {"force": "law", "citation": "a citation", "source": "a source", "verified": True}


def pack_of(*rules: Rule) -> Pack:
    return Pack(
        code="test",
        name="Test",
        version="1",
        country="US",
        collector="any",
        effective_from=date(2020, 1, 1),
        disclaimer="Not legal advice.",
        rules=rules,
    )


def every_day(start_hour: int, end_hour: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    return (((start_hour * 60, end_hour * 60),),) * 7


# One unanswered call a day, Monday 1 to Sunday 7 June 2026, at 20:00 in New York.
SEVEN_CALLS = calls(NEW_YORK, *(f"2026-06-0{day} 20:00" for day in range(1, 8)))
