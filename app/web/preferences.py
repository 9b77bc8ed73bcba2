"""The unsubscribe link of every message."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import Response

from app.cases.models import CollectionsCase
from app.cases.rules import CaseStatus
from app.compliance.models import Consent
from app.compliance.service import set_consent
from app.errors import NotFound
from app.ledger.models import Customer, Portfolio
from app.timeline.rules import Channel
from app.timeline.service import lock_customers
from app.web.deps import Now, ReadSession, WriteSession, callback, ports_of
from app.web.rendering import page

router = APIRouter()

ONE_CLICK = "One-Click"


async def form_fields(request: Request) -> dict[str, str]:
    """The form a machine posted, text fields only."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Fields = Annotated[dict[str, str], Depends(form_fields)]


# --- unsubscribe --------------------------------------------------------------------------------------------

_by_token = [callback("an unguessable token that we made for this customer and channel")]

WORDS = {
    "en": {
        "title": "Stop these messages",
        Channel.SMS: "text messages",
        Channel.EMAIL: "e-mails",
        Channel.POST: "letters",
        Channel.CALL: "telephone calls",
        "ask": "Do you want no more {what} from {sender}?",
        "button": "Stop {what}",
        "done_title": "Done",
        "done": "{sender} will send you no more {what}.",
        "done_call": "{sender} will not call you any more.",
        "note": "This changes nothing about your account. We may still write to you where the law demands it.",
    },
    "zh": {
        "title": "停止接收訊息",
        Channel.SMS: "簡訊",
        Channel.EMAIL: "電子郵件",
        Channel.POST: "信件",
        Channel.CALL: "電話",
        "ask": "您是否不再希望收到{sender}的{what}？",
        "button": "停止接收{what}",
        "done_title": "已完成",
        "done": "{sender}將不再以{what}與您聯絡。",
        "done_call": "{sender}將不再以電話與您聯絡。",
        "note": "這不會改變您的帳戶。法律要求時，我們仍可能以書面通知您。",
    },
}
"""What the customer reads; English where we have no words in their language."""


@router.get("/u/{token}", dependencies=_by_token)
def ask_to_unsubscribe(request: Request, token: str, session: ReadSession) -> Response:
    """One button. Mail scanners follow links, so that opening this page changes nothing."""
    customer, channel = _who(request, session, token)
    return _page(request, session, customer, channel, done=False)


@router.post("/u/{token}", dependencies=_by_token)
def unsubscribe(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """RFC 8058: a mail program posts `List-Unsubscribe=One-Click` without cookies; our own button posts the same."""
    customer, channel = _who(request, session, token, lock=True)
    if fields.get("List-Unsubscribe") != ONE_CLICK:
        return _page(request, session, customer, channel, done=False, status=422)
    known = session.scalar(
        select(Consent).where(Consent.customer_id == customer.id, Consent.channel == channel)
    )
    if known is None or known.allowed:
        case_id = session.scalar(
            select(CollectionsCase.id).where(
                CollectionsCase.customer_id == customer.id, CollectionsCase.status == CaseStatus.OPEN
            )
        )
        source = "unsubscribe link"
        set_consent(
            session, customer, channel, allowed=False, source=source, case_id=case_id, by="system", now=now
        )
    return _page(request, session, customer, channel, done=True)


def _who(request: Request, session: Session, token: str, *, lock: bool = False) -> tuple[Customer, Channel]:
    """Whose link it is. A token we did not make and a customer who is gone get the same answer."""
    found = ports_of(request).stationery.read_token(token)
    customer = session.get(Customer, found[0]) if found else None
    if found is None or customer is None:
        raise NotFound("The address is wrong, or what it showed is gone.")
    if lock:
        lock_customers(session, [found[0]])
    return customer, found[1]


def _page(
    request: Request, session: Session, customer: Customer, channel: Channel, *, done: bool, status: int = 200
) -> Response:
    portfolio = session.get_one(Portfolio, customer.portfolio_id)
    language = "zh" if customer.language.lower().startswith("zh") else "en"
    words = WORDS[language]
    said = {"what": words[channel], "sender": portfolio.agency or portfolio.creditor}
    sentence = words["done_call" if channel is Channel.CALL else "done"] if done else words["ask"]
    return page(
        request,
        "unsubscribe.html",
        status,
        language="zh-Hant" if language == "zh" else "en",
        title=words["done_title"] if done else words["title"],
        sentence=sentence.format(**said),
        button=words["button"].format(**said),
        note=words["note"],
        done=done,
        one_click=ONE_CLICK,
    )
