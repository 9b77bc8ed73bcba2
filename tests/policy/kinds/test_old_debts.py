"""Debts too old to be sued for: what the law of each place has said of them, and by which channel."""

from __future__ import annotations

from datetime import date

import pytest

from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance
from app.policy.facts import Contact, Facts
from app.policy.kinds.limitation import LimitationRule
from app.policy.overrides import check
from app.policy.packfile import BadPack, rule_of, shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    CALL,
    EMAIL,
    LONDON,
    LOS_ANGELES,
    NEW_YORK,
    POST,
    SMS,
    UK,
    local,
    pack_at,
    pack_of,
    rule_ids,
)

YES = dict.fromkeys(Channel, True)
BLOCKS = ("disclosure", "help", "dispute", "identify", "opt_out", "register_number", "time_barred")
PLACES = {
    "CA": "90001", "CT": "06103", "MA": "02108", "NM": "87101", "NY": "12207", "TX": "75201", "WV": "25301",
}  # fmt: skip


def rule_named(rule_id: str) -> LimitationRule:
    [rule] = [rule for pack in shipped_packs().values() for rule in pack.rules if rule.id == rule_id]
    assert isinstance(rule, LimitationRule)
    return rule


def asked(channel: Channel, letter: str = "first_reminder") -> Contact:
    return Contact(channel, Purpose.REMINDER, "a", letter, BLOCKS, "en")


# --- which words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule_id", "on", "ends"),
    [
        # First missed payment due on 10 March 2019: 7 years and 180 days are over on 6 September 2026.
        (
            "us-ca.time_barred_notice",
            "2026-09-05",
            "as unpaid for as long as the law permits this reporting.",
        ),
        (
            "us-ca.time_barred_notice",
            "2026-09-06",
            "and we will not report it to any credit reporting agency.",
        ),
        (
            "us-tx.time_barred_notice",
            "2026-09-05",
            "WE WILL NOT SUE YOU FOR IT. THIS NOTICE IS REQUIRED BY LAW.",
        ),
        (
            "us-tx.time_barred_notice",
            "2026-09-06",
            "CREDIT REPORTING AGENCY. THIS NOTICE IS REQUIRED BY LAW.",
        ),
        ("us-ny.time_barred_notice", "2026-09-06", "legal assistance or legal aid organization."),
        ("us-ma.time_barred_notice", "2026-09-06", "YOUR CREDIT SCORE OR RATING."),
        ("us-nm.time_barred_notice", "2026-09-06", "suing you in court to collect the debt."),
        ("uk.limitation", "2026-09-06", ""),  # the law prescribes no words
    ],
)
def test_the_words_of_the_place_by_the_age_of_the_debt(rule_id: str, on: str, ends: str) -> None:
    """Cal. Civ. 1788.14(d), Tex. Fin. 392.307(e)-(f), 23 NYCRR 1.3(c), 940 CMR 7.07(24); 15 USC 1681c(c)(1)."""
    words = rule_named(rule_id).words_for(POST, date(2019, 3, 10), date.fromisoformat(on))
    assert words.endswith(ends)
    assert bool(words) is bool(ends)


@pytest.mark.parametrize(
    ("state", "years", "refused"),
    [
        ("CA", 4, set()),
        ("TX", 4, set()),
        ("NY", 3, {SMS}),  # too long for an SMS
        ("MA", 6, {SMS}),
        ("NM", 4, {SMS}),
        ("CT", 6, {SMS, EMAIL, POST, CALL}),  # the words were not seen: nobody is asked
        ("WV", 5, {SMS, EMAIL, POST, CALL}),
    ],
)
@pytest.mark.parametrize("channel", [SMS, EMAIL, POST, CALL])
def test_an_agency_asks_for_an_old_debt_where_the_law_can_be_worded(
    state: str, years: int, refused: set[Channel], channel: Channel
) -> None:
    """Below the years, at them and above."""
    zone = LOS_ANGELES if state == "CA" else NEW_YORK
    pack, noon = pack_at("us-third-party", "US", state, PLACES[state]), local("2026-06-03 12:00", zone)
    for since, barred in (
        (date(2026 - years, 6, 4), False),
        (date(2026 - years, 6, 3), True),
        (date(2026 - years - 1, 6, 3), True),
    ):
        facts = Facts((zone,), consent=YES, due_since=since, paid_or_due_since=since)
        answer = review(asked(channel), facts, pack, noon)
        told = not isinstance(answer, Clearance) and any(
            name.endswith(("time_barred_notice",)) for name in rule_ids(answer)
        )
        assert told is (barred and channel in refused), (since, answer)


