"""Satisfaction questions of a night, after every other contact: none of those loses its place to a question."""

from __future__ import annotations

from app.core.database.bulk import chunked
from app.core.database.engine import reading, transaction
from app.operations.day.work import Counts, Day
from app.outreach.planning.satisfaction.asking import ask_customers, remind_customers
from app.outreach.planning.satisfaction.closing import closed_of_nights, reminders_due

CHUNK = 200


def ask_about_satisfaction(day: Day) -> Counts:
    """Ask customers of the sampled things that were closed, and remind those who did not answer, once. A batch is one
    transaction; a night that runs again finds what it asked already."""
    if not day.portfolio.survey_share_percent:
        return {}
    with reading(day.engine) as session:
        closed = closed_of_nights(session, day.portfolio, day.on)
        waiting = reminders_due(session, day.portfolio, day.on)
    asked = reminded = 0
    for some in chunked(closed, CHUNK):
        with transaction(day.engine) as session:
            asked += ask_customers(session, day.portfolio, some, day.catalog, on=day.on, now=day.now)
    for ids in chunked(waiting, CHUNK):
        with transaction(day.engine) as session:
            reminded += remind_customers(session, day.portfolio, ids, day.catalog, on=day.on, now=day.now)
    return {"asked": asked, "reminded": reminded}
