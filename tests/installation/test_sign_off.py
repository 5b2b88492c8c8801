"""The publication DAG through the real scheduler: its calendar, and what a person answers."""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

import report_marts
import server_data
from commands import end_of, until
from motcua import settings
from motcua.errors import Failed
from motcua.operations import airflow, airflow_setup, local, rest
from motcua.operations.rest import Api
from motcua.warehouse import server

pytestmark = pytest.mark.slow

DAG = "publish_scorecard"
LOCAL = ZoneInfo(settings.TIME_ZONE)


@pytest.fixture
def due(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Airflow on the candidates of 2019, with 2019-Q1 due in some minutes: that moment."""
    moment = (datetime.now(LOCAL) + timedelta(minutes=3)).replace(microsecond=0)
    pack = tmp_path / "pack"
    shutil.copytree(settings.PROJECT / "reference" / "soc_trang", pack)
    with (pack / "reporting_periods.csv").open(newline="") as handle:
        periods = list(csv.DictReader(handle))
    for period in periods:
        if period["period_code"] == "2019-Q1":
            period["publish_on"] = moment.date().isoformat()
    with (pack / "reporting_periods.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, periods[0])
        writer.writeheader()
        writer.writerows(periods)
    monkeypatch.setenv("MOTCUA_REFERENCE", str(pack))
    monkeypatch.setenv("MOTCUA_AIRFLOW_USERS", "Lan:user")
    monkeypatch.setenv("MOTCUA_PUBLISH_AT", f"{moment:%H:%M:%S}")
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "airflow_home"))
    report_marts.build(warehouse)
    try:
        local.up(lambda text: None)
        yield moment
    finally:
        record = server.running()
        local.down()
        server_data.delete(record)


def test_a_publication_waits_for_its_approver(due: datetime, warehouse: str) -> None:
    api = airflow.api()
    next_run = until(lambda: api.call("GET", f"/dags/{DAG}")["next_dagrun_run_after"])
    assert datetime.fromisoformat(next_run) == due, "the UI shows the next publication"

    unknown = rest.trigger(api, DAG, {"period": "2019-Q9"})
    assert end_of(api, DAG, unknown) == "failed"
    assert "no period 2019-Q9; it has 2019-Q1" in refusal(api, unknown, "choose_period")

    approved = rest.trigger(api, DAG, {"period": "2019-Q2"})
    question = asked(api, approved)
    assert "Quý II năm 2019" in question["subject"]
    assert "| Sở Công Thương | 762 | 667 |" in question["body"]
    passwords = json.loads(airflow_setup.password_file().read_text())
    viewer, lan = (rest.log_in(airflow.url(), name, passwords[name]) for name in ("viewer", "Lan"))
    with pytest.raises(Failed, match="403"):
        rest.answer(viewer, question, "Approve")
    rest.answer(lan, question, "Approve", "Đồng ý công bố")
    assert end_of(api, DAG, approved) == "success", airflow.task_log(DAG, approved)
    assert publications(warehouse) == [("2019-Q2.r1", "Lan", "Đồng ý công bố")]
    assert (settings.publications() / "2019-Q2.r1.xlsx").is_file()

    again = rest.trigger(api, DAG, {"period": "2019-Q2"})
    assert end_of(api, DAG, again) == "success", "the same figures are not asked for twice"

    scheduled = until(lambda: started_by_schedule(api), seconds=600)
    assert datetime.fromisoformat(scheduled["logical_date"]) == due
    question = asked(api, scheduled["dag_run_id"])
    assert "Quý I năm 2019" in question["subject"]
    rest.answer(api, question, "Reject", "Chờ ý kiến Sở Nội vụ")
    assert end_of(api, DAG, scheduled["dag_run_id"]) == "success", "a refusal ends the run well"
    assert states(api, scheduled["dag_run_id"]) == {
        "choose_period": "success",
        "check_candidate": "success",
        "sign_off": "success",
        "publish_release": "skipped",
        "write_documents": "skipped",
    }

    outdated = rest.trigger(api, DAG, {"period": "2019-Q1"})
    question = asked(api, outdated)
    report_marts.receive_one_more(warehouse)
    rest.answer(api, question, "Approve", "Đồng ý")
    assert end_of(api, DAG, outdated) == "failed"
    assert "changed since they were approved" in refusal(api, outdated, "publish_release")

    late = rest.trigger(api, DAG, {"period": "2019-Q1"})
    asked(api, late)
    let_time_pass()
    assert end_of(api, DAG, late) == "failed"
    assert events(warehouse) == [
        ("2019-Q2", "asked", None, None),
        ("2019-Q2", "approved", "Lan", "Đồng ý công bố"),
        ("2019-Q1", "asked", None, None),
        ("2019-Q1", "rejected", "admin", "Chờ ý kiến Sở Nội vụ"),
        ("2019-Q1", "asked", None, None),
        ("2019-Q1", "approved", "admin", "Đồng ý"),
        ("2019-Q1", "asked", None, None),
        ("2019-Q1", "timed_out", None, None),
    ]
    assert len(publications(warehouse)) == 1, "what nobody approved is not published"


def started_by_schedule(api: Api) -> dict[str, Any] | None:
    return next((run for run in rest.runs(api, DAG) if run["run_type"] == "scheduled"), None)


def asked(api: Api, run_id: str) -> dict[str, Any]:
    return until(lambda: next(iter(rest.approvals(api, DAG, run_id)), None))


def states(api: Api, run_id: str) -> dict[str, str]:
    return {task["task_id"]: task["state"] for task in rest.tasks(api, DAG, run_id)}


def refusal(api: Api, run_id: str, task_id: str) -> str:
    """What the tab XCom of the task's page shows."""
    path = f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/refusal"
    return str(api.call("GET", path.replace("+", "%2B"))["value"])


def publications(warehouse: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse) as connection:
        return connection.execute(
            "select publication_id, approved_by, note from published.publications order by 1"
        ).fetchall()


def events(warehouse: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse) as connection:
        return connection.execute(
            "select period_code, event, by, words from ops.sign_offs order by sign_off_id"
        ).fetchall()


def let_time_pass() -> None:
    """Three days at once: the end of the wait that Airflow noted is moved into the past."""
    record = server.running()
    assert record is not None
    with psycopg.connect(server.url(record, "airflow", "airflow")) as connection:
        connection.execute(
            "update task_instance set trigger_timeout = now() - interval '1 minute'"
            " where task_id = 'sign_off' and state = 'awaiting_input'"
        )
