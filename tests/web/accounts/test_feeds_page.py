"""The feeds page: a file is looked at, loaded in the background, and found again."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import Response
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.feeds.models import FeedLoad
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import FeedKind
from app.book.portfolios.rules import DelinquencySource
from app.core.actor import SYSTEM
from app.core.database.engine import exclusive
from app.core.ids import id_of
from app.core.settings import Settings
from app.core.staff.rules import Role
from tests import builders
from tests.web.accounts.test_account_corrections import words
from tests.web.desk import NOW, Browser, Desk

HEADER = (
    "account_ref,customer_ref,full_name,language,country,timezone,address_line1,city,postcode,mobile,email,"
    "card_last4,product,currency,credit_limit,apr,opened_on"
)
PAYMENTS = "payment_ref,account_ref,paid_on,amount,method\n"


def account_row(n: int, name: str = "Anna Berg") -> str:
    address = "1 Harbour Road,Shanghai,200000,,,1234,Gold,CNY,10000.00,0.18,2024-01-15"
    return f"A{n},C{n},{name},en,CN,Asia/Shanghai,{address}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def desk(engine: Engine, folder: Path) -> Iterator[Desk]:
    settings = Settings.model_validate(
        {
            "secret_key": "s" * 40,
            "public_url": "http://testserver",
            "upload_dir": folder,
            "upload_limit_mb": 1,
        }
    )
    desk = Desk(engine, settings=settings)
    desk.write(builders.portfolio)
    yield desk
    settle(desk)


@pytest.fixture
def mei(desk: Desk) -> Browser:
    return desk.sign_in(Role.MANAGER)


def settle(desk: Desk) -> None:
    """Until no load of this desk is running."""
    for _ in range(400):
        if not desk.app.state.jobs.get("feeds"):
            return
        time.sleep(0.05)
    raise AssertionError("the load does not end")


def upload(
    browser: Browser,
    kind: str,
    content: str | bytes,
    name: str = "file.csv",
    *,
    mapping: tuple[str, str] | None = None,
    **fields: str,
) -> Response:
    files = {"file": (name, content.encode() if isinstance(content, str) else content)}
    if mapping:
        files["mapping"] = (mapping[0], mapping[1].encode())
    form = {"csrf_token": browser.csrf_token, "portfolio": "CARDS", "kind": kind, **fields}
    return browser.post("/feeds/uploads", data=form, files=files, headers={"origin": "http://testserver"})


def load(desk: Desk, browser: Browser, kind: str, content: str | bytes, name: str = "file.csv") -> str:
    """Upload, load, wait; the address of the load's page."""
    looked = upload(browser, kind, content, name)
    assert looked.status_code == 303, words(looked)
    begun = browser.submit(looked.headers["location"] + "/load")
    assert begun.status_code == 303, words(begun)
    settle(desk)
    return begun.headers["location"]


def rows(desk: Desk) -> list[FeedLoad]:
    return desk.read(lambda session: list(session.scalars(select(FeedLoad).order_by(col(FeedLoad.id)))))


# --- looking, loading -----------------------------------------------------------------------------------------


def test_a_file_is_shown_as_understood_then_loaded_and_listed(desk: Desk, mei: Browser, folder: Path) -> None:
    assert "Nothing yet" in mei.get("/feeds").text
    content = "\n".join([HEADER, account_row(1, "<b>Eve</b>"), account_row(2), "A3,C3,short"])
    looked = upload(mei, "accounts", content, "book <1>.csv")
    assert looked.status_code == 303
    preview = mei.get(looked.headers["location"])
    assert "1 of the first 3 rows would be rejected" in words(preview)
    assert "&lt;b&gt;Eve&lt;/b&gt;" in preview.text
    assert "cells where the header has" in preview.text
    assert rows(desk) == []  # nothing is stored
    begun = mei.submit(looked.headers["location"] + "/load")
    page = begun.headers["location"]
    settle(desk)
    done = words(mei.get(page))
    assert "Some refused" in done
    assert "Read 3 Loaded 2 Known already 0 In conflict 0 Rejected 1" in done
    listed = mei.get("/feeds").text
    assert "book &lt;1&gt;.csv" in listed
    (row,) = rows(desk)
    assert f'title="{row.sha256}"' in listed
    assert row.by == "user:mei"
    assert len(desk.read(lambda session: session.scalars(select(Account)).all())) == 2
    # The file with its personal data is gone; a second click finds nothing to load.
    assert [path.name for path in folder.iterdir()] == ["rejects"]
    assert mei.submit(looked.headers["location"] + "/load").status_code == 404


