"""From a published figure to its definition, its rows, and the files and records that told them."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from motcua.errors import Failed
from motcua.publication.checks import BANDS, LOWEST_BAND
from motcua.publication.definitions import (
    CASES_BY_FIELD,
    CIRCULAR,
    DEFINITIONS,
    INDICATOR_EVIDENCE,
    INDICATORS,
    LATE_CASE,
    LATE_CASES,
    REVIEW_REASONS,
    Definition,
    Rows,
    of_field,
    of_late_case,
)
from motcua.publication.figures import shown
from motcua.warehouse import database, withdrawals
from motcua.warehouse.database import Connection
from motcua.warehouse.withdrawals import Withdrawal

TOTAL = "TOTAL"
FIRST = 100
"""How many rows a trace shows unless all are asked for."""

_FILE = """
    left join raw.files as {name}_file on {name}_file.file_id = (rows.{column} >> 32)
"""
_TOLD = """
    {name}_file.file_name as {name}_file,
    rows.{column} & 4294967295 as {name}_record,
    {name}_file.sha256 as {name}_sha256
"""

_SHOWN_COLUMNS = {
    "cases": (
        *("unit_code", "case_code", "procedure_code", "origin", "outcome"),
        *("received_date", "due_date", "ended_date", "is_late_after_review"),
        *("review_reason", "review_returned_date", "review_document"),
        *("points_1", "points_2", "points_3", "points_4", "points_7"),
        *("field_code", "promised_time"),
    ),
    "ratings": ("unit_code", "kiosk", "counter", "ticket", "pressed_at", "button"),
    "procedures": (
        *("unit_code", "procedure_code", "service_level", "is_on_the_spot"),
        *("is_handled_at_centre", "publicity", "has_approved_process"),
        *("has_process_on_software", "time_unit", "note"),
    ),
    "petitions": (
        *("unit_code", "petition_code", "received_date", "due_date", "resolved_date"),
        *("is_on_time", "is_protracted"),
    ),
}
_LABELS = {
    "received_date": "tiếp nhận",
    "due_date": "hẹn trả",
    "ended_date": "kết thúc",
    "resolved_date": "giải quyết",
}
"""What the dates of a row are, for readers."""

_ORDER = {
    "cases": "rows.unit_code, rows.origin, rows.outcome, rows.case_code",
    "ratings": "rows.unit_code, rows.button, rows.pressed_at, rows.press_key",
    "procedures": "rows.unit_code, rows.procedure_code",
    "petitions": "rows.unit_code, rows.petition_code",
}

_RULES = {
    "timeliness_mode": {"date": "so hạn theo ngày", "timestamp": "so hạn theo giờ phút"},
    "returned_bucket": {
        "outside": "hồ sơ bị trả lại đứng ngoài tổng số",
        "settled": "hồ sơ bị trả lại tính là đã giải quyết",
    },
    "due_date": {
        "revised_due": "hạn là ngày hẹn trả mới nhất",
        "original_due": "hạn là ngày hẹn trả đầu tiên",
    },
    "online_denominator": {
        "eligible": "mẫu số trực tuyến là hồ sơ của TTHC mức 3, 4",
        "all": "mẫu số trực tuyến là mọi hồ sơ tiếp nhận mới",
    },
    "total_of": {
        "rounded": "tổng điểm cộng các chỉ số đã làm tròn",
        "unrounded": "tổng điểm cộng các chỉ số chưa làm tròn, rồi làm tròn",
    },
}
"""What the settings of a rule set mean, for readers."""

_OF_INDICATOR = (
    *("numerator", "denominator", "unrounded_value", "small_denominator", "evidence_kind"),
)
"""Columns of indicator_evidence."""

_ADDED = {
    (table, column)
    for table, columns in DEFINITIONS.items()
    for column in columns
    if column not in {"time_unit", "note"}
    and (table != "scorecard" or column in {"received", "settled"})
    and (table != "adjusted_timeliness" or column in {"cases", "comparable_cases"})
}
"""Figures whose total is the sum of the units' figures."""


@dataclass(frozen=True)
class Release:
    """What a trace says of the release; rules are its row of rule_sets in the pack it pinned."""

    publication_id: str
    cases_from: Any
    cases_to: Any
    ratings_from: Any
    ratings_to: Any
    processes_as_of: Any
    known_as_of: Any
    rule_set: str
    reference_sha256: str
    code_version: str
    rules: dict[str, str]
    withdrawal: Withdrawal | None


