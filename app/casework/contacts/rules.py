"""Steps of a case, and the key that tells one contact from another. Pure."""

from __future__ import annotations

from typing import NamedTuple

from app.core.types import JsonObject
from app.core.vocabulary import Word


class DeskStep(Word):
    """Steps that no strategy has: letters that an event asks for, and what people do by hand."""

    CONFIRMATION = "plan-confirmation"
    OFFER = "plan-offer"
    INSTALMENT_AHEAD = "instalment-ahead"
    """The agreement's own reminder, some days before an instalment is due."""
    INSTALMENT_TODAY = "instalment-today"
    INSTALMENT_GRACE = "instalment-grace"
    MOVED_INSTALMENT = "instalment-moved"
    SKIPPED_INSTALMENT = "instalment-skipped"
    BROKEN_PLAN = "plan-broken"
    RESTORED_PLAN = "plan-restored"
    """What was written of a broken agreement is taken back: it was paid in time."""
    RESUMED_PLAN = "plan-resumed"
    """An agreement goes on after it rested, with new dates."""
    OVER_PLAN = "plan-over"
    """An agreement ended and nothing is past due of it, or an earlier payment does not count any more."""
    CANCELLED_PLAN = "plan-cancelled"
    FEES_AGAIN = "fees-charged-again"
    """Fees that an ended agreement had waived are charged again."""
    HOLD = "hold-acknowledgement"
    COMPLAINT_RECEIVED = "complaint-received"
    """A complaint of a customer whose hold for another one stands already: it is acknowledged by itself."""
    COMPLAINT_HOLDING = "complaint-holding"
    COMPLAINT_SUMMARY = "complaint-summary"
    COMPLAINT_FINAL = "complaint-final"
    DISPUTE_RECEIVED = "dispute-received"
    """A dispute of a part, or a billing error, is acknowledged. Of a step about a dispute the occurrence is the number
    of the dispute in its case."""
    DISPUTE_DECIDED = "dispute-decided"
    CLOSED = "case-closed"
    MANUAL = "manual-letter"
    DUTY = "owed-letter"
    """A letter that the law wants within some days of an event."""
    SATISFACTION = "satisfaction-question"
    """How satisfied the customer is, after something was closed."""
    SATISFACTION_AGAIN = "satisfaction-reminder"
    HELP = "help-answer"
    ANSWER = "sms-answer"
    KNOWLEDGE = "knowledge-answer"
    """An article of the knowledge base, sent as the answer to a question."""
    CALL_REQUEST = "call-me"
    CALL_RESULT = "call-result"
    """Work that the result of a call gives a person."""
    SUPPORT_NEED = "support-need"
    """A support need to confirm or to look at again: not told to who works no case."""
    COMPLAINT_LETTER = "complaint-letter-lost"
    """A letter of a complaint that did not reach the customer: its owner sends it again."""
    HARDSHIP = "hardship-request"
    """A request for help with payments: the letter that it came, and the task to look at the help before it ends. Its
    occurrence is the number of the request."""
    HARDSHIP_DECIDED = "hardship-decision"
    CONDUCT_WARNING = "conduct-warning"
    """The warning letter after abusive contact. Its occurrence is the number of the record."""
    CLAIM = "payment-claim"
    """A payment to look for, because the customer says that it was made."""
    BACK_FROM_LEGAL = "back-from-legal"
    """A case that came back from the legal team: its owner reads why."""
    LEGAL_QUESTION = "legal-question"
    """A question of the legal team, for the owner of the case to answer."""
    LEGAL_CLOSED = "legal-closed"
    """A matter that the lawyers closed: its owner looks at what is left."""
    EARLIER_MONEY = "money-before-agreement"
    """Money that was paid before an agreement was offered and posted after that: a person looks at the agreement."""
    RATE_TO_LOWER = "rate-to-lower"
    """A rate that an agreement promises, for a person to have the creditor lower it."""
    RATE_TO_RAISE = "rate-to-raise"
    """The end of such an agreement: the creditor's own rate runs again."""
    DISPUTED_CHARGES = "disputed-charges"
    """Interest and late fees on a billing error, for a person to have the creditor not charge or credit them."""
    PAID_WITH_LEGAL = "settlement-paid-with-legal"
    """A settlement that was paid while the legal team has the case: it is not accepted, and a person decides."""
    IN_TIME_WITH_LEGAL = "plan-in-time-with-legal"
    """A broken agreement that was paid in time, of a case that the legal team has: a person decides."""
    TAKE_UP_RETURNED = "settlement-payment-returned"
    """A settlement whose first payment, by which it was taken up, came back: a person decides what holds."""
    SETTLED_IN_PART = "settled-while-case-open"
    """A settlement that was paid while other debt keeps its case open, as releases before 0397 left it to a person."""
    AUTHORITY = "authority-of-a-representative"
    """A representative whose authority has ended, or whose paper is not on file: a person asks for it."""
    UNTOLD_END = "end-not-told"
    """An agreement that ended and of which no letter could tell it: a person does."""


OF_DISPUTES = (DeskStep.DISPUTE_RECEIVED, DeskStep.DISPUTE_DECIDED)
"""Steps whose letters are about a dispute."""


class CaseStep(NamedTuple):
    """A step that a case takes: its name, its occurrence (1 for the first time), and the plan, instalment of a plan or
    hold that it is about. A moved instalment takes its steps once more: of those, the occurrence is 1 + how often its
    date was moved. So does an agreement that breaks again: 1 + how often a break of it was taken back."""

    case_id: int
    step: str
    """A step of the strategy, or a DeskStep."""
    occurrence: int = 1
    plan_id: int | None = None
    hold_id: int | None = None
    instalment: int | None = None
    """Number of the instalment of the plan."""

    @property
    def values(self) -> tuple[int, str, int, int | None, int | None, int | None]:
        """The columns of a `CaseStep`."""
        return self.case_id, str(self.step), self.occurrence, self.plan_id, self.hold_id, self.instalment

    def told(self) -> JsonObject:
        """The step as events name it; the case stands beside their data."""
        data: JsonObject = {"step": str(self.step), "occurrence": self.occurrence}
        if self.plan_id is not None:
            data["plan"] = self.plan_id
        if self.hold_id is not None:
            data["hold"] = self.hold_id
        if self.instalment is not None:
            data["instalment"] = self.instalment
        return data
