"""Composition root: the only file that chooses adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from app.adapters.twilio.codes import failure_of
from app.core.clock import Clock, SystemClock
from app.core.errors import Invalid
from app.core.settings import ROOT, EmailAdapter, PostAdapter, Settings, SmsAdapter
from app.core.vocabulary import Channel
from app.http.ports import Ports, Traffic
from app.inbound.bounces.rules import Postbox
from app.inbound.rules import Inbox
from app.legal.bundle.bag import load_private_key
from app.legal.bundle.sealing.certificate import load_certificate
from app.legal.bundle.service import Seal
from app.legal.handover.transport import LegalDesk
from app.legal.timestamps.service import TimeAuthority
from app.operations.alerts.rules import Messenger
from app.operations.digests.rules import DigestPorts
from app.outreach.letters.catalog import load_letters
from app.outreach.letters.sms import sms_segments
from app.outreach.outbox.dispatch import Sender
from app.outreach.outbox.printing import Paper, Press, PrintService
from app.outreach.outbox.rules import Pace
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.links import LinkSigner
from app.policy.composition import use_providers

LETTERS = ROOT / "letters"


@dataclass(frozen=True)
class WorkerPorts(Ports):
    """Ports that a worker uses beyond those of pages and delivery."""

    sms_inbox: Inbox | None = None
    """The provider's list of SMS that came in; None where the provider keeps no list."""
    bounces: Postbox | None = None
    """The mailbox for undeliverable e-mail; None where none is read."""
    messengers: Sequence[Messenger] = ()
    """The ways in which people are told of alerts."""
    digests: DigestPorts | None = None
    """The ways by which digests leave."""
    time_authority: TimeAuthority | None = None
    """Stamps bundles and the timeline's days; None where none is set up."""


def make_ports(settings: Settings, clock: Clock | None = None) -> WorkerPorts:
    """The ports that the settings ask for. SystemExit with a clear sentence where one is incomplete."""
    clock = clock or SystemClock()
    use_providers(settings.sms.value)  # what a provider forbids is part of what the gate is asked
    seal = _seal(settings)
    sms = _sms(settings, clock)
    press = _press(settings)
    post = None if press else _post(settings)
    email = _email(settings, clock)
    return WorkerPorts(
        clock=clock,
        catalog=make_catalog(settings),
        senders={
            Channel.SMS: sms,
            Channel.EMAIL: email,
            **({Channel.POST: post} if post else {}),
        },
        paper=make_paper(),
        press=press,
        drop=_drop(settings),
        traffic=_traffic(settings),
        legal_desk=_legal_desk(settings, seal),
        seal=seal,
        console=_console_channels(settings),
        sms_lookup=sms if settings.sms is SmsAdapter.TWILIO else None,
        printed=post.printed if post and settings.post is PostAdapter.PRINT else None,
        sms_inbox=_sms_inbox(settings),
        bounces=_bounces(settings),
        time_authority=_time_authority(settings),
        messengers=_messengers(settings, clock),
        digests=_digests(settings, clock, email),
        verify_twilio=_twilio_check(settings),
        sms_failure=failure_of,
    )


def make_catalog(settings: Settings) -> LetterCatalog:
    return LetterCatalog(
        load_letters(LETTERS),
        LinkSigner(settings.public_url.rstrip("/"), settings.require_secret()),
        settings.register_number,
        settings.sender_address,
        settings.supervisory_authority,
    )


def _sms(settings: Settings, clock: Clock) -> Any:
    """A Sender, and a Lookup where it is Twilio."""
    if settings.sms is SmsAdapter.TWILIO:
        from app.adapters.twilio.sms import TwilioSmsSender

        _demand(settings, "twilio_account_sid", "twilio_auth_token", "twilio_from")
        return TwilioSmsSender(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            settings.twilio_lines[0],
            clock,
            api_url=settings.twilio_api_url,
        )
    return _console()


def _sms_inbox(settings: Settings) -> Inbox | None:
    if settings.sms is not SmsAdapter.TWILIO or not settings.missed_sms_minutes:
        return None
    from app.adapters.twilio.inbox import TwilioInbox

    return TwilioInbox(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        settings.twilio_lines,
        api_url=settings.twilio_api_url,
    )


def _traffic(settings: Settings) -> dict[Channel, Traffic]:
    """Only what goes to a real provider is slowed down."""
    traffic = {}
    if settings.sms is SmsAdapter.TWILIO:
        pace = Pace(settings.sms_segments_per_second, sms_segments)
        traffic[Channel.SMS] = Traffic(settings.delivery_in_flight, pace, settings.twilio_lines)
    if settings.email is EmailAdapter.SMTP:
        in_flight = min(settings.delivery_in_flight, 10)  # as many connections as a mail server is glad of
        traffic[Channel.EMAIL] = Traffic(in_flight, Pace(settings.emails_per_second))
    if settings.post is PostAdapter.PRINT:
        from app.adapters.print.letters import IN_FLIGHT

        traffic[Channel.POST] = Traffic(IN_FLIGHT)
    return traffic


def _twilio_check(settings: Settings) -> Callable[[str, Mapping[str, str], str], bool] | None:
    if settings.sms is not SmsAdapter.TWILIO:
        return None
    from app.adapters.twilio.sms import validate_signature

    return partial(validate_signature, settings.twilio_auth_token.get_secret_value())