@dataclass(frozen=True)
class Standing:
    """A unit among the others: its rank and total, None where an indicator is missing."""

    rank: int | None
    total: Decimal | None
    unit_code: str
    unit_name: str


@dataclass(frozen=True)
class Trace:
    """A figure and what it is made of.

    value: the figure as published (None where it is missing). count: rows of evidence that it
    counts. points: sum of their points, for an indicator that is a mean of them. external: rows of
    counts of other software, with `counted` the part that is added. parts: figures that it is
    computed of. rows: the first rows, or all, each with the file and record that told it.
    standings: all units by rank, for a rank.
    """

    release: Release
    table: str
    unit: str
    column: str
    definition: Definition
    value: Any
    count: int
    points: Any = None
    external: list[dict[str, Any]] = field(default_factory=list)
    parts: list["Trace"] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)


def trace(publication_id: str, table: str, unit: str, column: str, first: int = FIRST) -> Trace:
    """Trace one figure: `unit` is a unit code or TOTAL, `column` a column of the table.

    Figures of indicator_evidence are named <indicator>.<column>, such as 3.numerator; those of
    rates <rate> or <rate>.<column>, such as settled_late.upper; those of cases_by_field
    <field>.<column>, such as G12-01.settled.
    Raises Failed when there is no such release, table, unit or column.
    """
    with database.connect(database.PUBLISHER) as connection:
        release = release_of(connection, publication_id)
        return _trace(connection, release, table, unit, column, first)


def all_rows(publication_id: str, table: str, unit: str, column: str) -> Iterator[dict[str, Any]]:
    """Every row that the figure counts, streamed."""
    with database.connect(database.PUBLISHER) as connection:
        release_of(connection, publication_id)
        for _, rows in _leaves(table, column):
            yield from _rows(connection, publication_id, rows, unit, limit=None)


def write_all(path: Path, publication_id: str, table: str, unit: str, column: str) -> int:
    """Write every row that the figure counts as csv, outside counts too; returns how many rows.

    `figure` says which figure or part a row belongs to, `counted` how much it adds to it.
    Raises Failed when the file cannot be written.
    """
    leaves = _leaves(table, column)
    with database.connect(database.PUBLISHER) as connection:
        release_of(connection, publication_id)
        _require_unit(connection, publication_id, unit)
        return write_csv(
            path,
            _header([rows for _, rows in leaves]),
            (
                {"figure": figure, "counted": 1, **row}
                for figure, rows in leaves
                for found in (
                    _rows(connection, publication_id, rows, unit, limit=None),
                    _external(connection, publication_id, rows, unit),
                )
                for row in found
            ),
        )


