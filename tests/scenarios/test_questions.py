"""A question of a customer: searched, read out, answered in writing, and what the editors learn from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, select

from app.actions.holds import place_hold
from app.actions.knowledge.answering import read_out, send_article
from app.actions.knowledge.editing import (
    Words,
    add_article,
    dismiss_miss,
    load_starter,
    publish,
    rate,
    retire_article,
    save_draft,
)
from app.actions.knowledge.searches import keep_search
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.knowledge.backlog import backlog, forget_misses
from app.casework.knowledge.editorial import editorial
from app.casework.knowledge.events import ArticleReadOut
from app.casework.knowledge.models import KnowledgeArticle, KnowledgeUse, KnowledgeVersion
from app.casework.knowledge.queries import FoundArticle, find_articles
from app.casework.knowledge.rules import Topic, UseKind, VersionStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.policy.answers import Answer, Clearance, Refusals
from tests import builders
from tests.inbound.correspondence import NOW, ON, a_customer, told

MEI, BEN = Actor.user("mei"), Actor.user("ben")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def anna(engine: Engine) -> Customer:
    customer = a_customer(engine)
    with transaction(engine) as session:
        load_starter(session, None, by=MEI, now=NOW - DAY)
    return customer


def found(engine: Engine, text: str, language: str = "en") -> list[FoundArticle]:
    with transaction(engine) as session:
        book = session.scalars(select(Portfolio)).one()
        return find_articles(session, text, portfolio_id=id_of(book), language=language)


def titles(engine: Engine, text: str, language: str = "en") -> list[str]:
    return [each.version.title for each in found(engine, text, language) if not each.near]


def send(engine: Engine, code: str, channel: Channel, after: timedelta = MINUTE) -> Answer:
    with transaction(engine) as session:
        case, version = session.scalars(select(CollectionsCase)).one(), _in_use(session, code)
        return send_article(session, case, version, channel, builders.catalog(), by=BEN, now=NOW + after)


def _in_use(session: Session, code: str, language: str = "en") -> KnowledgeVersion:
    query = (
        select(KnowledgeVersion)
        .join(KnowledgeArticle)
        .where(
            KnowledgeArticle.code == code,
            KnowledgeVersion.language == language,
            KnowledgeVersion.status == VersionStatus.PUBLISHED,
        )
    )
    return session.scalars(query).one()


def write(engine: Engine, code: str, words: Words, language: str = "en", after: timedelta = DAY) -> None:
    """Change an article, or begin one, and publish it."""
    with transaction(engine) as session:
        article = session.scalar(select(KnowledgeArticle).where(KnowledgeArticle.code == code))
        now = NOW + after
        article = article or add_article(session, None, code, Topic.OTHER, by=MEI, now=now)
        save_draft(session, article, language, words, by=MEI, now=now)
        publish(session, article, language, by=MEI, now=now)


def test_what_was_sent_stays_what_it_was(engine: Engine, anna: Customer) -> None:
    """Anna asks on the telephone why there is a late fee. Ben reads the article out and sends it by e-mail. On the next
    day the article says something else; her message and its version do not."""
    assert titles(engine, "late fee")[0] == "Why was I charged a late fee?"
    assert titles(engine, "fee waiv") == ["Why was I charged a late fee?"], (
        "the beginning of a word is enough"
    )
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        read_out(session, case, _in_use(session, "late-fees"), by=BEN, now=NOW)
    assert isinstance(send(engine, "late-fees", Channel.EMAIL), Clearance)
    with pytest.raises(Conflict, match="today already"):
        send(engine, "late-fees", Channel.EMAIL)
    [sent] = builders.deliver(engine, NOW + 5 * MINUTE).sent
    assert "Why was I charged a late fee?" in sent.subject
    assert "if your agreement with Harbour Bank provides for it" in sent.text
    assert "- Your statement lists each fee with its day and amount.\n" in sent.text
    assert "+86 10 5550 0100 / cards@harbour.example" in sent.text

    write(engine, "late-fees", Words("Late fees", "We charge none any more.", note="none any more"))
    [row] = builders.messages(engine)
    assert (row.text, row.status) == (sent.text, OutboxStatus.SENT)
    with transaction(engine) as session:
        uses = session.scalars(select(KnowledgeUse).order_by(KnowledgeUse.id)).all()  # type: ignore[arg-type]
        assert [(each.kind, each.channel) for each in uses] == [
            (UseKind.READ_OUT, Channel.CALL),
            (UseKind.SENT, Channel.EMAIL),
        ]
        old = session.get_one(KnowledgeVersion, uses[1].version_id)
        assert (old.number, old.status, uses[1].contact_id) == (1, VersionStatus.REPLACED, row.contact_id)
        assert _in_use(session, "late-fees").number == 2
        [seen] = [each for each in editorial(session) if each.article.code == "late-fees"]
        assert (seen.read_out, seen.sent) == (1, 1)
    [read] = told(engine, anna, ArticleReadOut.KIND)
    assert (read["title"], read["number"], read["version"]) == ("Why was I charged a late fee?", 1, old.id)
    assert titles(engine, "minimum payment due date") == ["What do “past due” and “days past due” mean?"], (
        "words of the version before are forgotten"
    )
    for change in (
        "UPDATE knowledge_version SET body = 'x' WHERE id = :id",
        "DELETE FROM knowledge_version WHERE id = :id",
    ):
        with pytest.raises(DatabaseError), transaction(engine) as session:
            session.execute(sa.text(change), {"id": old.id})


def test_somebody_who_opted_out_of_sms_is_not_answered_by_sms(engine: Engine, anna: Customer) -> None:
    with transaction(engine) as session:
        customer = session.get_one(Customer, anna.id)
        set_consent(session, customer, Channel.SMS, allowed=False, source="by phone", by=BEN, now=NOW)
    answer = send(engine, "how-to-pay", Channel.SMS)
    assert isinstance(answer, Refusals)
    assert builders.messages(engine) == []
    [refused] = told(engine, anna, ContactRefused.KIND)
    assert refused["letter"] == "knowledge_answer"
    assert "sms" in refused["reasons"][0]["detail"].lower()  # type: ignore[index]
    with transaction(engine) as session:
        assert builders.count(engine, KnowledgeUse) == 0
    assert isinstance(send(engine, "how-to-pay", Channel.POST), Clearance), "a letter may go"


def test_rights_reach_also_those_who_dispute(engine: Engine, anna: Customer) -> None:
    """What may speak of paying counts as a reminder to somebody who disputes the debt; what tells them how to dispute
    it does not. A message that was queued before the dispute does not leave."""
    assert isinstance(send(engine, "how-to-pay", Channel.EMAIL), Clearance)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        place_hold(
            session, case, HoldKind.DISPUTE, "not theirs", ON + 30 * DAY, builders.catalog(), acknowledge=False,
            by=BEN, now=NOW + 2 * MINUTE,
        )  # fmt: skip
    assert not isinstance(send(engine, "interest", Channel.EMAIL, 3 * MINUTE), Clearance)
    assert isinstance(send(engine, "dispute-a-debt", Channel.EMAIL, 4 * MINUTE), Clearance)
    sent = builders.deliver(engine, NOW + 10 * MINUTE).sent
    assert [each.subject for each in sent] == [
        "Your question: What can I do if the debt or the amount is wrong? (reference C-000001)"
    ]
    stopped, left = builders.messages(engine)
    assert (stopped.status, stopped.purpose) == (OutboxStatus.WITHHELD, Purpose.CONFIRMATION)
    assert left.status is OutboxStatus.SENT


def test_an_article_speaks_the_customers_language_or_is_read_out(engine: Engine, anna: Customer) -> None:
    with transaction(engine) as session:
        session.get_one(Customer, anna.id).language = "nl"
    assert titles(engine, "klacht", "nl")[0].startswith("Hoe dien ik een klacht in")
    assert titles(engine, "complaint", "nl")[0].startswith("Hoe dien ik een klacht in"), (
        "by its English words too"
    )
    assert titles(engine, "遲繳費用", "zh") == []
    assert titles(engine, "違約金", "zh") == ["為什麼我被收取違約金？"]
    write(engine, "opening-hours", Words("When are you open?", "From nine to five.", "Nine to five."))
    hit = found(engine, "open nine", "nl")[0]
    assert hit.version.language == "en"
    with pytest.raises(Invalid, match="not written in the language"):
        send(engine, "opening-hours", Channel.EMAIL)


def test_a_search_in_vain_waits_for_an_article(engine: Engine, anna: Customer) -> None:
    """Two agents search for the same; one types the customer's name. Mei writes the article, and the search leaves."""
    with transaction(engine) as session:
        book = id_of(session.scalars(select(Portfolio)).one())
    names = ("Anna", "Berg")
    for text in ("Credit bureau?", "credit BUREAU", "anna credit bureau", "bureau 4711", "late fee"):
        keep_search(engine, book, "en", text, names, NOW)
    keep_search(engine, book, "en", "holiday", names, NOW)
    with transaction(engine) as session:
        assert [(each.words, each.times) for each in backlog(session)] == [
            ("credit bureau", 2),
            ("holiday", 1),
        ]
        dismiss_miss(session, id_of(backlog(session)[1]), "No question for us", by=MEI, now=NOW)
    write(engine, "credit-bureau", Words("Do you report to a credit bureau?", "Ask {creditor}."))
    keep_search(engine, book, "en", "holiday", names, NOW)
    with transaction(engine) as session:
        assert list(backlog(session)) == []
        article = session.scalars(
            select(KnowledgeArticle).where(KnowledgeArticle.code == "credit-bureau")
        ).one()
        rate(
            session,
            _in_use(session, "credit-bureau"),
            helped=False,
            missing="Which one?",
            by=BEN,
            now=NOW + 2 * DAY,
        )
        rate(session, _in_use(session, "credit-bureau"), helped=True, by=BEN, now=NOW + 3 * DAY)
        [seen] = [each for each in editorial(session) if each.article.code == "credit-bureau"]
        assert (seen.helped, seen.not_helped, seen.used) == (1, 0, 0), "the latest word of a person counts"
        retire_article(session, article, "We do not know", by=MEI, now=NOW + 3 * DAY)
    assert titles(engine, "credit bureau") == []
    keep_search(engine, book, "en", "credit bureau", names, NOW + 4 * DAY)
    with transaction(engine) as session:
        assert [(each.words, each.times) for each in backlog(session)] == [("credit bureau", 3)]
        assert forget_misses(session, now=NOW + 364 * DAY) == 0
        assert forget_misses(session, now=NOW + 366 * DAY) == 1, "the dismissed one; this one was typed later"
    with pytest.raises(Conflict, match="retired"):
        write(engine, "credit-bureau", Words("Again", "Text"))


