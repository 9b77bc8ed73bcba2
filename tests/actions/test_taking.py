"""Taking an offer: its price holds, nobody pays more than the debt or grants beyond their authority, and a case has one
plan whoever takes what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.approvals.deciding import decide_approval
from app.actions.negotiation.negotiating import counter_offer, negotiate
from app.actions.negotiation.sending import send_offer
from app.actions.negotiation.taking import Taken, take_offer
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.approvals.rules import ApprovalStatus
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.queries import standing_offers
from app.casework.negotiation.record.rules import OfferStatus
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import Payday
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders

DUE, DAY = date(2026, 3, 10), timedelta(days=1)
T = DUE + 20 * DAY
ANN, GRACE = Actor.user("ann"), Actor.user("grace")
SAID = Answer(monthly_minor=9_000, once_minor=1_000, payday=Payday(T + 3 * DAY))
SPOKEN = Agreed(Acceptance.PHONE, "On the first of each month by transfer; read back.")


@pytest.fixture
def late(engine: Engine) -> int:
    """The number of an account that owes 1,000.00, of which 50.00 is past due."""
    with transaction(engine) as session:
        book = builders.portfolio(session, agent_max_discount_percent=10, manager_max_discount_percent=45)
        card = builders.late_customer(session, book, due_on=DUE)
    builders.close_day(engine, T - DAY)
    return id_of(card)


def offered(engine: Engine, kind: OptionKind, said: Answer = SAID, *, role: Role = Role.AGENT) -> int:
    """The id of the first offer of this kind that is shown."""
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        negotiate(session, case, said, role=role, by=ANN, now=builders.at(T))
        rows = standing_offers(session, id_of(case), T)
        return min(id_of(row) for row in rows if row.kind is kind)


def take(
    session: Session,
    offer_id: int,
    *,
    on: date = T,
    role: Role = Role.AGENT,
    by: Actor = ANN,
    reason: str = "",
    agreed: Agreed = SPOKEN,
) -> Taken:
    case = session.scalars(select(CollectionsCase)).one()
    return take_offer(
        session, case, offer_id, builders.catalog(), agreed, reason=reason, by=by, role=role,
        now=builders.at(on),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [OptionKind.PAY_NOW, OptionKind.PROMISE, OptionKind.SHORT_PLAN])
def test_a_taken_offer_is_the_plan_that_was_shown(engine: Engine, late: int, kind: OptionKind) -> None:  # noqa: ARG001
    number = offered(engine, kind, replace(SAID, once_minor=5_000) if kind is OptionKind.PAY_NOW else SAID)
    with transaction(engine) as session:
        taken = take(session, number)
        assert taken.agreement is not None
        plan = taken.agreement.plan
        assert (plan.status, plan.acceptance_words) == (PlanStatus.ACTIVE, SPOKEN.words)
        option = taken.offer.option
        assert option is not None
        assert option.plan_kind is plan.kind
        rows = session.scalars(
            select(PlanInstalment).where(PlanInstalment.plan_id == plan.id).order_by(PlanInstalment.n)  # type: ignore[arg-type]
        ).all()
        assert [(row.n, row.due_on, row.amount_minor) for row in rows] == [
            (part.n, part.due_on, part.amount) for part in option.parts
        ]
        assert (taken.offer.status, taken.offer.plan_id) == (OfferStatus.ACCEPTED, plan.id)
        others = session.scalars(select(NegotiationOffer).where(NegotiationOffer.id != number)).all()
        assert {row.status for row in others} == {OfferStatus.EXPIRED, OfferStatus.NOT_OFFERED}
        [event] = builders.events(session, "offer.taken")
        assert event["offer_id"] == number


@pytest.mark.parametrize("accrues", [True, False])
def test_token_payments_that_are_shown_can_be_taken(engine: Engine, late: int, accrues: bool) -> None:
    """Also where the creditor charges the interest, which no rate of ours can lower."""
    with transaction(engine) as session:
        session.get_one(Account, late).apr_millionths = 150_000
        session.scalars(select(Portfolio)).one().accrues = accrues
    number = offered(engine, OptionKind.HARDSHIP, Answer(500, 0, SAID.payday), role=Role.MANAGER)
    with transaction(engine) as session:
        taken = take(session, number, role=Role.MANAGER)
        assert taken.agreement is not None
        plan = taken.agreement.plan
        assert (plan.is_token, plan.apr_millionths) == (True, 0 if accrues else None)


def test_the_price_holds_until_the_offer_expires(engine: Engine, late: int) -> None:  # noqa: ARG001
    number = offered(engine, OptionKind.SHORT_PLAN, Answer(9_000, 0, Payday(T + 12 * DAY)))
    with transaction(engine) as session:
        row = session.get_one(NegotiationOffer, number)
        last, option = row.expires_on, row.option
        assert last == T + 7 * DAY
        assert option is not None
    with pytest.raises(Conflict, match="held until"), transaction(engine) as session:
        take(session, number, on=last + DAY)
    with transaction(engine) as session:
        taken = take(session, number, on=last)
        assert taken.offer.option == option
        assert taken.agreement is not None


@pytest.mark.parametrize("later", [0, 2])
def test_a_hardship_plan_waives_fees_and_lowers_the_rate(engine: Engine, later: int) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(
            session, accrues=True, agent_lowers_rate=True, agent_waive_minor=3_000, agent_max_instalments=60
        )
        card = builders.late_customer(session, book, due_on=DUE, apr_millionths=240_000)
        builders.entry(session, card, EntryKind.FEE, 2_500, DUE + DAY)
    builders.close_day(engine, T - DAY)
    kinds = {}
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        said = Answer(4_500, 0, Payday(T + 5 * DAY))
        made = negotiate(session, case, said, role=Role.AGENT, by=ANN, now=builders.at(T))
        for row in standing_offers(session, id_of(case), T):
            assert row.option is not None
            kinds[row.kind, row.option.terms.apr_millionths] = id_of(row)
        account = made.negotiation.solver_facts.accounts[0]
        assert (account.apr_millionths, account.fees_minor) == (180_000, 2_500), "the pack caps the rate"
    assert {rate for kind, rate in kinds if kind is OptionKind.HARDSHIP} == {180_000, 90_000, 0}
    with transaction(engine) as session:
        taken = take(session, kinds[OptionKind.HARDSHIP, 90_000], on=T + later * DAY)
        assert taken.agreement is not None, taken.request
        plan, option = taken.agreement.plan, taken.offer.option
        assert option is not None
        assert (plan.kind, plan.apr_millionths, plan.waived_fees_minor) == (PlanKind.HARDSHIP, 90_000, 2_500)
        rows = session.scalars(
            select(PlanInstalment).where(PlanInstalment.plan_id == plan.id).order_by(PlanInstalment.n)  # type: ignore[arg-type]
        ).all()
        assert [(row.due_on, row.amount_minor, row.interest_minor) for row in rows] == [
            (part.due_on, part.amount, part.interest) for part in option.parts
        ]


def test_nobody_agrees_to_pay_more_than_is_owed_now(engine: Engine, late: int) -> None:
    number = offered(engine, OptionKind.LONG_PLAN, Answer(4_900, 0, Payday(T + 3 * DAY)))
    with transaction(engine) as session:
        card = session.get_one(Account, late)
        builders.payment(session, card, 1_000, T)
    with pytest.raises(Conflict, match="990.00 is owed now"), transaction(engine) as session:
        take(session, number)
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).all() == []
        assert session.get_one(NegotiationOffer, number).status is OfferStatus.SHOWN


def test_nobody_grants_beyond_their_authority(engine: Engine, late: int) -> None:  # noqa: ARG001
    said = Answer(monthly_minor=0, once_minor=70_000)
    number = offered(engine, OptionKind.SETTLEMENT, said)
    with transaction(engine) as session:
        row = session.get_one(NegotiationOffer, number)
        assert row.may_grant == "manager"
        taken = take(session, number, reason="she sells her car")
        assert taken.agreement is None
        assert taken.request is not None
        request_id = id_of(taken.request)
        assert taken.request.reason == "she sells her car"
    with pytest.raises(Conflict, match="waits for a manager"), transaction(engine) as session:
        take(session, number)
    with transaction(engine) as session:
        decided = decide_approval(
            session,
            request_id,
            builders.catalog(),
            approve=True,
            by=GRACE,
            role=Role.MANAGER,
            now=builders.at(T),
        )
        assert decided.request.status is ApprovalStatus.APPROVED
    with transaction(engine) as session:
        taken = take(session, number)
        assert taken.agreement is not None
        plan = taken.agreement.plan
        assert (plan.kind, plan.status) == (PlanKind.SETTLEMENT, PlanStatus.ACTIVE)
        assert (taken.offer.status, taken.offer.plan_id) == (OfferStatus.ACCEPTED, plan.id)


def test_a_limit_that_was_lowered_since_counts(engine: Engine, late: int) -> None:  # noqa: ARG001
    number = offered(engine, OptionKind.SETTLEMENT, Answer(0, 70_000), role=Role.MANAGER)
    with transaction(engine) as session:
        session.scalars(select(Portfolio)).one().manager_max_discount_percent = 5
    with transaction(engine) as session:
        taken = take(session, number, role=Role.MANAGER, by=GRACE)
        assert taken.agreement is None
        assert taken.request is not None, "another manager decides"


def test_a_declined_offer_says_why(engine: Engine, late: int) -> None:  # noqa: ARG001
    number = offered(engine, OptionKind.SETTLEMENT, Answer(0, 70_000))
    with transaction(engine) as session:
        request = take(session, number).request
        assert request is not None
        decide_approval(
            session, id_of(request), builders.catalog(), approve=False, note="too little", by=GRACE,
            role=Role.MANAGER, now=builders.at(T),
        )  # fmt: skip
    with pytest.raises(Conflict, match="declined.*too little"), transaction(engine) as session:
        take(session, number)


def test_two_people_who_take_two_offers_make_one_plan(engine: Engine, late: int) -> None:  # noqa: ARG001
    first, second = offered(engine, OptionKind.PROMISE), offered(engine, OptionKind.SHORT_PLAN)

    def attempt(number: int) -> str:
        try:
            with transaction(engine) as session:
                return "agreed" if take(session, number).agreement else "asked"
        except DeskError as refused:
            return refused.message

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(attempt, [first, second]))
    assert answers.count("agreed") == 1, answers
    assert any("has expired" in answer for answer in answers), answers
    with transaction(engine) as session:
        assert len(session.scalars(select(Plan)).all()) == 1


def test_a_running_plan_is_replaced(engine: Engine, late: int) -> None:  # noqa: ARG001
    with transaction(engine) as session:
        pass
    first = offered(engine, OptionKind.PROMISE)
    with transaction(engine) as session:
        take(session, first)
    second = offered(engine, OptionKind.SHORT_PLAN)
    with transaction(engine) as session:
        plan = take(session, second).agreement
        assert plan is not None
        old, new = session.scalars(select(Plan).order_by(Plan.id)).all()  # type: ignore[arg-type]
        assert (old.status, new.status) == (PlanStatus.CANCELLED, PlanStatus.ACTIVE)
        assert new.supersedes_id == old.id


def test_the_customers_own_figures_can_be_taken(engine: Engine, late: int) -> None:  # noqa: ARG001
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        made = negotiate(session, case, SAID, role=Role.AGENT, by=ANN, now=builders.at(T))
        counter = Counter(OptionKind.SHORT_PLAN, 1_250, Cadence.WEEKLY, first_on=T + 4 * DAY)
        row = counter_offer(
            session, case, id_of(made.negotiation), counter, role=Role.AGENT, by=ANN, now=builders.at(T)
        )
        taken = take(session, id_of(row))
        assert taken.agreement is not None
        assert taken.agreement.plan.total_minor == 5_000


def test_an_agreement_by_telephone_needs_its_words(engine: Engine, late: int) -> None:  # noqa: ARG001
    number = offered(engine, OptionKind.PROMISE)
    with pytest.raises(Invalid) as refused, transaction(engine) as session:
        take(session, number, agreed=Agreed(Acceptance.PHONE))
    assert refused.value.field == "words"
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).all() == [], "nothing half agreed"
        assert session.get_one(NegotiationOffer, number).status is OfferStatus.SHOWN


def test_the_legal_team_takes_no_offers(engine: Engine, late: int) -> None:  # noqa: ARG001
    number = offered(engine, OptionKind.PROMISE)
    with pytest.raises(Forbidden), transaction(engine) as session:
        take(session, number, role=Role.LEGAL)


@pytest.mark.parametrize("pays", [True, False])
def test_an_offer_sent_in_writing_follows_its_settlement(engine: Engine, late: int, pays: bool) -> None:
    """Its last day is that of the first payment; the payment comes in the grace days."""
    number = offered(engine, OptionKind.SETTLEMENT, Answer(0, 70_000), role=Role.MANAGER)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan = send_offer(
            session, case, number, builders.catalog(), by=GRACE, role=Role.MANAGER, now=builders.at(T)
        ).plan
        first, plan_id = plan.offer_until, id_of(plan)
    assert first is not None
    builders.close_day(engine, first)
    with transaction(engine) as session:
        assert session.get_one(NegotiationOffer, number).status is OfferStatus.SHOWN, "its answer may come"
        if pays:
            builders.payment(session, session.get_one(Account, late), 70_000, first + DAY)
    builders.close_day(engine, first + 10 * DAY)
    with transaction(engine) as session:
        plan, offer = session.get_one(Plan, plan_id), session.get_one(NegotiationOffer, number)
        assert (plan.status is PlanStatus.CANCELLED) is not pays
        assert offer.status is (OfferStatus.ACCEPTED if pays else OfferStatus.EXPIRED)
        assert len(builders.events(session, "offer.taken")) == int(pays)
