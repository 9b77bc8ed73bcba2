"""Match of a bank's credit: the details that the bank gives, and the account it belongs to, or why none is known.
Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from app.book.ledger.references import normal_reference
from app.book.ledger.rules import AccountStatus
from app.core.card_numbers import replace_card_numbers

MAX_TOKENS = 60
"""Tokens of one payment; a remittance has at most 140 characters a line and names few accounts."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A payment as the bank tells it. `payer_account` is masked, `payer_key` the keyed hash, either may be empty."""

    reference: str
    paid_on: date
    amount_minor: int
    payer_name: str = ""
    payer_account: str = ""
    payer_key: str = ""
    structured: tuple[str, ...] = ()
    end_to_end: str = ""
    free: str = ""
    obstacle: str = ""
    """Reason why only a person can say whose it is, even if other details match."""
    note: str = ""
    """Remark for a person about the amount: charges that a bank kept."""

    @property
    def remittance(self) -> str:
        parts = [*self.structured, self.end_to_end, self.free]
        return " | ".join(part for part in parts if part)[:500]


@dataclass(frozen=True, slots=True)
class Known:
    """An account that may be meant. `amounts` says for each amount it could be paid by what that amount is."""

    account_id: int
    customer_id: int
    reference: str
    status: AccountStatus
    ended_on: date | None
    amounts: Mapping[int, str] = field(default_factory=dict)
    opened_on: date = date.min


@dataclass(frozen=True, slots=True)
class NamedInstalment:
    """An instalment of an agreement that a payment names by the instalment's own reference."""

    words: str
    """Such as `instalment 3 of P-000012`."""
    plan_id: int
    accounts: Sequence[tuple[Known, int]] = ()
    """Accounts that its money may go to, with their balances in minor units; the first that owes enough is taken."""
    obstacle: str = ""
    """Reason why only a person can say whose the money is."""


@dataclass(frozen=True, slots=True)
class Match:
    account: Known
    how: str
    named: str = ""
    """The instalment's reference that the payment gave."""


@dataclass(frozen=True, slots=True)
class NoMatch:
    why: str


def decide(
    payment: Incoming,
    by_key: Mapping[str, Sequence[Known]],
    paid_before: Sequence[Known],
    shapes: Collection[str] = (),
    instalments: Mapping[str, NamedInstalment] | None = None,
) -> Match | NoMatch:
    """Decide which account a payment belongs to.

    `instalments` has those that `creditor_references` in what the payer wrote name, by what follows the check digits.

    `by_key` has the accounts of each `reference_key` found in what the payer wrote, `paid_before` those that the
    payer's bank account has paid for. A reference in the structured field counts before the end-to-end id, and that
    before the free text; where one of them names several accounts, a person decides. `shapes` are those of the
    portfolio's references (`shape_of`). A text of such a shape that is no account of ours was meant for one, so the
    payer does not decide then.
    """
    if payment.obstacle:
        return NoMatch(payment.obstacle)
    own = instalments_named(payment, instalments or {})
    for keys, where in reference_keys(payment):
        named = _named(keys, by_key, payment.remittance)
        if parts := {reference: part for reference, part in own.items() if reference[4:] in keys}:
            return _of_instalments(payment, parts, named, where)
        if len(named) > 1:
            names = ", ".join(sorted(known.reference for known in named.values())[:5])
            return NoMatch(f"the {where} names {len(named)} accounts: {names}")
        for known in named.values():
            return _unless_refused(known, payment.paid_on, f"{known.reference} in the {where}")
    if stranger := _no_such_account(payment, shapes):
        return NoMatch(f"account {stranger} is named; no such account")
    if not paid_before:
        reason = "no account is named in it"
        known_payer = " and its bank account has not paid before" if payment.payer_key else ""
        return NoMatch(f"{reason}{known_payer}")
    if len(paid_before) > 1:
        names = ", ".join(sorted(known.reference for known in paid_before)[:5])
        return NoMatch(f"no account is named in it, and its bank account has paid for several: {names}")
    (known,) = paid_before
    what = known.amounts.get(payment.amount_minor)
    if what is None:
        return NoMatch(
            f"no account is named in it; its bank account has paid for {known.reference} before, but this is "
            "neither what it paid last nor an amount that account owes"
        )
    how = f"its bank account has paid for {known.reference} before, and this is {what}"
    return _unless_refused(known, payment.paid_on, how)


