"""Compression: static files always, pages only where no other site can have asked for them."""

from __future__ import annotations

import pytest

from app.core.staff.rules import Role
from app.http.static_files import static_url
from tests.web.desk import Desk


@pytest.mark.parametrize(
    ("site", "compressed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False), (None, False)],
)
def test_a_page_is_compressed_only_for_our_own_pages(
    sqlite_desk: Desk, site: str | None, compressed: bool
) -> None:
    headers = {"accept-encoding": "gzip"} | ({"sec-fetch-site": site} if site else {})
    answer = sqlite_desk.sign_in(Role.AGENT).get("/find?q=anna", headers=headers)
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert "Find a customer" in answer.text


def test_static_files_are_compressed_and_kept(sqlite_desk: Desk) -> None:
    answer = sqlite_desk.anonymous().get(
        static_url("desk.css"), headers={"accept-encoding": "gzip", "sec-fetch-site": "cross-site"}
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) < len(answer.content) / 2
