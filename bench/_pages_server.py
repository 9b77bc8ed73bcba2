"""Server process of `bench pages`: the product, or the reference, on one core, with a counter of SQL statements.

`python -m bench._pages_server desk|reference URL CORE`: prints its port once it answers. `GET /-/statements` tells how
many statements ran so far, `GET /-/recorded` gives those that ran since it was last asked, pickled.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core.kit.parallel import without_garbage_collection


class Counted:
    """Counts the statements of an engine, remembers the last, and answers how many there were."""

    def __init__(self, app: Any, engine: Engine) -> None:
        self.app, self.statements = app, 0
        self.recorded: deque[tuple[str, Any]] = deque(maxlen=200)
        sa.event.listen(engine, "before_cursor_execute", self._count)

    def _count(
        self, _connection: object, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> None:
        self.statements += 1
        self.recorded.append((statement, parameters))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path")
        if path not in ("/-/statements", "/-/recorded"):
            await self.app(scope, receive, send)
            return
        body = str(self.statements).encode()
        if path == "/-/recorded":
            body = pickle.dumps(list(self.recorded))
            self.recorded.clear()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def product(engine: Engine, url: str) -> Any:
    from app.core.clock import FixedClock
    from app.core.settings import Settings
    from app.programs.ports import make_ports
    from app.programs.web import create_app
    from bench._pages_book import NOW

    settings = Settings.model_validate(
        {"secret_key": "measure" * 8, "database_url": url, "log_level": "WARNING"}
    )
    return create_app(settings, engine, make_ports(settings, FixedClock(NOW)))


def reference(engine: Engine) -> Any:
    """An account page as an application of this stack has it that does nothing else: six queries of SQLModel entities,
    one template."""
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse
    from jinja2 import Environment
    from sqlmodel import Session, col, select

    from app.book.ledger.models import Account, Customer, Entry, Statement
    from app.casework.cases.models import CollectionsCase
    from app.core.timeline.models import Event

    page = Environment(autoescape=True).from_string(REFERENCE_PAGE)
    app = FastAPI(openapi_url=None)

    @app.get("/cases/{case_id}", response_class=HTMLResponse)
    def show(case_id: int) -> str:
        with Session(engine.execution_options(desk_read=True)) as session:
            case = session.get_one(CollectionsCase, case_id)
            customer = session.get_one(Customer, case.customer_id)
            accounts = session.exec(select(Account).where(Account.customer_id == customer.id)).all()
            ids = [account.id for account in accounts]
            statements = session.exec(select(Statement).where(col(Statement.account_id).in_(ids))).all()
            entries = session.exec(select(Entry).where(col(Entry.account_id).in_(ids)).limit(50)).all()
            recent = select(Event).where(Event.customer_id == customer.id).order_by(col(Event.id).desc())
            events = session.exec(recent.limit(50)).all()
            return page.render(**{k: v for k, v in locals().items() if k != "session"})

    return app


REFERENCE_PAGE = """<!doctype html><title>{{ customer.full_name }}</title><h1>{{ customer.full_name }}</h1>
<p>{{ case.past_due_minor }} past due since {{ case.oldest_due_on }}, balance {{ case.balance_minor }}</p>
{% for account in accounts %}<h2>{{ account.reference }} {{ account.product }} {{ account.card_last4 }}</h2>{% endfor %}
<table>{% for s in statements %}<tr><td>{{ s.closing_on }}<td>{{ s.due_on }}<td>{{ s.minimum_due_minor }}
{% endfor %}</table>
<table>{% for e in entries %}<tr><td>{{ e.effective_on }}<td>{{ e.kind }}<td>{{ e.amount_minor }}<td>{{ e.description }}
{% endfor %}</table><ul>{% for e in events %}<li>{{ e.at }} {{ e.kind }} {{ e.by }}: {{ e.data }}{% endfor %}</ul>"""


def main(what: str, url: str, core: str) -> None:
    os.sched_setaffinity(0, {int(core) % (os.cpu_count() or 1)})
    with without_garbage_collection():
        from app.core.database.engine import make_engine
        from app.programs.serving import serve_app

        engine = make_engine(url)
        app = Counted(product(engine, url) if what == "desk" else reference(engine), engine)
    serve_app(app, host="127.0.0.1", port=0, announce=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:4])
