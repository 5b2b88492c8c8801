"""The gates: what they store, show, refuse, and never let out."""

import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import psycopg
import pytest
from small_warehouse import DAY, PACK, PERIOD, RECORDS, SECRET, Landed, good

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.landing.feeds import FEEDS
from motcua.quality import candidate_figures, gates, suites
from motcua.waivers import Waiver, waiver
from motcua.warehouse import database


def _outcomes(connection: psycopg.Connection) -> dict[str, int]:
    """How many expectations passed, failed and broke in the latest gate run."""
    return dict(
        connection.execute(
            "select outcome, count(*) from ops.gate_results where gate_run_id ="
            " (select gate_run_id from ops.gate_results order by checked_at desc limit 1)"
            " group by outcome"
        ).fetchall()
    )


def _number_of_rules(gate: str) -> int:
    files = (settings.PROJECT / "expectations" / gate).glob("*.json")
    return sum(len(suites.read(path)["expectations"]) for path in files)


def _project_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the suites, so that a test can change them."""
    shutil.copytree(settings.PROJECT / "expectations", tmp_path / "expectations")
    monkeypatch.setattr(settings, "PROJECT", tmp_path)
    return tmp_path / "expectations"


def test_with_no_new_file_nothing_is_checked_nor_imported(warehouse: str) -> None:
    code = (
        "import sys; from motcua.quality.gates import landing_gate;"
        f" report = landing_gate('{PACK}');"
        " assert report.checks == 0 and report.docs is None, report;"
        " assert 'great_expectations' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_good_files_of_every_feed_pass_under_the_transformers_rights(landed: Landed) -> None:
    for feed in FEEDS:
        landed.file(feed, good(feed))
    landed.connection.commit()

    report = gates.landing_gate(PACK)

    assert (report.gate, report.checks) == ("landing", _number_of_rules("landing"))
    assert report.subject == "8 new files of 2019-03-04"
    assert (report.failed_critical, report.warnings) == ([], [])
    assert _outcomes(landed.connection) == {"passed": report.checks}
    assert report.docs is not None
    assert report.docs.is_file()


def test_a_refusal_names_rule_rows_codes_page_and_next_step(landed: Landed) -> None:
    records = good("cases")
    for record in records[:10]:
        record["ngaycapnhat"] = "20190305080000"
    landed.file("cases", records)
    landed.connection.commit()

    with pytest.raises(Refused) as refusal:
        gates.landing_gate(PACK)

    text = str(refusal.value)
    assert "landing gate refuses 1 new file of 2019-03-04" in text
    assert "cases, changed_after_day_percent: values to be between, max value 20" in text
    assert "Rows: 1: 2019-03-04 (40)." in text
    assert "Files: cases_2019-03-04_r1.csv." in text
    assert "Records: 10 of 25, such as 000.00.05.H51-190304-0001, " in text
    assert "What to do: The date in the file name is wrong" in text
    page = Path(re.search(r"shows the rows: (\S+\.html),", text)[1])
    assert "000.00.05.H51-190304-0001" in page.read_text()
    assert page.name in (page.parent / "index.html").read_text()
    assert _outcomes(landed.connection)["failed"] == 2

    stored = landed.connection.execute(
        "select unexpected, explanation from ops.gate_results"
        " where outcome = 'failed' and severity = 'critical'"
    ).fetchone()
    assert stored is not None
    assert stored[0] == 1
    with database.connect(database.TRANSFORMER) as transformer:
        found = transformer.execute(stored[1].split("See them: ")[1]).fetchall()
    assert [row[0] for row in found] == [f"000.00.05.H51-190304-{n:04}" for n in range(1, 11)]


def test_a_file_sent_again_as_a_revision_heals_a_refusal(landed: Landed) -> None:
    landed.file("cases", [record | {"ngaytra": "20190401"} for record in good("cases")])
    landed.connection.commit()
    with pytest.raises(Refused, match="happened_after_day_percent"):
        gates.landing_gate(PACK)

    landed.file("cases", good("cases"), revision=2)
    landed.connection.commit()

    assert gates.landing_gate(PACK).failed_critical == []


def test_a_warning_lets_the_files_through_and_is_told(landed: Landed) -> None:
    landed.file("petitions", [record | {"hanxuly": ""} for record in good("petitions")])
    landed.connection.commit()

    report = gates.landing_gate(PACK)

    (warning,) = report.warnings
    assert "without_deadline_percent" in warning
    assert "PA1" in warning
    assert "select" not in warning


def test_a_limit_is_changed_in_the_suite_and_nowhere_else(
    landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record | {"ngaytra": "20190401"} for record in good("cases")]
    landed.file("cases", records)
    landed.connection.commit()
    suite = _project_of_its_own(tmp_path, monkeypatch) / "landing" / "cases.json"
    rules = suite.read_text()
    assert '"max_value": 20' in rules
    suite.write_text(rules.replace('"max_value": 20', '"max_value": 100'))

    assert len(gates.landing_gate(PACK).warnings) == 1


def test_a_query_that_fails_is_a_broken_check_not_bad_data(landed: Landed) -> None:
    landed.file("cases", good("cases"))
    landed.file("steps", good("steps"))
    landed.connection.execute("revoke select (hinhthuc, ngaytra) on raw.cases from public")
    landed.connection.execute("alter table raw.cases rename column ngaytra to ngaytra_cu")
    landed.connection.commit()

    with pytest.raises(Failed) as failure:
        gates.landing_gate(PACK)

    text = str(failure.value)
    assert text.startswith("The check is broken: the landing gate could not judge")
    assert "ngaytra" in text
    rules = len(suites.read(gates.suite_file("landing", "cases"))["expectations"])
    steps = len(suites.read(gates.suite_file("landing", "steps"))["expectations"])
    assert _outcomes(landed.connection) == {"broken": rules, "passed": steps}


def test_a_mistake_in_a_suite_stops_the_gate_as_broken(
    landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.file("cases", good("cases"))
    landed.connection.commit()
    suite = _project_of_its_own(tmp_path, monkeypatch) / "landing" / "cases.json"
    suite.write_text(suite.read_text().replace("values_to_be_between", "values_to_be_betwen", 1))

    with pytest.raises(Failed, match=r"(?s)check is broken.*cases\.json: unknown type"):
        gates.landing_gate(PACK)

    suite.unlink()
    with pytest.raises(Failed, match=r"(?s)check is broken.*cases\.json cannot be read"):
        gates.landing_gate(PACK)


def test_bad_data_and_a_broken_check_together_refuse_and_tell_both(
    landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.file("cases", [record | {"ngaytra": "20190401"} for record in good("cases")])
    landed.file("steps", good("steps"))
    landed.connection.commit()
    (_project_of_its_own(tmp_path, monkeypatch) / "landing" / "steps.json").write_text("{")

    with pytest.raises(Refused, match=r"(?s)happened_after_day_percent.*broken.*steps\.json"):
        gates.landing_gate(PACK)


def test_no_personal_value_is_in_results_messages_or_pages(landed: Landed) -> None:
    for feed in FEEDS:
        records = good(feed)
        time = FEEDS[feed].changed_at or "ThoiGian"
        landed.file(feed, [record | {time.lower(): "20190401"} for record in records])
    landed.connection.commit()
    in_raw = landed.connection.execute(
        "select count(*) from raw.cases where chuhoso = %s", [SECRET]
    ).fetchone()
    assert in_raw == (25,)

    with pytest.raises(Refused) as refusal:
        gates.landing_gate(PACK)

    stored = landed.connection.execute(
        "select string_agg(results::text, ' ') from ops.gate_results as results"
    ).fetchone()
    assert stored is not None
    pages = [page.read_text() for page in (settings.home() / "data_docs").glob("*.html")]
    assert len(pages) == 2
    for text in (str(refusal.value), stored[0], *pages):
        assert "changed_after_day" in text or "Data Docs" in text
        assert SECRET not in text
    personal = [c.sql_name for feed in FEEDS.values() for c in feed.columns if c.personal]
    assert not [name for name in personal if f"record.{name})" in stored[0]]


def test_pages_need_no_network_and_hold_no_live_markup(landed: Landed) -> None:
    code = "<script>alert(1)</script>"
    records = [record | {"hanxuly": "", "mapakn": code} for record in good("petitions")]
    landed.file("petitions", records)
    landed.connection.commit()

    page = gates.landing_gate(PACK).docs

    assert page is not None
    text = page.read_text() + (page.parent / "index.html").read_text()
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search(r"<script|https?://|<link|@import", text)


def test_good_figures_pass_the_candidate_gate_under_the_publishers_rights(
    candidate: psycopg.Connection,
) -> None:
    report = gates.candidate_gate(PERIOD)

    assert (report.gate, report.subject) == ("candidate", PERIOD)
    assert report.checks == _number_of_rules("candidate")
    assert report.warnings == []
    assert _outcomes(candidate) == {"passed": report.checks}


def test_a_missing_day_refuses_the_period_and_names_feed_and_day(
    candidate: psycopg.Connection,
) -> None:
    candidate.execute(
        "delete from marts.release_inputs where feed = 'cases' and business_date = '2019-02-28'"
    )
    candidate.commit()

    with pytest.raises(Refused) as refusal:
        gates.candidate_gate(PERIOD)

    assert "candidate gate refuses 2019-Q1" in str(refusal.value)
    assert "Rows: 1: cases 2019-02-28 (0)." in str(refusal.value)
    assert "motcua ingest" in str(refusal.value)
    explanation = candidate.execute(
        "select explanation from ops.gate_results where outcome = 'failed'"
    ).fetchone()
    assert explanation is not None
    with database.connect(database.PUBLISHER) as publisher:
        rows = publisher.execute(explanation[0].split("See them: ")[1]).fetchall()
    assert [row for row in rows if row[3] == 0] == [("cases", date(2019, 2, 28), "", 0)]


MISSING = (
    "delete from marts.release_inputs where feed = 'cases' and (business_date between '2019-02-18'"
    " and '2019-03-01' or business_date in ('2019-01-05', '2019-03-04'))"
)
ALL_MISSING = (
    "Missing days: 12: cases 2019-01-05, 2019-02-18, 2019-02-19, 2019-02-20, 2019-02-21,"
    " 2019-02-22, 2019-02-25, 2019-02-26, 2019-02-27, 2019-02-28, 2019-03-01, 2019-03-04."
)
WAIVER = Waiver("Trần Thị B", "máy chủ hỏng")


def test_all_missing_days_are_named_and_a_person_may_waive_them(
    candidate: psycopg.Connection,
) -> None:
    candidate.execute(MISSING)
    candidate.commit()
    with pytest.raises(Refused) as refusal:
        gates.candidate_gate(PERIOD)
    assert ALL_MISSING in str(refusal.value)
    assert "--waive NAME --reason TEXT" in str(refusal.value)

    (warning,) = gates.candidate_gate(PERIOD, WAIVER).warnings

    assert ALL_MISSING in warning
    assert "Waived by Trần Thị B: máy chủ hỏng" in warning
    stored = candidate.execute(
        "select severity, outcome, explanation like '%Waived by Trần Thị B%' from ops.gate_results"
        " where suite = 'missing_days' order by checked_at"
    ).fetchall()
    assert stored == [("critical", "failed", False), ("warning", "failed", True)]


def test_a_waiver_lets_nothing_else_through(candidate: psycopg.Connection) -> None:
    candidate.execute(MISSING)
    candidate.execute("update marts.scorecard set rank = 0 where unit_code = 'U1'")
    candidate.commit()
    with pytest.raises(Refused, match="scorecard, rank") as refusal:
        gates.candidate_gate(PERIOD, WAIVER)
    assert "missing_days" not in str(refusal.value)


def test_without_a_missing_day_there_is_nothing_to_waive(candidate: psycopg.Connection) -> None:
    with pytest.raises(Refused, match=r"nothing to waive.*in 2019-Q1"):
        gates.candidate_gate(PERIOD, WAIVER)


def test_what_the_standing_release_waives_needs_no_waiver_again_and_no_more(
    candidate: psycopg.Connection,
) -> None:
    candidate.execute(
        "insert into published.publications select '2019-Q1.r1', '2019-Q1', 1, kind, '2019-01-01',"
        " '2019-03-31', ratings_from, ratings_to, processes_as_of, known_as_of, rule_set,"
        " reference_sha256, published_at, approved_by, note, code_version"
        " from published.publications;"
        " insert into published.waivers values"
        " ('2019-Q1.r1', 'cases', '2019-01-05', 'Trần Thị B', 'máy chủ hỏng');"
        " delete from marts.release_inputs where business_date = '2019-01-05'"
    )
    candidate.commit()
    assert "Waived by Trần Thị B" in " ".join(gates.candidate_gate(PERIOD).warnings)

    candidate.execute("delete from marts.release_inputs where business_date = '2019-01-07'")
    candidate.commit()
    with pytest.raises(Refused, match="cases 2019-01-05, 2019-01-07"):
        gates.candidate_gate(PERIOD)


def test_a_thin_day_is_let_through_by_name_for_exactly_its_files(landed: Landed) -> None:
    landed.past("cases", RECORDS * 100)
    thin = landed.file("cases", good("cases"))
    landed.connection.commit()
    with pytest.raises(Refused, match="motcua build --waive NAME"):
        gates.landing_gate(PACK)

    assert "Waived by Trần Thị B" in " ".join(gates.landing_gate(PACK, WAIVER).warnings)

    kept = landed.connection.execute(
        "select feed, day, file_ids, records, usual_records, name, reason from ops.landing_waivers"
    ).fetchall()
    assert kept == [("cases", DAY, [thin], 25, 2500, "Trần Thị B", "máy chủ hỏng")]
    # A build that was cut short comes to the gate again.
    assert "Waived by Trần Thị B" in " ".join(gates.landing_gate(PACK).warnings)
    for change in ("update ops.landing_waivers set name = 'C'", "delete from ops.landing_waivers"):
        with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
            landed.connection.execute(change)
        landed.connection.rollback()

    landed.file("cases", good("cases", 10), revision=2)
    landed.connection.commit()
    with pytest.raises(Refused, match="percent_of_usual"):
        gates.landing_gate(PACK)


def test_only_the_rule_on_volume_can_be_waived_at_the_landing_gate(landed: Landed) -> None:
    landed.file("cases", [record | {"ngaytra": "20190401"} for record in good("cases")])
    landed.connection.commit()
    with pytest.raises(Refused, match="happened_after_day_percent"):
        gates.landing_gate(PACK, WAIVER)
    landed.file("cases", good("cases"), revision=2)
    landed.connection.commit()
    with pytest.raises(Refused, match="nothing to waive"):
        gates.landing_gate(PACK, WAIVER)
    assert landed.connection.execute("select * from ops.landing_waivers").fetchall() == []


@pytest.mark.parametrize(("name", "reason"), [("A", " "), ("", "why"), (None, "why")])
def test_a_waiver_needs_a_name_and_a_reason(name: str | None, reason: str) -> None:
    with pytest.raises(Refused, match="--waive NAME --reason TEXT"):
        waiver(name, reason)


def test_a_jump_against_the_last_release_is_told_but_does_not_refuse(
    candidate: psycopg.Connection,
) -> None:
    candidate.execute("update marts.scorecard set total = 9 where unit_code = 'U2'")
    candidate.commit()

    (warning,) = gates.candidate_gate(PERIOD).warnings

    assert "Rows: 1: U2 (-6.3)." in warning


def test_a_period_that_the_marts_do_not_hold_fails_with_what_they_hold(
    candidate: psycopg.Connection,
) -> None:
    with pytest.raises(Failed, match="2031-Q1; the marts hold 2019-Q1"):
        gates.candidate_gate("2031-Q1")


def test_before_the_first_build_the_candidate_gate_says_what_to_run(warehouse: str) -> None:
    with pytest.raises(Failed, match="motcua build"):
        gates.candidate_gate(PERIOD)


def test_the_query_to_see_figures_quotes_the_period(candidate: psycopg.Connection) -> None:
    query = candidate_figures.figures_query(candidate, "late_cases", "x' or '1' = '1")
    assert "period_code = 'x'' or ''1'' = ''1'" in query
    assert candidate.execute(query).fetchall() == []


def test_the_reference_day_is_a_working_day() -> None:
    assert DAY.isoweekday() == 1
