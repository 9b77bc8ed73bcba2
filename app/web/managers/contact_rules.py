"""The contact rules of a portfolio: which packs hold where its customers live, and what is wrong with its set-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.labels import country_name
from app.core.text import sentence
from app.http.context import Now
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.operations.doctor import Finding, findings_of
from app.outreach.gate.places.coverage import CountryCover, adopt_pack, adoptable, coverage
from app.policy.packfile import shipped_packs
from app.web.lists import Column
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page, redirect

router = Router(prefix="/contact-rules")
COLUMNS = [Column("Country"), Column("Customers", numeric=True), Column("Rules"), Column("")]


@dataclass(frozen=True, slots=True)
class ContactRulesPage(Page):
    template = "managers/contact_rules.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    pack_name: str
    rows: Sequence[CountryCover]
    columns: Sequence[Column]
    packs: Sequence[tuple[str, str]]
    names: Mapping[str, str]
    """Names of the packs by code."""
    findings: Sequence[Finding]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    opened: str
    """The country whose form was refused; '' = none."""


@router.get("")
def contact_rules(
    request: Request, _staff: Manager, session: ReadSession, now: Now, portfolio: str = ""
) -> Response:
    return _page(request, session, portfolio, now=now)


def _page(
    request: Request,
    session: Session,
    code: str,
    *,
    now: datetime,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    opened: str = "",
    status: int = 200,
) -> Response:
    portfolios, chosen = choose_portfolio(session, code)
    packs = shipped_packs()
    return page(
        request,
        ContactRulesPage(
            portfolio=chosen,
            portfolios=portfolios,
            pack_name=packs[chosen.pack].name if chosen else "",
            rows=coverage(session, chosen) if chosen else (),
            columns=COLUMNS,
            packs=[(each, packs[each].name) for each in adoptable(chosen)] if chosen else (),
            names={each.code: each.name for each in packs.values()},
            findings=findings_of(session, chosen, today=local_date(now, chosen.timezone)) if chosen else (),
            values=values or {},
            errors=errors or {},
            opened=opened,
        ),
        status,
    )


Code = Annotated[str, Form(max_length=40)]
Country = Annotated[str, Form(max_length=2)]
Reason = Annotated[str, Form(max_length=300)]


@router.post("")
def adopt(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Code = "",
    country: Country = "",
    pack: Code = "",
    reason: Reason = "",
) -> Response:
    """Adopt a pack for a country that none covers."""
    if not pack.strip():
        values, errors = {"reason": reason}, {"pack": "Choose a pack."}
        return _page(
            request, session, portfolio, now=now, values=values, errors=errors, opened=country, status=422
        )
    said = f"A pack holds in {country_name(country)} now: {pack}."
    return _change(request, session, portfolio, country, pack, reason, said, staff=staff, now=now)


@router.post("/end")
def drop(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Code = "",
    country: Country = "",
    reason: Reason = "",
) -> Response:
    """Take an adopted pack back: nothing is sent to that country any more."""
    said = f"No pack holds in {country_name(country)} any more: nothing is sent there."
    return _change(request, session, portfolio, country, "", reason, said, staff=staff, now=now)


def _change(
    request: Request,
    session: WriteSession,
    code: str,
    country: str,
    pack: str,
    reason: str,
    said: str,
    *,
    staff: Manager,
    now: Now,
) -> Response:
    portfolio = get_portfolio(session, code)
    try:
        with session.begin_nested():
            adopt_pack(session, portfolio, country, pack, reason, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        errors = {refused.field or "pack": sentence(refused.message)}
        values = {"pack": pack, "reason": reason}
        return _page(
            request,
            session,
            code,
            now=now,
            values=values,
            errors=errors,
            opened=country,
            status=refused.status,
        )
    return redirect(request, f"/contact-rules?portfolio={portfolio.code}", said)
