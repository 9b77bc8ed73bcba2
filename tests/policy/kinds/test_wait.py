"""Waits: until the last day that the notice itself names, and no sooner than its law; stale notices."""

from __future__ import annotations

from datetime import date

import pytest

from app.casework.documents.rules import DocumentKind, letter_of
from app.core.vocabulary import Channel, Purpose
from app.legal.checklists.notices import NOTICES
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, Facts, Notice
from app.policy.kinds.wait import WaitRule
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import BadPack, parse_pack, shipped_packs
from app.policy.review import review, suit_objections
from tests.policy.contacts import CALL, EMAIL, LONDON, NEW_YORK, POST, SMS, UK, US, local, rule_ids

PACKS = shipped_packs()
NO, NL = PACKS["no"], PACKS["nl"]
OSLO, AMSTERDAM = "Europe/Oslo", "Europe/Amsterdam"


def asked(pack: Pack, zone: str, when: str, contact: Contact, *notices: tuple[str, str, str]) -> object:
    """The answer about a contact, after notices (letter, sent at, last day that it leaves; '' = not known)."""
    told = tuple(
        Notice(letter, local(at, zone), date.fromisoformat(until) if until else None)
        for letter, at, until in notices
    )
    return review(contact, Facts((zone,), notices=told), pack, local(when, zone))


def letter(name: str, channel: Channel = POST) -> Contact:
    return Contact(channel, Purpose.NOTICE, "1 Street", name, None, "")


CLAIM, DEMAND, COSTS = "letter_of_claim", "betalingsoppfordring", "collection_costs_demand"
DEFAULT_NOTICE, WARNING, DUTCH = "default_notice", "inkassovarsel", "fourteen_day_letter"
STORIES = [
    # next step, notice, sent at noon on, last day that it leaves ('' = not known), asked at, passes from
    # CCA 1974 s.88: written on 1 June, "before 22 June"
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "2026-06-21", "2026-06-15 12:00", "2026-06-22 08:00"),
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "2026-06-21", "2026-06-21 20:59", "2026-06-22 08:00"),
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "2026-06-21", "2026-06-22 08:00", ""),
    # A notice that names less than the law gives: the law's 14 days hold.
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "2026-06-05", "2026-06-14 12:00", "2026-06-15 08:00"),
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "2026-06-05", "2026-06-15 08:00", ""),
    # A notice whose date is not known: seven days more for leaving and delivery.
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "", "2026-06-21 20:59", "2026-06-22 08:00"),
    (CLAIM, DEFAULT_NOTICE, "2026-06-01", "", "2026-06-22 08:00", ""),
    # Inkassoloven s 9(1) b: the time limit of the warning, 19 June, must have run out. 20 June is a Saturday.
    (DEMAND, WARNING, "2026-06-01", "2026-06-19", "2026-06-15 12:00", "2026-06-20 09:00"),
    (DEMAND, WARNING, "2026-06-01", "2026-06-19", "2026-06-19 20:59", "2026-06-20 09:00"),
    (DEMAND, WARNING, "2026-06-01", "2026-06-19", "2026-06-20 09:00", ""),
    # BW 6:96(6): posted on 10 July 2026, received on the 14th, over on the 28th; its own day is the 4th of August.
    (COSTS, DUTCH, "2026-07-10", "2026-08-04", "2026-07-27 12:00", "2026-08-05 07:00"),
    (COSTS, DUTCH, "2026-07-10", "2026-08-04", "2026-08-04 19:59", "2026-08-05 07:00"),
    (COSTS, DUTCH, "2026-07-10", "2026-08-04", "2026-08-05 07:00", ""),
]
PLACES = {CLAIM: (UK, LONDON), DEMAND: (NO, OSLO), COSTS: (NL, AMSTERDAM)}


