"""The batch review: the gate over one night, in which many contacts are reviewed for the same hours to come.

It gives the answers of `ReviewRequest.answer` and the texts of `request_text`, to the letter; a test compares them.
Most customers of a night have nothing on file that tells them apart: `gather_facts` gives them the same facts, and so
the answer about one of them holds for the others.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import NamedTuple

import orjson

from app.core.types import Cells
from app.outreach.gate.decisions import ReviewRequest, request_text
from app.policy.answers import Answer, Clearance
from app.policy.facts import Contact, Facts
from app.policy.pack import Pack
from app.policy.review import review, review_within


class _SharedAnswer(NamedTuple):
    """The answer for all customers with the same facts, about the same contact but for its address."""

    facts: Facts
    """Kept, so that no other object takes its `id`."""
    window: tuple[datetime, datetime] | None
    """The window in which all of them are cleared; None = they are not."""
    before: str
    """`request_text` up to the address."""
    after: str


class BatchReview:
    """The reviews of one night, which share the answers of customers with the same facts."""

    def __init__(self, at: datetime, until: datetime) -> None:
        self.at, self.until = at, until
        self._opening: dict[Cells, datetime | None] = {}
        self._known: dict[Cells, _SharedAnswer] = {}

    def ask(self, contact: Contact, facts: Facts, pack: Pack) -> tuple[ReviewRequest, Answer, str]:
        """The request, its answer, and its text as it is kept."""
        asked = ReviewRequest(contact, facts, self.at, self.until)
        if facts.history or facts.preferences or not contact.address:  # else no rule looks at the address
            return asked, self._answer(asked, pack), request_text(asked)
        key = (id(facts), pack.label, *_sort(contact))
        known = self._known.get(key)
        if known is None:
            answer, text = self._answer(asked, pack), request_text(asked)
            before, spelled, after = text.partition(f'"address":{_json(contact.address)}')
            window = (answer.not_before, answer.not_after) if isinstance(answer, Clearance) else None
            if spelled:
                self._known[key] = _SharedAnswer(facts, window, f'{before}"address":', after)
            return asked, answer, text
        text = f"{known.before}{_json(contact.address)}{known.after}"
        if known.window is None:
            return asked, self._answer(asked, pack), text
        return asked, Clearance(contact, *known.window, pack.label), text

    def _answer(self, asked: ReviewRequest, pack: Pack) -> Answer:
        """Most contacts only wait for the morning, so that moment is reviewed first. A contact that is cleared then has
        no objection left that lasts longer."""
        opening = self._opens(asked, pack)
        if opening is not None:
            answer = review(asked.contact, asked.facts, pack, opening)
            if isinstance(answer, Clearance):
                return answer
        return asked.answer(pack)

    def _opens(self, asked: ReviewRequest, pack: Pack) -> datetime | None:
        """The first moment at which a customer without any objection of their own could be contacted."""
        contact, zones = asked.contact, asked.facts.timezones
        key = (pack.label, contact.channel, contact.purpose, contact.letter, contact.language, zones)
        if key not in self._opening:
            willing = Facts(zones, consent={contact.channel: True})
            anybody = dataclasses.replace(contact, address="anywhere", flaw="")
            answer = review_within(anybody, willing, pack, self.at, self.until)
            self._opening[key] = answer.not_before if isinstance(answer, Clearance) else None
        return self._opening[key]


def _sort(contact: Contact) -> Cells:
    """Every field of a contact but the address."""
    return (
        contact.channel, contact.purpose, contact.letter, contact.blocks, contact.language, contact.account,
        contact.flaw,
    )  # fmt: skip


def _json(text: str) -> str:
    return orjson.dumps(text).decode()
