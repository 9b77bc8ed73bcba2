"""Outcomes of programmes on one book, worked by hand: every figure, every list, and the count from the ledger."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.delinquency.models import ReAge
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.ledger.service import mark_changed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanAccount, PlanInstalment
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.reporting.cohorts.queries import cohorts_of
from app.reporting.cohorts.rules import Curve, Point
from app.reporting.kpis.definitions.flow import FLOW
from app.reporting.kpis.definitions.outcomes.charge_offs import CHARGE_OFFS
from app.reporting.kpis.definitions.outcomes.classes import CLASSES
from app.reporting.kpis.definitions.outcomes.cures import CURES
from app.reporting.kpis.definitions.outcomes.re_ages import RE_AGES
from app.reporting.kpis.definitions.outcomes.schemes import Scheme, schemes
from app.reporting.kpis.definitions.outcomes.settlements import SETTLEMENTS
from app.reporting.kpis.definitions.outcomes.workouts import WORKOUT
from app.reporting.kpis.definitions.overdue import OVERDUE
from app.reporting.kpis.definitions.roll_forward import LINES
from app.reporting.kpis.family import Scope
from app.reporting.kpis.lists.drilldown import figure_slice, total_behind
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.proof.checking import check_accounts, check_day
from app.reporting.kpis.queries import bucket_flows, class_totals, latest_versions, month_roll_forward
from app.reporting.kpis.rules import BucketFlow, Dimension, Part
from app.reporting.kpis.wide import wrong_sums
from tests import builders

FIRST, LAST = date(2026, 1, 31), date(2026, 2, 2)
THEN = FIRST - timedelta(days=91)
"""1 November 2025."""
OUTCOMES = (RE_AGES, CURES, WORKOUT, SETTLEMENTS, CHARGE_OFFS, CLASSES)


def late(session: Session, book: Portfolio, due_on: date, **changes: object) -> Account:
    """A card that owes 1,000.00, of which 100.00 was due on `due_on` and never came."""
    return builders.late_customer(
        session, book, due_on=due_on, minimum=10_000, balance=100_000, **{"full_name": "Anna", **changes}
    )


def re_age(session: Session, card: Account, on: date) -> None:
    session.add(
        ReAge(
            portfolio_id=card.portfolio_id, account_id=id_of(card), on=on, past_due_minor=10_000, rule="us@1 re-age",
            reason="as agreed", by="user:mei", posted_on=on, created_at=builders.at(on),
        )
    )  # fmt: skip
    mark_changed(session, card.portfolio_id, {id_of(card): on})


def again(session: Session, card: Account, due_on: date) -> None:
    """Another 100.00 that is not paid."""
    builders.statement(session, card, due_on - timedelta(days=20), due_on, 10_000)


def agreed(
    session: Session,
    card: Account,
    kind: PlanKind,
    status: PlanStatus,
    accepted_on: date,
    ended_on: date | None,
    total: int,
) -> Plan:
    """An agreement of the card's customer, as it stands now."""
    case = builders.sa.select(CollectionsCase).where(
        builders.col(CollectionsCase.customer_id) == card.customer_id
    )
    found = session.scalar(case)
    if found is None:
        found = CollectionsCase(
            portfolio_id=card.portfolio_id, customer_id=card.customer_id, opened_on=date(2025, 6, 1), past_due_minor=1,
            balance_minor=1, oldest_due_on=date(2025, 6, 1), now_past_due_minor=1, now_balance_minor=1,
        )  # fmt: skip
        session.add(found)
        session.flush()
    made = Plan(
        portfolio_id=card.portfolio_id, case_id=id_of(found), customer_id=card.customer_id, kind=kind, status=status,
        total_minor=total, offered_at=builders.at(accepted_on), offered_by=Actor.user("mei"), accepted_on=accepted_on,
        assess_on=None if ended_on else date(2026, 12, 31),
        ended_on=ended_on,
    )  # fmt: skip
    session.add(made)
    session.flush()
    due_on = ended_on or date(2026, 12, 31)
    session.add(PlanInstalment(plan_id=id_of(made), n=1, due_on=due_on, amount_minor=total))
    return made


