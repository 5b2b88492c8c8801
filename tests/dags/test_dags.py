"""Rules that every DAG file keeps, and what each DAG is."""

import json
import os
import re
import shutil
import subprocess
import sys
from ast import literal_eval
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest

from motcua.publication import release

PROJECT = Path(__file__).resolve().parents[2]
PACK = PROJECT / "reference" / "soc_trang"
FILES = sorted((PROJECT / "dags").glob("*.py"))
IDS = {
    *("ingest_exports", "build_warehouse", "publish_scorecard"),
    *("check_freshness", "notify_units"),
}
VIETNAMESE = re.compile(r"[ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđ]", re.IGNORECASE)
LONGEST_FILE = 80
LONGEST_TASK = 10

Found = dict[str, Any]


def _run(home: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder on dags/."""
    return subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name(script)), str(PROJECT / "dags")),
            *arguments,
        ],
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What Airflow finds in dags/, in a process and an Airflow home of its own."""
    done = _run(tmp_path_factory.mktemp("airflow"), "describe_dags.py")
    assert done.returncode == 0, done.stderr[-3000:]
    loaded: Found = json.loads(done.stdout)
    return loaded


@pytest.fixture(scope="module")
def dags(found: Found) -> Found:
    loaded: Found = found["dags"]
    return loaded


def test_every_dag_file_loads(found: Found) -> None:
    assert found["errors"] == {}, "Airflow cannot import these files; mend them."


def test_the_dags_are_those_of_the_architecture(dags: Found) -> None:
    assert set(dags) == IDS


def test_parsing_imports_nothing_heavy(found: Found) -> None:
    assert found["heavy"] == [], (
        "Parsing dags/ imported these. Import them inside the task: every file is parsed anew all"
        " day long."
    )


def test_the_file_is_named_like_its_dag(dags: Found) -> None:
    for dag_id, dag in dags.items():
        assert Path(dag["file"]).stem == dag_id, f"{dag['file']} holds {dag_id}: rename one."
        assert re.fullmatch(r"[a-z]+_[a-z_]+", dag_id), f"{dag_id}: name a DAG verb_noun."
        assert not dag_id.startswith("dbt_"), "dbt imports every dbt_*.py: choose another name."


def test_every_dag_tells_an_operator_what_to_do(dags: Found) -> None:
    for dag_id, dag in dags.items():
        for part in ("**What.**", "**When.**", "**Who.**", "**When it fails.**"):
            assert part in (dag["doc_md"] or ""), f"{dag_id}: its docstring lacks {part}"
        assert "motcua" in dag["tags"], f"{dag_id}: tag it motcua, so that it can be filtered."
        assert len(dag["tags"]) > 1, f"{dag_id}: add a tag that says which stage it is."


def test_names_that_people_read_are_vietnamese(dags: Found) -> None:
    for dag_id, dag in dags.items():
        assert VIETNAMESE.search(dag["display_name"]), f"{dag_id}: set dag_display_name."
        for task_id, task in dag["tasks"].items():
            assert VIETNAMESE.search(task["display_name"]), f"{task_id}: set task_display_name."


def test_every_task_has_an_owner(dags: Found) -> None:
    for dag in dags.values():
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "data-engineering", f"{task_id}: set owner in default_args."


def test_no_dag_catches_up_or_overtakes_itself(dags: Found) -> None:
    for dag_id, dag in dags.items():
        assert dag["catchup"] is False, f"{dag_id}: files carry their dates; set catchup=False."
        assert dag["max_active_runs"] == 1, f"{dag_id}: set max_active_runs=1."


def test_gates_are_not_tried_again(dags: Found) -> None:
    gates = {
        task_id: task
        for dag in dags.values()
        for task_id, task in dag["tasks"].items()
        if task_id.startswith("check_")
    }
    assert set(gates) == {"check_landing", "check_candidate"}
    for task_id, gate in gates.items():
        assert gate["retries"] == 0, f"{task_id}: data does not mend itself; set retries=0."


def test_loads_are_tried_again_with_growing_pauses(dags: Found) -> None:
    load = dags["ingest_exports"]["tasks"]["load_exports"]
    assert load["retries"] == 3
    assert load["backs_off"]


def test_exports_are_loaded_every_night_and_a_load_starts_the_build(dags: Found) -> None:
    assert dags["ingest_exports"]["schedule"] == "CronTriggerTimetable"
    assert dags["ingest_exports"]["cron"] == "0 5 * * *"
    assert dags["ingest_exports"]["tasks"]["load_exports"]["outlets"] == ["warehouse_raw"]
    assert dags["build_warehouse"]["waits_for"] == ["warehouse_raw"]


def test_units_are_told_every_month_and_what_a_mail_server_did_not_take_is_tried_again(
    dags: Found,
) -> None:
    assert dags["notify_units"]["cron"] == "0 8 5 * *"
    assert set(dags["notify_units"]["params"]) == {"month", "known_as_of"}
    task = dags["notify_units"]["tasks"]["tell_units"]
    assert task["retries"] == 3
    assert task["backs_off"]


def test_nothing_is_built_or_published_past_its_gate(dags: Found) -> None:
    build, publish = dags["build_warehouse"]["tasks"], dags["publish_scorecard"]["tasks"]
    assert build["check_landing"]["downstream"] == ["build_models"]
    assert build["build_models"]["downstream"] == ["refresh_provisional"]
    assert publish["choose_period"]["downstream"] == ["check_candidate"]
    assert publish["check_candidate"]["downstream"] == ["publish_release", "sign_off"]
    assert publish["sign_off"]["downstream"] == ["publish_release"]
    assert publish["publish_release"]["downstream"] == ["write_documents"]


def test_publishing_follows_the_calendar_of_the_pack_and_takes_a_period_by_hand(
    dags: Found,
) -> None:
    assert dags["publish_scorecard"]["schedule"] == "ReportingCalendar"
    params = dags["publish_scorecard"]["params"]
    waiver = {"waive_by", "waive_reason"}
    assert set(params) == {"period", "revise", "note"} | waiver, "who approves signs in sign_off"
    assert set(dags["build_warehouse"]["params"]) == waiver
    # Codes of periods are rows of a reference pack: another province names them as it likes.
    assert params["period"]["type"] == ["null", "string"]
    assert "pattern" not in params["period"]


def test_a_revision_without_a_note_is_refused_before_the_gate(built: str, tmp_path: Path) -> None:
    release.publish("2019-Q1", "A")
    with psycopg.connect(built) as connection:
        connection.execute(
            "update marts.appendix_4 set note = 'mới' where period_code = '2019-Q1'"
            " and display_order = 1"
        )
    asked = {
        "period": "2019-Q1",
        "revise": True,
        "note": None,
        "waive_by": None,
        "waive_reason": None,
    }
    task = ("run_task.py", "publish_scorecard", "check_candidate", "2019-Q1", json.dumps(asked))
    refused = _run(tmp_path, *task)
    assert "TaskRefused: A revision needs a note that says why" in refused.stderr
    assert "XCom refusal: A revision needs a note that says why" in refused.stdout
    assert "Gate" not in refused.stdout


def test_a_refusal_of_a_gate_names_its_page_in_the_ui(built: str, tmp_path: Path) -> None:
    with psycopg.connect(built) as connection:
        connection.execute("update marts.scorecard set indicator_1 = 3")
    asked = {"period": "2019-Q1", "revise": False, "note": None}
    asked |= {"waive_by": None, "waive_reason": None}
    task = ("run_task.py", "publish_scorecard", "check_candidate", "2019-Q1", json.dumps(asked))
    refused = _run(tmp_path, *task)
    assert "XCom refusal: The candidate gate refuses 2019-Q1" in refused.stdout
    assert "indicator_1" in refused.stdout
    with psycopg.connect(built) as connection:
        ((gate_run_id,),) = connection.execute(
            "select distinct gate_run_id from ops.gate_results"
        ).fetchall()
    assert f"/scorecard/gates/{gate_run_id}" in refused.stdout


def test_nobody_is_asked_for_figures_that_stand_or_where_a_setting_approves(
    warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTCUA_AUTOMATIC_APPROVAL", "Mẫu")
    candidate = {"period_code": "2019-Q1", "candidate_sha256": "ab" * 32, "is_published": False}
    candidates = json.dumps([{**candidate, "is_published": True}, candidate])
    done = _run(tmp_path, "run_sign_off.py", candidates)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [None, {"approved_by": "Mẫu", "words": ""}]
    with psycopg.connect(warehouse) as connection:
        kept = connection.execute("select event, by, words from ops.sign_offs").fetchall()
    assert kept == [("approved", "Mẫu", "MOTCUA_AUTOMATIC_APPROVAL")]


def test_every_failure_is_told(dags: Found) -> None:
    for dag_id, dag in dags.items():
        for task_id, task in dag["tasks"].items():
            assert task["tells_failure"], (
                f"{dag_id}.{task_id}: set default_args=DEFAULTS of task_help."
            )


def test_serialising_twice_gives_the_same_version(dags: Found) -> None:
    for dag_id, dag in dags.items():
        first, second = dag["versions"]
        assert first == second, f"{dag_id}: something differs between two parses."


def test_parsing_all_files_takes_less_than_a_second_of_the_processor(found: Found) -> None:
    """Beyond what Airflow itself imports; of the processor, whatever else the machine does."""
    assert found["parse_seconds"] < 1, "Import less at the top of the DAG files."


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_FILE, f"{path.name} has {len(lines)} lines: move work to motcua."


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_ends_in_one_sentence(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("chain(") == 1, f"{path.name}: say the order of the tasks in one chain(...)."
    assert ">>" not in text, f"{path.name}: say the order in chain(...), not with >>."


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_task_is_one_call(path: Path) -> None:
    blocks = re.findall(
        r"\n    @task\(.*?\n    def (\w+).*?:\n(.*?)(?=\n    \S|\n\S|\Z)",
        path.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert blocks
    for name, body in blocks:
        lines = [line for line in body.splitlines() if line.strip()]
        assert len(lines) <= LONGEST_TASK, f"{name} has {len(lines)} lines: move them to motcua."


def test_airflow_does_not_run_the_package_as_plugins(tmp_path: Path) -> None:
    script = (
        "from airflow._shared.module_loading import find_path_from_directory;"
        f"print(list(find_path_from_directory({str(PROJECT / 'plugins')!r}, '.airflowignore')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    plugins = [Path(path).relative_to(PROJECT / "plugins") for path in literal_eval(done.stdout)]
    assert Path("scorecard_pages.py") in plugins
    inner = [path for path in plugins if path.parts[0] == "motcua"]
    assert not inner, "plugins/.airflowignore has to name the package's folder."


def test_the_login_of_a_remote_landing_zone_comes_from_the_named_connection(tmp_path: Path) -> None:
    connection = {
        "conn_type": "generic",
        "login": "motcua",
        "password": "a word",
        "port": 2222,
        "extra": {"known_hosts_file": "/etc/hosts_known"},
    }
    ask = "import ingest_exports, json; print(json.dumps(ingest_exports.landing_login()))"

    def told(**settings: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", ask],
            cwd=PROJECT / "dags",
            env={
                **{name: text for name, text in os.environ.items() if "AIRFLOW" not in name},
                "AIRFLOW_HOME": str(tmp_path),
                "AIRFLOW_CONN_EXPORTS": json.dumps(connection),
                **settings,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    assert told(MOTCUA_LANDING_CONNECTION="exports") == {
        "login": "motcua",
        "password": "a word",
        "port": "2222",
        "known_hosts_file": "/etc/hosts_known",
    }
    assert told() is None


NEXT_RUNS = """
import json, pendulum
from airflow.timetables.base import DataInterval, TimeRestriction
from reporting_calendar import ReportingCalendar
unlimited = TimeRestriction(earliest=None, latest=None, catchup=False)
last_runs = [None, *map(pendulum.parse, ('2019-05-06T01:00Z', '2019-07-12T01:00Z'))]
asked = [
    ReportingCalendar().next_dagrun_info(
        last_automated_data_interval=last and DataInterval.exact(last), restriction=unlimited
    )
    for last in last_runs
]
print(json.dumps([found and found.run_after.isoformat() for found in asked]))
"""


def next_runs(home: Path, pack: Path, **settings: str) -> list[str | None]:
    """When publish_scorecard starts next: before any run, after the first, after the last one."""
    done = subprocess.run(
        [sys.executable, "-c", NEXT_RUNS],
        env={
            **{name: text for name, text in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(home),
            "MOTCUA_REFERENCE": str(pack),
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_no_publication_is_lost_by_an_outage_and_none_of_former_years_is_made(
    tmp_path: Path,
) -> None:
    before_any, after_the_first, after_the_last = next_runs(tmp_path, PACK)
    assert before_any is None, "a new installation publishes nothing of the past by itself"
    assert after_the_first == "2019-06-21T01:00:00+00:00", "years late, but not skipped"
    assert after_the_last is None


@pytest.mark.parametrize(("minutes_ago", "is_made"), [(30, True), (90, False)])
def test_the_first_publication_is_not_lost_when_the_scheduler_looks_late(
    tmp_path: Path, minutes_ago: int, is_made: bool
) -> None:
    moment = datetime.now(timezone(timedelta(hours=7))) - timedelta(minutes=minutes_ago)
    moment = moment.replace(second=0, microsecond=0)
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    periods = (pack / "reporting_periods.csv").read_text(encoding="utf-8")
    assert "2019-04-05,2019-05-06" in periods
    periods = periods.replace("2019-04-05,2019-05-06", f"2019-04-05,{moment.date()}")
    (pack / "reporting_periods.csv").write_text(periods, encoding="utf-8")
    before_any, *_ = next_runs(tmp_path, pack, MOTCUA_PUBLISH_AT=f"{moment:%H:%M}")
    assert before_any == (moment.astimezone(UTC).isoformat() if is_made else None)
