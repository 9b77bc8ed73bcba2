"""An e-mail as bytes (RFC 5322, 2045 to 2047, 2231). Pure.

Written out by hand, because a hundred thousand messages differ only in a name, an address and two texts, and the email
package takes a millisecond and a half for each. A test reads the result with that package and finds the values that
went in. Everything is 7-bit: no server on the way has to know 8BITMIME, and none re-encodes what a signature covers.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from email_validator import EmailNotValidError, validate_email

from app.outreach.outbox.dispatch import Attachment

CRLF = b"\r\n"
WIDEST = 76
"""Characters of a line, as RFC 5322 and 2045 would have it."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_ASCII = bytes(range(128))
_TYPE = re.compile(r"[a-z]+/[a-z0-9.+\-]+")


def ascii_address(address: str) -> str:
    """The address as every mail server understands it, its domain in Punycode; '' = there is no such spelling.

    Nothing that passes can end a command or a header.
    """
    if not address.isascii():
        try:
            found = validate_email(address, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return ""
        address = found.ascii_email or ""
    return address if len(address) <= 254 and _ADDRESS.fullmatch(address) else ""


def compose(
    *,
    sender: tuple[str, str],
    recipient: tuple[str, str],
    reply_to: str,
    subject: str,
    message_id: str,
    date: datetime,
    extra: Mapping[str, str],
    text: str,
    html: str,
    attachments: Sequence[Attachment],
    boundary: str,
) -> bytes:
    """Compose the message, lines ended by CRLF. `sender` and `recipient` are (name, address); addresses, `message_id`
    and `extra` are plain ASCII and known to be harmless; names, subject and texts may hold anything.

    ValueError for text that is no Unicode text (half a surrogate pair) and for a type of attachment that is none.
    """
    head = [
        f"Date: {format_datetime(date)}",
        _address_line("From", *sender),
        _address_line("To", *recipient),
        _text_line("Subject", subject),
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
    ]
    if reply_to:
        head.append(f"Reply-To: {reply_to}")
    head += [f"{name}: {value}" for name, value in extra.items()]
    body = _text_part("plain", text)
    if html:
        body = _multipart("alternative", f"=_a_{boundary}", [body, _text_part("html", html)])
    if attachments:
        body = _multipart("mixed", f"=_m_{boundary}", [body, *map(_file_part, attachments)])
    return "\r\n".join(head).encode("ascii") + CRLF + body


# --- headers --------------------------------------------------------------------------------------------------


def _text_line(name: str, text: str) -> str:
    text = one_line(text)
    line = f"{name}: {text}"
    if len(line) <= WIDEST and text.isascii() and "=?" not in text:
        return line
    return f"{name}: {encoded_words(text)}"


def _address_line(name: str, display: str, address: str) -> str:
    display = one_line(display)
    if not display:
        return f"{name}: {address}"
    if _PLAIN.fullmatch(display) and "=?" not in display and len(display) <= 60:
        return f'{name}: "{display}"\r\n <{address}>'
    return f"{name}: {encoded_words(display)}\r\n <{address}>"


def one_line(text: str) -> str:
    """Remove control characters and line breaks, so that no value can begin a header of its own."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def encoded_words(text: str) -> str:
    """RFC 2047, in UTF-8: words of at most 64 characters, each whole characters, on lines of their own."""
    return "\r\n ".join(
        f"=?utf-8?b?{b2a_base64(piece, newline=False).decode()}?=" for piece in _pieces(text.encode(), 39)
    )


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut UTF-8 between characters."""
    start = 0
    while start < len(data):
        end = min(start + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start = end


# --- parts ----------------------------------------------------------------------------------------------------


def _text_part(subtype: str, text: str) -> bytes:
    data = "\r\n".join(text.splitlines()).encode() + CRLF
    plain = data.isascii()
    if plain and not any(len(line) > WIDEST for line in data.split(CRLF)) and _unchanged(data):
        encoding, body = "7bit", data
    elif plain or len(data.translate(None, _ASCII)) * 6 < len(data):
        # A "\r\n" at its end is what tells b2a_qp how lines end here.
        encoding, body = "quoted-printable", b2a_qp(data, istext=True)
    else:
        encoding, body = "base64", _base64_lines(data)
    charset = "us-ascii" if plain else "utf-8"
    head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _unchanged(data: bytes) -> bool:
    """Nothing in it that a server on the way likes to change: other control characters, blanks at the end of a line,
    `From ` at its beginning."""
    return not re.search(rb"[^\t\r\n -~]|\r(?!\n)|[ \t]\r\n|^From ", data, re.MULTILINE)


def _file_part(file: Attachment) -> bytes:
    if not _TYPE.fullmatch(file.content_type):
        raise ValueError("not a content type")
    name = one_line(file.name)[-120:].replace("/", "_").replace("\\", "_") or "attachment"
    if _PLAIN.fullmatch(name):
        parameter = f'filename="{name}"'
    else:
        parameter = f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f"Content-Type: {file.content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {parameter}\r\n\r\n"
    )
    return head.encode("ascii") + _base64_lines(file.content)


def _base64_lines(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", CRLF)


def _multipart(subtype: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """The boundary is made from random letters that were never sent before: no text can hold it."""
    mark = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    pieces = [head]
    for part in parts:
        pieces += (mark, CRLF, part, CRLF)
    return b"".join((*pieces, mark, b"--", CRLF))
