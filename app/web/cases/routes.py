"""The pages and forms of a case; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.cases import case_page, contacts, documents, presence
from app.web.cases.disputes import acts as dispute_acts
from app.web.cases.disputes import page as disputes_page
from app.web.cases.disputes import register as disputes_register
from app.web.cases.forms import (
    addresses,
    consent,
    customer,
    holds,
    identity,
    letters,
    notes,
    plans,
    preferences,
)
from app.web.cases.hand_overs import forms as offer_forms
from app.web.cases.hand_overs import page as offer_page
from app.web.cases.hand_overs import register as hand_over_register
from app.web.cases.hardship import forms as hardship_forms
from app.web.cases.hardship import page as hardship_page
from app.web.cases.household import acts as household_acts
from app.web.cases.household import page as household_page
from app.web.cases.knowledge import acts as knowledge_acts
from app.web.cases.legal import forms as matter_forms
from app.web.cases.legal import page as matter_page
from app.web.cases.needs import forms as need_forms
from app.web.cases.needs import page as need_page
from app.web.cases.negotiation import closing as negotiation_closing
from app.web.cases.negotiation import page as negotiation_page
from app.web.cases.outcome import handler
from app.web.cases.people import page as people_page
from app.web.cases.people import parties, party_letters, points
from app.web.cases.plan import acts as plan_acts
from app.web.cases.plan import page as plan_page
from app.web.cases.plan import printed as plan_printed
from app.web.cases.tabs import printed as story_printed

ROUTERS: tuple[APIRouter, ...] = (
    case_page.router,
    presence.router,
    story_printed.router,
    contacts.router,
    documents.router,
    disputes_register.router,
    disputes_page.router,
    dispute_acts.router,
    notes.router,
    identity.router,
    plans.router,
    holds.router,
    consent.router,
    letters.router,
    knowledge_acts.router,
    handler.router,
    addresses.router,
    plan_page.router,
    plan_printed.router,
    plan_acts.router,
    negotiation_page.router,
    negotiation_closing.router,
    preferences.router,
    customer.router,
    people_page.router,
    points.router,
    parties.router,
    party_letters.router,
    offer_forms.router,
    offer_page.router,
    hand_over_register.router,
    hardship_forms.router,
    hardship_page.router,
    need_forms.router,
    need_page.router,
    household_page.router,
    household_acts.router,
    matter_forms.router,
    matter_page.router,
)
