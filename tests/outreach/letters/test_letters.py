"""The contract of the shipped letters, and what happens to letters that break it."""

from __future__ import annotations

import dataclasses
import re
import shutil
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.book.portfolios.rules import CollectorKind
from app.core.vocabulary import Channel
from app.outreach.letters.catalog import load_letters
from app.outreach.letters.letter import ABOUT, AccountLine, BadLetter, InstalmentLine, Letter, LetterContext
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.letters.rendering import render
from app.outreach.letters.samples import sample_context
from app.outreach.letters.sms import sms_encoding, sms_segments
from app.outreach.letters.templates import with_line_ends
from tests.letters import letters
from tests.paths import ROOT

LETTERS_DIR = ROOT / "letters"
LETTERS = letters()
REMINDERS = ("first_reminder", "second_reminder")
ORDINARY = (*REMINDERS, "promise_confirmation", "plan_confirmation")
URL = "https://desk.example/u/7.abcdefghijklmnopqrstuvwx"

ENGLISH = LetterContext(
    customer_name="Alex Rivera",
    creditor="First Harbor Bank",
    collector_kind="first_party",
    reference="C-000041",
    accounts=(
        AccountLine("Gold Visa", "4321", "$451.20", "$1,234.56", 12, "USD"),
        AccountLine("Platinum", "8876", "$99.00", "$234.56", 1, "USD"),
    ),
    past_due_total="$550.20",
    oldest_due_on="November 2, 2026",
    today="November 14, 2026",
    contact_phone="+1 212 555 0100",
    contact_email="care@harbor.example",
    preferences_url=URL,
    amount="$550.20",
    promise_on="December 1, 2026",
)
CHINESE = dataclasses.replace(
    ENGLISH,
    customer_name="王小明",
    creditor="第一港灣銀行",
    accounts=(AccountLine("金卡", "4321", "NT$45,120", "NT$123,456", 12, "TWD"),),
    past_due_total="NT$45,120",
    oldest_due_on="2026年11月2日",
    today="2026年11月14日",
    contact_phone="02-2345-6789",
    amount="NT$45,120",
    promise_on="2026年12月1日",
)
INDONESIAN = dataclasses.replace(
    ENGLISH,
    customer_name="Dewi Lestari",
    creditor="Bank Pelabuhan",
    accounts=(AccountLine("Visa Emas", "4321", "Rp4.512.000,00", "Rp12.345.600,00", 12, "IDR"),),
    past_due_total="Rp4.512.000,00",
    oldest_due_on="2 November 2026",
    contact_phone="021 5550 0100",
    amount="Rp4.512.000,00",
    promise_on="1 Desember 2026",
)
NORWEGIAN = dataclasses.replace(
    ENGLISH,
    customer_name="Kari Nordmann",
    creditor="Havnebanken",
    accounts=(AccountLine("Gullkort", "4321", "4\u00a0512,00\u00a0kr", "12\u00a0345,60\u00a0kr", 12, "NOK"),),
    past_due_total="4\u00a0512,00\u00a0kr",
    oldest_due_on="2. november 2026",
    contact_phone="22 55 01 00",
    amount="4\u00a0512,00\u00a0kr",
    promise_on="1. desember 2026",
)
DUTCH = dataclasses.replace(
    ENGLISH,
    customer_name="Sanne de Vries",
    creditor="Havenbank",
    accounts=(AccountLine("Gouden kaart", "4321", "€\u00a0451,20", "€\u00a01.234,56", 12, "EUR"),),
    past_due_total="€\u00a0451,20",
    oldest_due_on="2 november 2026",
    contact_phone="020 555 0100",
    amount="€\u00a0451,20",
    promise_on="1 december 2026",
)
CONTEXTS = {"en": ENGLISH, "id": INDONESIAN, "nb": NORWEGIAN, "nl": DUTCH, "zh": CHINESE}
LANGUAGES = tuple(CONTEXTS)
AGENCY = {
    "en": "Meridian Recovery",
    "id": "Meridian Penagihan",
    "nb": "Meridian Inkasso",
    "nl": "Meridiaan Incasso",
    "zh": "子午資產管理",
}
LISTED = ("- ", "|", "!", "[ ]", "#", *(f"{n}." for n in range(10)))


