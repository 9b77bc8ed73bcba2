"""Ids of rules and strategies as people read them."""

from __future__ import annotations

import re

import pytest

from app.policy.packfile import shipped_packs
from app.web.wording import rule_words, strategy_words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("house.opt_out", "Consent or opt-out"),
        ("house.hours", "Permitted hours"),
        ("cn.hours_gbt", "Permitted hours (CN: gbt)"),
        ("house.messages_day", "Contact limit (messages day)"),
        ("desk.no_longer_true", "No longer true"),
        ("own.rule_of_a_portfolio", "Rule of a portfolio (OWN)"),
    ],
)
def test_a_rule_is_told_by_its_kind(rule: str, words: str) -> None:
    assert rule_words(rule) == words


def test_no_shipped_rule_is_told_by_its_code() -> None:
    told = {rule.id: rule_words(rule.id) for pack in shipped_packs().values() for rule in pack.rules}
    assert len(told) > 50
    assert [(rule, words) for rule, words in told.items() if re.search(r"_|\w\.\w", words)] == []


def test_a_strategy_is_told_by_its_version() -> None:
    assert strategy_words("standard@3") == "standard, version 3"
    assert strategy_words("standard@shipped:e32b3fba") == "standard, as shipped"
    assert strategy_words("standard") == "standard"
