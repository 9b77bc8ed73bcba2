"""`hold`: no contact of certain purposes while a hold stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.types import JsonObject
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Reason
from app.policy.facts import Hold
from app.policy.rules import (
    Comparison,
    FactsNeeded,
    Question,
    Rule,
    RuleTable,
    compare_fewer,
    compare_more,
)
from app.policy.schema import HoldKindField, Names


class HoldTable(RuleTable):
    holds: Annotated[list[HoldKindField], Field(min_length=1)]
    passes: Names | None = None
    allows: Names | None = None
    letters: Names | None = None
    least_days: Annotated[int, Field(ge=1, le=731)] | None = None
    crisis_days: Annotated[int, Field(ge=1, le=366)] | None = None

    def rule(self) -> HoldRule:
        return HoldRule(
            **self.shared(),
            holds=frozenset(self.holds),
            passes=frozenset(self.passes or ()),
            allows=frozenset(self.allows or ()),
            letters=frozenset(self.letters or ()),
            least_days=self.least_days,
            crisis_days=self.crisis_days,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule(Rule):
    """While a hold of one of these kinds is open, the rule's purposes are stopped; a hold with an end lapses.

    The facts say whether it has an end (`Hold.until`), not the rule: a decision made when disputes ended on
    their review date is still asked with the facts of then, and gives the answer of then.
    """

    kind: ClassVar[str] = "hold"
    table: ClassVar[type[RuleTable]] = HoldTable

    holds: frozenset[HoldKind]
    passes: frozenset[str] = frozenset()
    """Letters of an agreement that the customer keeps and made since the hold began: it is the answer to the hold. An
    older agreement is the one that the hold may be about, so its letters are stopped."""
    allows: frozenset[str] = frozenset()
    """Letters that the hold does not stop: the answer to the customer's own question, or a notice that the law demands
    even now. A contact whose letter is not chosen yet is stopped."""
    letters: frozenset[str] = frozenset()
    """The only letters that it stops; none = every contact of its purposes."""
    least_days: int | None = None
    """Days that such a hold lasts by law, from the day after it was placed: nobody enters an earlier end."""
    crisis_days: int | None = None
    """Days from the end of a crisis treatment to the end of the moratorium for somebody in it; None = there is none."""

    def law_ends(self, kind: HoldKind, placed_on: date) -> date | None:
        """The first day on which such a hold may be over; None where the law names no length."""
        if kind not in self.holds or self.least_days is None:
            return None
        return placed_on + timedelta(days=self.least_days + 1)

    def crisis_ends(self, kind: HoldKind, treated_until: date) -> date | None:
        """The first day on which a moratorium in a crisis is over; None where the law knows none of this kind."""
        if kind not in self.holds or self.crisis_days is None:
            return None
        return treated_until + timedelta(days=self.crisis_days + 1)

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(agreements_on_hold=bool(self.passes))

    def idle(self, asked: Question) -> bool:
        letter = asked.contact.letter
        if self.letters and letter not in self.letters:
            return True
        return not asked.facts.holds or letter in self.allows

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        return [
            self._standing(hold)
            for hold in asked.facts.holds
            if hold.kind in self.holds and hold.started_at <= asked.at
            if hold.until is None or asked.at < hold.until
            if not self._is_answered(hold, asked)
        ]

    def _is_answered(self, hold: Hold, asked: Question) -> bool:
        """True if the letter is one of an agreement made on the day on which the hold began, or later."""
        kept = asked.facts.agreement
        return kept is not None and asked.contact.letter in self.passes and _began(hold, asked) <= kept.since

    def _standing(self, hold: Hold) -> Reason:
        until = hold.until.astimezone(UTC) if hold.until else None
        detail = f"{hold.kind.replace('_', ' ')} hold since {hold.started_at.date()}, "
        figures: JsonObject = {"hold": hold.kind.value, "since": hold.started_at.isoformat()}
        if self.allows:
            figures["allows"] = sorted(self.allows)
        if hold.review_on is not None:
            detail += f"until a person ends it; review by {hold.review_on}"
            return self._reason(detail, None, **figures, review_on=hold.review_on.isoformat())
        detail += f"until {until:%Y-%m-%d %H:%M} UTC" if until else "no end set"
        return self._reason(detail, until, **figures)

    def _spelling(self) -> JsonObject:
        letters = {
            "passes": sorted(self.passes), "allows": sorted(self.allows), "letters": sorted(self.letters),
        }  # fmt: skip
        days = {"least_days": self.least_days, "crisis_days": self.crisis_days}
        lasts = {name: figure for name, figure in days.items() if figure is not None}
        return {
            "holds": sorted(self.holds),
            **{name: names for name, names in letters.items() if names},
            **lasts,
        }

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "holds": compare_more(self.holds, changed.holds),
            "passes": compare_fewer(self.passes, changed.passes),
            "allows": compare_fewer(self.allows, changed.allows),
            "letters": Comparison(
                self.letters,
                changed.letters,
                not changed.letters or bool(self.letters and self.letters <= changed.letters),
            ),
            "least_days": Comparison(
                self.least_days, changed.least_days, (changed.least_days or 0) >= (self.least_days or 0)
            ),
            "crisis_days": Comparison(
                self.crisis_days, changed.crisis_days, (changed.crisis_days or 0) >= (self.crisis_days or 0)
            ),
        }


def _began(hold: Hold, asked: Question) -> date:
    """The day on which the hold began; where the customer's zones disagree, the later one."""
    days = [hold.started_at.astimezone(zone).date() for zone, _ in asked.local_days]
    return max(days, default=hold.started_at.date())


def stops_reminders(rules: Sequence[Rule], kind: HoldKind) -> bool:
    """True if no reminder of any sort is sent while a hold of this kind stands."""
    return any(
        isinstance(rule, HoldRule)
        and kind in rule.holds
        and not rule.letters
        and Purpose.REMINDER in rule.purposes
        and rule.channels >= {Channel.SMS, Channel.EMAIL, Channel.POST}
        for rule in rules
    )
