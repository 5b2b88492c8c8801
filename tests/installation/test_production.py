"""What docker-compose.yml runs, run outside containers: TLS, Celery, secrets, backups, rotation.

Needs Debian's packages postgresql and redis-server (the embedded PostgreSQL knows no TLS); without
them this is skipped, but fails where CI is set.
"""

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

import psycopg
import pytest

from motcua import settings
from motcua.errors import Failed
from motcua.operations import rest
from motcua_sample import write_sample

from . import production
from .production import Production

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def databases() -> Iterator[Production]:
    missing = [
        package
        for package, is_there in {
            "postgresql": production.postgres_programs(),
            "redis-server": shutil.which("redis-server"),
            "openssl": shutil.which("openssl"),
        }.items()
        if not is_there
    ]
    if missing:
        message = f"Install Debian's {', '.join(missing)} to see what the compose file runs tested."
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(message)
    with production.databases() as made:
        yield made


@pytest.fixture(scope="module")
def migrated(databases: Production) -> Production:
    for _ in range(2):  # the second time, as after a rotation: nothing to make
        done = databases.logins()
        assert done.returncode == 0, done.stderr
    done = databases.run("migrate")
    assert done.returncode == 0, done.stdout + done.stderr
    return databases


@pytest.fixture(scope="module")
def running(migrated: Production) -> Iterator[Production]:
    with production.airflow(migrated):
        yield migrated


def test_postgres_takes_tls_alone_and_proves_who_it_is(
    migrated: Production, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(migrated.secrets / "ca.crt"))
    address = migrated.secret("warehouse_url")
    with psycopg.connect(address) as connection:
        (version,) = connection.execute(
            "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl"
        ).fetchone() or (None,)
    assert version in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(address.replace("verify-full", "disable"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(re.sub(r":[0-9a-f]{48}@", ":guessed@", address))
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(address, host="another.example", hostaddr="127.0.0.1")
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = Production(stranger, migrated.account, ports=migrated.ports)
    other.prepare()
    monkeypatch.setenv("PGSSLROOTCERT", str(other.secrets / "ca.crt"))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(address)


def test_logins_have_their_own_database_and_no_more(
    migrated: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(migrated.secrets / "ca.crt"))
    address = migrated.secret("warehouse_url")
    with psycopg.connect(address) as connection:
        assert connection.execute(
            "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
        ).fetchone() == (False, True, False)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address.replace("/warehouse?", "/airflow?"))
    metadata = migrated.secret("metadata_url").replace("+psycopg2", "")
    psycopg.connect(metadata).close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(metadata.replace("/airflow?", "/warehouse?"))
    reader = re.sub(
        "//motcua:[0-9a-f]+@", f"//bi_reader:{migrated.secret('bi_reader_password')}@", address
    )
    with psycopg.connect(reader) as connection:
        connection.execute("select from published.latest_scorecard")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from raw.cases")


def test_redis_wants_its_password(migrated: Production) -> None:
    import redis

    port = migrated.ports["redis"]
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=port).ping()
    assert redis.Redis.from_url(migrated.secret("broker_url")).ping()


def test_no_secret_is_in_a_log(migrated: Production) -> None:
    said = (migrated.folder / "postgres.log").read_text()
    said += (migrated.folder / "redis.log").read_text()
    for name in ("postgres", "motcua", "airflow", "bi_reader", "redis"):
        assert migrated.secret(f"{name}_password") not in said


def test_a_component_that_does_not_run_is_not_healthy(running: Production) -> None:
    """Every one that runs was found healthy when it started."""
    assert running.is_healthy("worker", "worker-2")
    script = str(settings.PROJECT / "deploy" / "healthcheck.py")
    done = running.run("worker", "python", script, MOTCUA_WORKER="worker-3@here")
    assert done.returncode == 1
    assert "worker is not healthy" in done.stderr
    done = running.run(
        "scheduler",
        *("python", script),
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL="http://127.0.0.1:1/execution/",
    )
    assert done.returncode == 1


