"""Every shipped letter in every language and channel that it claims: whole, well filled in, and as its packs demand."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pytest

from app.adapters.print.letter_page import parts
from app.core.vocabulary import Channel, Purpose
from app.outreach.letters.letter import (
    VARIABLES,
    AccountLine,
    DebtLine,
    InstalmentLine,
    Letter,
    LetterContext,
    PaidLine,
    RenderedLetter,
    Unsayable,
)
from app.outreach.letters.locales import format_amount, format_date, format_rate
from app.outreach.letters.rendering import render
from app.outreach.letters.sms import sms_segments
from app.outreach.letters.statutory import ClaimLine, DefaultSumLine, ItemLine, OldDebtLine
from app.policy.kinds.content import ContentRule
from app.policy.kinds.language import LanguageRule
from app.policy.kinds.wait import WaitRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from tests import builders
from tests.paths import ROOT

LETTERS = builders.catalog().letters
CURRENCY = {
    "de": "EUR",
    "en": "GBP",
    "fr": "CAD",
    "id": "IDR",
    "nb": "NOK",
    "nl": "EUR",
    "zh": "TWD",
    "zh-Hans": "CNY",
}
COUNTRY = {
    "de": "DE", "en": "GB", "fr": "CA", "id": "ID", "nb": "NO", "nl": "NL", "zh": "TW", "zh-Hans": "CN",
}  # fmt: skip
PEOPLE = {
    "de": ("Erika Mustermann", "Hafenbank", "Meridian Inkasso"),
    "fr": ("Marie Tremblay", "Banque du Port", "Recouvrement Méridien"),
    "en": ("Alex Rivera", "First Harbor Bank", "Meridian Recovery"),
    "id": ("Dewi Lestari", "Bank Pelabuhan", "Meridian Penagihan"),
    "nb": ("Kari Nordmann", "Havnebanken", "Meridian Inkasso"),
    "nl": ("Sanne de Vries", "Havenbank", "Meridiaan Incasso"),
    "zh": ("王小明", "第一港灣銀行", "子午資產管理"),
    "zh-Hans": ("王小明", "第一港湾银行", "子午资产管理"),
}
EVERYWHERE = LETTERS["first_reminder"].languages
"""Languages of the letters that are not of one place."""


def filled(language: str, *, agency: bool = False, plan: bool = True) -> LetterContext:
    """Every variable has a value that occurs nowhere else."""
    name, creditor, collector = PEOPLE[language]

    def money(n: int) -> str:
        return format_amount(n * 1_000, CURRENCY[language], language)

    def day(n: int) -> str:
        return format_date(date(2026, 11, n), language)

    lines = (
        InstalmentLine(1, day(20), money(21), "RF97P0000071"),
        InstalmentLine(2, day(21), money(22), "RF70P0000072"),
    )
    return LetterContext(
        customer_name=name,
        creditor=creditor,
        collector_kind="third_party" if agency else "first_party",
        reference="C-000041",
        accounts=(AccountLine("Visa", "4321", money(11), money(12), 12, CURRENCY[language], day(13)),),
        past_due_total=money(31),
        oldest_due_on=day(2),
        today=day(3),
        contact_phone="+31 20 555 0100",
        contact_email="care@harbor.example",
        preferences_url="https://desk.example/u/7.abcdefghijklmnop",
        amount=money(43),
        promise_on=day(21),
        article_title=f"{name} 99",
        instalments=lines if plan else (),
        due_on=day(9),
        answer_by=day(22),
        balance_total=money(54),
        missed_on=day(4),
        missed_amount=money(56),
        settlement_amount=money(67),
        settle_by=day(23),
        received_on=day(5),
        answer=money(90),
        review_on=day(24),
        collection_costs=money(78),
        total_with_costs=money(79),
        itemization=(
            ItemLine(
                "Visa", "4321", day(1), money(80), money(81), money(82), money(83), money(84), money(85)
            ),
        ),
        paid=(PaidLine("Visa", "4321", money(14), day(15)),),
        sender_address="P.O. Box 1, Pasadena, CA 91111",
        country={
            "de": "DE",
            "fr": "CA",
            "en": "GB",
            "id": "ID",
            "nb": "NO",
            "nl": "NL",
            "zh": "TW",
            "zh-Hans": "CN",
        }[language],
        creditor_address="100 Main Street, Boston MA 02108",
        creditor_complaints="+886 2 5550 0199",
        supervisory_authority="Amt für Aufsicht, Ring 1, 50667 Köln, post@aufsicht.example",
        claims=(
            ClaimLine(
                "Visa",
                "4321",
                day(16),
                money(103),
                money(104),
                money(105),
                money(106),
                money(107),
                format_rate(149_000, language),
                day(17),
                day(18),
                money(108),
                money(109),
            ),
        ),
        address_found="yes",
        payment_term="clause 4 (Payments)",
        original_creditor="Old Quay Bank",
        assigned_on=day(14),
        default_sums=(DefaultSumLine("Visa", "4321", money(110), day(19)),),
        default_sums_total=money(111),
        customer_address="14 Elm Street, Springfield IL 62701",
        register_number="R-777" if agency else "",
        sender=collector if agency else "",
        plan_kind="hardship",
        plan_reference="P-000007",
        cadence="monthly",
        currency=CURRENCY[language],
        debt=(DebtLine("Visa", "4321", money(86), money(87), money(88), money(89), money(91)),),
        payments="2" if plan else "1",
        instalments_now=(InstalmentLine(2, day(15), money(102), "RF99P7N2"),) if plan else (),
        last_due_on=day(25),
        last_amount=money(92),
        new_last_amount=money(98),
        interest="lower",
        rate=format_rate(59_900, language),
        rate_before=format_rate(219_000, language),
        late_fees="none",
        waived=money(93),
        waived_fees=money(94),
        charged_on=day(28),
        skips="1",
        grace_days="3",
        re_age="yes",
        relief="reduced" if plan else "",
        relief_until=day(27),
        step_on=day(29) if plan else "",
        step_amount=money(99) if plan else "",
        no_new_card="yes",
        agreed_on=day(6),
        agreed_with="",
        acceptance="phone",
        words=money(95),
        payee=creditor,
        iban="NL91 ABNA 0417 1643 00",
        payment_reference="" if plan else "RF97P0000071",
        when="grace",
        missing=money(96),
        came=money(97),
        others=(InstalmentLine(2, day(30), money(100)),) if plan else (),
        moved_from=day(7),
        grace_until=day(26),
        why_ended="returned",
        ended_on=day(13),
        wrote_on=day(10),
        paid_on=day(11),
        paid_amount=money(101),
        restored="runs" if plan else "over",
        replaced_by="P-000008",
        extended_to=day(12),
        adviser_name="Jo Advice",
        adviser_reference="HELP-881",
        client_hears="yes",
        question_url="https://desk.example/u/41.ask.1w0.abcdefghijklmnop/score",
        asked_before="yes" if plan else "",
    )


FORMS = [
    (letter, channel, language)
    for letter in LETTERS.values()
    for channel in sorted(letter.channels)
    for language in letter.languages
]


@cache
def worded(
    name: str, channel: Channel, language: str, agency: bool = False, plan: bool = True
) -> RenderedLetter:
    return render(LETTERS[name], channel, language, filled(language, agency=agency, plan=plan))


def all_worded() -> Iterator[tuple[Letter, Channel, str, RenderedLetter]]:
    for letter, channel, language in FORMS:
        for agency in (False, True):
            for plan in (True, False):
                yield letter, channel, language, worded(letter.name, channel, language, agency, plan)


def test_every_letter_comes_out_whole_in_each_channel_and_language() -> None:
    for letter, channel, language, words in all_worded():
        where = f"{letter.name} {channel} {language}"
        assert words.language == language, where
        assert words.blocks >= letter.required[channel] | set(letter.carries[channel, language]), where
        for text in (words.subject, words.text, words.html):
            assert not re.search(r"\{\{|\}\}|\{%|%\}|None|Undefined", text), where
            assert "\n\n\n" not in text, where
            assert not re.search(r"[a-z0-9][.?!][A-Z][a-z]", text), f"{where}: two sentences run together"
        assert words.text.strip(), where
        assert bool(words.subject) == (channel in (Channel.EMAIL, Channel.POST)), where
        assert bool(words.html) == (channel is Channel.EMAIL), where
        if channel is not Channel.SMS:  # a number may have a new owner
            assert filled(language).customer_name in words.text, where


def test_who_makes_token_payments_is_told_on_each_channel_that_the_rest_stays_owed() -> None:
    for name in ("plan_offer", "plan_confirmation"):
        for language in LETTERS[name].languages:
            context = dataclasses.replace(filled(language), relief="token")
            for channel in (Channel.SMS, Channel.EMAIL, Channel.POST):
                words = render(LETTERS[name], channel, language, context)
                assert context.relief_until in words.text, f"{name} {channel} {language}"


def test_who_begins_with_smaller_payments_is_told_on_each_channel_when_they_grow() -> None:
    for name in ("plan_offer", "plan_confirmation"):
        for language in LETTERS[name].languages:
            context = filled(language)
            short = render(LETTERS[name], Channel.SMS, language, context).text
            for said in (context.step_on, context.step_amount.replace("\u00a0", " ")):
                assert said in short, f"{name} {language}"
            for channel in (Channel.EMAIL, Channel.POST):
                assert context.relief_until in render(LETTERS[name], channel, language, context).text, (
                    f"{name} {channel} {language}"
                )


def test_a_settlement_that_leaves_other_debt_names_its_cards_and_closes_no_case() -> None:
    closed = (
        "closed the case",
        "penanganan ini kami tutup",
        "avsluttet saken",
        "zaak gesloten",
        "結案",
        "结案",
    )
    letter = LETTERS["settlement_completed"]
    for language in letter.languages:
        whole = filled(language)
        part = dataclasses.replace(whole, settled_cards="4321, 8765")
        for channel in letter.channels:
            for context in (whole, part):
                words = render(letter, channel, language, context)
                where = f"{channel} {language}"
                assert (part.settled_cards in words.text) is (context is part), where
                says_closed = any(each in words.text for each in closed)
                assert says_closed is (context is whole and channel is not Channel.SMS), where


def test_each_declared_variable_is_used_and_no_other_exists() -> None:
    for letter in LETTERS.values():
        folder = ROOT / "letters"
        source = "\n".join(path.read_text() for path in (folder / letter.name).rglob("*.*"))
        for language in letter.languages:
            source += (folder / "_base" / language / "blocks.toml").read_text()
        assert letter.variables <= VARIABLES
        declared = re.sub(r"variables = \[[^]]*\]", "", source)
        unused = {name for name in letter.variables if not re.search(rf"\b{name}\b", declared)}
        assert not unused, letter.name


def test_figures_and_dates_of_the_letter_are_in_its_words() -> None:
    """What a letter is about is said on each channel, not on some of them only."""
    said = {
        "final_notice": ("past_due_total", "answer_by"),
        "plan_offer": ("amount",),
        "plan_broken": ("missed_amount", "missed_on", "agreed_on"),
        "settlement_confirmation": ("settlement_amount", "settle_by"),
        "instalment_reminder": ("missing", "due_on", "grace_until"),
        "instalment_moved": ("amount", "due_on", "moved_from", "last_due_on", "new_last_amount"),
        "instalment_skipped": ("amount", "moved_from", "last_amount", "last_due_on"),
        "plan_cancelled": ("amount", "promise_on", "agreed_on"),
        "plan_over": ("plan_reference", "agreed_on", "ended_on"),
        "plan_restored": ("plan_reference", "wrote_on", "paid_on", "paid_amount"),
        "plan_resumed": (
            "plan_reference",
            "missing",
            "due_on",
            "grace_until",
            "last_due_on",
            "new_last_amount",
        ),
        "adviser_instalment_ahead": ("plan_reference", "missing", "due_on"),
        "adviser_plan_restored": ("plan_reference", "wrote_on", "paid_on", "paid_amount"),
        "fees_charged_again": ("plan_reference", "agreed_on", "waived_fees", "charged_on"),
        "settlement_offer": ("balance_total", "settlement_amount", "settle_by"),
        "dispute_acknowledged": ("review_on",),
        "dispute_upheld": ("received_on", "dispute_reference", "explanation"),
        "dispute_partly_upheld": ("received_on", "dispute_reference", "conceded_amount", "explanation"),
        "dispute_rejected": ("received_on", "dispute_reference", "explanation"),
        "billing_error_acknowledged": ("received_on", "dispute_reference", "disputed_amount", "review_on"),
        "complaint_acknowledged": ("received_on", "review_on"),
        "complaint_summary_resolution": ("received_on", "complaint_reference", "reasons", "body_website"),
        "complaint_holding": ("received_on", "review_on", "expected_on", "body_website"),
        "complaint_final_response": ("received_on", "reasons", "redress", "body_name", "body_website"),
        "conduct_warning": ("conduct_on", "conduct_words"),
        "validation_notice": ("answer_by", "sender_address", "customer_address"),
        "default_notice": ("answer_by", "creditor_address", "payment_term"),
        "default_notice_au": ("answer_by", "creditor_address", "payment_term"),
        "inkassovarsel": ("past_due_total", "answer_by", "oldest_due_on"),
        "debt_verification": ("creditor", "past_due_total", "today"),
        "arrears_notice": ("past_due_total", "oldest_due_on", "sender_address"),
        "letter_of_claim": (
            "past_due_total",
            "answer_by",
            "creditor_address",
            "payment_term",
            "sender_address",
        ),
        "betalingsoppfordring": ("creditor", "past_due_total", "answer_by", "oldest_due_on"),
        "collection_costs_demand": ("past_due_total", "collection_costs", "total_with_costs"),
        "warning_letter": ("past_due_total", "answer_by", "oldest_due_on"),
        "fourteen_day_letter": ("past_due_total", "collection_costs", "total_with_costs"),
        "collection_notice_de": (
            "creditor_address",
            "sender_address",
            "past_due_total",
            "oldest_due_on",
            "supervisory_authority",
        ),
        "collection_notice_on": ("creditor", "sender_address", "past_due_total", "balance_total"),
        "collection_notice_qc": ("creditor", "sender_address", "register_number", "past_due_total"),
        "collection_notice_tw": ("creditor", "past_due_total", "creditor_complaints"),
        "due_reminder": ("amount", "due_on"),
    }
    for letter, channel, language, words in all_worded():
        context = filled(language)
        for name in said.get(letter.name, ()):
            value = getattr(context, name)
            shown = value.replace("\u00a0", " ") if channel is Channel.SMS else value
            assert shown in words.text, f"{letter.name} {channel} {language} {name}"
            assert channel is not Channel.EMAIL or value in unescape(words.html), (
                letter.name,
                language,
                name,
            )


@pytest.mark.parametrize("language", EVERYWHERE)
def test_a_broken_plan_is_named_and_an_offer_claims_no_talk_before_it(language: str) -> None:
    for channel in (Channel.EMAIL, Channel.POST, Channel.CALL):
        assert filled(language).plan_reference in worded("plan_broken", channel, language).text
        offer = worded("plan_offer", channel, language).text
        assert not re.search(r"discussed|spraken over|snakket om|pembicaraan kita|先前|此前", offer)


@pytest.mark.parametrize("language", EVERYWHERE)
def test_a_down_payment_is_told_apart_from_the_payments_that_follow(language: str) -> None:
    """The cadence and the number of payments are those of the others."""
    context = filled(language)
    first, lines = InstalmentLine(0, context.due_on, context.came, "RF43P0000070"), context.instalments
    for name in (
        "plan_offer",
        "plan_confirmation",
        "settlement_offer",
        "settlement_confirmation",
        "agreement",
    ):
        several = {"instalments": (first, *lines), "down_payment": first.amount, "payments": "2"}
        one = {"instalments": (first, lines[0]), "down_payment": first.amount, "payments": "1"}
        for given in (several, one):
            for channel in LETTERS[name].channels & {Channel.EMAIL, Channel.POST}:
                words = render(LETTERS[name], channel, language, dataclasses.replace(context, **given))  # type: ignore[arg-type]
                where = f"{name} {channel} {language} {given['payments']}"
                said = next(line for line in words.text.splitlines() if line.rstrip().endswith((":", "："))
                            and first.amount in line and context.last_due_on in line)  # fmt: skip
                assert not re.search(r"\b3 (payments|pembayaran|betalinger|termijnen)|共 3 期", said), where
                assert bool(re.search(r"\b2 (payments|pembayaran|betalinger|termijnen)|共 2 期", said)) == (
                    given is several
                ), where
                assert words.text.count(first.reference) == 1, where
                if channel is Channel.EMAIL:
                    assert unescape(words.html).count(first.reference) == 1, where
                    assert said in unescape(words.html), where


# -------------------------------------------------------------------------------------------- one text, two forms


class _Words(HTMLParser):
    """The words of an HTML page as lines, without tables and without its title."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._skipped += tag in {"table", "ol", "title"}
        if tag in {"p", "br", "li", "h2"}:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in {"table", "ol", "title"}

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.lines[-1] += data


