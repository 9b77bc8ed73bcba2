"""Recording and ending a negotiation: offers found, accepted, sent, asked of a manager, refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.negotiation.negotiating import counter_offer, negotiate, refuse_offer
from app.actions.negotiation.sending import send_offer
from app.actions.negotiation.taking import Taken, take_offer
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.queries import offer_of, offers_of
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import NOT_RECORDED
from app.core.errors import Forbidden, Invalid
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseReader, CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import Place, submit
from app.web.cases.forms.answers import confirmation_words, in_writing_words
from app.web.cases.negotiation.page import show_negotiation
from app.web.cases.negotiation.rows import mark_of
from app.web.cases.negotiation.said import ANSWER_FIELDS, COUNTER_FIELDS, SaidForm, answer_in, counter_in
from app.web.cases.plan.acceptance import AcceptanceForm, TypedAcceptance, agreed_in
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Wrong

router = Router(prefix="/cases")
BEGUN = (
    "{} {} began after this page was opened. An offer would take its place: choose again if that is meant."
)
CHANGED = "The figures changed since these offers were found. Look at them again, then choose."


@dataclass(frozen=True, slots=True)
class Negotiator:
    """One person at the negotiation page of one case, and the request they made."""

    request: Request
    session: Session
    staff: Staff
    case_id: int
    now: datetime

    def submit(
        self, form: str, typed: SaidForm, act: Callable[[CaseFile, Fields], Flash], back: Callable[[], str]
    ) -> Response:
        return submit(
            self.request, self.session, self.staff, self.case_id, form, typed, act,
            now=self.now, names={**ANSWER_FIELDS, **COUNTER_FIELDS}, place=Place(self._show, back),
        )  # fmt: skip

    def _show(self, file: CaseFile, state: FormState, status: int) -> Response:
        return show_negotiation(
            self.request, self.session, self.staff, file, state, now=self.now, status=status
        )

    def find(self, file: CaseFile, fields: Fields) -> list[NegotiationOffer]:
        """Put the offers for what is typed on record, with what the customer offers instead."""
        answer, counter = answer_in(fields), counter_in(fields)
        fields.done()
        by, role, now = self.staff.by, self.staff.role, self.now
        made = negotiate(self.session, file.case, answer, by=by, role=role, now=now)
        number = id_of(made.negotiation)
        if counter:
            counter_offer(self.session, file.case, number, counter, by=by, role=role, now=now)
        return offers_of(self.session, [number])[number]

    def to_close(self, file: CaseFile, fields: Fields) -> NegotiationOffer:
        """The chosen offer, which takes the place of the agreement that the page named and of no other."""
        running = live_plan(self.session, id_of(file.case))
        if running and fields.values["plan"] != str(running.id):
            raise Wrong({"": BEGUN.format(PLAN_LABELS[running.kind.value], running.reference)})
        return self.chosen(file, fields)

    def chosen(self, file: CaseFile, fields: Fields) -> NegotiationOffer:
        """The offer that is chosen: the one on record, or that of the same terms among those found now."""
        mark = fields.values["option"]
        if not mark:
            fields.errors["option"] = "Choose an offer first."
        fields.done()
        if mark[:1] == "o" and mark[1:].isdigit():
            return offer_of(self.session, file.case, int(mark[1:]))
        for offer in self.find(file, fields):
            if (option := offer.option) and mark_of(option) == mark:
                return offer
        raise Wrong({"option": CHANGED})

    def take(
        self,
        file: CaseFile,
        offer: NegotiationOffer,
        *,
        agreed: TypedAcceptance | None = None,
        reason: str = "",
    ) -> Taken:
        """Agree on the offer, or ask a manager for it."""
        option = offer.option
        how = agreed.agreed(option.parts[0].due_on) if agreed and option else NOT_RECORDED
        return take_offer(
            self.session, file.case, id_of(offer), ports_of(self.request).catalog, how, reason=reason,
            by=self.staff.by, role=self.staff.role, now=self.now,
        )  # fmt: skip


BEYOND = "This is beyond what you may grant alone. Ask a manager for it, with the reason."


class ClosingForm(SaidForm, AcceptanceForm):
    option: str = ""
    reason: str = ""
    """For a manager."""
    refusal: str = ""


@router.post("/{case_id}/negotiate")
def find_offers(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[SaidForm, Form()],
) -> Response:
    one = Negotiator(request, session, staff, case_id, now)

    def act(file: CaseFile, fields: Fields) -> Flash:
        one.find(file, fields)
        return "", "good"

    return one.submit("negotiate", typed, act, lambda: f"/cases/{case_id}/negotiate#deal-list")


@router.post("/{case_id}/negotiate/accept")
def accept(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ClosingForm, Form()],
) -> Response:
    """The customer accepts the chosen offer. What is beyond this person's authority is refused, not asked for."""
    one = Negotiator(request, session, staff, case_id, now)
    back = [f"/cases/{case_id}/negotiate"]

    def act(file: CaseFile, fields: Fields) -> Flash:
        agreed = agreed_in(fields)
        offer = one.to_close(file, fields)
        taken = one.take(file, offer, agreed=agreed)
        if taken.agreement is None:
            raise Forbidden(BEYOND, "option")
        plan = taken.agreement.plan
        back[0] = f"/cases/{case_id}/plans/{id_of(plan)}"
        words, tone = confirmation_words(request, file, taken.agreement.confirmations, now)
        return f"{PLAN_LABELS[plan.kind.value]} accepted. {words}", tone

    return one.submit("deal", typed, act, lambda: back[0])


