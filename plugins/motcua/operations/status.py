"""What runs on this machine, what has landed, and which days are missing."""

from threading import Thread

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.landing import reference, remote
from motcua.operations import airflow, airflow_setup
from motcua.warehouse import database, server

_FEEDS = """
with pack as (
    -- That of the settings; until a run has stored it, the newest that a run has.
    select reference_sha256 from reference.packs
    order by (reference_sha256 = %s) desc, stored_at desc limit 1
),

expected as (
    select feeds.feed, feeds.expected, cast(nullif(feeds.expected_from, '') as date) as starts_on
    from reference.feeds as feeds
    inner join pack on feeds.reference_sha256 = pack.reference_sha256
),

exceptions as (
    select
        cast(calendar.date as date) as day,
        lower(calendar.is_working_day) in ('true', 't', '1', 'yes') as is_working
    from reference.calendar as calendar
    inner join pack on calendar.reference_sha256 = pack.reference_sha256
),

missing as (
    select expected.feed, cast(days.day as date) as day
    from expected
    cross join lateral generate_series(
        expected.starts_on, (select max(business_date) from raw.files), interval '1 day'
    ) as days (day)
    left join exceptions on cast(days.day as date) = exceptions.day
    where
        expected.expected = 'working_days'
        and coalesce(exceptions.is_working, extract(isodow from days.day) <= 5)
        and not exists (
            select from raw.files
            where
                raw.files.feed = expected.feed
                and raw.files.business_date = cast(days.day as date)
                and raw.files.state = 'loaded'
        )
)

select
    expected.feed,
    count(files.file_id) filter (where files.state = 'loaded') as loaded,
    count(files.file_id) filter (where files.state = 'quarantined') as quarantined,
    coalesce(sum(files.records) filter (where files.state = 'loaded'), 0) as records,
    coalesce(sum(files.rejected) filter (where files.state = 'loaded'), 0) as rejected,
    max(files.business_date) filter (where files.state = 'loaded') as newest,
    array(select day from missing where missing.feed = expected.feed order by day) as missing
from expected
left join raw.files as files on expected.feed = files.feed
group by expected.feed
order by expected.feed
"""
LONGEST_LOOK = 8
"""Seconds after which a remote landing zone is no longer waited for."""

_SHOWN = 10
"""How many missing days are named for each feed."""


def report() -> str:
    """Server, Airflow, feeds and missing days, as text."""
    return "\n".join([addresses(), *_feeds()])


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
    record = server.running()
    lines = []
    if record is None:
        lines.append("PostgreSQL: not running (motcua up starts it)")
    else:
        lines.append(f"PostgreSQL: {record['host']}:{record['port']}, data in {record['data']}")
    own = settings.warehouse_url()
    if own:
        where = database.parts(own)
        lines.append(f"Warehouse: {where['host']}:{where['port']}/{where['dbname']}")
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
        return ["Airflow: not running (motcua up starts it)"]
    states = ", ".join(f"{name} {state}" for name, state in health.items())
    return [
        f"Airflow: {airflow.url()} ({states})",
        f"  Users admin and viewer; passwords in {airflow_setup.password_file()}",
        "  Files are loaded every night, or by a run of ingest_exports;"
        f" logs in {airflow_setup.home()}",
    ]


def _feeds() -> list[str]:
    """A line for each feed of the configured pack; a reason when the warehouse cannot tell."""
    pack = reference.sha256(settings.reference())
    try:
        with database.connect(database.OPS_READER) as connection:
            rows = connection.execute(_FEEDS, [pack]).fetchall()
    except Failed as failure:
        return [str(failure)]
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.InvalidSchemaName,
    ):
        rows = []
    if not rows:
        return ["Nothing has been loaded yet: motcua ingest"]
    lines = [f"{'Feed':<16}{'files':>7}{'refused':>9}{'records':>10}{'rejected':>10}  newest"]
    for feed, loaded, quarantined, records, rejected, newest, missing in rows:
        lines.append(
            f"{feed:<16}{loaded:>7}{quarantined:>9}{records:>10}{rejected:>10}  {newest or '-'}"
        )
        if missing:
            days = ", ".join(str(day) for day in missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            lines.append(f"  {len(missing)} working days without a file: {days}{more}")
    return lines
