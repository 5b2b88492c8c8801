"""What the pages show, read from small tables: releases, the manifest, results of gates and dbt.

Nothing here counts rows of raw feeds or core, so a page costs the same at ten million cases.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from motcua import settings
from motcua.landing import reference
from motcua.warehouse import database
from motcua.warehouse.database import Connection

Row = dict[str, Any]

TIMEOUT = 5_000
"""Milliseconds that one statement of a page may take."""

DEADLINE = "07:00"
"""Local time on the next day by which a business date has to be complete."""

CHECKS_SHOWN = 500
RUNS_SHOWN = 10
_NODES_READ = 5_000
"""Newest node results that are looked through for the last runs (one run has about 200)."""


@dataclass(frozen=True)
class Release:
    """A release of a period, and whether somebody has withdrawn it."""

    publication_id: str
    published_at: datetime
    approved_by: str
    note: str | None
    is_withdrawn: bool


@dataclass(frozen=True)
class Gate:
    """The newest run of a gate on a subject; `stopped` are the checks that refused or broke."""

    checked_at: datetime
    stopped: list[str]


@dataclass(frozen=True)
class Period:
    """A reporting period and how far its publication has come.

    state: published; withdrawn (no release stands); refused (the gate said no); awaiting (the gate
    said yes, nobody has signed); due (the day has come); not_due.
    """

    period_code: str
    labels: dict[str, str]
    cases_from: date
    cases_to: date
    publish_on: date | None
    state: str
    releases: list[Release]
    gate: Gate | None


@contextmanager
def reading() -> Iterator[Connection]:
    """A session that reads one state of the warehouse and gives up after TIMEOUT.

    Raises Failed when the warehouse does not answer.
    """
    with database.connect(database.OPS_READER) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(f"set local statement_timeout = {TIMEOUT}")
        yield connection


def now() -> datetime:
    """Local time of the Centre."""
    return datetime.now(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)


def pack(connection: Connection) -> str | None:
    """The pack of the settings; until a run has stored it, the newest that a run has."""
    row = connection.execute(
        "select reference_sha256 from reference.packs"
        " order by (reference_sha256 = %s) desc, stored_at desc limit 1",
        [reference.sha256(settings.reference())],
    ).fetchone()
    return row[0] if row else None


def periods(connection: Connection, today: date) -> list[Period]:
    """Every period of the pack and every published one, the newest first."""
    found = _rows(
        connection,
        """
        with known as (
            select
                period_code,
                label_vi,
                label_en,
                cast(cases_from as date) as cases_from,
                cast(cases_to as date) as cases_to,
                cast(nullif(publish_on, '') as date) as publish_on
            from reference.reporting_periods
            where reference_sha256 = %s
        )

        select * from known
        union all
        select distinct on (period_code)
            period_code, period_code, period_code, cases_from, cases_to, cast(null as date)
        from published.publications
        where period_code not in (select period_code from known)
        order by cases_to desc, cases_from
        """,
        [pack(connection)],
    )
    releases = _releases(connection)
    gates = _candidate_gates(connection)
    return [
        Period(
            row["period_code"],
            {"vi": row["label_vi"], "en": row["label_en"] or row["label_vi"]},
            row["cases_from"],
            row["cases_to"],
            row["publish_on"],
            _state(
                row["publish_on"],
                releases.get(row["period_code"], []),
                gates.get(row["period_code"]),
                today,
            ),
            releases.get(row["period_code"], []),
            gates.get(row["period_code"]),
        )
        for row in found
    ]


def _state(publish_on: date | None, releases: list[Release], gate: Gate | None, today: date) -> str:
    if any(not release.is_withdrawn for release in releases):
        return "published"
    # A gate of before the last release was about that release.
    if gate and (not releases or gate.checked_at > releases[0].published_at):
        return "refused" if gate.stopped else "awaiting"
    if releases:
        return "withdrawn"
    return "due" if publish_on and publish_on <= today else "not_due"


def _releases(connection: Connection) -> dict[str, list[Release]]:
    """The releases of each period, the newest first."""
    found: dict[str, list[Release]] = {}
    for period_code, *values in connection.execute(
        """
        select
            publications.period_code,
            publications.publication_id,
            publications.published_at at time zone 'Asia/Ho_Chi_Minh',
            publications.approved_by,
            publications.note,
            withdrawals.publication_id is not null
        from published.publications as publications
        left join published.withdrawals as withdrawals
            on publications.publication_id = withdrawals.publication_id
        order by publications.period_code, publications.revision desc
        """
    ):
        found.setdefault(period_code, []).append(Release(*values))
    return found


def _candidate_gates(connection: Connection) -> dict[str, Gate]:
    """The newest gate of each period."""
    rows = connection.execute(
        """
        with last as (
            select distinct on (subject) subject, gate_run_id
            from ops.gate_results
            where gate = 'candidate'
            order by subject, checked_at desc
        )

        select
            last.subject,
            max(results.checked_at) at time zone 'Asia/Ho_Chi_Minh',
            coalesce(
                array_agg(results.explanation order by results.suite, results.position) filter (
                    where
                        results.outcome = 'broken'
                        or (results.outcome = 'failed' and results.severity = 'critical')
                ),
                '{}'
            )
        from last
        inner join ops.gate_results as results on last.gate_run_id = results.gate_run_id
        group by last.subject
        """
    )
    return {subject: Gate(*values) for subject, *values in rows}


def publication(connection: Connection, publication_id: str) -> Row | None:
    """All that stands beside the figures of a release; None when there is no such release."""
    rows = _rows(
        connection,
        """
        select
            publications.*,
            publications.published_at at time zone 'Asia/Ho_Chi_Minh' as published_at,
            withdrawals.withdrawn_at at time zone 'Asia/Ho_Chi_Minh' as withdrawn_at,
            withdrawals.by as withdrawn_by,
            withdrawals.reason as withdrawn_reason
        from published.publications as publications
        left join published.withdrawals as withdrawals
            on publications.publication_id = withdrawals.publication_id
        where publications.publication_id = %s
        """,
        [publication_id],
    )
    return rows[0] if rows else None


def labels(connection: Connection, release: Row) -> dict[str, str]:
    """Vietnamese and English name of the release's period, by the pack that it pins."""
    row = connection.execute(
        "select label_vi, label_en from reference.reporting_periods"
        " where reference_sha256 = %s and period_code = %s",
        [release["reference_sha256"], release["period_code"]],
    ).fetchone()
    vi, en = row or (release["period_code"], release["period_code"])
    return {"vi": vi, "en": en or vi}


