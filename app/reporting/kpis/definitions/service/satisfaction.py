"""Customer satisfaction: the mean score that customers gave in answer to our question, and how many answered."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.satisfaction.models import Survey
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.reporting.kpis.family import Days, Family, Shape, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _answer_rows(_shape: Shape, days: Days) -> Query:
    """Answers of the window, each with its score from 1 to 5; the thing is the message of the question."""
    survey, message = table_of(Survey), table_of(OutboxMessage)
    return (
        sa.select(
            *thing(
                Thing.MESSAGE,
                message.c.id,
                survey.c.answered_on,
                first_account(survey.c.customer_id),
                survey.c.customer_id,
            ),
            survey.c.agent.label("agent"),
            sa.cast(survey.c.channel, sa.String).label("channel"),
            survey.c.score.label("score"),
            sa.literal(1).label("answers"),
        )
        .select_from(survey)
        .join(message, message.c.contact_id == survey.c.contact_id)
        .where(
            survey.c.portfolio_id == days.portfolio_id,
            survey.c.answered_on.is_not(None),
            survey.c.answered_on >= days.before(WINDOW - 1),
            survey.c.answered_on <= days.on,
        )
    )


def _question_rows(_shape: Shape, days: Days) -> Query:
    """Questions that left in the window, and whether they were answered by its end."""
    survey, message = table_of(Survey), table_of(OutboxMessage)
    begin, end = days.window(WINDOW)
    return (
        sa.select(
            *thing(
                Thing.MESSAGE,
                message.c.id,
                survey.c.asked_on,
                first_account(survey.c.customer_id),
                survey.c.customer_id,
            ),
            survey.c.agent.label("agent"),
            sa.cast(survey.c.channel, sa.String).label("channel"),
            sa.literal(1).label("questions"),
            sa.case((survey.c.answered_at < end, 1), else_=0).label("answered"),
        )
        .select_from(survey)
        .join(message, message.c.contact_id == survey.c.contact_id)
        .where(
            survey.c.portfolio_id == days.portfolio_id,
            survey.c.asked_on >= days.before(WINDOW + 3),
            message.c.sent_at >= begin,
            message.c.sent_at < end,
            message.c.status.in_(LEFT),
        )
    )


SATISFACTION = Family(
    "satisfaction",
    "Customer satisfaction",
    (
        Definition(
            "csat",
            "Customer satisfaction, mean score",
            Unit.ANSWERS,
            Seed.SATISFACTION,
            f"scores from 1 to 5 that customers gave in the last {WINDOW} days",
            f"answers of the last {WINDOW} days",
            "score",
            "answers",
            more_is_better=True,
            version="2",
        ),
    ),
    _answer_rows,
    (Dimension.AGENT, Dimension.CHANNEL),
    "The agent is who closed what the customer was asked about. Customers who complained are never asked, so the score "
    "is of those who did not.",
)
RESPONSES = Family(
    "survey_responses",
    "Answers to the question about satisfaction",
    (
        Definition(
            "survey_response_rate",
            "Satisfaction questions answered",
            Unit.MESSAGES,
            Seed.SATISFACTION,
            "those of them that were answered by the end of the day",
            f"questions that left in the last {WINDOW} days and did not come back",
            "answered",
            "questions",
            more_is_better=True,
        ),
    ),
    _question_rows,
    (Dimension.AGENT, Dimension.CHANNEL),
    "A score of few answers is that of those who like to answer.",
)
