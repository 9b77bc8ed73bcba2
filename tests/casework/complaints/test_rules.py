"""The clocks of a complaint, below, at and above each of its days, and what closes one."""

from __future__ import annotations

from datetime import date

import pytest

from app.casework.complaints.rules import (
    FORM_CAUSES,
    OF_CALLS,
    AnswerKind,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintOutcome,
    FinalForm,
    OmbudsmanStage,
    clocks_of,
    is_on_time,
    require_answer,
    require_stage,
)
from app.casework.results.choices import CHOICES
from app.casework.results.rules import CallField
from app.core.errors import Conflict, Invalid
from app.policy.kinds.hold import HoldRule
from app.policy.packfile import shipped_packs
from app.policy.sections.complaints import HOUSE, ComplaintRules, ComplaintsBody, strictest_complaints

UK, US, INDIA = (shipped_packs()[code].complaints for code in ("uk", "us-first-party", "in"))
CALL, PORTAL = ComplaintChannel.CALL, ComplaintChannel.PORTAL


@pytest.mark.parametrize(
    ("received", "third", "eight_weeks"),
    [
        (date(2026, 5, 11), date(2026, 5, 14), date(2026, 7, 6)),  # Monday to Thursday
        (
            date(2026, 4, 1),
            date(2026, 4, 7),
            date(2026, 5, 27),
        ),  # over Good Friday
        (date(2026, 5, 9), date(2026, 5, 13), date(2026, 7, 4)),  # on a Saturday
        (date(2026, 5, 22), date(2026, 5, 28), date(2026, 7, 17)),  # over the Spring bank holiday
        (date(2026, 12, 24), date(2026, 12, 31), date(2027, 2, 18)),  # Christmas, and Boxing Day made up for
    ],
)
def test_the_two_clocks_of_the_united_kingdom(received: date, third: date, eight_weeks: date) -> None:
    clocks = clocks_of(UK, received, "GB", CALL)
    assert (clocks.resolve_by, clocks.answer_by, clocks.first_by) == (third, eight_weeks, None)
    assert clocks.holding_from == date.fromordinal(eight_weeks.toordinal() - 3)


@pytest.mark.parametrize(
    ("rules", "channel", "first", "answer"),
    [
        (US, PORTAL, date(2026, 3, 16), date(2026, 4, 30)),
        (US, CALL, None, date(2026, 3, 31)),
        (INDIA, PORTAL, None, date(2026, 3, 31)),  # no portal of its own is known there
        (HOUSE, CALL, None, date(2026, 3, 31)),
    ],
)
def test_the_clocks_of_other_places(
    rules: ComplaintRules, channel: ComplaintChannel, first: date | None, answer: date
) -> None:
    clocks = clocks_of(rules, date(2026, 3, 1), "US", channel)
    assert (clocks.first_by, clocks.answer_by, clocks.resolve_by, clocks.holding_from) == (
        first,
        answer,
        None,
        None,
    )


def test_a_country_without_a_calendar_counts_weekdays() -> None:
    assert clocks_of(UK, date(2026, 4, 1), "XX", CALL).resolve_by == date(2026, 4, 6)


def test_of_several_packs_the_days_that_end_first_hold() -> None:
    body = ComplaintsBody("Board", {"nl": "Raad"}, "board.example", 3, None, None)
    late = ComplaintRules(60, None, holding_letter=True, citation="a", verified=True)
    soon = ComplaintRules(20, 5, body=body, citation="b")
    both = strictest_complaints([late, soon])
    assert both is not None
    assert (both.answer_days, both.resolve_business_days, both.holding_letter, both.body) == (
        20,
        5,
        True,
        body,
    )
    assert (both.citation, both.verified) == ("a; b", False)
    assert (body.name_in("nl"), body.name_in("nb")) == ("Raad", "Board")
    assert strictest_complaints([]) is None


def test_every_pack_that_stands_alone_stops_legal_notices_while_a_complaint_is_open() -> None:
    for pack in shipped_packs().values():
        if pack.stacks_on:
            continue
        [rule] = [each for each in pack.rules if each.id == "house.complaint_legal"]
        assert isinstance(rule, HoldRule)
        assert {
            "default_notice",
            "default_notice_au",
            "letter_of_claim",
            "betalingsoppfordring",
        } <= rule.letters


