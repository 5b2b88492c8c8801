"""Reads somebody else's printed report: its paragraphs and tables in order, whatever file it is."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast
from unicodedata import combining, normalize

from motcua.errors import Failed

TEXTS = (".txt", ".md", ".markdown", ".tsv", ".text")
FILES = (".docx", ".xlsx", *TEXTS)
"""Endings of the files that can be read."""

LARGEST_FILE = 50 << 20
LARGEST_UNPACKED = 200 << 20
"""Bytes above which a report is refused before anything of it is unpacked."""

MOST_ENTRIES = 5_000
MOST_ROWS, MOST_COLUMNS = 5_000, 100
MOST_RATIO = 200
"""A part over a megabyte that unpacks to more than so many times its packed size is a bomb."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Paragraph:
    """A line of running text or of a title, without marks of emphasis."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table as printed: rows of equally many texts; merged headings stand in all their cells.

    name: where it stands, when the file says so (the sheet of a workbook).
    """

    rows: Rows
    name: str = ""


Block = Paragraph | Grid


def read(path: Path) -> list[Block]:
    """The paragraphs and tables of a report (.docx, .xlsx, .txt, .md, .tsv) in their order.

    Raises Failed when the file cannot be read or is not safe to open.
    """
    kind = path.suffix.lower()
    if not path.is_file():
        raise Failed(
            f"There is no file {path}. Give the path of a report, or of a publication"
            " such as 2019-H1.r1."
        )
    if path.stat().st_size > LARGEST_FILE:
        raise Failed(
            f"{path} is larger than {LARGEST_FILE >> 20} MB, no report is. Save the pages"
            " with the tables as a file of their own."
        )
    if kind in (".docx", ".xlsx"):
        _refuse_hostile(path)
        try:
            return _docx(path) if kind == ".docx" else _xlsx(path)
        except Failed:
            raise
        except Exception as error:  # whatever the parsers make of a broken file
            raise Failed(
                f"{path} cannot be read as {kind[1:]}: {error or type(error).__name__}. Open it in"
                " an office program and save it again."
            ) from error
    if kind in TEXTS:
        return _plain(path)
    raise Failed(
        f"{path} is not a report that can be read: {kind or 'no ending'} is none of .docx, .xlsx,"
        " .txt, .md. Save it in one of these forms (a PDF: as text with tabs between columns)."
    )


@lru_cache(maxsize=10_000)
def plain(text: str) -> str:
    """The text in small letters without Vietnamese marks, as long as the text in Unicode NFC."""
    return text.lower() if text.isascii() else "".join(map(_bare, normalize("NFC", text)))


@cache
def _bare(letter: str) -> str:
    base = next((part for part in normalize("NFD", letter) if not combining(part)), letter)
    base = {"đ": "d", "Đ": "d"}.get(base, base).lower()
    return base if len(base) == 1 else letter


def clean(text: str) -> str:
    """The text in Unicode NFC without marks of emphasis and superfluous space."""
    text = re.sub(r"</?(?:b|i|u|em|strong|sup|sub|span|br|p)\b[^<>]{0,200}>", " ", text)
    text = re.sub(r"\*\*|__|(?<!\w)[*_](?=[^\s*_])|(?<=[^\s*_(])[*_](?!\w)", "", text)
    text = re.sub(r"^\s*#{1,6}\s+", "", text).replace("\\", "")
    return re.sub(r"\s+", " ", normalize("NFC", text).replace("\u200b", "")).strip()


