"""Read a message of the bounce mailbox: RFC 3464 (failures), RFC 5965 (complaints), and older formats.

No notice has to be believed: a sender can write what they like. All that counts in the end is an attempt of ours, whose
id a stranger cannot guess, and the address that this attempt went to.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

from app.core.types import JsonObject
from app.inbound.bounces.rules import GENERAL, Notice, NoticeKind, Severity, told

# It logs what went wrong with the stranger's message, and that is personal data.
logging.getLogger("flufl.bounce").disabled = True

LONGEST = 256 * 1024
"""Bytes that are looked at: the report stands before what is returned, and the returned head before its body."""
MOST_LINES = 4_000
"""Lines that are looked at: each is read by twenty readers of old formats; a full attachment has 3,400."""

_ATTEMPT = r"\d{1,18}-[0-9a-f]{8,36}"
_MESSAGE_ID = re.compile(rf"Message-ID:\s*<({_ATTEMPT})@", re.IGNORECASE)
_SUB_ADDRESS = re.compile(rf"\+({_ATTEMPT})@")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_MACHINE = re.compile(
    r"mailer-daemon|postmaster|mail delivery (?:sub)?system|microsoftexchange", re.IGNORECASE
)
_DELIVERY_STATUS = ("message/delivery-status", "message/global-delivery-status")
"""RFC 3464, and RFC 6533 of addresses that are not ASCII."""
_ARRIVED_AT = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")


def read_notice(raw: bytes) -> Notice:
    """Read a message; one that cannot be understood is OTHER, for a person."""
    message = message_from_bytes(b"".join(raw[:LONGEST].splitlines(keepends=True)[:MOST_LINES]))
    attempts = tuple(dict.fromkeys(_attempts(message)))
    if fields := _report(message, "message/feedback-report"):
        return _complaint(fields, attempts)
    if fields := _report(message, *_DELIVERY_STATUS):
        return _failure(message, fields, attempts)
    if message.get_param("report-type") == "disposition-notification":
        return Notice(NoticeKind.PASSING, attempts=attempts)  # a receipt, RFC 8098
    return _unstructured(message, attempts)


def understood(raw: bytes) -> JsonObject:
    """The same as `read_notice`, as JSON can say it: for a process of its own."""
    return asdict(read_notice(raw))


def notice_of(told: JsonObject) -> Notice:
    """The notice that `understood` told of."""
    severity = Severity(told["severity"]) if told["severity"] else None
    recipients, attempts = tuple(told["recipients"]), tuple(told["attempts"])
    return Notice(NoticeKind(told["kind"]), severity, told["status"], recipients, attempts)


# --- reports --------------------------------------------------------------------------------------------------


def _report(message: Message, *content_types: str) -> list[Message]:
    """The blocks of fields of the first part of such a type: of the message first, then one a recipient."""
    for part in message.walk():
        if part.get_content_type() not in content_types:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            inner = [block for block in payload if isinstance(block, Message)]
            if len(inner) == 1 and inner[0].get_payload():
                # A type the library takes for a whole message: the first block for its head, the rest for its body.
                return _blocks(inner[0].as_bytes())
            return [block for block in inner if block.keys()]
        data = part.get_payload(decode=True)
        return _blocks(data if isinstance(data, bytes) else b"")
    return []


def _blocks(data: bytes) -> list[Message]:
    return [message_from_bytes(block) for block in re.split(rb"\r?\n\r?\n", data.strip())]


def _failure(message: Message, blocks: list[Message], attempts: tuple[str, ...]) -> Notice:
    """RFC 3464: the worst that happened to any recipient; ours have one each. A notice that names no event of any
    recipient is for a person."""
    actions = [action for block in blocks if (action := _field(block, "Action").lower())]
    failed = [block for block in blocks if _field(block, "Action").lower().startswith(("fail", "error"))]
    if not failed:
        only_passes = actions and all(action.startswith(_PASSES) for action in actions)
        return Notice(NoticeKind.PASSING if only_passes else NoticeKind.OTHER, attempts=attempts)
    found = []
    for block in failed:
        words = _field(block, "Diagnostic-Code") or _field(block, "X-Supplementary-Info")
        status = _enhanced(_field(block, "Status"))
        if status in GENERAL:
            # Exim writes 5.0.0 for everything, and the reason only into the part for people.
            words = words or _said_of(
                message, _typed_address(_field(block, "Final-Recipient")), len(failed) == 1
            )
            status = _enhanced(words) or status
        found.append(told(status, words))
    worst, status = min(found, key=lambda each: list(Severity).index(each[0]))
    recipients = {
        _typed_address(_field(block, name))
        for block in failed
        for name in ("Final-Recipient", "Original-Recipient")
    }
    return Notice(NoticeKind.BOUNCE, worst, status, tuple(sorted(recipients - {""})), attempts)


_PASSES = ("delayed", "delivered", "relayed", "expanded")
LONGEST_REASON = 1_000
"""Characters after an address in which a mail server says why."""


def _said_of(message: Message, recipient: str, only_one: bool) -> str:
    """The text for people about this recipient: from its address to the next paragraph but one."""
    text = next(iter(_texts(message)), "")[:20_000]
    at = text.lower().find(recipient) if recipient else -1
    if at < 0 and not only_one:
        return ""
    after = text[max(at, 0) + (len(recipient) if at >= 0 else 0) :][:LONGEST_REASON]
    return after.partition("\n\n")[0] if at >= 0 else after


def _complaint(blocks: list[Message], attempts: tuple[str, ...]) -> Notice:
    """RFC 5965. `not-spam` takes a complaint back, which is for a person."""
    kind = _field(blocks[0], "Feedback-Type").lower()
    recipients = {parseaddr(_field(blocks[0], name))[1].lower() for name in ("Original-Rcpt-To",)}
    wanted = NoticeKind.OTHER if kind == "not-spam" else NoticeKind.COMPLAINT
    return Notice(wanted, recipients=tuple(sorted(recipients - {""})), attempts=attempts)


# --- what is no report ----------------------------------------------------------------------------------------


def _unstructured(message: Message, attempts: tuple[str, ...]) -> Notice:
    late, failed = _known_spellings(message)
    from_machine = bool(
        _MACHINE.search(_field(message, "From"))
        or _field(message, "X-Failed-Recipients")
        or message.get_param("report-type") == "delivery-status"
    )
    if failed and from_machine:
        words = "\n".join(_texts(message))[:10_000]
        found = _ENHANCED.search(words)
        weight, status = told(found.group(1) if found else "", words.partition("------ This is a copy")[0])
        return Notice(NoticeKind.BOUNCE, weight, status, failed, attempts)
    if from_machine and not late:
        return Notice(NoticeKind.OTHER, attempts=attempts)  # a report that no person could read
    if late or _is_automatic(message):
        return Notice(NoticeKind.PASSING, attempts=attempts)
    return Notice(NoticeKind.OTHER, attempts=attempts)


def _known_spellings(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses that one of the old mail servers says are late, and that it says have failed."""
    from flufl.bounce import all_failures  # twenty readers of old formats, which only this needs

    try:
        late, failed = all_failures(message)
    except Exception:  # noqa: BLE001 - a stranger's message may raise anything in a parser; a person reads it then
        return (), ()
    return _told(late), _told(failed)


