"""Forms of the disputes page: open a dispute, say what it is about, ask for evidence, decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.disputes import evidence as evidence_acts
from app.actions.disputes.deciding import decide_dispute, note_correction
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import get_dispute, get_evidence
from app.casework.disputes.rules import (
    Correction,
    Disputed,
    DisputeDecision,
    DisputeKind,
    DisputeOutcome,
    EvidenceState,
    ReceivedAs,
)
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.disputes.page import show_disputes
from app.web.cases.forms import action
from app.web.cases.forms.action import Place
from app.web.cases.forms.answers import in_writing_words, reader_of
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed, chosen_row

router = Router(prefix="/cases")


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash],
    *,
    now: datetime,
) -> Response:
    """Do what a form of the disputes page asks, or show the page again with what was typed."""

    def again(file: CaseFile, state: FormState, status: int) -> Response:
        return show_disputes(request, session, staff, file, state, status)

    place = Place(again, lambda: f"/cases/{case_id}/disputes")
    return action.submit(request, session, staff, case_id, form, typed, act, now=now, place=place)


class WhatForm(Typed):
    kind: str = ""
    account: str = ""
    amount: str = ""
    entry: str = ""
    statement: str = ""
    paid_on: str = ""


def disputed_in(fields: Fields) -> Disputed:
    """What is disputed, as typed; each fault is noted beside its field. Empty = not given."""
    kind = fields.choice("kind", DisputeKind)
    return Disputed(
        kind,
        chosen_row(fields, "account"),
        fields.amount("amount") if fields.has("amount") else None,
        chosen_row(fields, "entry"),
        chosen_row(fields, "statement"),
        fields.day("paid_on") if fields.has("paid_on") else None,
    )


class DisputeForm(WhatForm):
    words: str = ""
    received_on: str = ""
    received_as: str = ""
    question: str = ""


@router.post("/{case_id}/disputes")
def post_dispute(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DisputeForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        said = disputed_in(fields)
        received_on, received_as = fields.day("received_on"), fields.choice("received_as", ReceivedAs)
        question_id = chosen_row(fields, "question")
        fields.done()
        opened = open_dispute(
            session, file.case, said, typed.words, ports_of(request).catalog, received_on=received_on,
            received_as=received_as, question_id=question_id, by=staff.by, now=now,
        )  # fmt: skip
        dispute, reader = opened.dispute, reader_of(request, file)
        by = f"Answer it by {reader.day(dispute.answer_by)}."
        if dispute.left_out_minor:
            told = f"{reader.money(dispute.left_out_minor)} is not asked for; the rest goes on."
        else:
            told = "Nobody asks for anything until it is decided."
        written = in_writing_words(request, file, opened.acknowledgement, now)
        return f"Dispute {dispute.reference} is open. {told} {by} {written}".strip(), "good"

    return submit(request, session, staff, case_id, "dispute", typed, act, now=now)


class ChangeForm(WhatForm):
    reason: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/change")
def post_change(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ChangeForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        said = disputed_in(fields)
        fields.done()
        dispute = _dispute(session, file, dispute_id)
        change_what_is_disputed(
            session, dispute, said, typed.reason, ports_of(request).catalog, by=staff.by, now=now
        )
        return f"Dispute {dispute.reference} is changed.", "good"

    return submit(request, session, staff, case_id, f"change-{dispute_id}", typed, act, now=now)


class DecisionForm(Typed):
    outcome: str = ""
    explanation: str = ""
    conceded: str = ""
    correction: str = Correction.HERE.value
    account: str = ""
    entry: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/decide")
def post_decision(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        decision = decision_in(fields, typed)
        fields.done()
        dispute = _dispute(session, file, dispute_id)
        answers = decide_dispute(
            session, dispute, decision, ports_of(request).catalog, by=staff.by, role=staff.role, now=now
        )
        written = in_writing_words(request, file, answers, now) if answers else ""
        return f"Dispute {dispute.reference} is decided. {written}".strip(), "good"

    return submit(request, session, staff, case_id, f"decide-{dispute_id}", typed, act, now=now)


def decision_in(fields: Fields, typed: DecisionForm) -> DisputeDecision:
    """The decision as typed; each fault is noted beside its field."""
    return DisputeDecision(
        fields.choice("outcome", DisputeOutcome),
        typed.explanation,
        fields.amount("conceded") if fields.has("conceded") else None,
        fields.choice("correction", Correction),
        chosen_row(fields, "account"),
        chosen_row(fields, "entry"),
    )


class CorrectionForm(Typed):
    entry: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/correction")
def post_correction(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CorrectionForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        entry_id = chosen_row(fields, "entry")
        if entry_id is None:
            fields.errors.setdefault("entry", "Choose the creditor's entry.")
        fields.done()
        assert entry_id is not None
        dispute = _dispute(session, file, dispute_id)
        note_correction(session, dispute, entry_id, by=staff.by, now=now)
        return f"The correction of dispute {dispute.reference} is noted.", "good"

    return submit(request, session, staff, case_id, f"correction-{dispute_id}", typed, act, now=now)


class OwnerForm(Typed):
    owner: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/owner")
def post_owner(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[OwnerForm, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        dispute = _dispute(session, file, dispute_id)
        evidence_acts.assign_dispute(session, dispute, typed.owner, by=staff.by, now=now)
        return f"Dispute {dispute.reference} has another owner.", "good"

    return submit(request, session, staff, case_id, f"owner-{dispute_id}", typed, act, now=now)


class EvidenceForm(Typed):
    what: str = ""
    due_on: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/evidence")
def post_evidence(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[EvidenceForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        due_on = fields.day("due_on")
        fields.done()
        dispute = _dispute(session, file, dispute_id)
        evidence_acts.ask_evidence(session, dispute, typed.what, due_on, by=staff.by, now=now)
        return f"Asked for, by {reader_of(request, file).day(due_on)}.", "good"

    return submit(request, session, staff, case_id, f"evidence-{dispute_id}", typed, act, now=now)


class JudgementForm(Typed):
    state: str = ""
    document: str = ""
    note: str = ""


@router.post("/{case_id}/disputes/{dispute_id}/evidence/{evidence_id}/judge")
def post_judgement(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    evidence_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[JudgementForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        state, document_id = fields.choice("state", EvidenceState), chosen_row(fields, "document")
        fields.done()
        dispute = _dispute(session, file, dispute_id)
        row = get_evidence(session, dispute, evidence_id, lock=True)
        evidence_acts.judge_evidence(
            session, dispute, row, state, document_id=document_id, note=typed.note, by=staff.by, now=now
        )
        return "The evidence is noted.", "good"

    return submit(request, session, staff, case_id, f"judge-{evidence_id}", typed, act, now=now)


def _dispute(session: Session, file: CaseFile, dispute_id: int) -> Dispute:
    return get_dispute(session, file.case.customer_id, dispute_id, lock=True)
