"""Transport of letters to representatives: e-mail to a debt adviser, whose authority is judged again as it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.timeline.service import Heads, record_many
from app.core.vocabulary import Channel
from app.outreach.delivery.moves import Postpone, Withhold, result_event
from app.outreach.delivery.recheck import too_old
from app.outreach.delivery.transports import Candidate, ProviderRequest
from app.outreach.gate.contact_cases import STALE_AFTER, load_contact_cases
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.dispatch import AsyncSender, Dispatch, Sender, SendResult, Undeliverable
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import Destination
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.representatives.addresses import close_address
from app.outreach.planning.representatives.facts import agreement_now, mandate_of, question
from app.outreach.planning.representatives.rules import no_longer_so, why_not_written_to
from app.outreach.planning.wording import message_context
from app.policy.answers import Clearance, WaitUntil
from app.policy.facts import Suppression

WAIT = timedelta(minutes=10)
"""While e-mail is stopped, these letters are looked at again after this time."""


@dataclass(frozen=True)
class RepresentativeTransport:
    """Serves the destination `adviser` of the outbox. Each letter is rechecked under its customer's lock: whoever ends
    an authority or an agreement holds it too."""

    sender: Sender | AsyncSender
    catalog: LetterCatalog
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
        if is_stopped(session, Destination.EMAIL):
            return [Postpone(now + WAIT, "e-mail is stopped") for _ in rows]
        return [self._judge(session, row, now) for row in rows]

    def _judge(
        self, session: Session, row: OutboxMessage, now: datetime
    ) -> ProviderRequest | Withhold | Postpone:
        portfolio = session.get_one(Portfolio, row.portfolio_id)
        today = local_date(now, portfolio.timezone)
        if today - row.business_date > STALE_AFTER:
            return too_old(row)
        letter = session.get_one(PartyLetter, row.party_letter_id)
        party, plan = session.get_one(ThirdParty, letter.party_id), session.get_one(Plan, letter.plan_id)
        if party.customer_id != row.customer_id or plan.customer_id != row.customer_id:
            return Withhold("the adviser or the agreement belongs to another customer", {})
        [contact_case] = load_contact_cases(session, portfolio, [row.case_id], now=now, as_of=today)
        why = why_not_written_to(mandate_of(session, party, contact_case, today))
        if not why and party.email != row.address:
            why = "the adviser's address has changed since it was written"
        why = why or no_longer_so(
            letter.occasion, letter.change_id, agreement_now(session, plan, contact_case)
        )
        if why:
            return Withhold(why, {})
        flaw = Letterhead.of(portfolio).unreachable
        asked = question(session, contact_case, party, row.letter, row.language, flaw, now=now, waits=False)
        answer = asked.answer(contact_case.pack)
        if isinstance(answer, Clearance):
            row.not_after = answer.not_after
            return partial(self.sender.send, _dispatch(row, portfolio))
        keep_pack(session, contact_case.pack, now=now)
        rules = ", ".join(reason.rule for reason in answer.reasons)
        if isinstance(answer, WaitUntil):
            return Postpone(answer.at, rules, (asked, answer))
        return Withhold(f"the gate refused it: {rules}", {}, (asked, answer))

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
            if isinstance(result, Undeliverable) and result.no_such_address:
                close_address(
                    session, row.address, Suppression.REFUSED, result.reason[:300], by=SYSTEM, now=now
                )

    async def disconnect(self) -> None:
        if isinstance(self.sender, AsyncSender):
            await self.sender.disconnect()


def _dispatch(row: OutboxMessage, portfolio: Portfolio) -> Dispatch:
    """The e-mail as the adapter gets it: without the customer's link to unsubscribe, which would act in their name."""
    return Dispatch(
        key=row.reference,
        attempt_id=row.attempt_id,
        channel=Channel.EMAIL,
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
