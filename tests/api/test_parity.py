"""Everything a page can do, the API can do, with the same roles. A new page act needs its verb, or a reason here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api.routes import API
from app.core.staff.rules import Role
from app.http.doors import Door
from app.web.routes import PAGES

CHANGING = {"POST", "PATCH", "PUT", "DELETE"}
CASE, BOOK = "/cases/{reference}", "/portfolios/{code}"

VERBS = {
    "/worklist/views": "/worklist/views",
    "/worklist/views/{view_id}/delete": "/worklist/views/{view_id}/deletion",
    "/replies/{message_id}/review": "/replies/{message_id}/review",
    "/replies/{message_id}/attach": "/replies/{message_id}/sender",
    "/cases/{case_id}/documents": f"{CASE}/documents",
    "/cases/{case_id}/documents/{document_id}/withdraw": f"{CASE}/documents/{{document_id}}/withdrawal",
    "/cases/{case_id}/note": f"{CASE}/notes",
    "/cases/{case_id}/identity": f"{CASE}/identity-checks",
    "/cases/{case_id}/assign": f"{CASE}/owner",
    "/cases/{case_id}/nominate": f"{CASE}/referrals",
    "/cases/{case_id}/promise": f"{CASE}/promises",
    "/cases/{case_id}/plans": f"{CASE}/plans",
    "/cases/{case_id}/plans/preview": f"{CASE}/plans/preview",
    "/cases/{case_id}/settlements": f"{CASE}/settlements",
    "/cases/{case_id}/plans/{plan_id}/accept": f"{CASE}/plans/{{plan}}/acceptance",
    "/cases/{case_id}/plans/{plan_id}/cancel": f"{CASE}/plans/{{plan}}/cancellation",
    "/cases/{case_id}/plans/{plan_id}/move": f"{CASE}/plans/{{plan}}/instalments/{{n}}/move",
    "/cases/{case_id}/plans/{plan_id}/skip": f"{CASE}/plans/{{plan}}/instalments/{{n}}/skip",
    "/cases/{case_id}/plans/{plan_id}/skip/request": f"{CASE}/plans/{{plan}}/instalments/{{n}}/skip/request",
    "/cases/{case_id}/negotiate": f"{CASE}/negotiations",
    "/cases/{case_id}/negotiate/preview": f"{CASE}/negotiations/preview",
    "/cases/{case_id}/negotiate/accept": f"{CASE}/offers/{{offer_id}}/acceptance",
    "/cases/{case_id}/negotiate/offer": f"{CASE}/offers/{{offer_id}}/sending",
    "/cases/{case_id}/negotiate/ask": f"{CASE}/offers/{{offer_id}}/acceptance",
    "/cases/{case_id}/negotiate/refuse": f"{CASE}/offers/{{offer_id}}/refusal",
    "/cases/{case_id}/complaints": f"{CASE}/complaints",
    "/cases/{case_id}/offers": f"{CASE}/help-offers",
    "/cases/{case_id}/offers/{help_offer_id}/answer": f"{CASE}/help-offers/{{help_offer_id}}/answer",
    "/cases/{case_id}/offers/hand-over": f"{CASE}/desk-hand-overs",
    "/cases/{case_id}/offers/hand-overs/{hand_over_id}/receipt": f"{CASE}/desk-hand-overs/{{hand_over_id}}/receipt",
    "/cases/{case_id}/offers/hand-overs/{hand_over_id}/end": f"{CASE}/desk-hand-overs/{{hand_over_id}}/end",
    "/cases/{case_id}/offers/conduct": f"{CASE}/conduct",
    "/cases/{case_id}/offers/conduct/{conduct_id}/letter": f"{CASE}/conduct/{{conduct_id}}/letter",
    "/complaints/{complaint_id}/details": "/complaints/{complaint_id}/details",
    "/complaints/{complaint_id}/answer": "/complaints/{complaint_id}/answer",
    "/complaints/{complaint_id}/redress": "/complaints/{complaint_id}/redress",
    "/complaints/redress/{redress_id}/decide": "/complaint-redress/{redress_id}/decision",
    "/approvals/redress/{redress_id}/decision": "/complaint-redress/{redress_id}/decision",
    "/complaints/{complaint_id}/first-response": "/complaints/{complaint_id}/first-response",
    "/complaints/{complaint_id}/letter": "/complaints/{complaint_id}/letter",
    "/complaints/{complaint_id}/reopen": "/complaints/{complaint_id}/reopening",
    "/complaints/{complaint_id}/ombudsman": "/complaints/{complaint_id}/ombudsman",
    "/questions/{question_id}": "/questions/{question_id}/answer",
    "/complaints/causes": f"{BOOK}/root-causes",
    "/complaints/causes/{cause_id}": f"{BOOK}/root-causes/{{cause_id}}/change",
    "/cases/{case_id}/holds": f"{CASE}/holds",
    "/cases/{case_id}/holds/{hold_id}/end": f"{CASE}/holds/{{hold_id}}/end",
    "/cases/{case_id}/holds/{hold_id}/review": f"{CASE}/holds/{{hold_id}}/review",
    "/cases/{case_id}/disputes": f"{CASE}/disputes",
    "/cases/{case_id}/disputes/{dispute_id}/change": f"{CASE}/disputes/{{dispute_id}}/change",
    "/cases/{case_id}/disputes/{dispute_id}/decide": f"{CASE}/disputes/{{dispute_id}}/decision",
    "/cases/{case_id}/disputes/{dispute_id}/decide/request": f"{CASE}/disputes/{{dispute_id}}/decision/request",
    "/cases/{case_id}/goodwill": f"{CASE}/goodwill",
    "/cases/{case_id}/goodwill/request": f"{CASE}/goodwill/request",
    "/cases/{case_id}/disputes/{dispute_id}/correction": f"{CASE}/disputes/{{dispute_id}}/correction",
    "/cases/{case_id}/disputes/{dispute_id}/owner": f"{CASE}/disputes/{{dispute_id}}/owner",
    "/cases/{case_id}/disputes/{dispute_id}/evidence": f"{CASE}/disputes/{{dispute_id}}/evidence",
    "/cases/{case_id}/disputes/{dispute_id}/evidence/{evidence_id}/judge": (
        f"{CASE}/disputes/{{dispute_id}}/evidence/{{evidence_id}}/judgement"
    ),
    "/cases/{case_id}/consent": f"{CASE}/consents",
    "/cases/{case_id}/letter": f"{CASE}/letters",
    "/cases/{case_id}/knowledge/read-out": f"{CASE}/knowledge/read-outs",
    "/cases/{case_id}/knowledge/send": f"{CASE}/knowledge/messages",
    "/cases/{case_id}/knowledge/rate": "/knowledge/articles/{article_id}/ratings",
    "/knowledge/new": "/knowledge/articles",
    "/knowledge/preview": "/knowledge/preview",
    "/knowledge/starter": "/knowledge/starter",
    "/knowledge/articles/{article_id}/draft": "/knowledge/articles/{article_id}/drafts",
    "/knowledge/articles/{article_id}/publish": "/knowledge/articles/{article_id}/publication",
    "/knowledge/articles/{article_id}/discard": "/knowledge/articles/{article_id}/discard",
    "/knowledge/articles/{article_id}/file": "/knowledge/articles/{article_id}/filing",
    "/knowledge/articles/{article_id}/retire": "/knowledge/articles/{article_id}/retirement",
    "/knowledge/articles/{article_id}/rate": "/knowledge/articles/{article_id}/ratings",
    "/knowledge/backlog/{miss_id}/dismiss": "/knowledge/backlog/{miss_id}/dismissal",
    "/cases/{case_id}/answer": f"{CASE}/answers",
    "/cases/{case_id}/answer/preview": f"{CASE}/answers/preview",
    "/cases/{case_id}/messages/{message_id}/cancel": f"{CASE}/messages/{{message_id}}/cancellation",
    "/cases/{case_id}/messages/{message_id}/undo": f"{CASE}/messages/{{message_id}}/undo",
    "/cases/{case_id}/tasks/{task_id}/done": f"{CASE}/tasks/{{task_id}}/done",
    "/results": f"{BOOK}/results",
    "/results/{number}/revert": f"{BOOK}/results/versions/{{version}}/revert",
    "/cases/{case_id}/call": f"{CASE}/calls",
    "/cases/{case_id}/callback/forget": f"{CASE}/callback/cancellation",
    "/cases/{case_id}/preferences": f"{CASE}/preferences",
    "/cases/{case_id}/preferences/{preference_id}/end": f"{CASE}/preferences/{{preference_id}}/end",
    "/cases/{case_id}/links/replace": f"{CASE}/links/replacement",
    "/cases/{case_id}/contact": f"{BOOK}/customers/{{customer_ref}}",
    "/cases/{case_id}/contact-data/person": f"{BOOK}/customers/{{customer_ref}}",
    "/cases/{case_id}/contact-data/points": f"{CASE}/contact-points",
    "/cases/{case_id}/contact-data/points/{key}/correct": f"{CASE}/contact-points/{{point}}/correction",
    "/cases/{case_id}/contact-data/points/{key}/bad": f"{CASE}/contact-points/{{point}}/bad",
    "/cases/{case_id}/contact-data/points/{key}/confirm": f"{CASE}/contact-points/{{point}}/confirmation",
    "/cases/{case_id}/contact-data/points/{key}/main": f"{CASE}/contact-points/{{point}}/main",
    "/cases/{case_id}/contact-data/points/{key}/remove": f"{CASE}/contact-points/{{point}}/removal",
    "/cases/{case_id}/contact-data/third-parties": f"{CASE}/third-parties",
    "/cases/{case_id}/contact-data/third-parties/{party_id}/contacts": f"{CASE}/third-parties/{{party_id}}/contacts",
    "/cases/{case_id}/contact-data/third-parties/{party_id}/correct": f"{CASE}/third-parties/{{party_id}}/correct",
    "/cases/{case_id}/contact-data/third-parties/{party_id}/identity": f"{CASE}/third-parties/{{party_id}}/identity",
    "/cases/{case_id}/contact-data/third-parties/{party_id}/letter": f"{CASE}/third-parties/{{party_id}}/letter",
    "/cases/{case_id}/contact-data/estate-enquiry": f"{CASE}/estate-enquiry",
    "/cases/{case_id}/contact-data/third-parties/{party_id}/end": f"{CASE}/third-parties/{{party_id}}/end",
    "/cases/{case_id}/support-needs": f"{CASE}/support-needs",
    "/cases/{case_id}/support-needs/{need_id}/keep": f"{CASE}/support-needs/{{need_id}}/review",
    "/cases/{case_id}/support-needs/{need_id}/end": f"{CASE}/support-needs/{{need_id}}/end",
    "/cases/{case_id}/support-needs/holds/{hold_id}/treatment": f"{CASE}/holds/{{hold_id}}/treatment",
    "/cases/{case_id}/support-needs/disclosure": f"{CASE}/support-needs/disclosure",
    "/cases/{case_id}/hardship": f"{CASE}/hardship-requests",
    "/cases/{case_id}/hardship/{hardship_id}/documents": f"{CASE}/hardship-requests/{{hardship_id}}/documents",
    "/cases/{case_id}/hardship/{hardship_id}/documents/{asked_id}": (
        f"{CASE}/hardship-requests/{{hardship_id}}/documents/{{asked_id}}"
    ),
    "/cases/{case_id}/hardship/{hardship_id}/decision": f"{CASE}/hardship-requests/{{hardship_id}}/decision",
    "/cases/{case_id}/hardship/{hardship_id}/withdrawal": f"{CASE}/hardship-requests/{{hardship_id}}/withdrawal",
    "/cases/{case_id}/household": f"{CASE}/household",
    "/cases/{case_id}/household/preview": f"{CASE}/household/preview",
    "/cases/{case_id}/household/answer": f"{CASE}/household/answers",
    "/advisers": "/advisers",
    "/advisers/{code}/end": "/advisers/{adviser}/end",
    "/advisers/{code}/contact": "/advisers/{adviser}/contact",
    "/advisers/{code}/addresses/wrong": "/advisers/{adviser}/addresses/closing",
    "/advisers/{code}/addresses/again": "/advisers/{adviser}/addresses/opening",
    "/advisers/{code}/clients": "/advisers/{adviser}/clients",
    "/advisers/{code}/files": f"{BOOK}/advisers/{{adviser}}/files",
    "/advisers/{code}/files/{file_id}/accept": "/advisers/{adviser}/files/{file_id}/acceptance",
    "/advisers/{code}/files/{file_id}/proposals/{proposal_id}/accept": (
        "/advisers/{adviser}/proposals/{proposal_id}/acceptance"
    ),
    "/advisers/{code}/files/{file_id}/proposals/{proposal_id}/decline": (
        "/advisers/{adviser}/proposals/{proposal_id}/declining"
    ),
    "/advisers/{code}/lumps": f"{BOOK}/advisers/{{adviser}}/lump-payments",
    "/advisers/{code}/lumps/{lump_id}/take-back": "/advisers/{adviser}/lump-payments/{lump_id}/reversal",
    "/accounts/{account_id}/post": f"{BOOK}/entries",
    "/accounts/{account_id}/entries/{entry_id}/reverse": f"{BOOK}/entries/reversals",
    "/accounts/{account_id}/entries/{entry_id}/waive": f"{BOOK}/waivers",
    "/accounts/{account_id}/entries/{entry_id}/move": f"{BOOK}/payments/moves",
    "/accounts/{account_id}/payout": f"{BOOK}/payouts",
    "/accounts/{account_id}/pauses": f"{BOOK}/pauses",
    "/accounts/{account_id}/pauses/{pause_id}/end": f"{BOOK}/pauses/{{pause_id}}/end",
    "/accounts/{account_id}/re-age": f"{BOOK}/re-ages",
    "/accounts/{account_id}/status": f"{BOOK}/status-changes",
    "/accounts/{account_id}/terms": f"{BOOK}/accounts/{{reference:path}}",
    "/accounts/{account_id}/statement": f"{BOOK}/statements/replacements",
    "/cases/{case_id}/settlements/request": f"{CASE}/settlements/request",
    "/cases/{case_id}/plans/request": f"{CASE}/plans/request",
    "/cases/{case_id}/hand-over": f"{CASE}/hand-over",
    "/cases/{case_id}/hand-over/request": f"{CASE}/hand-over/request",
    "/cases/{case_id}/supervisor": f"{CASE}/escalations",
    "/escalations/{escalation_id}/take": "/escalations/{escalation_id}/taking",
    "/escalations/{escalation_id}/answer": "/escalations/{escalation_id}/answer",
    "/escalations/{escalation_id}/take-over": "/escalations/{escalation_id}/take-over",
    "/escalations/{escalation_id}/withdraw": "/escalations/{escalation_id}/cancellation",
    "/approvals/{request_id}/decision": "/approvals/{request_id}/decision",
    "/approvals/{request_id}/withdrawal": "/approvals/{request_id}/cancellation",
    "/waivers/{waiver_id}/decide": f"{BOOK}/waivers/{{waiver_id}}/decision",
    "/unmatched/{payment_id}/match": f"{BOOK}/unmatched-payments/{{payment_id}}/match",
    "/unmatched/{payment_id}/return": f"{BOOK}/unmatched-payments/{{payment_id}}/return",
    "/reported-changes/{change_id}/decision": f"{BOOK}/reported-changes/{{change_id}}/decision",
    "/feeds/uploads": f"{BOOK}/feed-uploads",
    "/feeds/uploads/{token}/discard": f"{BOOK}/feed-uploads/{{token}}/discard",
    "/feeds/uploads/{token}/load": f"{BOOK}/feed-uploads/{{token}}/load",
    "/feeds/{load_id}/resume": f"{BOOK}/feed-loads/{{load_id}}/resume",
    "/simulations": f"{BOOK}/simulations",
    "/simulations/{run_id}/delete": f"{BOOK}/simulations/{{run_id}}/deletion",
    "/cases/{case_id}/legal/reports": f"{CASE}/legal-reports",
    "/cases/{case_id}/legal/questions": f"{CASE}/legal-questions",
    "/cases/{case_id}/legal/questions/{legal_question_id}/answer": (
        f"{CASE}/legal-questions/{{legal_question_id}}/answer"
    ),
    "/legal/{referral_id}/decide": "/referrals/{referral_id}/decision",
    "/legal/{referral_id}/return": "/referrals/{referral_id}/return",
    "/legal/{referral_id}/bundles": f"{CASE}/bundles",
    "/legal/{referral_id}/bundles/{bundle_id}/hand-over": "/bundles/{reference}/hand-over",
    "/legal/{referral_id}/bundles/{bundle_id}/exports/{form}": "/bundles/{reference}/exports/{form}",
    "/strategies/versions/{version_id}/live": f"{BOOK}/strategies/live",
    "/strategies/rollback": f"{BOOK}/strategies/rollback",
    "/strategies/import": f"{BOOK}/strategies",
    "/strategies/edit": f"{BOOK}/strategies",
    "/strategies/experiments": f"{BOOK}/experiments",
    "/strategies/experiments/{experiment_id}/end": f"{BOOK}/experiments/{{experiment_id}}/end",
    "/peers": "/peers",
    "/returns/{kind}": f"{BOOK}/frozen-returns",
    "/digests": f"{BOOK}/digest-recipients",
    "/digests/{recipient_id}": f"{BOOK}/digest-recipients/{{recipient_id}}/change",
    "/digests/{recipient_id}/secret": f"{BOOK}/digest-recipients/{{recipient_id}}/secret",
    "/digests/{recipient_id}/end": f"{BOOK}/digest-recipients/{{recipient_id}}/end",
    "/thresholds": f"{BOOK}/thresholds",
    "/thresholds/{threshold_id}": f"{BOOK}/thresholds/{{threshold_id}}/change",
    "/thresholds/{threshold_id}/end": f"{BOOK}/thresholds/{{threshold_id}}/end",
    "/outbox/{message_id}/resolve": "/outbox/{message_id}/resolution",
    "/outbox/channels/{destination}/stop": "/outbox/stops",
    "/outbox/channels/{destination}/start": "/outbox/starts",
    "/outbox/stop": "/outbox/stops",
    "/outbox/start": "/outbox/starts",
    "/contact-rules": f"{BOOK}/adopted-packs",
    "/contact-rules/end": f"{BOOK}/adopted-packs/{{country}}/end",
    "/team/{user_id}/abilities": "/team/{user_id}/abilities",
    "/team/{user_id}/absences": "/team/{user_id}/absences",
    "/team/absences/{absence_id}/end": "/team/absences/{absence_id}/end",
    "/moves/new": "/case-moves",
    "/moves/{move_id}/confirm": "/case-moves/{move_id}/confirmation",
    "/moves/{move_id}/undo": "/case-moves/{move_id}/undo",
    "/suppressed": "/suppressed-addresses",
    "/suppressed/{row_id}/restore": "/suppressed-addresses/{row_id}/restoration",
    "/suppressed/notices/{notice_id}/done": "/mail-notices/{notice_id}/done",
}
"""Path of a page's form -> path of the API's verb, below /api/v1."""

SESSION = "it is about the browser's session or the person's own password"
ADMINISTRATION = (
    "an administrator at the desk, or `desk user` and `desk token`: no token makes staff or tokens"
)

PRESENCE = "it says that a browser has the page open; programs read `GET /cases/{reference}/viewers`"

DRAFT = "it keeps what a browser's form holds before it is sent"

PAGES_ONLY = {
    "/drafts": DRAFT,
    "/drafts/discard": DRAFT,
    "/cases/{case_id}/call/fields": "shows the fields of a call result; saves nothing",
    "/cases/{case_id}/knowledge/search": "it reads; programs read `GET /knowledge/articles`",
    "/cases/{case_id}/presence": PRESENCE,
    "/worklist/callbacks/{case_id}/snooze": "quiet in one browser; the callback stays where it is",
    "/login": SESSION,
    "/logout": SESSION,
    "/account/password": SESSION,
    "/account/keys": "how a person's own pages answer to the keyboard",
    "/account/theme": "how a person's own pages look",
    "/admin/staff/new": ADMINISTRATION,
    "/admin/staff/{user_id}": ADMINISTRATION,
    "/admin/staff/{user_id}/active": ADMINISTRATION,
    "/admin/staff/{user_id}/password": ADMINISTRATION,
    "/admin/tokens/new": ADMINISTRATION,
    "/admin/tokens/{token_id}/revoke": ADMINISTRATION,
}
"""Acts that the API leaves to people, with the reason."""


def test_every_act_of_a_page_has_its_verb() -> None:
    pages = set(acts(PAGES))
    missing = sorted(pages - VERBS.keys() - PAGES_ONLY.keys())
    assert not missing, f"add an API verb for these page acts, and name it in VERBS: {missing}"
    assert sorted((VERBS.keys() | PAGES_ONLY.keys()) - pages) == [], "no page has these any more"
    assert not VERBS.keys() & PAGES_ONLY.keys()


def test_every_verb_that_is_named_exists() -> None:
    assert sorted(set(VERBS.values()) - set(acts(API))) == []


def test_a_verb_asks_for_the_roles_of_its_page() -> None:
    """One who may do it on the page may do it by a token, and nobody else."""
    pages, verbs = acts(PAGES), acts(API)
    differ = {
        page: (sorted(pages[page]), sorted(verbs[verb]))
        for page, verb in VERBS.items()
        if pages[page] != verbs[verb]
    }
    assert differ == {}


def acts(routers: Iterable[APIRouter]) -> dict[str, frozenset[Role]]:
    """Path of every route that changes something -> the roles its door lets in."""
    return {
        route.path.removeprefix("/api/v1"): frozenset(
            role for door in doors(route.dependant) for role in door.roles or ()
        )
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.methods & CHANGING
    }


def doors(dependant: Dependant) -> Iterator[Door]:
    for each in dependant.dependencies:
        if isinstance(each.call, Door):
            yield each.call
        yield from doors(each)
