"""Two tabs on one case: what was posted on one counts on the other with its next request."""

from __future__ import annotations

from app.casework.plans.models import Plan
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.scenarios.desk_day.formosa import LU, TODAY, Formosa


def test_paid_in_full_on_one_tab_no_promise_on_the_other(day_on_both: Formosa) -> None:
    """Acceptance: the case shows it on its next request, its gate says no, a promise is refused."""
    day = day_on_both
    other_tab = day.case_text(LU, "?do=promise")
    assert "Past due NT$2,786" in other_tab
    assert day.verdicts(LU) & {"yes", "wait"}
    queued = builders.count(day.desk.engine, OutboxMessage)

    day.pay(LU, 2_786, day.mei)

    terms = {"amount": "2786", "due_on": TODAY.replace(day=9).isoformat()}
    assert "nothing is past due" in day.refused(LU, "promise", **terms).lower()
    page = day.case_text(LU)
    assert "Past due NT$0" in page
    assert "NT$76,811" in page
    assert "Last payment NT$2,786 on Mar 2, 2026" in page
    assert day.verdicts(LU) == {"no"}
    assert builders.count(day.desk.engine, Plan) == 0
    assert builders.count(day.desk.engine, OutboxMessage) == queued, "and nothing is confirmed in writing"
