"""The sample's files are exports as the contract describes them, and look like real work."""

import csv
import gzip
import hashlib
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import oracle
from conftest import REFERENCE, read_table
from motcua.landing.feeds import FEEDS
from motcua_sample import write_sample
from oracle import Record, read_moment

Exports = dict[str, list[Record]]
FIRST_DAY, LAST_DAY = date(2018, 12, 3), date(2019, 7, 11)


def working_days() -> list[date]:
    exceptions = {
        date.fromisoformat(row["date"]): row["is_working_day"] == "true"
        for row in read_table(REFERENCE / "calendar.csv")
    }
    days = [FIRST_DAY + timedelta(n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    return [day for day in days if exceptions.get(day, day.isoweekday() <= 5)]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the sample in two copies, and its totals."""
    folder = tmp_path_factory.mktemp("twice") / "landing"
    return folder, write_sample(folder, scale=2)


def test_the_same_call_writes_the_same_bytes(landing: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(landing)


@pytest.mark.slow
def test_two_copies_double_every_total(
    written: tuple[Path, dict[str, Any]],
    written_twice: tuple[Path, dict[str, Any]],
    published: dict[str, Any],
) -> None:
    once = written[1]
    folder, totals = written_twice
    assert totals["cases"] == 2 * once["cases"]
    assert totals["returned_by_post"] == 8122
    for feed, records in once["records"].items():
        assert totals["records"][feed] == records * (
            1 if feed in ("procedures", "external_counts") else 2
        )
    twice = oracle.figures(folder, REFERENCE, "2019-H1")
    for code, row in published["2019-H1"]["appendix_1"].items():
        assert twice["appendix_1"][code] == {column: 2 * n for column, n in row.items()}
    for code, row in published["2019-H1"]["appendix_2"].items():
        assert twice["appendix_2"][code]["total"] == 2 * row["total"]
        assert twice["appendix_2"][code]["coverage_percent"] == row["coverage_percent"]
    assert twice["appendix_4"] == published["2019-H1"]["appendix_4"]
    for code, row in published["2019-H1"]["scorecard"].items():
        scores = {key: value for key, value in row.items() if key not in ("received", "settled")}
        assert twice["scorecard"][code] | scores == twice["scorecard"][code]


def test_known_totals_are_what_the_files_hold(
    written: tuple[Path, dict[str, Any]], exports: Exports
) -> None:
    totals = written[1]
    assert {feed: len(records) for feed, records in exports.items()} == totals["records"]
    assert len({record.row["MaHoSo"] for record in exports["cases"]}) == totals["cases"]
    assert len(digests(written[0])) == totals["files"]


def test_a_folder_with_other_exports_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "cases" / "cases_2020-01-02.csv"
    strange.parent.mkdir()
    strange.write_text("MaHoSo\n")
    with pytest.raises(ValueError, match=r"cases/cases_2020-01-02\.csv, which is not of this"):
        write_sample(tmp_path)


def test_a_scale_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scale 0: give a whole number from 1 on"):
        write_sample(tmp_path, scale=0)


def test_files_have_exactly_the_contracts_columns(landing: Path) -> None:
    for path in sorted(landing.rglob("*.csv")):
        feed = FEEDS[path.parent.parent.name]
        header = oracle.read_text(path.read_bytes()).splitlines()[0]
        assert re.split("[,;]", header) == [column.name for column in feed.columns]


def test_every_record_keeps_the_rules_that_the_loader_checks(exports: Exports) -> None:
    units = {row["unit_code"] for row in read_table(REFERENCE / "units.csv")}
    kiosks = {row["kiosk"] for row in read_table(REFERENCE / "kiosks.csv")}
    broken = []
    for name, records in exports.items():
        for column in FEEDS[name].columns:
            for record in records:
                value = record.row[column.name]
                optional = not column.required or (
                    column.name == "NgayTiepNhan"
                    and name == "cases"
                    and record.row["TrangThaiHoSo"] in ("1", "3")
                )
                if not value:
                    fine = optional
                elif column.kind == "time":
                    fine = read_moment(value) is not None
                elif column.kind == "whole":
                    fine = int(value) in column.codes if column.codes else int(value) >= 0
                else:
                    fine = not (column.unit and value not in units) and not (
                        column.kiosk and value not in kiosks
                    )
                if not fine:
                    broken.append((name, record.day, column.name, value))
    assert broken == []


def test_daily_feeds_have_a_file_on_working_days_and_on_no_other(landing: Path) -> None:
    expected = read_table(REFERENCE / "feeds.csv")
    for row in expected:
        days = {
            date.fromisoformat(path.name.removeprefix(f"{row['feed']}_")[:10])
            for path in (landing / row["feed"]).rglob("*.*")
        }
        since = date.fromisoformat(row["expected_from"])
        wanted = {day for day in working_days() if day >= since}
        assert days <= wanted
        if row["expected"] == "working_days":
            assert days == wanted


def test_compensatory_saturdays_are_worked_and_holidays_are_not(landing: Path) -> None:
    names = {path.name.split(".")[0] for path in (landing / "cases").rglob("*.*")}
    assert {"cases_2019-01-05", "cases_2019-05-04"} <= names
    assert not names & {"cases_2018-12-31", "cases_2019-02-04", "cases_2019-04-29"}


def test_every_form_of_an_export_occurs(landing: Path) -> None:
    names = {path.name for path in landing.rglob("*") if path.is_file()}
    kinds = Counter(name.split(".", 1)[1] for name in names)
    assert set(kinds) == {"csv", "csv.gz", "xlsx"}
    assert {"cases_2019-03-14.csv", "cases_2019-03-14_r2.csv"} <= names
    assert {"ratings_2019-03-04_K01.csv", "ratings_2019-03-04_K02.csv"} <= names
    assert len(names) < 1000
    first = oracle.read_text((landing / "cases/2019/cases_2019-03-14.csv").read_bytes())
    second = oracle.read_text((landing / "cases/2019/cases_2019-03-14_r2.csv").read_bytes())
    assert len(first) < len(second)
    zipped = next(landing.rglob("*.csv.gz"))
    assert gzip.decompress(zipped.read_bytes()).startswith(b"MaHoSo,")


def test_references_between_feeds_lead_somewhere(exports: Exports) -> None:
    cases = {record.row["MaHoSo"] for record in exports["cases"]}
    procedures = {record.row["MaTTHC"]: record.row["MucDo"] for record in exports["procedures"]}
    for record in exports["cases"]:
        assert procedures[record.row["MaTTHC"]] == record.row["MucDo"]
    for feed in ("steps", "supplements", "late_reviews"):
        assert {record.row["MaHoSo"] for record in exports[feed]} <= cases
    assert {r.row["MaHoSo"] for r in exports["petitions"]} - {""} <= cases


def test_cases_run_forward_in_time(exports: Exports) -> None:
    for record in exports["cases"]:
        row = record.row
        times = [read_moment(row[name]) for name in ("NgayTiepNhan", "NgayKetThucXuLy", "NgayTra")]
        known = [moment for moment in times if moment]
        assert known == sorted(known), row
        changed = read_moment(row["NgayCapNhat"])
        assert changed is not None
        assert changed.date() == record.day
        assert all(moment.date() <= record.day for moment in known)


def test_steps_lie_inside_their_case_and_follow_each_other(
    exports: Exports, histories: dict[str, list[Record]]
) -> None:
    last: dict[tuple[str, int], dict[str, str]] = {}
    for record in sorted(exports["steps"], key=lambda record: record.day):
        last[record.row["MaHoSo"], int(record.row["MaBuoc"])] = record.row
    steps = Counter(code for code, _ in last)
    assert set(steps.values()) <= {1, 2, 3, 4, 5}
    for (code, number), row in last.items():
        began, done = read_moment(row["NgayBatDau"]), read_moment(row["ThoiDiemXuLy"])
        assert began is not None
        if number > 1:
            assert began == read_moment(last[code, number - 1]["ThoiDiemXuLy"])
        if done:
            assert began <= done
        finished = read_moment(histories[code][-1].row["NgayKetThucXuLy"])
        if finished:
            assert done is not None
            assert done <= finished


def test_people_work_in_working_hours(exports: Exports) -> None:
    columns = {
        "cases": ("NgayTiepNhan", "NgayKetThucXuLy", "NgayTra"),
        "steps": ("ThoiDiemXuLy",),
        "ratings": ("ThoiGian",),
    }
    for feed, names in columns.items():
        for record in exports[feed]:
            for name in names:
                moment = read_moment(record.row[name])
                assert moment is None or in_working_hours(moment), (feed, record.row)


def in_working_hours(moment: datetime) -> bool:
    return 7 <= moment.hour < 11 or 13 <= moment.hour < 17


def test_most_due_dates_follow_from_the_procedure(histories: dict[str, list[Record]]) -> None:
    """Cases of one procedure are promised the same number of working days."""
    days = {day: number for number, day in enumerate(working_days())}
    allotted: dict[str, Counter[int]] = {}
    for history in histories.values():
        row = history[0].row
        received, due = read_moment(row["NgayTiepNhan"]), read_moment(row["NgayHenTra"])
        if received and due and received.date() in days and due.date() in days:
            span = days[due.date()] - days[received.date()]
            allotted.setdefault(row["MaTTHC"], Counter())[span] += 1
    usual = sum(spans.most_common(1)[0][1] for spans in allotted.values())
    assert usual / sum(spans.total() for spans in allotted.values()) > 0.9


def test_daily_intake_is_even_enough_to_look_real(histories: dict[str, list[Record]]) -> None:
    intake = Counter(history[0].day for history in histories.values())
    days = [day for day in working_days() if date(2019, 1, 2) <= day <= date(2019, 6, 14)]
    counts = [intake[day] for day in days]
    assert min(counts) > sum(counts) / len(counts) / 3
    assert max(counts) < 3 * sum(counts) / len(counts)


def test_names_differ_between_copies(written_twice: tuple[Path, dict[str, Any]]) -> None:
    path = written_twice[0] / "cases/2019/cases_2019-03-04.csv"
    text = path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    half = len(rows) // 2
    for first, second in zip(rows[:half], rows[half:], strict=True):
        assert first["MaHoSo"] != second["MaHoSo"]
        assert first["ChuHoSo"] != second["ChuHoSo"]
        assert first["SoGiayToChuHoSo"] != second["SoGiayToChuHoSo"]
    assert not re.search("[\ue000-\uf8ff]", text)
