"""Negotiation beside the case: two questions, the offers that follow from them, and how the chosen one ends."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.casework.negotiation.facts import Basis, NotOffered
from app.casework.negotiation.solver.chance import BaseChance
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.tracking.payments import progress_of
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS
from app.core.staff.drafts import draft_of, typed_in
from app.core.staff.rules import Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms.cadences import PAID_EVERY
from app.web.cases.negotiation.deal import Deal, answer_on_record, deal_of, typed_deal
from app.web.cases.negotiation.rows import OptionRow, RowWriter, reasons
from app.web.cases.negotiation.said import (
    ANSWER_FIELDS,
    COUNTER_FIELDS,
    COUNTER_KINDS,
    SAID,
    SaidForm,
    answer_in,
    counter_in,
    values_of,
)
from app.web.cases.plan.acceptance import ACCEPTANCES, PAYS_BY, parties_who_may_agree
from app.web.forms import Fields, FormState, beside
from app.web.lookups import staff_names
from app.web.rendering import Page, fragment, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")


@dataclass(frozen=True, slots=True)
class Offers:
    """The content of the list of offers."""

    shown: Sequence[OptionRow]
    others: Sequence[OptionRow]
    reasons: Sequence[tuple[str, NotOffered]]
    chosen: str
    option_error: str
    """What is wrong with the choice, where a form was refused for it."""
    counter_why: str
    ended: bool
    """Offers of the negotiation were refused or have ended."""
    chance_note: str
    holds_until: date | None
    reader: PageReader
    currency: str

    @property
    def count(self) -> int:
        return len(self.shown) + len(self.others)

    @property
    def chosen_row(self) -> OptionRow | None:
        return next((row for row in (*self.shown, *self.others) if row.mark == self.chosen), None)


@dataclass(frozen=True, slots=True)
class NegotiationPage(Page):
    template = "cases/negotiation/negotiate.html"
    file: CaseFile
    today: date
    form: FormState
    carried: Mapping[str, str]
    """What can be paid, as typed or as on record; the form that closes the negotiation carries it too."""
    basis: str
    live: Plan | None
    """The agreement that runs: what is agreed here takes its place."""
    paid_minor: int
    """What was paid for it."""
    parties: Sequence[tuple[str, str]]
    labels: Mapping[str, Mapping[str, str]]
    offers: Offers
    reader: PageReader
    currency: str
    said_fields: Sequence[str] = SAID
    counter_fields: Sequence[str] = tuple(name for name in SAID if name.startswith("c_"))
    often_words: Sequence[tuple[str, str]] = tuple(PAID_EVERY)
    counter_kinds: Sequence[tuple[str, str]] = tuple(COUNTER_KINDS)
    pays_by: Sequence[tuple[str, str]] = tuple(PAYS_BY)
    acceptances: Sequence[tuple[str, str]] = tuple(ACCEPTANCES)


@router.get("/{case_id}/negotiate")
def negotiation_page(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    do: str = "",
    draft: str = "",
) -> Response:
    form = FormState(do)
    if draft and (kept := draft_of(session, staff.username, do, str(case_id))):
        form = FormState(do, typed_in(kept), drafted_at=kept.saved_at)
    file = open_case_file(session, case_id, now)
    return show_negotiation(request, session, staff, file, form, now=now)


@router.post("/{case_id}/negotiate/preview")
def preview(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[SaidForm, Form()],
) -> Response:
    """The offers for what is typed; nothing is recorded."""
    file = open_case_file(session, case_id, now)
    fields = Fields(typed, file.book, file.zone, reader_locale(request))
    answer, counter = answer_in(fields), counter_in(fields)
    errors = dict(fields.errors)
    if not errors:
        try:
            deal = typed_deal(session, file, answer, counter, role=staff.role, now=now)
        except Invalid as refused:
            errors = beside(refused, typed, {**ANSWER_FIELDS, **COUNTER_FIELDS})
    if errors:
        return fragment(request, "cases/negotiation/_faults.html", errors=errors)
    offers = offers_in(session, request, file, deal, staff)
    return fragment(request, "cases/negotiation/_offers.html", offers=offers)


def offers_in(
    session: Session,
    request: Request,
    file: CaseFile,
    deal: Deal,
    staff: Staff,
    chosen: str = "",
    option_error: str = "",
) -> Offers:
    currency = file.book.currency
    reader = PageReader(reader_locale(request), currency, file.portfolio.timezone, staff_names(session))
    own_rate = max((account.apr_millionths for account, _ in file.worked_accounts), default=0)
    shown, others = RowWriter(reader, staff.role.value, own_rate).rows(deal.options, deal.counter)
    return Offers(
        shown=shown,
        others=others,
        reasons=reasons(deal.not_offered),
        chosen=chosen,
        option_error=option_error,
        counter_why=deal.counter_why,
        chance_note=chance_words(deal.chance_version),
        holds_until=deal.holds_until,
        ended=deal.ended,
        reader=reader,
        currency=currency,
    )


def show_negotiation(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    """The page; with the offers for what was typed, where a form was refused."""
    typed = form.values
    deal = _deal_for(session, request, file, staff, typed, now=now)
    wrong = form.errors.get("option", "")
    offers = offers_in(session, request, file, deal, staff, typed.get("option", ""), wrong)
    said = values_of(answer_on_record(session, file), file.book.currency)
    live = live_plan(session, id_of(file.case))
    shown = NegotiationPage(
        file=file,
        today=file.book.today,
        form=form,
        carried={**said, **{name: typed[name] for name in SAID if name in typed}},
        basis=basis_words(deal, offers.reader),
        live=live,
        paid_minor=progress_of(session, live, file.book.today).paid if live else 0,
        parties=parties_who_may_agree(session, file),
        labels={"plan": PLAN_LABELS},
        reader=offers.reader,
        currency=offers.currency,
        offers=offers,
    )
    return page(request, shown, status)


def _deal_for(
    session: Session,
    request: Request,
    file: CaseFile,
    staff: Staff,
    typed: Mapping[str, str],
    *,
    now: datetime,
) -> Deal:
    """The offers on record; those for what was typed, where the refused form chose one that is not on record."""
    chosen = typed.get("option", "")
    if chosen and chosen[:1] != "o":
        form = SaidForm(**{name: typed[name] for name in SAID if name in typed})
        fields = Fields(form, file.book, file.zone, reader_locale(request))
        answer, counter = answer_in(fields), counter_in(fields)
        if not fields.errors:
            with contextlib.suppress(Invalid):
                return typed_deal(session, file, answer, counter, role=staff.role, now=now)
    return deal_of(session, file, role=staff.role, now=now)


def chance_words(version: str) -> str:
    """The source of the chances, as a sentence."""
    if version == BaseChance().version:
        return "The chances are general figures: too little history here."
    if version.startswith(BaseChance().version):
        return "The chances are this portfolio’s base rate."
    return f"The chances are by risk {version}." if version else ""


def basis_words(deal: Deal, reader: PageReader) -> str:
    """The source of the affordable amount, as a sentence."""
    known = deal.affordability
    month = reader.money(known.monthly_minor)
    if known.basis is Basis.STATEMENT:
        share = f", {known.share_percent} % of what is left" if known.share_percent < 100 else ""
        return f"By the household statement of {reader.day(known.as_of)}: {month} a month for us{share}."
    if known.basis is Basis.SAID:
        said = f" on {reader.day(known.as_of)}" if known.as_of else ""
        return f"As the customer said{said}."
    return "Nothing is known of what the household can pay."
