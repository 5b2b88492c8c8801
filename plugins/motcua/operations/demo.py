"""`motcua run`: from the exports of 2019 to the published appendices, through Airflow, and back."""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from motcua import pipeline, settings
from motcua.documents import comparison, tables, terminal
from motcua.errors import Failed
from motcua.operations import airflow, airflow_setup, local, rest
from motcua.operations.rest import Api
from motcua.operations.show import Show
from motcua.warehouse import database, schema, server

PERIODS = ("2019-Q1", "2019-Q2", "2019-H1")
REPORT = settings.PROJECT / "sample" / "report"
"""The province's own report of 2019, as figures."""
WORDS = "motcua run"
"""What the approver of the sample says; the name is the login that this command uses."""
POLL_EVERY = 0.5
PROGRESS = re.compile(r".+: \d+ of \d+")
BUILD_QUEUED_WITHIN = 60
"""Seconds within which a build has to follow a load, by Airflow's assets."""
LOG_LINES = 40

GoesOn = Callable[[], bool]
Work = Callable[[GoesOn], None]


def run() -> int:
    """Set up, load, build, publish, print and compare; returns the exit code.

    1 when a printed cell differs from the report (but the one that the report got wrong). Raises
    Failed when a run of Airflow fails, with the last lines of its log.
    """
    show = Show()
    _landing_folder()
    with local.only_one("run"), local.borrowed(), show.living():
        with show.stage("PostgreSQL"):
            server.up()
            schema.migrate()
        with beside(sample_writer(show)), show.stage("Airflow"):
            airflow.up(lambda text: show.detail("Airflow", text))
            show.detail("Airflow", airflow.url())
        show.line(f"To watch: log in as viewer or admin with {airflow_setup.password_file()}")
        api = airflow.api()
        is_built = _load_and_build(api, show)
        releases = [_publish(api, show, period, is_built) for period in PERIODS]
        exit_code = _print(show, releases)
        show.line("Stopping what was started ...")
    return exit_code


@contextmanager
def beside(work: Work) -> Iterator[None]:
    """Do some work beside the block; it is told to stop when the block fails."""
    cancelled = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(work, lambda: not cancelled.is_set())
        try:
            yield
        except BaseException:
            cancelled.set()
            raise
        future.result()


def sample_writer(show: Show) -> Work:
    """Work that writes the exports of 2019 into the landing zone, unless all of them are there."""
    return lambda goes_on: _write_sample(show, goes_on)


def _write_sample(show: Show, goes_on: GoesOn) -> None:
    from motcua_sample import write_sample

    folder = _landing_folder()
    record = settings.home() / "sample.json"
    if _is_there(record, folder):
        return

    def progress(what: str, done: int, of: int) -> None:
        if not goes_on():
            raise KeyboardInterrupt
        show.detail("Sample", f"{done} of {of}")

    with show.stage("Sample"):
        try:
            write_sample(folder, progress=progress)
        except ValueError as error:
            raise Failed(
                f"{error}. `motcua run` shows the exports of 2019 alone: point MOTCUA_LANDING at an"
                " empty folder, or load your own files with `motcua ingest`."
            ) from error
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()]
    record.write_text(json.dumps({"folder": str(folder), "names": sorted(names)}))


def _is_there(record: Path, folder: Path) -> bool:
    """Whether the sample was written to its end, and every file of it still lies there."""
    if not record.is_file():
        return False
    known = json.loads(record.read_text())
    names = known["names"] if known["folder"] == str(folder) else []
    return bool(names) and all((folder / name).exists() for name in names)


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
    tasks = rest.tasks(api, "ingest_exports", loading["dag_run_id"])
    if any(task["state"] == "skipped" for task in tasks):
        show.line("Nothing new has landed: nothing to build.")
        return False
    with show.stage("Building"):
        _wait_for_build(api, show, _moment(loading["start_date"]))
    return True


