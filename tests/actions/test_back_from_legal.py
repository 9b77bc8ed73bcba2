"""A case that comes back from the legal team: what rested goes on, what was paid meanwhile is accepted."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree, offer
from app.actions.plans.with_legal import tell_of_paid_settlements, tell_of_plans_paid_in_time
from app.actions.referrals import decide_referral, nominate, return_case, seal_bundle
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.plans.restoration.service import restore_plans
from app.casework.plans.rules import Acceptance, PlanStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.legal.bundle.service import Seal
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.referrals.nominations import nominate_cases
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.actions.test_agreements import (
    AS_MANAGER,
    BEN,
    DAY,
    LETTERS,
    MEI,
    NOW,
    ON,
    PLAN,
    a_case,
    assess,
    the_card,
)
from tests.actions.test_agreements_harm import IN_THREE
from tests.legal.builders import KEY, no_page

LARS = Actor.user("lars")
LATER = ON + 4 * DAY


def with_legal(session: Session, case: CollectionsCase, monkeypatch: pytest.MonkeyPatch) -> Referral:
    """Approved by another person, on a day when nothing forbids it."""
    monkeypatch.setattr("app.legal.referrals.service.refuse_stopped", lambda *_: None)
    referral = nominate(session, case, "will not pay", by=BEN, now=NOW)
    return decide_referral(session, id_of(referral), approve=True, reason="", by=LARS, now=NOW)


def came_back(session: Session, referral: Referral, reason: str = "the claim is too small") -> Referral:
    return return_case(session, id_of(referral), reason, is_recall=False, by=LARS, now=builders.at(LATER))


def open_texts(session: Session, case: CollectionsCase) -> dict[str, str]:
    tasks = session.scalars(select(StrategyTask).where(StrategyTask.case_id == case.id))
    return {task.step: task.text for task in tasks if task.done_at is None}


def test_what_rested_goes_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        referral = with_legal(session, case, monkeypatch)
        case.next_contact_on = None
        with pytest.raises(Conflict, match="with the legal team"):
            agree(session, case, PLAN, LETTERS, **AS_MANAGER)
        came_back(session, referral)
        assert (case.with_legal_since, case.next_contact_on) == (None, LATER)
        assert (referral.status, referral.returned_by) == (ReferralStatus.RETURNED, LARS)
        assert (referral.returned_at, referral.return_reason) == (
            builders.at(LATER),
            "the claim is too small",
        )
        [told] = builders.events(session, "referral.returned")
        assert (told["reason"], told["is_recall"], told["by"]) == ("the claim is too small", False, LARS)
        text = open_texts(session, case)[DeskStep.BACK_FROM_LEGAL]
        assert text == "The legal team returned the case. the claim is too small"
        plan = agree(session, case, PLAN, LETTERS, **{**AS_MANAGER, "now": builders.at(LATER)}).plan
        assert plan.status is PlanStatus.ACTIVE


def test_a_settlement_that_was_paid_meanwhile_is_accepted_as_of_the_return(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        book = session.get_one(Portfolio, case.portfolio_id)
        made = offer(session, case, IN_THREE, LETTERS, **AS_MANAGER).plan
        referral = with_legal(session, case, monkeypatch)
        builders.payment(session, the_card(session), 10_000, ON + DAY)
        assess(session, case, ON + DAY)
        tell_of_paid_settlements(session, book, ON + DAY, now=builders.night_after(ON + DAY))
        assert made.status is PlanStatus.OFFERED
        assert DeskStep.PAID_WITH_LEGAL in open_texts(session, case)
        came_back(session, referral)
        assert (made.status, made.accepted_on, made.counts_from) == (PlanStatus.ACTIVE, LATER, ON)
        assert made.acceptance is Acceptance.PAYMENT
        texts = open_texts(session, case)
        assert DeskStep.PAID_WITH_LEGAL not in texts
        assert (
            f"Settlement {made.reference}, which was paid meanwhile, is accepted."
            in texts[DeskStep.BACK_FROM_LEGAL]
        )


def test_only_a_case_that_they_have_comes_back_and_with_a_reason(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        nominated = nominate(session, case, "will not pay", by=BEN, now=NOW)
        with pytest.raises(Conflict, match="This referral is nominated"):
            came_back(session, nominated)
        decide_referral(session, id_of(nominated), approve=False, reason="pays", by=LARS, now=NOW)
        referral = with_legal(session, case, monkeypatch)
        with pytest.raises(Invalid) as refused:
            came_back(session, referral, "  ")
        assert refused.value.field == "reason"
        came_back(session, referral)
        with pytest.raises(Conflict, match="This referral is returned"):
            came_back(session, referral)


def test_a_returned_case_is_nominated_again_by_a_person_alone_and_sealed_by_nobody(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        came_back(session, with_legal(session, case, monkeypatch))
        book = session.get_one(Portfolio, case.portfolio_id)
        assert nominate_cases(session, book, LATER + 400 * DAY, now=builders.at(LATER)) == 0

        class Ports:
            seal = Seal(KEY, no_page)
            paper = None
            catalog = LETTERS

        with pytest.raises(Conflict, match="This referral was returned"):
            seal_bundle(session, case, Ports(), {}, by=LARS, now=builders.at(LATER))
        assert nominate(session, case, "still will not", by=BEN, now=builders.at(LATER)).id


def test_a_closed_case_comes_back_without_work(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        referral = with_legal(session, case, monkeypatch)
        case.status, case.outcome, case.closed_on = CaseStatus.CLOSED, CaseOutcome.PAID, ON + DAY
        case.next_contact_on = None
        session.flush()
        return_case(session, id_of(referral), "a mistake", is_recall=True, by=MEI, now=builders.at(LATER))
        assert (case.with_legal_since, case.next_contact_on, open_texts(session, case)) == (None, None, {})
        assert builders.events(session, "referral.returned")[0]["is_recall"] is True


def test_a_plan_that_was_paid_in_time_runs_on_when_the_case_is_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment is posted while the legal team has the case: nothing changes there, and its owner is told once."""
    with transaction(engine) as session:
        case = a_case(session)
        book = session.get_one(Portfolio, case.portfolio_id)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        due = ON + 6 * DAY
        assess(session, case, due + 4 * DAY)
        assert plan.status is PlanStatus.BROKEN
        referral = with_legal(session, case, monkeypatch)
        posted_on = due + 6 * DAY
        builders.payment(
            session, the_card(session), 10_000, due, posted_on=posted_on, now=builders.at(posted_on)
        )
        night = builders.night_after(posted_on)
        for _ in range(2):
            assert restore_plans(session, book, posted_on, now=night) == 0
            tell_of_plans_paid_in_time(session, book, posted_on, now=night)
        assert plan.status is PlanStatus.BROKEN
        assert f"{plan.reference} was found broken" in open_texts(session, case)[DeskStep.IN_TIME_WITH_LEGAL]
        now = builders.at(posted_on + 10 * DAY)
        return_case(session, id_of(referral), "paid in time", is_recall=False, by=LARS, now=now)
        assert plan.status is PlanStatus.ACTIVE
        text = open_texts(session, case)[DeskStep.BACK_FROM_LEGAL]
        assert f"{plan.reference}, which was paid in time, runs on." in text
        assert DeskStep.IN_TIME_WITH_LEGAL not in open_texts(session, case)
