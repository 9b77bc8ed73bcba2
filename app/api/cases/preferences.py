"""Consents and contact preferences of a customer; the gate obeys from the moment they are posted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session

from app.actions.preferences import add_preference, change_consent, take_back_preference
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import CaseRef, Day, RowId, case_id_of, naming
from app.api.shapes import Shape
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.core.dates import minute_of_day
from app.core.ids import id_of
from app.core.text import Line
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.http.context import Now
from app.outreach.gate.consent import ConsentTerms, consents_of, lapsed
from app.outreach.gate.models import Consent, ContactPreference
from app.outreach.gate.preferences import open_preferences
from app.policy.facts import PreferenceKind

router = api_router("/cases/{reference}", tags=["contacts"])

Source = Annotated[
    Line, Field(min_length=1, max_length=120, description="How the customer let us know.", examples=["phone"])
]
TimeOfDay = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["17:00"])]


class ConsentShape(Shape):
    """Consent: the permission or refusal of a channel, as last stated."""

    channel: Channel
    allowed: bool
    holds: bool = Field(
        description="false: a consent whose last day is over, or for another number or address than the one on file "
        "now, or from when none was on file; the gate knows of no consent. A refusal always holds."
    )
    source: str
    at: datetime
    given_by: str = Field(description="Who gave it for the customer; empty = the customer.")
    until: date | None = Field(description="The last day on which it holds; null = until it is withdrawn.")
    electronic_notices: bool = Field(
        description="The customer agreed to get notices that the law wants in writing by e-mail instead of on paper."
    )

    @classmethod
    def of(cls, consent: Consent, customer: Customer, now: datetime) -> Self:
        return cls(
            channel=consent.channel,
            allowed=consent.allowed,
            holds=not lapsed(consent, customer, now),
            source=consent.source,
            at=consent.at,
            given_by=consent.given_by,
            until=consent.until,
            electronic_notices=consent.electronic_notices,
        )


class PreferenceShape(Shape):
    """A time or place that does not suit the customer, or where they say they live. Addresses stay in the desk."""

    id: int
    kind: PreferenceKind
    channel: Channel | None = Field(description="null = every channel.")
    weekdays: list[int] = Field(description="Monday is 0; empty = every day.")
    start: str = Field(description="Local time of day from which on it does not suit.")
    end: str
    timezone: str
    until: date | None = Field(description="Last day on which it binds, null = until they say otherwise.")
    source: str
    told_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: ContactPreference) -> Self:
        return cls(
            id=id_of(row),
            kind=row.kind,
            channel=row.channel,
            weekdays=[int(day) for day in row.weekdays.split(",") if day],
            start=_time(row.start_minute),
            end=_time(row.end_minute),
            timezone=row.timezone,
            until=row.until,
            source=row.source,
            told_at=row.created_at,
            ended_at=row.ended_at,
        )


class PreferencesShape(Shape):
    """Everything the customer has said and not taken back. A channel that is not named was never spoken of."""

    consents: list[ConsentShape]
    preferences: list[PreferenceShape]


class NewConsent(Input):
    channel: Annotated[Channel | None, Field(strict=False, description="null = all of them; only to refuse.")]
    allowed: bool
    source: Source
    given_by: Annotated[Line, Field(max_length=120, description="Who gives a consent for the customer.")] = ""
    until: Annotated[Day | None, Field(description="Last local date on which a consent holds.")] = None
    electronic_notices: Annotated[
        bool, Field(description="A consent to e-mail is also for notices that the law wants in writing.")
    ] = False


class NewPreference(Input):
    kind: Annotated[PreferenceKind, Field(strict=False)]
    channel: Annotated[
        Channel | None,
        Field(strict=False, description="null = every channel; a place is the one on file for its channel."),
    ] = None
    weekdays: Annotated[list[int], Field(max_length=7, description="Monday is 0; empty = every day.")] = []
    start: TimeOfDay = "00:00"
    end: TimeOfDay = "24:00"
    timezone: Annotated[Line, Field(max_length=60, description="IANA name, for kind `timezone`.")] = ""
    until: Annotated[Day | None, Field(description="Last local date on which it binds.")] = None
    source: Source


@router.get("/preferences", summary="Read what the customer allows")
def get_preferences(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> PreferencesShape:
    """Consents and opt-outs by channel, and the times and places that do not suit the customer of this case."""
    return _all(session, _case(session, reference).customer_id, now)


@router.post("/consents", status_code=201, summary="Allow or refuse a channel")
def post_consent(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewConsent
) -> PreferencesShape:
    """Put on record that the customer allows or refuses a channel, said in any way. Queued messages are asked about
    again before they leave. Answers everything that holds now."""
    case, customer = _customer(session, reference)
    change_consent(
        session, customer, body.channel,
        allowed=body.allowed, source=body.source,
        terms=ConsentTerms(body.given_by, body.until, body.electronic_notices),
        case_id=case.id, by=caller.by, now=now,
    )  # fmt: skip
    session.flush()
    return _all(session, case.customer_id, now)


@router.post("/preferences", status_code=201, summary="Add a time or place that does not suit")
def post_preference(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewPreference
) -> PreferenceShape:
    """Put on record a time or place that does not suit the customer, or the time zone they say they live in; a new time
    zone takes the place of the one told before. A time that ends before it begins goes over midnight: two preferences,
    of which the first is the answer and which end together."""
    case, customer = _customer(session, reference)
    with naming(start_minute="start", address="channel"):
        row = add_preference(
            session, customer, body.kind,
            channel=body.channel, weekdays=body.weekdays,
            start_minute=minute_of_day(body.start) or 0, end_minute=minute_of_day(body.end) or 0,
            timezone=body.timezone, until=body.until, source=body.source, case_id=case.id,
            by=caller.by, now=now,
        )  # fmt: skip
    return PreferenceShape.of(row)


@router.post("/preferences/{preference_id}/end", summary="Take a preference back")
def post_preference_end(
    reference: CaseRef, preference_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> PreferenceShape:
    """The customer takes back what they told."""
    case, _ = _customer(session, reference)
    row = take_back_preference(
        session, case.customer_id, preference_id, case_id=case.id, by=caller.by, now=now
    )
    return PreferenceShape.of(row)


def _case(session: Session, reference: str) -> CollectionsCase:
    return get_case(session, case_id_of(reference))


def _customer(session: Session, reference: str) -> tuple[CollectionsCase, Customer]:
    """The case and its customer, locked: others who decide about them wait."""
    case = _case(session, reference)
    lock_customers(session, [case.customer_id])
    return case, session.get_one(Customer, case.customer_id)


def _all(session: Session, customer_id: int, now: datetime) -> PreferencesShape:
    customer = session.get_one(Customer, customer_id)
    return PreferencesShape(
        consents=[ConsentShape.of(consent, customer, now) for consent in consents_of(session, customer_id)],
        preferences=[PreferenceShape.of(row) for row in open_preferences(session, customer_id)],
    )


def _time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
