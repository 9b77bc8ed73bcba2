"""Read the times at which a customer wants to be called, and those that do not suit them, from a few plain words. Pure.

Only what is plain is read: one day, one time. Anything else stays as the customer wrote it, for the person who calls.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.core.vocabulary import Channel

_DAYS: Mapping[str, int] = {
    "today": 0, "vandaag": 0, "i dag": 0, "hari ini": 0, "今天": 0,
    "tomorrow": 1, "morgen": 1, "i morgen": 1, "besok": 1, "明天": 1,
    "overmorgen": 2, "i overmorgen": 2, "lusa": 2, "後天": 2,
}  # fmt: skip
"""Days from today."""
_WEEKDAYS = (
    ("monday", "maandag", "mandag", "senin", "週一", "星期一"),
    ("tuesday", "dinsdag", "tirsdag", "selasa", "週二", "星期二"),
    ("wednesday", "woensdag", "onsdag", "rabu", "週三", "星期三"),
    ("thursday", "donderdag", "torsdag", "kamis", "週四", "星期四"),
    ("friday", "vrijdag", "fredag", "jumat", "週五", "星期五"),
    ("saturday", "zaterdag", "lørdag", "sabtu", "週六", "星期六"),
    ("sunday", "zondag", "søndag", "minggu", "週日", "星期日"),
)
_SPANS: Mapping[str, tuple[int, ...]] = {
    "weekdays": (0, 1, 2, 3, 4), "weekday": (0, 1, 2, 3, 4), "doordeweeks": (0, 1, 2, 3, 4),
    "werkdagen": (0, 1, 2, 3, 4), "hverdager": (0, 1, 2, 3, 4), "hari kerja": (0, 1, 2, 3, 4), "平日": (0, 1, 2, 3, 4),
    "weekend": (5, 6), "weekends": (5, 6), "helgen": (5, 6), "akhir pekan": (5, 6), "週末": (5, 6),
}  # fmt: skip
_UNCLEAR = re.compile(
    r"\b(?:not|dont|don't|never|except|before|until|till|by|but|or|niet|nooit|behalve|voor|tot|ikke|aldri|før|"
    r"jangan|tidak|sebelum|sampai|kecuali|next|volgende|neste|depan|week|uke|"
    r"(?:jan|feb|mar|apr|may|mei|mai|jun|jul|aug|ags|sep|oct|okt|nov|dec|des)[a-z]*|"
    r"(?:in|over) \d+|om \d+ (?:dager|uker)|\d+(?:st|nd|rd|th))\b|"
    r"\d/\d|不要|別|除了|之前|以前|下週|下周|月"
)
"""With one of these the plain reading may be the wrong way round."""
_TIME = re.compile(
    r"(?<![\d:/.-])(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>a\.?m\b\.?|p\.?m\b\.?)?(?![\d:/-])"
)
_FILLER = frozenset(
    " ".join(
        (
            "please call me back at after from around about can you could ring phone thanks thank pm am",
            "bel mij me om na vanaf aub alstublieft graag terug uur",
            "ring meg kl klokken etter fra takk",
            "tolong hubungi telepon saya jam pukul setelah mulai dari terima kasih",
        )
    ).split()
)
"""Words that say nothing about a day. Without a named day, any other word may name one that is not known here."""
_CLOCK_BEFORE = re.compile(r"\b(?:at|after|from|om|na|vanaf|kl\.?|klokken|etter|jam|pukul|setelah)\s*$")
_CHINESE_TIME = re.compile(
    r"(?P<half>上午|下午|晚上)?(?P<hour>\d{1,2})[點点時](?:(?P<minute>\d{1,2})分|(?P<thirty>半))?"
)

_CLOCK = (
    r"(?P<hour>2[0-3]|[01]?\d)(?!\d)(?:[:.](?P<minute>[0-5]\d))?(?:\s*(?P<half>a\.?m\b\.?|p\.?m\b\.?))?"
    r"(?:\s*(?P<clock>o'?clock|uur|h)\b)?(?![\w/-])"
)
_AFTER_AN_HOUR = re.compile(
    r"\s*(?:$|[,.;!?)]|(?:please|pls|thanks|thank|regards|kind regards|in the morning|my time|i|because|as i|since i|"
    r"'s ochtends|graag|aub|alstublieft|bedankt|groet|groeten|om morgenen|takk|mvh|hilsen|pagi|ya|terima kasih)\b)"
)
"""Words after a bare number that leave it an hour. With any other it may count something: days, weeks, people."""
_LATE = re.compile(
    r"\b(?:evenings?|afternoons?|tonight|at night|midnight|\w*avonds?|\w*middags?|kveld\w*|ettermiddag\w*|malam|sore)\b"
)
"""With one of these a time up to twelve may be of the afternoon."""
_UNWANTED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\bi )\b(?:do not|dont|don't|never|stop|no|please not)\s+(?:ever\s+)?"
        r"(?P<verb>call|ring|phon|text|messag|contact)\w*"
        rf"(?:\s+me)?(?:\s+(?:at all|again|anymore))?\s+(?P<side>before|after)\s+{_CLOCK}",
        rf"\b(?P<verb>bel|sms|app|benader)(?:len)?\s+(?:mij\s+|me\s+)?niet\s+(?P<side>voor|na)\s+{_CLOCK}",
        rf"\bikke\s+(?P<verb>ring|sms|kontakt)\w*\s+(?:meg\s+)?(?P<side>før|etter)\s+(?:kl\.?\s*|klokken\s+)?{_CLOCK}",
        rf"\bjangan\s+(?P<verb>telepon|telpon|menelepon|sms|hubungi)\s+(?:saya\s+)?(?P<side>sebelum|setelah)\s+"
        rf"(?:jam\s+|pukul\s+)?{_CLOCK}",
    )
)
"""A request not to be contacted before or after a time of day, on any day."""
_EVERY_WEEK = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days\b")
_BEFORE = frozenset({"before", "voor", "før", "sebelum"})
_VERBS: Mapping[str, Channel] = {
    **dict.fromkeys(("call", "ring", "phon", "bel", "telepon", "telpon", "menelepon"), Channel.CALL),
    **dict.fromkeys(("text", "messag", "sms", "app"), Channel.SMS),
}
_EARLIEST_PLAIN, _LATEST_PLAIN = 5 * 60, 12 * 60


@dataclass(frozen=True, slots=True)
class UnwantedTime:
    """Minutes after local midnight, every day, at which a channel does not suit the customer; no channel = none of
    them."""

    channel: Channel | None
    start: int
    end: int


def unwanted_time(text: str) -> UnwantedTime | None:
    """The time of day at which the words ask for no contact; None where they name none, or more than a plain one: a
    day, a second time, an hour that may be in the morning or in the afternoon."""
    plain = _plain(text)
    if not plain or len(plain) > 200 or _EVERY_WEEK.search(plain):
        return None
    if _days_of(plain, date.min + timedelta(days=7)) != []:
        return None
    found = [match for pattern in _UNWANTED for match in pattern.finditer(plain)]
    if len(found) != 1 or re.search(r"\d", plain.replace(found[0][0], " ", 1)):
        return None
    match = found[0]
    is_bare = not (match["minute"] or match["half"] or match["clock"])
    if is_bare and not _AFTER_AN_HOUR.match(plain, match.end()):
        return None
    if not match["half"] and int(match["hour"]) <= 12 and _LATE.search(plain):
        return None
    is_before = match["side"] in _BEFORE
    minute = _minute_of(match, is_before=is_before)
    if minute is None or not 0 < minute < 1440:
        return None
    channel = _VERBS.get(match["verb"])
    return UnwantedTime(channel, 0, minute) if is_before else UnwantedTime(channel, minute, 1440)


def _minute_of(match: re.Match[str], *, is_before: bool) -> int | None:
    """Minutes after midnight. "Before 10" is in the morning; "after 6" without more may be either, and is not plain."""
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), (match["half"] or "")[:1]
    if half:
        return (hour % 12 + (12 if half == "p" else 0)) * 60 + minute if 1 <= hour <= 12 else None
    at = hour * 60 + minute
    if hour > 12 or (is_before and _EARLIEST_PLAIN <= at <= _LATEST_PLAIN):
        return at
    return None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())


def wished_time(text: str, now: datetime) -> datetime | None:
    """The first time from `now` (aware, in the customer's zone) that the words name; None where they name none, or
    may mean another."""
    plain = _plain(text)
    if not plain or len(plain) > 200 or _UNCLEAR.search(plain):
        return None
    at = _time_of(plain)
    days = _days_of(plain, now.date())
    if at is None or days is None:
        return None
    if not days and not _FILLER.issuperset(re.findall(r"[^\W\d]+", _TIME.sub(" ", plain))):
        return None
    for day in days or [now.date() + timedelta(days=ahead) for ahead in range(2)]:
        named = datetime.combine(day, at, tzinfo=now.tzinfo)
        if named > now:
            return named
    return None


def _time_of(plain: str) -> time | None:
    """The only time of day in the text; None for none or several."""
    found = set()
    for match in _CHINESE_TIME.finditer(plain):
        hour = int(match["hour"]) % 12 + 12 if match["half"] in ("下午", "晚上") else int(match["hour"])
        minute = 30 if match["thirty"] else int(match["minute"] or 0)
        if (match["half"] is None and hour < 8) or hour > 23 or minute > 59:
            return None
        found.add(time(hour, minute))
    if not found:
        for match in _TIME.finditer(plain):
            hour, minute, half = int(match["hour"]), int(match["minute"] or 0), (match["half"] or "")[:1]
            if half:
                if not 1 <= hour <= 12:
                    return None
                hour = hour % 12 + (12 if half == "p" else 0)
            elif match["minute"] is None:
                if not _CLOCK_BEFORE.search(plain[: match.start()]):
                    continue  # a number, not a time
                if hour < 13:
                    return None  # "at 3": in the morning or in the afternoon
            found.add(time(hour, minute))
    return found.pop() if len(found) == 1 else None


def _days_of(plain: str, today: date) -> list[date] | None:
    """The days it names, earliest first; [] where it names none, None where it names more than one way."""
    week = [today + timedelta(days=ahead) for ahead in range(8)]
    named: dict[tuple[date, ...], None] = {}
    for words, ahead in _DAYS.items():
        if _says(plain, words):
            named[today + timedelta(days=ahead),] = None
    for number, names in enumerate(_WEEKDAYS):
        if any(_says(plain, name) for name in names):
            named[tuple(day for day in week if day.weekday() == number)] = None
    for words, numbers in _SPANS.items():
        if _says(plain, words):
            named[tuple(day for day in week if day.weekday() in numbers)] = None
    for text in re.findall(r"\b\d{4}-\d\d-\d\d\b", plain):
        try:
            named[date.fromisoformat(text),] = None
        except ValueError:
            return None
    if len(named) > 1:
        return None
    return list(next(iter(named), ()))


def _says(plain: str, words: str) -> bool:
    if words.isascii() or "ø" in words:
        return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", plain) is not None
    return words in plain
