"""Backs up an installation and restores it into an empty one.

A backup is a folder: the warehouse with its roles, Airflow's database, the landing zone and the
workbooks, and `manifest.json` with the sha256 of each. Keys go into a backup of their own, to be
kept elsewhere: the warehouse and the key of the pseudonyms together tell who gave a rating.
"""

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.landing import remote
from motcua.operations import airflow_setup, client_tools
from motcua.warehouse import database, dbt, schema, server

Tell = Callable[[str], None]
Manifest = dict[str, Any]

MANIFEST = "manifest.json"
WAREHOUSE, AIRFLOW = "warehouse.dump", "airflow.dump"
LANDING, PUBLICATIONS = "landing.tar.gz", "publications.tar.gz"
FORMAT = 1

_PATIENCE = "--lock-wait-timeout=15min"

# Whoever owns something or has a right in this database, and whoever may act as one of them.
_ROLES = """
with recursive involved as (
    select refobjid as oid
    from pg_shdepend
    inner join pg_database on datname = current_database()
    where
        refclassid = 'pg_authid'::regclass
        and (
            dbid = pg_database.oid
            or (classid = 'pg_database'::regclass and objid = pg_database.oid)
        )
    union
    select memberships.member
    from involved
    inner join pg_auth_members as memberships on involved.oid = memberships.roleid
)
select
    rolname as name,
    rolcanlogin as login,
    rolcreaterole as createrole,
    array(
        select pg_get_userbyid(roleid)
        from pg_auth_members
        where member = pg_roles.oid and roleid in (select oid from involved)
        order by 1
    ) as member_of
from pg_roles
where oid in (select oid from involved) and rolname not like 'pg\\_%'
order by rolname
"""

_DATABASE_RIGHTS = """
select distinct
    case when rights.grantee <> 0 then pg_get_userbyid(rights.grantee) end as grantee,
    rights.privilege_type as privilege
from pg_database
cross join aclexplode(coalesce(datacl, acldefault('d', datdba))) as rights
where datname = current_database()
order by 1, 2
"""

_DATABASE_SETTINGS = """
select unnest(setconfig)
from pg_db_role_setting
inner join pg_database on setdatabase = pg_database.oid
where datname = current_database() and setrole = 0
"""

_ANYTHING = """
select exists (
    select from pg_class
    inner join pg_namespace on relnamespace = pg_namespace.oid
    where nspname <> 'information_schema' and nspname not like 'pg\\_%'
)
"""


def back_up(folder: Path, tell: Tell) -> Path:
    """Back up everything but the keys into a new folder below `folder`; returns that folder.

    Loads go on meanwhile, builds and publications wait. A backup that was broken off leaves a
    folder whose name begins with `unfinished`. Raises Failed when something cannot be read.
    """
    with _new_folder(folder, "motcua") as place:
        address = database.admin_url()
        tell("backing up the warehouse")
        with database.only_one("publish"), database.only_one("build"):
            described = _describe(address)
            arguments = ["--format=custom", "--exclude-schema=recompute_*", _PATIENCE]
            _dump(address, place / WAREHOUSE, arguments, described["server_version"])
        if metadata := _metadata_url():
            tell("backing up Airflow's database")
            arguments = ["--format=custom", "--no-owner", "--no-acl", _PATIENCE]
            _dump(metadata, place / AIRFLOW, arguments, _server_version(metadata))
        else:
            tell("Airflow's database is not here (MOTCUA_METADATA_URL): not backed up")
        if remote.is_remote(settings.landing()):
            tell("the landing zone is on another machine: not backed up")
        else:
            tell("backing up the landing zone")
            _pack(Path(settings.landing()), place / LANDING)
        tell("backing up the publications")
        _pack(settings.publications(), place / PUBLICATIONS)
        _write_manifest(place, {"kind": "data", **described})
    return _finished(place)


def back_up_keys(folder: Path) -> Path:
    """Back up the keys alone: that of the pseudonyms, and Airflow's, where this made them.

    Raises Failed when there are none.
    """
    present = {name: path for name, path in _keys().items() if path.is_file()}
    if not present:
        raise Failed(f"There is no key to back up: {settings.key_file()} does not exist.")
    with _new_folder(folder, "motcua-keys") as place:
        for name, path in present.items():
            shutil.copyfile(path, place / name)
        _write_manifest(place, {"kind": "keys"})
    return _finished(place)


