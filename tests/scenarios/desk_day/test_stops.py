"""Who must be left alone: the dead, the represented, whoever is with the legal team; and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.core.staff.rules import Role
from app.legal.referrals.models import Referral
from tests.scenarios.desk_day.formosa import HUANG, LAI, TODAY, Formosa
from tests.web.cases.test_case import all_of

REVIEW = TODAY + timedelta(days=30)


@pytest.mark.parametrize("kind", ["deceased", "attorney"])
def test_no_day_is_named_on_which_a_dead_or_represented_person_may_be_called(day: Formosa, kind: str) -> None:
    """Bug 6: such a hold has no end, and the verdict is "do not contact", before and after the day of its review."""
    day.send(LAI, "holds", kind=kind, reason="Said so on the phone", until=REVIEW.isoformat())
    for days in (0, 29, 2):
        day.later(days=days)
        assert day.verdicts(LAI) == {"no"}, days
        page = day.case_text(LAI)
        assert "Do not contact" in page
        assert "Wait until" not in page
        assert 'href="tel:' not in day.ben.get(f"/cases/{day.case(LAI)}").text


def test_a_case_with_the_legal_team_offers_no_reminder(day: Formosa) -> None:
    """Bug 9: four times Yes on a case whose file the legal team has."""
    day.send(HUANG, "nominate", reason="Never reached")
    [referral] = all_of(day.desk, Referral)
    lars = day.desk.sign_in(Role.LEGAL)
    approved = lars.submit(f"/legal/{referral.id}/decide", approve="true", note="goes to court")
    assert approved.status_code == 303, approved.text[-800:]
    assert day.verdicts(HUANG) == {"no"}
    page = day.case_text(HUANG)
    assert "with the legal team since Mar 2, 2026" in page
    assert "Do not contact: the case is with the legal team" in page
    assert 'href="tel:' not in day.ben.get(f"/cases/{day.case(HUANG)}").text


@pytest.mark.parametrize("zone", ["Asia/Taipei", "America/New_York", "Pacific/Auckland"])
def test_a_hold_ends_on_one_date_in_every_place(day: Formosa, zone: str) -> None:
    """Contradiction: "until Dec 29", "until 2026-12-28 16:00 UTC", "Wait until Dec 29, 8:00 AM", wherever they live."""
    day.move(LAI, zone)
    day.send(LAI, "holds", kind="hardship", reason="Lost the job", until=REVIEW.isoformat())
    page = day.case_text(LAI, "?tab=holds")
    assert "hold until Apr 1, 2026" in page
    assert "ardship hold since Mar 2, 2026, until Apr 1, 2026" in page
    assert "Wait until Apr 1, 2026" in page
    for other in ("UTC", "Mar 31", "Apr 2", "2026-0"):
        assert other not in page, other


@pytest.mark.parametrize("kind", ["dispute", "hardship", "manual"])
def test_a_hold_says_that_the_strategy_waits_with_it(day: Formosa, kind: str) -> None:
    """Contradiction: "Dispute hold until Dec 29" beside "Strategy is asked again in the night of Dec 4"."""
    day.send(LAI, "holds", kind=kind, reason="Not mine", until=REVIEW.isoformat())
    page = day.case_text(LAI)
    strategy = page[page.index("Strategy ") :][:160]
    assert "hold" in strategy
    assert "night of" not in strategy
    assert "overnight" not in strategy


def test_a_message_about_a_death_offers_no_answer_by_sms(day: Formosa) -> None:
    """Bug 30: "Answer their SMS" under "my husband died last week", refused afterwards with the text of a limit."""
    day.write_in("my husband died last week", LAI)
    page = day.case_text(LAI)
    assert "my husband died last week" in page
    assert "Answer their SMS" not in page
    assert "do=answer" not in day.ben.get(f"/cases/{day.case(LAI)}").text
    refused = day.refused(LAI, "answer", text="Please pay")
    assert "limit" not in refused[: refused.index("Past due")].lower()
