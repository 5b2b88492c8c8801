"""Figures that are not published yet, for the Centre's own dashboards: schema provisional.

The tables stay and are refilled in one transaction after every run that passed its gates, so a
dashboard always reads one whole state. Readers work under the role ops_reader.
"""

from psycopg import sql

from motcua.publication import figures
from motcua.warehouse import database
from motcua.warehouse.database import Connection

DUE_SOON_WORKING_DAYS = 3
"""A case is due soon when so many working days, or fewer, are left."""

NOTICE = "chưa công bố"

_TABLES = [
    """
    create table if not exists provisional.periods (
        period_code text primary key,
        title_vi text not null,
        kind text not null,
        cases_from date not null,
        cases_to date not null,
        known_as_of date not null,
        as_of date not null,
        published_as text,
        refreshed_at timestamptz not null default clock_timestamp()
    )
    """,
    """
    create table if not exists provisional.cases_due (
        as_of date not null,
        unit_code text not null,
        unit_name text not null,
        display_order integer not null,
        case_code text primary key,
        procedure_code text not null,
        due_date date not null,
        state text not null check (state in ('due_soon', 'overdue')),
        working_days_left integer not null
    )
    """,
    """
    create table if not exists provisional.cases_due_by_unit (
        as_of date not null,
        unit_code text primary key,
        unit_name text not null,
        display_order integer not null,
        due_soon bigint not null,
        overdue bigint not null
    )
    """,
]

_COMMENTS = {
    "table provisional.periods": "Các kỳ báo cáo có số liệu chưa công bố; as_of: biết đến ngày.",
    "table provisional.cases_due": "Hồ sơ sắp đến hạn và quá hạn đang giải quyết, theo hạn trả"
    " đã hẹn sau cùng (chưa công bố).",
    "table provisional.cases_due_by_unit": "Số hồ sơ sắp đến hạn và quá hạn theo đơn vị"
    " (chưa công bố).",
}

_MISSING_COLUMNS = """
    select attname, format_type(atttypid, atttypmod)
    from pg_attribute
    where
        attrelid = to_regclass('published.' || %(table)s)
        and attnum > 0
        and not attisdropped
        and attname not in ('publication_id', 'revision')
        and attname not in (
            select attname from pg_attribute
            where attrelid = to_regclass('provisional.' || %(table)s)
        )
    order by attnum
"""

_PERIODS = """
    select period_code, as_of
    from marts.periods
    order by cases_from
"""

_FILL_PERIODS = """
    insert into provisional.periods (period_code, title_vi, kind, cases_from, cases_to,
        known_as_of, as_of, published_as)
    select periods.period_code, periods.label_vi || ' – ' || %s, periods.kind, periods.cases_from,
        periods.cases_to, periods.known_as_of, periods.as_of,
        latest.publication_id
    from marts.periods as periods
    left join published.latest_publications as latest using (period_code)
    where periods.period_code = any(%s)
"""

_FILL_CASES_DUE = """
    with today as (
        select days.day as as_of, days.working_day_number
        from core.dim_dates as days
        inner join (select max(data_until) as data_until from marts.periods) as reached
            on days.day = reached.data_until
    ),

    open_cases as (
        select case_code, procedure_code, unit_code, due_at
        from core.fct_cases
        where
            finished_at is null
            and status_code not in (1, 3, 7, 8, 9, 10)
            and not is_cancelled
    ),

    promised as (
        select case_code, due_after_at
        from (
            select
                supplements.case_code,
                supplements.due_after_at,
                row_number() over (
                    partition by supplements.case_code
                    order by
                        supplements.requested_at desc,
                        length(supplements.supplement_code) desc,
                        supplements.supplement_code desc
                ) as place
            from core.fct_supplements as supplements
            inner join open_cases using (case_code)
            where supplements.valid_to is null and supplements.due_after_at is not null
        ) as ranked
        where place = 1
    ),

    due as (
        select
            open_cases.case_code,
            open_cases.procedure_code,
            open_cases.unit_code,
            cast(coalesce(promised.due_after_at, open_cases.due_at) as date) as due_date
        from open_cases
        left join promised using (case_code)
    )

    insert into provisional.cases_due (as_of, unit_code, unit_name, display_order, case_code,
        procedure_code, due_date, state, working_days_left)
    select
        today.as_of,
        due.unit_code,
        units.unit_name,
        units.display_order,
        due.case_code,
        due.procedure_code,
        due.due_date,
        case when due.due_date < today.as_of then 'overdue' else 'due_soon' end,
        due_day.working_day_number - today.working_day_number
    from due
    cross join today
    inner join core.dim_dates as due_day on due.due_date = due_day.day
    inner join core.dim_units as units
        on
            due.unit_code = units.unit_code
            and units.valid_from <= today.as_of
            and (units.valid_to is null or units.valid_to >= today.as_of)
    where due_day.working_day_number - today.working_day_number <= %s
"""

