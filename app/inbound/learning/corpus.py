"""Lines from which the intent model learns: shipped samples, phrases, cues, and messages that people decided about."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import Intent, ReviewOutcome
from app.casework.recognition.cues import CUES
from app.casework.recognition.model import ORDINARY
from app.core.database.engine import table_of
from app.inbound.phrases.phrasebook import shipped_phrases

SAMPLES = Path(__file__).with_name("samples.toml")
LABEL_OF: Mapping[Intent, str] = {
    Intent.STOP: "stop",
    Intent.CEASE: "stop",
    Intent.WRONG_NUMBER: "wrong_number",
    Intent.DISPUTE: "dispute",
    Intent.HARDSHIP: "hardship",
    Intent.COMPLAINT: "complaint",
    Intent.SUPPORT_NEED: "support_need",
    Intent.PROMISE: "promise",
    Intent.QUESTION: "question",
    Intent.HELP: "question",
    Intent.PAID: ORDINARY,
    Intent.CALL_ME: ORDINARY,
}
SHORTEST_PHRASE = 4
"""Characters: a shorter phrase is a keyword, which the phrase list knows."""
MOST_MESSAGES = 20_000
"""Decided messages that are learned from, the latest first."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    label: str
    tests: bool = True
    """A whole answer, by which a model is measured; phrases and cues only teach."""


def shipped_lines() -> Iterator[Line]:
    """Our own samples, and the phrases and cues of the lists."""
    for label, languages in tomllib.loads(SAMPLES.read_text(encoding="utf-8")).items():
        for texts in languages.values():
            yield from (Line(text, label) for text in texts)
    for phrase in shipped_phrases().phrases:
        if phrase.means in LABEL_OF and len(phrase.words) >= SHORTEST_PHRASE:
            yield Line(phrase.words, LABEL_OF[phrase.means], tests=False)
    strong = tomllib.loads(CUES.read_text(encoding="utf-8"))["complaint"]["strong"]
    for cues in strong.values():
        yield from (Line(cue.replace("*", ""), "complaint", tests=False) for cue in cues)


def decided_lines(session: Session) -> Iterator[Line]:
    """Messages that a person decided about: a refusal, a reading that stands, or one that was wrong and is ordinary."""
    message = table_of(InboundMessage)
    decided = (ReviewOutcome.STOPPED, ReviewOutcome.STANDS, ReviewOutcome.LIFTED)
    query = (
        sa.select(message.c.body, message.c.intents, message.c.outcome)
        .where(message.c.outcome.in_(decided), message.c.body != "", message.c.keyword.is_(False))
        .order_by(message.c.id.desc())
        .limit(MOST_MESSAGES)
    )
    for body, intents, outcome in session.execute(query):
        label = label_of_decision(ReviewOutcome(outcome), intents)
        if label:
            yield Line(body, label)


def label_of_decision(outcome: ReviewOutcome, intents: str) -> str:
    """What a person's decision says about the words; '' = nothing that can be learned."""
    if outcome is ReviewOutcome.STOPPED:
        return "stop"
    if outcome is ReviewOutcome.LIFTED:
        return ORDINARY
    named = [LABEL_OF.get(Intent(name), "") for name in intents.split(",") if name]
    return next(filter(None, named), "")
