"""Bundles: build and seal a case file, find the latest one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from app.casework.cases.models import (
    CollectionsCase,
    case_reference,
)
from app.casework.cases.service import about_case
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import lock_customers, record
from app.legal.bundle.build import Typeset, build
from app.legal.bundle.events import BundleBuilt
from app.legal.bundle.excuses import check_exportable, why_incomplete
from app.legal.bundle.models import Bundle
from app.legal.bundle.sealing.certificate import Certificate
from app.legal.checklists.case_file import CaseFile, Excuse, PrintedAgreement
from app.legal.checklists.items import IN_PART, ChecklistItem, gaps
from app.legal.checklists.loading import load_case_file


@dataclass(frozen=True)
class Seal:
    """The signing key and the typesetter of bundles, and the certificate for programs that know no Ed25519."""

    key: Ed25519PrivateKey
    typeset: Typeset
    certificate: Certificate | None = None


PrintAgreement = Callable[[Plan], bytes]
"""The printed form of an agreement, as PDF/A; Invalid where it cannot be printed."""


def build_bundle(
    session: Session,
    case: CollectionsCase,
    seal: Seal,
    *,
    excuses: Mapping[str, str] | None = None,
    incomplete_reason: str = "",
    print_agreement: PrintAgreement | None = None,
    by: Actor,
    now: datetime,
) -> Bundle:
    """Seal the case file as it stood at the end of the last closed business day, and keep it.

    `excuses` are reasons by the id of the item that is missing. `incomplete_reason` is one reason for all other missing
    items: the desk's doors take it only for a single gap (`single_excuse`). Conflict where something forbids legal
    action, and where something is missing without a reason. With `print_agreement` it holds the printed form of every
    agreement that was made by that day. An earlier bundle of the case is superseded, never
    overwritten.
    """
    lock_customers(session, [case.customer_id])
    earlier = latest_bundle(session, id_of(case))
    number = 1 if earlier is None else int(earlier.reference.rsplit("-", 1)[1]) + 1
    given = [
        Excuse(item, clean_text(why, "excuses", at_most=500), by) for item, why in (excuses or {}).items()
    ]
    file = load_case_file(
        session,
        case,
        bundle_id=f"{case_reference(id_of(case))}-{number:02d}",
        supersedes=earlier.reference if earlier else None,
        exported_by=by,
        excuses=given,
        incomplete_reason=incomplete_reason.strip() or None,
        now=now,
    )
    if seal.certificate is not None and seal.certificate.ends() <= now:
        ends = seal.certificate.ends().date()
        raise Conflict(
            f"The certificate that seals bundles expired on {ends}. Set a new one (DESK_SEAL_CERTIFICATE)."
        )
    if print_agreement is not None:
        file = replace(file, agreements=_printed(session, file, id_of(case), print_agreement))
    content = build(file, seal.key, seal.typeset, seal.certificate)
    checklist = check_exportable(file)
    told = [
        {"item": item.id, "title": item.title, "reason": item.excuse, "by": item.excused_by}
        for item in checklist
        if item.excuse
    ]
    bundle = Bundle(
        reference=file.bundle_id,
        case_id=id_of(case),
        as_of=file.as_of,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=content,
        complete=all(item.ok for item in checklist),
        incomplete_reason=why_incomplete(checklist)[:500],
        excuses=json.dumps(told, ensure_ascii=False),
        owed_minor=file.owed_now_minor,
        supersedes=file.supersedes or "",
        built_by=by,
        built_at=now,
    )
    session.add(bundle)
    session.flush()
    excused = {each["item"]: each["reason"] for each in told} or None
    sealed = BundleBuilt(bundle.reference, bundle.sha256, bundle.complete, excused)
    record(session, about_case(case, sealed), by=by, now=now)
    return bundle


def _printed(
    session: Session, file: CaseFile, case_id: int, print_agreement: PrintAgreement
) -> tuple[PrintedAgreement, ...]:
    made = select(Plan).where(Plan.case_id == case_id, col(Plan.accepted_on) <= file.as_of)
    found = []
    for plan in session.scalars(made.order_by(col(Plan.id))).all():
        try:
            found.append(PrintedAgreement(plan.reference, print_agreement(plan)))
        except Invalid as refused:
            found.append(PrintedAgreement(plan.reference, b"", refused.message))
    return tuple(found)


def single_excuse(items: Sequence[ChecklistItem], reason: str) -> dict[str, str]:
    """One reason, given by who does not name the item: only where exactly one gap can be meant. Conflict otherwise."""
    missing = gaps(items)
    if not reason.strip() or not missing:
        return {}
    if len(missing) > 1:
        named = "; ".join(f"{item.id} ({item.title})" for item in missing)
        raise Conflict(f"Items are missing. Give a reason for each of them by name: {named}.")
    if missing[0].id == IN_PART:
        raise Conflict(f"{missing[0].detail}. To claim the rest, give the reason by the name {IN_PART}.")
    return {missing[0].id: reason}


def latest_bundle(session: Session, case_id: int) -> Bundle | None:
    query = select(Bundle).where(Bundle.case_id == case_id).order_by(col(Bundle.id).desc()).limit(1)
    return session.scalar(query)
