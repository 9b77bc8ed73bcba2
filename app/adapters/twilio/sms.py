"""SMS through Twilio's REST API.

Twilio has no idempotency key: a request repeated after a lost answer is a second SMS. So nothing here retries, and
only what certainly was not accepted may be tried again; every other answer that fails to arrive is Uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import aiohttp
from twilio.base import values
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.request_validator import RequestValidator
from twilio.rest.api.v2010.account.message import MessageInstance

from app.adapters.twilio.codes import failure_of, number_of, outcome_of
from app.adapters.twilio.http import TIMEOUT_SECONDS, TwilioApi, outcome_of_failure, status_of
from app.core.clock import Clock
from app.outreach.outbox.dispatch import Accepted, Dispatch, Misconfigured, SendResult, TryLater, Uncertain
from app.outreach.outbox.lookup import ProviderMessage
from app.outreach.outbox.rules import OutboxStatus

LISTED = 50
"""Messages to one number that a look-up reads."""
_LISTED_AS = {
    "delivered": OutboxStatus.DELIVERED,
    "read": OutboxStatus.DELIVERED,
    "undelivered": OutboxStatus.UNDELIVERED,
    "failed": OutboxStatus.UNDELIVERED,
    "canceled": OutboxStatus.UNDELIVERED,
}
LONGEST_VALIDITY_SECONDS = 36_000


class TwilioSmsSender:
    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        clock: Clock,
        *,
        api_url: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`sender` is an E.164 number or a messaging service (MG...), where a dispatch names none; `api_url` replaces
        Twilio's own for tests."""
        self._from, self._clock = sender, clock
        self._configured = bool(account_sid and auth_token and sender)
        self._api = TwilioApi(account_sid, auth_token, api_url, timeout_seconds)

    async def disconnect(self) -> None:
        await self._api.disconnect()

    async def send(self, dispatch: Dispatch) -> SendResult:
        """Accepted with Twilio's message SID. Reasons never quote Twilio's texts: they contain the number."""
        if not self._configured:
            return Misconfigured("Twilio account, token or sender number is not set")
        try:
            message = await self._api.client.messages.create_async(
                to=dispatch.to,
                body=dispatch.text,
                status_callback=dispatch.status_callback_url or None,
                validity_period=self._seconds_left(dispatch),
                **_sender(dispatch.line or self._from),
            )
        except (TwilioRestException, TwilioServiceException) as refusal:
            return outcome_of(int(refusal.status), refusal.code)
        except (aiohttp.ClientError, TimeoutError) as failure:
            return outcome_of_failure(failure)
        except Exception as failure:  # any error of the library: the message may be on its way
            return Uncertain(f"Twilio's answer could not be read ({type(failure).__name__})")
        if not message.sid:
            return Uncertain("Twilio's answer names no message")
        if message.to not in (None, dispatch.to):
            return Uncertain("Twilio's answer is about another message")
        return Accepted(str(message.sid))

    def find(self, to: str, *, since: datetime) -> Sequence[ProviderMessage] | TryLater | Misconfigured:
        """Messages to this number on Twilio's own list, made since then, the latest first. Reading it any number of
        times changes nothing."""
        if not self._configured:
            return Misconfigured("Twilio account, token or sender number is not set")
        try:
            # Not by the day it was sent: a message in Twilio's queue has none.
            listed = self._api.run(
                self._api.client.messages.list_async(to=to, limit=LISTED, page_size=LISTED)
            )
            ours = [
                (each, each.date_created) for each in listed if str(each.direction).startswith("outbound")
            ]
            return [_found(each, at) for each, at in ours if at is not None and at >= since]
        except TwilioException as refusal:
            status = status_of(refusal)
            if status in (401, 403, 404):
                return Misconfigured(f"Twilio's list of messages: HTTP {status}")
            return TryLater(f"Twilio's list of messages: HTTP {status}")
        except Exception as failure:
            return TryLater(f"Twilio's list could not be read ({type(failure).__name__})")

    def _seconds_left(self, dispatch: Dispatch) -> int | object:
        """Seconds that Twilio may keep the message in its queue, so that it does not leave after its hours."""
        if dispatch.not_after is None:
            return values.unset
        left = int((dispatch.not_after - self._clock.now()).total_seconds())
        return max(1, min(left, LONGEST_VALIDITY_SECONDS))


def _found(message: MessageInstance, at: datetime) -> ProviderMessage:
    code = number_of(message.error_code)
    return ProviderMessage(
        provider_ref=str(message.sid),
        text=message.body or "",
        at=at.replace(tzinfo=UTC),  # Twilio's dates are GMT
        status=_LISTED_AS.get(str(message.status), OutboxStatus.SENT),
        detail=f"Twilio error {code}" if code else "",
        failure=failure_of(code),
    )


def _sender(line: str) -> dict[str, str]:
    return {"messaging_service_sid" if line.startswith("MG") else "from_": line}


def validate_signature(auth_token: str, url: str, params: Mapping[str, str], signature: str) -> bool:
    """Check that Twilio sent this webhook. `url` is the public one it was told, not the one seen behind a proxy.

    False without a token or signature: an empty key would accept what anybody can compute.
    """
    if not auth_token or not signature:
        return False
    validator = RequestValidator(auth_token)  # type: ignore[no-untyped-call]
    return bool(validator.validate(url, dict(params), signature))  # type: ignore[no-untyped-call]
