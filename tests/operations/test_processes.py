"""Programs started beside us: found again, ended with all they forked, never a stranger."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import listening
from motcua.operations import processes

# Forks a child in a process group of its own (as Airflow's tasks are) and tells both ids.
FAMILY = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    time.sleep(600)
print(os.getpid(), child, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    yield lambda code: processes.start(tmp_path, "some", [sys.executable, "-c", code], os.environ)
    processes.end(tmp_path, ["some"], patience=0)


def test_a_started_program_runs_and_writes_its_log(
    tmp_path: Path, start: Callable[[str], int]
) -> None:
    start("print('here', flush=True); import time; time.sleep(600)")
    assert processes.running(tmp_path, "some")
    assert _first_line(tmp_path / "some.log") == "here"


def test_nothing_is_left_of_an_ended_program(tmp_path: Path, start: Callable[[str], int]) -> None:
    start(FAMILY)
    pids = [int(pid) for pid in _first_line(tmp_path / "some.log").split()]
    assert processes.end(tmp_path, ["some"], patience=0.2) == ["some"]
    assert [pid for pid in pids if listening.lives(pid)] == []
    assert not processes.running(tmp_path, "some")
    assert processes.end(tmp_path, ["some"], patience=0) == []


def test_what_a_killed_program_forked_is_found_and_ended(
    tmp_path: Path, start: Callable[[str], int]
) -> None:
    start(FAMILY)
    leader, child = (int(pid) for pid in _first_line(tmp_path / "some.log").split())
    os.kill(leader, 9)
    os.waitpid(leader, 0)
    assert not processes.running(tmp_path, "some")
    assert listening.lives(child)
    assert processes.end(tmp_path, ["some"], patience=0.2) == ["some"]
    assert not listening.lives(child)


def test_a_program_that_does_not_stop_is_killed(
    tmp_path: Path, start: Callable[[str], int]
) -> None:
    pid = start(STUBBORN)
    assert processes.end(tmp_path, ["some"], patience=0.2) == ["some"]
    assert not listening.lives(pid)


def test_a_stranger_that_got_the_process_id_is_left_alone(
    tmp_path: Path, start: Callable[[str], int]
) -> None:
    pid = start("import time; time.sleep(600)")
    record = tmp_path / "some.pid"
    ours = record.read_text()
    record.write_text(json.dumps(json.loads(ours) | {"started": 1}))
    assert not processes.running(tmp_path, "some")
    assert processes.end(tmp_path, ["some"], patience=0) == []
    assert listening.lives(pid)
    record.write_text(ours)


def test_process_ids_of_an_earlier_start_of_the_machine_mean_nothing(
    tmp_path: Path, start: Callable[[str], int]
) -> None:
    start("import time; time.sleep(600)")
    record = tmp_path / "some.pid"
    ours = record.read_text()
    record.write_text(json.dumps(json.loads(ours) | {"boot": "another"}))
    assert not processes.running(tmp_path, "some")
    record.write_text(ours)


def _first_line(path: Path) -> str:
    while not path.read_text().endswith("\n"):
        time.sleep(0.01)
    return path.read_text().splitlines()[0]
