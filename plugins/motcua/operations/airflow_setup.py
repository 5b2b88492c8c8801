"""What Airflow on this machine is told: configuration, secrets, environment, metadata database."""

import base64
import configparser
import hashlib
import io
import json
import os
import secrets
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.operations import broker
from motcua.warehouse import server

LOCAL, CELERY = "LocalExecutor", "CeleryExecutor"
TASKS_AT_ONCE = 4
CELERY_WORKERS = ("worker-1", "worker-2")
"""They share the tasks of CeleryExecutor on this machine evenly."""


def home() -> Path:
    """Folder of Airflow's configuration, logs, secrets and process files."""
    return settings.home().resolve() / "airflow"


def password_file() -> Path:
    """The file with the generated passwords of the users, readable by its owner alone."""
    return home() / "passwords.json"


def started() -> dict[str, str] | None:
    """Address and settings of the last start; None when there was none."""
    try:
        record: dict[str, str] = json.loads((home() / "started.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record


def environment() -> dict[str, str]:
    """Environment of Airflow's processes: ours without foreign Airflow settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    airflow = {"AIRFLOW_HOME": str(home()), "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    return kept | _own_settings() | airflow


def _own_settings() -> dict[str, str]:
    """The MOTCUA_* settings of now; paths are made absolute, as tasks run in another folder."""
    landing = settings.landing()
    paths = {
        "MOTCUA_HOME": settings.home(),
        "MOTCUA_REFERENCE": settings.reference(),
        "MOTCUA_PUBLICATIONS": settings.publications(),
        "MOTCUA_NOTICES": settings.notices(),
        "MOTCUA_KEY_FILE": settings.key_file(),
    }
    if login := settings.landing_options_file():
        paths["MOTCUA_LANDING_OPTIONS_FILE"] = login
    if addresses := settings.unit_addresses():
        paths["MOTCUA_UNIT_ADDRESSES"] = addresses
    if broker_file := settings.broker_url_file():
        paths["MOTCUA_BROKER_URL_FILE"] = broker_file
    return {
        **{name: value for name, value in os.environ.items() if name.startswith("MOTCUA_")},
        **{name: str(path.resolve()) for name, path in paths.items()},
        "MOTCUA_LANDING": landing if "://" in landing else str(Path(landing).resolve()),
    }


def executor() -> str:
    """The executor of the settings. Raises Failed when it is none of the two that are known."""
    named = settings.airflow_executor()
    if named not in (LOCAL, CELERY):
        raise Failed(f"MOTCUA_AIRFLOW_EXECUTOR is {named}. Set it to {LOCAL} or {CELERY}.")
    return named


def settings_digest() -> str:
    """Tells whether a running Airflow has the settings and the metadata server of now."""
    record = server.running() or {}
    messages = broker.url() if executor() == CELERY else None
    told = [_own_settings(), messages, record.get("port"), str(home())]
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def configure(metadata_url: str) -> None:
    """Write airflow.cfg, the passwords and the record of this start; all private."""
    port = server.free_port(settings.airflow_port())
    address = f"http://127.0.0.1:{port}"
    roles = settings.airflow_users()
    users = ",".join(f"{user}:{role}" for user, role in roles.items())
    _keep(password_file(), {user: secrets.token_urlsafe(16) for user in roles})
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
            "executor": executor(),
            "parallelism": TASKS_AT_ONCE,
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
        # The longest time until it is seen that a task's process has ended. An answer to a sign-off
        # that comes before that fails the task (decision 57).
        "workers": {"min_heartbeat_interval": 1},
        "dag_processor": {"parsing_processes": 1, "min_file_process_interval": 60},
    }
    if executor() == CELERY:
        sections |= {
            "celery": {
                "broker_url": broker.url(),
                "worker_concurrency": TASKS_AT_ONCE // len(CELERY_WORKERS),
            },
            # Longer than any task: a message that is older is given out a second time.
            "celery_broker_transport_options": {"visibility_timeout": 24 * 3600},
        }
    server.write_private(home() / "airflow.cfg", _as_text(sections))
    started = {"url": address, "settings": settings_digest(), "executor": executor()}
    server.write_private(home() / "started.json", json.dumps(started))


def _as_text(sections: dict[str, dict[str, object]]) -> str:
    config = configparser.RawConfigParser()
    for name, options in sections.items():
        # Airflow expands %, so a path or password with one needs it twice.
        config[name] = {key: str(value).replace("%", "%%") for key, value in options.items()}
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def migrate(metadata_url: str) -> None:
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
    server.write_private(stamp, json.dumps(wanted))


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
        server.write_private(path, json.dumps(kept))
    return kept
