"""The published sample, backed up and restored on another server, is the same installation."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import server_data
from commands import done
from motcua.warehouse import database, server

TABLES = """
select nspname || '.' || relname
from pg_class
inner join pg_namespace on relnamespace = pg_namespace.oid
where relkind = 'r' and nspname <> 'information_schema' and nspname not like 'pg\\_%'
order by 1
"""


def content(url: str) -> dict[str, tuple[int, str]]:
    """Rows of every table, and a digest of them all."""
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                "select count(*), coalesce(md5(string_agg(md5(one::text), '' order by"
                f" md5(one::text))), '') from {table} as one"
            ).fetchone()
            for (table,) in connection.execute(TABLES).fetchall()
        }


@pytest.fixture
def other_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings of an installation on a server of its own, which is not started yet."""
    home = tmp_path / "other"
    monkeypatch.delenv("MOTCUA_WAREHOUSE_URL")
    monkeypatch.setenv("MOTCUA_HOME", str(home))
    for name in ("landing", "publications"):
        monkeypatch.setenv(f"MOTCUA_{name.upper()}", str(home / name))
    yield home
    record = server.running()
    server.down()
    server_data.delete(record)


@pytest.mark.slow
def test_a_restored_installation_computes_the_same_release_and_goes_on(
    published: tuple[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url, folder = published
    (backup,) = _made(done("backup", str(tmp_path / "backups")))
    (keys,) = _made(done("backup", "--keys", str(tmp_path / "safe")))
    before = content(url)
    home: Path = request.getfixturevalue("other_home")

    done("restore", str(backup))
    done("restore", str(keys))

    assert server.running() is None, "what the command started, it stops"
    record, _ = server.up()
    restored = server.url(record, "postgres", "warehouse")
    assert content(restored) == before
    assert sum(rows for rows, _ in before.values()) > 50_000
    assert _files(home / "landing") == _files(folder / "landing")
    assert _files(home / "publications") == _files(folder / "publications")
    assert stat.S_IMODE((home / "pseudonym.key").stat().st_mode) == 0o600

    assert "2019-Q1.r1 comes out again" in done("recompute", "2019-Q1.r1")
    assert "0 loaded" in done("ingest")
    assert "identical" in done("publish", "2019-Q1").lower()
    with (
        database.connect(database.PUBLISHER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("update published.publications set note = 'x'")
    reader = server.url(record, "bi_reader", "warehouse")
    with psycopg.connect(reader) as connection:
        assert connection.execute("select count(*) from published.publications").fetchone() == (3,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from raw.files")


def _made(said: str) -> list[Path]:
    return [Path(line.split(": ", 1)[1]) for line in said.splitlines() if ": /" in line]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
