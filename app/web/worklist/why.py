"""Words of a row: why it is in the worklist, how old that is, the last contact, and whether a call is allowed now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton

from app.casework.holds.rules import hold_name
from app.casework.plans.rules import PlanKind
from app.core.labels import CHANNEL_LABELS, PLAN_LABELS, in_sentence
from app.core.timeline.presenting import sentence
from app.core.vocabulary import HoldKind
from app.web.rendering import Tone
from app.web.timeline import PageReader
from app.worklist.facts import LastContact
from app.worklist.rows import Row
from app.worklist.rules import Section
from app.worklist.verdicts import Callable


@dataclass(frozen=True, slots=True)
class Why:
    """Why a case is where it is: the reason, its age, and words of the customer or of the task."""

    reason: str
    age: str = ""
    words: str = ""
    tone: Tone = "neutral"


def why(row: Row, now: datetime, reader: PageReader) -> Why:
    """The reason in the reader's words; times are the portfolio's."""
    item, today = row.item, row.book.today
    at = _near(reader, item.at, today) if item.at else ""
    day = _day(reader, item.on, today) if item.on else ""
    match item.section:
        case Section.CALLBACK_DUE:
            return Why(f"Callback {at}", f"{_since(item.at, now)} late", tone="bad")
        case Section.REPLY:
            return Why(f"Reply {at}", "", f"“{row.words}”" if row.words else "", "warn")
        case Section.CALLBACK_LATER:
            return Why(f"Callback {at}", "later today", tone="info")
        case Section.PROMISE_MISSED if row.broken_plan is not None:
            broken = f"{PLAN_LABELS[row.broken_plan.kind]} broken, due {day}"
            story = reader.plain(sentence(row.broken_plan.why))
            return Why(broken, _days(item.on, today), story, tone="bad")
        case Section.PROMISE_MISSED:
            return Why(f"{_payment(row)} missed {day}", _days(item.on, today), tone="bad")
        case Section.PROMISE_DUE:
            amount = f" {reader.money(row.payment.amount_minor)}" if row.payment else ""
            return Why(f"{_payment(row)}{amount} due today", tone="warn")
        case Section.CALL:
            return Why("Call", _days(item.on, today) or "today", _wish(row), "info")
        case Section.TASK:
            is_complaint = row.hold is not None and row.hold.kind is HoldKind.COMPLAINT
            review = "Complaint due: answer it" if is_complaint else f"Review the {_hold(row)}"
            text = row.words or (review if row.hold else "Task")
            return Why(text, _days(item.on, today), tone="info")
    return _rest(row, reader)


def _rest(row: Row, reader: PageReader) -> Why:
    item = row.item
    day = _day(reader, item.on, row.book.today) if item.on else ""
    match item.section:
        case Section.WITH_LEGAL:
            return Why("With the legal team")
        case Section.ON_HOLD:
            if row.hold is not None and row.hold.kind is HoldKind.COMPLAINT:
                return Why("Complaint open", f"answer by {day}", _hold(row))
            if row.hold is not None and row.hold.for_good:
                return Why("Do not contact", f"review {day}", _hold(row))
            return Why(f"On hold until {day}", "", _hold(row))
        case Section.PROMISE_RUNNING:
            return Why(f"{_payment(row)} due {day}" if day else f"{_payment(row)} active", tone="good")
        case Section.OPTED_OUT:
            return Why("Call not possible", "opted out of calls")
        case Section.NOTHING_OWED:
            return Why("Nothing past due", "no call needed", tone="good")
        case Section.COMES_BACK if item.at is not None:
            return Why(f"Call from {_near(reader, item.at, row.book.today)}", "", _wish(row))
        case Section.COMES_BACK:
            return Why(f"Call on {day}", "", _wish(row))
    if row.next_contact_on is None:
        return Why("No action planned")
    if row.next_contact_on <= row.book.on:
        return Why("Next automatic step: tonight")
    return Why(f"Next automatic step: {_day(reader, row.next_contact_on, row.book.today)}, overnight")


def _day(reader: PageReader, on: date, today: date) -> str:
    """A date of this year without the year: a row is one line."""
    same = on.year == today.year
    return str(format_skeleton("MMMd", on, locale=reader.locale)) if same else reader.day(on)


def _near(reader: PageReader, at: datetime, today: date) -> str:
    local = at.astimezone(ZoneInfo(reader.timezone)).date()
    return reader.clock(at) if local == today else f"{_day(reader, local, today)}, {reader.clock(at)}"


def _payment(row: Row) -> str:
    if row.payment is None or row.payment.kind is PlanKind.PROMISE:
        return "Promise"
    if row.payment.kind is PlanKind.SETTLEMENT:
        return "Settlement"
    return "Instalment"


def _hold(row: Row) -> str:
    return hold_name(row.hold.kind) if row.hold else "hold"


def _wish(row: Row) -> str:
    return f"they wrote: “{row.words[:60]}”" if row.words else ""


def _days(on: date | None, today: date) -> str:
    days = (today - on).days if on else 0
    return "" if days < 1 else "1 day overdue" if days == 1 else f"{days} days overdue"


def _since(at: datetime | None, now: datetime) -> str:
    minutes = int((now - at) / timedelta(minutes=1)) if at else 0
    if minutes < 60:
        return f"{max(1, minutes)} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def last_contact(contact: LastContact | None, today: date, reader: PageReader) -> str:
    """Such as `Fri, RPC: promised to pay` (right-party contact), `Sat, SMS`, `never`."""
    if contact is None:
        return "never"
    on = contact.at.astimezone(ZoneInfo(reader.timezone)).date()
    is_near = timedelta(0) <= today - on < timedelta(days=7)
    day = (
        "today"
        if on == today
        else (format_date(on, "EEE", locale=reader.locale) if is_near else _day(reader, on, today))
    )
    if not contact.result:
        return f"{day}, {in_sentence(CHANNEL_LABELS[contact.channel]) if contact.channel else 'message'}"
    label = in_sentence(contact.label)
    times = f" ({contact.calls} calls)" if contact.calls > 1 else ""
    return f"{day}, RPC: {label}" if contact.reached else f"{day}, {label}{times}"


def callable_words(answer: Callable, today: date, reader: PageReader) -> str:
    """Say whether a call is allowed now, by the customer's clock: `yes to 22:00`, `from 08:00`, `no`."""
    local = PageReader(reader.locale, reader.currency, answer.timezone or reader.timezone)
    match answer.verdict:
        case "yes":
            return f"yes to {local.clock(answer.until)}" if answer.until else "yes"
        case "wait" if answer.until is not None:
            return f"from {_from(local, answer.until, today)}"
    return f"no, review {_day(reader, answer.review_on, today)}" if answer.review_on else "no"


def _from(local: PageReader, at: datetime, today: date) -> str:
    """Such as `8:00 AM`, `Sat 8:00 AM`, `Dec 6`: as little as tells it apart."""
    day = at.astimezone(ZoneInfo(local.timezone)).date()
    if day == today:
        return local.clock(at)
    if day - today < timedelta(days=7):
        return f"{format_date(day, 'EEE', locale=local.locale)} {local.clock(at)}"
    return _day(local, day, today)