def test_the_same_file_again_is_recognised(desk: Desk, mei: Browser) -> None:
    content = f"{HEADER}\n{account_row(1)}\n"
    load(desk, mei, "accounts", content)
    again = load(desk, mei, "accounts", gzip.compress(content.encode()), "again.csv.gz")
    assert "Known already 1" in words(mei.get(again))
    assert "Nothing new" in words(mei.get("/feeds"))


def test_rejects_are_downloaded_by_managers_only_and_harm_no_spreadsheet(desk: Desk, mei: Browser) -> None:
    load(desk, mei, "accounts", f"{HEADER}\n{account_row(1)}\n")
    page = load(desk, mei, "payments", PAYMENTS + "P1,A1,2026-02-31,5.00,=cmd\n=P2,A9,2026-02-01,5.00,x\n")
    answer = mei.get(f"{page}/rejects")
    assert "attachment" in answer.headers["content-disposition"]
    refused = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["line"] for row in refused] == ["2", "3"]
    assert not any(cell.startswith("=") for row in refused for cell in row.values())
    for role in (Role.AGENT, Role.LEGAL, Role.ADMIN):
        browser = desk.sign_in(role)
        for path in ("/feeds", page, f"{page}/rejects", f"{page}/progress"):
            assert browser.get(path).status_code == 403, (role, path)
    empty = load(desk, mei, "payments", PAYMENTS + "P3,A1,2026-02-01,5.00,x\n")
    assert mei.get(f"{empty}/rejects").status_code == 404
    assert "Download rejects" not in mei.get(empty).text


def test_a_creditors_own_layout_is_mapped_and_the_mapping_kept(desk: Desk, mei: Browser) -> None:
    load(desk, mei, "accounts", f"{HEADER}\n{account_row(1)}\n")
    mapping = """
decimal = ","
delimiter = ";"
date_format = "%d.%m.%Y"
[columns]
payment_ref = "Beleg"
account_ref = "Konto"
paid_on = "Datum"
amount = "Betrag"
[constants]
method = "transfer"
"""
    theirs = "Beleg;Konto;Datum;Betrag\nB1;A1;20.02.2026;1250,50\n"
    refused = upload(mei, "payments", theirs, mapping=("bank.toml", "[columns]\nnonsense = 'x'"))
    assert refused.status_code == 422
    assert "nonsense" in refused.text
    looked = upload(mei, "payments", theirs, mapping=("our bank.toml", mapping))
    preview = words(mei.get(looked.headers["location"]))
    assert "1250.50" in preview
    assert "2026-02-20" in preview
    assert mei.submit(looked.headers["location"] + "/load").status_code == 303
    settle(desk)
    assert "our_bank.toml" in mei.get("/feeds").text  # offered the next time
    again = upload(mei, "payments", theirs.replace("B1", "B2"), known_mapping="our_bank.toml")
    assert "1250.50" in words(mei.get(again.headers["location"]))
    assert mei.submit(again.headers["location"] + "/discard").status_code == 303
    assert mei.get(again.headers["location"]).status_code == 404
    entries = desk.read(lambda session: session.scalars(select(Entry.amount_minor)).all())
    assert list(entries) == [-125_050]


# --- refused --------------------------------------------------------------------------------------------------


def test_what_cannot_be_taken_is_refused_with_a_reason(desk: Desk, mei: Browser) -> None:
    content = f"{HEADER}\n{account_row(1)}\n"
    for answer, said in (
        (upload(mei, "nothing", content), "Choose what the file holds"),
        (mei.submit("/feeds/uploads", portfolio="CARDS", kind="accounts"), "Choose a file"),
        (upload(mei, "accounts", content, "4111111111111111.csv"), "full card number"),
        (upload(mei, "accounts", content, known_mapping="../../secret.toml"), "not kept any more"),
        (upload(mei, "positions", content), "reported"),
    ):
        assert answer.status_code == 422
        assert said in answer.text
    large = upload(mei, "accounts", b"x" * (2**20 + 1))
    assert large.status_code == 413
    assert "larger than 1 MB" in large.text
    wrong = upload(mei, "accounts", "one,two\n1,2\n")
    page = mei.get(wrong.headers["location"])
    assert "This file cannot be loaded as it is" in page.text
    assert "unknown columns" in page.text
    assert mei.get("/feeds/uploads/../../etc/passwd").status_code == 404
    assert mei.get(f"/feeds/uploads/{'x' * 24}").status_code == 404
    assert mei.get("/feeds/77").status_code == 404
    assert rows(desk) == []