def _told(addresses: Iterable[bytes | str]) -> tuple[str, ...]:
    texts = (each.decode("ascii", "replace") if isinstance(each, bytes) else each for each in addresses)
    return tuple(sorted(text.lower() for text in texts))


def _is_automatic(message: Message) -> bool:
    """An answer that no person wrote: RFC 3834, and the headers in use before it."""
    told = _field(message, "Auto-Submitted").lower()
    return (
        told.startswith(("auto-replied", "auto-generated"))
        or _field(message, "Precedence").lower() in ("auto_reply", "bulk", "junk")
        or any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
    )


# --- which message of ours ------------------------------------------------------------------------------------


def _attempts(message: Message) -> Iterator[str]:
    """Ids of attempts in it, the surest first: the id given to our server, the address it came back to, the text that
    came back."""
    for block in _report(message, "message/delivery-status")[:1]:
        if found := re.fullmatch(_ATTEMPT, _field(block, "Original-Envelope-Id")):
            yield found.group()
    for name in _ARRIVED_AT:
        for value in message.get_all(name, []):
            yield from _SUB_ADDRESS.findall(str(value))
    for part in message.walk():
        if part is not message and part.get("Message-ID"):
            yield from _MESSAGE_ID.findall(f"Message-ID: {part['Message-ID']}")
    for text in _texts(message):
        yield from _MESSAGE_ID.findall(text)
    for name in ("In-Reply-To", "References"):
        yield from re.findall(rf"<({_ATTEMPT})@", _field(message, name))


def _texts(message: Message) -> Iterator[str]:
    """Every part of text, the head that was returned among them."""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            data = part.get_payload(decode=True)
            yield data.decode("utf-8", "replace") if isinstance(data, bytes) else ""


def _field(block: Message, name: str) -> str:
    return str(block.get(name) or "").strip()


def _enhanced(text: str) -> str:
    found = _ENHANCED.search(text)
    return found.group(1) if found else ""


def _typed_address(value: str) -> str:
    """The address in `rfc822; alex@mail.example`."""
    return value.rpartition(";")[2].strip().strip("<>").lower()
