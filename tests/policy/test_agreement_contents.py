"""Contents of a written agreement: each part that the law names is a block of its words, or it does not leave."""

from __future__ import annotations

import pytest

from app.core.vocabulary import Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Contact, Facts
from app.policy.review import review
from app.policy.sections.agreements import Content
from tests import builders
from tests.policy.contacts import CN, EMAIL, LONDON, POST, SHANGHAI, SMS, UK, local

WHOLE = tuple(sorted(part.block for part in Content))
NOON = local("2026-06-01 12:00", SHANGHAI)


def words(
    blocks: tuple[str, ...] | None, channel: object = EMAIL, letter: str = "plan_confirmation"
) -> Contact:
    return Contact(channel, Purpose.CONFIRMATION, "anna@example.org", letter=letter, blocks=blocks)  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", [EMAIL, POST])
@pytest.mark.parametrize("part", list(Content))
def test_in_china_an_agreement_that_lacks_a_part_is_refused_with_the_article(
    part: Content, channel: object
) -> None:
    """CBRC Order 2011 No.2, art 70: six contents."""
    lacking = tuple(block for block in WHOLE if block != part.block)
    answer = review(words(lacking, channel), Facts((SHANGHAI,)), CN, NOON)
    assert isinstance(answer, Refusals)
    [reason] = answer.reasons
    assert (reason.rule, reason.detail) == ("cn.contents_70", f"the agreement lacks {part.value}")
    assert "art 70" in reason.citation


@pytest.mark.parametrize(
    "contact",
    [words(WHOLE), words(WHOLE, POST), words((), SMS), words(None), words((), EMAIL, "promise_confirmation")],
)
def test_a_whole_one_passes_and_an_sms_or_a_promise_is_no_written_agreement(contact: Contact) -> None:
    assert isinstance(review(contact, Facts((SHANGHAI,)), CN, NOON), Clearance)


def test_elsewhere_no_part_is_demanded() -> None:
    at = local("2026-06-01 12:00", LONDON)
    assert isinstance(review(words(()), Facts((LONDON,)), UK, at), Clearance)


def test_the_shipped_words_have_every_part() -> None:
    for name in ("plan_confirmation", "agreement"):
        letter = builders.catalog().letters[name]
        for (channel, language), blocks in letter.carries.items():
            if channel in (EMAIL, POST):
                assert set(WHOLE) <= set(blocks), (name, channel, language)
