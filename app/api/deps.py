"""Parameters that an API handler may ask for. Bearer tokens only: a cookie opens nothing here, so no form can be
forged.

A resource is one module with `router = api_router("/cases", tags=["cases"])`. GET handlers take a `ReadSession`,
POST handlers an `OnceSession`: the request's transaction under its Idempotency-Key. The answer is stored in the same
transaction as the work, so the work and its answer exist together or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Depends, Header
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import ConfigDict
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, delete
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.shapes import Shape
from app.core.database.bulk import upsert
from app.core.database.engine import reading, table_of, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.staff import tokens
from app.core.staff.models import ApiIdempotency, ApiToken
from app.core.staff.rules import (
    CASE_READING,
    CASEWORK,
    IDEMPOTENCY_KEPT,
    LEGAL_WORK,
    MANAGEMENT,
    SWITCHING,
    Caller,
    Role,
)
from app.core.staff.sign_in import TOUCH_EVERY
from app.http.context import after_response, engine_of, read_clock
from app.http.doors import Door
from app.http.routes import LateRoute
from app.http.security import read_form
from app.http.transactions import ReadSession, write_transaction

log = structlog.get_logger("desk.api")
T = TypeVar("T")
bearer = HTTPBearer(auto_error=False, description="An API token; an administrator issues it.")


class Input(Shape):
    """Base of request bodies: no silent conversion, no unknown members."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Page(Shape, Generic[T]):
    """One page of a list; ask for the next with `?cursor=`."""

    items: list[T]
    next_cursor: str | None = None


# --- who is calling -----------------------------------------------------------------------------------------


async def find_caller(request: Request) -> tuple[Caller, ApiToken] | None:
    """The program behind the bearer token, and the token; None without a good one."""
    credentials = await bearer(request)
    if credentials is None or len(credentials.credentials) > 100:
        return None
    return await run_in_threadpool(_authenticate, engine_of(request), credentials.credentials)


def _authenticate(engine: Engine, text: str) -> tuple[Caller, ApiToken] | None:
    """Look the token up, in a transaction of its own that ends at once."""
    with reading(engine) as session:
        return tokens.authenticate_token(session, text)


def _note_use(request: Request, caller: Caller, token: ApiToken) -> None:
    now = read_clock(request)
    if token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY:
        after_response(request, partial(_touch, engine_of(request), caller.token_id, now))


def _touch(engine: Engine, token_id: int, now: datetime) -> None:
    try:
        with transaction(engine) as session:
            tokens.touch_token(session, token_id, now=now)
    except SQLAlchemyError as error:
        log.warning("token_not_touched", error=type(error).__name__)


class ApiDoor(Door, SecurityBase):
    """A valid API token of certain roles; in the description of the API, the scheme by which a token is sent."""

    model, scheme_name = bearer.model, bearer.scheme_name

    def __init__(self, roles: tuple[Role, ...]) -> None:
        if not roles:
            raise ValueError("name at least one role")
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Caller:
        found = await find_caller(request)
        if found is not None:
            _note_use(request, *found)
        request.state.caller = caller = self._check(found)
        request.state.admitted = True
        return caller

    async def admit(self, request: Request) -> None:
        self._check(await find_caller(request))

    def _check(self, found: tuple[Caller, ApiToken] | None) -> Caller:
        if found is None:
            raise HTTPException(
                401, "Send a valid API token as a bearer token.", {"WWW-Authenticate": "Bearer"}
            )
        caller, _ = found
        if self.roles is not None and caller.role not in self.roles:
            raise Forbidden("The role of this token may not do this. Use a token of another role.")
        return caller


def api_requires(*roles: Role) -> Any:
    """API tokens of one of these roles: `who: Annotated[Caller, api_requires(*CASEWORK)]`."""
    return Depends(ApiDoor(roles))


ApiCaseReader = Annotated[Caller, api_requires(*CASE_READING)]
ApiCaseWorker = Annotated[Caller, api_requires(*CASEWORK)]
ApiManager = Annotated[Caller, api_requires(*MANAGEMENT)]
ApiLegal = Annotated[Caller, api_requires(*LEGAL_WORK)]
ApiLegalReader = Annotated[Caller, api_requires(*LEGAL_WORK, *MANAGEMENT)]
"""Those who read referrals and bundles: the legal team and managers."""
ApiSwitcher = Annotated[Caller, api_requires(*SWITCHING)]
"""Those who stop all sending, and start it again."""