def english_units(connection: Connection, reference_sha256: str) -> dict[str, str]:
    """English name of each unit by its Vietnamese one, by a pack."""
    return dict(
        connection.execute(
            "select name_vi, name_en from reference.units"
            " where reference_sha256 = %s and coalesce(name_en, '') <> ''",
            [reference_sha256],
        ).fetchall()
    )


def inputs(connection: Connection, publication_id: str) -> list[Row]:
    """Files, records and business dates that a release pins, by feed."""
    return _rows(
        connection,
        """
        select
            feed,
            count(*) as files,
            sum(records) as records,
            min(business_date) as oldest,
            max(business_date) as newest
        from published.release_inputs
        where publication_id = %s
        group by feed
        order by feed
        """,
        [publication_id],
    )


def waivers(connection: Connection, publication_id: str) -> list[Row]:
    """Missing days that a named person accepted for a release."""
    return _rows(
        connection,
        "select feed, day, name, reason from published.waivers where publication_id = %s"
        " order by feed, day",
        [publication_id],
    )


def checks(connection: Connection, publication_id: str) -> tuple[list[Row], Row]:
    """The first CHECKS_SHOWN checks of a release, failed and critical ones first; their numbers."""
    rows = _rows(
        connection,
        """
        select check_id, level, unit_name, relation, expected, found, passed, explanation
        from published.checks
        where publication_id = %s
        order by
            passed,
            array_position(array['critical', 'warning', 'info'], level),
            check_id,
            display_order nulls first
        limit %s
        """,
        [publication_id, CHECKS_SHOWN],
    )
    (numbers,) = _rows(
        connection,
        "select count(*) as checks, count(*) filter (where not passed) as failed"
        " from published.checks where publication_id = %s",
        [publication_id],
    )
    return rows, numbers


