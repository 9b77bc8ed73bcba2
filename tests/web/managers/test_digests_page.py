"""The pages of digests and thresholds: what they take, refuse and show once, and who may open them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.staff.rules import Role
from app.http import interface
from app.operations.digests.models import DigestRecipient
from app.operations.digests.rules import webhook_secret
from app.operations.thresholds.models import Threshold
from tests.web.book import lived_in
from tests.web.desk import Browser, Desk

FIGURE = "overdue_rate_accounts_30"


@pytest.fixture
def manager(desk: Desk) -> Browser:
    lived_in(desk.engine)
    return desk.sign_in(Role.MANAGER)


def test_a_manager_keeps_one_list(desk: Desk, manager: Browser) -> None:
    assert "Nobody gets this digest yet" in manager.get("/digests").text
    person = {"portfolio": "CARDS", "way": "email", "username": "mei", "cadence": "weekly"}
    refused = manager.submit("/digests", **person, email="mei at desk")
    assert refused.status_code == 422
    assert "Enter an e-mail address" in refused.text
    assert 'value="mei at desk"' in refused.text
    assert manager.submit("/digests", **person, email="mei@desk.example").status_code == 303
    again = manager.submit("/digests", **person, email="mei@desk.example")
    assert (again.status_code, "is on the list of CARDS already" in again.text) == (409, True)
    changed = manager.submit("/digests/1", portfolio="CARDS", email="mei.chen@desk.example", cadence="daily")
    assert changed.status_code == 303
    assert "Enter an e-mail address" in manager.submit("/digests/1", portfolio="CARDS", email="x").text
    manager.submit("/digests/1", portfolio="CARDS", active="false")
    page = manager.get("/digests").text
    for words in (
        "mei.chen@desk.example", "Paused", "mei: added, mondays", "cadence mondays, now every closed day",
        "active yes, now no",
    ):  # fmt: skip
        assert words in page, words
    assert manager.submit("/digests/1/end", portfolio="CARDS").status_code == 303
    assert manager.submit("/digests/1/end", portfolio="CARDS").status_code == 409
    assert "mei: taken off the list" in manager.get("/digests").text
    assert manager.submit("/digests/9", portfolio="CARDS", active="true").status_code == 404


def test_the_secret_of_a_webhook_is_shown_once(desk: Desk, manager: Browser) -> None:
    hook = {"portfolio": "CARDS", "way": "webhook", "cadence": "daily"}
    refused = manager.submit("/digests", **hook, url="https://10.0.0.1/desk")
    assert (refused.status_code, "inside a private network" in refused.text) == (422, True)
    shown = manager.submit("/digests", **hook, url="https://hooks.example/desk").text
    row = desk.read(lambda session: session.get_one(DigestRecipient, 1))
    secret = webhook_secret(desk.settings.require_secret(), row.salt)
    assert secret in shown.replace("&#43;", "+")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret not in manager.get("/digests").text
    assert secret not in str(desk.read(lambda session: session.get_one(DigestRecipient, 1)))
    replaced = manager.submit("/digests/1/secret", portfolio="CARDS", old="a_week").text
    row = desk.read(lambda session: session.get_one(DigestRecipient, 1))
    assert webhook_secret(desk.settings.require_secret(), row.salt) in replaced.replace("&#43;", "+")
    assert "signs beside it until" in replaced
    assert "hooks.example: a new secret; the old one signs until" in manager.get("/digests").text


def test_a_manager_sets_changes_and_ends_a_threshold(desk: Desk, manager: Browser) -> None:
    limit = {"portfolio": "CARDS", "figure": FIGURE, "measured": "value", "test": "above"}
    refused = manager.submit("/thresholds", **limit, limit="a lot")
    assert refused.status_code == 422
    assert "Enter a percentage such as 12.5 %." in refused.text
    assert 'value="a lot"' in refused.text
    unknown = manager.submit("/thresholds", **limit, limit="1", slice="bucket:31-60")
    assert "There is no such slice by bucket. Known are:" in unknown.text
    assert manager.submit("/thresholds", **{**limit, "figure": "profit"}, limit="1").status_code == 404
    assert manager.submit("/thresholds", **limit, limit="12.5 %", slice="bucket:30-59").status_code == 303
    row = desk.read(lambda session: session.get_one(Threshold, 1))
    assert (row.dimension, row.member, row.amount, row.by) == ("bucket", "30-59", 125_000, "user:mei")
    again = manager.submit("/thresholds/1", portfolio="CARDS", test="below", limit="?")
    assert (again.status_code, "Enter a percentage" in again.text) == (422, True)
    assert manager.submit("/thresholds/1", portfolio="CARDS", test="below", limit="3").status_code == 303
    page = manager.get(f"/thresholds?figure={FIGURE}").text
    assert "bucket 30-59: above 12.5 %, now below 3 %" in page
    assert re.search(rf'<option value="{FIGURE}" selected>', page)
    assert manager.submit("/thresholds/1/end", portfolio="CARDS").status_code == 303
    assert "No figure has a threshold yet" in manager.get("/thresholds").text
    assert "ended, was below 3 %" in manager.get("/thresholds").text


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEGAL, Role.ADMIN])
def test_only_managers(sqlite_desk: Desk, role: Role) -> None:
    browser = sqlite_desk.sign_in(role)
    for path in ("/digests", "/thresholds"):
        assert browser.get(path).status_code == 403
        assert browser.submit(path, portfolio="CARDS").status_code == 403
        assert browser.submit(f"{path}/1/end", portfolio="CARDS").status_code == 403


def test_a_form_of_another_site_is_refused(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.sign_in(Role.MANAGER)
    assert browser.post("/digests", data={"portfolio": "CARDS"}).status_code == 403
    assert "There is no portfolio yet" in browser.get("/digests").text
    assert "There is no portfolio yet" in browser.get("/thresholds").text


GERMAN = """
msgid "{figure} is judged no more."
msgstr "{figure} wird nicht mehr beurteilt."
"""


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "de.po").write_text(GERMAN, encoding="utf-8")
    monkeypatch.setattr(interface, "CATALOGUES", tmp_path)
    caches = (interface.languages, interface.interface_locale, interface.translations, interface.words_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("german")
def test_what_was_done_is_said_in_the_language_of_the_reader(sqlite_desk: Desk) -> None:
    lived_in(sqlite_desk.engine)
    mei = sqlite_desk.sign_in(Role.MANAGER)
    limit = {"portfolio": "CARDS", "figure": FIGURE, "measured": "value", "test": "above", "limit": "12.5"}
    mei.submit("/thresholds", **limit)
    mei.headers["accept-language"] = "de"
    mei.submit("/thresholds/1/end", portfolio="CARDS")
    assert "wird nicht mehr beurteilt." in mei.get("/thresholds").text
