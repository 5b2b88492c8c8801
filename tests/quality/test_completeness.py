"""Which days have come: against calendar and kiosks of a pack, deadlines and the recent past.

The expected values are written by hand for the first days of March 2019; 1 March is a Friday.
"""

from datetime import date, datetime, timedelta

import psycopg
import pytest
from small_warehouse import PACK

from motcua.quality import completeness
from motcua.quality.completeness import Day
from motcua.warehouse import database


def day(number: int) -> date:
    return date(2019, 3, number)


@pytest.fixture
def pack(admin: psycopg.Connection) -> psycopg.Connection:
    """Expected from Friday 1 March; Tuesday 5 is off, Saturday 9 makes up for it; three kiosks."""
    admin.execute(
        "insert into reference.feeds values"
        " (repeat('a', 64), 1, 'cases', 'working_days', '2019-03-01'),"
        " (repeat('a', 64), 2, 'ratings', 'working_days', '2019-03-04'),"
        " (repeat('a', 64), 3, 'petitions', 'on_change', '2019-03-01');"
        " insert into reference.calendar values"
        " (repeat('a', 64), 1, '2019-03-05', 'false', 'Nghỉ'),"
        " (repeat('a', 64), 2, '2019-03-09', 'true', 'Làm bù');"
        " insert into reference.kiosks (reference_sha256, line, kiosk, counter, valid_from,"
        " valid_to) values (repeat('a', 64), 1, 'K01', 'Q01', '2019-01-01', ''),"
        " (repeat('a', 64), 2, 'K01', 'Q02', '2019-01-01', ''),"
        " (repeat('a', 64), 3, 'K02', 'Q03', '2019-01-01', '2019-03-06'),"
        " (repeat('a', 64), 4, 'K03', 'Q03', '2019-03-07', '')"
    )
    return admin


def come(
    connection: psycopg.Connection,
    feed: str,
    number: int,
    at: str,
    part: str = "",
    records: int = 10,
    state: str = "loaded",
    revision: int = 1,
) -> int:
    """A file of a day of March, read at `at` (local time)."""
    row = connection.execute(
        "insert into raw.files (feed, uri, file_name, business_date, part, revision, sha256, bytes,"
        " records, loaded, rejected, state, read_by, loaded_at) values (%s, '', '', %s, %s, %s,"
        " md5(random()::text), 1, %s, %s, 1, %s, 'stream', %s) returning file_id",
        [feed, day(number), part, revision, records + 1, records, state, f"2019-03-{at}"],
    ).fetchone()
    assert row is not None
    return int(row[0])


def days(connection: psycopg.Connection, at: str) -> dict[tuple[str, int, str | None], Day]:
    connection.commit()
    with database.connect(database.OPS_READER) as reader:
        found = completeness.days(reader, PACK, datetime.fromisoformat(f"2019-03-{at}"))
    return {(one.feed, one.day.day, one.kiosk): one for one in found}


def states(connection: psycopg.Connection, feed: str, at: str) -> dict[int, str]:
    return {
        number: one.state
        for (of, number, kiosk), one in days(connection, at).items()
        if of == feed and kiosk is None
    }


def test_every_working_day_is_expected_and_no_day_off(pack: psycopg.Connection) -> None:
    # The deadline of Saturday is 07:00 on Sunday; that of Monday has not come.
    expected = dict.fromkeys((1, 4, 6, 7, 8, 9), "missing") | {11: "due"}
    assert states(pack, "cases", "11 06:59") == expected


def test_a_day_is_missing_once_its_deadline_has_passed_or_a_younger_day_came(
    pack: psycopg.Connection,
) -> None:
    assert states(pack, "cases", "04 06:30") == {1: "missing", 4: "due"}
    assert states(pack, "cases", "05 06:59") == {1: "missing", 4: "due"}
    assert states(pack, "cases", "05 07:01") == {1: "missing", 4: "missing"}
    come(pack, "petitions", 4, "04 20:00")
    assert states(pack, "cases", "04 21:00") == {1: "missing", 4: "missing"}


def test_a_feed_on_change_is_never_missing_and_its_days_are_told(pack: psycopg.Connection) -> None:
    come(pack, "petitions", 3, "04 05:00", records=7)
    found = days(pack, "08 12:00")
    assert [key for key in found if key[0] == "petitions"] == [("petitions", 3, None)]
    one = found["petitions", 3, None]
    assert (one.state, one.is_expected, one.files, one.records) == ("present", False, 1, 7)


