"""Which step a case is due for. A strategy is data; this file holds what it can say and decides by it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from app.core.vocabulary import Channel, Purpose


class Action(StrEnum):
    MESSAGE = "message"
    CALL = "call"
    """A call task for the case's agent."""
    TASK = "task"
    """Anything else a person has to do, in words."""
    LEGAL = "legal"
    """Nominate for legal referral."""


class Moment(StrEnum):
    """What of another step a step waits for."""

    TAKEN = "taken"
    """It was queued, or the call was put on the agent's list."""
    DELIVERED = "delivered"
    """A message of it arrived; a posted letter counts when it was handed over, there is no receipt."""
    REPLIED = "replied"
    """The customer spoke with us after it."""


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def risk_of(earlier_cases: int, broken_promises: int, used_percent: int) -> Risk:
    """A rule of thumb, no model: one point each for an earlier case and a broken promise (at most two of each) and
    for a limit used to 90 %; none is low, one or two medium, more high."""
    points = min(2, earlier_cases) + min(2, broken_promises) + (1 if used_percent >= 90 else 0)
    return Risk.LOW if points == 0 else Risk.MEDIUM if points <= 2 else Risk.HIGH


# --- facts and conditions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What conditions may ask about a case. Amounts in minor units, sets hold what any of the accounts has.

    A field is filled only where the strategy asks for it (`Strategy.needs`).
    """

    days_past_due: int = 0
    bucket: str = ""
    past_due: int = 0
    balance: int = 0
    accounts: int = 0
    product: frozenset[str] = frozenset()
    language: str = ""
    country: str = ""
    region: str = ""
    risk: str = ""
    used_percent: int = 0
    """Balance as a share of the limits."""
    first_time: bool = True
    earlier_cases: int = 0
    broken_promises: int = 0
    reachable: frozenset[str] = frozenset()
    """Channels with an address that the customer did not refuse."""
    consented: frozenset[str] = frozenset()
    """Channels the customer said yes to."""

    holds: frozenset[str] = frozenset()
    """Kinds of hold that are on."""
    paid: tuple[tuple[date, int], ...] = ()
    """Recent payments, oldest first."""
    moments: Mapping[tuple[str, Moment], date] = field(default_factory=dict)
    """(step id, what happened) -> the first day on which it did, in this occurrence of the ladder."""


NO_FACTS = CaseFacts()


class Shape(StrEnum):
    """What a fact is, and so what can be asked of it."""

    NUMBER = "number"
    AMOUNT = "amount"
    TEXT = "text"
    FLAG = "flag"
    SET = "set"


ASKABLE: Mapping[str, tuple[Shape, str]] = {
    "days_past_due": (Shape.NUMBER, "days past due"),
    "bucket": (Shape.TEXT, "bucket"),
    "past_due": (Shape.AMOUNT, "past due"),
    "balance": (Shape.AMOUNT, "balance"),
    "accounts": (Shape.NUMBER, "accounts"),
    "product": (Shape.SET, "product"),
    "language": (Shape.TEXT, "language"),
    "country": (Shape.TEXT, "country"),
    "region": (Shape.TEXT, "region"),
    "risk": (Shape.TEXT, "risk"),
    "used_percent": (Shape.NUMBER, "% of the limit used"),
    "first_time": (Shape.FLAG, "late for the first time"),
    "earlier_cases": (Shape.NUMBER, "earlier cases"),
    "broken_promises": (Shape.NUMBER, "broken promises"),
    "reachable": (Shape.SET, "can be reached by"),
    "consented": (Shape.SET, "said yes to"),
}
"""Facts a condition may name, and how a page calls them."""

HOLDS, PAID, MOMENTS = "holds", "paid", "moments"
"""Facts that stops and waits need beside the askable ones."""


class Op(StrEnum):
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    IS = "is"
    IN = "in"


OPS: Mapping[Shape, frozenset[Op]] = {
    Shape.NUMBER: frozenset({Op.AT_LEAST, Op.AT_MOST, Op.IS}),
    Shape.AMOUNT: frozenset({Op.AT_LEAST, Op.AT_MOST}),
    Shape.TEXT: frozenset({Op.IS, Op.IN}),
    Shape.FLAG: frozenset({Op.IS}),
    Shape.SET: frozenset({Op.IS, Op.IN}),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing asked of one fact."""

    fact: str
    op: Op
    value: int | str | bool | frozenset[str]
    """Amounts in minor units."""

    def holds(self, facts: CaseFacts) -> bool:
        found = getattr(facts, self.fact)
        match self.op:
            case Op.AT_LEAST:
                return bool(found >= self.value)
            case Op.AT_MOST:
                return bool(found <= self.value)
            case Op.IS:
                return self.value in found if isinstance(found, frozenset) else bool(found == self.value)
            case Op.IN:
                assert isinstance(self.value, frozenset)
                return not self.value.isdisjoint(found if isinstance(found, frozenset) else (found,))


Condition = tuple[Criterion, ...]
"""All of them must hold; () always does."""


def meets(condition: Condition, facts: CaseFacts) -> bool:
    return all(test.holds(facts) for test in condition)