def _wait_for_build(api: Api, show: Show, since: datetime) -> None:
    """Show the builds that Airflow starts by its assets, until nothing waits to be built.

    There may be more than one, such as the one that a killed run left behind. Raises Failed when
    the last one failed, with its last words, or none comes.
    """
    idle_since = time.monotonic()
    while True:
        runs = rest.runs(api, "build_warehouse")
        active = [run for run in runs if run["state"] in ("queued", "running")]
        ended = [run for run in runs if run["end_date"] and _moment(run["end_date"]) >= since]
        if active:
            show.detail("Building", _state(active[-1]))
            idle_since = time.monotonic()
        elif ended and ended[0]["state"] == "failed":
            raise Failed(_last_words(api, "build_warehouse", ended[0]["dag_run_id"]))
        elif not pipeline.waiting():
            return
        elif time.monotonic() - idle_since > BUILD_QUEUED_WITHIN:
            raise Failed(
                "Files were loaded, but Airflow started no build_warehouse. Look at its scheduler's"
                f" log in {airflow_setup.home()}, or run `motcua build`."
            )
        time.sleep(POLL_EVERY)


def _publish(api: Api, show: Show, period: str, is_built: bool) -> str:
    """Publish a period, unless it is published with its workbook and nothing was built since."""
    standing = _release(period)
    if standing and not is_built and (settings.publications() / f"{standing}.xlsx").is_file():
        show.line(f"{standing} is published already, and nothing is new.")
        return standing
    stage = f"Publishing {period}"
    with show.stage(stage):
        _follow(api, show, stage, "publish_scorecard", {"period": period})
        made = _release(period)
        if made is None:
            raise Failed(f"publish_scorecard ended well, but there is no release of {period}.")
        show.detail(stage, made)
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
    for poll in itertools.count(1):
        run = rest.run(api, dag_id, run_id)
        if run["state"] == "success":
            return run
        if run["state"] == "failed" or (poll % 10 == 0 and _will_retry(api, dag_id, run_id)):
            break
        if dag_id == "publish_scorecard":
            for asked in rest.approvals(api, dag_id, run_id):
                rest.answer(api, asked, "Approve", WORDS)
        show.detail(stage, _state(run))
        time.sleep(POLL_EVERY)
    raise Failed(_last_words(api, dag_id, run_id))


def _will_retry(api: Api, dag_id: str, run_id: str) -> bool:
    """Whether a task failed once and waits for its next try, for minutes: too long for a show."""
    return any(task["state"] == "up_for_retry" for task in rest.tasks(api, dag_id, run_id))


def _state(run: dict[str, Any]) -> str:
    """The task that works and the last progress that it printed."""
    if run["state"] == "queued":
        return "queued"
    task_id, lines = airflow.task_log(run["dag_id"], run["dag_run_id"])
    progress = [line for line in lines if PROGRESS.fullmatch(line)]
    return f"{task_id}: {progress[-1]}" if progress else task_id


def _last_words(api: Api, dag_id: str, run_id: str) -> str:
    lines = [f"{dag_id} failed (run {run_id})."]
    for task in rest.tasks(api, dag_id, run_id):
        if task["state"] in ("failed", "up_for_retry"):
            lines.append(f"The end of the log of its task {task['task_id']}:")
            lines += airflow.task_log(dag_id, run_id, task["task_id"])[1][-LOG_LINES:]
    return "\n".join(lines)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _print(show: Show, releases: list[str]) -> int:
    """The five tables, the comparison with the report, and where to go from here."""
    half_year = releases[-1]
    for table in tables.of_publication(half_year):
        show.line(f"\n{terminal.render(table)}\n")
    found = comparison.compare(half_year, REPORT)
    show.line(f"{found}\n")
    workbooks = [f"  {settings.publications() / f'{name}.xlsx'}" for name in releases]
    show.line("\n".join(["Workbooks:", *workbooks, "", *_next_steps()]))
    show.line(f"All of it took {show.elapsed()} (minutes:seconds).")
    return 0 if found.agrees else 1


def _next_steps() -> list[str]:
    return [
        "Airflow: `motcua up` leaves it running and prints its address, its users and where their"
        " passwords are.",
        "Marts: `motcua up` prints the psql line of bi_reader, who reads schema published; then"
        " for example",
        "  select unit_name, total, band, rank from published.latest_scorecard"
        " where period_code = '2019-Q2' order by rank;",
        "`motcua status` shows the feeds, `motcua down` stops everything.",
    ]