def test_the_plain_text_of_an_email_is_the_words_of_its_html() -> None:
    for letter, channel, language, words in all_worded():
        if channel is not Channel.EMAIL:
            continue
        parser = _Words()
        parser.feed(words.html)
        html = {" ".join(line.split()) for line in parser.lines if not re.match(r"第 \d 期", line)} - {""}
        # Lists of accounts and payments are tables there.
        text = {
            " ".join(line.removeprefix("- ").split())
            for line in words.text.splitlines()
            if not re.match(r"- Visa|\d\. [^a-z]|第 \d 期", line)
        } - {""}
        html -= {" ".join(line[2:].split()) for line in words.text.splitlines() if line.startswith("- Visa")}
        assert text == html, f"{letter.name} {language}"
        context = filled(language)
        for figure in [a.past_due for a in context.accounts if "accounts" in words.blocks]:
            assert figure in words.text
            assert figure in unescape(words.html)


# ------------------------------------------------------------------------------------------------------- languages


def test_nothing_is_left_in_english() -> None:
    names = {value for value in dataclasses.astuple(filled("en", agency=True)) if isinstance(value, str)}
    for letter, channel, language in FORMS:
        if language == "en":
            continue
        english = set(worded(letter.name, channel, "en", True).text.splitlines())
        here = worded(letter.name, channel, language, True).text.splitlines()
        for line in here:
            bare = line
            for value in names:
                bare = bare.replace(value, "")
            if re.search(r"[^\W\d_]{3,}", bare) and len(bare.split()) > 1:
                assert line not in english, f"{letter.name} {channel} {language}: {line}"


