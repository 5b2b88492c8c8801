"""Why a figure changed: between two releases of a period, and between a period and its parts.

Every difference is split by reason, and the reasons are derived from the history of each case: what
the older releases counted, what the new one counts, and which record on which day told the change.
Source of the relation between periods: windows of one kind join without gap, so that what flows
through a half-year (received, settled, returned) is what flowed through its quarters.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import sql

from motcua.publication.definitions import APPENDIX_1, SCORECARD, Definition
from motcua.publication.figures import Difference
from motcua.publication.periods import PARTS, Period
from motcua.warehouse.database import Connection

RECEIPT_DATE_CORRECTED = "receipt_date_corrected"
RECORD_REMOVED = "record_removed"
RECORDED_LATE = "recorded_late"
LOADED_LATE = "loaded_late"
COUNTED_EXTERNALLY = "counted_externally"
UNEXPLAINED = "unexplained"

_FLOWS = (
    *("newly_received", "settled_total", "settled_early", "settled_on_time", "settled_late"),
    "returned",
)
"""Columns of appendix I that add up over joining periods; stocks do not."""

Cell = tuple[str, str, str]
"""Table, unit code, column."""


@dataclass(frozen=True)
class Change:
    """Part of a cell's difference that has one reason."""

    cell: Cell
    reason: str
    difference: Decimal
    cases_affected: int


def explain_revision(
    connection: Connection,
    period: Period,
    publication_id: str,
    revision: int,
    standing: str,
    changed: list[Difference],
) -> None:
    """Append to published.revisions why each number differs from the release that stood before."""
    columns = _columns_of(APPENDIX_1, SCORECARD)
    changes = _changes(connection, period, publication_id, [standing], columns)
    values = {
        (one.table, _unit_of(one), _column_of(one)): (one.old, one.new)
        for one in changed
        if one.table != "late_cases" and _is_number(one.old, one.new)
    }
    for cell, (old, new) in values.items():
        if (cell[0], cell[2]) in columns:
            continue
        reasons = sorted({one.reason for one in changes if one.cell[1] == cell[1]})
        change = Decimal(new or 0) - Decimal(old or 0)
        changes.append(
            Change(cell, " + ".join(reasons) or _other(connection, standing, period), change, 0)
        )
    changes = [one for one in changes if one.cell in values]
    _append(connection, period, publication_id, revision, "revision", [standing], values, changes)


def explain_overlap(
    connection: Connection, period: Period, publication_id: str, revision: int
) -> None:
    """Append to published.revisions why the period differs from the periods inside it."""
    old_ids = parts(connection, period)
    if not old_ids:
        return
    columns = {
        **{("appendix_1", name): APPENDIX_1[name] for name in _FLOWS},
        ("scorecard", "received"): SCORECARD["received"],
        ("scorecard", "settled"): SCORECARD["settled"],
    }
    changes = _changes(connection, period, publication_id, old_ids, columns)
    old = _sums(connection, old_ids, columns)
    new = _sums(connection, [publication_id], columns)
    touched = {one.cell for one in changes} | {
        cell for cell in old.keys() | new.keys() if old.get(cell) != new.get(cell)
    }
    values = {cell: (old.get(cell, Decimal()), new.get(cell, Decimal())) for cell in touched}
    _append(connection, period, publication_id, revision, "overlap", old_ids, values, changes)


def parts(connection: Connection, period: Period) -> list[str]:
    """The standing releases of the longest periods inside this one, in their order."""
    for kind in reversed(PARTS.get(period.kind, [])):
        found = connection.execute(
            "select publication_id from published.latest_publications"
            " where kind = %s and cases_from >= %s and cases_to <= %s order by cases_from",
            [kind, period.cases_from, period.cases_to],
        ).fetchall()
        if found:
            return [publication_id for (publication_id,) in found]
    return []


def _columns_of(*tables: dict[str, Definition]) -> dict[tuple[str, str], Definition]:
    names = ("appendix_1", "scorecard")
    return {
        (name, column): definition
        for name, table in zip(names, tables, strict=True)
        for column, definition in table.items()
        if definition.rows
        and definition.rows.table == "cases"
        and definition.rows.points is None
        and not column.startswith("indicator_")
    }


