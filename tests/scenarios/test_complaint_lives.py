"""Lives of complaints, a paragraph a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.assignment import add_note
from app.actions.complaints.answering import Decision, answer_complaint
from app.actions.complaints.letters import letter_to_send, send_letter_again
from app.actions.complaints.opening import open_complaint
from app.actions.complaints.redress import decide_redress, give_redress
from app.actions.complaints.stages import (
    ComplaintChange,
    change_complaint,
    reopen_complaint,
    set_ombudsman,
)
from app.actions.disputes.opening import open_dispute
from app.actions.holds import end_hold, place_hold
from app.actions.questions.answering import answer_question
from app.actions.referrals import decide_referral, nominate
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.events import (
    ComplaintClosed,
    ComplaintDenied,
    ComplaintHeld,
    ComplaintLetterLost,
    ComplaintOpened,
    ComplaintOverdue,
)
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintLetter
from app.casework.complaints.queries import complained_since, count_overdue, get_complaint, register_counts
from app.casework.complaints.rules import (
    AnswerKind,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintOutcome,
    ComplaintSeverity,
    FinalForm,
    LetterKind,
    OmbudsmanStage,
    ReceivedComplaint,
    RedressStatus,
)
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.disputes.rules import Disputed, DisputeKind, ReceivedAs
from app.casework.holds.models import CaseHold
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import count_open
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.models import ApiToken, User
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.outreach.delivery.moves import cannot_arrive
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.complaints.arrival import answers_never_arrived
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.in_writing.again import figures_again
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import drop_tasks
from app.reporting.kpis.definitions.service.complaints import COMPLAINTS_CLOSED
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.proof.rows import count_casework
from app.reporting.returns.queries import draw_up
from app.reporting.returns.rules import Measure, ReturnKind
from tests import builders

LONDON = "Europe/London"
RECEIVED = date(2026, 4, 1)
"""The Wednesday before Good Friday: the third business day is the 7th, eight weeks end on 27 May."""
WEEK_8 = date(2026, 5, 27)
ANN, MEI, JOE = Actor.user("ann"), Actor.user("mei"), Actor.user("joe")
DAY = timedelta(days=1)


def noon(on: date) -> datetime:
    return builders.at(on, 12, zone=LONDON)


def a_case(session: Session, *, on: date = RECEIVED) -> CollectionsCase:
    builders.portfolio(session, pack="uk", currency="GBP", timezone=LONDON, waive_limit_minor=5_000)
    case = builders.delinquent_case(session, due_on=on - 20 * DAY, on=on)
    holder = session.get_one(Customer, case.customer_id)
    holder.country, holder.timezone, holder.mobile = "GB", LONDON, "+447700900123"
    holder.city, holder.postcode = "Leeds", "LS1 4AP"
    session.flush()
    return case


def complains(session: Session, case: CollectionsCase, at: datetime, **about: object) -> Complaint:
    received = ReceivedComplaint(
        "You call me at work although I asked you not to.", ComplaintCategory.CONTACT, ComplaintChannel.CALL,
        **about,  # type: ignore[arg-type]
    )  # fmt: skip
    return open_complaint(session, case, received, builders.catalog(), by=ANN, now=at).complaint


def closes(
    session: Session, complaint_id: int, at: datetime, kind: AnswerKind = AnswerKind.FINAL,
    outcome: ComplaintOutcome = ComplaintOutcome.UPHELD, form: FinalForm | None = FinalForm.ACCEPT,
    reasons: str = "We rang you at work on 30 March.", **about: object,
) -> None:  # fmt: skip
    decision = Decision(kind, outcome, reasons, form, **about)  # type: ignore[arg-type]
    answer_complaint(session, complaint_id, decision, builders.catalog(), by=MEI, now=at)


def in_time(session: Session, on: date) -> int:
    """The numerator of the key figure of a day, which the count by hand confirms."""
    scope = Scope(get_portfolio(session, builders.BOOK))
    figure = measured_figures(session, [COMPLAINTS_CLOSED], scope, on)["complaints_on_time", "", ""]
    by_hand = [
        each for each in count_casework(session, scope.portfolio, on, 1) if each[0] == "complaints_on_time"
    ]
    assert [each[3] for each in by_hand] == [figure.numerator]
    return figure.numerator


def written(engine: Engine) -> list[str]:
    return [message.letter for message in builders.messages(engine)]


def test_a_complaint_that_passes_both_clocks_is_reopened_and_goes_to_the_ombudsman(engine: Engine) -> None:
    # On 1 April she complains on the telephone: complaint, hold, event and acknowledgement stand together.
    with transaction(engine) as session:
        case = a_case(session)
        complaint = complains(session, case, noon(RECEIVED))
        number, case_id = id_of(complaint), id_of(case)
        assert (complaint.resolve_by, complaint.answer_by) == (date(2026, 4, 7), WEEK_8)
        [hold] = session.scalars(select(CaseHold))
        assert (hold.kind, hold.until, hold.id) == (HoldKind.COMPLAINT, WEEK_8, complaint.hold_id)
        [event] = builders.events(session, ComplaintOpened.KIND)
        assert event["complaint"] == number
        assert complained_since(session, [case.customer_id], date(2027, 1, 1)) == {case.customer_id}
    assert written(engine) == ["complaint_acknowledged"]

    # A colleague tries to end the hold, and to close the complaint without its letter: neither is possible.
    with transaction(engine) as session, pytest.raises(Conflict, match="K-000001 is open"):
        end_hold(session, session.get_one(CaseHold, 1), "done", "Mei", by=MEI, now=noon(RECEIVED + DAY))
    with (
        transaction(engine) as session,
        pytest.raises(Invalid, match="summary resolution was possible until") as no,
    ):
        closes(session, number, noon(date(2026, 4, 8)), AnswerKind.SUMMARY, form=None)
    assert no.value.field == "kind"

    # Nobody answers. In the night to 23 May nothing is written, in the next one the holding letter is, and only once.
    for on in (date(2026, 5, 22), date(2026, 5, 23), date(2026, 5, 24)):
        builders.close_day(engine, on, now=builders.night_after(on, LONDON))
        assert written(engine).count("complaint_holding") == (0 if on < date(2026, 5, 23) else 1), on
    with transaction(engine) as session:
        [held] = builders.events(session, ComplaintHeld.KIND)
        assert (held["answer_by"], held["expected_on"]) == ("2026-05-27", "2026-06-24")
    [letter] = [each for each in builders.messages(engine) if each.letter == "complaint_holding"]
    assert "the Financial Ombudsman Service (www.financial-ombudsman.org.uk), free of charge" in letter.text
    assert "24 June 2026" in letter.text

    # The day itself is still in time; the night after it says that it is overdue.
    for on in (date(2026, 5, 26), WEEK_8, WEEK_8 + DAY):
        builders.close_day(engine, on, now=builders.night_after(on, LONDON))
        with transaction(engine) as session:
            assert len(builders.events(session, ComplaintOverdue.KIND)) == (0 if on < WEEK_8 else 1), on

    # On 1 June the final response is written: it quotes what was found and names the ombudsman.
    with transaction(engine) as session:
        closes(session, number, noon(date(2026, 6, 1)), apology=True)
        assert session.get_one(CaseHold, 1).ended_at is not None
        [closed] = builders.events(session, ComplaintClosed.KIND)
        assert closed["on_time"] is False
    [final] = [each for each in builders.messages(engine) if each.letter == "complaint_final_response"]
    for words in (
        "We accept your complaint.", "“We rang you at work on 30 March.”", "We apologise",
        "within 6 months of the date of this letter", "will not have our permission",
    ):  # fmt: skip
        assert words in final.text, words

    # She goes to the ombudsman, and finds a letter we had not seen: the complaint is open again.
    with transaction(engine) as session:
        set_ombudsman(
            session,
            number,
            OmbudsmanStage.REFERRED,
            date(2026, 6, 10),
            "FOS-1",
            by=MEI,
            now=noon(date(2026, 6, 10)),
        )
        reopened = reopen_complaint(
            session, number, "A letter of hers", builders.catalog(), by=MEI, now=noon(date(2026, 6, 12))
        )
        assert (reopened.answer_by, reopened.resolve_by, reopened.reopenings) == (date(2026, 8, 7), None, 1)
        with pytest.raises(Invalid):
            closes(session, number, noon(date(2026, 6, 12)), AnswerKind.SUMMARY, form=None)
        closes(
            session, number, noon(date(2026, 6, 15)), outcome=ComplaintOutcome.REJECTED, form=FinalForm.REJECT
        )
        answers = session.scalars(select(ComplaintAnswer).order_by(ComplaintAnswer.number)).all()  # type: ignore[arg-type]
        assert [(each.number, each.outcome) for each in answers] == [
            (1, ComplaintOutcome.UPHELD), (2, ComplaintOutcome.REJECTED),
        ]  # fmt: skip
        with pytest.raises(Invalid, match="Say what was decided"):
            set_ombudsman(
                session,
                number,
                OmbudsmanStage.DECIDED_FOR_US,
                date(2026, 6, 15),
                by=MEI,
                now=noon(date(2026, 6, 15)),
            )
        assert session.get_one(CollectionsCase, case_id).customer_id


def test_a_complaint_that_is_resolved_within_three_business_days(engine: Engine) -> None:
    """At 23:59 of the third day it is in time, a minute later it is not; the day is London's."""
    with transaction(engine) as session:
        case = a_case(session)
        number = id_of(complains(session, case, builders.at(RECEIVED, 23, 59, LONDON)))
    with transaction(engine) as session, pytest.raises(Invalid, match="until 2026-04-07"):
        closes(session, number, builders.at(date(2026, 4, 8), 0, 0, LONDON), AnswerKind.SUMMARY, form=None)
    with transaction(engine) as session:
        at = builders.at(date(2026, 4, 7), 23, 59, LONDON)
        closes(session, number, at, AnswerKind.SUMMARY, form=None, reasons="We call her mobile only.")
        assert get_complaint(session, number).closed_on == date(2026, 4, 7)
    [summary] = [each for each in builders.messages(engine) if each.letter == "complaint_summary_resolution"]
    assert "we now consider your complaint resolved" in summary.text
    assert "“We call her mobile only.”" in summary.text


