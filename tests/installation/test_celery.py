"""The whole sample under CeleryExecutor: two workers that get their tasks through a real Redis."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import listening
import needed
import server_data
from commands import PERIODS, done, end_of, motcua, until
from motcua.operations import airflow, airflow_setup, rest
from motcua.operations.rest import Api
from motcua.warehouse import server

pytestmark = pytest.mark.slow


@pytest.fixture
def password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A broker on loopback, in the file that the settings name: its password."""
    program = needed.program("redis-server", "redis-server")
    password, port = secrets.token_urlsafe(24), server.free_port()
    configuration = tmp_path / "redis.conf"
    server.write_private(
        configuration,
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\ndir {tmp_path}\n',
    )
    url = tmp_path / "broker_url"
    server.write_private(url, f"redis://:{password}@127.0.0.1:{port}/0\n")
    monkeypatch.setenv("MOTCUA_BROKER_URL_FILE", str(url))
    broker = subprocess.Popen([program, configuration], stdout=subprocess.DEVNULL)
    try:
        _wait_for(redis.Redis(port=port, password=password))
        yield password
    finally:
        broker.terminate()
        broker.wait()


def _wait_for(client: "redis.Redis") -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis does not answer."
            time.sleep(0.1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> Iterator[Path]:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOTCUA_AIRFLOW_EXECUTOR", "CeleryExecutor")
    for setting in ("WAREHOUSE_URL", "LANDING", "PUBLICATIONS"):  # `published` sets them
        monkeypatch.delenv(f"MOTCUA_{setting}", raising=False)
    record, _ = server.up()
    yield tmp_path / "home"
    motcua("down")
    server_data.delete(record)


def test_two_celery_workers_publish_the_whole_sample(home: Path, password: str) -> None:
    up = done("up")
    assert "worker-1 running, worker-2 running" in up
    ran = motcua("run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "852 cells compared with the report" in ran.stdout
    assert "Every other cell is the same." in ran.stdout
    assert len(list((home / "publications").glob("*.xlsx"))) == len(PERIODS)

    tasks = _tasks(airflow.api())
    assert len([name for name in tasks.values() if name == "publish_release"]) == len(PERIODS)
    assert {"load_exports", "check_landing", "build_models"} <= set(tasks.values())
    ran_by = {
        worker: {task for task in tasks if task in (home / "airflow" / f"{worker}.log").read_text()}
        for worker in airflow_setup.CELERY_WORKERS
    }
    assert set.union(*ran_by.values()) == tasks.keys(), "every task ran under one of them"
    assert all(ran_by.values()), f"both had work: {ran_by}"

    leaders = [_pid(home, name) for name in airflow.components()]
    found = listening.addresses(leaders)
    assert set().union(*found.values()), "the API server listens"
    assert all(address.is_loopback for addresses in found.values() for address in addresses)
    _check_password_is_not_told(home, password)

    _kill_group(_pid(home, "worker-1"))
    api = airflow.api()
    assert end_of(api, "ingest_exports", rest.trigger(api, "ingest_exports", {})) == "success"
    assert "worker-1 not running, worker-2 running" in done("status")

    assert "Airflow" in done("down")
    assert not [pid for pid in found if listening.lives(pid)]


def _tasks(api: Api) -> dict[str, str]:
    """Id and name of each task that ran."""
    return {
        task["id"]: task["task_id"]
        for dag_id in airflow.DAGS
        for run in rest.runs(api, dag_id)
        for task in rest.tasks(api, dag_id, run["dag_run_id"])
        if task["state"] == "success"
    }


def _check_password_is_not_told(home: Path, password: str) -> None:
    """It is in airflow.cfg, which its owner alone may read, and in no log and no command line."""
    logs = [path for path in home.rglob("*.log*") if path.is_file()]
    assert len(logs) > len(airflow.components())
    assert not [path for path in logs if password.encode() in path.read_bytes()]
    assert password in (home / "airflow" / "airflow.cfg").read_text()
    assert (home / "airflow" / "airflow.cfg").stat().st_mode & 0o077 == 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def _kill_group(leader: int) -> None:
    """Kill a worker with all its processes, and wait: one that still ends may be given a task."""
    group = [
        pid
        for path in Path("/proc").glob("[0-9]*")
        if listening.lives(pid := int(path.name)) and os.getpgid(pid) == leader
    ]
    os.killpg(leader, signal.SIGKILL)
    until(lambda: None if any(map(listening.lives, group)) else True, 30)


def _pid(home: Path, name: str) -> int:
    pid: int = json.loads((home / "airflow" / f"{name}.pid").read_text())["pid"]
    return pid
