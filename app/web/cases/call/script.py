"""The call script of a case: with the customer's figures, in their language and in the agent's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from app.book.delinquency.days import days_past_due
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.casework.cases.events import IdentityChecked
from app.casework.cases.identity import HOLDS_FOR, QUESTION_LABELS, IdentityQuestion
from app.casework.plans.rules import PlanStatus
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import NO_HEAD, AccountRow, CaseRow, ContactCase
from app.outreach.letters.letter import BadLetter, Letter, LetterContext, Unsayable
from app.outreach.letters.locales import format_amount, format_date, known_language
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.wording import letter_context
from app.web.cases.call.wording import CallScript, call_script, script_for
from app.web.cases.reads import CASE_READS, CaseView


@dataclass(frozen=True, slots=True)
class ScriptPanel:
    scripts: Sequence[tuple[str, CallScript]]
    """(language in words, script): the customer's language first, then the agent's where it is another."""
    questions: Mapping[IdentityQuestion, str]
    checked_at: datetime | None
    """Time of this agent's identity check, while it is recent enough to be of the same call."""
    asked: Sequence[str]


def script_panel(
    session: Session,
    view: CaseView,
    catalog: LetterCatalog,
    languages: Sequence[tuple[str, str]],
    by: Actor,
    now: datetime,
    *,
    is_stopped: bool,
) -> ScriptPanel:
    """`languages`: (tag, in words). Without scripts where nothing is past due, there is nothing to say; and where
    nobody may call (`is_stopped`): no agent is to ask for a person who has died."""
    checked = next(iter(view.found[CASE_READS.identity]), None)
    if checked is not None and (Actor(checked.by) != by or checked.at < now - HOLDS_FOR):
        checked = None
    asked = IdentityChecked.from_json(checked.data).asked if checked else ()
    scripts: list[tuple[str, CallScript]] = []
    if not view.file.nothing_to_agree and not is_stopped:
        for tag, words in languages:
            script = _script(session, view, catalog, tag, {each.language for _, each in scripts}, now)
            if script is not None:
                scripts.append((words, script))
    return ScriptPanel(
        scripts, QUESTION_LABELS, checked.at if checked else None, [QUESTION_LABELS[each] for each in asked]
    )


def _script(
    session: Session,
    view: CaseView,
    catalog: LetterCatalog,
    wanted_language: str,
    told: Collection[str],
    now: datetime,
) -> CallScript | None:
    """The script in a language, unless it is `told` already."""
    head = Letterhead.of(view.file.portfolio)
    plans = [plan for plan in view.found[CASE_READS.plans] if plan.case_id == view.file.case.id]
    broken = bool(plans) and plans[0].status is PlanStatus.BROKEN and plans[0].broken_instalment is not None
    wanted = script_for(view.file.days, broken=broken)
    for name in dict.fromkeys((wanted, "first_reminder", "due_reminder")):
        letter = catalog.letters.get(name)
        if letter is None or Channel.CALL not in letter.channels:
            continue
        if catalog.misfit(letter, head, view.file.customer.country, view.pack):
            continue
        language = known_language(wanted_language, letter.languages)
        if language in told:
            return None
        try:
            context = letter_context(
                session, head, catalog, _contact_case(view), letter, Channel.CALL, None, now=now
            )
            context = _with_broken(view, letter, context)
            return call_script(letter, language, context, _voicemail_name(view.file.portfolio))
        except (BadLetter, Unsayable):
            continue
    return None


def _voicemail_name(portfolio: Portfolio) -> str:
    """The business name for a voicemail: an agency's own name tells of a debt, so that it names another or none."""
    own = "" if portfolio.collector is CollectorKind.THIRD_PARTY else portfolio.creditor
    return portfolio.voicemail_name or own


def _with_broken(view: CaseView, letter: Letter, context: LetterContext) -> LetterContext:
    """Add the missed payment, where the script speaks of it."""
    if "missed_amount" not in letter.variables:
        return context
    plan = view.found[CASE_READS.plans][0]
    missed = next(part for part in view.parts[id_of(plan)] if part.n == plan.broken_instalment)
    language = letter.locale_for(view.file.customer.language, view.file.customer.country)
    return replace(
        context,
        missed_on=format_date(missed.due_on, language),
        missed_amount=format_amount(missed.amount, view.file.book.currency, language),
    )


def _contact_case(view: CaseView) -> ContactCase:
    """The case as letters know it, with the figures of this moment."""
    file, case = view.file, view.file.case
    row = CaseRow(
        id_of(case), case.customer_id, case.status, case.step_day, case.occurrence, case.next_contact_on,
        file.owes.past_due, case.segment,
    )  # fmt: skip
    contact_case = ContactCase(row, (), file.customer, view.pack, view.facts, NO_HEAD)
    for account, stands in file.worked_accounts:
        late = days_past_due(stands.oldest_due_on, file.book.today) > 0
        contact_case.add(
            AccountRow(
                id_of(account), account.customer_id, account.product, account.card_last4, stands.past_due,
                stands.balance, stands.oldest_due_on if late else None,
            )
        )  # fmt: skip
    return contact_case
