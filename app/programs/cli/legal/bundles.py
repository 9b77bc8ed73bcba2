"""`desk bundle ...`: build a case bundle, export it for a court or attorney, verify one."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import select

from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.settings import get_settings
from app.programs.cli.base import (
    BY,
    Json,
    migrated_engine,
    print_result,
    printable,
    read_clock,
)

bundle_app = typer.Typer(no_args_is_help=True)


@bundle_app.command("build")
def bundle_build(
    case: Annotated[str, typer.Argument(help="Case reference, such as C-000012.")],
    out: Annotated[Path, typer.Option(help="Where to write the bundle.")],
    by: Annotated[
        str, typer.Option(help="User name of the person who exports it; needed with --excuse and --reason.")
    ] = "",
    excuse: Annotated[
        list[str] | None,
        typer.Option(help="Excuse a missing item of the checklist: ITEM=REASON. Repeatable."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Excuse the one item that is missing.")] = "",
    as_json: Json = False,
) -> None:
    """Seal a case file, as of the last closed business day, and write it to a file."""
    from app.actions.referrals import seal_bundle
    from app.casework.cases.queries import get_case
    from app.legal.bundle.service import single_excuse
    from app.legal.checklists.loading import checklist_of
    from app.programs.ports import make_ports

    number = case.upper().removeprefix("C-")
    if not number.isdigit():
        raise typer.BadParameter(f"{case!r} is not a case reference. Write it like C-000012.")
    excuses = dict(_item_and_reason(text) for text in excuse or [])
    if (reason or excuses) and not by:
        raise typer.BadParameter("--excuse and --reason need --by: a named person answers for them.")
    ports = make_ports(get_settings())
    with transaction(migrated_engine()) as session:
        found = get_case(session, int(number))
        if reason:
            excuses = {**single_excuse(checklist_of(session, found, now=read_clock()), reason), **excuses}
        bundle = seal_bundle(
            session, found, ports, excuses, by=Actor.user(by) if by else BY, now=read_clock()
        )
    out.write_bytes(bundle.content)
    data = {
        "bundle": bundle.reference,
        "sha256": bundle.sha256,
        "size": bundle.size,
        "complete": bundle.complete,
    }
    print_result(
        data, as_json, lambda: print(f"{bundle.reference}: {bundle.size:,} bytes, sha256 {bundle.sha256}")
    )


def _item_and_reason(text: str) -> tuple[str, str]:
    item, separator, why = text.partition("=")
    if not separator or not item.strip() or not why.strip():
        raise typer.BadParameter(f"--excuse takes ITEM=REASON, not {text!r}.")
    return item.strip(), why.strip()


@bundle_app.command("export")
def bundle_export(
    bundle: Annotated[
        str, typer.Argument(help="Reference of the case's newest bundle, such as C-000012-01.")
    ],
    form: Annotated[str, typer.Option("--format", help="Form of a court or attorney: england, ygc.")],
    by: Annotated[str, typer.Option(help="User name of the person who exports it.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the file; without it, only say what it cannot carry.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="What the bundle does not know: NAME=VALUE. Repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a bundle in the form of a court or attorney, and say what that form cannot carry."""
    from app.actions.referrals import check_export, export_bundle
    from app.core.errors import NotFound
    from app.legal.bundle.models import Bundle

    given = dict(_name_and_value(text) for text in setting or [])
    with transaction(migrated_engine()) as session:
        found = session.scalar(select(Bundle).where(Bundle.reference == bundle.upper()))
        if found is None:
            raise NotFound(f"There is no bundle {bundle}.")
        told = check_export(found, form, given)
        content = None
        if out is not None:
            content = export_bundle(session, found, form, given, by=Actor.user(by), now=read_clock())
    if out is not None and content is not None:
        out.write_bytes(content)
    data = {
        "bundle": bundle.upper(),
        "format": form,
        "findings": [asdict(each) for each in told],
        "size": None if content is None else len(content),
    }

    def say() -> None:
        for each in told:
            print(f"  {'stops' if each.stops else 'left out'}: {printable(each.what)}")
        print("Nothing was written." if content is None else f"{out}: {len(content):,} bytes")

    print_result(data, as_json, say)


def _name_and_value(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise typer.BadParameter(f"--set takes NAME=VALUE, not {text!r}.")
    return name.strip(), value.strip()


@bundle_app.command("verify")
def bundle_verify(
    file: Path,
    key: Annotated[
        Path | None,
        typer.Option(
            help="Public key (PEM) of the sender, which you have from the sender and not from the bundle."
        ),
    ] = None,
    time_stamp: Annotated[
        Path | None, typer.Option(help="The bundle's time stamp (TSR); needs --roots.")
    ] = None,
    roots: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of the time-stamp authorities that you trust.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle: every hash, the signature, the timeline's chain and the ledger's sum. Needs no database.

    Without --key it fails: anybody could change a bundle and sign it with a key of their own.
    """
    from app.legal.bundle.bag import load_sender_key
    from app.legal.bundle.verification import verify

    if not file.is_file():
        raise typer.BadParameter(f"There is no file {file}.")
    if key is not None and not key.is_file():
        raise typer.BadParameter(f"There is no file {key}.")
    if (time_stamp is None) != (roots is None):
        raise typer.BadParameter("--time-stamp and --roots belong together.")
    result = verify(file, load_sender_key(key.read_text()) if key else None)
    existed = _existed_at(file, time_stamp, roots) if time_stamp and roots else None
    ok = result.ok and key is not None
    problems = [asdict(problem) for problem in result.problems]
    data = {"ok": ok, "key_id": result.key_id, "sender_checked": key is not None, "problems": problems}
    if existed:
        data["existed_at"] = existed.isoformat()

    def say() -> None:
        if result.ok and not ok:
            print("The bundle is consistent, but its sender is not proven:")
            print(
                "  give --key FILE with the sender's key, which you have from the sender and not from the bundle"
            )
        else:
            print("The bundle is whole." if ok else "The bundle is NOT whole:")
        for problem in result.problems:
            print(f"  {printable(problem.file)}: {printable(problem.what)}")
        print(f"  signed with key {printable(result.key_id) or 'none'}")
        if existed:
            print(f"  existed at {existed:%Y-%m-%d %H:%M:%S} UTC, as a time-stamp authority certifies")

    print_result(data, as_json, say)
    if not ok:
        raise typer.Exit(1)


def _existed_at(file: Path, time_stamp: Path, roots: Path) -> datetime:
    """The time that the stamp certifies. Invalid where it is not of this bundle, or of no trusted authority."""
    from app.legal.bundle.bag import TAG_MANIFEST
    from app.legal.timestamps.verification import load_roots, verified_time

    for given in (time_stamp, roots):
        if not given.is_file():
            raise typer.BadParameter(f"There is no file {given}.")
    try:
        with zipfile.ZipFile(file) as archive:
            [path] = [name for name in archive.namelist() if name.partition("/")[2] == TAG_MANIFEST]
            manifest = archive.read(path)
    except (ValueError, OSError, zipfile.BadZipFile):
        raise Invalid("The bundle has no readable tag manifest that could be stamped.", "file") from None
    return verified_time(time_stamp.read_bytes(), manifest, load_roots(roots))
