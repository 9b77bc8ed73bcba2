"""Household statements as they are recorded, kept, compared and forgotten."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.people.household import load_guidelines, record_answer, record_statement
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import Basis
from app.casework.negotiation.household.events import AffordabilitySaid, HouseholdStated
from app.casework.negotiation.household.queries import (
    affordability_of,
    assessed,
    household_of,
    statements_of,
)
from app.casework.negotiation.household.rules import (
    Debt,
    Employment,
    Figure,
    FigureSource,
    Frequency,
    Household,
    People,
    Tenure,
)
from app.casework.negotiation.household.service import SURE, Answer, Implausible
from app.casework.negotiation.household.warnings import WarningKind
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from tests import builders

TODAY = date(2026, 3, 20)
BY = Actor.user("ann")
GUIDELINES = """
categories = "cn"
currency = "CNY"
source = "Invented figures of a test"
dated_on = 2026-01-15
valid_from = 2026-01-01

[[figures]]
code = "total-food-housekeeping"
first_adult = "1000.00"
further_adult = "800.00"
child_under_16 = "500.00"
child_16_18 = "700.00"
"""


def told(**changes: object) -> Household:
    given: dict[str, object] = {
        "taken_on": TODAY,
        "country": "cn",
        "currency": "CNY",
        "people": People(adults=2, children_under_16=1, vehicles=1),
        "tenure": Tenure.PRIVATE_TENANT,
        "employment": (Employment.FULL_TIME, Employment.OTHER),
        "partner_employment": (Employment.CARER,),
        "figures": (
            Figure("total-earnings", 240_000, Frequency.WEEKLY, FigureSource.DOCUMENT, date(2026, 3, 1)),
            Figure("rent", 300_000, note="Until June."),
            Figure("total-food-housekeeping", 230_001),
        ),
        "debts": (Debt("Power company", 40_000, 10_000, is_priority=True), Debt("Other Bank", 15_000)),
        "payday": Payday(date(2026, 3, 25), Cadence.MONTHLY, 2),
        **changes,
    }
    return Household(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((Figure("total-earnings", 240_000),), "no cost at all"),
        ((Figure("total-earnings", 240_000), Figure("rent", 2_400_001)), "far apart"),
    ],
)
def test_unusual_totals_are_asked_about_before_they_are_recorded(
    engine: Engine, figures: tuple[Figure, ...], said: str
) -> None:
    unusual = told(figures=figures, debts=(), tenure=None)
    with transaction(engine) as session:
        case, now = late_case(session), builders.at(TODAY)
        with pytest.raises(Implausible, match=said) as asked:
            record_statement(session, case, unusual, by=BY, now=now)
        assert asked.value.field == "sure"
        with pytest.raises(Implausible):
            record_statement(session, case, unusual, sure="totals:1:0:0", by=BY, now=now)
        assert statements_of(session, case.customer_id) == []
        record_statement(session, case, unusual, sure=asked.value.answer, by=BY, now=now)
        assert len(statements_of(session, case.customer_id)) == 1


def late_case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=date(2026, 3, 10), on=date(2026, 3, 19))


def test_a_statement_is_kept_and_the_newest_counts(engine: Engine) -> None:
    now = builders.at(TODAY)
    with transaction(engine) as session:
        case = late_case(session)
        first = record_statement(session, case, told(), by=BY, now=now)
        assert household_of(session, first) == told(review_on=date(2027, 3, 20))
        affords = affordability_of(session, case.customer_id, today=TODAY)
        assert (affords.basis, affords.statement_id) == (Basis.STATEMENT, first.id)
        assert affords.payday == Payday(date(2026, 3, 25), Cadence.MONTHLY, 2)
        # 10,400.00 in, 5,300.01 out, 509.99 saved (no limit in this currency), 100.00 to the power company.
        assert affords.disposable_minor == 1_040_000 - 530_001 - 50_999 - 10_000
        assert affords.monthly_minor == affords.disposable_minor * first.our_debt_minor // (
            first.our_debt_minor + 15_000
        )

        lower = record_answer(session, case, Answer(1_000, 500), by=BY, now=now + timedelta(hours=1))
        affords = affordability_of(session, case.customer_id, today=TODAY)
        assert (affords.basis, affords.monthly_minor, affords.once_minor) == (Basis.STATEMENT, 1_000, 500)

        second = record_statement(
            session,
            case,
            told(figures=(Figure("total-earnings", 100),)),
            sure=SURE,
            by=BY,
            now=now + timedelta(hours=2),
        )
        affords = affordability_of(session, case.customer_id, today=TODAY)
        assert (affords.statement_id, affords.monthly_minor, affords.once_minor) == (second.id, 0, 0)
        assert [row.id for row in statements_of(session, case.customer_id)] == [second.id, first.id]
        events = builders.events(
            session, HouseholdStated.KIND, AffordabilitySaid.KIND, customer_id=case.customer_id
        )
        common = {"kind", "at", "by", "channel"}
        assert [{k: v for k, v in each.items() if k not in common} for each in events] == [
            {"statement_id": first.id, "taken_on": "2026-03-20", "review_on": "2027-03-20"},
            {"answer_id": lower.id},
            {"statement_id": second.id, "taken_on": "2026-03-20", "review_on": "2027-03-20"},
        ], "no figure of a household stands on the timeline, which is never deleted"


def test_what_the_customer_says_is_enough(engine: Engine) -> None:
    with transaction(engine) as session:
        case = late_case(session)
        assert affordability_of(session, case.customer_id, today=TODAY).basis is Basis.UNKNOWN
        payday = Payday(date(2026, 3, 27), Cadence.FORTNIGHTLY, 1)
        record_answer(session, case, Answer(20_000, payday=payday), by=BY, now=builders.at(TODAY))
        affords = affordability_of(session, case.customer_id, today=date(2026, 3, 28))
        assert (affords.basis, affords.monthly_minor) == (Basis.SAID, 20_000)
        assert affords.payday == Payday(date(2026, 4, 10), Cadence.FORTNIGHTLY, 1), (
            "the next one from that day"
        )
        for answer, field in [
            (Answer(), "monthly"),
            (Answer(-1), "monthly"),
            (Answer(1, -1), "once"),
            (Answer(10**15), "monthly"),
            (Answer(1, payday=Payday(date(2027, 1, 1))), "payday_on"),
        ]:
            with pytest.raises(Invalid) as refused:
                record_answer(session, case, answer, by=BY, now=builders.at(TODAY))
            assert refused.value.field == field


def test_a_statement_of_another_currency_or_with_a_fault_is_refused_whole(engine: Engine) -> None:
    with transaction(engine) as session:
        case = late_case(session)
        for wrong, field in [
            (told(currency="GBP", country="uk"), "currency"),
            (told(figures=(Figure("rent", -5),)), "rent"),
            (told(taken_on=TODAY + timedelta(days=1)), "taken_on"),
        ]:
            with pytest.raises(Invalid) as refused:
                record_statement(session, case, wrong, by=BY, now=builders.at(TODAY))
            assert refused.value.field == field
        assert statements_of(session, case.customer_id) == []


def test_guidelines_are_loaded_by_the_operator_once_and_kept_by_edition(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "guidelines.toml"
    path.write_text(GUIDELINES)
    now = builders.at(TODAY)
    with transaction(engine) as session:
        case = late_case(session)
        before = record_statement(session, case, told(), by=BY, now=now)
        edition, is_new = load_guidelines(session, path, by=BY, now=now)
        assert is_new
        assert load_guidelines(session, path, by=BY, now=now) == (edition, False)
        after = record_statement(session, case, told(), by=BY, now=now)
        assert [w.kind for w in assessed(session, before, TODAY).warnings] == []
        found = assessed(session, after, TODAY)
        assert [(w.kind, w.field) for w in found.warnings] == [
            (WarningKind.ABOVE_GUIDELINE, "total-food-housekeeping")
        ]
        assert "CNY 2300.01" in found.warnings[0].text
        assert "CNY 2300.00" in found.warnings[0].text
        assert found.guideline is not None
        assert (found.guideline.source, found.guideline.dated_on) == (
            "Invented figures of a test",
            date(2026, 1, 15),
        )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"cn"', '"fr"', "no list of categories"),
        ('"CNY"', '"XXX"', "unknown currency"),
        ("2026-01-15", '"soon"', "dated_on"),
        ("total-food-housekeeping", "yacht", "no figure 'yacht'"),
        ('"1000.00"', '"1000.001"', "first_adult"),
        ('"1000.00"', '"-1.00"', "not negative"),
        ("source =", "sauce =", "source"),
        ("[[figures]]", "[[figures", "not a TOML file"),
    ],
)
def test_a_wrong_guideline_file_is_refused_with_its_place(
    sqlite_engine: Engine, tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "guidelines.toml"
    path.write_text(GUIDELINES.replace(old, new))
    with transaction(sqlite_engine) as session, pytest.raises(Invalid, match=says):
        load_guidelines(session, path, by=BY, now=builders.at(TODAY))
