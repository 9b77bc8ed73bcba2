"""Forms of numbers, e-mail and postal addresses, and of the customer's name, language and time zone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.people import contact_data as acts
from app.actions.people.person import change_person
from app.book.customers.contact_points import NewPoint
from app.book.customers.models import ContactPoint
from app.book.customers.rules import ADDRESS, PointKind, PointSource, PointType, on_one_line
from app.core.ids import id_of
from app.core.labels import POINT_LABELS
from app.core.staff.rules import Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.people.page import submit
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed

router = Router(prefix="/cases/{case_id}/contact-data")


class PointForm(Typed):
    kind: str = ""
    type: str = ""
    value: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    source: str = ""
    employer: str = ""
    note: str = ""
    noted_on: str = ""
    reason: str = ""

    def parts(self) -> dict[str, str]:
        values = self.values()
        return {name: values[name] for name in ADDRESS}


@router.post("/points")
def add(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PointForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        kind = fields.choice("kind", PointKind)
        type_, source = fields.choice("type", PointType), fields.choice("source", PointSource)
        noted_on = fields.day("noted_on") if fields.has("noted_on") else file.book.today
        if noted_on > file.book.today:
            fields.errors["noted_on"] = "This day has not come yet."
        fields.done()
        new = NewPoint(
            kind, type_, typed.value, typed.parts(), source, typed.note, bool(typed.employer), noted_on
        )
        row = acts.add_point(session, file.customer, new, case_id=file.case.id, by=staff.by, now=now)
        return f"{POINT_LABELS[row.kind]} {on_one_line(row.value)} added.", "good"

    return submit(request, session, staff, case_id, f"add-{typed.kind}", typed, act, now=now)


@router.post("/points/{key}/correct")
def correct(
    request: Request,
    case_id: RowId,
    key: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PointForm, Form()],
) -> Response:
    """Another value, type or employer flag. The value before stays in the history."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        type_ = fields.choice("type", PointType)
        fields.done()
        changes = typed.parts() if typed.kind == PointKind.ADDRESS else {"value": typed.value}
        row = acts.correct_point(
            session, file.customer, key, changes, typed.reason,
            type_=type_, employer=bool(typed.employer), case_id=file.case.id, by=staff.by, now=now,
        )  # fmt: skip
        return f"Saved: {on_one_line(row.value)}.", "good"

    return submit(request, session, staff, case_id, f"correct-{key}", typed, act, now=now)


def _with_reason(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: ReasonForm,
    now: Now,
    act: Callable[[CaseFile], ContactPoint],
    said: str,
) -> Response:
    def do(file: CaseFile, fields: Fields) -> Flash:
        fields.reason()
        fields.done()
        return said.format(on_one_line(act(file).value)), "good"

    return submit(request, session, staff, case_id, form, typed, do, now=now)


@router.post("/points/{key}/bad")
def bad(
    request: Request,
    case_id: RowId,
    key: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    return _with_reason(
        request, session, staff, case_id, f"bad-{key}", typed, now,
        lambda file: acts.mark_bad(
            session, file.customer, key, typed.reason, case_id=file.case.id, by=staff.by, now=now
        ),
        "{} is marked bad. It is not used on any channel until it is confirmed.",
    )  # fmt: skip


@router.post("/points/{key}/confirm")
def confirm(
    request: Request,
    case_id: RowId,
    key: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    return _with_reason(
        request, session, staff, case_id, f"confirm-{key}", typed, now,
        lambda file: acts.confirm_point(
            session, file.customer, key, typed.reason,
            today=file.book.today, case_id=file.case.id, by=staff.by, now=now,
        ),
        "{} is confirmed.",
    )  # fmt: skip


@router.post("/points/{key}/main")
def main(
    request: Request,
    case_id: RowId,
    key: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    return _with_reason(
        request, session, staff, case_id, f"main-{key}", typed, now,
        lambda file: acts.make_main(
            session, file.customer, key, typed.reason, case_id=file.case.id, by=staff.by, now=now
        ),
        "{} is the main one now. What waits for the one before is not sent.",
    )  # fmt: skip


@router.post("/points/{key}/remove")
def remove(
    request: Request,
    case_id: RowId,
    key: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    return _with_reason(
        request, session, staff, case_id, f"remove-{key}", typed, now,
        lambda file: acts.remove_point(
            session, file.customer, key, typed.reason, case_id=file.case.id, by=staff.by, now=now
        ),
        "{} is removed. It stays in the history.",
    )  # fmt: skip


class PersonForm(Typed):
    full_name: str = ""
    language: str = ""
    language_chosen: str = ""
    timezone: str = ""
    reason: str = ""


@router.post("/person")
def person(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PersonForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        changes = {name: fields.values[name] for name in ("full_name", "language", "timezone")}
        changed = change_person(
            session, file.customer, changes, typed.reason,
            language_chosen=bool(typed.language_chosen), case_id=id_of(file.case), by=staff.by, now=now,
        )  # fmt: skip
        if not changed and not typed.language_chosen:
            return "Nothing was different.", "info"
        return "Saved.", "good"

    return submit(request, session, staff, case_id, "person", typed, act, now=now)
