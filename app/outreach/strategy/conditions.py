"""Conditions: the facts about a case that a strategy can ask for, and how it asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Moment(StrEnum):
    """The event of another step that a step waits for."""

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


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """Facts about a case that conditions may ask for. Amounts in minor units; a set holds what any account has.

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
    """The type of a fact; it decides which operators a condition may use."""

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
    """One comparison of one fact with a value."""

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
