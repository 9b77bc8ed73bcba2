"""An experiment that ends by its own rule: harm by the challenger, or its last day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.gate.consent import set_consent
from app.outreach.strategy.events import ExperimentEnded
from app.outreach.strategy.experiments import Arm, EndReason, PrimaryFigure, StopTerms
from app.outreach.strategy.models import Experiment, Participant, StopRule
from app.outreach.strategy.service import put_live, save_version, start_experiment
from app.reporting.experiments.queries import compare_arms
from app.reporting.experiments.rules import Verdict
from app.reporting.experiments.safeguards import Guardrail
from app.reporting.experiments.service import end_by_rule
from tests import builders

START = date(2026, 3, 2)
TEXT = 'name = "S"\n[[steps]]\nid = "sms"\nday = 5\naction = "message"\nletter = "first_reminder"\nchannels = ["sms"]\n'
CUSTOMERS = 24


def running(session: Session, stop: StopTerms = StopTerms()) -> tuple[Portfolio, Experiment]:
    """An experiment on half of the customers; each has a case, and joined on the day it started."""
    book, mei, now = builders.portfolio(session), Actor.user("mei"), builders.at(START)
    letters = builders.catalog().letters
    put_live(session, book, save_version(session, book, "mine", TEXT, letters, by=mei, now=now), letters,
             by=mei, now=now)  # fmt: skip
    other = save_version(session, book, "mine", TEXT.replace("day = 5", "day = 9"), letters, by=mei, now=now)
    experiment = start_experiment(session, book, other, 50, letters, 0, stop, by=mei, now=now)
    for n in range(CUSTOMERS):
        holder = builders.customer(session, book)
        case = CollectionsCase(portfolio_id=id_of(book), customer_id=id_of(holder), opened_on=START)
        session.add(case)
        session.flush()
        session.add(
            Participant(
                experiment_id=id_of(experiment),
                customer_id=id_of(holder),
                case_id=id_of(case),
                arm=Arm.CHALLENGER if n % 2 else Arm.CHAMPION,
                since=START,
                past_due_minor=1_000,
            )
        )
    session.flush()
    return book, experiment


def complain(session: Session, who: Participant, on: date) -> None:
    case = session.get_one(CollectionsCase, who.case_id)
    builders.complaint(session, case, received_at=builders.at(on), answer_by=on + timedelta(days=56))


def test_complaints_stop_a_challenger_by_themselves(engine: Engine) -> None:
    with transaction(engine) as session:
        book, experiment = running(session)
        people = session.scalars(select(Participant).where(Participant.arm == Arm.CHALLENGER)).all()
        for n, who in enumerate(people[:10]):
            complain(session, who, START + timedelta(days=1 + n))
            complain(session, who, START + timedelta(days=2 + n))  # the same customer counts once
        early = end_by_rule(session, book, START + timedelta(days=4), by=SYSTEM, now=builders.at(START))
        assert early is None, "four complaints of one arm may be chance"
        # Complaints are of their own day: what came later is not known on an earlier day.
        on = START + timedelta(days=10)
        assert end_by_rule(session, book, on, by=SYSTEM, now=builders.night_after(on)) is EndReason.COMPLAINTS
        assert (experiment.ended_by, experiment.ended_because) == ("system", EndReason.COMPLAINTS)
        [event] = builders.events(session, ExperimentEnded.KIND)
        assert event["because"] == "complaints"
        found = compare_arms(session, experiment, on)
        assert found.verdict is Verdict.HARM
        assert {g.guardrail: (g.champion, g.challenger) for g in found.guardrails} == {
            Guardrail.COMPLAINTS: (0, 10), Guardrail.OPT_OUTS: (0, 0), Guardrail.HARDSHIP: (0, 0),
        }  # fmt: skip
        assert end_by_rule(session, book, on, by=SYSTEM, now=builders.night_after(on)) is None


def test_opt_outs_of_both_arms_stop_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        book, experiment = running(session)
        for who in session.scalars(select(Participant)).all():
            holder = session.get_one(Customer, who.customer_id)
            set_consent(session, holder, Channel.SMS, allowed=False, source="SMS", by=SYSTEM,
                        now=builders.at(START + timedelta(days=3)))  # fmt: skip
        on = START + timedelta(days=5)
        assert end_by_rule(session, book, on, by=SYSTEM, now=builders.night_after(on)) is None
        opted = compare_arms(session, experiment, on).guardrails[1]
        assert (opted.guardrail, opted.champion, opted.challenger) == (Guardrail.OPT_OUTS, 12, 12)


def test_it_ends_after_its_last_day_and_its_rule_never_changes(engine: Engine) -> None:
    with transaction(engine) as session:
        book, experiment = running(session, StopTerms(PrimaryFigure.RECOVERED, days=10))
        last = START + timedelta(days=9)
        assert end_by_rule(session, book, last, by=SYSTEM, now=builders.night_after(last)) is None
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), transaction(engine) as session:
        session.execute(sa.update(StopRule).values(primary_figure=PrimaryFigure.CURED))
    builders.close_day(engine, last + timedelta(days=1))
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        ended = session.get_one(Experiment, experiment.id)
        assert ended.ended_because is EndReason.LAST_DAY
