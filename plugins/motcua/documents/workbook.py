"""Workbooks. That of a publication has one sheet for each appendix, as the report prints it.

Its last sheet has the companions: rates with intervals, timeliness adjusted for the cases.

Figures are real numbers. Spreadsheets print the separators of the reader's computer, so the
number formats spell out ours: whole numbers with points as literals, each decimal number with its
printed text for exactly that number (`[=99.68]"99,68";General`) — a changed cell shows itself.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import xlsxwriter

from motcua.documents import companions, tables
from motcua.documents.layouts import Layout
from motcua.documents.tables import Cell, Row, Table

GROUPED = r"[>=1000000]#\.###\.##0;[>=1000]#\.##0;0"
"""Format of whole numbers: 25.031 whatever the separators of the reader's computer are."""

DAY, MOMENT = r"dd\/mm\/yyyy", r"dd\/mm\/yyyy hh\:mm"
"""Formats of dates and times: the separators stand as literals."""

FONT = "Times New Roman"
FONT_SIZE = 13
INCH = 25.4
MARGINS = {"left": 30 / INCH, "right": 15 / INCH, "top": 20 / INCH, "bottom": 20 / INCH}
"""Decree 30/2020: 30–35 mm left, 15–20 right, 20–25 top and bottom."""

A4 = 9
CENTRED_PAGE_NUMBER = f'&C&"{FONT},Regular"&{FONT_SIZE}&P'
LINE = 18.0
"""Height of one line of the body font, in points."""

LETTERS_PER_WIDTH = 1.15
"""Letters of the body font in one unit of column width, which is a digit of the default font."""

_CAUTIOUS = ("=", "+", "-", "@", "\t", "\r")

MakeFormat = Callable[..., Any]


