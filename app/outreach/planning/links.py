"""Personal links: each opens one customer's page, or one question to them, is signed, and ends by itself."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b, sha256
from typing import NamedTuple

from app.core.vocabulary import Channel

LINK_EPOCH = date(2020, 1, 6)
LINK_WEEKS = 57
"""A customer's link opens their page for thirteen months; then it only stops messages, which it does for ever."""


class PersonalLink(NamedTuple):
    """The customer whose page a link opens, and which of their links it is."""

    customer_id: int
    channel: Channel
    number: int
    """As the customer's row has it when the link is made: older ones only stop messages."""
    week: int
    """In which it was made, counted from LINK_EPOCH."""

    def has_ended(self, today: date) -> bool:
        """True if the link can only stop messages by then."""
        return _week_of(today) - self.week > LINK_WEEKS


QUESTION = "score"
"""Last part of the address of a question's page."""
_ASKS = "ask"


class QuestionLink(NamedTuple):
    """The satisfaction question that a link opens. Its row says until when it may be answered."""

    case_id: int
    occurrence: int
    number: int
    """The customer's link number when it was made: a question behind a replaced link opens no more."""


@dataclass(frozen=True)
class LinkSigner:
    """Makes and reads the tokens of personal links, under the installation's secret."""

    public_url: str
    secret: str

    def url(self, customer_id: int, channel: Channel, link_number: int = 0, *, on: date) -> str:
        """The customer's page, as a message of the day `on` and this channel names it. `link_number` as the customer's
        row has it."""
        link = PersonalLink(customer_id, channel, link_number, _week_of(on))
        return f"{self.public_url}/u/{self._token(link)}"

    def read(self, token: str) -> PersonalLink | None:
        """The link whose token this is, None if we did not make it."""
        parts = token.split(".")
        customer, channel, made = (*parts, "", "", "")[:3]
        number, _, week = made.partition("w")
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (customer, number, week)):
            return None
        if len(parts) != 4 or channel not in set(Channel):
            return None
        link = PersonalLink(int(customer), Channel(channel), int(number), int(week))
        ours = hmac.compare_digest(self._token(link).encode(), token.encode("utf-8", "replace"))
        return link if ours else None

    def question_url(self, case_id: int, occurrence: int, link_number: int = 0) -> str:
        """The page that asks how satisfied a customer is: the `occurrence`th question of their case. `link_number` as
        the customer's row has it."""
        token = self._question_token(QuestionLink(case_id, occurrence, link_number))
        return f"{self.public_url}/u/{token}/{QUESTION}"

    def read_question(self, token: str) -> QuestionLink | None:
        """The question whose token this is, None if we did not make it. No token opens both this and a customer's
        page."""
        case, kind, made_of = (*token.split("."), "", "", "")[:3]
        occurrence, _, number = made_of.partition("w")
        if kind != _ASKS or not all(
            part.isascii() and part.isdigit() and len(part) < 19 for part in (case, occurrence, number)
        ):
            return None
        link = QuestionLink(int(case), int(occurrence), int(number))
        made = self._question_token(link).encode()
        return link if hmac.compare_digest(made, token.encode("utf-8", "replace")) else None

    def _question_token(self, link: QuestionLink) -> str:
        # Spelt like the other link, so that one pattern finds both where links are hidden (`redact_links`).
        body = f"{link.case_id}.{_ASKS}.{link.occurrence}w{link.number}"
        mac = blake2b(body.encode(), key=self._key, person=b"satisfaction", digest_size=18).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).decode()}"

    def _token(self, link: PersonalLink) -> str:
        body = f"{link.customer_id}.{link.channel}.{link.number}w{link.week}"
        mac = blake2b(body.encode(), key=self._key, person=b"unsubscribe", digest_size=18).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).decode()}"

    @cached_property
    def _key(self) -> bytes:
        return sha256(self.secret.encode()).digest()


def _week_of(day: date) -> int:
    return (day - LINK_EPOCH).days // 7
