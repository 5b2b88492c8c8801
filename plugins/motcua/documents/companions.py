"""The companions of a publication as printed tables, beside the statutory ones."""

from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from motcua.documents import formats, layouts, tables
from motcua.documents.layouts import Column, Layout
from motcua.documents.tables import Cell, Row, Table
from motcua.warehouse import database

NAME = "Số liệu kèm theo"
CENTRE = "Toàn Trung tâm"
DIGITS = 2


def of_publication(publication_id: str) -> list[Table]:
    """Adjusted timeliness and the rates; none for a publication of before there were any.

    Counts of comparable cases are not printed: with the open data by field they could tell
    numbers that are kept back there.
    """
    with database.connect(database.PUBLISHER) as connection:
        connection.read_only = True
        return read(connection, tables.release_of(connection, publication_id))


def read(connection: database.Connection, release: tables.Release) -> list[Table]:
    """The companions of a release; see `of_publication`."""
    adjusted, rates = (
        _rows(connection, release.publication_id, layout)
        for layout in (layouts.ADJUSTED_TIMELINESS, layouts.RATES)
    )
    if not rates:
        return []
    printed = [_printed(row, layouts.ADJUSTED_TIMELINESS) for row in adjusted]
    lines = []
    for name, text in layouts.RATE_NAMES.items():
        lines.append(_heading(text, layouts.RATES))
        lines += [_printed(row, layouts.RATES) for row in rates if row["rate"] == name]
    return [
        tables.titled((), NAME, release, layout, tuple(rows))
        for layout, rows in ((layouts.ADJUSTED_TIMELINESS, printed), (layouts.RATES, lines))
    ]


def _rows(
    connection: database.Connection, publication_id: str, layout: Layout
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            sql.SQL(
                "select * from published.{} where publication_id = %s"
                " order by display_order nulls last"
            ).format(sql.Identifier(layout.table)),
            [publication_id],
        ).fetchall()


def _heading(text: str, layout: Layout) -> Row:
    return Row(
        "total",
        tuple(
            Cell(text, text) if column.style == "name" else Cell(None, formats.BLANK)
            for column in layout.columns
        ),
    )


def _printed(row: dict[str, Any], layout: Layout) -> Row:
    return Row("unit", tuple(_cell(row[column.key], column) for column in layout.columns))


def _cell(value: Any, column: Column) -> Cell:
    if column.style == "name":
        value = value or CENTRE
    if isinstance(value, bool):
        value = layouts.SMALL_DENOMINATOR if value else None
    if isinstance(value, Decimal):
        if column.style == "count":
            return tables.cell(int(value), column)
        value = formats.half_up(value, DIGITS)
        return Cell(value, formats.fixed(value, DIGITS))
    return tables.cell(value, column)
