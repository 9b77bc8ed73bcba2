"""Transport of letters to representatives, one by one: to a debt adviser, whose authority is judged again as it leaves.
Where a day's letters are printed as one batch, theirs are among them (`delivery/printing.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.core.actor import SYSTEM
from app.core.timeline.service import Heads, record_many
from app.core.vocabulary import Channel
from app.outreach.delivery.moves import Postpone, Withhold, result_event
from app.outreach.delivery.representatives.recheck import recheck_letter
from app.outreach.delivery.representatives.statements import ClearedLetter
from app.outreach.delivery.transports import Candidate, ProviderRequest
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.dispatch import AsyncSender, Dispatch, Sender, SendResult, Undeliverable
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import BY_CHANNEL, Destination
from app.outreach.planning.representatives.addresses import close_address
from app.outreach.planning.wording import message_context
from app.policy.facts import Suppression

WAIT = timedelta(minutes=10)
"""While e-mail or post is stopped, these letters are looked at again after this time."""


@dataclass(frozen=True)
class RepresentativeTransport:
    """Serves a destination of letters to advisers. Each letter is rechecked under its customer's lock: whoever ends an
    authority or an agreement holds it too."""

    sender: Sender | AsyncSender
    channel: Channel = Channel.EMAIL
    in_flight: int = 1
    pace: None = None
    lines: tuple[str, ...] = ("",)
    repeatable: bool = False

    def line(self, row: OutboxMessage) -> str:
        del row
        return ""

    def recheck_without_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Candidate | None]:
        del session, now
        return [None] * len(rows)

    def recheck_under_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[ProviderRequest | Withhold | Postpone]:
        ours = Destination(self.channel.value)
        if is_stopped(session, ours):
            return [Postpone(now + WAIT, f"{ours.value} is stopped") for _ in rows]
        return [self._judge(session, row, now) for row in rows]

    def _judge(
        self, session: Session, row: OutboxMessage, now: datetime
    ) -> ProviderRequest | Withhold | Postpone:
        portfolio = session.get_one(Portfolio, row.portfolio_id)
        verdict = recheck_letter(session, portfolio, row, now=now)
        if isinstance(verdict, ClearedLetter):
            return partial(self.sender.send, dispatch_to_representative(row, portfolio))
        return verdict

    def record_results(
        self,
        session: Session,
        finished: Sequence[tuple[OutboxMessage, SendResult]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        told = [result_event(row, result) for row, result in finished]
        events = [event for event in told if event is not None]
        record_many(session, events, by=SYSTEM, now=now, locked=heads)
        for row, result in finished:
            is_mail = row.destination is Destination.ADVISER
            if is_mail and isinstance(result, Undeliverable) and result.no_such_address:
                close_address(
                    session, row.address, Suppression.REFUSED, result.reason[:300], by=SYSTEM, now=now
                )

    async def disconnect(self) -> None:
        if isinstance(self.sender, AsyncSender):
            await self.sender.disconnect()


def dispatch_to_representative(row: OutboxMessage, portfolio: Portfolio) -> Dispatch:
    """The letter as an adapter gets it: without the customer's link to unsubscribe, which would act in their name."""
    return Dispatch(
        key=row.reference,
        attempt_id=row.attempt_id,
        channel=BY_CHANNEL[row.destination],
        to=row.address,
        recipient_name=row.recipient,
        language=row.language,
        letter=row.letter,
        text=row.text,
        business_date=row.business_date,
        sender_name=portfolio.agency or portfolio.creditor,
        subject=row.subject,
        html=row.html,
        reference=case_reference(row.case_id),
        not_after=row.not_after,
        context=message_context(row),
    )
