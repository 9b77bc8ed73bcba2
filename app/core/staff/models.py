"""Staff, their sessions and API tokens. Secrets are stored as hashes only."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.staff.rules import Role, Theme


class User(Row, table=True):
    __tablename__ = "staff_user"
    __table_args__ = (sa.CheckConstraint("most_cases >= 0", name="most_cases"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    username: str = Field(max_length=64, unique=True)
    """Case-folded; see `rules.fold_username`."""
    display_name: str = Field(max_length=120)
    role: Role = Field(sa_type=enum_type(Role))
    team: str = Field(default="", max_length=60, sa_column_kwargs={"server_default": ""})
    """Team by which key figures are sliced; '' = none."""
    most_cases: int | None = None
    """Capacity: open cases that the night may bring this person up to; None = no limit."""
    password_hash: str = Field(max_length=255)
    password_temporary: bool = False
    """Another person chose the password: it opens only the page that changes it."""
    active: bool = True
    single_keys: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """Shortcuts of a single key work on this person's pages."""
    theme: Theme = Field(
        default=Theme.SYSTEM,
        sa_type=enum_type(Theme),
        sa_column_kwargs={"server_default": Theme.SYSTEM.value},
    )
    created_at: datetime = Field(sa_type=UtcDateTime)


class StaffSession(Row, table=True):
    __tablename__ = "staff_session"

    id: str = Field(primary_key=True, max_length=64)
    """SHA-256 (hex) of the random token in the cookie: a reader of this table cannot sign in with it."""
    user_id: int = Field(foreign_key="staff_user.id", index=True, sa_type=BigId)
    csrf_token: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LoginAttempt(Row, table=True):
    """A sign-in attempt, which throttling counts. Kept for a day."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        sa.Index("ix_login_attempt_username_at", "username_digest", "at"),
        sa.Index("ix_login_attempt_client_at", "client", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    username_digest: str = Field(max_length=64)
    """SHA-256 of what was typed as the user name: people do type their password there."""
    client: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    ok: bool


class ApiToken(Row, table=True):
    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=60, unique=True)
    role: Role = Field(sa_type=enum_type(Role))
    token_hash: str = Field(max_length=64, unique=True)
    prefix: str = Field(max_length=12)
    """The first characters, so that a person can tell which token a configuration holds."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    created_by: str = Field(max_length=120)
    owner_id: int | None = Field(default=None, foreign_key="staff_user.id", sa_type=BigId)
    """The person who answers for the token: what it asks for, that person does not decide. None = the installation's
    own."""
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApiIdempotency(Row, table=True):
    """Answer that an API POST got: the same request, sent again, gets it again and does nothing."""

    __tablename__ = "api_idempotency"

    token_id: int = Field(primary_key=True, foreign_key="api_token.id", sa_type=BigId)
    key: str = Field(primary_key=True, max_length=255)
    """SHA-256 of the Idempotency-Key, so that nothing of it is kept."""
    request_hash: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    status: int | None = None
    """None only inside the transaction that is still answering."""
    content_type: str = Field(default="", max_length=120)
    body: bytes = Field(default=b"", sa_type=sa.LargeBinary)


class FormDraft(Row, table=True):
    """A form that a person typed and has not sent: kept for `DRAFT_KEPT`, deleted when the form is obeyed."""

    __tablename__ = "form_draft"

    username: str = Field(primary_key=True, max_length=64)
    form: str = Field(primary_key=True, max_length=60)
    subject: str = Field(primary_key=True, max_length=60)
    """What the form is about, such as the number of a case; '' = nothing."""
    fields: str = Field(sa_type=sa.Text)
    """JSON: name of a field -> what was typed."""
    saved_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SentForm(Row, table=True):
    """A form of a page that was sent and obeyed, so that sending the same page again does nothing."""

    __tablename__ = "sent_form"

    key: str = Field(primary_key=True, max_length=64)
    """SHA-256 over who sent it, the form, and what the page drew for it."""
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SavedView(Row, table=True):
    """A filter of the worklist under a name. Personal: no event tells of it."""

    __tablename__ = "saved_view"
    __table_args__ = (sa.UniqueConstraint("owner", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    owner: str = Field(max_length=120)
    """The actor whose it is: `user:<name>` or `token:<name>`."""
    name: str = Field(max_length=60)
    query: str = Field(default="", max_length=700)
    """Parameters of the worklist's address."""
    is_default: bool = False
    """What the worklist opens with; one of each owner."""
    created_at: datetime = Field(sa_type=UtcDateTime)