@pytest.mark.parametrize(("step", "notice", "sent_on", "answer_by", "when", "until"), STORIES)
def test_the_next_step_waits_for_the_day_that_the_notice_names(
    step: str, notice: str, sent_on: str, answer_by: str, when: str, until: str
) -> None:
    pack, zone = PLACES[step]
    answer = asked(pack, zone, when, letter(step), (notice, f"{sent_on} 12:00", answer_by))
    if not until:
        assert isinstance(answer, Clearance)
        return
    assert isinstance(answer, WaitUntil)
    assert answer.at == local(until, zone)
    [reason, *_] = answer.reasons
    assert (answer_by in reason.detail) if answer_by else ("days must pass" in reason.detail)


AGES = [
    # A warning sent on 1 June 2026 is stale after six months.
    ("2026-11-30 20:59", True),
    ("2026-12-01 08:00", False),
    ("2027-06-01 12:00", False),  # a year later
]


@pytest.mark.parametrize(("when", "passes"), AGES)
def test_a_stale_warning_is_sent_again(when: str, passes: bool) -> None:
    """Six months are the house's (sergel.no); the Act names none, and the rule says that it is not verified."""
    warning = ("inkassovarsel", "2026-06-01 12:00", "2026-06-19")
    answer = asked(NO, OSLO, when, letter("betalingsoppfordring"), warning)
    if passes:
        assert isinstance(answer, Clearance)
        return
    assert isinstance(answer, Refusals)
    [reason] = answer.reasons
    assert (reason.rule, reason.verified) == ("house.inkassovarsel_age", False)
    assert reason.detail == "inkassovarsel of 2026-06-01 is older than 6 months"


def test_a_second_notice_does_not_put_off_what_the_first_allows() -> None:
    first, second = (
        ("inkassovarsel", "2026-06-01 12:00", "2026-06-19"),
        ("inkassovarsel", "2026-06-15 12:00", "2026-07-03"),
    )
    assert isinstance(
        asked(NO, OSLO, "2026-06-22 12:00", letter("betalingsoppfordring"), first, second), Clearance
    )


# --- the validation period ------------------------------------------------------------------------------------

VALIDATION = ("validation_notice", "2026-06-01 12:00", "2026-07-13")
"""Written on 1 June 2026: eight business days to assumed receipt on 11 June, 30 days on, and a day in hand."""
THREAT = ("disclosure", "legal_action", "opt_out")


@pytest.mark.parametrize("channel", [SMS, EMAIL, POST, CALL])
@pytest.mark.parametrize(
    ("when", "passes"), [("2026-06-11 12:00", False), ("2026-07-13 20:59", False), ("2026-07-14 08:00", True)]
)
def test_nothing_overshadows_the_validation_period(channel: Channel, when: str, passes: bool) -> None:
    """12 CFR 1006.38(b)(1): a final notice that speaks of a court waits for the end that the notice itself names."""
    blocks = (*THREAT, "identify") if channel is CALL else THREAT
    final = Contact(channel, Purpose.REMINDER, "a", "final_notice", tuple(sorted(blocks)), "en")
    answer = asked(US, NEW_YORK, when, final, VALIDATION)
    assert isinstance(answer, Clearance) is passes
    if not passes:
        assert rule_ids(answer) == ["us.no_overshadow"]
        assert isinstance(answer, WaitUntil)
        assert answer.at == local("2026-07-14 08:00", NEW_YORK)


def test_what_names_no_court_and_who_got_no_notice_does_not_wait() -> None:
    mild = Contact(EMAIL, Purpose.REMINDER, "a", "second_reminder", ("disclosure", "opt_out"), "en")
    assert isinstance(asked(US, NEW_YORK, "2026-06-11 12:00", mild, VALIDATION), Clearance)
    final = Contact(EMAIL, Purpose.REMINDER, "a", "final_notice", THREAT, "en")
    assert isinstance(asked(US, NEW_YORK, "2026-06-11 12:00", final), Clearance)


def test_a_notice_that_was_sent_again_runs_to_its_own_end() -> None:
    final = Contact(EMAIL, Purpose.REMINDER, "a", "final_notice", THREAT, "en")
    again = ("validation_notice", "2026-07-10 12:00", "2026-08-21")
    answer = asked(US, NEW_YORK, "2026-07-20 12:00", final, VALIDATION, again)
    assert isinstance(answer, WaitUntil)
    assert answer.at == local("2026-08-22 08:00", NEW_YORK)


