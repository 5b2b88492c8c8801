"""Airflow on this machine: its processes, up and down, and tasks that were interrupted.

The metadata lies in the database `airflow` of the embedded server, also when the warehouse is
another PostgreSQL. Everything listens on 127.0.0.1 only.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from motcua.errors import Failed
from motcua.operations import airflow_setup as setup
from motcua.operations import broker, processes, rest
from motcua.warehouse import server

COMPONENTS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
WORKERS = {
    # Their logs lie in the folder that the API server reads: no server of logs is needed, which
    # would listen on every address.
    name: ["celery", "worker", "--celery-hostname", name, "--skip-serve-logs", "--without-gossip"]
    for name in setup.CELERY_WORKERS
}
"""What CeleryExecutor adds to the components."""
DAGS = (
    *("ingest_exports", "build_warehouse", "publish_scorecard"),
    *("check_freshness", "notify_units"),
)
READY_WITHIN = 120
"""Seconds after which a start counts as failed (it takes about 15 on two cores)."""


def up(tell: Callable[[str], None] = lambda text: None) -> bool:
    """Start Airflow, or find the one that runs; tells whether this call started it.

    One that runs with other settings, or that is a left-over of a killed run and does not answer,
    is replaced. Raises Failed when it does not answer in time, with the end of the log.
    """
    if is_ready():
        return False
    down()
    record = server.running()
    if record is None:
        raise Failed("The embedded server does not run, and it keeps Airflow's metadata.")
    if setup.executor() == setup.CELERY:
        tell("looking for the broker")
        broker.check()
    tell("configuring")
    setup.configure(server.url(record, "airflow", "airflow"))
    tell("preparing the metadata database")
    setup.migrate(server.url(record, "airflow", "airflow"))
    tell(f"starting its {len(components())} processes")
    started_at = datetime.now(UTC)
    for name, arguments in components().items():
        command = [sys.executable, "-m", "airflow", *arguments]
        processes.start(setup.home(), name, command, setup.environment())
    _wait(tell)
    restart_interrupted_tasks(started_at)
    return True


def down() -> bool:
    """Stop Airflow; tells whether something of it ran."""
    # The others report to the API until they end. Workers may be there from other settings.
    *before, api_server = reversed(COMPONENTS | WORKERS)
    ended = processes.end(setup.home(), before, patience=5)
    ended += processes.end(setup.home(), [api_server], patience=1)
    return bool(ended)


def is_up() -> bool:
    """Whether anything of Airflow runs."""
    return any(processes.running(setup.home(), name) for name in COMPONENTS | WORKERS)


def components() -> dict[str, list[str]]:
    """The processes that belong to the executor of the settings, and their arguments."""
    return COMPONENTS | WORKERS if setup.executor() == setup.CELERY else COMPONENTS


def is_ready() -> bool:
    """Whether all processes run, under the settings of now, and the API knows the DAGs."""
    started = setup.started()
    if started is None or started["settings"] != setup.settings_digest():
        return False
    return not _stopped() and rest.answers(started["url"]) and not _missing_dags()


def url() -> str:
    """Address of the UI and of the API. Raises Failed when Airflow was never started."""
    started = setup.started()
    if started is None:
        raise Failed(
            "Airflow was never started here. Start it with `motcua up`; one that runs elsewhere, as"
            " in containers, has a UI of its own."
        )
    return started["url"]


def api() -> rest.Api:
    """A session of Airflow's REST API as administrator."""
    password = json.loads(setup.password_file().read_text())["admin"]
    return rest.log_in(url(), "admin", password)


def health() -> dict[str, str]:
    """State of each component as the API tells it; empty when nothing answers."""
    started = setup.started()
    if started is None or not rest.answers(started["url"]):
        return {}
    found = rest.health(started["url"])
    states = {name: part["status"] or "not running" for name, part in found.items()}
    workers = WORKERS if started["executor"] == setup.CELERY else ()
    running = {name: processes.running(setup.home(), name) for name in workers}
    return states | {name: "running" if runs else "not running" for name, runs in running.items()}


