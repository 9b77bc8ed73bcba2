"""Negotiating a case: facts of this moment in, offers and reasons on record, and the same answer when replayed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.negotiation.negotiating import counter_offer, negotiate, preview_offers, refuse_offer
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.queries import offers_of, standing_offers
from app.casework.negotiation.record.replay import replay
from app.casework.negotiation.record.rules import OFFER_DAYS, OfferStatus
from app.casework.negotiation.record.service import expire_shown_offers
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders

DUE, DAY = date(2026, 3, 10), timedelta(days=1)
T = DUE + 20 * DAY
ANN = {"by": Actor.user("ann"), "now": builders.at(T)}
SAID = Answer(monthly_minor=4_000, once_minor=1_000, payday=Payday(T + 3 * DAY))


@pytest.fixture
def late(engine: Engine) -> int:
    """The number of an account that owes 120.00, of which 50.00 is past due."""
    with transaction(engine) as session:
        book = builders.portfolio(session, agent_max_discount_percent=10, manager_max_discount_percent=40)
        card = builders.late_customer(session, book, due_on=DUE)
        builders.entry(session, card, EntryKind.PURCHASE, 6_000, DUE - 20 * DAY)
    builders.close_day(engine, T - DAY)
    return id_of(card)


@contextmanager
def the_case(engine: Engine) -> Iterator[tuple[Session, CollectionsCase]]:
    with transaction(engine) as session:
        yield session, session.scalars(select(CollectionsCase)).one()


def test_puts_offers_and_reasons_on_record(engine: Engine, late: int) -> None:
    with the_case(engine) as (session, case):
        made = negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        rows = offers_of(session, [id_of(made.negotiation)])[id_of(made.negotiation)]
        shown = [row for row in rows if row.status is OfferStatus.SHOWN]
        assert [row.option for row in shown] == list(made.solution.options)
        assert [row.rank for row in shown] == list(range(1, len(shown) + 1))
        refused = [row for row in rows if row.status is OfferStatus.NOT_OFFERED]
        assert [(row.kind, row.reason) for row in refused] == [
            (each.kind, each.why) for each in made.solution.not_offered
        ]
        assert all(row.reason and row.rule and row.option is None for row in refused)
        assert all(T <= row.expires_on <= T + OFFER_DAYS * DAY for row in shown if row.expires_on)
        [event] = builders.events(session, "negotiation.held")
        assert "4000" not in str(event)  # the timeline is never deleted, and household figures are
        facts = made.negotiation.solver_facts
        assert (facts.accounts[0].account_id, facts.accounts[0].past_due_minor) == (late, 5_000)
        assert (facts.authority.role, facts.affordability.monthly_minor) == ("agent", 4_000)


def test_replays_to_the_same_answer(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        negotiate(session, case, Answer(monthly_minor=500), role=Role.MANAGER, **ANN)
        negotiate(session, case, role=Role.AGENT, **ANN)
    with transaction(engine) as session:
        rows = session.scalars(select(Negotiation)).all()
        assert [replay(row).is_same for row in rows] == [True] * 3
        rows[0].solver_version, rows[0].digest = "0", "x"
        assert "answers otherwise than solver 0" in replay(rows[0]).words
        session.rollback()


def test_a_preview_records_nothing(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        seen = preview_offers(session, case, SAID, role=Role.AGENT, now=builders.at(T))
        assert seen.options
        assert session.scalars(select(Negotiation)).first() is None
        made = negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        assert made.solution == seen


def test_judges_what_the_customer_proposes(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        number = id_of(negotiate(session, case, SAID, role=Role.AGENT, **ANN).negotiation)
        plan = Counter(OptionKind.SHORT_PLAN, 2_000, Cadence.FORTNIGHTLY, first_on=T + 4 * DAY)
        taken = counter_offer(session, case, number, plan, role=Role.AGENT, **ANN)
        assert (taken.status, taken.countered, taken.total_cost_minor) == (OfferStatus.COUNTERED, True, 5_000)
        option = taken.option
        assert option is not None
        assert [part.amount for part in option.parts] == [
            1_667,
            1_667,
            1_666,
        ]  # alike, and never more than was said
        assert option.parts[0].due_on == T + 4 * DAY
        less = Counter(OptionKind.SHORT_PLAN, 200)
        refused = counter_offer(session, case, number, less, role=Role.AGENT, **ANN)
        assert refused.status is OfferStatus.NOT_OFFERED
        assert "the customer offers" in refused.reason
        assert len(builders.events(session, "offer.countered")) == 2


@pytest.mark.parametrize(
    ("counter", "field"),
    [
        (Counter(OptionKind.PROMISE, 0), "payment"),
        (Counter(OptionKind.PROMISE, 1, down_payment_minor=-1), "down_payment"),
        (Counter(OptionKind.PROMISE, 1, payments=0), "payments"),
        (Counter(OptionKind.PROMISE, 1, first_on=T - DAY), "first_on"),
    ],
)
def test_names_the_wrong_field_of_a_proposal(engine: Engine, late: int, counter: Counter, field: str) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        number = id_of(negotiate(session, case, SAID, role=Role.AGENT, **ANN).negotiation)
        with pytest.raises(Invalid) as refused:
            counter_offer(session, case, number, counter, role=Role.AGENT, **ANN)
        assert refused.value.field == field


def test_a_refused_offer_stays_refused(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        offer = standing_offers(session, id_of(case), T)[0]
        refuse_offer(session, case, id_of(offer), "too much before Easter", **ANN)
        assert (offer.status, offer.reason) == (OfferStatus.REFUSED, "too much before Easter")
        with pytest.raises(Conflict, match="was refused"):
            refuse_offer(session, case, id_of(offer), "again", **ANN)
        with pytest.raises(NotFound):
            refuse_offer(session, case, 99_999, "none", **ANN)
        [event] = builders.events(session, "offer.refused")
        assert event["reason"] == "too much before Easter"


def test_offers_expire_in_the_night_of_their_last_day(engine: Engine, late: int) -> None:
    with the_case(engine) as (session, case):
        negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        portfolio_id = session.get_one(Account, late).portfolio_id
        shown = list(standing_offers(session, id_of(case), T))
        last = max(row.expires_on for row in shown if row.expires_on)
        early = [row for row in shown if row.expires_on == T + DAY]
        gone = expire_shown_offers(session, portfolio_id, T + DAY, by=SYSTEM, now=builders.at(T + DAY))
        assert gone == len(early)
        expire_shown_offers(session, portfolio_id, last, by=SYSTEM, now=builders.at(last))
        session.expire_all()
        assert {row.status for row in session.scalars(select(NegotiationOffer)) if row.rank} == {
            OfferStatus.EXPIRED
        }


def test_the_business_day_expires_offers(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        negotiate(session, case, Answer(monthly_minor=0, once_minor=5_000), role=Role.AGENT, **ANN)
    [report] = builders.close_day(engine, T)
    counts = {stage["name"]: stage["counts"] for stage in report.stages}
    with transaction(engine) as session:
        ended = session.scalars(select(NegotiationOffer).where(NegotiationOffer.expires_on == T)).all()
        assert ended
        assert {row.status for row in ended} == {OfferStatus.EXPIRED}
    assert counts["cases"]["shown_offers_expired"] == len(ended)


def test_a_legal_role_does_not_negotiate(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case), pytest.raises(Forbidden):
        negotiate(session, case, SAID, role=Role.LEGAL, **ANN)


def test_nothing_is_offered_on_a_case_that_is_with_the_legal_team(engine: Engine, late: int) -> None:  # noqa: ARG001
    with the_case(engine) as (session, case):
        case.with_legal_since = builders.at(T)
        made = negotiate(session, case, SAID, role=Role.AGENT, **ANN)
        assert made.solution.options == ()
        assert "legal team" in made.solution.not_offered[0].why