@pytest.mark.parametrize(
    ("language", "foreign"),
    [
        ("de", r"\b(the|you|your|please|and|we|van|het)\b"),
        ("fr", r"\b(the|you|your|please|and|we)\b"),
        ("id", r"\b(the|you|your|please|and|we|is|van|het)\b"),
        ("nb", r"\b(the|you|your|please|and|we|ikkje|jeres)\b"),
        ("nl", r"\b(the|you|your|please|and|this|debt)\b"),
        ("zh", r"\b(the|you|your|please|and|we)\b|[们这为东车]"),
        ("zh-Hans", r"\b(the|you|your|please|and|we)\b|[們這為東車]"),
    ],
)
def test_a_language_has_no_words_of_another(language: str, foreign: str) -> None:
    for letter, channel, in_language in FORMS:
        if in_language == language:
            text = worded(letter.name, channel, language, True).text
            assert not re.search(foreign, text, re.IGNORECASE), f"{letter.name} {channel}: {text}"


@pytest.mark.parametrize("text", ["", "The law limits how long you can be sued on a debt."])
def test_what_is_said_of_an_old_debt_is_the_same_in_every_form(text: str) -> None:
    for letter in LETTERS.values():
        if "time_barred" not in letter.variables:
            continue
        for language in letter.languages:
            context = dataclasses.replace(
                filled(language, agency=True),
                time_barred=(OldDebtLine("4321", text), OldDebtLine("8765", text)),
            )
            found = {channel: render(letter, channel, language, context) for channel in letter.channels}
            for channel, words in found.items():
                assert "time_barred" in words.blocks
                assert words.text.count("8765") == 1, (letter.name, channel, language)
                assert text in words.text
                if channel is Channel.EMAIL:
                    parser = _Words()
                    parser.feed(words.html)
                    shown = {" ".join(line.split()) for line in parser.lines}
                    told = [line for line in words.text.splitlines() if "8765" in line]
                    assert set(told) <= shown, (letter.name, language)
                if channel is Channel.POST:
                    assert [line[:2] for line in words.text.splitlines() if "8765" in line] == ["! "]
            for channel in letter.channels:
                without = render(letter, channel, language, filled(language, agency=True)).text
                assert "8765" not in without
                assert channel is not Channel.SMS or "  " not in without


