"""One payment of a debt adviser for fifty agreements: split, told again, matched in part by a person, taken back."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import match_payment
from app.actions.advisers.clients import NewAuthority, add_adviser, add_client
from app.actions.advisers.lumps import NewLump, reverse_lump, split_lump
from app.actions.agreements import cancel_agreement, promise
from app.book.feeds.bank.matching import keep_waiting
from app.book.feeds.bank.rules import Incoming, NoMatch
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind, UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.models import LumpPart, LumpPayment
from app.casework.advisers.queries import get_adviser, get_lump, parts_of, sums_of
from app.casework.advisers.rules import PartStatus
from app.casework.advisers.service import NewAdviser
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.parties.queries import representative_of
from app.casework.plans.models import InstalmentPayment, Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.tracking.references import reference_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from tests import builders

DUE, TODAY = date(2026, 3, 10), date(2026, 3, 20)
PAID = TODAY
MEI = {"by": Actor.user("mei"), "now": builders.at(TODAY)}
PLANS, EACH = 50, 2_000


def book_of(session: Session) -> Portfolio:
    return get_portfolio(session, builders.BOOK)


def split(session: Session, schedule: str, credit: int) -> object:
    made = split_lump(
        session, book_of(session), get_adviser(session, "HELP"), NewLump(unmatched_id=credit),
        schedule.encode(), role=Role.MANAGER, **MEI,
    )  # fmt: skip
    refresh_touched(session, MEI["now"])  # as every transaction of a request ends
    return made


def balances(session: Session) -> dict[int, int]:
    total = sa.func.sum(col(Entry.amount_minor))
    query = sa.select(col(Entry.account_id), total).group_by(col(Entry.account_id))
    return {account: int(amount) for account, amount in session.execute(query)}


def statuses(session: Session) -> list[PlanStatus]:
    return list(session.scalars(select(Plan.status).order_by(col(Plan.id))))


def test_a_lump_payment_over_fifty_agreements(engine: Engine) -> None:
    # Fifty people are advised by Help. It has their authority, so it is the one to contact, and agrees 20.00 for each.
    with transaction(engine) as session:
        help_ = add_adviser(session, NewAdviser("help", "Help with Debt"), **MEI)
        plans = []
        for n in range(PLANS):
            case = builders.delinquent_case(session, due_on=DUE, on=date(2026, 3, 18))
            authority = NewAuthority(date(2026, 3, 1), reference=f"H-{n}")
            party = add_client(session, help_, case, authority, builders.catalog(), **MEI)
            speaks = representative_of(session, case.customer_id, today=TODAY)
            assert speaks is not None
            assert speaks.id == party.id
            made = promise(session, case, EACH, date(2026, 3, 25), builders.catalog(), **MEI)
            plans.append(made.plan.reference)
        # One of them is ended before the money comes.
        ended = session.get_one(Plan, int(plans[7].removeprefix("P-")))
        cancel_agreement(session, ended, "the customer moved abroad", builders.catalog(), **MEI)
        before = balances(session)

    # The bank credits one payment, which names no account: it waits.
    with transaction(engine) as session:
        came = Incoming("BK-77", PAID, PLANS * EACH, payer_name="Help with Debt")
        keep_waiting(session, id_of(book_of(session)), [(came, NoMatch("no reference"))], **MEI)
        credit = id_of(session.scalars(select(UnmatchedPayment)).one())

    # The adviser names one of them by the reference of its instalment, with check digits.
    plans[3] = reference_of(int(plans[3].removeprefix("P-")), 1)
    # Its schedule has a line of the ended agreement and one whose amount cannot be read.
    lines = [f"{plan},{'20.0.0' if n == 12 else '20.00'}" for n, plan in enumerate(plans)]
    schedule = "\n".join(["reference,amount", *lines])

    # A schedule that asks for more than was paid is refused whole.
    with pytest.raises(Invalid, match="20.00 CNY more than was paid"), transaction(engine) as session:
        split(session, schedule.replace("20.0.0", "20.00") + f"\n{plans[0]},20.00", credit)
    with transaction(engine) as session:
        assert balances(session) == before

    # Forty-eight parts are posted, each once and to its own account; two wait for a person. Together they are the lump.
    with transaction(engine) as session:
        split(session, schedule, credit)
    with transaction(engine) as session:
        lump = session.scalars(select(LumpPayment)).one()
        sums = sums_of(session, lump)
        assert sums == {
            PartStatus.POSTED: 48 * EACH,
            PartStatus.WAITING: 2 * EACH,
            PartStatus.UNREAD: 0,
            PartStatus.TAKEN_BACK: 0,
        }
        assert sum(sums.values()) == lump.amount_minor == PLANS * EACH
        told = {part.n: part for part in parts_of(session, lump)}
        assert told[9].why == f"Promise to pay {plans[7]} is cancelled since 2026-03-20."
        assert (told[14].status, told[14].reference) == (PartStatus.UNREAD, plans[12])
        assert told[14].why.startswith("amount: ")
        assert told[52].why == "This part of the payment is in no line of the schedule."
        after = balances(session)
        paid = {account for account in before if after[account] != before[account]}
        assert len(paid) == 48
        assert len(session.scalars(select(InstalmentPayment)).all()) == 1
        assert all(after[account] == before[account] - EACH for account in paid)
        unpaid = {session.get_one(Plan, int(plans[n][2:])).customer_id for n in (7, 12)}
        holders = {session.get_one(Account, account).customer_id for account in before if account not in paid}
        assert holders == unpaid
        assert session.get_one(UnmatchedPayment, credit).status is UnmatchedStatus.SPLIT
        case = session.scalars(
            select(CollectionsCase).where(
                CollectionsCase.customer_id == session.get_one(Account, min(paid)).customer_id
            )
        ).one()
        assert case.now_balance_minor == 100_000 - EACH, "lists show what is owed now"

    # The same again changes nothing; another schedule for it is refused.
    with transaction(engine) as session:
        again = split(session, schedule, credit)
        assert not again.is_new  # type: ignore[attr-defined]
        assert balances(session) == after
    with pytest.raises(Conflict, match="was split already"), transaction(engine) as session:
        split(session, schedule + "\n", credit)

    # A person finds whose one waiting part is. The night finds forty-nine promises kept.
    with transaction(engine) as session:
        part = session.scalars(select(LumpPart).where(LumpPart.n == 52)).one()
        waiting = session.get_one(UnmatchedPayment, part.unmatched_id)
        customer_id = session.get_one(Plan, int(plans[12][2:])).customer_id
        account = session.scalars(select(Account).where(Account.customer_id == customer_id)).one()
        match_payment(session, waiting, account, **MEI)
    builders.close_day(engine, TODAY)
    with transaction(engine) as session:
        found = statuses(session)
        assert (found.count(PlanStatus.KEPT), found.count(PlanStatus.CANCELLED)) == (49, 1)

    next_day = {"by": Actor.user("mei"), "now": builders.at(date(2026, 3, 21))}
    # The bank takes the payment back: one act undoes all of it, the part that the person matched as well.
    with transaction(engine) as session:
        lump = get_lump(session, get_adviser(session, "HELP"), id_of(lump), lock=True)
        count = reverse_lump(
            session, lump, "the bank took it back", by=Actor.user("mei"), now=builders.at(date(2026, 3, 21))
        )
        refresh_touched(session, builders.at(date(2026, 3, 21)))
        assert count == 50
    with transaction(engine) as session:
        assert balances(session) == before
        assert statuses(session).count(PlanStatus.ACTIVE) == 49, "a promise that was kept is not any more"
        assert {
            row.status
            for row in session.scalars(select(UnmatchedPayment).where(UnmatchedPayment.id != credit))
        } == {
            UnmatchedStatus.RETURNED,
            UnmatchedStatus.MATCHED,
        }
        assert session.get_one(UnmatchedPayment, credit).status is UnmatchedStatus.WAITING, (
            "it waits whole again"
        )
        sums = sums_of(session, session.scalars(select(LumpPayment)).one())
        assert sums[PartStatus.TAKEN_BACK] == PLANS * EACH
        assert thorough(session, book_of(session)) == []
    with transaction(engine) as session:
        lump = get_lump(session, get_adviser(session, "HELP"), id_of(lump), lock=True)
        with pytest.raises(Conflict, match="taken back already"):
            reverse_lump(session, lump, "again", **next_day)

    # It comes again with a mended schedule: the parts are new payments, and none of the old references is in the way.
    with transaction(engine) as session:
        mended = schedule.replace("20.0.0", "20.00")
        split(session, mended, credit)
        posted = session.scalars(select(Entry.reference).where(Entry.kind == EntryKind.PAYMENT)).all()
        assert sum(reference.startswith("BK-77/2.") for reference in posted) == 49
        assert thorough(session, book_of(session)) == []
