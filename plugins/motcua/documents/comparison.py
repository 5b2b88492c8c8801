"""Compares a printed publication with a printed report, cell by cell.

The report is a folder of csv files: `appendix_*.csv` with the figures of the units,
`totals.csv` with the rows of totals and shares as printed, and `misprints.csv` with the cells
that the report is known to have printed wrong, and what they should be.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from motcua.documents import tables
from motcua.documents.layouts import Column
from motcua.documents.tables import Table
from motcua.errors import Failed

NUMBERS = {"I": "1", "II": "2", "IIIa": "3a", "IIIb": "3b", "IV": "4"}
"""How the files of a report number the appendices."""

NOT_COMPARED = ("display_order", "unit_name")
"""Rows are matched by order: the report writes some units differently from table to table."""


@dataclass(frozen=True)
class Cell:
    """A cell that the publication and the report print differently.

    `row` is the unit, or the name of the row of totals or shares.
    """

    table: str
    row: str
    column: str
    computed: str
    printed: str
    explanation: str = ""

    def __str__(self) -> str:
        text = (
            f"{self.table}, {self.row}, {self.column}: {self.computed!r}, report {self.printed!r}"
        )
        return f"{text} – {self.explanation}" if self.explanation else text


@dataclass(frozen=True)
class Comparison:
    """What was compared: the number of cells by table, the differences, the known misprints."""

    cells: dict[str, int] = field(default_factory=dict)
    differences: list[Cell] = field(default_factory=list)
    misprints: list[Cell] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether something was compared and every cell is as expected."""
        return bool(self.cells) and not self.differences

    def __str__(self) -> str:
        per_table = ", ".join(f"{name} {count}" for name, count in self.cells.items())
        lines = [f"{sum(self.cells.values())} cells compared with the report ({per_table})."]
        lines += [f"  known misprint of the report: {cell}" for cell in self.misprints]
        lines += [f"  DIFFERENT: {cell}" for cell in self.differences]
        lines.append(
            f"{len(self.differences)} cell(s) differ."
            if self.differences
            else "Every other cell is the same."
            if self.misprints
            else "Every cell is the same."
        )
        return "\n".join(lines)


def compare(publication_id: str, report: Path) -> Comparison:
    """Compare every table that the publication prints and the report has.

    A cell that is a known misprint must come out as its correction. Raises Failed when the report
    has none of the tables, or there is no such publication.
    """
    return compare_tables(tables.of_publication(publication_id), report)


def compare_tables(printed: list[Table], report: Path) -> Comparison:
    """Compare these tables with the report; see `compare`."""
    corrections = {
        (row["table"], row["display_order"], row["column"]): row
        for row in _read(report / "misprints.csv")
    }
    result = Comparison()
    for table in printed:
        expected = _expected(table, report)
        if not expected:
            continue
        found = _found(table)
        result.cells[table.name] = len(expected)
        for place in expected.keys() | found.keys():
            cell = _cell(table, place, found.get(place), expected.get(place))
            correction = corrections.get((table.name, *place))
            if correction is None:
                if cell.computed != cell.printed:
                    result.differences.append(cell)
            elif (cell.computed, cell.printed) == (correction["computed"], correction["printed"]):
                result.misprints.append(replace(cell, explanation=correction["explanation"]))
            else:
                due = f"the report misprints this cell, and {correction['computed']!r} is due"
                result.differences.append(replace(cell, explanation=due))
    if not result.cells:
        raise Failed(
            f"{report} has no table that this publication prints. It should hold appendix_1.csv,"
            " appendix_2.csv, appendix_3a_….csv, appendix_3b_….csv or appendix_4.csv."
        )
    result.differences.sort(key=str)
    return result


def _cell(table: Table, place: tuple[str, str], computed: str | None, printed: str | None) -> Cell:
    order, column = place
    names = {row.cells[0].text: row.cells[1].text for row in table.rows}
    missing = "(no such cell)"
    return Cell(
        table.name,
        f"{order} {names.get(order, '')}".strip(),
        column,
        missing if computed is None else computed,
        missing if printed is None else printed,
    )


def _found(table: Table) -> dict[tuple[str, str], str]:
    """The printed cells by row (display order, total or share) and column."""
    return {
        (row.cells[0].text if row.kind == "unit" else row.kind, column.key): cell.text
        for row in table.rows
        for column, cell in zip(table.layout.columns, row.cells, strict=True)
        if column.key not in NOT_COMPARED
    }


def _expected(table: Table, report: Path) -> dict[tuple[str, str], str]:
    cells = dict(_units(table, report))
    if not cells:
        return {}
    for row in _read(report / "totals.csv"):
        if row["table"] == table.name:
            cells[(row["row"], row["column"])] = row["printed"]
    return cells


def _units(table: Table, report: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """The report's cells of the units, printed like the columns they stand in."""
    columns = {column.key: column for column in table.layout.columns}
    for row in _read(_file_of(table, report)):
        for key, text in row.items():
            if key in columns and key not in NOT_COMPARED:
                yield (row["display_order"], key), _as_printed(text, columns[key])


def _file_of(table: Table, report: Path) -> Path:
    """appendix_3a_2019_q1.csv for IIIa of 2019-Q1, appendix_1.csv for I."""
    number = NUMBERS.get(table.name, table.name)
    if table.layout.table != "scorecard":
        return report / f"appendix_{number}.csv"
    period = table.release.period_code.lower().replace("-", "_")
    return report / f"appendix_{number}_{period}.csv"


def _as_printed(text: str, column: Column) -> str:
    if not text or column.style == "note":
        return text
    number = Decimal(text)
    return tables.cell(int(number) if column.style == "count" else number, column).text


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
