"""What every format of a court or attorney has: its settings, what it cannot carry, and its file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core.errors import Conflict, Invalid
from app.legal.courts.source import Source

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that the bundle does not know and the person who exports it says."""

    name: str
    label: str
    help: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What the format cannot carry of this case. `stops` = no file is written; otherwise the file goes without it."""

    what: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class CourtFormat:
    code: str
    country: str
    """Customers of this country (ISO 3166-1) are offered it."""
    title: str
    suffix: str
    media_type: str
    settings: tuple[Setting, ...]
    check: Callable[[Source, Settings], list[Finding]]
    write: Callable[[Source, Settings], bytes]

    def file_name(self, bundle: str) -> str:
        return f"{bundle}-{self.code}{self.suffix}"


def findings(form: CourtFormat, source: Source, given: Settings) -> list[Finding]:
    """Everything that stands in the way of a file or is left out of it. Invalid for settings that it has not."""
    known = {setting.name for setting in form.settings}
    for name in given:
        if name not in known:
            named = ", ".join(sorted(known))
            raise Invalid(
                f"{form.title} has no setting {name[:40]!r}. Its settings are: {named}.", "settings"
            )
    missing = [
        Finding(f"{setting.name} is missing: {setting.help}")
        for setting in form.settings
        if setting.required and not given.get(setting.name, "").strip()
    ]
    return missing + form.check(source, given)


def export(form: CourtFormat, source: Source, given: Settings) -> bytes:
    """The file. Conflict that names everything the format cannot carry."""
    if stops := [each.what for each in findings(form, source, given) if each.stops]:
        raise Conflict(f"{form.title} cannot carry this case: {'; '.join(stops)}.")
    return form.write(source, given)