def _refuse_hostile(path: Path) -> None:
    """Raise Failed for an archive that would fill the memory or reach outside of itself.

    Parts of an Office document may hold no DTD (ECMA-376 part 2, 8.1.4); entities come only there.
    """
    what = f"{path} is not opened, because"
    again = "Ask for the report as the program that wrote it saved it."
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise Failed(f"{what} it holds {len(entries)} parts. {again}")
            if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                raise Failed(f"{what} it unpacks to over {LARGEST_UNPACKED >> 20} MB. {again}")
            for entry in entries:
                if entry.file_size > max(1 << 20, MOST_RATIO * entry.compress_size):
                    raise Failed(f"{what} its part {entry.filename} is a zip bomb. {again}")
                if entry.filename.endswith((".xml", ".rels")):
                    _refuse_hostile_part(archive.read(entry), f"{what} its part {entry.filename}")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise Failed(
            f"{path} is no {path.suffix[1:]} file: {error}. An old .doc or .xls has to be saved"
            f" as {path.suffix}, a protected file without its password."
        ) from error


def _refuse_hostile_part(part: bytes, what: str) -> None:
    head = part.replace(b"\x00", b"")  # UTF-16 hides nothing
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise Failed(f"{what} declares entities, which no office program writes.")
    for first, last in re.findall(rb'<mergeCell[^>]{0,80}ref="\$?([A-Z]+\$?\d+):([^"]+)"', head):
        rows = [int(re.sub(rb"\D", b"", cell) or b"0") for cell in (first, last)]
        letters = re.sub(rb"[^A-Z]", b"", last)
        if rows[1] - rows[0] > MOST_ROWS or len(letters) > 2:
            raise Failed(f"{what} merges more cells than a table has. Unmerge them and try again.")


def _docx(path: Path) -> list[Block]:
    import docx
    from docx.table import Table
    from docx.text.paragraph import Paragraph as Lines

    blocks: list[Block] = []
    for item in docx.Document(str(path)).iter_inner_content():
        if isinstance(item, Lines):
            blocks += [Paragraph(text) for text in map(clean, _text(item).splitlines()) if text]
        elif isinstance(item, Table):
            blocks += _docx_table(item)
    return blocks


def _docx_table(table: Any) -> Iterator[Block]:
    rows: Rows = []
    above: list[Any] = []
    for row in table.rows:
        if len(rows) >= MOST_ROWS:
            break
        cells = list(row.cells)[:MOST_COLUMNS]
        texts = [clean(" ".join(_text(line) for line in cell.paragraphs)) for cell in cells]
        for column, cell in enumerate(cells):
            merged_down = column < len(above) and cell._tc is above[column]._tc
            merged_right = column > 0 and cell._tc is cells[column - 1]._tc
            # A merged heading is the heading of all its columns; a merged figure is one figure.
            if (merged_down or merged_right) and re.fullmatch(r"[\d.,\s%]+", texts[column]):
                texts[column] = ""
        above = cells
        rows.append(["", *texts][1:])
    width = max(map(len, rows), default=0)
    yield Grid([row + [""] * (width - len(row)) for row in rows])


def _text(paragraph: Any) -> str:
    """The text of a paragraph without the raised numbers of footnotes."""
    runs = [run for run in paragraph.runs if not run.font.superscript]
    whole = cast(str, paragraph.text)
    if len(runs) == len(paragraph.runs):
        return whole
    return "".join(run.text for run in runs)


def _xlsx(path: Path) -> list[Block]:
    import openpyxl

    workbook = openpyxl.load_workbook(path, data_only=True)
    blocks: list[Block] = []
    try:
        for sheet in workbook.worksheets:
            if sheet.sheet_state != "visible":
                continue
            rows = [
                [_cell(cell) for cell in row]
                for row in sheet.iter_rows(
                    max_row=min(sheet.max_row, MOST_ROWS),
                    max_col=min(sheet.max_column, MOST_COLUMNS),
                )
            ]
            for area in sheet.merged_cells.ranges:
                if area.min_row > len(rows) or area.min_col > len(rows[0]):
                    continue
                text = rows[area.min_row - 1][area.min_col - 1]
                if re.fullmatch(r"[\d.,\s%]*", text):
                    continue
                for row in rows[area.min_row - 1 : area.max_row]:
                    for column in range(area.min_col - 1, min(area.max_col, len(row))):
                        row[column] = text
            blocks += _stacked(rows, sheet.title)
    finally:
        workbook.close()
    return blocks


