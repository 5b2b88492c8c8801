"""What relations need beside the candidate: its eve, standing releases, other software.

Each table has a row for every unit and one, without unit, for all of them. `of` says what was read.
A table without rows means that there is nothing to compare with.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from psycopg.rows import dict_row

from motcua.publication import revisions
from motcua.publication.figures import Figures, Row
from motcua.publication.periods import Period
from motcua.warehouse.database import Connection

EVE, PARTS, TWIN, BEFORE, OUTSIDE = "eve", "parts", "twin", "before", "outside"
PRESS_PARTS = "press_parts"

# Counted from the versions of the cases, not from what the figures were computed of: one pass over
# the versions known on the day, whatever the number of periods.
_EVE = """
with aliases as (
    select alias, unit_code
    from reference.unit_aliases
    where reference_sha256 = %(reference_sha256)s
),

first_returns as (
    select case_code, status_code, min(valid_from) as first_told_on
    from core.fct_case_versions
    where status_code in (7, 8)
    group by case_code, status_code
),

known as (
    select
        coalesce(aliases.unit_code, versions.unit_code) as unit_code,
        versions.status_code in (7, 8) as is_returned,
        cast(
            case
                when versions.status_code in (7, 8)
                    then coalesce(
                        versions.finished_at, versions.handed_over_at, first_returns.first_told_on
                    )
                when versions.status_code in (9, 10)
                    then coalesce(
                        versions.finished_at, versions.handed_over_at, versions.valid_from
                    )
                else versions.finished_at
            end as date
        ) as ended_date
    from core.fct_case_versions as versions
    left join first_returns
        on versions.case_code = first_returns.case_code
        and versions.status_code = first_returns.status_code
    left join aliases on versions.unit_code = aliases.alias
    where
        versions.valid_from <= %(as_of)s
        and (versions.valid_to is null or versions.valid_to > %(as_of)s)
        and versions.received_at < %(cases_from)s
        and not versions.is_cancelled
        and versions.status_code not in (1, 3)
),

open as (
    select
        unit_code,
        count(*) as in_progress,
        count(*) filter (where is_returned and ended_date <= %(cases_to)s) as returned
    from known
    where ended_date is null or ended_date >= %(cases_from)s
    group by unit_code
),

counted as (
    select
        coalesce(aliases.unit_code, counts.unit_code) as unit_code,
        sum(counts.carried_over) as external,
        sum(counts.in_progress_in_time) as external_in_time,
        sum(counts.in_progress_overdue) as external_overdue
    from core.fct_external_counts as counts
    left join aliases on counts.unit_code = aliases.alias
    where
        counts.counted_from = %(cases_from)s
        and counts.counted_to = %(cases_to)s
        and counts.valid_from <= %(as_of)s
        and (counts.valid_to is null or counts.valid_to > %(as_of)s)
    group by coalesce(aliases.unit_code, counts.unit_code)
)

select unit_code, in_progress, returned, external, external_in_time, external_overdue
from open
full join counted using (unit_code)
"""

_TWIN = """
with twin as (
    select publication_id
    from published.latest_publications
    where cases_to = %(cases_to)s and known_as_of = %(as_of)s and period_code <> %(period_code)s
    order by published_at desc
    limit 1
),

counted as (
    select
        unit_code,
        sum(in_progress_in_time) as in_time,
        sum(in_progress_overdue) as overdue
    from evidence.external_counts
    inner join twin using (publication_id)
    group by unit_code
)

select
    publication_id as of,
    unit_code,
    in_progress_in_time - coalesce(counted.in_time, 0) as in_progress_in_time,
    in_progress_overdue - coalesce(counted.overdue, 0) as in_progress_overdue
from published.appendix_1
inner join twin using (publication_id)
left join counted using (unit_code)
"""

_BEFORE = """
with before as (
    select publication_id
    from published.latest_publications
    where cases_to = %(eve)s
    order by (kind = %(kind)s) desc, known_as_of desc, published_at desc
    limit 1
)

