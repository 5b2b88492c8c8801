"""The command line and the runs of Airflow's DAGs, as tests use them."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from motcua import cli
from motcua.operations import rest

Found = TypeVar("Found")

PERIODS = ("2019-Q1", "2019-Q2", "2019-H1")

_STARTED = multiprocessing.get_context("forkserver")
_STARTED.set_forkserver_preload(["great_expectations", "motcua.operations.rest", "pytest"])


def motcua(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own that has imported Great Expectations already.

    That import takes longer than most commands. Whole runs, kills and tests/test_cli.py start the
    program as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _STARTED.Process(target=_command, args=(arguments, dict(os.environ), said))
        process.start()
        process.join()
        stdout, stderr = (path.read_text(encoding="utf-8") for path in said)
    return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _command(arguments: tuple[str, ...], environment: dict[str, str], said: list[Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.exit(cli.main(arguments))


def done(*arguments: str) -> str:
    """Run a command that has to succeed; returns what it printed."""
    ran = motcua(*arguments)
    assert ran.returncode == 0, f"motcua {' '.join(arguments)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def until(find: Callable[[], Found | None], seconds: float = 240) -> Found:
    """The first answer that is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := find()) is not None:
            return found
        time.sleep(1)
    pytest.fail(f"nothing within {seconds} s")


def end_of(api: rest.Api, dag_id: str, run_id: str) -> str:
    """How a run of a DAG ended: success or failed."""

    def ended() -> str | None:
        state: str = rest.run(api, dag_id, run_id)["state"]
        return state if state in ("success", "failed") else None

    return until(ended)
