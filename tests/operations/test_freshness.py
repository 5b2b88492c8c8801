"""What is found to be late, from a warehouse with the candidates of 2019."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

import report_marts
from mail_sink import Sink
from motcua import pipeline, settings
from motcua.errors import Failed, Refused
from motcua.operations import alerts, freshness
from motcua.operations.alerts import Alert, MailServer
from motcua.publication import release
from motcua.warehouse import runs


@pytest.fixture
def built(built: str) -> str:
    """A warehouse that loads since 2019 and holds the candidates of its periods."""
    first_load(built, "2019-01-02 05:10")
    return built


def first_load(url: str, at: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into ops.stage_runs (stage, started_at, finished_at, outcome)"
            " values ('load', %(at)s, %(at)s, 'done')",
            {"at": f"{at}+07"},
        )


def found(text: str) -> dict[str, Alert]:
    """The findings of a local moment, by cause."""
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    return {alert.cause: alert for alert in freshness.findings(at)}


def asked(url: str, period: str, at: str, event: str = runs.ASKED) -> None:
    """An event of the sign-off of a run at a local time."""
    by = "Trần Thị B" if event in (runs.APPROVED, runs.REJECTED) else None
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into ops.sign_offs (run_id, period_code, candidate_sha256, event, by, at)"
            " values (%s, %s, 'ab', %s, %s, %s)",
            [f"run of {period}", period, event, by, f"{at}+07"],
        )


def expect(url: str, feed: str, first: str) -> None:
    """Let the pack expect a feed on working days from a day on."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "update reference.feeds set expected = 'working_days', expected_from = %s"
            " where feed = %s",
            [first, feed],
        )


def load(url: str, feed: str, day: str, kiosk: str = "") -> None:
    name = f"{feed}_{day}_{kiosk}.csv" if kiosk else f"{feed}_{day}.csv"
    with psycopg.connect(url) as connection:
        connection.execute("set role motcua_loader")
        connection.execute(
            "insert into raw.files (file_id, feed, uri, file_name, business_date, part, revision,"
            " sha256, bytes, state, records, loaded, rejected, read_by)"
            " select max(file_id) + 1, %s, 'landing', %s, %s, %s, 1, %s, 1, 'loaded', 0, 0, 0,"
            " 'stream' from raw.files",
            [feed, name, day, kiosk, name],
        )


def test_a_publication_is_reminded_of_from_an_hour_after_its_moment_until_it_is_made(
    built: str,
) -> None:
    assert "overdue 2019-Q1" not in found("2019-05-06 08:59"), "its run may be at work"
    alert = found("2019-05-06 09:00")["overdue 2019-Q1"]
    assert alert.subject == "Đã đến ngày mà chưa công bố: 2019-Q1 (Quý I năm 2019)"
    assert "start publish_scorecard with period 2019-Q1" in alert.body
    runs.sign_off("a run", "2019-Q1", "ab" * 32, runs.ASKED)
    later = found("2019-05-07 08:05")
    assert later["sign-off a run"].subject == "Đang chờ phê duyệt: 2019-Q1"
    assert "(run a run)" in later["sign-off a run"].body
    assert "overdue 2019-Q1" not in later, "one alert is enough"
    runs.sign_off("a run", "2019-Q1", "ab" * 32, runs.REJECTED, "Trần Thị B", "chờ Sở Nội vụ")
    later = found("2019-05-08 08:05")
    assert "sign-off a run" not in later
    assert "Trần Thị B refused it" in later["overdue 2019-Q1"].body
    assert "chờ Sở Nội vụ\n" in later["overdue 2019-Q1"].body
    release.publish("2019-Q1", "Nguyễn Văn A")
    assert "overdue 2019-Q1" not in found("2019-05-07 09:05")


def test_a_publication_that_is_not_ready_is_told_three_days_before(warehouse: str) -> None:
    report_marts.build(warehouse, data_until="2019-04-04")
    assert "not ready 2019-Q1" not in found("2019-05-03 07:00")
    alert = found("2019-05-03 08:05")["not ready 2019-Q1"]
    assert "not yet known" in alert.body


