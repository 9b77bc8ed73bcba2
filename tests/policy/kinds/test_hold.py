"""Holds: which purposes each stops, and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.core.vocabulary import TO_CUSTOMERS, Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, Facts, Hold, KeptAgreement, Notice
from app.policy.kinds.hold import HoldRule
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    CALL,
    CN,
    EMAIL,
    LONDON,
    MOBILE,
    POST,
    SHANGHAI,
    SMS,
    UK,
    US,
    local,
    reminder,
    rule_ids,
)

CHICAGO = "America/Chicago"
R, C, N = Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE
HOLDS = [
    # pack, hold, purposes it stops
    (US, HoldKind.CEASE_CONTACT, {R, C}, "us.cease"),  # 12 CFR 1006.6(c)(1)-(2): three notices pass, on paper
    (US, HoldKind.ATTORNEY, {R, C, N}, "us.attorney"),  # 12 CFR 1006.6(b)(2)
    (US, HoldKind.BANKRUPTCY, {R, C, N}, "us.bankruptcy_stay"),  # 11 USC 362(a)(6)
    (US, HoldKind.DISPUTE, {R}, "us.dispute_hold"),  # 12 CFR 1006.38(d)(2)
    (US, HoldKind.DECEASED, {R, C, N}, "house.deceased"),
    (US, HoldKind.MILITARY, {R}, "house.holds"),
    (UK, HoldKind.BREATHING_SPACE, {R, C, N}, "uk.breathing_space"),  # SI 2020/1311 regs 7, 11
    (UK, HoldKind.DISPUTE, {R}, "uk.disputed_debt"),  # CONC 7.14.1R
    (
        UK,
        HoldKind.CEASE_CONTACT,
        {R, C},
        "house.cease_contact",
    ),  # CCA 1974 ss.86C, 87: notices are owed on paper
    (UK, HoldKind.ATTORNEY, {R, C, N}, "house.attorney_post"),
    (UK, HoldKind.VULNERABLE, {R}, "house.holds"),
    (CN, HoldKind.DISPUTE, {R}, "house.objection"),
    (CN, HoldKind.CEASE_CONTACT, {R, C, N}, "house.no_contact_post"),
    (CN, HoldKind.HARDSHIP, {R}, "house.hardship"),
]


@pytest.mark.parametrize(("pack", "kind", "stops", "rule"), HOLDS)
def test_a_hold_stops_its_purposes_and_no_others(
    pack: Pack, kind: HoldKind, stops: set[Purpose], rule: str
) -> None:
    at = local("2026-06-01 12:00", SHANGHAI)
    facts = Facts((SHANGHAI,), holds=(Hold(kind, at - timedelta(days=3), None),))
    answers = {purpose: review(Contact(POST, purpose, MOBILE), facts, pack, at) for purpose in TO_CUSTOMERS}
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


# --- holds without an end -------------------------------------------------------------------------------------

CEASED_ON = "2026-06-01 10:00"
"""In Texas she texts: "Do not contact me again about this. I refuse to pay." Nobody reviews it."""


@pytest.mark.parametrize(
    "at",
    ["2026-06-01 10:00", "2026-06-30 20:59", "2026-07-01 08:00", "2026-07-31 12:00", "2031-06-01 12:00"],
)
@pytest.mark.parametrize("channel", [SMS, EMAIL, POST, CALL])
def test_a_wish_for_no_contact_is_refused_for_good_on_every_channel(channel: Channel, at: str) -> None:
    """15 USC 1692c(c); 12 CFR 1006.6(c)(1). The review date passes on 1 July and opens nothing."""
    hold = Hold(HoldKind.CEASE_CONTACT, local(CEASED_ON, CHICAGO), None, date(2026, 7, 1))
    answer = review(reminder(channel), Facts((CHICAGO,), holds=(hold,)), US, local(at, CHICAGO))
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == ["us.cease"]
    assert answer.review_on == date(2026, 7, 1)
    assert "until a person ends it; review by 2026-07-01" in answer.reasons[0].detail


@pytest.mark.parametrize(("channel", "passes"), [(SMS, False), (CALL, False), (EMAIL, True), (POST, True)])
def test_the_three_notices_that_pass_a_cease_request_are_written(channel: Channel, passes: bool) -> None:
    """12 CFR 1006.6(c)(2): the exceptions are notices, and a call is none."""
    hold = Hold(HoldKind.CEASE_CONTACT, local(CEASED_ON, CHICAGO), None, date(2026, 7, 1))
    facts = Facts((CHICAGO,), consent={EMAIL: True}, holds=(hold,))
    answer = review(Contact(channel, N, MOBILE), facts, US, local("2026-06-02 12:00", CHICAGO))
    assert isinstance(answer, Clearance if passes else Refusals)
    if not passes:
        assert rule_ids(answer) == ["us.cease_spoken"]


STATUTORY = [
    # pack, zone, letter that the law demands before any further step
    ("no", "Europe/Oslo", "inkassovarsel"),  # Inkassoloven s 9
    ("no", "Europe/Oslo", "betalingsoppfordring"),  # Inkassoloven s 10
    ("nl", "Europe/Amsterdam", "fourteen_day_letter"),  # BW 6:96(6)
    ("au", "Australia/Sydney", "default_notice"),  # National Credit Code s 88
]


@pytest.mark.parametrize(("code", "zone", "letter"), STATUTORY)
def test_who_wants_no_contact_gets_what_the_law_demands_on_paper_and_nothing_else(
    code: str, zone: str, letter: str
) -> None:
    hold = Hold(HoldKind.CEASE_CONTACT, local("2026-06-01 10:00", zone), None, date(2026, 7, 1))
    notices = (Notice("inkassovarsel", local("2026-05-01 12:00", zone)),)
    facts = Facts((zone,), holds=(hold,), notices=notices)

    def asked(channel: Channel, named: str) -> object:
        contact = Contact(channel, N, MOBILE, named)
        return review(contact, facts, shipped_packs()[code], local("2026-06-10 12:00", zone))

    assert isinstance(asked(POST, letter), Clearance)
    for channel in (SMS, EMAIL, CALL):
        assert "house.cease_contact" in rule_ids(asked(channel, letter))
    assert rule_ids(asked(POST, "final_notice")) == ["house.cease_contact_post"]
    assert rule_ids(asked(POST, "")) == ["house.cease_contact_post"], "a letter not chosen yet does not pass"


# --- a moratorium ---------------------------------------------------------------------------------------------

IN_BREATHING_SPACE = [
    # letter, purpose, channel, whether it passes while the breathing space lasts
    ("complaint_acknowledged", C, EMAIL, True),  # reg 11(2)(b): the answer to their complaint; DISP 1.6
    ("dispute_acknowledged", C, POST, True),
    ("sms_answer", C, SMS, True),  # the answer to their question
    ("help_answer", C, SMS, True),
    ("arrears_notice", N, POST, True),  # CCA 1974 s.86C: the Act itself demands it
    ("default_notice", N, POST, False),  # CCA 1974 s.87: a step towards enforcement, reg 7
    ("letter_of_claim", N, POST, False),
    ("first_reminder", R, EMAIL, False),
    ("plan_confirmation", C, EMAIL, False),
    ("", N, POST, False),
]


@pytest.mark.parametrize(("letter", "purpose", "channel", "passes"), IN_BREATHING_SPACE)
def test_a_breathing_space_lets_answers_pass_and_no_step_towards_enforcement(
    letter: str, purpose: Purpose, channel: Channel, passes: bool
) -> None:
    """SI 2020/1311 regs 7, 11; the last day is 31 July, the day after it everything passes again."""
    notices = (Notice("default_notice", local("2026-05-01 12:00", LONDON)),)
    facts = Facts((LONDON,), holds=(BREATHING_SPACE,), notices=notices)
    contact = Contact(channel, purpose, MOBILE, letter)
    for at in ("2026-06-15 12:00", "2026-07-31 20:59"):
        answer = review(contact, facts, UK, local(at, LONDON))
        assert isinstance(answer, Clearance) is passes, at
        if not passes:
            assert "uk.breathing_space" in rule_ids(answer)
    assert isinstance(review(contact, facts, UK, local("2026-08-01 08:00", LONDON)), Clearance)


def test_a_portfolio_lets_no_further_letter_through_a_hold() -> None:
    with pytest.raises(BadPack):
        check('[[rules]]\nid = "uk.breathing_space"\nallows = ["first_reminder"]\n', UK.rules)
    assert check('[[rules]]\nid = "uk.breathing_space"\nallows = ["sms_answer"]\n', UK.rules)
