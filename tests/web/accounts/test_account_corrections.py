"""Corrections on the account page: looked at first, done once, by whoever may."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlmodel import Session, col, select

from app.book.delinquency.models import Pause, ReAge
from app.book.ledger.events import AccountChanged, PaymentMoved
from app.book.ledger.models import Account, Entry, Statement, Waiver
from app.book.ledger.rules import AccountStatus, EntryKind, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.ids import id_of
from app.core.staff.drafts import drafts_about, typed_in
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from tests import builders
from tests.web.accounts.test_account import an_account, page_of, pay
from tests.web.desk import NAMES, PASSWORD, Browser, Desk

TODAY = date(2026, 3, 2)
CARD = "4111 1111 1111 1111"


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


@pytest.fixture
def mei(desk: Desk) -> Browser:
    return desk.sign_in(Role.MANAGER)


def words(answer: Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", answer.text)))


def look(browser: Browser, path: str, **fields: object) -> tuple[str, dict[str, str]]:
    """The confirmation's words, and the hidden fields that its button sends."""
    answer = browser.submit(path, **fields)
    assert answer.status_code == 200, answer.text[-3000:]
    main = answer.text.partition("<main")[2]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', main))
    assert hidden.pop("csrf_token")
    return words(answer), hidden


def do(browser: Browser, path: str, **fields: object) -> str:
    """Look, confirm, and what the page says afterwards."""
    _, hidden = look(browser, path, **fields)
    return confirm(browser, path, hidden)


def confirm(browser: Browser, path: str, hidden: dict[str, str]) -> str:
    answer = browser.submit(path, **hidden)
    assert answer.status_code == 303, answer.text[-3000:]
    found = re.search(
        r'class="notice flash"[^>]*>([^<]*)<', browser.get(answer.headers["location"].partition("#")[0]).text
    )
    return found[1] if found else ""


def entries(desk: Desk, account_id: int) -> list[Entry]:
    query = select(Entry).where(Entry.account_id == account_id).order_by(col(Entry.id))
    return desk.read(lambda session: list(session.scalars(query)))


def kinds(desk: Desk, account_id: int) -> list[EntryKind]:
    return [entry.kind for entry in entries(desk, account_id)]


def fee(desk: Desk, account_id: int, amount: int = 3_000) -> int:
    def write(session: Session) -> int:
        account = session.get_one(Account, account_id)
        return id_of(builders.entry(session, account, EntryKind.FEE, amount, date(2026, 2, 5)))

    return desk.write(write)


def change(desk: Desk, account_id: int, **portfolio: Any) -> None:
    def write(session: Session) -> None:
        book = session.get_one(Portfolio, session.get_one(Account, account_id).portfolio_id)
        for name, value in portfolio.items():
            setattr(book, name, value)

    desk.write(write)


# --- look, then do, and only once -----------------------------------------------------------------------------


