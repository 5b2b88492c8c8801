"""Why a figure changed: between two releases of a period, and between a period and its parts.

Every difference is split by reason, and the reasons are derived from the history of each case: what
the older releases counted, what the new one counts, and which record on which day told the change.
Presses, procedures and petitions are compared row by row in the same way. A figure that is computed
of others (a percentage, a rounded indicator, a total, band or rank) is said to follow from them.
Source of the relation between periods: windows of one kind join without gap, so that what flows
through a half-year (received, settled, returned) is what flowed through its quarters.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from motcua.publication.definitions import (
    APPENDIX_1,
    APPENDIX_2,
    APPENDIX_4,
    FORMS,
    INDICATOR_EVIDENCE,
    INDICATORS,
    SCORECARD,
    Definition,
)
from motcua.publication.figures import NAMES, Difference
from motcua.publication.periods import PARTS, Period
from motcua.warehouse.database import Connection

COUNTED_EXTERNALLY = "counted_externally"
RULES_CHANGED = "rules_changed"
FOLLOWS = "follows_from_other_figures"
FOLLOWS_FROM_ROWS = "follows_from_uncounted_rows"
"""A rule reads more rows than the figure's numerator and denominator count, and those changed."""
UNEXPLAINED = "unexplained"

_FLOWS = (
    *("newly_received", "settled_total", "settled_early", "settled_on_time", "settled_late"),
    *("settled_late_after_review", "returned_by_post", "returned"),
)
"""Columns of appendix I that add up over joining periods; stocks do not."""

Cell = tuple[str, str, str]
"""Table, unit code, column."""

Place = tuple[str, str]
"""Table, column."""

_LATE = "late_cases"
_OF_REVIEW = ("reason", "reviewed", "apology_sent")
_NO_FIGURES = (*NAMES, "period_code")
"""They differ with every row that appears or vanishes."""

_MEANS = (1, 2, 3, 4, 7)
_EVIDENCE = "indicator_evidence"
_HIDDEN = "rules"
"""Stands for a table: what rules read of the evidence beside numerator and denominator."""


@dataclass(frozen=True)
class Change:
    """Part of a cell's difference that has one reason; the difference of texts is nothing."""

    cell: Cell
    reason: str
    difference: Decimal | None
    cases_affected: int


@dataclass(frozen=True)
class _Counted:
    """Cells counted from a table of evidence: expressions on its rows. key: what names a row."""

    table: str
    key: tuple[str, ...]
    numbers: dict[Place, str]
    texts: dict[Place, str]


def explain_revision(
    connection: Connection,
    period: Period,
    publication_id: str,
    revision: int,
    standing: str,
    changed: list[Difference],
) -> None:
    """Append to published.revisions why each cell differs from the release that stood before."""
    one_sided = {(one.table, one.key) for one in changed if one.column == "period_code"}
    values = {
        (one.table, _unit_of(one), _column_of(one)): (one.old, one.new)
        for one in changed
        if one.table != _LATE
        and not ((one.table, one.key) in one_sided and one.column in _NO_FIGURES)
    }
    counts = _counts()
    changes = _changes(connection, publication_id, [standing], _measures())
    changes += _external_changes(connection, publication_id, [standing], counts)
    for counted in _COUNTED:
        changes += _row_changes(connection, publication_id, standing, counted)
    touched = values.keys() | {one.cell for one in changes if one.difference != 0}
    explained = {one.cell for one in changes}
    has_new_rules = _has_new_rules(connection, publication_id, standing)
    for cell, (old, new) in values.items():
        if cell in explained:
            continue
        place = (cell[0], cell[2])
        sources = _SOURCES.get(place, ())
        if (old is None or new is None) and not _difference(old, new):
            sources += _EMPTY_WITHOUT.get(place, ())
        if _is_touched(cell, sources, touched):
            reason = FOLLOWS
        elif _is_touched(cell, _HIDDEN_SOURCES.get(place, ()), touched):
            reason = FOLLOWS_FROM_ROWS
        elif has_new_rules:
            reason = RULES_CHANGED
        else:
            reason = UNEXPLAINED
        changes.append(Change(cell, reason, _difference(old, new), 0))
    changes = [one for one in changes if one.cell in values]
    late = [one for one in changed if one.table == _LATE]
    if late:
        of_late = _late_changes(connection, publication_id, standing, late)
        changes += [change for change, _ in of_late]
        values |= {change.cell: both for change, both in of_late}
    _append(
        connection,
        *(period.period_code, publication_id, revision, "revision", [standing], publication_id),
        *(values, changes),
    )


