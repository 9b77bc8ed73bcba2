"""The cardholder's agreement behind the link: shown only to who answers, one date moved, the payday told."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.people.page_check import MOST_TRIES
from app.book.customers.events import PageCheckFailed
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.negotiation.household.models import AffordabilityAnswer
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.casework.plans.tracking.changes import move_instalment
from app.casework.plans.tracking.progress import progress
from app.casework.plans.tracking.references import in_groups, reference_of
from app.core.actor import CUSTOMER, Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.portal.agreement import agreement_words
from app.portal.moving import MoveRange, move_range
from app.portal.page import LANGUAGES
from tests import builders
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)
D1, D2 = date(2026, 3, 20), date(2026, 4, 20)
RIGHT = {"postcode": "2000 00", "phone_end": "1234"}


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def link(desk: Desk, *, with_plan: bool = True, **changes: str) -> tuple[int, str]:
    """(plan id, path) of a customer with a running plan of two payments."""

    def make(session: Session) -> tuple[int, int]:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 1), on=TODAY)
        customer = session.get_one(Customer, case.customer_id)
        for name, value in {"mobile": "+8613800001234", **changes}.items():
            setattr(customer, name, value)
        if not with_plan:
            return 0, case.customer_id
        plan = Plan(
            portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id,
            kind=PlanKind.INSTALMENTS, status=PlanStatus.ACTIVE, total_minor=5_000, offered_at=NOW,
            offered_by=Actor.user("ben"), accepted_on=TODAY, assess_on=D1, grace_days=3,
        )  # fmt: skip
        session.add(plan)
        session.flush()
        for n, due_on in enumerate((D1, D2), start=1):
            session.add(PlanInstalment(plan_id=id_of(plan), n=n, due_on=due_on, amount_minor=2_500))
        return id_of(plan), case.customer_id

    plan_id, customer_id = desk.write(make)
    url = desk.app.state.ports.catalog.links.url(customer_id, Channel.EMAIL, on=NOW.date())
    return plan_id, url.removeprefix("http://testserver")


def reader(desk: Desk, path: str) -> Browser:
    """A reader who answered both questions."""
    browser = desk.anonymous()
    answer = browser.post(f"{path}/agreement/check", data=RIGHT)
    assert answer.headers["location"].endswith("/agreement")
    return browser


def test_a_forwarded_link_shows_nothing_of_a_debt(desk: Desk) -> None:
    _, path = link(desk)
    stranger = desk.anonymous()
    page = stranger.get(f"{path}/agreement")
    assert page.status_code == 200
    for private in ("CN¥", "25.00", "Anna", "20, 2026", "payment"):
        assert private not in page.text
    assert page.headers["cache-control"] == "no-store"
    wrong = stranger.post(f"{path}/agreement/check", data={**RIGHT, "postcode": "100000"})
    assert wrong.headers["location"].endswith("done=wrong")
    assert "set-cookie" not in wrong.headers
    assert "This is not what we have on file" in stranger.get(wrong.headers["location"]).text
    assert len(desk.read(lambda s: builders.events(s, PageCheckFailed.KIND))) == 1
    moved = stranger.post(f"{path}/agreement/move", data={"due_on": "2026-03-24"})
    assert moved.headers["location"].endswith("/agreement")
    assert desk.read(lambda s: s.scalars(select(PlanChange)).all()) == []


@pytest.mark.parametrize(
    ("is_token", "says"), [(True, "The rest stays owed. By"), (False, "pay the larger ones")]
)
def test_payments_that_are_small_for_a_time_are_called_so(desk: Desk, is_token: bool, says: str) -> None:
    plan_id, path = link(desk)

    def relieve(session: Session) -> None:
        plan = session.get_one(Plan, plan_id)
        plan.kind, plan.is_token, plan.review_on = PlanKind.HARDSHIP, is_token, D2

    desk.write(relieve)
    page = reader(desk, path).get(f"{path}/agreement").text
    assert says in page
    assert "20 April 2026" in page.partition(says[:10])[2] or "April 20, 2026" in page


def test_guessing_ends_after_a_few_tries_even_with_the_right_answer(desk: Desk) -> None:
    _, path = link(desk)
    guesser = desk.anonymous()
    for _ in range(MOST_TRIES):
        assert (
            guesser.post(f"{path}/agreement/check", data={"postcode": "1"})
            .headers["location"]
            .endswith("wrong")
        )
    answer = guesser.post(f"{path}/agreement/check", data=RIGHT)
    assert answer.headers["location"].endswith("done=locked")
    assert len(desk.read(lambda s: builders.events(s, PageCheckFailed.KIND))) == MOST_TRIES
    desk.clock.advance(timedelta(days=1, seconds=1))
    assert guesser.post(f"{path}/agreement/check", data=RIGHT).headers["location"].endswith("/agreement")


def test_nothing_on_file_is_nothing_to_show(desk: Desk) -> None:
    _, path = link(desk, postcode="", mobile="")
    page = desk.anonymous().get(f"{path}/agreement").text
    assert "This page cannot be shown to you" in page
    answer = desk.anonymous().post(f"{path}/agreement/check", data={"postcode": "", "phone_end": ""})
    assert answer.headers["location"].endswith("done=locked")


def test_the_cardholder_sees_the_next_payment_and_moves_it_once(desk: Desk) -> None:
    plan_id, path = link(desk)
    anna = reader(desk, path)
    page = anna.get(f"{path}/agreement").text
    assert "Your next payment: CN¥25.00 by March 20, 2026" in page
    assert "CN¥0.00 of CN¥50.00 is paid" in page
    assert in_groups(reference_of(plan_id, 1)) in page
    assert 'min="2026-03-06" max="2026-04-03"' in page
    late = anna.post(f"{path}/agreement/move", data={"due_on": "2026-04-04"})
    assert (
        "Please choose a day from March 6, 2026 to April 3, 2026" in anna.get(late.headers["location"]).text
    )
    done = anna.post(f"{path}/agreement/move", data={"due_on": "2026-03-27"})
    page = anna.get(done.headers["location"]).text
    assert "Saved. Your payment is due on March 27, 2026." in page
    assert "please contact us before its day" in page
    assert "Another day for a payment" in page
    assert "Move this payment once" not in page
    anna.post(f"{path}/agreement/move", data={"due_on": "2026-03-28"})
    [change] = desk.read(lambda s: s.scalars(select(PlanChange)).all())
    assert (change.plan_id, change.n, change.to_on, change.by) == (plan_id, 1, date(2026, 3, 27), CUSTOMER)


def test_a_payment_that_was_not_complete_is_told_and_nothing_is_moved(desk: Desk) -> None:
    plan_id, path = link(desk)

    def ends_today(session: Session) -> None:
        first = session.scalars(select(PlanInstalment).where(PlanInstalment.n == 1)).one()
        first.due_on = date(2026, 2, 26)  # its grace days ended yesterday

    desk.write(ends_today)
    anna = reader(desk, path)
    page = anna.get(f"{path}/agreement").text
    assert "The payment of February 26, 2026 is not complete: CN¥25.00 is still to be paid." in page
    assert "Your next payment: CN¥25.00 by April 20, 2026" in page
    assert "Move the payment" not in page
    anna.post(f"{path}/agreement/move", data={"due_on": "2026-04-22"})
    assert desk.read(lambda s: s.scalars(select(PlanChange).where(PlanChange.plan_id == plan_id)).all()) == []


def test_a_month_whose_moves_are_used_offers_none(desk: Desk) -> None:
    plan_id, path = link(desk)

    def move(session: Session) -> None:
        plan = session.get_one(Plan, plan_id)
        day, ben = date(2026, 4, 22), Actor.user("ben")
        move_instalment(session, plan, 2, day, "Paid on the 21st", by=ben, today=TODAY, now=NOW)

    desk.write(move)
    anna = reader(desk, path)
    page = anna.get(f"{path}/agreement").text
    assert "Move the payment" not in page
    assert "please contact us before its day" in page


@pytest.mark.parametrize(
    ("currency", "iban", "has_code"),
    [("CNY", "NL91ABNA0417164300", False), ("EUR", "", False), ("EUR", "NL91ABNA0417164300", True)],
)
def test_speaks_of_a_payment_code_only_where_one_is_printed(
    desk: Desk, currency: str, iban: str, has_code: bool
) -> None:
    _, path = link(desk)

    def pays_into(session: Session) -> None:
        portfolio = session.scalars(select(Portfolio)).one()
        portfolio.currency, portfolio.payee_iban = currency, iban

    desk.write(pays_into)
    page = reader(desk, path).get(f"{path}/agreement").text
    assert (agreement_words()["en"]["qr_hint"] in page) is has_code


def test_a_portfolio_that_moves_no_dates_offers_none(desk: Desk) -> None:
    _, path = link(desk)

    def never(session: Session) -> None:
        session.scalars(select(Portfolio)).one().moves_a_month = 0

    desk.write(never)
    anna = reader(desk, path)
    assert "Move the payment" not in anna.get(f"{path}/agreement").text
    anna.post(f"{path}/agreement/move", data={"due_on": "2026-03-27"})
    assert desk.read(lambda s: s.scalars(select(PlanChange)).all()) == []


def test_the_payday_is_told_and_what_was_said_before_of_the_amount_stays(desk: Desk) -> None:
    _, path = link(desk, with_plan=False)
    anna = reader(desk, path)
    assert "There is no agreement with you" in anna.get(f"{path}/agreement").text
    wrong = anna.post(f"{path}/agreement/payday", data={"payday": "2020-01-01", "often": "monthly"})
    assert wrong.headers["location"].endswith("wrong_payday")
    anna.post(f"{path}/agreement/payday", data={"payday": "2026-03-05", "often": "weekly"})
    [answer] = desk.read(lambda s: s.scalars(select(AffordabilityAnswer)).all())
    assert (answer.payday_on, answer.payday_cadence, answer.by) == (date(2026, 3, 5), "weekly", CUSTOMER)


def test_one_customers_answers_open_no_other_page(desk: Desk) -> None:
    _, path = link(desk)
    _, other = link(desk)
    anna = reader(desk, path)
    assert "Your next payment" in anna.get(f"{path}/agreement").text
    assert "Your next payment" not in anna.get(f"{other}/agreement").text
    desk.clock.advance(timedelta(minutes=31))
    assert "Your next payment" not in anna.get(f"{path}/agreement").text


@pytest.mark.parametrize(
    ("due", "agreed", "left", "wanted"),
    [
        ((10, 20), 10, 1, MoveRange(date(2026, 3, 5), date(2026, 3, 17))),
        ((10, 12), 10, 1, MoveRange(date(2026, 3, 5), date(2026, 3, 11))),
        ((10, 11), 10, 1, MoveRange(date(2026, 3, 5), date(2026, 3, 10))),
        ((10, 20), 10, 0, None),
        ((3, 4), 3, 1, MoveRange(TODAY, date(2026, 3, 3))),
    ],
)
def test_a_payment_keeps_its_place(
    due: tuple[int, int], agreed: int, left: int, wanted: MoveRange | None
) -> None:
    parts = [Instalment(n, date(2026, 3, day), 100) for n, day in enumerate(due, start=1)]
    standing = progress(parts, [], on=min(date(2026, 3, max(agreed - 5, 2)), date(2026, 3, 5)), grace_days=3)
    assert move_range(standing, standing.instalments[0], days=7, moves_left=left) == wanted


def test_every_language_has_every_word() -> None:
    def gaps(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}", text))

    english = agreement_words()["en"]
    assert set(agreement_words()) == set(LANGUAGES)
    for language, words in agreement_words().items():
        assert {key: gaps(text) for key, text in words.items()} == {
            key: gaps(text) for key, text in english.items()
        }, language
        left = {key for key, text in words.items() if text == english[key]}
        assert language == "en" or left <= {"state"}, (language, left)