def _cell(cell: Any) -> str:
    """What a cell shows: its number as its format prints it in Vietnam, with a decimal comma."""
    value = cell.value
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, datetime | date):
        return f"{value:%d/%m/%Y}"
    if not isinstance(value, int | float):
        return clean(str(value))
    number = Decimal(str(value))
    shape = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", str(cell.number_format).split(";")[0])
    if "%" in shape:
        number *= 100
    decimals = re.search(r"\.([0#?]+)", shape)
    if decimals:
        number = number.quantize(Decimal(1).scaleb(-len(decimals[1])), ROUND_HALF_UP)
    elif re.search(r"[0#]", shape):
        number = number.quantize(Decimal(1), ROUND_HALF_UP)
    elif number == number.to_integral():
        number = number.to_integral()
    grouped = f"{number:{',' if ',' in shape else ''}f}".translate(str.maketrans(",.", ".,"))
    return grouped + ("%" if "%" in shape else "")


def _stacked(rows: Rows, name: str) -> Iterator[Block]:
    """A sheet as its paragraphs and the tables between them."""
    table: Rows = []
    has_figures = False
    for row, follows in zip(rows, _following(rows), strict=True):
        texts = {text for text in row if text}
        figures = sum(bool(re.fullmatch(r"-?\d[\d.,]*%?", text)) for text in row)
        wide = len(texts) >= 3 or (len(texts) == 2 and figures > 0)
        goes_on = bool(table) and (not has_figures or (bool(texts) and _has_figures(follows)))
        if wide or (goes_on and texts):
            table.append(row)
            has_figures = has_figures or _has_figures(row)
        elif texts:
            if table:
                yield Grid(table, name)
                table, has_figures = [], False
            yield from (Paragraph(text) for text in dict.fromkeys(row) if text)
        elif table and has_figures and not _has_figures(follows):
            yield Grid(table, name)
            table, has_figures = [], False
    if table:
        yield Grid(table, name)


def _following(rows: Rows) -> Rows:
    """For each row the next that is not blank; nothing after the last."""
    found: Rows = []
    last: list[str] = []
    for row in reversed(rows):
        found.append(last)
        last = row if any(row) else last
    return found[::-1]


def _has_figures(row: list[str]) -> bool:
    named = any(len(re.findall(r"[^\W\d_]", text)) > 1 for text in row)
    return named and any(re.fullmatch(r"-?\d[\d.,]*%?", text) for text in row[1:])


def _plain(path: Path) -> list[Block]:
    content = path.read_bytes()
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            raise Failed(f"{path} is not a text in UTF-8. Save it as UTF-8 and try again.") from (
                error
            )
    if "\x00" in text:
        raise Failed(f"{path} is not a text. Save it as .docx, .xlsx or as text in UTF-8.")
    return list(_lines(text.splitlines()))


def _lines(lines: Iterable[str]) -> Iterator[Block]:
    table: Rows = []
    bars = False
    for line in [*lines, ""]:
        is_bar = line.strip().startswith("|") and line.count("|") > 2
        is_tab = not is_bar and line.count("\t") > 1
        if table and (not (is_bar or is_tab) or is_bar != bars):
            width = max(map(len, table))
            yield Grid([row + [""] * (width - len(row)) for row in table])
            table = []
        if is_bar or is_tab:
            bars = is_bar
            cells = _bars(line) if is_bar else line.split("\t")
            if not (is_bar and all(re.fullmatch(r"\s*:?-*:?\s*", cell) for cell in cells)):
                table.append([clean(cell) for cell in cells[:MOST_COLUMNS]])
                if len(table) > MOST_ROWS:
                    raise Failed(
                        f"A table of the text has more than {MOST_ROWS} rows, none of a report has."
                        " Save the pages with the appendices as a file of their own."
                    )
        elif text := clean(line):
            yield Paragraph(text)


def _bars(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return re.split(r"(?<!\\)\|", inner)
