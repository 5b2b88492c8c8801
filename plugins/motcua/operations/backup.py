"""Backs up an installation and restores it into an empty one.

A backup is a folder: the warehouse with its roles, Airflow's database, the landing zone, workbooks
and notices, and `manifest.json` with the sha256 of each. Keys go into a backup of their own, to be
kept elsewhere: the warehouse and the key of the pseudonyms together tell who gave a rating.
"""

import hashlib
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.landing import find, remote
from motcua.operations import airflow_setup, client_tools
from motcua.warehouse import database, dbt, server

Tell = Callable[[str], None]
Manifest = dict[str, Any]

MANIFEST = "manifest.json"
WAREHOUSE, AIRFLOW = "warehouse.dump", "airflow.dump"
LANDING, PUBLICATIONS, NOTICES = "landing.tar.gz", "publications.tar.gz", "notices.tar.gz"
FORMAT = 2

_PATIENCE = "--lock-wait-timeout=15min"

# Whoever owns something or has a right in this database, and whoever may act as one of them.
_INVOLVED = """
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
"""

_ROLES = f"""
{_INVOLVED}
select rolname as name, rolcanlogin as login, rolcreaterole as createrole
from pg_roles
where oid in (select oid from involved) and rolname not like 'pg\\_%'
order by rolname
"""

# PostgreSQL 15 has neither an inherit_option nor a set_option; what an administrator granted counts
# as granted by the server's own, whatever he was called. In the order in which they were granted.
_MEMBERSHIPS = f"""
{_INVOLVED}
select
    pg_get_userbyid(roleid) as role,
    pg_get_userbyid(member) as member,
    admin_option as admin,
    to_jsonb(memberships) -> 'inherit_option' as inherit,
    to_jsonb(memberships) -> 'set_option' as set,
    case when not grantors.rolsuper then grantors.rolname end as grantor
from pg_auth_members as memberships
left join pg_roles as grantors on memberships.grantor = grantors.oid
where
    roleid in (select oid from involved)
    and member in (select oid from involved)
    and pg_get_userbyid(member) not like 'pg\\_%'
order by (to_jsonb(memberships) ->> 'oid')::bigint, 1, 2
"""

_HELD = """
select
    pg_get_userbyid(roleid) as role,
    pg_get_userbyid(member) as member,
    bool_or(admin_option) as admin,
    bool_or((to_jsonb(pg_auth_members) ->> 'inherit_option')::boolean) as inherit,
    bool_or((to_jsonb(pg_auth_members) ->> 'set_option')::boolean) as set
from pg_auth_members
group by roleid, member
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

_OPTIONS = ("admin", "inherit", "set")
"""What a membership may allow: to hand it on, to have the role's rights, to `set role`."""

_ANYTHING = """
select exists (
    select from pg_class
    inner join pg_namespace on relnamespace = pg_namespace.oid
    where nspname <> 'information_schema' and nspname not like 'pg\\_%'
)
"""


def back_up(folder: Path, tell: Tell) -> Path:
    """Back up everything but the keys into a new folder below `folder`; returns that folder.

    Loads go on meanwhile, builds and publications wait. Files that somebody may still write in the
    landing zone are left out and told. A backup that was broken off leaves a folder whose name
    begins with `unfinished`. Raises Failed when something cannot be read.
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
            waiting = _pack(Path(settings.landing()), place / LANDING, settings.quiet_seconds())
            if waiting:
                tell(
                    f"left out for the next backup, as somebody may still write them:"
                    f" {len(waiting)} files of the landing zone ({find.first_ten(waiting)})"
                )
        tell("backing up publications and notices")
        _pack(settings.publications(), place / PUBLICATIONS)
        _pack(settings.notices(), place / NOTICES)
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
        folders = {
            LANDING: settings.landing(),
            PUBLICATIONS: str(settings.publications()),
            NOTICES: str(settings.notices()),
        }
        folders = {name: path for name, path in folders.items() if name in manifest["files"]}
        for path in folders.values():
            _require_empty_folder(path)
        tell("restoring the warehouse")
        logins, left = _make_roles(address, manifest)
        _load(address, backup / WAREHOUSE, [])
        _set_up_database(address, manifest)
        if has_airflow and metadata:
            tell("restoring Airflow's database")
            _load(metadata, backup / AIRFLOW, ["--no-owner", "--no-acl"])
        for name, path in folders.items():
            tell(f"restoring {path}")
            _unpack(backup / name, Path(path))
    if logins:
        tell(f"without a password, until you set one: {', '.join(logins)}")
    if left:
        tell(
            "these roles stood here before, and what they may do was left as it was; where the"
            f" backup's installation needs it: {'; '.join(left)}"
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack files, folders and links; what leads out of the folder is refused.

    Python before 3.11.4 (Debian 12 has 3.11.2) lacks the filters of tarfile.
    """
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):
            packed.extractall(folder, filter="data")
            return
        root = folder.resolve()
        for member in packed:
            place = (root / member.name).resolve()
            if not place.is_relative_to(root) or not (
                member.isfile() or member.isdir() or member.issym()
            ):
                raise Failed(f"{archive} holds {member.name}, which no backup of ours has.")
            packed.extract(member, folder)


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
            "memberships": cursor.execute(_MEMBERSHIPS).fetchall(),
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


