"""What can be on record: event kinds, and how the hash chain is computed. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from app.core.vocabulary import Word


class Kind(Word):
    """Kinds of timeline events, `subject.what_happened`. Grow by adding, never rename: history refers to them."""

    PORTFOLIO_ADDED = "portfolio.added"
    PORTFOLIO_TIGHTENED = "portfolio.tightened"
    PORTFOLIO_LIMITED = "portfolio.limits_set"
    """Of earlier versions, which could change limits only."""
    PORTFOLIO_SET = "portfolio.set"
    FEED_LOADED = "feed.loaded"
    ENTRY_POSTED = "ledger.entry_posted"
    STATEMENT_REPLACED = "statement.replaced"
    STATEMENT_WITHDRAWN = "statement.withdrawn"
    DAY_CLOSED = "day.closed"
    PAYMENT_MOVED = "ledger.payment_moved"
    WAIVER_REQUESTED = "waiver.requested"
    WAIVER_DECIDED = "waiver.decided"
    PAYMENT_UNMATCHED = "payment.unmatched"
    PAYMENT_MATCHED = "payment.matched"
    ACCOUNT_STATUS_CHANGED = "account.status_changed"
    ACCOUNT_CHANGED = "account.changed"
    """Limit, rate, card or product, by a creditor's file; with the values before and after."""
    ACCOUNT_HOLDER_CHANGED = "account.holder_changed"
    CHANGE_REPORTED = "account.change_reported"
    """A creditor's file gives another holder or status; it waits for a manager."""
    REPORT_DECIDED = "account.report_decided"
    ACCOUNT_RE_AGED = "account.re_aged"
    PAUSE_SET = "pause.set"
    PAUSE_ENDED = "pause.ended"

    CASE_OPENED = "case.opened"
    CASE_CLOSED = "case.closed"
    CASE_REOPENED = "case.reopened"
    """An account's end did not hold: a payment came back."""
    CASE_ASSIGNED = "case.assigned"
    NOTE_ADDED = "case.note_added"
    CALLBACK_SET = "case.callback_set"
    CALL_LOGGED = "case.call_logged"
    HOLD_PLACED = "hold.placed"
    HOLD_ENDED = "hold.ended"
    HOLD_REVIEW_DUE = "hold.review_due"
    """A hold that no date ends has reached its review date: a person has to look."""
    HOLD_REVIEWED = "hold.reviewed"
    CONSENT_CHANGED = "consent.changed"
    PREFERENCE_SET = "preference.set"
    PREFERENCE_ENDED = "preference.ended"
    ADDRESS_SUPPRESSED = "address.suppressed"
    """Nothing more is sent to this number or e-mail address, because it does not arrive or is not wanted."""
    ADDRESS_RESTORED = "address.restored"

    PLAN_OFFERED = "plan.offered"
    PLAN_ACCEPTED = "plan.accepted"
    PLAN_ACTIVATED = "plan.activated"
    PLAN_KEPT = "plan.kept"
    PLAN_BROKEN = "plan.broken"
    PLAN_CANCELLED = "plan.cancelled"

    MESSAGE_RECEIVED = "message.received"
    """The customer wrote to us, by SMS or on their preferences page."""
    MESSAGE_REVIEWED = "message.reviewed"
    LANGUAGE_CHANGED = "customer.language_changed"
    CUSTOMER_CHANGED = "customer.changed"
    """Name, address, number, e-mail, language or zone; with the values before and after."""
    LINKS_REPLACED = "customer.links_replaced"
    """Links in earlier messages only stop messages from now on."""

    CONTACT_CLEARED = "contact.cleared"
    CONTACT_WAITING = "contact.waiting"
    CONTACT_REFUSED = "contact.refused"
    CONTACT_WITHHELD = "contact.withheld"
    """The gate said no at the moment of delivery."""
    DOCUMENT_ADDED = "document.added"
    DOCUMENT_DOWNLOADED = "document.downloaded"
    DOCUMENT_WITHDRAWN = "document.withdrawn"
    CONTACT_SENT = "contact.sent"
    CONTACT_SIMULATED = "contact.simulated"
    """Printed to the console instead of being sent: nothing left."""
    """The provider accepted it; this is what caps count (or a call was placed)."""
    CONTACT_DELIVERED = "contact.delivered"
    CONTACT_FAILED = "contact.failed"
    CONTACT_UNKNOWN = "contact.unknown"
    CALL_TASK_CREATED = "contact.call_task"

    REFERRAL_NOMINATED = "referral.nominated"
    REFERRAL_APPROVED = "referral.approved"
    REFERRAL_DECLINED = "referral.declined"
    BUNDLE_BUILT = "bundle.built"
    BUNDLE_DELIVERED = "bundle.delivered"
    BUNDLE_FAILED = "bundle.failed"
    BUNDLE_DOWNLOADED = "bundle.downloaded"

    STRATEGY_SAVED = "strategy.saved"
    STRATEGY_LIVE = "strategy.live"
    EXPERIMENT_STARTED = "experiment.started"
    EXPERIMENT_ENDED = "experiment.ended"
    TASK_CREATED = "task.created"
    TASK_DONE = "task.done"

    CHANNEL_STOPPED = "channel.stopped"
    CHANNEL_STARTED = "channel.started"
    PRINT_BATCH_ENDED = "print.batch_ended"

    FACTS_FORGOTTEN = "facts.forgotten"
    """What decisions were based on was deleted: its time was over."""

    USER_ADDED = "staff.user_added"
    USER_CHANGED = "staff.user_changed"
    TOKEN_ISSUED = "staff.token_issued"  # noqa: S105 - an event kind, not a secret
    TOKEN_REVOKED = "staff.token_revoked"  # noqa: S105
    LOGGED_IN = "staff.logged_in"
    LOGGED_OUT = "staff.logged_out"
    LOGIN_REFUSED = "staff.login_refused"


GENESIS = "0" * 64


def canonical(data: Mapping[str, Any]) -> str:
    """One spelling per value: sorted keys, no spaces, UTF-8 kept, dates as ISO text."""
    try:
        return orjson.dumps(data, default=str, option=_SPELLED).decode()
    except TypeError:  # integers of more than 64 bits, keys that are not text
        return _CANONICAL.encode(data)


_SPELLED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


@lru_cache(maxsize=1000)
def instant_text(at: datetime) -> str:
    """An aware instant as the UTC text that is hashed and exported, always with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain_hash(previous: str, stream: str, seq: int, kind: str, at: datetime, by: str, data_json: str) -> str:
    """SHA-256 (hex) over the previous hash and everything the event says, one field a line.

    A stranger can recompute it from timeline.csv of a case bundle; see docs/bundle.md.
    """
    text = "\n".join([previous, stream, str(seq), kind, instant_text(at), by, data_json])
    return hashlib.sha256(text.encode()).hexdigest()
