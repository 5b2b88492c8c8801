"""Which periods may be published, and why the others may not yet."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date

from psycopg import sql
from psycopg.rows import dict_row

from motcua.errors import Failed, Refused
from motcua.warehouse import database, dbt
from motcua.warehouse.database import Connection

PARTS = {"half_year": ["quarter"], "year": ["quarter", "half_year"]}
"""Kinds of periods that must be published before a longer one that contains them."""

_WAITING = """
    with active as (
        select file_id, feed, business_date
        from (
            select
                file_id,
                feed,
                business_date,
                revision,
                max(revision) over (partition by feed, business_date, part) as highest
            from raw.files
            where state = 'loaded'
        ) as ranked
        where revision = highest
    )

    select
        (
            select count(*)
            from active
            full join core.files_applied as applied using (file_id)
            where
                (active.file_id is null or applied.file_id is null)
                -- A unit's first register counts backwards, so it may be younger.
                and (
                    coalesce(active.business_date, applied.business_date) <= %s
                    or coalesce(active.feed, applied.feed) = 'procedures'
                )
        ),
        (select coalesce(bool_and(project_sha256 = %s), true) from core.files_applied)
"""


@dataclass(frozen=True)
class Period:
    """A reporting period of the reference pack, as the marts hold it.

    data_until: newest business date that core holds. as_of: the day that the figures know.
    """

    period_code: str
    kind: str
    label_vi: str
    cases_from: date
    cases_to: date
    ratings_from: date
    ratings_to: date
    processes_as_of: date
    known_as_of: date
    rule_set: str
    reference_sha256: str
    data_until: date
    as_of: date


EARLY, PARTS_LACK, NOT_BUILT, OTHER_MODELS = "early", "parts_lack", "not_built", "other_models"


@dataclass(frozen=True)
class Obstacle:
    """What stands against a publication. text: what and what to do.

    kind: EARLY (the data do not reach its knowledge date), PARTS_LACK (parts, the periods inside it
    without a release), NOT_BUILT (files wait), OTHER_MODELS (the build is of older ones).
    """

    kind: str
    text: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """A period of the reference pack: its newest standing release, and all that is in the way."""

    period_code: str
    label_vi: str
    publish_on: date | None
    publication_id: str | None
    obstacles: list[Obstacle]


def check(period_code: str) -> None:
    """Say whether a period may be published; raises Failed or Refused like `ready`."""
    with database.connect(database.PUBLISHER) as connection:
        ready(connection, period_code)


def ready(connection: Connection, period_code: str) -> Period:
    """The period, if it may be published.

    It must have ended; the data must reach its knowledge date (the last working day up to it); the
    quarters and half-years inside a longer period must stand published; and no file of it may wait
    to be built. Raises Failed when the reference pack has no such period, Refused otherwise.
    """
    period = _find(connection, period_code)
    for obstacle in _against(connection, period):
        raise Refused(obstacle.text)
    return period


def listing() -> list[State]:
    """Every period of the reference pack that core was built with, in the order of windows."""
    with database.connect(database.PUBLISHER) as connection:
        _require_build(connection)
        found = connection.execute(
            "select periods.period_code, periods.label_vi, periods.publish_on,"
            " latest.publication_id from core.dim_periods as periods"
            " left join published.latest_publications as latest using (period_code)"
            " order by periods.cases_to, periods.cases_from desc"
        ).fetchall()
        return [
            State(code, label, publish_on, publication_id, _obstacles(connection, code))
            for code, label, publish_on, publication_id in found
        ]


def last_working_day(connection: Connection, day: date) -> date:
    """The last working day up to and including `day`, by the calendar of the reference pack."""
    row = connection.execute(
        "select max(day) from core.dim_dates where is_working_day and day <= %s", [day]
    ).fetchone()
    assert row is not None
    return row[0] or day


def _obstacles(connection: Connection, period_code: str) -> list[Obstacle]:
    try:
        return list(_against(connection, _find(connection, period_code)))
    except Refused as refusal:  # nothing of it is loaded
        return [Obstacle(EARLY, str(refusal))]


def _against(connection: Connection, period: Period) -> Iterator[Obstacle]:
    """Everything that stands against a publication, looked for one after the other."""
    code, needed = period.period_code, last_working_day(connection, period.known_as_of)
    if period.data_until < last_working_day(connection, period.cases_to):
        yield Obstacle(
            EARLY,
            f"{code} has not ended: it runs to {period.cases_to}, the data reach"
            f" {period.data_until}. Load the exports up to {period.known_as_of}, its knowledge"
            " date, and build; then publish again.",
        )
    elif period.data_until < needed or period.as_of < period.known_as_of:
        yield Obstacle(
            EARLY,
            f"{code} is not yet known: its figures are those known on {period.known_as_of},"
            f" so the data must reach {needed}, the last working day up to then; they reach"
            f" {period.data_until}. Load the exports up to {needed} and build; then publish again.",
        )
    if absent := _unpublished_parts(connection, period):
        yield Obstacle(
            PARTS_LACK,
            f"{code} comes after the periods inside it: {', '.join(absent)} not published"
            f" (or withdrawn). Publish first: {', '.join(absent)} (run publish_scorecard with the"
            " period; one that awaits its approver has to be signed).",
            tuple(absent),
        )
    waiting, is_of_these_models = _built(period)
    todo = "Run build_warehouse (or `motcua build`); then publish again."
    if waiting:
        yield Obstacle(
            NOT_BUILT,
            f"{code} is not up to date: {waiting} export file(s) that it may rest on are loaded and"
            f" not built. {todo}",
        )
    elif not is_of_these_models:
        yield Obstacle(
            OTHER_MODELS,
            f"{code} is not up to date: the models have changed since the last build. {todo}",
        )


def _find(connection: Connection, period_code: str) -> Period:
    _require_build(connection)
    names = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(Period))
    with connection.cursor(row_factory=dict_row) as cursor:
        query = sql.SQL("select {} from marts.periods where period_code = %s").format(names)
        row = cursor.execute(query, [period_code]).fetchone()
    if row:
        return Period(**row)
    known = [
        code
        for (code,) in connection.execute(
            "select period_code from core.dim_periods order by cases_to, cases_from desc"
        )
    ]
    if period_code in known:
        raise Refused(
            f"{period_code} has not begun in the data that are loaded. Load its exports and build;"
            " then publish again."
        )
    raise Failed(
        f"The reference pack has no period {period_code}; it has {', '.join(known)}."
        " Periods are rows of reporting_periods.csv."
    )


def _require_build(connection: Connection) -> None:
    row = connection.execute(
        "select to_regclass('marts.periods') is not null"
        " and to_regclass('core.files_applied') is not null"
    ).fetchone()
    if row != (True,):
        raise Refused(
            "Nothing is built yet. Run `motcua ingest` and `motcua build`; then publish again."
        )


def _unpublished_parts(connection: Connection, period: Period) -> list[str]:
    found = connection.execute(
        "select period_code from core.dim_periods"
        " where kind = any(%s) and cases_from >= %s and cases_to <= %s"
        " and period_code not in (select period_code from published.latest_publications)"
        " order by cases_to, cases_from desc",
        [PARTS.get(period.kind, []), period.cases_from, period.cases_to],
    ).fetchall()
    return [code for (code,) in found]


def _built(period: Period) -> tuple[int, bool]:
    """How many files of the period wait, as a build that was cut short leaves them waiting.

    And whether the last build was of these models.
    """
    with database.connect(database.TRANSFORMER) as connection:
        row = connection.execute(_WAITING, [period.known_as_of, dbt.project_sha256()]).fetchone()
    assert row is not None
    waiting, is_of_these_models = row
    return waiting, is_of_these_models