def restore(backup: Path, tell: Tell) -> None:
    """Put a backup back, into empty databases and folders; nothing that stands is overwritten.

    The login must be an administrator of the server. Raises Refused when something is not empty,
    Failed when the backup is incomplete or changed; then nothing was restored.
    """
    manifest = _checked(backup, tell)
    if manifest["kind"] == "keys":
        _restore_keys(backup, manifest)
        return
    with _server_if_embedded():
        address, metadata = database.admin_url(), _metadata_url()
        has_airflow = AIRFLOW in manifest["files"]
        if has_airflow and metadata is None:
            tell("Airflow's database is not here (MOTCUA_METADATA_URL): not restored")
        _require_administrator(address)
        _require_empty_database(address)
        if has_airflow and metadata:
            _require_empty_database(metadata)
        folders = {LANDING: settings.landing(), PUBLICATIONS: str(settings.publications())}
        folders = {name: path for name, path in folders.items() if name in manifest["files"]}
        for path in folders.values():
            _require_empty_folder(path)
        tell("restoring the warehouse")
        logins = _make_roles(address, manifest["roles"])
        _load(address, backup / WAREHOUSE, [])
        _set_up_database(address, manifest)
        schema.migrate()
        if has_airflow and metadata:
            tell("restoring Airflow's database")
            _load(metadata, backup / AIRFLOW, ["--no-owner", "--no-acl"])
        for name, path in folders.items():
            tell(f"restoring {path}")
            with tarfile.open(backup / name) as packed:
                packed.extractall(path, filter="data")
    if logins:
        tell(f"without a password, until you set one: {', '.join(logins)}")


