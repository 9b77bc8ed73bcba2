"""What customers write, and what it is taken for."""

from __future__ import annotations

import pytest

from app.casework.correspondence.rules import ReviewOutcome
from app.core.card_numbers import holds_card_number, mask_card_numbers
from app.core.vocabulary import Channel, HoldKind
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.phrases.rules import normalise
from app.inbound.rules import (
    Intent,
    Reading,
    choices,
    languages_of,
    read,
    suggestions,
)


def taken_for(text: str) -> Reading:
    return read(text, shipped_phrases())


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", "Stop.", "Stop!!!", "S T O P", "S.T.O.P", "ＳＴＯＰ", "Stooooop", "please stop", "STOP 🛑",
        "st\u200bop",
        "unsubscribe", "Cancel", "END", "Quit", "revoke", "opt out", "OPT-OUT", "stopall",
        "停止", "退订", "退訂！", "请停止", "取消", "TD",
        "BERHENTI", "tolong berhenti", "stopp", "Avslutt", "slutt!", "afmelden", "STOPPEN aub",
    ],
)  # fmt: skip
def test_a_keyword_alone_stops_sms_and_needs_nobody(text: str) -> None:
    found = taken_for(text)
    assert found.refused == [Channel.SMS]
    assert found.needs_nobody


@pytest.mark.parametrize(
    "text",
    [
        "please stop texting me", "Don't text me again", "DON’T TEXT ME", "no more texts!!",
        "I do not want these messages",
        "take me off your list now", "please remove my number", "I revoke my consent to receive this",
        "你們不要再傳簡訊給我", "别再发短信了", "我不想收到短信",
        "tolong jangan kirim SMS lagi", "berhenti mengirim pesan",
        "Kan dere slutte? Ikke send meg flere meldinger", "jeg vil ikke ha SMS fra dere",
        "Stop met sms'en alstublieft", "ik wil geen berichten meer", "Stuur mij geen sms meer",
    ],
)  # fmt: skip
def test_any_reasonable_way_of_saying_it_stops_sms_and_nothing_else(text: str) -> None:
    found = taken_for(text)
    assert (found.refused, found.hold) == ([Channel.SMS], None)
    assert not found.needs_nobody, "the rest of what they write is for a person to read"


@pytest.mark.parametrize(
    "text",
    [
        "I will stop by your office tomorrow", "please don't stop texting me", "leave me alone", "this is harassment",
        "🖕",
        "I'm not paying until you stop this nonsense and talk to me", "別煩我", "骚扰", "jangan ganggu saya",
        "la meg være i fred",
        "laat me met rust", "enough", "dont send me to court",
    ],
)  # fmt: skip
def test_what_may_be_a_refusal_is_for_a_person(text: str) -> None:
    found = taken_for(text)
    assert found.intents[:1] == (Intent.MAYBE_STOP,)
    assert (found.refused, found.needs_nobody) == ([], False)


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("stop calling me", (Intent.STOP_CALLS,)),
        ("stop calling and texting me", (Intent.STOP, Intent.STOP_CALLS)),
        ("don't call me, text me", (Intent.STOP_CALLS,)),
        ("no more emails please", (Intent.STOP_EMAIL,)),
        ("Cease and desist.", (Intent.CEASE,)),
        ("jangan hubungi saya lagi", (Intent.CEASE,)),
        ("START", (Intent.START,)),
        ("恢復", (Intent.START,)),
        ("help!", (Intent.HELP,)),
        ("Hjelp", (Intent.HELP,)),
        ("hvem er dette?", (Intent.HELP,)),
        ("Wrong number, I am not Anna", (Intent.WRONG_NUMBER,)),
        ("打錯了", (Intent.WRONG_NUMBER,)),
        ("I dispute this debt", (Intent.DISPUTE,)),
        ("jeg bestrider kravet", (Intent.DISPUTE,)),
        ("talk to my lawyer", (Intent.ATTORNEY,)),
        ("I filed for bankruptcy", (Intent.BANKRUPTCY,)),
        ("my mother passed away", (Intent.DECEASED,)),
        ("ik kan niet betalen, baan kwijt", (Intent.HARDSHIP,)),
        ("Please call me at 5", (Intent.CALL_ME,)),
        ("Saya sudah transfer kemarin", (Intent.PAID,)),
        (
            "I'm not going to pay",
            (Intent.CEASE,),
        ),  # 15 USC 1692c(c): who refuses to pay in writing is left alone
        ("ok", ()),
        ("", ()),
        ("12345", ()),
    ],
)
def test_other_meanings(text: str, intents: tuple[Intent, ...]) -> None:
    assert taken_for(text).intents == intents


def test_the_provider_knows_a_keyword_we_do_not() -> None:
    found = read("parar", shipped_phrases(), provider_said="STOP")
    assert (found.intents, found.needs_nobody) == ((Intent.STOP,), True)


def test_of_several_holds_the_one_that_stops_most() -> None:
    assert taken_for("I dispute this. Do not contact me again").hold is HoldKind.CEASE_CONTACT
    assert taken_for("I dispute this, ask my lawyer").hold is HoldKind.ATTORNEY


def test_spelling_is_one() -> None:
    assert normalise("  Don’t—TEXT\u202e me… ") == "dont text me"
    assert normalise("請 停止 發送!") == "請停止發送"
    assert normalise("") == normalise("!!!") == ""


