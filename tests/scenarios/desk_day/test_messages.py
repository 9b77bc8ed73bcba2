"""Letters and links: what waits is said to wait, what does not is not."""

from __future__ import annotations

from datetime import timedelta

from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.models import DeferredLetter
from tests import builders
from tests.scenarios.desk_day.formosa import LAI, NOW, TODAY, Formosa, words
from tests.web.cases.test_case import all_of


def test_a_letter_that_is_not_kept_is_not_said_to_wait(day: Formosa) -> None:
    """Bug 13: "E-mail waits until Dec 29" where no message and no waiting letter was written."""
    until = (TODAY + timedelta(days=30)).isoformat()
    day.send(LAI, "holds", kind="hardship", reason="Lost the job", until=until)
    before = builders.count(day.desk.engine, OutboxMessage)
    answer = day.ben.submit(f"/cases/{day.case(LAI)}/letter", letter="first_reminder:email")
    assert answer.status_code != 303
    said = words(answer)
    assert builders.count(day.desk.engine, OutboxMessage) == before
    assert builders.count(day.desk.engine, DeferredLetter) == 0
    assert "First reminder by letter: Not before Apr 1, 2026" in said, "why it may not be sent now"
    assert "E-mail waits" not in said


def test_a_letter_sent_by_mistake_is_cancelled_from_the_case(day: Formosa) -> None:
    """Bug 22: a notice that was queued for tomorrow had no "Cancel" on the case."""
    case_id = day.case(LAI)
    [mine] = [each for each in all_of(day.desk, OutboxMessage) if each.case_id == case_id]
    assert f'action="/cases/{case_id}/messages/{mine.id}/cancel' in day.ben.get(f"/cases/{case_id}").text
    day.send(LAI, f"messages/{mine.id}/cancel", reason="Chosen by mistake")
    left = builders.deliver(day.desk.engine, NOW).sent
    assert mine.address not in {each.to for each in left}


def test_a_hint_about_links_names_only_messages_that_have_one(day: Formosa) -> None:
    """Contradiction: "Every message carries a link"; an SMS has "STOP" only."""
    page = day.case_text(LAI)
    assert "Every message carries a link" not in page