def end(session: Session, card: Account, to: AccountStatus, on: date, balance: int) -> None:
    set_status(session, card, to, on, balance, "as decided", by=SYSTEM, now=builders.night_after(on))


def live_through(engine: Engine) -> None:
    """Cards of January 2026, none of which is charged off by itself."""
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=0)
        # Re-aged on 1 October: one is 60 days late 79 days later, one is paid up since.
        for again_on in (date(2025, 10, 20), None):
            card = late(session, book, date(2025, 8, 20))
            re_age(session, card, date(2025, 10, 1))
            if again_on:
                again(session, card, again_on)
        # Past due by 20 days at the end of December, re-aged on 10 January.
        re_age(session, late(session, book, date(2025, 12, 11)), date(2026, 1, 10))
        # Paid on 1 November: one is late again by 35 days in December, one by 12 days, one never.
        for again_on, paid_on in (
            (date(2025, 11, 10), date(2025, 12, 15)),
            (date(2025, 11, 10), date(2025, 11, 22)),
            (None, None),
        ):
            card = late(session, book, date(2025, 10, 10))
            builders.payment(session, card, 10_000, THEN)
            if again_on and paid_on:
                again(session, card, again_on)
                builders.payment(session, card, 10_000, paid_on)
        # 45, 100, 130 and 190 days past due.
        cards = [late(session, book, FIRST - timedelta(days=days)) for days in (45, 100, 130, 190)]
        # Charged off on 12 January with 1,000.00; 150.00 came since.
        lost = late(session, book, date(2025, 9, 1))
        end(session, lost, AccountStatus.CHARGED_OFF, date(2026, 1, 12), 100_000)
        builders.payment(session, lost, 15_000, date(2026, 1, 20))
        # Settled on 15 January: 600.00 was paid of 1,000.00.
        settled = late(session, book, date(2025, 11, 20))
        builders.payment(session, settled, 60_000, date(2026, 1, 14))
        end(session, settled, AccountStatus.SETTLED, date(2026, 1, 15), 40_000)
        kept = agreed(
            session,
            settled,
            PlanKind.SETTLEMENT,
            PlanStatus.KEPT,
            date(2026, 1, 5),
            date(2026, 1, 15),
            60_000,
        )
        session.add(PlanAccount(plan_id=id_of(kept), account_id=id_of(settled)))
        # Workouts: two entered in January, one since broken; one of autumn was kept, one cancelled; one ended long ago.
        for kind, status, accepted_on, ended_on in (
            (PlanKind.HARDSHIP, PlanStatus.ACTIVE, date(2026, 1, 9), None),
            (PlanKind.INSTALMENTS, PlanStatus.BROKEN, date(2026, 1, 3), date(2026, 1, 30)),
            (PlanKind.INSTALMENTS, PlanStatus.KEPT, date(2025, 10, 3), date(2026, 1, 22)),
            (PlanKind.INSTALMENTS, PlanStatus.CANCELLED, date(2025, 10, 4), date(2026, 1, 23)),
            (PlanKind.INSTALMENTS, PlanStatus.KEPT, date(2025, 6, 4), date(2025, 11, 2)),
            (PlanKind.PROMISE, PlanStatus.KEPT, date(2026, 1, 4), date(2026, 1, 20)),
        ):
            agreed(session, cards[0], kind, status, accepted_on, ended_on, 10_000)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, LAST)


BY_HAND = {
    "re_default_rate_3m": (1, 2),
    "re_default_rate_6m": (0, 0),
    "re_default_rate_12m": (0, 0),
    "cure_persistence_3m": (2, 3),
    "cure_persistence_6m": (0, 0),
    "cure_persistence_12m": (0, 0),
    "workout_entry_rate": (2, 4),
    "workout_exit_rate": (3, 4),
    "workout_success_rate": (1, 3),
    "workout_failure_rate": (1, 3),
    "settlement_yield": (60_000, 100_000),
    "charge_off_recovered_rate": (15_000, 100_000),
    "net_charge_off_rate": (85_000, 100_000),
    # Past due at the end of December: those of 45, 100, 130 and 190 days, the re-aged of January, the one that failed
    # its re-age, the charged-off and the settled one.
    "re_aged_rate": (1, 8),
    "re_aged_rate_balance": (100_000, 800_000),
    # All twelve cards, three of which had paid 100.00, one of these twice more.
    "charge_off_rate": (100_000, 1_150_000),
}


