"""Airflow on one machine: what it is told, that it comes back after a kill, and who gets in."""

import http.client
import json
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from motcua.errors import Failed
from motcua.operations import airflow, airflow_setup, local, rest
from motcua.warehouse import server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own, with its embedded server; stopped at the end."""
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    local.down()


def test_only_one_of_up_down_and_run_works_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path))
    at_work = rf"`motcua run` \(process {os.getpid()}\) is at work"
    with (
        local.only_one("run"),
        pytest.raises(Failed, match=at_work),
        local.only_one("down"),
    ):
        pytest.fail("two at once")
    with local.only_one("down"):
        pass


def test_without_a_server_airflow_says_what_is_missing(home: Path) -> None:
    with pytest.raises(Failed, match="embedded server does not run"):
        airflow.up()
    with pytest.raises(Failed, match="motcua up"):
        airflow.url()
    assert airflow.health() == {}
    assert airflow.down() is False


def test_a_foreign_airflow_lends_nothing_to_ours(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere/airflow")
    environment = airflow_setup.environment()
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in environment
    assert environment["AIRFLOW_HOME"] == str(home / "airflow")
    assert environment["DO_NOT_TRACK"] == "1"


def test_tasks_get_the_settings_of_the_one_who_starts_them_as_absolute_paths(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTCUA_LANDING", "exports")
    monkeypatch.setenv("MOTCUA_PUBLICATIONS", "documents")
    monkeypatch.setenv("MOTCUA_REJECT_LIMIT_PERCENT", "7")
    environment = airflow_setup.environment()
    assert environment["MOTCUA_LANDING"] == str(tmp_path / "exports")
    assert environment["MOTCUA_PUBLICATIONS"] == str(tmp_path / "documents")
    assert environment["MOTCUA_REJECT_LIMIT_PERCENT"] == "7"
    monkeypatch.setenv("MOTCUA_LANDING", "s3://exports/2019")
    monkeypatch.setenv("MOTCUA_LANDING_OPTIONS_FILE", "login.json")
    environment = airflow_setup.environment()
    assert environment["MOTCUA_LANDING"] == "s3://exports/2019"
    assert environment["MOTCUA_LANDING_OPTIONS_FILE"] == str(tmp_path / "login.json")


@pytest.mark.slow
def test_airflow_starts_answers_only_its_users_and_comes_back_after_a_kill(home: Path) -> None:
    local.up(lambda text: None)
    assert airflow.health() == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "triggerer": "healthy",
        "dag_processor": "healthy",
    }
    _check_secrets(home)
    _check_access()
    address, pids = airflow.url(), _pids(home)

    assert airflow.up() is False, "a second up finds the one that runs"
    assert _pids(home) == pids

    for pid in pids:
        os.killpg(pid, signal.SIGKILL)
    record = server.running()
    assert record is not None
    os.kill(record["pid"], signal.SIGKILL)
    local.up(lambda text: None)
    assert airflow.is_ready()
    assert not set(_pids(home)) & set(pids)

    assert local.down() == ["Airflow", "PostgreSQL"]
    assert not rest.answers(address)
    assert not airflow.is_up()
    assert local.down() == []
    if not Path(record["data"]).is_relative_to(home):  # for root the data lies elsewhere
        shutil.rmtree(Path(record["data"]).parent)


def _check_secrets(home: Path) -> None:
    """Whoever shares the machine reads no secret."""
    for name in ("airflow.cfg", "passwords.json", "secrets.json"):
        assert stat.S_IMODE((home / "airflow" / name).stat().st_mode) == 0o600, name
    passwords = json.loads(airflow_setup.password_file().read_text())
    assert set(passwords) == {"admin", "viewer"}
    assert all(len(password) >= 16 for password in passwords.values())
    command_lines = [
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    ]
    secret = [password.encode() for password in passwords.values()]
    assert not any(text in line for text in secret for line in command_lines)


def _check_access() -> None:
    """On loopback only; nobody without a password; a viewer starts nothing."""
    assert airflow.url().startswith("http://127.0.0.1:")
    place = urlsplit(airflow.url())
    for path in ("/api/v2/dags", "/api/v2/connections", "/api/v2/config"):
        connection = http.client.HTTPConnection("127.0.0.1", place.port or 80, timeout=30)
        connection.request("GET", path)
        assert connection.getresponse().status == http.HTTPStatus.UNAUTHORIZED, path
        connection.close()
    with pytest.raises(Failed, match="401"):
        rest.log_in(airflow.url(), "admin", "guess")
    password = json.loads(airflow_setup.password_file().read_text())["viewer"]
    viewer = rest.log_in(airflow.url(), "viewer", password)
    assert {dag["dag_id"] for dag in viewer.call("GET", "/dags")["dags"]} == set(airflow.DAGS)
    with pytest.raises(Failed, match="403"):
        rest.trigger(viewer, "ingest_exports", {})


def _pids(home: Path) -> list[int]:
    return [
        json.loads((home / "airflow" / f"{name}.pid").read_text())["pid"]
        for name in airflow.COMPONENTS
    ]