BEFORE_SUIT = "house.validation_before_suit"
UNDATED = ("validation_notice", "2026-06-01 12:00", "")
SERVED = (DEFAULT_NOTICE, "2026-06-01 12:00", "2026-06-21")
SUITS = [
    # pack, zone, notice, before its end, from its end on, rule
    (US, NEW_YORK, VALIDATION, "2026-07-01 12:00", "2026-07-14 00:00", BEFORE_SUIT),
    (US, NEW_YORK, UNDATED, "2026-07-15 23:59", "2026-07-16 00:00", BEFORE_SUIT),
    (UK, LONDON, SERVED, "2026-06-21 23:59", "2026-06-22 00:00", "uk.s87_88"),
]


@pytest.mark.parametrize(("pack", "zone", "notice", "early", "late", "rule"), SUITS)
def test_a_suit_waits_for_the_same_day(
    pack: Pack, zone: str, notice: tuple[str, str, str], early: str, late: str, rule: str
) -> None:
    name, at, until = notice
    told = Notice(name, local(at, zone), date.fromisoformat(until) if until else None)
    claim = Notice("letter_of_claim", local("2026-01-01 12:00", zone))
    facts = Facts((zone,), notices=(claim, told))
    assert rule in {reason.rule for reason in suit_objections(facts, pack, local(early, zone))}
    assert rule not in {reason.rule for reason in suit_objections(facts, pack, local(late, zone))}


def test_a_suit_for_the_debt_itself_does_not_wait_for_the_dutch_letter() -> None:
    """BW 6:96(6) bars the costs alone."""
    assert suit_objections(Facts((AMSTERDAM,)), NL, local("2026-06-01 12:00", AMSTERDAM)) == ()


# --- the same days everywhere ---------------------------------------------------------------------------------


def test_the_checklist_and_the_gate_count_the_same_days() -> None:
    codes = {"US": "us-third-party", "UK": "uk", "NO": "no", "AU": "au"}
    assert set(NOTICES) == set(codes)
    for country, notices in NOTICES.items():
        waits = [
            rule for rule in PACKS[codes[country]].rules if isinstance(rule, WaitRule) and rule.before_suit
        ]
        for notice in notices:
            names = {letter_of(kind) for kind in DocumentKind if kind in notice.kinds} | set(notice.kinds)
            [rule] = [rule for rule in waits if rule.after & names]
            found = (notice.days, notice.undated_days, notice.valid_months)
            assert found == (rule.days, rule.undated_days, rule.valid_months), notice.id


def test_a_portfolio_may_wait_longer_and_not_shorter() -> None:
    longer = '[[rules]]\nid = "uk.s87_88"\ndays = 20\nundated_days = 30\n'
    assert check(longer, UK.rules) == ["uk.s87_88"]
    for looser in ("days = 10", "undated_days = 15", 'before = ["letter_of_claim"]'):
        with pytest.raises(BadPack):
            check(f'[[rules]]\nid = "uk.s87_88"\n{looser}\n', UK.rules)
    for looser in ("if_sent = false", 'blocks = ["help"]'):
        with pytest.raises(BadPack):
            check(f'[[rules]]\nid = "us.no_overshadow"\n{looser}\n', US.rules)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("days = 14\n", "before or blocks"),
        ('before = ["suit"]\ndays = 14\nundated_days = 10\n', "fewer than days"),
    ],
)
def test_a_wait_that_waits_for_nothing_is_refused(wrong: str, said: str) -> None:
    text = (PACKS["uk"].text).replace(
        'after = ["letter_of_claim"]\nbefore = ["suit"]\ndays = 30\n', f'after = ["letter_of_claim"]\n{wrong}'
    )
    with pytest.raises(BadPack, match=said):
        parse_pack(text, "uk.toml")
