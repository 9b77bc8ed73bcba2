"""Answer a customer's question from an article: read out on the call, or sent in writing through gate and outbox."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.queries import contact_id, next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.knowledge.events import ArticleReadOut
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.markdown import to_lines
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeUse, KnowledgeVersion
from app.casework.knowledge.rules import ArticleLine, UseKind, VersionStatus, fill, used_placeholders
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS, in_sentence
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.facts import Person
from app.outreach.letters.letter import RenderedLetter, Unsayable
from app.outreach.letters.rendering import MAX_VALUE_LENGTH, render
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import KNOWLEDGE_LETTER, OutboxStatus, purpose_of_article
from app.outreach.outbox.waiting import wait_for_undo
from app.outreach.planning.letterhead import LetterCatalog, Letterhead, language_of
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.outreach.planning.wording import letter_context
from app.policy.answers import Answer, Clearance

_NEVER_LEFT = (OutboxStatus.WITHHELD, OutboxStatus.FAILED)


def read_out(
    session: Session, case: CollectionsCase, version: KnowledgeVersion, *, by: Actor, now: datetime
) -> KnowledgeUse:
    """Put on record that a customer's question was answered on the call, with the version that was read. Conflict for
    a version that is not in use."""
    _require_in_use(session, case, version)
    use = KnowledgeUse(
        case_id=id_of(case), version_id=id_of(version), kind=UseKind.READ_OUT, channel=Channel.CALL, at=now, by=by
    )  # fmt: skip
    session.add(use)
    told = ArticleReadOut(version.article_id, id_of(version), version.number, version.title, version.language)
    event = about_customer(case.customer_id, told, case_id=id_of(case), channel=Channel.CALL)
    record(session, event, by=by, now=now)
    return use


def send_article(
    session: Session,
    case: CollectionsCase,
    version: KnowledgeVersion,
    channel: Channel,
    catalog: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> Answer:
    """Queue an article as the answer to the customer's own question, where the gate clears it; its answer is on record,
    and so is the version. It is no reminder, and goes also to a customer who owes nothing.

    Invalid for a channel that it has no words for, or another language than the customer's letters; Conflict for a
    version that is not in use, and for one that went out by this channel today.
    """
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    on = local_date(now, portfolio.timezone)
    article = _require_in_use(session, case, version)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on)
    figures = _figures(portfolio, case, contact_case, version, channel, catalog)
    if _went_today(session, case, version, channel, now, portfolio.timezone):
        raise Conflict(
            "This article went to the customer by this channel today already. Send it again tomorrow."
        )
    step = CaseStep(
        id_of(case), DeskStep.KNOWLEDGE, next_occurrence(session, id_of(case), DeskStep.KNOWLEDGE)
    )
    request = LetterRequest(
        contact_case,
        KNOWLEDGE_LETTER,
        purpose_of_article(article.topic, contact_case.facts.holds),
        (channel,),
        step,
        figures=figures,
        about={"article": version.article_id, "version": id_of(version)},
    )
    [[answer]] = request_letters(session, portfolio, [request], catalog, on=on, by=by, now=now)
    wait_for_undo(session, id_of(case), by=by, now=now)
    if isinstance(answer, Clearance):
        contact = contact_id(session, step, channel)
        session.add(
            KnowledgeUse(
                case_id=id_of(case), version_id=id_of(version), kind=UseKind.SENT, channel=channel,
                contact_id=contact, at=now, by=by,
            )
        )  # fmt: skip
    return answer


def word_article(
    session: Session,
    case: CollectionsCase,
    version: KnowledgeVersion,
    channel: Channel,
    catalog: LetterCatalog,
    *,
    now: datetime,
) -> RenderedLetter:
    """The message as it would leave now, whole; nothing is asked, locked or written. Invalid and Conflict as for
    `send_article`; Invalid too for a letter that has something blank."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    _require_in_use(session, case, version)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, lock=False, as_of=today)
    figures = _figures(portfolio, case, contact_case, version, channel, catalog)
    letter = catalog.letters[KNOWLEDGE_LETTER]
    head = Letterhead.of(portfolio)
    context = letter_context(session, head, catalog, contact_case, letter, channel, None, now=now)
    context = dataclasses.replace(context, **figures)  # type: ignore[arg-type]
    try:
        return render(letter, channel, version.language, context, leaves=True)
    except Unsayable as why:
        raise Invalid(str(why), "channel") from None


def _require_in_use(session: Session, case: CollectionsCase, version: KnowledgeVersion) -> KnowledgeArticle:
    article = session.get_one(KnowledgeArticle, version.article_id)
    if article.portfolio_id not in (None, case.portfolio_id):
        raise NotFound("This article is of another portfolio. Choose one of this customer’s.")
    if version.status is not VersionStatus.PUBLISHED:
        raise Conflict("This version is not in use any more. Search again for the one that is.")
    return article


def _figures(
    portfolio: Portfolio,
    case: CollectionsCase,
    contact_case: ContactCase,
    version: KnowledgeVersion,
    channel: Channel,
    catalog: LetterCatalog,
) -> dict[str, str | tuple[ArticleLine, ...]]:
    """The variables of the letter that carries the article."""
    if why := why_not_sent(contact_case.customer, version, channel, catalog):
        raise Invalid(why, "channel")
    values = values_for(portfolio, case.reference)
    said = version.sms if channel is Channel.SMS else version.title + version.body
    if empty := sorted(name for name in used_placeholders(said) if not values.get(name)):
        raise Invalid(
            f"The article names {{{empty[0]}}}, which this portfolio does not give. Have it set, or read it out.",
            "channel",
        )
    if channel is Channel.SMS:
        return {"answer": fill(version.sms, values)}
    lines = to_lines(version.body, values)
    if any(len(line.text) > MAX_VALUE_LENGTH for line in lines):
        raise Invalid("A paragraph of this article is too long for a letter. Have it split.", "channel")
    return {"article_title": fill(version.title, values), "article": lines}


def why_not_sent(
    customer: Person, version: KnowledgeVersion, channel: Channel, catalog: LetterCatalog
) -> str:
    """The reason why an article cannot be written to a customer by a channel, before the gate is asked; '' = none."""
    letter = catalog.letters[KNOWLEDGE_LETTER]
    how = in_sentence(CHANNEL_LABELS[channel])
    if channel not in letter.channels:
        return f"An article is not sent by {how}."
    if channel is Channel.SMS and not version.sms:
        return "This article has no words for an SMS. Send it by e-mail or as a letter."
    if language_of(letter, customer) != version.language:
        return (
            "This article is not written in the language of the customer’s letters yet. Read it out instead."
        )
    return ""


def _went_today(
    session: Session,
    case: CollectionsCase,
    version: KnowledgeVersion,
    channel: Channel,
    now: datetime,
    timezone: str,
) -> bool:
    """Whether a version of the article is on its way, or went, by this channel today."""
    use, other, message = table_of(KnowledgeUse), table_of(KnowledgeVersion), table_of(OutboxMessage)
    query = (
        sa.select(use.c.at)
        .join(other, other.c.id == use.c.version_id)
        .join(message, message.c.contact_id == use.c.contact_id)
        .where(
            use.c.case_id == case.id,
            use.c.channel == channel,
            other.c.article_id == version.article_id,
            message.c.status.not_in(_NEVER_LEFT),
        )
        .order_by(use.c.id.desc())
        .limit(1)
    )
    last = session.scalar(query)
    return last is not None and local_date(last, timezone) == local_date(now, timezone)
