"""Every verb of the API under attack: whose token, which ids, what text, and the same thing twice at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from sqlalchemy.engine import Engine
from structlog.testing import capture_logs

from app.core.staff.rules import Role
from tests.api.program import CARD, Program, fields
from tests.api.test_description import Operation, operations
from tests.api.world import YESTERDAY, World, role_for, roles, world
from tests.web.desk import Desk
from tests.web.test_hostile_forms import kept

BAD = {
    "NUL": "a\x00b",
    "card number": f"paid with {CARD}",
    "half a character": "a\ud800b",
    "turned text": "a\u202eb",
    "100 kB": "x" * 100_000,
}


NAMES = {
    "reference",
    "reverses",
    "statement_ref",
    "portfolio",
    "challenger",
    "candidate",
    "ref",
    "timezone",
    "letter",
    "item",
}
"""Names of things: a refusal says which thing it means."""


class Caller:
    """Requests of every verb, each with a token that its door lets in."""

    def __init__(self, program: Program) -> None:
        self.programs = {role: program if role is Role.MANAGER else program.as_(role) for role in Role}
        self.document = program.desk.anonymous().get("/api/v1/openapi.json").json()

    def operations(self, *methods: str) -> Iterator[Operation]:
        return (each for each in operations(self.document) if not methods or each[0] in methods)

    def members(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        if "requestBody" not in operation:
            return {}
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return dict(self._named(schema)["properties"])

    def required(self, operation: Mapping[str, Any]) -> set[str]:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return set(self._named(schema).get("required", ()))

    def body(self, operation: Mapping[str, Any], known: Mapping[str, list[Any]]) -> dict[str, Any] | None:
        """The members that are required, with values that exist or are at least of the right kind."""
        if "requestBody" not in operation:
            return None
        return {
            name: self.value(name, self.members(operation)[name], known)
            for name in sorted(self.required(operation))
        }

    def value(self, name: str, schema: Mapping[str, Any], known: Mapping[str, list[Any]]) -> Any:
        schema = self._named(schema.get("anyOf", [schema])[0])
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        if name in known:
            return int(known[name][0]) if kind == "integer" else known[name][0]
        if schema.get("format") == "date":
            return str(YESTERDAY)
        if kind == "array" and schema.get("minItems"):
            return [self.value("", schema["items"], known)]
        return {"integer": 1, "boolean": True, "array": []}.get(str(kind), "for the test")

    def texts(self, operation: Mapping[str, Any]) -> Iterator[str]:
        """The members that take any text."""
        for name, member in self.members(operation).items():
            for schema in (self._named(each) for each in member.get("anyOf", [member])):
                if schema.get("type") == "string" and not schema.keys() & {"enum", "pattern", "format"}:
                    yield name

    def _named(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" in schema:
            found: Mapping[str, Any] = self.document["components"]["schemas"][
                schema["$ref"].rsplit("/", 1)[1]
            ]
            return found
        return schema

    def send(
        self, method: str, path: str, known: Mapping[str, list[Any]], body: Any = None, *, role: Role | None = None,
        key: str = "",
    ) -> Response:  # fmt: skip
        """`path` as the description has it; `known` fills it, and the query parameters that are required."""
        who = self.programs[role or role_for(method, path)]
        operation = self.document["paths"][path][method]
        query = {}
        for each in operation.get("parameters", ()):
            if each["in"] == "path":
                path = path.replace("{" + each["name"] + "}", quote(str(known[each["name"]][0]), safe=""))
            elif each["in"] == "query" and each.get("required"):
                query[each["name"]] = self.value(each["name"], each["schema"], known)
        headers = {
            **who.headers,
            "idempotency-key": key or f"key-{next(who.keys)}",
            "content-type": "application/json",
        }
        content = json.dumps(body) if body is not None else None
        return who.client.request(method.upper(), path, content=content, params=query, headers=headers)


def test_no_verb_takes_text_that_cannot_be_kept(sqlite_program: Program) -> None:
    """Refused, by the name of the member and in a sentence, whatever else is wrong with the request."""
    here = world(sqlite_program)
    caller = Caller(sqlite_program)
    faults = []
    for method, path, operation in caller.operations("post", "patch"):
        for name in caller.texts(operation):
            for what, bad in BAD.items():
                body = {**(caller.body(operation, here.in_body()) or {}), name: bad}
                answer = caller.send(method, path, here.of(path), body)
                if name == "content_base64":
                    bad_at = [] if answer.status_code in (201, 409, 422) else [name]
                else:
                    bad_at = faults_of(answer, name)
                faults += [(method, path, name, what, fault, answer.text[:300]) for fault in bad_at]
    assert not faults, "\n".join(map(str, faults))


def faults_of(answer: Response, name: str) -> list[str]:
    """What is wrong with the refusal of one member."""
    errors = answer.json().get("errors", [])
    told = [answer.json()["detail"], *(error["message"] for error in errors)]
    return [
        *(["status"] if answer.status_code != 422 else []),
        *(["field"] if [error["field"] for error in errors] != [name] else []),
        *(["no sentence"] if not all(text[0].isupper() and text[-1] in ".?!" for text in told) else []),
        *(["another library's words"] if any("Value" in text or "item" in text for text in told) else []),
        *(["repeats it"] if "4111" in answer.text else []),
    ]


def test_a_key_is_not_kept_as_it_was_sent(sqlite_program: Program) -> None:
    here = world(sqlite_program)
    note = {"note": "x"}
    first = sqlite_program.post(f"/cases/{here.case}/notes", note, key=CARD)
    assert (first.status_code, list(kept(sqlite_program, CARD))) == (201, [])
    assert (
        sqlite_program.post(f"/cases/{here.case}/notes", note, key=CARD).headers["idempotent-replayed"]
        == "true"
    )


@pytest.mark.parametrize("body", ["{", "[]", "null", "1e999", "\xff\xfe", "x" * 1000])
def test_a_body_that_is_no_object_is_refused_as_such(sqlite_program: Program, body: str) -> None:
    headers = {**sqlite_program.headers, "idempotency-key": "k", "content-type": "application/json"}
    answer = sqlite_program.client.post(
        "/api/v1/cases/C-000001/notes", content=body.encode("latin-1"), headers=headers
    )
    assert (answer.status_code, fields(answer)) == (422, ["body"])
    assert answer.json()["detail"] == "This must be a JSON object, sent as application/json."


def test_no_refusal_repeats_what_was_sent_and_no_log_does(sqlite_program: Program) -> None:
    here = world(sqlite_program)
    caller = Caller(sqlite_program)
    with capture_logs() as logs:
        faults = list(repeated(caller, here))
    assert not faults, "\n".join(map(str, faults))
    said = json.dumps(logs, default=str)
    assert not [text for text in ("Zq7secret", "Anna", "+86", "@example.org") if text in said]


def repeated(caller: Caller, here: World) -> Iterator[tuple[str, ...]]:
    """Refusals that hold what was sent."""
    for method, path, operation in caller.operations("post", "patch"):
        for name in set(caller.texts(operation)) - NAMES:
            body = {**(caller.body(operation, here.in_body()) or {}), name: "Zq7secret"}
            answer = caller.send(method, path, here.of(path), body)
            if answer.status_code >= 400 and "zq7" in answer.text.lower():
                yield method, path, name, answer.text[:300]


def test_every_verb_turns_away_other_roles_and_nobody(sqlite_program: Program) -> None:
    here = world(sqlite_program)
    caller = Caller(sqlite_program)
    faults = []
    for method, path, operation in caller.operations():
        allowed = roles()[method.upper(), path.removeprefix("/api/v1")]
        body = caller.body(operation, here.in_body())
        for role in set(Role) - allowed:
            answer = caller.send(method, path, here.of(path), body, role=role)
            if answer.status_code != 403:
                faults.append((method, path, role, answer.status_code, answer.text[:300]))
        if Role.ADMIN in allowed and not ("/outbox/st" in path or path.endswith("/me")):
            faults.append((method, path, "an administrator sees no cardholder"))
    assert not faults, "\n".join(map(str, faults))


def test_no_verb_reaches_what_belongs_to_another_portfolio_or_case(sqlite_program: Program) -> None:
    here, there = world(sqlite_program), world(sqlite_program, "OTHER")
    caller = Caller(sqlite_program)
    alone = {
        "message_id",
        "row_id",
        "notice_id",
        "referral_id",
    }  # below no portfolio and no case: one list for all
    nobodys = {"adviser", "n", "country", "form"}
    """An adviser acts for customers of every portfolio; `n` numbers the payments of one plan; a country, and the form
    of a court, is no row."""
    faults = []
    for method, path, operation in caller.operations():
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
        known = here.of(path)
        for name in names[1:]:
            if name in nobodys:
                continue
            crossed = {**known, name: there.of(path)[name]}
            answer = caller.send(method, path, crossed, caller.body(operation, here.in_body()))
            if answer.status_code != 404:
                faults.append((method, path, name, answer.status_code, answer.text[:300]))
        body = caller.body(operation, here.in_body()) or {}
        if "{adviser}" in path:
            continue  # the cases and plans of an adviser are of any portfolio: the adviser acts for their customers
        for name in (
            body.keys()
            & there.names.keys()
            - {"code", "portfolio", "reference", "ref", "challenger", "kpi", "limit"}
            - alone
        ):
            answer = caller.send(method, path, known, {**body, name: there.names[name][0]})
            if answer.status_code not in (404, 422):
                faults.append((method, path, name, answer.status_code, answer.text[:300]))
    assert not faults, "\n".join(map(str, faults))


def test_the_same_request_twice_at_once_is_done_once(postgres_engine: Engine) -> None:
    """Every POST of the API, by one key: one of the two does it, the other gets the same answer."""
    program = Program(Desk(postgres_engine))
    here = world(program)
    caller = Caller(program)
    faults = []
    with ThreadPoolExecutor(2) as pool:
        for number, (method, path, operation) in enumerate(caller.operations("post")):
            body, start = caller.body(operation, here.in_body()), Barrier(2)

            def send(
                _: int, args: Any = (method, path, here.of(path), body), n: int = number, at: Any = start
            ) -> Response:
                at.wait(10)
                return caller.send(*args, key=f"twice-{n}")

            first, second = pool.map(send, range(2))
            replayed = [answer.headers.get("idempotent-replayed", "") for answer in (first, second)]
            if first.status_code < 300:
                fine = second.content == first.content and sorted(replayed) == ["", "true"]
            else:
                fine = 400 <= first.status_code < 500 and second.status_code == first.status_code
            if not fine:
                faults.append(
                    (path, first.status_code, first.text[:200], second.status_code, second.text[:200])
                )
            other = {**(body or {}), "a": 1}
            again = caller.send(method, path, here.of(path), other, key=f"twice-{number}")
            if again.status_code != 422 and first.status_code < 300:  # a refusal leaves its key free
                faults.append((path, "another body", again.status_code, again.text[:200]))
    assert not faults, "\n".join(map(str, faults))


def test_two_people_at_once_are_never_a_fault(postgres_engine: Engine) -> None:
    """Every POST twice at the same moment, by two keys: both are told what became of it."""
    program = Program(Desk(postgres_engine))
    here = world(program)
    caller = Caller(program)
    faults, done = [], {}
    # Those that are done once come first: a verb such as the acceptance of an offer ends the plan that another needs.
    operations = sorted(caller.operations("post"), key=lambda each: not each[1].endswith(ONCE))
    with ThreadPoolExecutor(2) as pool:
        for number, (method, path, operation) in enumerate(operations):
            body, start = caller.body(operation, here.in_body()), Barrier(2)

            def send(
                who: str, args: Any = (method, path, here.of(path), body), n: int = number, at: Any = start
            ) -> Response:
                at.wait(10)
                return caller.send(*args, key=f"{who}-{n}")

            answers = list(pool.map(send, ("one", "two")))
            done[path.removeprefix("/api/v1")] = sorted(answer.status_code for answer in answers)
            faults += [
                (path, each.status_code, each.text[:200]) for each in answers if each.status_code >= 500
            ]
    assert not faults, "\n".join(map(str, faults))
    once = {path: statuses for path, statuses in done.items() if path.endswith(ONCE)}
    assert len(once) >= len(ONCE)
    assert {path: both for path, both in once.items() if not both[0] < 300 <= 400 <= both[1]} == {}


ONCE = (
    *(
        "/done",
        "/match",
        "/resolution",
        "/restoration",
        "/sender",
        "/experiments",
        "/experiments/{experiment_id}/end",
    ),
    *(
        "/callback/cancellation",
        "/messages/{message_id}/cancellation",
        "/plans/{plan}/cancellation",
        "/withdrawal",
    ),
    *(
        "/reported-changes/{change_id}/decision",
        "/waivers/{waiver_id}/decision",
        "/unmatched-payments/{payment_id}/match",
    ),
)
"""Ends of paths: what can be done once, whoever is first."""
