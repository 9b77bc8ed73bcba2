"""A portfolio with closed days and a figure that moved, and a manager, for the tests of digests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.adapters.print.digest import typeset_digest
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from app.operations.digests.models import Digest, DigestRecipient
from app.operations.digests.rules import DigestCadence, DigestPorts, DigestWay
from app.operations.digests.sending import make_due, send_due
from app.operations.digests.service import add_recipient
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult
from app.reporting.kpis.models import KpiSnapshot
from tests import builders

MEI = Actor.user("mei")
FIGURE = "overdue_rate_accounts_30"
SATURDAY = date(2026, 2, 28)
SUNDAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LEASE = timedelta(minutes=5)
SECRET = "s" * 40


def open_book(session: Session) -> Portfolio:
    portfolio = builders.portfolio(session)
    for name in ("mei", "noor"):
        add_user(session, name, name.title(), Role.MANAGER, "correct horse battery", by=SYSTEM, now=NOW)
    return portfolio


def close(session: Session, portfolio: Portfolio, on: date, late: int, of: int = 100) -> None:
    """A closed day with one figure: of the whole portfolio, and of two buckets that share it out."""
    session.add(DailyRun(portfolio_id=id_of(portfolio), business_date=on, started_at=NOW, finished_at=NOW))
    parts = {
        ("", ""): (late, of),
        ("bucket", "30-59"): (late, of // 2),
        ("bucket", "1-29"): (0, of - of // 2),
    }
    for (dimension, member), (numerator, denominator) in parts.items():
        session.add(
            KpiSnapshot(
                portfolio_id=id_of(portfolio),
                business_date=on,
                kpi=FIGURE,
                dimension=dimension,
                member=member,
                version=1,
                numerator=numerator,
                denominator=denominator,
                definition="1",
                computed_at=NOW,
            )
        )
    session.flush()


@dataclass
class Post:
    """Both ways out: takes everything, or gives `answers` in turn first."""

    answers: list[SendResult] = field(default_factory=list)
    mails: list[Dispatch] = field(default_factory=list)
    hooks: list[tuple[str, str, bytes]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def send(self, dispatch: Dispatch) -> SendResult:
        self.mails.append(dispatch)
        return self._answer()

    def post(self, url: str, identity: str, secrets: Sequence[str], body: bytes) -> SendResult:
        assert all(secret.startswith("whsec_") for secret in secrets)
        self.hooks.append((url, identity, body))
        return self._answer()

    def _answer(self) -> SendResult:
        self.before()
        return self.answers.pop(0) if self.answers else Accepted("ref")

    @property
    def ports(self) -> DigestPorts:
        return DigestPorts(self.send, self, typeset_digest, "https://desk.example.test", SECRET)


def tick(engine: Engine, post: Post, clock: FixedClock) -> dict[str, int]:
    """One tick of the worker."""
    make_due(engine, post.ports.pages_url, now=clock.now())
    return send_due(engine, post.ports, clock=clock, lease=LEASE)


def list_mei(session: Session, portfolio: Portfolio, **changes: str) -> DigestRecipient:
    given = {"username": "mei", "email": "mei@desk.example", **changes}
    return add_recipient(
        session,
        portfolio,
        DigestWay.EMAIL,
        **given,
        cadence=DigestCadence.DAILY,
        private=False,
        by=MEI,
        now=NOW,
    )


def list_hook(
    session: Session, portfolio: Portfolio, url: str = "https://hooks.example/desk", *, private: bool = False
) -> DigestRecipient:
    return add_recipient(
        session,
        portfolio,
        DigestWay.WEBHOOK,
        url=url,
        cadence=DigestCadence.DAILY,
        private=private,
        by=MEI,
        now=NOW,
    )


def digests(engine: Engine) -> list[Digest]:
    with reading(engine) as session:
        return list(session.scalars(select(Digest).order_by(Digest.id)))


def the_book(session: Session) -> Portfolio:
    return session.scalars(select(Portfolio)).one()


def write(engine: Engine, act: Callable[[Session, Portfolio], object]) -> None:
    with transaction(engine) as session:
        act(session, the_book(session))
