"""Figures of an agreement as its letters show them: terms, schedule, what is owed, and who agreed to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Entry
from app.casework.parties.models import ThirdParty
from app.casework.plans.concessions import charged_again, waived_fees
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import instalments_of, offers_beside
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.casework.plans.terms import read_terms
from app.casework.plans.tracking.assessing import as_due
from app.casework.plans.tracking.payments import accounts_of, offered_on, paid_toward
from app.casework.plans.tracking.references import reference_of
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.known import agreements_of, may_be_known, replaced_plan
from app.outreach.agreements.payment_code import Payee, payment_code
from app.outreach.agreements.reader import Reader, Value
from app.outreach.gate.contact_cases import AccountRow
from app.outreach.letters.letter import DebtLine, InstalmentLine
from app.outreach.letters.statutory import itemize

_UNDONE = table_of(Entry).alias("undone")


def agreement_figures(
    session: Session, plan: Plan, reader: Reader, payee: Payee, *, no_new_card: bool
) -> dict[str, Value]:
    """Values of the variables that speak of an agreement, by name; those of interest are `interest_figures`.
    `no_new_card`: the customer's packs want the promise to apply for no other card in it."""
    agreed = instalments_of(session, [id_of(plan)])[id_of(plan)]
    skipped = sum(part.is_skipped for part in agreed)
    figures: dict[str, Value] = {
        "plan_kind": plan.kind.value,
        "plan_reference": plan.reference,
        "cadence": plan.cadence.value,
        "currency": reader.currency,
        **_schedule(plan, as_due(agreed), payee, reader),
        "skips": _some(plan.skips_allowed - skipped),
        "grace_days": str(plan.grace_days),
        "re_age": "yes" if plan.re_age else "",
        "relief": ("token" if plan.is_token else "reduced") if plan.review_on else "",
        "relief_until": reader.day(plan.review_on) if plan.review_on else "",
        "ended_on": reader.day(plan.ended_on) if plan.ended_on else "",
        "waived_fees": reader.money_if_any(_fees(session, plan)),
        "no_new_card": "yes" if no_new_card else "",
        **_replaced(session, plan, reader),
        **_acceptance(session, plan, reader),
    }
    if plan.kind is PlanKind.SETTLEMENT:
        figures["settlement_amount"], figures["settle_by"] = figures["amount"], figures["last_due_on"]
    return figures


def figures_as_made(session: Session, plan: Plan, reader: Reader, payee: Payee) -> dict[str, Value]:
    """Those of the schedule and of skips as the agreement was made, and the schedule as it stands, where it changed
    since."""
    now = instalments_of(session, [id_of(plan)])[id_of(plan)]
    made = as_made(now)
    changed = any(
        part.is_skipped or (part.due_on, part.amount) != (was.due_on, was.amount)
        for part, was in zip(now, made, strict=True)
    )
    granted = select(PlanChange).where(PlanChange.plan_id == plan.id, col(PlanChange.is_granted))
    more = len(session.scalars(granted).all())
    return {
        **_schedule(plan, as_due(made), payee, reader),
        "skips": _some(plan.skips_allowed - more),
        "instalments_now": _standing(plan, now, reader) if changed else (),
    }


def as_made(parts: Sequence[Instalment]) -> list[Instalment]:
    """The same instalments as they were agreed on: their first days and amounts, none skipped. What of an amount was
    interest then is not told apart."""
    return [
        replace(
            part,
            due_on=part.agreed_on or part.due_on,
            amount=part.amount if part.agreed is None else part.agreed,
            agreed_on=None,
            is_skipped=False,
            agreed=None,
        )
        for part in parts
    ]


def _standing(plan: Plan, parts: Sequence[Instalment], reader: Reader) -> tuple[InstalmentLine, ...]:
    """Every instalment as it stands, by date; one that is skipped, without a day and an amount, in the place it had."""
    due = {part.n: part for part in as_due(parts)}
    lines = _lines(
        plan, [due.get(part.n, part) for part in sorted(parts, key=lambda p: (p.due_on, p.n))], reader
    )
    return tuple(line if line.n in due else InstalmentLine(line.n, "", "") for line in lines)


def _schedule(plan: Plan, parts: Sequence[Instalment], payee: Payee, reader: Reader) -> dict[str, Value]:
    """Values that speak of these payments, in the order in which they are due."""
    last = parts[-1]
    down = next((part for part in parts if part.n == 0), None) if len(parts) > 1 else None
    return {
        "amount": reader.money(sum(part.amount for part in parts)),
        "promise_on": reader.day(last.due_on),
        "last_due_on": reader.day(last.due_on),
        "last_amount": reader.money(last.amount),
        "instalments": _lines(plan, parts, reader) if len(parts) > 1 else (),
        "down_payment": reader.money(down.amount) if down else "",
        "payments": str(len(parts) - (down is not None)),
        **_step(plan, parts, reader),
        **paying(plan, payee, parts[0] if len(parts) == 1 else None, reader),
    }


def _some(number: int) -> str:
    return str(number) if number > 0 else ""


