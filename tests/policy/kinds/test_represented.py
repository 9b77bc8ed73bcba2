"""Representatives: which contacts with the customer stop while somebody acts for them, and which do not."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from app.casework.parties.rules import SPEAKS
from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, Facts, Representation
from app.policy.kinds.represented import RepresentativeKind, RepresentedRule
from app.policy.packfile import BadPack, parse_pack, shipped_packs
from app.policy.review import review
from tests.policy.contacts import LONDON, MOBILE, SHANGHAI, SMS, UK, local

NOON = local("2026-06-01 12:00", LONDON)
SINCE = NOON - timedelta(days=30)
R = Purpose.REMINDER
PACKS = shipped_packs()


def acting(kind: str = "adviser", zone: str = LONDON, **changes: object) -> Facts:
    return Facts((zone,), represented=Representation(kind, SINCE, **changes))  # type: ignore[arg-type]


def test_the_kinds_are_those_who_may_speak_for_a_customer() -> None:
    assert set(get_args(RepresentativeKind)) == {kind.value for kind in SPEAKS}


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize(
    ("pack", "zone", "citation"),
    [("uk", LONDON, "CONC 7.12.2R(4)"), ("au", "Australia/Sydney", "pt 2 s 9(b)")],
)
def test_reminders_go_to_the_adviser_instead_and_the_reason_names_the_source(
    pack: str, zone: str, citation: str, channel: Channel
) -> None:
    noon = local("2026-06-02 12:00", zone)
    answer = review(Contact(channel, R, MOBILE), acting(zone=zone), PACKS[pack], noon)
    assert isinstance(answer, Refusals)
    [reason] = answer.reasons
    assert reason.rule == f"{pack}.represented"
    assert citation in reason.citation
    assert reason.verified
    assert reason.detail == "the adviser speaks for the customer since 2026-05-02 and is contacted instead"
    assert isinstance(review(Contact(channel, R, MOBILE), Facts((zone,)), PACKS[pack], noon), Clearance)


@pytest.mark.parametrize("purpose", [Purpose.CONFIRMATION, Purpose.NOTICE])
def test_what_is_agreed_and_what_is_owed_in_writing_goes_to_the_customer_beside_them(
    purpose: Purpose,
) -> None:
    assert isinstance(review(Contact(SMS, purpose, MOBILE), acting(), UK, NOON), Clearance)


def test_a_relative_a_future_and_a_past_authority_stop_nothing_and_one_that_ends_is_waited_for() -> None:
    def answer(facts: Facts) -> object:
        return review(Contact(SMS, R, MOBILE), facts, UK, NOON)

    assert isinstance(answer(acting("family")), Clearance)
    assert isinstance(answer(acting(until=NOON)), Clearance)
    later = Facts((LONDON,), represented=Representation("adviser", NOON + timedelta(hours=1)))
    assert isinstance(answer(later), Clearance)
    ends = NOON + timedelta(days=2)
    assert answer(acting(until=ends)) == WaitUntil(ends, answer(acting(until=ends)).reasons, UK.label)  # type: ignore[attr-defined]


def test_other_places_write_to_both() -> None:
    with_rule = {
        code for code, pack in PACKS.items() if any(isinstance(r, RepresentedRule) for r in pack.rules)
    }
    assert with_rule == {"uk", "au"}
    assert {code for code, pack in PACKS.items() if pack.needed.represented} == with_rule
    china = acting(zone=SHANGHAI)
    noon = local("2026-06-01 12:00", SHANGHAI)
    assert isinstance(review(Contact(SMS, R, MOBILE), china, PACKS["cn"], noon), Clearance)


@pytest.mark.parametrize("purposes", ['["confirmation"]', '["reminder", "notice"]'])
def test_a_rule_that_kept_the_agreement_from_the_customer_is_refused(purposes: str) -> None:
    at = UK.text.index('id = "uk.represented"')
    text = UK.text[:at] + UK.text[at:].replace('purposes = ["reminder"]', f"purposes = {purposes}", 1)
    with pytest.raises(BadPack, match=r"uk\.represented: .*purposes: .*the customer's own too"):
        parse_pack(text, "uk.toml")