def test_a_portfolios_own_article_stands_in_the_place_of_the_general_one(sqlite_engine: Engine) -> None:
    a_customer(sqlite_engine)
    with transaction(sqlite_engine) as session:
        load_starter(session, None, by=MEI, now=NOW)
        book = session.scalars(select(Portfolio)).one()
        article = add_article(session, book, "how-to-pay", Topic.PAYING, by=MEI, now=NOW)
        save_draft(session, article, "en", Words("How do I pay?", "At any branch of ours."), by=MEI, now=NOW)
        assert load_starter(session, None, by=MEI, now=NOW) == 0
    assert "How can I pay?" in titles(sqlite_engine, "how pay"), "a draft is in nobody's place"
    with transaction(sqlite_engine) as session:
        own = select(KnowledgeArticle).where(KnowledgeArticle.portfolio_id == 1)
        article = session.scalars(own).one()
        publish(session, article, "en", by=MEI, now=NOW)
        with pytest.raises(Conflict, match="written meanwhile"):
            save_draft(session, article, "en", Words("How?", "Text"), based_on=0, by=MEI, now=NOW)
    assert titles(sqlite_engine, "pay branch") == ["How do I pay?"]
    assert "How can I pay?" not in titles(sqlite_engine, "how pay")
    assert builders.count(sqlite_engine, OutboxMessage) == 0
