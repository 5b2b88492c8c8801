"""A real PostgreSQL for the tests: one server for the session, an empty database for each test."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

os.environ["POLARS_MAX_THREADS"] = "1"
for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
    if name != "MOTCUA_TEST_SERVER":
        del os.environ[name]

from motcua.warehouse import schema, server  # noqa: E402 (after the settings are cleared)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL (without a database) of an administrator of the session's server.

    MOTCUA_TEST_SERVER names another server instead, such as Debian's PostgreSQL 15.
    """
    given = os.environ.get("MOTCUA_TEST_SERVER")
    if given:
        yield given.rstrip("/")
        return
    home = tmp_path_factory.mktemp("server")
    os.environ["MOTCUA_HOME"] = str(home)
    record, _ = server.up()
    yield server.url(record, "postgres", "").rstrip("/")
    os.environ["MOTCUA_HOME"] = str(home)
    server.down()
    del os.environ["MOTCUA_HOME"]
    data = Path(record["data"])
    if not data.is_relative_to(home):  # for root the data lies elsewhere
        shutil.rmtree(data.parent)


@pytest.fixture
def empty_database(
    server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """URL of a database with nothing in it, and settings that point at it and at empty folders."""
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", f"{server_url}/{name}")
    monkeypatch.setenv("MOTCUA_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MOTCUA_PUBLICATIONS", str(tmp_path / "publications"))
    (tmp_path / "landing").mkdir()
    (tmp_path / "home").mkdir()
    yield f"{server_url}/{name}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def warehouse(empty_database: str) -> str:
    """URL of a freshly migrated warehouse."""
    schema.migrate()
    return empty_database