_FILL_CASES_DUE_BY_UNIT = """
    with today as (
        select max(data_until) as as_of from marts.periods
    )

    insert into provisional.cases_due_by_unit (as_of, unit_code, unit_name, display_order,
        due_soon, overdue)
    select
        today.as_of,
        units.unit_code,
        units.unit_name,
        units.display_order,
        count(*) filter (where cases_due.state = 'due_soon'),
        count(*) filter (where cases_due.state = 'overdue')
    from today
    inner join core.dim_units as units
        on
            units.valid_from <= today.as_of
            and (units.valid_to is null or units.valid_to >= today.as_of)
    left join provisional.cases_due as cases_due using (unit_code)
    group by today.as_of, units.unit_code, units.unit_name, units.display_order
"""

_OTHER_TABLES = ("periods", "cases_due", "cases_due_by_unit")


def refresh() -> list[str]:
    """Refill schema provisional; returns the codes of the periods that it now holds.

    These are the periods that the marts hold and that are not published, or whose figures differ
    from their standing release. A running period is seen as of the newest business date.
    """
    with database.only_one("build"), database.connect(database.PUBLISHER) as connection:
        _prepare(connection)
        waiting = [
            (code, as_of)
            for code, as_of in connection.execute(_PERIODS).fetchall()
            if _is_news(connection, code)
        ]
        for table in (*figures.KEYS, *_OTHER_TABLES):
            connection.execute(
                sql.SQL("delete from {}").format(sql.Identifier("provisional", table))
            )
        for code, as_of in waiting:
            _fill(connection, code, as_of)
        codes = [code for code, _ in waiting]
        connection.execute(_FILL_PERIODS, [NOTICE, codes])
        connection.execute(_FILL_CASES_DUE, [DUE_SOON_WORKING_DAYS])
        connection.execute(_FILL_CASES_DUE_BY_UNIT)
        return codes


def _prepare(connection: Connection) -> None:
    """Make the tables that are not there yet, like those of schema published, and let them be read.

    A figure that a later version publishes is added to the tables that are there.
    """
    for table in figures.KEYS:
        name = sql.Identifier("provisional", table)
        connection.execute(
            sql.SQL("create table if not exists {} (as_of date not null)").format(name)
        )
        # Altering needs readers to pause, so it is done only when a column is missing.
        for column, kind in connection.execute(_MISSING_COLUMNS, {"table": table}).fetchall():
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    name, sql.Identifier(column), sql.SQL(kind)
                )
            )
        connection.execute(
            sql.SQL("comment on table {} is {}").format(
                name, sql.Literal(f"Như published.{table}, {NOTICE}; as_of: biết đến ngày.")
            )
        )
    for statement in _TABLES:
        connection.execute(statement)
    for relation, text in _COMMENTS.items():
        connection.execute(
            sql.SQL("comment on {} is {}").format(sql.SQL(relation), sql.Literal(text))
        )
    connection.execute("grant usage on schema provisional to ops_reader")
    connection.execute("grant select on all tables in schema provisional to ops_reader")


def _is_news(connection: Connection, period_code: str) -> bool:
    row = connection.execute(
        "select publication_id from published.latest_publications where period_code = %s",
        [period_code],
    ).fetchone()
    if row is None:
        return True
    return not figures.stands_as(connection, row[0], period_code)


def _fill(connection: Connection, period_code: str, as_of: object) -> None:
    for table in figures.KEYS:
        names = sql.SQL(", ").join(map(sql.Identifier, figures.columns(connection, table)))
        connection.execute(
            sql.SQL(
                "insert into {} (as_of, {}) select %s, {} from {} where period_code = %s"
            ).format(
                sql.Identifier("provisional", table), names, names, sql.Identifier("marts", table)
            ),
            [as_of, period_code],
        )
