"""Skips that letters of an agreement offer: those that are left, not those that were used."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.casework.plans.tracking.changes import skip_instalment
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.outreach.agreements.figures import agreement_figures, figures_as_made
from app.outreach.agreements.payment_code import Payee
from app.outreach.agreements.reader import Reader
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)
PARTS = [(date(2026, month, 1), 2_500) for month in (4, 5, 6, 7)]
READER, PAYEE = Reader("en", "EUR"), Payee("", "")


def skips(session: Session, plan: Any) -> tuple[object, object]:
    """(left now, as agreed)."""
    now = agreement_figures(session, plan, READER, PAYEE, no_new_card=False)
    made = figures_as_made(session, plan, READER, PAYEE)
    return now["skips"], made["skips"]


@pytest.mark.parametrize(("allowed", "left"), [(0, ["", ""]), (1, ["1", ""]), (2, ["2", "1"])])
def test_a_letter_offers_the_skips_that_are_left(engine: Engine, allowed: int, left: list[str]) -> None:
    with transaction(engine) as session:
        builders.portfolio(session, plan_skips=3)
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        plan = agreement(session, case, PARTS, accepted_on=ON, skips_allowed=allowed)
        agreed = str(allowed) if allowed else ""
        assert skips(session, plan) == (left[0], agreed)
        told = {"by": Actor.user("ann"), "today": ON, "now": builders.at(ON)}
        skip_instalment(session, plan, 2, "", authority=None, **told)
        assert skips(session, plan) == (left[1], agreed), "one beyond the agreement takes none of it"
