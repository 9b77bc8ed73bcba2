"""A negotiation judges by the model or base rate of its portfolio, says which, and replays after the model changed."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.negotiation.negotiating import negotiate
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.replay import replay
from app.casework.negotiation.solver.chance import BaseChance
from app.casework.risk.models import RiskModelVersion
from app.casework.risk.rules import Scorecard, Sigmoid, Weight
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.actions.test_negotiation import ANN, DAY, DUE, T


def trained(session: Session, version: int, *, is_used: bool) -> None:
    """A version as `desk risk train` keeps it: long plans break."""
    card = Scorecard(-3.0, (Weight("length", 0.5, 0.5, 2.0),), sigmoid=Sigmoid(1.0, 0.0))
    session.add(
        RiskModelVersion(
            portfolio_id=id_of(session.scalars(select(Portfolio)).one()), version=version, through=T, is_used=is_used,
            why="a test", breaks=30, trials=300, ended=80, first_breaks=20, first_trials=80, later_days=6_000,
            scorecard=card.to_json(), trained_at=builders.at(T), trained_by=Actor.system("cli"),
        )
    )  # fmt: skip
    session.flush()


def test_the_model_in_use_is_named_with_the_decision_which_replays_after_the_next_training(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=DUE)
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        said = Answer(monthly_minor=7_000, once_minor=5_000)
        before = negotiate(session, case, said, role=Role.AGENT, **ANN)
        trained(session, 1, is_used=False)
        by_base = negotiate(session, case, said, role=Role.AGENT, **ANN)
        trained(session, 2, is_used=True)
        by_model = negotiate(session, case, said, role=Role.AGENT, **ANN)
        names = [each.negotiation.chance_version for each in (before, by_base, by_model)]
        assert names == ["too little history", "base rate", "model 2"]
        base = BaseChance("base rate", 1 - (1.5 + 20) / (10 + 80), (2 + 10) / (50 + 200))
        for option in by_base.solution.options:
            assert option.chance_kept == pytest.approx(base(option.terms, list(option.parts))[-1], abs=1e-6)
        kept = {len(each.parts): each.chance_kept for each in by_model.solution.options}
        assert kept[max(kept)] < kept[min(kept)]
        trained(session, 3, is_used=False)
        for each in (before, by_base, by_model):
            assert replay(each.negotiation).is_same
