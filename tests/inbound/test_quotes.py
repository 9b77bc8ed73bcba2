"""Reactions and quotes: what is ours in a message is not the customer's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.portfolios.rules import CollectorKind
from app.casework.correspondence.events import MessageReceived
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.rules import (
    Intent,
    Reading,
    languages_of,
    read,
)
from app.outreach.letters.rendering import render
from app.outreach.letters.samples import sample_context
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.inbound.correspondence import NOW, ON, a_customer, consents, permitted, the_job, told, writes

LONG = (
    "Honest Recovery for Harbour Bank: $50.00 due March 16, 2026 has not reached us for card ending 1001. To pay, get "
    "help or dispute it: +1 212 555 0100. This is an attempt to collect a debt by a debt collector. Reply STOP to stop "
    "texts."
)
CHINESE = (
    "【港灣銀行】您末四碼 1001 之信用卡，應繳款項 NT$500 尚未入帳。繳款、需要協助或有疑義請電 02。"
    "不想再收簡訊請回覆 STOP。"
)


def taken_for(text: str, language: str = "en", country: str = "US", *ours: str) -> Reading:
    places = languages_of(language, country)
    return read(text, shipped_phrases(), languages=places, ours=ours or (LONG, CHINESE))


FRIENDLY = [
    "Liked “{}”", "Loved “{}”", "Laughed at “{}”", "Emphasized “{}”", "Emphasised “{}”", 'Liked "{}"', "Loved ‘{}’",
    "Liked {}", "👍 to “\u200a{}\u200a”", "\u200b👍\u200b to “\u200b{}\u200b”", "❤️ to “{}”",
    "Reacted 😂 to “{}”", "Reacted 👍🏽 to “{}”",
    "Removed a like from “{}”", "Removed a heart from “{}”", "Removed an exclamation from “{}”", "👍 removed from “{}”",
    "Le gustó “{}”", "Le encantó «{}»", "Reaccionó con 👍 a “{}”", "A aimé « {} »", "Gefällt „{}“", "Vond “{}” leuk",
    "Likte «{}»", "Reagerte med ❤️ på «{}»", "Menyukai “{}”", "已按讚「{}」", "喜欢“{}”",
]  # fmt: skip


@pytest.mark.parametrize("frame", FRIENDLY)
@pytest.mark.parametrize("ours", [LONG, CHINESE])
def test_a_friendly_reaction_is_noted_and_nothing_else(frame: str, ours: str) -> None:
    found = taken_for(frame.format(ours))
    assert (found.intents, found.refused, found.hold) == ((Intent.REACTION,), [], None)
    assert found.needs_nobody


@pytest.mark.parametrize("cut", [20, 40, 81, 160, len(LONG) - 3])
@pytest.mark.parametrize("end", ["…”", "...”", "”", ""])
def test_a_quote_may_be_cut_off(cut: int, end: str) -> None:
    found = taken_for(f"Liked “{LONG[:cut]}{end}")
    assert (found.intents, found.needs_nobody) == ((Intent.REACTION,), True)


@pytest.mark.parametrize(
    "text",
    [
        "Disliked “{}”", "👎 to “{}”", "Reacted 👎 to “{}”", "No le gustó “{}”", "Vond “{}” niet leuk",
        "Questioned “{}”", "❓ to “{}”",
    ],
)  # fmt: skip
def test_a_dislike_and_a_question_go_to_a_person(text: str) -> None:
    found = taken_for(text.format(LONG))
    assert (found.intents, found.refused, found.needs_nobody) == ((Intent.REACTION,), [], False)


@pytest.mark.parametrize("picture", ["🛑", "🖕", "😡"])
def test_the_picture_of_a_reaction_is_the_customers(picture: str) -> None:
    assert taken_for(f"Reacted {picture} to “{LONG}”").intents == (Intent.MAYBE_STOP, Intent.REACTION)


@pytest.mark.parametrize("text", ["Emphasized “STOP”", "Liked “please stop texting me”"])
def test_a_reaction_to_their_own_refusal_makes_a_person_look(text: str) -> None:
    assert taken_for(text).intents == (Intent.MAYBE_STOP, Intent.REACTION)


@pytest.mark.parametrize("text", ["Liked an image", "Loved a photo", "Laughed at an attachment"])
def test_a_reaction_to_a_picture(text: str) -> None:
    assert taken_for(text).needs_nobody


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("STOP “{}”", (Intent.STOP,)),
        ("> {}\n\nSTOP", (Intent.STOP,)),
        ("{} please stop texting me", (Intent.STOP,)),
        ("Fwd: {}\nI already paid this", (Intent.PAID,)),
        ("“{}” I dispute this", (Intent.DISPUTE,)),
        ("Who is this? “{}”", (Intent.HELP,)),
        ("{}", ()),
        ("Polubiono „{}”", ()),
    ],
)
def test_words_beside_a_quote_are_read_and_the_quote_is_not(text: str, intents: tuple[Intent, ...]) -> None:
    assert taken_for(text.format(LONG)).intents == intents


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ('I told you: "stop texting me"', (Intent.STOP,)),
        ("stop texts", (Intent.STOP,)),
        ("Reply STOP to stop texts", (Intent.STOP,)),
        ("I dispute it", (Intent.DISPUTE,)),
        ("don't text 'me'", (Intent.STOP,)),
        ("不想再收簡訊", (Intent.MAYBE_STOP,)),  # no phrase of ours: the model
    ],
)
def test_the_customers_own_words_are_not_taken_for_ours(text: str, intents: tuple[Intent, ...]) -> None:
    assert taken_for(text).intents == intents


def sms_of_ours() -> Iterator[tuple[str, str]]:
    letters = builders.catalog().letters
    for name in sorted(letters):
        for language in letters[name].languages if Channel.SMS in letters[name].channels else ():
            made_up = sample_context(
                language, CollectorKind.THIRD_PARTY, "https://d.example/u/x", today=date(2026, 3, 20)
            )
            yield language, render(letters[name], Channel.SMS, language, made_up).text


def test_no_reaction_to_any_sms_of_ours_is_a_refusal_or_a_dispute() -> None:
    for language, ours in sms_of_ours():
        for frame in ("Liked “{}”", "Emphasized “{}”", "👍 to “ {} ”"):
            for known in ((ours,), ("something else that we wrote",)):
                found = taken_for(frame.format(ours), language, "NO", *known)
                assert found.intents == (Intent.REACTION,), (frame, ours)


def test_a_thumb_on_our_reminder_ends_nothing(engine: Engine) -> None:
    anna = a_customer(engine)
    with transaction(engine) as session:
        case = builders.open_case(engine, id_of(anna))
        assert case is not None
        builders.queued_message(session, case, on=ON, status=OutboxStatus.SENT, text=LONG, sent_at=NOW)
    before = permitted(engine, anna)
    liked = writes(engine, f"Liked “{LONG[:70]}…”")
    disliked = writes(engine, f"Disliked “{LONG}”", sid="SM2")
    assert liked is not None
    assert disliked is not None
    the_job(engine)
    assert (consents(engine, anna), permitted(engine, anna)) == ({}, before)
    with transaction(engine) as session:
        rows = {row.provider_ref: row for row in session.scalars(select(InboundMessage))}
        assert rows["SM1"].outcome is ReviewOutcome.AUTOMATIC
        assert rows["SM2"].reviewed_at is None, "a person reads why they do not like it"
    assert [each["means"] for each in told(engine, anna, MessageReceived.KIND)] == [["reaction"]] * 2


@pytest.mark.parametrize(
    ("text", "language", "country", "intents"),
    [
        ("STOP", "nb", "NO", (Intent.STOP,)),
        ("Stóp", "nl", "NL", (Intent.STOP,)),
        ("unsubscribe", "id", "ID", (Intent.STOP,)),
        ("停止", "en", "US", (Intent.STOP,)),
        ("ALTO", "en", "US", (Intent.STOP,)),
        ("¡Parar!", "en", "US", (Intent.STOP,)),
        ("no más", "en", "US", (Intent.STOP,)),
        ("No más mensajes, por favor", "es", "GB", (Intent.STOP,)),
        ("no me envíen mas mensajes", "en", "US", (Intent.STOP,)),
        ("Dame de baja", "en", "US", (Intent.STOP,)),
        ("berhenti", "id", "NL", (Intent.STOP,)),
        ("berhenti", "en", "ID", (Intent.STOP,)),
        ("berhenti", "nl", "NL", (Intent.MAYBE_STOP,)),
        ("afmelden", "id", "ID", (Intent.MAYBE_STOP,)),
        ("alto", "nb", "NO", (Intent.MAYBE_STOP,)),
        ("tolong jangan kirim SMS lagi", "en", "GB", (Intent.MAYBE_STOP,)),
        ("baik mas, nanti saya bayar", "id", "ID", (Intent.PROMISE,)),
        ("begin", "id", "ID", ()),
        ("dat is genoeg betaald", "id", "ID", ()),
        ("ik wil wel betalen maar niet meer dan 50", "en", "US", ()),
    ],
)
def test_a_word_of_one_language_stops_nobody_in_another(
    text: str, language: str, country: str, intents: tuple[Intent, ...]
) -> None:
    assert taken_for(text, language, country).intents == intents


@pytest.mark.parametrize(
    "text",
    [
        "This is not my debt",
        "not mine!",
        "That isn't my account",
        "Dit is niet mijn schuld",
        "Det er ikke min gjeld",
    ],
)
def test_not_my_debt_is_a_dispute_as_well_as_a_wrong_person(text: str) -> None:
    assert {Intent.WRONG_NUMBER, Intent.DISPUTE} <= set(read(text, shipped_phrases()).intents)