def _late_changes(
    connection: Connection, publication_id: str, standing: str, late: list[Difference]
) -> list[tuple[Change, tuple[Any, Any]]]:
    """The changed cells of the list of late cases, with their values; columns as CASE.column.

    A case that stays listed has another review where what a review says is another.
    """
    codes = sorted({str(one.key[0]) for one in late})
    units: dict[str, str] = dict(
        connection.execute(
            "select case_code, unit_code from published.late_cases"
            " where publication_id in (%s, %s) and case_code = any(%s)"
            " order by publication_id = %s",
            [publication_id, standing, codes, publication_id],
        ).fetchall()
    )
    reasons = dict(_reasoned(connection, publication_id, [standing], _ALL, _BY_CASE, codes))
    one_sided = {one.key for one in late if one.column == "period_code"}
    found = []
    for one in late:
        (code,) = one.key
        if one.column in _NO_FIGURES:
            continue
        old, new = one.old, one.new
        if one.column == "reason":  # A code: the difference of two means nothing.
            old, new = (None if value is None else str(value) for value in (old, new))
        is_of_review = one.column in _OF_REVIEW and one.key not in one_sided
        reason = "review_changed" if is_of_review else reasons.get(code, UNEXPLAINED)
        cell = (_LATE, units[code], f"{code}.{one.column}")
        found.append((Change(cell, reason, _difference(old, new), 1), (old, new)))
    return found


def _is_touched(cell: Cell, sources: tuple[Place, ...], touched: AbstractSet[Cell]) -> bool:
    """Whether a figure that the cell is computed of differs; a rank depends on every unit."""
    if cell[2] == "rank":
        return any((table, column) in sources for table, _, column in touched)
    return any((table, cell[1], column) in touched for table, column in sources)


def _difference(old: Any, new: Any) -> Decimal | None:
    return Decimal(new or 0) - Decimal(old or 0) if _is_number(old, new) else None


def _has_new_rules(connection: Connection, *publications: str) -> bool:
    row = connection.execute(
        "select count(distinct (reference_sha256, rule_set)) > 1 from published.publications"
        " where publication_id = any(%s)",
        [list(publications)],
    ).fetchone()
    assert row is not None
    return bool(row[0])


def explain_overlap(
    connection: Connection, period: Period, publication_id: str, revision: int
) -> None:
    """Append to published.revisions why the period differs from the periods inside it.

    The same for each longer release that stands already and contains the period: old_value is the
    sum of its standing parts, this release among them, new_value that of the longer release. Parts
    that do not tile the longer window are not compared with it.
    """
    pairs = [(publication_id, parts(connection, period))]
    pairs += [
        (longer, inside)
        for longer, inside in _longer(connection, period)
        if publication_id in inside
    ]
    for new, inside in pairs:
        if inside:
            _explain_sum(connection, period, publication_id, revision, new, inside)


def _explain_sum(
    connection: Connection,
    period: Period,
    publication_id: str,
    revision: int,
    new_id: str,
    old_ids: list[str],
) -> None:
    columns = _flows()
    changes = _changes(connection, new_id, old_ids, _flags(columns))
    changes += _external_changes(connection, new_id, old_ids, columns)
    places = [*columns]
    window = connection.execute(
        "select ratings_from, ratings_to from published.publications where publication_id = %s",
        [new_id],
    ).fetchone()
    assert window is not None
    if tile_ratings(connection, old_ids, *window):
        changes += _press_changes(connection, new_id, old_ids)
        places += _PRESSES.numbers
    old = _sums(connection, old_ids, places)
    new = _sums(connection, [new_id], places)
    touched = {one.cell for one in changes} | {
        cell for cell in old.keys() | new.keys() if old.get(cell) != new.get(cell)
    }
    values = {cell: (old.get(cell, Decimal()), new.get(cell, Decimal())) for cell in touched}
    _append(
        connection,
        *(period.period_code, publication_id, revision, "overlap", old_ids, new_id),
        *(values, changes),
    )


def _longer(connection: Connection, period: Period) -> list[tuple[str, list[str]]]:
    """The longer standing releases that contain the period, each with the parts that tile it."""
    found = connection.execute(
        "select publication_id, kind, cases_from, cases_to from published.latest_publications"
        " where cases_from <= %s and cases_to >= %s and kind = any(%s) order by cases_from, kind",
        [
            *(period.cases_from, period.cases_to),
            [kind for kind, inside in PARTS.items() if period.kind in inside],
        ],
    ).fetchall()
    return [(name, _parts(connection, *window)) for name, *window in found]


