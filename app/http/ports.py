"""Ports to the world outside the process, as the programs hand them to pages and to delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from app.core.clock import Clock
from app.core.vocabulary import Channel
from app.legal.bundle.service import Seal
from app.legal.handover.transport import BundleTransport, LegalDesk
from app.outreach.delivery.representatives.transport import RepresentativeTransport
from app.outreach.delivery.transports import ContactTransport, Transport
from app.outreach.outbox.dispatch import AsyncSender, Failure, Sender
from app.outreach.outbox.lookup import Lookup
from app.outreach.outbox.printing import Paper, Press, PrintService
from app.outreach.outbox.rules import TO_ADVISERS, Destination, Pace
from app.outreach.planning.letterhead import LetterCatalog


class Traffic(NamedTuple):
    """Limits on how fast a channel's messages may leave; as `ContactTransport` takes them."""

    in_flight: int = 1
    pace: Pace | None = None
    lines: tuple[str, ...] = ("",)


def _no_failure(_code: str) -> Failure | None:
    return None


@dataclass(frozen=True)
class Ports:
    """Ports that pages and delivery use; a worker uses more (`app.programs.ports`)."""

    clock: Clock
    catalog: LetterCatalog
    senders: Mapping[Channel, Sender | AsyncSender] = field(default_factory=dict)
    traffic: Mapping[Channel, Traffic] = field(default_factory=dict)
    legal_desk: LegalDesk | None = None
    seal: Seal | None = None
    """None where no DESK_BUNDLE_KEY is set: bundles cannot be built, everything else works."""
    paper: Paper | None = None
    """Shows how letters look in print."""
    press: Press | None = None
    """Prints a day's letters as one batch; None where each letter is handed over by its sender."""
    drop: PrintService | None = None
    """A second place to which printed batches are taken; None = there is none."""
    sms_lookup: Lookup | None = None
    """The provider's list of SMS that left; None where it keeps none."""
    console: frozenset[Channel] = frozenset()
    """Channels whose messages are only printed to the console."""
    printed: Callable[[str, date], str] | None = None
    """Says of a single letter's key and business date where the print manifest has it, '' = it does not; None where
    letters are not printed one by one."""
    verify_twilio: Callable[[str, Mapping[str, str], str], bool] | None = None
    """Did Twilio send this callback? (public URL, form fields, signature); None where SMS go another way."""

    sms_failure: Callable[[str], Failure | None] = _no_failure
    """The meaning of the error code of a delivery report, for the number or for us."""

    def transports(self) -> dict[Destination, Transport]:
        """The transport of each destination of the outbox."""
        transports: dict[Destination, Transport] = {
            Destination(channel.value): ContactTransport(
                sender, self.catalog, **self.traffic.get(channel, Traffic())._asdict()
            )
            for channel, sender in self.senders.items()
        }
        for channel, destination in TO_ADVISERS.items():
            if (sender := self.senders.get(channel)) is not None:
                transports[destination] = RepresentativeTransport(sender, channel)
        if self.legal_desk is not None:
            transports[Destination.LEGAL_DESK] = BundleTransport(self.legal_desk)
        return transports
