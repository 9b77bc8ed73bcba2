"""Contact preferences of a customer: times and places that do not suit, and where they live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions import preferences as acts
from app.core.dates import minute_of_day
from app.core.vocabulary import Channel
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.policy.facts import PreferenceKind
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import submit
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases")

DAYS: Mapping[str, tuple[int, ...]] = {"": (), "weekdays": (0, 1, 2, 3, 4), "weekend": (5, 6)}


class PreferenceForm(Typed):
    kind: str = ""
    channel: str = ""
    days: str = ""
    start: str = ""
    end: str = ""
    timezone: str = ""
    until: str = ""
    source: str = ""


@router.post("/{case_id}/preferences")
def add_preference(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PreferenceForm, Form()],
) -> Response:
    """Record a preference. A place is the number or address on file for the chosen channel."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        kind = fields.choice("kind", PreferenceKind)
        channel = fields.choice("channel", Channel) if fields.has("channel") else None
        if kind in acts.PLACES and channel is None:
            fields.errors["channel"] = "Choose whose number or address it is."
        if kind is PreferenceKind.TIME and not (fields.has("start") or fields.has("end")):
            fields.errors["start"] = "Say from when, until when, or both."
        if not fields.has("source"):
            fields.errors["source"] = "Say how the customer let us know."
        start, end = _minute(fields, "start", 0), _minute(fields, "end", 1440)
        until: date | None = fields.day("until") if fields.has("until") else None
        fields.done()
        acts.add_preference(
            session, file.customer, kind,
            channel=channel, weekdays=DAYS.get(typed.days, ()), start_minute=start, end_minute=end,
            timezone=typed.timezone.strip(), until=until, source=typed.source, case_id=file.case.id,
            by=staff.by, now=now,
        )  # fmt: skip
        return "Saved. Applies from now on.", "good"

    names = {"start_minute": "start", "weekdays": "days", "address": "channel"}
    return submit(request, session, staff, case_id, "preference", typed, act, now=now, names=names)


def _minute(fields: Fields, name: str, default: int) -> int:
    """A time of day as minutes after midnight."""
    if not fields.has(name):
        return default
    minute = minute_of_day(fields.values[name])
    if minute is None:
        fields.errors[name] = "Write a time like 17:00."
        return default
    return minute


@router.post("/{case_id}/preferences/{preference_id}/end")
def take_back(
    request: Request,
    case_id: RowId,
    preference_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        acts.take_back_preference(
            session, file.case.customer_id, preference_id,
            reason=reason, case_id=file.case.id, by=staff.by, now=now,
        )  # fmt: skip
        return "The preference no longer applies.", "good"

    return submit(request, session, staff, case_id, f"end-told-{preference_id}", typed, act, now=now)


@router.post("/{case_id}/links/replace")
def replace_page_links(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Replace the links to the preferences page, because another person holds one."""

    def act(file: CaseFile, _fields: Fields) -> Flash:
        acts.replace_links(session, file.customer, by=staff.by, now=now)
        return "Links in earlier messages only stop messages now; the next message brings a new one.", "good"

    return submit(request, session, staff, case_id, "standing", typed, act, now=now)
