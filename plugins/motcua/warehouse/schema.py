"""Roles, schemas and tables that dbt does not own, brought up to date by numbered migrations."""

from importlib.resources import files

import psycopg

from motcua.errors import Failed
from motcua.warehouse import database

OLDEST_SERVER = 15
_LOCK = 7_051_961

_NEW = (
    "to create roles and schemas: `alter role <login> createrole` and"
    " `grant create on database <database> to <login>`"
)
_LEND = (
    "to lend itself the role that owns what is published:"
    " `grant motcua_owner to <login> with admin true, inherit false, set false`"
)


def migrate() -> list[str]:
    """Apply the migrations that the warehouse has not seen yet; returns their names.

    All run in one transaction, under a lock: two runs at once apply each migration once.
    Raises Failed when the server is older than PostgreSQL 15 or the login may not create roles.
    """
    with database.connect_admin() as connection:
        version = connection.info.server_version // 10_000
        if version < OLDEST_SERVER:
            raise Failed(
                f"The warehouse runs PostgreSQL {version}; {OLDEST_SERVER} or newer is needed."
            )
        applied = _applied(connection)
        waiting = [script for script in _scripts() if script[0] not in applied]
        if not waiting:
            return []
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        applied = _applied(connection)
        waiting = [script for script in waiting if script[0] not in applied]
        _lend_owner(connection, lend=True)
        for name, text in waiting:
            try:
                connection.execute(text)
            except psycopg.errors.InsufficientPrivilege as error:
                raise _more_rights(f"Migration {name}", error, _NEW) from error
            connection.execute("insert into public.motcua_migrations (name) values (%s)", [name])
        _lend_owner(connection, lend=False)
        return [name for name, _ in waiting]


def _scripts() -> list[tuple[str, str]]:
    folder = files("motcua.warehouse").joinpath("migrations")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((entry.name, entry.read_text(encoding="utf-8")) for entry in scripts)


def _applied(connection: psycopg.Connection) -> set[str]:
    """Names of the applied migrations; makes the list in an empty database."""
    found = connection.execute("select to_regclass('public.motcua_migrations')").fetchone()
    if found is None or found[0] is None:
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            "create table if not exists public.motcua_migrations ("
            " name text primary key, applied_at timestamptz not null default clock_timestamp())"
        )
    rows = connection.execute("select name from public.motcua_migrations").fetchall()
    return {row[0] for row in rows}


def _lend_owner(connection: psycopg.Connection, lend: bool) -> None:
    """Let a login that is no superuser hand tables over to motcua_owner, and take it back after."""
    row = connection.execute(
        "select rolsuper, exists (select from pg_roles where rolname = 'motcua_owner')"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    assert row is not None
    is_superuser, owner_exists = row
    if is_superuser:
        return
    verb, preposition = ("grant", "to") if lend else ("revoke", "from")
    try:
        if lend and not owner_exists:
            connection.execute("create role motcua_owner nologin")
        connection.execute(f"{verb} motcua_owner {preposition} current_user")
    except psycopg.errors.InsufficientPrivilege as error:
        # Before PostgreSQL 16 whoever may create roles may lend himself any.
        has_to_be_lent = owner_exists and connection.info.server_version >= 160_000
        what = "Bringing the warehouse up to date"
        raise _more_rights(what, error, _LEND if has_to_be_lent else _NEW) from error


def _more_rights(what: str, error: psycopg.Error, statements: str) -> Failed:
    """What an administrator of the server has to allow the login."""
    return Failed(
        f"{what} needs more rights: {error.diag.message_primary}\n"
        "An administrator of the server allows the login of MOTCUA_WAREHOUSE_URL"
        f" {statements}; then start the same command again. Or he starts it once with his own URL."
    )