def parts(connection: Connection, period: Period) -> list[str]:
    """The standing releases inside this period whose windows tile its window, in their order.

    As few as possible, of whatever kinds; none when a part of the window has no standing release.
    """
    return _parts(connection, period.kind, period.cases_from, period.cases_to)


def _parts(connection: Connection, kind: str, cases_from: date, cases_to: date) -> list[str]:
    found = connection.execute(
        "select cases_from, cases_to, publication_id from published.latest_publications"
        " where kind = any(%s) and cases_from >= %s and cases_to <= %s"
        " order by cases_to, cases_from desc, known_as_of",
        [PARTS.get(kind, []), cases_from, cases_to],
    ).fetchall()
    tiled: dict[date, list[str]] = {cases_from - timedelta(1): []}
    for begin, end, publication_id in found:
        before = tiled.get(begin - timedelta(1))
        if before is not None and (end not in tiled or len(before) < len(tiled[end])):
            tiled[end] = [*before, publication_id]
    return tiled.get(cases_to, [])


def tile_ratings(
    connection: Connection, publications: list[str], ratings_from: date, ratings_to: date
) -> bool:
    """Whether the windows of ratings of some releases tile this one, as those of cases may not."""
    windows = connection.execute(
        "select ratings_from, ratings_to from published.publications"
        " where publication_id = any(%s) order by ratings_from",
        [publications],
    ).fetchall()
    begins = [*(begin for begin, _ in windows), ratings_to + timedelta(1)]
    return begins == [ratings_from, *(end + timedelta(1) for _, end in windows)]


def reasons_of_cases(
    connection: Connection,
    comparison: str,
    new_id: str,
    old_ids: list[str],
    cell: Cell,
    codes: list[str],
) -> dict[str, str]:
    """Why some cases of a cell's unit are counted otherwise, as the warehouse tells it now."""
    table, unit, column = cell
    # Whether a case has moved to another unit is seen by all that it is counted in.
    measures = _measures() if comparison == "revision" else _flags(_flows())
    if table == _LATE:
        measures, column = _ALL, "case_code"
    found = _reasoned(connection, new_id, old_ids, measures, _BY_CELL_AND_CASE, codes)
    return {code: reason for *of, code, reason in found if tuple(of) == (table, unit, column)}


def _flows() -> dict[Place, Definition]:
    """The cells that add up over joining periods."""
    return {
        **{("appendix_1", name): APPENDIX_1[name] for name in _FLOWS},
        ("scorecard", "received"): SCORECARD["received"],
        ("scorecard", "settled"): SCORECARD["settled"],
    }


def _counts() -> dict[Place, Definition]:
    """The cells that count cases."""
    return {
        **_columns_of(APPENDIX_1, SCORECARD),
        ("appendix_2", "settled_total"): APPENDIX_1["settled_total"],
    }


def _measures() -> dict[Place, str]:
    """What a case adds to each cell that depends on cases."""
    return {**_flags(_counts()), **_points(), **_ONLINE}


def _columns_of(*tables: dict[str, Definition]) -> dict[Place, Definition]:
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


def _flags(columns: dict[Place, Definition]) -> dict[Place, str]:
    """1 for each case that a column counts."""
    return {
        place: f"coalesce(({one.rows.condition}), false)::integer"
        for place, one in columns.items()
        if one.rows
    }


def _points() -> dict[Place, str]:
    """What a case adds to numerator and denominator of the indicators that are means."""
    found = {}
    for number in _MEANS:
        rows = INDICATORS[number].rows
        assert rows is not None
        found[_EVIDENCE, f"{number}.numerator"] = (
            f"case when {rows.condition} then {rows.points} else 0 end"
        )
        found[_EVIDENCE, f"{number}.denominator"] = f"coalesce(({rows.condition}), false)::integer"
    return found


_ONLINE: dict[Place, str] = {
    (_EVIDENCE, "9.numerator"): (
        "(is_offered and is_online and coalesce(origin = 'newly_received', false))::integer"
    ),
    (_EVIDENCE, "9.denominator"): (
        "(is_offered and coalesce(origin = 'newly_received', false))::integer"
    ),
    **_flags({(_HIDDEN, "9.online_late"): INDICATOR_EVIDENCE["9.online_late"]}),
}