_QUERY = """
with
before as (
    select unit_code, case_code, {sums}, max(row_id) as row_id,
        max(received_date) as received_date, max(due_date) as due_date
    from evidence.cases
    where publication_id = any(%(old)s)
    group by unit_code, case_code
),
after as (
    select unit_code, case_code, {flags}, row_id, received_date, due_date, ended_date
    from evidence.cases
    where publication_id = %(new)s
),
differing as (
    select
        unit_code, case_code, {differences},
        before.row_id as old_row_id, after.row_id as new_row_id,
        before.received_date as old_received_date, after.received_date as new_received_date,
        before.due_date as old_due_date, after.due_date as new_due_date,
        after.ended_date,
        -- Told away from one unit and to another: the case has rows of both kinds.
        bool_or(after.row_id is null) over cases
            and bool_or(after.row_id is not null) over cases as has_moved
    from after full join before using (unit_code, case_code)
    where ({after_row}) is distinct from ({before_row})
    window cases as (partition by case_code)
),
reasoned as (
    select
        differing.*,
        case
            when differing.new_row_id is null and known.is_cancelled then 'record_removed'
            when differing.has_moved then 'unit_corrected'
            when differing.old_received_date <> differing.new_received_date
                then 'receipt_date_corrected'
            when coalesce(told.business_date, known.valid_from) > published.known_as_of
                then 'recorded_late'
            when coalesce(told.loaded_at, known_file.loaded_at) > published.published_at
                then 'loaded_late'
            when differing.old_due_date is distinct from differing.new_due_date
                then 'due_date_corrected'
            when differing.new_row_id is null and known.case_code is null then 'file_replaced'
            else 'rules_changed'
        end as reason
    from differing
    left join raw.files as told on told.file_id = (differing.new_row_id >> 32)
    left join core.fct_case_versions as known
        on known.case_code = differing.case_code
        and known.valid_from <= %(known_as_of)s
        and (known.valid_to is null or known.valid_to > %(known_as_of)s)
    left join raw.files as known_file on known_file.file_id = (known.row_id >> 32)
    -- The release that should have counted it: the part whose window holds the end or the receipt.
    left join lateral (
        select publications.known_as_of, publications.published_at
        from published.publications
        where publications.publication_id = any(%(old)s)
        order by
            (coalesce(differing.ended_date, differing.new_received_date,
                differing.old_received_date)
                between publications.cases_from and publications.cases_to) desc,
            publications.known_as_of desc
        limit 1
    ) as published on true
)
select cells.table_name, unit_code, cells.column_name, reason, sum(cells.difference), count(*)
from reasoned
cross join lateral (values {cells}) as cells (table_name, column_name, difference)
where cells.difference <> 0
group by cells.table_name, unit_code, cells.column_name, reason
order by cells.table_name, unit_code, cells.column_name, reason
"""


def _changes(
    connection: Connection,
    period: Period,
    publication_id: str,
    old: list[str],
    columns: dict[tuple[str, str], Definition],
) -> list[Change]:
    """The differences of every cell by reason: those of cases, and those of outside counts."""
    conditions = [
        (number, table, column, definition.rows.condition)
        for number, ((table, column), definition) in enumerate(columns.items())
        if definition.rows
    ]
    query = _QUERY.format(
        sums=", ".join(f"sum(({one})::integer) as c{n}" for n, _, _, one in conditions),
        flags=", ".join(
            f"coalesce(({one}), false)::integer as c{n}" for n, _, _, one in conditions
        ),
        differences=", ".join(
            f"coalesce(after.c{n}, 0) - coalesce(before.c{n}, 0) as d{n}"
            for n, _, _, _ in conditions
        ),
        after_row=", ".join(f"coalesce(after.c{n}, 0)" for n, _, _, _ in conditions),
        before_row=", ".join(f"coalesce(before.c{n}, 0)" for n, _, _, _ in conditions),
        cells=", ".join(f"('{table}', '{column}', d{n})" for n, table, column, _ in conditions),
    )
    found = connection.execute(
        query,
        {"old": old, "new": publication_id, "known_as_of": period.known_as_of},
    ).fetchall()
    changes = [
        Change((table, unit, column), reason, Decimal(difference), cases)
        for table, unit, column, reason, difference, cases in found
    ]
    return [*changes, *_external_changes(connection, publication_id, old, columns)]


