"""One message on every channel: the screen, the SMS, the e-mail and the printed letter say what was frozen with it."""

from __future__ import annotations

import html
import json
import re
from datetime import date, timedelta
from pathlib import Path

import pypdfium2
from sqlmodel import Session

from app.adapters.print.letters import PrintLetterSender
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import Dispatch
from app.outreach.planning.in_writing.agreements import confirm_plan
from app.outreach.planning.wording import message_context
from app.programs.ports import LETTERS
from tests import builders
from tests.agreements import promise_to_pay
from tests.web.desk import NOW, Desk

ON = NOW.date()
ALL = (Channel.SMS, Channel.EMAIL, Channel.POST)
AMOUNT = re.compile(r"\d[\d,]*\.\d\d")
DATE = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}|[A-Z][a-z]{2,8} \d{1,2}, \d{4}")
REFERENCE = re.compile(r"C-\d{6}")


def figures(text: str) -> tuple[set[str], set[str], set[str]]:
    """The amounts, dates and references in a text."""
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    return set(AMOUNT.findall(plain)), set(DATE.findall(plain)), set(REFERENCE.findall(plain))


def test_screen_sms_e_mail_and_letter_say_what_was_frozen_with_the_message(
    sqlite_desk: Desk, tmp_path: Path
) -> None:
    desk = sqlite_desk

    def promise(session: Session) -> CollectionsCase:
        case = builders.delinquent_case(
            session, due_on=ON - timedelta(days=9), on=ON, minimum=1_234_567, balance=2_000_000
        )
        plan = promise_to_pay(
            session, case, 654_321, date(2026, 3, 9), by=Actor.user("ann"), today=ON, now=NOW
        )
        book = get_portfolio(session, builders.BOOK)
        night = ON - timedelta(days=1)  # of another day than the one that the words call today
        letters = builders.catalog()
        confirm_plan(session, book, plan, letters, channels=ALL, on=night, by=Actor.user("ann"), now=NOW)
        return case

    case = desk.write(promise)
    messages = {Channel(m.destination.value): m for m in builders.messages(desk.engine)}
    assert set(messages) == set(ALL)
    contexts = [message_context(m) for m in messages.values()]
    for name in ("amount", "promise_on", "reference", "past_due_total", "accounts", "oldest_due_on"):
        assert len({json.dumps(context[name]) for context in contexts}) == 1, name
    frozen = figures(json.dumps(contexts[0], ensure_ascii=False))
    assert (contexts[0]["amount"].endswith("6,543.21"), "12,345.67" in frozen[0]) == (True, True)

    # What happens afterwards changes nothing in what was written.
    desk.write(lambda session: builders.payment(session, account_of(session, case), 100, ON))
    sender = builders.deliver(desk.engine, NOW)
    sent = {dispatch.channel: dispatch for dispatch in sender.sent}
    for channel, message in messages.items():
        dispatch = sent[channel]
        assert (dispatch.text, dispatch.html, dispatch.subject) == (
            message.text,
            message.html,
            message.subject,
        )
        assert dispatch.context == message_context(message)
        assert_only_frozen(f"{dispatch.subject} {dispatch.text}", frozen)
    assert_only_frozen(sent[Channel.EMAIL].html, frozen)
    assert_only_frozen(printed(sent[Channel.POST], tmp_path), frozen)
    assert figures(printed(sent[Channel.POST], tmp_path))[2] == {sent[Channel.POST].reference}

    page = desk.sign_in(Role.MANAGER).get("/outbox").text
    for message in messages.values():
        shown = re.search(
            rf'<div class="letter-text"[^>]*>{re.escape(html.escape(message.text)[:20])}.*?</div>', page, re.S
        )
        assert shown is not None, message.destination
        assert figures(shown[0]) == figures(message.text)


def account_of(session: Session, case: CollectionsCase) -> builders.Account:
    query = builders.select(builders.Account).where(builders.Account.customer_id == case.customer_id)
    return session.scalars(query).one()


def assert_only_frozen(text: str, frozen: tuple[set[str], set[str], set[str]]) -> None:
    """No amount, date or reference that the message's own record does not know, and at least the amount."""
    found = figures(text)
    assert found[0]
    for said, known in zip(found, frozen, strict=True):
        assert said <= known


def printed(dispatch: Dispatch, folder: Path) -> str:
    """The text of the PDF."""
    PrintLetterSender(folder, LETTERS).send(dispatch)
    [path] = folder.rglob("*.pdf")
    pdf = pypdfium2.PdfDocument(path)
    return " ".join(page.get_textpage().get_text_bounded() for page in pdf)
