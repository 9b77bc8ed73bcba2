"""Facts for a strategy's conditions, gathered for many cases at once and only those it asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import bucket_of, days_past_due
from app.book.delinquency.service import edges_of
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.queries import worked
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.correspondence.events import MessageReceived
from app.casework.holds.models import CaseHold
from app.core.clock import local_date, local_instant
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.timeline.models import Event
from app.core.types import Cells, Rows
from app.core.vocabulary import Channel
from app.outreach.gate.consent import is_for_another
from app.outreach.gate.models import Consent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.strategy.conditions import HOLDS, MOMENTS, NO_FACTS, PAID, CaseFacts, Moment, risk_of
from app.outreach.strategy.ladders import Ladders
from app.outreach.strategy.models import StrategyTask

ACCOUNT_FACTS = frozenset({"accounts", "product", "used_percent", "risk"})
HISTORY_FACTS = frozenset({"first_time", "earlier_cases", "risk"})
CONSENT_FACTS = frozenset({"reachable", "consented"})
LONGEST_PAID_DAYS = 90


def gather_case_facts(
    session: Session, portfolio: Portfolio, found: Ladders, case_ids: Sequence[int], *, on: date
) -> dict[int, CaseFacts]:
    """By case id, at the end of `on`; nothing is read where the ladders ask for nothing."""
    needs = found.needs
    if not needs:
        return dict.fromkeys(case_ids, NO_FACTS)
    facts = {}
    for ids in chunked(case_ids, 2000):
        facts.update(_Gathering(session, portfolio, needs, ids, on).facts())
    return facts


@dataclass
class _Gathering:
    session: Session
    portfolio: Portfolio
    needs: frozenset[str]
    case_ids: Sequence[int]
    on: date
    customers: list[int] = field(default_factory=list)

    def facts(self) -> dict[int, CaseFacts]:
        cases = self._cases()
        self.customers = [row.customer_id for row in cases]
        accounts = self._accounts() if self.needs & ACCOUNT_FACTS else {}
        earlier = self._earlier_cases() if self.needs & HISTORY_FACTS else {}
        said = self._consents(cases) if self.needs & CONSENT_FACTS else {}
        holds = self._holds() if HOLDS in self.needs else {}
        paid = self._paid() if PAID in self.needs else {}
        moments = self._moments(cases) if MOMENTS in self.needs else {}
        edges = edges_of(self.portfolio)
        facts = {}
        for row in cases:
            who = row.customer_id
            late = days_past_due(row.oldest_due_on, self.on)
            products, limit = accounts.get(who, ([], 0))
            used = 100 * max(0, row.balance_minor) // limit if limit else 0
            before = earlier.get(who, 0) - 1
            facts[row.id] = CaseFacts(
                days_past_due=late,
                bucket=bucket_of(late, edges),
                past_due=row.past_due_minor,
                balance=row.balance_minor,
                accounts=len(products),
                product=frozenset(products),
                language=row.language,
                country=row.country,
                region=row.region,
                risk=risk_of(max(0, before), row.broken_promises, used).value,
                used_percent=used,
                first_time=before < 1,
                earlier_cases=max(0, before),
                broken_promises=row.broken_promises,
                reachable=_addresses(row) - said.get(who, {}).get(False, frozenset()),
                consented=said.get(who, {}).get(True, frozenset()),
                holds=holds.get(who, frozenset()),
                paid=tuple(paid.get(who, ())),
                moments=moments.get(row.id, {}),
            )
        return facts

    def _cases(self) -> Rows:
        case, customer = table_of(CollectionsCase), table_of(Customer)
        query = (
            sa.select(
                case.c.id, case.c.customer_id, case.c.occurrence, case.c.oldest_due_on, case.c.past_due_minor,
                case.c.balance_minor, case.c.broken_promises, customer.c.language, customer.c.country,
                customer.c.region, customer.c.mobile, customer.c.email, customer.c.address_line1, customer.c.city,
            )
            .join(customer, customer.c.id == case.c.customer_id)
            .where(among(self.session, case.c.id, self.case_ids))
        )  # fmt: skip
        return self.session.connection().execute(query).all()

    def _accounts(self) -> dict[int, tuple[list[str], int]]:
        """customer id -> (products, sum of the limits) of the accounts that are worked."""
        account = table_of(Account)
        query = sa.select(account.c.customer_id, account.c.product, account.c.credit_limit_minor).where(
            among(self.session, account.c.customer_id, self.customers), worked()
        )
        found: dict[int, tuple[list[str], int]] = {}
        for who, product, limit in self.session.connection().execute(query):
            products, limits = found.get(who, ([], 0))
            found[who] = ([*products, product], limits + limit)
        return found

    def _earlier_cases(self) -> dict[int, int]:
        """customer id -> how many cases there were, this one too."""
        case = table_of(CollectionsCase)
        query = (
            sa.select(case.c.customer_id, sa.func.count())
            .where(among(self.session, case.c.customer_id, self.customers))
            .group_by(case.c.customer_id)
        )
        return {who: n for who, n in self.session.connection().execute(query)}

    def _consents(self, cases: Rows) -> dict[int, dict[bool, frozenset[str]]]:
        """customer id -> the channels they refused, and those they consented to for the number or address on file."""
        consent, people = table_of(Consent), {row.customer_id: row for row in cases}
        query = sa.select(
            consent.c.customer_id, consent.c.channel, consent.c.allowed, consent.c.given_for, consent.c.until
        ).where(among(self.session, consent.c.customer_id, self.customers))
        found: dict[int, dict[bool, frozenset[str]]] = {}
        for who, channel, allowed, given_for, until in self.session.connection().execute(query):
            is_over = until is not None and until < self.on
            if allowed and (is_over or is_for_another(given_for, people[who], channel)):
                continue
            said = found.setdefault(who, {})
            said[allowed] = said.get(allowed, frozenset()) | {channel.value}
        return found

    def _holds(self) -> dict[int, frozenset[str]]:
        hold = table_of(CaseHold)
        query = sa.select(hold.c.customer_id, hold.c.kind).where(
            among(self.session, hold.c.customer_id, self.customers), hold.c.ended_at.is_(None)
        )
        found: dict[int, frozenset[str]] = {}
        for who, kind in self.session.connection().execute(query):
            found[who] = found.get(who, frozenset()) | {kind.value}
        return found

    def _paid(self) -> dict[int, list[tuple[date, int]]]:
        """Payments of the last days up to `on`, those that were taken back left out, oldest first."""
        entry, account = table_of(Entry), table_of(Account)
        reversal = entry.alias("reversal")
        query = (
            sa.select(account.c.customer_id, entry.c.effective_on, -entry.c.amount_minor)
            .join(account, account.c.id == entry.c.account_id)
            .where(
                among(self.session, account.c.customer_id, self.customers),
                entry.c.kind.in_(MONEY_IN),
                entry.c.effective_on > self.on - timedelta(days=LONGEST_PAID_DAYS),
                entry.c.effective_on <= self.on,
                ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
            )
            .order_by(entry.c.effective_on, entry.c.id)
        )
        found: dict[int, list[tuple[date, int]]] = {}
        for who, paid_on, amount in self.session.connection().execute(query):
            found.setdefault(who, []).append((paid_on, int(amount)))
        return found

    def _moments(self, cases: Rows) -> dict[int, dict[tuple[str, Moment], date]]:
        """The moments of each case's steps in its present occurrence, as days of the portfolio's zone.

        Taken is a step whose message was queued (that the gate then withheld it at delivery does not undo the wait; a
        letter owed all the same is written again, see fallback.py) or whose task was given to a person.
        """
        zone = self.portfolio.timezone
        occurrence = {row.id: row.occurrence for row in cases}
        talked = self._conversations()
        found: dict[int, dict[tuple[str, Moment], date]] = {row.id: {} for row in cases}
        for case_id, step, times, at, arrived_at in (*self._queued(), *self._calls(), *self._tasks()):
            if times != occurrence[case_id]:
                continue
            happened = {Moment.TAKEN: at, Moment.DELIVERED: arrived_at}
            replies = [said for said in talked.get(case_id, ()) if said >= at]
            happened[Moment.REPLIED] = min(replies, default=None)
            for moment, when in happened.items():
                if when is not None:
                    day = local_date(when, zone)
                    place = (step, moment)
                    found[case_id][place] = min(day, found[case_id].get(place, day))
        return found

    def _queued(self) -> list[Cells]:
        """(case id, step, occurrence, when it was queued, when it arrived) of messages."""
        box, contact = table_of(OutboxMessage), table_of(PlannedContact)
        arrived = sa.or_(
            box.c.status == OutboxStatus.DELIVERED,
            sa.and_(
                box.c.destination == Destination.POST,
                box.c.status == OutboxStatus.SENT,
                box.c.console_only.is_(False),  # printed to a console, it is in no letter box
            ),
        )
        query = sa.select(
            box.c.case_id, contact.c.step, contact.c.occurrence, box.c.created_at,
            sa.case((arrived, box.c.finished_at), else_=None),
        ).where(among(self.session, box.c.case_id, self.case_ids), contact.c.id == box.c.contact_id)  # fmt: skip
        return [tuple(row) for row in self.session.connection().execute(query)]

    def _calls(self) -> list[Cells]:
        """The same of call tasks; they arrive nowhere."""
        task, contact = table_of(CallTask), table_of(PlannedContact)
        query = sa.select(
            task.c.case_id, contact.c.step, contact.c.occurrence, task.c.created_at, sa.null()
        ).where(among(self.session, task.c.case_id, self.case_ids), contact.c.id == task.c.contact_id)
        return [tuple(row) for row in self.session.connection().execute(query)]

    def _tasks(self) -> list[Cells]:
        """The same of other tasks."""
        task = table_of(StrategyTask)
        query = sa.select(task.c.case_id, task.c.step, task.c.occurrence, task.c.created_at, sa.null()).where(
            among(self.session, task.c.case_id, self.case_ids)
        )
        return [tuple(row) for row in self.session.connection().execute(query)]

    def _conversations(self) -> dict[int, list[datetime]]:
        """case id -> when its customer spoke with us or wrote to us, by the end of `on`."""
        event = table_of(Event)
        ends = local_instant(self.on + timedelta(days=1), 0, 0, self.portfolio.timezone)
        query = sa.select(event.c.case_id, event.c.kind, event.c.at, event.c.data).where(
            among(self.session, event.c.case_id, self.case_ids),
            event.c.kind.in_((CallLogged.KIND, ContactLogged.KIND, MessageReceived.KIND)),
            event.c.at < ends,
        )
        found: dict[int, list[datetime]] = {}
        for case_id, kind, at, data in self.session.connection().execute(query):
            if kind == CallLogged.KIND:
                spoke = CallLogged.from_json(data).conversation
            elif kind == ContactLogged.KIND:
                spoke = ContactLogged.from_json(data).conversation
            else:
                spoke = not MessageReceived.from_json(data).is_reaction
            if spoke:
                found.setdefault(case_id, []).append(at)
        return found


def _addresses(row: DbRow) -> frozenset[str]:
    """Channels on which there is an address."""
    at: Collection[tuple[Channel, str]] = (
        (Channel.SMS, row.mobile),
        (Channel.CALL, row.mobile),
        (Channel.EMAIL, row.email),
        (Channel.POST, row.address_line1 and row.city),
    )
    return frozenset(channel.value for channel, address in at if address)
