"""Usernames, names of tokens and passwords. Pure."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
PASSWORD_MIN = 12
"""PCI DSS 4.0, 8.3.6."""
PASSWORD_MAX = 128
"""Long enough for any passphrase, short enough that hashing one costs what hashing another does."""


def fold_username(text: str) -> str:
    """One spelling per person: Unicode-normalised, case-folded, without outer spaces."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


class PasswordFault(StrEnum):
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    HAS_USERNAME = "has_username"
    TOO_PLAIN = "too_plain"


PASSWORD_SENTENCES = {
    PasswordFault.TOO_SHORT: f"Use at least {PASSWORD_MIN} characters.",
    PasswordFault.TOO_LONG: f"Use at most {PASSWORD_MAX} characters.",
    PasswordFault.HAS_USERNAME: "Leave the user name out of the password.",
    PasswordFault.TOO_PLAIN: "Use more than a few different characters.",
}


def password_faults(password: str, username: str) -> list[PasswordFault]:
    """Everything wrong with a new password; no composition rules (NIST SP 800-63B-4, 3.1.1.2)."""
    faults = []
    if len(password) < PASSWORD_MIN:
        faults.append(PasswordFault.TOO_SHORT)
    if len(password) > PASSWORD_MAX:
        faults.append(PasswordFault.TOO_LONG)
    if len(username) >= 4 and username in password.casefold():
        faults.append(PasswordFault.HAS_USERNAME)
    if len(set(password)) < 5:
        faults.append(PasswordFault.TOO_PLAIN)
    return faults