def test_dutch_sentences_are_short() -> None:
    """B1: about ten words a sentence, hardly ever more than twenty."""
    for letter, channel, language in FORMS:
        if language != "nl" or channel is Channel.SMS:
            continue
        text = worded(letter.name, channel, "nl").text
        prose = [line for line in text.splitlines() if not line.startswith(("|", "- ", "#"))]
        # Numbers with points and links would make sentences of their own.
        plain = re.sub(r"https?://\S+|\d+[.,]\d+|\S+@\S+", "x", " ".join(prose))
        lengths = [len(each.split()) for each in re.split(r"[.?!:]+[\"»]?\s", plain) if len(each.split()) > 1]
        assert sum(lengths) / len(lengths) <= 10.5, f"{letter.name} {channel}"
        assert max(lengths) <= 21, f"{letter.name} {channel}: {max(lengths)}"


@pytest.mark.parametrize("language", EVERYWHERE)
def test_short_confirmations_name_the_first_of_several_dates(language: str) -> None:
    """Whoever reads only these must not take the whole sum for due on the last day."""
    several, one = filled(language), filled(language, plan=False)
    first = several.instalments[0].due_on
    for name, channel, last in (
        ("promise_confirmation", Channel.SMS, ""),
        ("promise_confirmation", Channel.CALL, several.promise_on),
        ("settlement_confirmation", Channel.SMS, several.settle_by),
    ):
        form = LETTERS[name]
        text = render(form, channel, language, several).text.replace("\u00a0", " ")
        for said in (first, last):
            assert said.replace("\u00a0", " ") in text, f"{name} {channel}"
        assert re.search(r"\b2 (payments|pembayaran|betalinger|termijnen)|分 2 期", text), f"{name} {channel}"
        single = render(form, channel, language, one).text.replace("\u00a0", " ")
        assert first.replace("\u00a0", " ") not in single
        assert (one.promise_on if last != several.settle_by else one.settle_by).replace(
            "\u00a0", " "
        ) in single