GSM = frozenset(
    "@£$¥èéùìòÇØøÅåÆæßÉ !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜabcdefghijklmnopqrstuvwxyzäöñüà€"
)


def plain(context: LetterContext) -> LetterContext:
    """With ordinary spaces, as in a text message."""
    given = {f.name: getattr(context, f.name) for f in dataclasses.fields(context)}
    return LetterContext(
        **{k: v.replace("\u00a0", " ") if isinstance(v, str) else v for k, v in given.items()}
    )


def third_party(language: str) -> LetterContext:
    return dataclasses.replace(CONTEXTS[language], collector_kind="third_party", sender=AGENCY[language])


# ----------------------------------------------------------------------------------------- the letters we ship


def test_the_letters_we_ship() -> None:
    everywhere = set(LANGUAGES)
    assert {
        name: (letter.purpose, "".join(c[0] for c in Channel if c in letter.channels))
        for name, letter in LETTERS.items()
    } == {
        "first_reminder": ("reminder", "sepc"),
        "second_reminder": ("reminder", "sepc"),
        "final_notice": ("reminder", "sepc"),
        "promise_confirmation": ("confirmation", "sepc"),
        "plan_offer": ("reminder", "sepc"),
        "plan_confirmation": ("confirmation", "sepc"),
        "plan_broken": ("reminder", "sepc"),
        "plan_cancelled": ("confirmation", "sep"),
        "fees_charged_again": ("confirmation", "ep"),
        "plan_restored": ("confirmation", "ep"),
        "plan_resumed": ("confirmation", "ep"),
        "plan_over": ("confirmation", "ep"),
        "settlement_confirmation": ("confirmation", "sep"),
        "instalment_reminder": ("reminder", "sep"),
        "instalment_moved": ("confirmation", "sep"),
        "instalment_skipped": ("confirmation", "sep"),
        "agreement": ("confirmation", "p"),
        "settlement_offer": ("reminder", "epc"),
        "settlement_completed": ("confirmation", "sep"),
        "paid_in_full": ("confirmation", "sep"),
        "dispute_acknowledged": ("confirmation", "sep"),
        "complaint_acknowledged": ("confirmation", "ep"),
        "complaint_summary_resolution": ("confirmation", "ep"),
        "complaint_holding": ("confirmation", "ep"),
        "complaint_final_response": ("confirmation", "ep"),
        "conduct_warning": ("confirmation", "ep"),
        "billing_error_acknowledged": ("confirmation", "ep"),
        "dispute_upheld": ("confirmation", "ep"),
        "dispute_partly_upheld": ("confirmation", "ep"),
        "dispute_rejected": ("confirmation", "ep"),
        "hardship_form": ("confirmation", "ep"),
        "hardship_acknowledged": ("confirmation", "ep"),
        "hardship_granted": ("confirmation", "ep"),
        "hardship_refused": ("confirmation", "ep"),
        "validation_notice": ("notice", "ep"),
        "default_notice": ("notice", "p"),
        "inkassovarsel": ("notice", "ep"),
        "fourteen_day_letter": ("notice", "ep"),
        "debt_verification": ("notice", "ep"),
        "arrears_notice": ("notice", "p"),
        "default_sum_notice": ("notice", "p"),
        "assignment_notice": ("notice", "ep"),
        "default_notice_au": ("notice", "p"),
        "letter_of_claim": ("notice", "p"),
        "betalingsoppfordring": ("notice", "ep"),
        "collection_costs_demand": ("reminder", "ep"),
        "warning_letter": ("reminder", "ep"),
        "collection_notice_de": ("notice", "ep"),
        "collection_notice_on": ("notice", "p"),
        "collection_notice_qc": ("notice", "p"),
        "collection_notice_tw": ("notice", "ep"),
        "ny_disclosures": ("notice", "ep"),
        "plan_statement": ("notice", "ep"),
        "due_reminder": ("notice", "sec"),
        "help_answer": ("confirmation", "s"),
        "adviser_plan_confirmed": ("representative", "ep"),
        "adviser_plan_changed": ("representative", "ep"),
        "adviser_instalment_ahead": ("representative", "ep"),
        "adviser_plan_broken": ("representative", "ep"),
        "adviser_plan_restored": ("representative", "ep"),
        "adviser_plan_ended": ("representative", "ep"),
        "estate_letter": ("representative", "ep"),
        "attorney_letter": ("representative", "ep"),
        "estate_enquiry": ("representative", "p"),
        "sms_answer": ("confirmation", "s"),
        "knowledge_answer": ("confirmation", "sep"),
        "satisfaction_question": ("confirmation", "se"),
    }
    in_simplified = {name for name, letter in LETTERS.items() if "zh-Hans" in letter.languages}
    assert in_simplified == {
        "first_reminder", "second_reminder", "final_notice", "paid_in_full", "dispute_acknowledged",
        "complaint_acknowledged", "billing_error_acknowledged", "dispute_upheld", "dispute_partly_upheld",
        "dispute_rejected",
        "hardship_form", "help_answer", "sms_answer",
        "knowledge_answer",
        "complaint_summary_resolution", "complaint_holding", "complaint_final_response", "conduct_warning",
        "hardship_acknowledged", "hardship_granted", "hardship_refused",
        "due_reminder", "plan_offer", "plan_confirmation", "plan_broken", "plan_cancelled", "promise_confirmation",
        "settlement_offer", "settlement_confirmation", "settlement_completed", "instalment_reminder",
        "instalment_moved", "instalment_skipped", "agreement", "fees_charged_again",
        "adviser_plan_confirmed", "adviser_plan_changed", "adviser_plan_broken", "adviser_plan_restored",
        "adviser_plan_ended", "adviser_instalment_ahead", "plan_restored", "plan_resumed", "plan_over",
        "estate_letter", "attorney_letter", "estate_enquiry",
        "satisfaction_question",
        "assignment_notice",
    }  # fmt: skip
    claimed = {
        name: set(letter.languages)
        for name, letter in LETTERS.items()
        if set(letter.languages) - {"zh-Hans"} != everywhere
    }
    assert claimed == {
        "validation_notice": {"en"},
        "default_notice": {"en"},
        "inkassovarsel": {"en", "nb"},
        "fourteen_day_letter": {"en", "nl"},
        "debt_verification": {"en"},
        "arrears_notice": {"en"},
        "default_sum_notice": {"en"},
        "default_notice_au": {"en"},
        "letter_of_claim": {"en"},
        "betalingsoppfordring": {"en", "nb"},
        "collection_costs_demand": {"en", "nl"},
        "warning_letter": {"en", "id"},
        "collection_notice_de": {"en", "de"},
        "collection_notice_on": {"en"},
        "collection_notice_qc": {"en", "fr"},
        "collection_notice_tw": {"en", "zh"},
        "ny_disclosures": {"en"},
        "plan_statement": {"en"},
        "due_reminder": {"en", "zh-Hans"},
    }
    assert {letter.about for letter in LETTERS.values()} == ABOUT


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("name", ORDINARY)
def test_every_letter_says_what_it_must(name: str, channel: Channel, language: str) -> None:
    context = CONTEXTS[language]
    rendered = render(LETTERS[name], channel, language, context)
    assert rendered.language == language
    assert rendered.version == LETTERS[name].version
    assert rendered.blocks >= LETTERS[name].required[channel]
    bodies = [rendered.text, rendered.html] if channel is Channel.EMAIL else [rendered.text]
    for body in bodies:
        body = body.replace("\u00a0", " ")
        context = plain(context)
        assert context.contact_phone in body or channel is Channel.CALL
        assert context.creditor in body
        assert "{{" not in body
        assert "None" not in body
        if name in REMINDERS:
            assert context.past_due_total in body
            assert context.oldest_due_on in body
            assert all(account.last4 in body for account in context.accounts)
        else:
            assert context.amount in body
            assert context.promise_on in body
    assert "\n\n\n" not in rendered.text
    assert rendered.text == rendered.text.strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ORDINARY)