def test_a_night_runs_through_the_workers(running: Production) -> None:
    write_sample(running.data / "landing")
    address = f"http://127.0.0.1:{running.ports['api-server']}"
    passwords = json.loads(running.secret("airflow_passwords.json"))
    api = rest.log_in(address, "admin", passwords["admin"])

    def ended(dag_id: str) -> bool:
        try:
            runs = [one for one in rest.runs(api, dag_id) if one["run_type"] != "scheduled"]
        except Failed:  # no answer in time: the machine is busy
            return False
        assert all(one["state"] != "failed" for one in runs), runs
        return any(one["state"] == "success" for one in runs)

    run_id = rest.trigger(api, "ingest_exports", {})
    log = running.folder / "containers" / "worker-1.log"
    production.wait(lambda: ended("ingest_exports"), 300, log)
    production.wait(lambda: ended("build_warehouse"), 300, log)
    (load,) = rest.tasks(api, "ingest_exports", run_id)
    assert load["state"] == "success"

    def worked() -> dict[str, int]:
        return {
            name: (running.folder / "containers" / f"{name}.log")
            .read_text()
            .count("] succeeded in")
            for name in production.WORKERS
        }

    def is_over(run_id: str) -> bool:
        try:
            tasks = rest.tasks(api, "ingest_exports", run_id)
        except Failed:
            return False
        return [task["state"] for task in tasks] in (["success"], ["skipped"])  # nothing new

    for _ in range(20):  # which of them takes a task is chance
        if all(worked().values()):
            break
        again = rest.trigger(api, "ingest_exports", {})
        production.wait(partial(is_over, again), 300, log)
    assert all(worked().values()), f"each worker takes a part of the tasks: {worked()}"
    with psycopg.connect(
        running.secret("admin_url"), sslrootcert=str(running.secrets / "ca.crt")
    ) as connection:
        (plain,) = connection.execute(
            "select count(*) from pg_stat_ssl inner join pg_stat_activity using (pid)"
            " where client_addr is not null and not ssl"
        ).fetchone() or (None,)
        (encrypted,) = connection.execute("select count(*) from pg_stat_ssl where ssl").fetchone()
        (cases,) = connection.execute("select count(*) from core.fct_cases").fetchone()
    assert plain == 0
    assert encrypted > 3
    assert cases > 20_000


def test_a_publication_is_made_by_the_tools(running: Production) -> None:
    done = running.run("tools", "motcua", "publish", "2019-Q1", "--approved-by", "Nguyễn Văn A")
    assert done.returncode == 0, done.stdout + done.stderr
    assert any((running.data / "publications").rglob("*.xlsx"))


def test_a_backup_is_taken_over_tls(running: Production) -> None:
    done = running.run("admin", "motcua", "backup", str(running.folder / "state" / "backups"))
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (running.folder / "state" / "backups").iterdir()
    assert {"warehouse.dump", "airflow.dump"} <= {path.name for path in made.iterdir()}
    with tarfile.open(made / "landing.tar.gz") as packed:
        assert len(packed.getnames()) > 500
    _restored_beside(running, made)


def _restored_beside(running: Production, made: Path) -> None:
    """Restore a backup into other databases of the same server, and compare."""
    administrator = running.secret("admin_url")
    trusted = str(running.secrets / "ca.crt")
    with psycopg.connect(administrator, sslrootcert=trusted, autocommit=True) as connection:
        connection.execute("create database restored owner motcua")
        connection.execute("create database restored_airflow owner airflow")
    folder = running.folder / "restored"
    places = {
        "MOTCUA_WAREHOUSE_URL": administrator.replace("/warehouse?", "/restored?"),
        "MOTCUA_METADATA_URL": running.secret("metadata_url").replace(
            "/airflow?", "/restored_airflow?"
        ),
        "MOTCUA_HOME": str(folder / "home"),
        "MOTCUA_LANDING": str(folder / "landing"),
        "MOTCUA_PUBLICATIONS": str(folder / "publications"),
        "MOTCUA_NOTICES": str(folder / "notices"),
    }
    done = running.run("admin", "motcua", "restore", str(made), **places)
    assert done.returncode == 0, done.stdout + done.stderr
    for query, addresses in {
        "select count(*), sum(total) from published.appendix_1": ("/warehouse?", "/restored?"),
        "select count(*), max(end_date) from dag_run": ("/airflow?", "/restored_airflow?"),
    }.items():
        found = []
        for name in addresses:
            address = administrator.replace("/warehouse?", name)
            with psycopg.connect(address, sslrootcert=trusted) as connection:
                found.append(connection.execute(query).fetchone())
        assert found[0] == found[1], query
        assert found[0]
        assert found[0][0] > 0
    assert any((folder / "publications").rglob("*.xlsx"))


