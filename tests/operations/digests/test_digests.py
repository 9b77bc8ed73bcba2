"""A digest is made once for each recipient and closed day, sent until it arrives or is a day old, and only to those who
may read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from app.core.actor import SYSTEM
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.queries import user_named
from app.core.staff.rules import Role
from app.core.staff.service import change_user
from app.http import interface
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import open_alerts
from app.operations.digests.rules import (
    DigestCadence,
    DigestStatus,
    DigestWay,
    check_url,
    due_day,
    is_due,
    is_private,
    next_try,
    webhook_secret,
)
from app.operations.digests.service import add_recipient, change_recipient, end_recipient
from app.outreach.outbox.dispatch import SendResult, TryLater, Uncertain, Undeliverable
from tests import builders
from tests.operations.digests.story import (
    MEI,
    NOW,
    SATURDAY,
    SUNDAY,
    Post,
    close,
    digests,
    list_hook,
    list_mei,
    open_book,
    the_book,
    tick,
    write,
)

DAY = timedelta(days=1)


# --- rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cadence", "on", "due"),
    [
        (DigestCadence.DAILY, date(2026, 3, 4), True),
        (DigestCadence.WEEKLY, date(2026, 2, 28), False),  # told on a Sunday
        (DigestCadence.WEEKLY, date(2026, 3, 1), True),  # told on a Monday
        (DigestCadence.WEEKLY, date(2026, 3, 2), False),
        (DigestCadence.MONTHLY, date(2026, 2, 27), False),
        (DigestCadence.MONTHLY, date(2026, 2, 28), True),
        (DigestCadence.MONTHLY, date(2026, 3, 1), False),
    ],
)
def test_which_days_have_a_digest(cadence: DigestCadence, on: date, due: bool) -> None:
    assert is_due(cadence, on) is due


def test_after_several_nights_only_the_last_one_is_news() -> None:
    days = [date(2026, 2, 20) + n * DAY for n in range(12)]
    assert due_day(DigestCadence.DAILY, days) == date(2026, 3, 3)
    assert due_day(DigestCadence.WEEKLY, days) == date(2026, 3, 1)
    assert due_day(DigestCadence.MONTHLY, days[:5]) is None


@pytest.mark.parametrize(
    ("attempts", "age", "waits"),
    [
        (1, timedelta(), timedelta(minutes=1)),
        (2, timedelta(minutes=1), timedelta(minutes=2)),
        (8, timedelta(hours=2), timedelta(hours=2)),
        (500, timedelta(hours=23, minutes=59), timedelta(hours=2)),
        (3, timedelta(hours=24), None),
    ],
)
def test_the_wait_grows_until_the_digest_is_a_day_old(
    attempts: int, age: timedelta, waits: timedelta | None
) -> None:
    assert next_try(attempts, NOW - age, NOW) == (NOW + waits if waits else None)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://hooks.example/desk", "https://"),
        ("ftp://hooks.example/desk", "https://"),
        ("hooks.example/desk", "web address"),
        ("https://", "web address"),
        ("https://hooks.example:99999/", "web address"),
        ("https://hooks.exämple/", "web address"),
        ("https://hooks.example/a b", "web address"),
        ("https://hooks.example/" + "a" * 500, "web address"),
        ("https://user:word@hooks.example/", "user name"),
        ("https://hooks.example/#part", "anything after #"),
        ("https://localhost/", "private network"),
        ("https://127.0.0.1/", "private network"),
        ("https://10.1.2.3/", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("https://[::1]/", "private network"),
        ("https://[::ffff:10.0.0.1]/", "private network"),
        ("https://vault.internal/", "private network"),
        ("http://127.0.0.1:8080/", "https://"),
    ],
)
def test_an_address_that_is_refused(url: str, word: str) -> None:
    with pytest.raises(Invalid, match=word) as refused:
        check_url(url, private=False)
    assert refused.value.field == "url"


def test_an_address_that_is_taken() -> None:
    assert (
        check_url(" https://hooks.example/desk?key=1 ", private=False) == "https://hooks.example/desk?key=1"
    )
    assert check_url("http://127.0.0.1:8080/x", private=True) == "http://127.0.0.1:8080/x"
    assert check_url("https://10.1.2.3/x", private=True) == "https://10.1.2.3/x"
    with pytest.raises(Invalid):
        check_url("http://10.1.2.3/x", private=True)  # unencrypted to another machine


def test_private_addresses() -> None:
    for address in ("100.64.0.1", "0.0.0.0", "fe80::1%eth0", "fc00::1", "224.0.0.1", "2002:a00:1::"):
        assert is_private(address), address
    assert not is_private("93.184.216.34")
    assert not is_private("2606:2800:220:1::1")


def test_each_endpoint_has_a_secret_of_its_own() -> None:
    secrets = {webhook_secret(key, salt) for key in ("k" * 40, "l" * 40) for salt in ("a", "b")}
    assert len(secrets) == 4
    assert all(each.startswith("whsec_") for each in secrets)


# --- the list -----------------------------------------------------------------------------------------------


def test_the_list_has_managers_and_each_change_is_on_record(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SATURDAY, 10)
        person = list_mei(session, portfolio)
        hook = list_hook(session, portfolio)
        assert (person.after_on, hook.username, len(hook.salt) > 20) == (SATURDAY, "", True)
        for username, field in (("ben", "username"), ("", "username")):
            with pytest.raises(Invalid) as refused:
                list_mei(session, portfolio, username=username)
            assert refused.value.field == field
        with pytest.raises(Invalid, match="e-mail"):
            list_mei(session, portfolio, username="noor", email="noor at desk")
        with pytest.raises(Conflict, match="mei is on the list"):
            list_mei(session, portfolio)
        with pytest.raises(Conflict, match="on the list"):
            list_hook(session, portfolio)
        with pytest.raises(Invalid, match="https://"):
            add_recipient(
                session, portfolio, DigestWay.WEBHOOK, url="http://hooks.example/", cadence=DigestCadence.DAILY,
                private=False, by=MEI, now=NOW,
            )  # fmt: skip
        change_recipient(
            session, portfolio, id_of(person), cadence=DigestCadence.WEEKLY, active=False, by=MEI, now=NOW
        )
        change_recipient(session, portfolio, id_of(person), active=False, by=MEI, now=NOW)  # as it was
        end_recipient(session, portfolio, id_of(hook), by=MEI, now=NOW)
        with pytest.raises(Conflict, match="taken off"):
            end_recipient(session, portfolio, id_of(hook), by=MEI, now=NOW)
        list_hook(session, portfolio)  # an ended one may come back
        kinds = ("digest.recipient_added", "digest.recipient_changed", "digest.recipient_ended")
        told = builders.events(session, *kinds)
    assert [each["recipient"] for each in told] == [
        "mei", "hooks.example", "mei", "hooks.example", "hooks.example",
    ]  # fmt: skip
    changed = told[2]
    assert changed["recipient_id"] == 1
    assert changed["was"] == {"cadence": "daily", "active": "yes"}
    assert changed["now"] == {"cadence": "weekly", "active": "no"}


# --- made and sent ------------------------------------------------------------------------------------------


@pytest.fixture
def book(engine: Engine) -> Engine:
    """Two closed days, and a person and a webhook that joined between them."""
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SATURDAY, 10)
        list_mei(session, portfolio)
        list_hook(session, portfolio)
        close(session, portfolio, SUNDAY, 15)
    return engine


def test_each_recipient_gets_each_closed_day_once(book: Engine) -> None:
    post, clock = Post(), FixedClock(NOW)
    assert tick(book, post, clock) == {"sent": 2}
    assert tick(book, post, clock) == {}
    clock.advance(DAY)
    assert tick(book, post, clock) == {}  # no further day was closed
    (mail,), ((url, identity, body),) = post.mails, post.hooks
    assert (mail.to, mail.subject) == ("mei@desk.example", "CARDS: digest of 1 March 2026")
    for text in (mail.text, mail.html):
        assert "Overdue rate by accounts, 30+ days" in text
        assert "+5.0 points, worse" in text
        assert "bucket 30-59 +5.0 points" in text
        assert "https://desk.example.test/morning?portfolio=CARDS&" in text.replace("&amp;", "&")
    assert url == "https://hooks.example/desk"
    told = json.loads(body)
    assert (told["type"], told["id"], told["data"]["version"]) == ("digest.made", identity, 1)
    (figure,) = told["data"]["changed"]
    assert (figure["figure"], figure["numerator"], figure["tone"]) == ("overdue_rate_accounts_30", 15, "bad")
    assert figure["changes"] == {"yesterday": pytest.approx(0.05), "week": None}
    write(book, lambda session, portfolio: close(session, portfolio, SUNDAY + DAY, 15))
    assert tick(book, post, clock) == {"sent": 2}
    assert "No figure moved" in post.mails[-1].text
    assert [row.status for row in digests(book)] == [DigestStatus.SENT] * 4
    assert {row.content for row in digests(book)} == {""}


NORWEGIAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "What changed"
msgstr "Hva er endret"

msgid "{portfolio}: digest of {day}"
msgstr "{portfolio}: sammendrag for {day}"

msgid "points"
msgstr "prosentpoeng"

msgid "Overdue rate by accounts, 30+ days"
msgstr "Mislighold, kontoer over 30 dager"
"""