def test_midnight_where_the_customer_is_makes_a_debt_too_old() -> None:
    albany = pack_at("us-third-party", "US", "NY", PLACES["NY"])
    since = date(2023, 6, 3)
    facts = Facts((NEW_YORK,), consent=YES, due_since=since, paid_or_due_since=since)
    plain = Contact(POST, Purpose.REMINDER, "a", "first_reminder", ("disclosure", "opt_out"), "en")
    before, after = local("2026-06-02 20:59:59", NEW_YORK), local("2026-06-03 08:00", NEW_YORK)
    assert isinstance(review(plain, facts, albany, before), Clearance)
    assert "us-ny.time_barred_notice" in rule_ids(review(plain, facts, albany, after))


# --- the United Kingdom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "paid", "contacted", "passes"),
    [
        ("2020-06-04", "2020-06-04", None, True),  # the six years end tomorrow
        ("2020-06-03", "2020-06-03", None, False),  # nobody was in contact while it could be sued for
        ("2020-06-03", "2020-06-03", "2026-06-03", False),  # the first contact came too late
        ("2020-06-03", "2020-06-03", "2026-06-02", True),
        ("2019-01-10", "2020-06-03", None, True),  # a payment was contact
    ],
)
def test_an_old_debt_in_england_is_asked_for_only_of_whom_somebody_was_in_contact_with(
    due: str, paid: str, contacted: str | None, passes: bool
) -> None:
    """CONC 7.15.4R; Limitation Act 1980 s.5."""
    facts = Facts(
        (LONDON,),
        consent=YES,
        due_since=date.fromisoformat(due),
        paid_or_due_since=date.fromisoformat(paid),
        contacted_on=date.fromisoformat(contacted) if contacted else None,
    )
    noon = local("2026-06-03 12:00", LONDON)
    for channel in Channel:
        answer = review(asked(channel), facts, UK, noon)
        assert isinstance(answer, Clearance) is passes, channel
        if not passes:
            [reason] = [each for each in answer.reasons if each.rule == "uk.limitation"]  # type: ignore[union-attr]
            assert reason.detail.endswith(
                "nobody is on record to have been in contact with the customer before"
            )
    silent = Contact(POST, Purpose.REMINDER, "a", "first_reminder", ("disclosure", "opt_out"), "en")
    if due == "2020-06-04":
        assert isinstance(review(silent, facts, UK, noon), Clearance)
    else:
        assert "uk.limitation" in rule_ids(review(silent, facts, UK, noon))


def test_a_notice_that_the_act_demands_is_sent_of_an_old_debt_too() -> None:
    """Consumer Credit Act 1974 s.86C."""
    since = date(2015, 1, 1)
    facts = Facts((LONDON,), due_since=since, paid_or_due_since=since)
    notice = Contact(POST, Purpose.NOTICE, "a", "arrears_notice", ("fca_arrears_sheet",), "en")
    answer = review(notice, facts, UK, local("2026-06-03 12:00", LONDON))
    assert isinstance(answer, Clearance)


# --- packs and portfolios -------------------------------------------------------------------------------------


def test_a_portfolio_may_not_put_other_words_in_the_place_of_the_law() -> None:
    rules = shipped_packs()["us-ca"].rules
    other = '[[rules]]\nid = "us-ca.time_barred_notice"\nwords = [{ text = "Pay." }]\n'
    with pytest.raises(BadPack, match="words"):
        check(other, rules)
    assert check('[[rules]]\nid = "us-ca.time_barred_notice"\nyears = 3\n', rules)


def test_a_rule_of_before_words_existed_reads_and_answers_as_it_did() -> None:
    """Decisions on record: the block alone was enough, and a rule without words spells as it was stored."""
    old = {
        "id": "x.old", "kind": "limitation", "channels": ["sms", "email"], "years": 3, "stops": "silence",
        "force": "law", "citation": "c", "source": "s", "verified": True,
    }  # fmt: skip
    rule = rule_of(old, "old.toml")
    assert {"words", "contacted"}.isdisjoint(rule.spelling())
    since = date(2020, 1, 1)
    facts = Facts((NEW_YORK,), due_since=since, paid_or_due_since=since)
    noon = local("2026-06-03 12:00", NEW_YORK)
    assert isinstance(review(asked(SMS), facts, pack_of(rule), noon), Clearance)
    silent = Contact(SMS, Purpose.REMINDER, "a", "first_reminder", ("opt_out",), "en")
    assert rule_ids(review(silent, facts, pack_of(rule), noon)) == ["x.old"]
