"""Airflow on this machine: its configuration, its four processes, and runs that were interrupted.

The metadata lies in the database `airflow` of the embedded server, also when the warehouse is
another PostgreSQL. Everything listens on 127.0.0.1 only.
"""

import base64
import configparser
import hashlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.operations import processes, rest
from motcua.warehouse import server

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
DAGS = ("ingest_exports", "build_warehouse", "publish_scorecard")
USERS = {"admin": "admin", "viewer": "viewer"}
READY_WITHIN = 120
"""Seconds after which a start counts as failed (it takes about 15 on two cores)."""
USUAL_PORT = 8080


def home() -> Path:
    """Folder of Airflow's configuration, logs, secrets and process files."""
    return settings.home().resolve() / "airflow"


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
    tell("configuring")
    _configure(server.url(record, "airflow", "airflow"))
    tell("preparing the metadata database")
    _migrate(server.url(record, "airflow", "airflow"))
    tell("starting its four processes")
    started_at = datetime.now(UTC)
    for name, arguments in COMPONENTS.items():
        command = [sys.executable, "-m", "airflow", *arguments]
        processes.start(home(), name, command, environment())
    _wait(tell)
    restart_interrupted_tasks(started_at)
    return True


def down() -> bool:
    """Stop Airflow; tells whether something of it ran."""
    *before, api_server = reversed(COMPONENTS)  # the others report to the API until they end
    ended = processes.end(home(), before, patience=5)
    ended += processes.end(home(), [api_server], patience=1)
    return bool(ended)


def is_up() -> bool:
    """Whether anything of Airflow runs."""
    return len(_stopped()) < len(COMPONENTS)


def is_ready() -> bool:
    """Whether all four processes run, under the settings of now, and the API knows the DAGs."""
    started = _started()
    if started is None or started["settings"] != _settings_digest():
        return False
    return not _stopped() and rest.answers(started["url"]) and not _missing_dags()


def url() -> str:
    """Address of the UI and of the API. Raises Failed when Airflow was never started."""
    started = _started()
    if started is None:
        raise Failed("Airflow was never started here. Start it with `motcua up`.")
    return started["url"]


def password_file() -> Path:
    """The file with the generated passwords of the users, readable by its owner alone."""
    return home() / "passwords.json"


def api() -> rest.Api:
    """A session of Airflow's REST API as administrator."""
    password = json.loads(password_file().read_text())["admin"]
    return rest.log_in(url(), "admin", password)


def health() -> dict[str, str]:
    """State of each component as the API tells it; empty when nothing answers."""
    started = _started()
    if started is None or not rest.answers(started["url"]):
        return {}
    found = rest.health(started["url"])
    return {name: part["status"] or "not running" for name, part in found.items()}


def task_log(dag_id: str, run_id: str, task_id: str = "*") -> tuple[str, list[str]]:
    """Name of the task that wrote last, of a run or of one task, and the lines it wrote.

    Read from the files: asking the API each time would cost it a core.
    """
    folder = home() / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
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