def test_late_is_what_was_complete_after_the_deadline_and_by_how_much(
    pack: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(pack, "petitions", 1, "01 20:00")  # the first file that this warehouse took
    come(pack, "cases", 1, "02 06:59")
    come(pack, "cases", 4, "05 09:30")
    come(pack, "cases", 4, "07 09:30", revision=2)  # put right later, complete before
    found = days(pack, "06 12:00")
    assert (found["cases", 1, None].state, found["cases", 1, None].late_by) == ("present", None)
    late = found["cases", 4, None]
    assert (late.state, late.late_by) == ("late", timedelta(hours=2, minutes=30))
    assert late.complete_at == datetime(2019, 3, 5, 9, 30)

    monkeypatch.setenv("MOTCUA_DEADLINE", "10:00")
    assert days(pack, "06 12:00")["cases", 4, None].state == "present"


def test_what_was_due_before_the_first_load_is_not_late(pack: psycopg.Connection) -> None:
    for number in (1, 4, 6):
        come(pack, "cases", number, "07 12:00")
    come(pack, "cases", 7, "08 12:00")
    found = states(pack, "cases", "08 13:00")
    assert found == {1: "present", 4: "present", 6: "present", 7: "late", 8: "due"}


def test_a_day_with_quarantined_files_only_says_so_until_a_good_one_comes(
    pack: psycopg.Connection,
) -> None:
    come(pack, "cases", 1, "02 05:00", state="quarantined")
    one = days(pack, "02 12:00")["cases", 1, None]
    assert (one.state, one.files, one.quarantined, one.records) == ("quarantined", 0, 1, 0)
    come(pack, "cases", 1, "02 06:00", revision=2)
    come(pack, "cases", 1, "02 06:30", revision=3, state="quarantined")
    one = days(pack, "02 12:00")["cases", 1, None]
    assert (one.state, one.files, one.quarantined, one.records) == ("present", 1, 2, 10)


def test_a_superseded_revision_does_not_count_and_parts_add_up(pack: psycopg.Connection) -> None:
    come(pack, "cases", 1, "02 05:00", records=100)
    kept = [
        come(pack, "cases", 1, "02 05:10", records=20, revision=2),
        come(pack, "cases", 1, "02 05:20", records=3, part="B"),
    ]
    one = days(pack, "02 12:00")["cases", 1, None]
    assert (one.files, one.records, one.rejected, one.file_ids) == (2, 23, 2, kept)


def test_a_date_far_off_makes_no_endless_days(pack: psycopg.Connection) -> None:
    come(pack, "cases", 1, "04 06:00")
    pack.execute("update raw.files set business_date = '9999-12-31'")
    come(pack, "cases", 1, "04 06:00")
    counted = pack.execute(
        "select count(*) from ops.working_days(repeat('a', 64), '0001-01-01', '9999-12-31')"
    ).fetchone()
    assert counted is not None
    assert counted[0] < 50 * 366
    assert days(pack, "05 06:00")["cases", 1, None].state == "present"


def test_a_silent_kiosk_is_missed_on_the_days_when_it_is_valid(pack: psycopg.Connection) -> None:
    come(pack, "petitions", 1, "01 20:00")
    come(pack, "ratings", 4, "05 05:00", part="K01", records=0)
    come(pack, "ratings", 4, "05 05:00", part="K02")
    come(pack, "ratings", 6, "07 05:00", part="K01")
    come(pack, "ratings", 6, "07 05:00", part="K2")  # no kiosk of the pack, so it serves none
    come(pack, "ratings", 7, "08 05:00", part="K01")
    come(pack, "ratings", 7, "08 09:00", part="K03")
    come(pack, "ratings", 8, "09 05:00")  # of the whole Centre
    found = days(pack, "09 06:00")
    ratings = {key[1:]: one for key, one in found.items() if key[0] == "ratings"}
    expected = {
        (4, None): "present",
        (4, "K01"): "present",
        (4, "K02"): "present",
        (6, None): "missing",
        (6, "K01"): "present",
        (6, "K02"): "missing",
        (7, None): "late",
        (7, "K01"): "present",
        (7, "K03"): "late",
        (8, None): "present",
        (8, "K01"): "present",
        (8, "K03"): "present",
        (9, None): "due",
        (9, "K01"): "due",
        (9, "K03"): "due",
    }
    assert {key: one.state for key, one in ratings.items()} == expected
    assert ratings[6, None].absent_kiosks == ["K02"]
    assert ratings[6, None].complete_at is None
    assert ratings[7, None].complete_at == datetime(2019, 3, 8, 9)
    assert (ratings[7, None].records, ratings[7, "K03"].records) == (20, 10)


def test_a_day_is_unusual_against_the_median_of_the_working_days_before(
    pack: psycopg.Connection,
) -> None:
    for number, records in ((1, 90), (4, 100), (6, 1000), (7, 110), (8, 100)):
        come(pack, "cases", number, f"{number + 1:02} 05:00", records=records)
    come(pack, "cases", 10, "11 05:00", records=1)  # a Sunday is no measure
    come(pack, "cases", 9, "10 05:00", records=20)
    come(pack, "cases", 11, "12 05:00", records=26)
    found = days(pack, "12 06:00")
    assert found["cases", 8, None].usual_records is None, "four days before are too few"
    assert not found["cases", 6, None].is_unusual
    assert (found["cases", 9, None].usual_records, found["cases", 9, None].is_unusual) == (
        100,
        True,
    )
    assert found["cases", 10, None].usual_records is None
    # 20, 90, 100, 100, 110, 1000: the median is 100, and 26 of it are not under 25 %.
    assert (found["cases", 11, None].usual_records, found["cases", 11, None].is_unusual) == (
        *(100, False),
    )


def test_the_view_needs_no_parameter_and_is_open_to_the_readers_of_operations(
    pack: psycopg.Connection,
) -> None:
    come(pack, "cases", 1, "02 05:00")
    pack.commit()
    with database.connect(database.OPS_READER) as reader:
        row = reader.execute(
            "select state, files, records from ops.completeness"
            " where feed = 'cases' and day = '2019-03-01'"
        ).fetchone()
    assert row == ("present", 1, 10)
