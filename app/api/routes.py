"""Everything under /api/v1."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import find, legal, me, replies
from app.api.accounts import accounts, aging, customers, feeds, unmatched
from app.api.accounts import corrections as corrections_api
from app.api.accounts import statements as statements_api
from app.api.advisers import advisers as advisers_api
from app.api.advisers import payments as adviser_payments
from app.api.advisers import proposals as adviser_proposals
from app.api.approvals import approvals
from app.api.calls import calls, codes
from app.api.cases import agreements, cases, contacts, decisions, documents, messages, work
from app.api.cases import preferences as preferences_api
from app.api.cases.disputes import disputes as disputes_api
from app.api.cases.disputes import register as disputes_register_api
from app.api.cases.hand_overs import hand_overs
from app.api.cases.hardship import requests as hardship_requests
from app.api.cases.household import statements as household_api
from app.api.cases.matters import matters
from app.api.cases.needs import needs
from app.api.cases.negotiation import negotiations
from app.api.cases.people import parties, points
from app.api.complaints import causes as complaint_causes
from app.api.complaints import complaints
from app.api.digests import recipients, thresholds
from app.api.escalations import escalations
from app.api.knowledge import articles as knowledge_api
from app.api.knowledge import cases as case_knowledge
from app.api.managers import (
    experiments,
    figure_things,
    forecast,
    kpis,
    peers,
    portfolios,
    risk,
    sending,
    simulations,
)
from app.api.managers import (
    people as people_api,
)
from app.api.managers import strategies as strategies_api
from app.api.plans import instalments, printed
from app.api.returns import returns as returns_api
from app.api.satisfaction import answers as satisfaction_api
from app.api.team import moves as case_moves
from app.api.team import team
from app.api.worklist import customers as my_customers
from app.api.worklist import questions, worklist

API: tuple[APIRouter, ...] = (
    me.router,
    find.router,
    portfolios.router,
    accounts.router,
    customers.router,
    corrections_api.router,
    statements_api.router,
    aging.router,
    kpis.router,
    figure_things.router,
    risk.router,
    people_api.router,
    forecast.router,
    peers.router,
    satisfaction_api.router,
    team.router,
    case_moves.router,
    returns_api.router,
    returns_api.books,
    returns_api.frozen,
    worklist.router,
    my_customers.router,
    questions.router,
    cases.router,
    calls.router,
    agreements.router,
    instalments.router,
    printed.router,
    approvals.router,
    escalations.router,
    complaints.router,
    complaint_causes.router,
    work.router,
    messages.router,
    case_knowledge.router,
    knowledge_api.router,
    replies.router,
    unmatched.router,
    feeds.router,
    experiments.router,
    experiments.control,
    simulations.router,
    sending.router,
    recipients.router,
    thresholds.router,
    contacts.router,
    decisions.router,
    preferences_api.router,
    points.router,
    parties.router,
    needs.router,
    hand_overs.router,
    hardship_requests.router,
    household_api.router,
    negotiations.router,
    advisers_api.router,
    adviser_proposals.router,
    adviser_proposals.loading,
    adviser_payments.router,
    adviser_payments.splitting,
    strategies_api.router,
    codes.router,
    legal.router,
    matters.router,
    documents.router,
    disputes_api.router,
    disputes_register_api.router,
)
"""Routers under /api/v1; a new one is a line here."""