def _basis(table: str) -> dict[Place, str]:
    """1 for each row that a number behind indicators 5, 6, 8 and 9 counts."""
    return _flags(
        {
            (_EVIDENCE if name.endswith((".numerator", ".denominator")) else _HIDDEN, name): one
            for name, one in INDICATOR_EVIDENCE.items()
            if one.rows and one.rows.table == table
        }
    )


_PRESSES = _Counted(
    "ratings",
    ("press_key",),
    {
        ("appendix_2", column): f"({one.rows.condition})::integer"
        for column, one in APPENDIX_2.items()
        if one.rows and one.rows.table == "ratings"
    },
    {},
)

_COUNTED = (
    _PRESSES,
    _Counted(
        "procedures",
        ("day_of", "procedure_code", "unit_code"),
        {
            **{
                ("appendix_4", column): f"({one.rows.condition})::integer"
                for column, one in APPENDIX_4.items()
                if one.rows and column not in ("time_unit", "note")
            },
            **_basis("procedures"),
            (_HIDDEN, "6.publicity"): (
                "case when day_of = 'window_end' then coalesce(publicity, 0) else 0 end"
            ),
        },
        {
            ("appendix_4", "time_unit"): (
                "case when day_of = 'processes' and has_approved_process then time_unit end"
            ),
            ("appendix_4", "note"): "case when day_of = 'processes' then note end",
        },
    ),
    _Counted(
        "petitions",
        ("petition_code",),
        _basis("petitions"),
        {},
    ),
)

_INDICATORS = tuple(INDICATORS)

_SOURCES: dict[Place, tuple[Place, ...]] = {
    ("appendix_2", "coverage_percent"): (
        ("appendix_2", "total"),
        ("appendix_2", "settled_total"),
    ),
    ("appendix_4", "completion_percent"): APPENDIX_4["completion_percent"].parts,
    **{
        (_EVIDENCE, f"{n}.{column}"): (
            (_EVIDENCE, f"{n}.numerator"),
            (_EVIDENCE, f"{n}.denominator"),
        )
        for n in _INDICATORS
        for column in ("unrounded_value", "evidence_kind", "small_denominator")
    },
    **{
        ("scorecard", f"indicator_{n}"): ((_EVIDENCE, f"{n}.unrounded_value"),) for n in _INDICATORS
    },
    **{
        ("scorecard", f"form_{form}_total"): tuple(
            (_EVIDENCE, f"{n}.unrounded_value") for n in numbers
        )
        for form, numbers in FORMS.items()
    },
    **{
        ("scorecard", column): tuple((_EVIDENCE, f"{n}.unrounded_value") for n in _INDICATORS)
        for column in ("total", "band")
    },
    ("scorecard", "rank"): (("scorecard", "total"),),
}
"""The figures that a computed figure follows from."""

_EMPTY_WITHOUT: dict[Place, tuple[Place, ...]] = {
    ("appendix_4", "processes_on_software"): (("appendix_4", "processes_approved"),),
    **{(_EVIDENCE, f"{n}.numerator"): ((_EVIDENCE, f"{n}.denominator"),) for n in _INDICATORS},
    (_EVIDENCE, "9.denominator"): ((_EVIDENCE, "5.denominator"),),
}
"""What must be there for a figure of 0 to be printed as 0; else its cell is empty."""

_HIDDEN_SOURCES: dict[Place, tuple[Place, ...]] = {
    (_EVIDENCE, f"{n}.unrounded_value"): tuple((_HIDDEN, f"{n}.{name}") for name in names)
    for n, names in {
        5: ("handled_at_centre",),
        6: ("publicity",),
        8: ("protracted",),
        9: ("offered_online", "listed", "online_late"),
    }.items()
}


