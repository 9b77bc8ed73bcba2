"""Console: prints each message as one line on standard error and sends nothing; for the demo and for development."""

from __future__ import annotations

import sys
from collections import deque
from typing import TextIO

import structlog

from app.core.text import counted
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult

KEEP = 1000
"""Number of messages a sender remembers; older ones are forgotten."""


class ConsoleSender:
    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream` is standard error unless given: standard output belongs to commands that print JSON."""
        self.sent: deque[Dispatch] = deque(maxlen=KEEP)
        # Its own wrapper: how much the rest of the program logs is no reason to be silent here.
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(stream or sys.stderr),
            wrapper_class=structlog.BoundLogger,
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )

    def send(self, dispatch: Dispatch) -> SendResult:
        self.sent.append(dispatch)
        self._log.info(
            "message.not_really_sent",
            channel=dispatch.channel.value,
            to=masked(dispatch.channel, dispatch.to),
            letter=dispatch.letter,
            language=dispatch.language,
            key=dispatch.key,
            characters=len(dispatch.text),
        )
        return Accepted(f"console:{dispatch.attempt_id}", console_only=True)


def masked(channel: Channel, to: str) -> str:
    """Shorten an address: enough to tell two apart by eye, too little to reach anybody."""
    if channel is Channel.EMAIL:
        local, _, domain = to.rpartition("@")
        return f"{local[:1]}***@{domain}"
    if channel is Channel.POST:
        return f"({counted(len(to.splitlines()), 'line')})"
    return f"***{to[-2:]}"
