"""SMS: how a text goes over the air, and how many segments it is billed as."""

from __future__ import annotations

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}\\[~]|€\f")
_PLAIN = str.maketrans(
    {
        "\u00a0": " ", "\u202f": " ", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-",
        "\u20b9": "Rs ",
    }
)  # fmt: skip


def sms_segments(text: str) -> int:
    """Count the SMS that the text is billed as: 160/153 characters in GSM 7-bit, else 70/67 in UCS-2 (3GPP TS
    23.038)."""
    if sms_encoding(text) == GSM:
        units, single, part = sum(2 if c in _GSM_DOUBLE else 1 for c in text), 160, 153
    else:
        units, single, part = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if units <= single else -(-units // part)


GSM, UCS2 = "GSM-7", "UCS-2"


def sms_encoding(text: str) -> str:
    """Encoding of the text over the air: one character outside the GSM alphabet makes all of it UCS-2."""
    return GSM if all(c in _GSM or c in _GSM_DOUBLE for c in text) else UCS2


def one_plain_line(text: str) -> str:
    """One line without typographic characters: a single no-break space, or sign of the rupee, would more than halve
    what an SMS holds."""
    return one_line(text.translate(_PLAIN))


def one_line(text: str) -> str:
    return " ".join(text.split())
