"""Staff verbs on both databases: the rows they leave and the event that says so."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.core.actor import SYSTEM, Actor
from app.core.database.engine import reading, transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff import service, tokens
from app.core.staff.events import (
    LoggedIn,
    LoggedOut,
    LoginWasRefused,
    TokenIssued,
    TokenRevoked,
    UserAdded,
    UserChanged,
)
from app.core.staff.models import ApiToken, LoginAttempt, StaffSession, User
from app.core.staff.queries import is_same_person, person_behind
from app.core.staff.rules import Role, Staff
from app.core.staff.sign_in import LoginRefusal, LoginRefused
from app.core.timeline.models import Event

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def add(session: Session, username: str = "alma", role: Role = Role.ADMIN) -> User:
    return service.add_user(session, username, "Alma Hendriks", role, PASSWORD, by=SYSTEM, now=NOW)


def events(engine: Engine, kind: str) -> list[tuple[str, str, dict[str, object]]]:
    with reading(engine) as session:
        rows = session.exec(select(Event).where(Event.kind == kind).order_by(col(Event.id))).all()
        return [(row.stream, row.by, json.loads(row.data)) for row in rows]


def log_in(
    engine: Engine,
    username: str = "alma",
    password: str = PASSWORD,
    client: str = "10.0.0.7",
    at: datetime = NOW,
) -> tuple[str, StaffSession] | LoginRefused:
    with transaction(engine) as session:
        return service.log_in(session, username, password, client, now=at)


def who_is(engine: Engine, token: str, at: datetime = NOW) -> Staff | None:
    with reading(engine) as session:
        found = service.find_session(session, token, now=at)
        return found[0] if found else None


def token_of(result: tuple[str, StaffSession] | LoginRefused) -> str:
    assert not isinstance(result, LoginRefused)
    return result[0]


def test_add_user_stores_a_hash_and_records_it(engine: Engine) -> None:
    with transaction(engine) as session:
        user = service.add_user(
            session, " ALMA ", "Alma  Hendriks", Role.ADMIN, PASSWORD, by=SYSTEM, now=NOW, temporary=True
        )

    assert (user.username, user.display_name, user.password_temporary) == ("alma", "Alma Hendriks", True)
    assert user.password_hash.startswith("$argon2id$")
    assert events(engine, UserAdded.KIND) == [
        (
            f"staff:{user.id}",
            "system",
            {"username": "alma", "display_name": "Alma Hendriks", "role": "admin"},
        )
    ]


def test_a_name_is_taken_once_however_it_is_spelt(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    with pytest.raises(Conflict), transaction(engine) as session:
        add(session, "Alma")


@pytest.mark.parametrize(
    ("username", "name", "password", "field"),
    [
        ("a", "A", PASSWORD, "username"),
        ("has space", "A", PASSWORD, "username"),
        ("alma", "  ", PASSWORD, "display_name"),
        ("alma", "A", "short", "password"),
    ],
)
def test_bad_details_are_refused_by_field(
    sqlite_engine: Engine, username: str, name: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused, transaction(sqlite_engine) as session:
        service.add_user(session, username, name, Role.AGENT, password, by=SYSTEM, now=NOW)
    assert refused.value.field == field


def test_signing_in_opens_a_session_that_only_the_token_finds(engine: Engine) -> None:
    with transaction(engine) as session:
        user = add(session)

    token = token_of(log_in(engine, "Alma "))

    assert who_is(engine, token) == Staff(id_of(user), "alma", "Alma Hendriks", Role.ADMIN)
    assert who_is(engine, token + "x") is None
    with reading(engine) as session:
        row = session.exec(select(StaffSession)).one()
        assert token not in (row.id, row.csrf_token)
    assert events(engine, LoggedIn.KIND) == [(f"staff:{user.id}", "user:alma", {"client": "10.0.0.7"})]


def test_a_session_ends_when_idle_and_at_the_end_of_the_day(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    token = token_of(log_in(engine))
    with reading(engine) as session:
        session_id = session.exec(select(StaffSession.id)).one()

    assert who_is(engine, token, NOW + timedelta(minutes=59))
    assert who_is(engine, token, NOW + timedelta(minutes=60)) is None
    for hour in range(1, 10):
        with transaction(engine) as session:
            service.touch_session(session, session_id, now=NOW + timedelta(hours=hour))
    assert who_is(engine, token, NOW + timedelta(hours=9, minutes=59))
    assert who_is(engine, token, NOW + timedelta(hours=10)) is None


def test_refused_sign_ins_give_nothing_away_and_are_recorded(engine: Engine) -> None:
    with transaction(engine) as session:
        user = add(session)
        ben = add(session, "ben", Role.AGENT)
    with transaction(engine) as session:
        service.change_user(session, id_of(ben), active=False, by=Actor.user("alma"), now=NOW)

    assert log_in(engine, password="wrong") == LoginRefused(LoginRefusal.WRONG_PASSWORD)
    assert log_in(engine, "ben") == LoginRefused(LoginRefusal.INACTIVE)
    assert log_in(engine, "hunter2-typed-in-the-wrong-field") == LoginRefused(LoginRefusal.UNKNOWN)

    assert events(engine, LoginWasRefused.KIND) == [
        (f"staff:{user.id}", "system", {"reason": "wrong_password", "client": "10.0.0.7"}),
        (f"staff:{ben.id}", "system", {"reason": "inactive", "client": "10.0.0.7"}),
    ]
    with reading(engine) as session:
        attempts = session.exec(select(LoginAttempt)).all()
        assert [attempt.ok for attempt in attempts] == [False, False, False]
        assert not any("hunter2" in attempt.username_digest for attempt in attempts)


def test_an_unknown_name_costs_as_many_hashes_as_a_known_one(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sqlite_engine) as session:
        add(session)
    verified: list[str] = []
    verify: Callable[..., tuple[bool, str | None]] = service.hasher.verify_and_update
    monkeypatch.setattr(
        service.hasher, "verify_and_update", lambda p, h: (verified.append(h), verify(p, h))[1]
    )

    log_in(sqlite_engine, "alma", "wrong")
    log_in(sqlite_engine, "nobody", "wrong")

    assert len(verified) == 2


def test_five_failures_make_a_name_wait_whatever_the_password(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    for minute in range(5):
        refused = log_in(engine, password="wrong", at=NOW + timedelta(minutes=minute))
        assert refused == LoginRefused(LoginRefusal.WRONG_PASSWORD)

    at = NOW + timedelta(minutes=5)
    assert log_in(engine, at=at) == LoginRefused(LoginRefusal.THROTTLED, 10 * 60)
    assert log_in(engine, "ben", at=at) == LoginRefused(LoginRefusal.UNKNOWN)
    assert token_of(log_in(engine, at=NOW + timedelta(minutes=15)))


def test_a_success_clears_the_count_of_the_name(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    for _ in range(3):
        for second in range(4):
            log_in(engine, password="wrong", at=NOW + timedelta(seconds=second))
        assert token_of(log_in(engine, at=NOW + timedelta(seconds=5)))


def test_twenty_failures_make_an_address_wait(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    for n in range(20):
        assert log_in(engine, f"guess{n}") == LoginRefused(LoginRefusal.UNKNOWN)
    refused = log_in(engine)
    assert isinstance(refused, LoginRefused)
    assert refused.reason is LoginRefusal.THROTTLED
    assert token_of(log_in(engine, client="10.0.0.8"))


def test_signing_out_ends_this_session_only(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    first, second = token_of(log_in(engine)), token_of(log_in(engine))
    staff = who_is(engine, first)
    assert staff is not None
    with transaction(engine) as session:
        service.log_out(session, staff, service.digest(first), now=NOW)

    assert who_is(engine, first) is None
    assert who_is(engine, second)
    assert [data for _, _, data in events(engine, LoggedOut.KIND)] == [{}]


@pytest.mark.parametrize(
    "change", [{"password": "another long one"}, {"role": Role.MANAGER}, {"active": False}]
)
def test_what_changes_the_door_ends_every_session(engine: Engine, change: dict[str, object]) -> None:
    with transaction(engine) as session:
        add(session)
        ben = add(session, "ben", Role.AGENT)
    tokens = [token_of(log_in(engine, "ben")) for _ in range(2)]

    with transaction(engine) as session:
        service.change_user(session, id_of(ben), **change, by=Actor.user("alma"), now=NOW)  # type: ignore[arg-type]

    assert [who_is(engine, token) for token in tokens] == [None, None]
    (stream, by, data) = events(engine, UserChanged.KIND)[0]
    assert (stream, by, data["username"]) == (f"staff:{ben.id}", "user:alma", "ben")
    assert "another long one" not in json.dumps(data)


def test_a_new_name_ends_no_session_and_no_change_records_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        user = add(session)
    token = token_of(log_in(engine))
    with transaction(engine) as session:
        service.change_user(session, id_of(user), display_name="Alma H.", by=SYSTEM, now=NOW)
        service.change_user(session, id_of(user), display_name="Alma H.", by=SYSTEM, now=NOW)

    staff = who_is(engine, token)
    assert staff is not None
    assert staff.display_name == "Alma H."
    assert len(events(engine, UserChanged.KIND)) == 1


def test_the_last_administrator_stays(engine: Engine) -> None:
    with transaction(engine) as session:
        alma = add(session)
        carl = add(session, "carl")
    with transaction(engine) as session:
        service.change_user(session, id_of(carl), role=Role.AGENT, by=Actor.user("alma"), now=NOW)
    with pytest.raises(Conflict, match="last active administrator"), transaction(engine) as session:
        service.change_user(session, id_of(alma), active=False, by=SYSTEM, now=NOW)
    with pytest.raises(NotFound), transaction(engine) as session:
        service.change_user(session, 999, active=False, by=SYSTEM, now=NOW)


def test_changing_ones_own_password_needs_the_present_one(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    token = token_of(log_in(engine))
    staff = who_is(engine, token)
    assert staff is not None

    for current, new in [("wrong", "three blue kettles"), (PASSWORD, PASSWORD), (PASSWORD, "short")]:
        with pytest.raises(Invalid), transaction(engine) as session:
            service.change_own_password(session, staff, current, new, now=NOW)
    assert who_is(engine, token)

    with transaction(engine) as session:
        service.change_own_password(session, staff, PASSWORD, "three blue kettles", now=NOW)
    assert who_is(engine, token) is None
    assert token_of(log_in(engine, password="three blue kettles"))


def test_a_token_opens_until_it_is_revoked(engine: Engine) -> None:
    with transaction(engine) as session:
        alma = add(session)
        token = tokens.issue_token(session, "legal archive", Role.LEGAL, by=Actor.user("alma"), now=NOW)

    with reading(engine) as session:
        found = tokens.authenticate_token(session, token)
        assert found is not None
        assert (found[0].by, found[0].role) == ("token:legal archive", Role.LEGAL)
        assert token not in session.exec(select(ApiToken)).one().model_dump_json()
    with transaction(engine) as session:
        tokens.revoke_token(session, found[0].token_id, by=Actor.user("alma"), now=NOW)
        tokens.revoke_token(session, found[0].token_id, by=Actor.user("alma"), now=NOW + timedelta(days=1))
    with reading(engine) as session:
        assert tokens.authenticate_token(session, token) is None
        assert session.exec(select(ApiToken.revoked_at)).one() == NOW

    assert events(engine, TokenIssued.KIND) == [
        (f"staff:{alma.id}", "user:alma", {"token": "legal archive", "role": "legal", "owner": "alma"})
    ]
    assert events(engine, TokenRevoked.KIND) == [
        (f"staff:{alma.id}", "user:alma", {"token": "legal archive"})
    ]


def test_a_token_opens_nothing_once_its_owner_is_deactivated(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
        grace = add(session, "grace", Role.MANAGER)
        by = Actor.user("alma")
        token = tokens.issue_token(session, "dialer", Role.AGENT, owner="Grace", by=by, now=NOW)
        other = tokens.issue_token(session, "core bank", Role.MANAGER, by=SYSTEM, now=NOW)
    with reading(engine) as session:
        owners = [tokens.authenticate_token(session, each) for each in (token, other)]
        assert [found and found[0].owner for found in owners] == ["grace", None]
        assert person_behind(session, Actor.token("dialer")) == "user:grace"
        assert person_behind(session, Actor.token("core bank")) == "token:core bank"
        assert is_same_person(session, "token:dialer", Actor.user("grace"))
        assert not is_same_person(session, "token:core bank", Actor.user("grace"))
    with transaction(engine) as session:
        service.change_user(session, id_of(grace), active=False, by=by, now=NOW)
        assert tokens.authenticate_token(session, token) is None
        assert tokens.authenticate_token(session, other) is not None
        with pytest.raises(Invalid, match="no active member"):
            tokens.issue_token(session, "dialer 2", Role.AGENT, owner="grace", by=by, now=NOW)


def test_a_token_name_is_never_used_twice(engine: Engine) -> None:
    with transaction(engine) as session:
        tokens.issue_token(session, "core bank", Role.MANAGER, by=SYSTEM, now=NOW)
    assert events(engine, TokenIssued.KIND)[0][0] == "staff:0"
    with pytest.raises(Conflict), transaction(engine) as session:
        tokens.issue_token(session, "core  bank", Role.MANAGER, by=SYSTEM, now=NOW)
    with pytest.raises(Invalid), transaction(engine) as session:
        tokens.issue_token(session, "<b>", Role.MANAGER, by=SYSTEM, now=NOW)


def test_a_name_that_no_database_takes_is_nobodys(engine: Engine) -> None:
    with transaction(engine) as session:
        add(session)
    assert log_in(engine, "al\0ma") == LoginRefused(LoginRefusal.UNKNOWN)
