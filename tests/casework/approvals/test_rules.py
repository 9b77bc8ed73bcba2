"""Who decides a request, and on which figures."""

from __future__ import annotations

import pytest

from app.casework.approvals.rules import (
    ApprovalStatus,
    Figures,
    require_decider,
    require_same_figures,
    require_waiting,
    share_waived,
)
from app.core.errors import Conflict, Forbidden
from app.core.staff.rules import Role

FIGURES = Figures(owed_minor=100_000, past_due_minor=7_000, days_past_due=29)


@pytest.mark.parametrize(("owed", "pays", "share"), [(100_000, 33_000, 67.0), (100, 100, 0.0), (0, 0, 0.0)])
def test_the_share_that_a_settlement_waives(owed: int, pays: int, share: float) -> None:
    assert share_waived(owed, pays) == pytest.approx(share)


def test_an_agent_decides_nothing_and_a_manager_not_their_own_request() -> None:
    require_decider(role=Role.MANAGER, is_asker=False)
    with pytest.raises(Forbidden, match="Your role may not decide"):
        require_decider(role=Role.AGENT, is_asker=False)
    with pytest.raises(Forbidden, match="Another manager decides"):
        require_decider(role=Role.MANAGER, is_asker=True)


@pytest.mark.parametrize("status", [each for each in ApprovalStatus if each is not ApprovalStatus.REQUESTED])
def test_a_request_is_answered_once(status: ApprovalStatus) -> None:
    require_waiting(ApprovalStatus.REQUESTED)
    with pytest.raises(Conflict, match=f"{status.value} already"):
        require_waiting(status)


def test_a_decision_is_about_the_figures_that_were_seen() -> None:
    require_same_figures("", FIGURES)
    require_same_figures("100000:7000", FIGURES)
    with pytest.raises(Conflict, match="figures changed"):
        require_same_figures("100000:6000", FIGURES)
