"""The content of the case-file PDF, as plain text and tables; `case_file.typ` decides how it looks.

Only strings leave here: the template never computes and never interprets what a cardholder or a feed wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from app.book.portfolios.rules import CollectorKind
from app.core.actor import Actor, ActorKind
from app.core.money import to_decimal_string
from app.core.timeline.rules import canonical
from app.core.types import JsonObject
from app.legal.checklists.case_file import CaseFile, Entry, Event, Message, ledger_sum
from app.legal.checklists.items import ChecklistItem
from app.legal.claim.statement import claim_statement, last_payment
from app.legal.claim.table import (
    PART_TITLES,
    ClaimRow,
    cells,
    order_sentence,
    rows_of,
    unsplit_sentence,
)

_LONGEST_DATA = 400
"""Characters of an event's data shown on paper; timeline.csv has all of it."""

_NOT_PRINTABLE = re.compile(
    "[^\\n\\x20-\\x7e\\xa0-\\xac\\xae-\u0377\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u03e1\u0400-\u052f"
    "\u0900-\u097f\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u214f\u2190-\u2199"
    "\u2460-\u24ff\u2500-\u257f\u25a0\u25a1\u25b2\u25b3\u25cb\u25cf\u3000-\u303f\u3041-\u3096\u3099-\u30ff"
    "\u3105-\u312f\u3400-\u4db5\u4e00-\u9fef\uac00-\ud7a3\uff01-\uffbe]"
)
"""The scripts our customers write in, as far as Noto Sans and Noto Sans CJK go; PDF/A allows no missing glyph."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Not strftime's: its names follow the locale of the process."""

_KIND_TITLES = {
    "opening_balance": "Opening balance",
    "purchase": "Purchases",
    "cash_advance": "Cash advances",
    "interest": "Interest",
    "fee": "Fees",
    "payment": "Payments",
    "refund": "Refunds",
    "credit": "Credits",
    "adjustment": "Adjustments",
    "reversal": "Reversals",
    "write_off": "Written off",
    "recovery": "Recoveries",
}


def page_data(case: CaseFile, checklist: Sequence[ChecklistItem]) -> JsonObject:
    """Data for the template: strings, lists of rows, and booleans that switch a block on.

    Instants are shown in the portfolio's time zone, amounts in currency units grouped by thousands. A character without
    a glyph in the fonts, or an invisible one (control characters, marks that turn the direction of writing), is shown
    by its code point: a page must never show other words than it holds.
    """
    return {key: _printable(value) for key, value in _raw_data(case, checklist).items()}


def _raw_data(case: CaseFile, checklist: Sequence[ChecklistItem]) -> JsonObject:
    amount = page_amounts(case)
    local = _local_times(case)
    return {
        "case_reference": case.case_reference,
        "bundle_id": case.bundle_id,
        "as_of": case.as_of.isoformat(),
        "as_of_long": _long_date(case.as_of),
        "currency": case.portfolio.currency,
        "timezone": case.portfolio.timezone,
        "supersedes": case.supersedes or "",
        "exported_by": who(case.exported_by),
        "excused": [[item.title, item.excuse, who(item.excused_by)] for item in checklist if item.excuse],
        "complete": all(item.ok for item in checklist),
        "since": _since(case),
        "not_claimed": [
            [a.account_ref, a.status.replace("_", " "), amount(a.balance_minor), a.why] for a in case.not_claimed
        ],
        "off_book": _ledger_rows(case.off_book, amount),
        "since_rows": _ledger_rows(case.since, amount),
        "claimant": _claimant(case),
        "cardholder": _cardholder(case),
        "claimed": amount(case.claimed_minor),
        "past_due": amount(sum(a.past_due_minor for a in case.accounts)),
        "days_past_due": str(max((a.days_past_due for a in case.accounts), default=0)),
        "oldest_due_on": _day(min((a.oldest_due_on for a in case.accounts if a.oldest_due_on), default=None)),
        "last_payment": _last_payment(case),
        "composition": _composition(case),
        "claim": _claim(case),
        "accounts": _accounts(case),
        "statements": [
            [s.account_ref, s.statement_ref, _day(s.closing_on), _day(s.due_on), amount(s.balance_minor),
             amount(s.minimum_due_minor)]
            for s in case.statements
        ],
        "ledgers": _ledgers(case),
        "contacts": [_contact_row(n, m, local) for n, m in enumerate(case.messages, start=1)],
        "messages": [_message(n, m, local) for n, m in enumerate(case.messages, start=1)],
        "plans": _plans(case),
        "holds": [
            [h.kind.replace("_", " "), local(h.started_at), local(h.until), local(h.ended_at) or "in force",
             h.reason, h.by]
            for h in case.holds
        ],
        "disputes": [
            [d.reference, local(d.opened_at), "whole debt" if d.amount_minor is None else amount(d.amount_minor),
             d.reason, local(d.resolved_at) or "open", d.outcome]
            for d in case.disputes
        ],
        "events": [[local(e.at), e.kind, e.by, _event_text(e.data_json)] for e in _by_time(case)],
        "documents": [[_day(d.dated_on), d.kind.replace("_", " "), d.name] for d in case.documents],
        "checklist": [
            {"ok": i.ok, "title": i.title, "detail": i.detail,
             "excuse": f"Excused by {who(i.excused_by)}: {i.excuse}" if i.excuse else ""}
            for i in checklist
        ],
    }  # fmt: skip


