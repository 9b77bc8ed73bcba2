"""The rule kinds that a pack may use, one file each. A new kind is a file here and its line in `KINDS`.

A file of a kind holds the fields its `[[rules]]` table may have (`...Table`), and the `Rule` with its review, the
words of its reasons, the facts it needs, and which change of its fields is stricter.
"""

from app.policy.kinds.agreement import AgreementRule
from app.policy.kinds.cap import CapRule
from app.policy.kinds.consent import ConsentRule
from app.policy.kinds.content import ContentRule
from app.policy.kinds.duty import DutyRule
from app.policy.kinds.forbidden import ForbiddenRule
from app.policy.kinds.gap import GapRule
from app.policy.kinds.hold import HoldRule
from app.policy.kinds.hours import HoursRule
from app.policy.kinds.language import LanguageRule
from app.policy.kinds.limitation import LimitationRule
from app.policy.kinds.preference import PreferenceRule
from app.policy.kinds.represented import RepresentedRule
from app.policy.kinds.wait import WaitRule
from app.policy.rules import Rule

KINDS: dict[str, type[Rule]] = {
    kind.kind: kind
    for kind in (
        HoursRule,
        CapRule,
        GapRule,
        ConsentRule,
        HoldRule,
        PreferenceRule,
        WaitRule,
        ContentRule,
        LanguageRule,
        LimitationRule,
        AgreementRule,
        RepresentedRule,
        ForbiddenRule,
        DutyRule,
    )
}
"""`kind` as a pack spells it -> its rule."""
