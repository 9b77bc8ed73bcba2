"""Exporting for a court: from the newest bundle of an approved referral, never against the law, always on record."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.referrals import check_export, export_bundle
from app.casework.cases.models import CollectionsCase
from app.casework.holds.service import start_hold
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, NotFound
from app.core.vocabulary import HoldKind
from app.legal.bundle.events import BundleExported
from app.legal.bundle.models import Bundle
from tests import builders
from tests.legal.referrals.test_claim import CLOSED, NEXT, approve, built, case_of, late, noon, referred

GIVEN = {"sdt_customer": "12345678", "signed_by": "Grace Harper"}
GRACE = Actor.user("grace")


def exported(engine: Engine, bundle: Bundle) -> bytes:
    with transaction(engine) as session:
        own = session.get_one(Bundle, bundle.id)
        return export_bundle(session, own, "england", GIVEN, by=GRACE, now=noon(NEXT))


def test_a_case_is_exported_once_the_law_lets_it_and_every_export_is_on_record(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, currency="GBP")
        anna, _ = late(
            session, book, country="GB", address_line1="14 Castle Street", city="CARDIFF", postcode="CF10 1BS"
        )
    builders.close_day(engine, CLOSED)
    case = case_of(engine, anna)
    first = built(engine, case)
    bundle = built(engine, case)
    with Session(engine) as session:
        own = session.get_one(Bundle, bundle.id)
        assert [each.what for each in check_export(own, "england", GIVEN) if each.stops] == []
        with pytest.raises(NotFound, match=r"There is no format 'wales'\. There are: england, ygc\."):
            check_export(own, "wales", {})
    with pytest.raises(Conflict, match="A later bundle supersedes this one"):
        exported(engine, first)
    with pytest.raises(Conflict, match="has not been approved"):
        exported(engine, bundle)
    referred(engine, case)
    approve(engine)
    content = exported(engine, bundle)
    assert b"<cla:claimAmount>100000</cla:claimAmount>" in content
    with Session(engine) as session:
        [event] = builders.events(session, BundleExported.KIND)
    digest = hashlib.sha256(content).hexdigest()
    assert (event["bundle"], event["form"], event["sha256"]) == (bundle.reference, "england", digest)

    with transaction(engine) as session:
        own_case = session.get_one(CollectionsCase, case.id)
        until = NEXT + timedelta(days=20)
        start_hold(
            session, own_case, HoldKind.BANKRUPTCY, "told us", until, by=GRACE, today=NEXT, now=noon(NEXT)
        )
    with pytest.raises(Conflict, match="no reason excuses it"):
        exported(engine, bundle)
