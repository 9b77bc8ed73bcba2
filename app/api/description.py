"""The OpenAPI document: the part that FastAPI derives from the routes, and the rules for every operation.

Written once here instead of at every route: the problem answers (RFC 9457), and that POST needs an Idempotency-Key.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.problem_shapes import EVERY, PROBLEMS, WITH_BODY, Problem

ABOUT = """\
Programs work the desk's cases through this interface.

- **Tokens.** Send `Authorization: Bearer <token>`; an administrator issues one token a program, with one role.
- **Money** is a decimal string in currency units with its ISO 4217 currency beside it. **Dates** are ISO 8601,
  **instants** RFC 3339 in UTC. An event's `data` is the record as it was hashed, with minor units (`..._minor`).
- **Lists** come in pages: ask again with `cursor=<next_cursor>` until it is null. Walking them misses nothing and
  repeats nothing while rows are added.
- **Every POST** needs an `Idempotency-Key`. The same key with the same request gets the first answer again for
  24 hours, with `Idempotent-Replayed: true`; with another request it is refused (422).
- **Errors** are `application/problem+json` (RFC 9457). `errors` names the fields that are wrong. What was sent is
  not repeated. Unknown members of a body are refused, and so is anything that looks like a full card number.
"""

TAGS = [
    {"name": "me", "description": "Who a token speaks for."},
    {"name": "portfolios", "description": "Accounts of one creditor, worked under one set of rules."},
    {"name": "accounts", "description": "Accounts, and payments that arrive one by one."},
    {
        "name": "corrections",
        "description": "What is put right on an account, each with its author and reason.",
    },
    {
        "name": "customers",
        "description": "Contact data, and what a creditor's file says of holders and statuses.",
    },
    {"name": "feeds", "description": "Files of creditors and banks: uploaded, looked at, loaded."},
    {"name": "cases", "description": "Overdue customers, and what people did about them."},
    {"name": "agreements", "description": "Promises to pay, repayment plans and settlements."},
    {
        "name": "advisers",
        "description": "Debt advisers: whom they act for, what they propose, what they pay.",
    },
    {"name": "negotiation", "description": "What a household can pay, and the offers that follow from it."},
    {
        "name": "worklist",
        "description": "Open cases in the order in which they are worked, and the views of it.",
    },
    {"name": "team", "description": "People who work cases: skills, capacity, absences and their covers."},
    {"name": "approvals", "description": "Requests beyond one's own limit, which another person decides."},
    {"name": "results", "description": "Result codes of calls: their fields and consequences, in versions."},
    {"name": "messages", "description": "What was sent about a case, letters out of turn, answers to SMS."},
    {
        "name": "knowledge",
        "description": "Articles that answer customers' questions, and what was searched in vain.",
    },
    {"name": "replies", "description": "What customers wrote, and what a person decides about it."},
    {"name": "sending", "description": "Stopped channels, messages of unknown fate, suppressed addresses."},
    {
        "name": "digests",
        "description": "Who gets what after a night, and limits of key figures that raise alerts.",
    },
    {"name": "contacts", "description": "The gate that every contact has to pass."},
    {
        "name": "strategies",
        "description": "Who is contacted when, by what: versions, the live one, simulations.",
    },
    {"name": "figures", "description": "Aging and key figures."},
    {"name": "documents", "description": "Agreement, assignment, notices: what is on file for a case."},
    {
        "name": "complaints",
        "description": "Complaints with their clocks, answers and redress, and the causes behind them.",
    },
    {
        "name": "disputes",
        "description": "What customers say is wrong: amounts left out, evidence, decisions.",
    },
    {"name": "legal", "description": "Referrals and sealed case files."},
]


def document(app: FastAPI) -> dict[str, Any]:
    """The document of this application, made once."""
    made: dict[str, Any] | None = getattr(app.state, "openapi", None)
    if made is None:
        made = app.state.openapi = _document(app)
    return made


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title="Arrears Desk", version="1", description=ABOUT, tags=TAGS, routes=app.routes)
    components = made["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)  # FastAPI's own shape of a 422, which this API does not answer
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": meaning, "content": content} for name, meaning in PROBLEMS.values()
    }
    # The size is checked before anything is read, by a layer that answers in plain words.
    components["responses"]["TooLarge"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    for path in made["paths"].values():
        for method, operation in path.items():
            _complete(method, operation)
    return made


def _complete(method: str, operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    names_something = any(parameter["in"] != "header" for parameter in parameters)
    for status in (*EVERY, *((404,) if names_something else ()), *(WITH_BODY if method == "post" else ())):
        name, _ = PROBLEMS[status]
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    for parameter in parameters:
        if parameter["name"] == "Idempotency-Key":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "minLength": 1, "maxLength": 255}
