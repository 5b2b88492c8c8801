"""What runs on this machine, what has landed, and which days are missing."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.landing import reference, remote
from motcua.operations import airflow, airflow_setup
from motcua.quality import completeness
from motcua.quality.completeness import MISSING, QUARANTINED, Day
from motcua.warehouse import database, server, withdrawals

_FEEDS = """
select
    feeds.feed,
    count(files.file_id) filter (where files.state = 'loaded') as loaded,
    count(files.file_id) filter (where files.state = 'quarantined') as quarantined,
    coalesce(sum(files.records) filter (where files.state = 'loaded'), 0) as records,
    coalesce(sum(files.rejected) filter (where files.state = 'loaded'), 0) as rejected,
    max(files.business_date) filter (where files.state = 'loaded') as newest
from reference.feeds as feeds
left join raw.files as files on feeds.feed = files.feed
where feeds.reference_sha256 = %s
group by feeds.feed
order by feeds.feed
"""

LONGEST_LOOK = 8
"""Seconds after which a remote landing zone is no longer waited for."""

_SHOWN = 10
"""How many days of a kind are named for each feed, and how many withdrawals."""

_NOT_MADE_YET = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,
)
"""Errors of a warehouse in which no command has made the tables."""


def report(at: datetime | None = None) -> str:
    """Server, Airflow, feeds, missing and late days, withdrawals; deadlines as of `at` (now)."""
    return "\n".join([addresses(), *_feeds(at), *_withdrawals()])


def addresses() -> str:
    """Where PostgreSQL and Airflow are, and how to log in."""
    return "\n".join([*_server(), *_airflow(), f"Landing zone: {_landing()}"])


def _landing() -> str:
    """The landing zone; of a remote one, whether it answers within seconds."""
    uri, connection = settings.landing(), settings.landing_connection()
    if not remote.is_remote(uri):
        return uri
    told = [uri]

    def ask() -> None:
        try:
            remote.reach(uri)
            told[0] = f"{uri} (answers)"
        except Failed as failure:
            told[0] = str(failure)

    try:
        remote.address_of(uri)
    except Failed as failure:
        return str(failure)
    if connection:
        return f"{uri} (not tried: its login is Airflow's connection {connection})"
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(LONGEST_LOOK)
    return told[0] if not asking.is_alive() else f"{uri} (no answer within {LONGEST_LOOK} s)"


def _server() -> list[str]:
    """The server of the warehouse, and the embedded one where it is used or runs."""
    record, own = server.running(), settings.warehouse_url()
    lines = []
    if record is not None:
        lines.append(f"PostgreSQL: {record['host']}:{record['port']}, data in {record['data']}")
    elif not own:
        lines.append("PostgreSQL: not running (motcua up starts it)")
    if own:
        where = database.parts(own)
        address = f"{where['host']}:{where['port']}/{where['dbname']}"
        lines.append(f"Warehouse: {address} as {where['user']} (MOTCUA_WAREHOUSE_URL)")
    elif record:
        lines += [
            f'Query: psql "postgresql://bi_reader@{record["host"]}:{record["port"]}/warehouse"'
            " (schema published)",
            f"  Password: bi_reader in {settings.home() / 'secrets.json'}",
        ]
    return lines


def _airflow() -> list[str]:
    health = airflow.health()
    if not health:
        if settings.warehouse_url() and airflow_setup.started() is None:
            return [
                "Airflow: none was started here. One that runs elsewhere tells its state in its own"
                " UI; of containers, `docker compose ps` does."
            ]
        return ["Airflow: not running (motcua up starts it)"]
    states = ", ".join(f"{name} {state}" for name, state in health.items())
    return [
        f"Airflow: {airflow.url()} ({states})",
        f"  Users {', '.join(sorted(settings.airflow_users()))};"
        f" passwords in {airflow_setup.password_file()}",
        "  Files are loaded every night, or by a run of ingest_exports;"
        f" logs in {airflow_setup.home()}",
    ]


def _feeds(at: datetime | None) -> list[str]:
    """A line for each feed of the configured pack; a reason when the warehouse cannot tell."""
    at = at or datetime.now(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    try:
        with database.connect(database.OPS_READER) as connection:
            pack = reference.in_use(connection)
            rows = connection.execute(_FEEDS, [pack]).fetchall() if pack else []
            days = completeness.days(connection, pack, at) if pack else []
    except Failed as failure:
        return [str(failure)]
    except _NOT_MADE_YET:
        rows, days = [], []
    if not rows:
        return ["Nothing has been loaded yet: motcua ingest"]
    newest_of_all = max((row[-1] for row in rows if row[-1]), default=date.min)
    lines = [f"{'Feed':<16}{'files':>7}{'refused':>9}{'records':>10}{'rejected':>10}  newest"]
    for feed, loaded, quarantined, records, rejected, newest in rows:
        lines.append(
            f"{feed:<16}{loaded:>7}{quarantined:>9}{records:>10}{rejected:>10}  {newest or '-'}"
        )
        of_feed = [day for day in days if day.feed == feed and day.kiosk is None]
        lines += _remarks([day for day in of_feed if day.day <= newest_of_all])
    overdue = {day.day for day in days if day.state == MISSING and day.day > newest_of_all}
    if overdue:
        lines.append(
            f"No feed has come since {newest_of_all}: {len(overdue)} working days are past their"
            f" deadline ({settings.deadline():%H:%M} on the next day) as of {at:%Y-%m-%d %H:%M}."
        )
    return lines


def _withdrawals() -> list[str]:
    """A line for each release that was withdrawn, the newest first."""
    try:
        with database.connect(database.OPS_READER) as connection:
            found = [str(one) for one in withdrawals.every(connection)]
    except (Failed, *_NOT_MADE_YET):  # the feeds have said so
        return []
    more = [f"{len(found) - _SHOWN} more withdrawals: published.withdrawals"]
    return found[:_SHOWN] + (more if len(found) > _SHOWN else [])


def _remarks(days: Sequence[Day]) -> list[str]:
    """What is not as expected of the days of a feed."""
    named = {
        "working days without a file": [day.named for day in days if day.state == MISSING],
        "working days with quarantined files only (motcua rejects)": [
            day.named for day in days if day.state == QUARANTINED and day.is_expected
        ],
        "working days came late": [
            f"{day.day} (by {_hours(day.late_by)})" for day in days if day.late_by
        ],
        "days with an unusual number of records": [
            f"{day.day} ({day.records}, usually {day.usual_records:.0f})"
            for day in days
            if day.is_unusual
        ],
    }
    return [f"  {len(found)} {what}: {_some(found)}" for what, found in named.items() if found]


def _hours(late_by: timedelta) -> str:
    return f"{late_by.total_seconds() / 3600:.1f} h"


def _some(found: Sequence[str]) -> str:
    shown = ", ".join(found[:_SHOWN])
    return f"{shown} and {len(found) - _SHOWN} more" if len(found) > _SHOWN else shown