@pytest.fixture
def norwegian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "nb.po").write_text(NORWEGIAN, encoding="utf-8")
    monkeypatch.setattr(interface, "CATALOGUES", tmp_path)
    caches = (interface.languages, interface.interface_locale, interface.translations, interface.words_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("norwegian")
def test_each_person_reads_it_in_their_language_and_a_webhook_in_english(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SATURDAY, 10)
        number = id_of(list_mei(session, portfolio, language="nb"))
        list_hook(session, portfolio)
        close(session, portfolio, SUNDAY, 15)
        with pytest.raises(Invalid, match="Choose a language that has a catalogue: en, nb"):
            list_mei(session, portfolio, language="nl")
    post = Post()
    assert tick(engine, post, FixedClock(NOW)) == {"sent": 2}
    [mail] = post.mails
    assert (mail.language, mail.subject) == ("nb", "CARDS: sammendrag for 1 mars 2026")
    for words in ("Hva er endret", "Mislighold, kontoer over 30 dager", "prosentpoeng", "5,0"):
        assert words in mail.text, words
    assert '<html lang="nb">' in mail.html
    [(_, _, body)] = post.hooks
    assert b"Overdue rate by accounts, 30+ days" in body
    with transaction(engine) as session:
        change_recipient(session, the_book(session), number, language="en", by=MEI, now=NOW)
        [told] = builders.events(session, "digest.recipient_changed")
        assert (told["was"], told["now"]) == ({"language": "nb"}, {"language": "en"})


def test_a_failed_one_is_tried_again_under_the_same_key_and_with_the_same_words(book: Engine) -> None:
    post, clock = Post([TryLater("busy"), Uncertain("answer lost")]), FixedClock(NOW)
    assert tick(book, post, clock) == {"due": 2}
    assert tick(book, post, clock) == {}
    clock.advance(timedelta(minutes=1))
    write(
        book, lambda session, portfolio: close(session, portfolio, SUNDAY - 7 * DAY, 1)
    )  # other figures by now
    assert tick(book, post, clock) == {"sent": 2}
    first, second = post.mails
    assert first.attempt_id == second.attempt_id
    assert (first.text, first.html) == (second.text, second.html)
    assert first.attachments == second.attachments
    assert post.hooks[0] == post.hooks[1]


@pytest.mark.parametrize("last", [TryLater("busy"), Undeliverable("no such address")])
def test_it_is_given_up_after_a_day_and_people_hear_of_it(book: Engine, last: SendResult) -> None:
    with transaction(book) as session:
        end_recipient(session, the_book(session), 2, by=MEI, now=NOW)
    post, clock = Post([TryLater("busy"), last]), FixedClock(NOW)
    tick(book, post, clock)
    clock.advance(DAY)
    assert tick(book, post, clock) == {"failed": 1}
    with reading(book) as session:
        (alert,) = open_alerts(session)
        assert (alert.kind, alert.subject) == (AlertKind.DIGEST, "CARDS, digest 1 to mei")
        assert last.reason in alert.detail
        (event,) = builders.events(session, "digest.given_up")
        assert event["business_date"] == str(SUNDAY)
    assert tick(book, post, clock) == {}
    write(book, lambda session, portfolio: close(session, portfolio, SUNDAY + DAY, 15))
    assert tick(book, post, clock) == {"sent": 1}
    with reading(book) as session:
        assert open_alerts(session) == []


@pytest.mark.parametrize("change", [{"active": False}, {"role": Role.AGENT}])
def test_who_is_no_manager_any_more_gets_nothing(book: Engine, change: dict[str, object]) -> None:
    def dismiss() -> None:
        with transaction(book) as session:
            mei = user_named(session, "mei")
            assert mei is not None
            change_user(session, id_of(mei), by=SYSTEM, now=NOW, **change)  # type: ignore[arg-type]

    post, clock = Post([TryLater("busy"), TryLater("busy")]), FixedClock(NOW)
    tick(book, post, clock)
    dismiss()
    clock.advance(timedelta(minutes=2))
    assert tick(book, post, clock) == {"withheld": 1, "sent": 1}
    write(book, lambda session, portfolio: close(session, portfolio, SUNDAY + DAY, 15))
    assert tick(book, post, clock) == {"sent": 1}
    assert len(post.mails) == 1


def test_a_pause_leaves_days_out_and_an_ended_recipient_gets_nothing(book: Engine) -> None:
    post, clock = Post(), FixedClock(NOW)
    with transaction(book) as session:
        portfolio = the_book(session)
        change_recipient(session, portfolio, 1, active=False, by=MEI, now=NOW)
        end_recipient(session, portfolio, 2, by=MEI, now=NOW)
    assert tick(book, post, clock) == {}
    with transaction(book) as session:
        change_recipient(session, the_book(session), 1, active=True, by=MEI, now=NOW)
    assert tick(book, post, clock) == {}
    write(book, lambda session, portfolio: close(session, portfolio, SUNDAY + DAY, 15))
    assert tick(book, post, clock) == {"sent": 1}


def test_a_worker_whose_lease_ended_settles_nothing(book: Engine) -> None:
    """Another worker has the digest by then, and what it does counts."""
    clock, other = FixedClock(NOW), Post()

    def overtaken() -> None:
        clock.advance(timedelta(minutes=6))
        slow.before = lambda: None
        assert tick(book, other, clock) == {"sent": 2}

    slow = Post([TryLater("too late")], before=overtaken)
    assert tick(book, slow, clock) == {"sent": 1}
    assert [row.status for row in digests(book)] == [DigestStatus.SENT] * 2
    assert {row.attempts for row in digests(book)} == {1, 2}