@router.post("/{case_id}/negotiate/ask")
def ask_a_manager(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ClosingForm, Form()],
) -> Response:
    """Ask a manager for the chosen offer, with a reason; the answer comes back as a task."""
    one = Negotiator(request, session, staff, case_id, now)

    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        offer = one.to_close(file, fields)
        if one.take(file, offer, reason=reason).request is None:
            raise Invalid("This is within your own limit. Record that they accept it.", "option")
        return "Sent to a manager. The answer comes back to you as a task.", "good"

    return one.submit("deal", typed, act, lambda: f"/cases/{case_id}")


@router.post("/{case_id}/negotiate/offer")
def send_in_writing(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ClosingForm, Form()],
) -> Response:
    """Send the chosen offer in writing; the customer's answer is recorded on its page."""
    one = Negotiator(request, session, staff, case_id, now)
    back = [f"/cases/{case_id}/negotiate"]

    def act(file: CaseFile, fields: Fields) -> Flash:
        offer = one.to_close(file, fields)
        letters = ports_of(request).catalog
        made = send_offer(session, file.case, id_of(offer), letters, by=staff.by, role=staff.role, now=now)
        back[0] = f"/cases/{case_id}/plans/{id_of(made.plan)}"
        said = f"{PLAN_LABELS[made.plan.kind.value]} offered. Record here once the customer accepts."
        return f"{said} {in_writing_words(request, file, made.in_writing, now)}", "good"

    return one.submit("deal", typed, act, lambda: back[0])


@router.post("/{case_id}/negotiate/refuse")
def refuse(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ClosingForm, Form()],
) -> Response:
    one = Negotiator(request, session, staff, case_id, now)

    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason("refusal")
        offer = one.chosen(file, fields)
        refuse_offer(session, file.case, id_of(offer), reason, by=staff.by, now=now)
        return "The refusal is on record.", "good"

    return one.submit("deal", typed, act, lambda: f"/cases/{case_id}/negotiate")


def _shows(form: str) -> Callable[..., Response]:
    def show_form(case_id: RowId, _staff: CaseReader) -> Response:
        return RedirectResponse(f"/cases/{case_id}/negotiate?do={form}&draft=1", status_code=303)

    return show_form


# A refused form is shown at its own address: there it is found again after a reload.
for end in ("accept", "offer", "ask", "refuse"):
    router.add_api_route(f"/{{case_id}}/negotiate/{end}", _shows("deal"), methods=["GET"])
