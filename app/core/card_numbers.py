"""Full card numbers in text: recognised so that they are never stored. Pure, and one pass over the text.

A card number is digits that begin with an issuer's prefix, have a length that this issuer uses and pass the check
digit (ISO/IEC 7812-1), in a spelling that people and web pages use: bare or in groups, separated by blanks of any
kind, dashes of any kind, slashes, dots, underscores, in digits of any script, and with an expiry date or a CVV run
on. Text that only happens to contain such digits is no card number: IBANs and creditor references whose check digits
are right, decimals, telephone numbers with their country, identifiers of mixed letters and digits, lists of short
numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

SHORTEST, LONGEST = 13, 19
LONGEST_TAIL = 9
"""Digits run on behind a number: month, year of four digits, CVV."""
WIDEST_GAP = 8
"""Characters between two groups."""


@dataclass(frozen=True, slots=True)
class CardNumber:
    """Position of a card number in a text: `places` of its own digits, and its `end` with an expiry or CVV run on."""

    places: tuple[int, ...]
    end: int

    @property
    def start(self) -> int:
        return self.places[0]


def holds_card_number(text: str) -> bool:
    """True if `text` holds a full card number in any spelling."""
    return next(_found(text), None) is not None


def mask_card_numbers(text: str) -> str:
    """Replace every card number (as `holds_card_number` finds them) by asterisks but for its last four digits.

    For texts that others wrote, which cannot be refused. An expiry date or CVV run on behind one is hidden too.
    """
    kept = list(text)
    for number in _found(text):
        for place in (*number.places[:-4], *range(number.places[-1] + 1, number.end)):
            kept[place] = "*"
    return "".join(kept)


def replace_card_numbers(text: str, instead: str) -> str:
    """The text with each card number as a whole replaced."""
    parts, at = [], 0
    for number in _found(text):
        parts += [text[at : number.start], instead]
        at = number.end
    return "".join(parts) + text[at:]


# --- issuers --------------------------------------------------------------------------------------------------

ANY_LENGTH = frozenset(range(SHORTEST, LONGEST + 1))
_PREFIXES: tuple[tuple[int, int, int, frozenset[int]], ...] = (
    # digits of the prefix, from, to, lengths
    (1, 4, 4, frozenset({13, 16, 19})),  # Visa
    (2, 34, 34, frozenset({15})),  # American Express
    (2, 37, 37, frozenset({15})),
    (2, 51, 55, frozenset({16})),  # Mastercard
    (4, 2221, 2720, frozenset({16})),
    (4, 2200, 2204, frozenset({16, 17, 18, 19})),  # Mir
    (4, 2131, 2131, frozenset({15})),  # JCB
    (4, 3528, 3589, frozenset({16, 17, 18, 19})),
    (3, 300, 305, frozenset({14, 16, 17, 18, 19})),  # Diners Club
    (3, 309, 309, frozenset({14, 16, 17, 18, 19})),
    (2, 36, 36, frozenset(range(14, 20))),
    (2, 38, 39, frozenset({14, 16, 17, 18, 19})),
    (2, 50, 50, ANY_LENGTH),  # Maestro, Verve, RuPay, Elo
    (2, 56, 58, ANY_LENGTH),
    (1, 6, 6, ANY_LENGTH),  # Discover, UnionPay, Maestro, RuPay
    (2, 81, 82, frozenset({16, 17, 18, 19})),  # UnionPay, RuPay
    (4, 8600, 8600, frozenset({16})),  # Uzcard
    (4, 9704, 9704, frozenset({16, 19})),  # Napas
    (4, 9792, 9792, frozenset({16})),  # Troy
    (4, 9860, 9860, frozenset({16})),  # Humo
)
FIRST_DIGITS = frozenset(str(low)[0] for _, low, _, _ in _PREFIXES)


@lru_cache(10_000)
def _lengths(prefix: str) -> frozenset[int]:
    """The lengths of card numbers that begin with these four digits; empty where none does."""
    found: frozenset[int] = frozenset()
    for size, low, high, lengths in _PREFIXES:
        if low <= int(prefix[:size]) <= high:
            found |= lengths
    return found


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _is_number(digits: str) -> bool:
    return len(digits) in _lengths(digits[:4]) and len(set(digits)) > 1 and luhn(digits)


# --- spellings ------------------------------------------------------------------------------------------------

_FOURS = {
    (4, 4, 4, 4),
    (4, 4, 4, 4, 1),
    (4, 4, 4, 4, 2),
    (4, 4, 4, 4, 3),
    (4, 4, 4, 3),
    (4, 4, 4, 2),
    (4, 4, 4, 1),
}
PRINTED = frozenset(_FOURS | {(4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 3, 3, 3), (6, 13), (4, 4, 4, 7)})
"""Sizes of groups as cards have them: with any separators they are one number."""
WRITTEN = frozenset(
    {(4, 8, 4), (6, 4, 6), (4, 4, 8), (8, 4, 4), (5, 5, 6), (6, 5, 5), (5, 6, 5), (6, 6, 4), (4, 6, 6)}
    | {(5, 5, 5, 1), (5, 5, 5), (5, 5, 5, 4), (6, 10), (10, 6), (4, 12), (12, 4), (6, 9), (4, 11)}
)
"""Sizes as people also group them: with one and the same separator, because two numbers side by side look alike."""
_BEGINNINGS = frozenset(
    sizes[:count] for sizes in PRINTED | WRITTEN | {(8, 8)} for count in range(1, len(sizes))
) | frozenset((size,) * count for size in (1, 2, 3) for count in range(1, LONGEST // size + 1))
_SEPARATORS = re.compile(r"[ \t\r\n\-./\\|_:*'~+#=()\[\]{}]*|[,;]")
_TIGHT = re.compile(r" +|-+|\.|_+")
_ENTITY = re.compile(
    r"&(?:nbsp|thinsp|ensp|emsp|shy|#0*(?:32|45|160|8201|8209|8239)|#x0*(?:20|2d|a0|2009|2011|202f));"
    r"|%20|%2b|%2d|%c2%a0",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    gap: str | None
    """Separator from the group before; None where that group belongs to another number, or there is none."""


def _found(text: str) -> Iterator[CardNumber]:
    """Every card number of a text, in order; none overlaps another."""
    plain = _plain(text)
    if len(plain) < SHORTEST or sum(map(plain.count, "0123456789")) < SHORTEST:
        return
    groups = _groups(plain)
    at = 0
    while at < len(groups):
        found = _beginning(plain, groups, at)
        if found is None:
            at += 1
            continue
        number, at = found
        yield number


def _plain(text: str) -> str:
    """Return as many characters, with digits, blanks and dashes of any kind replaced by those of ASCII."""
    plain = text if text.isascii() else "".join([char if char < "\x80" else _ascii(char) for char in text])
    if "&" in plain or "%" in plain:
        plain = _ENTITY.sub(lambda found: " " * len(found[0]), plain)
    return plain


@lru_cache(10_000)
def _ascii(char: str) -> str:
    digit = unicodedata.digit(char, -1)
    if digit >= 0:
        return str(digit)
    kind = unicodedata.category(char)
    if kind in {"Zl", "Zp"}:
        return "\n"
    if kind in {"Zs", "Cf", "Mn", "Me", "Cc"}:  # no-break and thin blanks, zero-width signs, keycaps
        return " "
    if kind == "Pd" or char in "\u2212\u2043\u23af\u2500\u2501\u02d7":
        return "-"
    if char in "\u00b7\u2022\u2027\u2219\u22c5\u30fb\u3002":
        return "."
    if char in "\u2044\u2215":
        return "/"
    same = unicodedata.normalize("NFKC", char)
    return same if len(same) == 1 and same.isascii() else "?"


def _groups(plain: str) -> list[_Group]:
    """The groups of digits that may belong to a card number."""
    excluded = _excluded(plain)
    groups: list[_Group] = []
    last, is_chained = 0, False
    for found in re.finditer("[0-9]+", plain):
        start, end = found.span()
        if excluded[start]:
            is_chained = False
            continue
        gap = plain[last:start] if is_chained and start - last <= WIDEST_GAP else None
        if gap is not None and not _SEPARATORS.fullmatch(gap):
            gap = None
        groups.append(_Group(start, end, gap))
        last, is_chained = end, True
    return groups


def _beginning(plain: str, groups: Sequence[_Group], first: int) -> tuple[CardNumber, int] | None:
    """The longest card number that begins at a group, and the group after it."""
    if plain[groups[first].start] not in FIRST_DIGITS or _is_amid_small(groups, first):
        return None
    best: tuple[CardNumber, int] | None = None
    places: list[int] = []
    sizes: tuple[int, ...] = ()
    gaps: set[str] = set()
    for at in range(first, len(groups)):
        group = groups[at]
        if at > first:
            if group.gap is None:
                break
            gaps.add(group.gap)
        before, size = len(places), group.end - group.start
        places.extend(range(group.start, min(group.end, group.start + LONGEST + LONGEST_TAIL + 1)))
        for length in _ends(plain, places, before, size):
            is_whole = length == before + size and _is_whole(groups, first, at, gaps)
            if not _is_spelling((*sizes, length - before), gaps, is_whole=is_whole):
                continue
            if _is_number("".join([plain[place] for place in places[:length]])):
                best = CardNumber(tuple(places[:length]), group.end), at + 1
                break
        sizes = (*sizes, size)
        if sizes not in _BEGINNINGS:
            break
    return best


def _is_amid_small(groups: Sequence[_Group], at: int) -> bool:
    """Check whether a group of one to three digits has the same separator before and behind it. Such a group is read
    alone or not at all."""
    following = groups[at + 1].gap if at + 1 < len(groups) else None
    return groups[at].end - groups[at].start <= 3 and following is not None and groups[at].gap == following


def _ends(plain: str, places: Sequence[int], before: int, size: int) -> Iterator[int]:
    """Yield the possible lengths of the number that ends in the last group, `size` digits behind the first
    `before`."""
    total = before + size
    if SHORTEST <= total <= LONGEST:
        yield total
    for length in (16, 15):
        if before < length < total <= length + LONGEST_TAIL:
            tail = "".join([plain[place] for place in places[length:]])
            if _is_tail(tail, length):
                yield length


def _is_tail(tail: str, length: int) -> bool:
    """Check whether the digits run on can be a CVV, an expiry date, or both."""
    size = len(tail)
    if size == 3 or (size == 4 and length == 15):
        return True
    if size in {4, 7}:
        return _is_month(tail[:2]) or _is_month(tail[2:4])
    return size in {6, 9} and _is_month(tail[:2]) and tail[2:4] == "20"


def _is_month(digits: str) -> bool:
    return "01" <= digits <= "12"


def _is_spelling(sizes: tuple[int, ...], gaps: set[str], *, is_whole: bool) -> bool:
    if len(sizes) == 1 or sizes in PRINTED:
        return True
    if len(gaps) != 1 or not _TIGHT.fullmatch(next(iter(gaps))):
        return False
    if sizes[:3] == (5, 5, 5) and not is_whole:
        return False  # payment references of twenty digits and more stand in fives (Switzerland, Finland)
    if sizes in WRITTEN or (sizes == (8, 8) and not next(iter(gaps)).isspace()):
        return True
    size = sizes[0]
    return is_whole and size <= 3 and set(sizes[:-1]) == {size} and sizes[-1] <= size


def _is_whole(groups: Sequence[_Group], first: int, last: int, gaps: set[str]) -> bool:
    """Check whether the groups stand alone: no further group before or behind them has the same separator."""
    following = groups[last + 1].gap if last + 1 < len(groups) else None
    return groups[first].gap not in gaps and following not in gaps


# --- no card numbers ------------------------------------------------------------------------------------------


def _excluded(plain: str) -> bytearray:
    """Mark with 1 every character that belongs to something other than a card number."""
    marks = bytearray(len(plain))
    for start, end in (*_accounts(plain), *_decimals(plain), *_telephones(plain), *_identifiers(plain)):
        marks[start:end] = b"\1" * (end - start)
    return marks


_REGISTRY = """
AD=24 AE=23 AL=28 AT=20 AZ=28 BA=20 BE=16 BG=22 BH=22 BI=27 BR=29 BY=28 CH=21 CR=22 CY=28 CZ=24 DE=22 DJ=27 DK=18 DO=28
EE=20 EG=29 ES=24 FI=18 FK=18 FO=18 FR=27 GB=22 GE=22 GI=23 GL=18 GR=27 GT=28 HN=28 HR=21 HU=28 IE=22 IL=23 IQ=23 IS=26
IT=27 JO=30 KW=30 KZ=20 LB=28 LC=32 LI=21 LT=20 LU=20 LV=21 LY=25 MC=27 MD=24 ME=22 MK=19 MN=20 MR=27 MT=31 MU=30 NI=28
NL=18 NO=15 OM=23 PK=24 PL=28 PS=29 PT=25 QA=29 RO=24 RS=22 RU=33 SA=24 SC=31 SD=18 SE=24 SI=19 SK=24 SM=27 SO=23 ST=25
SV=28 TL=23 TN=24 TR=26 UA=29 VA=22 VG=24 XK=20 YE=30
"""
IBAN_LENGTHS = {pair[:2]: int(pair[3:]) for pair in _REGISTRY.split()}
"""Characters of an IBAN by country (SWIFT's registry)."""
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])([A-Za-z]{2}) ?[0-9]{2}")
CREDITOR = range(5, 26)
"""Characters of an ISO 11649 creditor reference (RF...)."""


