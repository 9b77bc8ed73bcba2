"""Whether a person who stands in for the customer may be contacted, in words, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core.text import sentence
from app.policy.answers import Answer, Clearance, WaitUntil
from app.web.timeline import PageReader


@dataclass(frozen=True, slots=True)
class Contactable:
    """One way to contact a person: whether it may be used now, and why not."""

    may: bool
    words: str
    """Until when, or why not, as a sentence."""


@dataclass(frozen=True, slots=True)
class LetterShown:
    """A letter as it would leave now."""

    contact: Contactable
    channel: str
    to: str
    lang: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class StandIn:
    call: Contactable
    letter: LetterShown | None
    """None = the desk has no letter to them."""
    checked_at: datetime | None
    """Their identity was checked, a short time ago."""


def contactable(why: str, answer: Answer | None, there: PageReader) -> Contactable:
    if why or answer is None:
        return Contactable(may=False, words=sentence(why))
    if isinstance(answer, Clearance):
        return Contactable(
            may=True, words=f"Until {there.clock(answer.not_after)}." if answer.not_after else ""
        )
    reasons = " ".join(sentence(there.plain(reason.detail)) for reason in answer.reasons[:2])
    waits = f"Not before {there.instant(answer.at)}. " if isinstance(answer, WaitUntil) else ""
    return Contactable(may=False, words=f"{waits}{reasons}")
