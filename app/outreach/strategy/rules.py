"""Strategies and their ladders of steps, and the decision which step a case is due for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from app.core.text import counted
from app.core.vocabulary import Channel, Purpose
from app.outreach.strategy.conditions import (
    HOLDS,
    MOMENTS,
    NO_FACTS,
    PAID,
    CaseFacts,
    Condition,
    Moment,
    meets,
)


class Action(StrEnum):
    MESSAGE = "message"
    CALL = "call"
    """A call task for the case's agent."""
    TASK = "task"
    """Anything else a person has to do, in words."""
    LEGAL = "legal"
    """Nominate for legal referral."""


# --- facts and conditions -----------------------------------------------------------------------------------


# --- steps and strategies -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitFor:
    """A wait of so many days after an event of another step."""

    step: str
    days: int
    moment: Moment = Moment.TAKEN

    def over(self, facts: CaseFacts) -> date | None:
        """The first night that may plan the step, which leaves a day later. None while the event has not happened."""
        happened = facts.moments.get((self.step, self.moment))
        return None if happened is None else happened + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Step:
    id: str
    day: int
    """Days past due from which it is due."""
    action: Action
    channels: tuple[Channel, ...] = ()
    otherwise: tuple[Channel, ...] = ()
    """Tried one after the other where a message of this step cannot arrive and no other of it is on its way."""
    letter: str = ""
    purpose: Purpose = Purpose.REMINDER
    task: str = ""
    """Work for a person (`Action.TASK`)."""
    condition: Condition = ()
    wait_for: WaitFor | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Conditions that stop a strategy, beside those that always do (a live plan, nothing owed)."""

    holds: frozenset[str] = frozenset()
    paid_percent: int = 0
    """Of what was past due, paid in the last `paid_days` days; 0 = never mind."""
    paid_days: int = 0
    condition: Condition = ()


NEVER = Stop()


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps one case goes by."""

    steps: tuple[Step, ...]
    """Ascending by day; days are distinct, so that 'the step of day 8' is one thing."""
    segment: str = ""
    """Id of the segment whose ladder it is; '' = the ladder of all other customers."""
    stop: Stop = NEVER

    @property
    def legal(self) -> Step | None:
        return next((step for step in self.steps if step.action is Action.LEGAL), None)


@dataclass(frozen=True, slots=True)
class Segment:
    id: str
    name: str
    condition: Condition
    ladder: Ladder


@dataclass(frozen=True)
class Strategy:
    """One ladder, and others for segments of the cases: the first segment whose condition holds chooses."""

    code: str
    name: str
    main: Ladder
    segments: tuple[Segment, ...] = ()

    @property
    def ladders(self) -> tuple[Ladder, ...]:
        return (*(segment.ladder for segment in self.segments), self.main)

    def ladder_for(self, facts: CaseFacts) -> Ladder:
        for segment in self.segments:
            if meets(segment.condition, facts):
                return segment.ladder
        return self.main

    @cached_property
    def needs(self) -> frozenset[str]:
        """Facts that have to be known before this strategy can be asked; none for a plain ladder."""
        conditions = [segment.condition for segment in self.segments]
        asked: set[str] = set()
        for ladder in self.ladders:
            conditions += [step.condition for step in ladder.steps] + [ladder.stop.condition]
            asked |= {HOLDS} if ladder.stop.holds else set()
            asked |= {PAID, "past_due"} if ladder.stop.paid_percent else set()
            asked |= {MOMENTS} if any(step.wait_for for step in ladder.steps) else set()
        return frozenset(asked | {test.fact for condition in conditions for test in condition})

    @property
    def legal_day(self) -> int | None:
        """The earliest day on which any of the ladders thinks of the legal team."""
        return min((ladder.legal.day for ladder in self.ladders if ladder.legal), default=None)


# --- the decision -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Situation:
    """A case as a strategy sees it."""

    days_past_due: int
    step_day: int
    """Day of the last step taken; 0 = none."""
    plan_live: bool
    owes_anything: bool = True
    """False when the balances are zero or in credit, although an old minimum was formally never met."""
    facts: CaseFacts = NO_FACTS


@dataclass(frozen=True, slots=True)
class StepDue:
    """A step is due now. `skipped` are earlier ones that were missed; they are not made up for."""

    step: Step
    skipped: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class NothingDue:
    """No step is due. `until` is the day to ask again; None = when something changes."""

    reason: str
    until: date | None = None


