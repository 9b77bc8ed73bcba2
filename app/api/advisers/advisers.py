"""Advisers and the customers for whom they act."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.requests import Request

from app.actions.advisers.addresses import correct_adviser, known_addresses, mark_wrong, use_again
from app.actions.advisers.clients import NewAuthority, add_adviser, add_client, end_adviser
from app.api.advisers.shapes import AddressShape, AdviserShape, ClientShape
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import Day
from app.book.portfolios.models import Portfolio
from app.casework.advisers.queries import Client, advisers, clients_of, get_adviser
from app.casework.advisers.service import AdviserContact, NewAdviser
from app.core.clock import local_date
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of

router = api_router("/advisers", tags=["advisers"])

AdviserCode = Annotated[Line, Path(min_length=1, max_length=20, description="Code of the adviser.")]


class NewAdviserBody(Input):
    code: Annotated[Line, Field(min_length=2, max_length=20, description="Capital letters, digits, hyphens.")]
    name: Annotated[Line, Field(min_length=1, max_length=200)]
    authorisation: Annotated[Line, Field(max_length=120, description="Register and number.")] = ""
    phone: Annotated[Line, Field(max_length=40)] = ""
    email: Annotated[Line, Field(max_length=254)] = ""
    address: Annotated[
        Paragraph, Field(max_length=400, description="One part of the address per line, without the country.")
    ] = ""
    by_post: Annotated[bool, Field(description="It wants letters, not e-mail.")] = False


class AdviserContactBody(Input):
    email: Annotated[Line, Field(max_length=254)]
    address: Annotated[
        Paragraph, Field(max_length=400, description="One part of the address per line, without the country.")
    ]
    by_post: Annotated[bool, Field(description="It wants letters, not e-mail.")]


class AddressBody(Input):
    address: Annotated[Paragraph, Field(min_length=1, max_length=400, description="As the list has it.")]
    reason: Annotated[Line, Field(min_length=1, max_length=300, description="How you know.")]


class Ending(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


class NewClient(Input):
    case: Annotated[str, Field(pattern=r"^C-[0-9]{6,15}$", examples=["C-000012"])]
    authority_from: Day
    authority_until: Day | None = None
    reference: Annotated[Line, Field(max_length=60, description="The adviser's own number.")] = ""
    document_id: Annotated[int | None, Field(description="The letter of authority on file.")] = None


@router.get("", summary="List advisers")
def get_advisers(_caller: ApiCaseWorker, session: ReadSession) -> list[AdviserShape]:
    """Those that are worked with first."""
    return [AdviserShape.of(row) for row in advisers(session)]


@router.post("", status_code=201, summary="Add an adviser")
def post_adviser(caller: ApiManager, session: OnceSession, now: Now, body: NewAdviserBody) -> AdviserShape:
    """An organisation that advises people in debt and acts for them."""
    new = NewAdviser(
        body.code,
        body.name,
        body.authorisation,
        body.phone,
        body.email,
        body.address,
        by_post=body.by_post,
    )
    return AdviserShape.of(add_adviser(session, new, by=caller.by, now=now))


@router.post("/{adviser}/end", summary="End an adviser")
def post_adviser_end(
    adviser: AdviserCode, caller: ApiManager, session: OnceSession, now: Now, body: Ending
) -> AdviserShape:
    """Close the organisation: no more files or payments are taken from it; authorities on customers' files stay."""
    row = get_adviser(session, adviser)
    end_adviser(session, row, body.reason, by=caller.by, now=now)
    return AdviserShape.of(row)


@router.post("/{adviser}/contact", summary="Correct how an adviser is reached")
def post_adviser_contact(
    adviser: AdviserCode, caller: ApiManager, session: OnceSession, now: Now, body: AdviserContactBody
) -> AdviserShape:
    """Also on the file of each customer where the old address stands."""
    row = get_adviser(session, adviser)
    contact = AdviserContact(body.email, body.address, body.by_post)
    correct_adviser(session, row, contact, by=caller.by, now=now)
    return AdviserShape.of(row)


@router.get("/{adviser}/addresses", summary="List addresses of an adviser")
def get_adviser_addresses(
    adviser: AdviserCode, _caller: ApiCaseWorker, session: ReadSession
) -> list[AddressShape]:
    """Its own first, then those on the files of its customers."""
    return [AddressShape.of(known) for known in known_addresses(session, get_adviser(session, adviser))]


@router.post("/{adviser}/addresses/closing", summary="Say that an address of an adviser is wrong")
def post_adviser_address_closing(
    adviser: AdviserCode, caller: ApiCaseWorker, session: OnceSession, now: Now, body: AddressBody
) -> list[AddressShape]:
    """Nothing more is sent there."""
    row = get_adviser(session, adviser)
    mark_wrong(session, row, body.address, body.reason, by=caller.by, now=now)
    return [AddressShape.of(known) for known in known_addresses(session, row)]


@router.post("/{adviser}/addresses/opening", summary="Use an address of an adviser again")
def post_adviser_address_opening(
    adviser: AdviserCode, caller: ApiManager, session: OnceSession, now: Now, body: AddressBody
) -> list[AddressShape]:
    """It was mended, or closed by mistake."""
    row = get_adviser(session, adviser)
    use_again(session, row, body.address, body.reason, by=caller.by, now=now)
    return [AddressShape.of(known) for known in known_addresses(session, row)]


@router.get("/{adviser}/clients", summary="List customers of an adviser")
def get_adviser_clients(
    adviser: AdviserCode, _caller: ApiCaseWorker, session: ReadSession, now: Now
) -> list[ClientShape]:
    """The latest first, at most two hundred."""
    return [
        ClientShape.of(each, local_date(now, _zone(session, each)))
        for each in clients_of(session, get_adviser(session, adviser))
    ]


def _zone(session: ReadSession, client: Client) -> str:
    return session.get_one(Portfolio, client.case.portfolio_id).timezone if client.case else "UTC"


@router.post("/{adviser}/clients", status_code=201, summary="Put an adviser on a customer's file")
def post_adviser_client(
    adviser: AdviserCode,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    request: Request,
    body: NewClient,
) -> ClientShape:
    """While the authority stands, the adviser is contacted instead of the customer."""
    case = case_named(session, body.case, lock=True)
    authority = NewAuthority(body.authority_from, body.authority_until, body.reference, body.document_id)
    letters = ports_of(request).catalog
    party = add_client(
        session, get_adviser(session, adviser), case, authority, letters, by=caller.by, now=now
    )
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    return ClientShape.of(Client(case, party, case.customer_id, party.reference), today)
