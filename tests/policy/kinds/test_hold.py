"""Holds: which purposes each stops, and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.core.vocabulary import TO_CUSTOMERS, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, Facts, Hold, KeptAgreement
from app.policy.kinds.hold import HoldRule
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    CN,
    LONDON,
    MOBILE,
    SHANGHAI,
    SMS,
    UK,
    US,
    local,
    reminder,
    rule_ids,
)

R, C, N = Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE
HOLDS = [
    # pack, hold, purposes it stops
    (US, HoldKind.CEASE_CONTACT, {R, C}, "us.cease"),  # 12 CFR 1006.6(c)(1)-(2): three notices pass
    (US, HoldKind.ATTORNEY, {R, C, N}, "us.attorney"),  # 12 CFR 1006.6(b)(2)
    (US, HoldKind.BANKRUPTCY, {R, C, N}, "us.bankruptcy_stay"),  # 11 USC 362(a)(6)
    (US, HoldKind.DISPUTE, {R}, "us.dispute_hold"),  # 12 CFR 1006.38(d)(2)
    (US, HoldKind.DECEASED, {R, C, N}, "house.deceased"),
    (US, HoldKind.MILITARY, {R}, "house.holds"),
    (UK, HoldKind.BREATHING_SPACE, {R, C}, "uk.breathing_space"),  # SI 2020/1311 regs 7, 11
    (UK, HoldKind.DISPUTE, {R}, "uk.disputed_debt"),  # CONC 7.14.1R
    (UK, HoldKind.CEASE_CONTACT, {R, C}, "house.cease_contact"),
    (UK, HoldKind.ATTORNEY, {R, C, N}, "house.full_stop"),
    (UK, HoldKind.VULNERABLE, {R}, "house.holds"),
    (CN, HoldKind.DISPUTE, {R}, "house.objection"),
    (CN, HoldKind.CEASE_CONTACT, {R, C, N}, "house.full_stop"),
    (CN, HoldKind.HARDSHIP, {R}, "house.hardship"),
]


@pytest.mark.parametrize(("pack", "kind", "stops", "rule"), HOLDS)
def test_a_hold_stops_its_purposes_and_no_others(
    pack: Pack, kind: HoldKind, stops: set[Purpose], rule: str
) -> None:
    at = local("2026-06-01 12:00", SHANGHAI)
    facts = Facts((SHANGHAI,), holds=(Hold(kind, at - timedelta(days=3), None),))
    answers = {purpose: review(Contact(SMS, purpose, MOBILE), facts, pack, at) for purpose in TO_CUSTOMERS}
    assert {purpose for purpose, answer in answers.items() if isinstance(answer, Refusals)} == stops
    assert rule_ids(answers[R]) == [rule]


BREATHING_SPACE = Hold(
    HoldKind.BREATHING_SPACE,
    local("2026-06-01 10:00", LONDON),
    local("2026-08-01 00:00", LONDON),  # 60 days from the day after registration: 2 June to 31 July
)


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        ("2026-06-01 09:59", Clearance),
        ("2026-06-01 10:00", Refusals),  # 61 days ahead: too far to call it a wait
        ("2026-07-31 20:59", WaitUntil),
        ("2026-08-01 00:00", WaitUntil),  # over, but it is night
        ("2026-08-01 08:00", Clearance),
    ],
)
def test_uk_breathing_space_ends_by_itself(at: str, answers: type) -> None:
    """Debt Respite Scheme Regulations 2020 (England and Wales), SI 2020/1311: 60 days."""
    answer = review(reminder(), Facts((LONDON,), holds=(BREATHING_SPACE,)), UK, local(at, LONDON))
    assert isinstance(answer, answers)
    if isinstance(answer, WaitUntil):
        assert answer.at == local("2026-08-01 08:00", LONDON)


def test_a_breathing_space_is_shown_as_not_verified() -> None:
    answer = review(
        reminder(), Facts((LONDON,), holds=(BREATHING_SPACE,)), UK, local("2026-07-31 12:00", LONDON)
    )
    assert isinstance(answer, WaitUntil)
    assert [reason.verified for reason in answer.reasons] == [False]


NOON = local("2026-06-03 12:00", SHANGHAI)


def about_an_instalment(
    kind: HoldKind, letter: str = "instalment_reminder", since: date = date(2026, 6, 1), pack: Pack = CN
) -> object:
    """The answer for a letter while a hold stands since the evening of 1 June, and an agreement is kept."""
    hold = Hold(kind, local("2026-06-01 23:30", SHANGHAI), None)
    facts = Facts((SHANGHAI,), holds=(hold,), agreement=KeptAgreement("hardship", "P-000007", since))
    return review(Contact(SMS, R, MOBILE, letter=letter), facts, pack, NOON)


def test_an_agreement_that_answers_a_hardship_reminds_of_itself() -> None:
    assert isinstance(about_an_instalment(HoldKind.HARDSHIP), Clearance)
    assert isinstance(about_an_instalment(HoldKind.HARDSHIP, since=date(2026, 6, 2)), Clearance)


def test_an_agreement_of_before_the_hardship_does_not_nor_does_any_other_letter_pass() -> None:
    """It may be the one that they cannot keep."""
    assert rule_ids(about_an_instalment(HoldKind.HARDSHIP, since=date(2026, 5, 31))) == ["house.hardship"]
    assert "house.hardship" in rule_ids(about_an_instalment(HoldKind.HARDSHIP, "first_reminder"))


@pytest.mark.parametrize("kind", sorted(set(HoldKind) - {HoldKind.HARDSHIP}))
@pytest.mark.parametrize("code", sorted(shipped_packs()))
def test_every_other_hold_stops_an_agreements_own_reminders(kind: HoldKind, code: str) -> None:
    pack = shipped_packs()[code]
    rules = [rule for rule in pack.rules if isinstance(rule, HoldRule) and kind in rule.holds]
    assert not any(rule.passes for rule in rules)


def test_a_portfolio_lets_no_further_letter_pass() -> None:
    with pytest.raises(BadPack):
        check(
            '[[rules]]\nid = "house.hardship"\npasses = ["instalment_reminder", "first_reminder"]\n', CN.rules
        )