def test_an_sms_costs_what_the_manual_says() -> None:
    table = re.search(r"\| letter \| en \|.*?\n\n", (ROOT / "docs" / "letters.md").read_text(), re.DOTALL)
    assert table
    header, _, *rows = [
        [cell.strip() for cell in row.strip()[1:-1].split("|")] for row in table[0].strip().splitlines()
    ]
    said = {row[0].strip("`"): dict(zip(header[1:], row[1:], strict=True)) for row in rows}
    texting = {name: letter for name, letter in LETTERS.items() if Channel.SMS in letter.channels}
    costs = {
        name: {
            column: "/".join(
                str(sms_segments(worded(name, Channel.SMS, column, agency).text)) for agency in (False, True)
            )
            if column in letter.languages
            else ""
            for column in header[1:]
        }
        for name, letter in texting.items()
    }
    assert said == costs
    for name, letter in texting.items():
        for language in letter.languages:
            own, agency = map(int, costs[name][language].split("/"))
            assert own <= 3, f"{name} {language}"
            assert agency <= 5, f"{name} {language}"


# ----------------------------------------------------------------------------------------------------- hostility

NASTY = (
    "Eve\r\nBcc: x@y.example\n\n# Paid\n| a | b |\n[ ] yes\n- - -\u2028<script>{{ creditor }}\u202e\ud800\x00"
)


