"""The account page: what it owes and since when, its ledger, and who may see it."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.service import fold_accounts
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.service import mark_changed
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.policy.sections.pauses import PauseKind
from tests import builders
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)
DUE = date(2026, 2, 1)


def an_account(desk: Desk, *, due_on: date = DUE, name: str = "Anna Berg", **changes: Any) -> int:
    """1,000.00 CNY owed, 50.00 of it due on `due_on`, folded to yesterday; changes are the builder's."""

    def write(session: Session) -> int:
        book = session.scalars(select(Portfolio)).first() or builders.portfolio(session)
        card = builders.late_customer(session, book, due_on=due_on, full_name=name, **changes)
        assert card.id is not None
        fold_accounts(session, book, [card.id], through=TODAY - timedelta(days=1))
        return card.id

    return desk.write(write)


def pay(desk: Desk, account_id: int, amount: int, on: date, **about: Any) -> int:
    def write(session: Session) -> int:
        return id_of(builders.payment(session, session.get_one(Account, account_id), amount, on, **about))

    return desk.write(write)


def page_of(browser: Browser, account_id: int, query: str = "") -> str:
    answer = browser.get(f"/accounts/{account_id}{query}")
    assert answer.status_code == 200, answer.text[:300]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", answer.text)))


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


# --- days past due, with a finger ---------------------------------------------------------------------------


