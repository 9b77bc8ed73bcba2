"""What an open complaint stops, as packs have it and as a portfolio chooses; legal steps it always stops."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.composition import packs_for, unstack
from app.policy.facts import Contact, Facts, Hold
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests.policy.contacts import local

OURS = [code for code, pack in shipped_packs().items() if not pack.provider and not pack.stacks_on]


def pack_that_stops(stops: str, code: str = "uk", country: str = "GB") -> Pack:
    portfolio = SimpleNamespace(
        code="b", pack=code, collector="first_party", tightening="", complaint_stops=stops, adopted_packs="",
        assigned_on=None,
    )  # fmt: skip
    return packs_for(portfolio, SimpleNamespace(country=country, region="", city="", postcode=""))


def objections(pack: Pack, purpose: Purpose, letter: str, kind: HoldKind = HoldKind.COMPLAINT) -> list[str]:
    """The hold rules that object to a letter by post on a Wednesday at noon."""
    at = local("2026-06-03 12:00", "Europe/London")
    contact = Contact(Channel.POST, purpose, "1 High Street", letter=letter)
    facts = Facts(("Europe/London",), holds=(Hold(kind, at - timedelta(days=1), None),))
    answer = review(contact, facts, pack, at)
    if isinstance(answer, Clearance):
        return []
    assert isinstance(answer, Refusals)
    return [reason.rule for reason in answer.reasons if reason.rule.startswith("house.")]


REMINDER, CONFIRMATION, NOTICE = Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE


@pytest.mark.parametrize(
    ("stops", "purpose", "letter", "by"),
    [
        ("nothing", REMINDER, "first_reminder", []),
        ("reminders", REMINDER, "first_reminder", ["house.holds"]),
        ("everything", REMINDER, "first_reminder", ["house.holds", "house.complaint_everything"]),
        ("reminders", CONFIRMATION, "plan_broken", []),
        ("everything", CONFIRMATION, "plan_broken", ["house.complaint_everything"]),
        ("everything", CONFIRMATION, "paid_in_full", []),
        ("everything", NOTICE, "complaint_final_response", []),
        ("everything", NOTICE, "arrears_notice", []),
        ("nothing", NOTICE, "default_notice", ["house.complaint_legal"]),
        ("everything", NOTICE, "default_notice", ["house.complaint_legal"]),
    ],
)
def test_what_an_open_complaint_stops(stops: str, purpose: Purpose, letter: str, by: list[str]) -> None:
    assert objections(pack_that_stops(stops), purpose, letter) == by


def test_other_holds_stop_what_they_did() -> None:
    assert objections(pack_that_stops("nothing"), REMINDER, "first_reminder", HoldKind.FRAUD) == [
        "house.holds"
    ]


@pytest.mark.parametrize("code", OURS)
def test_no_choice_of_a_portfolio_takes_a_rule_of_the_law_or_of_legal_steps_away(code: str) -> None:
    country = shipped_packs()[code].country
    usual, nothing = pack_that_stops("reminders", code, country), pack_that_stops("nothing", code, country)
    for rule in usual.rules:
        if rule.force != "operator choice" or rule.id == "house.complaint_legal":
            assert rule in nothing.rules
    assert "house.complaint_legal" in {rule.id for rule in nothing.rules}


@pytest.mark.parametrize("stops", ["nothing", "everything"])
def test_a_decision_is_replayed_with_what_was_chosen_then(stops: str) -> None:
    pack = pack_that_stops(stops)
    assert pack.parts[-1] == f"complaints@{stops}"
    assert unstack(pack.text) == pack
