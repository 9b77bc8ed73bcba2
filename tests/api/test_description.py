"""The OpenAPI document says what the API does: every operation complete, every reference resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from app.core.staff.rules import Role
from tests.api.program import CARD, Program, fields, late_case

Operation = tuple[str, str, dict[str, Any]]


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.fixture
def document(sqlite_program: Program) -> dict[str, Any]:
    made: dict[str, Any] = sqlite_program.desk.anonymous().get("/api/v1/openapi.json").json()
    return made


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]
    used = set(references(document))
    for kind in ("schemas", "responses"):
        for name in document["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, f"{name} is described and used nowhere"


def test_every_operation_is_complete(document: dict[str, Any]) -> None:
    found = list(operations(document))
    ids = [operation["operationId"] for _, _, operation in found]
    assert len(found) >= 20
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in found:
        where = f"{method} {path}"
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"]), where
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        assert operation["security"] == [{"HTTPBearer": []}], where
        responses = operation["responses"]
        assert {"401", "403", "422", "500", "503"} <= responses.keys(), where
        assert ("404" in responses) == any(p["in"] != "header" for p in operation.get("parameters", [])), (
            where
        )
        (good,) = [status for status in responses if status in ("200", "201")]
        for content in responses[good]["content"].values():
            assert content["schema"].keys() & {"$ref", "type"}, where
        if method == "post":
            assert {"400", "409", "413"} <= responses.keys(), where
            (key,) = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
            assert key["required"], where


def test_request_bodies_take_no_unknown_member(document: dict[str, Any]) -> None:
    schemas = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for _, _, operation in operations(document)
        if "requestBody" in operation
    ]
    # A body that may be left out is one of two: the shape, or nothing.
    shapes = [
        shape for schema in schemas for shape in schema.get("anyOf", [schema]) if shape != {"type": "null"}
    ]
    bodies = [shape["$ref"].rsplit("/", 1)[1] for shape in shapes]
    assert len(bodies) >= 7
    for name in bodies:
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name


def test_problems_are_described_as_they_are_sent(sqlite_program: Program, document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"]["Problem"]["properties"])
    case = late_case(sqlite_program.desk)
    path = f"/cases/{case.reference}/notes"
    for answer in (
        sqlite_program.post(path, {"note": 5}),
        sqlite_program.post("/cases/C-999999/notes", {"note": "x"}),
        sqlite_program.client.get("/api/v1/cases"),
        sqlite_program.as_(Role.LEGAL).post(path, {"note": "x"}),
        sqlite_program.client.post("/api/v1" + path, json={"note": "x"}, headers=sqlite_program.headers),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) <= known
        assert {"type", "title", "status", "detail"} <= set(answer.json())


def test_the_name_of_an_unknown_member_carries_nothing_out(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    answer = sqlite_program.post(f"/cases/{case.reference}/notes", {"note": "x", CARD: 1, "card": 1})
    assert sorted(fields(answer)) == ["(not shown)", "card"]
    assert "4111" not in answer.text