def task_log(dag_id: str, run_id: str, task_id: str = "*") -> tuple[str, list[str]]:
    """Name of the task that wrote last, of a run or of one task, and the lines it wrote.

    Read from the files: asking the API each time would cost it a core.
    """
    folder = setup.home() / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
    newest = max(folder.glob(f"task_id={task_id}/attempt=*.log"), key=_written_at, default=None)
    if newest is None:
        return "", []
    entries = newest.read_text(errors="replace").splitlines()
    return (
        newest.parent.name.removeprefix("task_id="),
        [line for entry in entries for line in _said(entry)],
    )


def _written_at(path: Path) -> float:
    return path.stat().st_mtime


def _said(entry: str) -> list[str]:
    """What one line of a log file says: its text, and the exception that it tells of."""
    try:
        told = json.loads(entry)
    except json.JSONDecodeError:
        return [entry]
    lines = str(told.get("event", "")).splitlines()
    for detail in told.get("error_detail") or []:
        lines += f"{detail.get('exc_type')}: {detail.get('exc_value')}".splitlines()
    return [line for line in lines if not line.startswith(("::group::", "::endgroup::"))]


def restart_interrupted_tasks(started_at: datetime) -> None:
    """Run again the tasks that were cut off before this Airflow started.

    No process of theirs lives, but they would stand as queued or running until somebody misses
    their heartbeat, for minutes, and hold up the next runs. Every task may run twice without harm.
    """
    session = api()
    for task in rest.begun_tasks(session):
        begun_at = task["queued_when"] or task["start_date"]
        if begun_at is None or datetime.fromisoformat(begun_at) >= started_at:
            continue
        dag = f"/dags/{task['dag_id']}"
        path = f"{dag}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{task['task_id']}"
        session.call("PATCH", path, {"new_state": "failed"})
        again = {
            "dag_run_id": task["dag_run_id"],
            "task_ids": [task["task_id"]],
            "include_downstream": True,
            "only_failed": False,
            "run_on_latest_version": True,
            "dry_run": False,
        }
        session.call("POST", f"{dag}/clearTaskInstances", again)


def _stopped() -> list[str]:
    return [name for name in components() if not processes.running(setup.home(), name)]


def _wait(tell: Callable[[str], None]) -> None:
    """Return when the API answers, to the tasks too, and knows the DAGs, and workers answer.

    The part that tasks talk to is built at its first request, for seconds; a task would give up
    that request and wait longer.
    """
    deadline = time.monotonic() + READY_WITHIN
    address = url()
    is_warm = False
    while time.monotonic() < deadline:
        for name in _stopped():
            raise Failed(f"Airflow's {name} ended at its start. {_log_end(name)}")
        if not rest.answers(address):
            tell("waiting for the API")
        elif not is_warm:
            tell("waiting for the API of the tasks")
            is_warm = rest.answers(address, "/execution/health", timeout=30)
        elif missing := _missing_dags():
            tell(f"waiting for {', '.join(missing)}")
        elif silent := _silent_workers():
            tell(f"waiting for {', '.join(silent)}")
        else:
            return
        time.sleep(0.3)
    raise Failed(
        f"Airflow was not ready within {READY_WITHIN} s (missing: "
        f"{', '.join(_missing_dags()) if rest.answers(address) else 'an answer of its API'}). "
        f"{_log_end('api-server')}\n{_log_end('dag-processor')}"
    )


def _silent_workers() -> list[str]:
    return broker.silent(WORKERS) if setup.executor() == setup.CELERY else []


def _missing_dags() -> list[str]:
    """Which DAGs the API does not know yet; all, while another Airflow's API answers in its place.

    That one took the port between the choice and the start, and ours ends soon.
    """
    try:
        session = api()
    except Failed:
        return list(DAGS)
    found = {entry["dag_id"] for entry in session.call("GET", "/dags?limit=100")["dags"]}
    return [name for name in DAGS if name not in found]


def _log_end(name: str) -> str:
    path = setup.home() / f"{name}.log"
    lines = path.read_text(errors="replace").splitlines()[-15:] if path.is_file() else []
    return "\n".join([f"The end of {path}:", *lines])
