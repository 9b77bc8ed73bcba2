"""Lump payments of an adviser: split by a schedule, looked at, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, UploadFile
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.advisers.lumps import NewLump, SeenBefore, reverse_lump, split_lump
from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import Adviser, LumpPart, LumpPayment
from app.casework.advisers.queries import get_adviser, get_lump, parts_of, sums_of
from app.casework.advisers.reading import LARGEST
from app.casework.advisers.rules import PartStatus
from app.core.errors import Invalid
from app.core.money import BadAmount, typed_minor
from app.core.staff.rules import MANAGEMENT, Staff
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.formats import format_money, reader_locale
from app.http.routes import Router
from app.http.security import KB
from app.http.transactions import ReadSession, WriteSession
from app.web.advisers.page import Sent, obey, portfolio_of, show_adviser, typed_day
from app.web.form_action import FormAction
from app.web.forms import FormState, Wrong
from app.web.rendering import Page, Tone, page

router = Router(prefix="/advisers/{code}/lumps")

PART_WORDS: Mapping[PartStatus, tuple[str, Tone]] = {
    PartStatus.POSTED: ("Posted", "good"),
    PartStatus.WAITING: ("Waits for a person", "warn"),
    PartStatus.UNREAD: ("Not read", "bad"),
    PartStatus.TAKEN_BACK: ("Taken back", "neutral"),
}


@dataclass(frozen=True, slots=True)
class LumpPage(Page):
    template = "advisers/lump.html"
    adviser: Adviser
    lump: LumpPayment
    base: str
    currency: str
    timezone: str
    parts: Sequence[LumpPart]
    sums: Mapping[PartStatus, int]
    words: Mapping[PartStatus, tuple[str, Tone]]
    form: FormState
    is_manager: bool


@router.post("", max_body_size=LARGEST + 64 * KB)
def split(
    request: Request,
    code: str,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    schedule: Annotated[UploadFile | None, File()] = None,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    reference: Annotated[str, Form(max_length=80)] = "",
    paid_on: Annotated[str, Form(max_length=20)] = "",
    amount: Annotated[str, Form(max_length=40)] = "",
    unmatched_id: Annotated[str, Form(max_length=20)] = "",
    sure: Annotated[str, Form(max_length=60)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Split a payment by its schedule; what has no right account waits for a person."""
    adviser = get_adviser(session, code)
    values = {
        "portfolio": portfolio, "reference": reference, "paid_on": paid_on, "amount": amount,
        "unmatched_id": unmatched_id, "schedule": "", "sure": sure,
    }  # fmt: skip
    typed = Sent.model_validate({"once": once, **values})

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        book = portfolio_of(session, told["portfolio"])
        if schedule is None or not schedule.filename:
            raise Invalid("Choose the schedule.", "schedule")
        content = schedule.file.read(LARGEST + 1)
        new = _new(told, book)
        try:
            made = split_lump(session, book, adviser, new, content, by=staff.by, role=staff.role, now=now)
        except SeenBefore as asked:
            raise Wrong({"sure": f"{asked} Choose the schedule again."}, asked.answer) from None
        waiting = sums_of(session, made.lump)[PartStatus.WAITING]
        said = "The payment was split and posted."
        if waiting:
            money = format_money(waiting, book.currency, reader_locale(request))
            said = f"The payment was split; {money} of it waits for a person: open it below and match it."
        if not made.is_new:
            said = "This payment was split by this schedule before; nothing changed."
        return f"/advisers/{code}/lumps/{made.lump.id}", said

    def show(form: FormState, status: int) -> Response:
        return show_adviser(request, session, staff, adviser, form, now=now, status=status)

    return obey(FormAction(request, session, staff, "split", typed, show, now), act)


def _new(told: Mapping[str, str], book: Portfolio) -> NewLump:
    if told["unmatched_id"]:
        if not (told["unmatched_id"].isascii() and told["unmatched_id"].isdigit()):
            raise Wrong({"unmatched_id": "Write the number of the waiting payment."})
        return NewLump(unmatched_id=int(told["unmatched_id"]), sure=told["sure"])
    try:
        amount = typed_minor(told["amount"], book.currency, grouping=",", point=".")
    except BadAmount as error:
        raise Wrong({"amount": sentence(str(error))}) from None
    return NewLump(told["reference"], typed_day(told, "paid_on"), amount, sure=told["sure"])


@router.get("/{lump_id}")
def lump_page(
    request: Request, code: str, lump_id: RowId, staff: CaseWorker, session: ReadSession
) -> Response:
    adviser = get_adviser(session, code)
    return _show(request, session, staff, adviser, get_lump(session, adviser, lump_id), FormState())


def _show(
    request: Request,
    session: Session,
    staff: Staff,
    adviser: Adviser,
    lump: LumpPayment,
    form: FormState,
    status: int = 200,
) -> Response:
    portfolio = session.get_one(Portfolio, lump.portfolio_id)
    shown = LumpPage(
        adviser=adviser,
        lump=lump,
        base=f"/advisers/{adviser.code}/lumps/{lump.id}",
        currency=portfolio.currency,
        timezone=portfolio.timezone,
        parts=parts_of(session, lump),
        sums=sums_of(session, lump),
        words=PART_WORDS,
        form=form,
        is_manager=staff.role in MANAGEMENT,
    )
    return page(request, shown, status)


@router.post("/{lump_id}/take-back")
def take_back(
    request: Request,
    code: str,
    lump_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[Sent, Form()],
) -> Response:
    """Take a lump payment back with all its parts."""
    adviser = get_adviser(session, code)
    lump = get_lump(session, adviser, lump_id, lock=True)

    def act(told: Mapping[str, str]) -> tuple[str, str]:
        count = reverse_lump(session, lump, told["reason"], by=staff.by, now=now)
        return (
            f"/advisers/{code}/lumps/{lump_id}",
            "One part was taken back." if count == 1 else f"{count} parts were taken back.",
        )

    def show(form: FormState, status: int) -> Response:
        return _show(request, session, staff, adviser, lump, form, status)

    return obey(FormAction(request, session, staff, "take-back", typed, show, now), act)
