"""Nobody's body is read before they are known, and nobody's is read beyond what the route takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from starlette.types import Message

from app.core.staff.rules import Role
from app.http import security
from tests.web.desk import Browser, Desk

CHUNK = 64 * 1024
FORM_KIND = "application/x-www-form-urlencoded"


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    taken: int = 0
    """Bytes of the body that were read."""


def send(
    desk: Desk, path: str, size: int, headers: Mapping[str, str], *, declared: int | None = None
) -> Answer:
    """POST `size` bytes to the application and see how many of them it read. `declared` is the Content-Length."""
    answer = Answer()
    sent = {"host": "testserver", "content-type": FORM_KIND, **headers}
    if declared is None:
        sent["transfer-encoding"] = "chunked"
    else:
        sent["content-length"] = str(declared)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 50000),
        "state": {},
    }

    async def receive() -> Message:
        piece = min(CHUNK, size - answer.taken)
        answer.taken += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": answer.taken < size}

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    asyncio.run(desk.app(scope, receive, take))
    return answer


def cookies(browser: Browser) -> dict[str, str]:
    pairs = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    return {"cookie": pairs, "origin": "http://testserver"}


def is_guarded(answer: Answer) -> bool:
    return security.HEADERS.keys() <= answer.headers.keys()


TEN_MB = 10 * 1024 * 1024


@pytest.mark.parametrize("declared", [TEN_MB, None], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/feeds/uploads", 303),
        ("/cases/1/note", 303),
        ("/api/v1/portfolios/CARDS/strategies", 401),
        ("/hooks/twilio/sms", 403),
        ("/u/1.sms.0.forged", 404),
    ],
)
def test_a_stranger_s_body_is_not_read(
    sqlite_desk: Desk, path: str, status: int, declared: int | None
) -> None:
    answer = send(sqlite_desk, path, TEN_MB, {}, declared=declared)
    assert (answer.status, answer.taken) == (status, 0)
    assert is_guarded(answer)


def test_who_has_another_role_is_turned_away_before_the_upload(sqlite_desk: Desk) -> None:
    agent = sqlite_desk.sign_in(Role.AGENT)
    answer = send(sqlite_desk, "/feeds/uploads", TEN_MB, cookies(agent), declared=TEN_MB)
    assert (answer.status, answer.taken) == (403, 0)


def test_another_site_s_form_is_not_read(sqlite_desk: Desk) -> None:
    manager = cookies(sqlite_desk.sign_in(Role.MANAGER)) | {"origin": "https://evil.example"}
    answer = send(sqlite_desk, "/feeds/uploads", TEN_MB, manager, declared=TEN_MB)
    assert (answer.status, answer.taken) == (403, 0)


@pytest.mark.parametrize("path", ["/login", "/cases/1/note", "/feeds/uploads", "/account/password"])
def test_what_is_declared_too_long_is_refused_unread(sqlite_desk: Desk, path: str) -> None:
    sqlite_desk.settings.upload_limit_mb = 1
    manager = cookies(sqlite_desk.sign_in(Role.MANAGER))
    answer = send(sqlite_desk, path, TEN_MB, manager, declared=TEN_MB)
    assert (answer.status, answer.taken) == (413, 0)
    assert is_guarded(answer)
    assert b"too large" in answer.body


@pytest.mark.parametrize(
    ("path", "most"), [("/login", security.FORM), ("/cases/1/note", security.FORM), ("/feeds/uploads", 2**20)]
)
def test_what_declares_no_length_is_cut_where_the_route_ends(sqlite_desk: Desk, path: str, most: int) -> None:
    sqlite_desk.settings.upload_limit_mb = 1
    manager = cookies(sqlite_desk.sign_in(Role.MANAGER))
    answer = send(sqlite_desk, path, TEN_MB, manager)
    assert answer.status == 413
    assert answer.taken <= most + CHUNK
    assert is_guarded(answer)


def test_a_length_that_is_no_number_is_refused(sqlite_desk: Desk) -> None:
    for said in ("-5", "1e3", "９"):
        answer = send(sqlite_desk, "/login", 10, {"content-length": said})
        assert (answer.status, answer.taken) == (400, 0)


def test_a_form_of_many_fields_is_refused(sqlite_desk: Desk) -> None:
    def fields() -> Iterator[tuple[str, str]]:
        yield from ((f"field{number}", "x") for number in range(security.MOST_FIELDS + 1))

    manager = sqlite_desk.sign_in(Role.MANAGER)
    for path in ("/cases/1/note", "/feeds/uploads", "/login"):
        form = {"csrf_token": manager.csrf_token, **dict(fields())}
        answer = manager.post(path, data=form, headers={"origin": "http://testserver"})
        assert answer.status_code == 400, path


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "idna", "no-such"])
def test_text_in_a_strange_alphabet_is_refused(sqlite_desk: Desk, charset: str) -> None:
    manager = sqlite_desk.sign_in(Role.MANAGER)
    body = '--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n\\ud800\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = manager.post(
        "/cases/1/note", content=body, headers={"content-type": kind, "origin": "http://testserver"}
    )
    assert answer.status_code == 400
