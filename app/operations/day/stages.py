"""The stages of a business day, in order. A stage that is killed and run again does nothing twice.

The order matters: debts first, then promises and plans, then cases, then contacts, then the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel import Session

from app.actions.accounts.reversals import break_undone_settlements
from app.actions.complaints.night import (
    holding_letters_due,
    mark_overdue,
    overdue_complaints,
    write_holding_letters,
)
from app.actions.disputes.found import end_paid_disputes, payments_found
from app.actions.negotiation.sending import end_shown_offers
from app.actions.people.authorities import tell_of_ended_authorities
from app.actions.people.support_needs import raise_reviews
from app.actions.plans.earlier_money import tell_of_earlier_money
from app.actions.plans.promised_rates import cases_with_rate_to_raise, tell_of_promised_rates
from app.actions.plans.reviews import give_reviews
from app.actions.plans.taken_up import tell_of_returned_payments
from app.actions.plans.with_legal import tell_of_paid_settlements, tell_of_plans_paid_in_time
from app.actions.results.claims import claimants, settle_claims
from app.book.charges.service import accounts_to_charge, catch_up, charge_interest, charge_late_fees
from app.book.delinquency.lifecycle import accounts_to_charge_off, charge_off, fall_dormant, reopen_paid, wake
from app.book.delinquency.models import AccountState, Movement, Spell
from app.book.delinquency.service import (
    CHUNK,
    fold_accounts,
    schedule_later_changes,
    stale_accounts,
    take_in_new_accounts,
)
from app.book.ledger.ends.recoveries import recovered_accounts, reinstate_recoveries
from app.book.ledger.positions import reconcile_positions
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import DelinquencySource
from app.casework.assignment.nightly import assign_cases, cover_cases
from app.casework.cases.figures import refresh_tomorrow
from app.casework.cases.models import CollectionsCase
from app.casework.cases.nightly import (
    open_cases,
    review_cases,
)
from app.casework.disputes.queries import cases_with_dispute
from app.casework.disputes.service import release_due
from app.casework.holds.service import end_due_holds
from app.casework.plans.offers import expire_offers
from app.casework.plans.queries import cases_with_live_plan, cases_with_settlement_offer
from app.casework.plans.restoration.service import restore_plans
from app.casework.plans.rests.service import end_rests
from app.casework.plans.tracking.assessment import assess_due
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import chunked, refresh_statistics
from app.core.database.engine import reading, retrying, transaction
from app.core.ids import id_of
from app.core.timeline.models import Event, StreamHead
from app.core.timeline.service import lock_customers
from app.legal.referrals.nominations import nominate_cases
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from app.operations.day.letters import write_letters
from app.operations.day.runs import note_restated, run_of
from app.operations.day.satisfaction import ask_about_satisfaction
from app.operations.day.work import Counts, Day
from app.operations.invariants.checks import Violation, quick
from app.operations.thresholds.service import judge
from app.outreach.duties.making import make_duties
from app.outreach.duties.settling import settle_duties
from app.outreach.duties.writing import owed_letters_in_batches, write_owed
from app.outreach.planning.nightly import plan_night
from app.outreach.strategy.due_steps import cases_to_contact
from app.outreach.strategy.tasks import drop_tasks
from app.policy.composition import pack_of
from app.reporting.experiments.service import end_by_rule
from app.reporting.kpis.buckets import keep_buckets, restate_buckets
from app.reporting.kpis.models import StandingNight
from app.reporting.kpis.proof.restatements import mark_entries_seen
from app.reporting.kpis.service import restate, take_snapshot
from app.reporting.kpis.slices import refresh_slices
from app.reporting.kpis.wide import refresh_standings, standing_accounts

log = structlog.get_logger("desk.day")

CHARGED_OFF_AT_ONCE = 200
LARGE = 20_000
"""Accounts from which on figures are measured by two sessions at once."""
MANY = 2000
"""Rows from which on a stage tells the query planner what it wrote."""


def charge(day: Day) -> Counts:
    """Before aging: reinstate the recovered part of charged-off accounts; where the ledger is kept here, charge
    interest and late fees."""
    with transaction(day.engine) as session:
        recovered = recovered_accounts(session, id_of(day.portfolio))
        counts = {"reinstated": reinstate_recoveries(session, id_of(day.portfolio), recovered, now=day.now)}
    if not day.portfolio.accrues:
        return counts
    caps, totals = pack_of(day.portfolio).charges, Counter[str]()
    with reading(day.engine) as session:
        late = stale_accounts(session, id_of(day.portfolio), day.on - timedelta(days=1))
    for ids in chunked(late, CHUNK):
        with transaction(day.engine) as session:
            posted = catch_up(session, day.portfolio, caps, ids, day.on, now=day.now)
            note_restated(session, day.portfolio, day.on, posted.restated_from)
        totals.update(interest=posted.interest, corrections=posted.corrections)
    with reading(day.engine) as session:
        owing = accounts_to_charge(session, day.portfolio, day.on)
    for ids in chunked(owing, CHUNK):
        with transaction(day.engine) as session:
            posted = charge_interest(session, day.portfolio, caps, ids, day.on, now=day.now)
        totals.update(interest=posted.interest)
    with transaction(day.engine) as session:
        fees = charge_late_fees(session, day.portfolio, caps, day.on, now=day.now)
    totals.update(late_fees=fees.late_fees)
    return {**counts, **totals}


def age(day: Day) -> Counts:
    """Fold accounts that something happened to; chunk by chunk, so that a kill loses at most a chunk's work."""
    with reading(day.engine) as session:
        stale = stale_accounts(session, id_of(day.portfolio), day.on)
    is_reported = day.portfolio.source is DelinquencySource.REPORTED
    for ids in chunked(stale, CHUNK):
        with transaction(day.engine) as session:
            if is_reported:
                reconcile_positions(session, day.portfolio, ids, now=day.now)
            note_restated(
                session, day.portfolio, day.on, fold_accounts(session, day.portfolio, ids, through=day.on)
            )
    with transaction(day.engine) as session:
        new = take_in_new_accounts(session, id_of(day.portfolio), day.on)
        schedule_later_changes(session, id_of(day.portfolio), day.on)
    if len(stale) + new > MANY:
        refresh_statistics(day.engine, AccountState, Spell, Movement)
    return {"accounts": len(stale), "new": new}


