"""Each kind of hold has its traits, and the tables that repeat one agree with it."""

import pytest

from app.core.vocabulary import HOLD_TRAITS, HoldKind, Suit, holds_with
from app.inbound.rules import HOLDS, PAGE_HOLDS, Intent
from app.policy.sections.pauses import PauseKind
from tests.paths import ROOT


def test_each_kind_of_hold_has_its_traits() -> None:
    assert set(HOLD_TRAITS) == set(HoldKind)
    assert len({traits.label for traits in HOLD_TRAITS.values()}) == len(HoldKind)


@pytest.mark.parametrize("kind", HoldKind)
def test_the_words_of_a_kind_are_there(kind: HoldKind) -> None:
    traits = HOLD_TRAITS[kind]
    meaning, instead = traits.stop
    assert traits.label
    assert traits.told
    assert bool(meaning) == bool(instead)
    assert not traits.letter or (ROOT / "letters" / traits.letter).is_dir()


def test_a_hold_that_stops_a_suit_or_calls_stands_over_the_case_page() -> None:
    grave = holds_with(lambda traits: traits.suit in {Suit.STOPS, Suit.STOPS_BY_PACK} or traits.stops_calls)
    assert grave <= holds_with(lambda traits: bool(traits.stop[0]))


def test_a_hold_that_may_pause_is_a_kind_of_pause() -> None:
    pausing = holds_with(lambda traits: traits.may_pause)
    assert {kind.value for kind in pausing} == set(PauseKind) - {PauseKind.MORATORIUM}


def test_the_holds_of_messages_are_those_that_a_message_may_bring() -> None:
    assert set(PAGE_HOLDS.values()) == holds_with(lambda traits: traits.by_message)
    guessed = {HOLDS[Intent.MAYBE_DISPUTE]}
    assert set(HOLDS.values()) & holds_with(lambda traits: traits.short) == guessed, (
        "a guess holds for some days only"
    )
