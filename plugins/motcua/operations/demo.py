"""`motcua run`: from the exports of 2019 to the published appendices, through Airflow, and back."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from motcua import settings
from motcua.errors import Failed
from motcua.operations import airflow, local, rest
from motcua.operations.rest import Api
from motcua.operations.show import Show
from motcua.warehouse import database, schema, server

PERIODS = ("2019-Q1", "2019-Q2", "2019-H1")
APPROVED_BY = "motcua run"
POLL_EVERY = 0.4
BUILD_QUEUED_WITHIN = 60
"""Seconds within which a build has to follow a load, by Airflow's assets."""
LOG_LINES = 40

Progress = Callable[[str, int, int], None]


def run() -> int:
    """Set up, load, build, publish, print and compare; returns the exit code.

    1 when a printed cell differs from the report (but the one that the report got wrong). Raises
    Failed when a run of Airflow fails, with the last lines of its log.
    """
    show = Show()
    with local.only_one("run"), local.borrowed(), show.living():
        with show.stage("PostgreSQL"):
            server.up()
            schema.migrate()
        with ThreadPoolExecutor(max_workers=1) as pool:
            sample = pool.submit(_sample, show)
            with show.stage("Airflow"):
                airflow.up(lambda text: show.detail("Airflow", text))
            sample.result()
        api = airflow.api()
        is_built = _load_and_build(api, show)
        releases = [_publish(api, show, period, is_built) for period in PERIODS]
        exit_code = _print(show, releases)
        with show.stage("Stopping"):
            pass
    return exit_code


def _sample(show: Show) -> None:
    """Write the exports of 2019 into the landing zone, unless all of them are there."""
    from motcua_sample import write_sample

    folder = _landing_folder()
    record = settings.home() / "sample.json"
    if record.is_file():
        known = json.loads(record.read_text())
        if known["folder"] == str(folder) and all(
            (folder / name).is_file() for name in known["names"]
        ):
            return
    with show.stage("Sample"):
        try:
            write_sample(folder, progress=_progress(show, "Sample"))
        except ValueError as error:
            raise Failed(
                f"{error}. `motcua run` shows the exports of 2019 alone: point MOTCUA_LANDING at an"
                " empty folder, or load your own files with `motcua ingest`."
            ) from error
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()]
    record.write_text(json.dumps({"folder": str(folder), "names": sorted(names)}))


def _landing_folder() -> Path:
    landing = settings.landing().removeprefix("file://")
    if "://" in landing:
        raise Failed(
            f"`motcua run` writes its sample into a folder, and MOTCUA_LANDING is {landing}."
            " Unset it, or name a folder."
        )
    return Path(landing).resolve()


def _load_and_build(api: Api, show: Show) -> bool:
    """Let Airflow load what is new, and follow the build that its assets start, if any."""
    with show.stage("Loading"):
        loading = _follow(api, show, "Loading", "ingest_exports", {})
    [load] = rest.tasks(api, "ingest_exports", loading["dag_run_id"])
    if load["state"] == "skipped":
        show.line("Nothing new has landed: nothing to build.")
        return False
    with show.stage("Building"):
        run_id = _build_after(api, _moment(loading["start_date"]))
        _wait(api, show, "Building", "build_warehouse", run_id)
    return True


def _build_after(api: Api, moment: datetime) -> str:
    """The newest run of the build that was made after this moment."""
    deadline = time.monotonic() + BUILD_QUEUED_WITHIN
    while time.monotonic() < deadline:
        states = ("queued", "running", "success", "failed")
        found = rest.runs(api, "build_warehouse", states)
        run_ids = [run["dag_run_id"] for run in found if _moment(run["run_after"]) >= moment]
        if run_ids:
            return str(run_ids[-1])
        time.sleep(POLL_EVERY)
    raise Failed(
        "Files were loaded, but Airflow started no build_warehouse. Look at its scheduler's log in"
        f" {airflow.home()}, or run `motcua build`."
    )


def _publish(api: Api, show: Show, period: str, is_built: bool) -> str:
    """Publish a period, unless it is published with its workbook and nothing was built since."""
    standing = _release(period)
    if standing and not is_built and (settings.publications() / f"{standing}.xlsx").is_file():
        show.line(f"{standing} is published already, and nothing is new.")
        return standing
    stage = f"Publishing {period}"
    with show.stage(stage):
        _follow(
            api,
            show,
            stage,
            "publish_scorecard",
            {"period": period, "approved_by": APPROVED_BY},
        )
    made = _release(period)
    if made is None:
        raise Failed(f"publish_scorecard ended well, but there is no release of {period}.")
    return made


def _release(period: str) -> str | None:
    with database.connect(database.PUBLISHER) as connection:
        row = connection.execute(
            "select publication_id from published.latest_publications where period_code = %s",
            [period],
        ).fetchone()
    return row[0] if row else None


def _follow(
    api: Api, show: Show, stage: str, dag_id: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Start a run of a DAG and wait for its end."""
    return _wait(api, show, stage, dag_id, rest.trigger(api, dag_id, parameters))


def _wait(api: Api, show: Show, stage: str, dag_id: str, run_id: str) -> dict[str, Any]:
    """Show a run of a DAG until it ends well. Raises Failed with the failing task's last words."""
    while True:
        run = rest.run(api, dag_id, run_id)
        tasks = rest.tasks(api, dag_id, run_id)
        if run["state"] == "success":
            return run
        failed = [task for task in tasks if task["state"] in ("failed", "up_for_retry")]
        if run["state"] == "failed" or failed:
            raise Failed(_last_words(api, run, failed))
        show.detail(stage, _state(api, run, tasks))
        time.sleep(POLL_EVERY)


def _state(api: Api, run: dict[str, Any], tasks: list[dict[str, Any]]) -> str:
    """The running task and the last progress that it printed."""
    if run["state"] == "queued":
        return "waits for an earlier run"
    running = [task for task in tasks if task["state"] == "running"]
    if not running:
        return "between two tasks"
    said = [line for line in rest.log(api, running[0]) if " of " in line and ": " in line]
    return f"{running[0]['task_id']}: {said[-1]}" if said else str(running[0]["task_id"])


def _last_words(api: Api, run: dict[str, Any], failed: list[dict[str, Any]]) -> str:
    lines = [f"{run['dag_id']} failed (run {run['dag_run_id']})."]
    for task in failed:
        lines += [
            f"The end of the log of its task {task['task_id']}:",
            *rest.log(api, task)[-LOG_LINES:],
        ]
    return "\n".join(lines)


def _progress(show: Show, stage: str) -> Progress:
    return lambda what, done, of: show.detail(stage, f"{what} {done} of {of}")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _print(show: Show, releases: list[str]) -> int:
    raise NotImplementedError
