"""What the e-mail library reads out of a message is what was put into it."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.mail.mime import ascii_address, compose, one_line
from app.outreach.outbox.dispatch import Attachment

AT = datetime(2026, 11, 14, 9, 30, tzinfo=UTC)


def read(**changes: Any) -> EmailMessage:
    raw = written(**changes)
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def written(**changes: Any) -> bytes:
    given_: dict[str, Any] = {
        "sender": ("First Harbor Bank", "desk@post.example"),
        "recipient": ("Alex Rivera", "alex@mail.example"),
        "reply_to": "",
        "subject": "A payment has not reached us",
        "message_id": "<1-a@post.example>",
        "date": AT,
        "extra": {},
        "text": "Hello",
        "html": "",
        "attachments": (),
        "boundary": "1-a",
    }
    raw = compose(**{**given_, **changes})
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998, "RFC 5321: no server has to take longer lines"
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return raw


def name_of(raw: bytes) -> str:
    """The recipient's. (The newer reader puts a space between two encoded words, against RFC 2047, 6.2.)"""
    name, _ = parseaddr(message_from_bytes(raw)["To"])
    return str(make_header(decode_header(name)))


def content(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("name", "subject", "text"),
    [
        ("Alex Rivera", "A payment has not reached us", "Dear Alex,\n\nplease pay.\n"),
        ("王小明", "您的信用卡款項尚未入帳，若有困難請與我們聯絡（C-000041）", "王小明 您好：\n逾期 NT$1,200\n"),
        ("Siti Nurhaliza", "Pembayaran Anda belum kami terima", "Yth. Ibu Siti,\nmohon hubungi kami.\n"),
        ("Bjørn Ærlig Åsen", "Vi har ikke mottatt betalingen din på kr 1 200", "Hei Bjørn,\nbeløpet er ubetalt.\n"),
        ("Daniël van 't Veld", "Wij hebben uw betaling nog niet ontvangen: € 120", "Geachte heer,\n€ 120 à 5 %\n"),
    ],
)  # fmt: skip
def test_five_languages(name: str, subject: str, text: str) -> None:
    message = read(recipient=(name, "a@mail.example"), subject=subject, text=text, html=f"<p>{text}</p>")
    assert message["To"].addresses[0].display_name == name
    assert message["Subject"] == subject
    plain, html = message.iter_parts()
    assert content(plain) == text
    assert content(html) == f"<p>{text}</p>".rstrip("\n") + "\n"


ANYTHING = st.text(
    st.one_of(
        st.sampled_from("\r\n\t\0\u2028\x85\u202e,;:<>()[]\"\\@.=?_- 'Øé王😀"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=90,
)


@settings(max_examples=80, deadline=None)
@given(name=ANYTHING, sender=ANYTHING, subject=ANYTHING, text=ANYTHING, file_name=ANYTHING)
def test_nothing_a_value_holds_changes_the_message_around_it(
    name: str, sender: str, subject: str, text: str, file_name: str
) -> None:
    file = Attachment(file_name, "application/pdf", b"%PDF-1.7\r\n.\r\n")
    given_: dict[str, Any] = {
        "sender": (sender, "desk@post.example"),
        "recipient": (name, "a@mail.example"),
        "subject": subject,
        "text": text,
        "html": f"<p>{text}</p>",
        "attachments": (file,),
    }
    raw, message = written(**given_), read(**given_)
    assert set(message.keys()) == {
        "Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert [a.addr_spec for a in message["To"].addresses] == ["a@mail.example"]
    assert [a.addr_spec for a in message["From"].addresses] == ["desk@post.example"]
    assert name_of(raw) == one_line(name)
    assert message["Subject"] == one_line(subject)
    words, attached = message.iter_parts()
    plain, _html = words.iter_parts()
    assert content(plain).splitlines() == (text.splitlines() or [""])
    assert attached.get_content() == file.content
    assert "\n" not in (attached.get_filename() or "")


def test_files_travel_with_their_names() -> None:
    files = (
        Attachment("letter.pdf", "application/pdf", bytes(range(256)) * 300),
        Attachment("催繳通知 2026.pdf", "application/pdf", b"2"),
        Attachment("../../etc/passwd", "text/plain", b"3"),
    )
    message = read(text="See the letter.", html="<p>See the letter.</p>", attachments=files)
    assert message.get_content_type() == "multipart/mixed"
    found = list(message.iter_attachments())
    assert [part.get_filename() for part in found] == ["letter.pdf", "催繳通知 2026.pdf", ".._.._etc_passwd"]
    assert found[0].get_content() == files[0].content
    assert all(part.get_content_disposition() == "attachment" for part in found)


def test_a_type_that_is_none_and_half_a_character_are_refused() -> None:
    with pytest.raises(ValueError):
        read(attachments=(Attachment("a", "text/plain\r\nX: y", b""),))
    with pytest.raises(ValueError):
        read(text="\ud83d")


@pytest.mark.parametrize(
    ("address", "spelling"),
    [
        ("alex.rivera+card@mail.example", "alex.rivera+card@mail.example"),
        ("kari@blåbær.example", "kari@xn--blbr-roah.example"),
        ("名字@mail.example", ""),
        ("a@b.example>", ""),
        ("a..b@c.example", ""),
        ("a,b@c.example", ""),
        ('"a b"@c.example', ""),
        ("a@b@c.example", ""),
        ("a@-b.example", ""),
        ("a@b.example\n", ""),
        ("", ""),
    ],
)
def test_addresses_that_every_server_understands(address: str, spelling: str) -> None:
    assert ascii_address(address) == spelling
