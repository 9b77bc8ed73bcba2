"""Co-operation with legal: how fast a case reaches the legal desk, and how complete its file is."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.cases.models import CollectionsCase
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.legal.bundle.models import Bundle
from app.legal.referrals.models import Referral
from app.reporting.kpis.definitions.contacts import WINDOW
from app.reporting.kpis.family import Days, Family, Shape, days_between, first_account, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit


def _referral_rows(_shape: Shape, days: Days) -> Query:
    """Referrals whose bundle the legal desk received in the window, with the days since they were nominated."""
    referral, case = table_of(Referral), table_of(CollectionsCase)
    begin, end = days.window(WINDOW)
    delivered_on = sa.func.date(referral.c.delivered_at)
    return (
        sa.select(
            *thing(
                Thing.REFERRAL,
                referral.c.id,
                delivered_on,
                first_account(case.c.customer_id),
                case.c.customer_id,
            ),
            days_between(sa.func.date(referral.c.nominated_at), delivered_on).label("days"),
            sa.literal(1).label("referrals"),
            sa.case((referral.c.returned_at < end, 1), else_=0).label("returned"),
        )
        .select_from(referral)
        .join(case, case.c.id == referral.c.case_id)
        .where(
            referral.c.portfolio_id == days.portfolio_id,
            referral.c.delivered_at >= begin,
            referral.c.delivered_at < end,
        )
    )


def _return_rows(_shape: Shape, days: Days) -> Query:
    """Referrals whose case came back from the legal team in the window, with the days that they had it."""
    referral, case = table_of(Referral), table_of(CollectionsCase)
    begin, end = days.window(WINDOW)
    returned_on = sa.func.date(referral.c.returned_at)
    return (
        sa.select(
            *thing(
                Thing.REFERRAL,
                referral.c.id,
                returned_on,
                first_account(case.c.customer_id),
                case.c.customer_id,
            ),
            days_between(sa.func.date(referral.c.decided_at), returned_on).label("days"),
            sa.literal(1).label("referrals"),
        )
        .select_from(referral)
        .join(case, case.c.id == referral.c.case_id)
        .where(
            referral.c.portfolio_id == days.portfolio_id,
            referral.c.returned_at >= begin,
            referral.c.returned_at < end,
        )
    )


def _bundle_rows(_shape: Shape, days: Days) -> Query:
    """Case files that were sealed in the window."""
    bundle, case = table_of(Bundle), table_of(CollectionsCase)
    begin, end = days.window(WINDOW)
    return (
        sa.select(
            *thing(
                Thing.BUNDLE,
                bundle.c.id,
                bundle.c.as_of,
                first_account(case.c.customer_id),
                case.c.customer_id,
            ),
            sa.literal(1).label("bundles"),
            sa.case((bundle.c.complete, 1), else_=0).label("complete"),
        )
        .select_from(bundle)
        .join(case, case.c.id == bundle.c.case_id)
        .where(case.c.portfolio_id == days.portfolio_id, bundle.c.built_at >= begin, bundle.c.built_at < end)
    )


TURNAROUND = Family(
    "legal_turnaround",
    "Way to the legal desk",
    (
        Definition(
            "legal_turnaround_days",
            "Days from nomination to receipt, mean",
            Unit.DAYS,
            Seed.LEGAL,
            "days from nomination to the legal desk's receipt",
            f"referrals received in the last {WINDOW} days",
            "days",
            "referrals",
            more_is_better=False,
        ),
        Definition(
            "returned_rate",
            "Sent back by the legal team",
            Unit.REFERRALS,
            Seed.LEGAL,
            "referrals that came back from the legal team",
            f"referrals received in the last {WINDOW} days",
            "returned",
            "referrals",
            more_is_better=False,
        ),
    ),
    _referral_rows,
)
RETURNS = Family(
    "legal_returns",
    "Way back from the legal team",
    (
        Definition(
            "legal_returned_days",
            "Days with the legal team until return, mean",
            Unit.DAYS,
            Seed.LEGAL,
            "days from the approval of a referral to the return of its case",
            f"cases returned or recalled in the last {WINDOW} days",
            "days",
            "referrals",
            more_is_better=False,
        ),
    ),
    _return_rows,
)
BUNDLES = Family(
    "bundles",
    "Case files",
    (
        Definition(
            "bundle_complete_rate",
            "Case files complete",
            Unit.BUNDLES,
            Seed.LEGAL,
            "case files that were complete when they were sealed",
            f"case files sealed in the last {WINDOW} days",
            "complete",
            "bundles",
            more_is_better=True,
        ),
    ),
    _bundle_rows,
)
