"""The page of a case's offers: what was offered, what lies with another desk, and abusive contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.hand_overs.sales import sale_stops
from app.casework.hand_overs.catalog import desks, offer_items
from app.casework.hand_overs.models import ConductRecord, DeskHandOver, HelpOffer
from app.casework.hand_overs.queries import conduct_of, hand_overs_of, is_warned, offers_of
from app.casework.hand_overs.rules import (
    ANSWER_LABELS,
    CHOSEN_KINDS,
    CONDUCT_LABELS,
    HAND_OVER_LABELS,
    HAND_OVER_STATES,
    NEED_LABELS,
    Desk,
    HandOverKind,
    OfferItem,
    sale_refusal,
)
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")


@dataclass(frozen=True, slots=True)
class OffersPage(Page):
    template = "cases/hand_overs/offers.html"
    file: CaseFile
    offers: Sequence[HelpOffer]
    hand_overs: Sequence[DeskHandOver]
    conduct: Sequence[ConductRecord]
    warned: bool
    may_warn: bool
    """A supervisor, who may warn in writing."""
    items: Mapping[str, OfferItem]
    desks: Mapping[str, Desk]
    no_sale: str
    """Why nothing is sold to this customer now; '' = it may be."""
    labels: Mapping[str, Mapping[str, str]]
    choices: Mapping[str, Sequence[tuple[str, str]]]
    """What the forms of offers and hand-overs let one choose."""
    today: date
    reader: PageReader
    form: FormState


LABELS: Mapping[str, Mapping[str, str]] = {
    "answer": {each.value: label for each, label in ANSWER_LABELS.items()},
    "kind": {each.value: label for each, label in HAND_OVER_LABELS.items()},
    "status": {each.value: label for each, label in HAND_OVER_STATES.items()},
    "step": {each.value: label for each, label in CONDUCT_LABELS.items()},
    "need": {each.value: label for each, label in NEED_LABELS.items()},
}


@router.get("/{case_id}/offers")
def offers_page(
    request: Request, case_id: RowId, staff: CaseWorker, session: ReadSession, now: Now
) -> Response:
    return show(request, session, staff, open_case_file(session, case_id, now), FormState(), now=now)


@router.get("/{case_id}/offers/{_form:path}")
def form_address(case_id: RowId, _form: str, _staff: CaseWorker) -> Response:
    """The address of a form, opened after a refused form or by hand."""
    return RedirectResponse(f"/cases/{case_id}/offers", status_code=303)


def show(
    request: Request, session: Session, staff: Staff, file: CaseFile, form: FormState, status: int = 200,
    *, now: datetime,
) -> Response:  # fmt: skip
    customer_id = id_of(file.customer)
    no_sale = sale_refusal(sale_stops(session, customer_id, staff.role, staff.by))
    return page(
        request,
        OffersPage(
            file=file,
            offers=offers_of(session, customer_id),
            hand_overs=hand_overs_of(session, customer_id),
            conduct=conduct_of(session, customer_id),
            warned=is_warned(session, customer_id, now),
            may_warn=staff.role in MANAGEMENT,
            items=offer_items(),
            desks=desks(),
            no_sale=no_sale,
            labels=LABELS,
            choices=_choices(may_sell=not no_sale),
            today=file.book.today,
            reader=PageReader(
                reader_locale(request), file.book.currency, file.portfolio.timezone, staff_names(session)
            ),
            form=form,
        ),
        status,
        sight_of(session, customer_id, staff.role, staff.by),
    )


def _choices(*, may_sell: bool) -> Mapping[str, Sequence[tuple[str, str]]]:
    told = {code: ", ".join(NEED_LABELS[each] for each in desk.needs) for code, desk in desks().items()}
    listed = {
        "offer": [(code, item.label) for code, item in offer_items().items() if may_sell or not item.sale],
        "desk": [
            (code, f"{desk.name} (is told: {told[code]})")
            for code, desk in desks().items()
            if may_sell or not desk.sells
        ],
        "kind": [
            (each.value, HAND_OVER_LABELS[each])
            for each in CHOSEN_KINDS
            if may_sell or each is not HandOverKind.SALES_INTEREST
        ],
    }
    return {name: [("", "Choose"), *items] for name, items in listed.items()}