def test_every_electronic_message_tells_how_to_stop_it(name: str, language: str) -> None:
    sms = render(LETTERS[name], Channel.SMS, language, CONTEXTS[language])
    assert "STOP" in sms.text
    email = render(LETTERS[name], Channel.EMAIL, language, CONTEXTS[language])
    assert URL in email.text
    assert f'href="{URL}"' in email.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("name", ORDINARY)
def test_a_third_party_says_what_it_is_and_for_whom(name: str, channel: Channel, language: str) -> None:
    says = {
        "en": "attempt to collect a debt",
        "id": "menagih utang",
        "nb": "inndriving av et krav",
        "nl": "een incassobureau",
        "zh": "催收債務",
    }[language]
    rendered = render(LETTERS[name], channel, language, third_party(language))
    assert says in rendered.text
    assert AGENCY[language] in rendered.text
    if channel is Channel.EMAIL:
        assert says in rendered.html
    if name in REMINDERS:
        assert CONTEXTS[language].creditor in rendered.text
    assert says not in render(LETTERS[name], channel, language, CONTEXTS[language]).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ORDINARY)
def test_an_sms_is_one_short_line(name: str, language: str) -> None:
    own = render(LETTERS[name], Channel.SMS, language, CONTEXTS[language]).text
    assert language == "zh" or set(own) <= GSM, "one letter outside GSM 7-bit would halve what an SMS holds"
    agency = render(LETTERS[name], Channel.SMS, language, third_party(language)).text
    assert "\n" not in own
    assert sms_segments(own) <= 2
    assert sms_segments(agency) <= 3
    assert CONTEXTS[language].customer_name not in own, "a number may have a new owner"