def _step(plan: Plan, parts: Sequence[Instalment], reader: Reader) -> dict[str, Value]:
    """The first payment after the smaller ones, where an agreement begins with them."""
    reduced = read_terms(plan.terms).reduced if plan.terms else None
    numbered = [part for part in parts if part.n]
    if reduced is None or len(numbered) <= reduced.payments:
        return {}
    step = numbered[reduced.payments]
    return {"step_on": reader.day(step.due_on), "step_amount": reader.money(step.amount)}


def _fees(session: Session, plan: Plan) -> int:
    """The fees that an agreement waives; of one that is broken or cancelled those that are charged again, which may be
    none."""
    is_over = plan.status in (PlanStatus.BROKEN, PlanStatus.CANCELLED)
    return charged_again(session, plan) if is_over else waived_fees(session, plan)


def paying(plan: Plan, payee: Payee, part: Instalment | None, reader: Reader) -> dict[str, str]:
    """Payment details: the account, and of one instalment its reference and code."""
    found: dict[str, str] = {"payee": payee.name if payee.iban else "", "iban": _spaced(payee.iban)}
    if part is not None:
        reference = reference_of(id_of(plan), part.n)
        found["payment_reference"] = reference
        found["payment_code"] = payment_code(payee, part.amount, reader.currency, reference)
    return found


def _spaced(iban: str) -> str:
    """An IBAN as it is printed, in groups of four (ISO 13616-1)."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _lines(plan: Plan, parts: Sequence[Instalment], reader: Reader) -> tuple[InstalmentLine, ...]:
    return tuple(
        InstalmentLine(
            part.n, reader.day(part.due_on), reader.money(part.amount), reference_of(id_of(plan), part.n)
        )
        for part in parts
    )


def _replaced(session: Session, plan: Plan, reader: Reader) -> dict[str, Value]:
    """The agreement that an offer would replace while that one runs, or in whose place this one is."""
    old = replaced_plan(plan, agreements_of(session, [plan.case_id]).get(plan.case_id, []))
    if old is None or old.accepted_on is None:
        return {}
    return {
        "replaces": old.reference,
        "replaces_on": reader.day(old.accepted_on),
        "replaces_amount": reader.money(old.total_minor),
    }


def received_figures(session: Session, plan: Plan, reader: Reader, today: date) -> dict[str, Value]:
    """What came of a settlement by the end of `today`, and what of it is still to be paid: paying accepts it, so its
    confirmation may follow a payment."""
    came = sum(amount for _, amount in paid_toward(session, plan, today))
    missing = plan.total_minor - came
    return {"came": reader.money(came), "missing": reader.money(missing)} if came > 0 and missing > 0 else {}


def beside_figures(session: Session, plan: Plan, reader: Reader) -> dict[str, Value]:
    """The offer to settle that the customer has in writing, and that does not stand beside this agreement."""
    told = [each for each in offers_beside(session, plan) if may_be_known(session, each)]
    if not told:
        return {}
    return {
        "beside_on": reader.day(offered_on(session, told[-1])),
        "beside_amount": reader.money(told[-1].total_minor),
    }


def _acceptance(session: Session, plan: Plan, reader: Reader) -> dict[str, Value]:
    """The acceptance: who agreed, by which means, and the words that were said."""
    if plan.accepted_on is None:
        return {}
    party = session.get(ThirdParty, plan.agreed_with_id) if plan.agreed_with_id else None
    return {
        "agreed_on": reader.day(plan.accepted_on),
        "acceptance": plan.acceptance.value if plan.acceptance else "",
        "words": plan.acceptance_words,
        "agreed_with": party.full_name if party else "",
    }


def agreed_accounts(session: Session, plan: Plan, accounts: Sequence[AccountRow]) -> Sequence[AccountRow]:
    """Those of the customer's accounts that the agreement is about: all of them, or those that it settles."""
    if plan.kind is not PlanKind.SETTLEMENT:
        return accounts
    settled = set(session.scalars(accounts_of(id_of(plan))))
    return [account for account in accounts if account.id in settled]


def debt_lines(
    session: Session, accounts: Sequence[AccountRow], reader: Reader, *, today: date
) -> tuple[DebtLine, ...]:
    """The debt of each account, and of what it consists as far as the ledger adds up to it."""
    return tuple(_debt(session, each, reader, today) for each in accounts if each.balance_minor)


def _debt(session: Session, account: AccountRow, reader: Reader, today: date) -> DebtLine:
    entry, undone, shown = table_of(Entry), _UNDONE, reader.money_if_any
    query = (
        sa.select(sa.func.coalesce(undone.c.kind, entry.c.kind), sa.func.sum(entry.c.amount_minor))
        .outerjoin(undone, undone.c.id == entry.c.reverses_id)
        .where(entry.c.account_id == account.id, entry.c.effective_on <= today)
        .group_by(sa.func.coalesce(undone.c.kind, entry.c.kind))
    )
    found = itemize(0, [(str(kind), int(amount)) for kind, amount in session.execute(query)])
    balance = reader.money(account.balance_minor)
    if found.now != account.balance_minor:
        return DebtLine(account.product, account.card_last4, "", "", "", "", balance)
    return DebtLine(
        account.product, account.card_last4, shown(found.other), shown(found.interest), shown(found.fees),
        shown(found.paid), balance,
    )  # fmt: skip