_DIFFERING = """
create temporary table differing on commit drop as
with
offered as (
    select distinct publication_id, procedure_code
    from evidence.procedures
    where day_of = 'window_end' and service_level >= 3
        and (publication_id = any(%(old)s) or publication_id = %(new)s)
),
offering as (
    select distinct publication_id, unit_code
    from evidence.procedures
    where day_of = 'window_end'
        and (publication_id = any(%(old)s) or publication_id = %(new)s)
),
cases as (
    select cases.*,
        offering.unit_code is not null and (
            offered.procedure_code is not null or rule_sets.online_denominator = 'all'
        ) as is_offered
    from evidence.cases
    inner join published.publications using (publication_id)
    left join reference.rule_sets
        on rule_sets.reference_sha256 = publications.reference_sha256
        and rule_sets.rule_set = publications.rule_set
    left join offered
        on offered.publication_id = cases.publication_id
        and offered.procedure_code = cases.procedure_code
    left join offering
        on offering.publication_id = cases.publication_id
        and offering.unit_code = cases.unit_code
    where (cases.publication_id = any(%(old)s) or cases.publication_id = %(new)s)
        and (%(cases)s::text[] is null or cases.case_code = any(%(cases)s))
),
before as (
    select unit_code, case_code, {sums}, min(received_date) as first_received,
        max(received_date) as last_received, bool_or(is_offered) as is_offered,
        min(row_id) as first_row_id, max(row_id) as last_row_id
    from cases
    where publication_id = any(%(old)s)
    group by unit_code, case_code
),
after as (
    select unit_code, case_code, {flags}, row_id, received_date, due_date, ended_date,
        review_row_id, is_offered
    from cases
    where publication_id = %(new)s
),
differing as (
    select
        unit_code, case_code, {differences},
        after.row_id, after.received_date, after.due_date, after.ended_date,
        after.review_row_id, after.is_offered,
        before.first_received, before.last_received, before.is_offered as was_offered,
        -- Told away from one unit and to another: the case has rows of both kinds.
        bool_or(after.row_id is null) over cases
            and bool_or(after.row_id is not null) over cases as has_moved,
        max(after.row_id) over cases
            in (min(before.first_row_id) over cases, max(before.last_row_id) over cases)
            as is_told_alike
    from after full join before using (unit_code, case_code)
    where ({after_row}) is distinct from ({before_row})
    window cases as (partition by case_code)
),
-- The release that counted a case otherwise: of the parts that held it otherwise than the new
-- release does, the one whose window holds the end or the receipt.
published as (
    select distinct on (differing.unit_code, differing.case_code)
        differing.unit_code, differing.case_code, old.known_as_of, old.published_at,
        (old.reference_sha256, old.rule_set) <> (new.reference_sha256, new.rule_set)
            as has_other_rules,
        held.row_id as old_row_id, held.due_date as old_due_date,
        held.ended_date as old_ended_date, held.review_row_id as old_review_row_id
    from differing
    inner join published.publications as new on new.publication_id = %(new)s
    inner join published.publications as old on old.publication_id = any(%(old)s)
    left join cases as held
        on held.publication_id = old.publication_id
        and held.unit_code = differing.unit_code
        and held.case_code = differing.case_code
    order by
        differing.unit_code,
        differing.case_code,
        (held.row_id, held.received_date, held.due_date, held.ended_date, held.review_row_id)
            is not distinct from (differing.row_id, differing.received_date,
                differing.due_date, differing.ended_date, differing.review_row_id)
            and (old.reference_sha256, old.rule_set) = (new.reference_sha256, new.rule_set),
        (coalesce(differing.ended_date, differing.received_date, differing.last_received)
            between old.cases_from and old.cases_to) desc,
        old.known_as_of desc
)
select * from differing inner join published using (unit_code, case_code)
"""

