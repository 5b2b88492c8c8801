"""Runs what docker-compose.yml has containers run, with its environment, without containers.

Commands, environment and health checks are those of the file; only places differ: paths of the
containers become folders here, names of services become 127.0.0.1 and ports that are free. No
variable of whoever runs the tests reaches the processes.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import compose_file
from motcua import settings
from motcua.operations import processes
from motcua.warehouse import server

WORKERS = ("worker-1", "worker-2")
PATIENCE = 180
"""Seconds that Airflow may take to start on a busy machine."""


@dataclass
class Production:
    """An installation: its folder, its ports, and what the compose file says with its .env."""

    folder: Path
    account: pwd.struct_passwd
    compose: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def secrets(self) -> Path:
        return self.folder / "state" / "secrets"

    @property
    def data(self) -> Path:
        return self.folder / "state" / "data"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def prepare(self, *names: str) -> str:
        """Run deploy/prepare.sh."""
        script = str(settings.PROJECT / "deploy" / "prepare.sh")
        environment = {
            "PATH": os.environ["PATH"],
            "MOTCUA_STATE": str(self.folder / "state"),
            "MOTCUA_ENV_FILE": str(self.folder / ".env"),
            "MOTCUA_UID": str(self.account.pw_uid),
            "MOTCUA_GID": str(self.account.pw_gid),
            "MOTCUA_POSTGRES_ADDRESS": f"localhost:{self.ports['postgres']}",
            "MOTCUA_REDIS_ADDRESS": f"127.0.0.1:{self.ports['redis']}",
        }
        done = subprocess.run(
            ["sh", script, *names], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def read(self) -> None:
        lines = (self.folder / ".env").read_text().splitlines()
        told = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        self.compose = compose_file.read(told)

    def here(self, text: str) -> str:
        """A text of the compose file with the places of this machine."""
        places = {
            "/run/secrets": str(self.secrets),
            "/opt/motcua": str(settings.PROJECT),
            "/var/lib/motcua/settings": str(self.folder / "state" / "settings"),
            "/var/lib/motcua/backups": str(self.folder / "state" / "backups"),
            "/var/lib/motcua": str(self.data),
            "/etc/motcua/pg_hba.conf": str(settings.PROJECT / "deploy" / "pg_hba.conf"),
            "/tmp/airflow": str(self.folder / "airflow"),  # noqa: S108
            "http://api-server:8080": f"http://127.0.0.1:{self.ports['api-server']}",
            "http://127.0.0.1:8080": f"http://127.0.0.1:{self.ports['api-server']}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104
        }
        for place, ours in places.items():
            text = text.replace(place, ours)
        return text

    def environment(self, service: str, name: str | None = None) -> dict[str, str]:
        """What a container of a service has; `name` tells containers of one service apart."""
        told = self.compose["services"][service].get("environment", {})
        found = {variable: self.here(str(value)) for variable, value in told.items()}
        if "AIRFLOW_HOME" in found:
            home = self.folder / "airflow" / (name or service)
            found |= {
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__API__PORT": str(self.ports["api-server"]),
            }
            passwords = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
            found[passwords] = str(home / "passwords.json")
        tools = [Path(sys.executable).parent, postgres_programs() or "/usr/bin", "/usr/bin", "/bin"]
        return {
            "PATH": ":".join(str(one) for one in tools),
            "LANG": "C.UTF-8",
            **self.image_environment(),
            **found,
            **({"MOTCUA_WORKER": f"{name}@here"} if name in WORKERS else {}),
        }

    def image_environment(self) -> dict[str, str]:
        """What the Dockerfile sets, but the search path."""
        text = (settings.PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
        (line,) = re.findall(r"^ENV (PATH=.*)$", text, re.MULTILINE)
        told = dict(one.split("=", 1) for one in line.split())
        del told["PATH"]
        told["MOTCUA_COMMIT"] = self.compose["services"]["migrate"]["build"]["args"][
            "MOTCUA_COMMIT"
        ]
        return {name: self.here(value) for name, value in told.items()}

    def command(self, service: str) -> list[str]:
        return [self.here(word) for word in self.compose["services"][service]["command"]]

    def run(self, service: str, *command: str, **others: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end as a container of the service would."""
        return subprocess.run(
            command or self.command(service),
            env=self.environment(service) | others,
            cwd=settings.PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    def is_healthy(self, service: str, name: str | None = None) -> bool:
        """Run the health check of the service, else that of the image."""
        own = self.compose["services"][service].get("healthcheck")
        if own:
            kind, *command = own["test"]
            command = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        else:
            text = (settings.PROJECT / "Dockerfile").read_text()
            (words,) = re.findall(r"HEALTHCHECK .*?CMD \[(.*?)\]", text, re.DOTALL)
            command = [word.strip(' "') for word in words.split(",")]
        environment = self.environment(service, name)
        if service == "postgres":
            environment["PGPORT"] = str(self.ports["postgres"])
        if service == "redis":
            command[-1] = command[-1].replace("redis-cli", f"redis-cli -p {self.ports['redis']}")
        done = subprocess.run(
            [self.here(word) for word in command],
            env=environment,
            cwd=settings.PROJECT,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def logins(self, password: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run deploy/logins.sh in the container of PostgreSQL."""
        environment = {
            **self.environment("postgres"),
            "MOTCUA_SECRETS": str(self.secrets),
            "PGHOST": str(self.folder / "socket"),
            "PGPORT": str(self.ports["postgres"]),
            **({"PGPASSWORD": password} if password else {}),
        }
        script = str(settings.PROJECT / "deploy" / "logins.sh")
        return subprocess.run(
            ["sh", script], env=environment, capture_output=True, text=True, check=False
        )


def postgres_programs() -> Path | None:
    """The newest of Debian's PostgreSQL servers: the embedded one knows no TLS."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


@contextmanager
def databases() -> Iterator[Production]:
    """PostgreSQL with TLS and Redis as the compose file has them, with fresh secrets."""
    account = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("postgres")
    folder = Path(tempfile.mkdtemp(prefix="motcua-production-"))
    folder.chmod(0o755)
    made = Production(folder, account)
    made.ports = {name: server.free_port() for name in ("postgres", "redis", "api-server")}
    running: list[subprocess.Popen[bytes]] = []
    try:
        made.prepare()
        made.read()
        running.append(_start_postgres(made))
        redis = [
            *made.command("redis")[:-1],
            *(str(made.data / "redis"), "--port", str(made.ports["redis"]), "--bind", "127.0.0.1"),
        ]
        with (folder / "redis.log").open("wb") as log:
            running.append(subprocess.Popen(redis, stdout=log, stderr=log))
        wait(lambda: made.is_healthy("postgres"), 30, folder / "postgres.log")
        wait(lambda: made.is_healthy("redis"), 30, folder / "redis.log")
        yield made
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        shutil.rmtree(folder)


def _start_postgres(made: Production) -> "subprocess.Popen[bytes]":
    """What the entry point of PostgreSQL's image does: initdb, logins, the server."""
    programs = postgres_programs()
    assert programs
    data = made.data / "postgres"
    for place in (made.folder / "socket",):
        place.mkdir()
        os.chown(place, made.account.pw_uid, made.account.pw_gid)
    as_account = {"user": made.account.pw_uid, "group": made.account.pw_gid, "cwd": "/"}
    if os.getuid():
        as_account = {"cwd": "/"}
    subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=scram-sha-256"),
            *(f"--pwfile={made.secrets / 'postgres_password'}", "--locale=C.UTF-8"),
            *("--encoding=UTF8", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        **as_account,  # type: ignore[call-overload]
    )
    _, *options = made.command("postgres")
    where = ["-D", str(data), "-h", "127.0.0.1", "-p", str(made.ports["postgres"])]
    # The script lies where the account may not look: the server reads its rules from a copy.
    rules = made.folder / "pg_hba.conf"
    shutil.copyfile(settings.PROJECT / "deploy" / "pg_hba.conf", rules)
    rules.chmod(0o644)
    options = [one.replace(str(settings.PROJECT / "deploy"), str(made.folder)) for one in options]
    with (made.folder / "postgres.log").open("wb") as log:
        return subprocess.Popen(
            [str(programs / "postgres"), *options, *where, "-k", str(made.folder / "socket")],
            stdout=log,
            stderr=log,
            **as_account,  # type: ignore[call-overload]
        )


@contextmanager
def airflow(made: Production) -> Iterator[None]:
    """Every Airflow container of the compose file, healthy; its databases are migrated before."""
    containers = {
        "api-server": "api-server",
        "scheduler": "scheduler",
        "dag-processor": "dag-processor",
        "triggerer": "triggerer",
        **dict.fromkeys(WORKERS, "worker"),
    }
    folder = made.folder / "containers"
    try:
        for name, service in containers.items():
            command = made.command(service)
            if service == "worker":
                command += ["--celery-hostname", f"{name}@here"]
            processes.start(folder, name, command, made.environment(service, name))
        for name, service in containers.items():
            wait(lambda n=name, s=service: made.is_healthy(s, n), PATIENCE, folder / f"{name}.log")
        yield
    finally:
        *first, last = reversed(containers)
        processes.end(folder, first, patience=20)
        processes.end(folder, [last], patience=2)


def wait(holds: Any, seconds: float, log: Path) -> None:
    """Wait until something holds; the end of a log tells why it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            said = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
            raise AssertionError(f"not within {seconds} s; {log.name}:\n{said}")
        time.sleep(1)
