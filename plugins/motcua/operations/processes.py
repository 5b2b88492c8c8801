"""Programs that outlive the command that started them, found again by file and ended for sure.

Each runs in a session of its own. What it forks stays in that session (Airflow's tasks change their
process group, dbt runs below them), so the session tells what belongs to it, even when the program
itself was killed.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """What /proc tells of a process; `started` is in clock ticks since the machine's start."""

    pid: int
    state: str
    session: int
    started: int


def start(folder: Path, name: str, command: Sequence[str], env: Mapping[str, str]) -> int:
    """Start a program with its log and its process file in `folder`; returns its process id."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=dict(env),
            start_new_session=True,
        )
    stat = _stat(process.pid)
    record = {"pid": process.pid, "started": stat.started if stat else 0, "boot": _boot()}
    partial = folder / f"{name}.pid.new"
    partial.write_text(json.dumps(record))
    partial.replace(folder / f"{name}.pid")
    return process.pid


def running(folder: Path, name: str) -> bool:
    """Whether the program of this process file still runs (and is not a stranger of that id)."""
    record = _record(folder, name)
    stat = _stat(record["pid"]) if record else None
    return stat is not None and stat.state != "Z" and _is_ours(record, stat)


def end(folder: Path, names: Iterable[str], patience: float) -> list[str]:
    """Ask the programs to stop, and kill after `patience` seconds what is left of them.

    Returns the names of those of which something ran, the left-overs of killed ones included.
    """
    found = {name: record for name in names if (record := _record(folder, name))}
    alive = {name: record for name, record in found.items() if _members(record)}
    for record in alive.values():
        _signal([record["pid"]] if _leads(record) else _members(record), signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(_members(record) for record in alive.values()):
        time.sleep(0.05)
    for record in alive.values():
        while left := _members(record):
            _signal(left, signal.SIGKILL)
            time.sleep(0.05)
    for name in found:
        (folder / f"{name}.pid").unlink(missing_ok=True)
    return list(alive)


def _record(folder: Path, name: str) -> dict[str, int] | None:
    try:
        record = json.loads((folder / f"{name}.pid").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record if record["boot"] == _boot() else None


def _members(record: dict[str, int]) -> list[int]:
    """Living processes of the program's session."""
    leader = _stat(record["pid"])
    if leader and not _is_ours(record, leader):
        return []
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    stats = (_stat(pid) for pid in pids)
    return [
        stat.pid
        for stat in stats
        if stat
        and stat.session == record["pid"]
        and stat.state != "Z"
        and stat.started >= record["started"]
    ]


def _leads(record: dict[str, int]) -> bool:
    leader = _stat(record["pid"])
    return leader is not None and leader.state != "Z"


def _is_ours(record: dict[str, int] | None, stat: Stat) -> bool:
    return record is not None and stat.started == record["started"]


def _stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold blanks and brackets
    return Stat(pid, fields[0], int(fields[3]), int(fields[19]))


def _boot() -> str:
    """The machine's start: process ids of another one mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
