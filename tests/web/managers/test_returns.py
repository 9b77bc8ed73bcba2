"""The pages of returns: drawn up, listed, downloaded, frozen, and beside what late entries made of them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.core.actor import Actor
from app.core.staff.models import User
from app.core.staff.rules import Role
from tests import builders
from tests.reporting.kpis.lived import LAST, live_through
from tests.web.desk import Browser, Desk

TIERS = f"/returns/cn-card-tiers?portfolio=CARDS&date={LAST}"


def lived_desk(engine: Engine) -> Desk:
    """The portfolio that lived through some nights, with Mei as a manager."""
    live_through(engine)
    desk = Desk(engine)

    def promote(session: Session) -> None:
        session.scalars(select(User).where(User.username == "mei")).one().role = Role.MANAGER

    desk.write(promote)
    return desk


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_every_cell_opens_a_list_of_its_own_size(engine: Engine) -> None:
    desk = lived_desk(engine)
    mei = desk.sign_in(Role.MANAGER)
    listed = mei.get("/returns?portfolio=CARDS").text
    for kind, has_gaps in (("uk-complaints", False), ("uk-arrears", True), ("cn-card-tiers", True)):
        assert f'href="/returns/{kind}?portfolio=CARDS"' in listed
        text = mei.get(f"/returns/{kind}?portfolio=CARDS&date={LAST}").text
        assert ("not recorded" in text) == has_gaps, kind
        links = re.findall(r'href="(/returns/[a-z-]+/lines\?[^"]+)"', text)
        assert links
        for link in links:
            shown = mei.get(link.replace("&amp;", "&"))
            assert shown.status_code == 200
            [count] = re.findall(r": ([\d,]+) listed", shown.text)
            assert int(count) == len(rows_of(mei.get(f"{link.replace('&amp;', '&')}&format=csv").text))


def test_a_return_is_downloaded_as_csv_and_xlsx(engine: Engine) -> None:
    mei = lived_desk(engine).sign_in(Role.MANAGER)
    rows = rows_of(mei.get(f"{TIERS}&format=csv").text)
    values = {(row["row"], row["column"]): row for row in rows}
    special = values["Special mention (关注类): 1–90 days past due", "Accounts"]
    assert (special["value"], special["unit"]) == ("3", "number")
    missing = values["Classed worse for fraud or insider crime, art. 93", "Accounts"]
    assert missing["value"] == ""
    assert missing["not_recorded"].startswith("The desk keeps a hold for fraud")
    book = zipfile.ZipFile(io.BytesIO(mei.get(f"{TIERS}&format=xlsx").content))
    assert "关注类" in book.read("xl/sharedStrings.xml").decode()
    lines = mei.get(
        f"/returns/cn-card-tiers/lines?portfolio=CARDS&date={LAST}&row=all&measure=number&format=xlsx"
    )
    assert zipfile.ZipFile(io.BytesIO(lines.content)).testzip() is None


def test_a_frozen_return_stands_beside_what_it_would_be_today(engine: Engine) -> None:
    desk = lived_desk(engine)
    mei = desk.sign_in(Role.MANAGER)
    answer = freeze(mei)
    assert answer.endswith("/returns/frozen/1")
    text = mei.get(answer).text
    assert "It is the same today." in text
    desk.write(_reverse_a_payment)
    builders.close_day(engine, date(2026, 3, 13))
    text = mei.get(answer).text
    assert "The past was restated since" in text
    assert "late or reversed: payment" in text
    [normal] = [row for row in rows_of(mei.get(f"{answer}?format=csv").text) if "Normal" in row["row"]][:1]
    assert (normal["value"], normal["known_now"], normal["difference"]) == ("4", "3", "-1")
    frozen = rows_of(mei.get(f"{answer}/lines?row=normal&measure=number&format=csv").text)
    assert len(frozen) == 4
    assert freeze(mei).endswith("/returns/frozen/2")
    assert "Version 2" in mei.get(TIERS).text


def freeze(mei: Browser) -> str:
    answer = mei.submit("/returns/cn-card-tiers", portfolio="CARDS", date=str(LAST), months="0")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _reverse_a_payment(session: Session) -> None:
    """The last payment of card b, which brought it current on the 9th."""
    paid = session.scalars(
        select(Entry).where(Entry.kind == EntryKind.PAYMENT, Entry.effective_on == date(2026, 3, 9))
    ).one()
    on = date(2026, 3, 13)
    reverse_entry(session, paid, reason="it bounced", posted_on=on, by=Actor.user("mei"), now=builders.at(on))


def test_a_manager_alone_sees_returns(engine: Engine) -> None:
    desk = lived_desk(engine)
    for role in (Role.AGENT, Role.LEGAL, Role.ADMIN):
        someone = desk.sign_in(role)
        assert someone.get("/returns").status_code == 403
        assert someone.get(TIERS).status_code == 403


def test_what_a_return_has_not_is_said_in_a_sentence(engine: Engine) -> None:
    mei = lived_desk(engine).sign_in(Role.MANAGER)
    for path, words in (
        ("/returns/uk-mortgages", "There is no return of this name"),
        (f"{TIERS}&months=3", "has no period"),
        ("/returns/uk-arrears?portfolio=CARDS&date=2026-03-20", "has not closed 2026-03-20"),
        (
            "/returns/uk-arrears?portfolio=CARDS&date=2026-02-01",
            "The first closed day of CARDS is 2026-02-28",
        ),
        ("/returns/frozen/99", "There is no frozen return of this number"),
        (
            f"/returns/uk-complaints/lines?portfolio=CARDS&date={LAST}&row=per_1000&measure=ratio",
            "this cell has no list",
        ),
        (
            f"/returns/uk-arrears/lines?portfolio=CARDS&date={LAST}&row=missed_payments&measure=number",
            "this cell has no list. Dues are kept by date and amount",
        ),
        (
            f"/returns/uk-complaints/lines?portfolio=CARDS&date={LAST}&row=upheld_twice&measure=number",
            "no cell of this row and column",
        ),
    ):
        answer = mei.get(path)
        assert answer.status_code in (404, 422), path
        assert words in answer.text, path
