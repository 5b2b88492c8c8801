"""How long a day of the province takes through Airflow's scheduler, and by the command line.

    python benchmarks/daily.py [--days 3]

On a PostgreSQL server of its own, in a temporary folder: the sample without its last days is
loaded and built, and the warehouse copied. Then day after day (800 to 1000 records of cases, 1000
to 1500 of steps) lands for both, and each takes it up to rebuilt marts and provisional figures: one
warehouse by `motcua ingest` and `motcua build` while no Airflow runs, then the other by
`ingest_exports` and the build that its asset starts, from the request that triggers it to the end
of `build_warehouse`. The first day warms up both and does not count. In the end both warehouses
must hold the same figures.

Printed are the times of each day and, for the scheduler, what each task waited and worked. Exit
code 1 when the median through the scheduler is above 60 s, or above 1.5 times that of the command
line.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

MOST_SECONDS = 60
MOST_TIMES = 1.5
GIVEN_UP = 600
"""Seconds after which a build that does not end counts as failed."""

DATE = re.compile(r"_(\d{4}-\d\d-\d\d)")
BY_HAND = "by_hand"
"""Name of the copied database, and of the folder of the command line's own home."""


class Task(NamedTuple):
    """A task of the scheduler: seconds since the end of what came before, and of its own."""

    name: str
    waited: float
    worked: float


def hold_back(folder: Path, landing: Path, days: int) -> list[Path]:
    """Write the sample, and move its last days out of the landing zone: a folder for each."""
    from motcua_sample import write_sample

    write_sample(landing)
    files = defaultdict(list)
    for path in landing.rglob("*.*"):
        if found := DATE.search(path.name):
            files[found[1]].append(path)
    held = []
    for date in sorted(files)[-days:]:
        held.append(folder / "held" / date)
        for path in files[date]:
            target = held[-1] / path.relative_to(landing)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    return held


def by_hand(folder: Path, *arguments: str) -> float:
    """Run a command on the copy; returns its seconds."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    own = {
        "MOTCUA_HOME": str(folder / BY_HAND),
        "MOTCUA_KEY_FILE": str(folder / "home" / "pseudonym.key"),
        "MOTCUA_LANDING": str(folder / BY_HAND / "landing"),
        "MOTCUA_WAREHOUSE_URL": server.url(record, "postgres", BY_HAND),
    }
    return _command(os.environ | own, *arguments)


def through_scheduler() -> tuple[float, list[Task]]:
    """Let Airflow load and build what has landed; returns the seconds, and where they went."""
    from motcua.operations import airflow, rest

    api = airflow.api()
    began = datetime.now(UTC)
    run_id = rest.trigger(api, "ingest_exports", {})
    build = _build_since(api, began)
    if build["state"] != "success":
        sys.exit(f"The build failed: {airflow.task_log('build_warehouse', build['dag_run_id'])}")
    tasks = rest.tasks(api, "ingest_exports", run_id)
    tasks += rest.tasks(api, "build_warehouse", build["dag_run_id"])
    told, before = [], began
    for task in tasks:
        start, end = _moment(task["start_date"]), _moment(task["end_date"])
        told.append(Task(task["task_id"], _seconds(before, start), _seconds(start, end)))
        before = end
    ended = _moment(build["end_date"])
    told.append(Task("(end of the run)", _seconds(before, ended), 0.0))
    return _seconds(began, ended), told


def prepare(folder: Path, days: int) -> list[Path]:
    """Load and build all but the last days, and copy the warehouse; returns what is held back."""
    from motcua import settings
    from motcua.warehouse import server

    record, _ = server.up()
    held = hold_back(folder, folder / "home" / "landing", days)
    for stage in ("ingest", "build"):
        _command(os.environ, stage)
    shutil.copytree(folder / "home" / "landing", folder / BY_HAND / "landing")
    with psycopg.connect(server.url(record, "postgres", "postgres"), autocommit=True) as admin:
        name = sql.Identifier(BY_HAND)
        admin.execute(sql.SQL("create database {} template warehouse").format(name))
        # What stands on the database itself is not copied with it.
        admin.execute(sql.SQL("grant create on database {} to motcua_transformer").format(name))
        admin.execute(
            sql.SQL("alter database {} set timezone to {}").format(name, settings.TIME_ZONE)
        )
    return held


def measure(folder: Path, held: list[Path]) -> bool:
    """Take up the days that were held back and print the times; tells whether the limits hold."""
    from motcua.operations import airflow

    commands, scheduler = [], []
    for day in held:
        for landing in (folder / "home" / "landing", folder / BY_HAND / "landing"):
            shutil.copytree(day, landing, dirs_exist_ok=True)
        load, build = by_hand(folder, "ingest"), by_hand(folder, "build")
        airflow.up()
        try:
            seconds, tasks = through_scheduler()
        finally:
            airflow.down()
        commands.append(load + build)
        scheduler.append(seconds)
        print(
            f"\n{day.name}{' (warms up)' if day == held[0] else ''}: command line"
            f" {load + build:.1f} s (load {load:.1f}, build {build:.1f}),"
            f" scheduler {seconds:.1f} s, {seconds / (load + build):.2f} times;"
            f" load average {os.getloadavg()[0]:.1f}"
        )
        for task in tasks:
            print(f"  {task.name:24} waited {task.waited:5.1f} s, worked {task.worked:5.1f} s")
    command, seconds = statistics.median(commands[1:]), statistics.median(scheduler[1:])
    kept = seconds <= MOST_SECONDS and seconds <= MOST_TIMES * command
    print(
        f"\nMedians of {len(held) - 1} days: command line {command:.1f} s,"
        f" scheduler {seconds:.1f} s (at most {MOST_SECONDS}), {seconds / command:.2f} times"
        f" (at most {MOST_TIMES}): {'kept' if kept else 'MISSED'}"
    )
    return kept


def same_figures(folder: Path) -> bool:
    """Whether both warehouses hold the same marts."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    found = []
    for database in ("warehouse", BY_HAND):
        with psycopg.connect(server.url(record, "postgres", database)) as connection:
            found.append(
                [
                    connection.execute(
                        f"select count(*), sum(hashtextextended(t::text, 0)::numeric)"
                        f" from marts.{table} as t"
                    ).fetchone()
                    for table in ("scorecard", "appendix_1", "appendix_2", "late_cases")
                ]
            )
    return found[0] == found[1] and all(row and row[0] for row in found[0])


def _build_since(api: Any, began: datetime) -> dict[str, Any]:
    from motcua.operations import rest

    deadline = time.monotonic() + GIVEN_UP
    while time.monotonic() < deadline:
        for run in rest.runs(api, "build_warehouse"):
            if run["end_date"] and _moment(run["start_date"]) >= began:
                return run
        time.sleep(1)
    sys.exit(f"No build ended within {GIVEN_UP} s.")


def _command(environment: Any, *arguments: str) -> float:
    command = [str(Path(sys.executable).with_name("motcua")), *arguments]
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=3)
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="motcua-daily-"))
    os.environ["MOTCUA_HOME"] = str(folder / "home")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    from motcua.operations import airflow
    from motcua.warehouse import server

    try:
        is_kept = measure(folder, prepare(folder, arguments.days + 1))
        if not same_figures(folder):
            sys.exit("The two warehouses differ: they did not do the same.")
        return 0 if is_kept else 1
    finally:
        airflow.down()
        record = server.running()
        if record:
            server.down()
            shutil.rmtree(Path(record["data"]).parent)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