def _started() -> dict[str, str] | None:
    try:
        record: dict[str, str] = json.loads((home() / "started.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record


def _stopped() -> list[str]:
    return [name for name in COMPONENTS if not processes.running(home(), name)]


def _wait(tell: Callable[[str], None]) -> None:
    """Return when the API answers, to the tasks too, and knows the DAGs.

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
        else:
            return
        time.sleep(0.3)
    raise Failed(
        f"Airflow was not ready within {READY_WITHIN} s (missing: "
        f"{', '.join(_missing_dags()) if rest.answers(address) else 'an answer of its API'}). "
        f"{_log_end('api-server')}\n{_log_end('dag-processor')}"
    )


def _missing_dags() -> list[str]:
    found = {entry["dag_id"] for entry in api().call("GET", "/dags?limit=100")["dags"]}
    return [name for name in DAGS if name not in found]


def _log_end(name: str) -> str:
    path = home() / f"{name}.log"
    lines = path.read_text(errors="replace").splitlines()[-15:] if path.is_file() else []
    return "\n".join([f"The end of {path}:", *lines])


def environment() -> dict[str, str]:
    """Environment of Airflow's processes: ours without foreign Airflow settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return (
        kept
        | _own_settings()
        | {
            "AIRFLOW_HOME": str(home()),
            "DO_NOT_TRACK": "1",
            "PYTHONUNBUFFERED": "1",
        }
    )


def _own_settings() -> dict[str, str]:
    """The MOTCUA_* settings of now; paths are made absolute, as tasks run in another folder."""
    landing = settings.landing()
    paths = {
        "MOTCUA_HOME": settings.home(),
        "MOTCUA_REFERENCE": settings.reference(),
        "MOTCUA_PUBLICATIONS": settings.publications(),
        "MOTCUA_KEY_FILE": settings.key_file(),
    }
    return {
        **{name: value for name, value in os.environ.items() if name.startswith("MOTCUA_")},
        **{name: str(path.resolve()) for name, path in paths.items()},
        "MOTCUA_LANDING": landing if "://" in landing else str(Path(landing).resolve()),
    }


def _settings_digest() -> str:
    """Tells whether a running Airflow has the settings and the metadata server of now."""
    record = server.running() or {}
    text = json.dumps([_own_settings(), record.get("port"), str(home())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _configure(metadata_url: str) -> None:
    """Write airflow.cfg, the passwords and the record of this start; all private."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    users = ",".join(f"{user}:{role}" for user, role in USERS.items())
    _keep(password_file(), {user: secrets.token_urlsafe(16) for user in USERS})
    keys = _keep(
        home() / "secrets.json",
        {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "secret_key": secrets.token_urlsafe(48),
        },
    )
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": settings.PROJECT / "dags",
            "plugins_folder": settings.PROJECT / "plugins",
            "executor": "LocalExecutor",
            "parallelism": 4,
            "load_examples": False,
            "default_timezone": settings.TIME_ZONE,
            "dags_are_paused_at_creation": False,
            # The name of the machine as it is, without asking a name server.
            "hostname_callable": "socket.gethostname",
            "execution_api_server_url": f"{address}/execution/",
            "fernet_key": keys["fernet_key"],
            "simple_auth_manager_users": users,
            "simple_auth_manager_passwords_file": password_file(),
        },
        "database": {
            "sql_alchemy_conn": metadata_url.replace("postgresql:", "postgresql+psycopg2:"),
        },
        "logging": {"base_log_folder": home() / "logs"},
        "api": {
            "host": "127.0.0.1",
            "port": port,
            "base_url": address,
            "workers": 1,
            "secret_key": keys["secret_key"],
            "instance_name": "Một cửa",
        },
        "api_auth": {"jwt_secret": keys["jwt_secret"]},
        # Half a second between two looks for work: a task follows the one before it sooner.
        "scheduler": {"scheduler_idle_sleep_time": 0.5},
        "dag_processor": {"parsing_processes": 1, "min_file_process_interval": 60},
    }
    _write_private(home() / "airflow.cfg", _as_text(sections))
    started = {"url": address, "settings": _settings_digest()}
    _write_private(home() / "started.json", json.dumps(started))


def _as_text(sections: dict[str, dict[str, object]]) -> str:
    config = configparser.RawConfigParser()
    for name, options in sections.items():
        # Airflow expands %, so a path or password with one needs it twice.
        config[name] = {key: str(value).replace("%", "%%") for key, value in options.items()}
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def _migrate(metadata_url: str) -> None:
    """Bring the metadata database to this Airflow's version; skipped when it is there already.

    `airflow db migrate` takes seven seconds to find out that there is nothing to do.
    """
    stamp = home() / "metadata.json"
    wanted = {"airflow": version("apache-airflow"), "revision": _revision(metadata_url)}
    if wanted["revision"] and stamp.is_file() and json.loads(stamp.read_text()) == wanted:
        return
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=environment(),
        cwd=home(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Failed(f"Airflow's metadata database could not be prepared:\n{said}")
    wanted["revision"] = _revision(metadata_url)
    _write_private(stamp, json.dumps(wanted))


def _revision(metadata_url: str) -> str | None:
    with psycopg.connect(metadata_url, connect_timeout=10) as connection:
        found = connection.execute("select to_regclass('alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("select version_num from alembic_version").fetchone()
        return row[0] if row else None


def _keep(path: Path, fresh: dict[str, str]) -> dict[str, str]:
    """Values generated once and kept in a private file."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    if fresh.keys() - kept.keys():
        kept = fresh | kept
        _write_private(path, json.dumps(kept))
    return kept


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    partial.replace(path)


def _free_port() -> int:
    """8080 when nobody has it, else any free one."""
    for wanted in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise Failed("No free port on 127.0.0.1.")
