"""The command line and the runs of Airflow's DAGs, as tests use them."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from motcua.operations import rest

Found = TypeVar("Found")

PERIODS = ("2019-Q1", "2019-Q2", "2019-H1")


def motcua(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("motcua")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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