# --- once only ----------------------------------------------------------------------------------------------


class Replay(Exception):
    """The request was answered before; `response` is that answer."""

    def __init__(self, response: Response) -> None:
        self.response = response


async def request_digest(request: Request) -> str:
    """SHA-256 over the request: method, path, query and body."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return hashlib.sha256(head + await request.body()).hexdigest()
    digest = hashlib.sha256(head)  # the boundary differs in every attempt, so hash the parts
    for name, value in (await read_form(request)).multi_items():
        content = await value.read() if isinstance(value, UploadFile) else value.encode()
        if isinstance(value, UploadFile):
            await value.seek(0)
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


async def once_session(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="1-255 characters; the same key gets the same answer for 24 h.",
        ),
    ] = None,
) -> AsyncIterator[Session]:
    """The write session, after claiming the Idempotency-Key in it.

    A second request with the key waits for the first one's transaction, then gets its answer again. Raises Invalid
    without a key or when the key was used for another request (as in draft-ietf-httpapi-idempotency-key-header).
    """
    digest = await request_digest(request)
    if not key or len(key) > 255 or not key.isprintable():
        raise HTTPException(400, "Send an Idempotency-Key header of 1 to 255 characters with every POST.")
    key = hashlib.sha256(key.encode()).hexdigest()  # a program may make it of anything, a card number too
    async with contextmanager_in_threadpool(_claim(request, key, digest)) as session:
        yield session


@contextmanager
def _claim(request: Request, key: str, digest: str) -> Iterator[Session]:
    with write_transaction(request) as session:
        _claim_key(session, request, key, digest)
        yield session


def _claim_key(session: Session, request: Request, key: str, digest: str) -> None:
    caller: Caller = request.state.caller
    now = read_clock(request)
    session.exec(delete(ApiIdempotency).where(col(ApiIdempotency.created_at) <= now - IDEMPOTENCY_KEPT))
    claim = {"token_id": caller.token_id, "key": key, "request_hash": digest, "created_at": now}
    insert = upsert(session, ApiIdempotency).values(**claim, content_type="", body=b"")
    claimed = insert.on_conflict_do_nothing().returning(table_of(ApiIdempotency).c.key)
    if session.connection().execute(claimed).first() is None:
        _answer_again(session, caller.token_id, key, digest)
    request.state.idempotency = (caller.token_id, key)


OnceSession = Annotated[Session, Depends(once_session, scope="function")]


def _answer_again(session: Session, token_id: int, key: str, digest: str) -> None:
    stored = session.get(ApiIdempotency, (token_id, key))
    if stored is None:  # its time was over, and another request has just swept it away
        raise Conflict("This Idempotency-Key is a day old. Send the request again.")
    if stored.request_hash != digest:
        raise Invalid("This Idempotency-Key was used for a different request.", "Idempotency-Key")
    if stored.status is None:
        raise Conflict("The first request with this Idempotency-Key has not been answered.")
    response = Response(stored.body, stored.status, media_type=stored.content_type)
    response.headers["Idempotent-Replayed"] = "true"
    raise Replay(response)


class OnceRoute(LateRoute):
    """Stores the answer under the claimed key: the handler has returned, its transaction is still open."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_and_store(request: Request) -> Response:
            response = await handle(request)
            claimed = getattr(request.state, "idempotency", None)
            if claimed is not None:
                await run_in_threadpool(_store, request.state.write_session, claimed, response)
            return response

        return handle_and_store


def _store(session: Session, claimed: tuple[int, str], response: Response) -> None:
    table = table_of(ApiIdempotency)
    session.flush()
    session.connection().execute(
        sa.update(table)
        .where(table.c.token_id == claimed[0], table.c.key == claimed[1])
        .values(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=bytes(response.body),
        )
    )


def api_router(prefix: str, *, tags: list[str]) -> APIRouter:
    """A resource's router, below /api/v1. A handler's name is its operation's id: clients are generated from it."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=list(tags),
        route_class=OnceRoute,
        generate_unique_id_function=lambda route: route.name,
    )


__all__ = [
    "Input",
    "OnceSession",
    "Page",
    "ReadSession",
    "api_requires",
    "api_router",
]
