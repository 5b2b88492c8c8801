"""Printed tables in a terminal, aligned by the width of what is seen."""

import textwrap
import unicodedata

from motcua.documents.layouts import Column
from motcua.documents.tables import Table

GAP = "  "
NARROWEST = 7
WIDEST = 40
TALLEST = 4
"""Columns are wide enough for a heading of so many lines."""


def render(table: Table) -> str:
    """The table as lines of text: titles, headings, column numbers, units, totals."""
    columns = table.layout.columns
    widths = [_width(table, index) for index in range(len(columns))]
    body = [
        line
        for row in table.rows
        for line in _lines([cell.text for cell in row.cells], columns, widths)
    ]
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    return "\n".join([*table.titles, *table.subtitles[:-1], rule, *_headings(table, widths), *body])


def width(text: str) -> int:
    """Number of terminal columns that the text takes: marks take none, wide letters two."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if _is_wide(letter) else 1 for letter in text
    )


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in ("W", "F")


def _width(table: Table, index: int) -> int:
    """As wide as the widest text of the column, its number, and a heading of a few lines."""
    texts = [row.cells[index].text for row in table.rows]
    texts.append(table.layout.columns[index].number)
    room = min(max(NARROWEST if index else 3, *map(width, texts)), WIDEST)
    for heading in table.layout.headings:
        if heading.first == heading.last == index:
            while len(textwrap.wrap(heading.text, room)) > TALLEST:
                room += 1
    return room


def _headings(table: Table, widths: list[int]) -> list[str]:
    """Heading rows with each text over its columns, then the numbers, then a rule."""
    lines = []
    for level in range(table.layout.heading_rows):
        here = sorted(
            (heading for heading in table.layout.headings if heading.bottom == level),
            key=lambda heading: heading.first,
        )
        blocks: list[tuple[list[str], int]] = []
        column = 0
        while column < len(widths):
            heading = next((one for one in here if one.first == column), None)
            last = heading.last if heading else column
            room = sum(widths[column : last + 1]) + len(GAP) * (last - column)
            blocks.append((textwrap.wrap(heading.text, room) if heading else [], room))
            column = last + 1
        for number in range(max(len(texts) for texts, _ in blocks)):
            parts = [_put(texts[number : number + 1], room) for texts, room in blocks]
            lines.append(GAP.join(parts).rstrip())
    if any(column.number for column in table.layout.columns):
        numbers = [column.number for column in table.layout.columns]
        parts = [_put([number], room) for number, room in zip(numbers, widths, strict=True)]
        lines.append(GAP.join(parts).rstrip())
    lines.append(GAP.join("─" * room for room in widths))
    return lines


def _put(texts: list[str], room: int) -> str:
    text = texts[0] if texts else ""
    left = (room - width(text)) // 2
    return " " * left + text + " " * (room - width(text) - left)


def _lines(texts: list[str], columns: tuple[Column, ...], widths: list[int]) -> list[str]:
    """A row as one line, or more where a note is longer than its column."""
    wrapped = [textwrap.wrap(text, room) or [""] for text, room in zip(texts, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for number in range(height):
        parts = []
        for column, cell_lines, room in zip(columns, wrapped, widths, strict=True):
            text = cell_lines[number] if number < len(cell_lines) else ""
            space = " " * (room - width(text))
            parts.append(text + space if column.style in ("name", "note") else space + text)
        lines.append(GAP.join(parts).rstrip())
    return lines
