"""The solver: which agreements are possible between a debt and a household, and why the others are not. Pure.

Closed forms find the candidates of each kind; only they get a full schedule and a chance. The same facts and chance
give the same answer again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.casework.negotiation.facts import (
    Affordability,
    Basis,
    Chance,
    NotOffered,
    Option,
    OptionKind,
    Solution,
    SolverFacts,
)
from app.casework.negotiation.solver.arrears import pay_now, promise, re_age, short_plan
from app.casework.negotiation.solver.authority import TWO
from app.casework.negotiation.solver.candidates import Candidate, Found
from app.casework.negotiation.solver.counter import Counter, judge
from app.casework.negotiation.solver.pricing import price
from app.casework.negotiation.solver.relief import relief
from app.casework.negotiation.solver.settlements import settlement
from app.casework.negotiation.solver.situation import Situation, situation_of
from app.casework.negotiation.solver.whole_debt import hardship, long_plan
from app.casework.plans.rules import Cadence

SOLVER_VERSION = "4"
"""Changes whenever the same facts would be answered differently, or facts are gathered that change an answer."""

MOST_OF_A_KIND = 3

FINDERS: Mapping[OptionKind, Callable[[Situation], Found]] = {
    OptionKind.PAY_NOW: pay_now,
    OptionKind.PROMISE: promise,
    OptionKind.SHORT_PLAN: short_plan,
    OptionKind.LONG_PLAN: long_plan,
    OptionKind.SETTLEMENT: settlement,
    OptionKind.HARDSHIP: hardship,
    OptionKind.RE_AGE: re_age,
}
_ORDER = list(FINDERS)
_ANYTHING = Affordability(Basis.UNKNOWN)
_GRANTS = ("agent", "manager", TWO)


def solve(facts: SolverFacts, chance: Chance) -> Solution:
    """The options, those of the most expected kept cash first, and a reason for each kind without one. A household that
    can pay a little, and for which nothing else is possible, is offered relief: token payments first."""
    s = situation_of(facts)
    floor = s.monthly if s.is_known else 0
    if against := _nothing_possible(s):
        why, rule = against
        return Solution((), tuple(NotOffered(kind, why, rule) for kind in FINDERS), floor)
    options: list[Option] = []
    refused: list[NotOffered] = []
    for find in FINDERS.values():
        found = find(s)
        best = _best(s, found.candidates, chance)
        options += best
        if not best:
            refused.append(found.otherwise)
    if not options and (given := _best(s, relief(s), chance)):
        refused = [each for each in refused if each.kind is not OptionKind.HARDSHIP]
        return Solution(tuple(given), tuple(refused), floor)
    options, refused = _without_gifts(s, options, refused)
    return Solution(tuple(sorted(options, key=_rank)), tuple(refused), floor)


def judge_counter(facts: SolverFacts, counter: Counter, chance: Chance) -> Option | NotOffered:
    """The customer's own figures: the offer that they make, or the reason why it cannot be one."""
    if against := _nothing_possible(situation_of(replace(facts, affordability=_ANYTHING))):
        return NotOffered(counter.kind, *against)
    return judge(facts, counter, chance, FINDERS)


def _best(s: Situation, candidates: Sequence[Candidate], chance: Chance) -> list[Option]:
    """One option a group: that of the smallest concession, and the best of the others. A plan that begins with money
    at once is not tried without it: what is paid at once is kept."""
    groups: dict[int, Option] = {}
    begun: set[tuple[int, Cadence]] = set()
    for each in candidates:
        if (each.group, each.terms.cadence) in begun:
            continue
        option = price(s, each, chance)
        if option is not None and option.terms.down_payment_minor:
            begun.add((each.group, each.terms.cadence))
        if option is not None and (each.group not in groups or _easier(option) < _easier(groups[each.group])):
            groups[each.group] = option
    distinct = list(dict.fromkeys(groups[n] for n in sorted(groups)))
    return distinct[:1] + sorted(distinct[1:], key=_rank)[: MOST_OF_A_KIND - 1]


def _without_gifts(
    s: Situation, options: list[Option], refused: list[NotOffered]
) -> tuple[list[Option], list[NotOffered]]:
    """Leave out settlements beyond a manager's own limit where a plan for the whole debt is expected to bring more."""
    whole = [each for each in options if each.kind in (OptionKind.LONG_PLAN, OptionKind.HARDSHIP)]
    most = max((each.expected_kept_minor for each in whole), default=0)
    kept = [
        each
        for each in options
        if each.kind is not OptionKind.SETTLEMENT or each.may_grant != TWO or each.expected_kept_minor > most
    ]
    lost = [each for each in options if each not in kept]
    if lost and not any(each.kind is OptionKind.SETTLEMENT for each in kept):
        best = max(lost, key=lambda each: each.expected_kept_minor)
        why = (
            f"A settlement of {s.money(best.total_cost_minor)} needs two managers and is expected to bring "
            f"{s.money(best.expected_kept_minor)}; a plan for the whole debt is expected to bring {s.money(most)}."
        )
        refused = [*refused, s.not_offered(OptionKind.SETTLEMENT, why, "expected_kept")]
        refused.sort(key=lambda each: _ORDER.index(each.kind))
    return kept, refused


def _easier(option: Option) -> tuple[int, tuple[int, int, int, int]]:
    """Of two ways to pay the same, the one that needs less authority; then the one with more expected kept cash."""
    return _GRANTS.index(option.may_grant), _rank(option)


def _rank(option: Option) -> tuple[int, int, int, int]:
    """Most expected first; among equals the earlier kind, the smaller concession and the earlier end."""
    return (
        -option.expected_kept_minor,
        _ORDER.index(option.kind),
        option.waived_minor,
        option.ends_on.toordinal(),
    )


def _nothing_possible(s: Situation) -> tuple[str, str] | None:
    if s.facts.blocked:
        return s.facts.blocked, "case"
    if s.past_due <= 0:
        held = next((each.held for each in s.facts.accounts if each.held), "")
        return (
            (held, "account") if held else (f"Nothing is {'past due' if s.balance > 0 else 'owed'}.", "debt")
        )
    if s.is_known and s.monthly <= 0 and s.once <= 0:
        by_statement = s.facts.affordability.basis is Basis.STATEMENT
        nothing = (
            "Nothing is left to the household after its costs"
            if by_statement
            else "The customer can pay nothing"
        )
        return (
            f"{nothing}. Name free debt advice to the customer, and consider a hold for hardship."
        ), "affordability"
    return None