def test_outcomes_by_hand(engine: Engine) -> None:
    live_through(engine)
    with reading(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        tiles = latest_versions(session, id_of(book), FIRST)
        assert {kpi: tiles[kpi, "", ""][1:] for kpi in BY_HAND} == BY_HAND
        for scheme, classes in {
            Dimension.US_FFIEC: {"Not classified": 1, "Substandard": 3, "Loss": 1},
            Dimension.CN_CARD: {"Special mention": 1, "Substandard": 2, "Doubtful": 1, "Loss": 1},
            Dimension.CN_GENERAL: {"Special mention": 1, "Substandard": 4},
            Dimension.IN_RBI: {"SMA-1": 1, "NPA": 4},
        }.items():
            found = {
                member: pair[1]
                for (kpi, dimension, member), pair in tiles.items()
                if (kpi, dimension) == ("supervisory_class_accounts", scheme)
            }
            assert found == classes, scheme
        # The last re-age's card is 103 days late by its new due date: 4 of 5 late ones are classified.
        assert tiles["classified_rate_cn_card", "", ""][1] == 400_000
        _check_roll_forward(session, book)
        [cohort] = cohorts_of(session, book, Curve.CHARGE_OFF, LAST)
        assert (cohort.month, cohort.points) == (
            "2026-01", [Point(FIRST, 0, 15_000, 100_000), Point(LAST, 1, 15_000, 100_000)]
        )  # fmt: skip
        assert class_totals(session, book, FIRST, Dimension.CN_CARD)["Doubtful"] == (1, 100_000)
        for on in (FIRST, LAST):
            _check_lists(session, book, on)
            assert check_day(session, Scope(book), on) == []
        accounts = sorted(session.scalars(builders.sa.select(builders.col(Account.id))))
        assert check_accounts(session, Scope(book), FIRST, accounts) == []
        families = (*OUTCOMES, FLOW, OVERDUE)
        wide, history = (
            measured_figures(session, families, each, LAST) for each in (Scope(book, LAST), Scope(book))
        )
        assert wide == history
        assert wrong_sums(session, book) == 0
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        row = builders.sa.text(
            "UPDATE kpi_snapshot SET numerator = numerator + 1 WHERE kpi = 'supervisory_class_accounts' "
            "AND dimension = 'cn_card' AND member = 'Loss' AND business_date = :on"
        )
        session.connection().execute(row, {"on": str(FIRST) if engine.name == "sqlite" else FIRST})
        [found_wrong] = check_day(session, Scope(book), FIRST)
        assert str(found_wrong) == "supervisory_class_accounts, Loss: 2 / 1 is stored, the ledger gives 1 / 1"


def _check_roll_forward(session: Session, book: Portfolio) -> None:
    """January by hand, from 100.00 a card; and each amount is the sum of its list."""
    flows = bucket_flows(session, book, FIRST)
    assert flows == {
        "current": BucketFlow(),
        "1-29": BucketFlow(opening=20_000, moved_out=10_000, adjusted=10_000),
        "30-59": BucketFlow(opening=10_000, moved_in=10_000, cured=10_000, closing=10_000),
        "60-89": BucketFlow(opening=20_000, moved_out=20_000),
        "90-119": BucketFlow(opening=10_000, moved_in=20_000, moved_out=10_000, closing=20_000),
        "120-149": BucketFlow(opening=10_000, moved_in=10_000, adjusted=10_000, closing=10_000),
        "150-179": BucketFlow(opening=10_000, moved_out=10_000),
        "180+": BucketFlow(moved_in=10_000, closing=10_000),
    }
    assert all(flow.closes for flow in flows.values())
    for bucket, flow in flows.items():
        for line in LINES:
            asked = figure_slice(
                session, book, f"roll_forward_{line}", FIRST, dimension="bucket", member=bucket
            )
            assert total_behind(session, asked)[1] == getattr(flow, line), (bucket, line)
    whole, month = sum(flows.values(), BucketFlow()), month_roll_forward(session, id_of(book), FIRST)
    assert (whole.opening, whole.fell, whole.cured + whole.paid, whole.adjusted, whole.closing) == (
        month.start, month.fell_past_due, month.paid, month.adjusted, month.end,
    )  # fmt: skip


def _check_lists(session: Session, book: Portfolio, on: date) -> None:
    """Each tile of a family of outcomes is the sum of its list; so is each slice by a member of its own."""
    names = {each.name: family for family in OUTCOMES for each in family.definitions}
    for (kpi, dimension, member), (_, *pair) in latest_versions(session, id_of(book), on).items():
        if kpi in names and (not dimension or Dimension(dimension) in names[kpi].own):
            for part, expected in zip(Part, pair, strict=True):
                asked = figure_slice(session, book, kpi, on, dimension=dimension, member=member, part=part)
                assert total_behind(session, asked)[1] == expected, (on, kpi, dimension, member, part)


@pytest.mark.parametrize(
    ("scheme", "days", "expected"),
    [
        (Dimension.US_FFIEC, 89, "Not classified"), (Dimension.US_FFIEC, 90, "Substandard"),
        (Dimension.US_FFIEC, 180, "Loss"), (Dimension.CN_CARD, 90, "Special mention"),
        (Dimension.CN_CARD, 91, "Substandard"), (Dimension.CN_CARD, 120, "Substandard"),
        (Dimension.CN_CARD, 121, "Doubtful"), (Dimension.CN_CARD, 180, "Doubtful"), (Dimension.CN_CARD, 181, "Loss"),
        (Dimension.CN_GENERAL, 270, "Substandard"), (Dimension.CN_GENERAL, 360, "Doubtful"),
        (Dimension.CN_GENERAL, 361, "Loss"), (Dimension.IN_RBI, 29, "SMA-0"), (Dimension.IN_RBI, 30, "SMA-1"),
        (Dimension.IN_RBI, 59, "SMA-1"), (Dimension.IN_RBI, 60, "SMA-2"), (Dimension.IN_RBI, 89, "SMA-2"),
        (Dimension.IN_RBI, 90, "NPA"),
        (Dimension.IN_RBI, 0, ""),
    ],
)  # fmt: skip
def test_classes_begin_where_their_text_says(scheme: Dimension, days: int, expected: str) -> None:
    assert schemes()[scheme].class_of(days) == expected


@pytest.mark.parametrize(
    ("days", "classified_from", "sentence"),
    [([2, 9], 9, "begin on day 1"), ([1, 9, 9], 9, "each later"), ([1, 9], 8, "no class begins on day 8")],
)
def test_a_scheme_that_makes_no_sense_is_refused(
    days: list[int], classified_from: int, sentence: str
) -> None:
    classes = [{"name": f"Class {n}", "from_day": day} for n, day in enumerate(days)]
    with pytest.raises(ValidationError, match=sentence):
        Scheme.model_validate(
            {
                "dimension": "us_ffiec", "title": "Ours", "citation": "-", "source": "-", "verified": True,
                "classified_from": classified_from, "classes": classes,
            }
        )  # fmt: skip


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2021, 4, 30), "SMA-1"), (date(2021, 5, 30), "SMA-2"), (date(2021, 6, 29), "NPA")],
)
def test_the_example_of_the_reserve_bank(on: date, expected: str) -> None:
    """Due on 31 March 2021; each class begins on that day and not on the one before."""
    scheme, days = schemes()[Dimension.IN_RBI], (on - date(2021, 3, 31)).days
    assert scheme.class_of(days) == expected
    assert scheme.class_of(days - 1) != expected