def test_a_payment_is_shown_before_it_is_posted_and_posted_once(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    path = f"/accounts/{account_id}/post"
    said, hidden = look(ben, path, kind="payment", amount="50", effective_on="2026-02-20", description="cash")
    assert "Post the payment of CN¥50.00?" in said
    assert "Balance CN¥1,000.00 CN¥950.00" in said
    assert "Past due CN¥50.00 CN¥0.00" in said
    assert "Days past due 29 0" in said
    assert "It is back-dated" in said
    assert kinds(desk, account_id) == [EntryKind.OPENING_BALANCE]
    assert confirm(ben, path, hidden) == "Payment of CN¥50.00 is posted."
    again, _ = look(ben, path, **hidden)  # the button was pressed twice
    assert "Something has happened since you looked" in again
    assert kinds(desk, account_id) == [EntryKind.OPENING_BALANCE, EntryKind.PAYMENT]
    assert entries(desk, account_id)[-1].source == "user:ben"
    assert "Nothing is due" in page_of(ben, account_id)


def test_a_correction_stays_a_draft_until_it_is_confirmed(sqlite_desk: Desk) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    account_id = an_account(sqlite_desk)
    assert f'data-draft="post:account-{account_id}"' in ben.get(f"/accounts/{account_id}").text
    path = f"/accounts/{account_id}/post"

    def drafts() -> list[str]:
        return sqlite_desk.read(
            lambda s: [typed_in(each)["amount"] for each in drafts_about(s, "ben", f"account-{account_id}")]
        )

    ben.submit(path, kind="payment", amount="fifty", effective_on="2026-03-02")
    assert drafts() == ["fifty"], "refused: found again after a reload"
    _, hidden = look(ben, path, kind="payment", amount="50", effective_on="2026-03-02")
    assert drafts() == ["50"], "only looked at: nothing is posted yet"
    assert confirm(ben, path, hidden) == "Payment of CN¥50.00 is posted."
    assert drafts() == []


def test_what_was_seen_must_still_hold_when_it_is_done(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    path = f"/accounts/{account_id}/post"
    _, hidden = look(ben, path, kind="payment", amount="50", effective_on="2026-03-02")
    pay(desk, account_id, 5_000, date(2026, 3, 1))  # by somebody else, meanwhile
    said, _ = look(ben, path, **hidden)
    assert "Something has happened since you looked" in said
    assert "Balance CN¥950.00 CN¥900.00" in said
    assert len(entries(desk, account_id)) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "1,5,0"}, "Enter an amount in"),
        ({"amount": "0"}, "The amount is zero"),
        ({"amount": "-5"}, "An amount is not negative"),
        ({"effective_on": "2026-03-03"}, "The effective date is in the future"),
        ({"effective_on": "2020-01-01"}, "was opened on"),
        ({"effective_on": "31.2."}, "This is not a date"),
        ({"description": CARD}, "full card number"),
        ({"kind": "nothing"}, "Choose one"),
        ({"kind": "fee", "description": "x"}, "Your role may not post"),
    ],
)
def test_what_was_typed_is_kept_where_it_is_refused(
    sqlite_desk: Desk, typed: dict[str, str], said: str
) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    account_id = an_account(sqlite_desk)
    form = {"kind": "payment", "amount": "50.00", "effective_on": "2026-03-01", "description": "typed <b>"}
    answer = ben.submit(f"/accounts/{account_id}/post", **{**form, **typed})
    assert answer.status_code in (403, 422)
    assert said in answer.text
    assert "Nothing was changed" in answer.text
    if "description" not in typed:
        assert 'value="typed &lt;b&gt;"' in answer.text
    assert len(entries(sqlite_desk, account_id)) == 1


