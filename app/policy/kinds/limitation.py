"""`limitation`: a time-barred debt is not sued for, or not asked for at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from app.core.dates import add_months
from app.core.text import counted
from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.policy.answers import Reason
from app.policy.facts import Facts
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable, compare_fewer
from app.policy.schema import Names
from app.policy.words.old_debts import OldDebtWords, OldDebtWordsTable

SUIT_BLOCK = "legal_action"
"""The block with which a letter says that the debt may go to court."""

TIME_BARRED_BLOCK = "time_barred"
"""The block with which a letter says that the debt can no longer be sued for."""

Stops = Literal["suit", "silence", "contact"]


_STRICTER: tuple[Stops, ...] = ("suit", "silence", "contact")


class LimitationTable(RuleTable):
    years: Annotated[int, Field(ge=1, le=30)]
    stops: Stops = "suit"
    restarts: bool = True
    allows: Names | None = None
    contacted: bool = False
    words: list[OldDebtWordsTable] | None = None

    def rule(self) -> LimitationRule:
        return LimitationRule(
            **self.shared(),
            years=self.years,
            stops=self.stops,
            restarts=self.restarts,
            allows=frozenset(self.allows or ()),
            contacted=self.contacted,
            words=tuple(each.words() for each in self.words or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitationRule(Rule):
    """A debt that is time-barred: `years` after its last payment, or where a payment does not start the period anew
    (`restarts` = False) after its oldest due date.

    `stops` = `suit`: no suit, and no letter that threatens one. `silence`: moreover no words that do not say that the
    debt is too old to be sued for (the block `time_barred`). `contact`: nothing at all is asked for any more.
    """

    kind: ClassVar[str] = "limitation"
    table: ClassVar[type[RuleTable]] = LimitationTable

    years: int
    stops: Stops = "suit"
    restarts: bool = True
    allows: frozenset[str] = frozenset()
    """Letters that ask for nothing, and pass: the answer to the customer's own question, or an account."""
    contacted: bool = False
    """Once it is barred, it is asked for only if somebody was in contact with the customer before."""
    words: tuple[OldDebtWords, ...] = ()
    """What the block `time_barred` says; of those that fit the last one. Without any, the desk's own words will do."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(debt_years=self.years, contacts_about_old_debts=self.contacted)

    def idle(self, asked: Question) -> bool:
        blocks = asked.contact.blocks
        if asked.facts.due_since is None or asked.contact.letter in self.allows:
            return True
        if self.stops == "contact" or self.contacted or SUIT_BLOCK in (blocks or ()):
            return False
        return self.stops == "suit" or self._says_so(asked)

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        return [reason for said in self._lacks(asked) for reason in self._barred(asked, said)]

    def suit_objections(self, asked: Question) -> Sequence[Reason]:
        return self._barred(asked)

    def barred_on(self, due_since: date, paid_since: date) -> date:
        """The first day on which a debt is time-barred: of its oldest due date, and of its last payment since."""
        return add_months(paid_since if self.restarts else due_since, 12 * self.years)

    def words_for(self, channel: Channel, due_since: date, today: date) -> str:
        """What has to be said of a debt of that age; '' = the law does not prescribe it."""
        fitting = [each.text for each in self.words if each.fits(channel, due_since, today)]
        return fitting[-1] if fitting else ""

    def _says_so(self, asked: Question) -> bool:
        """Whether the words say that the debt is too old, in the form that the law gives them for this channel."""
        blocks, channel = asked.contact.blocks, asked.contact.channel
        can_say = not self.words or any(channel in each.channels for each in self.words)
        return blocks is None or (TIME_BARRED_BLOCK in blocks and can_say)

    def _lacks(self, asked: Question) -> Sequence[str]:
        """What is wrong with a contact about such a debt, each as the end of a sentence."""
        found = []
        if self.stops == "contact" or SUIT_BLOCK in (asked.contact.blocks or ()):
            found.append("")
        elif self.stops == "silence" and not self._says_so(asked):
            found.append("; the words do not say that it cannot be sued for")
        if self.contacted and not self._in_contact(asked.facts):
            found.append("; nobody is on record to have been in contact with the customer before")
        return found

    def _in_contact(self, facts: Facts) -> bool:
        due, paid = facts.due_since, facts.paid_or_due_since
        if due is None or paid is None:
            return True
        # Who paid was in contact: the period runs from that payment.
        return paid > due or (facts.contacted_on or date.max) < self.barred_on(due, paid)

    def _barred(self, asked: Question, more: str = "") -> Sequence[Reason]:
        since = asked.facts.paid_or_due_since if self.restarts else asked.facts.due_since
        if since is None:
            return ()
        first = self.barred_on(since, since)
        today = max((day for _, day in asked.local_days), default=asked.at.date())
        if today < first:
            return ()
        detail = f"time-barred since {first}: {counted(self.years, 'year')} from {since}{more}"
        return [
            self._reason(detail, None, since=since.isoformat(), years=self.years, barred_on=first.isoformat())
        ]

    def _spelling(self) -> JsonObject:
        more: JsonObject = {
            "allows": sorted(self.allows),
            "contacted": self.contacted,
            "words": [each.spelling() for each in self.words],
        }
        spelt: JsonObject = {"years": self.years, "stops": self.stops, "restarts": self.restarts}
        return {**spelt, **{name: value for name, value in more.items() if value}}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "years": Comparison(self.years, changed.years, changed.years <= self.years),
            "stops": Comparison(
                self.stops, changed.stops, _STRICTER.index(changed.stops) >= _STRICTER.index(self.stops)
            ),
            "restarts": Comparison(self.restarts, changed.restarts, self.restarts or not changed.restarts),
            "allows": compare_fewer(self.allows, changed.allows),
            "contacted": Comparison(
                self.contacted, changed.contacted, changed.contacted or not self.contacted
            ),
            "words": Comparison(len(self.words), len(changed.words), self.words == changed.words),
        }
