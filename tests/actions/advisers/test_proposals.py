"""Plans that an adviser proposes in a file: each line by itself, decided together or one by one."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.advisers.clients import NewAuthority, add_adviser, add_client, end_adviser
from app.actions.advisers.proposals import (
    accept_proposal,
    accept_simple,
    decline_proposal,
    load_proposals,
    weigh,
)
from app.actions.people.parties import end_party
from app.actions.people.retention import forget_people, forget_statements
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.events import AdviserFileLoaded, PlanProposed, ProposalDeclined
from app.casework.advisers.models import Adviser, AdviserFile, AdviserProposal
from app.casework.advisers.queries import progress_of, proposals_of
from app.casework.advisers.rules import ProposalStatus
from app.casework.advisers.service import NewAdviser
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import Basis
from app.casework.negotiation.household.queries import affordability_of
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Acceptance, PlanStatus
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.policy.packfile import shipped_packs
from tests import builders

DUE, TODAY = date(2026, 3, 10), date(2026, 3, 20)
BY = {"by": Actor.user("mei"), "now": builders.at(TODAY)}
OFFER = {"amount": "100.00", "frequency": "monthly", "first-on": "2026-04-01"}
STATEMENT = {
    "monthly-income": {"total-earnings": "3000.00"},
    "monthly-outgoings": {"fixed-costs": {"rent": "2000.00"}},
    "debts": {"non-priority-debts": [{"creditor": "Other Bank", "amount-owed": "1000.00"}]},
}


def help_(session: Session) -> Adviser:
    return session.scalars(select(Adviser)).first() or add_adviser(
        session, NewAdviser("HELP", "Help with Debt", "Register 7", phone="+8613800001111"), **BY
    )


def advised(session: Session, **authority: object) -> CollectionsCase:
    """A late case of a customer for whom Help acts."""
    case = builders.delinquent_case(session, due_on=DUE, on=date(2026, 3, 18))
    given = {"begins": date(2026, 3, 1), **authority}
    given_on = {**BY, "now": builders.at(date(2026, 3, 18))}
    add_client(session, help_(session), case, NewAuthority(**given), builders.catalog(), **given_on)  # type: ignore[arg-type]
    return case


def load(session: Session, *plans: object, name: str = "march.json"):  # type: ignore[no-untyped-def]
    content = json.dumps({"adviser": "HELP", "currency": "CNY", "plans": plans}).encode()
    return load_proposals(session, get_portfolio(session, builders.BOOK), help_(session), name, content, **BY)


def test_each_line_is_taken_or_told(engine: Engine) -> None:
    with transaction(engine) as session:
        good, other, ended = advised(session), advised(session), advised(session, ends=date(2026, 3, 19))
        stranger = builders.delinquent_case(session, due_on=DUE, on=date(2026, 3, 18))
        lines = [
            {"reference": good.reference, "offer": OFFER, "statement": STATEMENT},
            {"reference": "C-999999", "offer": OFFER},
            {"reference": stranger.reference, "offer": OFFER},
            {"reference": ended.reference, "offer": OFFER},
            {"reference": other.reference, "offer": {**OFFER, "amount": "-1"}, "statement": {"surprise": 1}},
            {"reference": good.reference, "offer": OFFER},
            {"reference": other.reference, "offer": {**OFFER, "first-on": "2026-03-19"}},
            {"reference": other.reference, "offer": {**OFFER, "amount": "1.00"}},
            {"reference": other.reference, "offer": OFFER, "statement": {**STATEMENT, "currency": "GBP"}},
            "nonsense",
            {"reference": other.reference, "offer": {**OFFER, "kind": "settlement", "total": "100000.00"}},
        ]
        made = load(session, *lines)
        assert (made.file.read, made.file.loaded, made.file.rejected, made.is_new) == (11, 1, 10, True)
        told = [(row.line, row.field) for row in made.rejects]
        assert told == [
            (2, "reference"), (3, "reference"), (4, "reference"),
            (5, "offer.amount"), (5, "statement.surprise"),
            (6, "reference"), (7, "offer.first-on"), (8, "offer.amount"), (9, "statement.currency"),
            (10, "(not shown)"), (10, "reference"), (10, "offer"), (11, "offer.amount"),
        ]  # fmt: skip
        reasons = {row.line: row.reason for row in made.rejects}
        assert "authority" in reasons[3]
        assert "same case" in reasons[6]
        [row] = proposals_of(session, made.file)
        affords = affordability_of(session, good.customer_id, today=TODAY)
        assert (affords.basis, affords.statement_id) == (Basis.STATEMENT, row.statement_id)
        assert len(builders.events(session, PlanProposed.KIND, customer_id=good.customer_id)) == 1
        assert affordability_of(session, other.customer_id, today=TODAY).basis is Basis.UNKNOWN, (
            "nothing half done"
        )

        # The same file changes nothing; the same line in another file is known.
        again = load(session, *lines)
        assert (again.file.id, again.is_new, len(again.rejects)) == (made.file.id, False, 13)
        more = load(session, lines[0], {"reference": other.reference, "offer": OFFER}, name="april.json")
        assert (more.file.loaded, more.file.unchanged, more.file.rejected) == (1, 1, 0)
        assert len(session.scalars(select(AdviserProposal)).all()) == 2
        assert len(builders.events(session, AdviserFileLoaded.KIND)) == 2


def test_proposals_within_the_limits_are_accepted_together(engine: Engine) -> None:
    with transaction(engine) as session:
        cases = [advised(session) for _ in range(4)]
        short = {**STATEMENT, "monthly-income": {"total-earnings": "100.00"}}
        made = load(
            session,
            {"reference": cases[0].reference, "offer": OFFER, "statement": STATEMENT},
            {"reference": cases[1].reference, "offer": {**OFFER, "amount": "20.00"}},
            {"reference": cases[2].reference, "offer": OFFER, "statement": short},
            {"reference": cases[3].reference, "offer": {**OFFER, "amount": "250.00"}},
        )
        assert made.rejects == []
        file = session.get_one(AdviserFile, made.file.id)
        done = accept_simple(session, help_(session), file, builders.catalog(), role=Role.AGENT, **BY)
        assert [plan.case_id for plan in done.accepted] == [cases[0].id, cases[3].id]
        left = {row.line: why for row, why in done.left}
        assert set(left) == {2, 3}
        assert "50" in left[2], "fifty payments are beyond an agent"
        assert "above the income" in left[3]
        plan = session.get_one(Plan, done.accepted[0].id)
        assert (plan.status, plan.acceptance, plan.agreed_with_id is not None) == (
            PlanStatus.ACTIVE, Acceptance.WRITING, True,
        )  # fmt: skip
        assert "Help with Debt, line 1 of march.json" in plan.acceptance_words
        parts = session.scalars(select(PlanInstalment).where(PlanInstalment.plan_id == plan.id)).all()
        assert [part.amount_minor for part in parts] == [10_000] * 10
        assert progress_of(session, file)[ProposalStatus.ACCEPTED] == 2
        rest = [row for row in proposals_of(session, file) if row.status is ProposalStatus.PROPOSED]

        # One by one: an agent may not grant fifty payments, a manager may. The doubtful one is declined.
        long, doubtful = rest
        with pytest.raises(Forbidden):
            accept_proposal(session, help_(session), long, builders.catalog(), role=Role.AGENT, **BY)
        assert weigh(session, long, role=Role.MANAGER, now=BY["now"]).is_simple  # type: ignore[arg-type]
        accept_proposal(session, help_(session), long, builders.catalog(), role=Role.MANAGER, **BY)
        with pytest.raises(Invalid):
            decline_proposal(session, help_(session), doubtful, " ", **BY)
        decline_proposal(session, help_(session), doubtful, "ask for a breathing space", **BY)
        assert [each["why"] for each in builders.events(session, ProposalDeclined.KIND)] == [
            "ask for a breathing space"
        ]
        for row in (long, doubtful):
            with pytest.raises(Conflict, match="already, by user:mei"):
                accept_proposal(session, help_(session), row, builders.catalog(), role=Role.MANAGER, **BY)


def test_a_down_payment_is_the_first_of_the_payments(engine: Engine) -> None:
    with transaction(engine) as session:
        case = advised(session)
        made = load(session, {"reference": case.reference, "offer": {**OFFER, "down-payment": "50.00"}})
        assert made.rejects == []
        file = session.get_one(AdviserFile, made.file.id)
        done = accept_simple(session, help_(session), file, builders.catalog(), role=Role.AGENT, **BY)
        [plan] = done.accepted
        parts = session.scalars(
            select(PlanInstalment).where(PlanInstalment.plan_id == plan.id).order_by(col(PlanInstalment.n))
        ).all()
        assert [(part.due_on, part.amount_minor) for part in parts[:2]] == [
            (date(2026, 4, 1), 5_000),
            (date(2026, 5, 1), 10_000),
        ]
        assert sum(part.amount_minor for part in parts) == 100_000


def test_nothing_is_agreed_without_authority(engine: Engine) -> None:
    with transaction(engine) as session:
        case = advised(session)
        made = load(session, {"reference": case.reference, "offer": OFFER})
        [row] = proposals_of(session, made.file)
        with pytest.raises(Conflict, match="acts for the customer"):
            add_client(session, help_(session), case, NewAuthority(TODAY), builders.catalog(), **BY)
        party = session.scalars(select(Plan)).all()
        assert party == []
        from app.casework.parties.queries import representative_of

        speaks = representative_of(session, case.customer_id, today=TODAY)
        assert speaks is not None
        end_party(session, case, id_of(speaks), "the customer took it back", **BY)
        with pytest.raises(Conflict, match="any more"):
            accept_proposal(session, help_(session), row, builders.catalog(), role=Role.MANAGER, **BY)
        assert row.status is ProposalStatus.PROPOSED
        end_adviser(session, help_(session), "closed its doors", **BY)
        with pytest.raises(Conflict, match="was ended"):
            load(session, {"reference": case.reference, "offer": {**OFFER, "amount": "90.00"}})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "h"}, "code"),
        ({"code": "he lp"}, "code"),
        ({"name": " "}, "name"),
        ({"phone": "twelve"}, "phone"),
        ({"email": "nobody"}, "email"),
    ],
)
def test_a_wrong_adviser_is_refused(sqlite_engine: Engine, changes: dict[str, str], field: str) -> None:
    with transaction(sqlite_engine) as session:
        with pytest.raises(Invalid) as refused:
            add_adviser(session, NewAdviser(**{"code": "HELP", "name": "Help", **changes}), **BY)
        assert refused.value.field == field
        help_(session)
        with pytest.raises(Conflict, match="already"):
            add_adviser(
                session, NewAdviser("help", "Another"), by=Actor.user("mei"), now=BY["now"] + timedelta(1)
            )  # type: ignore[operator]


def test_a_statement_that_a_proposal_names_is_forgotten_and_who_agreed_is_not(engine: Engine) -> None:
    years = max(pack.retention.years for pack in shipped_packs().values() if pack.retention)
    later = builders.at(TODAY).replace(year=TODAY.year + years + 1)
    with transaction(engine) as session:
        case = advised(session)
        load(session, {"reference": case.reference, "offer": OFFER, "statement": STATEMENT})
        proposal = session.scalars(select(AdviserProposal)).one()
        assert proposal.statement_id is not None
        party = session.scalars(select(ThirdParty)).one()
        end_party(session, case, id_of(party), "the plan was paid", **BY)
        assert forget_people(session, by=SYSTEM, now=later) == 0
        assert forget_statements(session, by=SYSTEM, now=later) == 1
        session.refresh(proposal)
        assert proposal.statement_id is None
        assert session.scalars(select(ThirdParty)).one() is party