@pytest.mark.parametrize("name", REMINDERS)
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.POST])
def test_help_and_dispute_are_offered(name: str, channel: Channel) -> None:
    text = render(LETTERS[name], channel, "en", ENGLISH).text
    assert "If paying is hard right now" in text
    assert "If you think the amount is wrong" in text


@pytest.mark.parametrize("context", [ENGLISH, third_party("en")])
@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("name", ORDINARY)
def test_nothing_threatens(name: str, channel: Channel, context: LetterContext) -> None:
    rendered = render(LETTERS[name], channel, "en", context)
    words = f"{rendered.subject} {rendered.text} {rendered.html}".lower()
    for threat in (
        "court",
        "legal action",
        "lawsuit",
        "immediately",
        "final",
        "must pay",
        "consequence",
        "failure to",
    ):
        assert threat not in words


def test_a_plan_is_told_payment_by_payment() -> None:
    plan = (InstalmentLine(1, "December 1, 2026", "$275.10"), InstalmentLine(2, "January 1, 2027", "$275.10"))
    context = dataclasses.replace(ENGLISH, instalments=plan, promise_on="January 1, 2027")
    letter = LETTERS["plan_confirmation"]
    assert "2. $275.10 by January 1, 2027" in render(letter, Channel.EMAIL, "en", context).text
    assert "| 2 | January 1, 2027 |  | $275.10 |" in render(letter, Channel.POST, "en", context).text
    assert "in 2 payments, the first by December 1, 2026" in render(letter, Channel.SMS, "en", context).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["plan_offer", "plan_confirmation", "settlement_offer"])
