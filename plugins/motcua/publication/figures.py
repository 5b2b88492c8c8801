"""The figures of a period: as candidate in schema marts, as released, and where the two differ."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from motcua.errors import Failed
from motcua.warehouse.database import Connection

Row = dict[str, Any]
Figures = dict[str, list[Row]]
"""Rows by name of their table."""

KEYS: dict[str, tuple[str, ...]] = {
    "appendix_1": ("unit_code",),
    "appendix_2": ("unit_code",),
    "appendix_4": ("unit_code",),
    "scorecard": ("unit_code",),
    "indicator_evidence": ("unit_code", "indicator"),
    "late_cases": ("case_code",),
}
"""The figure tables, with the columns that name a row among those of one period."""

NAMES = ("unit_name", "display_order")
"""Columns that say how a unit is presented; they are no figures."""

_OF_RELEASE = ("publication_id", "revision")


@dataclass(frozen=True)
class Difference:
    """One cell that differs between two releases; a row that one of them lacks is None there."""

    table: str
    key: tuple[Any, ...]
    unit: str
    column: str
    old: Any
    new: Any

    def __str__(self) -> str:
        row = " ".join([self.unit, *map(str, self.key[1:] if self.table != "late_cases" else [])])
        if self.table == "late_cases":
            row = f"{self.unit} {self.key[0]}"
        return f"{self.table}, {row}, {self.column}: {shown(self.old)} → {shown(self.new)}"


def shown(value: Any) -> str:
    """A figure as messages and checks write it; nothing is an empty text."""
    if value is None:
        return "(none)"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def columns(connection: Connection, table: str) -> list[str]:
    """Columns of a figure table that a candidate has too, in their order."""
    found = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s)"
        " and attnum > 0 and not attisdropped order by attnum",
        [f"published.{table}"],
    ).fetchall()
    return [name for (name,) in found if name not in _OF_RELEASE]


def candidate(connection: Connection, period_code: str, schema: str = "marts") -> Figures:
    """The figures of a period in schema marts, or in that of a recomputation.

    Raises Failed when a table or column is not there: the models and the migrations disagree.
    """
    return _read(connection, schema, "period_code", period_code)


def released(connection: Connection, publication_id: str) -> Figures:
    """The figures of a release."""
    return _read(connection, "published", "publication_id", publication_id)


def sha256(figures: Figures) -> str:
    """Names these figures: the same for the same cells, in whatever order they were read."""
    whole = hashlib.sha256()
    for table in KEYS:
        whole.update(f"{table}: {len(figures[table])}\n".encode())
        for digest in sorted(map(_digest, figures[table])):
            whole.update(digest)
    return whole.hexdigest()


def _digest(row: Row) -> bytes:
    text = json.dumps(row, sort_keys=True, default=shown)
    return hashlib.sha256(text.encode()).digest()


def copy(connection: Connection, period_code: str, publication_id: str, revision: int) -> None:
    """Append the candidate of a period to the figure tables of schema published."""
    for table in KEYS:
        names = sql.SQL(", ").join(map(sql.Identifier, columns(connection, table)))
        connection.execute(
            sql.SQL(
                "insert into {} (publication_id, revision, {}) select %s, %s, {} from {}"
                " where period_code = %s"
            ).format(
                sql.Identifier("published", table), names, names, sql.Identifier("marts", table)
            ),
            [publication_id, revision, period_code],
        )


def stands_as(connection: Connection, publication_id: str, period_code: str) -> bool:
    """Whether the candidate of a period has the very rows of a release, with names of units."""
    return not any(
        _has_other_rows(connection, table, publication_id, period_code) for table in KEYS
    )


def _has_other_rows(
    connection: Connection, table: str, publication_id: str, period_code: str
) -> bool:
    names = sql.SQL(", ").join(map(sql.Identifier, columns(connection, table)))
    query = sql.SQL(
        "with released as (select {names} from {released} where publication_id = %s),"
        " candidate as (select {names} from {candidate} where period_code = %s)"
        " select exists (select from (table released except table candidate) as gone)"
        " or exists (select from (table candidate except table released) as come)"
    ).format(
        names=names,
        released=sql.Identifier("published", table),
        candidate=sql.Identifier("marts", table),
    )
    with _of_one_version("marts", table):
        row = connection.execute(query, [publication_id, period_code]).fetchone()
    assert row is not None
    return bool(row[0])


@contextmanager
def _of_one_version(schema: str, table: str) -> Iterator[None]:
    """Tell plainly that a table is not as schema published wants it."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise Failed(
            f"Table {schema}.{table} is not as schema published wants it:"
            f" {error.diag.message_primary}. Run `motcua build`; if that does not help,"
            " the models and the migrations are of different versions."
        ) from error


def differences(old: Figures, new: Figures) -> list[Difference]:
    """Every cell in which two releases differ, names of units included."""
    found = []
    for table, key in KEYS.items():
        before = {tuple(row[name] for name in key): row for row in old[table]}
        after = {tuple(row[name] for name in key): row for row in new[table]}
        for place in before.keys() | after.keys():
            was, now = before.get(place, {}), after.get(place, {})
            whole = was or now
            found += [
                Difference(table, place, whole["unit_name"], column, was.get(column), now[column])
                if now
                else Difference(table, place, whole["unit_name"], column, was[column], None)
                for column in whole
                if column not in key and was.get(column) != now.get(column)
            ]
    tables = list(KEYS)
    return sorted(found, key=lambda one: (tables.index(one.table), str(one.key), one.column))


def _read(connection: Connection, schema: str, column: str, value: str) -> Figures:
    figures: Figures = {}
    known: dict[object, object] = {}

    def shared(cell: object) -> object:
        """A text or day as an object that all its cells have: late cases come by the thousand."""
        return known.setdefault(cell, cell) if isinstance(cell, (str, date)) else cell

    with connection.cursor(row_factory=dict_row) as cursor:
        for table in KEYS:
            names = sql.SQL(", ").join(map(sql.Identifier, columns(connection, table)))
            query = sql.SQL("select {} from {} where {} = %s").format(
                names, sql.Identifier(schema, table), sql.Identifier(column)
            )
            with _of_one_version(schema, table):
                figures[table] = [
                    {name: shared(cell) for name, cell in row.items()}
                    for row in cursor.execute(query, [value])
                ]
    return figures
