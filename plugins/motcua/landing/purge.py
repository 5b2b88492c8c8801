"""Empty personal data past its retention: columns of raw rows, rejected records, landing copies.

What figures are computed of stays, so every release can still be computed again; and the manifest
still knows each file, so that the same bytes delivered again are not loaded again.
"""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import sql

from motcua import settings
from motcua.errors import Failed
from motcua.landing import find, pseudonyms, remote
from motcua.landing.feeds import FEEDS
from motcua.landing.find import ExportFile
from motcua.warehouse import database
from motcua.warehouse.database import Connection


@dataclass
class Emptied:
    """What was emptied of one feed: its files, their business dates, rows and rejected records."""

    feed: str
    files: int
    first_day: date
    last_day: date
    rows: int = 0
    rejects: int = 0


@dataclass
class PurgeReport:
    """What a purge did, or would do (`is_dry_run`).

    before: records of business dates before this day are past their retention. deleted: landing
    copies that are gone. kept: landing copies that a person has to look at, with the reason.
    """

    before: date
    is_dry_run: bool
    emptied: list[Emptied] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def purge(
    purged_by: str,
    older_than: int | None = None,
    is_dry_run: bool = False,
    uri: str | None = None,
    today: date | None = None,
) -> PurgeReport:
    """Empty what is personal in records whose business date is over `older_than` days ago.

    `older_than` is by default the retention of the settings, `uri` the landing zone of the
    settings, `today` the day at the Centre. Each feed is one transaction and has its row in
    ops.purges; landing copies go after that, those left by an interrupted purge with the next one.
    Raises Failed when the retention is no whole number of days from 1 on.
    """
    days = settings.retention_days() if older_than is None else older_than
    if days < 1:
        raise Failed(f"{days} days are no retention; it must be a number of days from 1 on.")
    today = today or datetime.now(ZoneInfo(settings.TIME_ZONE)).date()
    report = PurgeReport(today - timedelta(days), is_dry_run)
    purge_id = secrets.token_hex(8)
    pseudonyms.complete()
    with database.connect(database.LOADER, autocommit=True) as connection:
        for feed in FEEDS:
            with connection.transaction(force_rollback=is_dry_run):
                emptied = _empty(connection, feed, report.before)
                if emptied is None:
                    continue
                report.emptied.append(emptied)
                connection.execute(
                    "insert into ops.purges (purge_id, feed, purged_by, retention_days, first_day,"
                    " last_day, files, rows_emptied, rejects_emptied)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [
                        *(purge_id, feed, purged_by, days, emptied.first_day, emptied.last_day),
                        *(emptied.files, emptied.rows, emptied.rejects),
                    ],
                )
            if not is_dry_run:
                # The former rows still lie in the pages until then.
                connection.execute(sql.SQL("vacuum raw.{}").format(sql.Identifier(feed)))
        if report.emptied and not is_dry_run:
            connection.execute("vacuum raw.rejects")
        _delete_copies(connection, report, uri or settings.landing(), (purge_id, purged_by))
    return report


def text(report: PurgeReport) -> str:
    """What a purge did, for a person."""
    would = "Would empty" if report.is_dry_run else "Emptied"
    lines = [
        f"{would} {one.feed}, {one.first_day} – {one.last_day}: {one.files} files, {one.rows} rows,"
        f" {one.rejects} rejected records."
        for one in report.emptied
    ]
    if not lines:
        lines = [f"No personal data of business dates before {report.before} is left in raw."]
    would = "Would delete" if report.is_dry_run else "Deleted"
    lines.append(f"{would} {len(report.deleted)} landing copies.")
    return "\n".join([*lines, *report.kept])


