"""Letters of a night beside the contacts of the strategy: deferred, of events, of agreements, to advisers."""

from __future__ import annotations

from itertools import chain

from app.actions.plans.untold import tell_of_untold_ends
from app.casework.plans.models import Plan
from app.core.actor import SYSTEM
from app.core.database.bulk import chunked
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.operations.day.work import Counts, Day
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.agreements.over import over_letters
from app.outreach.planning.agreements.restored import restored_letters
from app.outreach.planning.agreements.resumed import resumed_letters
from app.outreach.planning.agreements.taken_up import taken_up_letters
from app.outreach.planning.batch import PLANNING_HORIZON
from app.outreach.planning.deferred import due_letters
from app.outreach.planning.disputes_told.writing import letters_of_found_payments
from app.outreach.planning.event_letters import letters_of_night, write_deferred, write_event_letters
from app.outreach.planning.instalments.fees_again import fees_letters_of_night
from app.outreach.planning.instalments.reminders import reminders_of_night, write_reminders
from app.outreach.planning.representatives.again import ask_again, letters_to_ask_about
from app.outreach.planning.representatives.ahead import ahead_with_advisers, remind_adviser
from app.outreach.planning.representatives.night import (
    broken_with_advisers,
    ended_with_advisers,
    restored_with_advisers,
    resumed_with_advisers,
)
from app.outreach.planning.representatives.writing import write_to_adviser

CHUNK = 200


def write_letters(day: Day) -> Counts:
    """Before contacts are planned: write deferred letters and the letters of today's events, tell advisers, and let
    agreements remind of themselves. A stage of its own, so that a night that is killed does not read it all again."""
    with reading(day.engine) as session:
        deferred = due_letters(session, id_of(day.portfolio), day.now + PLANNING_HORIZON)
    for ids in deferred:
        for few in chunked(ids, CHUNK):
            with transaction(day.engine) as session:
                write_deferred(session, day.portfolio, few, day.catalog, on=day.on, by=SYSTEM, now=day.now)
    with reading(day.engine) as session:  # one that waited and would be false by now is told otherwise
        happened = letters_of_night(session, day.portfolio, day.on)
        happened += letters_of_found_payments(session, day.portfolio, day.on)
        happened += taken_up_letters(session, day.portfolio, day.on)
        happened += over_letters(session, day.portfolio, day.on, list(chain(*happened)))
        happened += restored_letters(session, day.portfolio, day.on)
        happened += resumed_letters(session, day.portfolio, day.on)
        happened += fees_letters_of_night(session, day.portfolio, day.on, list(chain(*happened)))
    for letters in happened:
        for some in chunked(letters, CHUNK):
            with transaction(day.engine) as session:
                write_event_letters(
                    session, day.portfolio, some, day.catalog, on=day.on, by=SYSTEM, now=day.now
                )
    tell_advisers(day)
    with transaction(day.engine) as session:
        untold = tell_of_untold_ends(session, day.portfolio, day.on, now=day.now)
    reminded = remind_of_agreements(day)
    return {"agreements_reminded": reminded, **({"ends_untold": untold} if untold else {})}


def tell_advisers(day: Day) -> None:
    """Ask about letters to advisers whose wait is over, remind advisers of instalments in the customer's place, and
    tell who made an agreement that it is broken, ended, or was not broken after all. One letter is one transaction."""
    with reading(day.engine) as session:
        waiting = letters_to_ask_about(session, day.portfolio, day.now)
        ahead = ahead_with_advisers(session, day.portfolio, day.on)
        told = [(each, Occasion.BROKEN) for each in broken_with_advisers(session, day.portfolio, day.on)]
        told += [(each, Occasion.ENDED) for each in ended_with_advisers(session, day.portfolio, day.on)]
        told += [(each, Occasion.RESTORED) for each in restored_with_advisers(session, day.portfolio, day.on)]
        told += [(each, Occasion.CHANGED) for each in resumed_with_advisers(session, day.portfolio, day.on)]
    for letter_id in waiting:
        with transaction(day.engine) as session:
            ask_again(session, day.portfolio, letter_id, day.catalog, on=day.on, by=SYSTEM, now=day.now)
    for plan_id, due_on in ahead:
        with transaction(day.engine) as session:
            plan = session.get_one(Plan, plan_id)
            remind_adviser(session, day.portfolio, plan, due_on, day.catalog, on=day.on, now=day.now)
    for plan_id, occasion in told:
        with transaction(day.engine) as session:
            plan = session.get_one(Plan, plan_id)
            write_to_adviser(
                session, day.portfolio, plan, occasion, day.catalog, on=day.on, by=SYSTEM, now=day.now
            )


def remind_of_agreements(day: Day) -> int:
    """An agreement that is kept has reminders of its own; ordinary ones rest meanwhile."""
    with reading(day.engine) as session:
        due = reminders_of_night(session, day.portfolio, day.on)
    reminded = 0
    for some in chunked(due, CHUNK):
        with transaction(day.engine) as session:
            reminded += write_reminders(session, day.portfolio, some, day.catalog, on=day.on, now=day.now)
    return reminded