def test_every_intent_says_what_to_do_about_it_and_every_message_can_be_decided() -> None:
    for intent in Intent:
        assert suggestions([intent])
        for kept_back in (True, False):
            found = choices([intent], kept_back=kept_back, known=True)
            assert sum(choice.primary for choice in found) == 1
            assert (ReviewOutcome.LIFTED in {choice.outcome for choice in found}) == kept_back


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my card 4111 1111 1111 1111 exp 12", "my card **** **** **** 1111 exp 12"),
        ("4111-1111-1111-1111 and 5500005555555559", "****-****-****-1111 and ************5559"),
        ("call +86138000000 at 10.30", "call +86138000000 at 10.30"),
        ("４１１１１１１１１１１１１１１１", "************１１１１"),
        ("", ""),
    ],
)
def test_card_numbers_are_made_unreadable_but_for_the_last_four(text: str, masked: str) -> None:
    assert mask_card_numbers(text) == masked
    assert not holds_card_number(mask_card_numbers(text))


def test_what_refuses_or_speaks_of_a_death_or_of_somebody_else_is_never_only_read_later() -> None:
    """Words that no list of keywords has: what they may mean rests until a person has looked."""
    spanish = languages_of("es", "US")
    for text in ("No me escriban", "no me manden mensajes", "no me molesten más", "Detente"):
        assert Channel.SMS in read(text, shipped_phrases(), languages=spanish).refused or (
            Intent.MAYBE_STOP in read(text, shipped_phrases(), languages=spanish).intents
        ), text
    for text in (
        "sotp", "delete me", "no msgs", "eff off", "email only", "только", "СТОП", "توقف", "dừng", "중지", "中止",
        "I want to die",
    ):  # fmt: skip
        expected = text != "только"  # a word of their language that refuses nothing
        assert (Intent.MAYBE_STOP in taken_for(text).intents) is expected, text
    for text in ("My husband died", "my dad is dead", "He is no longer with us"):
        assert taken_for(text).hold is HoldKind.DECEASED, text
    assert taken_for("sorry, my phone died").hold is None
    assert taken_for("the deadline has passed").hold is None
    for text in ("Wrong #", "she changed her number", "doesn't live here anymore"):
        assert Intent.WRONG_NUMBER in taken_for(text).intents, text


def test_a_refusal_to_pay_until_something_happens_is_no_refusal_to_pay() -> None:
    assert taken_for("I will not pay this").hold is HoldKind.CEASE_CONTACT
    assert taken_for("I won't pay until Friday").intents == (Intent.MAYBE_STOP,)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("I'm not Maria", Intent.WRONG_NUMBER),
        ("this is not maria lopez", Intent.WRONG_NUMBER),
        ("No María here", Intent.WRONG_NUMBER),
        ("who is Lopez?", Intent.WRONG_NUMBER),
        ("Maria died in March", Intent.DECEASED),
        ("I am Maria", None),
        ("I'm not Mario", None),
        ("name", None),
    ],
)
def test_who_names_the_customer_says_that_they_are_somebody_else(text: str, means: Intent | None) -> None:
    found = read(text, shipped_phrases(), names=["Maria T. López"])
    assert found.intents == ((means,) if means else ())


def test_a_message_of_two_meanings_places_both_holds() -> None:
    found = taken_for("I dispute this debt, and do not contact me again")
    assert found.holds == [HoldKind.CEASE_CONTACT, HoldKind.DISPUTE]


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("quit messaging my phone", (Intent.MAYBE_STOP,)),
        ("someone used my card without me knowing", (Intent.MAYBE_DISPUTE,)),
        ("Your agent was rude to me", (Intent.COMPLAINT,)),
        ("please write in large print", (Intent.SUPPORT_NEED,)),
        ("I'll pay on Friday", (Intent.PROMISE,)),
    ],
)
def test_words_of_their_own_are_read_by_cues_and_the_model(text: str, intents: tuple[Intent, ...]) -> None:
    assert read(text, shipped_phrases(), languages=("en",)).intents == intents


def test_the_model_is_not_asked_where_a_phrase_speaks() -> None:
    found = read(
        "stop texting me, someone used my card without me knowing", shipped_phrases(), languages=("en",)
    )
    assert Intent.MAYBE_DISPUTE not in found.intents


@pytest.mark.parametrize(
    ("text", "intents", "needs_nobody"),
    [
        (
            "I'm driving with Driving Focus turned on. I'll see your message later.",
            (Intent.AUTO_REPLY,),
            True,
        ),
        ("I’m driving with Do Not Disturb While Driving turned on.", (Intent.AUTO_REPLY,), True),
        ("Automatisch antwoord: ik ben met vakantie tot 3 mei", (Intent.AUTO_REPLY,), True),
        ("Automatic reply: she passed away in May", (Intent.DECEASED, Intent.AUTO_REPLY), False),
        ("Auto reply: stop texting me", (Intent.STOP, Intent.AUTO_REPLY), False),
    ],
)
def test_an_automatic_reply_says_only_what_a_machine_would_not(
    text: str, intents: tuple[Intent, ...], *, needs_nobody: bool
) -> None:
    found = taken_for(text)
    assert (found.intents, found.needs_nobody) == (intents, needs_nobody)