def test_each_payment_has_its_own_line(name: str, language: str) -> None:
    plan = tuple(InstalmentLine(n, f"day {n}", f"$10{n}", f"RF0{n}") for n in range(4))
    context = dataclasses.replace(third_party(language), instalments=plan)
    lines = render(LETTERS[name], Channel.EMAIL, language, context).text.splitlines()
    for part in plan:
        [line] = [line for line in lines if part.amount in line]
        assert not [other for other in plan if other is not part and other.amount in line]


def test_html_is_well_formed() -> None:
    class Balanced(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "br"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    for name in ORDINARY:
        for language in LANGUAGES:
            parser = Balanced()
            parser.feed(render(LETTERS[name], Channel.EMAIL, language, third_party(language)).html)
            assert parser.open == []


# -------------------------------------------------------------------------------------- languages and hostility


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("zh-TW", "zh"),
        ("zh_Hant", "zh"),
        ("zh-CN", "zh-Hans"),
        ("fr", "en"),
        ("", "en"),
        ("nl-BE", "nl"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("ID", "id"),
    ],  # fmt: skip
)
def test_a_language_we_lack_falls_back_to_english_and_says_so(wanted: str, got: str) -> None:
    letter = LETTERS["first_reminder"]
    assert letter.language_for(wanted) == got
    assert render(letter, Channel.SMS, wanted, ENGLISH).language == got


def test_a_value_cannot_break_out_of_its_place() -> None:
    nasty = "Eve\r\nBcc: x@y.example\n\n| a | b |\u2028<script>{{ creditor }}\u202e\ud800\x00"
    context = dataclasses.replace(ENGLISH, customer_name=nasty, creditor=nasty, reference=nasty)
    letter = LETTERS["first_reminder"]

    email = render(letter, Channel.EMAIL, "en", context)
    assert "\n" not in email.subject
    assert "\r" not in email.subject
    assert not any(line.startswith("Bcc:") for line in email.text.splitlines())
    assert "<script>" not in email.html
    assert "&lt;script&gt;" in email.html
    assert "{{ creditor }}" in email.text, "a value is text, never a template"

    post = render(letter, Channel.POST, "en", context).text
    assert "| a | b |" not in post
    assert "Dear Eve  Bcc: x@y.example  / a / b / <script>{{ creditor }}" in post

    sms = render(letter, Channel.SMS, "en", context).text
    assert len(sms.splitlines()) == 1
    for text in (email.subject, email.text, email.html, post, sms):
        assert not {"\x00", "\u202e", "\ud800", "\u2028"} & set(text)


def test_a_value_has_a_limit() -> None:
    context = dataclasses.replace(ENGLISH, customer_name="x" * 100_000)
    assert len(render(LETTERS["first_reminder"], Channel.EMAIL, "en", context).text) < 3_000


# -------------------------------------------------------------------------------------------- amounts and dates


@pytest.mark.parametrize(
    ("minor", "currency", "language", "expected"),
    [
        (123450, "USD", "en", "$1,234.50"),
        (1, "USD", "en", "$0.01"),
        (-500, "EUR", "en", "-€5.00"),
        (1200, "TWD", "en", "NT$1,200"),
        (1200, "TWD", "zh-TW", "NT$1,200"),
        (1200, "JPY", "en", "¥1,200"),
        (1234, "KWD", "en", "KWD\u00a01.234"),
        (123450, "USD", "zh", "US$1,234.50"),
        (123450, "CNY", "zh", "CN¥1,234.50"),
        (123450, "GBP", "da", "£1,234.50"),
        (123450, "EUR", "de", "1.234,50\u00a0€"),
        (123450, "CAD", "fr", "1\u00a0234,50\u00a0$"),
        (123450, "EUR", "nl", "€\u00a01.234,50"),
        (123450, "NOK", "nb", "1\u00a0234,50\u00a0kr"),
        (123450, "IDR", "id", "Rp1.234,50"),
        (123450, "CNY", "zh-Hans", "¥1,234.50"),
        (123450, "GBP", "en_GB", "£1,234.50"),
        (123450, "USD", "en_GB", "US$1,234.50"),
        (123450, "AUD", "en_AU", "$1,234.50"),
        (123450, "HKD", "en_HK", "HK$1,234.50"),
        (123450, "SGD", "en_SG", "$1,234.50"),
        (123456750, "INR", "en_IN", "₹12,34,567.50"),
    ],
)
def test_amounts_have_the_decimals_we_bill_in(
    minor: int, currency: str, language: str, expected: str
) -> None:
    assert format_amount(minor, currency, language) == expected


