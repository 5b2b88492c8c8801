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
from motcua.publication import calendar
from motcua.quality import completeness
from motcua.quality.completeness import Day
from motcua.warehouse import database
from motcua.warehouse.database import Connection
from motcua.warehouse.runs import APPROVED, ASKED, REJECTED, TIMED_OUT

Row = dict[str, Any]

TIMEOUT = 5_000
"""Milliseconds that one statement of a page may take."""

CHECKS_SHOWN = 500
RUNS_SHOWN = 10
_NODES_READ = 5_000
"""Newest node results that are looked through for the last runs (one run has about 200)."""


_SIGN_OFFS = {ASKED: "awaiting", REJECTED: "turned_down", TIMED_OUT: "timed_out"}


@dataclass(frozen=True)
class Release:
    """A release of a period, and whether somebody has withdrawn it."""

    publication_id: str
    published_at: datetime
    approved_by: str
    note: str | None
    withdrawn_at: datetime | None

    @property
    def is_withdrawn(self) -> bool:
        return self.withdrawn_at is not None


@dataclass(frozen=True)
class Gate:
    """The newest run of a gate on a subject; `stopped` are the checks that refused or broke."""

    gate_run_id: str
    checked_at: datetime
    stopped: list[str]


@dataclass(frozen=True)
class SignOff:
    """The newest question to the approver, or the answer: asked, approved, rejected, timed_out."""

    event: str
    by: str | None
    words: str | None
    at: datetime


@dataclass(frozen=True)
class Period:
    """A reporting period and how far its publication has come.

    due_on: the day of its publication by the calendar; None when the pack has no such period.
    state: published; withdrawn (no release stands); refused (the gate said no); checked (the gate
    said yes); awaiting, turned_down or timed_out (the sign-off); due (the day has come); not_due.
    """

    period_code: str
    labels: dict[str, str]
    cases_from: date
    cases_to: date
    due_on: date | None
    state: str
    releases: list[Release]
    gate: Gate | None
    sign_off: SignOff | None


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
                cast(nullif(publish_on, '') as date) as publish_on,
                cast(known_as_of as date) as known_as_of
            from reference.reporting_periods
            where reference_sha256 = %s
        )

        select * from known
        union all
        select distinct on (period_code)
            period_code,
            period_code,
            period_code,
            cases_from,
            cases_to,
            cast(null as date),
            cast(null as date)
        from published.publications
        where period_code not in (select period_code from known)
        order by cases_to desc, cases_from
        """,
        [reference.in_use(connection)],
    )
    releases = _releases(connection)
    gates = _candidate_gates(connection)
    sign_offs = _sign_offs(connection)
    due = {
        row["period_code"]: calendar.due_on(row["publish_on"], row["known_as_of"])
        for row in found
        if row["publish_on"] and row["known_as_of"]
    }
    return [
        Period(
            row["period_code"],
            {"vi": row["label_vi"], "en": row["label_en"] or row["label_vi"]},
            row["cases_from"],
            row["cases_to"],
            due.get(row["period_code"]),
            _state(
                due.get(row["period_code"]),
                releases.get(row["period_code"], []),
                gates.get(row["period_code"]),
                sign_offs.get(row["period_code"]),
                today,
            ),
            releases.get(row["period_code"], []),
            gates.get(row["period_code"]),
            sign_offs.get(row["period_code"]),
        )
        for row in found
    ]


def _state(
    due_on: date | None,
    releases: list[Release],
    gate: Gate | None,
    sign_off: SignOff | None,
    today: date,
) -> str:
    if any(not release.is_withdrawn for release in releases):
        return "published"
    # A gate of before the last release or its withdrawal was about that release, and a sign-off
    # belongs to its gate.
    past = [release.withdrawn_at or release.published_at for release in releases]
    if gate and gate.checked_at > max(past, default=datetime.min):
        if gate.stopped:
            return "refused"
        if sign_off and sign_off.at > gate.checked_at and sign_off.event != APPROVED:
            return _SIGN_OFFS[sign_off.event]
        return "checked"
    if releases:
        return "withdrawn"
    return "due" if due_on and due_on <= today else "not_due"


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
            withdrawals.withdrawn_at at time zone 'Asia/Ho_Chi_Minh'
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
            last.gate_run_id,
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
        group by last.subject, last.gate_run_id
        """
    )
    return {subject: Gate(*values) for subject, *values in rows}


def _sign_offs(connection: Connection) -> dict[str, SignOff]:
    """The newest question or answer of each period."""
    rows = connection.execute(
        """
        select distinct on (period_code)
            period_code, event, by, words, at at time zone 'Asia/Ho_Chi_Minh'
        from ops.sign_offs
        order by period_code, sign_off_id desc
        """
    )
    return {period_code: SignOff(*values) for period_code, *values in rows}


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
            max(cases_affected) as most_cases
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
        [reference.in_use(connection)],
    )


def days(connection: Connection, first: date, last: date, at: datetime) -> list[Day]:
    """What the pack expects of each feed or what has come of it in a window, kiosks summed up.

    at: local time of the Centre that deadlines are compared with.
    """
    reference_sha256 = reference.in_use(connection)
    if reference_sha256 is None:
        return []
    found = completeness.days(connection, reference_sha256, at, first, last)
    return [day for day in found if day.kiosk is None]


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
