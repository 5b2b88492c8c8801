"""Airflow on one machine: what it is told, that it comes back after a kill, and who gets in."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import listening
import server_data
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
    _check_listening(home)
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
    server_data.delete(record)


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


RUN = "/api/v2/dags/publish_scorecard/dagRuns/manual"
READS = (
    *("/api/v2/dags", "/api/v2/assets", "/api/v2/dags/~/dagRuns/~/taskInstances"),
    f"{RUN}/taskInstances/check_candidate/logs/1",
    *("/scorecard/publications", "/scorecard/data", "/scorecard/models"),
)
WRITES = (
    ("POST", "/api/v2/dags/ingest_exports/dagRuns", {"logical_date": None}),
    ("PATCH", "/api/v2/dags/ingest_exports", {"is_paused": True}),
    ("PATCH", f"{RUN}/taskInstances/sign_off/-1/hitlDetails", {"chosen_options": ["Approve"]}),
    ("PATCH", f"{RUN}/taskInstances/sign_off", {"new_state": "success"}),
    ("POST", "/api/v2/dags/publish_scorecard/clearTaskInstances", {"dry_run": False}),
    ("DELETE", RUN, None),
    ("POST", "/api/v2/variables", {"key": "a", "value": "b"}),
    ("POST", "/api/v2/connections", {"connection_id": "motcua_smtp", "conn_type": "smtp"}),
)
SECRETS = ("/api/v2/connections", "/api/v2/variables", "/api/v2/config")


def _check_access() -> None:
    """Nobody without a password or a role gets anything; a viewer reads, and changes nothing."""
    with pytest.raises(Failed, match="401"):
        rest.log_in(airflow.url(), "admin", "guess")
    passwords = json.loads(airflow_setup.password_file().read_text())
    viewer = rest.log_in(airflow.url(), "viewer", passwords["viewer"])
    admin = rest.log_in(airflow.url(), "admin", passwords["admin"])
    everything = [("GET", path, None) for path in (*READS, *SECRETS)] + [*WRITES]
    for method, path, body in everything:
        assert _status(method, path, body) == 401, f"nobody: {method} {path}"
        assert _status(method, path, body, "a.b.c") in (401, 403), f"made up: {method} {path}"
        assert _status(method, path, body, _token_of_no_role()) == 403, f"no role: {method} {path}"
    for path in READS:
        assert _status("GET", path, None, viewer.token) in (200, 404), path
    for method, path, body in [("GET", path, None) for path in SECRETS] + [*WRITES]:
        assert _status(method, path, body, viewer.token) == 403, f"viewer: {method} {path}"
    assert {dag["dag_id"] for dag in viewer.call("GET", "/dags")["dags"]} == set(airflow.DAGS)
    paused = {dag["is_paused"] for dag in admin.call("GET", "/dags")["dags"]}
    assert paused == {False}, "nothing was changed"
    # The part of the API that tasks use takes the tokens of tasks alone.
    for token in (None, viewer.token, admin.token):
        assert _status("GET", "/execution/variables/a", None, token) in (401, 403)


def _status(method: str, path: str, body: dict[str, Any] | None, token: str | None = None) -> int:
    place = urlsplit(airflow.url())
    connection = http.client.HTTPConnection("127.0.0.1", place.port or 80, timeout=30)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, body and json.dumps(body), headers)
    status = connection.getresponse().status
    connection.close()
    return status


@cache
def _token_of_no_role() -> str:
    """A genuine token of this installation, for a user who has no role."""
    code = (
        "from airflow.api_fastapi.app import create_auth_manager as auth;"
        "from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser as User;"
        "print(auth().generate_jwt(User(username='nobody', role=None)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=airflow_setup.environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def _check_listening(home: Path) -> None:
    """What `motcua up` started listens on loopback only: the server and every part of Airflow."""
    record = server.running()
    assert record is not None
    found = listening.addresses([*_pids(home), record["pid"]])
    assert all(address.is_loopback for addresses in found.values() for address in addresses), found
    assert found[record["pid"]], "the server listens"
    api_server = json.loads((home / "airflow" / "api-server.pid").read_text())["pid"]
    in_session = [pid for pid in found if os.getsid(pid) == api_server]
    assert any(found[pid] for pid in in_session), "the API server listens"


def _pids(home: Path) -> list[int]:
    return [
        json.loads((home / "airflow" / f"{name}.pid").read_text())["pid"]
        for name in airflow.COMPONENTS
    ]
