"""Agreements as acts: settlements in several payments, hardship plans with their concessions, who agreed and how,
renegotiation, authority, and what two people do at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.agreements import accept_offer, agree, cancel_agreement, offer, promise, supersede
from app.actions.approvals.asking import ask_approval
from app.actions.approvals.deciding import decide_approval
from app.book.charges.models import Concession
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.models import Account, Waiver
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import AskAgreement
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.offers import expire_offers
from app.casework.plans.queries import instalments_of, live_plan
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.assessment import assess_due
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers
from tests import builders

ON = date(2026, 3, 20)  # a Friday
NOW = builders.at(ON)
DAY = timedelta(days=1)
BEN, MEI = Actor.user("ben"), Actor.user("mei")
LETTERS = builders.catalog()
AGENT = {"by": BEN, "role": Role.AGENT, "now": NOW}
MANAGER = {"by": MEI, "role": Role.MANAGER, "now": NOW}
AS_AGENT = {"grantor": Grantor(BEN, Role.AGENT), "now": NOW}
AS_MANAGER = {"grantor": Grantor(MEI, Role.MANAGER), "now": NOW}
SAID = "Every 25th by bank transfer, read back."
HARDSHIP = AgreementTerms(
    PlanKind.HARDSHIP, 60_000, ON + 6 * DAY, payments=6, cadence=Cadence.MONTHLY, apr_millionths=50_000,
    waived_fees_minor=3_000,
)  # fmt: skip
PLAN = AgreementTerms(PlanKind.INSTALMENTS, 60_000, ON + 6 * DAY, payments=6, cadence=Cadence.MONTHLY)


def a_case(session: Session, **settings: object) -> CollectionsCase:
    """1,000.00 owed, 60.00 of it late fees; 50.00 past due for ten days."""
    case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, balance=94_000)
    card = the_card(session)
    for days in (40, 10):
        builders.entry(session, card, EntryKind.FEE, 3_000, ON - days * DAY)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    given = {"accrues": True, "agent_waive_minor": 2_000, "waive_limit_minor": 10_000, **settings}
    for name, value in given.items():
        setattr(portfolio, name, value)
    session.flush()
    return case


def the_card(session: Session) -> Account:
    return session.scalars(select(Account)).one()


def balance(session: Session, on: date = ON) -> int:
    return balance_of(session, id_of(the_card(session)), on)


def assess(session: Session, case: CollectionsCase, on: date) -> dict[str, int]:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return assess_due(session, portfolio, on, now=builders.night_after(on))


# --- hardship ---------------------------------------------------------------------------------------------


def test_a_hardship_plan_waives_fees_and_lowers_the_rate_once_it_is_accepted(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        made = offer(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        assert (made.status, balance(session)) == (PlanStatus.OFFERED, 100_000)
        parts = instalments_of(session, [id_of(made)])[id_of(made)]
        assert made.total_minor == sum(part.amount for part in parts)
        assert sum(part.amount - part.interest for part in parts) == 60_000
        accept_offer(session, made, LETTERS, Agreed(Acceptance.PHONE, SAID), by=BEN, now=NOW)
        assert (made.status, balance(session)) == (PlanStatus.ACTIVE, 97_000)
        [waiver] = session.scalars(select(Waiver)).all()
        assert (waiver.amount_minor, waiver.reason) == (3_000, f"agreement {made.reference}")
        [concession] = session.scalars(select(Concession)).all()
        assert (concession.apr_millionths, concession.without_fees) == (50_000, True)
        assert (concession.from_on, concession.to_on) == (ON, None)
        assert len(builders.events(session, "concession.started")) == 1
        told = builders.events(session, "plan.activated")[-1]
        assert (told["acceptance"], told["words"]) == ("phone", SAID)


@pytest.mark.parametrize(("paid", "left"), [(0, 100_000), (1, 96_999)])
def test_fees_are_charged_again_only_where_nothing_was_paid(
    sqlite_engine: Engine, paid: int, left: int
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        if paid:
            builders.payment(session, the_card(session), paid, ON)
        broken = ON + 12 * DAY
        assert assess(session, case, broken)["broken"] == 1
        assert (plan.status, balance(session, broken + DAY)) == (PlanStatus.BROKEN, left)
        [concession] = session.scalars(select(Concession)).all()
        assert concession.to_on == broken + DAY
        assert len(builders.events(session, "concession.ended")) == 1


def test_agreeing_and_cancelling_again_waives_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        for _ in range(3):
            plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
            assert balance(session) == 97_000
            cancel_agreement(session, plan, "they changed their mind", LETTERS, by=MEI, now=NOW)
            assert balance(session) == 100_000


def test_a_plan_keeps_its_price_but_waives_no_fee_twice(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        made = offer(session, case, replace(HARDSHIP, waived_fees_minor=6_000), LETTERS, **AS_MANAGER).plan
        fee = builders.entry(session, the_card(session), EntryKind.FEE, 500, ON)
        waive(session, fee, 500, "a mistake", by=MEI, role=Role.MANAGER, now=NOW)
        accept_offer(session, made, LETTERS, by=MEI, now=NOW)
        assert balance(session) == 94_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"waived_fees_minor": 6_001}, "waived_fees"),
        ({"total_minor": 97_001}, "amount"),
        ({"total_minor": 100_001, "waived_fees_minor": 0}, "amount"),
        ({"re_age": True}, "re_age"),
        ({"payments": 10_000}, "payments"),
        ({"first_due_on": ON - DAY}, "due_on"),
        ({"total_minor": -60_000}, "amount"),
        ({"skips_allowed": 2}, "skips"),
    ],
)
def test_what_nobody_may_offer_is_told_beside_its_field(
    sqlite_engine: Engine, changes: dict, field: str
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid) as refused:
            offer(session, case, replace(HARDSHIP, **changes), LETTERS, **AS_MANAGER)
        assert refused.value.field == field
        assert session.scalars(select(Plan)).all() == []


def test_a_kept_plan_that_says_so_brings_the_accounts_current_or_tells_why_not(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session, pack="us-first-party")
        terms = replace(PLAN, total_minor=4_000, payments=2, cadence=Cadence.WEEKLY, re_age=True)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        builders.payment(session, the_card(session), 4_000, ON)
        assess(session, case, ON)
        assert plan.status is PlanStatus.KEPT
        [refused] = builders.events(session, "plan.re_age_refused")
        assert the_card(session).reference in refused["refusals"][0]


# --- authority --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "who", "field"),
    [
        (replace(HARDSHIP, apr_millionths=None, waived_fees_minor=2_000), AS_AGENT, None),
        (replace(HARDSHIP, apr_millionths=None, waived_fees_minor=2_001), AS_AGENT, "waived_fees"),
        (replace(HARDSHIP, waived_fees_minor=0), AS_AGENT, "apr"),
        (replace(HARDSHIP, waived_fees_minor=0, apr_millionths=180_000), AS_AGENT, None),
        (replace(PLAN, payments=13), AS_AGENT, "payments"),
        (replace(PLAN, payments=13), AS_MANAGER, None),
        (AgreementTerms(PlanKind.SETTLEMENT, 99_999, ON + DAY), AS_AGENT, "amount"),
    ],
)
def test_nobody_grants_more_than_their_role_may(
    sqlite_engine: Engine, terms: AgreementTerms, who: dict, field: str | None
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        if field is None:
            assert offer(session, case, terms, LETTERS, **who).plan.status is PlanStatus.OFFERED
            return
        with pytest.raises(Forbidden) as refused:
            offer(session, case, terms, LETTERS, **who)
        assert refused.value.field == field
        with pytest.raises(Forbidden):
            agree(session, case, terms, LETTERS, **who)


def test_a_request_keeps_all_terms_and_a_second_person_grants_them(engine: Engine) -> None:
    terms = replace(HARDSHIP, skips_allowed=1)
    with transaction(engine) as session:
        case = a_case(session, waive_limit_minor=1_000)
        lock_customers(session, [case.customer_id])
        with pytest.raises(Forbidden, match="up to CNY 10.00 alone"):
            offer(session, case, terms, LETTERS, **AS_MANAGER)
        request = ask_approval(session, case, AskAgreement(terms), "lost the job", **AGENT)
        request_id = id_of(request)
    with transaction(engine) as session:
        assert session.get_one(ApprovalRequest, request_id).ask == AskAgreement(terms)
        made = decide_approval(session, request_id, LETTERS, approve=True, **MANAGER).offer
        assert made is not None
        plan = made.plan
        assert (plan.kind, plan.waived_fees_minor, plan.apr_millionths) == (PlanKind.HARDSHIP, 3_000, 50_000)
        assert (plan.skips_allowed, plan.offered_by) == (1, MEI)


# --- settlements in several payments -----------------------------------------------------------------------


def test_a_settlement_in_three_payments_is_kept_once_all_are_made(engine: Engine) -> None:
    terms = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 6 * DAY, 3, Cadence.FOUR_WEEKLY)
    with transaction(engine) as session:
        case = a_case(session)
        plan = offer(session, case, terms, LETTERS, **AS_MANAGER).plan
        accept_offer(session, plan, LETTERS, by=BEN, now=NOW)
        parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
        assert [part.amount for part in parts] == [20_000] * 3
        for n, part in enumerate(parts, start=1):
            builders.payment(session, the_card(session), 20_000, part.due_on)
            assess(session, case, part.due_on)
            assert plan.status is (PlanStatus.KEPT if n == 3 else PlanStatus.ACTIVE)
        assert balance(session, parts[-1].due_on) == 0


def test_more_payments_than_the_portfolio_permits_are_refused(sqlite_engine: Engine) -> None:
    terms = AgreementTerms(PlanKind.SETTLEMENT, 60_000, ON + 6 * DAY, 4, Cadence.WEEKLY)
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid, match="at most 3 payments") as refused:
            offer(session, case, terms, LETTERS, **AS_MANAGER)
        assert refused.value.field == "payments"


# --- who agreed, and how ----------------------------------------------------------------------------------


def a_party(session: Session, case: CollectionsCase, **changes: object) -> int:
    given = {
        "customer_id": case.customer_id, "kind": PartyKind.ADVISER, "name": "Ada Stone",
        "may_be_told": MayBeTold.EVERYTHING, "authority_from": ON, "created_at": NOW, "by": "user:ben",
    }  # fmt: skip
    party = ThirdParty.model_validate({**given, **changes})
    session.add(party)
    session.flush()
    return id_of(party)


def test_a_third_party_with_authority_agrees_for_the_customer(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        party = a_party(session, case)
        plan = agree(
            session, case, PLAN, LETTERS, Agreed(Acceptance.WRITING, party_id=party), **AS_AGENT
        ).plan
        assert (plan.agreed_with_id, plan.acceptance) == (party, Acceptance.WRITING)
        assert builders.events(session, "plan.activated")[-1]["agreed_with"] == "Ada Stone"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": PartyKind.INTERPRETER},
        {"may_be_told": MayBeTold.NOTHING},
        {"may_be_told": MayBeTold.LIMITED, "note": "the address"},
        {"authority_from": ON + DAY},
        {"authority_until": ON - DAY, "authority_from": ON - 9 * DAY},
        {"ended_at": NOW},
    ],
)
def test_nobody_without_authority_agrees_for_the_customer(sqlite_engine: Engine, changes: dict) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = offer(session, case, PLAN, LETTERS, **AS_AGENT).plan
        for party in (a_party(session, case, **changes), 999):
            with pytest.raises(Invalid) as refused:
                accept_offer(session, plan, LETTERS, Agreed(party_id=party), by=BEN, now=NOW)
            assert refused.value.field == "agreed_with"
        assert plan.status is PlanStatus.OFFERED


def test_an_agreement_by_telephone_needs_the_words(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid, match="which day, by which means") as refused:
            promise(
                session,
                case,
                5_000,
                ON + DAY,
                LETTERS,
                Agreed(Acceptance.PHONE, " "),
                by=BEN,
                now=NOW,
            )
        assert refused.value.field == "words"


def test_an_offer_holds_its_price_to_its_last_day_and_ends_with_it(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session, offer_days=3)
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        plan = offer(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        assert plan.offer_until == ON + 3 * DAY
        portfolio.lowest_apr_millionths = 100_000  # a new house rule changes no offer that stands
        assert expire_offers(session, portfolio, ON + 2 * DAY, now=builders.night_after(ON + 2 * DAY)) == 0
        last = ON + 3 * DAY
        accept_offer(session, plan, LETTERS, by=BEN, now=builders.at(last))
        assert plan.apr_millionths == 50_000
        cancel_agreement(session, plan, "an error", LETTERS, by=BEN, now=builders.at(last))
        short = offer(session, case, PLAN, LETTERS, until=ON, **AS_AGENT).plan
        with pytest.raises(Conflict, match="stood until"):
            accept_offer(session, short, LETTERS, by=BEN, now=builders.at(ON + DAY))
        assert expire_offers(session, portfolio, ON, now=builders.night_after(ON)) == 1
        assert short.status is PlanStatus.CANCELLED


@pytest.mark.parametrize("until", [ON - DAY, ON + 7 * DAY])
def test_an_offer_ends_between_today_and_its_first_payment(sqlite_engine: Engine, until: date) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid) as refused:
            offer(session, case, PLAN, LETTERS, until=until, **AS_AGENT)
        assert refused.value.field == "offer_until"


def test_an_offer_of_more_than_is_owed_now_is_not_accepted(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = offer(session, case, replace(PLAN, total_minor=99_000), LETTERS, **AS_AGENT).plan
        builders.entry(session, the_card(session), EntryKind.ADJUSTMENT, -2_000, ON)
        with pytest.raises(Conflict, match="Less is owed now"):
            accept_offer(session, plan, LETTERS, by=BEN, now=NOW)


# --- renegotiation ----------------------------------------------------------------------------------------


def test_a_renegotiated_plan_replaces_the_old_one_and_loses_no_payment(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        old = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        builders.payment(session, the_card(session), 10_000, ON + DAY)
        later = builders.at(ON + 2 * DAY)
        less = replace(HARDSHIP, total_minor=50_000, payments=12, waived_fees_minor=0)
        new = supersede(session, old, less, LETTERS, grantor=Grantor(MEI, Role.MANAGER), now=later).plan
        assert (old.status, old.why) == (PlanStatus.CANCELLED, f"renegotiated: replaced by {new.reference}")
        assert (new.status, new.supersedes_id) == (PlanStatus.ACTIVE, old.id)
        assert live_plan(session, id_of(case)) is new
        assert balance(session, ON + 2 * DAY) == 87_000, "what was paid and what was waived stand"
        running = session.scalars(select(Concession).where(col(Concession.to_on).is_(None))).all()
        assert [row.plan_id for row in running] == [new.id]
        cancel_agreement(session, new, "pays at once", LETTERS, by=MEI, now=later)
        assert balance(session, ON + 2 * DAY) == 87_000, "something was paid under the old plan"
        with pytest.raises(Conflict, match="is cancelled"):
            supersede(session, old, less, LETTERS, grantor=Grantor(MEI, Role.MANAGER), now=later)


def test_an_offer_to_renegotiate_leaves_the_plan_running_until_it_is_accepted(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        old = agree(session, case, PLAN, LETTERS, **AS_AGENT).plan
        with pytest.raises(Conflict, match="Renegotiate it, or cancel it first"):
            offer(session, case, PLAN, LETTERS, **AS_AGENT)
        new = offer(session, case, replace(PLAN, payments=12), LETTERS, replaces=old, **AS_AGENT).plan
        assert (old.status, new.status) == (PlanStatus.ACTIVE, PlanStatus.OFFERED)
        accept_offer(session, new, LETTERS, by=BEN, now=NOW)
        assert (old.status, new.status) == (PlanStatus.CANCELLED, PlanStatus.ACTIVE)


def test_a_longer_renegotiation_is_asked_for_and_replaces_once_it_is_accepted(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        old = agree(session, case, PLAN, LETTERS, **AS_AGENT).plan
        ask = AskAgreement(replace(PLAN, payments=24), id_of(old))
        with pytest.raises(Forbidden):
            supersede(session, old, ask.terms, LETTERS, **AS_AGENT)
        assert old.status is PlanStatus.ACTIVE
        request = ask_approval(session, case, ask, "less income", **AGENT)
        made = decide_approval(session, id_of(request), LETTERS, approve=True, **MANAGER).offer
        assert made is not None
        accept_offer(session, made.plan, LETTERS, by=BEN, now=NOW)
        assert (old.status, made.plan.status) == (PlanStatus.CANCELLED, PlanStatus.ACTIVE)


def at_once(engine: Engine, plan_id: int, *acts: object) -> list[str]:
    said: list[str] = []
    barrier = threading.Barrier(len(acts))

    def run(act: object) -> None:
        barrier.wait()
        try:
            with transaction(engine) as session:
                lock_customers(session, [session.get_one(Plan, plan_id).customer_id])
                plan = session.get_one(Plan, plan_id, populate_existing=True, with_for_update=True)
                act(session, plan)  # type: ignore[operator]
            said.append("done")
        except DeskError as refused:
            said.append(str(refused))

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def test_two_who_renegotiate_at_once_make_one_plan(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(agree(session, a_case(session), PLAN, LETTERS, **AS_AGENT).plan)

    def longer(session: Session, plan: Plan) -> None:
        supersede(session, plan, replace(PLAN, payments=12), LETTERS, **AS_AGENT)

    found = at_once(engine, plan_id, longer, longer)
    assert found == [f"Repayment plan P-{plan_id:06d} is cancelled. Offer a new agreement instead.", "done"]
    with transaction(engine) as session:
        assert sorted(plan.status for plan in session.scalars(select(Plan))) == ["active", "cancelled"]


def test_two_who_accept_at_once_waive_once(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(offer(session, a_case(session), HARDSHIP, LETTERS, **AS_MANAGER).plan)

    def accept(session: Session, plan: Plan) -> None:
        accept_offer(session, plan, LETTERS, by=BEN, now=NOW)

    found = at_once(engine, plan_id, accept, accept)
    assert found[1] == "done"
    assert "Only an offer can be accepted" in found[0]
    with transaction(engine) as session:
        assert len(session.scalars(select(Waiver)).all()) == 1
        assert balance(session) == 97_000
