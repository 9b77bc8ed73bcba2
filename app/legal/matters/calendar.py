"""Court dates as iCalendar (RFC 5545). Whole days, without names of people: calendars are shown to many."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from app.legal.matters.queries import CourtDate

MEDIA_TYPE = "text/calendar"


def calendar_of(dates: Iterable[CourtDate], now: datetime) -> bytes:
    """The same hearing has the same UID each time, so that a calendar moves it instead of showing it twice."""
    calendar = Calendar()
    calendar.add("prodid", "-//Arrears Desk//Court dates//EN")
    calendar.add("version", "2.0")
    for each in dates:
        event = Event()
        event.add("uid", f"legal-report-{each.report_id}@arrears-desk")
        event.add("dtstamp", now)
        event.add("dtstart", each.on)
        event.add("dtend", each.on + timedelta(days=1))
        event.add("summary", f"Hearing, {each.case}")
        event.add("location", each.court)
        event.add(
            "description", f"Number of the court: {each.court_reference}" if each.court_reference else ""
        )
        calendar.add_component(event)
    made: bytes = calendar.to_ical()
    return made
