"""Who may sign in and what may change, below, at and above each limit."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.staff import passwords, rules, sign_in
from app.core.staff.passwords import PasswordFault
from app.core.staff.rules import ChangeRefusal, Role

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def minutes_ago(*ages: float) -> list[datetime]:
    return [NOW - timedelta(minutes=age) for age in ages]


@pytest.mark.parametrize(
    ("username_failures", "client_failures", "wait"),
    [
        ([], [], 0),
        (minutes_ago(1, 1, 1, 1), minutes_ago(1, 1, 1, 1), 0),
        (minutes_ago(1, 2, 3, 4, 5), [], 10 * 60),
        (minutes_ago(1, 2, 3, 4, 15), [], 0),
        (minutes_ago(1, 2, 3, 4, 14.999), [], 1),
        ([], minutes_ago(*[3] * 19), 0),
        ([], minutes_ago(*[3] * 20), 12 * 60),
        (minutes_ago(1, 1, 1, 1, 5), minutes_ago(*[3] * 20), 12 * 60),
    ],
)
def test_throttle(username_failures: list[datetime], client_failures: list[datetime], wait: int) -> None:
    assert sign_in.throttle_seconds(username_failures, client_failures, NOW) == wait


@pytest.mark.parametrize(
    ("password", "faults"),
    [
        ("elevenchars", [PasswordFault.TOO_SHORT]),
        ("twelve chars", []),
        ("x1y2z" * 25 + "abc", []),
        ("x1y2z" * 25 + "abcd", [PasswordFault.TOO_LONG]),
        ("my name is Alma!", [PasswordFault.HAS_USERNAME]),
        ("aaaabbbbaaaabbbb", [PasswordFault.TOO_PLAIN]),
        ("alma", [PasswordFault.TOO_SHORT, PasswordFault.HAS_USERNAME, PasswordFault.TOO_PLAIN]),
    ],
)
def test_password_faults_are_all_named(password: str, faults: list[PasswordFault]) -> None:
    assert passwords.password_faults(password, "alma") == faults


@pytest.mark.parametrize(
    ("seen_minutes_ago", "expires_in_minutes", "ended", "alive"),
    [
        (0, 1, False, True),
        (59.99, 1, False, True),
        (60, 1, False, False),
        (0, 0, False, False),
        (0, 1, True, False),
    ],
)
def test_session_lives_until_idle_expired_or_ended(
    seen_minutes_ago: float, expires_in_minutes: float, ended: bool, alive: bool
) -> None:
    assert alive is sign_in.session_alive(
        now=NOW,
        last_seen_at=NOW - timedelta(minutes=seen_minutes_ago),
        expires_at=NOW + timedelta(minutes=expires_in_minutes),
        ended_at=NOW if ended else None,
    )


@pytest.mark.parametrize(
    ("change", "refusals"),
    [
        ({}, []),
        ({"new_active": False}, []),
        ({"new_active": False, "other_admins": 0}, [ChangeRefusal.LAST_ADMIN]),
        ({"new_role": Role.AGENT, "other_admins": 0}, [ChangeRefusal.LAST_ADMIN]),
        ({"new_role": Role.AGENT, "own": True}, [ChangeRefusal.OWN_ACCOUNT]),
        (
            {"new_active": False, "own": True, "other_admins": 0},
            [ChangeRefusal.LAST_ADMIN, ChangeRefusal.OWN_ACCOUNT],
        ),
        ({"own": True, "other_admins": 0}, []),
    ],
)
def test_no_administrator_is_lost_by_accident(
    change: dict[str, object], refusals: list[ChangeRefusal]
) -> None:
    facts = {
        "role": Role.ADMIN,
        "active": True,
        "new_role": Role.ADMIN,
        "new_active": True,
        "other_admins": 1,
        "own": False,
    }
    assert rules.change_refusals(**{**facts, **change}) == refusals  # type: ignore[arg-type]


def test_usernames_have_one_spelling() -> None:
    assert passwords.fold_username("  ＡLMA.Hendriks ") == "alma.hendriks"