def revisions(connection: Connection, publication_id: str) -> list[Row]:
    """Why figures of this release differ from the ones before, reason by reason."""
    return _rows(
        connection,
        """
        select
            comparison,
            old_publication_ids,
            reason,
            count(distinct (table_name, unit_code, column_name)) as figures,
            sum(cases_affected) as cases_affected
        from published.revisions
        where publication_id = %s
        group by comparison, old_publication_ids, reason
        order by comparison desc, old_publication_ids, figures desc, reason
        """,
        [publication_id],
    )


def newest_day(connection: Connection) -> date | None:
    """Newest business date of a loaded file."""
    row = connection.execute(
        "select max(business_date) from raw.files where state = 'loaded'"
    ).fetchone()
    return row[0] if row else None


def feeds(connection: Connection) -> list[Row]:
    """Every feed of the pack: what is expected, and the newest of what has come."""
    return _rows(
        connection,
        """
        select
            expected.feed,
            expected.expected,
            cast(nullif(expected.expected_from, '') as date) as expected_from,
            max(files.business_date) filter (where files.state = 'loaded') as newest,
            max(files.loaded_at) filter (where files.state = 'loaded')
                at time zone 'Asia/Ho_Chi_Minh' as loaded_at
        from reference.feeds as expected
        left join raw.files as files on expected.feed = files.feed
        where expected.reference_sha256 = %s
        group by expected.feed, expected.expected, expected.expected_from
        order by expected.feed
        """,
        [pack(connection)],
    )


@dataclass(frozen=True)
class Day:
    """A day of a feed. state: present; late (complete after DEADLINE); quarantined (only such
    files came); missing; due (the deadline has not passed); none (not expected, nothing came).
    """

    feed: str
    day: date
    state: str
    files: int
    quarantined: int
    records: int
    rejected: int
    complete_at: datetime | None


def days(connection: Connection, first: date, last: date, at: datetime) -> list[Day]:
    """Every feed and day of a window, by the manifest and the calendar of the pack.

    at: local time of the Centre that deadlines are compared with.
    """
    rows = connection.execute(
        """
        with exceptions as (
            select
                cast(date as date) as day,
                lower(is_working_day) in ('true', 't', '1', 'yes') as is_working
            from reference.calendar
            where reference_sha256 = %(pack)s
        ),

        grid as (
            select
                feeds.feed,
                cast(days.day as date) as day,
                (
                    feeds.expected = 'working_days'
                    and days.day >= cast(nullif(feeds.expected_from, '') as date)
                    and coalesce(exceptions.is_working, extract(isodow from days.day) <= 5)
                ) is true as is_expected,
                cast(days.day as date) + 1 + cast(%(deadline)s as time) as due_at
            from reference.feeds as feeds
            cross join generate_series(
                cast(%(first)s as timestamp), cast(%(last)s as timestamp), interval '1 day'
            ) as days (day)
            left join exceptions on cast(days.day as date) = exceptions.day
            where feeds.reference_sha256 = %(pack)s
        ),

        come as (
            select
                feed,
                business_date as day,
                count(*) filter (where state = 'loaded') as files,
                count(*) filter (where state = 'quarantined') as quarantined,
                sum(loaded) filter (where state = 'loaded') as records,
                sum(rejected) filter (where state = 'loaded') as rejected,
                min(loaded_at) filter (where state = 'loaded')
                    at time zone 'Asia/Ho_Chi_Minh' as complete_at
            from raw.files
            where business_date between %(first)s and %(last)s
            group by feed, business_date
        ),

        start as (
            select min(loaded_at) at time zone 'Asia/Ho_Chi_Minh' as started_at from raw.files
        )

        select
            grid.feed,
            grid.day,
            case
                -- What came before this warehouse took its first file is not late.
                when come.files > 0 and grid.is_expected and come.complete_at > grid.due_at
                    and start.started_at <= grid.due_at
                    then 'late'
                when come.files > 0 then 'present'
                when come.quarantined > 0 then 'quarantined'
                when not grid.is_expected then 'none'
                when grid.due_at < %(at)s then 'missing'
                else 'due'
            end,
            coalesce(come.files, 0),
            coalesce(come.quarantined, 0),
            coalesce(come.records, 0),
            coalesce(come.rejected, 0),
            come.complete_at
        from grid
        cross join start
        left join come on grid.feed = come.feed and grid.day = come.day
        order by grid.day desc, grid.feed
        """,
        {
            "pack": pack(connection),
            "deadline": DEADLINE,
            "first": first,
            "last": last,
            "at": at,
        },
    )
    return [Day(*row) for row in rows]


