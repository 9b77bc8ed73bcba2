"""Signing in, being signed in, and signing out."""

import re
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.core.settings import Settings
from app.core.staff.models import LoginAttempt, StaffSession
from app.core.staff.rules import Role
from tests.web.desk import PASSWORD, Desk


def test_a_visitor_is_led_to_the_sign_in_page_and_back(desk: Desk) -> None:
    desk.sign_in(Role.ADMIN)
    browser = desk.anonymous()

    asked = browser.get("/admin/staff?x=1")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fadmin%2Fstaff%3Fx%3D1")

    page = browser.get(asked.headers["location"])
    assert 'name="next" value="/admin/staff?x=1"' in page.text

    done = browser.submit("/login", username="alma", password=PASSWORD, next="/admin/staff?x=1")
    assert (done.status_code, done.headers["location"]) == (303, "/admin/staff?x=1")
    cookie = done.headers["set-cookie"]
    assert cookie.startswith("desk_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert browser.get("/admin/staff").status_code == 200


def test_behind_https_the_cookie_is_bound_to_this_host(sqlite_engine: Engine) -> None:
    settings = Settings.model_validate({"secret_key": "x" * 40, "public_url": "https://desk.example"})
    desk = Desk(sqlite_engine, settings=settings)
    desk.sign_in(Role.ADMIN)
    browser = desk.anonymous()

    done = browser.post("/login", data={"username": "alma", "password": PASSWORD})

    cookie = done.headers["set-cookie"]
    assert cookie.startswith("__Host-desk_session=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie
    assert "domain" not in cookie.lower()
    assert done.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/\tevil"]
)
def test_signing_in_never_leads_to_another_site(sqlite_desk: Desk, elsewhere: str) -> None:
    sqlite_desk.sign_in(Role.AGENT)
    done = sqlite_desk.anonymous().submit("/login", username="ben", password=PASSWORD, next=elsewhere)
    assert done.headers["location"] == "/"


def test_the_cookie_outlasts_its_session_so_that_its_end_can_be_told(sqlite_desk: Desk) -> None:
    sqlite_desk.sign_in(Role.AGENT)
    browser = sqlite_desk.anonymous()
    done = browser.submit("/login", username="ben", password=PASSWORD)
    [kept] = re.findall(r"Max-Age=(\d+)", done.headers["set-cookie"])
    assert int(kept) > sqlite_desk.settings.session_hours * 3600 + 3600
    sqlite_desk.clock.at += timedelta(hours=sqlite_desk.settings.session_hours, minutes=1)
    assert "signed_out=1" in browser.get("/worklist").headers["location"]


def test_wrong_name_and_wrong_password_look_the_same(sqlite_desk: Desk) -> None:
    sqlite_desk.sign_in(Role.AGENT)
    answers = [
        sqlite_desk.anonymous().submit("/login", username=username, password=password)
        for username, password in [("ben", "wrong"), ("who", PASSWORD)]
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text.replace("ben", "") == answers[1].text.replace("who", "")
    assert PASSWORD not in answers[1].text


def test_too_many_attempts_are_told_how_long_to_wait(desk: Desk) -> None:
    desk.sign_in(Role.AGENT)
    browser = desk.anonymous()
    for _ in range(5):
        assert browser.submit("/login", username="ben", password="wrong").status_code == 401

    refused = browser.submit("/login", username="ben", password=PASSWORD)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "900"
    assert "in 15 minutes" in refused.text
    assert len(desk.read(lambda session: session.exec(select(LoginAttempt)).all())) == 5

    desk.clock.advance(timedelta(minutes=15))
    assert browser.submit("/login", username="ben", password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"origin": "http://testserver"}, 303),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://testserver"}, 403),
    ],
)
def test_nobody_is_signed_in_from_another_site(
    sqlite_desk: Desk, headers: dict[str, str], status: int
) -> None:
    sqlite_desk.sign_in(Role.AGENT)
    form = {"username": "ben", "password": PASSWORD}
    assert sqlite_desk.anonymous().post("/login", data=form, headers=headers).status_code == status


@pytest.mark.parametrize("token", ["", "wrong", "ünsinn"])
def test_a_form_without_the_session_token_is_refused(sqlite_desk: Desk, token: str) -> None:
    browser = sqlite_desk.sign_in(Role.ADMIN)
    browser.csrf_token = token
    refused = browser.submit("/admin/tokens/new", name="core bank", role="manager")
    assert refused.status_code == 403
    assert "This form has expired" in refused.text


