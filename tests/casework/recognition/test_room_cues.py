"""Words in notes by which a request for help, a need or a dispute is known: heard where they are, and nowhere else."""

from __future__ import annotations

import pytest

from app.casework.recognition.cues import LANGUAGES, Subject, cues_of, room_cues

HARDSHIP, NEED, DISPUTE = Subject.HARDSHIP, Subject.SUPPORT_NEED, Subject.DISPUTE
HEARD = [
    (HARDSHIP, "en", "Lost her job in May and cannot afford more than 20 a month"),
    (HARDSHIP, "zh", "客戶失業了，說暫時付不起"),
    (HARDSHIP, "id", "Bapak kena PHK bulan lalu, minta keringanan"),
    (HARDSHIP, "nb", "Kunden er permittert og har betalingsvansker"),
    (HARDSHIP, "nl", "Is haar baan kwijt en vraagt een lager bedrag per maand"),
    (HARDSHIP, "es", "Perdió el trabajo, no le alcanza"),
    (NEED, "en", "Asks for large print, and please no evening calls"),
    (NEED, "zh", "客戶重聽，請講慢一點"),
    (NEED, "id", "Ibu tunanetra, minta surat dengan huruf besar"),
    (NEED, "nb", "Trenger tolk, og vil ha stor skrift"),
    (NEED, "nl", "Is slechthorend, wil alleen per brief"),
    (NEED, "es", "No oye bien; hay que hablar despacio"),
    (DISPUTE, "en", "Says she never bought this, card was stolen in March"),
    (DISPUTE, "zh", "客戶說是盜刷，不是他刷的"),
    (DISPUTE, "id", "Katanya tidak pernah membeli barang itu"),
    (DISPUTE, "nb", "Hevder at varen er sendt i retur, beløpet er feil"),
    (DISPUTE, "nl", "Zegt dat het bedrag niet klopt, is teruggestuurd; bedrag klopt niet"),
    (DISPUTE, "es", "No reconoce el cargo, dice que es un fraude"),
]
ORDINARY = [
    ("en", "Pays on Friday after his salary, sent him the account number"),
    ("en", "Voicemail, no message left. Try again in the morning"),
    ("zh", "客戶說下週五會轉帳，已告知帳號"),
    ("id", "Akan transfer hari Jumat, minta nomor rekening"),
    ("nb", "Betaler på fredag, ba om kontonummer og KID"),
    ("nl", "Betaalt vrijdag na ontvangst van zijn salaris"),
    ("es", "Paga el viernes, pidió el número de cuenta"),
]


@pytest.mark.parametrize(("subject", "language", "text"), HEARD)
def test_it_is_heard(subject: Subject, language: str, text: str) -> None:
    assert cues_of(subject, text, (language,)), text


@pytest.mark.parametrize(("language", "text"), ORDINARY)
def test_an_ordinary_note_asks_nothing(language: str, text: str) -> None:
    assert {each: cues_of(each, text, (language,)) for each in (HARDSHIP, NEED, DISPUTE)} == {
        HARDSHIP: (), NEED: (), DISPUTE: (),
    }  # fmt: skip


def test_every_subject_has_every_language() -> None:
    assert all(set(room_cues()[each]) == set(LANGUAGES) for each in (HARDSHIP, NEED, DISPUTE))


def test_a_cue_stands_on_whole_words() -> None:
    assert cues_of(NEED, "Talked about the colour blinds", ("en",)) == ()
    assert cues_of(HARDSHIP, "REDUNDANCY!", ("en",)) == ("redundancy",)
