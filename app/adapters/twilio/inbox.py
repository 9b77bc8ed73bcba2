"""SMS from customers, as Twilio's own list has them: for those that our webhook missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter

from twilio.base.exceptions import TwilioException
from twilio.rest.api.v2010.account.message import MessageInstance

from app.adapters.twilio.http import TwilioApi, status_of
from app.inbound.rules import Arrived
from app.outreach.outbox.dispatch import Misconfigured, TryLater

AT_MOST = 5_000
"""Messages to one number that are read, the latest first."""
PAGE = 1_000


class TwilioInbox:
    def __init__(self, account_sid: str, auth_token: str, lines: Sequence[str], *, api_url: str = "") -> None:
        """`lines` are E.164 numbers of ours, or messaging services (MG...), whose numbers Twilio tells."""
        self._lines = tuple(lines)
        self._api = TwilioApi(account_sid, auth_token, api_url)

    def arrived(self, *, since: datetime) -> Sequence[Arrived] | TryLater | Misconfigured:
        """Messages that came to our numbers since then, the oldest first. Other numbers of the account are left out:
        they may belong to another business."""
        try:
            listed = self._api.run(self._listed(since))
        except TwilioException as refusal:
            status = status_of(refusal)
            reason = f"Twilio's list of messages: HTTP {status}"
            return Misconfigured(reason) if status in (401, 403, 404) else TryLater(reason)
        except Exception as failure:
            return TryLater(f"Twilio's list could not be read ({type(failure).__name__})")
        listed.sort(key=itemgetter(0))
        return [_arrived(message, at) for at, message in listed if at >= since]

    async def _listed(self, since: datetime) -> list[tuple[datetime, MessageInstance]]:
        return [
            (message.date_created.replace(tzinfo=UTC), message)  # Twilio's dates are GMT
            for number in await self._numbers()
            # The list knows days of dispatch only; the hour is asked of what it gives.
            for message in await self._api.client.messages.list_async(
                to=number, date_sent_after=since.date(), limit=AT_MOST, page_size=PAGE
            )
            if message.date_created is not None and str(message.direction) == "inbound"
        ]

    async def _numbers(self) -> list[str]:
        numbers = [line for line in self._lines if not line.startswith("MG")]
        for line in self._lines:
            if line.startswith("MG"):
                service = self._api.client.messaging.v1.services(line)
                numbers += [each.phone_number or "" for each in await service.phone_numbers.list_async()]
                numbers += [each.short_code or "" for each in await service.short_codes.list_async()]
        return numbers


def _arrived(message: MessageInstance, at: datetime) -> Arrived:
    media = message.num_media or ""
    return Arrived(
        provider_ref=str(message.sid),
        sender=message.from_ or "",
        recipient=message.to or "",
        body=message.body or "",
        media=int(media) if media.isdigit() and len(media) < 3 else 0,
        at=at,
    )
