"""What surrounds every page: headers, transactions, errors, static files, figures in the reader's locale."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import pytest
import structlog
from fastapi import APIRouter, Form
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.api.deps import Input, OnceSession, api_requires, api_router
from app.core.actor import SYSTEM
from app.core.database.engine import reading
from app.core.errors import Conflict, DeskError, Forbidden, Invalid, NotFound
from app.core.staff import tokens
from app.core.staff.models import ApiIdempotency, ApiToken
from app.core.staff.rules import CASEWORK, Caller, Role, Staff
from app.http import security
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker, public, requires
from app.http.formats import format_money, locale_for
from app.http.rendering import environment
from app.http.static_files import static_hash, static_url
from app.http.transactions import StreamSession, WriteSession
from app.web.lists import csv_download, sort_order
from app.web.rendering import redirect
from tests.web.desk import Browser, Desk

FORM = {"content-type": "application/x-www-form-urlencoded"}


def issue(session: WriteSession, name: str) -> None:
    """Any write will do; this one leaves a row and an event."""
    tokens.issue_token(session, name, Role.AGENT, by=SYSTEM, now=datetime(2026, 1, 1, tzinfo=UTC))


def names(desk: Desk) -> list[str]:
    return desk.read(lambda session: list(session.exec(select(ApiToken.name).order_by(ApiToken.name))))


def with_routes(desk: Desk) -> Desk:
    router = APIRouter()

    @router.post("/try/{name}")
    def write_then(name: str, staff: CaseWorker, session: WriteSession, fail: bool = False) -> Response:
        issue(session, name)
        if fail:
            raise Conflict("It does not fit.")
        return Response("done")

    @router.get("/raise/{what}", dependencies=[public("a test")])
    def raise_it(what: str) -> Response:
        errors: dict[str, Exception] = {
            "400": DeskError("Say it differently."),
            "403": Forbidden("Not you."),
            "404": NotFound("No such case."),
            "409": Conflict("Already closed."),
            "422": Invalid("Too early.", "on"),
            "500": ZeroDivisionError("card 4111111111111111"),
            "503": OperationalError("select", {}, Exception("locked")),
        }
        raise errors[what]

    @router.get("/api/v1/raise/{what}", dependencies=[public("a test")])
    def raise_it_there(what: str) -> Response:
        return raise_it(what)

    @router.post("/form", dependencies=[public("a test")])
    def form(amount: Annotated[int, Form()]) -> Response:
        return Response(str(amount))

    @router.post("/api/v1/form", dependencies=[public("a test")])
    def form_there(amount: Annotated[int, Form()]) -> Response:
        return Response(str(amount))

    @router.get("/wrong-order")
    def wrong_order(session: WriteSession, staff: Annotated[Staff, requires(*CASEWORK)]) -> Response:
        raise AssertionError("not reached")

    @router.get("/go", dependencies=[public("a test")])
    def go(request: Request) -> Response:
        return redirect(request, "/login", "Saved <b>now</b>", "warn")

    @router.get("/export", dependencies=[public("a test")])
    def export(session: StreamSession) -> Response:
        return csv_download("names.csv", ["name"], ((name,) for name in session.exec(select(ApiToken.name))))

    desk.add(router)
    return desk


# --- transactions -------------------------------------------------------------------------------------------


def test_a_handler_that_fails_writes_nothing(desk: Desk) -> None:
    ben = with_routes(desk).sign_in(Role.AGENT)
    assert ben.submit("/try/kept").status_code == 200
    assert ben.submit("/try/undone?fail=1").status_code == 409
    assert names(desk) == ["kept"]


def test_what_was_written_is_committed_before_the_answer_is_sent(desk: Desk) -> None:
    ben = with_routes(desk).sign_in(Role.AGENT)
    seen: list[list[str]] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(names(desk))
            await send(message)

        await desk.app(scope, receive, watch)

    browser = Browser(watched, follow_redirects=False)
    browser.cookies, browser.csrf_token = ben.cookies, ben.csrf_token
    assert browser.submit("/try/early").status_code == 200
    assert seen == [["early"]]


def test_a_session_before_the_door_is_a_mistake_that_shows(sqlite_desk: Desk) -> None:
    ben = with_routes(sqlite_desk).sign_in(Role.AGENT)
    assert ben.get("/wrong-order").status_code == 500


def test_a_download_reads_while_it_is_sent(desk: Desk) -> None:
    with_routes(desk)
    for name in ("=1+1", "plain"):
        desk.write(lambda session, name=name: session.add(_token(name)))  # type: ignore[misc]
    answer = desk.anonymous().get("/export")
    assert answer.text.startswith("\ufeff"), "a spreadsheet reads the file as UTF-8"
    assert sorted(answer.text.removeprefix("\ufeff").splitlines()) == ["'=1+1", "name", "plain"]
    assert answer.headers["content-disposition"] == 'attachment; filename="names.csv"'


def _token(name: str) -> ApiToken:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ApiToken(
        name=name, role=Role.AGENT, token_hash=name, prefix="x", created_at=at, created_by="system"
    )


# --- headers and static files -------------------------------------------------------------------------------


def test_pages_carry_the_strict_headers_errors_too(sqlite_desk: Desk) -> None:
    browser = with_routes(sqlite_desk).anonymous()
    for path in ("/login", "/nothing-here", "/raise/500", "/api/v1/me", "/static/desk.css", "/healthz"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert ("no-store" in headers["cache-control"]) == (not path.startswith("/static"))
        assert "strict-transport-security" not in headers


def test_static_files_are_kept_as_long_as_their_content(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.anonymous()
    for name in ("desk.css", "desk.js", "vendor/chart/Chart.bundle.js", "vendor/apidocs/swagger-ui.css"):
        answer = browser.get(static_url(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert browser.get(f"/static/{name}?v=older").headers["cache-control"] == "no-cache"
    assert browser.get("/static/../main.py").status_code == 404
    assert browser.get("/static/%2e%2e/main.py").status_code == 404
    assert static_hash("no-such-file") == ""


def test_no_template_has_what_the_policy_forbids() -> None:
    env = environment()
    for name in env.list_templates(extensions=["html"]):
        source = env.loader.get_source(env, name)[0].split("#}", 1)[-1] if env.loader else ""
        for forbidden in (
            " style=",
            " onclick=",
            " onsubmit=",
            " onchange=",
            "javascript:",
            "<style",
            "| safe",
        ):
            assert forbidden not in source, f"{name}: {forbidden}"


def test_services_that_watch_get_their_answers(desk: Desk) -> None:
    browser = desk.anonymous()
    assert browser.get("/healthz").text == "ok\n"
    assert browser.get("/readyz").text == "ready\n"
    browser.get("/login?next=/secret-token")
    text = browser.get("/metrics").text
    assert (
        'desk_http_requests_total{handler="app.web.admin.login.login_page",method="GET",status="200"} 1.0'
        in text
    )
    assert "secret" not in text


def test_not_ready_before_the_schema_is(sqlite_desk: Desk) -> None:
    with sqlite_desk.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    answer = sqlite_desk.anonymous().get("/readyz")
    assert (answer.status_code, "desk migrate" in answer.text) == (503, True)


def test_too_large_a_request_is_refused(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.anonymous()
    answer = browser.post("/login", data={"username": "x" * 1_100_000})
    assert answer.status_code == 413
    answer = browser.post("/login", content=(b"x" * 600_000 for _ in range(2)), headers=FORM)
    assert answer.status_code == 413


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Say it differently."),
        (403, "Not you."),
        (404, "No such case."),
        (409, "Already closed."),
        (422, "Too early."),
        (500, "has been written down"),
        (503, "Try again in a few seconds"),
    ],
)
def test_errors_speak_to_people_and_to_programs(sqlite_desk: Desk, status: int, words: str) -> None:
    browser = with_routes(sqlite_desk).anonymous()

    page = browser.get(f"/raise/{status}")
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert words in page.text

    problem = browser.get(f"/api/v1/raise/{status}")
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    body = problem.json()
    assert (body["status"], words in body["detail"]) == (status, True)
    assert body["title"]
    if status == 422:
        assert body["errors"] == [{"field": "on", "message": "Too early."}]


def test_a_defect_is_logged_by_reference_without_what_was_typed(sqlite_desk: Desk) -> None:
    browser = with_routes(sqlite_desk).anonymous()
    with structlog.testing.capture_logs() as logs:
        page = browser.get("/raise/500")
    (entry,) = [log for log in logs if log["event"] == "request_failed"]
    assert entry["reference"] in page.text
    assert entry["error"] == "ZeroDivisionError"
    assert "raise_it" in entry["where"]
    assert "4111" not in json.dumps(logs, default=str)
    assert "4111" not in page.text


def test_what_was_typed_is_not_echoed_by_validation(sqlite_desk: Desk) -> None:
    browser = with_routes(sqlite_desk).anonymous()
    page = browser.post("/form", data={"amount": "4111111111111111x"})
    problem = browser.post("/api/v1/form", data={"amount": "4111111111111111x"})
    assert (page.status_code, problem.status_code) == (422, 422)
    assert "4111" not in page.text + problem.text
    assert "<strong>amount</strong>" in page.text
    assert problem.json()["errors"][0]["field"] == "amount"


def test_an_unknown_address_keeps_the_navigation_of_who_is_signed_in(sqlite_desk: Desk) -> None:
    assert "Alma Hendriks" in sqlite_desk.sign_in(Role.ADMIN).get("/nothing-here").text
    assert "Sign out" not in sqlite_desk.anonymous().get("/nothing-here").text


def test_a_message_is_shown_once_and_cannot_be_forged(sqlite_desk: Desk) -> None:
    browser = with_routes(sqlite_desk).anonymous()
    browser.get("/go")
    assert "Saved &lt;b&gt;now&lt;/b&gt;" in browser.get("/login").text
    assert "Saved" not in browser.get("/login").text

    genuine = security.sign(sqlite_desk.settings, "flash", {"tone": "good", "text": "Pay to account 1"})
    for forged in (genuine[:-1] + "A", "e30." + genuine.partition(".")[2], "x", ".", "ü.ü"):
        assert security.unsign(sqlite_desk.settings, "flash", forged) is None
    assert security.unsign(sqlite_desk.settings, "another purpose", genuine) is None
    assert security.unsign(sqlite_desk.settings, "flash", genuine) == {
        "tone": "good",
        "text": "Pay to account 1",
    }


# --- the API's "once only" ----------------------------------------------------------------------------------


class NewToken(Input):
    name: str


def with_resource(desk: Desk) -> Desk:
    router = api_router("/try", tags=["try"])

    @router.post("", status_code=201)
    def add(
        who: Annotated[Caller, api_requires(*CASEWORK)], session: OnceSession, now: Now, new: NewToken
    ) -> dict[str, str]:
        if new.name == "taken":
            raise Conflict("Taken.")
        issue(session, new.name)
        return {"name": new.name, "by": who.by, "at": now.isoformat()}

    desk.add(router)
    return desk


def test_the_same_request_twice_is_one_piece_of_work_and_one_answer(desk: Desk) -> None:
    headers = {**with_resource(desk).token(Role.AGENT), "idempotency-key": "k1"}
    browser = desk.anonymous()

    first = browser.post("/api/v1/try", json={"name": "one"}, headers=headers)
    desk.clock.advance(timedelta(hours=1))
    second = browser.post("/api/v1/try", json={"name": "one"}, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert names(desk) == ["one", "test program"]


def test_a_key_belongs_to_one_request_of_one_program(desk: Desk) -> None:
    headers = {**with_resource(desk).token(Role.AGENT), "idempotency-key": "k1"}
    other = {**desk.token(Role.AGENT, "other program"), "idempotency-key": "k1"}
    browser = desk.anonymous()
    assert browser.post("/api/v1/try", json={"name": "one"}, headers=headers).status_code == 201

    assert browser.post("/api/v1/try", json={"name": "two"}, headers=headers).status_code == 422
    assert browser.post("/api/v1/try", json={"name": "two"}, headers=other).status_code == 201
    assert names(desk) == ["one", "other program", "test program", "two"]


def test_a_failed_request_leaves_its_key_free(desk: Desk) -> None:
    headers = {**with_resource(desk).token(Role.AGENT), "idempotency-key": "k1"}
    browser = desk.anonymous()
    assert browser.post("/api/v1/try", json={"name": "taken"}, headers=headers).status_code == 409
    assert browser.post("/api/v1/try", json={"name": "free"}, headers=headers).status_code == 201
    assert browser.post("/api/v1/try", json={"name": 5}, headers=headers).status_code == 422


def test_answers_are_forgotten_after_a_day(desk: Desk) -> None:
    headers = {**with_resource(desk).token(Role.AGENT), "idempotency-key": "k1"}
    browser = desk.anonymous()
    browser.post("/api/v1/try", json={"name": "one"}, headers=headers)
    desk.clock.advance(timedelta(hours=24))
    assert browser.post("/api/v1/try", json={"name": "two"}, headers=headers).status_code == 201
    assert desk.read(lambda session: len(session.exec(select(ApiIdempotency)).all())) == 1


@pytest.mark.parametrize("key", [{}, {"idempotency-key": ""}, {"idempotency-key": "x" * 256}])
def test_a_post_without_a_usable_key_is_refused(sqlite_desk: Desk, key: dict[str, str]) -> None:
    headers = {**with_resource(sqlite_desk).token(Role.AGENT), **key}
    answer = sqlite_desk.anonymous().post("/api/v1/try", json={"name": "one"}, headers=headers)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert names(sqlite_desk) == ["test program"]


def test_at_the_same_moment_only_one_does_the_work(desk: Desk) -> None:
    headers = {**with_resource(desk).token(Role.AGENT), "idempotency-key": "k1"}
    with desk.anonymous() as browser, ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: browser.post("/api/v1/try", json={"name": "one"}, headers=headers), range(8))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert names(desk) == ["one", "test program"]


def test_the_description_of_the_api_knows_its_doors(sqlite_desk: Desk) -> None:
    document = sqlite_desk.anonymous().get("/api/v1/openapi.json").json()
    assert document["paths"]["/api/v1/me"]["get"]["security"] == [{"HTTPBearer": []}]
    assert all(path.startswith("/api/v1/") for path in document["paths"])


# --- figures, dates and lists -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "minor", "currency", "shown"),
    [
        ("en", 123456789, "USD", "$1,234,567.89"),
        ("en-GB", -1050, "GBP", "-£10.50"),
        ("zh-TW,zh;q=0.9", 1234567, "TWD", "$1,234,567"),
        ("nl", 123456, "EUR", "€\xa01.234,56"),
        ("nb-NO", 123456, "NOK", "1\xa0234,56\xa0kr"),
        ("en", 1234, "KWD", "KWD\xa01.234"),
        ("xx-nonsense;q=x, de;q=0.5", 100, "EUR", "1,00\xa0€"),
        ("", 100, "JPY", "¥100"),
    ],
)
def test_money_in_the_readers_locale(language: str, minor: int, currency: str, shown: str) -> None:
    assert format_money(minor, currency, locale_for(language)) == shown


def test_filters_show_a_dash_for_what_is_not_known() -> None:
    template = environment().from_string(
        "{{ x | money('USD') }}{{ x | day }}{{ x | moment }}{{ x | pct }}{{ x | number }}"
    )
    assert template.render(x=None, locale=locale_for("en")) == "–––––"


def test_dates_and_instants_say_their_zone() -> None:
    env, at = environment(), datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    shown = env.from_string("{{ at | moment('Europe/Amsterdam') }}").render(at=at, locale=locale_for("en-GB"))
    assert shown == (
        '<time datetime="2026-07-02T00:30:00+02:00">2 Jul 2026, 00:30 <span class="zone">CEST</span></time>'
    )
    assert "2. juli 2026" in env.from_string("{{ d | day }}").render(
        d=date(2026, 7, 2), locale=locale_for("nb")
    )
    assert env.from_string("{{ 0.1234 | pct }}").render(locale=locale_for("nl")) == "12,3%"


def test_sorting_takes_only_what_the_list_offers() -> None:
    assert sort_order("-due", ("due", "name"), "name") == ("due", True)
    assert sort_order("password_hash", ("due", "name"), "-name") == ("name", True)
    assert sort_order("", ("due",), "due") == ("due", False)


def test_cursors_come_back_as_they_were_and_damage_is_told() -> None:
    cursor = encode_cursor("2026-01-01", 7, None)
    assert decode_cursor(cursor, 3) == ["2026-01-01", 7, None]
    assert decode_cursor("", 3) is None
    for damaged in (cursor[:-3], "!!!", "ü", encode_cursor(1), "W1tdXQ"):
        with pytest.raises(Invalid):
            decode_cursor(damaged, 3)


def test_reading_never_sees_an_unfinished_write(desk: Desk) -> None:
    with reading(desk.engine) as session:
        assert session.exec(select(ApiToken)).all() == []