def end_accounts(day: Day) -> Counts:
    """Charge off accounts that are too late, make unused ones dormant and used ones active again."""
    with reading(day.engine) as session:
        old = accounts_to_charge_off(session, day.portfolio, day.on)
    charged_off = 0
    for ids in chunked(old, CHARGED_OFF_AT_ONCE):
        with transaction(day.engine) as session:
            charged_off += charge_off(session, day.portfolio, ids, day.on, now=day.now)
    with transaction(day.engine) as session:
        owing = reopen_paid(session, day.portfolio, day.on, now=day.now)
        woken = wake(session, day.portfolio, day.on, now=day.now)
        dormant = fall_dormant(session, day.portfolio, day.on, now=day.now)
    return {"charged_off": charged_off, "woken": woken, "dormant": dormant, "reopened": owing}


def assess(day: Day) -> Counts:
    """One transaction, done again where a person's act at that moment was let through first."""
    return retrying(partial(_assess, day))


def _assess(day: Day) -> Counts:
    with transaction(day.engine) as session:
        claimed = claimants(session, day.portfolio)
        lock_customers(session, claimed)
        settle_claims(session, claimed, by=SYSTEM, now=day.now)
        found = {each.customer_id for each in payments_found(session, day.portfolio)}
        lock_customers(session, sorted(found))
        paid = end_paid_disputes(session, day.portfolio, found, by=SYSTEM, now=day.now)
        released = release_due(session, day.portfolio, day.on, now=day.now)
        holds_ended = end_due_holds(session, day.portfolio, day.on, now=day.now)
        raise_reviews(session, day.portfolio, day.on, now=day.now)
        restored = restore_plans(session, day.portfolio, day.on, now=day.now)
        rested = end_rests(session, day.portfolio, day.on, now=day.now)
        counts = assess_due(session, day.portfolio, day.on, now=day.now)
        counts.update({"restored": restored} if restored else {})
        counts.update({"disputes_released": released} if released else {})
        counts.update({"disputes_paid": paid} if paid else {})
        counts.update({"rested": rested} if rested else {})
        counts["broken"] += break_undone_settlements(session, day.portfolio, day.on, now=day.now)
        told = tell_of_paid_settlements(session, day.portfolio, day.on, now=day.now)
        told += tell_of_plans_paid_in_time(session, day.portfolio, day.on, now=day.now)
        counts.update({"paid_with_legal": told} if told else {})
        if told := tell_of_returned_payments(session, day.portfolio, day.on, now=day.now):
            counts["taken_up_for_nothing"] = told
        night = session.get(StandingNight, id_of(day.portfolio))
        seen = night.last_entry_id if night else 0
        if told := tell_of_earlier_money(session, day.portfolio, day.on, seen_entry_id=seen, now=day.now):
            counts["earlier_money"] = told
        if told := tell_of_promised_rates(session, day.portfolio, day.on, now=day.now):
            counts["rates_to_change"] = told
        if told := tell_of_ended_authorities(session, day.portfolio, day.on, now=day.now):
            counts["authorities_ended"] = told
        counts["holds_ended"] = holds_ended
        return counts


