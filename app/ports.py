"""Composition root: the only file that chooses adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.clock import Clock, SystemClock
from app.outreach.rules import Sender
from app.timeline.rules import Channel


@dataclass(frozen=True)
class Ports:
    """Everything outside the process that the product talks to."""

    clock: Clock
    senders: Mapping[Channel, Sender]


__all__ = ["Ports", "SystemClock"]
