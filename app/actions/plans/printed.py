"""The printable agreement: parties, debt, schedule, concessions, rights, who agreed, and lines to sign."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Protocol

from sqlmodel import Session, col, select

from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.plans.concessions import granted_fees
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import PlanKind
from app.casework.plans.tracking.assessing import as_due
from app.casework.plans.tracking.payments import accounts_of
from app.casework.plans.tracking.references import reference_of
from app.core.clock import local_date, local_instant
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.types import Values
from app.core.vocabulary import Channel
from app.outreach.agreements.figures import figures_as_made
from app.outreach.agreements.payment_code import payment_code
from app.outreach.agreements.rates import interest_figures
from app.outreach.agreements.reader import Reader
from app.outreach.gate.contact_cases import AccountRow, load_contact_cases
from app.outreach.gate.facts import address_of
from app.outreach.letters.letter import LetterContext, Unsayable
from app.outreach.letters.rendering import render
from app.outreach.outbox.dispatch import Dispatch
from app.outreach.outbox.printing import Paper
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.wording import letter_context
from app.policy.composition import packs_for

LETTER = "agreement"
MOST_CODES = 12
"""Payments that the agreement prints a code for; its reminders bring those of later ones."""


class PrintPorts(Protocol):
    @property
    def catalog(self) -> LetterCatalog: ...
    @property
    def paper(self) -> Paper | None: ...


def agreement_pdf(session: Session, plan: Plan, ports: PrintPorts) -> bytes:
    """The agreement as tagged PDF/A in the customer's language, as it was made, and its payments as they stand where
    they changed since: the same agreement is the same bytes. Invalid where it cannot be printed, or would lack a part
    that the customer's law wants in it."""
    if ports.paper is None:
        raise Invalid("This installation prints no letters. Set it up as docs/printing.md says.")
    try:
        return ports.paper.pdf(_dispatch(session, plan, ports.catalog))
    except Unsayable as why:
        raise Invalid(str(why)) from None


def _dispatch(session: Session, plan: Plan, catalog: LetterCatalog) -> Dispatch:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    customer = session.get_one(Customer, plan.customer_id)
    made_on = plan.accepted_on or local_date(plan.offered_at, portfolio.timezone)
    _check_contents(portfolio, customer, catalog)
    head, letter = Letterhead.of(portfolio), catalog.letters[LETTER]
    reader = Reader(letter.locale_for(customer.language, customer.country), portfolio.currency)
    context = _context(session, plan, portfolio, catalog, made_on)
    words = render(
        letter, Channel.POST, letter.language_for(customer.language, customer.country), context, leaves=True
    )
    return Dispatch(
        key=plan.reference,
        attempt_id="",
        channel=Channel.POST,
        to=address_of(customer, Channel.POST) or f"{customer.full_name}\n{customer.country}",
        recipient_name=customer.full_name,
        language=words.language,
        letter=LETTER,
        text=words.text,
        business_date=made_on,
        sender_name=head.agency or head.creditor,
        subject=words.subject,
        reference=case_reference(plan.case_id),
        context={
            "today": context.today,
            "contact_phone": context.contact_phone,
            "contact_email": context.contact_email,
            "payment_codes": _codes(session, plan, head, reader),
        },
    )


def _check_contents(portfolio: Portfolio, customer: Customer, catalog: LetterCatalog) -> None:
    """Invalid where the words lack a part that the customer's packs want in a written agreement."""
    rules = packs_for(portfolio, customer).agreements
    letter = catalog.letters[LETTER]
    carried = letter.carries[Channel.POST, letter.language_for(customer.language, customer.country)]
    for law in rules.contents if rules is not None else ():
        if missing := [part.value for part in law.parts if part.block not in carried]:
            lacking = ", ".join(missing)
            raise Invalid(
                f"The printed agreement lacks {lacking}, which {law.citation} asks for. Mend letters/{LETTER}."
            )


def _context(
    session: Session, plan: Plan, portfolio: Portfolio, catalog: LetterCatalog, made_on: date
) -> LetterContext:
    """The figures of the day on which the agreement was made; payments as they stand now are beside them."""
    at = local_instant(made_on, 12, 0, portfolio.timezone)
    [contact_case] = load_contact_cases(session, portfolio, [plan.case_id], now=at, lock=False)
    letter = catalog.letters[LETTER]
    contact_case.accounts = _accounts(session, plan, made_on)
    context = letter_context(
        session, Letterhead.of(portfolio), catalog, contact_case, letter, Channel.POST, plan, now=at
    )
    reader = Reader(
        letter.locale_for(contact_case.customer.language, contact_case.customer.country), portfolio.currency
    )
    figures: Values = {
        **figures_as_made(session, plan, reader, Letterhead.of(portfolio).payee),
        **interest_figures(session, plan, reader, on=made_on, as_made=True),
    }
    if plan.ended_on is not None and plan.accepted_on is not None:
        figures = {**figures, **_fees(session, plan, reader)}
    return dataclasses.replace(context, **figures)


def _fees(session: Session, plan: Plan, reader: Reader) -> Values:
    """The fees that an ended agreement waived, and the day on which all of them were charged again. Of those that
    were charged again in part, the rest."""
    granted, again, again_on = granted_fees(session, plan)
    if again_on is None or again < granted:
        return {"waived_fees": reader.money_if_any(granted - again)}
    return {"waived_fees": reader.money_if_any(granted), "charged_on": reader.day(again_on)}


def _accounts(session: Session, plan: Plan, on: date) -> list[AccountRow]:
    """The accounts that it is about, as they stood at the end of `on`."""
    query = select(Account).where(Account.customer_id == plan.customer_id).order_by(col(Account.id))
    if plan.kind is PlanKind.SETTLEMENT:
        query = query.where(col(Account.id).in_(accounts_of(id_of(plan))))
    return [
        AccountRow(id_of(each), each.customer_id, each.product, each.card_last4, 0, balance, None)
        for each in session.scalars(query)
        if (balance := balance_of(session, id_of(each), on))
    ]


def _codes(session: Session, plan: Plan, head: Letterhead, reader: Reader) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for part in as_due(instalments_of(session, [id_of(plan)])[id_of(plan)])[:MOST_CODES]:
        reference = reference_of(id_of(plan), part.n)
        if code := payment_code(head.payee, part.amount, head.currency, reference):
            caption = [reader.money(part.amount), reader.day(part.due_on), reference]
            found.append({"code": code, "caption": caption})
    return found