# --- steps and strategies -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Not before so many days after something of another step happened."""

    step: str
    days: int
    moment: Moment = Moment.TAKEN

    def over(self, facts: CaseFacts) -> date | None:
        """The night from which the step may come: what is decided in it leaves on the next day. None while what it
        waits for has not happened."""
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
    """What a person has to do (`Action.TASK`)."""
    condition: Condition = ()
    wait_for: WaitFor | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """When a strategy says nothing more, beside what always stops it (a live plan, nothing owed)."""

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
    """Id of the segment whose ladder it is; '' = everybody else's."""
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
    """A case as the strategy sees it."""

    days_past_due: int
    step_day: int
    """Day of the last step taken; 0 = none."""
    plan_live: bool
    owes_anything: bool = True
    """False when the balances are zero or in credit, although an old minimum was formally never met."""
    facts: CaseFacts = NO_FACTS


@dataclass(frozen=True, slots=True)
class Take:
    """This step is due now. `skipped` are earlier ones that were missed and are not made up for."""

    step: Step
    skipped: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do. `until` is when to look again; None = when something changes."""

    reason: str
    until: date | None = None


def decide(ladder: Ladder, situation: Situation, today: date) -> Take | Rest:
    """The next contact, or wait until.

    Due is the latest step whose day is reached, that lies behind the last one taken, whose condition holds and whose
    wait is over: somebody who comes to us 75 days late gets the step for day 75, not every letter of the ladder on
    one morning. Who comes so late that no letter lies between that step and court is written to first: nobody is
    sued over what no letter told.
    """
    if situation.plan_live:
        return Rest("a promise or plan is being kept: ordinary reminders rest")
    if not situation.owes_anything:
        return Rest("nothing is owed: nobody is dunned over a balance of zero or in credit")
    if situation.days_past_due < 1:
        return Rest("nothing is past due")
    if ladder.stop is not NEVER and (stopped := _stopped(ladder, situation, today)):
        return stopped
    reached = [s for s in ladder.steps if situation.step_day < s.day <= situation.days_past_due]
    due, ripe_on = _ripe(reached, situation.facts, today)
    if due:
        if situation.step_day == 0 and _court_is_next(ladder, due[-1]):
            due = [step for step in due if step.action is Action.MESSAGE] or due
        return Take(due[-1], tuple(s for s in reached if s.day < due[-1].day))
    later = _next_day(ladder, situation, today)
    if later is None and ripe_on is None:
        return Rest("the strategy has no further step")
    until = min(day for day in (later, ripe_on) if day is not None)
    return Rest(
        "the next step waits for another" if until == ripe_on else "the next step is not due yet", until
    )


def _court_is_next(ladder: Ladder, step: Step) -> bool:
    """Whether the ladder sends no message from this step on until its legal step."""
    if ladder.legal is None:
        return False
    return not any(
        each.action is Action.MESSAGE and step.day <= each.day < ladder.legal.day for each in ladder.steps
    )


def legal_due(ladder: Ladder, situation: Situation, today: date) -> bool:
    """Whether this ladder's legal step is reached and nothing it asks for is missing, whatever was taken before."""
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
                # What has not happened yet wakes nobody when it does: ask tomorrow.
                again = over or today + timedelta(days=1)
                ripe_on = again if ripe_on is None else min(ripe_on, again)
                continue
        due.append(step)
    return due, ripe_on


def _next_day(ladder: Ladder, situation: Situation, today: date) -> date | None:
    """When the next day of the ladder comes."""
    behind = max(situation.step_day, situation.days_past_due)
    day = next((s.day for s in ladder.steps if s.day > behind), None)
    return None if day is None else today + timedelta(days=day - situation.days_past_due)


def _stopped(ladder: Ladder, situation: Situation, today: date) -> Rest | None:
    """Why the strategy says nothing now, if it was told to stop."""
    stop, facts = ladder.stop, situation.facts
    if held := sorted(stop.holds & facts.holds):
        return Rest(f"the strategy stops while there is a hold: {', '.join(held)}")  # its end wakes the case
    if stop.paid_percent:
        since = today - timedelta(days=stop.paid_days)
        lately = [(on, amount) for on, amount in facts.paid if on > since]
        paid = sum(amount for _, amount in lately)
        if paid > 0 and 100 * paid >= stop.paid_percent * (facts.past_due + paid):
            until = lately[0][0] + timedelta(days=stop.paid_days)
            return Rest(f"{stop.paid_percent} % or more was paid in the last {stop.paid_days} days", until)
    if stop.condition and meets(stop.condition, facts):
        return Rest("the strategy's own condition to stop holds", _next_day(ladder, situation, today))
    return None


def rearm(step_day: int, occurrence: int, days_past_due: int) -> tuple[int, int]:
    """(step_day, occurrence) after days past due fell behind the last step because the oldest due was paid:
    the ladder continues from where the customer now stands, and its steps may come a second time."""
    if days_past_due < step_day:
        return days_past_due, occurrence + 1
    return step_day, occurrence
