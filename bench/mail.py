"""E-mails a second into a local SMTP sink, against smtplib with an `EmailMessage` built for each.

    python3 desk.py bench mail
    python3 desk.py bench mail --messages 5000 --rounds 5

(The name `email` would hide the library of that name from the other measurements.)

- reference:  smtplib on one connection that is kept, an `email.message.EmailMessage` with text and HTML built for each.
- ours:       `SmtpEmailSender.send` as the outbox calls it, on one thread, and on several at once.

Both send the same messages, a shipped letter in English and in Chinese in turns, to the same sink: another process that
speaks SMTP with PIPELINING, reads every message to its end, counts it and drops it.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import smtplib
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.adapters.mail.smtp import SmtpEmailSender  # noqa: E402
from app.core.clock import FixedClock  # noqa: E402
from app.core.vocabulary import Channel  # noqa: E402
from app.outreach.outbox.dispatch import Accepted, Dispatch  # noqa: E402

TIMES_THE_REFERENCE = 3.0
AT = datetime(2026, 6, 15, 7, 0, tzinfo=UTC)
THREADS = 4

TEXTS = {
    "en": (
        "A payment has not reached us",
        "Dear Robin Example,\n\nThe minimum payment of $120.00 on your card ending in 4417 was due on 12 June 2026 and "
        "has not reached us.\n\nIf you have paid already, thank you: please ignore this message. If you find it hard "
        "to pay now, talk to us. We can find a way together.\n\nCall +1 212 555 0142 or answer this e-mail.\n\n"
        "First Harbor Bank\n",
    ),
    "zh": (
        "您的信用卡款項尚未入帳，若有困難請與我們聯絡",
        "王小明 您好：\n\n您末四碼 4417 的信用卡，最低應繳金額 NT$3,600 已於 2026 年 6 月 12 日到期，我們尚未收到"
        "款項。\n\n"
        "若您已經付款，謝謝您，請忽略本訊息。若您目前付款有困難，請與我們聯絡，我們可以一起找到辦法。\n\n"
        "請來電 +886 2 5550 0142，或直接回覆這封電子郵件。\n\n第一港灣銀行\n",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench mail", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    mail = [dispatch(n) for n in range(told.messages)]
    port, sink, counts = start_sink()
    ways: dict[str, Callable[[Sequence[Dispatch], int], None]] = {
        "smtplib + EmailMessage": by_reference,
        "ours, one thread": by_us,
        f"ours, {THREADS} threads": by_us_at_once,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for _ in range(told.rounds):  # in turns, so that other load of the machine affects all alike
            for name, way in ways.items():
                started = time.perf_counter()
                way(mail, port)
                rates[name].append(len(mail) / (time.perf_counter() - started))
                counts.send("how many?")
                arrived = counts.recv()
                assert arrived == len(mail), f"{name}: {arrived} of {len(mail)} arrived"
    finally:
        sink.terminate()
        sink.join()
    reference, *ours = ways
    base = median(rates[reference])
    print(f"{reference:26} {base:9,.0f} messages a second")
    for name in ours:
        print(
            f"{name:26} {median(rates[name]):9,.0f} messages a second, {median(rates[name]) / base:.1f} times"
        )
    best = max(median(rates[name]) for name in ours) / base
    passed = best >= TIMES_THE_REFERENCE
    print(f"at least {TIMES_THE_REFERENCE} times the reference: {'holds' if passed else 'MISSED'}")
    raise SystemExit(0 if passed else 1)


def dispatch(n: int) -> Dispatch:
    language = "en" if n % 2 else "zh"
    subject, text = TEXTS[language]
    paragraphs = "".join(f'<p style="margin:0 0 16px">{each}</p>' for each in text.split("\n\n"))
    return Dispatch(
        key=f"{n}:first_reminder:1:email",
        attempt_id=f"{n}-{n:018x}",
        channel=Channel.EMAIL,
        to=f"robin{n}@example.org",
        recipient_name="Robin Example" if n % 2 else "王小明",
        language=language,
        letter="first_reminder",
        text=text,
        business_date=date(2026, 6, 14),
        sender_name="First Harbor Bank" if n % 2 else "第一港灣銀行",
        subject=subject,
        html=f"<!doctype html><html><body>{paragraphs}</body></html>",
        unsubscribe_url=f"https://desk.example.org/u/{n:064x}",
        context={"contact_email": "care@harbor.example"},
    )


# --- the ways -------------------------------------------------------------------------------------------------


def by_reference(mail: Sequence[Dispatch], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for each in mail:
            message = EmailMessage(policy=policy.SMTP)
            message["Subject"] = each.subject
            message["From"] = Address(each.sender_name, addr_spec="desk@harbor.example")
            message["To"] = Address(each.recipient_name, addr_spec=each.to)
            message["Reply-To"] = "care@harbor.example"
            message["Date"] = AT
            message["Message-ID"] = f"<{each.attempt_id}@harbor.example>"
            message["Content-Language"] = each.language
            message["Auto-Submitted"] = "auto-generated"
            message["List-Unsubscribe"] = f"<{each.unsubscribe_url}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message.set_content(each.text)
            message.add_alternative(each.html, subtype="html")
            smtp.send_message(message)


def by_us(mail: Sequence[Dispatch], port: int) -> None:
    sender = our_sender(port)
    for each in mail:
        outcome = sender.send(each)
        assert isinstance(outcome, Accepted), outcome
    sender.close()


def by_us_at_once(mail: Sequence[Dispatch], port: int) -> None:
    sender = our_sender(port)
    with ThreadPoolExecutor(THREADS) as threads:
        assert all(isinstance(outcome, Accepted) for outcome in threads.map(sender.send, mail))
    sender.close()


def our_sender(port: int) -> SmtpEmailSender:
    return SmtpEmailSender(f"smtp://127.0.0.1:{port}", "Desk <desk@harbor.example>", FixedClock(AT))


# --- the sink -------------------------------------------------------------------------------------------------


class Sink(asyncio.Protocol):
    """SMTP server for a correct client: the needed part of RFC 5321 and RFC 2920."""

    arrived = 0
    ANSWERS = {  # noqa: RUF012 - a constant of this little program
        b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250 8BITMIME\r\n",
        b"DATA": b"354 go on\r\n",
        b"QUIT": b"221 bye\r\n",
    }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_text = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers = b""
        while True:
            line, found, rest = self.buffer.partition(b"\r\n.\r\n" if self.in_text else b"\r\n")
            if not found:
                break
            self.buffer = rest
            if self.in_text:
                Sink.arrived += 1
                self.in_text = False
                answers += b"250 2.0.0 taken\r\n"
            else:
                command = line[:4].upper()
                self.in_text = command == b"DATA"
                answers += self.ANSWERS.get(command, b"250 2.0.0 ok\r\n")
        if answers:
            self.transport.write(answers)


def start_sink() -> tuple[int, multiprocessing.Process, Connection]:
    """Start the sink; return its port, its process, and a pipe that counts messages since the last question."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    port: int = here.recv()
    return port, process, here


def _serve(pipe: Connection) -> None:
    def tell() -> None:
        pipe.recv()
        pipe.send(Sink.arrived)
        Sink.arrived = 0

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Sink, "127.0.0.1", 0)
        loop.add_reader(pipe.fileno(), tell)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