def work_cases(day: Day) -> Counts:
    with transaction(day.engine) as session:
        opened = open_cases(session, day.portfolio, day.on, now=day.now)
        portfolio_id = id_of(day.portfolio)
        keep_open = cases_with_live_plan(session, portfolio_id)
        keep_open += cases_with_settlement_offer(session, portfolio_id)
        keep_open += cases_with_rate_to_raise(session, portfolio_id)
        keep_open += cases_with_dispute(session, portfolio_id)
        closed = review_cases(session, day.portfolio, day.on, keep_open=keep_open, now=day.now)
        refresh_tomorrow(session, day.portfolio, day.on)
        expired = expire_offers(session, day.portfolio, day.on, now=day.now)
        shown = end_shown_offers(session, day.portfolio, day.on, by=SYSTEM, now=day.now)
        drop_tasks(session, id_of(day.portfolio), now=day.now)
        reviews = give_reviews(session, day.portfolio, day.on, now=day.now)
        worked_on = local_date(day.now, day.portfolio.timezone)
        covered = cover_cases(session, day.portfolio, worked_on, now=day.now)
        assigned = assign_cases(session, day.portfolio, worked_on, now=day.now)
    if opened > MANY:
        refresh_statistics(day.engine, CollectionsCase, Event, StreamHead)
    counts = {"opened": opened, "closed": closed, "assigned": assigned, "offers_ended": expired}
    counts.update({"reviews_given": reviews} if reviews else {})
    counts.update({"covered": covered} if covered else {})
    return {**counts, "shown_offers_expired": shown} if shown else counts


def end_experiments(day: Day) -> Counts:
    """Before contacts are planned: end an experiment whose challenger does harm, or whose last day is over."""
    with transaction(day.engine) as session:
        ended = end_by_rule(session, day.portfolio, day.on, by=SYSTEM, now=day.now)
    return {"experiments_ended": 1} if ended else {}


def fulfil_duties(day: Day) -> Counts:
    """Before contacts are planned: make the duties that the day's events brought, end those that are met, say which are
    overdue, and write what is owed. One batch of letters is one transaction."""
    with transaction(day.engine) as session:
        made = make_duties(session, day.portfolio, now=day.now)
        counts = settle_duties(session, day.portfolio, day.on, now=day.now)
    with reading(day.engine) as session:
        batches = list(owed_letters_in_batches(session, day.portfolio, day.catalog))
    written = 0
    for ids in batches:
        with transaction(day.engine) as session:
            written += write_owed(session, day.portfolio, ids, day.catalog, on=day.on, now=day.now)
    return {
        **({"duties_made": made} if made else {}),
        **counts,
        **({"duties_written": written} if written else {}),
        **answer_complaints(day),
    }


