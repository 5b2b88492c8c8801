"""From a change that published.revisions holds to the rows that the releases count otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from motcua.errors import Failed
from motcua.publication import revisions, trace
from motcua.publication.definitions import CHANGE_REASONS, Rows
from motcua.publication.figures import shown
from motcua.warehouse import database
from motcua.warehouse.database import Connection

_KEYS = {
    "cases": "case_code",
    "ratings": "press_key",
    "procedures": "procedure_code",
    "petitions": "petition_code",
}
"""What names a row within its unit and what the figure's condition leaves."""

_COMPARED = {
    "revision": "bản trước của cùng kỳ",
    "overlap": "tổng các kỳ nằm trong kỳ",
}


@dataclass(frozen=True)
class Reason:
    """Part of the change: its reason, signed difference (None for texts) and number of cases."""

    reason: str
    difference: Decimal | None
    cases_affected: int


@dataclass(frozen=True)
class Row:
    """What one release holds of a case, press, procedure or petition, and what it adds."""

    publication_id: str
    counted: Decimal
    values: dict[str, Any]


@dataclass(frozen=True)
class Changed:
    """A row that is counted otherwise. reason: as the warehouse tells it today; None if no case."""

    key: str
    difference: Decimal
    reason: str | None
    rows: list[Row]


@dataclass(frozen=True)
class Change:
    """A changed cell: values, reasons as published, and what is counted otherwise.

    number: how many rows are counted otherwise; `changed` has the first of them, or all. parts: the
    changes of the figures that the cell is computed of.
    """

    table: str
    unit: str
    column: str
    comparison: str
    old_ids: list[str]
    new_id: str
    old: Any
    new: Any
    reasons: list[Reason]
    number: int = 0
    changed: list[Changed] = field(default_factory=list)
    parts: list["Change"] = field(default_factory=list)

    @property
    def disagrees(self) -> bool:
        """Whether the reasons of all the cases shown are not those that were published."""
        today: dict[str, Decimal] = {}
        for one in self.changed:
            if one.reason:
                today[one.reason] = today.get(one.reason, Decimal()) + one.difference
        published = {one.reason: one.difference for one in self.reasons if one.cases_affected}
        is_told = len(self.changed) == self.number and today and self.table != "late_cases"
        return bool(is_told and today != published)


def changes(
    publication_id: str, unit: str, cell: str, first: int | None = trace.FIRST
) -> list[Change]:
    """Every change of a cell that came with a release; `cell` such as appendix_1.settled_late.

    Raises Failed when there is no such release or cell, or nothing of it changed.
    """
    table, _, column = cell.partition(".")
    with database.connect(database.PUBLISHER) as connection:
        trace.release_of(connection, publication_id)
        trace.definition_of(table, column)
        found = _changes(connection, publication_id, table, unit, column, first)
    if not found:
        raise Failed(
            f"{publication_id} tells no change of {cell} of {unit}. `select table_name,"
            " column_name, unit_code from published.revisions where publication_id ="
            f" '{publication_id}'` lists what changed."
        )
    return found


def write_all(path: Path, publication_id: str, unit: str, cell: str) -> int:
    """Write everything that is counted otherwise as csv: a line for each row of each release.

    Raises Failed when the file cannot be written.
    """
    lines = [
        {
            "comparison": change.comparison,
            "figure": f"{change.table}.{change.column}",
            "key": one.key,
            "difference": one.difference,
            "reason": one.reason,
            "publication_id": row.publication_id,
            "counted": row.counted,
            **row.values,
        }
        for change in _with_parts(changes(publication_id, unit, cell, first=None))
        for one in change.changed
        for row in one.rows
    ]
    names = dict.fromkeys(name for one in lines for name in one)
    trace.write_csv(path, list(names), lines)
    return len(lines)


def _with_parts(found: Iterable[Change]) -> Iterator[Change]:
    for change in found:
        yield change
        yield from _with_parts(change.parts)


def _changes(
    connection: Connection,
    publication_id: str,
    table: str,
    unit: str,
    column: str,
    first: int | None,
) -> list[Change]:
    with connection.cursor(row_factory=dict_row) as cursor:
        stored = cursor.execute(
            "select comparison, old_publication_ids, new_publication_id, reason, difference,"
            " cases_affected, coalesce(old_value::text, old_text) as old,"
            " coalesce(new_value::text, new_text) as new"
            " from published.revisions where publication_id = %s and table_name = %s"
            " and unit_code = %s and column_name = %s"
            " order by comparison desc, new_publication_id, reason",
            [publication_id, table, unit, column],
        ).fetchall()
    found: dict[tuple[str, ...], Change] = {}
    for row in stored:
        old_ids, new_id = row["old_publication_ids"], row["new_publication_id"]
        of = (row["comparison"], new_id, *old_ids)
        change = found.get(of)
        if change is None:
            cell = (table, unit, column)
            number, changed = _changed(connection, row["comparison"], cell, new_id, old_ids, first)
            parts = [
                one
                for part, name in trace.definition_of(table, column).parts
                for one in _changes(connection, publication_id, part, unit, name, first)
                if (one.comparison, one.new_id, *one.old_ids) == of
            ]
            values = (row["comparison"], old_ids, new_id, row["old"], row["new"])
            change = Change(*cell, *values, reasons=[], number=number, changed=changed, parts=parts)
            found[of] = change
        change.reasons.append(Reason(row["reason"], row["difference"], row["cases_affected"]))
    return list(found.values())


