"""Which of many cases move to whom, and why the others stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.casework.assignment.rules import Agent, language_of
from app.casework.assignment.stays import StayReason

MOST_MOVED = 2000
"""Cases of one move."""
PREVIEW_HOLDS = timedelta(hours=1)
UNDO_WITHIN = timedelta(hours=24)
RELATION_DAYS = 14
"""A conversation within so many days makes a customer the owner's own. A house rule."""


@dataclass(frozen=True, slots=True)
class MovableCase:
    """A case that a manager chose, as it stands now. Amounts in minor units of its portfolio's currency."""

    case_id: int
    customer_id: int
    portfolio_id: int
    language: str
    owner: str
    covered_for: str = ""
    is_open: bool = True
    is_called: bool = False
    """A colleague is on the telephone about it."""
    is_held: bool = False
    is_known: bool = False
    """The customer has a callback, an agreement or a late conversation with the owner, or needs the same colleague."""
    past_due_minor: int = 0
    balance_minor: int = 0

    @property
    def whose(self) -> str:
        """The person whose case it is, also while a colleague covers for them; '' = nobody's."""
        return self.covered_for or self.owner


@dataclass(frozen=True, slots=True)
class MoveTerms:
    """How cases are to move."""

    returns: bool = False
    """True: until the person whose case it is is back; False: for good."""
    overruled: frozenset[StayReason] = frozenset()
    absent: frozenset[str] = frozenset()
    """User names of who is absent today."""
    spoken: frozenset[str] = frozenset()
    """Languages that anybody of the team has on record. What nobody speaks keeps no case."""


@dataclass(frozen=True, slots=True)
class PlannedMove:
    case: MovableCase
    to: str = ""
    """'' = it stays."""
    why: tuple[StayReason, ...] = ()
    """Every reason for which it stays."""


def standing_reasons(case: MovableCase, terms: MoveTerms) -> list[StayReason]:
    """Every reason of the case itself for which it stays, those that are overruled left out."""
    found = []
    if not case.is_open:
        found.append(StayReason.CLOSED)
    if case.is_called:
        found.append(StayReason.CALL)
    if terms.returns:
        if case.whose not in terms.absent:
            found.append(StayReason.NOT_ABSENT)
    else:
        if case.covered_for:
            found.append(StayReason.COVERED)
        if case.is_known and case.owner:
            found.append(StayReason.RELATION)
    if case.is_held:
        found.append(StayReason.HOLD)
    return [reason for reason in found if reason not in terms.overruled]


def plan_moves(
    cases: Iterable[MovableCase], receivers: Sequence[Agent], terms: MoveTerms
) -> list[PlannedMove]:
    """Give each case, in order, to the receiver who speaks its language, has room and has fewest cases; name every
    reason for which one stays. `load` of the receivers grows. The same input always gives the same answer."""
    made = []
    for case in cases:
        why = standing_reasons(case, terms)
        others = [agent for agent in receivers if agent.username not in _no_change(case, terms)]
        chosen, hindrance = _receiver(case, others, terms)
        if hindrance is not None:
            why.append(hindrance)
        if why or chosen is None:
            made.append(PlannedMove(case, "", tuple(why)))
            continue
        chosen.load += 1
        made.append(PlannedMove(case, chosen.username))
    return made


def _no_change(case: MovableCase, terms: MoveTerms) -> set[str]:
    """Receivers with whom nothing would change: who works it as it would be worked."""
    is_same = bool(case.covered_for) == terms.returns
    return {case.owner} if is_same else set()


def _receiver(
    case: MovableCase, receivers: Sequence[Agent], terms: MoveTerms
) -> tuple[Agent | None, StayReason | None]:
    if not receivers:
        return None, StayReason.SAME
    roomy = [agent for agent in receivers if agent.has_room]
    if not roomy and StayReason.FULL not in terms.overruled:
        return None, StayReason.FULL
    language = language_of(case.language)
    chosen = min(
        roomy or receivers, key=lambda each: (language not in each.can.languages, each.load, each.username)
    )
    misses = language in terms.spoken and language not in chosen.can.languages
    if misses and StayReason.LANGUAGE not in terms.overruled:
        return None, StayReason.LANGUAGE
    return chosen, None


@dataclass(frozen=True, slots=True)
class Promised:
    """A case of a preview: who had it, and who is to have it."""

    case_id: int
    from_owner: str
    from_covered_for: str
    to: str


def still_true(
    planned: Promised, case: MovableCase | None, receivers: Mapping[str, Agent], terms: MoveTerms
) -> tuple[StayReason, ...]:
    """Why a planned case does not move after all; () = the preview is still true of it. `receivers`: those who are
    present; the load of the one who gets the case grows."""
    if case is None:
        return (StayReason.CLOSED,)
    why = standing_reasons(case, terms)
    if (case.owner, case.covered_for) != (planned.from_owner, planned.from_covered_for):
        why.append(StayReason.OWNER)
    receiver = receivers.get(planned.to)
    if receiver is None:
        why.append(StayReason.RECEIVER)
    elif not receiver.has_room and StayReason.FULL not in terms.overruled:
        why.append(StayReason.FULL)
    if not why and receiver is not None:
        receiver.load += 1
    return tuple(dict.fromkeys(why))


def undo_until(moved_at: datetime) -> datetime:
    return moved_at + UNDO_WITHIN