def test_a_manager_adjusts_in_both_directions(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    change(desk, account_id, waive_limit_minor=1_250)
    path = f"/accounts/{account_id}/post"
    form = {"kind": "adjustment", "effective_on": "2026-03-02", "description": "rounding"}
    do(mei, path, **form, amount="-12.50")
    do(mei, path, **form, amount="2.50")
    assert [entry.amount_minor for entry in entries(desk, account_id)[1:]] == [-1_250, 250]
    refused = mei.submit(path, **form, amount="-0.01")
    assert refused.status_code == 403
    assert "beyond your limit of CNY 12.50. Ask for it as goodwill" in refused.text


# --- entries --------------------------------------------------------------------------------------------------


def test_a_bounced_payment_reopens_what_it_had_paid(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    entry_id = pay(desk, account_id, 5_000, date(2026, 2, 20), reference="PAY-1")
    html = mei.get(f"/accounts/{account_id}?tab=ledger").text
    assert f"do=entry&amp;entry={entry_id}" in html
    path = f"/accounts/{account_id}/entries/{entry_id}/reverse"
    refused = mei.submit(path)
    assert refused.status_code == 422
    assert "Say why, in a few words." in refused.text
    assert "PAY-1" in refused.text  # the entry is still the chosen one
    said, hidden = look(mei, path, reason="returned by the bank")
    assert "Past due CN¥0.00 CN¥50.00" in said
    assert "Days past due 0 29" in said
    assert "is reversed" in confirm(mei, path, hidden)
    assert kinds(desk, account_id)[-1] is EntryKind.REVERSAL
    assert "How the 29 days are counted" in page_of(mei, account_id)
    again = mei.submit(path, reason="again")
    assert again.status_code == 409
    assert "is reversed already" in again.text


def test_a_fee_is_waived_alone_within_the_limit_and_by_two_above_it(
    desk: Desk, ben: Browser, mei: Browser
) -> None:
    account_id = an_account(desk)
    change(desk, account_id, waive_limit_minor=1_000)
    entry_id = fee(desk, account_id)
    path = f"/accounts/{account_id}/entries/{entry_id}/waive"
    assert 'value="30.00"' in mei.get(f"/accounts/{account_id}?entry={entry_id}&do=waive").text
    assert "is waived" in do(mei, path, amount="10.00", reason="long a customer")
    assert kinds(desk, account_id)[-1] is EntryKind.CREDIT
    said, hidden = look(mei, path, amount="15.00", reason="goodwill")
    assert "Nothing is posted yet: a manager other than you decides." in said
    assert confirm(mei, path, hidden) == "Waiver requested. Another manager will decide."
    assert mei.submit(path, amount="6", reason="too much").status_code == 422
    assert "A manager will decide" in do(ben, path, amount="5", reason="was ill")
    listed = words(mei.get("/approvals"))
    assert "Another manager decides" in listed  # the one she asked for herself
    own, bens = desk.read(
        lambda session: list(
            session.scalars(select(Waiver).where(Waiver.status == WaiverStatus.REQUESTED).order_by(Waiver.id))  # type: ignore[arg-type]
        )
    )
    assert "was ill" in words(mei.get(f"/approvals?open=waiver-{bens.id}"))
    assert mei.submit(f"/waivers/{own.id}/decide", approve="true").status_code == 403
    assert mei.submit(f"/waivers/{bens.id}/decide", approve="true").status_code == 303
    assert mei.submit(f"/waivers/{bens.id}/decide", approve="true").status_code == 409
    other = second_manager(desk)
    assert other.submit(f"/waivers/{own.id}/decide", approve="false", note="").status_code == 422
    assert (
        other.submit(f"/waivers/{own.id}/decide", approve="false", note="once is enough").status_code == 303
    )
    assert "No request waits" in mei.get("/approvals").text
    assert mei.get("/waivers").headers["location"] == "/approvals"
    assert [e.amount_minor for e in entries(desk, account_id) if e.kind is EntryKind.CREDIT] == [-1_000, -500]
    assert ben.get("/waivers").status_code == 403


def second_manager(desk: Desk) -> Browser:
    now = desk.clock.now()
    desk.write(
        lambda session: add_user(session, "otto", "Otto Weiss", Role.MANAGER, PASSWORD, by=SYSTEM, now=now)
    )
    known = NAMES[Role.MANAGER]
    try:
        NAMES[Role.MANAGER] = ("otto", "Otto Weiss")
        return desk.sign_in(Role.MANAGER)
    finally:
        NAMES[Role.MANAGER] = known


def test_a_payment_moves_to_the_right_account_after_its_holder_was_seen(desk: Desk, mei: Browser) -> None:
    wrong, right = an_account(desk), an_account(desk, name="Bo Chen")
    reference = desk.read(lambda session: session.get_one(Account, right).reference)
    entry_id = pay(desk, wrong, 5_000, date(2026, 2, 20))
    path = f"/accounts/{wrong}/entries/{entry_id}/move"
    refused = mei.submit(path, to_account="nobody", reason="typo")
    assert refused.status_code == 422
    assert "There is no account with this reference" in refused.text
    assert mei.submit(path, to_account="", reason="typo").status_code == 422
    said, hidden = look(mei, path, to_account=f" {reference} ", reason="typo")
    assert f"{reference} of Bo Chen" in said
    assert said.count("Days past due") >= 2
    assert "is now on" in confirm(mei, path, hidden)
    assert kinds(desk, right) == [EntryKind.OPENING_BALANCE, EntryKind.PAYMENT]
    assert "How the 29 days are counted" in page_of(mei, wrong)
    assert "Nothing is due" in page_of(mei, right)
    assert [event["to_account"] for event in desk.read(lambda s: builders.events(s, PaymentMoved.KIND))] == [
        reference,
        reference,
    ]


def test_an_overpayment_is_paid_out_but_no_more_than_that(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    pay(desk, account_id, 112_000, date(2026, 3, 1))
    path = f"/accounts/{account_id}/payout"
    assert 'value="120.00"' in mei.get(f"/accounts/{account_id}?do=payout").text
    assert mei.submit(path, amount="120.01", description="to their bank").status_code == 409
    said, hidden = look(mei, path, amount="120.00", description="to their bank")
    assert "Balance -CN¥120.00 CN¥0.00" in said
    assert "paid out" in confirm(mei, path, hidden)
    assert "Overpaid by" not in page_of(mei, account_id)


# --- pauses, re-age, status -----------------------------------------------------------------------------------


def test_days_are_paused_and_count_again(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    path = f"/accounts/{account_id}/pauses"
    form = {"kind": "hardship", "from_on": "2026-02-11", "reason": "lost the job"}
    refused = mei.submit(path, **form, last_on="2026-02-01")
    assert refused.status_code == 422
    assert "The pause ends before it begins" in refused.text
    said, hidden = look(mei, path, **form)
    assert "Days past due 29 9" in said
    assert confirm(mei, path, hidden) == "The pause is set."
    assert "Days are paused" in page_of(mei, account_id)
    pause_id = desk.read(lambda session: session.scalars(select(Pause.id)).one())
    end = f"/accounts/{account_id}/pauses/{pause_id}/end"
    said, hidden = look(mei, end, on="2026-02-21")
    assert "Days past due 9 19" in said
    assert confirm(mei, end, hidden) == "The pause is ended."
    page = page_of(mei, account_id, "?tab=record")
    assert "less paused, Feb 11, 2026 to Feb 20, 2026 −10" in page
    assert mei.submit(end, on="2026-02-25").status_code == 409


def test_a_re_age_shows_every_reason_against_it(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    page = page_of(mei, account_id)
    assert "This account may not be re-aged" in page
    refused = mei.submit(f"/accounts/{account_id}/re-age", reason="promised")
    assert refused.status_code == 422
    change(desk, account_id, pack="us-third-party")
    page = words(mei.get(f"/accounts/{account_id}"))
    assert "65 FR 36903" in page
    assert desk.read(lambda session: session.scalars(select(ReAge)).all()) == []


def test_an_account_that_fulfils_the_packs_rule_is_re_aged(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk, due_on=date(2025, 11, 1))
    change(desk, account_id, pack="us-third-party")

    def bills(session: Session) -> None:
        account = session.get_one(Account, account_id)
        for due_on in (date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)):
            builders.statement(session, account, due_on - timedelta(days=20), due_on, 5_000)
            builders.payment(session, account, 5_000, due_on - timedelta(days=1))

    desk.write(bills)
    path = f"/accounts/{account_id}/re-age"
    said, hidden = look(mei, path, reason="three payments in a row")
    assert "Past due CN¥50.00 CN¥0.00" in said
    assert confirm(mei, path, hidden) == "The account is re-aged."
    page = page_of(mei, account_id, "?tab=record")
    assert "brought current" in page
    assert "re-aged Mar 2, 2026" in page_of(mei, account_id)


def test_a_status_changes_with_its_figures_and_is_undone(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    path = f"/accounts/{account_id}/status"
    said, hidden = look(mei, path, to="charged_off", on="2026-03-02", reason="nothing to be had")
    assert "Balance CN¥1,000.00 CN¥0.00" in said
    assert "Status Active Charged off" in said
    confirm(mei, path, hidden)
    page = page_of(mei, account_id)
    assert "Charged off on Mar 2, 2026" in page
    assert "Still owed off the book CN¥1,000.00" in page
    assert mei.submit(path, to="dormant", on="2026-03-02", reason="x").status_code == 409
    do(mei, path, to="active", on="2026-03-02", reason="by mistake")
    status = desk.read(lambda session: session.get_one(Account, account_id).status)
    assert status is AccountStatus.ACTIVE
    assert "How the 29 days are counted" in page_of(mei, account_id)


def test_terms_change_with_the_old_ones_on_record(desk: Desk, mei: Browser) -> None:
    account_id = an_account(desk)
    path = f"/accounts/{account_id}/terms"
    before = desk.read(lambda session: session.get_one(Account, account_id).credit_limit_minor)
    said, hidden = look(mei, path, card_last4="0042", apr="19.9", credit_limit="2500", reason="new card")
    assert "Changed: card, limit, rate." in said
    assert desk.read(lambda session: session.get_one(Account, account_id).card_last4) != "0042"
    confirm(mei, path, hidden)
    found = desk.read(lambda session: session.get_one(Account, account_id))
    assert (found.card_last4, found.credit_limit_minor, found.apr_millionths) == ("0042", 250_000, 199_000)
    [event] = desk.read(lambda session: builders.events(session, AccountChanged.KIND))
    assert event["from"]["credit_limit_minor"] == before
    assert event["reason"] == "new card"
    assert "Account terms changed" in page_of(mei, account_id, "?tab=record")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Nothing is different"),
        ({"card_last4": "12"}, "Enter the last four digits"),
        ({"apr": "much"}, "Enter the rate in percent"),
        ({"apr": "1001"}, "between 0 and 1000 percent"),
        ({"apr": "NaN"}, "Enter the rate in percent"),
        ({"product": CARD}, "full card number"),
    ],
)
def test_terms_that_are_none_change_nothing(sqlite_desk: Desk, fields: dict[str, str], says: str) -> None:
    account_id = an_account(sqlite_desk)
    answer = sqlite_desk.sign_in(Role.MANAGER).submit(f"/accounts/{account_id}/terms", reason="x", **fields)
    assert answer.status_code == 422
    assert says in words(answer)


def test_agents_and_the_legal_team_see_only_what_they_may_do(sqlite_desk: Desk) -> None:
    account_id = an_account(sqlite_desk)
    agent, lars = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.LEGAL)
    page = agent.get(f"/accounts/{account_id}?tab=ledger").text
    assert "Post a payment" in page
    for words_of_a_manager in ("Change the status", "Pause the days", "do=entry"):
        assert words_of_a_manager not in page
    assert ">Correct<" not in lars.get(f"/accounts/{account_id}?tab=ledger").text
    for what in (
        "payout",
        "pauses",
        "pauses/1/end",
        "re-age",
        "status",
        "entries/1/reverse",
        "entries/1/move",
    ):
        assert agent.submit(f"/accounts/{account_id}/{what}").status_code == 403, what
        assert lars.submit(f"/accounts/{account_id}/{what}").status_code == 403, what


def test_entries_and_pauses_of_other_accounts_are_out_of_reach(sqlite_desk: Desk) -> None:
    mei = sqlite_desk.sign_in(Role.MANAGER)
    mine, other = an_account(sqlite_desk), an_account(sqlite_desk)
    entry_id = entries(sqlite_desk, other)[0].id
    answer = mei.submit(f"/accounts/{mine}/entries/{entry_id}/reverse", reason="x")
    assert answer.status_code == 404
    assert "Correct this entry" not in mei.get(f"/accounts/{mine}?do=entry&entry={entry_id}").text
    assert mei.submit(f"/accounts/{mine}/pauses/77/end", on="2026-03-01").status_code == 404


def test_a_manager_replaces_a_statement_and_sees_what_it_changes(
    desk: Desk, mei: Browser, ben: Browser
) -> None:
    account_id = an_account(desk)
    read = desk.read
    reference = read(
        lambda s: s.scalars(select(Statement.reference).order_by(col(Statement.closing_on))).first()
    )
    path = f"/accounts/{account_id}/statement"
    given = {"statement": reference, "what": "replace", "minimum": "0.01", "reason": "issued again"}
    assert ben.submit(path, **given).status_code == 403
    said, hidden = look(mei, path, **given)
    assert "What it said before stays on record" in said
    assert "is replaced" in confirm(mei, path, hidden)
    page = words(mei.get(f"/accounts/{account_id}?tab=statements"))
    assert "Replaced or withdrawn" in page
    assert "issued again" in page
    assert "is withdrawn" in do(mei, path, statement=reference, what="withdraw", reason="another's")
    refused = mei.submit(path, statement="none", what="replace", reason="x")
    assert refused.status_code == 422
    assert "Choose the statement." in refused.text