def who(stored: str) -> str:
    """`user:lena` as a reader names her."""
    actor = Actor(stored)
    return actor.name if actor.kind is ActorKind.USER else stored


def _since(case: CaseFile) -> str:
    """The entries posted after the day of the figures, in one sentence; '' = none."""
    if not case.since:
        return ""
    total = page_amounts(case)(ledger_sum(case.since))
    count = len(case.since)
    entries = "1 entry" if count == 1 else f"{count} entries"
    return f"{entries} of later days, {total} {case.portfolio.currency} in all, are not part of these figures"


def _printable(value: object) -> object:
    if isinstance(value, str):
        return _NOT_PRINTABLE.sub(
            lambda m: f"[U+{ord(m[0]):04X}]", value.replace("\r\n", "\n").replace("\t", "    ")
        )
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return value


def _claimant(case: CaseFile) -> list[list[str]]:
    third = case.portfolio.collector is CollectorKind.THIRD_PARTY
    return [
        ["Creditor", case.portfolio.creditor],
        ["Portfolio", case.portfolio.code],
        ["Collected by", "an agency on the creditor's behalf" if third else "the creditor itself"],
        ["Contact rules", case.portfolio.policy_pack],
    ]


def _cardholder(case: CaseFile) -> list[list[str]]:
    who = case.customer
    rows = [
        ["Name", who.name],
        ["Address", "\n".join([*filter(str.strip, who.address_lines), who.country])],
        ["Customer reference", who.customer_ref],
        ["Language", who.language],
        ["E-mail", who.email],
        ["Telephone", who.mobile],
    ]
    return [[label, value] for label, value in rows if value.strip()]


def _composition(case: CaseFile) -> list[list[str]]:
    """The parts of the claim, by kind of entry; the amounts sum to it."""
    amount = page_amounts(case)
    kinds = sorted({e.kind for e in case.entries}, key=lambda k: ([*_KIND_TITLES, k].index(k), k))
    return [
        [
            _KIND_TITLES.get(kind, kind),
            str(sum(e.kind == kind for e in case.entries)),
            amount(sum(e.amount_minor for e in case.entries if e.kind == kind)),
        ]
        for kind in kinds
    ]


def _claim(case: CaseFile) -> JsonObject:
    """The claim line by line: a table for each account, and their sum where there are several."""
    amount = page_amounts(case)
    statement = claim_statement(case)
    unsplit = f"{amount(statement.unsplit_minor)} {case.portfolio.currency}"
    several = len(statement.accounts) > 1
    return {
        "heads": ["", *PART_TITLES.values(), "Total"],
        "accounts": [
            {
                "account_ref": account.account_ref,
                "rows": [{"cells": cells(row, amount), "is_sum": row.is_sum} for row in rows_of(account)],
            }
            for account in statement.accounts
        ],
        "total": cells(ClaimRow("Claimed on all accounts", statement.claimed), amount) if several else [],
        "order": order_sentence(statement),
        "unsplit": unsplit_sentence(statement, unsplit),
        "in_dispute": any(account.left_out for account in statement.accounts),
    }