_REASONS = """
with
histories as (
    select case_code, max(valid_from) as newest_day, max(files.loaded_at) as newest_load
    from core.fct_case_versions
    inner join raw.files on files.file_id = (fct_case_versions.row_id >> 32)
    where valid_from <= (
            select known_as_of from published.publications where publication_id = %(new)s
        )
        and case_code in (select differing.case_code from differing)
    group by case_code
),
reasoned as (
    select
        differing.unit_code, differing.case_code, cells.*,
        case
            when (differing.row_id is null or differing.old_row_id is null)
                and known.is_cancelled then 'record_removed'
            when differing.has_moved and differing.has_other_rules and differing.is_told_alike
                then 'rules_changed'
            when differing.has_moved then 'unit_corrected'
            when differing.first_received <> differing.received_date
                or differing.last_received <> differing.received_date
                then 'receipt_date_corrected'
            when cells.column_name = 'settled_late_after_review'
                and differing.old_review_row_id is distinct from differing.review_row_id
                and differing.old_due_date = differing.due_date
                and differing.old_ended_date = differing.ended_date
                then 'review_changed'
            when coalesce(told.business_date, known.valid_from) > differing.known_as_of
                then 'recorded_late'
            when coalesce(told.loaded_at, known_file.loaded_at) > differing.published_at
                then 'loaded_late'
            -- An older release may be explained by the younger ones of its parts.
            when differing.old_row_id is distinct from differing.row_id
                and old_told.business_date > new_release.known_as_of
                then 'recorded_late'
            when differing.old_row_id is distinct from differing.row_id
                and old_told.loaded_at > new_release.published_at
                then 'loaded_late'
            when differing.old_due_date is distinct from differing.due_date
                and differing.old_row_id is not null and differing.row_id is not null
                then 'due_date_corrected'
            when differing.old_review_row_id is distinct from differing.review_row_id
                and differing.old_row_id = differing.row_id
                then 'review_changed'
            -- An older record of the case moves its end: the first day that told a return.
            when histories.newest_load > differing.published_at
                or histories.newest_load > new_release.published_at then 'loaded_late'
            when histories.newest_day > differing.known_as_of then 'recorded_late'
            when differing.has_other_rules then 'rules_changed'
            when differing.old_row_id is distinct from differing.row_id
                or differing.old_ended_date is distinct from differing.ended_date
                then 'file_replaced'
            when differing.was_offered <> differing.is_offered then 'procedures_changed'
            when cells.table_name = 'indicator_evidence' then 'related_records_changed'
            else 'unexplained'
        end as reason
    from differing
    cross join lateral (values {cells}) as cells (table_name, column_name, difference)
    inner join published.publications as new_release on new_release.publication_id = %(new)s
    left join histories on histories.case_code = differing.case_code
    left join raw.files as old_told on old_told.file_id = (differing.old_row_id >> 32)
    left join raw.files as told on told.file_id = (differing.row_id >> 32)
    left join core.fct_case_versions as known
        on known.case_code = differing.case_code
        and known.valid_from <= new_release.known_as_of
        and (known.valid_to is null or known.valid_to > new_release.known_as_of)
    left join raw.files as known_file on known_file.file_id = (known.row_id >> 32)
    where cells.difference <> 0
)
"""

_BY_CELL = """
select table_name, unit_code, column_name, reason, sum(difference), count(*)
from reasoned
group by table_name, unit_code, column_name, reason
"""

_BY_CASE = "select case_code, max(reason) from reasoned group by case_code"
_BY_CELL_AND_CASE = "select table_name, unit_code, column_name, case_code, reason from reasoned"

_ALL: dict[Place, str] = {
    (_LATE, "case_code"): ("case when publication_id = %(new)s then 2 else 1 end")
}
"""Differs for every case, whether one of the releases counts it or both do."""


def _changes(
    connection: Connection, publication_id: str, old: list[str], measures: dict[Place, str]
) -> list[Change]:
    """The differences of the cells that are counted from cases, by reason."""
    return [
        Change((table, unit, column), reason, Decimal(difference), cases)
        for table, unit, column, reason, difference, cases in _reasoned(
            connection, publication_id, old, measures, _BY_CELL
        )
    ]


def _reasoned(
    connection: Connection,
    publication_id: str,
    old: list[str],
    measures: dict[Place, str],
    chosen: str,
    cases: list[str] | None = None,
) -> list[Any]:
    """What `chosen` selects of the cases that differ in a measure, each with its reason."""
    numbered = list(enumerate(measures.items()))
    of_differing = _DIFFERING.format(
        sums=", ".join(f"sum({one}) as c{n}" for n, (_, one) in numbered),
        flags=", ".join(f"{one} as c{n}" for n, (_, one) in numbered),
        differences=", ".join(
            f"coalesce(after.c{n}, 0) - coalesce(before.c{n}, 0) as d{n}" for n, _ in numbered
        ),
        after_row=", ".join(f"coalesce(after.c{n}, 0)" for n, _ in numbered),
        before_row=", ".join(f"coalesce(before.c{n}, 0)" for n, _ in numbered),
    )
    reasons = _REASONS.format(
        cells=", ".join(
            f"('{table}', '{column}', d{n}::numeric)" for n, ((table, column), _) in numbered
        ),
    )
    releases = {"old": old, "new": publication_id, "cases": cases}
    # The server has no statistics of rows that this transaction wrote: it takes them to be few.
    connection.execute("set local enable_nestloop = off")
    psycopg.ClientCursor(connection).execute(of_differing, releases)
    connection.execute("set local enable_nestloop = on")
    connection.execute("analyze pg_temp.differing")
    found = connection.execute(reasons + chosen, releases).fetchall()
    connection.execute("drop table pg_temp.differing")
    return found