def write_csv(path: Path, names: list[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as they come; returns how many. Raises Failed when the file cannot be written."""
    number = 0
    try:
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, names)
            writer.writeheader()
            for row in rows:
                writer.writerow(row)
                number += 1
    except OSError as error:
        raise Failed(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that is"
            " there and yours to write."
        ) from error
    return number


def _header(leaves: list[Rows]) -> list[str]:
    """The columns of a file that holds the rows of all these."""
    names = ["figure", "counted"]
    for rows in leaves:
        names += _SHOWN_COLUMNS[rows.table]
        names += ["unit_code", "system_code"] if rows.external else []
        for told in _told_by(rows):
            names += [f"{told}_{what}" for what in ("file", "record", "sha256")]
    return list(dict.fromkeys(names))


def definition_of(table: str, column: str) -> Definition:
    """The definition of a figure; raises Failed when there is none."""
    if table == "late_cases":
        code, _, name = column.rpartition(".")
        if column == "case_code":
            return LATE_CASES
        if name in LATE_CASE and re.fullmatch(r"[\w./-]+", code):
            return of_late_case(code, name)
        raise Failed(
            f"{column} is no figure of late_cases. Name case_code for the list, or a case and the"
            f" column, one of {', '.join(LATE_CASE)}, such as 000.00.01.H51-190102-0001.days_late."
        )
    if table == "indicator_evidence":
        number, _, name = column.partition(".")
        if column in INDICATOR_EVIDENCE:
            return INDICATOR_EVIDENCE[column]
        if number in map(str, INDICATORS):
            if (name or "unrounded_value") in _OF_INDICATOR:
                return INDICATORS[int(number)]
            raise Failed(
                f"indicator_evidence has no figure {column}; indicator {number} has"
                f" {', '.join(_names_of_indicator(number))}."
            )
        raise Failed(
            f"{column} is no figure of indicator_evidence. Name the indicator and the column, such"
            " as 3.unrounded_value."
        )
    if table == "cases_by_field":
        field, _, name = column.rpartition(".")
        if name in CASES_BY_FIELD and re.fullmatch(r"[\w./-]*", field):
            return of_field(field, name)
        raise Failed(
            f"{column} is no figure of cases_by_field. Name the field and the column, one of"
            f" {', '.join(CASES_BY_FIELD)}, such as G12-01.settled."
        )
    columns = DEFINITIONS.get(table)
    if columns is None:
        raise Failed(
            f"{table} is no table of figures; there are"
            f" {', '.join([*DEFINITIONS, 'indicator_evidence', 'late_cases', 'cases_by_field'])}."
        )
    if table == "rates":
        column = column.partition(".")[0]
    if column not in columns:
        raise Failed(f"{table} has no figure {column}; it has {', '.join(columns)}.")
    return columns[column]


def _names_of_indicator(number: str) -> list[str]:
    others = [name.partition(".")[2] for name in INDICATOR_EVIDENCE if name.startswith(number)]
    return list(dict.fromkeys([*_OF_INDICATOR, *others]))


def _by_its_rules(connection: Connection, release: Release, definition: Definition) -> Definition:
    """The definition with law, title, points and thresholds of the release's own rule set."""
    if definition.source != CIRCULAR:
        return definition
    source = release.rules["legal_basis"] or definition.source
    if definition == DEFINITIONS["scorecard"]["band"]:
        levels = "; ".join(f"{name} ≥ {release.rules[setting]}" for setting, name in BANDS)
        formula = f"{definition.formula}: {levels}; còn lại {LOWEST_BAND}"
        return replace(definition, formula=formula, source=source)
    if definition.indicator is None:
        return replace(definition, source=source)
    rules = connection.execute(
        "select title_vi, source, points, condition, min_share_percent, above_share_percent,"
        " min_online_percent, max_count from reference.scoring_rules"
        " where reference_sha256 = %s and rule_set = %s and indicator = %s order by line",
        [release.reference_sha256, release.rule_set, str(definition.indicator)],
    ).fetchall()
    points = []
    for _, _, given, condition, *limits in rules:
        told = " ".join(
            f"{sign} {limit}"
            for sign, limit in zip(("≥ %", "> %", "trực tuyến ≥ %", "≤"), limits, strict=True)
            if limit
        )
        points.append(" ".join(filter(None, (f"{given}: {condition}", told))))
    return replace(
        definition,
        text=f"{definition.text}: {rules[0][0]}" if rules else definition.text,
        formula=f"{definition.formula}. Điểm: {'; '.join(points)}",
        source="; ".join(dict.fromkeys([*(rule[1] for rule in rules if rule[1]), source])),
    )


def _trace(
    connection: Connection, release: Release, table: str, unit: str, column: str, first: int
) -> Trace:
    definition = definition_of(table, column)
    _require_unit(connection, release.publication_id, unit)
    value = _value(connection, release.publication_id, table, unit, column)
    definition = _by_its_rules(connection, release, definition)
    if definition.rows is None:
        parts = [
            _trace(connection, release, part, unit, name, first // len(definition.parts) or 1)
            for part, name in definition.parts
        ]
        standings = (
            _standings(connection, release.publication_id)
            if (table, column) == ("scorecard", "rank")
            else []
        )
        return Trace(
            *(release, table, unit, column, definition, value, 0), parts=parts, standings=standings
        )
    count, points = _count(connection, release.publication_id, definition.rows, unit)
    return Trace(
        release,
        table,
        unit,
        column,
        definition,
        value,
        count,
        points,
        _external(connection, release.publication_id, definition.rows, unit),
        rows=list(_rows(connection, release.publication_id, definition.rows, unit, first)),
    )


def release_of(connection: Connection, publication_id: str) -> Release:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select publication_id, cases_from, cases_to, ratings_from, ratings_to,"
            " processes_as_of, known_as_of, rule_set, reference_sha256, code_version"
            " from published.publications where publication_id = %s",
            [publication_id],
        ).fetchone()
        rules = (
            row
            and cursor.execute(
                "select * from reference.rule_sets where reference_sha256 = %s and rule_set = %s",
                [row["reference_sha256"], row["rule_set"]],
            ).fetchone()
        )
    if row is None:
        raise Failed(
            f"There is no publication {publication_id}. `select publication_id from"
            " published.publications` lists them."
        )
    assert rules is not None, "a release pins a pack that has its rule set"
    return Release(**row, rules=rules, withdrawal=withdrawals.of(connection, publication_id))


def _standings(connection: Connection, publication_id: str) -> list[Standing]:
    rows = connection.execute(
        "select rank, total, unit_code, unit_name from published.scorecard"
        " where publication_id = %s order by rank nulls last, display_order",
        [publication_id],
    )
    return [Standing(*row) for row in rows]


def _require_unit(connection: Connection, publication_id: str, unit: str) -> None:
    if unit == TOTAL:
        return
    known = [
        code
        for (code,) in connection.execute(
            "select unit_code from published.appendix_1 where publication_id = %s"
            " order by display_order",
            [publication_id],
        )
    ]
    if unit not in known:
        raise Failed(f"{publication_id} has no unit {unit}; it has {TOTAL} and {', '.join(known)}.")


def _value(connection: Connection, publication_id: str, table: str, unit: str, column: str) -> Any:
    """The figure as it stands in schema published; a total is the sum of the units'."""
    if table == "late_cases":
        if column != "case_code":
            return _of_late_case(connection, publication_id, unit, column)
        expression, condition = "count(*)", "true"
    elif table == "indicator_evidence":
        number, _, name = column.partition(".")
        name = name or "unrounded_value"
        rows = definition_of(table, column).rows
        if name not in _OF_INDICATOR and rows:
            return _count(connection, publication_id, rows, unit)[0]
        expression, condition = name, f"indicator = {int(number)}"
    elif table == "rates":
        return _rate(connection, publication_id, unit, column)
    elif table == "cases_by_field":
        return _of_field(connection, publication_id, unit, column)
    else:
        expression, condition = column, "true"
    if unit != TOTAL:
        row = connection.execute(
            f"select {expression} from published.{table}"
            f" where publication_id = %s and unit_code = %s and {condition}",
            [publication_id, unit],
        ).fetchone()
        return row[0] if row else None
    if column == "coverage_percent":
        expression = "100 * sum(total)::numeric / nullif(sum(settled_total), 0)"
    elif column == "completion_percent":
        expression = (
            "100 * sum(processes_on_software)::numeric / nullif(sum(processes_approved), 0)"
        )
    elif (table, column) in _ADDED:
        expression = f"sum({column})"
    elif table == "indicator_evidence" and expression in ("numerator", "denominator"):
        expression = f"sum({expression})"
    elif table != "late_cases":
        raise Failed(f"{table}.{column} has no total: it is not a number of cases. Name a unit.")
    row = connection.execute(
        f"select {expression} from published.{table} where publication_id = %s and {condition}",
        [publication_id],
    ).fetchone()
    return row[0] if row else None


def _rate(connection: Connection, publication_id: str, unit: str, column: str) -> Any:
    """A rate, or another figure of its row; the Centre's has no unit."""
    rate, _, name = column.partition(".")
    known = ("percent", "lower", "upper", "numerator", "denominator", "small_denominator")
    if (name or "percent") not in known:
        raise Failed(f"{rate} has no figure {name}; it has {', '.join(known)}.")
    row = connection.execute(
        f"select {name or 'percent'} from published.rates where publication_id = %s"
        " and rate = %s and unit_code is not distinct from nullif(%s, %s)",
        [publication_id, rate, unit, TOTAL],
    ).fetchone()
    if row is None:
        raise Failed(f"{publication_id} has no rates: it was published before there were any.")
    return row[0]


def _of_field(connection: Connection, publication_id: str, unit: str, column: str) -> Any:
    """A count of one field, None where it is kept back."""
    field, _, name = column.rpartition(".")
    if unit == TOTAL:
        raise Failed("cases_by_field has no totals: they could give kept-back numbers away.")
    row = connection.execute(
        f"select {name} from published.cases_by_field"
        " where publication_id = %s and unit_code = %s and field_code = %s",
        [publication_id, unit, field],
    ).fetchone()
    if row is None:
        raise Failed(f"{publication_id} has no field {field} of unit {unit}.")
    return row[0]


def _of_late_case(connection: Connection, publication_id: str, unit: str, column: str) -> Any:
    code, _, name = column.rpartition(".")
    row = connection.execute(
        f"select {name} from published.late_cases"
        f" where publication_id = %(publication_id)s and {_of_unit(unit)} and case_code = %(code)s",
        {"publication_id": publication_id, "unit": unit, "code": code},
    ).fetchone()
    if row is None:
        raise Failed(
            f"{publication_id} lists no late case {code} of {unit}. `motcua trace {publication_id}"
            f" late_cases {unit} case_code` lists them."
        )
    return row[0]


def _count(connection: Connection, publication_id: str, rows: Rows, unit: str) -> tuple[int, Any]:
    """How many rows, and the sum of their points. Cases are summed up already by what matters."""
    table, number = rows.table, "count(*)"
    if _is_summed_up(connection, publication_id, rows):
        table, number = "case_counts", "sum(number_of_cases)"
    points = f"sum({rows.points} * number_of_cases)" if rows.points else "null"
    row = connection.execute(
        f"select coalesce({number}, 0)::bigint, {points} from evidence.{table} as rows"
        f" where publication_id = %(publication_id)s and {_of_unit(unit)} and {rows.condition}",
        {"publication_id": publication_id, "unit": unit},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _of_unit(unit: str) -> str:
    return "true" if unit == TOTAL else "unit_code = %(unit)s"


def _external(
    connection: Connection, publication_id: str, rows: Rows, unit: str
) -> list[dict[str, Any]]:
    if not rows.external:
        return []
    counted = " + ".join(f"rows.{name}" for name in rows.external)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"select rows.unit_code, rows.system_code, {counted} as counted,"
            f" {_TOLD.format(name='told', column='row_id')}"
            f" from evidence.external_counts as rows {_FILE.format(name='told', column='row_id')}"
            f" where rows.publication_id = %s and (%s = '{TOTAL}' or rows.unit_code = %s)"
            " order by rows.unit_code, rows.system_code",
            [publication_id, unit, unit],
        ).fetchall()


def _rows(
    connection: Connection, publication_id: str, rows: Rows, unit: str, limit: int | None
) -> Iterator[dict[str, Any]]:
    is_summed_up = _is_summed_up(connection, publication_id, rows)
    outcomes = _outcomes(connection, publication_id, rows, unit) if is_summed_up else []
    if is_summed_up and not outcomes:
        return
    narrowed = "and outcome = any(%(outcomes)s)" if outcomes else ""
    query = (
        f"select {shown_columns(rows)} from"
        f" (select * from evidence.{rows.table} as rows"
        f" where publication_id = %(publication_id)s and {_of_unit(unit)} and ({rows.condition})"
        f" {narrowed} order by {_ORDER[rows.table]} {f'limit {limit:d}' if limit else ''}) as rows"
        f" {files(rows)} order by {_ORDER[rows.table]}"
    )
    arguments = {"publication_id": publication_id, "unit": unit, "outcomes": outcomes}
    if limit is not None:
        with connection.cursor(row_factory=dict_row) as cursor:
            yield from cursor.execute(query, arguments).fetchall()
        return
    with connection.cursor("trace", row_factory=dict_row) as streamed:
        streamed.itersize = 5_000
        yield from streamed.execute(query, arguments)


def shown_columns(rows: Rows, without: str | None = None) -> str:
    """What a reader sees of a row named `rows`, with the files and records that told it."""
    columns = [f"rows.{name}" for name in _SHOWN_COLUMNS[rows.table] if name != without]
    columns += [_TOLD.format(name=name, column=column) for name, column in _told_by(rows).items()]
    return ", ".join(columns)


def files(rows: Rows) -> str:
    """The joins that `shown_columns` needs."""
    return "".join(
        _FILE.format(name=name, column=column) for name, column in _told_by(rows).items()
    )


def _is_summed_up(connection: Connection, publication_id: str, rows: Rows) -> bool:
    """Whether `case_counts` has all that the condition reads; else the cases are counted."""
    if "case_code" in rows.condition:
        return False
    if rows.table != "cases" or "procedure_code" not in rows.condition:
        return rows.table == "cases"
    row = connection.execute(
        "select exists (select from evidence.case_counts"
        " where publication_id = %s and procedure_code is not null)",
        [publication_id],
    ).fetchone()
    assert row is not None
    return bool(row[0])


def _outcomes(connection: Connection, publication_id: str, rows: Rows, unit: str) -> list[str]:
    """Outcomes that the counted cases have: rare cases are found by the index on them."""
    found = connection.execute(
        "select distinct outcome from evidence.case_counts"
        f" where publication_id = %(publication_id)s and {_of_unit(unit)} and ({rows.condition})",
        {"publication_id": publication_id, "unit": unit},
    )
    return [outcome for (outcome,) in found]


def _told_by(rows: Rows) -> dict[str, str]:
    """The records that told a row: name, and column of its evidence."""
    told = {"told": "row_id"}
    if rows.table == "cases":
        told |= {"due": "due_row_id", "review": "review_row_id"}
    return told


def _leaves(table: str, column: str) -> list[tuple[str, Rows]]:
    """A figure that counts rows, or those that it is computed of; each once."""
    definition = definition_of(table, column)
    if definition.rows:
        return [(f"{table}.{column}", definition.rows)]
    found = [leaf for part in definition.parts for leaf in _leaves(*part)]
    return list(dict(found).items())


def text(trace: Trace, indent: str = "") -> str:
    """A trace as a person reads it in a terminal."""
    release = trace.release
    lines = [release.withdrawal.notice] if release.withdrawal and not indent else []
    lines += [
        f"{trace.table}.{trace.column}, {trace.unit} = {shown(trace.value)}",
        f"  {trace.definition.text}: {trace.definition.formula}",
        f"  Nguồn: {trace.definition.source}",
    ]
    if not indent:
        lines += [
            f"  {release.publication_id}: hồ sơ {release.cases_from:%d/%m/%Y} –"
            f" {release.cases_to:%d/%m/%Y}, đánh giá {release.ratings_from:%d/%m/%Y} –"
            f" {release.ratings_to:%d/%m/%Y}, quy trình đến {release.processes_as_of:%d/%m/%Y},"
            f" chốt số liệu {release.known_as_of:%d/%m/%Y}",
            f"  Bộ quy tắc {release.rule_set} ({release.rules['legal_basis']}):"
            f" {_settings_of(release.rules)}",
            f"  Gói tham chiếu {release.reference_sha256[:12]}, phiên bản mã"
            f" {release.code_version}",
        ]
    if trace.standings:
        lines.append("  Tổng cộng của các đơn vị:")
    lines += [
        f"  {shown(one.rank):>4}. {shown(one.total)} · {one.unit_code} {one.unit_name}"
        for one in trace.standings
    ]
    if trace.definition.rows:
        lines.append(f"  Số dòng minh chứng: {trace.count}")
        if trace.points is not None:
            lines.append(f"  Tổng điểm: {shown(trace.points)} / {trace.count} dòng")
        for row in trace.external:
            lines.append(
                f"  + {row['counted']} từ phần mềm {row['system_code']} ({row['unit_code']}):"
                f" {row['told_file']}, bản ghi {row['told_record']}, sha256 {row['told_sha256']}"
            )
        lines += [f"  {line(row)}" for row in trace.rows]
        if trace.count > len(trace.rows):
            lines.append(f"  … và {trace.count - len(trace.rows)} dòng nữa: --all FILE ghi tất cả.")
    for part in trace.parts:
        lines += ["", text(part, indent + "  ")]
    return "\n".join(indent + line if line else line for line in "\n".join(lines).split("\n"))


def line(row: dict[str, Any]) -> str:
    """A row of evidence in one line."""
    told = f"[{_told(row, 'told')}]"
    if row.get("due_file"):
        told += f" [hạn theo bổ sung: {_told(row, 'due')}]"
    if row.get("review_file"):
        told += f" [rà soát: {_review(row)}{_told(row, 'review')}]"
    values = [
        f"{_LABELS.get(name, name)} {shown(value)}"
        if name in _LABELS or name.startswith(("points", "is_", "has_"))
        else shown(value)
        for name, value in row.items()
        if not name.startswith("review_")
        and not name.endswith(("_file", "_record", "_sha256"))
        and value is not None
    ]
    return " · ".join([*values, told])


def _told(row: dict[str, Any], name: str) -> str:
    return f"{row[f'{name}_file']} #{row[f'{name}_record']} sha256 {row[f'{name}_sha256']}"


def _review(row: dict[str, Any]) -> str:
    """What the review of a late case said; nothing in a release that does not hold it."""
    reason = row["review_reason"]
    if reason is None:
        return ""
    said = f"nguyên nhân {reason} ({REVIEW_REASONS[reason]})"
    if row["review_returned_date"]:
        said += f", thực tế trả {shown(row['review_returned_date'])}"
    if row["review_document"]:
        said += f", minh chứng {row['review_document']}"
    return f"{said}; "


def _settings_of(rules: dict[str, str]) -> str:
    said = [meanings.get(rules[setting], rules[setting]) for setting, meanings in _RULES.items()]
    digits = f"làm tròn nửa lên đến {rules['rounding_digits']} chữ số thập phân"
    return "; ".join([*said, digits])