def test_a_complaint_of_just_after_midnight_is_of_the_new_day(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        complaint = complains(session, case, builders.at(RECEIVED + DAY, 0, 0, LONDON))
        assert (complaint.received_on, complaint.resolve_by) == (RECEIVED + DAY, date(2026, 4, 8))


@pytest.mark.parametrize("stops", ["nothing", "reminders", "everything"])
def test_the_acknowledgement_names_the_day_of_receipt_and_promises_what_holds(
    engine: Engine, stops: str
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        get_portfolio(session, builders.BOOK).complaint_stops = stops
        session.flush()
        complains(session, case, noon(RECEIVED + 5 * DAY), received_at=noon(RECEIVED))
        complains(session, case, noon(RECEIVED + 5 * DAY), received_at=noon(RECEIVED))
    for letter in builders.messages(engine):
        assert "On 1 April 2026 we received your complaint." in letter.text
        assert "You will have our answer by 27 May 2026 at the latest." in letter.text
        assert ("we will not send you any reminders" in letter.text) is (stops != "nothing")
    assert written(engine) == ["complaint_acknowledged", "complaint_acknowledged"]


@pytest.mark.parametrize("kind", [HoldKind.COMPLAINT, HoldKind.DISPUTE])
def test_an_acknowledgement_that_is_written_again_says_the_same(engine: Engine, kind: HoldKind) -> None:
    at = noon(RECEIVED + 5 * DAY)
    with transaction(engine) as session:
        case = a_case(session)
        if kind is HoldKind.COMPLAINT:
            complains(session, case, at, received_at=noon(RECEIVED))
        else:
            open_dispute(
                session, case, Disputed(DisputeKind.WHOLE_DEBT), "not mine", builders.catalog(),
                received_on=RECEIVED, received_as=ReceivedAs.ORAL, by=ANN, now=at,
            )  # fmt: skip
        [hold] = session.scalars(select(CaseHold))
        step = CaseStep(id_of(case), DeskStep.HOLD, hold_id=hold.id)
        again = figures_again(session, step, get_portfolio(session, builders.BOOK), RECEIVED + 6 * DAY)
    [letter] = builders.messages(engine)
    assert "1 April 2026" in letter.text
    assert again["received_on"] == RECEIVED


def test_redress_beyond_authority_waits_for_a_second_person_and_the_answer_with_it(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        number = id_of(complains(session, case, noon(RECEIVED)))
        [account] = session.scalars(select(Account))
        account_id = id_of(account)
        now = noon(RECEIVED + DAY)
        asked = give_redress(
            session, number, account_id, 6_000, "distress", by=MEI, role=Role.MANAGER, now=now
        )
        assert asked.status is RedressStatus.REQUESTED, "60.00 is beyond the 50.00 of the portfolio"
        with pytest.raises(Forbidden):
            decide_redress(session, id_of(asked), approve=True, by=MEI, role=Role.MANAGER, now=now)
    with transaction(engine) as session, pytest.raises(Invalid, match="waits for a second person"):
        closes(session, number, now)
    with transaction(engine) as session:
        redress_id = 1
        paid = decide_redress(session, redress_id, approve=True, by=JOE, role=Role.MANAGER, now=now)
        entry = session.get_one(Entry, paid.entry_id)
        assert (entry.kind, entry.amount_minor, entry.reference) == (EntryKind.CREDIT, -6_000, "redress:1")
        for amount, of in ((0, account_id), (100, 999), (94_001, account_id)):
            with pytest.raises(Invalid):
                give_redress(session, number, of, amount, "r", by=MEI, role=Role.MANAGER, now=now)
        closes(session, number, now)
    [final] = [each for each in builders.messages(engine) if each.letter == "complaint_final_response"]
    assert "£60.00" in final.text


@pytest.mark.parametrize("about", ["mei", " Mei  TANAKA "])
@pytest.mark.parametrize("by", [MEI, Actor.token("sync")])
def test_the_person_complained_about_decides_nothing(engine: Engine, about: str, by: Actor) -> None:
    now = noon(RECEIVED)
    with transaction(engine) as session:
        mei = User(
            username="mei", display_name="Mei Tanaka", role=Role.MANAGER, password_hash="-", created_at=now
        )
        session.add(mei)
        session.flush()
        case = a_case(session)
        number = id_of(complains(session, case, now, about_staff=about))
        account_id = id_of(session.scalars(select(Account)).one())
        asked = give_redress(session, number, account_id, 500, "r", by=ANN, role=Role.AGENT, now=now)
        asked_id = id_of(asked)
        session.add(
            ApiToken(
                name="sync",
                role=Role.MANAGER,
                token_hash="a" * 64,
                prefix="a",
                owner_id=mei.id,
                created_by=MEI,
                created_at=now,
            )
        )
    change = ComplaintChange(ComplaintCategory.CONTACT, ComplaintSeverity.NORMAL)
    decision = Decision(AnswerKind.FINAL, ComplaintOutcome.REJECTED, "No.", FinalForm.REJECT)
    how: dict[str, Any] = {"by": by, "now": now}
    for act in (
        lambda session: answer_complaint(session, number, decision, builders.catalog(), **how),
        lambda session: change_complaint(session, number, change, **how),
        lambda session: give_redress(session, number, account_id, 1, "r", role=Role.MANAGER, **how),
        lambda session: decide_redress(session, asked_id, approve=True, role=Role.MANAGER, **how),
    ):
        with transaction(engine) as session, pytest.raises(Forbidden, match="is about you"):
            act(session)
    with transaction(engine) as session:
        decide_redress(session, asked_id, approve=True, by=JOE, role=Role.MANAGER, now=now)


def test_redress_in_parts_is_no_way_around_the_limit(engine: Engine) -> None:
    with transaction(engine) as session:
        case, now = a_case(session), noon(RECEIVED + DAY)
        number = id_of(complains(session, case, noon(RECEIVED)))
        account_id = id_of(session.scalars(select(Account)).one())
        given = [
            give_redress(session, number, account_id, amount, "r", by=MEI, role=Role.MANAGER, now=now).status
            for amount in (3_000, 2_000, 1)
        ]
        assert given == [RedressStatus.PAID, RedressStatus.PAID, RedressStatus.REQUESTED]


def test_the_second_answer_tells_what_was_credited_since_the_reopening(engine: Engine) -> None:
    with transaction(engine) as session:
        case, now = a_case(session), noon(RECEIVED)
        number = id_of(complains(session, case, now))
        account_id = id_of(session.scalars(select(Account)).one())
        give_redress(session, number, account_id, 2_000, "r", by=MEI, role=Role.MANAGER, now=now)
        closes(session, number, now)
        # It is reopened on the same day.
        later = now + timedelta(hours=1)
        reopen_complaint(session, number, "She wrote again", builders.catalog(), by=MEI, now=later)
        give_redress(session, number, account_id, 1_000, "r", by=MEI, role=Role.MANAGER, now=later)
        closes(session, number, later + timedelta(hours=1))
        told = [each.redress_minor for each in session.scalars(select(ComplaintAnswer))]
        assert told == [2_000, 1_000]


def test_a_referral_is_refused_while_a_complaint_is_open(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        referral = nominate(session, case, "late", by=ANN, now=noon(RECEIVED))
        complains(session, case, noon(RECEIVED))
        number = id_of(referral)
    with transaction(engine) as session, pytest.raises(Conflict, match="in force: complaint"):
        decide_referral(session, number, approve=True, reason="", by=MEI, now=noon(RECEIVED + DAY))


def test_a_second_complaint_shares_the_hold_and_a_withdrawn_one_leaves_it(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        placed = place_hold(
            session, case, HoldKind.COMPLAINT, "says that we are rude", RECEIVED + 30 * DAY, builders.catalog(),
            by=ANN, now=noon(RECEIVED),
        )  # fmt: skip
        assert placed.complaint is not None, "the hold brings the row"
        assert placed.complaint.words == "says that we are rude"
        first = id_of(placed.complaint)
        second = complains(session, case, noon(RECEIVED + DAY))
        assert second.hold_id == placed.hold.id
        closes(
            session,
            first,
            noon(RECEIVED + DAY),
            AnswerKind.WITHDRAWN,
            ComplaintOutcome.WITHDRAWN,
            None,
            "Said so",
        )
        assert placed.hold.ended_at is None
        closes(session, id_of(second), noon(RECEIVED + DAY))
        assert placed.hold.ended_at is not None
        assert len(session.scalars(select(ComplaintLetter)).all()) == 2
    assert written(engine) == ["complaint_acknowledged", "complaint_acknowledged", "complaint_final_response"]


def test_a_no_is_on_record_with_who_and_when(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        add_note(session, case, "Wants to pay on Friday.", by=ANN, now=noon(RECEIVED))
        assert session.scalars(select(CaseQuestion)).all() == []
        add_note(
            session,
            case,
            "She wants to make a complaint, the service is terrible.",
            by=ANN,
            now=noon(RECEIVED),
        )
        add_note(session, case, "I want to file a formal complaint", by=ANN, now=noon(RECEIVED))
        no, yes = session.scalars(select(CaseQuestion).order_by(col(CaseQuestion.id))).all()
        assert "complaint" in no.cues
        at = noon(RECEIVED + DAY)
        answer_question(session, id_of(no), builders.catalog(), is_so=False, by=MEI, now=at)
        [event] = builders.events(session, ComplaintDenied.KIND)
        assert (event["by"], event["question"]) == ("user:mei", no.id)
        assert session.scalars(select(Complaint)).all() == []
        with pytest.raises(Conflict, match="answered already: it is none"):
            answer_question(session, id_of(no), builders.catalog(), is_so=True, by=MEI, now=at)
        opened = answer_question(session, id_of(yes), builders.catalog(), is_so=True, by=MEI, now=at)
        assert opened.complaint_id is not None
        assert get_complaint(session, opened.complaint_id).received_on == RECEIVED
        assert count_open(session, case.portfolio_id) == 0


@pytest.mark.parametrize(("on_paper", "counts"), [(None, 0), (WEEK_8, 1), (WEEK_8 + DAY, 0)])
def test_a_final_response_that_comes_back_is_no_answer_in_time(
    engine: Engine, on_paper: date | None, counts: int
) -> None:
    # On the next day he has his answer by e-mail, and counts as answered in time.
    on = RECEIVED + DAY
    with transaction(engine) as session:
        complaint = complains(session, a_case(session), noon(RECEIVED))
        number = id_of(complaint)
        closes(session, number, noon(on))
        assert answers_never_arrived(session, number) == set()
        assert in_time(session, on) == 1

    # Five days later the mail server says that nobody reads that mailbox: he was told nothing.
    with transaction(engine) as session:
        final = select(OutboxMessage).where(OutboxMessage.letter == "complaint_final_response")
        [letter] = session.scalars(final)
        letter.status, letter.finished_at = OutboxStatus.BOUNCED, noon(on + 5 * DAY)
        session.flush()
        assert answers_never_arrived(session, number) == {1}
        assert in_time(session, on + 4 * DAY) == 1, "the figure of a day is that of what was known then"
        assert in_time(session, on + 5 * DAY) == 0

    # The same words on paper are his answer if they leave within the eight weeks.
    with transaction(engine) as session:
        [letter] = session.scalars(final)
        if on_paper is not None:
            first = session.get_one(PlannedContact, letter.contact_id)
            paper = PlannedContact(**{**first.model_dump(exclude={"id"}), "channel": Channel.POST})
            session.add(paper)
            session.flush()
            changed = {"contact_id": id_of(paper), "status": OutboxStatus.SENT, "finished_at": None}
            copy = letter.model_dump(exclude={"id"}) | changed | {"business_date": on_paper}
            session.add(OutboxMessage(**copy))
            session.flush()
        assert in_time(session, on + 20 * DAY) == counts


def test_an_answer_that_nothing_carries_is_somebodys_work_until_it_is_sent_again(engine: Engine) -> None:
    # The final response goes by e-mail; five days later it bounces, and the desk writes it by post by itself.
    on, back = RECEIVED + DAY, RECEIVED + 6 * DAY
    final = select(OutboxMessage).where(OutboxMessage.letter == "complaint_final_response")
    with transaction(engine) as session:
        case = a_case(session)
        case.owner = "ann"
        complaint = complains(session, case, noon(RECEIVED))
        complaint.owner = "mei"
        number = id_of(complaint)
        closes(session, number, noon(on))
    builders.deliver(engine, noon(on))
    with transaction(engine) as session:
        [letter] = session.scalars(final)
        cannot_arrive(letter, OutboxStatus.BOUNCED, "550 no such user", now=noon(back))
    fall_back_due(engine, builders.catalog(), clock=FixedClock(noon(back)))
    with transaction(engine) as session:
        by_mail, by_post = session.scalars(final.order_by(col(OutboxMessage.id)))
        assert (by_post.destination, by_post.status) == (Destination.POST, OutboxStatus.QUEUED)
        assert get_complaint(session, number).lost_on is None, "it is on its way by post"
        with pytest.raises(Conflict, match="on its way already"):
            again(session, number, Channel.POST, noon(back))

    # The letter comes back from the street too: from this minute it is the work of who answers the complaint.
    builders.deliver(engine, noon(back))
    with transaction(engine) as session:
        by_post = session.scalars(final.order_by(col(OutboxMessage.id))).all()[-1]
        cannot_arrive(by_post, OutboxStatus.UNDELIVERED, "no such address", now=noon(back + DAY))
    fall_back_due(engine, builders.catalog(), clock=FixedClock(noon(back + DAY)))
    with transaction(engine) as session:
        complaint = get_complaint(session, number)
        assert (complaint.lost_on, complaint.lost_letter) == (back + DAY, LetterKind.FINAL)
        [task] = session.scalars(select(StrategyTask))
        assert (task.for_username, task.due_on, task.done_at) == ("mei", back + DAY, None)
        assert "the final response did not reach the customer (no such address)" in task.text
        [event] = builders.events(session, ComplaintLetterLost.KIND)
        assert (event["complaint"], event["letter"]) == (number, "final")
        portfolio_id = complaint.portfolio_id
        assert register_counts(session, portfolio_id, WEEK_8, WEEK_8).lost == 1
        assert count_overdue(session, portfolio_id, WEEK_8) == 0
        assert count_overdue(session, portfolio_id, WEEK_8 + DAY) == 1, (
            "an answer that nobody has meets no clock"
        )
        assert in_time(session, on + 20 * DAY) == 0
        # Neither address is one any more: nothing leaves, and it is said why. The task outlives its case.
        holder = session.get_one(Customer, complaint.customer_id)
        holder.email, holder.address_line1, holder.city, holder.postcode = "", "", "", ""
        with pytest.raises(Invalid, match="cannot leave") as refused:
            again(session, number, Channel.EMAIL, noon(back + DAY))
        assert refused.value.field == "channel"
        drop_tasks(session, portfolio_id, now=noon(back + DAY))
        assert task.done_at is None

    builders.close_day(engine, back + DAY)
    assert closed_by_the_return(engine, back + DAY) == {"outstanding_after": 1}

    # She gives another address: the same words leave, the task is done, and the clock is met.
    with transaction(engine) as session:
        complaint = get_complaint(session, number)
        session.get_one(Customer, complaint.customer_id).email = "anna.new@example.org"
        again(session, number, Channel.EMAIL, noon(back + 2 * DAY))
        assert (complaint.lost_on, complaint.lost_letter) == (None, None)
        [task] = session.scalars(select(StrategyTask))
        assert (task.done_by, complaint.is_open) == ("user:mei", False)
        letters = session.scalars(final.order_by(col(OutboxMessage.id))).all()
        assert [each.destination for each in letters] == [
            Destination.EMAIL,
            Destination.POST,
            Destination.EMAIL,
        ]
        assert letters[-1].address == "anna.new@example.org"
        assert "We rang you at work on 30 March." in letters[-1].text
        assert answers_never_arrived(session, number) == set()
        assert in_time(session, on + 20 * DAY) == 1
        with pytest.raises(Conflict, match="on its way already"):
            again(session, number, Channel.EMAIL, noon(back + 2 * DAY))
        letters[-1].status = OutboxStatus.SENT
        session.flush()
        assert letter_to_send(session, complaint) is None
        with pytest.raises(Conflict, match="has not come back"):
            again(session, number, Channel.EMAIL, noon(back + 2 * DAY))
        letters[-1].status = OutboxStatus.QUEUED
    builders.close_day(engine, back + 2 * DAY)
    assert closed_by_the_return(engine, back + 2 * DAY) == {"closed_8_weeks": 1}


def again(session: Session, complaint_id: int, channel: Channel, at: datetime) -> None:
    send_letter_again(session, complaint_id, channel, builders.catalog(), by=MEI, now=at)


def closed_by_the_return(engine: Engine, on: date) -> dict[str, int]:
    """The rows of the half-year's return that say what became of the complaint."""
    with transaction(engine) as session:
        drawn = draw_up(session, get_portfolio(session, builders.BOOK), ReturnKind.UK_COMPLAINTS, on)
    rows = {each.row: each.number for each in drawn.cells if each.measure is Measure.NUMBER and each.number}
    return {row: n for row, n in rows.items() if row.startswith(("closed_", "outstanding_after"))}
