"""What `motcua status` tells of the days of the feeds."""

from datetime import date, datetime, timedelta

import psycopg
import pytest

from motcua import settings
from motcua.landing import reference
from motcua.operations import status
from motcua.warehouse import database


@pytest.fixture
def month(warehouse: str) -> None:
    """Weekdays of Sóc Trăng up to 19 March 2019, each loaded at 05:00 of the next day.

    Saturday 5 January, which made up for New Year's Eve, was forgotten. In March the 13th came
    at 10:30, the 14th has 4 cases, those of the 15th are quarantined, the 18th never came, and of
    the ratings K02 is silent on the 12th.
    """
    reference.store(settings.reference())
    with psycopg.connect(warehouse) as connection:
        for number in range(107):
            day = date(2018, 12, 3) + timedelta(number)
            if day.isoweekday() > 5 or day == date(2019, 3, 18):
                continue
            came = datetime(day.year, day.month, day.day, 5) + timedelta(1)
            if day == date(2019, 3, 13):
                came += timedelta(hours=5, minutes=30)
            for feed, part in (("cases", ""), ("ratings", "K01"), ("ratings", "K02")):
                if (part, day) == ("K02", date(2019, 3, 12)):
                    continue
                faulty = feed == "cases" and day == date(2019, 3, 15)
                records = 4 if feed == "cases" and day == date(2019, 3, 14) else 100
                connection.execute(
                    "insert into raw.files (feed, uri, file_name, business_date, part, sha256,"
                    " bytes, records, loaded, rejected, state, read_by, loaded_at) values (%s, '',"
                    " '', %s, %s, md5(random()::text), 1, %s, %s, 0, %s, 'stream', %s)",
                    [feed, day, part, *[records] * 2, "quarantined" if faulty else "loaded", came],
                )


def lines_of(feed: str, at: datetime) -> list[str]:
    """The remarks under the line of a feed."""
    lines = status.report(at).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith(f"{feed} "))
    after = [line.startswith("  ") for line in lines[first + 1 :]]
    return [line.strip() for line in lines[first + 1 : first + 1 + [*after, False].index(False)]]


def test_status_names_missing_quarantined_late_and_unusual_days(month: None) -> None:
    missing, quarantined, late, unusual = lines_of("cases", datetime(2019, 3, 20, 6, 30))
    assert missing == "2 working days without a file: 2019-01-05, 2019-03-18"
    assert quarantined == (
        "1 working days with quarantined files only (motcua rejects): 2019-03-15"
    )
    assert late == "1 working days came late: 2019-03-13 (by 3.5 h)"
    assert unusual == "1 days with an unusual number of records: 2019-03-14 (4, usually 100)"


def test_status_names_silent_kiosks(month: None) -> None:
    missing, *_ = lines_of("ratings", datetime(2019, 3, 20, 6, 30))
    assert missing == "3 working days without a file: 2019-01-05, 2019-03-12 (K02), 2019-03-18"


def test_status_sums_up_the_days_after_the_newest_file(month: None) -> None:
    at = datetime(2019, 3, 20, 23, 59)
    assert "No feed has come since" not in status.report(at)
    text = status.report(at + timedelta(days=3))
    assert text.endswith(
        "No feed has come since 2019-03-19: 3 working days are past their deadline (07:00 on the"
        " next day) as of 2019-03-23 23:59."
    )


def test_status_names_the_server_that_is_used_without_its_password(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = database.parts(warehouse)
    first, second, *_ = status.addresses().splitlines()
    assert first == (
        f"Warehouse: {where['host']}:{where['port']}/{where['dbname']} as {where['user']}"
        " (MOTCUA_WAREHOUSE_URL)"
    )
    assert second.startswith("Airflow: none was started here.")
    assert where["password"] not in status.addresses()
    monkeypatch.delenv("MOTCUA_WAREHOUSE_URL")
    assert status.addresses().splitlines()[:2] == [
        "PostgreSQL: not running (motcua up starts it)",
        "Airflow: not running (motcua up starts it)",
    ]
