"""The list of who gets the digest of a portfolio."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Request, Response
from pydantic import Field

from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import PortfolioCode, RowId
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now, settings_of
from app.operations.digests.models import Digest, DigestRecipient
from app.operations.digests.rules import DigestCadence, DigestStatus, DigestWay, OldSecret, webhook_secret
from app.operations.digests.service import (
    add_recipient,
    change_recipient,
    end_recipient,
    last_digests,
    recipients,
    replace_secret,
)

router = api_router("/portfolios/{code}/digest-recipients", tags=["digests"])

SECRET_HEADER = "Webhook-Secret"  # noqa: S105 - the name of a header


class RecipientShape(Shape):
    """A manager or a webhook on the list, with its newest digest."""

    id: int
    way: DigestWay
    username: str = Field(description="Empty for a webhook.")
    email: str
    url: str = Field(description="Empty for a person.")
    cadence: DigestCadence
    language: str
    active: bool = Field(description="False while it is paused.")
    created_at: datetime
    by: str
    old_secret_until: datetime | None = Field(
        description="Until then a secret that was replaced signs beside the new one; null where none does."
    )
    ended_at: datetime | None
    last_business_date: date | None = Field(description="Of the newest digest; null before the first.")
    last_status: DigestStatus | None
    last_problem: str = Field(description="Reason of its last attempt that failed.")

    @classmethod
    def of(cls, row: DigestRecipient, last: Digest | None) -> Self:
        return cls(
            id=id_of(row),
            way=row.way,
            username=row.username,
            email=row.email,
            url=row.url,
            cadence=row.cadence,
            language=row.language,
            active=row.active,
            created_at=row.created_at,
            by=row.by,
            old_secret_until=row.old_until,
            ended_at=row.ended_at,
            last_business_date=last.business_date if last else None,
            last_status=last.status if last else None,
            last_problem=last.problem if last else "",
        )


@router.get("", summary="List who gets digests")
def list_digest_recipients(
    code: PortfolioCode, _caller: ApiManager, session: ReadSession
) -> Page[RecipientShape]:
    """Everybody on the list of the portfolio now, people first."""
    portfolio_id = id_of(get_portfolio(session, code))
    last = last_digests(session, portfolio_id)
    rows = recipients(session, portfolio_id)
    return Page(items=[RecipientShape.of(row, last.get(id_of(row))) for row in rows])


class NewRecipient(Input):
    way: Annotated[DigestWay, Field(strict=False)]
    username: Annotated[Line, Field(max_length=64, description="An active manager; for email.")] = ""
    email: Annotated[Line, Field(max_length=254)] = ""
    url: Annotated[Line, Field(max_length=500, description="https and public; for webhook.")] = ""
    cadence: Annotated[DigestCadence, Field(strict=False)] = DigestCadence.DAILY
    language: Annotated[
        Line, Field(max_length=20, description="A catalogue of the pages, such as `nb`; for email.")
    ] = "en"


@router.post("", status_code=201, summary="Add a recipient of digests")
def post_digest_recipient(
    request: Request,
    response: Response,
    code: PortfolioCode,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewRecipient,
) -> RecipientShape:
    """The next closed day is the first that it is told. The secret of a webhook comes once, in the header
    `Webhook-Secret`: a repetition of the request does not show it again."""
    settings = settings_of(request)
    row = add_recipient(
        session, get_portfolio(session, code), body.way, username=body.username, email=body.email, url=body.url,
        cadence=body.cadence, language=body.language, private=settings.webhook_private, by=caller.by, now=now,
    )  # fmt: skip
    if row.way is DigestWay.WEBHOOK:
        response.headers[SECRET_HEADER] = webhook_secret(settings.require_secret(), row.salt)
    return RecipientShape.of(row, None)


class RecipientChange(Input):
    email: Annotated[Line | None, Field(max_length=254, description="Left out = as it is.")] = None
    cadence: Annotated[DigestCadence | None, Field(strict=False)] = None
    language: Annotated[Line | None, Field(max_length=20)] = None
    active: Annotated[bool | None, Field(description="false pauses, true resumes.")] = None


@router.post("/{recipient_id}/change", summary="Change a recipient of digests")
def post_digest_recipient_change(
    code: PortfolioCode,
    recipient_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: RecipientChange,
) -> RecipientShape:
    """Change what is given. One who is resumed is told of the next closed day."""
    portfolio = get_portfolio(session, code)
    row = change_recipient(
        session, portfolio, recipient_id, email=body.email, cadence=body.cadence, language=body.language,
        active=body.active, by=caller.by, now=now,
    )  # fmt: skip
    return RecipientShape.of(row, last_digests(session, id_of(portfolio)).get(recipient_id))


class NewSecret(Input):
    old: Annotated[
        OldSecret,
        Field(strict=False, description="How long the present secret goes on signing beside the new one."),
    ] = OldSecret.A_WEEK


@router.post("/{recipient_id}/secret", summary="Replace the secret of a webhook")
def post_digest_recipient_secret(
    request: Request,
    response: Response,
    code: PortfolioCode,
    recipient_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewSecret,
) -> RecipientShape:
    """The new secret comes once, in the header `Webhook-Secret`. Until the old one's time is over each digest has both
    signatures."""
    portfolio = get_portfolio(session, code)
    row = replace_secret(session, portfolio, recipient_id, body.old, by=caller.by, now=now)
    response.headers[SECRET_HEADER] = webhook_secret(settings_of(request).require_secret(), row.salt)
    return RecipientShape.of(row, last_digests(session, id_of(portfolio)).get(recipient_id))


@router.post("/{recipient_id}/end", summary="Take a recipient off the list")
def post_digest_recipient_end(
    code: PortfolioCode, recipient_id: RowId, caller: ApiManager, session: OnceSession, now: Now
) -> RecipientShape:
    """What is on its way is withheld; the secret of a webhook signs nothing more."""
    portfolio = get_portfolio(session, code)
    row = end_recipient(session, portfolio, recipient_id, by=caller.by, now=now)
    return RecipientShape.of(row, last_digests(session, id_of(portfolio)).get(recipient_id))
