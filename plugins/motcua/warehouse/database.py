"""Connections to the warehouse, each under the role that its work needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import psycopg

from motcua import settings
from motcua.errors import Failed, Interrupted
from motcua.warehouse import server

LOADER = "motcua_loader"
TRANSFORMER = "motcua_transformer"
PUBLISHER = "motcua_publisher"
BI_READER = "bi_reader"
OPS_READER = "ops_reader"

Connection = psycopg.Connection


def url(database: str | None = None) -> str:
    """URL of the warehouse: MOTCUA_WAREHOUSE_URL, else the embedded server that runs.

    Raises Failed when neither is there.
    """
    own = settings.warehouse_url()
    if own:
        return own.replace("postgres://", "postgresql://", 1)
    record = server.running()
    if record is None:
        raise NoAnswer(
            "The embedded PostgreSQL server does not run. Start it with `motcua up`, or set"
            " MOTCUA_WAREHOUSE_URL to another PostgreSQL (15 or newer)."
        )
    return server.url(record, "motcua", database or "warehouse")


def admin_url() -> str:
    """URL of the login that may create roles and schemas."""
    if settings.warehouse_url():
        return url()
    record = server.running()
    return server.url(record, "postgres", "warehouse") if record else url()


def parts(address: str) -> dict[str, str]:
    """Host, port, user, password, dbname and TLS of a URL, as dbt and Airflow want them."""
    split = urlsplit(address)
    query = dict(parse_qsl(split.query))
    return {
        "host": split.hostname or query.get("host", "127.0.0.1"),
        "port": str(split.port or query.get("port", 5432)),
        "user": unquote(split.username or query.get("user", "")),
        "password": unquote(split.password or query.get("password", "")),
        "dbname": unquote(split.path.lstrip("/")) or "postgres",
        "sslmode": query.get("sslmode") or os.environ.get("PGSSLMODE", "prefer"),
        "sslrootcert": query.get("sslrootcert", ""),
    }


def with_options(address: str, role: str) -> str:
    """The same URL, with the role and the time zone set from the first statement on."""
    split = urlsplit(address)
    query = dict(parse_qsl(split.query))
    query["options"] = session_options(role, query.get("options", ""))
    return urlunsplit(split._replace(query=urlencode(query, quote_via=quote)))


def session_options(role: str, before: str = "") -> str:
    """libpq options that make a session work as `role` and in the Centre's time zone."""
    return f"{before} -c role={role} -c timezone={settings.TIME_ZONE}".strip()


class NoAnswer(Failed):
    """The warehouse does not run, or does not let anybody in."""


def connect(role: str, autocommit: bool = False) -> Connection:
    """Open a session of the warehouse as `role`; `migrate` has to have run once before."""
    return _open(with_options(url(), role), autocommit)


def connect_admin() -> Connection:
    """Open a session that may create roles and schemas (used by `migrate` alone)."""
    return _open(admin_url(), autocommit=False)


def _open(address: str, autocommit: bool) -> Connection:
    try:
        return psycopg.connect(address, autocommit=autocommit, connect_timeout=10)
    except psycopg.OperationalError as error:
        where = parts(address)
        raise NoAnswer(
            f"No connection to the warehouse at {where['host']}:{where['port']}"
            f"/{where['dbname']} as {where['user']}: {str(error).strip()}\n"
            "See `motcua status`; check MOTCUA_WAREHOUSE_URL if it is set."
        ) from error


def interrupted(what: str, error: psycopg.Error) -> Interrupted:
    """What to say when the server ends `what`; never the row where it stopped: it is personal."""
    said = error.diag.message_primary or "the connection is lost"
    match error:
        case psycopg.errors.DiskFull():
            todo = "Free space on the disk of the warehouse"
        case psycopg.errors.InsufficientResources():
            todo = "Give the server what it lacks"
        case psycopg.OperationalError():
            how = "" if settings.warehouse_url() else " with `motcua up`"
            todo = f"See `motcua status`; start the server{how} if it does not run"
        case _:
            todo = "Report this if it comes again"
    return Interrupted(
        f"{what} was interrupted by the warehouse: {said}. {todo}, then start the same command"
        " again. What was finished stays, what was begun is undone."
    )


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Let one process at a time do `what` on this warehouse; others wait for their turn.

    The lock belongs to a database session, so a killed process leaves none behind.
    """
    with _open(url(), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [f"motcua {what}"])
        yield
