"""The panel of the case in which a customer's question is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from markupsafe import Markup
from sqlmodel import Session

from app.actions.knowledge.answering import why_not_sent
from app.casework.knowledge.filling import values_for
from app.casework.knowledge.markdown import to_html
from app.casework.knowledge.queries import FoundArticle, articles_of_topic, find_articles
from app.casework.knowledge.rules import TOPIC_LABELS, fill
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.text import sentence
from app.core.vocabulary import Channel, Purpose
from app.outreach.outbox.rules import KNOWLEDGE_LETTER, purpose_of_article
from app.outreach.planning.letterhead import LetterCatalog, language_of
from app.policy.answers import Answer, Clearance, WaitUntil
from app.policy.review import review
from app.web.cases.gate_answers import weightiest_first
from app.web.cases.reads import CaseView
from app.web.timeline import PageReader
from app.web.wording import language_words

CHANNELS = (Channel.SMS, Channel.EMAIL, Channel.POST)


@dataclass(frozen=True, slots=True)
class PanelArticle:
    """An article as the agent reads it to this customer, and how it may be sent."""

    version_id: int
    title: str
    topic: str
    html: Markup
    lang: str
    language: str
    """In words, where it is not the customer's; '' = it is."""
    near: bool
    opened: bool
    sends: Sequence[tuple[str, str]]
    """(value of the button, channel in words)."""
    refused: Sequence[tuple[str, str]]
    """(channel, why it may not go by it now)."""


@dataclass(frozen=True, slots=True)
class KnowledgePanel:
    q: str
    articles: Sequence[PanelArticle]
    language: str
    """The customer's language in words."""

    @property
    def nothing(self) -> bool:
        """A search to which no article answers wholly."""
        return bool(self.q.strip()) and all(each.near for each in self.articles)


def customers_language(view: CaseView, catalog: LetterCatalog) -> str:
    """The language of the customer's letters, in which articles are looked for first."""
    return language_of(catalog.letters[KNOWLEDGE_LETTER], view.file.customer)


def knowledge_panel(
    session: Session,
    view: CaseView,
    catalog: LetterCatalog,
    typed: Mapping[str, str],
    locale: Locale,
    *,
    now: datetime,
) -> KnowledgePanel:
    """Articles that answer what was typed, or all by topic where nothing was; each with the gate's answer of this
    moment for each channel. Nothing is recorded."""
    file = view.file
    language = customers_language(view, catalog)
    q = typed.get("q", "")[:200]
    portfolio_id = id_of(file.portfolio)
    found = (
        find_articles(session, q, portfolio_id=portfolio_id, language=language)
        if q.strip()
        else articles_of_topic(session, portfolio_id=portfolio_id, language=language)
    )
    opened = typed.get("version", "") or typed.get("send", "").partition(":")[0]
    values = values_for(file.portfolio, file.case.reference)
    reader = PageReader(locale, file.book.currency, file.zone)
    writer = _Writer(view, catalog, values, reader, now)
    articles = [writer.article(each, language, opened) for each in found]
    return KnowledgePanel(q, articles, language_words(language, locale))


class _Writer:
    """Writes articles for the panel; the gate is asked once for each purpose and channel."""

    def __init__(
        self,
        view: CaseView,
        catalog: LetterCatalog,
        values: Mapping[str, str],
        reader: PageReader,
        now: datetime,
    ) -> None:
        self.view, self.catalog, self.values, self.reader, self.now = view, catalog, values, reader, now
        self._answers: dict[tuple[Purpose, Channel], Answer] = {}

    def article(self, found: FoundArticle, language: str, opened: str) -> PanelArticle:
        version = found.version
        number = str(id_of(version))
        sends, refused = [], []
        for channel in CHANNELS:
            why = why_not_sent(self.view.file.customer, version, channel, self.catalog)
            why = why or self._why_refused(found, channel)
            if why:
                refused.append((CHANNEL_LABELS[channel], why))
            else:
                sends.append((f"{number}:{channel.value}", _BY[channel]))
        other = version.language != language
        return PanelArticle(
            version_id=id_of(version),
            title=fill(version.title, self.values),
            topic=TOPIC_LABELS[found.article.topic],
            html=to_html(version.body, self.values),
            lang=version.language,
            language=language_words(version.language, self.reader.locale) if other else "",
            near=found.near,
            opened=number == opened,
            sends=sends,
            refused=refused,
        )

    def _why_refused(self, found: FoundArticle, channel: Channel) -> str:
        """The gate's reasons against this article by this channel now; '' = it may go."""
        purpose = purpose_of_article(found.article.topic, self.view.facts.holds)
        answer = self._answers.get((purpose, channel))
        if answer is None:
            contact = self.catalog.contact(self.view.file.customer, channel, purpose, KNOWLEDGE_LETTER)
            answer = review(contact, self.view.facts, self.view.pack, self.now)
            self._answers[purpose, channel] = answer
        if isinstance(answer, Clearance):
            return ""
        reasons = [self.reader.plain(each.detail) for each in weightiest_first(answer.reasons)[:2]]
        if isinstance(answer, WaitUntil):
            return sentence(f"not before {self.reader.instant(answer.at)}: {' and '.join(reasons)}")
        return sentence(" and ".join(reasons))


_BY = {Channel.SMS: "Send by SMS", Channel.EMAIL: "Send by e-mail", Channel.POST: "Send by letter"}
