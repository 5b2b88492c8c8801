"""The calendar of publications: what the pack says, the parts before the whole, nothing lost."""

import csv
import shutil
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from motcua import settings
from motcua.errors import Failed
from motcua.publication import calendar
from motcua.publication.calendar import Event

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the default pack, which the settings name."""
    folder = tmp_path / "pack"
    shutil.copytree(settings.PROJECT / "reference" / "soc_trang", folder)
    monkeypatch.setenv("MOTCUA_REFERENCE", str(folder))
    return folder


def publish_on(pack: Path, days: dict[str, str]) -> None:
    """Give periods other days of publication."""
    path = pack / "reporting_periods.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row["publish_on"] = days.get(row["period_code"], row["publish_on"])
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def test_each_period_is_due_at_eight_in_the_morning_of_its_day(pack: Path) -> None:
    assert calendar.events() == [
        Event(at("2019-05-06 08:00"), "2019-Q1"),
        Event(at("2019-06-21 08:00"), "2019-Q2"),
        # Its knowledge date is 11 July; the files of that day are there on the morning of the 12th.
        Event(at("2019-07-12 08:00"), "2019-H1"),
    ]
    assert calendar.events(at=time(14, 30))[0].moment == at("2019-05-06 14:30")


def test_periods_of_one_day_come_one_after_the_other_and_a_whole_after_its_parts(
    pack: Path,
) -> None:
    publish_on(pack, {"2019-Q1": "2019-07-12", "2019-Q2": "2019-07-12"})
    assert calendar.events() == [
        Event(at("2019-07-12 08:00"), "2019-Q2"),
        Event(at("2019-07-12 08:05"), "2019-Q1"),
        Event(at("2019-07-12 08:10"), "2019-H1"),
    ]


@pytest.mark.parametrize(
    ("on", "known", "due"),
    [
        ("2019-06-21", "2019-06-20", "2019-06-21"),
        ("2019-07-11", "2019-07-11", "2019-07-12"),
        ("2019-07-09", "2019-07-11", "2019-07-12"),
    ],
)
def test_no_period_is_due_before_the_files_of_its_knowledge_date_can_be_there(
    on: str, known: str, due: str
) -> None:
    found = calendar.due_on(date.fromisoformat(on), date.fromisoformat(known))
    assert found == date.fromisoformat(due)


def test_the_next_is_the_first_after_a_moment_even_if_it_has_passed(pack: Path) -> None:
    events = calendar.events()
    first = calendar.next_after(at("2019-01-01 00:00"), events)
    assert first is not None
    assert first.period_code == "2019-Q1"
    assert calendar.next_after(first.moment, events) == events[1], "strictly after"
    assert calendar.next_after(events[-1].moment, events) is None


def test_a_run_finds_its_period_by_its_moment(pack: Path) -> None:
    utc = at("2019-06-21 08:00").astimezone(ZoneInfo("UTC"))
    assert calendar.due_at(utc, calendar.events()) == "2019-Q2"
    with pytest.raises(Failed, match=r"2019-06-21 09:00.*name the period"):
        calendar.due_at(at("2019-06-21 09:00"), calendar.events())


def test_an_unreadable_day_names_file_and_line(pack: Path) -> None:
    publish_on(pack, {"2019-Q2": "21/6/2019"})
    with pytest.raises(Failed, match=r"reporting_periods\.csv, line 3:.*21/6/2019"):
        calendar.events()


def test_a_missing_pack_names_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOTCUA_REFERENCE", str(tmp_path / "nowhere"))
    with pytest.raises(Failed, match="MOTCUA_REFERENCE"):
        calendar.codes()
