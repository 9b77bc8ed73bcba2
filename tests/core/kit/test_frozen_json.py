"""Frozen dataclasses survive JSON, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given

from app.casework.negotiation.facts import Option, Solution, SolverFacts
from app.casework.negotiation.options import solve
from app.casework.negotiation.solver.chance import BaseChance
from app.core.kit.frozen_json import digest_of, from_json, to_json
from tests.casework.negotiation.solver_facts import facts, random_facts, said


@given(random_facts)
def test_facts_come_back_as_they_were(given_facts: SolverFacts) -> None:
    text = to_json(given_facts)
    again = from_json(SolverFacts, text)
    assert again == given_facts
    assert to_json(again) == text


def test_options_come_back_as_they_were() -> None:
    solution = solve(facts(said(12_000, 5_000)), BaseChance())
    assert from_json(Solution, to_json(solution)) == solution
    assert all(from_json(Option, to_json(option)) == option for option in solution.options)
    assert digest_of(from_json(Solution, to_json(solution))) == digest_of(solution)


def test_a_field_that_the_text_does_not_have_takes_its_default() -> None:
    text = to_json(facts(said(1))).replace('"day_count":365,', "")
    assert from_json(SolverFacts, text).day_count == 365


@pytest.mark.parametrize("text", ["{}", "[]", '{"today": "no day"}'])
def test_refuses_what_is_no_facts(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(SolverFacts, text)