def _external_changes(
    connection: Connection,
    publication_id: str,
    old: list[str],
    columns: dict[tuple[str, str], Definition],
) -> list[Change]:
    changes = []
    for (table, column), definition in columns.items():
        if definition.rows is None or not definition.rows.external:
            continue
        added = " + ".join(definition.rows.external)
        found = connection.execute(
            f"select unit_code, sum(case when publication_id = %s then {added}"
            f" else -({added}) end) as difference from evidence.external_counts"
            " where publication_id = %s or publication_id = any(%s) group by unit_code",
            [publication_id, publication_id, old],
        ).fetchall()
        changes += [
            Change((table, unit, column), COUNTED_EXTERNALLY, Decimal(difference), 0)
            for unit, difference in found
            if difference
        ]
    return changes


def _sums(
    connection: Connection, publications: list[str], columns: Iterable[tuple[str, str]]
) -> dict[Cell, Decimal]:
    """The cells of some releases, added up."""
    found: dict[Cell, Decimal] = {}
    for table, column in columns:
        for unit, value in connection.execute(
            sql.SQL(
                "select unit_code, sum({}) from published.{} where publication_id = any(%s)"
                " group by unit_code"
            ).format(sql.Identifier(column), sql.Identifier(table)),
            [publications],
        ):
            found[table, unit, column] = Decimal(value)
    return found


def _append(
    connection: Connection,
    period: Period,
    publication_id: str,
    revision: int,
    comparison: str,
    old: list[str],
    values: dict[Cell, tuple[Any, Any]],
    changes: list[Change],
) -> None:
    """Write the changes; what they leave of a cell's difference is said to be unexplained."""
    explained: dict[Cell, Decimal] = defaultdict(Decimal)
    for one in changes:
        explained[one.cell] += one.difference
    for cell, (before, after) in values.items():
        rest = Decimal(after or 0) - Decimal(before or 0) - explained[cell]
        if rest:
            changes.append(Change(cell, UNEXPLAINED, rest, 0))
    units = _units(connection, [publication_id, *old])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.revisions (publication_id, period_code, revision, comparison,"
            " old_publication_ids, table_name, unit_code, unit_name, display_order, column_name,"
            " old_value, new_value, reason, difference, cases_affected)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(publication_id, period.period_code, revision, comparison, old),
                    *(one.cell[0], one.cell[1], *units[one.cell[1]], one.cell[2]),
                    *values[one.cell],
                    *(one.reason, one.difference, one.cases_affected),
                )
                for one in sorted(changes, key=lambda one: (*one.cell, one.reason))
            ],
        )


def _units(connection: Connection, publications: list[str]) -> dict[str, tuple[str, int]]:
    return {
        code: (name, order)
        for code, name, order in connection.execute(
            "select unit_code, unit_name, display_order from published.appendix_1"
            " where publication_id = any(%s) order by publication_id = %s",
            [publications, publications[0]],
        )
    }


def _is_number(*values: Any) -> bool:
    """Whether the cell holds numbers: bands and remarks are compared, but have no difference."""
    return all(
        value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool))
        for value in values
    ) and any(value is not None for value in values)


def _unit_of(difference: Difference) -> str:
    return str(difference.key[0])


def _column_of(difference: Difference) -> str:
    if difference.table == "indicator_evidence":
        return f"{difference.key[1]}.{difference.column}"
    return difference.column


def _other(connection: Connection, standing: str, period: Period) -> str:
    """The reason of a change that no case of the unit explains."""
    row = connection.execute(
        "select reference_sha256 from published.publications where publication_id = %s",
        [standing],
    ).fetchone()
    return "rules_changed" if row and row[0] != period.reference_sha256 else LOADED_LATE
