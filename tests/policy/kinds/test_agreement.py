"""Agreements: which contacts stop while one is kept, and that what the agreement itself needs passes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest

from app.casework.plans.rules import PlanKind
from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Contact, Facts, KeptAgreement
from app.policy.kinds.agreement import AgreementKind, AgreementRule
from app.policy.overrides import check
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    AMSTERDAM,
    CN,
    LONDON,
    MOBILE,
    OSLO,
    POST,
    SHANGHAI,
    SYDNEY,
    US,
    local,
    rule_ids,
)

NOON = local("2026-06-01 12:00", SHANGHAI)
R, C, N = Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE


def kept(kind: str, zone: str = SHANGHAI) -> Facts:
    return Facts((zone,), agreement=KeptAgreement(kind, "P-000007", date(2026, 5, 1)))


def test_the_kinds_of_agreement_are_those_of_plans() -> None:
    assert set(get_args(AgreementKind)) == {kind.value for kind in PlanKind}


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("kind", ["instalments", "hardship"])
def test_in_china_collection_stops_by_every_channel_while_a_plan_is_kept(channel: Channel, kind: str) -> None:
    """CBRC Order 2011 No.2, art 70."""
    answer = review(Contact(channel, R, MOBILE), kept(kind), CN, NOON)
    assert isinstance(answer, Refusals)
    [reason] = answer.reasons
    assert reason.rule == "cn.plan_stop"
    assert reason.citation.endswith("art 70")
    assert reason.force == "law"
    assert "P-000007 is kept since 2026-05-01" in reason.detail
    assert isinstance(review(Contact(channel, R, MOBILE), Facts((SHANGHAI,)), CN, NOON), Clearance)


@pytest.mark.parametrize(
    ("purpose", "letter", "passes"),
    [
        (R, "first_reminder", False),
        (R, "final_notice", False),
        (R, "plan_broken", False),  # it is not broken
        (R, "instalment_reminder", True),
        (R, "plan_offer", True),
        (C, "plan_confirmation", True),
        (C, "instalment_moved", True),
        (N, "due_reminder", True),  # a statement's own notice is no collection
    ],
)
def test_what_the_agreement_itself_needs_passes(purpose: Purpose, letter: str, passes: bool) -> None:
    answer = review(Contact(Channel.SMS, purpose, MOBILE, letter=letter), kept("instalments"), CN, NOON)
    assert isinstance(answer, Clearance) == passes


def test_a_promise_or_a_settlement_is_no_instalment_agreement_of_article_70() -> None:
    for kind in ("promise", "settlement"):
        assert isinstance(review(Contact(Channel.SMS, R, MOBILE), kept(kind), CN, NOON), Clearance)


@pytest.mark.parametrize(
    ("pack", "zone", "letter"),
    [
        ("uk", LONDON, "default_notice"),
        ("uk", LONDON, "letter_of_claim"),
        ("au", SYDNEY, "default_notice_au"),
        ("no", OSLO, "inkassovarsel"),
        ("no", OSLO, "betalingsoppfordring"),
        ("nl", AMSTERDAM, "fourteen_day_letter"),
        ("nl", AMSTERDAM, "collection_costs_demand"),
        ("id", "Asia/Jakarta", "warning_letter"),
    ],
)
def test_no_step_toward_enforcement_while_an_agreement_is_kept(pack: str, zone: str, letter: str) -> None:
    """CONC 7.3.4R; National Credit Code s 88; Inkassoloven ss 9, 10; BW 6:96(6); POJK 22/2023 art 60: each wants a
    default, and who keeps an agreement is in none."""
    at, rules = local("2026-06-03 12:00", zone), shipped_packs()[pack]
    purpose = R if letter in ("collection_costs_demand", "warning_letter") else N
    notice = Contact(POST, purpose, "1 High Street", letter=letter)
    for kind in PlanKind:
        answer = review(notice, kept(kind.value, zone), rules, at)
        assert isinstance(answer, Refusals)
        assert "house.kept_agreement" in [reason.rule for reason in answer.reasons]
    broken = review(notice, Facts((zone,)), rules, at)
    assert isinstance(broken, Clearance) or "house.kept_agreement" not in rule_ids(broken)
    reminder = Contact(Channel.SMS, R, MOBILE, letter="first_reminder")
    assert isinstance(review(reminder, kept("instalments", zone), rules, at), Clearance)


def test_only_packs_that_ask_for_agreements_have_them_read() -> None:
    assert CN.needed.agreements
    assert not US.needed.agreements


def test_a_portfolio_may_only_tighten_it() -> None:
    law = shipped_packs()["cn"]
    more = '[[rules]]\nid = "cn.plan_stop"\nagreements = ["hardship", "instalments", "promise"]\n'
    assert check(more, law.rules) == ["cn.plan_stop"]
    for looser in (
        'agreements = ["hardship"]',
        'passes = ["instalment_reminder", "plan_offer", "first_reminder"]',
    ):
        with pytest.raises(BadPack):
            check(f'[[rules]]\nid = "cn.plan_stop"\n{looser}\n', law.rules)


def test_a_rule_is_asked_of_the_day_of_the_plan_on() -> None:
    rule = next(rule for rule in CN.rules if isinstance(rule, AgreementRule))
    later = review(Contact(Channel.CALL, R, MOBILE), kept("instalments"), CN, NOON + timedelta(days=400))
    assert isinstance(later, Refusals)
    assert rule.letters == frozenset()
