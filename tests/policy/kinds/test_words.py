"""Words by place: old debts, script, and notices that need a yes to electronic delivery."""

from __future__ import annotations

from datetime import date

import pytest

from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Contact, Facts
from app.policy.overrides import check
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review, suit_objections
from tests.policy.contacts import (
    CALL,
    CN,
    EMAIL,
    LONDON,
    NEW_YORK,
    POST,
    SHANGHAI,
    SMS,
    US,
    local,
    pack_at,
    rule_ids,
)

YES = dict.fromkeys(Channel, True)
ALBANY, EDINBURGH = pack_at("us-third-party", "US", "NY", "12207"), pack_at("uk", "GB", postcode="EH1 1AA")


# --- debts too old to be sued for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due_since", "blocks", "passes"),
    [
        ("2023-06-04", (), True),  # three years are over on 4 June 2026, a day later
        ("2023-06-03", (), False),
        ("2023-06-03", ("time_barred",), True),
        ("2020-01-01", ("legal_action", "time_barred"), False),  # no threat of a suit in any case
    ],
)
def test_a_collector_in_new_york_says_that_a_debt_is_too_old(
    due_since: str, blocks: tuple[str, ...], passes: bool
) -> None:
    """23 NYCRR 1.3: the notice comes before a payment is taken; three years from the default, CPLR 214-i."""
    since = date.fromisoformat(due_since)
    facts = Facts((NEW_YORK,), consent=YES, due_since=since, paid_or_due_since=date(2026, 5, 1))
    words = tuple(sorted(("disclosure", "opt_out", *blocks)))
    contact = Contact(EMAIL, Purpose.REMINDER, "a", "first_reminder", words, "en")
    answer = review(contact, facts, ALBANY, local("2026-06-03 12:00", NEW_YORK))
    assert isinstance(answer, Clearance) is passes
    if not passes:
        assert "us-ny.time_barred_notice" in rule_ids(answer)
    if blocks == () and isinstance(answer, Refusals):
        assert answer.reasons[0].detail.endswith("the words do not say that it cannot be sued for")


@pytest.mark.parametrize(("on", "extinguished"), [("2026-06-02", False), ("2026-06-03", True)])
@pytest.mark.parametrize("channel", [SMS, EMAIL, POST, CALL])
def test_a_debt_of_five_years_is_extinguished_in_scotland(
    on: str, extinguished: bool, channel: Channel
) -> None:
    """Prescription and Limitation (Scotland) Act 1973 s.6: nothing is asked for, and nothing sued for."""
    since = date(2021, 6, 3)
    facts = Facts((LONDON,), consent=YES, due_since=since, paid_or_due_since=since)
    noon = local(f"{on} 12:00", LONDON)
    contact = Contact(channel, Purpose.REMINDER, "a", "first_reminder", ("identify",), "en")
    found = review(contact, facts, EDINBURGH, noon)
    assert isinstance(found, Refusals if extinguished else Clearance)
    barred = {reason.rule for reason in suit_objections(facts, EDINBURGH, noon)}
    assert ("uk-scotland.prescription" in barred) is extinguished
    england = pack_at("uk", "GB", postcode="GL1 1AA")
    assert isinstance(review(contact, facts, england, noon), Clearance), "six years, and the debt stays"


@pytest.mark.parametrize("postcode", ["G1 1AA", "AB10 1AA", "TD15 1AA", "EH1 1AA"])
def test_where_scotland_is(postcode: str) -> None:
    assert any(part.startswith("uk-scotland@") for part in pack_at("uk", "GB", postcode=postcode).parts)
    assert not any(part.startswith("uk-scotland@") for part in pack_at("uk", "GB", postcode="GU1 1AA").parts)


def test_a_portfolio_is_silent_sooner_and_not_less() -> None:
    rules = shipped_packs()["us-ny-third-party"].rules
    one = '[[rules]]\nid = "us-ny.time_barred_notice"\nstops = "{}"\n'
    assert check(one.format("contact"), rules)
    with pytest.raises(BadPack):
        check(one.format("suit"), rules)


# --- the script of the place ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "passes"),
    [
        ("zh", False),  # our letters in `zh` are Taiwan's
        ("zh-Hant", False),
        ("zh-TW", False),
        ("zh-Hans", True),
        ("zh-CN", True),
        ("en", True),  # other languages have one script
        ("", True),  # not worded yet
    ],
)
def test_letters_to_the_mainland_are_in_simplified_characters(tag: str, passes: bool) -> None:
    contact = Contact(EMAIL, Purpose.REMINDER, "a", "final_notice", None, tag)
    answer = review(contact, Facts((SHANGHAI,)), CN, local("2026-06-03 12:00", SHANGHAI))
    assert isinstance(answer, Clearance) is passes
    if not passes:
        assert isinstance(answer, Refusals)
        assert [reason.rule for reason in answer.reasons] == ["house.script"]
        assert answer.reasons[0].detail == "written in zh-Hant; must be in zh-Hans"


# --- notices by e-mail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "consent", "passes"),
    [(EMAIL, {}, False), (EMAIL, {EMAIL: False}, False), (EMAIL, {EMAIL: True}, False), (POST, {}, True)],
)
def test_a_yes_to_emails_is_none_to_a_validation_notice(
    channel: Channel, consent: dict[Channel, bool], passes: bool
) -> None:
    """12 CFR 1006.42(b)(1): with the consent of E-SIGN 101(c)."""
    contact = Contact(channel, Purpose.NOTICE, "a", "validation_notice")
    facts = Facts((NEW_YORK,), consent=consent)
    answer = review(contact, facts, US, local("2026-06-03 12:00", NEW_YORK))
    assert isinstance(answer, Clearance) is passes
    if not passes:
        assert "us.esign" in rule_ids(answer)


def test_other_letters_need_no_such_consent_and_a_call_by_hand_is_our_choice() -> None:
    reminder = Contact(EMAIL, Purpose.REMINDER, "a", "first_reminder")
    noon = local("2027-02-03 12:00", NEW_YORK)
    assert isinstance(review(reminder, Facts((NEW_YORK,)), US, noon), Clearance)
    call = Contact(CALL, Purpose.REMINDER, "a")
    stopped = review(call, Facts((NEW_YORK,), consent={SMS: False}), US, noon)
    assert isinstance(stopped, Refusals)
    [reason] = stopped.reasons
    assert reason.rule == "us.tcpa_revoke_all"
    assert "operator choice for calls dialled by hand" in reason.force
