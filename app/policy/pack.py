"""The policy pack: the rules of one place and one kind of collector, or of several packs that apply together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_
from typing import Literal

from app.core.types import Cells
from app.policy.rules import FactsNeeded, Question, Rule
from app.policy.sections.after_referral import AfterReferral
from app.policy.sections.agreements import AgreementRules
from app.policy.sections.charges import ChargeCaps
from app.policy.sections.complaints import HOUSE, ComplaintRules
from app.policy.sections.disputes import DisputeRules
from app.policy.sections.hardship import HardshipClock
from app.policy.sections.pauses import PauseRule
from app.policy.sections.protected_rate import ProtectedRateRule
from app.policy.sections.re_age import ReAgeRule
from app.policy.sections.retention import Retention
from app.policy.territory import Territory

Collector = Literal["any", "first_party", "third_party"]

MOST_SORTS = 10_000
"""Sorts of questions whose rules a pack remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The rules of one place and one kind of collector, as read from `packs/<code>.toml`, or several of them
    stacked: then every rule of each applies. Not legal advice."""

    code: str
    name: str
    version: str
    country: str
    """ISO 3166-1 alpha-2."""
    collector: Collector
    effective_from: date
    effective_to: date | None = None
    disclaimer: str
    rules: tuple[Rule, ...]
    re_age: ReAgeRule | None = None
    """Conditions for bringing an account current without payment; None = it is not done under this pack."""
    pauses: PauseRule | None = None
    charges: ChargeCaps | None = None
    protected_rate: ProtectedRateRule | None = None
    """None = no hold caps what an account bears."""
    hardship: HardshipClock | None = None
    """None = the house's own clock for requests for help with payments."""
    retention: Retention | None = None
    after_referral: AfterReferral | None = None
    """None = no reminder goes out once the legal team has the case."""
    disputes: DisputeRules | None = None
    """None = nothing beside the holds and duties of disputes."""
    agreements: AgreementRules | None = None
    """None = the portfolio's settings alone say what may be agreed."""
    complaints: ComplaintRules = HOUSE
    stacks_on: tuple[str, ...] = ()
    """Packs that this one only adds to; it applies together with each of them that does."""
    provider: str = ""
    """The provider whose policy it is, as the settings spell it: it applies where that provider carries our messages;
    '' = it is no provider's."""
    bought: bool = False
    """It applies only to debts that the creditor bought."""
    place: Territory | None = None
    """Part of its country in which an overlay applies; None = everywhere."""
    uncovered: str = ""
    """The customer's country, where no pack holds: then nothing may be sent; '' = it is covered."""
    parts: tuple[str, ...] = ()
    """Labels of the packs stacked in this one."""
    text: str = field(default="", repr=False, compare=False)
    """The text it was read from, so that it can be kept with the decisions it makes."""
    label: str = field(init=False)
    """`code@version`, as answers and events name the pack; of several, joined by `+`."""
    needed: FactsNeeded = field(init=False, repr=False, compare=False)
    """The facts that its rules need together."""
    _concerning: dict[Cells, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)
    """The rules that questions of one sort must pass, looked up millions of times a night."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "needed", reduce(or_, (rule.needed for rule in self.rules), FactsNeeded()))
        object.__setattr__(self, "_concerning", {})
        object.__setattr__(self, "label", "+".join(self.parts) or f"{self.code}@{self.version}")

    def rules_for(self, asked: Question) -> tuple[Rule, ...]:
        """The rules in force that may object to this contact, in the pack's order."""
        contact, facts = asked.contact, asked.facts
        # All that `in_force` and `idle` look at: questions alike in it have the same rules, for every customer.
        sort = (
            contact.channel,
            contact.purpose,
            contact.letter,
            contact.blocks,
            contact.language,
            not facts.holds,
            not facts.preferences,
            facts.due_since is None,
            facts.agreement is None,
            facts.represented is None,
            facts.stands_in,
            *[day for _, day in asked.local_days],
        )
        found = self._concerning.get(sort)
        if found is None:
            found = tuple(
                rule
                for rule in self.rules
                if contact.channel in rule.channels
                and (contact.purpose in rule.purposes or (facts.stands_in and rule.protects_any))
                and rule.in_force(asked)
                and not rule.idle(asked)
            )
            if len(self._concerning) >= MOST_SORTS:
                self._concerning.clear()
            self._concerning[sort] = found
        return found