def _email(settings: Settings, clock: Clock) -> Sender:
    if settings.email is EmailAdapter.SMTP:
        from app.adapters.mail.smtp import SmtpEmailSender

        _demand(settings, "smtp_url", "mail_from")
        return SmtpEmailSender(
            settings.smtp_url,
            settings.mail_from,
            clock,
            bounce_address=settings.bounce_address,
            paper=make_paper().pdf,
        )
    return _console()


def _bounces(settings: Settings) -> Postbox | None:
    url = settings.bounce_url.get_secret_value()
    if not url:
        return None
    from app.adapters.mail.bounce_mailbox import make_postbox

    return make_postbox(url)


def _messengers(settings: Settings, clock: Clock) -> list[Messenger]:
    from app.adapters.alerts import MailMessenger, WebhookMessenger

    found: list[Messenger] = []
    people = tuple(each.strip() for each in settings.alert_email.split(",") if each.strip())
    if people:
        _demand(settings, "smtp_url", "mail_from")
        pages = settings.public_url.rstrip("/")
        found.append(MailMessenger(settings.smtp_url, settings.mail_from, people, pages, clock))
    if url := settings.alert_url.get_secret_value():
        secret = settings.alert_secret.get_secret_value()
        if len(secret) < 24:
            raise SystemExit(
                "DESK_ALERT_URL is set but DESK_ALERT_SECRET has fewer than 24 characters. Set a longer one."
            )
        found.append(WebhookMessenger(url, secret, clock))
    return found


def _digests(settings: Settings, clock: Clock, email: Sender) -> DigestPorts:
    from app.adapters.print.digest import typeset_digest
    from app.adapters.webhooks import DigestHook

    return DigestPorts(
        email=email.send,
        hook=DigestHook(clock, private=settings.webhook_private),
        pdf=typeset_digest,
        pages_url=settings.public_url.rstrip("/"),
        secret=settings.require_secret(),
    )


def _post(settings: Settings) -> Any:
    if settings.post is PostAdapter.PRINT:
        from app.adapters.print.letters import PrintLetterSender

        return PrintLetterSender(settings.print_dir, LETTERS)
    return _console()


def make_paper() -> Paper:
    from app.adapters.print.letter_page import LetterPaper

    return LetterPaper(LETTERS)


def _press(settings: Settings) -> Press | None:
    if settings.post is not PostAdapter.PRINT_BATCH:
        return None
    from app.adapters.print.batch import PrintPress

    return PrintPress(settings.print_dir, LETTERS)


def _console_channels(settings: Settings) -> frozenset[Channel]:
    chosen = {
        Channel.SMS: settings.sms is SmsAdapter.CONSOLE,
        Channel.EMAIL: settings.email is EmailAdapter.CONSOLE,
        Channel.POST: settings.post is PostAdapter.CONSOLE,
    }
    return frozenset(channel for channel, is_console in chosen.items() if is_console)


def _console() -> Sender:
    from app.adapters.console import ConsoleSender

    return ConsoleSender()


def _seal(settings: Settings) -> Seal | None:
    text = settings.bundle_key.get_secret_value()
    if not text:
        return None
    from app.adapters.print.typesetting import typeset

    certificate = settings.seal_certificate.get_secret_value()
    return Seal(load_private_key(text), typeset, load_certificate(certificate) if certificate else None)


def _time_authority(settings: Settings) -> TimeAuthority | None:
    if not settings.tsa_url:
        return None
    if settings.tsa_roots is None:
        raise SystemExit("DESK_TSA_URL is set but DESK_TSA_ROOTS is not. Set it: stamps are verified by it.")
    from app.adapters.time_authority import HttpTimeAuthority

    return HttpTimeAuthority(settings.tsa_url, settings.tsa_roots)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _legal_desk(settings: Settings, seal: Seal | None) -> LegalDesk | None:
    if not settings.legal_url:
        return None
    if seal is None:
        raise SystemExit(
            "DESK_LEGAL_URL is set but DESK_BUNDLE_KEY is not. Set it: bundles are signed with it."
        )
    parts = urlsplit(settings.legal_url)
    if parts.scheme == "http" and not settings.legal_allow_http and not _is_loopback(parts.hostname or ""):
        raise SystemExit(
            "DESK_LEGAL_URL is http://: case files would travel unencrypted. Use https://, or set "
            "DESK_LEGAL_ALLOW_HTTP=true where the line itself is encrypted."
        )
    from app.adapters.legal_http import LegalHttp

    return LegalHttp(settings.legal_url, seal.key)


def _drop(settings: Settings) -> PrintService | None:
    if not settings.print_sftp_url.get_secret_value():
        return None
    from app.adapters.print.sftp_handoff import SftpPrintService

    if settings.post is not PostAdapter.PRINT_BATCH:
        raise SystemExit(
            "DESK_PRINT_SFTP_URL is set but DESK_POST is not print-batch. Set DESK_POST=print-batch, or unset the URL."
        )
    _demand(settings, "print_sftp_host_key")
    try:
        return SftpPrintService(
            settings.print_dir,
            settings.print_sftp_url.get_secret_value(),
            settings.print_sftp_host_key,
            settings.print_sftp_key.get_secret_value(),
        )
    except Invalid as problem:
        raise SystemExit(f"DESK_{(problem.field or '').upper()}: {problem}") from None


def _demand(settings: Settings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not (value.get_secret_value() if hasattr(value, "get_secret_value") else value):
            raise SystemExit(
                f"DESK_{name.upper()} is needed for the adapter you chose. Set it; see .env.example."
            )
