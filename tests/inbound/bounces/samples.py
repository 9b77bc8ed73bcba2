"""What well-known mail servers send back, written after their real forms; `attempt` is the id in our Message-ID."""

from __future__ import annotations

ATTEMPT = "41-0123456789abcdef01"
TO = "alex.rivera@mail.example"


def returned(attempt: str = ATTEMPT, to: str = TO) -> str:
    return (
        f"Message-ID: <{attempt}@post.example>\nFrom: First Harbor Bank <desk@post.example>\nTo: <{to}>\n"
        "Subject: A payment has not reached us\n"
    )


def dsn(
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 <alex.rivera@mail.example>: Recipient address rejected: User unknown",
    *,
    action: str = "failed",
    attempt: str = ATTEMPT,
    to: str = TO,
    about: str = "",
    verp: bool = False,
    envelope: bool = False,
) -> bytes:
    """Postfix: multipart/report (RFC 3464), the head of our message returned."""
    arrived_at = f"bounces+{attempt}@post.example" if verp else "bounces@post.example"
    envid = f"Original-Envelope-Id: {attempt}\n" if envelope else ""
    about = about if about or verp or envelope else returned(attempt, to)
    return f"""Return-Path: <>
Delivered-To: {arrived_at}
Date: Sat, 14 Nov 2026 09:31:02 +0000 (UTC)
From: MAILER-DAEMON@mx.post.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {arrived_at}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1"
Message-Id: <20261114093102.5D3F0@mx.post.example>

This is a MIME-encapsulated message.

--B1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.post.example.

I'm sorry to have to inform you that your message could not be delivered.

--B1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.post.example
{envid}X-Postfix-Queue-ID: 4F1B22
Arrival-Date: Sat, 14 Nov 2026 09:31:00 +0000 (UTC)

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.mail.example
Diagnostic-Code: smtp; {diagnostic}

--B1
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{about}
--B1--
""".encode()


EXCHANGE = f"""From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example>
To: <desk@post.example>
Subject: Undeliverable: A payment has not reached us
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="_6d1_"

--_6d1_
Content-Type: multipart/alternative; boundary="_alt_"

--_alt_
Content-Type: text/plain; charset="us-ascii"

Delivery has failed to these recipients or groups: {TO}
--_alt_--

--_6d1_
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01.corp.example

Final-recipient: RFC822;{TO.upper()}
Action: failed
Status: 5.0.0
Diagnostic-code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup

--_6d1_
Content-Type: message/rfc822

{returned()}
Dear Alex
--_6d1_--
""".encode()

EXIM = f"""Return-path: <>
X-Failed-Recipients: {TO}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.isp.example>
To: desk@post.example
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {TO}
    Unrouteable address

------ This is a copy of your message, including all the headers. ------

Return-path: <desk@post.example>
{returned()}
Dear Alex
""".encode()

QMAIL = f"""Return-Path: <>
From: MAILER-DAEMON@old.example
To: desk@post.example
Subject: failure notice

Hi. This is the qmail-send program at old.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{TO}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <desk@post.example>
{returned()}
Dear Alex
""".encode()

COMPLAINT = f"""From: <abuse@mail.example>
To: <desk@post.example>
Subject: FW: A payment has not reached us
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="F"

--F
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for a message received from IP 192.0.2.1.

--F
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{TO}>

--F
Content-Type: message/rfc822

{returned()}
Dear Alex
--F--
""".encode()

OUT_OF_OFFICE = f"""From: Alex Rivera <{TO}>
To: desk@post.example
Subject: Out of office: A payment has not reached us
In-Reply-To: <{ATTEMPT}@post.example>
Auto-Submitted: auto-replied

I am away. If the user is unknown to you, write to my colleague instead.
""".encode()

RECEIPT = f"""From: Alex Rivera <{TO}>
To: desk@post.example
Subject: Read: A payment has not reached us
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="R"

--R
Content-Type: text/plain

Your message was read.
--R
Content-Type: message/disposition-notification

Final-Recipient: rfc822;{TO}
Original-Message-ID: <{ATTEMPT}@post.example>
Disposition: manual-action/MDN-sent-manually; displayed
--R--
""".encode()

BY_HAND = f"""From: Alex Rivera <{TO}>
To: desk@post.example
Subject: Re: A payment has not reached us
In-Reply-To: <{ATTEMPT}@post.example>

I paid this last week with card 4111 1111 1111 1111. Please check.
""".encode()


def exim_report(
    reason: str, *, fields: str = "", action: str = "failed", kind: str = "delivery-status"
) -> bytes:
    """Exim from 4.86 on: a report whose fields say 5.0.0 whatever it was, the reason in the part for people."""
    return f"""From: Mail Delivery System <Mailer-Daemon@mx.isp.example>
To: desk@post.example
Auto-Submitted: auto-replied
X-Failed-Recipients: {TO}
Subject: Mail delivery failed: returning message to sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B2"

--B2
Content-Type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {TO}
    host mx.mail.example [192.0.2.1]
    {reason}

--B2
Content-Type: message/{kind}

Reporting-MTA: dns; mx.isp.example

Action: {action}
Final-Recipient: rfc822;{TO}
Status: 5.0.0
{fields}
--B2
Content-Type: text/rfc822-headers

{returned()}
--B2--
""".encode()