def test_before_its_knowledge_date_a_period_is_told_for_what_is_late_already(
    warehouse: str,
) -> None:
    """Its days past their deadline; not that the data do not reach the knowledge date yet."""
    report_marts.build(warehouse, data_until="2019-07-05")
    for period in ("2019-Q1", "2019-Q2"):
        release.publish(period, "Nguyễn Văn A")
    assert "not ready 2019-H1" not in found("2019-07-11 08:05"), "nothing is late yet"
    expect(warehouse, "cases", "2019-07-08")
    assert "not ready 2019-H1" not in found("2019-07-09 07:59"), "more than three days before"
    body = found("2019-07-09 08:05")["not ready 2019-H1"].body
    assert body.splitlines() == [
        "2019-H1 (06 tháng đầu năm 2019) is to be published at 2019-07-12 08:00.",
        "Expected days are missing: cases 2019-07-08.",
    ]
    body = found("2019-07-12 07:00")["not ready 2019-H1"].body
    assert body.splitlines()[1:] == [
        "Expected days are missing: cases 2019-07-08, 2019-07-09, 2019-07-10."
    ]
    late = found("2019-07-12 07:05")["not ready 2019-H1"].body
    assert "2019-H1 is not yet known" in late
    assert "2019-07-10, 2019-07-11." in late


def test_before_its_knowledge_date_a_period_is_told_for_parts_that_are_not_published(
    built: str,
) -> None:
    release.publish("2019-Q1", "Nguyễn Văn A")
    body = found("2019-07-09 08:05")["not ready 2019-H1"].body
    assert "2019-Q2, a period inside it, is not published: run publish_scorecard" in body
    asked(built, "2019-Q2", "2019-07-08 10:00")
    body = found("2019-07-09 08:05")["not ready 2019-H1"].body
    assert "It waits for the sign-off of 2019-Q2, asked for at 2019-07-08 10:00" in body
    assert "run publish_scorecard" not in body
    release.publish("2019-Q2", "Nguyễn Văn A")
    assert "not ready 2019-H1" not in found("2019-07-09 08:05")


def test_files_that_are_being_built_are_not_told_as_an_obstacle_those_of_yesterday_are(
    built: str,
) -> None:
    with psycopg.connect(built) as connection:
        connection.execute("set role motcua_loader")
        report_marts.load_file(connection, 2, "2019-04-05", loaded_at="2019-05-05 05:00+07")
    assert "not ready 2019-Q1" not in found("2019-05-05 06:05")
    assert "not built" in found("2019-05-05 07:05")
    assert "1 export file(s)" in found("2019-05-05 07:05")["not ready 2019-Q1"].body


