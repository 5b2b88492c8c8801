"""A warehouse in which the whole sample is published, made once by the command line."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from motcua.operations import rest
from motcua_sample import write_sample

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


@pytest.fixture(scope="session")
def published(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A warehouse in which the whole sample is published; its URL and the landing zone."""
    folder = tmp_path_factory.mktemp("published")
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute("create database end_to_end")
    url = f"{server_url}/end_to_end"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("home", "landing", "publications"):
            (folder / name).mkdir()
            patch.setenv(f"MOTCUA_{name.upper()}", str(folder / name))
        patch.setenv("MOTCUA_WAREHOUSE_URL", url)
        write_sample(folder / "landing")
        done("ingest")
        done("build")
        for period in PERIODS:
            done("publish", period, "--approved-by", "Nguyễn Văn A")
        yield url, folder
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute("drop database end_to_end with (force)")


@pytest.fixture
def copy(
    server_url: str, published: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """A copy of the published warehouse, to be changed."""
    name = f"c_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"create database {name} template end_to_end")
        admin.execute(f"grant create on database {name} to motcua_transformer")
    (tmp_path / "landing").mkdir()
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", f"{server_url}/{name}")
    monkeypatch.setenv("MOTCUA_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MOTCUA_PUBLICATIONS", str(tmp_path / "publications"))
    yield f"{server_url}/{name}", tmp_path / "landing"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")
