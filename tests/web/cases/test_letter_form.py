"""The form of a letter: only letters that fit the customer, their words before they are queued, the reason for the
others."""

from __future__ import annotations

from datetime import date

import pytest
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import NOW, Browser, Desk, seen_in


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    return sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )


def form_of(ben: Browser, case_id: int) -> str:
    """The form as the script fetches it."""
    return ben.get(f"/cases/{case_id}/forms/letter").text


def test_only_letters_that_fit_are_offered_and_the_others_say_why(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    form = form_of(ben, case_id)
    assert '<option value="first_reminder:email">First reminder by e-mail</option>' in form
    for foreign in ("fourteen_day_letter", "inkassovarsel", "default_notice", "validation_notice"):
        assert f'value="{foreign}:' not in form
    assert "This letter is for NL only." in form
    assert "Second reminder by" in form
    assert "no earlier letter of this case was sent" in form


def test_the_words_are_read_before_the_letter_is_queued(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/letter"
    shown = ben.submit(path, letter="first_reminder:sms")
    assert shown.status_code == 200
    assert builders.messages(sqlite_desk.engine) == []
    assert "Send this letter" in shown.text
    mark = seen_in(shown.text)
    other = ben.submit(path, letter="first_reminder:email", seen=mark)
    assert other.status_code == 409
    assert "others than those you saw" in other.text
    assert ben.submit(path, letter="first_reminder:sms", seen=mark).status_code == 303
    [message] = builders.messages(sqlite_desk.engine)
    words = message.text.partition("http")[0].split("\n")[0]
    assert words[:40] in shown.text, "the very words"
    assert "queued by this channel today already" in form_of(ben, case_id)


def test_a_payment_meanwhile_brings_the_new_words_first(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/letter"
    mark = seen_in(ben.submit(path, letter="first_reminder:email").text)

    def pay(session: Session) -> None:
        builders.payment(session, session.scalars(select(Account)).one(), 2_000, NOW.date())

    sqlite_desk.write(pay)
    changed = ben.submit(path, letter="first_reminder:email", seen=mark)
    assert changed.status_code == 409
    assert builders.messages(sqlite_desk.engine) == []
    assert seen_in(changed.text) != mark


def test_a_channel_that_the_customer_refused_is_not_offered(sqlite_desk: Desk, case_id: int) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    ben.submit(f"/cases/{case_id}/consent", channel="sms", allowed="no", source="on the phone")
    form = form_of(ben, case_id)
    assert "first_reminder:sms" not in form
    assert "First reminder by SMS" in form
    assert "first_reminder:email" in form
