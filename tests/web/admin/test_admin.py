"""The administrator's pages: people come and go, programs get tokens."""

import html
import re

from sqlmodel import col, select

from app.core.staff.events import UserAdded
from app.core.staff.models import ApiToken, User
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from tests.web.desk import PASSWORD, Desk


def secret_on(page: str) -> str:
    found = re.search(r'class="secret-value"[^>]*>([^<]+)<', page)
    assert found
    return html.unescape(found[1])


def test_a_new_person_signs_in_once_with_the_password_handed_over(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)

    added = alma.submit("/admin/staff/new", username="Ravi", display_name="Ravi Patel", role="legal")
    assert added.status_code == 200
    password = secret_on(added.text)

    ravi = desk.anonymous()
    assert ravi.submit("/login", username="ravi", password=password).status_code == 303
    assert ravi.get("/account").headers["location"] == "/account/password"
    page = ravi.get("/account/password")
    assert "Choose your password" in page.text
    assert "choose a password that only you know" in page.text
    ravi.csrf_token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    ravi.submit("/account/password", current=password, new="three blue kettles")

    ravi.submit("/login", username="ravi", password="three blue kettles")
    assert "Ravi Patel" in ravi.get("/account").text
    by = desk.read(
        lambda session: session.exec(
            select(Event.by).where(Event.kind == UserAdded.KIND).order_by(col(Event.id).desc())
        ).first()
    )
    assert by == "user:alma"


def test_a_person_is_put_into_a_team_and_out_of_it(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)
    alma.submit(
        "/admin/staff/new", username="ravi", display_name="Ravi Patel", role="agent", team=" Early  stage "
    )
    ravi = desk.read(lambda session: session.exec(select(User).where(User.username == "ravi")).one())
    assert ravi.team == "Early stage"
    page = alma.get(f"/admin/staff/{ravi.id}").text
    assert 'value="Early stage"' in page
    assert '<option value="Early stage">' in alma.get("/admin/staff/new").text
    assert "<td>Early stage</td>" in alma.get("/admin/staff").text

    alma.submit("/admin/staff/new", username="noor", display_name="Noor", role="agent", team="EARLY STAGE")
    assert desk.read(lambda session: set(session.exec(select(User.team)))) == {"Early stage", ""}
    long = alma.submit("/admin/staff/new", username="kim", display_name="Kim", role="agent", team="x" * 61)
    assert long.status_code == 422
    assert "at most 60 characters" in long.text
    alma.submit(f"/admin/staff/{ravi.id}", display_name="Ravi Patel", role="agent", team="")
    assert desk.read(lambda session: session.get_one(User, ravi.id).team) == ""


def test_bad_details_come_back_with_what_was_typed(sqlite_desk: Desk) -> None:
    alma = sqlite_desk.sign_in(Role.ADMIN)
    answer = alma.submit("/admin/staff/new", username="no spaces", display_name="<b>Ravi</b>", role="legal")
    assert answer.status_code == 422
    assert "Use 2 to 64 letters" in answer.text
    assert 'value="no spaces"' in answer.text
    assert "&lt;b&gt;Ravi" in answer.text
    assert 'value="legal" required checked' in answer.text

    taken = alma.submit("/admin/staff/new", username="alma", display_name="Another Alma", role="agent")
    assert taken.status_code == 409
    assert "already a user" in taken.text


def test_what_one_of_the_databases_cannot_hold_is_no_fault_of_ours(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)
    answer = alma.submit("/admin/staff/new", username="ravi", display_name="Ravi\0Patel", role="legal")
    if desk.engine.dialect.name == "postgresql":
        assert answer.status_code == 422
        assert "NUL" in answer.text
    else:
        assert answer.status_code == 200


def test_deactivating_signs_out_at_once(desk: Desk) -> None:
    alma, ben = desk.sign_in(Role.ADMIN), desk.sign_in(Role.AGENT)
    ben_id = desk.read(lambda session: session.exec(select(User.id).where(User.username == "ben")).one())
    assert ben.get("/account").status_code == 200

    done = alma.submit(f"/admin/staff/{ben_id}/active", active="false")
    assert done.status_code == 303
    assert "Ben Okafor is deactivated" in alma.get(done.headers["location"]).text
    assert ben.get("/account").status_code == 303
    assert desk.anonymous().submit("/login", username="ben", password=PASSWORD).status_code == 401

    alma.submit(f"/admin/staff/{ben_id}/active", active="true")
    assert desk.anonymous().submit("/login", username="ben", password=PASSWORD).status_code == 303


def test_a_reset_password_is_temporary_and_shown_once(desk: Desk) -> None:
    alma, ben = desk.sign_in(Role.ADMIN), desk.sign_in(Role.AGENT)
    ben_id = desk.read(lambda session: session.exec(select(User.id).where(User.username == "ben")).one())

    shown = alma.submit(f"/admin/staff/{ben_id}/password")
    password = secret_on(shown.text)
    assert shown.headers["cache-control"] == "no-store"
    assert password not in alma.get(f"/admin/staff/{ben_id}").text
    assert ben.get("/account").status_code == 303
    assert ben.submit("/login", username="ben", password=password).status_code == 303
    assert ben.get("/account").headers["location"] == "/account/password"


def test_an_administrator_cannot_lock_everybody_out(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)
    alma_id = desk.read(lambda session: session.exec(select(User.id)).one())
    refused = alma.submit(f"/admin/staff/{alma_id}/active", active="false")
    assert refused.status_code == 409
    assert "last active administrator" in refused.text
    assert "cannot change your own role" in refused.text
    assert alma.submit(f"/admin/staff/{alma_id}", display_name="Alma H.", role="admin").status_code == 303
    assert alma.get("/admin/staff/999").status_code == 404


def test_a_token_is_shown_once_and_revoked_for_good(desk: Desk) -> None:
    alma = desk.sign_in(Role.ADMIN)
    assert "No program has a token yet" in alma.get("/admin/tokens").text

    issued = alma.submit("/admin/tokens/new", name="legal archive", role="legal")
    token = secret_on(issued.text)
    headers = {"authorization": f"Bearer {token}"}
    assert desk.anonymous().get("/api/v1/me", headers=headers).json() == {
        "name": "legal archive",
        "role": "legal",
        "owner": "alma",
    }
    listed = alma.get("/admin/tokens").text
    assert token not in listed
    assert token[:9] in listed

    token_id = desk.read(lambda session: session.exec(select(ApiToken.id)).one())
    alma.submit(f"/admin/tokens/{token_id}/revoke")
    assert "Revoked" in alma.get("/admin/tokens").text
    assert desk.anonymous().get("/api/v1/me", headers=headers).status_code == 401

    again = alma.submit("/admin/tokens/new", name="legal archive", role="legal")
    assert again.status_code == 409
    assert "never used twice" in again.text


def test_a_token_is_issued_for_the_person_who_answers_for_it(sqlite_desk: Desk) -> None:
    alma = sqlite_desk.sign_in(Role.ADMIN)
    sqlite_desk.sign_in(Role.MANAGER)
    assert 'value="mei"' in alma.get("/admin/tokens/new").text
    refused = alma.submit("/admin/tokens/new", name="ledger", role="manager", owner="nobody")
    assert refused.status_code == 422
    assert "no active member of staff" in refused.text
    token = secret_on(alma.submit("/admin/tokens/new", name="ledger", role="manager", owner="mei").text)
    headers = {"authorization": f"Bearer {token}"}
    assert sqlite_desk.anonymous().get("/api/v1/me", headers=headers).json()["owner"] == "mei"
