"""What the candidate gate looks at: one query per suite on the figures of one period.

A suite of expectations/candidate/ is judged on the rows of the query of its name here. The limits
are written in the suite.
"""

from dataclasses import dataclass

from psycopg import sql

from motcua.errors import Failed
from motcua.quality.suites import Table
from motcua.waivers import Waiver
from motcua.warehouse import missing
from motcua.warehouse.database import Connection


@dataclass(frozen=True)
class Figures:
    """A query with %(period)s, and the columns that name one of its rows in a message."""

    index: tuple[str, ...]
    query: str


FIGURES: dict[str, Figures] = {
    # Every unit that was a unit at some time of the window must stand in every table.
    "presence": Figures(
        ("unit_code",),
        """
with period as (
    select * from marts.periods where period_code = %(period)s
),

units as (
    select units.unit_code
    from reference.units as units
    inner join period on units.reference_sha256 = period.reference_sha256
    where
        coalesce(cast(nullif(units.valid_from, '') as date), period.cases_to) <= period.cases_to
        and coalesce(cast(nullif(units.valid_to, '') as date), period.cases_from)
        >= period.cases_from
),

indicators as (
    select count(distinct rules.indicator) as number
    from reference.scoring_rules as rules
    inner join period
        on rules.reference_sha256 = period.reference_sha256 and rules.rule_set = period.rule_set
)

select
    units.unit_code,
    (
        select count(*) from marts.appendix_1 as figures
        where figures.period_code = %(period)s and figures.unit_code = units.unit_code
    ) as appendix_1_rows,
    (
        select count(*) from marts.appendix_2 as figures
        where figures.period_code = %(period)s and figures.unit_code = units.unit_code
    ) as appendix_2_rows,
    (
        select count(*) from marts.appendix_4 as figures
        where figures.period_code = %(period)s and figures.unit_code = units.unit_code
    ) as appendix_4_rows,
    (
        select count(*) from marts.scorecard as figures
        where figures.period_code = %(period)s and figures.unit_code = units.unit_code
    ) as scorecard_rows,
    indicators.number - (
        select count(distinct figures.indicator) from marts.indicator_evidence as figures
        where figures.period_code = %(period)s and figures.unit_code = units.unit_code
    ) as indicators_absent
from units
cross join indicators
order by units.unit_code
""",
    ),
    "missing_days": Figures(("feed", "day", "kiosk"), missing.SOURCES),
    "appendix_1": Figures(
        ("unit_code",),
        """
select
    unit_code,
    total,
    settled_total,
    least(
        total, carried_over, newly_received, settled_total, settled_early, settled_on_time,
        settled_late, settled_late_after_review, in_progress_total, in_progress_in_time,
        in_progress_overdue, returned, received_online, returned_by_post, counted_externally
    ) as least_figure,
    100.0 * settled_late / nullif(settled_total, 0) as settled_late_percent,
    100.0 * in_progress_overdue / nullif(in_progress_total, 0) as overdue_percent,
    100.0 * received_online / nullif(total, 0) as online_percent,
    100.0 * counted_externally / nullif(total, 0) as counted_externally_percent
from marts.appendix_1
where period_code = %(period)s
order by display_order
""",
    ),
    "appendix_2": Figures(
        ("unit_code",),
        """
select
    unit_code,
    total,
    least(
        satisfied_service, satisfied_attitude, dissatisfied_competence, dissatisfied_time,
        comments, total
    ) as least_figure,
    coverage_percent
from marts.appendix_2
where period_code = %(period)s
order by display_order
""",
    ),
    "appendix_4": Figures(
        ("unit_code",),
        """
select
    unit_code,
    procedures_listed,
    least(procedures_listed, processes_approved, processes_on_software) as least_figure,
    completion_percent
from marts.appendix_4
where period_code = %(period)s
order by display_order
""",
    ),
    "scorecard": Figures(
        ("unit_code",),
        """
select
    unit_code,
    indicator_1, indicator_2, indicator_3, indicator_4, indicator_5, indicator_6, indicator_7,
    indicator_8, indicator_9,
    num_nulls(
        indicator_1, indicator_2, indicator_3, indicator_4, indicator_5, indicator_6, indicator_7,
        indicator_8, indicator_9
    ) as indicators_without_evidence,
    form_1_total,
    form_2_total,
    total,
    rank
from marts.scorecard
where period_code = %(period)s
order by display_order
""",
    ),
    "indicator_evidence": Figures(
        ("unit_code", "indicator"),
        """
select
    unit_code,
    indicator,
    numerator,
    denominator,
    unrounded_value
from marts.indicator_evidence
where period_code = %(period)s
order by display_order, indicator
""",
    ),
    "late_cases": Figures(
        ("case_code",),
        """
select
    case_code,
    days_late,
    finished_date - due_date as days_after_due
from marts.late_cases
where period_code = %(period)s
order by case_code
""",
    ),
    # Against the newest release in force of the same period, else of the nearest earlier period of
    # its kind. A unit without figures there is not compared; TOTAL is the whole Centre.
    "change": Figures(
        ("unit_code",),
        """
with period as (
    select * from marts.periods where period_code = %(period)s
),

last_release as (
    select releases.publication_id
    from published.latest_publications as releases
    inner join period on releases.kind = period.kind
    where
        releases.period_code = period.period_code
        or releases.cases_to < period.cases_from
    order by releases.period_code = period.period_code desc, releases.cases_to desc
    limit 1
),

figures as (
    select
        coalesce(now.unit_code, 'TOTAL') as unit_code,
        sum(now.newly_received) as received,
        sum(now.settled_total) as settled,
        sum(before.newly_received) as received_before,
        sum(before.settled_total) as settled_before
    from marts.appendix_1 as now
    inner join published.appendix_1 as before on now.unit_code = before.unit_code
    inner join last_release on before.publication_id = last_release.publication_id
    where now.period_code = %(period)s
    group by grouping sets ((now.unit_code), ())
    having count(*) > 0
),

scores as (
    select
        now.unit_code,
        now.total - before.total as score_change
    from marts.scorecard as now
    inner join published.scorecard as before on now.unit_code = before.unit_code
    inner join last_release on before.publication_id = last_release.publication_id
    where now.period_code = %(period)s
)

select
    figures.unit_code,
    figures.received_before,
    figures.settled_before,
    100.0 * figures.received / nullif(figures.received_before, 0) - 100 as received_change_percent,
    100.0 * figures.settled / nullif(figures.settled_before, 0) - 100 as settled_change_percent,
    scores.score_change
from figures
left join scores on figures.unit_code = scores.unit_code
order by figures.unit_code
""",
    ),
}


