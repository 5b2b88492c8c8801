"""How long a day of the province takes through Airflow's scheduler, and by the command line.

    motcua bench scheduler [--days 3]

On a PostgreSQL server of its own, in a temporary folder: the sample without its last days is
loaded and built, and the warehouse copied. Then day after day (800 to 1000 records of cases, 1000
to 1500 of steps) lands for both, and each takes it up to rebuilt marts and provisional figures: one
warehouse by `motcua ingest` and `motcua build` while no Airflow runs, then the other by
`ingest_exports` and the build that its asset starts, from the request that triggers it to the end
of `build_warehouse`. The first day warms up both and does not count. In the end both warehouses
must hold the same figures.

Printed are besides, for each day, what each task of the scheduler waited and worked. Exit code 1
when the median through the scheduler is above 60 s, or above 1.5 times that of the command
line.
"""

import argparse
import os
import re
import shutil
import statistics
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import measuring
import psycopg
from measuring import Row

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
    return measuring.command(*arguments, environment=os.environ | own)


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
    held = hold_back(folder, folder / "home" / "landing", days)
    for stage in ("ingest", "build"):
        measuring.command(stage)
    shutil.copytree(folder / "home" / "landing", folder / BY_HAND / "landing")
    measuring.copy_warehouse(BY_HAND)
    return held


def measure(folder: Path, held: list[Path]) -> list[Row]:
    """Take up the days that were held back; returns the times of all but the first."""
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
    commands, scheduler = commands[1:], scheduler[1:]
    times = measuring.ratio(scheduler, commands)
    return [
        Row("command line", "s", commands),
        Row(
            *("scheduler", "s", scheduler, "command line", times),
            limit=f"≤ {MOST_SECONDS} s, ≤ {MOST_TIMES} times",
            is_kept=statistics.median(scheduler) <= MOST_SECONDS and times <= MOST_TIMES,
        ),
    ]


def same_figures() -> bool:
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
    with measuring.own_server("scheduler") as (folder, _):
        from motcua.operations import airflow

        try:
            measuring.warn_if_busy()
            rows = measure(folder, prepare(folder, arguments.days + 1))
            if not same_figures():
                sys.exit("The two warehouses differ: they did not do the same.")
            what = f"The sample, and {arguments.days} days after one that warms up."
            return 0 if measuring.tell("scheduler", what, rows) else 1
        finally:
            airflow.down()


if __name__ == "__main__":
    sys.exit(main())