def _accounts(plain: str) -> Iterator[tuple[int, int]]:
    """IBANs and creditor references with right check digits (ISO 7064, mod 97-10)."""
    for found in _ACCOUNT.finditer(plain):
        country = found[1].upper()
        if country == "RF":
            wanted = CREDITOR
        elif size := IBAN_LENGTHS.get(country, 0):
            wanted = range(size, size + 1)
        else:
            continue
        if end := _checked_end(plain, found.start(), wanted):
            yield found.start(), end


def _checked_end(plain: str, start: int, wanted: range) -> int:
    """Return the end of the longest account of a wanted length with right check digits; 0 if there is none."""
    signs, at, end = "", start, 0
    while at < len(plain) and len(signs) < wanted[-1]:
        if plain[at].isalnum():
            signs += plain[at].upper()
            is_last = at + 1 == len(plain) or not plain[at + 1].isalnum()
            if is_last and len(signs) in wanted and _mod97(signs):
                end = at + 1
        elif plain[at] not in " -." or plain[at - 1] in " -.":
            break
        at += 1
    return end


def _mod97(signs: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def _decimals(plain: str) -> Iterator[tuple[int, int]]:
    """Numbers with one decimal sign and at least seven digits behind it."""
    for found in re.finditer(r"(?<![0-9])(?<![0-9][.,])[0-9]+[.,][0-9]{7,}(?![0-9]|[.,][0-9])", plain):
        yield found.span()


def _telephones(plain: str) -> Iterator[tuple[int, int]]:
    """Numbers of at most fifteen digits behind a plus (ITU-T E.164)."""
    for found in re.finditer(r"(?<![0-9])\+[0-9]+(?:[ \-./]{1,3}[0-9]+)*", plain):
        if sum(map(found[0].count, "0123456789")) <= 15:
            yield found.span()


def _identifiers(plain: str) -> Iterator[tuple[int, int]]:
    """Words in which letters and digits alternate, as hashes and message ids do."""
    for found in re.finditer("[0-9A-Za-z]+", plain):
        word = found[0]
        if not word.isdigit() and len(re.findall("[0-9]+|[A-Za-z]+", word)) > 5:
            yield found.span()