def instalments_named(
    payment: Incoming, instalments: Mapping[str, NamedInstalment]
) -> dict[str, NamedInstalment]:
    """Instalments that the payment names, by their whole reference."""
    texts = (*payment.structured, payment.end_to_end, payment.free)
    found = (reference for text in texts for reference in creditor_references(text))
    return {reference: instalments[reference[4:]] for reference in found if reference[4:] in instalments}


def _of_instalments(
    payment: Incoming, parts: Mapping[str, NamedInstalment], named: Mapping[int, Known], where: str
) -> Match | NoMatch:
    """The account of the one agreement whose instalments are named. An account that is named beside them must be one of
    its own. With several instalments the money is not for one of them alone."""
    words = " and ".join(sorted(part.words for part in parts.values())[:5])
    if obstacle := next((part.obstacle for part in parts.values() if part.obstacle), ""):
        return NoMatch(obstacle)
    if len({part.plan_id for part in parts.values()}) > 1:
        return NoMatch(f"the {where} names {words}")
    accounts = next(iter(parts.values())).accounts
    if named:
        accounts = [(known, balance) for known, balance in accounts if known.account_id in named]
        if len(named) > 1 or not accounts:
            others = ", ".join(sorted(known.reference for known in named.values())[:5])
            return NoMatch(f"the {where} names {words}, and {others}")
    if not accounts:
        return NoMatch(f"{words} is named; the customer has no account for it")
    enough = [known for known, balance in accounts if balance >= payment.amount_minor]
    if len(accounts) > 1 and not enough:
        names = ", ".join(sorted(known.reference for known, _ in accounts)[:5])
        return NoMatch(f"{words} is named; it is more than any one of {names} owes")
    known = enough[0] if enough else accounts[0][0]
    answer = _unless_refused(known, payment.paid_on, f"{words} in the {where}")
    reference = next(iter(parts)) if len(parts) == 1 else ""
    return replace(answer, named=reference) if isinstance(answer, Match) else answer


def _no_such_account(payment: Incoming, shapes: Collection[str]) -> str:
    """Return the first text written like a reference of this portfolio, given that none of its accounts is named."""
    keys = (key for found, _ in reference_keys(payment) for key in found if _is_telling(key))
    return next((key for key in keys if shape_of(key) in shapes), "")


def shape_of(key: str) -> str:
    """Return the shape of a reference: its letters, and a 0 for each digit (TW14365 is TW00000). '' for one of digits
    alone, which may be anything."""
    shape = re.sub(r"[0-9]", "0", key)
    return "" if shape == "0" * len(shape) else shape


def name_words(name: str) -> tuple[str, ...]:
    """A person's name as it is compared: its words in order of the alphabet, without accents, case, punctuation and
    titles. 'GARCIA, José Dr.' and 'Jose Garcia' are the same."""
    plain = unicodedata.normalize("NFKD", normal_reference(name).casefold().translate(_LETTERS))
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    words = re.split(r"[\W_]+", unicodedata.normalize("NFC", bare))
    words = [word for word in words if word and word not in TITLES]
    return tuple(sorted(words))


TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "dhr", "mevr", "mw", "sr", "sra", "mme"}
)
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})


def _named(keys: Sequence[str], by_key: Mapping[str, Sequence[Known]], text: str) -> dict[int, Known]:
    """Accounts by id that these keys name; of several under one key, the one that is written just so."""
    named: dict[int, Known] = {}
    for key in keys:
        found = by_key.get(key, ())
        written = [known for known in found if known.reference in text] if len(found) > 1 else []
        named.update({known.account_id: known for known in (written if len(written) == 1 else found)})
    return named


