"""A support need acts from the moment it is recorded, says nothing of why, and takes with it what it placed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.calls import CallReport, log_call
from app.actions.holds import end_hold, end_treatment, place_hold, review_hold
from app.actions.people.contact_data import add_point
from app.actions.people.retention import forget_needs
from app.actions.people.support_needs import (
    disclose_needs,
    end_need,
    keep_support_need,
    raise_reviews,
    record_need,
    seen_hold,
)
from app.actions.preferences import take_back_preference
from app.book.customers.contact_points import NewPoint
from app.book.customers.models import ContactPoint, WithheldPlace
from app.book.customers.rules import PointKind, PointType
from app.book.delinquency.models import Pause
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.holds.queries import hold_of_kind, open_holds_of
from app.casework.holds.service import end_due_holds
from app.casework.results.choices import CHOICES
from app.casework.results.rules import CallField
from app.casework.support_needs.catalog import support_needs
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Audience, Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.outreach.gate.preferences import open_preferences
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import review
from tests import builders

ON = date(2026, 6, 1)
NOW = builders.at(ON)
BY: Any = {"by": Actor.user("ben"), "now": NOW}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)


def a_need(session: Session, case: CollectionsCase, code: str, **changes: Any) -> SupportNeed:
    places = changes.pop("places", ())
    new = NewNeed(**{"code": code, "basis": Basis.CONSENT, "told_by": ToldBy.CUSTOMER, **changes})
    return record_need(session, case, new, builders.catalog(), places=places, **BY)


def ask(session: Session, case: CollectionsCase, channel: Channel, hour: int, day: date = ON) -> Answer:
    customer = session.get_one(Customer, case.customer_id)
    pack = packs_for(session.get_one(Portfolio, case.portfolio_id), customer)
    at = builders.at(day, hour)
    facts = gather_facts(session, [customer], pack, now=at)[case.customer_id]
    return review(Contact(channel, Purpose.REMINDER, address_of(customer, channel)), facts, pack, at)


def in_britain(session: Session, case: CollectionsCase) -> None:
    customer = session.get_one(Customer, case.customer_id)
    session.get_one(Portfolio, case.portfolio_id).pack = "uk"
    customer.country, customer.timezone = "GB", "Europe/London"
    session.flush()


# --- effects ------------------------------------------------------------------------------------------------------


def test_no_evening_calls_moves_the_next_call(session: Session, case: CollectionsCase) -> None:
    assert isinstance(ask(session, case, Channel.CALL, 18), Clearance)
    need = a_need(session, case, "no_evening_calls")
    assert isinstance(ask(session, case, Channel.CALL, 16), Clearance)
    answer = ask(session, case, Channel.CALL, 18)
    assert isinstance(answer, WaitUntil)
    assert answer.at == builders.at(ON + timedelta(days=1), 8), (
        "the next morning, when calls may be made at all"
    )
    assert isinstance(ask(session, case, Channel.SMS, 18), Clearance), "it is about calls alone"
    end_need(session, case, id_of(need), "works mornings now", **BY, role=Role.AGENT)
    assert isinstance(ask(session, case, Channel.CALL, 18), Clearance)


@pytest.mark.parametrize(
    ("code", "closed"),
    [
        ("no_calls", {Channel.CALL}),
        ("letters_only", {Channel.CALL, Channel.SMS, Channel.EMAIL}),
        ("no_print", {Channel.POST}),
        ("large_print", set()),
    ],
)
def test_channels_that_a_need_closes(
    session: Session, case: CollectionsCase, code: str, closed: set[Channel]
) -> None:
    a_need(session, case, code)
    refused = {c for c in Channel if isinstance(ask(session, case, c, 12), Refusals)}
    assert refused == closed, "a closed channel is refused, not postponed to midnight"


def test_it_ends_only_what_it_placed(session: Session, case: CollectionsCase) -> None:
    first, second = a_need(session, case, "no_calls"), a_need(session, case, "no_evening_calls")
    end_need(session, case, id_of(first), "can be called", **BY, role=Role.AGENT)
    [left] = open_preferences(session, case.customer_id)
    assert (left.need_id, left.start_minute) == (second.id, 17 * 60)


def test_a_hold_comes_and_goes_with_it(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "no_demands")
    [hold] = open_holds_of(session, case.customer_id)
    assert (hold.kind, hold.for_good, hold.need_id) == (HoldKind.VULNERABLE, True, need.id)
    book = session.get_one(Portfolio, case.portfolio_id)
    assert end_due_holds(session, book, hold.until + timedelta(days=5), now=NOW) == 0, "no date ends it"
    assert isinstance(ask(session, case, Channel.SMS, 12, hold.until + timedelta(days=9)), Refusals)
    end_need(session, case, id_of(need), "the creditor decided", **BY, role=Role.AGENT)
    assert open_holds_of(session, case.customer_id) == []


def test_a_hold_that_stood_before_stays(session: Session, case: CollectionsCase) -> None:
    until = ON + timedelta(days=90)
    place_hold(session, case, HoldKind.VULNERABLE, "asked us", until, builders.catalog(), **BY)
    need = a_need(session, case, "bereavement")
    end_need(session, case, id_of(need), "asked us to go on", **BY, role=Role.AGENT)
    assert [hold.until for hold in open_holds_of(session, case.customer_id)] == [until]


@pytest.mark.parametrize("first", ["need", "hold"])
def test_the_end_of_an_ordinary_hold_leaves_the_hold_of_an_unseen_need(
    session: Session, case: CollectionsCase, first: str
) -> None:
    """Whichever came first: an agent who may not see the need reviews and ends their own hold, and the gate refuses."""
    manager: Any = {"by": Actor.user("mei"), "now": NOW}

    def place() -> None:
        until = ON + timedelta(days=14)
        place_hold(session, case, HoldKind.VULNERABLE, "asked us", until, builders.catalog(), **BY)

    if first == "hold":
        place()
    new = NewNeed("no_demands", Basis.CONSENT, ToldBy.CUSTOMER)
    need = record_need(session, case, new, builders.catalog(), **manager)
    if first == "need":
        place()
    own = hold_of_kind(session, case.customer_id, HoldKind.VULNERABLE)
    assert own is not None
    assert own.need_id is None
    [unseen] = [each for each in open_holds_of(session, case.customer_id) if each.need_id is not None]
    with pytest.raises(Conflict, match="see Support needs") as refused:
        end_hold(session, unseen, "guessed", "Ben", **BY)
    assert "demand" not in refused.value.message
    with pytest.raises(Conflict, match="see Support needs"):
        review_hold(session, unseen, "guessed", ON + timedelta(days=1), **BY)
    review_hold(session, own, "talked to them", ON + timedelta(days=7), **BY)
    end_hold(session, own, "they asked for it", **BY)
    assert open_holds_of(session, case.customer_id) == [unseen]
    assert isinstance(ask(session, case, Channel.SMS, 12, ON + timedelta(days=1)), Refusals)
    place()
    book = session.get_one(Portfolio, case.portfolio_id)
    assert end_due_holds(session, book, ON + timedelta(days=14), now=NOW) == 1, "the agent's own, by its date"
    assert isinstance(ask(session, case, Channel.SMS, 12, ON + timedelta(days=15)), Refusals)
    end_need(session, case, id_of(need), "the creditor decided", **manager, role=Role.MANAGER)
    assert open_holds_of(session, case.customer_id) == []


def test_what_a_need_placed_is_not_taken_back_beside_it(session: Session, case: CollectionsCase) -> None:
    a_need(session, case, "no_evening_calls", audience=Audience.MANAGERS)
    [placed] = open_preferences(session, case.customer_id)
    with pytest.raises(Conflict, match="see Support needs"):
        take_back_preference(session, case.customer_id, id_of(placed), reason="guessed", **BY)
    assert open_preferences(session, case.customer_id) == [placed]


def test_events_say_nothing_of_it(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "custody", note="post opened by others")
    end_need(session, case, id_of(need), "back home", **BY, role=Role.AGENT)
    told = session.scalars(select(Event.data).where(Event.customer_id == case.customer_id)).all()
    for word in ("custody", "opened by others", "back home"):
        assert not any(word in data for data in told), word


# --- what may be recorded -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "measles"}, "code"),
        ({"note": "has depression"}, "note"),
        ({"note": "患有抑鬱症"}, "note"),
        ({"note": "x" * 121}, "note"),
        ({"told_by": ToldBy.RELATIVE}, "basis"),
        ({"basis": Basis.UNCONFIRMED}, "basis"),
        ({"review_on": ON}, "review_on"),
        ({"review_on": ON + timedelta(days=367)}, "review_on"),
        ({"code": "safe_contact"}, "places"),
        ({"places": ["phone"]}, "places"),
        ({"code": "crisis_moratorium"}, "code"),
    ],
)
def test_what_is_refused_beside_its_field(
    session: Session, case: CollectionsCase, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused, session.begin_nested():
        a_need(session, case, **{"code": "extra_time", **changes})
    assert refused.value.field == field
    assert session.scalars(select(SupportNeed)).all() == []


def test_a_need_is_on_file_once(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "no_calls")
    with pytest.raises(Conflict):
        a_need(session, case, "no_calls")
    other = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
    with pytest.raises(NotFound):
        end_need(session, other, id_of(need), "not theirs", **BY, role=Role.AGENT)


def test_a_need_for_managers_is_no_agents_to_touch(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "bereavement", audience=Audience.MANAGERS)
    [hold] = open_holds_of(session, case.customer_id)
    other: Any = {"by": Actor.user("ann"), "now": NOW}
    for role, actor in ((Role.AGENT, other), (Role.LEGAL, other)):
        with pytest.raises(NotFound):
            end_need(session, case, id_of(need), "guessed", role=role, **actor)
        with pytest.raises(NotFound):
            keep_support_need(session, case, id_of(need), role=role, **actor)
        with pytest.raises(NotFound):
            seen_hold(session, case, id_of(hold), role, actor["by"])
    assert seen_hold(session, case, id_of(hold), Role.MANAGER, other["by"]) is hold
    assert seen_hold(session, case, id_of(hold), Role.AGENT, BY["by"]) is hold, "they wrote it down"
    keep_support_need(session, case, id_of(need), role=Role.MANAGER, **other)
    end_need(session, case, id_of(need), "a manager looked", role=Role.MANAGER, **other)
    assert need.ended_at is not None


def test_what_another_person_told_is_confirmed_soon(session: Session, case: CollectionsCase) -> None:
    told = {"basis": Basis.UNCONFIRMED, "told_by": ToldBy.RELATIVE}
    need = a_need(session, case, "no_calls", **told)
    assert need.review_on <= ON + timedelta(days=30)
    assert isinstance(ask(session, case, Channel.CALL, 12), Refusals), "it protects them meanwhile"
    [task] = session.scalars(select(StrategyTask).where(StrategyTask.case_id == case.id)).all()
    assert task.text == "Ask the customer about what another person told us", "it says nothing of the need"
    keep_support_need(session, case, id_of(need), basis=Basis.CONSENT, **BY, role=Role.AGENT)
    assert (need.basis, need.review_on) == (Basis.CONSENT, ON + timedelta(days=180))


def test_the_night_asks_for_a_review_once(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "extra_time", review_on=ON + timedelta(days=10))
    book = session.get_one(Portfolio, case.portfolio_id)
    nights = [raise_reviews(session, book, ON + timedelta(days=n), now=NOW) for n in (8, 9, 10, 23, 24)]
    assert nights == [0, 1, 0, 0, 1], "on the day, and again when nobody looked for fifteen days"
    keep_support_need(session, case, id_of(need), **BY, role=Role.AGENT)
    assert raise_reviews(session, book, ON + timedelta(days=60), now=NOW) == 0


def test_a_look_from_outside_is_on_record(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "carer_present", audience=Audience.MANAGERS)
    with pytest.raises(Invalid) as refused:
        disclose_needs(session, case, " ", **BY)
    assert refused.value.field == "reason"
    assert disclose_needs(session, case, "the court asks how to serve papers", **BY) == [need]
    [told] = builders.events(session, "arrangement.disclosed")
    assert (told["reason"], told["needs"]) == ("the court asks how to serve papers", [need.id])


def test_an_ended_need_is_forgotten(session: Session, case: CollectionsCase) -> None:
    need = a_need(session, case, "safe_contact", places=["phone"])
    a_need(session, case, "large_print")
    end_need(session, case, id_of(need), "moved", **BY, role=Role.AGENT)
    late = NOW + timedelta(days=365 * 40)
    assert forget_needs(session, by=SYSTEM, now=NOW + timedelta(days=30)) == 0
    assert forget_needs(session, by=SYSTEM, now=late) == 1
    assert session.scalars(select(SupportNeed.code)).all() == ["large_print"], "one that stands is kept"
    assert session.scalars(select(WithheldPlace)).all() == []


# --- withheld places ----------------------------------------------------------------------------------------------


def test_a_withheld_address_is_gone(session: Session, case: CollectionsCase) -> None:
    customer = session.get_one(Customer, case.customer_id)
    street, phone = customer.address_line1, customer.mobile
    work = NewPoint(PointKind.PHONE, PointType.OTHER, "+8613900001111")
    add_point(session, customer, work, by=BY["by"], now=NOW)
    need = a_need(session, case, "safe_contact", places=["address", "phone"])
    session.refresh(customer)
    assert (customer.address_line1, customer.city, customer.mobile) == ("", "", "")
    assert (customer.country, customer.postcode) == ("CN", "200"), "the law of where they live stays known"
    assert isinstance(ask(session, case, Channel.POST, 12), Refusals)
    assert not any(street in row.value for row in session.scalars(select(ContactPoint)))
    told = session.scalars(select(Event.data).where(col(Event.kind).like("%withheld%"))).all()
    assert told
    assert not any(street in data or phone in data for data in told)
    again = NewPoint(PointKind.PHONE, PointType.MOBILE, phone)
    with pytest.raises(Conflict, match="withheld"):
        add_point(session, customer, again, by=BY["by"], now=NOW)
    end_need(session, case, id_of(need), "asked for it", **BY, role=Role.AGENT)
    add_point(session, customer, again, by=BY["by"], now=NOW)


# --- a moratorium in a crisis -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("treated", "today", "ends"), [(40, 40, 71), (40, 60, 71), (20, 60, None)])
def test_a_crisis_moratorium_ends_thirty_days_after_the_treatment(
    session: Session, case: CollectionsCase, treated: int, today: int, ends: int | None
) -> None:
    """SI 2020/1311 reg 32: 30 days from the day on which the treatment ends; interest and fees rest so long."""
    in_britain(session, case)
    need = a_need(session, case, "crisis_moratorium", basis=Basis.SAFEGUARDING, told_by=ToldBy.PROFESSIONAL)
    [hold] = open_holds_of(session, case.customer_id)
    [pause] = session.scalars(select(Pause)).all()
    assert (hold.kind, hold.for_good, hold.need_id, pause.to_on) == (
        HoldKind.BREATHING_SPACE, True, need.id, None,
    )  # fmt: skip
    book = session.get_one(Portfolio, case.portfolio_id)
    assert end_due_holds(session, book, ON + timedelta(days=35), now=NOW) == 0
    now = builders.at(ON + timedelta(days=today))
    until = end_treatment(
        session, hold, ON + timedelta(days=treated), "the team told us", by=BY["by"], now=now
    )
    session.refresh(pause)
    assert until == ON + timedelta(days=treated + 31)
    if ends is None:
        assert (hold.ended_at, pause.to_on) == (now, ON + timedelta(days=today))
        return
    assert (hold.ended_at, hold.for_good, hold.until, pause.to_on) == (None, False, until, until)
    assert end_due_holds(session, book, until - timedelta(days=2), now=now) == 0
    assert end_due_holds(session, book, until - timedelta(days=1), now=now) == 1, "back in the queue"


def test_a_treatment_that_cannot_have_ended(session: Session, case: CollectionsCase) -> None:
    in_britain(session, case)
    a_need(session, case, "crisis_moratorium", basis=Basis.SAFEGUARDING, told_by=ToldBy.PROFESSIONAL)
    [hold] = open_holds_of(session, case.customer_id)
    for day in (ON + timedelta(days=1), ON - timedelta(days=1)):
        with pytest.raises(Invalid) as refused:
            end_treatment(session, hold, day, "the team told us", **BY)
        assert refused.value.field == "treated_until"
    standard = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
    in_britain(session, standard)
    kind, until = HoldKind.BREATHING_SPACE, ON + timedelta(days=5)
    placed = place_hold(session, standard, kind, "registered", until, builders.catalog(), **BY)
    assert placed.hold.until == ON + timedelta(days=61), "a standard one has its own end in law"
    with pytest.raises(Conflict):
        end_treatment(session, placed.hold, ON, "the team told us", **BY)


# --- told in a call -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("consent", "recorded"), [("yes", ["no_evening_calls"]), ("no", [])])
def test_a_need_that_is_told_in_a_call(
    session: Session, case: CollectionsCase, consent: str, recorded: list[str]
) -> None:
    texts = {CallField.CONSENT: consent, CallField.SUPPORT_TYPE: "no_evening_calls"}
    log_call(session, case, CallReport("support_need", texts=texts), builders.catalog(), is_sure=True, **BY)
    found = session.scalars(select(SupportNeed)).all()
    assert [need.code for need in found] == recorded
    assert all((need.basis, need.told_by) == (Basis.CONSENT, ToldBy.CUSTOMER) for need in found)
    told = session.scalars(select(Event.data).where(Event.customer_id == case.customer_id)).all()
    assert not any("evening" in data for data in told)


def test_the_needs_of_a_call_are_of_the_list() -> None:
    known = support_needs()
    for code, label in CHOICES[CallField.SUPPORT_TYPE].items():
        need = known[code]
        assert (need.label, need.by_law, need.withholds) == (label, False, False)