TODAY = date(2026, 4, 8)


@pytest.mark.parametrize(
    ("resolve_by", "refused"),
    [(date(2026, 4, 7), "kind"), (date(2026, 4, 8), ""), (date(2026, 4, 9), ""), (None, "kind")],
)
def test_a_summary_resolution_is_enough_until_the_end_of_its_day(
    resolve_by: date | None, refused: str
) -> None:
    def ask() -> None:
        require_answer(AnswerKind.SUMMARY, ComplaintOutcome.UPHELD, None, resolve_by=resolve_by, today=TODAY)

    if not refused:
        return ask()
    with pytest.raises(Invalid) as found:
        ask()
    assert found.value.field == refused
    return None


@pytest.mark.parametrize(
    ("kind", "outcome", "form", "field"),
    [
        (AnswerKind.FINAL, ComplaintOutcome.UPHELD, FinalForm.ACCEPT, ""),
        (AnswerKind.FINAL, ComplaintOutcome.PARTLY, FinalForm.OFFER, ""),
        (AnswerKind.FINAL, ComplaintOutcome.REJECTED, FinalForm.OFFER, ""),
        (AnswerKind.FINAL, ComplaintOutcome.REJECTED, FinalForm.REJECT, ""),
        (AnswerKind.FINAL, ComplaintOutcome.REJECTED, FinalForm.ACCEPT, "form"),
        (AnswerKind.FINAL, ComplaintOutcome.UPHELD, FinalForm.REJECT, "form"),
        (AnswerKind.FINAL, ComplaintOutcome.UPHELD, None, "form"),
        (AnswerKind.FINAL, ComplaintOutcome.WITHDRAWN, FinalForm.REJECT, "outcome"),
        (AnswerKind.WITHDRAWN, ComplaintOutcome.WITHDRAWN, None, ""),
        (AnswerKind.WITHDRAWN, ComplaintOutcome.REJECTED, None, "outcome"),
        (AnswerKind.HOLD, ComplaintOutcome.UPHELD, None, "kind"),
    ],
)
def test_what_closes_a_complaint(
    kind: AnswerKind, outcome: ComplaintOutcome, form: FinalForm | None, field: str
) -> None:
    if not field:
        require_answer(kind, outcome, form, resolve_by=None, today=TODAY)
        return
    with pytest.raises(Invalid) as found:
        require_answer(kind, outcome, form, resolve_by=None, today=TODAY)
    assert found.value.field == field


@pytest.mark.parametrize(
    ("kind", "on", "in_time"),
    [
        (AnswerKind.FINAL, date(2026, 5, 26), True),
        (AnswerKind.FINAL, date(2026, 5, 27), True),
        (AnswerKind.FINAL, date(2026, 5, 28), False),
        (AnswerKind.SUMMARY, date(2026, 4, 8), True),
        (AnswerKind.WITHDRAWN, date(2026, 4, 8), False),
    ],
)
def test_in_time_is_with_its_letter_by_its_day(kind: AnswerKind, on: date, in_time: bool) -> None:
    assert is_on_time(kind, on, date(2026, 5, 27)) is in_time


def test_the_ombudsman_decides_what_was_referred() -> None:
    require_stage(OmbudsmanStage.NONE, OmbudsmanStage.REFERRED)
    require_stage(OmbudsmanStage.REFERRED, OmbudsmanStage.DECIDED_FOR_US)
    for was, becomes in (
        (OmbudsmanStage.NONE, OmbudsmanStage.DECIDED_FOR_US),
        (OmbudsmanStage.REFERRED, OmbudsmanStage.REFERRED),
        (OmbudsmanStage.DECIDED_FOR_US, OmbudsmanStage.DECIDED_FOR_CUSTOMER),
    ):
        with pytest.raises(Conflict):
            require_stage(was, becomes)


def test_each_category_has_a_cause_of_the_form_and_each_choice_of_a_call_a_category() -> None:
    assert set(FORM_CAUSES) == set(ComplaintCategory)
    assert set(CHOICES[CallField.CATEGORY]) - {"other"} == set(OF_CALLS)