def answer_complaints(day: Day) -> Counts:
    """Write the letters that say that the answer to a complaint is late, and say once which complaints are overdue. One
    batch is one transaction."""
    with reading(day.engine) as session:
        due = holding_letters_due(session, day.portfolio, day.on)
        late = list(overdue_complaints(session, day.portfolio, day.on))
    held = overdue = 0
    for ids in due:
        with transaction(day.engine) as session:
            held += write_holding_letters(session, day.portfolio, ids, day.catalog, on=day.on, now=day.now)
    for ids in late:
        with transaction(day.engine) as session:
            overdue += mark_overdue(session, day.portfolio, ids, on=day.on, now=day.now)
    counts = {"complaints_held": held, "complaints_overdue": overdue}
    return {name: n for name, n in counts.items() if n}


def contact(day: Day) -> Counts:
    """Set the next day of the cases where no step is due; plan, clear and enqueue the others. One chunk of cases is one
    transaction, so an answer and its consequences stay together."""
    with reading(day.engine) as session:
        case_ids = cases_to_contact(session, id_of(day.portfolio), day.on)
    return plan_night(day.engine, day.portfolio, case_ids, day.catalog, on=day.on, now=day.now)


def refer(day: Day) -> Counts:
    with transaction(day.engine) as session:
        return {"nominated": nominate_cases(session, day.portfolio, day.on, now=day.now)}


def measure(day: Day) -> Counts:
    """The rows that figures are read from are committed first, so that two sessions can measure a large portfolio."""
    with transaction(day.engine) as session:
        refresh_slices(session, day.portfolio, day.on)
        since = run_of(session, day.portfolio, day.on).restated_from
        refresh_standings(session, day.portfolio, day.on, since)
        beside = day.engine if standing_accounts(session, day.portfolio) >= LARGE else None
    with transaction(day.engine) as session:
        portfolio_id = id_of(day.portfolio)
        restated = restate(session, day.portfolio, day.on, since, now=day.now, beside=beside) if since else 0
        mark_entries_seen(session, day.portfolio)
        if since:
            restate_buckets(session, day.portfolio, since, day.on, now=day.now)
        written = take_snapshot(session, portfolio_id, day.on, now=day.now, beside=beside)
        keep_buckets(session, day.portfolio, day.on, now=day.now)
        return {"snapshots": written, "restated": restated}


def judge_thresholds(day: Day) -> Counts:
    with transaction(day.engine) as session:
        return {"crossed": judge(session, day.portfolio, day.on, now=day.real_now)}


def check(day: Day) -> Counts:
    with reading(day.engine) as session:
        violations = quick(session, day.portfolio)
    for violation in violations:
        log.error("invariant_violated", invariant=violation.invariant, row=violation.row)
    with transaction(day.engine) as session:
        report_violations(session, day.portfolio, violations, now=day.real_now)
    return {"violations": len(violations)}


def report_violations(
    session: Session, portfolio: Portfolio, violations: Sequence[Violation], *, now: datetime
) -> None:
    """Raise an alert that counts the rows of each violated invariant, or end the one that is open. Rows themselves
    are for `desk invariants`: alerts leave the house by e-mail."""
    if not violations:
        end_alert(session, AlertKind.INVARIANT, portfolio.code, now=now)
        return
    rows = Counter(violation.invariant for violation in violations)
    detail = "Rows that disagree: " + ", ".join(f"{n} of {name}" for name, n in rows.items()) + "."
    raise_alert(session, AlertKind.INVARIANT, portfolio.code, detail, now=now)


STAGES: Mapping[str, Callable[[Day], Counts]] = {
    "charges": charge,
    "age": age,
    "lifecycle": end_accounts,
    "assess": assess,
    "cases": work_cases,
    "experiments": end_experiments,
    "duties": fulfil_duties,
    "letters": write_letters,
    "contacts": contact,
    "satisfaction": ask_about_satisfaction,
    "legal": refer,
    "kpis": measure,
    "thresholds": judge_thresholds,
    "invariants": check,
}
