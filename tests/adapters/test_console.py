"""The console sender shows that something would be sent, and to nobody who it was."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from app.adapters.console import KEEP, ConsoleSender
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import Accepted
from tests.adapters.dispatches import TO, a_dispatch


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL, Channel.POST])
def test_one_line_without_the_address_or_the_words(channel: Channel) -> None:
    stream = io.StringIO()
    dispatch = a_dispatch(channel)

    assert ConsoleSender(stream).send(dispatch) == Accepted("console:attempt-1", console_only=True)

    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["key"] == dispatch.key
    for secret in (dispatch.recipient_name, dispatch.text, *TO[channel].splitlines()):
        assert secret not in line


def test_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleSender().send(a_dispatch(Channel.SMS))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "message.not_really_sent" in captured.err


def test_speaks_even_where_the_program_logs_only_errors() -> None:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    try:
        stream = io.StringIO()
        ConsoleSender(stream).send(a_dispatch(Channel.SMS))
    finally:
        structlog.configure(**before)
    assert "message.not_really_sent" in stream.getvalue()


def test_remembers_what_it_was_given_but_not_for_ever() -> None:
    sender = ConsoleSender(io.StringIO())
    for n in range(KEEP + 5):
        sender.send(a_dispatch(Channel.SMS, key=str(n)))
    assert len(sender.sent) == KEEP
    assert sender.sent[-1].key == str(KEEP + 4)
