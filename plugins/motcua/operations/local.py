"""The whole installation of this machine: the embedded server and Airflow, up and down."""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from motcua import settings
from motcua.errors import Failed
from motcua.operations import airflow
from motcua.warehouse import schema, server

Tell = Callable[[str], None]


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Let one of up, down and run work here at a time; the others are told who does.

    The lock belongs to the process, so a killed one leaves none behind.
    """
    settings.home().mkdir(parents=True, exist_ok=True)
    with (settings.home() / "operations.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise Failed(
                f"`motcua {handle.read().strip()} is at work here. Wait for its end, or stop it"
                " with Ctrl-C."
            ) from None
        handle.truncate(0)
        handle.write(f"{what}` (process {os.getpid()})")
        handle.flush()
        yield


def up(tell: Tell) -> None:
    """Start the server and Airflow, to stay; what a killed `motcua run` left behind stays too."""
    _borrowed().unlink(missing_ok=True)
    tell("starting PostgreSQL")
    server.up()
    schema.migrate()
    airflow.up(tell)


def down() -> list[str]:
    """Stop Airflow and the server; returns what ran."""
    stopped = ["Airflow"] if airflow.down() else []
    if server.down():
        stopped.append("PostgreSQL")
    _borrowed().unlink(missing_ok=True)
    return stopped


@contextmanager
def borrowed() -> Iterator[None]:
    """Stop at the end of the block what the block started, also when it is interrupted.

    What `motcua up` started goes on; what a killed `motcua run` left behind stops too.
    """
    if not _borrowed().is_file():
        standing = {"server": server.running() is not None, "airflow": airflow.is_up()}
        missing = [name for name, stands in standing.items() if not stands]
        _borrowed().write_text(json.dumps(missing))
    ours: list[str] = json.loads(_borrowed().read_text())
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if "airflow" in ours:
            airflow.down()
        if "server" in ours:
            server.down()
        _borrowed().unlink(missing_ok=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _borrowed() -> Path:
    """Names what a running `motcua run` started, so that after a kill the next one stops it."""
    return settings.home() / "run.json"
