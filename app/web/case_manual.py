"""Out of turn on a case: a letter sent by hand, and tasks of the strategy that are done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from app.compliance.rules import Clearance
from app.errors import NotFound
from app.outreach.manual import take_manual_step
from app.strategy.models import StrategyTask
from app.strategy.service import finish_task
from app.timeline.rules import Channel
from app.web.case import CaseId, File
from app.web.case_actions import Done, _answer_words, _teller, attempt
from app.web.deps import CaseWorker, Now, WriteSession, ports_of
from app.web.forms import Fields, Typed

router = APIRouter(prefix="/cases")


class LetterForm(Typed):
    letter: str = ""
    channel: str = ""


@router.post("/{case_id}/letter")
def send_letter(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[LetterForm, Form()],
) -> Response:
    """Queue one letter now, where the gate clears it."""

    def act(file: File, fields: Fields) -> Done:
        channel = fields.choice("channel", Channel)
        fields.done()
        [answer] = take_manual_step(
            session, file.portfolio, file.case, typed.letter, [channel], ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        said = _answer_words(channel, answer, _teller(request, file, zone=file.zone), now)
        return said[:1].upper() + said[1:] + ".", "good" if isinstance(answer, Clearance) else "warn"

    names = {"channels": "channel"}
    return attempt(request, session, staff, case_id, "letter", typed, act, now=now, names=names)


@router.post("/{case_id}/tasks/{task_id}/done")
def task_done(
    request: Request, case_id: CaseId, task_id: CaseId, staff: CaseWorker, session: WriteSession, now: Now
) -> Response:
    def act(file: File, _fields: Fields) -> Done:
        task = session.get(StrategyTask, task_id, with_for_update=True)
        if task is None or task.case_id != file.case.id:
            raise NotFound("this case has no such task")
        finish_task(session, task, file.case.customer_id, by=staff.by, now=now)
        return "The task is done.", "good"

    return attempt(request, session, staff, case_id, "standing", Typed(), act, now=now)
