"""Which step a case is due for. A strategy is data; this file reads it and decides. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from app.timeline.rules import Channel, Purpose


class Action(StrEnum):
    MESSAGE = "message"
    CALL = "call"
    """A call task for the case's agent."""
    LEGAL = "legal"
    """Nominate for legal referral."""


@dataclass(frozen=True, slots=True)
class Step:
    id: str
    day: int
    """Days past due from which it is due."""
    action: Action
    channels: tuple[Channel, ...] = ()
    letter: str = ""
    purpose: Purpose = Purpose.REMINDER


@dataclass(frozen=True, slots=True)
class Strategy:
    code: str
    name: str
    steps: tuple[Step, ...]
    """Ascending by day; days are distinct, so that 'the step of day 8' is one thing."""

    @property
    def legal_day(self) -> int | None:
        return next((step.day for step in self.steps if step.action is Action.LEGAL), None)


class BadStrategy(ValueError):
    """The strategy's text is wrong; the message says which step and why."""


def parse_strategy(code: str, data: Mapping[str, Any]) -> Strategy:
    """A strategy from parsed TOML. Every step needs id, day and action; messages need letter and channels."""
    steps = []
    for number, raw in enumerate(data.get("steps", []), start=1):
        where = f"step {number} ({raw.get('id', 'no id')})"
        unknown = set(raw) - {"id", "day", "action", "channels", "letter", "purpose"}
        if unknown:
            raise BadStrategy(f"{where}: unknown {', '.join(sorted(unknown))}")
        try:
            step = Step(
                id=raw["id"],
                day=raw["day"],
                action=Action(raw["action"]),
                channels=tuple(Channel(c) for c in raw.get("channels", [])),
                letter=raw.get("letter", ""),
                purpose=Purpose(raw.get("purpose", "reminder")),
            )
        except (KeyError, ValueError) as error:
            raise BadStrategy(f"{where}: {error}") from None
        if not isinstance(step.day, int) or step.day < 1:
            raise BadStrategy(f"{where}: day must be a whole number from 1 on")
        if step.action is Action.MESSAGE and not (step.letter and step.channels):
            raise BadStrategy(f"{where}: a message needs letter and channels")
        steps.append(step)
    if not steps:
        raise BadStrategy("a strategy needs at least one step")
    days = [step.day for step in steps]
    if days != sorted(set(days)):
        raise BadStrategy("steps must come in ascending order of day, one step a day")
    return Strategy(code, str(data.get("name", code)), tuple(steps))


@dataclass(frozen=True, slots=True)
class Situation:
    """A case as the strategy sees it."""

    days_past_due: int
    step_day: int
    """Day of the last step taken; 0 = none."""
    plan_live: bool
    owes_anything: bool = True
    """False when the balances are zero or in credit, although an old minimum was formally never met."""


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


def decide(strategy: Strategy, situation: Situation, today: date) -> Take | Rest:
    """The next contact, or wait until.

    Due is the latest step whose day is reached and that lies behind the last one taken: somebody who comes to
    us 75 days late gets the step for day 75, not every letter of the ladder on one morning.
    """
    if situation.plan_live:
        return Rest("a promise or plan is being kept: ordinary reminders rest")
    if not situation.owes_anything:
        return Rest("nothing is owed: nobody is dunned over a balance of zero or in credit")
    if situation.days_past_due < 1:
        return Rest("nothing is past due")
    due = [s for s in strategy.steps if situation.step_day < s.day <= situation.days_past_due]
    if due:
        return Take(due[-1], tuple(due[:-1]))
    later = [s.day for s in strategy.steps if s.day > max(situation.step_day, situation.days_past_due)]
    if not later:
        return Rest("the strategy has no further step")
    return Rest("the next step is not due yet", today + timedelta(days=later[0] - situation.days_past_due))


def rearm(step_day: int, occurrence: int, days_past_due: int) -> tuple[int, int]:
    """(step_day, occurrence) after days past due fell behind the last step because the oldest due was paid:
    the ladder continues from where the customer now stands, and its steps may come a second time."""
    if days_past_due < step_day:
        return days_past_due, occurrence + 1
    return step_day, occurrence
