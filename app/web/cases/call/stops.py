"""The strongest reason to leave a customer alone, as one line over the case page, in agreement with the gate. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from app.core.vocabulary import HOLD_TRAITS, Channel, HoldKind
from app.policy.answers import Reason

LEGAL_RULE = "desk.with_legal"
ALLOWED = "Contact is allowed"


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason to leave the customer alone, and what to do in place of a contact."""

    title: str
    instead: str
    reason: str = ""
    """The words in which the hold was placed."""
    others: bool = False
    """Somebody else is contacted in the customer's place."""
    calls: bool = True
    """They are not called now."""
    messages: bool = True
    """No reminder is sent now, on any channel."""

    @property
    def forbids(self) -> bool:
        """False where the gate lets a contact pass all the same: the line then says so, and is no warning."""
        return self.calls or self.messages


DO_NOT_CONTACT = "Do not contact"
WITH_LEGAL = Stop(
    f"{DO_NOT_CONTACT}: the case is with the legal team.", "Tell the legal team what the customer says."
)
MESSAGES = frozenset(Channel) - {Channel.CALL}


@dataclass(frozen=True, slots=True)
class Objected:
    """What the gate objects to now: the channels that each kind of hold, and a case with the legal team, stop."""

    holds: Mapping[HoldKind, Collection[Channel]]
    with_legal: Collection[Channel] = ()


EVERYTHING = Objected(dict.fromkeys(HoldKind, tuple(Channel)), tuple(Channel))
"""The gate stops every channel for every reason."""


def objected(answers: Iterable[tuple[Channel, Iterable[Reason]]]) -> Objected:
    """What stands in the gate's answers: (channel, its reasons)."""
    holds: dict[HoldKind, set[Channel]] = {}
    legal: set[Channel] = set()
    for channel, reasons in answers:
        for reason in reasons:
            if reason.rule == LEGAL_RULE:
                legal.add(channel)
            elif (kind := reason.figures.get("hold")) in set(HoldKind):
                holds.setdefault(HoldKind(str(kind)), set()).add(channel)
    return Objected(holds, legal)


def strongest_stop(
    holds: Mapping[HoldKind, str],
    found: Objected,
    *,
    with_legal: bool,
    representatives: Collection[str] = (),
) -> Stop | None:
    """Return the line about open holds (kind -> its reason) and a referral that weighs most: what the gate stops first,
    then the strongest kind. None = there is nothing to say."""
    lines = []
    for kind, traits in HOLD_TRAITS.items():
        meaning, instead = traits.stop
        if meaning and kind in holds:
            named = f"Contact instead: {', '.join(representatives)}." if representatives else instead
            others = bool(representatives) or kind in (HoldKind.DECEASED, HoldKind.ATTORNEY)
            line = Stop(in_lower(meaning), named, holds[kind], others)
            lines.append(_as_judged(line, found.holds.get(kind, ())))
    if with_legal:
        lines.append(
            _as_judged(replace(WITH_LEGAL, title="the case is with the legal team."), found.with_legal)
        )
    return next(iter(sorted(lines, key=lambda line: -(line.calls + line.messages))), None)


def _as_judged(line: Stop, channels: Collection[Channel]) -> Stop:
    """The line with the channels that the gate stops in its title."""
    calls, messages = Channel.CALL in channels, frozenset(channels) >= MESSAGES
    verb = {
        (True, True): DO_NOT_CONTACT,
        (True, False): "Do not call",
        (False, True): "Send no reminder; a call is allowed",
        (False, False): ALLOWED,
    }[calls, messages]
    return replace(line, title=f"{verb}: {line.title}", calls=calls, messages=messages)


def in_lower(meaning: str) -> str:
    return meaning[:1].lower() + meaning[1:]
