"""Every knob, read once from the environment (`DESK_*`, see .env.example). No secret has a working default."""

from __future__ import annotations

import os
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


class SmsAdapter(StrEnum):
    CONSOLE = "console"
    TWILIO = "twilio"


class EmailAdapter(StrEnum):
    CONSOLE = "console"
    SMTP = "smtp"


class PostAdapter(StrEnum):
    CONSOLE = "console"
    PRINT = "print"
    PRINT_BATCH = "print-batch"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="DESK_",
        env_file=os.environ.get("DESK_ENV_FILE", ROOT / ".env"),
        extra="ignore",
        hide_input_in_errors=True,
    )

    database_url: str = f"sqlite:///{ROOT / 'var' / 'desk.db'}"
    secret_key: SecretStr = SecretStr("")
    public_url: str = "http://127.0.0.1:8000"

    sms: SmsAdapter = SmsAdapter.CONSOLE
    email: EmailAdapter = EmailAdapter.CONSOLE
    post: PostAdapter = PostAdapter.CONSOLE

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_url: str = ""
    smtp_url: str = "smtp://127.0.0.1:25"
    mail_from: str = ""
    bounce_address: str = ""
    """Address to which undeliverable e-mail returns; a `*` in it stands for the attempt. Empty = to `mail_from`."""
    bounce_url: SecretStr = SecretStr("")
    """The mailbox behind that address: imaps://, imap+starttls://, maildir:/// or mbox:///. Empty = it is not read."""
    print_dir: Path = ROOT / "var" / "print"
    print_hour: int = Field(default=6, ge=0, le=23)
    """Local hour, in the portfolio's time zone, from which the day's letters are printed as one batch."""
    analytics_dir: Path | None = None
    """Folder of the analytics files that the worker writes after every night. Empty = none are written."""

    intent_model: Path | None = None
    """The intent model that `desk intents train` wrote for this installation. Empty = the shipped one."""

    print_sftp_url: SecretStr = SecretStr("")
    """Folder of a print service: sftp://user[:password]@host[:port]/folder. Empty = from `print_dir`."""
    print_sftp_host_key: str = ""
    """Its host key, without which nothing is sent there: `ssh-ed25519 AAAA...`."""
    print_sftp_key: SecretStr = SecretStr("")
    """Our private key there, in place of the password: OpenSSH or PEM, or a path to such a file."""

    register_number: str = Field(default="", max_length=40)
    """Number of the agency in its country's register of collection services (Netherlands); letters name it."""

    sender_address: str = Field(default="", max_length=200)
    """Our postal address, on one line; notices that must name it need it."""

    supervisory_authority: str = Field(default="", max_length=300)
    """Name, address and e-mail or web address of the authority that supervises the agency, on one line (Germany: RDG s.
    13a(1) no. 8); the notice that must name it needs it."""

    alert_email: str = ""
    """Addresses told by e-mail when a night, an invariant or the worker fails; several with commas between."""
    alert_url: SecretStr = SecretStr("")
    """Address to which the same is posted as JSON, signed (Standard Webhooks)."""
    alert_secret: SecretStr = SecretStr("")
    webhook_private: bool = False
    """Webhooks of digests may lead into private networks, and by http:// to this machine."""

    legal_url: str = ""
    legal_allow_http: bool = False
    """Deliver case files over http:// to another machine: for a line that is encrypted by itself."""
    bundle_key: SecretStr = SecretStr("")
    """Ed25519 private key, PEM (PKCS 8) or a path to such a file; signs case bundles and their delivery."""
    seal_certificate: SecretStr = SecretStr("")
    """Private key (RSA or P-256) and its certificates, PEM or a path; the seal that readers of PDF show."""

    tsa_url: str = ""
    """Time-stamp authority (RFC 3161): stamps bundles and the timeline's days."""
    tsa_roots: Path | None = None
    """PEM file with the certificates by which its stamps are verified before they are kept."""

    upload_dir: Path = ROOT / "var" / "uploads"
    upload_limit_mb: int = Field(default=512, ge=1, le=1_000_000)
    """Largest file that can be uploaded; `desk feed load` on the server knows no limit."""

    session_hours: int = Field(default=10, ge=1, le=72)
    night_hour: int = Field(default=2, ge=0, le=23)
    """Local hour, in the portfolio's time zone, from which the previous business day may be run."""
    delivery_batch: int = Field(default=200, ge=1, le=1000)
    delivery_in_flight: int = Field(default=32, ge=1, le=256)
    """SMS that one worker hands over at the same time."""
    lease_seconds: int = Field(default=300, ge=5)
    missed_sms_minutes: int = Field(default=15, ge=0, le=1440)
    """Minutes between readings of Twilio's list for SMS from customers that our webhook missed; 0 = never."""
    log_level: str = "INFO"

    price_currency: str = Field(default="", pattern="^([A-Z]{3})?$")
    """Currency of the prices below, which only a simulation uses; empty = no costs are shown."""
    price_sms_segment: Decimal = Field(default=Decimal(0), ge=0)
    price_email: Decimal = Field(default=Decimal(0), ge=0)
    price_letter: Decimal = Field(default=Decimal(0), ge=0)
    """A letter of one page, postage included."""
    price_letter_page: Decimal = Field(default=Decimal(0), ge=0)
    """Each further page."""
    call_minutes: int = Field(default=6, ge=1, le=240)
    """Minutes that an agent needs for one call, all in."""
    sms_segments_per_second: float = Field(default=1.0, gt=0)
    """For each of our numbers. This and the next bind real messages, across all workers, and a simulation."""
    emails_per_second: float = Field(default=10.0, gt=0)
    letters_per_day: int = Field(default=5000, ge=1)

    @property
    def twilio_lines(self) -> tuple[str, ...]:
        """The numbers we send SMS from, or the messaging service."""
        return tuple(line.strip() for line in self.twilio_from.split(",") if line.strip()) or ("",)

    def require_secret(self) -> str:
        """The secret key, or a clear refusal to start without one."""
        value = self.secret_key.get_secret_value()
        if len(value) < 32:
            raise SystemExit("DESK_SECRET_KEY is missing or shorter than 32 characters. See .env.example.")
        return value


@lru_cache
def get_settings() -> Settings:
    return Settings()
