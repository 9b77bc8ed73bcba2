"""Forms: the files a letter consists of on each channel, and the blocks in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.core.vocabulary import Channel
from app.outreach.letters.letter import BadLetter, Letter

BASE = "_base"
SUBJECT = "email.subject.txt"
BODY_FORMS = {
    Channel.SMS: "sms.txt",
    Channel.EMAIL: "email.txt",
    Channel.POST: "post.txt",
    Channel.CALL: "call.txt",
}
FORMS: Mapping[Channel, tuple[str, ...]] = {
    Channel.SMS: ("sms.txt",),
    Channel.EMAIL: (SUBJECT, "email.txt", "email.html"),
    Channel.POST: ("post.txt",),
    Channel.CALL: ("call.txt",),
}
BLOCK_FORMS = {
    "sms": "sms.txt",
    "email": "email.txt",
    "html": "email.html",
    "post": "post.txt",
    "call": "call.txt",
}


def block_path(language: str, name: str, form: str) -> str:
    return f"{BASE}/{language}/blocks/{name}.{form}"


def check_required(letter: Letter, channel: Channel, path: str, blocks: Collection[str]) -> None:
    if missing := letter.required.get(channel, frozenset()).difference(blocks):
        raise BadLetter(f"{path} lacks required block {', '.join(sorted(missing))}. Add it.")
