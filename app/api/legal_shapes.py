"""Referrals and bundles as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Shape
from app.casework.cases.models import (
    case_reference,
)
from app.core.ids import id_of
from app.core.types import JsonObject, Values
from app.legal.courts.formats import CourtFormat, Finding
from app.legal.referrals.models import Referral, ReferralStatus


class ReferralShape(Shape):
    """A case on its way to the legal team."""

    id: int
    case: str = Field(examples=["C-000012"])
    portfolio: str
    status: ReferralStatus
    reason: str
    nominated_by: str
    nominated_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_reason: str = Field(description="Reason why the referral was declined.")
    delivered_at: datetime | None
    returned_by: str
    returned_at: datetime | None = Field(description="When the case came back from the legal team.")
    return_reason: str

    @classmethod
    def of(cls, referral: Referral, portfolio: str) -> Self:
        return cls(
            id=id_of(referral),
            case=case_reference(referral.case_id),
            portfolio=portfolio,
            status=referral.status,
            reason=referral.reason,
            nominated_by=referral.nominated_by,
            nominated_at=referral.nominated_at,
            decided_by=referral.decided_by,
            decided_at=referral.decided_at,
            decision_reason=referral.decision_reason,
            delivered_at=referral.delivered_at,
            returned_by=referral.returned_by,
            returned_at=referral.returned_at,
            return_reason=referral.return_reason,
        )


class BundleShape(Shape):
    """A sealed case file; fetch it at /bundles/{reference}."""

    reference: str = Field(examples=["C-000012-01"])
    case: str = Field(examples=["C-000012"])
    as_of: date
    sha256: str
    size: int
    complete: bool
    incomplete_reason: str
    excuses: list[dict[str, str]] = Field(
        description="For each item that is missing: `item`, `title`, `reason` and `by`."
    )
    supersedes: str
    built_by: str
    built_at: datetime
    receipt: JsonObject | None = Field(description="The legal desk's receipt, once delivered.")

    @classmethod
    def of(cls, row: Values) -> Self:
        """`row` as columns of `Bundle` by name, the content left out."""
        receipt = json.loads(row["receipt"]) if row["receipt"] else None
        excuses = json.loads(row["excuses"])
        case = case_reference(row["case_id"])
        return cls(**{**row, "case": case, "excuses": excuses, "receipt": receipt})


class FindingShape(Shape):
    what: str
    stops: bool = Field(description="No file is made. Otherwise the file goes without it.")


class ExportShape(Shape):
    """A bundle in the form of a court or attorney, and what that form cannot carry."""

    bundle: str = Field(examples=["C-000012-01"])
    form: str = Field(examples=["england"])
    findings: list[FindingShape]
    file_name: str = Field(examples=["C-000012-01-england.xml"])
    media_type: str
    sha256: str | None = Field(description="None where only a check was asked.")
    content_base64: str | None

    @classmethod
    def of(cls, form: CourtFormat, bundle: str, told: Sequence[Finding], content: bytes | None) -> Self:
        return cls(
            bundle=bundle,
            form=form.code,
            findings=[FindingShape(what=each.what, stops=each.stops) for each in told],
            file_name=form.file_name(bundle),
            media_type=form.media_type,
            sha256=None if content is None else hashlib.sha256(content).hexdigest(),
            content_base64=None if content is None else base64.b64encode(content).decode(),
        )
