"""Interest in the letters of an agreement: the rates that the night charges, capped, account by account."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from html import unescape

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.agreements.rates import AccountRate, interest_figures, interest_told
from app.outreach.agreements.reader import Reader
from app.outreach.letters.letter import RateLine
from app.outreach.letters.locales import format_rate
from app.outreach.letters.rendering import render
from tests import builders
from tests.outreach.letters.test_letter_contract import filled

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
READER = Reader("en-GB", "USD")
LETTERS = builders.catalog().letters
TERMS = AgreementTerms(PlanKind.HARDSHIP, 100_000, ON + 20 * DAY, 6, Cadence.MONTHLY, apr_millionths=50_000)
AS_MANAGER = Grantor(Actor.user("mei"), Role.MANAGER)


Rates = tuple[RateLine, RateLine]


def lines(gold: tuple[str, str], store: tuple[str, str]) -> Rates:
    return RateLine("Gold", "1111", *gold), RateLine("Store", "2222", *store)


def gold(own: int, agreed: int) -> AccountRate:
    return AccountRate("Gold", "1111", own, agreed)


def store(own: int, agreed: int) -> AccountRate:
    return AccountRate("Store", "2222", own, agreed)


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ([], {"interest": "free"}),
        ([gold(0, 0), store(0, 0)], {"interest": "free"}),
        ([gold(180_000, 180_000)], {"interest": "own", "rate": "18%", "rate_before": ""}),
        ([gold(180_000, 50_000)], {"interest": "lower", "rate": "5%", "rate_before": "18%"}),
        ([gold(180_000, 50_000)] * 2, {"interest": "lower", "rate": "5%", "rate_before": "18%"}),
        ([gold(180_000, 0)], {"interest": "none", "rate": "", "rate_before": "18%"}),
        (
            [gold(180_000, 50_000), store(40_000, 40_000)],
            {"interest": "lower", "rates": lines(("5%", "18%"), ("4%", ""))},
        ),
        (
            [gold(180_000, 0), store(0, 0)],
            {"interest": "none", "rates": lines(("", "18%"), ("", ""))},
        ),
        (
            [gold(180_000, 180_000), store(0, 0)],
            {"interest": "own", "rates": lines(("18%", ""), ("", ""))},
        ),
    ],
    ids=["no account", "free", "own", "lower", "alike", "none", "apart", "none apart", "own apart"],
)  # fmt: skip
def test_what_is_told_of_the_rates(rates: list[AccountRate], told: dict[str, object]) -> None:
    assert interest_told(rates, READER) == told


def a_case(session: Session, apr: int, *, accrues: bool = True) -> CollectionsCase:
    """1,000.00 US dollars past due, under the pack that caps rates at 36 %."""
    builders.portfolio(session, pack="us-first-party", currency="USD", accrues=accrues)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    session.scalars(select(Account)).one().apr_millionths = apr
    return case


@pytest.mark.parametrize(
    ("apr", "agreed", "told", "interest"),
    [
        (400_000, 390_000, {"interest": "own", "rate": "36%", "rate_before": ""}, 98),
        (400_000, 50_000, {"interest": "lower", "rate": "5%", "rate_before": "36%"}, 13),
        (400_000, 0, {"interest": "none", "rate": "", "rate_before": "36%"}, 0),
        (180_000, None, {"interest": "own", "rate": "18%", "rate_before": ""}, 49),
        (40_000, 50_000, {"interest": "own", "rate": "4%", "rate_before": ""}, 10),
    ],
)
def test_a_letter_names_the_rate_that_the_night_charges(
    engine: Engine, apr: int, agreed: int | None, told: dict[str, str], interest: int
) -> None:
    with transaction(engine) as session:
        case = a_case(session, apr)
        terms = dataclasses.replace(TERMS, apr_millionths=agreed)
        plan = agree(session, case, terms, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON)).plan
        plan_id = id_of(plan)
        assert interest_figures(session, plan, READER, on=ON) == {**told, "late_fees": "none"}
    builders.close_day(engine, ON)
    builders.close_day(engine, ON + DAY)
    with transaction(engine) as session:
        [posted] = [
            entry.amount_minor
            for entry in session.scalars(select(Entry).where(Entry.effective_on == ON + DAY))
            if entry.kind is EntryKind.INTEREST
        ] or [0]
        assert abs(posted - interest) <= 1
        card = session.scalars(select(Account)).one()
        set_status(
            session,
            card,
            AccountStatus.CHARGED_OFF,
            ON + DAY,
            100_000,
            "late",
            by=SYSTEM,
            now=builders.at(ON),
        )
        plan = session.get_one(Plan, plan_id)
        assert interest_figures(session, plan, READER, on=ON) == {**told, "late_fees": "none"}, (
            "as it was made"
        )
        after = interest_figures(session, plan, READER, on=ON + DAY)
        assert after["interest"] == "free", "no interest runs on an account that was charged off"


def test_no_rate_is_agreed_or_told_where_the_creditor_charges_the_interest(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, 180_000, accrues=False)
        for rate in (0, 50_000):
            with pytest.raises(Invalid, match="The creditor charges the interest") as refused:
                agree(
                    session, case, dataclasses.replace(TERMS, apr_millionths=rate), builders.catalog(),
                    grantor=AS_MANAGER, now=builders.at(ON),
                )  # fmt: skip
            assert refused.value.field == "apr"
        own = dataclasses.replace(TERMS, apr_millionths=None)
        plan = agree(session, case, own, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON)).plan
        plan.apr_millionths = 0  # one that was made before
        assert interest_figures(session, plan, READER, on=ON) == {"interest": "same"}
    [letter] = [row.text for row in builders.messages(engine) if row.subject]
    assert "Interest goes on as your card agreement says." in letter
    assert "late fee" not in letter


@pytest.mark.parametrize("name", ["plan_offer", "plan_confirmation", "agreement"])
@pytest.mark.parametrize("interest", ["lower", "none", "own"])
def test_each_account_is_named_with_its_rate_in_every_language(name: str, interest: str) -> None:
    letter = LETTERS[name]
    for language in letter.languages:
        before, after = format_rate(219_000, language), format_rate(59_000, language)
        context = dataclasses.replace(
            filled(language), interest=interest, rate="", rate_before="",
            rates=(RateLine("Gold", "1111", after, before), RateLine("Store", "2222", "", "")),
        )  # fmt: skip
        for channel in letter.channels & {Channel.EMAIL, Channel.POST}:
            words = render(letter, channel, language, context)
            lines = words.text.splitlines()
            [gold_line] = [line for line in lines if line.startswith("- Gold")]
            [store_line] = [line for line in lines if line.startswith("- Store")]
            assert after in gold_line
            assert before in gold_line
            assert not any(character.isdigit() for character in store_line.replace("2222", ""))
            assert lines[lines.index(store_line) + 1] == "", "the list ends there"
            assert not any(line.startswith(" ") for line in lines)
            assert (context.last_due_on in words.text) or interest == "own"
            assert not words.html or f"<li>{gold_line[2:]}</li>" in unescape(words.html)


@pytest.mark.parametrize("language", LETTERS["plan_confirmation"].languages)
def test_each_way_of_charging_has_a_sentence_of_its_own(language: str) -> None:
    letter, whole = LETTERS["plan_confirmation"], filled(language)
    texts = set()
    for interest in ("same", "free", "own", "none", "lower"):
        rate = whole.rate if interest in ("own", "lower") else ""
        before = whole.rate_before if interest in ("none", "lower") else ""
        context = dataclasses.replace(whole, interest=interest, rate=rate, rate_before=before)
        text = render(letter, Channel.EMAIL, language, context).text
        assert (whole.rate in text, whole.rate_before in text) == (bool(rate), bool(before))
        texts.add(text)
    assert len(texts) == 5