def test_a_hostile_value_stays_a_value_in_every_letter() -> None:
    values = {
        f.name: NASTY
        for f in dataclasses.fields(LetterContext)
        if f.type in ("str", str) and f.name != "collector_kind"
    }
    for letter, channel, language in FORMS:
        words = render(letter, channel, language, dataclasses.replace(filled(language), **values))  # type: ignore[arg-type]
        where = f"{letter.name} {channel} {language}"
        whole = worded(letter.name, channel, language)
        assert len(words.subject.splitlines()) <= 1, where
        assert "<script" not in words.html, where
        assert not any(
            line.startswith(("Bcc:", "# Paid", "[ ] yes", "| a |")) for line in words.text.splitlines()
        ), where
        assert words.text.count("\n- - -\n") == whole.text.count("\n- - -\n"), where
        for text in (words.subject, words.text, words.html):
            assert not {"\x00", "\u202e", "\ud800", "\u2028", "\r"} & set(text), where


# -------------------------------------------------------------------------------------------- what the packs demand


def is_for(letter: Letter, pack: Pack) -> bool:
    fits = not letter.places or pack.country in letter.places
    fits &= not letter.packs or pack.code in letter.packs
    return fits and letter.collector in ("", pack.collector)


def test_every_letter_carries_what_the_packs_of_its_places_demand() -> None:
    asked = 0
    for pack in shipped_packs().values():
        for rule in pack.rules:
            if not isinstance(rule, ContentRule):
                continue
            assert rule.letters <= LETTERS.keys(), rule.id
            for letter, channel, language in FORMS:
                concerned = channel in rule.channels and Purpose(letter.purpose) in rule.purposes
                concerned &= not rule.letters or letter.name in rule.letters
                if concerned and is_for(letter, pack) and language in (letter.sent_in or letter.languages):
                    asked += 1
                    assert rule.blocks <= set(letter.carries[channel, language]), (
                        rule.id,
                        letter.name,
                        channel,
                        language,
                    )
    assert asked > 400