def test_a_script_sends_the_token_as_a_header(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.sign_in(Role.ADMIN)
    form = {"name": "core bank", "role": "manager"}
    headers = {"x-csrf-token": browser.csrf_token}
    assert browser.post("/admin/tokens/new", data=form, headers=headers).status_code == 200


def test_another_sessions_token_does_not_fit(sqlite_desk: Desk) -> None:
    first, second = sqlite_desk.sign_in(Role.ADMIN), sqlite_desk.sign_in(Role.ADMIN)
    first.csrf_token = second.csrf_token
    assert first.submit("/admin/tokens/new", name="core bank", role="manager").status_code == 403


def test_signing_out_ends_the_session_on_the_server(desk: Desk) -> None:
    browser = desk.sign_in(Role.AGENT)
    stolen = browser.cookies["desk_session"]

    out = browser.submit("/logout")
    assert out.headers["location"] == "/login"
    assert 'desk_session="";' in str(out.headers.get_list("set-cookie"))

    thief = desk.anonymous()
    thief.cookies.set("desk_session", stolen)
    assert thief.get("/account").status_code == 303
    assert "You are signed out." in browser.get("/login").text
    assert "You are signed out." not in browser.get("/login").text


def test_a_session_left_alone_ends(desk: Desk) -> None:
    browser = desk.sign_in(Role.AGENT)
    desk.clock.advance(timedelta(minutes=59))
    assert browser.get("/account").status_code == 200
    desk.clock.advance(timedelta(minutes=59))
    assert browser.get("/account").status_code == 200
    desk.clock.advance(timedelta(minutes=60))
    assert browser.get("/account").status_code == 303


def test_being_there_is_written_once_a_minute_at_most(desk: Desk) -> None:
    browser = desk.sign_in(Role.AGENT)
    seen = []
    for seconds in (0, 59, 1, 30):
        desk.clock.advance(timedelta(seconds=seconds))
        browser.get("/account")
        seen.append(desk.read(lambda session: session.exec(select(StaffSession.last_seen_at)).one()))
    assert [(at - seen[0]).total_seconds() for at in seen] == [0, 0, 60, 60]


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.sign_in(Role.ADMIN)
    sqlite_desk.clock.advance(timedelta(hours=11))
    for referer, location in [
        ("http://testserver/admin/tokens/new", "/login?next=%2Fadmin%2Ftokens%2Fnew&signed_out=1"),
        ("https://evil.example/x", "/login?signed_out=1"),
    ]:
        answer = browser.post("/admin/tokens/new", data={}, headers={"referer": referer})  # without the token
        assert (answer.status_code, answer.headers["location"]) == (303, location)


def test_each_role_has_its_first_page(sqlite_desk: Desk) -> None:
    assert sqlite_desk.sign_in(Role.ADMIN).get("/").headers["location"] == "/admin/staff"
    for role in Role:
        browser = sqlite_desk.sign_in(role)
        assert browser.get(browser.get("/").headers["location"]).status_code in (200, 303)


def test_changing_ones_password_signs_out_everywhere(desk: Desk) -> None:
    browser, other = desk.sign_in(Role.AGENT), desk.sign_in(Role.AGENT)

    wrong = browser.submit("/account/password", current="wrong", new="three blue kettles")
    assert wrong.status_code == 422
    assert "not your present password" in wrong.text

    done = browser.submit("/account/password", current=PASSWORD, new="three blue kettles")
    assert done.headers["location"] == "/login"
    assert other.get("/account").status_code == 303
    assert desk.anonymous().submit("/login", username="ben", password="three blue kettles").status_code == 303


def test_who_was_signed_out_is_told_why_they_sign_in_again(sqlite_desk: Desk) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    sqlite_desk.clock.advance(timedelta(days=2))
    answer = ben.get("/worklist?owner=all")
    assert answer.headers["location"] == "/login?next=%2Fworklist%3Fowner%3Dall&signed_out=1"
    assert "You were signed out" in ben.get(answer.headers["location"]).text
    stranger = sqlite_desk.anonymous().get("/worklist")
    assert "signed_out" not in stranger.headers["location"]
