"""Every operation of the OpenAPI document under whatever a program might send: refused or done, never a fault."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.staff.rules import Role
from tests.api.program import CARD, Program
from tests.api.test_description import operations
from tests.api.world import role_for, world

EXAMPLES = 10
PARTS = 4
"""Of the verbs, so that workers share them: all together take minutes."""

nasty_text = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "a\x00b",
            CARD,
            "'; --",
            "%",
            "\\",
            "0" * 400,
            "9" * 25,
            "-1",
            "1e400",
            "NaN",
            "\u202e",
        ]
    ),
)
nasty = st.one_of(
    nasty_text,
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63) - 1, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(nasty_text, max_size=2),
    st.dictionaries(nasty_text, nasty_text, max_size=2),
)


class Attack:
    """Requests drawn from the document; `in_path` and `in_body` are values that exist, by parameter or member name."""

    def __init__(
        self, document: Mapping[str, Any], in_path: Mapping[str, list[Any]], in_body: Mapping[str, list[Any]]
    ) -> None:
        self.document = document
        self.in_path, self.in_body = in_path, in_body

    def names(self, operation: Mapping[str, Any]) -> set[str]:
        """What a refusal may name: parameters and members, also of members; and what cannot be read at all."""
        found = {each["name"] for each in operation.get("parameters", ())} | {"(not shown)", "body"}
        todo = [
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        ]
        while todo:
            schema = todo.pop()
            if "$ref" in schema:
                todo.append(self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
            todo += [
                *schema.get("anyOf", ()),
                schema.get("items", {}),
                *schema.get("properties", {}).values(),
                self._named_freely(schema),
            ]
            todo = [each for each in todo if each]
            found |= set(schema.get("properties", ()))
        return found

    @staticmethod
    def _named_freely(schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema of members whose names the sender chooses; nothing where there are none."""
        members = schema.get("additionalProperties", False)
        return members if isinstance(members, dict) else {}

    def value(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """What the schema allows."""
        if "$ref" in schema:
            return self.value(self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        if "anyOf" in schema:
            return st.one_of(*(self.value(option) for option in schema["anyOf"]))
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        match schema.get("type"):
            case "integer":
                return st.integers(schema.get("minimum"), schema.get("maximum"))
            case "number":
                return st.floats(
                    schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False
                )
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case "array":
                return st.lists(self.value(schema["items"]), max_size=3)
            case "object":
                return self.members(schema)
            case "string":
                return self.text(schema)
        raise AssertionError(f"the fuzz does not know {schema}")

    def text(self, schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
        match schema.get("format"):
            case "date":
                return st.dates().map(str)
            case "date-time":
                return st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat(timespec="seconds"))
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True, alphabet=st.characters(max_codepoint=127))
        return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 60), 60))

    def members(self, schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        if "properties" not in schema:
            if not self._named_freely(schema):
                return st.just({})
            of_any_name = st.one_of(st.sampled_from(["rent", "total-earnings"]), nasty_text)
            return st.dictionaries(of_any_name, self.value(schema["additionalProperties"]), max_size=2)
        required = set(schema.get("required", ()))
        given = {name: self.sent(name, member, self.in_body) for name, member in schema["properties"].items()}
        sound = _dictionary(given, required)
        spoilt = st.builds(dict.__or__, sound, st.dictionaries(nasty_text, nasty, max_size=2))
        return st.one_of(sound, sound, sound, spoilt)

    def sent(
        self, name: str, schema: Mapping[str, Any], real: Mapping[str, list[Any]]
    ) -> st.SearchStrategy[Any]:
        """Mostly something that exists, often something allowed, sometimes anything."""
        allowed = self.value(schema)
        exists = st.sampled_from(real[name]) if name in real else allowed
        return st.one_of(exists, exists, exists, allowed, allowed, nasty)

    def request(self, path: str, operation: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        where = {}
        for place in ("path", "query"):
            here = [p for p in operation.get("parameters", ()) if p["in"] == place]
            values = {p["name"]: self.sent(p["name"], p["schema"], self.in_path) for p in here}
            where[place] = _dictionary(values, {p["name"] for p in here if p.get("required")})
        body: st.SearchStrategy[Any] = st.none()
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            body = st.one_of(self.value(schema), self.value(schema), self.value(schema), nasty)
        key = st.text(string.printable[:95], min_size=1, max_size=300)
        return st.fixed_dictionaries({**where, "body": body, "key": key})


def _dictionary(
    values: dict[str, st.SearchStrategy[Any]], required: set[str]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {name: value for name, value in values.items() if name in required},
        optional={name: value for name, value in values.items() if name not in required},
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_a_program_sends_is_a_fault(program: Program, part: int) -> None:
    """Of every verb there is: a new one is attacked without being named here, with a token that its door lets in."""
    document = program.desk.anonymous().get("/api/v1/openapi.json").json()
    here = world(program)
    programs = {role: program if role is Role.MANAGER else program.as_(role) for role in Role}
    for method, path, operation in list(operations(document))[part::PARTS]:
        attack = Attack(document, in_path=here.of(path), in_body=here.in_body())
        _fuzz(programs[role_for(method, path)], attack, method, path, operation)


def _fuzz(program: Program, attack: Attack, method: str, path: str, operation: Mapping[str, Any]) -> None:
    known = attack.names(operation)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(attack.request(path, operation))
    def run(drawn: dict[str, Any]) -> None:
        url = path
        for name, value in drawn["path"].items():
            url = url.replace("{" + name + "}", quote(_plain(value), safe=""))
        query = {
            name: [_plain(one) for one in value] if isinstance(value, list) else _plain(value)
            for name, value in drawn["query"].items()
        }
        answer = program.client.request(
            method.upper(),
            url,
            params=query,
            content=json.dumps(drawn["body"]) if "requestBody" in operation else None,
            headers={
                **program.headers,
                "idempotency-key": drawn["key"],
                "content-type": "application/json",
            },
        )
        assert answer.status_code < 500, (method, url, query, drawn["body"], answer.text)
        # A slash inside a parameter leads to another address, which may not exist or know this method; an empty
        # one to the address without its last slash.
        assert str(answer.status_code) in operation["responses"] or answer.status_code in (307, 404, 405)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert "4111 1111" not in answer.text
            told = answer.json()
            named = {part for error in told.get("errors", ()) for part in error["field"].split(".")}
            sent = _member_names(drawn["body"])
            assert not {name for name in named - known - sent if not name.isdigit()}, (
                method,
                url,
                answer.text,
            )
            assert told["detail"][0] == told["detail"][0].upper(), answer.text
            assert told["detail"].endswith((".", "!", "?")), answer.text

    run()


def _member_names(body: Any) -> set[str]:
    """Names of members at any depth."""
    if isinstance(body, list):
        return set().union(*map(_member_names, body))
    return set(body).union(*map(_member_names, body.values())) if isinstance(body, dict) else set()


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()