def test_a_notice_leaves_in_a_language_that_its_place_wants() -> None:
    for pack in shipped_packs().values():
        for rule in pack.rules:
            if not isinstance(rule, LanguageRule) or not rule.languages:
                continue
            for letter in LETTERS.values():
                if letter.places and is_for(letter, pack) and Purpose(letter.purpose) in rule.purposes:
                    assert set(letter.sent_in) <= rule.languages, (rule.id, letter.name)
                    assert all(
                        letter.language_for(wanted) in rule.languages for wanted in ("en", "zh", "fr")
                    ), letter.name


def test_waits_of_the_packs_begin_with_letters_that_there_are() -> None:
    for pack in shipped_packs().values():
        for rule in pack.rules:
            if isinstance(rule, WaitRule):
                assert rule.after <= LETTERS.keys(), rule.id


# ------------------------------------------------------------------------------------------- words that the law gives


def test_the_validation_notice_has_the_words_of_the_model_form() -> None:
    post = worded("validation_notice", Channel.POST, "en", True).text
    by = filled("en").answer_by
    for sentence in (
        "Meridian Recovery is a debt collector. We are trying to collect a debt that you owe to First Harbor Bank. "
        "We will use any information you give us to help collect the debt.",
        f"Call or write to us by {by}, to dispute all or part of the debt. If you do not, we will assume that our "
        "information is correct.",
        f"If you write to us by {by}, we must stop collection on any amount you dispute until we send you information "
        "that shows you owe the debt.",
        "Write to ask for the name and address of the original creditor, if different from the current creditor. "
        f"If you write by {by}, we must stop collection until we send you that information.",
        "Go to www.cfpb.gov/debt-collection to learn more about your rights under federal law. For instance, you have "
        "the right to stop or limit how we contact you.",
        "[ ] I want to dispute the debt because I think:",
        "[ ] I want you to send me the name and address of the original creditor.",
    ):
        assert sentence in post
    assert post.index("\n- - -\n") < post.index("How do you want to respond?")