_ROWS = """
with
releases as (
    select old.known_as_of, old.published_at,
        (old.reference_sha256, old.rule_set) <> (new.reference_sha256, new.rule_set)
            as has_new_rules,
        exists (
            select feed, file_name, sha256 from published.release_inputs
            where publication_id = old.publication_id and feed = '{table}'
            except
            select feed, file_name, sha256 from published.release_inputs
            where publication_id = new.publication_id
        ) as lost_a_file,
        exists (
            select 1 from published.release_inputs as inputs
            inner join raw.files using (feed, sha256)
            where inputs.publication_id = new.publication_id and inputs.feed = '{table}'
                and files.loaded_at > old.published_at
        ) as gained_a_file
    from published.publications as old
    inner join published.publications as new on new.publication_id = %(new)s
    where old.publication_id = %(old)s
),
before as (
    select {key}, unit_code as counted_unit, row_id, {measures}
    from evidence.{table} where publication_id = %(old)s
),
after as (
    select {key}, unit_code as counted_unit, row_id, {measures}
    from evidence.{table} where publication_id = %(new)s
),
differing as (
    select
        before.counted_unit as old_unit, after.counted_unit as new_unit, {pairs},
        case
            when before.counted_unit <> after.counted_unit
                then case
                    when before.row_id = after.row_id and has_new_rules then 'rules_changed'
                    else 'unit_corrected'
                end
            when before.row_id is distinct from after.row_id
                and files.business_date > releases.known_as_of then 'recorded_late'
            when before.row_id is distinct from after.row_id
                and files.loaded_at > releases.published_at then 'loaded_late'
            when after.row_id is null and before_file.state is distinct from 'loaded'
                then 'file_replaced'
            when after.row_id is null and not exists (
                select 1 from published.release_inputs as inputs
                where inputs.publication_id = %(new)s and inputs.feed = before_file.feed
                    and inputs.sha256 = before_file.sha256
            ) then 'file_replaced'
            when has_new_rules then 'rules_changed'
            -- The row's file counts still, so a record of a younger file says otherwise.
            when after.row_id is null and gained_a_file then 'loaded_late'
            when before.row_id is distinct from after.row_id and lost_a_file
                then 'file_replaced'
            else 'unexplained'
        end as reason
    from after
    full join before using ({key})
    cross join releases
    left join raw.files on files.file_id = (after.row_id >> 32)
    left join raw.files as before_file on before_file.file_id = (before.row_id >> 32)
    where (before.counted_unit, {before_row}) is distinct from (after.counted_unit, {after_row})
)
"""

_NUMBERS = """
select table_name, unit_code, column_name, reason, sum(difference), count(*)
from differing
cross join lateral (values {numbers}) as cells (table_name, column_name, old_value, new_value)
cross join lateral (
    values (old_unit, -coalesce(old_value, 0)), (new_unit, coalesce(new_value, 0))
) as sides (unit_code, difference)
where
    (old_unit, coalesce(old_value, 0)) is distinct from (new_unit, coalesce(new_value, 0))
    and difference <> 0
group by table_name, unit_code, column_name, reason
having sum(difference) <> 0
"""

_TEXTS = """
select table_name, coalesce(new_unit, old_unit), column_name, reason, null, 0
from differing
cross join lateral (values {texts}) as cells (table_name, column_name, old_value, new_value)
where old_value is distinct from new_value
group by table_name, coalesce(new_unit, old_unit), column_name, reason
"""


# A press has one day, so one part alone can count it.
_PRESSES_OF_PARTS = """
with
before as (select *, {measures} from evidence.ratings where publication_id = any(%(old)s)),
after as (select *, {measures} from evidence.ratings where publication_id = %(new)s),
differing as (
    select
        before.unit_code as old_unit, after.unit_code as new_unit, {pairs},
        case
            when before.unit_code <> after.unit_code
                then case
                    when before.row_id = after.row_id and rules.are_new then 'rules_changed'
                    else 'unit_corrected'
                end
            when told.business_date > lacking.known_as_of then 'recorded_late'
            when told.loaded_at > lacking.published_at then 'loaded_late'
            when not exists (
                select 1 from published.release_inputs as inputs
                where inputs.publication_id = lacking.publication_id
                    and inputs.feed = told.feed and inputs.sha256 = told.sha256
            ) then 'file_replaced'
            when rules.are_new then 'rules_changed'
            else 'unexplained'
        end as reason
    from after
    full join before using (press_key)
    inner join published.publications as new on new.publication_id = %(new)s
    inner join published.publications as old
        on old.publication_id = any(%(old)s)
        and coalesce(after.pressed_at, before.pressed_at)::date
            between old.ratings_from and old.ratings_to
    inner join published.publications as lacking
        on lacking.publication_id = case
            when before.row_id is null then old.publication_id else new.publication_id
        end
    cross join lateral (
        values ((old.reference_sha256, old.rule_set) <> (new.reference_sha256, new.rule_set))
    ) as rules (are_new)
    left join raw.files as told on told.file_id = (coalesce(after.row_id, before.row_id) >> 32)
    where before.unit_code is distinct from after.unit_code
)
"""


