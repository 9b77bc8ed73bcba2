"""A hold is one act: whoever places it, the row, its pauses, its event and its letter come together."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.holds import PlacedHold, end_hold, place_hold, review_hold
from app.book.delinquency.days import days_past_due
from app.book.delinquency.lifecycle import end_pause
from app.book.delinquency.models import Pause
from app.book.delinquency.service import fold_accounts, standing_on
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.models import InboundMatch
from app.casework.holds.events import HoldPlaced
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from app.policy.answers import Clearance, Refusals
from tests import builders
from tests.inbound.correspondence import a_customer, the_job, writes

ON = date(2026, 3, 20)
NOW = builders.at(ON)
DAY = timedelta(days=1)
ANN = Actor.user("ann")


def place(session: Session, case: CollectionsCase, kind: HoldKind, until: date = ON + 30 * DAY) -> PlacedHold:
    return place_hold(session, case, kind, "said so", until, builders.catalog(), by=ANN, now=NOW)


def letters(engine: Engine) -> list[str]:
    return [message.letter for message in builders.messages(engine)]


def kinds(engine: Engine) -> list[HoldKind]:
    with transaction(engine) as session:
        return list(session.scalars(select(CaseHold.kind).order_by(col(CaseHold.id))))


# --- what is acknowledged -----------------------------------------------------------------------------------


def test_the_hold_its_event_and_its_letter_are_written_together(engine: Engine) -> None:
    with transaction(engine) as session:
        placed = place(
            session, builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON), HoldKind.DISPUTE
        )
        assert [type(answer) for answer in placed.acknowledgement.values()] == [Clearance]
        [event] = builders.events(session, HoldPlaced.KIND)
        assert (event["hold"], event["by"]) == (placed.hold.id, "user:ann")
    assert letters(engine) == ["dispute_acknowledged"]


@pytest.mark.parametrize("first", [HoldKind.ATTORNEY, HoldKind.DECEASED, HoldKind.BANKRUPTCY])
def test_the_represented_and_the_dead_are_not_written_to(engine: Engine, first: HoldKind) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
        assert place(session, case, first).acknowledgement == {}
        answers = place(session, case, HoldKind.DISPUTE).acknowledgement
        assert {type(answer) for answer in answers.values()} == {Refusals}
    assert letters(engine) == []
    assert kinds(engine) == [first, HoldKind.DISPUTE]


def test_one_message_of_an_attorney_and_a_dispute_places_both_and_is_not_answered(engine: Engine) -> None:
    a_customer(engine)
    writes(engine, "I dispute this debt, talk to my lawyer")
    the_job(engine)
    assert set(kinds(engine)) == {HoldKind.ATTORNEY, HoldKind.DISPUTE}
    assert letters(engine) == []


def test_a_dispute_delivered_twice_and_said_again_is_acknowledged_once(engine: Engine) -> None:
    a_customer(engine)
    assert writes(engine, "I dispute this debt", sid="SM1") is not None
    assert letters(engine) == ["dispute_acknowledged"], "at once, not when a job comes by"
    assert writes(engine, "I dispute this debt", sid="SM1") is None
    writes(engine, "I dispute this debt!", sid="SM2")
    the_job(engine)
    assert letters(engine) == ["dispute_acknowledged"]
    assert kinds(engine) == [HoldKind.DISPUTE]


def test_a_dispute_from_a_shared_number_holds_for_all_and_is_acknowledged_to_none(engine: Engine) -> None:
    a_customer(engine), a_customer(engine)
    writes(engine, "I dispute this debt")
    the_job(engine)
    assert kinds(engine) == [HoldKind.DISPUTE, HoldKind.DISPUTE]
    assert letters(engine) == []
    with transaction(engine) as session:
        assert all(match.hold_id for match in session.scalars(select(InboundMatch)))


# --- one of a kind, and its pauses --------------------------------------------------------------------------


def test_a_second_hold_of_a_kind_is_refused(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
        hold = place(session, case, HoldKind.CEASE_CONTACT).hold
        with pytest.raises(
            Conflict, match="A cease contact hold stands already, to be reviewed by 2026-04-19"
        ):
            place(session, case, HoldKind.CEASE_CONTACT)
        end_hold(session, hold, "withdrawn in writing", "Ann Lee", by=ANN, now=NOW)
        place(session, case, HoldKind.CEASE_CONTACT)


@pytest.mark.parametrize("days", [70, 100])
def test_a_review_moves_the_pauses_of_the_hold_and_no_other(engine: Engine, days: int) -> None:
    with transaction(engine) as session:
        builders.portfolio(session, pack="uk")
        case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
        hold = place(session, case, HoldKind.BREATHING_SPACE, ON + 90 * DAY).hold
        until = ON + days * DAY
        review_hold(session, hold, "the adviser needs another date", until, by=ANN, now=NOW)
        pauses = session.scalars(select(Pause).order_by(col(Pause.from_on))).all()
        assert {pause.hold_id for pause in pauses} == {hold.id}
        assert (pauses[0].from_on, pauses[-1].to_on) == (ON, until)
        assert all(a.to_on == b.from_on for a, b in zip(pauses, pauses[1:], strict=False)), "without a gap"
        end_hold(session, hold, by=ANN, now=NOW + 5 * DAY)
        left = session.scalars(select(Pause)).all()
        assert [(pause.from_on, pause.to_on) for pause in left] == [(ON, ON + 5 * DAY)]


def paused(session: Session) -> list[tuple[int, int | None]]:
    """First and last day of each pause, counted from `ON`."""
    pauses = session.scalars(select(Pause).order_by(col(Pause.id)))
    return [((each.from_on - ON).days, each.to_on and (each.to_on - ON).days) for each in pauses]


def breathing_space(session: Session) -> CaseHold:
    builders.portfolio(session, pack="uk")
    case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
    return place(session, case, HoldKind.BREATHING_SPACE).hold


@pytest.mark.parametrize(
    ("postcode", "typed", "lasts"),
    [
        ("EC1A 1BB", 30, 61),  # SI 2020/1311: sixty days from the day after it is registered
        ("EC1A 1BB", 61, 61),
        ("EC1A 1BB", 62, 62),  # a mental-health crisis lasts longer
        ("EH1 1AA", 61, 184),  # Scotland's own moratorium: six months
    ],
)
def test_a_moratorium_lasts_as_long_as_the_law_says(
    sqlite_engine: Engine, postcode: str, typed: int, lasts: int
) -> None:
    with transaction(sqlite_engine) as session:
        builders.portfolio(session, pack="uk")
        case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON)
        customer = session.get_one(Customer, case.customer_id)
        customer.country, customer.postcode, customer.region = "GB", postcode, ""
        hold = place(session, case, HoldKind.BREATHING_SPACE, ON + typed * DAY).hold
        assert (hold.until - ON).days == lasts
        review_hold(session, hold, "typed wrongly", ON + DAY, by=ANN, now=NOW + DAY)
        assert (hold.until - ON).days == min(lasts, 184 if postcode.startswith("EH") else 61)
        other = place(session, case, HoldKind.HARDSHIP, ON + 10 * DAY).hold
        assert (other.until - ON).days == 10, "no law names its length"


def test_a_hold_that_is_reviewed_again_and_again_pauses_each_day_once(engine: Engine) -> None:
    with transaction(engine) as session:
        hold = breathing_space(session)
        for days in (90, 120, 150):
            review_hold(session, hold, "more time", ON + days * DAY, by=ANN, now=NOW + DAY)
        assert paused(session) == [(0, 61), (61, 90), (90, 120), (120, 150)]
        review_hold(session, hold, "less time", ON + 80 * DAY, by=ANN, now=NOW + DAY)
        review_hold(session, hold, "more again", ON + 100 * DAY, by=ANN, now=NOW + DAY)
        assert paused(session) == [(0, 61), (61, 80), (80, 100)]


def test_a_pause_that_a_person_has_ended_stays_ended_when_its_hold_is_reviewed(engine: Engine) -> None:
    with transaction(engine) as session:
        hold = breathing_space(session)
        [pause] = session.scalars(select(Pause))
        end_pause(session, pause, ON + 5 * DAY, by=ANN, now=NOW + 5 * DAY)
        review_hold(session, hold, "more time", ON + 90 * DAY, by=ANN, now=NOW + 5 * DAY)
        assert paused(session) == [(0, 5)]


def test_a_review_that_comes_late_leaves_no_day_out(engine: Engine) -> None:
    with transaction(engine) as session:
        hold = breathing_space(session)
        review_hold(session, hold, "more time", ON + 90 * DAY, by=ANN, now=NOW + 64 * DAY)
        assert paused(session) == [(0, 61), (61, 90)]


def test_days_past_due_rest_with_the_hold_and_count_again_after_it(engine: Engine) -> None:
    with transaction(engine) as session:
        hold = breathing_space(session)
        [account] = session.scalars(select(Account))
        portfolio = session.scalars(select(Portfolio)).one()

        def late(days: int) -> int:
            on = ON + days * DAY
            fold_accounts(session, portfolio, [id_of(account)], through=on)
            return days_past_due(
                standing_on(session, portfolio, [id_of(account)], on)[id_of(account)].oldest_due_on, on
            )

        assert (late(0), late(10)) == (9, 9), "its first day does not count either"
        end_hold(session, hold, by=ANN, now=NOW + 10 * DAY)
        assert (late(10), late(12)) == (10, 12)