def test_each_debt_has_a_validation_notice_of_its_own() -> None:
    """One may be disputed, and not another: 12 CFR 1006.34(c)(4)."""
    one = filled("en", agency=True)
    [first] = one.itemization
    second = dataclasses.replace(first, last4="8765", now="$9.00")
    context = dataclasses.replace(one, itemization=(first, second))
    for channel in (Channel.EMAIL, Channel.POST):
        text = render(LETTERS["validation_notice"], channel, "en", context, leaves=True).text
        assert "More ways to talk" not in text
        assert text.count("How do you want to respond?") == 2
        assert text.count("name and address of the original creditor.") == 2
        for item in (first, second):
            assert f"account number ending {item.last4}" in text
            assert item.now in text
        assert text.count(one.customer_address) >= 2, "1006.34(c)(2)(ii)"
    kinds = [part["kind"] for part in parts(text)]
    assert kinds.count("page") == kinds.count("boxes") == kinds.count("cut") == 2


def test_each_agreement_has_a_default_notice_that_names_creditor_term_and_sum() -> None:
    """CCA 1974 s. 87(1); SI 1983/1561 sch. 2 paras 1 and 3."""
    agency = filled("en", agency=True)
    [first] = agency.accounts
    second = dataclasses.replace(first, last4="8765", past_due="£9.00", oldest_due_on="1 May 2026")
    context = dataclasses.replace(agency, accounts=(first, second))
    letter = LETTERS["default_notice"]
    notices = render(letter, Channel.POST, "en", context, leaves=True).text.split("= = =")[1:]
    assert len(notices) == 2
    for notice, account in zip(notices, (first, second), strict=True):
        assert f"Pay {account.past_due} so that it reaches us before {agency.answer_by}." in notice
        assert f"since {account.oldest_due_on}" in notice
        assert f"{agency.creditor}, {agency.creditor_address}." in notice
        assert f"not kept: {agency.payment_term}." in notice
        assert f"{agency.creditor} may end your right to use the card" in notice
    for lacking in ("creditor_address", "payment_term"):
        with pytest.raises(Unsayable, match=lacking.replace("_", " ")):
            render(letter, Channel.POST, "en", dataclasses.replace(context, **{lacking: ""}), leaves=True)  # type: ignore[arg-type]


def test_the_dutch_letter_gives_fourteen_days_from_the_day_after_receipt() -> None:
    for channel, thing in (
        (Channel.POST, "deze brief bij u is bezorgd"),
        (Channel.EMAIL, "u deze e-mail hebt ontvangen"),
    ):
        assert (
            f"binnen veertien dagen vanaf de dag nadat {thing}"
            in worded("fourteen_day_letter", channel, "nl").text
        )


def test_only_what_may_threaten_a_suit_does() -> None:
    threats = re.compile(
        r"court|legal action|lawsuit|judgment|rechter|rettslig|hukum|法院|法律途徑", re.IGNORECASE
    )
    allowed = {
        "final_notice",
        "default_notice",
        "default_notice_au",
        "letter_of_claim",
        "betalingsoppfordring",
    }
    for letter, channel, language, words in all_worded():
        if threats.search(words.text) and letter.name in allowed:
            assert "legal_action" in words.blocks, "the gate refuses it for a debt that is too old"
        elif threats.search(words.text):
            # The consumer's own rights speak of a court too.
            own_rights = {"validation_notice", "ny_disclosures", "complaint_final_response"}
            none_is_taken = {"complaint_holding", "complaint_summary_resolution"}
            appoints = {"estate_enquiry"}  # a court names who administers an estate
            assert letter.name in own_rights | none_is_taken | appoints, f"{letter.name} {channel} {language}"