@pytest.fixture
def of_one_day(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The second quarter and the half-year are due on one day, five minutes apart."""
    pack = tmp_path / "pack"
    shutil.copytree(settings.PROJECT / "reference" / "soc_trang", pack)
    periods = (pack / "reporting_periods.csv").read_text(encoding="utf-8")
    assert "2019-06-20,2019-06-21" in periods
    periods = periods.replace("2019-06-20,2019-06-21", "2019-06-20,2019-07-12")
    (pack / "reporting_periods.csv").write_text(periods, encoding="utf-8")
    monkeypatch.setenv("MOTCUA_REFERENCE", str(pack))
    report_marts.build(warehouse)
    first_load(warehouse, "2019-01-02 05:10")
    release.publish("2019-Q1", "Nguyễn Văn A")
    return warehouse


def test_a_period_behind_the_sign_off_of_another_is_not_told_as_forgotten(of_one_day: str) -> None:
    assert "not ready 2019-H1" not in found("2019-07-11 08:05"), "its part comes before it"
    asked(of_one_day, "2019-Q2", "2019-07-12 08:02")
    assert not {"overdue 2019-H1", "not ready 2019-H1"} & set(found("2019-07-12 08:05"))
    later = found("2019-07-12 09:05")
    assert later["waits 2019-H1"].subject.startswith("Chờ kỳ 2019-Q2 được phê duyệt: 2019-H1")
    assert "the sign-off of 2019-Q2, asked for at 2019-07-12 08:02" in later["waits 2019-H1"].body
    assert "overdue 2019-H1" not in later
    assert not [cause for cause, alert in later.items() if "`motcua publish" in alert.body]
    asked(of_one_day, "2019-Q2", "2019-07-12 10:00", runs.APPROVED)
    release.publish("2019-Q2", "Trần Thị B")
    assert not {"waits 2019-H1", "overdue 2019-H1"} & set(found("2019-07-12 10:05")), "at work"
    body = found("2019-07-12 11:05")["overdue 2019-H1"].body
    assert "It is ready: start publish_scorecard with period 2019-H1." in body


def test_a_period_that_failed_long_ago_does_not_hide_behind_the_sign_off_of_today(
    built: str,
) -> None:
    asked(built, "2019-Q2", "2019-06-21 08:02")
    assert {"overdue 2019-Q1", "sign-off run of 2019-Q2"} <= set(found("2019-06-21 09:05"))


def test_what_was_due_before_the_first_load_is_not_asked_for(warehouse: str) -> None:
    report_marts.build(warehouse)
    assert not [cause for cause in found("2019-06-22 08:05") if cause.startswith("overdue")]
    first_load(warehouse, "2019-05-20 05:10")
    causes = set(found("2019-06-22 08:05"))
    assert "overdue 2019-Q1" not in causes
    assert "overdue 2019-Q2" in causes


def test_a_calendar_without_a_next_period_is_told(built: str) -> None:
    assert "no period follows" not in found("2019-07-12 07:59")
    assert "reporting_periods.csv" in found("2019-07-12 08:00")["no period follows"].body


def test_days_are_asked_for_from_seven_in_the_morning_of_the_next_day(built: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute(
            "update reference.feeds set expected = 'working_days', expected_from = '2019-03-01'"
            " where feed in ('cases', 'steps', 'supplements', 'ratings')"
        )
    feeds = ("cases", "steps", "supplements", "ratings")
    days = [f"2019-03-{number:02d}" for number in range(1, 9) if number not in (2, 3)]
    for day in days:
        for feed in feeds:
            if (feed, day) != ("ratings", "2019-03-08"):
                load(built, feed, day)
    assert not [cause for cause in found("2019-03-09 07:00") if cause.startswith("data")]
    alert = found("2019-03-09 07:01")["data 2019-03-08"]
    assert "ratings: 2019-03-08\n" in alert.body
    assert "cases" not in alert.body
    assert "data 2019-03-10" in found("2019-03-11 07:01"), "Saturday and Sunday make no other day"
    load(built, "ratings", "2019-03-08", kiosk="K01")
    assert "ratings: 2019-03-08 (K02" in found("2019-03-11 07:01")["data 2019-03-10"].body
    load(built, "ratings", "2019-03-08")
    assert not [cause for cause in found("2019-03-11 07:01") if cause.startswith("data")]


def test_the_deadline_is_that_of_the_settings(built: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(built) as connection:
        connection.execute(
            "update reference.feeds set expected = 'working_days', expected_from = '2019-03-08'"
            " where feed = 'cases'"
        )
    monkeypatch.setenv("MOTCUA_DEADLINE", "09:30")
    assert "data 2019-03-08" not in found("2019-03-09 09:30")
    assert "data 2019-03-08" in found("2019-03-09 09:31")


def test_files_that_wait_for_a_build_past_the_deadline_are_told(built: str) -> None:
    now = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert "not built" not in found(f"{now:%Y-%m-%d %H:%M}"), "the file of the marts is built"
    load(built, "cases", "2019-03-08")
    assert "not built" not in found(f"{now:%Y-%m-%d} 00:00"), "loaded after the last deadline"
    alert = found(f"{now + timedelta(days=2):%Y-%m-%d} 07:01")["not built"]
    assert "1 file(s)" in alert.body


def test_a_period_with_missing_days_is_not_ready(built: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute(
            "update reference.feeds set expected = 'working_days', expected_from = '2019-04-05'"
            " where feed = 'cases'"
        )
    assert "cases 2019-04-05" in found("2019-05-05 08:05")["not ready 2019-Q1"].body
    assert "cases 2019-04-05" in found("2019-05-06 09:05")["overdue 2019-Q1"].body


@pytest.fixture
def in_a_task(monkeypatch: pytest.MonkeyPatch) -> str:
    """The process works for a task of Airflow; the cause of what its callback tells."""
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "ingest_exports")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "load_exports")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__1")
    return "ingest_exports.load_exports scheduled__1"


def test_a_stage_that_failed_is_told_until_it_ends_well(warehouse: str, in_a_task: str) -> None:
    def now() -> dict[str, Alert]:
        return {alert.cause: alert for alert in freshness.findings()}

    assert "ever" in now()["no load"].body
    fails = True

    @runs.recorded("load")
    def load() -> None:
        if fails:
            raise Failed("the landing zone does not answer")

    with pytest.raises(Failed):
        load()
    assert "the landing zone does not answer" in now()[in_a_task].body
    assert "no load" in now()
    fails = False
    load()
    assert not {in_a_task, "no load"} & set(now())


def test_what_a_person_was_told_on_the_command_line_is_no_alert(warehouse: str) -> None:
    with pytest.raises(Refused, match="Nothing is built yet"):
        pipeline.check_candidate("2019-Q1", "Nguyễn Văn A")
    assert set(found_now()) == {"no load", "no period follows"}


def test_what_the_task_told_of_its_failure_is_not_told_again(
    warehouse: str,
    in_a_task: str,
    sink: tuple[Sink, MailServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOTCUA_ALERT_RECIPIENTS", "a@example.vn")
    handler, mail = sink

    @runs.recorded("load")
    def load() -> None:
        raise Failed("the landing zone does not answer")

    with pytest.raises(Failed):
        load()
    assert in_a_task in found_now(), "when the callback could not tell it, this does"
    alerts.send(Alert(in_a_task, "Tác vụ thất bại", "-"), mail)
    alerts.send(found_now()[in_a_task], mail)
    assert [mail["Subject"] for mail in handler.mails] == ["Tác vụ thất bại"]


def test_what_the_task_told_before_midnight_is_not_told_again_after_it(
    warehouse: str, in_a_task: str
) -> None:
    @runs.recorded("load")
    def load() -> None:
        raise Failed("the landing zone does not answer")

    with pytest.raises(Failed):
        load()
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into ops.alerts (day, cause, channel, subject, body)"
            " values (current_date - 2, %s, 'mail', '-', '-')",
            [in_a_task],
        )
    assert in_a_task not in found_now()


def found_now() -> dict[str, Alert]:
    return {alert.cause: alert for alert in freshness.findings()}


def test_a_mistyped_setting_hides_nothing_else(built: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_DEADLINE", "7:00")
    asked(built, "2019-Q1", "2019-05-06 08:01")
    told = found("2019-07-12 09:05")
    assert {"no period follows", "no load"} <= set(found("2020-07-12 09:05"))
    assert "sign-off run of 2019-Q1" in found("2019-05-06 09:05")
    watch = told["watch dữ liệu hằng ngày, tệp chờ dựng, các kỳ công bố"]
    assert (
        watch.subject == "Không trông chừng được: dữ liệu hằng ngày, tệp chờ dựng, các kỳ công bố"
    )
    assert "MOTCUA_DEADLINE is 7:00; it must be" in watch.body


def test_a_pack_that_cannot_be_read_is_no_silent_warehouse(
    built: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load(built, "cases", "2019-03-08")
    monkeypatch.setenv("MOTCUA_REFERENCE", str(tmp_path / "nowhere"))
    now = datetime.now(ZoneInfo(settings.TIME_ZONE)) + timedelta(days=2)
    told = {alert.cause: alert for alert in freshness.findings(now)}
    assert "warehouse" not in told
    assert "See MOTCUA_REFERENCE" in told["watch lịch công bố, các kỳ công bố"].body
    assert "not built" in told


def test_a_warehouse_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:1/none")
    told = found("2019-08-06 08:05")
    assert "127.0.0.1:1/none" in told["warehouse"].body
    assert set(told) == {"warehouse", "no period follows"}, "it is told once, and the pack is read"
