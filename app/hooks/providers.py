"""Callbacks of Twilio: delivery reports, and messages from customers. Each is verified and recorded; a job does the
rest.
"""

from __future__ import annotations

import re
from typing import Annotated

import structlog
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from app.core.database.engine import storable
from app.core.errors import Forbidden
from app.http.context import Now, ports_of, settings_of
from app.http.doors import callback
from app.http.routes import Router
from app.http.security import read_form
from app.http.transactions import WriteSession
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.delivery.reports import note_status
from app.outreach.outbox.rules import OutboxStatus

router = Router(prefix="/hooks/twilio")
log = structlog.get_logger("desk.hooks")

MAX_BODY = 64 * 1024
"""Bytes; Twilio's longest message is 1,600 characters."""
STATUS = {
    # It has the message, which we may not know yet.
    "accepted": OutboxStatus.SENT,
    "scheduled": OutboxStatus.SENT,
    "queued": OutboxStatus.SENT,
    "sending": OutboxStatus.SENT,
    "sent": OutboxStatus.SENT,
    "delivered": OutboxStatus.DELIVERED,
    "undelivered": OutboxStatus.UNDELIVERED,
    # Twilio took it and then could not send it: to the customer that is the same as not delivered.
    "failed": OutboxStatus.UNDELIVERED,
}
"""The meaning of each MessageStatus."""
NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML for: send nothing back. Answers go through the outbox."""


def require_signature(request: Request) -> None:
    """Raise Forbidden for a request without the shape of Twilio's signature: 20 bytes in base64."""
    if re.fullmatch(r"[A-Za-z0-9+/]{27}=", request.headers.get("x-twilio-signature", "")) is None:
        log.warning("twilio_callback_refused", configured=ports_of(request).verify_twilio is not None)
        raise Forbidden("The signature is not valid.")


_signed = [callback("Twilio's signature over the URL and every field", require_signature)]


async def signed_fields(request: Request) -> dict[str, str]:
    """Return the form that Twilio posted, without characters that no database takes. Forbidden for a wrong
    signature."""
    form = await read_form(request)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    check = ports_of(request).verify_twilio
    # Signed over the address Twilio was told, which behind a proxy is not the one this process sees.
    url = settings_of(request).public_url.rstrip("/") + request.url.path
    if request.url.query:
        url += f"?{request.url.query}"
    if check is None or not check(url, fields, request.headers.get("x-twilio-signature", "")):
        log.warning("twilio_callback_refused", configured=check is not None)
        raise Forbidden("The signature is not valid.")
    return {name: storable(value) for name, value in fields.items()}


Fields = Annotated[dict[str, str], Depends(signed_fields)]


@router.post("/status", dependencies=_signed, max_body_size=MAX_BODY)
def twilio_status(request: Request, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Record a delivery report. Answered 204 whether or not we know the message: Twilio has nothing to do about
    it."""
    status = STATUS.get(fields.get("MessageStatus", ""))
    if status is not None:
        code = fields.get("ErrorCode", "")
        detail = f"Twilio error {code}" if code.isascii() and code.isdigit() and code != "0" else ""
        attempt, sid = storable(request.query_params.get("attempt", "")), fields.get("MessageSid", "")
        failure = ports_of(request).sms_failure(code)
        known = note_status(
            session, status, detail, attempt_id=attempt, provider_ref=sid, failure=failure, now=now
        )
        log.info("twilio_callback", status=status.value, known=known)
    return Response(status_code=204)


@router.post("/sms", dependencies=_signed, max_body_size=MAX_BODY)
def twilio_sms(request: Request, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Receive a message from a customer. It is recorded, and obeyed if it is a refusal, before Twilio gets its
    answer."""
    media = fields.get("NumMedia", "")
    arrived = Arrived(
        provider_ref=fields.get("MessageSid", ""),
        sender=fields.get("From", ""),
        recipient=fields.get("To", ""),
        body=fields.get("Body", ""),
        media=int(media) if media.isascii() and media.isdigit() and len(media) < 3 else 0,
        opt_out_type=fields.get("OptOutType", ""),
    )
    if arrived.provider_ref:
        message = receive(session, arrived, shipped_phrases(), ports_of(request).catalog, now=now)
        log.info("twilio_sms", repeated=message is None)
    return Response(NO_ANSWER, media_type="text/xml")