def test_a_file_that_breaks_off_says_so_on_its_page(desk: Desk, mei: Browser) -> None:
    whole = gzip.compress("\n".join([HEADER, *map(account_row, range(2000))]).encode())
    page = load(desk, mei, "accounts", whole[: len(whole) // 2], "cut.csv.gz")
    said = words(mei.get(page))
    assert "Not read to its end" in said
    assert "could not be read" in said.lower()


def test_portfolios_of_positions_take_them(desk: Desk, mei: Browser) -> None:
    desk.write(lambda session: builders.portfolio(session, "PLACED", source=DelinquencySource.REPORTED))
    answer = mei.get("/feeds?portfolio=PLACED")
    assert "What was loaded into PLACED" in words(answer)
    assert "/feeds?portfolio=CARDS" in answer.text


# --- progress and interruption ----------------------------------------------------------------------------------


def test_progress_shows_while_it_loads_and_one_load_at_a_time(desk: Desk, mei: Browser) -> None:
    first, second = (upload(mei, "accounts", f"{HEADER}\n{account_row(n)}\n") for n in (1, 2))
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(desk.engine, "portfolio-CARDS", wait=True):
            held.set()
            go_on.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    page = mei.submit(first.headers["location"] + "/load").headers["location"]
    html = mei.get(page).text
    assert f'data-progress="{page}/progress"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    fragment = mei.get(f"{page}/progress").text
    assert 'data-state="running"' in fragment
    assert "<progress" in fragment
    assert "waiting for its turn" in fragment
    refused = mei.submit(second.headers["location"] + "/load")
    assert refused.status_code == 409
    assert "Another file of this portfolio is being loaded" in refused.text
    go_on.set()
    holder.join()
    settle(desk)
    assert 'data-state="done"' in mei.get(f"{page}/progress").text
    assert mei.submit(second.headers["location"] + "/load").status_code == 303  # it was kept


def test_an_interrupted_load_is_resumed_from_its_kept_file(
    desk: Desk, mei: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object, **_about: object) -> None:
        raise RuntimeError("the process is gone")

    looked = upload(mei, "accounts", f"{HEADER}\n{account_row(1)}\n")
    with monkeypatch.context() as patched:
        patched.setattr("app.book.feeds.service.load", die)
        page = mei.submit(looked.headers["location"] + "/load").headers["location"]
        settle(desk)
    assert "Interrupted after 0 rows" in words(mei.get(page))
    assert f"{page}/resume" in mei.get("/feeds").text
    assert mei.submit(f"{page}/resume").status_code == 303
    settle(desk)
    assert "Loaded 1" in words(mei.get(page))
    assert len(rows(desk)) == 1
    done = mei.submit(f"{page}/resume")
    assert done.status_code == 303  # nothing to resume any more


def test_an_interrupted_load_whose_file_is_gone_says_what_to_do(desk: Desk, mei: Browser) -> None:
    def write(session: Session) -> int:
        book = session.scalars(select(builders.Portfolio)).one()
        row = FeedLoad(
            portfolio_id=id_of(book),
            kind=FeedKind.PAYMENTS,
            file_name="from the shell.csv",
            sha256="ab" * 32,
            by=SYSTEM,
            started_at=NOW - timedelta(hours=1),
        )
        session.add(row)
        session.flush()
        return id_of(row)

    load_id = desk.write(write)
    assert "The file is not kept here; load it again to finish." in words(mei.get(f"/feeds/{load_id}"))
    assert mei.submit(f"/feeds/{load_id}/resume").status_code == 409


def test_uploads_nobody_loaded_are_forgotten(desk: Desk, mei: Browser, folder: Path) -> None:
    old = upload(mei, "accounts", f"{HEADER}\n")
    token = re.sub(r".*/", "", old.headers["location"])
    note = folder / token / "upload.json"
    left_alone_since = (NOW - timedelta(days=3)).timestamp()
    os.utime(note, (left_alone_since, left_alone_since))
    upload(mei, "accounts", f"{HEADER}\n")
    assert mei.get(old.headers["location"]).status_code == 404
