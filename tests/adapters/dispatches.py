"""A dispatch as an adapter gets it; tests change what they are about."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import AsyncSender, Dispatch, SendResult

TO = {
    Channel.SMS: "+12125550142",
    Channel.EMAIL: "alex.rivera@mail.example",
    Channel.POST: "14 Elm Street\nSpringfield, IL 62701",
}


def a_dispatch(channel: Channel, **changes: Any) -> Dispatch:
    values: dict[str, Any] = {
        "key": "41:first_reminder:1:" + channel.value,
        "attempt_id": "attempt-1",
        "channel": channel,
        "to": TO[channel],
        "recipient_name": "Alex Rivera",
        "language": "en",
        "letter": "first_reminder",
        "text": "A payment of $120.00 has not reached us.",
        "business_date": date(2026, 11, 14),
        "sender_name": "First Harbor Bank",
        "subject": "A payment has not reached us",
        "reference": "C-000041",
        "status_callback_url": "https://desk.example/hooks/twilio/status",
        "unsubscribe_url": "https://desk.example/u/token",
    }
    return Dispatch(**{**values, **changes})


def send_now(by: AsyncSender, dispatch: Dispatch) -> SendResult:
    """On an event loop of its own."""

    async def once() -> SendResult:
        outcome = await by.send(dispatch)
        await by.disconnect()
        return outcome

    return asyncio.run(once())