@contextmanager
def _new_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A private folder that gets its name when it is complete."""
    now = datetime.now(ZoneInfo(settings.TIME_ZONE))
    place = parent / f"unfinished-{prefix}-{now:%Y-%m-%dT%H%M%S}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        yield place
        for path in place.iterdir():
            path.chmod(0o600)
        place.rename(_finished(place))
    except OSError as error:
        raise Failed(f"The backup into {parent} was broken off: {error}.") from error


def _finished(place: Path) -> Path:
    return place.with_name(place.name.removeprefix("unfinished-"))


def _describe(address: str) -> Manifest:
    """What a dump leaves out: roles, and rights and settings of the database itself."""
    with psycopg.connect(address) as connection:
        cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
        return {
            "server_version": connection.info.server_version // 10_000,
            "roles": cursor.execute(_ROLES).fetchall(),
            "rights": cursor.execute(_DATABASE_RIGHTS).fetchall(),
            "settings": [line for (line,) in connection.execute(_DATABASE_SETTINGS)],
        }


def _server_version(address: str) -> int:
    with psycopg.connect(address) as connection:
        return connection.info.server_version // 10_000


def _dump(address: str, target: Path, arguments: list[str], server_version: int) -> None:
    client_tools.run("pg_dump", [*arguments, f"--file={target}"], address, server_version)


def _load(address: str, dump: Path, arguments: list[str]) -> None:
    """Load a dump in one transaction: all of it, or nothing."""
    with psycopg.connect(address) as connection:
        name = connection.info.dbname
    client_tools.run(
        "pg_restore",
        [*arguments, "--single-transaction", "--exit-on-error", f"--dbname={name}", str(dump)],
        address,
        max(_server_version(address), _dumped_by(dump)),
    )


def _dumped_by(dump: Path) -> int:
    """Major version of the server that a dump came from, as its manifest tells it."""
    version: int = json.loads((dump.parent / MANIFEST).read_text())["server_version"]
    return version


def _pack(folder: Path, target: Path) -> None:
    with tarfile.open(target, "w:gz", compresslevel=1) as packed:
        if folder.is_dir():
            packed.add(folder, arcname=".")


def _write_manifest(place: Path, facts: Manifest) -> None:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(place.iterdir())
    }
    taken_at = datetime.now(ZoneInfo(settings.TIME_ZONE)).isoformat(timespec="seconds")
    head = {"format": FORMAT, "taken_at": taken_at, "code_version": dbt.code_version()}
    manifest = {**head, **facts, "files": files}
    (place / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False))


def _checked(backup: Path, tell: Tell) -> Manifest:
    """The manifest of a backup whose files are all there and unchanged."""
    try:
        manifest: Manifest = json.loads((backup / MANIFEST).read_text())
    except (OSError, json.JSONDecodeError):
        raise Failed(
            f"{backup} is no finished backup: it has no {MANIFEST}. Name the folder that"
            " `motcua backup` printed."
        ) from None
    if manifest["format"] != FORMAT:
        raise Failed(f"{backup} was written in format {manifest['format']}; {FORMAT} is read.")
    tell("checking the backup")
    for name, told in manifest["files"].items():
        path = backup / name
        if not path.is_file() or _sha256(path) != told["sha256"]:
            raise Failed(f"{path} is missing or not as it was written. Take another backup.")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metadata_url() -> str | None:
    own = settings.metadata_url()
    if own:
        return own.replace("postgresql+psycopg2:", "postgresql:", 1)
    record = server.running()
    return server.url(record, "airflow", "airflow") if record else None


@contextmanager
def _server_if_embedded() -> Iterator[None]:
    """Run the embedded server for the block, unless the warehouse is elsewhere or it runs."""
    if settings.warehouse_url():
        yield
        return
    _, started = server.up()
    try:
        yield
    finally:
        if started:
            server.down()


def _require_administrator(address: str) -> None:
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "select rolsuper from pg_roles where rolname = current_user"
        ).fetchone()
    if row != (True,):
        raise Refused(
            "Restoring makes roles and gives tables to them, which an administrator of the server"
            " alone may do: set MOTCUA_WAREHOUSE_URL to his login for this one command."
        )


def _require_empty_database(address: str) -> None:
    with psycopg.connect(address) as connection:
        if connection.execute(_ANYTHING).fetchone() == (True,):
            raise Refused(
                f"The database {connection.info.dbname} is not empty. A backup goes into an empty"
                " one: make a new database, or set MOTCUA_HOME to a new folder."
            )


def _require_empty_folder(path: str) -> None:
    if remote.is_remote(path):
        raise Refused(f"The backup has a landing zone, but {path} is on another machine.")
    if Path(path).is_dir() and any(Path(path).iterdir()):
        raise Refused(f"{path} is not empty. A backup goes into empty folders: move it away.")


def _make_roles(address: str, roles: list[Manifest]) -> list[str]:
    """Make the roles that are not there yet, without passwords, and all memberships.

    Returns the made ones that log in.
    """
    with psycopg.connect(address) as connection:
        there = {name for (name,) in connection.execute("select rolname from pg_roles")}
        made = [role for role in roles if role["name"] not in there]
        for role in made:
            connection.execute(
                sql.SQL("create role {} {} {}").format(
                    sql.Identifier(role["name"]),
                    sql.SQL("login" if role["login"] else "nologin"),
                    sql.SQL("createrole" if role["createrole"] else "nocreaterole"),
                )
            )
        for role in roles:
            for group in role["member_of"]:
                connection.execute(
                    sql.SQL("grant {} to {}").format(
                        sql.Identifier(group), sql.Identifier(role["name"])
                    )
                )
    return [role["name"] for role in made if role["login"]]


def _set_up_database(address: str, manifest: Manifest) -> None:
    """Rights and settings of the database itself; rights that are not told are taken back."""
    with psycopg.connect(address) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("revoke all on database {} from public").format(name))
        for right in manifest["rights"]:
            grantee = right["grantee"]
            connection.execute(
                sql.SQL("grant {} on database {} to {}").format(
                    sql.SQL(right["privilege"]),
                    name,
                    sql.Identifier(grantee) if grantee else sql.SQL("public"),
                )
            )
        for line in manifest["settings"]:
            setting, _, value = line.partition("=")
            connection.execute(
                sql.SQL("alter database {} set {} to {}").format(
                    name, sql.Identifier(setting), sql.Literal(value)
                )
            )


def _keys() -> dict[str, Path]:
    """Keys by their name in a backup, and where they belong."""
    return {
        "pseudonym.key": settings.key_file(),
        "airflow-secrets.json": airflow_setup.home() / "secrets.json",
        "airflow-passwords.json": airflow_setup.password_file(),
    }


def _restore_keys(backup: Path, manifest: Manifest) -> None:
    places = {name: path for name, path in _keys().items() if name in manifest["files"]}
    for name, path in places.items():
        if path.exists() and path.read_bytes() != (backup / name).read_bytes():
            raise Refused(f"{path} holds another key. Move it away first, and keep it.")
    for name, path in places.items():
        server.write_private(path, (backup / name).read_text())