def test_the_days_are_counted_out_from_the_due_date_to_today(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    pay(desk, account_id, 2_000, date(2026, 2, 10))
    page = page_of(ben, account_id)
    assert "How the 29 days are counted" in page
    assert "asked for CN¥50.00 by Feb 1, 2026" in page
    assert "of which still open CN¥30.00" in page
    assert "Days after it, up to today, Mar 2, 2026 29" in page
    assert "Balance CN¥980.00" in page


def test_a_pause_is_taken_off_the_count(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)

    def pause(session: Session) -> None:
        account = session.get_one(Account, account_id)
        for kind, first, end in (
            (PauseKind.HARDSHIP, date(2026, 2, 5), date(2026, 2, 10)),
            (PauseKind.DISPUTE, date(2026, 2, 8), date(2026, 2, 12)),
        ):
            session.add(
                Pause(
                    portfolio_id=account.portfolio_id,
                    account_id=account_id,
                    kind=kind,
                    from_on=first,
                    to_on=end,
                    reason="lost the job",
                    by=Actor.user("ben"),
                    posted_on=first,
                    created_at=NOW,
                )
            )
        mark_changed(session, account.portfolio_id, {account_id: date(2026, 2, 5)})

    desk.write(pause)
    page = page_of(ben, account_id)
    # Two pauses that overlap are one stretch of days: the 5th to the 11th.
    assert "less paused, Feb 5, 2026 to Feb 11, 2026 −7" in page
    assert "How the 22 days are counted" in page
    record = page_of(ben, account_id, "?tab=record")
    assert "Hardship: Feb 5, 2026 to Feb 9, 2026, 5 days" in record
    assert "lost the job" in record


def test_an_account_with_nothing_to_do_says_what_comes_next(desk: Desk, ben: Browser) -> None:
    later = an_account(desk, due_on=date(2026, 3, 10))
    page = page_of(ben, later)
    assert "Nothing is past due" in page
    assert "Next: CN¥50.00 by Mar 10, 2026" in page
    pay(desk, later, 5_000, date(2026, 3, 1))
    assert "Nothing is due" in page_of(ben, later)


def test_an_overpayment_is_shown_as_such(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    pay(desk, account_id, 112_000, date(2026, 3, 1))
    page = page_of(ben, account_id)
    assert "Overpaid by CN¥120.00" in page
    assert "-CN¥120.00" not in page.partition("Overpaid by")[0]


# --- statements, ledger, spells -----------------------------------------------------------------------------


def test_a_statement_says_what_came_and_what_is_open(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    page = page_of(ben, account_id)
    assert "Feb 1, 2026 closed Jan 12, 2026" in page
    assert "nothing CN¥50.00 for 29 days" in page


def test_the_ledger_runs_the_balance_and_strikes_out_what_was_reversed(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    entry_id = pay(desk, account_id, 5_000, date(2026, 2, 20), reference="PAY-1")

    def bounce(session: Session) -> int:
        entry = session.get_one(Entry, entry_id)
        mirror = reverse_entry(
            session, entry, reason="bounced", posted_on=TODAY, by=Actor.user("mei"), now=NOW
        )
        return id_of(mirror)

    mirror_id = desk.write(bounce)
    html = ben.get(f"/accounts/{account_id}?tab=ledger").text
    assert "<del>Payment</del>" in html
    assert f"#entry-{mirror_id}" in html
    assert f"#entry-{entry_id}" in html
    page = page_of(ben, account_id, "?tab=ledger")
    assert "Takes back PAY-1 of Feb 20, 2026" in page
    assert [int(n) for n in re.findall(r'id="entry-(\d+)"', html)][:2] == [mirror_id, entry_id]
    only = page_of(ben, account_id, "?tab=ledger&kind=payment&first=2026-02-01&last=2026-02-28")
    # The running balance counts what the filter leaves out.
    assert "CN¥950.00" in only
    assert "Takes back" not in only
    assert "No entry matches" in page_of(ben, account_id, "?tab=ledger&first=2027-01-01")


def test_the_ledger_is_paged_and_downloaded_as_filtered(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    for n in range(60):
        pay(desk, account_id, 100 + n, date(2026, 2, 2) + timedelta(days=n % 20), reference=f"=P-{n}")
    first = ben.get(f"/accounts/{account_id}?tab=ledger").text
    assert first.count('id="entry-') == 50
    following = re.search(r'rel="next" href="([^"#]+)', first)
    assert following
    second = ben.get(following[1].replace("&amp;", "&")).text
    shown = [*re.findall(r'id="entry-(\d+)"', first), *re.findall(r'id="entry-(\d+)"', second)]
    assert len(shown) == len(set(shown)) == 61
    answer = ben.get(f"/accounts/{account_id}/ledger.csv?kind=payment&first=&last=")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 60
    assert rows[0]["balance"] == "922.30"
    assert all(row["reference"].startswith("'=P-") for row in rows)
    assert "attachment" in answer.headers["content-disposition"]


def test_spells_are_a_strip_and_its_table(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk, due_on=date(2026, 1, 10))
    html = ben.get(f"/accounts/{account_id}?tab=late").text
    assert html.count('<rect class="ramp-') == 2
    page = page_of(ben, account_id, "?tab=late")
    assert "Jan 11, 2026 Feb 8, 2026 29 1-29 CN¥50.00 Jan 10, 2026" in page
    assert "Feb 9, 2026 still so 22 30-59" in page
    current = an_account(desk, due_on=date(2026, 3, 20))
    assert "Never past due" in page_of(ben, current, "?tab=late")


def test_a_re_age_is_on_record(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)

    def re_age(session: Session) -> None:
        account = session.get_one(Account, account_id)
        session.add(
            ReAge(
                portfolio_id=account.portfolio_id,
                account_id=account_id,
                on=date(2026, 2, 25),
                past_due_minor=5_000,
                rule="us 2026.1: FFIEC",
                reason="three payments in a row",
                by=Actor.user("mei"),
                posted_on=date(2026, 2, 25),
                created_at=NOW,
            )
        )
        mark_changed(session, account.portfolio_id, {account_id: date(2026, 2, 25)})

    desk.write(re_age)
    page = page_of(ben, account_id, "?tab=record")
    assert "Feb 25, 2026: CN¥50.00 past due brought current" in page
    assert "Nothing is due" in page


def test_a_past_day_is_asked_as_known_now_and_as_known_then(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    pay(desk, account_id, 5_000, date(2026, 2, 1), posted_on=date(2026, 2, 15))  # in time, posted late
    page = page_of(ben, account_id, "?tab=known&on=2026-02-10&known_on=2026-02-12")
    assert "At the end of Feb 10, 2026 As known today As known on Feb 12, 2026" in page
    assert "Balance CN¥950.00 CN¥1,000.00" in page
    assert "Past due CN¥0.00 CN¥50.00" in page
    assert "Days past due 0 9" in page
    assert "As known on Feb" not in page_of(ben, account_id, "?tab=known&on=2026-02-10")
    for query, said in (
        ("on=nonsense", "This is not a date"),
        ("on=2027-01-01", "from the account’s opening to today"),
        ("on=2026-02-10&known_on=2026-02-01", "Before the day itself nothing was known"),
    ):
        assert said in page_of(ben, account_id, f"?tab=known&{query}"), query


# --- finding an account, and who may ------------------------------------------------------------------------


def test_accounts_are_found_by_reference_and_name_and_overpaid_ones_are_listed(
    desk: Desk, ben: Browser
) -> None:
    anna, bo = an_account(desk), an_account(desk, name="Bo =Chen", balance=-20_000)
    reference = desk.read(lambda session: session.get_one(Account, anna).reference)
    customer = desk.read(
        lambda session: session.get_one(Customer, session.get_one(Account, anna).customer_id).reference
    )
    for text in (reference, "anna b", customer):
        found = ben.get("/accounts", params={"q": text}).text
        assert f"/accounts/{anna}" in found, text
        assert f"/accounts/{bo}" not in found, text
    assert "No account matches" in ben.get("/accounts", params={"q": "nobody\0here"}).text
    listed = ben.get("/accounts").text
    assert f"/accounts/{bo}" in listed
    assert f"/accounts/{anna}" not in listed
    rows = list(csv.DictReader(io.StringIO(ben.get("/accounts?format=csv").text.removeprefix("\ufeff"))))
    assert [(row["name"], row["overpaid"]) for row in rows] == [("Bo =Chen", "200.00")]
    assert ben.get(f"/accounts/by-reference/{reference}").headers["location"] == f"/accounts/{anna}"
    assert ben.get("/accounts/by-reference/none").status_code == 404
    assert ben.get("/accounts/999999").status_code == 404


def test_names_are_escaped_and_administrators_stay_outside(sqlite_desk: Desk) -> None:
    account_id = an_account(sqlite_desk, name="<b>Eve</b> \u202egnaw")
    answer = sqlite_desk.sign_in(Role.LEGAL).get(f"/accounts/{account_id}")
    assert "&lt;b&gt;Eve&lt;/b&gt;" in answer.text
    for path in ("/accounts", f"/accounts/{account_id}", f"/accounts/{account_id}/ledger.csv"):
        assert sqlite_desk.sign_in(Role.ADMIN).get(path).status_code == 403
