"""Cues of a complaint: dissatisfaction in the customers' words is asked about, ordinary answers are not."""

from __future__ import annotations

import pytest

from app.casework.recognition.cues import LANGUAGES, SHORT_WORDS, complaint_cues, shipped_cues

COMPLAINTS = {
    "en": [
        "I want to make a complaint about the man who called me on Monday.",
        "Your agent was rude and hung up on me.",
        "This is the third time I write. Nobody answers. It is ridiculous.",
        "You keep calling my work even though I told you not to.",
        "I was charged twice and you refuse to refund me",
        "You said the fee would be taken off. It was not. I'm very disappointed.",
        "They lied to my wife about what I owe.",
        "i am not happy with how this was handled",
        "You people are harassing me day and night",
        "I've been waiting for months and still have not had an answer",
        "I will report you to the ombudsman",
        "This is not my debt, I was never notified, and you damaged my credit score.",
    ],
    "nl": [
        "Ik wil een klacht indienen over uw medewerker.",
        "Jullie blijven bellen, ook op mijn werk. Schandalig!",
        "Er is dubbel afgeschreven en ik krijg geen reactie.",
        "Ik ben zeer ontevreden over de gang van zaken",
        "Uw collega was onbeschoft en heeft gelogen.",
    ],
    "nb": [
        "Jeg vil klage på saksbehandleren.",
        "Dere ringer hver dag, det er uakseptabelt",
        "Jeg er veldig skuffet, ingen svarer.",
        "Han var frekk og truet meg",
        "Beløpet er trukket to ganger, jeg vil ha pengene tilbake",
    ],
    "id": [
        "Saya mau komplain soal petugas Anda.",
        "Kolektor Anda kasar dan mengancam saya.",
        "Kalian menelepon terus ke kantor saya, ini keterlaluan!",
        "Saya sangat kecewa, tidak ada tanggapan",
        "Saya akan lapor OJK",
    ],
    "es": [
        "Quiero presentar una queja contra su agente.",
        "No dejan de llamar a mi trabajo, es un acoso",
        "Me cobraron dos veces y nadie responde",
        "Su empleado fue grosero y me mintió",
        "Estoy harta, esto es inaceptable",
    ],
    "zh": [
        "我要投訴你們的專員",
        "你们一直打电话到我公司，太过分了",
        "服務太差，沒人處理",
        "重复扣款，什么时候退钱",
        "他態度很差，還威脅我",
        "答应过减免利息，说话不算",
    ],
}
ORDINARY = {
    "en": [
        "Ok thanks, I will pay on Friday",
        "I already paid on the 3rd, please check",
        "I never got the letter, can you send it again?",
        "I was told I could pay 80 a month, is that still ok?",
        "I called yesterday and they said to pay by Friday, I will",
        "What is this late fee for?",
        "Sorry I could not pay last week, I was away",
        "Please remove my old number and use this one",
        "I lost my job and can't pay right now",
        "Why is my minimum higher this month?",
    ],
    "nl": [
        "Ik betaal vrijdag.",
        "Wat zijn de kosten?",
        "Kan ik in termijnen betalen?",
        "Ik heb al betaald",
        "Bel me morgen",
    ],
    "nb": [
        "Jeg betaler på fredag.",
        "Hva er gebyret?",
        "Kan jeg betale i to deler?",
        "Jeg har betalt",
        "Ring meg i morgen",
    ],
    "id": [
        "Saya bayar hari Jumat.",
        "Berapa dendanya?",
        "Bisa dicicil?",
        "Sudah saya transfer tadi pagi",
        "Tolong telepon besok",
    ],
    "es": [
        "Pago el viernes.",
        "¿Cuánto es el cargo?",
        "¿Puedo pagar en dos partes?",
        "Ya hice el pago",
        "Llámeme mañana",
    ],
    "zh": ["我星期五會付", "利息是多少？", "可以分期吗？", "已經轉帳了", "明天再打给我"],
}


@pytest.mark.parametrize(
    ("language", "text"), [(lang, text) for lang, texts in COMPLAINTS.items() for text in texts]
)
def test_dissatisfaction_is_asked_about(language: str, text: str) -> None:
    assert complaint_cues(text, (language,)), text


@pytest.mark.parametrize(
    ("language", "text"), [(lang, text) for lang, texts in ORDINARY.items() for text in texts]
)
def test_an_ordinary_answer_is_not(language: str, text: str) -> None:
    assert complaint_cues(text, (language,)) == ()


def test_every_language_of_our_customers_has_both_kinds_of_cues() -> None:
    assert set(shipped_cues()) == set(LANGUAGES) == set(COMPLAINTS) == set(ORDINARY)


def test_english_is_read_from_everybody_and_ideographs_wherever_they_stand() -> None:
    assert complaint_cues("this is outrageous", ("nb",)) == ("outrageous",)
    assert complaint_cues("我要投訴", ("nl",)) == ("投訴",)
    assert complaint_cues("Ik wil een klacht indienen", ("en",)) == ()
    assert complaint_cues("Ik wil een klacht indienen") == ("klacht",), "the writer is unknown"


def test_a_cue_stands_on_whole_words_in_any_spelling() -> None:
    assert complaint_cues("COMPLAINING!!!", ("en",)) == ("complaining",)
    assert complaint_cues("isn’t fair", ("en",)) == ("isnt fair",)
    assert complaint_cues("the crude oil price", ("en",)) == (), "no `rude` in it"


def test_weak_cues_need_company_and_more_of_it_in_a_short_text() -> None:
    assert complaint_cues("the fee is wrong", ("en",)) == (), "two, in a few words"
    assert complaint_cues("the fee is wrong again", ("en",)) == ("fee", "wrong", "again")
    padded = "the fee is wrong " + "and so on " * (SHORT_WORDS // 3)
    assert complaint_cues(padded, ("en",)) == ("fee", "wrong")


def test_no_more_than_five_cues_are_told() -> None:
    assert len(complaint_cues("rude, unfair, illegal, horrible, useless, terrible, awful", ("en",))) == 5


def test_a_text_without_words_has_none() -> None:
    assert complaint_cues("", ("en",)) == complaint_cues("👍", None) == ()