def _empty(connection: Connection, feed: str, before: date) -> Emptied | None:
    """Empty the personal columns of a feed's files of days before; None when there is nothing."""
    # The turn of the feed, as the loader takes it.
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"motcua load {feed}"]
    )
    files = connection.execute(
        "update raw.files set purged_at = clock_timestamp(), warnings = '[]',"
        " reason = case when reason > '' then 'The reason was emptied with what is personal.' end"
        " where feed = %s and business_date < %s and purged_at is null"
        " returning file_id, business_date",
        [feed, before],
    ).fetchall()
    if not files:
        return None
    numbers = [file_id for file_id, _ in files]
    days = [day for _, day in files]
    emptied = Emptied(feed, len(files), min(days), max(days))
    personal = [sql.Identifier(c.sql_name) for c in FEEDS[feed].columns if c.personal]
    if personal:
        nothing = [sql.SQL("{} = null").format(name) for name in personal]
        emptied.rows = connection.execute(
            sql.SQL(
                "update raw.{} set {} where (row_id >> 32) = any(%s) and num_nonnulls({}) > 0"
            ).format(
                sql.Identifier(feed), sql.SQL(", ").join(nothing), sql.SQL(", ").join(personal)
            ),
            [numbers],
        ).rowcount
    emptied.rejects = connection.execute(
        "update raw.rejects set content = null where file_id = any(%s) and content is not null",
        [numbers],
    ).rowcount
    connection.execute(
        "update raw.rejects set reason = regexp_replace(reason, '\"[^\"]*\"', 'the value', 'g')"
        " where file_id = any(%s) and reason like '%%\"%%'",
        [numbers],
    )
    return emptied


def _delete_copies(
    connection: Connection, report: PurgeReport, uri: str, by: tuple[str, str]
) -> None:
    """Delete landing copies of days past their retention whose contents the warehouse has."""
    if remote.is_remote(uri):
        report.kept.append(
            f"The landing zone {uri} is not ours to empty: its owner has to delete the exports of"
            f" business dates before {report.before} there."
        )
        return
    files, strange = find.find(uri)
    report.kept += [f"Kept: {warning}" for warning in strange]
    for file in files:
        if file.business_date >= report.before:
            continue
        try:
            sha256 = find.digest(file)
            if not _is_loaded(connection, file, sha256):
                report.kept.append(
                    f"{file.name}: kept, as its contents are not loaded. See `motcua rejects`; load"
                    f" a corrected revision, or delete {file.uri} by hand."
                )
                continue
            if not report.is_dry_run:
                _delete(connection, file, sha256, by)
        except OSError as error:
            report.kept.append(
                f"{file.name}: kept, as it cannot be read or deleted ({error.strerror or error})."
                f" Let this user delete {file.uri}, or delete it by hand."
            )
        else:
            report.deleted.append(file.uri)


def _delete(connection: Connection, file: ExportFile, sha256: str, by: tuple[str, str]) -> None:
    """Delete a landing copy and note it. Raises OSError when it cannot be; nothing is noted then.

    The note is written before and holds from after: only what ends this process in the moment
    between lets a copy vanish without one.
    """
    # What ingestion committed a moment ago may not be on the disk yet; the log is in one order.
    connection.execute("select pg_logical_emit_message(true, 'motcua', 'copies deleted')")
    with connection.transaction():
        connection.execute(
            "insert into ops.landing_deletions (purge_id, uri, sha256, deleted_by)"
            " values (%s, %s, %s, %s)",
            [by[0], file.uri, sha256, by[1]],
        )
        Path(file.uri.removeprefix("file://")).unlink(missing_ok=True)


def _is_loaded(connection: Connection, file: ExportFile, sha256: str) -> bool:
    """Whether these bytes, or a later revision instead of them, are loaded."""
    row = connection.execute(
        "select exists (select from raw.files where state = 'loaded'"
        " and (feed, business_date, part) = (%s, %s, %s)"
        " and (revision > %s or (revision = %s and sha256 = %s)))",
        [*file.key[:3], file.revision, file.revision, sha256],
    ).fetchone()
    return bool(row and row[0])