def _unless_refused(known: Known, paid_on: date, how: str) -> Match | NoMatch:
    if paid_on < known.opened_on:
        return NoMatch(f"account {known.reference} was opened on {known.opened_on}, after this payment")
    if known.status is AccountStatus.SOLD:
        return NoMatch(f"account {known.reference} was sold: the money may be the buyer's")
    return Match(known, how)


def reference_keys(payment: Incoming) -> list[tuple[list[str], str]]:
    """The keys to look for, most trustworthy place first."""
    structured = [key for text in payment.structured for key in keys_in(text)]
    free = [key for key in keys_in(payment.free) if _is_telling(key)]
    return [
        (structured, "structured reference"),
        (keys_in(payment.end_to_end), "end-to-end id"),
        (free, "remittance text"),
    ]


def reference_key(text: str) -> str:
    """Reduce a reference to the letters and digits that are compared, in upper case; payers drop hyphens and add
    blanks."""
    return re.sub(r"[ \-./]", "", text).upper()


def keys_in(text: str) -> list[str]:
    """Everything in a text that may be an account's reference: its words, their parts, up to three neighbours
    that belong together, and what an ISO 11649 creditor reference (RFcc...) carries."""
    words = _words_of(text)
    found: dict[str, None] = {}
    for at, word in enumerate(words):
        for part in (word, *re.split(r"[+=/#]+", word)):
            found.setdefault(reference_key(part))
        for end in range(at + 2, min(at + 4, len(words) + 1)):
            if any(any(map(str.isdigit, other)) for other in words[at + 1 : end]):
                found.setdefault(reference_key("".join(words[at:end])))
        for reference in _references_at(words, at):
            found.setdefault(reference[4:])
            found.setdefault(reference[4:].lstrip("0"))
    found.pop("", None)
    return list(found)[:MAX_TOKENS]


def creditor_references(text: str) -> list[str]:
    """The ISO 11649 creditor references in a text, in capitals and without blanks, whose check digits are right."""
    words = _words_of(text)
    return list(dict.fromkeys(each for at in range(len(words)) for each in _references_at(words, at)))


def _references_at(words: Sequence[str], at: int) -> Iterator[str]:
    """Creditor references that begin with this word; payers write them in groups."""
    if words[at][:2].upper() == "RF":
        for end in range(at + 1, min(at + 8, len(words) + 1)):
            whole = "".join(words[at:end]).upper()
            if creditor_reference(whole):
                yield whole


def _words_of(text: str) -> list[str]:
    words = [word.strip(".-/") for word in re.split(r"[\s,;:()\[\]\"'|]+", normal_reference(text))]
    return [word for word in words if word][:MAX_TOKENS]


def creditor_reference(text: str) -> str:
    """The reference inside an ISO 11649 structured creditor reference, or '' where its check digits (ISO 7064,
    mod 97-10) are wrong."""
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", plain):
        return ""
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return plain[4:] if int(digits) % 97 == 1 else ""


def _is_telling(key: str) -> bool:
    """Check whether a key is too long to be a year, a house number or an amount that happens to equal a reference."""
    mixed = any(map(str.isdigit, key)) and any(map(str.isalpha, key))
    return len(key) >= 6 and any(map(str.isdigit, key)) or (mixed and len(key) >= 4)


LONGEST_WORDS = 20_000
"""Characters of a cell or a remittance that are read."""


def blotted(text: str) -> str:
    """The text without card numbers: a payer may write one, and the payment must not be lost over it."""
    return replace_card_numbers(text[:LONGEST_WORDS], REMOVED)


REMOVED = "[card number removed]"


def payer_key(account: str, secret: str) -> str:
    """Keyed hash (hex HMAC-SHA256) of a payer's IBAN or account number; '' without an account or a secret."""
    plain = re.sub(r"[^0-9A-Z]", "", account.upper())
    if not plain or not secret:
        return ""
    key = hmac.new(secret.encode(), b"arrears-desk payer account", hashlib.sha256).digest()
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()


def masked(account: str) -> str:
    """Mask a bank account but for its last four characters: '**** 1332'; '' if it has not more than four."""
    plain = re.sub(r"[^0-9A-Za-z]", "", account)
    return f"**** {plain[-4:]}" if len(plain) > 4 else ""