def files_not_taken(connection: Connection, first: date, last: date) -> list[Row]:
    """Quarantined files of some days, the newest first, and whether a later file replaced each."""
    return _rows(
        connection,
        """
        select
            files.feed,
            files.file_name,
            files.business_date,
            files.reason,
            exists (
                select from raw.files as newer
                where
                    newer.feed = files.feed
                    and newer.business_date = files.business_date
                    and newer.part = files.part
                    and newer.revision > files.revision
                    and newer.state = 'loaded'
            ) as is_replaced
        from raw.files as files
        where files.state = 'quarantined' and files.business_date between %s and %s
        order by files.business_date desc, files.feed, files.file_name
        limit 100
        """,
        [first, last],
    )


def rejects(connection: Connection, first: date, last: date) -> list[Row]:
    """Records that were refused in some days by reason; the refused values are left out."""
    return _rows(
        connection,
        r"""
        select
            files.feed,
            rejects.column_name,
            regexp_replace(
                rejects.reason, '"[^"]*"|the value \(\d+ characters\)', '…', 'g'
            ) as reason,
            count(*) as records,
            count(distinct files.file_id) as files,
            max(files.business_date) as newest
        from raw.files as files
        inner join raw.rejects as rejects on files.file_id = rejects.file_id
        where files.business_date between %s and %s and files.rejected > 0
        group by 1, 2, 3
        order by records desc, 1, 2, 3
        limit 50
        """,
        [first, last],
    )


def runs(connection: Connection) -> list[Row]:
    """The last runs of dbt, the newest first: when, how long, how many nodes ended how."""
    return _rows(
        connection,
        """
        with newest as (
            select * from ops.dbt_results order by finished_at desc limit %s
        )

        select
            invocation_id,
            stage,
            max(finished_at) at time zone 'Asia/Ho_Chi_Minh' as finished_at,
            sum(seconds) as seconds,
            count(*) filter (where resource_type <> 'test') as models,
            count(*) filter (where resource_type = 'test') as tests,
            count(*) filter (where status in ('error', 'fail')) as failed,
            count(*) filter (where status = 'warn') as warned
        from newest
        group by invocation_id, stage
        order by finished_at desc
        limit %s
        """,
        [_NODES_READ, RUNS_SHOWN],
    )


def nodes(connection: Connection, invocation_id: str) -> list[Row]:
    """The nodes of a run: what failed first, then the slowest first."""
    return _rows(
        connection,
        """
        select
            split_part(node, '.', 3) as name, resource_type, status, seconds, rows_affected, message
        from ops.dbt_results
        where invocation_id = %s
        order by status not in ('error', 'fail', 'warn'), seconds desc, node
        """,
        [invocation_id],
    )


def window(newest: date | None, today: date, days: int) -> tuple[date, date]:
    """First and last of the days to show.

    They end today; when nothing has come for a month, as in an archive, on the newest business
    date.
    """
    is_alive = newest is None or today - newest <= timedelta(days=31)
    last = today if is_alive or newest is None else newest
    return last - timedelta(days=days - 1), last


def _rows(connection: Connection, query: str, values: list[Any]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