def _press_changes(connection: Connection, new_id: str, old_ids: list[str]) -> list[Change]:
    """The differences of the presses of a release against those of its parts, by reason."""
    numbered = list(enumerate(_PRESSES.numbers.items()))
    rows = _PRESSES_OF_PARTS.format(
        measures=", ".join(f"{one} as c{n}" for n, (_, one) in numbered),
        pairs=", ".join(f"before.c{n} as o{n}, after.c{n} as n{n}" for n, _ in numbered),
    )
    cells = ", ".join(
        f"('{table}', '{column}', o{n}, n{n})" for n, ((table, column), _) in numbered
    )
    found = connection.execute(
        rows + _NUMBERS.format(numbers=cells), {"old": old_ids, "new": new_id}
    ).fetchall()
    return [
        Change((table, unit, column), reason, difference, rows_affected)
        for table, unit, column, reason, difference, rows_affected in found
    ]


def _row_changes(
    connection: Connection, publication_id: str, standing: str, counted: _Counted
) -> list[Change]:
    """The differences of the cells counted from a table of evidence, row by row, by reason."""
    expressions = {**counted.numbers, **counted.texts}
    numbered = {place: number for number, place in enumerate(expressions)}
    rows = _ROWS.format(
        table=counted.table,
        key=", ".join(counted.key),
        measures=", ".join(f"{expressions[place]} as c{n}" for place, n in numbered.items()),
        pairs=", ".join(f"before.c{n} as o{n}, after.c{n} as n{n}" for n in numbered.values()),
        before_row=", ".join(f"before.c{n}" for n in numbered.values()),
        after_row=", ".join(f"after.c{n}" for n in numbered.values()),
    )

    def cells(places: Iterable[Place]) -> str:
        return ", ".join(
            f"('{table}', '{column}', o{n}, n{n})"
            for table, column, n in ((*place, numbered[place]) for place in places)
        )

    found = connection.execute(
        rows + _NUMBERS.format(numbers=cells(counted.numbers)),
        {"old": standing, "new": publication_id},
    ).fetchall()
    if counted.texts:
        found += connection.execute(
            rows + _TEXTS.format(texts=cells(counted.texts)),
            {"old": standing, "new": publication_id},
        ).fetchall()
    return [
        Change((table, unit, column), reason, difference, rows_affected)
        for table, unit, column, reason, difference, rows_affected in found
    ]


def _external_changes(
    connection: Connection,
    publication_id: str,
    old: list[str],
    columns: dict[Place, Definition],
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
    connection: Connection, publications: list[str], columns: Iterable[Place]
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
    period_code: str,
    publication_id: str,
    revision: int,
    comparison: str,
    old: list[str],
    new: str,
    values: dict[Cell, tuple[Any, Any]],
    changes: list[Change],
) -> None:
    """Write the changes; what they leave of a cell's difference is said to be unexplained."""
    explained: dict[Cell, Decimal] = defaultdict(Decimal)
    for one in changes:
        explained[one.cell] += one.difference or 0
    for cell, (before, after) in values.items():
        rest = (_difference(before, after) or 0) - explained[cell]
        if rest:
            changes.append(Change(cell, UNEXPLAINED, rest, 0))
    units = _units(connection, [new, publication_id, *old])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.revisions (publication_id, period_code, revision, comparison,"
            " old_publication_ids, new_publication_id, table_name, unit_code, unit_name,"
            " display_order, column_name, old_value, new_value, old_text, new_text, reason,"
            " difference, cases_affected)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(publication_id, period_code, revision, comparison, old, new),
                    *(one.cell[0], one.cell[1], *units[one.cell[1]], one.cell[2]),
                    *_written(*values[one.cell]),
                    *(one.reason, one.difference, one.cases_affected),
                )
                for one in sorted(changes, key=lambda one: (*one.cell, one.reason))
            ],
        )


def _written(old: Any, new: Any) -> tuple[Any, Any, str | None, str | None]:
    """Both values as numbers, or both as texts."""
    if _is_number(old, new):
        return old, new, None, None
    before, after = (
        None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for value in (old, new)
    )
    return None, None, before, after


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
    """Whether the cell holds numbers: bands and remarks have no difference."""
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