@pytest.mark.parametrize(
    ("wanted", "country", "expected"),
    [
        ("en", "US", "en_US"),
        ("en", "PR", "en_US"),
        ("en-US", "GB", "en_GB"),
        ("en", "FR", "en_GB"),
        ("en", "", "en_GB"),
        ("fr", "AU", "en_AU"),
        ("en", "HK", "en_HK"),
        ("en", "SG", "en_SG"),
        ("en", "IN", "en_IN"),
        ("nl", "BE", "nl"),
        ("zh", "HK", "zh"),
    ],
)
def test_english_is_written_in_the_manner_of_where_it_is_read(
    wanted: str, country: str, expected: str
) -> None:
    assert LETTERS["first_reminder"].locale_for(wanted, country) == expected


def test_rupees_do_not_double_what_an_sms_costs() -> None:
    context = dataclasses.replace(ENGLISH, past_due_total=format_amount(12_345_600, "INR", "en_IN"))
    text = render(LETTERS["first_reminder"], Channel.SMS, "en", context).text
    assert "Rs 1,23,456.00" in text
    assert sms_encoding(text) == "GSM-7"


def test_dates_spell_the_month() -> None:
    assert format_date(date(2026, 11, 2), "en_US") == "November 2, 2026"
    assert format_date(date(2026, 11, 2), "en_GB") == "2 November 2026"
    assert format_date(date(2026, 11, 2), "zh-TW") == "2026年11月2日"
    assert format_date(date(2026, 5, 2), "id") == "2 Mei 2026"
    assert format_date(date(2026, 5, 2), "nb") == "2. mai 2026"
    assert format_date(date(2026, 5, 2), "nl") == "2 mei 2026"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("帳" * 70, 1),
        ("帳" * 71, 2),
        ("帳" * 135, 3),
        ("a" * 70 + "’", 2),
    ],
)
def test_sms_segments(text: str, segments: int) -> None:
    assert sms_segments(text) == segments


def test_a_no_break_space_does_not_double_the_price_of_an_sms() -> None:
    context = dataclasses.replace(ENGLISH, past_due_total="KWD\u00a01.234")
    text = render(LETTERS["first_reminder"], Channel.SMS, "en", context).text
    assert "KWD 1.234" in text


