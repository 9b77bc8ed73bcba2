"""How a new book's backlog enters the ladder: told day by day, before anything is sent."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine

from app.core.database.engine import transaction
from app.core.settings import Settings
from app.legal.referrals.models import Referral
from app.operations.simulation.backlog import plan_backlog, summed_up
from tests import builders

FIRST = date(2026, 3, 16)


def row(
    day: int, customer: str, decision: str, step: str = "friendly-sms", channel: str = "sms"
) -> dict[str, str]:
    on = (FIRST + timedelta(days=day)).isoformat()
    return {
        "day": on,
        "customer": customer,
        "decision": decision,
        "step": step,
        "channel": channel,
        "letter": "",
    }


def test_first_letters_are_counted_once_and_who_gets_none_is_told() -> None:
    rows = [
        row(0, "A", "cleared"), row(0, "A", "sent"), row(2, "A", "sent", "friendly-email", "email"),
        row(1, "B", "sent"), row(1, "C", "refused"), row(1, "D", "call_task", "late-call", "call"),
    ]  # fmt: skip
    found = summed_up("CARDS", FIRST, FIRST + timedelta(days=2), rows, 14)
    assert [day.first_letters for day in found.days] == [1, 1, 0]
    assert (found.written, found.unwritten) == (2, 2)
    assert found.nominated_from == FIRST + timedelta(days=14)
    assert found.days[1].counts["friendly-sms", "sms", "refused"] == 1


def test_a_new_book_is_planned_and_not_touched(engine: Engine) -> None:
    """Forty days late, and 120: both are written to first, and nobody is nominated in the first nights."""
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        builders.late_customer(session, book, due_on=FIRST - timedelta(days=40))
        builders.late_customer(session, book, due_on=FIRST - timedelta(days=120))
    settings = Settings(_env_file=None)
    found = plan_backlog(
        engine, builders.BOOK, 3, settings, today=FIRST + timedelta(days=1), progress=lambda share: None
    )
    assert found.days[0].day == FIRST
    assert found.written == 2
    assert builders.messages(engine) == []
    assert builders.count(engine, Referral) == 0
