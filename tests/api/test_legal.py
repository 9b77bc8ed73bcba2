"""Referrals decided by two, and bundles that arrive as they were sealed."""

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from app.core.staff.rules import Role
from app.legal.bundle.bag import CLAIM_PARTS
from app.legal.bundle.case_json import case_schema
from app.legal.bundle.events import BundleDownloaded
from app.legal.bundle.service import Seal
from app.legal.bundle.verification import verify
from app.legal.referrals.events import ReferralApproved, ReferralDeclined, ReferralReturned
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.timestamps.models import TimeStamp
from tests.api.program import Program, fields, late_case, nominated, sealed
from tests.legal.builders import KEY, no_page


def referrals(program: Program) -> list[Referral]:
    return program.desk.read(lambda session: list(session.scalars(select(Referral).order_by(Referral.id))))


def test_referrals_are_listed_by_state(program: Program) -> None:
    cases = [late_case(program.desk) for _ in range(3)]
    for case in cases:
        nominated(program.desk, case)
    legal = program.as_(Role.LEGAL)
    seen = [row["case"] for page in legal.pages("/referrals", limit=2, status="nominated") for row in page]
    assert seen == [case.reference for case in cases]
    assert legal.get("/referrals", status="approved").json()["items"] == []
    assert legal.get("/referrals", portfolio="NONE").status_code == 404
    assert program.as_(Role.AGENT).get("/referrals").status_code == 403
    first = program.get("/referrals", portfolio="CARDS").json()["items"][0]
    assert (first["reason"], first["nominated_by"], first["portfolio"]) == ("moved away", "user:ben", "CARDS")


@pytest.mark.parametrize(
    ("decision", "status", "kind"),
    [
        ("approve", ReferralStatus.APPROVED, ReferralApproved.KIND),
        ("decline", ReferralStatus.DECLINED, ReferralDeclined.KIND),
    ],
)
def test_a_referral_is_decided_once(
    program: Program, decision: str, status: ReferralStatus, kind: str
) -> None:
    program = program.as_(Role.LEGAL)
    referral = nominated(program.desk, late_case(program.desk))
    path = f"/referrals/{referral.id}/decision"
    wanted = {"decision": decision, "reason": "pays again" if decision == "decline" else ""}
    answer = program.post(path, wanted, key="once")
    assert (answer.status_code, answer.json()["status"]) == (200, status.value)
    assert answer.json()["decision_reason"] == wanted["reason"]
    assert program.post(path, wanted, key="once").json() == answer.json()
    (row,) = referrals(program)
    assert (row.status, row.decided_by) == (status, program.by)
    (event,) = program.events(kind)
    assert (event["referral"], event["by"]) == (referral.id, program.by)
    assert program.post(path, {"decision": decision}).status_code == 409
    assert program.post(path, {"decision": "maybe"}).status_code == 422
    assert program.post("/referrals/999/decision", {"decision": "approve"}).status_code == 404


def test_the_claim_is_read_line_by_line(program: Program) -> None:
    case = late_case(program.desk)
    legal = program.as_(Role.LEGAL)
    claim = legal.get(f"/cases/{case.reference}/claim").json()
    bundle = sealed(program.desk, case)
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        told = json.loads(archive.read(f"{bundle.reference}/data/case.json"))
    assert claim == told["claim"]
    assert sum(Decimal(claim["parts"][part]) for part in CLAIM_PARTS) == Decimal(claim["amount"]) > 0
    assert program.as_(Role.AGENT).get(f"/cases/{case.reference}/claim").status_code == 403
    assert legal.get("/schemas/case").json() == case_schema()


