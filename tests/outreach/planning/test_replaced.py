"""Letters of a renegotiated agreement: which one it replaces, and what becomes of that one's dates."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from html import unescape

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import accept_offer, agree, offer, supersede
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind
from app.casework.plans.service import cancel
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.letters.rendering import render
from tests import builders
from tests.outreach.letters.test_letter_contract import filled

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
CATALOG = builders.catalog()
AS_MANAGER = Grantor(Actor.user("mei"), Role.MANAGER)
IN_WRITING = Agreed(Acceptance.WRITING)
PLAN = AgreementTerms(PlanKind.INSTALMENTS, 90_000, ON + 20 * DAY, 6, Cadence.MONTHLY)
LONGER = dataclasses.replace(PLAN, payments=12)
SETTLE = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 20 * DAY)
DATES = "Its payment dates and everything else agreed in it no longer apply: pay only as stated here."


def plan_of_the_16th(session: Session) -> Plan:
    builders.portfolio(session)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    return agree(session, case, PLAN, CATALOG, IN_WRITING, grantor=AS_MANAGER, now=builders.at(ON)).plan


def letters(engine: Engine, name: str) -> list[str]:
    """Of the last agreement: SMS and e-mail."""
    with transaction(engine) as session:
        last = session.scalars(select(Plan).order_by(Plan.id.desc())).first()  # type: ignore[union-attr]
        assert last is not None
        reference = f"{last.id}"
    rows = [row for row in builders.messages(engine) if row.letter == name]
    return [row.text for row in rows if builders.step_of(engine, row).plan_id == int(reference)]


@pytest.mark.parametrize("terms", [LONGER, SETTLE])
def test_a_confirmation_names_the_agreement_that_it_replaces(engine: Engine, terms: AgreementTerms) -> None:
    with transaction(engine) as session:
        old = plan_of_the_16th(session)
        now = builders.at(ON + 3 * DAY)
        supersede(session, old, terms, CATALOG, IN_WRITING, grantor=AS_MANAGER, now=now)
        reference = old.reference
    kind = "plan_confirmation" if terms is LONGER else "settlement_confirmation"
    sms, email = sorted(letters(engine, kind), key=len)
    assert (
        f"This replaces our agreement {reference} of 16 March 2026, in which you were to pay CN¥900.00"
        in email
    )
    assert DATES in email
    assert terms is not LONGER or "It replaces our agreement of 16 March 2026." in sms


@pytest.mark.parametrize("terms", [LONGER, SETTLE])
def test_an_offer_says_that_the_running_agreement_stands_until_it_is_accepted(
    engine: Engine, terms: AgreementTerms
) -> None:
    with transaction(engine) as session:
        plan_of_the_16th(session)
        # In China no letter that may ask for money leaves while an agreement is kept.
        session.scalars(select(Portfolio)).one().pack = "uk"
        session.scalars(select(Customer)).one().country = "GB"
    builders.deliver(engine, builders.at(ON, 18))
    with transaction(engine) as session:
        [old], case = session.scalars(select(Plan)).all(), session.scalars(select(CollectionsCase)).one()
        now = builders.at(ON + 3 * DAY, 18)
        offer(session, case, terms, CATALOG, replaces=old, grantor=AS_MANAGER, now=now)
        reference = old.reference
    [text] = letters(engine, "plan_offer" if terms is LONGER else "settlement_offer")
    assert f"If you accept this, it replaces our agreement {reference} of 16 March 2026" in text
    assert "Until then that agreement stands." in text
    assert DATES not in text


def test_what_ended_before_is_not_replaced(engine: Engine) -> None:
    """It was cancelled on the day before the new one was accepted."""
    with transaction(engine) as session:
        old = plan_of_the_16th(session)
        case = session.scalars(select(CollectionsCase)).one()
        now = builders.at(ON + 2 * DAY)
        made = offer(session, case, LONGER, CATALOG, replaces=old, grantor=AS_MANAGER, now=now).plan
        cancel(session, old, "cannot", by=Actor.user("ann"), today=ON + 2 * DAY, now=now)
        accept_offer(session, made, CATALOG, IN_WRITING, by=Actor.user("ann"), now=builders.at(ON + 3 * DAY))
    assert not any("replaces" in text for text in letters(engine, "plan_confirmation"))


@pytest.mark.parametrize(
    "name",
    ["plan_confirmation", "settlement_confirmation", "promise_confirmation", "plan_offer", "settlement_offer",
     "agreement", "adviser_plan_confirmed"],
)  # fmt: skip
def test_each_language_names_it_in_e_mail_and_print(name: str) -> None:
    letter = CATALOG.letters[name]
    for language in letter.languages:
        for agreed_on in (filled(language).agreed_on, ""):
            values = {"replaces": "P-000003", "replaces_on": "ON-3", "replaces_amount": "AMOUNT-3"}
            context = dataclasses.replace(filled(language), agreed_on=agreed_on, **values)
            for channel in letter.channels & {Channel.EMAIL, Channel.POST}:
                words = render(letter, channel, language, context)
                [line] = [each for each in words.text.splitlines() if "P-000003" in each]
                assert "ON-3" in line
                assert "AMOUNT-3" in line or name == "adviser_plan_confirmed"
                assert language == "en" or "agreement" not in line
                assert not words.html or f"<p>{line}</p>" in unescape(words.html)


def test_a_cancelled_agreement_is_named_in_every_language() -> None:
    letter = CATALOG.letters["plan_cancelled"]
    for language in letter.languages:
        context = filled(language)
        for channel in letter.channels:
            text = render(letter, channel, language, context).text
            assert context.agreed_on.replace("\u00a0", " ") in text.replace("\u00a0", " ")
            assert channel is Channel.SMS or context.plan_reference in text


# --- an offer to settle beside it ---------------------------------------------------------------------------


def settlement_offered(engine: Engine, *, left: bool) -> None:
    """600.00, offered on the 16th; in writing where its letter left."""
    with transaction(engine) as session:
        builders.portfolio(session)
        case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
        offer(session, case, SETTLE, CATALOG, grantor=AS_MANAGER, now=builders.at(ON))
    if left:
        builders.deliver(engine, builders.at(ON, 13))


@pytest.mark.parametrize(("left", "is_agreed"), [(True, True), (True, False), (False, True)])
def test_a_better_settlement_names_the_offer_whose_place_it_takes(
    engine: Engine, left: bool, is_agreed: bool
) -> None:
    settlement_offered(engine, left=left)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        terms, now = dataclasses.replace(SETTLE, total_minor=55_000), builders.at(ON + 2 * DAY)
        if is_agreed:
            agree(session, case, terms, CATALOG, IN_WRITING, grantor=AS_MANAGER, now=now)
        else:
            offer(session, case, terms, CATALOG, grantor=AS_MANAGER, now=now)
    text = max(letters(engine, "settlement_confirmation" if is_agreed else "settlement_offer"), key=len)
    said = "This takes the place of our offer of 16 March 2026 to settle for CN¥600.00."
    assert (said in text) is left, "nobody is told of an offer that they have not got"


@pytest.mark.parametrize("left", [True, False])
def test_a_plan_says_that_an_offer_to_settle_does_not_apply_while_it_runs(engine: Engine, left: bool) -> None:
    settlement_offered(engine, left=left)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        agree(session, case, PLAN, CATALOG, IN_WRITING, grantor=AS_MANAGER, now=builders.at(ON + 2 * DAY))
    text = max(letters(engine, "plan_confirmation"), key=len)
    said = "While this agreement runs, our offer of 16 March 2026 to settle for CN¥600.00 does not apply."
    assert (said in text) is left


def test_each_language_names_the_offer_beside_it() -> None:
    for name in ("plan_confirmation", "settlement_confirmation", "settlement_offer", "agreement"):
        letter = CATALOG.letters[name]
        for language in letter.languages:
            for kind in ("settlement", "instalments"):
                context = dataclasses.replace(
                    filled(language), plan_kind=kind, beside_on="ON-4", beside_amount="AMOUNT-4"
                )
                for channel in letter.channels & {Channel.EMAIL, Channel.POST}:
                    words = render(letter, channel, language, context)
                    [line] = [each for each in words.text.splitlines() if "ON-4" in each]
                    assert "AMOUNT-4" in line
                    assert not words.html or f"<p>{line}</p>" in unescape(words.html)