def _last_payment(case: CaseFile) -> str:
    last = last_payment(case.entries)
    if last is None:
        return "none on record"
    return f"{page_amounts(case)(-last.amount_minor)} on {last.effective_on.isoformat()}"


def _accounts(case: CaseFile) -> list[list[str]]:
    amount = page_amounts(case)
    return [
        [a.account_ref, f"•••• {a.last4}", a.product, _day(a.opened_on), a.status.replace("_", " "), f"{a.apr} %",
         amount(a.limit_minor), amount(a.past_due_minor), str(a.days_past_due), amount(a.balance_minor)]
        for a in case.accounts
    ]  # fmt: skip


def _ledgers(case: CaseFile) -> list[JsonObject]:
    amount = page_amounts(case)
    ledgers = []
    for account_ref, entries in groupby(case.entries, key=lambda e: e.account_ref):
        own = list(entries)
        ledgers.append(
            {
                "account_ref": account_ref,
                "rows": _ledger_rows(own, amount),
                "total": amount(ledger_sum(own)),
            }
        )
    return ledgers


def _ledger_rows(entries: Sequence[Entry], amount: Callable[[int], str]) -> list[list[str]]:
    rows, balance = [], 0
    for e in entries:
        balance += e.amount_minor
        what = f"{e.description} (reverses {e.reverses})".strip() if e.reverses else e.description
        rows.append(
            [_day(e.effective_on), _day(e.posted_on), e.reference, e.kind.replace("_", " "), what,
             amount(e.amount_minor), amount(balance)]
        )  # fmt: skip
    return rows


def _contact_row(number: int, m: Message, local: Callable[[datetime | None], str]) -> list[str]:
    letter = f"{m.letter} {m.letter_version}".strip()
    return [str(number), local(m.sent_at) or "not sent", m.channel, _to(m), letter, m.status, m.provider_ref]


def _to(m: Message) -> str:
    return f"{m.recipient}, {m.to}" if m.recipient else m.to


def _message(number: int, m: Message, local: Callable[[datetime | None], str]) -> JsonObject:
    return {
        "number": str(number),
        "channel": m.channel,
        "sent_at": local(m.sent_at) or "not sent",
        "to": _to(m),
        "subject": m.subject,
        "text": m.text,
        "clearance": _event_text(canonical(m.clearance)),
    }


def _plans(case: CaseFile) -> list[JsonObject]:
    amount = page_amounts(case)
    local = _local_times(case)
    return [
        {
            "reference": p.reference,
            "kind": p.kind.replace("_", " "),
            "status": p.status,
            "offered_at": local(p.offered_at),
            "accepted_at": local(p.accepted_at) or "not accepted",
            "total": amount(p.total_minor),
            "by": p.by,
            "note": p.note,
            "rows": [
                [str(i.seq), _day(i.due_on), amount(i.amount_minor), amount(i.paid_minor)]
                for i in sorted(p.instalments, key=lambda i: i.seq)
            ],
        }
        for p in case.plans
    ]


def _by_time(case: CaseFile) -> list[Event]:
    return sorted(case.events, key=lambda e: (e.at, e.stream, e.seq))


def _event_text(data_json: str) -> str:
    """`key: value` pairs of an event's data, cut to the size of a table cell."""
    try:
        data = json.loads(data_json)
    except ValueError:
        data = None
    if isinstance(data, dict):
        plain = (v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in data.values())
        text = "; ".join(f"{key}: {value}" for key, value in zip(data, plain, strict=True))
    else:
        text = data_json
    return text if len(text) <= _LONGEST_DATA else f"{text[:_LONGEST_DATA]}… (in full in timeline.csv)"


def page_amounts(case: CaseFile) -> Callable[[int], str]:
    """Decimal strings as in the CSV files, with commas between thousands: a page is read, not parsed."""
    return lambda minor: f"{Decimal(to_decimal_string(minor, case.portfolio.currency)):,}"


def _local_times(case: CaseFile) -> Callable[[datetime | None], str]:
    zone = ZoneInfo(case.portfolio.timezone)
    return lambda at: f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else ""


def _long_date(on: date) -> str:
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def _day(on: date | None) -> str:
    return on.isoformat() if on else ""