def must_exist(connection: Connection, period_code: str) -> None:
    """Make sure that the marts hold the period.

    Raises Failed when nothing was built yet or the period is not among what was built.
    """
    row = connection.execute("select to_regclass('marts.periods') is not null").fetchone()
    assert row is not None
    if not row[0]:
        raise Failed(
            f"There are no figures of {period_code}: nothing has been built yet."
            " Run `motcua ingest` and `motcua build` first."
        )
    built = [
        found[0]
        for found in connection.execute("select period_code from marts.periods order by cases_from")
    ]
    if period_code not in built:
        raise Failed(
            f"There are no figures of {period_code}; the marts hold {', '.join(built) or 'none'}."
            " Check the code against reporting_periods.csv of the reference pack; if it is right,"
            " its exports are not loaded: run `motcua ingest` and `motcua build`."
        )


def figures(connection: Connection, suite: str, period_code: str) -> Table:
    """The rows that a candidate suite is judged on; dates of the index are texts yyyy-MM-dd."""
    index = FIGURES[suite].index
    cursor = connection.execute(FIGURES[suite].query, {"period": period_code})
    columns = tuple(column.name for column in cursor.description or ())
    named = [name in index for name in columns]
    rows = [
        tuple(str(value) if is_name else value for value, is_name in zip(row, named, strict=True))
        for row in cursor
    ]
    return Table(columns, index, rows)


def waived_days(connection: Connection, period_code: str) -> dict[tuple[str, str], Waiver]:
    """Feed and day (yyyy-MM-dd) of what the standing release of a period waives, and who did."""
    found = connection.execute(
        "select feed, day, name, reason from published.latest_waivers"
        " inner join published.latest_publications using (publication_id)"
        " where period_code = %s",
        [period_code],
    )
    return {(feed, str(day)): Waiver(name, reason) for feed, day, name, reason in found}


def figures_query(connection: Connection, suite: str, period_code: str) -> str:
    """The query of a suite as one can run it by hand."""
    period = sql.Literal(period_code).as_string(connection)
    return FIGURES[suite].query.strip().replace("%(period)s", period)