def _pack(folder: Path, target: Path, quiet_seconds: float = 0) -> list[str]:
    """Pack the files of a folder that nobody writes; returns the names of those left out.

    These changed less than `quiet_seconds` ago or while they were read. What vanishes meanwhile is
    not missed. Each file is copied before it is packed, as its length stands before its bytes.
    """
    left_out = []
    with tarfile.open(target, "w:gz", compresslevel=1) as packed:
        for place in _below(folder):
            name = str(place.relative_to(folder))
            with suppress(FileNotFoundError), TemporaryFile(dir=target.parent) as copy:
                member = packed.gettarinfo(place, arcname=name)
                if not (member.isreg() or member.islnk()):
                    packed.addfile(member)
                    continue
                before = place.stat()
                member.type, member.size = tarfile.REGTYPE, before.st_size
                with place.open("rb") as source:
                    shutil.copyfileobj(source, copy)
                    after = os.fstat(source.fileno())
                is_fresh = abs(time.time() - before.st_mtime) < quiet_seconds
                if is_fresh or _stamp(before) != _stamp(after) or copy.tell() != member.size:
                    left_out.append(name)
                    continue
                copy.seek(0)
                packed.addfile(member, copy)
    return left_out


def _below(folder: Path) -> Iterator[Path]:
    """Folders and files below a folder; links are not followed, and what vanishes is not missed."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        yield from (Path(place, name) for name in sorted([*folders, *files]))


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    """What changes when a file is written or another one takes its place."""
    return status.st_ino, status.st_size, status.st_mtime_ns


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
        raise Failed(
            f"{backup} was written in format {manifest['format']}; {FORMAT} is read. Restore it"
            f" with the version that wrote it ({manifest['code_version']}), then upgrade."
        )
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


def _make_roles(address: str, manifest: Manifest) -> tuple[list[str], list[str]]:
    """Make the roles that are not there yet, without passwords, and what they are members of.

    Roles that stood there before may belong to another installation of the server: they get no
    membership in each other. Returns the made ones that log in, and the statements left out.
    """
    with psycopg.connect(address) as connection:
        there = {name for (name,) in connection.execute("select rolname from pg_roles")}
        made = [role for role in manifest["roles"] if role["name"] not in there]
        for role in made:
            connection.execute(
                sql.SQL("create role {} {} {}").format(
                    sql.Identifier(role["name"]),
                    sql.SQL("login" if role["login"] else "nologin"),
                    sql.SQL("createrole" if role["createrole"] else "nocreaterole"),
                )
            )
        left = _grant_memberships(connection, manifest["memberships"], there)
    return [role["name"] for role in made if role["login"]], left


def _grant_memberships(
    connection: psycopg.Connection, memberships: list[Manifest], there: set[str]
) -> list[str]:
    """Grant what is not held yet, with its options; returns what was left, as both were there."""
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
    held = {(one["role"], one["member"]): one for one in cursor.execute(_HELD)}
    admins = {pair for pair, one in held.items() if one["admin"]}
    left = []
    for one in memberships:
        pair = (one["role"], one["member"])
        grantor = one["grantor"] if (one["role"], one["grantor"]) in admins else None
        statement = _grant(one, grantor, connection.info.server_version)
        if not there.issuperset(pair):
            connection.execute(statement)
            if one["admin"]:
                admins.add(pair)
        elif pair not in held or any(one[it] and not held[pair][it] for it in _OPTIONS):
            left.append(statement.as_string(connection))
    return left


def _grant(membership: Manifest, grantor: str | None, server_version: int) -> sql.Composed:
    """The statement that makes a membership; PostgreSQL 15 knows no option but `admin`."""
    options = [
        f"{name} {str(membership[name]).lower()}"
        for name in _OPTIONS
        if membership[name] is not None
    ]
    if server_version < 160_000:
        options, grantor = ["admin option"] if membership["admin"] else [], None
    return sql.SQL("grant {} to {}{}{}").format(
        sql.Identifier(membership["role"]),
        sql.Identifier(membership["member"]),
        sql.SQL(f" with {', '.join(options)}" if options else ""),
        sql.SQL(" granted by {}").format(sql.Identifier(grantor)) if grantor else sql.SQL(""),
    )


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
