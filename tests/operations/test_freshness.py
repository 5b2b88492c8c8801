"""What is found to be late, from a warehouse with the candidates of 2019."""

from datetime import datetime
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


def load(url: str, feed: str, day: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("set role motcua_loader")
        connection.execute(
            "insert into raw.files (feed, uri, file_name, business_date, part, revision, sha256,"
            " bytes, state, records, loaded, rejected, read_by)"
            " values (%s, 'file:///x', %s, %s, '', 1, %s, 1, 'loaded', 0, 0, 0, 'test')",
            [feed, f"{feed}_{day}.csv", day, f"{feed}{day}"],
        )


def test_a_publication_is_reminded_of_from_its_moment_until_it_is_made(built: str) -> None:
    assert "overdue 2019-Q1" not in found("2019-05-06 07:59")
    alert = found("2019-05-06 08:05")["overdue 2019-Q1"]
    assert alert.subject == "Đã đến ngày mà chưa công bố: 2019-Q1 (Quý I năm 2019)"
    assert "start publish_scorecard with period 2019-Q1" in alert.body
    runs.sign_off("a run", "2019-Q1", "ab" * 32, runs.ASKED)
    alert = found("2019-05-07 08:05")["overdue 2019-Q1"]
    assert alert.subject == "Đang chờ phê duyệt: 2019-Q1 (Quý I năm 2019)"
    assert "(run a run)" in alert.body
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
    feeds = ("cases", "steps", "supplements", "ratings")
    days = [f"2019-03-{number:02d}" for number in range(1, 9) if number not in (2, 3)]
    for day in days:
        for feed in feeds:
            if (feed, day) != ("ratings", "2019-03-08"):
                load(built, feed, day)
    assert not [cause for cause in found("2019-03-09 06:59") if cause.startswith("data")]
    alert = found("2019-03-09 07:00")["data 2019-03-08"]
    assert "ratings: 2019-03-08\n" in alert.body
    assert "cases" not in alert.body
    assert "data 2019-03-10" in found("2019-03-11 07:00"), "Saturday and Sunday make no other day"
    load(built, "ratings", "2019-03-08")
    assert not [cause for cause in found("2019-03-11 07:00") if cause.startswith("data")]


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
