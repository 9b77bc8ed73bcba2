"""Real XLSX files for tests, written by hand: what a spreadsheet puts in them, and what only an attacker would."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

STYLES = {"": 0, "date": 1, "percent": 2, "moment": 3, "red": 4}
"""Names of the cell styles every workbook here has."""


class Raw(str):
    """The XML of a cell, put in as it is; `{r}` is its reference."""

    __slots__ = ()


def number(value: object, style: str = "") -> Raw:
    """A cell as a spreadsheet stores a number or a date: its digits and a style."""
    return Raw(f'<c r="{{r}}" s="{STYLES[style]}"><v>{value}</v></c>')


def write_workbook(
    path: Path,
    sheets: Mapping[str, Sequence[Sequence[str]] | str],
    *,
    shared: bool = True,
    from_1904: bool = False,
    extra: Mapping[str, str] | None = None,
) -> Path:
    """Sheets by name, each as rows of texts and Raw cells, or as the XML of its rows. `extra` replaces parts."""
    strings: list[str] = []
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _links({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _book(list(sheets), from_1904),
        "xl/_rels/workbook.xml.rels": _links(
            {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)}
            | {"rId98": ("styles", "styles.xml"), "rId99": ("sharedStrings", "sharedStrings.xml")}
        ),
        "xl/styles.xml": _styles(),
    }
    for n, rows in enumerate(sheets.values(), start=1):
        xml = rows if isinstance(rows, str) else _rows(rows, strings if shared else None)
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>{xml}</sheetData></worksheet>'
        )
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    parts["xl/sharedStrings.xml"] = f'{HEAD}<sst xmlns="{MAIN}">{items}</sst>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in {**parts, **(extra or {})}.items():
            archive.writestr(name, xml)
    return path


def column(at: int) -> str:
    """0 -> 'A', 27 -> 'AB'."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name


def _rows(rows: Sequence[Sequence[str]], strings: list[str] | None) -> str:
    return "".join(
        f'<row r="{n}">'
        + "".join(_cell(text, f"{column(at)}{n}", strings) for at, text in enumerate(row))
        + "</row>"
        for n, row in enumerate(rows, start=1)
        if row
    )


def _cell(text: str, reference: str, strings: list[str] | None) -> str:
    if isinstance(text, Raw):
        return text.replace("{r}", reference)
    if not text:
        return ""
    if strings is None:
        return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
    strings.append(text)
    return f'<c r="{reference}" t="s"><v>{len(strings) - 1}</v></c>'


def _book(names: Sequence[str], from_1904: bool) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    epoch = '<workbookPr date1904="1"/>' if from_1904 else "<workbookPr/>"
    return f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">{epoch}<sheets>{sheets}</sheets></workbook>'


def _links(targets: Mapping[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{name}" Type="{LINKS}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}">{inner}</Relationships>'


def _styles() -> str:
    custom = (
        '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/>'
        '<numFmt numFmtId="165" formatCode="[Red]#,##0.00&quot; days&quot;"/></numFmts>'
    )
    used = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 10, 164, 165))
    return f'{HEAD}<styleSheet xmlns="{MAIN}">{custom}<cellXfs count="5">{used}</cellXfs></styleSheet>'


def _content_types(sheets: int) -> str:
    base = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "/xl/workbook.xml": "sheet.main",
        "/xl/styles.xml": "styles",
        "/xl/sharedStrings.xml": "sharedStrings",
    }
    parts |= {f"/xl/worksheets/sheet{n}.xml": "worksheet" for n in range(1, sheets + 1)}
    inner = "".join(
        f'<Override PartName="{part}" ContentType="{base}.{kind}+xml"/>' for part, kind in parts.items()
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{rels}"/><Default Extension="xml" ContentType="application/xml"/>'
        f"{inner}</Types>"
    )