# ---------------------------------------------------------------------------------------- letters that are wrong


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some of the letters, to be spoilt."""
    copied = tmp_path / "letters"
    for name in ("_base", *REMINDERS, "promise_confirmation"):
        shutil.copytree(LETTERS_DIR / name, copied / name)
    return copied


def test_the_version_follows_the_words_shared_ones_too(folder: Path) -> None:
    def versions() -> dict[str, str]:
        return {name: letter.version for name, letter in load_letters(folder).items()}

    before = versions()
    assert before == {name: LETTERS[name].version for name in before}
    sms = folder / "first_reminder" / "en" / "sms.txt"
    sms.write_text(sms.read_text() + " Thank you.")
    after = versions()
    assert {name for name in before if before[name] != after[name]} == {"first_reminder"}
    blocks = folder / "_base" / "zh" / "blocks.toml"
    blocks.write_text(blocks.read_text() + "\n# changed\n")
    assert not set(versions().values()) & set(after.values())


def test_an_edit_while_running_changes_nothing_until_letters_are_loaded_again(folder: Path) -> None:
    letter = load_letters(folder)["first_reminder"]
    before = render(letter, Channel.SMS, "en", ENGLISH)
    (folder / "first_reminder" / "en" / "sms.txt").write_text("something else")
    assert render(letter, Channel.SMS, "en", ENGLISH) == before


@pytest.mark.parametrize(
    "missing",
    [
        "first_reminder/zh/sms.txt",
        "second_reminder/en/email.subject.txt",
        "promise_confirmation/en/email.html",
        "second_reminder/nl/post.txt",
        "first_reminder/letter.toml",
        "_base/zh/blocks.toml",
    ],
)
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(BadLetter, match=missing):
        load_letters(folder)


@pytest.mark.parametrize(
    ("file", "words", "complaint"),
    [
        ("en/sms.txt", "{{ today }}", r"first_reminder/en/sms\.txt: variable today is not declared"),
        (
            "en/sms.txt",
            "{% if creditor == 'never' %}{{ amount }}{% endif %}",
            "variable amount is not declared",
        ),
        ("en/email.html", "{{ accounts[0].iban }}", r"first_reminder/en/email\.html.*iban"),
        ("zh/post.txt", "{{ block('no_such') }}", r"first_reminder/zh/post\.txt.*no_such"),
        (
            "zh/post.txt",
            "{{ block('instalments') }}",
            "block instalments.post.txt: variable instalments is not declared",
        ),
        ("zh/post.txt", "{% if %}", r"first_reminder/zh/post\.txt"),
        ("en/call.txt", "{{ creditor.__class__.__mro__ }}", r"first_reminder/en/call\.txt"),
    ],
)
def test_a_mistake_is_found_when_letters_are_loaded(
    folder: Path, file: str, words: str, complaint: str
) -> None:
    path = folder / "first_reminder" / file
    path.write_text(path.read_text() + words)
    with pytest.raises(BadLetter, match=complaint):
        load_letters(folder)


@pytest.mark.parametrize(
    ("file", "block"),
    [
        ("sms.txt", "opt_out"),
        ("sms.txt", "disclosure"),
        ("email.txt", "opt_out"),
        ("email.html", "opt_out"),
        ("email.html", "disclosure"),
        ("post.txt", "dispute"),
        ("call.txt", "identify"),
    ],
)
def test_a_letter_without_a_required_block_does_not_load(folder: Path, file: str, block: str) -> None:
    path = folder / "first_reminder" / "en" / file
    words = path.read_text()
    assert f"block('{block}')" in words
    path.write_text(words.replace(f"{{{{ block('{block}') }}}}", ""))
    with pytest.raises(BadLetter, match=f"lacks required block {block}"):
        load_letters(folder)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('purpose = "reminder"', 'purpose = "threat"', "purpose 'threat' is unknown"),
        ('"oldest_due_on"', '"swift"', "variable swift is unknown"),
        ('["en", "id", "nb", "nl", "zh", "zh-Hans"]', '["zh"]', "missing in en. Every letter exists"),
        ('["en", "id", "nb", "nl", "zh", "zh-Hans"]', '["en", "tlh"]', "language tlh is unknown"),
        ('"sms", "email"', '"fax", "email"', "fax"),
        ('title = "First reminder"', 'about = "life"\ntitle = ""', "about = 'life' is unknown"),
        ('title = "First reminder"', 'sent_in = ["da"]\ntitle = ""', "sent_in names da"),
        ('title = "First reminder"', 'needs = ["amount"]\ntitle = ""', "needs amount"),
        ('title = "First reminder"', 'answer = { weeks = 2 }\ntitle = ""', "weeks"),
        ('title = "First reminder"', "", "title"),
        ('title = "First reminder"', "title =", "letter.toml"),
    ],
)
def test_a_wrong_declaration_does_not_load(folder: Path, old: str, new: str, complaint: str) -> None:
    path = folder / "first_reminder" / "letter.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadLetter, match=complaint):
        load_letters(folder)


def test_a_channel_the_letter_does_not_have() -> None:
    letter: Letter = dataclasses.replace(LETTERS["first_reminder"], channels=frozenset({Channel.SMS}))
    with pytest.raises(BadLetter, match="has no post form"):
        render(letter, Channel.POST, "en", ENGLISH)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadLetter, match="no letters"):
        load_letters(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "country", "got"),
    [
        ("zh", "TW", "zh"),
        ("zh", "CN", "zh-Hans"),
        ("zh", "SG", "zh-Hans"),
        ("zh-TW", "CN", "zh"),
        ("nl", "CN", "nl"),
    ],
)
def test_chinese_without_a_script_is_written_as_the_country_writes(
    wanted: str, country: str, got: str
) -> None:
    assert LETTERS["final_notice"].language_for(wanted, country) == got


def test_reminders_to_the_mainland_tell_rights_ways_and_the_individual_agreement() -> None:
    """银监会令2011年第2号 arts 69, 70."""
    for name in ("first_reminder", "second_reminder", "final_notice"):
        for channel in (Channel.EMAIL, Channel.POST):
            text = render(LETTERS[name], channel, "zh-Hans", CHINESE).text
            for said in ("2011年第2号", "提出异议", "查询账户状态", "最长五年", "停止催收"):
                assert said in text, f"{name} {channel}"


def test_every_language_with_scripts_says_what_may_be_left_on_voicemail() -> None:
    """A name, a wish and a number: 12 CFR 1006.2(j)."""
    for folder in sorted((ROOT / "letters").glob("*/*/call.txt")):
        language = folder.parent.name
        blocks = tomllib.loads((ROOT / "letters" / "_base" / language / "blocks.toml").read_text())
        message = blocks["voicemail"]["call"]
        assert set(re.findall(r"{{ (\w+) }}", message)) == {"voicemail_name", "contact_phone"}, language


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("Pay.{% if a %} Or call.{% endif %}\n\nBye", "Pay.{% if a %} Or call.{% endif +%}\n\nBye"),
        ("{% if a %}\nPay.\n{% endif %}\nBye", "{% if a %}\nPay.\n{% endif %}\nBye"),
        ("  {% if a %}{% if b %}\nPay.", "  {% if a %}{% if b %}\nPay."),
        ("Pay.{% endif +%}\nBye{% endif -%}", "Pay.{% endif +%}\nBye{% endif -%}"),
    ],
)
def test_a_line_of_words_keeps_its_end(source: str, read: str) -> None:
    assert with_line_ends(source) == read


def test_paragraphs_stand_apart_in_every_letter() -> None:
    """A blank line of a template is one in the letter: two paragraphs that run into one are read as one."""
    for letter in LETTERS.values():
        for channel in letter.channels & {Channel.EMAIL, Channel.POST}:
            for language in letter.languages:
                context = sample_context(
                    language, CollectorKind.THIRD_PARTY, "https://pay.example/p", today=date(2026, 12, 1)
                )
                text = render(letter, channel, language, context).text
                for before, after in zip(text.split("\n"), text.split("\n")[1:], strict=False):
                    is_prose = len(before) > 40 and before[-1] in ".!?。！？" and after
                    listed = before.startswith(LISTED) or after.startswith(LISTED)
                    assert not is_prose or listed, (
                        f"{letter.name} {channel} {language}: {before[-40:]} / {after[:40]}"
                    )


def test_a_reminder_of_what_is_not_due_yet_says_nothing_of_collection() -> None:
    """15 USC 1692a(6)(F)(iii): who is not in default has no debt collector; that one writes would be false."""
    letter = LETTERS["due_reminder"]
    for (channel, language), blocks in letter.carries.items():
        assert "disclosure" not in blocks, (channel, language)
    assert "disclosure" in LETTERS["first_reminder"].carries[Channel.EMAIL, "zh-Hans"]
