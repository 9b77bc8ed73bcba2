"""Who works a case: the last agent, skills, room, and the cover of who is absent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

LONGEST_ABSENCE = timedelta(days=366)
MOST_CASES = 100_000
"""The highest capacity that can be set."""


class SkillKind(StrEnum):
    LANGUAGE = "language"
    """A language that the person speaks: its subtag, `zh`."""
    PRODUCT = "product"
    CARE = "care"


class CareSkill(StrEnum):
    """Training for customers who need more than a reminder."""

    COMPLAINTS = "complaints"
    SUPPORT_NEEDS = "support_needs"


CARE_LABELS = {CareSkill.COMPLAINTS: "Complaints", CareSkill.SUPPORT_NEEDS: "Support needs"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a person can do, and how many open cases they may have; None = as many as come."""

    most_cases: int | None = None
    languages: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    """As accounts spell them, case-folded."""
    care: frozenset[CareSkill] = frozenset()


@dataclass(slots=True)
class Agent:
    """A person to whom the night may give cases; `load` grows as it does."""

    username: str
    load: int
    """Open cases that they have."""
    can: Abilities = field(default_factory=Abilities)

    @property
    def has_room(self) -> bool:
        return self.can.most_cases is None or self.load < self.can.most_cases


@dataclass(frozen=True, slots=True)
class UnassignedCase:
    """A case without an owner, and what of its customer matters for who gets it."""

    case_id: int
    customer_id: int
    language: str
    """As on the customer: `zh-Hans`."""
    products: frozenset[str] = frozenset()
    """Of the accounts that are worked, case-folded."""
    care: frozenset[CareSkill] = frozenset()
    last_agent: str = ""
    """Whose the customer's last case was; '' = nobody's."""


@dataclass(frozen=True, slots=True)
class Assignment:
    case_id: int
    customer_id: int
    owner: str
    covered_for: str = ""
    """Whose case it is while the owner covers for them; '' = the owner's own."""


def language_of(tag: str) -> str:
    """The language of a tag, without script and region: one who speaks Chinese speaks to `zh-Hans` and `zh-TW`."""
    return tag.replace("_", "-").partition("-")[0].casefold()


def worker_of(username: str, covers: Mapping[str, str]) -> str:
    """Who works the cases of a person: they themselves, or while they are absent their cover, or the cover's cover.
    Where every one of them is absent: the person, because a case that nobody works is to be seen under its own name.
    `covers`: absent person -> cover."""
    seen, at = {username}, username
    while at in covers:
        at = covers[at]
        if at in seen:
            return username
        seen.add(at)
    return at


def assign(
    cases: Iterable[UnassignedCase], agents: Sequence[Agent], covers: Mapping[str, str]
) -> list[Assignment]:
    """Give cases, in their order, to agents with room: to the customer's last agent (while they are absent: to their
    cover), otherwise to a speaker of the customer's language, then by the other skills, then to the agent with fewest
    cases. A case for which nobody has room is left out. `agents`: those who are active, the absent among them. The
    same cases and agents always give the same answer."""
    by_name = {agent.username: agent for agent in agents}
    present = [agent for agent in agents if agent.username not in covers]
    made = []
    for case in cases:
        last = by_name.get(worker_of(case.last_agent, covers)) if case.last_agent in by_name else None
        is_kept = last is not None and last.username not in covers and last.has_room
        chosen = last if is_kept else _best(case, present)
        if chosen is None:
            continue
        chosen.load += 1
        whose = case.last_agent if is_kept and chosen.username != case.last_agent else ""
        made.append(Assignment(case.case_id, case.customer_id, chosen.username, whose))
    return made


def _best(case: UnassignedCase, present: Sequence[Agent]) -> Agent | None:
    def rank(agent: Agent) -> tuple[bool, int, int, str]:
        speaks = language_of(case.language) in agent.can.languages
        skills = len(case.products & agent.can.products) + len(case.care & agent.can.care)
        return (not speaks, -skills, agent.load, agent.username)

    return min((agent for agent in present if agent.has_room), key=rank, default=None)


def is_absent(first_on: date, last_on: date, on: date) -> bool:
    """Whether a day is one of an absence; both ends belong to it."""
    return first_on <= on <= last_on
