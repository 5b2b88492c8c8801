"""Computes the tables of a release once more on the units of today, from the rows that it counted.

Cases, presses, procedures, petitions and outside counts stand with the release (schema evidence).
They are read under the unit that each unit of then is today, and the models of the figures compute
from them with the rules that the release pinned: nothing differs but the units.
"""

from psycopg import sql

from motcua.publication import evidence, figures, recompute
from motcua.publication.figures import Figures
from motcua.warehouse import database, dbt
from motcua.warehouse.database import Connection

_MODELS = (
    *("stg_reference__scoring_rules", "appendix_1", "appendix_2", "appendix_4"),
    *("indicator_evidence", "scorecard"),
)

# What the figures read beside the rows that they count.
_PERIOD = """
create view {intermediate}.int_periods_due as
select
    publications.period_code,
    publications.cases_from,
    publications.cases_to as cases_until,
    publications.known_as_of as as_of,
    rule_sets.rule_set,
    rule_sets.online_denominator,
    rule_sets.total_of,
    cast(rule_sets.rounding_digits as integer) as rounding_digits,
    cast(rule_sets.band_excellent_from as numeric) as band_excellent_from,
    cast(rule_sets.band_good_from as numeric) as band_good_from,
    cast(rule_sets.band_fair_from as numeric) as band_fair_from,
    cast(rule_sets.band_average_from as numeric) as band_average_from
from published.publications
inner join reference.rule_sets using (reference_sha256, rule_set)
where publications.publication_id = {publication_id}
"""
_UNITS = """
create view {intermediate}.int_period_units as
select
    figures.period_code,
    coalesce(today.today_code, figures.unit_code) as unit_code,
    coalesce(max(today.unit_name), max(figures.unit_name)) as unit_name,
    coalesce(max(today.display_order), max(figures.display_order)) as display_order
from published.appendix_1 as figures
left join published.units_today as today using (unit_code)
where figures.publication_id = {publication_id}
group by figures.period_code, coalesce(today.today_code, figures.unit_code)
"""
_ROWS = """
create view {intermediate}.{view} as
select
    cast({period_code} as text) as period_code,
    coalesce(today.today_code, rows.unit_code) as unit_code,
    {columns}
from evidence.{table} as rows
left join published.units_today as today using (unit_code)
where rows.publication_id = {publication_id}
"""
_LATE_CASES = """
create view {marts}.late_cases as
select units.period_code, units.unit_code, units.unit_name, units.display_order, {columns}
from published.late_cases as rows
left join published.units_today as today using (unit_code)
inner join {intermediate}.int_period_units as units
    on coalesce(today.today_code, rows.unit_code) = units.unit_code
where rows.publication_id = {publication_id}
"""
_OF_UNIT = ("period_code", "unit_code", *figures.NAMES)


def recompute_on_units_of_today(
    publication_id: str, progress: dbt.Progress | None = None
) -> Figures:
    """All figure tables of a release on the units of today; nothing of it is stored.

    Today's units are those of the reference pack of the last build; a succession counts from the
    day after the former unit's last one. Raises Failed when there is no such release.
    """
    with recompute.scratch() as prefix:
        with database.connect(database.TRANSFORMER) as connection:
            period_code, reference_sha256, _ = recompute.release_of(connection, publication_id)
            _prepare(connection, prefix, publication_id, period_code)
        dbt.run(
            ["run", "--select", *_MODELS],
            {"reference_sha256": reference_sha256, "schema_prefix": prefix},
            progress,
            stage="recompute",
        )
        with database.connect(database.TRANSFORMER) as connection:
            found = figures.candidate(connection, period_code, f"{prefix}marts")
    for rows in found.values():
        rows.sort(key=lambda row: (row["display_order"], row["unit_code"]))
    return found


def _prepare(connection: Connection, prefix: str, publication_id: str, period_code: str) -> None:
    """Views that stand where the figures look for their rows, as if dbt had made them."""
    places = {
        "intermediate": sql.Identifier(f"{prefix}intermediate"),
        "marts": sql.Identifier(f"{prefix}marts"),
        "publication_id": sql.Literal(publication_id),
        "period_code": sql.Literal(period_code),
    }
    for layer in ("intermediate", "marts"):
        connection.execute(sql.SQL("create schema {}").format(places[layer]))
    connection.execute(sql.SQL(_PERIOD).format(**places))
    connection.execute(sql.SQL(_UNITS).format(**places))
    for table in evidence.TABLES:
        columns = [one for one in evidence.columns_of(connection, table) if one != "unit_code"]
        connection.execute(
            sql.SQL(_ROWS).format(
                **places,
                view=sql.Identifier(f"int_period_{table}"),
                table=sql.Identifier(table),
                columns=_listed(columns),
            )
        )
    columns = [one for one in figures.columns(connection, "late_cases") if one not in _OF_UNIT]
    connection.execute(sql.SQL(_LATE_CASES).format(**places, columns=_listed(columns)))


def _listed(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("rows", column) for column in columns)
