"""`desk doctor`: faults of the set-up, each a sentence that says what to do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from app.book.portfolios.rules import CollectorKind
from app.core.database.engine import transaction
from app.core.settings import EmailAdapter, Settings, SmsAdapter
from app.operations.doctor import RENEW_WITHIN, findings, findings_of_certificate
from app.policy.composition import use_providers
from app.programs.ports import make_ports
from tests import builders

TODAY = date(2026, 6, 3)
AMERICAN = {"currency": "USD", "timezone": "America/New_York"}


def said(engine: Engine) -> list[tuple[str, str]]:
    with transaction(engine) as session:
        return [(each.portfolio, each.check) for each in findings(session, today=TODAY)]


def test_an_agency_with_twilio_is_told_that_no_sms_leaves(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.portfolio(
            session, "AGENCY", pack="us-third-party", collector=CollectorKind.THIRD_PARTY, **AMERICAN
        )
        book = builders.portfolio(session, "BANK", pack="us-first-party", **AMERICAN)
        builders.customer(session, book, country="US", timezone="America/New_York")
    assert said(engine) == []
    use_providers("twilio")
    assert said(engine) == [("AGENCY", "forbidden")]
    with transaction(engine) as session:
        [finding] = findings(session, today=TODAY)
    assert finding.sentence.startswith(
        "AGENCY: no SMS leaves to customers in United States. Twilio carries no SMS"
    )
    assert "Twilio errors 30863, 30460, 30869" in finding.sentence
    assert finding.sentence.endswith("Use other channels, or another provider that carries them.")


def test_the_composition_root_names_the_provider(engine: Engine) -> None:
    settings = Settings(
        secret_key="s" * 40,  # type: ignore[arg-type]
        sms=SmsAdapter.TWILIO,
        email=EmailAdapter.CONSOLE,
        twilio_account_sid="AC1",
        twilio_auth_token="t",  # type: ignore[arg-type]
        twilio_from="+12125550100",
    )
    with transaction(engine) as session:
        builders.portfolio(
            session, "AGENCY", pack="us-third-party", collector=CollectorKind.THIRD_PARTY, **AMERICAN
        )
    make_ports(settings)
    assert said(engine) == [("AGENCY", "forbidden")]


@pytest.mark.parametrize("n", [1, 1200])
def test_customers_where_no_pack_holds_are_counted(sqlite_engine: Engine, n: int) -> None:
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        for _ in range(n):
            builders.customer(session, book, country="AT", mobile="")
    with transaction(sqlite_engine) as session:
        [finding] = findings(session, today=TODAY)
    assert finding.sentence.startswith(
        f"CARDS: {'1 customer lives' if n == 1 else '1,200 customers live'} in Austria"
    )


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2028-07-03", ""),  # 181 days before the last that is known
        ("2028-07-04", "are known until 2028-12-31"),
        ("2029-01-01", "are known until 2028-12-31, which is over"),
    ],
)
def test_equated_days_are_asked_for_before_they_run_out(sqlite_engine: Engine, today: str, said: str) -> None:
    with transaction(sqlite_engine) as session:
        builders.portfolio(
            session,
            "INCASSO",
            pack="nl-third-party",
            collector=CollectorKind.THIRD_PARTY,
            timezone="Europe/Amsterdam",
        )
        found = [
            each for each in findings(session, today=date.fromisoformat(today)) if each.check == "runs_out"
        ]
    assert [said in each.sentence for each in found] == ([True] if said else [])
    if said:
        assert "rule nl.days" in found[0].sentence


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2026-07-03", ""),
        ("2026-07-04", "is in force until 2026-12-31"),  # 180 days before
        ("2026-12-31", "is in force until 2026-12-31"),
        ("2027-01-01", "is in force until 2026-12-31, which is over"),
    ],
)
def test_a_rule_that_ends_is_asked_about_before_it_does(sqlite_engine: Engine, today: str, said: str) -> None:
    own = """[[rules]]
id = "house.trial"
kind = "cap"
channels = ["sms"]
most = 1
counts = "attempted"
per = "person"
window_days = 7
force = "operator choice"
citation = "house rule: a trial"
source = "house rule"
verified = true
effective_to = 2026-12-31
"""
    with transaction(sqlite_engine) as session:
        builders.portfolio(session, "CARDS", pack="tw", timezone="Asia/Taipei", tightening=own)
        found = [
            each for each in findings(session, today=date.fromisoformat(today)) if each.check == "runs_out"
        ]
    assert [said in each.sentence for each in found] == ([True] if said else [])
    if said:
        assert "rule house.trial (house rule: a trial)" in found[0].sentence


@pytest.mark.parametrize(("late_fee_minor", "asked"), [(0, False), (2500, True)])
def test_a_fee_of_the_year_is_asked_for_where_the_desk_charges_one(
    sqlite_engine: Engine, late_fee_minor: int, asked: bool
) -> None:
    """12 CFR 1026.52(b)(1)(ii): the safe harbour changes by the year."""
    with transaction(sqlite_engine) as session:
        builders.portfolio(session, "BANK", pack="us-first-party", late_fee_minor=late_fee_minor, **AMERICAN)
        found = findings(session, today=date(2026, 7, 4))
        before = findings(session, today=date(2026, 7, 3))
    assert [each.check for each in found] == (["runs_out"] if asked else [])
    assert before == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (RENEW_WITHIN.days + 1, ""),
        (RENEW_WITHIN.days, "expires on"),
        (1, "expires on"),
        (0, "has expired on"),
        (-9, "has expired on"),
    ],
)
def test_a_certificate_is_asked_for_before_it_expires(days: int, told: str) -> None:
    ends = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC) + timedelta(days=days)
    sentences = [each.sentence for each in findings_of_certificate(ends, today=TODAY)]
    assert len(sentences) == (1 if told else 0)
    assert all(f"{told} {ends.date()}" in sentence for sentence in sentences)
