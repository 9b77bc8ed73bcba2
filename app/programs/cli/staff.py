"""`desk user ...` and `desk token ...`: the verbs of the administrator's pages, for the command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from sqlmodel import Session

from app.core.database.engine import reading, transaction
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.programs.cli.base import BY, Json, migrated_engine, print_result, read_clock

user_app = typer.Typer(no_args_is_help=True, help="Staff: add people, change roles, reset passwords.")
token_app = typer.Typer(no_args_is_help=True, help="API tokens: issue, list, revoke.")

Username = Annotated[str, typer.Argument(help="Sign-in name.")]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the person's own password from standard input; it stays."),
]


@user_app.command("add")
def user_add(
    username: Username,
    role: Annotated[Role, typer.Option()],
    display_name: Annotated[str, typer.Option("--name", help="Name that colleagues see.")] = "",
    team: Annotated[str, typer.Option(help="Team by which key figures are sliced.")] = "",
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Add a person. Without --password-stdin a temporary password is printed once, to be changed at sign-in."""
    from app.core.staff.service import add_user

    password = _password(password_stdin)
    with transaction(migrated_engine()) as session:
        add_user(
            session,
            username,
            display_name or username,
            role,
            password,
            temporary=not password_stdin,
            team=team,
            by=BY,
            now=read_clock(),
        )
    data = {"username": username, "role": role.value} | _told(password, password_stdin)
    print_result(data, as_json, lambda: print(" ".join(f"{k}: {v}" for k, v in data.items())))


@user_app.command("list")
def user_list(as_json: Json = False) -> None:
    """List everybody with role, state and when they were last seen."""
    from app.core.staff.queries import last_seen, staff_list

    with reading(migrated_engine()) as session:
        seen = last_seen(session)
        found = [
            {
                "username": user.username,
                "name": user.display_name,
                "role": user.role.value,
                "team": user.team,
                "active": user.active,
                "password": "temporary" if user.password_temporary else "own",
                "last_seen": seen.get(id_of(user)),
            }
            for user in staff_list(session)
        ]

    def say() -> None:
        for each in found:
            state = "active" if each["active"] else "inactive"
            at = f"{each['last_seen']:%Y-%m-%d %H:%M} UTC" if each["last_seen"] else "never signed in"
            print(f"{each['username']:<20}{each['role']:<9}{state:<10}{at:<24}{each['name']}")
        if not found:
            print(
                "There is no member of staff yet. Add the first person with: desk user add NAME --role admin"
            )

    print_result({"users": found}, as_json, say)


@user_app.command("role")
def user_role(username: Username, role: Annotated[Role, typer.Argument()], as_json: Json = False) -> None:
    """Change a person's role. Their sessions end."""
    _change(username, as_json, f"{username} is {role.value} now.", role=role)


@user_app.command("team")
def user_team(
    username: Username,
    team: Annotated[str, typer.Argument(help="Name of the team; '' takes the person out of theirs.")],
    as_json: Json = False,
) -> None:
    """Put a person into a team. Key figures count them there from the next night on."""
    _change(username, as_json, f"{username} is in {team or 'no team'} now.", team=team)


@user_app.command("reset")
def user_reset(username: Username, password_stdin: PasswordStdin = False, as_json: Json = False) -> None:
    """Give a person a new password. Their sessions end; a printed password is temporary."""
    password = _password(password_stdin)
    told = _told(password, password_stdin)
    said = " ".join(f"{name}: {value}" for name, value in ({"username": username} | told).items())
    _change(username, as_json, said, told, password=password, temporary=not password_stdin)


@user_app.command("deactivate")
def user_deactivate(username: Username, as_json: Json = False) -> None:
    """Let a person sign in no more. Their sessions end, their name stays on the record."""
    _change(username, as_json, f"{username} is deactivated.", active=False)


@user_app.command("activate")
def user_activate(username: Username, as_json: Json = False) -> None:
    """Let a deactivated person sign in again."""
    _change(username, as_json, f"{username} is active.", active=True)


def _change(
    username: str, as_json: bool, said: str, told: dict[str, str] | None = None, **changes: object
) -> None:
    from app.core.staff.service import change_user

    with transaction(migrated_engine()) as session:
        user = _user(session, username)
        changed = change_user(session, id_of(user), by=BY, now=read_clock(), **changes)  # type: ignore[arg-type]
        data = {"username": changed.username, "role": changed.role.value, "active": changed.active}
    print_result(data | (told or {}), as_json, lambda: print(said))


def _user(session: Session, username: str) -> User:
    from app.core.staff.passwords import fold_username
    from app.core.staff.queries import user_named

    user = user_named(session, fold_username(username))
    if user is None:
        raise NotFound(f"There is no user {username!r}. See: desk user list")
    return user


def _password(from_stdin: bool) -> str:
    from app.core.staff.service import generate_password

    return sys.stdin.readline().rstrip("\n") if from_stdin else generate_password()


def _told(password: str, from_stdin: bool) -> dict[str, str]:
    """A password that its person does not know yet is printed, once."""
    return {} if from_stdin else {"password": password}


@token_app.command("add")
def token_add(
    role: Annotated[Role, typer.Option()],
    name: Annotated[str, typer.Option(help="Name of the program; never used twice.")] = "cli",
    owner: Annotated[
        str | None,
        typer.Option(
            "--for", help="User name of the person who answers for it; they cannot approve what it asks for."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue an API token. It is printed once and stored only as a hash."""
    from app.core.staff.tokens import issue_token

    with transaction(migrated_engine()) as session:
        token = issue_token(session, name, role, by=BY, now=read_clock(), owner=owner)
    print_result({"token": token, "role": role.value, "owner": owner}, as_json, lambda: print(token))


@token_app.command("list")
def token_list(as_json: Json = False) -> None:
    """List the tokens: name, role, owner, first characters, when last used, whether revoked."""
    from app.core.staff.queries import token_owners, tokens

    with reading(migrated_engine()) as session:
        owners = {token_id: user.username for token_id, user in token_owners(session).items()}
        found = [
            {
                "name": token.name,
                "role": token.role.value,
                "owner": owners.get(id_of(token)),
                "begins": token.prefix,
                "created_at": token.created_at,
                "created_by": token.created_by,
                "last_used_at": token.last_used_at,
                "revoked_at": token.revoked_at,
            }
            for token in tokens(session)
        ]

    def say() -> None:
        for each in found:
            used = f"used {each['last_used_at']:%Y-%m-%d %H:%M}" if each["last_used_at"] else "never used"
            state = f"revoked {each['revoked_at']:%Y-%m-%d}" if each["revoked_at"] else "valid"
            who = f"{each['role']:<9}{each['owner'] or '-':<16}"
            print(f"{each['name']:<24}{who}{each['begins']}...  {state:<20}{used}")
        if not found:
            print("There is no token yet. Issue one with: desk token add --role agent --name NAME")

    print_result({"tokens": found}, as_json, say)


@token_app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(help="Name of the token, as `desk token list` shows it.")],
    as_json: Json = False,
) -> None:
    """Revoke a token: it opens nothing any more."""
    from app.core.staff.queries import tokens
    from app.core.staff.tokens import revoke_token

    with transaction(migrated_engine()) as session:
        found = next((token for token in tokens(session) if token.name == name), None)
        if found is None:
            raise NotFound(f"There is no token {name!r}. See: desk token list")
        revoked_at = revoke_token(session, id_of(found), by=BY, now=read_clock()).revoked_at
    print_result(
        {"name": name, "revoked_at": revoked_at}, as_json, lambda: print(f"Token {name!r} is revoked.")
    )
