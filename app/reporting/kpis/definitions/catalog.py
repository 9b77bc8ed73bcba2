"""All families of key figures. A new figure is a definition in its family's file; a new family is a line here."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.errors import NotFound
from app.reporting.kpis.definitions.agreements import PLANS, PROMISES
from app.reporting.kpis.definitions.cases import OPEN_CASES, RESOLUTION
from app.reporting.kpis.definitions.contacts import CALLS, MESSAGES, REFUSALS
from app.reporting.kpis.definitions.flow import FLOW, REPAYMENT
from app.reporting.kpis.definitions.legal import BUNDLES, RETURNS, TURNAROUND
from app.reporting.kpis.definitions.liquidation import CHARGED_OFF, PLACED
from app.reporting.kpis.definitions.outcomes.charge_offs import CHARGE_OFFS
from app.reporting.kpis.definitions.outcomes.classes import CLASSES
from app.reporting.kpis.definitions.outcomes.cures import CURES
from app.reporting.kpis.definitions.outcomes.re_ages import RE_AGES
from app.reporting.kpis.definitions.outcomes.settlements import SETTLEMENTS
from app.reporting.kpis.definitions.outcomes.workouts import WORKOUT
from app.reporting.kpis.definitions.overdue import OVERDUE
from app.reporting.kpis.definitions.recovery import MONTH, THIRTY_DAYS
from app.reporting.kpis.definitions.roll_forward import ROLL_FORWARD
from app.reporting.kpis.definitions.service.complaints import COMPLAINTS, COMPLAINTS_CLOSED
from app.reporting.kpis.definitions.service.costs import COSTS
from app.reporting.kpis.definitions.service.satisfaction import RESPONSES, SATISFACTION
from app.reporting.kpis.family import Family
from app.reporting.kpis.rules import Definition

FAMILIES: tuple[Family, ...] = (
    MONTH,
    THIRTY_DAYS,
    PLACED,
    CHARGED_OFF,
    PROMISES,
    PLANS,
    CALLS,
    MESSAGES,
    OVERDUE,
    FLOW,
    REPAYMENT,
    REFUSALS,
    RESOLUTION,
    OPEN_CASES,
    TURNAROUND,
    RETURNS,
    BUNDLES,
    RE_AGES,
    CURES,
    WORKOUT,
    SETTLEMENTS,
    CHARGE_OFFS,
    CLASSES,
    COMPLAINTS,
    COMPLAINTS_CLOSED,
    SATISFACTION,
    RESPONSES,
    COSTS,
)

ON_DEMAND: tuple[Family, ...] = (ROLL_FORWARD,)
"""Families that are computed when a page or a list asks for them, and not stored each night."""

DEFINITIONS: Mapping[str, Definition] = {
    each.name: each for family in FAMILIES for each in family.definitions
}
"""The figures that each night stores."""
_KNOWN = {each.name: (family, each) for family in (*FAMILIES, *ON_DEMAND) for each in family.definitions}


def figure_named(kpi: str) -> tuple[Family, Definition]:
    """The family and the definition of a figure. NotFound names those that exist."""
    if kpi not in _KNOWN:
        raise NotFound(f"There is no key figure of this name. Known are {', '.join(_KNOWN)}.")
    return _KNOWN[kpi]
