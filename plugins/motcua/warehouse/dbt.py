"""Runs dbt, once per build, and keeps what it did."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import sql

from motcua import settings
from motcua.errors import Failed
from motcua.warehouse import database

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Waiting:
    """What has changed since the last build: files, the reference pack, the models."""

    files: int
    reference: bool
    models: bool

    def __bool__(self) -> bool:
        return bool(self.files or self.reference or self.models)


@dataclass(frozen=True)
class BuildReport:
    """What a build did: nothing when nothing was new."""

    built: bool
    nodes: int = 0
    seconds: float = 0.0
    slowest: list[tuple[str, float]] = field(default_factory=list)


def waiting(reference_sha256: str) -> Waiting:
    """What a build would have to take up, with the pack of this sha256."""
    with database.connect(database.TRANSFORMER) as connection:
        found = connection.execute("select to_regclass('core.files_applied')").fetchone()
        assert found is not None
        if found[0] is None:
            files = connection.execute("select count(*) from raw.files").fetchone()
            assert files is not None
            return Waiting(files[0], reference=True, models=True)
        row = connection.execute(
            """
            with active as (
                select file_id
                from (
                    select
                        file_id,
                        revision,
                        max(revision) over (partition by feed, business_date, part) as highest
                    from raw.files
                    where state = 'loaded'
                ) as ranked
                where revision = highest
            )
            select
                (
                    select count(*)
                    from active full join core.files_applied as applied using (file_id)
                    where active.file_id is null or applied.file_id is null
                ),
                coalesce((select max(reference_sha256) from core.files_applied), '') <> %s,
                coalesce((select max(project_sha256) from core.files_applied), '') <> %s
            """,
            [reference_sha256, project_sha256()],
        ).fetchone()
        assert row is not None
        return Waiting(*row)


def build(
    reference_sha256: str,
    progress: Progress | None = None,
    full_refresh: bool = False,
    only_passed: bool = False,
) -> BuildReport:
    """Build core and marts from what has landed, with the reference pack of this sha256.

    only_passed: of the files, those that the landing gate has let through (ops.landing_passed).

    Nothing new, nothing done. Changed models build everything anew: what stands was computed
    by the code that is there. Raises Failed with dbt's own messages when a model or a test fails;
    `core.files_applied` is then as before, and the next build takes up the same days again.
    """
    with database.only_one("build"):
        news = waiting(reference_sha256)
        if not news and not full_refresh:
            return BuildReport(built=False)
        started = time.monotonic()
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        if full_refresh or news.models:
            arguments.append("--full-refresh")
        results = run(
            arguments, {"reference_sha256": reference_sha256, "only_passed": only_passed}, progress
        )
        done = [(node["unique_id"].split(".")[2], node["execution_time"]) for node in results]
        return BuildReport(
            built=True,
            nodes=len(results),
            seconds=time.monotonic() - started,
            slowest=sorted(done, key=lambda node: -node[1])[:5],
        )


def run(
    arguments: list[str],
    variables: dict[str, Any],
    progress: Progress | None = None,
    stage: str = "build",
) -> list[dict[str, Any]]:
    """Run one dbt command on the warehouse; returns the results of its nodes.

    Every node's state, seconds and rows go to ops.dbt_results. Stages keep their files apart, so
    that the variables of one do not make dbt parse the project anew for the other.
    """
    work = settings.home() / "dbt" / stage
    work.mkdir(parents=True, exist_ok=True)
    results_file = work / "target" / "run_results.json"
    results_file.unlink(missing_ok=True)
    variables = {**variables, "project_sha256": project_sha256()}
    command = [
        str(Path(sys.executable).with_name("dbt")),
        *("--log-format", "json", "--log-level-file", "none", "--no-use-colors"),
        *arguments,
        *("--vars", json.dumps(variables)),
        *("--project-dir", str(settings.PROJECT / "dbt_project")),
        *("--profiles-dir", str(settings.PROJECT / "dbt_project")),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment(work), text=True
    )
    assert process.stdout is not None
    last_words: deque[str] = deque(maxlen=15)
    for line in process.stdout:
        _follow(line, progress, last_words)
    code = process.wait()
    if not results_file.is_file():
        said = "\n".join(last_words)
        raise Failed(f"dbt {arguments[0]} did not start its work (exit code {code}):\n{said}")
    outcome = json.loads(results_file.read_text())
    _store(outcome, stage)
    broken = [node for node in outcome["results"] if node["status"] in {"error", "fail"}]
    if broken or code:
        raise Failed(_explain(broken, last_words))
    results: list[dict[str, Any]] = outcome["results"]
    return results


def project_sha256() -> str:
    """sha256 over the models, macros and settings of the dbt project."""
    digest = hashlib.sha256()
    folder = settings.PROJECT / "dbt_project"
    paths = [folder / "dbt_project.yml", *folder.glob("models/**/*"), *folder.glob("macros/**/*")]
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def code_version() -> str:
    """What computes: the commit, and the models as they are, which may differ from the commit."""
    return f"{settings.code_commit()}+{project_sha256()[:12]}"


def _environment(work: Path) -> dict[str, str]:
    """Connection and quiet: dbt reads both from the environment."""
    where = database.parts(database.url())
    trusted = {"PGSSLROOTCERT": where["sslrootcert"]} if where["sslrootcert"] else {}
    return {
        **os.environ,
        **trusted,
        "MOTCUA_DBT_HOST": where["host"],
        "MOTCUA_DBT_PORT": where["port"],
        "MOTCUA_DBT_USER": where["user"],
        "DBT_ENV_SECRET_PASSWORD": where["password"],
        "MOTCUA_DBT_DATABASE": where["dbname"],
        "MOTCUA_DBT_SSLMODE": where["sslmode"],
        "PGOPTIONS": f"-c timezone={settings.TIME_ZONE}",
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
        "DO_NOT_TRACK": "1",
    }


def _follow(line: str, progress: Progress | None, last_words: deque[str]) -> None:
    """Pass on one line of dbt's log."""
    try:
        event = json.loads(line)
        info, data = event["info"], event["data"]
    except (ValueError, KeyError, TypeError):
        last_words.append(line.rstrip())
        return
    if info["level"] in {"error", "warn"}:
        last_words.append(info["msg"])
    finished = {"LogModelResult", "LogTestResult", "LogNodeResult", "LogSeedResult"}
    if progress and info["name"] in finished:
        of = data.get("total") or data["num_models"]
        progress(data["node_info"]["node_name"], data["index"], of)


