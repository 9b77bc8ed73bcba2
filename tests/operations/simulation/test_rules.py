"""Queues, prices and pages: below, at and above."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.adapters.print.letter_page import typeset_letter
from app.adapters.print.typesetting import count_pages
from app.core.vocabulary import Channel
from app.operations.simulation.rules import Tariff, Transmission, letter_pages, through_channel
from app.programs.ports import LETTERS
from tests.adapters.dispatches import a_dispatch

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_a_long_code_carries_3600_segments_an_hour_and_what_is_behind_them_is_late() -> None:
    until = EIGHT + timedelta(hours=1)
    left = list(through_channel([Transmission(EIGHT, until, 1.0)] * 3601))
    assert [n for n, each in enumerate(left, start=1) if each.late] == [3601]
    assert left[3599].at == until
    assert left[3600].waited == timedelta(hours=1)


def test_a_queue_that_ran_empty_begins_anew() -> None:
    later = EIGHT + timedelta(hours=2)
    first, second = through_channel([Transmission(EIGHT, None, 60.0), Transmission(later, None, 60.0)])
    assert first.at == EIGHT + timedelta(minutes=1)
    assert (second.at, second.waited) == (later + timedelta(minutes=1), timedelta())


def test_prices_are_by_segment_message_and_page() -> None:
    tariff = Tariff(
        "USD", Decimal("0.0079"), Decimal("0.0004"), Decimal("0.95"), Decimal("0.10"), letters_per_day=86_400
    )
    assert tariff.cost(Channel.SMS, 3) == Decimal("0.0237")
    assert tariff.cost(Channel.EMAIL, 1) == Decimal("0.0004")
    assert tariff.cost(Channel.POST, 1) == Decimal("0.95")
    assert tariff.cost(Channel.POST, 3) == Decimal("1.15")
    assert [tariff.seconds(channel, 2) for channel in (Channel.SMS, Channel.EMAIL, Channel.POST)] == [
        2,
        0.1,
        1,
    ]


def words(paragraphs: int, language: str) -> str:
    line = "If you have paid in the last few days, thank you. There is nothing more to do, and we will not write. "
    chinese = "如果您在最近幾天內已經付款，我們謹此致謝，您無須再做任何事，我們也不會再寫信給您。"
    body = (chinese if language == "zh" else line) * 3
    heading = "# 付款提醒" if language == "zh" else "# We have not heard from you yet"
    table = "| Account | Past due |\n| Gold card, ending 4321 | 120.00 |\n|= Total | 120.00 |"
    return "\n\n".join([heading, table, *[body.strip()] * paragraphs, "---", "Kind regards\nHarbour Bank"])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("paragraphs", [2, 5, 13, 22, 40])
def test_pages_are_those_that_are_typeset(language: str, paragraphs: int) -> None:
    text = words(paragraphs, language)
    pdf = typeset_letter(
        LETTERS / "_base" / "letter.typ", a_dispatch(Channel.POST, text=text, language=language)
    )
    assert letter_pages(text) == count_pages(pdf)
