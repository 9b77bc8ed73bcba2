"""Agreements in currencies without and with three decimals, and of accounts that were closed or charged off: each page
and letter of them is whole."""

from __future__ import annotations

import dataclasses
import re
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.service import accept
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.letters.letter import Unsayable
from app.outreach.letters.rendering import render
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.wording import letter_context
from tests import builders
from tests.agreements import make_offer
from tests.web.desk import NOW, Desk

BEN, TODAY = Actor.user("ben"), date(2026, 3, 2)
LETTERS = ("plan_confirmation", "promise_confirmation", "plan_cancelled", "agreement")
WRITTEN = {"JPY": ("¥100,000", "¥20,000"), "KWD": ("KWD 100.000", "KWD 20.000")}


def running(session: Session, currency: str) -> tuple[int, int]:
    """A plan of 100,000 minor units, a fifth of it down, with interest."""
    builders.portfolio(session, currency=currency, accrues=True)
    case = builders.delinquent_case(
        session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), owner="ben", minimum=40_000
    )
    terms = AgreementTerms(
        PlanKind.HARDSHIP, 100_000, date(2026, 3, 20), 4, Cadence.MONTHLY, down_payment_minor=20_000,
        apr_millionths=59_900,
    )  # fmt: skip
    plan = make_offer(session, case, terms, by=BEN, today=TODAY, now=NOW)
    accept(session, plan, by=BEN, today=TODAY, now=NOW)
    return id_of(case), id_of(plan)


def letters_of(session: Session, case_id: int, plan_id: int, *more: str) -> dict[str, str]:
    """The words of each letter about the plan, in English, on each channel."""
    book, plan, catalog = (
        get_portfolio(session, builders.BOOK),
        session.get_one(Plan, plan_id),
        builders.catalog(),
    )
    [contact_case] = load_contact_cases(session, book, [case_id], now=NOW, lock=False)
    found = {}
    for name in (*LETTERS, *more):
        letter = catalog.letters[name]
        for channel in sorted(letter.channels):
            context = letter_context(
                session, Letterhead.of(book), catalog, contact_case, letter, channel, plan, now=NOW
            )
            context = dataclasses.replace(context, answer_by="20 March 2026")
            found[f"{name} {channel}"] = render(letter, channel, "en", context, leaves=True).text
    return found


@pytest.mark.parametrize("currency", WRITTEN)
def test_pages_and_letters_write_amounts_with_the_decimals_of_the_currency(
    engine: Engine, currency: str
) -> None:
    desk = Desk(engine)
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(lambda session: running(session, currency))
    words = desk.write(lambda session: letters_of(session, case_id, plan_id, "plan_offer"))
    down = WRITTEN[currency][1]
    pages = {
        path: ben.get(path).text
        for path in (f"/cases/{case_id}/plans/{plan_id}", f"/cases/{case_id}?tab=agreements")
    }
    wrong = r"\.\d\d(?!\d)" if currency == "KWD" else r"[\d,]\.\d"
    for where, text in {**words, **pages}.items():
        plain = re.sub(r"<[^>]*>|\d+(\.\d+)?\s?%|\S+@\S+|https?://\S+", " ", text).replace("\u00a0", " ")
        amounts = re.findall(r"(?:¥|JP¥|KWD) ?[\d.,]*\d", plain)
        assert amounts or where == "plan_cancelled call", where
        for amount in amounts:
            assert not re.search(wrong, amount), f"{where}: {amount}"
    assert down in words["agreement post"].replace("\u00a0", " ")


@pytest.mark.parametrize("status", [AccountStatus.CLOSED, AccountStatus.CHARGED_OFF])
def test_an_agreement_of_an_account_that_ended_has_whole_pages_and_letters(
    engine: Engine, status: AccountStatus
) -> None:
    desk = Desk(engine)
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(lambda session: running(session, "CNY"))

    def end(session: Session) -> None:
        customer_id = session.get_one(CollectionsCase, case_id).customer_id
        card = session.scalars(select(Account).where(Account.customer_id == customer_id)).one()
        change_status(session, card, status, TODAY, "by the creditor", by=BEN, now=NOW)

    desk.write(end)
    for path in (
        f"/cases/{case_id}/plans/{plan_id}",
        f"/cases/{case_id}?tab=agreements",
        f"/cases/{case_id}",
    ):
        assert ben.get(path).status_code == 200, path
    if status is AccountStatus.CHARGED_OFF:
        # Its debt is off the book: a person is told, instead of a letter that names none.
        with pytest.raises(Unsayable, match="no debt to show"):
            desk.write(lambda session: letters_of(session, case_id, plan_id))
        return
    words = desk.write(lambda session: letters_of(session, case_id, plan_id))
    said = words["plan_confirmation post"].replace("\u00a0", " ")
    assert "interest is 5.99% a year instead of 18%" in said