def _explain(broken: list[dict[str, Any]], last_words: deque[str]) -> str:
    lines = [f"dbt: {len(broken)} node(s) failed; nothing after them was built."]
    for node in broken[:10]:
        kind, _, name, *_ = node["unique_id"].split(".")
        message = " ".join((node["message"] or "").split())
        lines.append(f"  {kind} {name}: {message}")
        if kind == "test" and node.get("compiled_code"):
            lines.append("    the rows that fail: " + " ".join(node["compiled_code"].split()))
    if not broken:
        lines += list(last_words)
    lines.append(
        "Mend the cause and run `motcua build` again; it takes up the same days."
        f" Compiled SQL: {settings.home() / 'dbt' / '*' / 'target' / 'compiled'}"
    )
    return "\n".join(lines)


def _store(outcome: dict[str, Any], stage: str) -> None:
    rows = [
        (
            outcome["metadata"]["invocation_id"],
            stage,
            node["unique_id"],
            node["unique_id"].split(".")[0],
            node["status"],
            round(node["execution_time"], 3),
            node.get("adapter_response", {}).get("rows_affected"),
            node["message"],
        )
        for node in outcome["results"]
    ]
    statement = sql.SQL(
        "insert into ops.dbt_results (invocation_id, stage, node, resource_type, status, seconds,"
        " rows_affected, message) values (%s, %s, %s, %s, %s, %s, %s, %s)"
    )
    with database.connect(database.TRANSFORMER) as connection, connection.cursor() as cursor:
        cursor.executemany(statement, rows)