def decide(ladder: Ladder, situation: Situation, today: date) -> StepDue | NothingDue:
    """Decide which step of the ladder is due, or when to ask again.

    Due is the latest step whose day is reached, that lies behind the last one taken, whose condition holds and whose
    wait is over: a customer who comes to us 75 days late gets the step for day 75, not every letter of the ladder on
    one morning. A customer who comes so late that no letter lies between that step and court is written to first: no
    customer is sued over a debt that no letter told.
    """
    if situation.plan_live:
        return NothingDue("a promise or plan is being kept: ordinary reminders rest")
    if not situation.owes_anything:
        return NothingDue("nothing is owed: nobody is dunned over a balance of zero or in credit")
    if situation.days_past_due < 1:
        return NothingDue("nothing is past due")
    if ladder.stop is not NEVER and (stopped := _stopped(ladder, situation, today)):
        return stopped
    reached = [s for s in ladder.steps if situation.step_day < s.day <= situation.days_past_due]
    due, ripe_on = _ripe(reached, situation.facts, today)
    if due:
        if situation.step_day == 0 and _court_is_next(ladder, due[-1]):
            due = [step for step in due if step.action is Action.MESSAGE] or due
        return StepDue(due[-1], tuple(s for s in reached if s.day < due[-1].day))
    later = _next_day(ladder, situation, today)
    if later is None and ripe_on is None:
        return NothingDue("the strategy has no further step")
    until = min(day for day in (later, ripe_on) if day is not None)
    return NothingDue(
        "the next step waits for another" if until == ripe_on else "the next step is not due yet", until
    )


def _court_is_next(ladder: Ladder, step: Step) -> bool:
    """True if the ladder sends no message from this step on until its legal step."""
    if ladder.legal is None:
        return False
    return not any(
        each.action is Action.MESSAGE and step.day <= each.day < ladder.legal.day for each in ladder.steps
    )


def legal_due(ladder: Ladder, situation: Situation, today: date) -> bool:
    """True if this ladder's legal step is reached and nothing it asks for is missing, regardless of steps taken
    before."""
    if ladder.legal is None or _stopped(ladder, situation, today):
        return False
    due, _ = _ripe([ladder.legal], situation.facts, today)
    return bool(due) and ladder.legal.day <= situation.days_past_due


def _ripe(reached: Iterable[Step], facts: CaseFacts, today: date) -> tuple[list[Step], date | None]:
    """Steps whose condition holds and whose wait is over, and the first day on which another may be."""
    due, ripe_on = [], None
    for step in reached:
        if step.condition and not meets(step.condition, facts):
            continue
        if step.wait_for is not None:
            over = step.wait_for.over(facts)
            if over is None or over > today:
                # An event that has not happened yet does not wake the case when it does: ask tomorrow.
                again = over or today + timedelta(days=1)
                ripe_on = again if ripe_on is None else min(ripe_on, again)
                continue
        due.append(step)
    return due, ripe_on


def _next_day(ladder: Ladder, situation: Situation, today: date) -> date | None:
    """The date on which the ladder's next step comes."""
    behind = max(situation.step_day, situation.days_past_due)
    day = next((s.day for s in ladder.steps if s.day > behind), None)
    return None if day is None else today + timedelta(days=day - situation.days_past_due)


def _stopped(ladder: Ladder, situation: Situation, today: date) -> NothingDue | None:
    """The reason why the strategy stops now, or None."""
    stop, facts = ladder.stop, situation.facts
    if held := sorted(stop.holds & facts.holds):
        return NothingDue(
            f"the strategy stops while there is a hold: {', '.join(held)}"
        )  # its end wakes the case
    if stop.paid_percent:
        since = today - timedelta(days=stop.paid_days)
        lately = [(on, amount) for on, amount in facts.paid if on > since]
        paid = sum(amount for _, amount in lately)
        if paid > 0 and 100 * paid >= stop.paid_percent * (facts.past_due + paid):
            until = lately[0][0] + timedelta(days=stop.paid_days)
            return NothingDue(
                f"{stop.paid_percent} % or more was paid in the last {counted(stop.paid_days, 'day')}", until
            )
    if stop.condition and meets(stop.condition, facts):
        return NothingDue("the strategy's own condition to stop holds", _next_day(ladder, situation, today))
    return None


def rearm(step_day: int, occurrence: int, days_past_due: int) -> tuple[int, int]:
    """(step_day, occurrence) after days past due fell behind the last step because the oldest due was paid:
    the ladder continues from where the customer now stands, and its steps may come a second time."""
    if days_past_due < step_day:
        return days_past_due, occurrence + 1
    return step_day, occurrence