def test_the_monthly_cleaning_of_the_runbook_works_as_it_is_written(running: Production) -> None:
    text = (settings.PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## Clean up.*?```sh\n(.*?)```", text, re.DOTALL)
    logs, docs = running.data / "logs", running.data / "home" / "data_docs"
    (logs / "dag_id=old" / "run_id=old").mkdir(parents=True)
    docs.mkdir(exist_ok=True)
    old = [logs / "dag_id=old" / "run_id=old" / "attempt=1.log", docs / "old.html"]
    for path in (*old, docs / "index.html"):
        path.touch()
        os.utime(path, (0, 0))
    kept = {path for path in logs.rglob("*.log") if path not in old}
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        command = line.replace("docker compose exec scheduler ", "")
        command = command.replace("production/", f"{running.folder / 'state'}/")
        done = running.run("scheduler", "sh", "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not any(path.exists() for path in (*old, logs / "dag_id=old"))
    assert (docs / "index.html").is_file()
    assert all(path.is_file() for path in kept)
    assert any(logs / "dag_processor" in path.parents for path in kept)


def test_the_key_of_connections_is_made_anew(running: Production) -> None:
    add = ("airflow", "connections", "add", "motcua_smtp", "--conn-uri", "smtp://a:secret@mail")
    assert running.run("scheduler", *add).returncode == 0
    running.prepare("fernet_key")
    done = running.run("scheduler", "airflow", "rotate-fernet-key")
    assert done.returncode == 0, done.stderr
    (running.secrets / "fernet_key").write_text(running.secret("fernet_key").partition(",")[0])
    done = running.run("scheduler", "airflow", "connections", "get", "motcua_smtp", "-o", "json")
    assert json.loads(done.stdout)[0]["password"] == "secret", done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to another account")
@pytest.mark.parametrize("place", ["data/postgres", "data/landing", "backups"])
def test_secrets_are_made_anew_while_files_vanish(databases: Production, place: str) -> None:
    state, is_over = databases.folder / "state", Event()
    settled = state / "settings" / "of_root.json"
    settled.touch()
    os.chown(settled, 0, 0)
    vanished = 0

    def churn() -> None:
        nonlocal vanished
        while not is_over.is_set():
            paths = [state / place / f"of_a_moment_{number}" for number in range(200)]
            for path in paths:
                path.touch()
            for path in paths:
                path.unlink()
            vanished += len(paths)

    with ThreadPoolExecutor(1) as service:
        churning = service.submit(churn)
        try:
            for _ in range(10):
                databases.prepare("api_secret_key")
        finally:
            is_over.set()
        churning.result()
    assert vanished > 200
    assert settled.stat().st_uid == databases.account.pw_uid


def test_a_password_is_made_anew(running: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(running.secrets / "ca.crt"))
    before = running.secret("warehouse_url")
    administrator = running.secret("postgres_password")
    running.prepare("motcua_password", "postgres_password")
    assert running.logins(administrator).returncode == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(before)
    assert running.run("tools", "motcua", "rejects", "--by-reason").returncode == 0
    psycopg.connect(running.secret("admin_url")).close()
    said = (running.folder / "postgres.log").read_text()
    assert running.secret("motcua_password") not in said
