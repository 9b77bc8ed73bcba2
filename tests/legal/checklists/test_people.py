"""A case file tells every number and address with its end, and who else might be told of the debt."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

from sqlalchemy.engine import Engine

from app.actions.people.contact_data import correct_point
from app.actions.people.parties import add_party
from app.book.ledger.models import Customer
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.legal.bundle.build import build, verify
from app.legal.checklists.people import contacts_of, third_parties_of
from tests import builders
from tests.legal.builders import KEY, case_file, no_page

BEN = {"by": Actor.user("ben"), "now": builders.NOW}
TODAY = builders.NOW.date()


def test_points_and_parties_are_in_case_json(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        anna = session.get_one(Customer, case.customer_id)
        old = anna.mobile
        correct_point(session, anna, "phone", {"value": "010 5550 0126"}, "a digit was wrong", **BEN)
        firm = NewParty(
            PartyKind.ATTORNEY, "Lin Wei", MayBeTold.EVERYTHING, reference="WL-9", phone="010 5550 0199"
        )
        add_party(session, case, firm, builders.catalog(), today=TODAY, **BEN)
        points, parties = contacts_of(session, anna), third_parties_of(session, anna)
    bundle = build(case_file(contacts=points, third_parties=parties), KEY, no_page)
    assert verify(bundle, KEY.public_key()).ok
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("data/case.json")]
        text = archive.read(name).decode()
    shown = json.loads(text)
    phones = {c["value"]: (c["is_main"], c["end_reason"]) for c in shown["contacts"] if c["kind"] == "phone"}
    assert phones == {"+861055500126": (True, ""), old: (False, "a digit was wrong")}
    [party] = shown["third_parties"]
    assert (party["name"], party["may_be_told"], party["reference"]) == ("Lin Wei", "everything", "WL-9")
    assert "+861055500199" not in text, "how to reach an attorney is no matter of the court"
