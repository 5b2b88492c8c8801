"""A real PostgreSQL for the tests: one server for the session, an empty database for each test."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

KEPT = {
    "MOTCUA_TEST_SERVER",
    "MOTCUA_EXAMPLES",
    "MOTCUA_KILLS",
    "MOTCUA_KILL_SEED",
    "MOTCUA_SCREENSHOTS",
}
"""Settings of the tests themselves; those of whoever runs them do not reach the tests."""

os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when Great Expectations is imported
for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
    if name not in KEPT:
        del os.environ[name]
os.environ["MOTCUA_QUIET_SECONDS"] = "0"  # what a test has written is whole
# Two Airflows that start at once do not take one port.
os.environ["MOTCUA_AIRFLOW_PORT"] = f"808{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]}"

import mail_sink  # noqa: E402 (after the settings are cleared)
import report_marts  # noqa: E402
import server_data  # noqa: E402
from motcua.operations.alerts import MailServer  # noqa: E402
from motcua.warehouse import schema, server  # noqa: E402

SHARED = {"tests/end_to_end", "tests/sample"}
"""Folders whose tests share a dear fixture: one process runs all of them."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes, each takes a file, or a folder that shares a fixture, at a time."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFileOrFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder in SHARED else file

    return ByFileOrFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: a long one that began last would be waited for alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def sink() -> Iterator[tuple[mail_sink.Sink, MailServer]]:
    """A mail server that wants a password, and how to reach it."""
    with mail_sink.opened() as opened:
        yield opened


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
    with psycopg.connect(server.url(record, "postgres", "postgres"), autocommit=True) as admin:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            admin.execute(f"alter system set {setting} = off")  # nothing here outlives the session
        admin.execute("select pg_reload_conf()")
    yield server.url(record, "postgres", "").rstrip("/")
    os.environ["MOTCUA_HOME"] = str(home)
    server.down()
    del os.environ["MOTCUA_HOME"]
    server_data.delete(record)


def _settings_of(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that point at this database and at empty folders."""
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", url)
    monkeypatch.setenv("MOTCUA_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MOTCUA_PUBLICATIONS", str(tmp_path / "publications"))
    (tmp_path / "landing").mkdir()
    (tmp_path / "home").mkdir()


@contextmanager
def _database(server_url: str, template: str = "template1") -> Iterator[str]:
    """A copy of a database: of its files, which takes a tenth of the time of the default."""
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"create database {name} template {template} strategy file_copy")
        if template != "template1":
            # What stands on the database itself is not copied with it.
            admin.execute(f"grant create on database {name} to motcua_transformer")
            admin.execute(f"alter database {name} set timezone to 'Asia/Ho_Chi_Minh'")
    yield f"{server_url}/{name}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def empty_database(
    server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """URL of a database with nothing in it; the settings point at it."""
    with _database(server_url) as url:
        _settings_of(url, tmp_path, monkeypatch)
        yield url


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> Iterator[str]:
    """Name of a migrated database, which every `warehouse` is a copy of."""
    with _database(server_url) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MOTCUA_WAREHOUSE_URL", url)
            schema.migrate()
        yield url.rpartition("/")[2]


@pytest.fixture(scope="session")
def built_template(server_url: str, migrated_template: str) -> Iterator[str]:
    """Name of a warehouse whose marts hold the figures of the report."""
    with _database(server_url, migrated_template) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MOTCUA_WAREHOUSE_URL", url)
            report_marts.build(url)
        yield url.rpartition("/")[2]


@contextmanager
def _warehouse(server_url: str, template: str, folder: Path) -> Iterator[str]:
    with _database(server_url, template) as url, pytest.MonkeyPatch.context() as patch:
        _settings_of(url, folder, patch)
        yield url


@pytest.fixture
def warehouse(server_url: str, migrated_template: str, tmp_path: Path) -> Iterator[str]:
    """URL of a freshly migrated warehouse; the settings point at it."""
    with _warehouse(server_url, migrated_template, tmp_path) as url:
        yield url


@pytest.fixture
def built(server_url: str, built_template: str, tmp_path: Path) -> Iterator[str]:
    """URL of a warehouse with the three periods of 2019 as candidates."""
    with _warehouse(server_url, built_template, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def new_warehouse(
    server_url: str, migrated_template: str
) -> Callable[[Path], AbstractContextManager[str]]:
    """Makes a warehouse in a context, with its folders in the one given: one after another."""
    return partial(_warehouse, server_url, migrated_template)
