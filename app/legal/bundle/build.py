"""Build a case bundle: a case file in, a sealed archive out. docs/bundle.md describes the format for its readers.

Same case file and key, same bytes: every order is fixed, the only date is `as_of`, Ed25519 has no randomness.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.errors import Conflict
from app.core.kit.csv_cells import protect
from app.core.money import to_decimal_string
from app.core.timeline.rules import instant_text
from app.core.types import JsonObject, Values
from app.legal.bundle import bag as fmt
from app.legal.bundle.bag import key_id, load_private_key, load_public_key, public_key_pem
from app.legal.bundle.case_json import case_json
from app.legal.bundle.enclosures import agreement_files, document_files, file_name
from app.legal.bundle.excuses import check_exportable, why_incomplete
from app.legal.bundle.page import page_data
from app.legal.bundle.proof.opened import Problem
from app.legal.bundle.verification import Verification, verify
from app.legal.checklists.case_file import CaseFile, Entry, Message
from app.legal.checklists.items import ChecklistItem
from app.legal.claim.parts import PARTS
from app.legal.claim.statement import ClaimStatement, claim_statement

if TYPE_CHECKING:
    from app.legal.bundle.sealing.certificate import Certificate

__all__ = [
    "Problem",
    "Typeset",
    "Verification",
    "build",
    "key_id",
    "load_private_key",
    "load_public_key",
    "public_key_pem",
    "verify",
]

TEMPLATE = Path(__file__).with_name("case_file.typ")
SCRIPT = Path(__file__).with_name("proof") / "verify.py"


class Typeset(Protocol):
    """Lays `data` out by a Typst template into a PDF/A; `document_date` is the only date it may write."""

    def __call__(self, template: Path, data: Values, *, document_date: date) -> bytes: ...


def build(
    case_file: CaseFile, key: Ed25519PrivateKey, typeset: Typeset, certificate: Certificate | None = None
) -> bytes:
    """The signed archive; with a certificate also the PDF is sealed, and the manifests for certificate tools.

    Conflict when the case file may not leave (see `rules.check_exportable`) or when its own
    timeline or ledger would not pass verification: a bundle that cannot be verified is never handed out.
    """
    checklist = check_exportable(case_file)
    case_file = _in_order(case_file)
    files = _payload(case_file, checklist)
    page = typeset(TEMPLATE, page_data(case_file, checklist), document_date=case_file.as_of)
    files["data/case-file.pdf"] = _sealed_page(case_file, page, certificate)
    sink = io.BytesIO()
    sealed = _seal(case_file, checklist, files, key, certificate)
    fmt.write_archive(sink, case_file.bundle_id, case_file.as_of, sealed)
    bundle = sink.getvalue()
    result = verify(bundle, key.public_key())
    if not result.ok:
        first = result.problems[0]
        raise Conflict(f"The case's own records do not verify: {first.file or 'archive'}: {first.what}.")
    return bundle


def _in_order(case: CaseFile) -> CaseFile:
    """The same case file with every list in its one order, so that the order of the database does not matter."""
    return replace(
        case,
        accounts=tuple(sorted(case.accounts, key=lambda a: a.account_ref)),
        entries=_entries_in_order(case.entries),
        off_book=_entries_in_order(case.off_book),
        since=_entries_in_order(case.since),
        not_claimed=tuple(sorted(case.not_claimed, key=lambda a: a.account_ref)),
        statements=tuple(
            sorted(case.statements, key=lambda s: (s.account_ref, s.closing_on, s.statement_ref))
        ),
        events=tuple(sorted(case.events, key=lambda e: (e.stream, e.seq))),
        messages=tuple(sorted(case.messages, key=lambda m: (_instant(m.sent_at) or "~", m.key))),
        plans=tuple(sorted(case.plans, key=lambda p: (_instant(p.offered_at), p.reference))),
        holds=tuple(sorted(case.holds, key=lambda h: (_instant(h.started_at), h.kind, h.by, h.reason))),
        disputes=tuple(sorted(case.disputes, key=lambda d: (_instant(d.opened_at), d.reference))),
        contacts=tuple(sorted(case.contacts, key=lambda c: (c.kind, c.value, _instant(c.ended_at) or "~"))),
        third_parties=tuple(sorted(case.third_parties, key=lambda p: (_instant(p.added_at), p.kind, p.name))),
        documents=tuple(sorted(case.documents, key=lambda d: (d.dated_on, d.kind, d.name, d.content))),
        agreements=tuple(sorted(case.agreements, key=lambda a: a.plan)),
    )


def _entries_in_order(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda e: (e.account_ref, e.effective_on, e.posted_on, e.reference)))


def _payload(case: CaseFile, checklist: Sequence[ChecklistItem]) -> dict[str, bytes]:
    """Every file under data/ but the PDF."""
    files = {
        "data/case.json": fmt.json_bytes(case_json(case, checklist)),
        "data/checklist.json": fmt.json_bytes([asdict(item) for item in checklist]),
        "data/disputes.json": fmt.json_bytes(_disputes(case)),
        "data/ledger.csv": _ledger_csv(case, case.entries, claim_statement(case)),
        "data/plans.json": fmt.json_bytes(_plans(case)),
        "data/statements.csv": _statements_csv(case),
        "data/timeline.csv": _timeline_csv(case),
    }
    for name, entries in (("off-book", case.off_book), ("since", case.since)):
        if entries:
            files[f"data/{name}.csv"] = _ledger_csv(case, entries)
    for number, message in enumerate(case.messages, start=1):
        files |= _contact_files(_contact_folder(number, message), message)
    return files | document_files(case) | agreement_files(case)


def _sealed_page(case: CaseFile, page: bytes, certificate: Certificate | None) -> bytes:
    if certificate is None:
        return page
    from app.legal.bundle.sealing.pdf import seal_pdf

    return seal_pdf(
        page, certificate, creditor=case.portfolio.creditor, bundle_id=case.bundle_id, on=case.as_of
    )


def _seal(
    case: CaseFile,
    checklist: Sequence[ChecklistItem],
    payload: Mapping[str, bytes],
    key: Ed25519PrivateKey,
    certificate: Certificate | None,
) -> dict[str, bytes]:
    """The payload with the tag files, manifests and signature of a BagIt bag (RFC 8493) around it."""
    tags = {
        "bag-info.txt": _bag_info(case, checklist, payload),
        "bagit.txt": fmt.BAGIT_TXT,
        fmt.SCRIPT: SCRIPT.read_bytes(),
        fmt.MANIFEST: fmt.manifest_bytes({path: fmt.sha256(content) for path, content in payload.items()}),
    }
    if certificate is not None:
        tags[fmt.CERTIFICATE] = certificate.pem
    tag_manifest = fmt.manifest_bytes({path: fmt.sha256(content) for path, content in tags.items()})
    seals = {fmt.SIGNATURE: fmt.signature_bytes(key.public_key(), key.sign(tag_manifest))}
    if certificate is not None:
        from app.legal.bundle.sealing import cms

        seals[fmt.CMS_SEAL] = cms.seal(tag_manifest, certificate)
    return {**payload, **tags, fmt.TAG_MANIFEST: tag_manifest, **seals}


def _bag_info(case: CaseFile, checklist: Sequence[ChecklistItem], payload: Mapping[str, bytes]) -> bytes:
    octets = sum(map(len, payload.values()))
    fields = {
        "Source-Organization": case.portfolio.creditor,
        "External-Identifier": case.bundle_id,
        "Internal-Sender-Identifier": case.case_reference,
        "Bagging-Date": case.as_of.isoformat(),
        "Payload-Oxum": f"{octets}.{len(payload)}",
        "Bag-Software-Agent": fmt.FORMAT,
        "Exported-By": case.exported_by,
        "Supersedes": case.supersedes or "",
        "Incomplete-Reason": why_incomplete(checklist),
    }
    # A line break inside a value would start another field.
    lines = (f"{label}: {' '.join(value.split())}\n" for label, value in fields.items() if value.strip())
    return "".join(lines).encode()


def _plans(case: CaseFile) -> list[JsonObject]:
    amount = _amount(case)
    return [
        {
            "reference": p.reference,
            "kind": p.kind,
            "status": p.status,
            "offered_at": _instant(p.offered_at),
            "accepted_at": _instant(p.accepted_at),
            "total": amount(p.total_minor),
            "currency": case.portfolio.currency,
            "by": p.by,
            "note": p.note,
            "instalments": [
                {
                    "seq": i.seq,
                    "due_on": i.due_on,
                    "amount": amount(i.amount_minor),
                    "paid": amount(i.paid_minor),
                }
                for i in sorted(p.instalments, key=lambda i: i.seq)
            ],
        }
        for p in case.plans
    ]


def _disputes(case: CaseFile) -> list[JsonObject]:
    amount = _amount(case)
    return [
        {
            "reference": d.reference,
            "opened_at": _instant(d.opened_at),
            "reason": d.reason,
            "amount": None if d.amount_minor is None else amount(d.amount_minor),
            "currency": case.portfolio.currency,
            "resolved_at": _instant(d.resolved_at),
            "outcome": d.outcome,
        }
        for d in case.disputes
    ]


def _ledger_csv(case: CaseFile, entries: Sequence[Entry], claim: ClaimStatement | None = None) -> bytes:
    """With `claim`, each entry says what it changes in each part of it."""
    amount = _amount(case)
    counted = claim.by_entry() if claim else {}
    rows, balance, account = [], 0, ""
    for e in entries:
        balance = e.amount_minor + (balance if e.account_ref == account else 0)
        account = e.account_ref
        row = [
            protect(e.account_ref),
            e.effective_on.isoformat(),
            e.posted_on.isoformat(),
            protect(e.reference),
            protect(e.kind),
            amount(e.amount_minor),
            amount(balance),
            case.portfolio.currency,
            protect(e.description),
            protect(e.source),
            protect(e.reverses),
        ]
        if claim:
            own = counted[e.reference]
            row += [own.line.value, *(amount(getattr(own.parts, part)) for part in PARTS)]
        rows.append(row)
    return _csv(fmt.CLAIM_COLUMNS if claim else fmt.LEDGER_COLUMNS, rows)


def _statements_csv(case: CaseFile) -> bytes:
    amount = _amount(case)
    rows = (
        (
            protect(s.account_ref),
            protect(s.statement_ref),
            s.closing_on.isoformat(),
            s.due_on.isoformat(),
            amount(s.balance_minor),
            amount(s.minimum_due_minor),
            case.portfolio.currency,
        )
        for s in case.statements
    )
    return _csv(fmt.STATEMENT_COLUMNS, rows)


def _timeline_csv(case: CaseFile) -> bytes:
    rows = (
        (
            protect(e.stream),
            str(e.seq),
            protect(e.kind),
            instant_text(e.at),
            protect(e.by),
            protect(e.data_json),
            e.prev_hash,
            e.hash,
        )
        for e in case.events
    )
    return _csv(fmt.TIMELINE_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180, UTF-8 without a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _contact_folder(number: int, message: Message) -> str:
    return f"data/contacts/{number:04d}-{file_name(message.channel)}"


def _contact_files(folder: str, message: Message) -> dict[str, bytes]:
    """The exact words as sent, with the recipient, the channel and the clearance."""
    files = {
        f"{folder}/message.txt": message.text.encode(),
        f"{folder}/clearance.json": fmt.json_bytes(dict(message.clearance)),
        f"{folder}/meta.json": fmt.json_bytes(
            {
                "key": message.key,
                "channel": message.channel,
                "to": message.to,
                **({"recipient": message.recipient} if message.recipient else {}),
                "subject": message.subject,
                "letter": message.letter,
                "letter_version": message.letter_version,
                "language": message.language,
                "sent_at": _instant(message.sent_at),
                "status": message.status,
                "provider_ref": message.provider_ref,
                "exact_sha256": dict(message.exact_sha256),
            }
        ),
    }
    if message.html:
        files[f"{folder}/message.html"] = message.html.encode()
    if message.enclosed:
        files[f"{folder}/enclosed.txt"] = message.enclosed.encode()
    return files


def _amount(case: CaseFile) -> Callable[[int], str]:
    return lambda minor: to_decimal_string(minor, case.portfolio.currency)


def _instant(at: datetime | None) -> str | None:
    return instant_text(at) if at else None
