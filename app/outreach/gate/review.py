"""The gate over one night, in which many are asked at the same moment about the same hours to come.

It gives the answers of `Asked.answer` and the texts of `asked_text`, to the letter; a test compares them. Most people
of a night have nothing on file that could tell them apart: `gather_facts` gives them the same facts, and so what was
found out about one of them holds for the others.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.outreach.gate.decisions import Asked, asked_text
from app.policy.answers import Answer, Clearance
from app.policy.facts import Contact, Facts
from app.policy.pack import Pack
from app.policy.review import review, review_within


class _Known(NamedTuple):
    """What holds for everybody to whom the same is to be said and of whom the same is known."""

    facts: Facts
    """Kept, so that its `id` is nobody else's."""
    window: tuple[datetime, datetime] | None
    """In which all of them are cleared; None = they are not."""
    before: str
    """`asked_text` up to the address."""
    after: str


class Gate:
    def __init__(self, at: datetime, until: datetime) -> None:
        self.at, self.until = at, until
        self._opening: dict[tuple[Any, ...], datetime | None] = {}
        self._known: dict[tuple[Any, ...], _Known] = {}

    def ask(self, contact: Contact, facts: Facts, pack: Pack) -> tuple[Asked, Answer, str]:
        """The question, its answer and its text as it is kept."""
        asked = Asked(contact, facts, self.at, self.until)
        if facts.history or facts.preferences or not contact.address:  # else no rule looks at the address
            return asked, self._answer(asked, pack), asked_text(asked)
        key = (id(facts), pack.label, *_sort(contact))
        known = self._known.get(key)
        if known is None:
            answer, text = self._answer(asked, pack), asked_text(asked)
            before, spelled, after = text.partition(f'"address":{_json(contact.address)}')
            window = (answer.not_before, answer.not_after) if isinstance(answer, Clearance) else None
            if spelled:
                self._known[key] = _Known(facts, window, f'{before}"address":', after)
            return asked, answer, text
        text = f"{known.before}{_json(contact.address)}{known.after}"
        if known.window is None:
            return asked, self._answer(asked, pack), text
        return asked, Clearance(contact, *known.window, pack.label), text

    def _answer(self, asked: Asked, pack: Pack) -> Answer:
        """Most only wait for the morning: they are asked about that moment first. Who may be contacted then has no
        objection left that would last longer."""
        opening = self._opens(asked, pack)
        if opening is not None:
            answer = review(asked.contact, asked.facts, pack, opening)
            if isinstance(answer, Clearance):
                return answer
        return asked.answer(pack)

    def _opens(self, asked: Asked, pack: Pack) -> datetime | None:
        """When somebody of whom nothing speaks against it could be contacted."""
        contact, zones = asked.contact, asked.facts.timezones
        key = (pack.label, contact.channel, contact.purpose, contact.letter, contact.language, zones)
        if key not in self._opening:
            willing = Facts(zones, consent={contact.channel: True})
            anybody = dataclasses.replace(contact, address="anywhere", flaw="")
            answer = review_within(anybody, willing, pack, self.at, self.until)
            self._opening[key] = answer.not_before if isinstance(answer, Clearance) else None
        return self._opening[key]


def _sort(contact: Contact) -> tuple[Any, ...]:
    """All of a contact but the address."""
    return (
        contact.channel, contact.purpose, contact.letter, contact.blocks, contact.language, contact.account,
        contact.flaw,
    )  # fmt: skip


def _json(text: str) -> str:
    return orjson.dumps(text).decode()
