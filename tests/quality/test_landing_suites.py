"""Every landing expectation passes a good batch and fails a bad one for its own reason."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from small_warehouse import DAY, PACK, RECORDS, Landed, good, working_days

from motcua.landing.feeds import FEEDS
from motcua.quality import gates, landing_profile, suites

Rule = tuple[str, str]


@dataclass(frozen=True)
class Bad:
    """A batch with a fault: `rows` of its records changed, or `usual` records the days before."""

    fails: set[Rule]
    changes: dict[str, Any]
    rows: int = 10
    usual: int = 0


def _both(column: str) -> set[Rule]:
    return {(column, "critical"), (column, "warning")}


def _warning(column: str) -> set[Rule]:
    return {(column, "warning")}


def _after(time_column: str, name: str = "changed_after_day_percent") -> list[Bad]:
    return [
        Bad(_both(name), {time_column: "2019-03-05T00:10:00"}),
        Bad(_warning(name), {time_column: "20190305001000"}, rows=1),
    ]


VOLUME = [
    Bad(_both("percent_of_usual"), {}, usual=RECORDS * 100),
    Bad(_warning("percent_of_usual"), {}, usual=RECORDS * 5),
    Bad(set(), {}, usual=RECORDS * 3),
]
HAPPENED = "happened_after_day_percent"

BAD: dict[str, list[Bad]] = {
    "cases": [
        *VOLUME,
        *_after("ngaycapnhat"),
        Bad(_both(HAPPENED), {"ngaytra": "03/04/2019 10:00"}),
        Bad(_warning(HAPPENED), {"ngayketthucxuly": "2019-03-05"}, rows=1),
        Bad(_warning("changed_before_day_percent"), {"ngaycapnhat": "01/03/2019"}, rows=15),
        Bad(_warning("unknown_procedure_percent"), {"matthc": "9.999.H51"}, rows=1),
        Bad(_warning("code_date_differs_percent"), {"ngaytiepnhan": "03/03/2019"}, rows=2),
        Bad(_warning("without_due_date_percent"), {"ngayhentra": ""}, rows=15),
        Bad(_warning("without_due_date_percent"), {"ngayhentra": None}, rows=3),
        Bad(_warning("due_before_receipt_percent"), {"ngayhentra": "2009-03-11"}, rows=1),
        Bad(_warning("settled_without_finish_percent"), {"ngayketthucxuly": ""}, rows=6),
    ],
    "steps": [
        *VOLUME,
        *_after("ngaycapnhat"),
        Bad(_both(HAPPENED), {"thoidiemxuly": "2019-03-04T20:00:00Z"}),
        Bad(_warning(HAPPENED), {"ngaybatdau": "20190401"}, rows=1),
        Bad(_warning("changed_before_day_percent"), {"ngaycapnhat": "20190303235959"}, rows=15),
        Bad(_warning("without_allotted_end_percent"), {"ngayketthuctheoquydinh": ""}, rows=15),
    ],
    "supplements": [
        *_after("ngaycapnhat"),
        Bad(_both(HAPPENED), {"ngaybosung": "05/03/2019"}),
        Bad(_warning(HAPPENED), {"ngaytiepnhanbosung": "05/03/2019"}, rows=1),
        Bad(_warning("without_fault_percent"), {"loinguoinop": ""}, rows=15),
    ],
    "petitions": [
        Bad(_warning("changed_after_day_percent"), {"ngaycapnhat": "05/03/2019"}),
        Bad(_both(HAPPENED), {"ngayxuly": "05/03/2019"}),
        Bad(_warning(HAPPENED), {"ngaytiepnhan": "05/03/2019"}, rows=1),
        Bad(_warning("without_deadline_percent"), {"hanxuly": None}),
    ],
    "procedures": [
        Bad(_warning("changed_after_day_percent"), {"ngaycapnhat": "05/03/2019"}),
        Bad(_warning("without_level_percent"), {"mucdo": ""}),
        Bad(_warning("without_publicity_percent"), {"congkhai": ""}),
    ],
    "ratings": [
        *VOLUME,
        *_after("thoigian", "pressed_after_day_percent"),
        Bad(_warning("pressed_before_day_percent"), {"thoigian": "03/03/2019 09:00"}, rows=15),
    ],
    "late_reviews": [
        Bad(_warning("changed_after_day_percent"), {"ngayxacnhan": "05/03/2019"}),
        Bad(_warning("in_time_without_date_percent"), {"ngaytrathucte": ""}, rows=1),
    ],
    "external_counts": [
        Bad(_warning("changed_after_day_percent"), {"ngaycapnhat": "05/03/2019"}),
        Bad(_warning("window_after_day_percent"), {"denngay": "31/03/2019"}),
    ],
}


def _failing(landed: Landed, feed: str) -> set[Rule]:
    """Rules of a feed that the new files break; a broken check fails the test."""
    table = landing_profile.profile(
        landed.connection, landing_profile.new_days(landed.connection, PACK)[feed]
    )
    judgements = suites.judge(gates.suite_file("landing", feed), table)
    assert [found.problem for found in judgements if found.outcome == suites.BROKEN] == []
    return {
        (str(found.column), found.severity)
        for found in judgements
        if found.outcome == suites.FAILED
    }


@pytest.mark.parametrize("feed", FEEDS)
def test_a_good_batch_passes_and_each_bad_batch_fails_the_intended_checks(
    landed: Landed, feed: str
) -> None:
    expected = {
        (rule["kwargs"]["column"], rule["severity"])
        for rule in suites.read(gates.suite_file("landing", feed))["expectations"]
    }
    assert set().union(*(bad.fails for bad in BAD[feed])) == expected, "a bad batch for every rule"

    landed.past(feed, usual=RECORDS)
    landed.file(feed, good(feed))
    assert _failing(landed, feed) == set()
    landed.connection.rollback()

    for bad in BAD[feed]:
        records = good(feed)
        records = [record | bad.changes for record in records[: bad.rows]] + records[bad.rows :]
        landed.past(feed, usual=bad.usual or RECORDS)
        landed.file(feed, records)
        assert _failing(landed, feed) == bad.fails, bad
        landed.connection.rollback()


def test_an_empty_file_on_a_working_day_is_critical_and_on_a_day_off_is_not(
    landed: Landed,
) -> None:
    landed.past("cases", usual=100)
    landed.file("cases", [])
    assert _failing(landed, "cases") == _both("percent_of_usual")

    landed.connection.execute(
        "insert into reference.calendar values (repeat('a', 64), 1, '2019-03-04', 'false', '')"
    )
    assert _failing(landed, "cases") == set()


def test_a_saturday_counts_as_a_working_day_only_when_the_calendar_says_so(landed: Landed) -> None:
    landed.past("cases", usual=100)
    saturday = date(2019, 3, 9)
    landed.file("cases", [], day=saturday)
    assert _failing(landed, "cases") == set()

    landed.connection.execute(
        "insert into reference.calendar values (repeat('a', 64), 1, '2019-03-09', 'true', '')"
    )
    assert _failing(landed, "cases") == _both("percent_of_usual")


def test_volume_is_not_judged_without_five_working_days_before(landed: Landed) -> None:
    landed.past("cases", usual=1000, days=4)
    landed.file("cases", good("cases"))
    assert _failing(landed, "cases") == set()


def test_codes_are_not_judged_before_a_register_has_come(landed: Landed) -> None:
    landed.connection.execute("delete from raw.procedures")
    landed.file("cases", good("cases"))
    assert _failing(landed, "cases") == set()


def test_only_files_that_count_and_are_not_in_core_are_new(landed: Landed) -> None:
    landed.file("cases", good("cases"), applied=True)
    landed.file("cases", good("cases"), day=date(2019, 3, 5), state="quarantined")
    landed.file("cases", good("cases"), day=date(2019, 3, 6))
    newest = landed.file("cases", good("cases", 3), day=date(2019, 3, 6), revision=2)

    (day,) = landing_profile.new_days(landed.connection, PACK)["cases"]

    assert (day.business_date, day.file_ids, day.records) == (date(2019, 3, 6), [newest], 3)


def test_the_calendar_is_that_of_the_pack_of_the_build_not_of_the_newest_stored(
    landed: Landed,
) -> None:
    """After pack A, B and A again the newest stored pack is B."""
    other = "b" * 64
    landed.connection.execute(
        "insert into reference.packs (reference_sha256, name) values (%s, 'other')", [other]
    )
    landed.connection.execute(
        "insert into reference.calendar (reference_sha256, line, date, is_working_day)"
        " values (%s, 2, %s, '0')",
        [other, DAY.isoformat()],
    )
    for day in working_days(date(2019, 2, 25), date(2019, 3, 1)):
        landed.file("cases", good("cases"), day=day, applied=True)
    landed.file("cases", good("cases"))

    def usual(pack: str) -> float | None:
        (day,) = landing_profile.new_days(landed.connection, pack)["cases"]
        return day.usual_records

    assert usual(PACK) == len(good("cases"))
    assert usual(other) is None, "a day off has no usual number"


def test_a_profile_counts_each_day_apart(landed: Landed) -> None:
    late = [record | {"ngaycapnhat": "20190306000000"} for record in good("petitions", 4)]
    landed.file("petitions", good("petitions", 6) + late, day=DAY)
    landed.file("petitions", late, day=date(2019, 3, 6))
    landed.file("petitions", [], day=date(2019, 3, 7))

    days = landing_profile.new_days(landed.connection, PACK)["petitions"]
    rows = list(landing_profile.profile(landed.connection, days).rows)

    assert [(row["business_date"], row["records"], row["changed_after_day"]) for row in rows] == [
        ("2019-03-04", 10, 4),
        ("2019-03-06", 4, 0),
        ("2019-03-07", 0, 0),
    ]
    assert [row["changed_after_day_percent"] for row in rows] == [40, 0, None]
    assert landing_profile.sample(landed.connection, days, "changed_after_day") == [
        "PA1",
        "PA2",
        "PA3",
        "PA4",
    ]