def _changed(
    connection: Connection,
    comparison: str,
    cell: revisions.Cell,
    new_id: str,
    old_ids: list[str],
    first: int | None,
) -> tuple[int, list[Changed]]:
    """How many rows the releases count otherwise, and the first of them."""
    table, unit, column = cell
    rows = trace.definition_of(table, column).rows
    if rows is None:
        return 0, []
    ids, key = [new_id, *old_ids], _KEYS[rows.table]
    one = "1" if rows.points is None or column.endswith(".denominator") else rows.points
    given: dict[str, Any] = {f"p{place}": name for place, name in enumerate(ids)} | {"unit": unit}
    counted = f"sum(case when place = 0 then {one} else -({one}) end)"
    differing = connection.execute(
        f"select {key}, {counted} from ({_branches(rows, len(ids))}) as rows where is_counted"
        f" group by {key} having {counted} <> 0 order by {key}",
        given,
    ).fetchall()
    if table == "late_cases" and not differing:  # listed by both, with another text
        differing = [(column.rpartition(".")[0], Decimal())]
    some = differing[:first]
    keys = [code for code, _ in some]
    columns = trace.shown_columns(rows, key)
    with connection.cursor(row_factory=dict_row) as cursor:
        told = cursor.execute(
            f"select place, {key} as key, is_counted, {one} as counted, {columns}"
            f" from ({_branches(rows, len(ids), key)}) as rows {trace.files(rows)}"
            f" order by {key}, place",
            {**given, "keys": keys},
        ).fetchall()
    reasons = (
        revisions.reasons_of_cases(connection, comparison, new_id, old_ids, cell, keys)
        if rows.table == "cases"
        else {}
    )
    held: dict[str, list[Row]] = {}
    for row in told:
        name, adds = ids[row.pop("place")], row.pop("counted")
        is_counted = row.pop("is_counted")
        held.setdefault(row.pop("key"), []).append(
            Row(name, Decimal(adds or 0 if is_counted else 0), row)
        )
    return len(differing), [
        Changed(code, Decimal(by), reasons.get(code), held.get(code, [])) for code, by in some
    ]


def _branches(rows: Rows, releases: int, key: str | None = None) -> str:
    """The rows of the unit in each release, and whether the figure counts them.

    key: only rows of %(keys)s, counted or not.
    """
    branches = []
    for place in range(releases):
        condition = rows.condition.replace("%(publication_id)s", f"%(p{place})s")
        chosen = f"{key} = any(%(keys)s)" if key else f"({condition})"
        branches.append(
            f"select {place} as place, coalesce(({condition}), false) as is_counted, rows.*"
            f" from evidence.{rows.table} as rows"
            f" where publication_id = %(p{place})s and unit_code = %(unit)s and {chosen}"
        )
    return " union all ".join(branches)


def text(found: Iterable[Change], indent: str = "") -> str:
    """Changes as a person reads them in a terminal."""
    lines = []
    for change in found:
        lines += _lines(change)
        if change.parts:
            lines += ["", text(change.parts, "  ")]
        lines.append("")
    return "\n".join(indent + line if line else line for line in "\n".join(lines).split("\n"))


def _lines(change: Change) -> list[str]:
    definition = trace.definition_of(change.table, change.column)
    lines = [
        f"{change.table}.{change.column}, {change.unit}: {shown(change.old)} → {shown(change.new)}",
        f"  {change.new_id} so với {' + '.join(change.old_ids)} ({_COMPARED[change.comparison]})",
        f"  {definition.text}: {definition.formula}",
    ]
    for one in change.reasons:
        signed = "" if one.difference is None else f" {one.difference.normalize():+f}"
        cases = f" ({one.cases_affected} dòng)" if one.cases_affected else ""
        lines.append(f"  {_reason(one.reason)}:{signed}{cases}")
    if change.number:
        lines.append(f"  Số dòng minh chứng được đếm khác: {change.number}")
    for row in change.changed:
        reason = f" · {_reason(row.reason)}" if row.reason else ""
        lines.append(f"  {row.key}: {row.difference.normalize():+f}{reason}")
        for told in row.rows:
            lines.append(
                f"    {told.publication_id}, tính {shown(told.counted)}: {trace.line(told.values)}"
            )
        of_no_row = {change.new_id, *change.old_ids} - {told.publication_id for told in row.rows}
        for name in sorted(of_no_row):
            lines.append(f"    {name}: không có ở đơn vị này")
    if change.number > len(change.changed):
        lines.append(
            f"  … và {change.number - len(change.changed)} dòng nữa: --all FILE ghi tất cả."
        )
    if change.disagrees:
        lines.append(
            "  Lý do của từng hồ sơ suy ra từ kho hôm nay khác với lý do đã công bố, vì sau đó kho"
            " nhận thêm tệp; số đã công bố giữ nguyên."
        )
    return lines


def _reason(code: str) -> str:
    return f"{code} ({CHANGE_REASONS[code][0]})"