def test_an_export_says_first_what_the_form_cannot_carry(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/bundles/{sealed(program.desk, case).reference}/exports"
    legal = program.as_(Role.LEGAL)
    told = legal.post(f"{path}/england", {"check_only": True}).json()
    stops = [each["what"] for each in told["findings"] if each["stops"]]
    assert any("signed_by is missing" in what for what in stops)
    assert "the court takes claims in GBP, and this one is in CNY" in stops
    assert (told["content_base64"], told["sha256"]) == (None, None)
    refused = legal.post(f"{path}/england", {"settings": {"signed_by": "Lena"}})
    assert refused.status_code == 409
    assert legal.post(f"{path}/mars", {}).status_code == 404
    assert legal.post(f"{path}/england", {"settings": {"court": "x"}}).status_code == 422
    assert program.post(f"{path}/england", {"check_only": True}).status_code == 403, "managers look on"


def test_a_case_comes_back_from_the_legal_team(program: Program) -> None:
    legal, agent = program.as_(Role.LEGAL), program.as_(Role.AGENT)
    found = []
    for caller in (legal, program):
        case = late_case(program.desk)
        referral = nominated(program.desk, case)
        path = f"/referrals/{referral.id}/return"
        assert caller.post(path, {"reason": "too early"}).status_code == 409
        assert legal.post(f"/referrals/{referral.id}/decision", {"decision": "approve"}).status_code == 200
        assert caller.post(path, {"reason": ""}).status_code == 422
        assert agent.post(path, {"reason": "no"}).status_code == 403
        answer = caller.post(path, {"reason": "the claim is too small"}).json()
        assert (answer["status"], answer["returned_by"], answer["return_reason"]) == (
            "returned", caller.by, "the claim is too small",
        )  # fmt: skip
        found.append(answer["case"])
    assert [event["is_recall"] for event in program.events(ReferralReturned.KIND)] == [False, True]
    listed = legal.get("/referrals", status="returned").json()["items"]
    assert [row["case"] for row in listed] == found


def test_a_referral_needs_two(program: Program) -> None:
    legal = program.as_(Role.LEGAL)
    referral = nominated(program.desk, late_case(program.desk), by=legal.by)
    path = f"/referrals/{referral.id}/decision"
    assert legal.post(path, {"decision": "approve"}).status_code == 403
    assert program.post(path, {"decision": "approve"}).status_code == 403
    for role in (Role.AGENT, Role.ADMIN):
        assert program.as_(role).post(path, {"decision": "approve"}).status_code == 403
    (row,) = referrals(program)
    assert row.status is ReferralStatus.NOMINATED
    assert program.events(ReferralApproved.KIND) == []


def test_a_bundle_arrives_whole_and_is_on_record(program: Program, tmp_path: Path) -> None:
    case = late_case(program.desk)
    bundle = sealed(program.desk, case)
    legal = program.as_(Role.LEGAL)
    (listed,) = legal.get(f"/cases/{case.reference}/bundles").json()["items"]
    assert (listed["reference"], listed["sha256"]) == (bundle.reference, bundle.sha256)
    assert (listed["complete"], listed["receipt"], listed["size"]) == (False, None, bundle.size)

    answer = legal.get(f"/bundles/{bundle.reference}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    digest = hashlib.sha256(answer.content).digest()
    assert answer.headers["etag"] == f'"{digest.hex()}"'
    assert answer.headers["content-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert bundle.reference in answer.headers["content-disposition"]
    file = tmp_path / "bundle.zip"
    file.write_bytes(answer.content)
    assert verify(file, KEY.public_key()).problems == ()
    (event,) = program.events(BundleDownloaded.KIND)
    assert (event["bundle"], event["by"]) == (bundle.reference, legal.by)


def test_a_time_stamp_is_fetched_once_it_is_there(program: Program) -> None:
    bundle = sealed(program.desk, late_case(program.desk))
    legal, path = program.as_(Role.LEGAL), f"/bundles/{bundle.reference}/time-stamp"
    assert legal.get(path).status_code == 404
    stamp = TimeStamp(bundle_id=bundle.id, stamped_at=bundle.built_at, authority="tsa", response=b"a stamp")
    program.desk.write(lambda session: session.add(stamp))
    answer = legal.get(path)
    assert (answer.content, answer.headers["content-type"]) == (b"a stamp", "application/timestamp-reply")
    assert program.as_(Role.AGENT).get(path).status_code == 403


def test_a_bundle_that_is_there_already_is_not_sent_again(program: Program) -> None:
    bundle = sealed(program.desk, late_case(program.desk))
    legal = program.as_(Role.LEGAL)
    for held in (f'"{bundle.sha256}"', f'"other", W/"{bundle.sha256}"', "*"):
        answer = legal.get(f"/bundles/{bundle.reference}", headers={"if-none-match": held})
        assert (answer.status_code, answer.content) == (304, b"")
    assert program.events(BundleDownloaded.KIND) == []
    assert legal.get(f"/bundles/{bundle.reference}", headers={"if-none-match": '"other"'}).status_code == 200


def test_a_later_bundle_supersedes(program: Program) -> None:
    case = late_case(program.desk)
    first, second = sealed(program.desk, case), sealed(program.desk, case)
    legal = program.as_(Role.LEGAL)
    pages = list(legal.pages(f"/cases/{case.reference}/bundles", limit=1))
    assert [(row["reference"], row["supersedes"]) for page in pages for row in page] == [
        (first.reference, ""),
        (second.reference, first.reference),
    ]


def test_bundles_are_no_agents_matter(sqlite_program: Program) -> None:
    case = late_case(sqlite_program.desk)
    bundle = sealed(sqlite_program.desk, case)
    for role in (Role.AGENT, Role.ADMIN):
        other = sqlite_program.as_(role)
        assert other.get(f"/bundles/{bundle.reference}").status_code == 403
        assert other.get(f"/cases/{case.reference}/bundles").status_code == 403
    legal = sqlite_program.as_(Role.LEGAL)
    assert legal.get("/bundles/C-999999-01").status_code == 404
    assert fields(legal.get("/bundles/..%2Fmain.py")) in (["reference"], [])


def test_a_bundle_is_built_with_a_reason_for_each_gap(program: Program) -> None:
    case = late_case(program.desk)
    legal = program.as_(Role.LEGAL)
    ports = program.desk.app.state.ports
    program.desk.app.state.ports = replace(ports, seal=Seal(KEY, no_page))
    path = f"/cases/{case.reference}/bundles"
    refused = legal.post(path, {"incomplete_reason": "copy to follow"})
    assert refused.status_code == 409
    assert "Items are missing. Give a reason for each" in refused.json()["detail"]
    reasons = [
        {"item": "document.agreement", "reason": "on paper in the branch"},
        {"item": "contact.reminder", "reason": "moved abroad"},
    ]
    assert program.post(path, {"excuses": reasons}).status_code == 403
    made = legal.post(path, {"excuses": reasons})
    assert made.status_code == 201, made.text
    assert [(each["item"], each["by"]) for each in made.json()["excuses"]] == [
        ("document.agreement", legal.by),
        ("contact.reminder", legal.by),
    ]
