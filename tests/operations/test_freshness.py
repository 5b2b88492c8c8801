"""What is found to be late, from a warehouse with the candidates of 2019."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

import report_marts
from motcua.errors import Failed
from motcua.operations import freshness
from motcua.operations.alerts import Alert
from motcua.publication import release
from motcua.warehouse import runs


@pytest.fixture
def built(warehouse: str) -> str:
    report_marts.build(warehouse)
    return warehouse


def found(text: str) -> dict[str, Alert]:
    """The findings of a local moment, by cause."""
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    return {alert.cause: alert for alert in freshness.findings(at)}


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


def test_a_publication_is_reminded_of_from_its_moment_until_it_is_made(built: str) -> None:
    assert "overdue 2019-Q1" not in found("2019-05-06 07:59")
    alert = found("2019-05-06 08:05")["overdue 2019-Q1"]
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
    assert not [cause for cause in found("2019-06-19 08:05") if cause == "not ready 2019-H1"]


def test_a_calendar_without_a_next_period_is_told(built: str) -> None:
    assert "no period follows" not in found("2019-07-11 07:59")
    assert "reporting_periods.csv" in found("2019-07-11 08:00")["no period follows"].body


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
    assert "cases 2019-04-05" in found("2019-05-06 08:05")["overdue 2019-Q1"].body


def test_a_stage_that_failed_is_told_until_it_ends_well(warehouse: str) -> None:
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
    assert "the landing zone does not answer" in now()["stage load"].body
    assert "no load" in now()
    fails = False
    load()
    assert not {"stage load", "no load"} & set(now())


def test_a_warehouse_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert "127.0.0.1:1/none" in found("2019-05-06 08:05")["warehouse"].body