class Printed(Protocol):
    """What a sheet shows; sources: the lines below the table, which say where it is from."""

    @property
    def layout(self) -> Layout: ...
    @property
    def titles(self) -> tuple[str, ...]: ...
    @property
    def subtitles(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> tuple[Row, ...]: ...
    @property
    def sources(self) -> tuple[str, ...]: ...


def write(publication_id: str, folder: Path) -> Path:
    """Write the workbook of a publication into `folder`; returns its path.

    The file appears in one step under its name. The same publication gives the same bytes, until
    it or a quarter that it prints is withdrawn. Raises Failed when there is no such publication.
    """
    sheets = tables.of_publication(publication_id)
    return write_tables(
        sheets, publication_id, folder, beside=companions.of_publication(publication_id)
    )


def write_tables(
    sheets: list[Table], name: str, folder: Path, beside: list[Table] | None = None
) -> Path:
    """Write tables as the sheets of <name>.xlsx, and those beside them on one sheet more.

    The file appears in one step; returns its path.
    """
    named: dict[str, Sequence[Table]] = {f"Phụ lục {table.name}": [table] for table in sheets}
    if beside:
        named[companions.NAME] = beside
    return write_sheets(named, name, sheets[0].release.published_at, folder)


def write_sheets(
    sheets: Mapping[str, Sequence[Printed]], name: str, created: date, folder: Path
) -> Path:
    """Write <name>.xlsx with these sheets, each with its tables below each other.

    The file appears in one step; returns its path. The same contents, name and day of creation
    give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.xlsx"
    partial = folder / f".{name}.{os.getpid()}.xlsx"
    try:
        _write(sheets, name, created, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _write(sheets: Mapping[str, Sequence[Printed]], title: str, created: date, path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        moment = datetime.combine(created, datetime.min.time(), UTC)
        book.set_properties({"title": title, "created": moment.replace(tzinfo=None)})

        @cache
        def make_format(**properties: Any) -> Any:
            base = {"font_name": FONT, "font_size": FONT_SIZE, "valign": "vcenter"}
            return book.add_format(base | properties)

        for number, (name, parts) in enumerate(sheets.items()):
            sheet = book.add_worksheet(name)
            _set_page(sheet, parts[0], is_first=number == 0)
            top, breaks = 0, []
            for part in parts:
                breaks.append(top)
                top = _write_table(sheet, part, make_format, top, is_alone=len(parts) == 1)
            sheet.set_h_pagebreaks(breaks[1:])


def _write_table(
    sheet: Any, table: Printed, make_format: MakeFormat, top: int, is_alone: bool
) -> int:
    """The table with titles, headings and source; returns the first row after it."""
    top = _write_titles(sheet, table, make_format, top)
    top = _write_headings(sheet, table, make_format, top, is_alone)
    for offset, row in enumerate(table.rows):
        _write_row(sheet, table, row, make_format, top + offset)
    after = top + len(table.rows) + 1
    return _write_source(sheet, table, make_format, after) + 1


def _set_page(sheet: Any, table: Printed, is_first: bool) -> None:
    sheet.set_paper(A4)
    sheet.set_landscape()
    sheet.set_margins(**MARGINS)
    sheet.center_horizontally()
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines()
    if not is_first:
        sheet.set_header(CENTRED_PAGE_NUMBER, {"margin": 10 / INCH})
    for index, column in enumerate(table.layout.columns):
        sheet.set_column(index, index, column.width)


def _write_titles(sheet: Any, table: Printed, make_format: MakeFormat, top: int) -> int:
    """Titles and subtitles over the whole width; returns the row after them."""
    last = len(table.layout.columns) - 1
    room = LETTERS_PER_WIDTH * sum(column.width for column in table.layout.columns)
    centred = {"align": "center", "text_wrap": True}
    lines = [(text, make_format(bold=True, **centred)) for text in table.titles]
    lines += [(text, make_format(italic=True, **centred)) for text in table.subtitles]
    for row, (text, style) in enumerate(lines, start=top):
        sheet.merge_range(row, 0, row, last, "", style)
        sheet.write_string(row, 0, text, style)
        sheet.set_row(row, LINE * _lines_needed(text, room))
    return top + len(lines) + 1


def _write_headings(
    sheet: Any, table: Printed, make_format: MakeFormat, top: int, is_frozen: bool
) -> int:
    """Merged headings and the row of column numbers, repeated on every page after them."""
    layout = table.layout
    style = make_format(bold=True, align="center", text_wrap=True, border=1)
    lines = [1] * layout.heading_rows
    for heading in layout.headings:
        first, last = top + heading.top, top + heading.bottom
        if (first, heading.first) != (last, heading.last):
            sheet.merge_range(first, heading.first, last, heading.last, "", style)
        sheet.write_string(first, heading.first, heading.text, style)
        room = sum(column.width for column in layout.columns[heading.first : heading.last + 1])
        needed = _lines_needed(heading.text, room)
        rows = heading.bottom - heading.top + 1
        others = sum(lines[heading.top : heading.bottom])
        lines[heading.bottom] = max(lines[heading.bottom], needed - others if rows > 1 else needed)
    for offset, count in enumerate(lines):
        sheet.set_row(top + offset, LINE * count + 4)
    after = top + layout.heading_rows
    if any(column.number for column in layout.columns):
        numbers = make_format(italic=True, align="center", border=1, font_size=FONT_SIZE - 2)
        for index, column in enumerate(layout.columns):
            sheet.write_string(after, index, column.number, numbers)
        sheet.set_row(after, LINE)
        after += 1
    sheet.repeat_rows(top, after - 1)
    if is_frozen:
        sheet.freeze_panes(after, 2)
    return after


def _write_row(sheet: Any, table: Printed, row: Row, make_format: MakeFormat, at: int) -> None:
    lines = 1
    for index, (column, cell) in enumerate(zip(table.layout.columns, row.cells, strict=True)):
        is_text = column.style in ("name", "note")
        properties: dict[str, Any] = {"border": 1, "align": "left" if is_text else "center"}
        if row.kind != "unit":
            properties |= {"bold": True}
        if is_text:
            properties |= {"text_wrap": True, "indent": 1}
            lines = max(lines, _lines_needed(cell.text, LETTERS_PER_WIDTH * (column.width - 1)))
        _write_cell(sheet, cell, properties, make_format, (at, index))
    sheet.set_row(at, LINE * lines + 4)


def _write_cell(
    sheet: Any, cell: Cell, properties: dict[str, Any], make_format: MakeFormat, at: tuple[int, int]
) -> None:
    """Text as text, whatever it begins with; numbers as numbers in their printed form."""
    if cell.value is None:
        sheet.write_blank(*at, None, make_format(**properties))
    elif isinstance(cell.value, str):
        if cell.value.startswith(_CAUTIOUS):
            properties = properties | {"quote_prefix": True}
        sheet.write_string(*at, cell.value, make_format(**properties))
    elif isinstance(cell.value, int):
        sheet.write_number(*at, cell.value, make_format(**properties, num_format=GROUPED))
    elif isinstance(cell.value, date):
        number_format = MOMENT if isinstance(cell.value, datetime) else DAY
        sheet.write_datetime(*at, cell.value, make_format(**properties, num_format=number_format))
    else:
        number = float(cell.text.replace(".", "").replace(",", "."))
        style = make_format(**properties, num_format=f'[={number!r}]"{cell.text}";General')
        sheet.write_number(*at, number, style)


def _write_source(sheet: Any, table: Printed, make_format: MakeFormat, at: int) -> int:
    """Where the table is from, and what it lacks; returns the first row after it."""
    style = make_format(italic=True, font_size=FONT_SIZE - 2, text_wrap=True)
    width = sum(column.width for column in table.layout.columns)
    for row, line in enumerate(table.sources, start=at):
        sheet.merge_range(row, 0, row, len(table.layout.columns) - 1, "", style)
        sheet.write_string(row, 0, line, style)
        sheet.set_row(row, LINE * _lines_needed(line, LETTERS_PER_WIDTH * width))
    return at + len(table.sources)


def _lines_needed(text: str, room: float) -> int:
    """Lines that a text takes in a column of `room` characters, broken at spaces."""
    lines, used = 1, 0
    for word in text.split():
        if used and used + 1 + len(word) > room:
            lines, used = lines + 1, len(word)
        else:
            used += len(word) + (1 if used else 0)
    return lines