select publication_id as of, unit_code, in_progress_total
from published.appendix_1
inner join before using (publication_id)
"""

_OUTSIDE_COLUMNS = (
    "carried_over",
    "newly_received",
    "settled_early",
    "settled_on_time",
    "settled_late",
    "in_progress_overdue",
)
_OUTSIDE = f"""
select unit_code, {", ".join(f"sum({name}) as {name}" for name in _OUTSIDE_COLUMNS)}
from intermediate.int_period_external_counts
where period_code = %(period_code)s
group by unit_code
"""

_PARTS_COLUMNS = (
    *("newly_received", "settled_total", "settled_late_after_review", "returned_by_post"),
    "returned",
)
_PARTS = f"""
select unit_code, {", ".join(f"sum({name}) as {name}" for name in _PARTS_COLUMNS)}
from published.appendix_1
where publication_id = any(%(parts)s)
group by unit_code
"""


_PRESS_PARTS = """
select unit_code, sum(total) as total
from published.appendix_2
where publication_id = any(%(press_parts)s)
group by unit_code
"""


def read(
    connection: Connection, period: Period, units: Sequence[str], returned_bucket: str
) -> Figures:
    """The tables `eve`, `parts`, `press_parts`, `twin`, `before`, `outside` of a candidate.

    eve: cases received before the window and open when it begins, as known on the candidate's own
    knowledge date; those of them returned within it (none where they count among the settled);
    counts of other software. parts: sums of the standing releases whose windows tile this one;
    press_parts: if their windows of ratings do, too.
    twin: the standing release that ends on the same day, known on the same day, with this window's
    counts of other software instead of its own. before: the standing release that ends on the eve.
    outside: what other software counted in the window and appendix I adds.
    """
    inside = revisions.parts(connection, period)
    has_presses = revisions.tile_ratings(connection, inside, period.ratings_from, period.ratings_to)
    values = vars(period) | {
        "eve": period.cases_from - timedelta(1),
        "parts": inside,
        "press_parts": inside if has_presses else [],
    }

    def found(query: str) -> dict[str, Row]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return {row["unit_code"]: row for row in cursor.execute(query, values)}

    eve, parts, twin, before = (found(query) for query in (_EVE, _PARTS, _TWIN, _BEFORE))
    presses, outside = found(_PRESS_PARTS), found(_OUTSIDE)
    if returned_bucket == "settled":
        eve = {code: row | {"returned": 0} for code, row in eve.items()}
    for code, row in twin.items():
        for column in ("in_time", "overdue"):
            row[f"in_progress_{column}"] += eve.get(code, {}).get(f"external_{column}") or 0
    return {
        EVE: _whole(eve, units, ("in_progress", "returned", "external"), str(period.as_of)),
        PARTS: _whole(
            parts,
            units,
            _PARTS_COLUMNS,
            " + ".join(values["parts"]),
        ),
        PRESS_PARTS: _whole(presses, units, ("total",), " + ".join(values["press_parts"])),
        TWIN: _whole(twin, units, ("in_progress_in_time", "in_progress_overdue"), _named(twin)),
        BEFORE: _whole(before, units, ("in_progress_total",), _named(before)),
        OUTSIDE: _whole(outside, units, _OUTSIDE_COLUMNS, "số của phần mềm khác"),
    }


def _named(found: dict[str, Row]) -> str:
    return next((row["of"] for row in found.values()), "")


def _whole(
    found: dict[str, Row], units: Iterable[str], columns: Sequence[str], of: str
) -> list[Row]:
    """A row per unit, zero where nothing was found, and their sum; no row without any source."""
    if not of:
        return []
    rows: list[dict[str, Any]] = [
        {"unit_code": code, "of": of}
        | {column: int(found.get(code, {}).get(column) or 0) for column in columns}
        for code in [*units, *sorted(found.keys() - set(units))]
    ]
    total = {column: sum(row[column] for row in rows) for column in columns}
    return [*rows, {"unit_code": None, "of": of} | total]
