"""`consent`: a channel only with the customer's yes, or until their no. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_letters
from app.policy.schema import Names

Mode = Literal["opt_out", "opt_in"]


class ConsentTable(RuleTable):
    mode: Mode
    across: bool = False
    letters: Names | None = None
    electronic: bool = False

    def rule(self) -> ConsentRule:
        letters = frozenset(self.letters or ())
        return ConsentRule(
            **self.shared(), mode=self.mode, across=self.across, letters=letters, electronic=self.electronic
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule(Rule):
    """`opt_out`: a channel may be used unless the customer said no. `opt_in`: only if they said yes.

    `across`: a no to any of the rule's channels is a no to all of them.
    """

    kind: ClassVar[str] = "consent"
    table: ClassVar[type[RuleTable]] = ConsentTable

    mode: Mode
    across: bool = False
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = every contact."""
    electronic: bool = False
    """A yes to the channel is not enough: they agreed to get notices that the law wants in writing by it."""

    def idle(self, asked: Question) -> bool:
        return bool(self.letters) and asked.contact.letter not in self.letters

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        channel = asked.contact.channel
        given = asked.facts.consent
        if self.across and False in given.values():
            channel = next(
                (one for one in Channel if one in self.channels and given.get(one) is False), channel
            )
        consent = given.get(channel)
        if consent and self.electronic and channel not in asked.facts.electronic_notices:
            return [self._reason(f"no consent to notices by {channel} on file", None, consent=True)]
        if consent or (consent is None and self.mode == "opt_out"):
            return ()
        if consent is None:
            return [self._reason(f"no consent on file for {channel}", None, consent=None)]
        since = asked.facts.opted_out_at.get(channel)
        detail = f"opted out of {channel}" + (f" on {since.date()}" if since else "")
        opted_out_at = since.isoformat() if since else None
        return [self._reason(detail, None, consent=False, opted_out_at=opted_out_at)]

    def _spelling(self) -> JsonObject:
        letters = {"letters": sorted(self.letters)} if self.letters else {}
        electronic = {"electronic": True} if self.electronic else {}
        return {"mode": self.mode, "across": self.across, **letters, **electronic}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "mode": Comparison(self.mode, changed.mode, changed.mode in (self.mode, "opt_in")),
            "across": Comparison(self.across, changed.across, changed.across or not self.across),
            "letters": compare_letters(self.letters, changed.letters),
            "electronic": Comparison(
                self.electronic, changed.electronic, changed.electronic or not self.electronic
            ),
        }
