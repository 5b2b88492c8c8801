"""Every published figure is the number of the rows that its trace names."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg
import pytest

from commands import PERIODS, motcua
from motcua.publication import trace
from motcua.publication.definitions import DEFINITIONS, INDICATOR_EVIDENCE, LATE_CASES

Published = tuple[str, Path]
TEXTS = {"time_unit", "note"}
"""Columns that are no figures."""


def units_of(url: str, publication_id: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [
            code
            for (code,) in connection.execute(
                "select unit_code from published.appendix_1 where publication_id = %s",
                [publication_id],
            )
        ]


@pytest.mark.parametrize("period", PERIODS)
def test_cases_and_outside_counts_add_up_to_every_cell(published: Published, period: str) -> None:
    publication_id = f"{period}.r1"
    traced = 0
    for unit in [*units_of(published[0], publication_id), trace.TOTAL]:
        for table in ("appendix_1", "appendix_2", "appendix_4", "scorecard", "late_cases"):
            for column, definition in DEFINITIONS.get(table, {"case_code": LATE_CASES}).items():
                if definition.rows is None or definition.rows.points or column in TEXTS:
                    continue
                found = trace.trace(publication_id, table, unit, column)
                outside = sum(row["counted"] for row in found.external)
                assert found.count + outside == (found.value or 0), (table, unit, column)
                assert len(found.rows) == min(found.count, trace.FIRST), (table, unit, column)
                traced += 1
    assert traced == 17 * (15 + 7 + 3 + 2 + 1)


@pytest.mark.parametrize("period", PERIODS)
def test_percentages_and_totals_are_those_of_their_parts(published: Published, period: str) -> None:
    publication_id = f"{period}.r1"
    for unit in [*units_of(published[0], publication_id), trace.TOTAL]:
        for table, column in (
            ("appendix_2", "coverage_percent"),
            ("appendix_4", "completion_percent"),
        ):
            found = trace.trace(publication_id, table, unit, column, first=1)
            above, below = (part.value for part in found.parts)
            expected = 100 * Decimal(above) / below if below else None
            assert (found.value is None) == (expected is None), (unit, column)
            assert expected is None or abs(found.value - expected) < Decimal("1e-10")
        if unit == trace.TOTAL:
            continue
        card = trace.trace(publication_id, "scorecard", unit, "total", first=1)
        for sum_of in (card, *card.parts):
            values = [part.value for part in sum_of.parts]
            assert sum_of.value == (None if None in values else sum(values)), (unit, sum_of.column)


def test_a_rank_is_shown_among_the_totals_of_all_units(published: Published) -> None:
    publication_id, unit = "2019-H1.r1", "000.00.11.H51"
    found = trace.trace(publication_id, "scorecard", unit, "rank", first=1)
    totals = {one.unit_code: one.total for one in found.standings}
    assert list(totals) != sorted(totals), "the order is that of the ranks"
    assert sorted(totals) == sorted(units_of(published[0], publication_id))
    higher = {total for total in totals.values() if total > totals[unit]}
    assert found.value == 1 + len(higher)
    assert f"{found.value}. {totals[unit].normalize():f} · {unit}" in trace.text(found)


def test_a_band_is_shown_with_the_levels_of_the_pack(published: Published) -> None:
    said = trace.text(trace.trace("2019-H1.r1", "scorecard", "000.00.11.H51", "band", first=1))
    assert ": xuất sắc ≥ 15; tốt ≥ 12; khá ≥ 9; trung bình ≥ 6; còn lại yếu" in said


@pytest.mark.parametrize("period", PERIODS)
def test_numerators_and_denominators_list_the_rows_that_they_count(
    published: Published, period: str
) -> None:
    publication_id = f"{period}.r1"
    compared = 0
    for unit in [*units_of(published[0], publication_id), trace.TOTAL]:
        for name in INDICATOR_EVIDENCE:
            if not name.endswith(("numerator", "denominator")):
                continue
            found = trace.trace(publication_id, "indicator_evidence", unit, name, first=10_000)
            assert found.value == found.count == len(found.rows), (unit, name)
            compared += 1
    assert compared == 17 * 8


@pytest.mark.slow
def test_cases_of_a_unit_without_listed_procedures_are_in_no_share_and_in_no_trace_of_it(
    copy: Published, published: Published
) -> None:
    """Unit 10 is told to have none left: all of its procedures are told as those of unit 2."""
    url, landing = copy
    without, taker = "000.00.10.H51", "000.00.02.H51"
    register = max((published[1] / "landing" / "procedures").rglob("*.csv"), key=_has(without))
    with register.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["MaDonVi"] == without]
    arrived = landing / "procedures" / "procedures_2019-03-29_late.csv"
    arrived.parent.mkdir()
    with arrived.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {**row, "MaDonVi": taker, "NgayCapNhat": "29/03/2019 17:00:00"} for row in rows
        )
    for command in ("ingest", "build"):
        assert motcua(command).returncode == 0
    made = motcua("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Đổi đơn vị")
    assert made.returncode == 0, made.stderr
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) filter (where day_of = 'window_end') from evidence.procedures"
            " where publication_id = '2019-Q1.r2' and unit_code = %s",
            [without],
        ).fetchone()
    assert row == (0,), "unit 10 has no listed procedure"
    for name in ("9.numerator", "9.denominator"):
        counted = {}
        for unit in [*units_of(url, "2019-Q1.r2"), trace.TOTAL]:
            found = trace.trace("2019-Q1.r2", "indicator_evidence", unit, name, first=10_000)
            assert (found.value or 0) == found.count == len(found.rows), (unit, name)
            counted[unit] = found.count
        assert counted[without] == 0
        assert counted[trace.TOTAL] == sum(counted.values()) - counted[trace.TOTAL] > 0


def _has(unit: str) -> Callable[[Path], int]:
    """Ranks files by how often they name a unit."""
    return lambda path: path.read_text(encoding="utf-8-sig").count(unit)


def test_the_basis_of_indicator_9_is_listed(published: Published) -> None:
    unit = units_of(published[0], "2019-H1.r1")[0]
    parts = trace.trace("2019-H1.r1", "scorecard", unit, "indicator_9", first=10_000).parts
    by_name = {part.column: part for part in parts}
    levels = [row["service_level"] for row in by_name["9.listed"].rows]
    assert by_name["9.offered_online"].count == sum((level or 0) >= 3 for level in levels)
    assert "Quyết định 1216" in by_name["9.listed"].definition.source


def test_a_release_of_before_cases_were_summed_up_by_procedure_counts_the_same(
    copy: Published,
) -> None:
    def basis() -> list[tuple[int, int]]:
        found = [
            trace.trace("2019-H1.r1", "indicator_evidence", unit, f"9.{name}")
            for unit in (*units_of(copy[0], "2019-H1.r1"), trace.TOTAL)
            for name in ("numerator", "denominator", "online_late")
        ]
        return [(one.count, len(one.rows)) for one in found]

    summed_up = basis()
    assert max(summed_up)[0] > 5_000
    with psycopg.connect(copy[0]) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute("update evidence.case_counts set procedure_code = null")
    assert basis() == summed_up


@pytest.mark.parametrize("period", PERIODS)
def test_indicators_are_the_means_of_the_points_of_their_cases(
    published: Published, period: str
) -> None:
    publication_id = f"{period}.r1"
    for unit in units_of(published[0], publication_id):
        for number in (1, 2, 3, 4, 7):
            found = trace.trace(publication_id, "scorecard", unit, f"indicator_{number}")
            mean = (found.points / found.count).quantize(Decimal("0.1"), ROUND_HALF_UP)
            assert mean == found.value, (unit, number)


def test_all_rows_are_as_many_as_counted_and_none_twice(published: Published) -> None:
    for column, definition in DEFINITIONS["appendix_1"].items():
        counted = trace.trace("2019-H1.r1", "appendix_1", trace.TOTAL, column).count
        cases = Counter(
            row["case_code"]
            for row in trace.all_rows("2019-H1.r1", "appendix_1", trace.TOTAL, column)
        )
        assert sum(cases.values()) == len(cases) == counted, (column, definition.text)


def test_a_trace_leads_to_the_record_in_the_file(published: Published) -> None:
    """Read the named record of the named file and find the case in it."""
    found = trace.trace("2019-H1.r1", "appendix_1", "000.00.11.H51", "settled_late")
    assert found.value == found.count == 6
    compared = 0
    for row in found.rows:
        (path,) = (published[1] / "landing").rglob(row["told_file"])
        if path.suffix != ".csv":
            continue
        record = path.read_text(encoding="utf-8-sig").splitlines()[row["told_record"]]
        assert row["case_code"] in record
        compared += 1
    assert compared == 6


def test_a_printed_sha256_is_that_of_the_bytes_of_the_file(published: Published) -> None:
    found = trace.trace("2019-H1.r1", "appendix_1", trace.TOTAL, "settled_late")
    printed = dict(re.findall(r"([\w.-]+) #\d+ sha256 ([0-9a-f]{64})\b", trace.text(found)))
    assert set(printed) >= {row["told_file"] for row in found.rows}
    assert len(printed) > 10
    for name, sha256 in printed.items():
        (path,) = (published[1] / "landing").rglob(name)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256, name


def test_a_late_case_shows_what_its_review_said(published: Published) -> None:
    of = ("2019-H1.r1", "appendix_1", trace.TOTAL, "settled_late")
    found = trace.trace(*of)
    reviewed = [row for row in found.rows if row["review_file"]]
    compared: Counter[int] = Counter()
    for row in reviewed:
        (path,) = (published[1] / "landing").rglob(row["review_file"])
        if path.suffix != ".csv":
            continue
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        delimiter = ";" if ";" in lines[0] else ","
        record = list(csv.DictReader(lines, delimiter=delimiter))[row["review_record"] - 1]
        assert record["MaHoSo"] == row["case_code"]
        assert record["NguyenNhan"] == str(row["review_reason"])
        assert record["SoVanBan"] == (row["review_document"] or "")
        actual = record["NgayTraThucTe"]
        assert (f"{row['review_returned_date']:%d/%m/%Y}" if actual else None) == (actual or None)
        compared[row["review_reason"]] += 1
    assert compared[1] >= 10
    assert len(compared) > 1
    handed_over = next(row for row in reviewed if row["review_returned_date"])
    assert (
        f"[rà soát: nguyên nhân {handed_over['review_reason']} (ghi nhận trễ, thực tế trả trong"
        f" hạn), thực tế trả {handed_over['review_returned_date']}" in trace.text(found)
    )


def test_percentages_name_what_they_are_made_of(published: Published) -> None:
    found = trace.trace("2019-H1.r1", "appendix_2", trace.TOTAL, "coverage_percent")
    assert [part.value for part in found.parts] == [5_841, 21_648]
    assert round(found.value, 2) == Decimal("26.98")


def test_every_figure_of_every_table_can_be_traced(published: Published) -> None:
    unit = "000.00.12.H51"
    for table, columns in DEFINITIONS.items():
        for column in columns:
            text = trace.text(trace.trace("2019-Q2.r1", table, unit, column, first=3))
            assert "Nguồn" in text
    assert trace.trace("2019-H1.r1", "late_cases", trace.TOTAL, "case_code").count == 98


def test_the_command_prints_and_streams(published: Published, tmp_path: Path) -> None:
    shown = motcua("trace", "2019-H1.r1", "appendix_1", "000.00.04.H51", "carried_over")
    assert shown.returncode == 0, shown.stderr
    assert "= 1947" in shown.stdout
    assert "+ 1274 từ phần mềm" in shown.stdout
    whole = tmp_path / "all.csv"
    done = motcua(
        *("trace", "2019-H1.r1", "appendix_1", "TOTAL", "settled_total", "--all", str(whole))
    )
    assert done.returncode == 0, done.stderr
    with whole.open(newline="") as handle:
        assert sum(int(row["counted"]) for row in csv.DictReader(handle)) == 21_648


def test_a_file_of_all_rows_has_one_header_and_names_the_part(
    published: Published, tmp_path: Path
) -> None:
    whole = tmp_path / "all.csv"
    of = ("2019-H1.r1", "appendix_2", trace.TOTAL, "coverage_percent")
    number = trace.write_all(whole, *of)
    counted: Counter[str] = Counter()
    with whole.open(newline="") as handle:
        for row in csv.DictReader(handle):
            counted[row["figure"]] += int(row["counted"])
    assert counted == {"appendix_2.total": 5_841, "appendix_1.settled_total": 21_648}
    assert len(whole.read_text().splitlines()) == number + 1


def test_what_the_list_tells_of_a_late_case_is_traced_to_it(published: Published) -> None:
    with psycopg.connect(published[0]) as connection:
        listed = connection.execute(
            "select unit_code, case_code, days_late, due_date, finished_date"
            " from published.late_cases where publication_id = '2019-H1.r1' order by case_code"
        ).fetchall()
    assert len(listed) == 98
    for unit, code, days, due, finished in listed:
        found = trace.trace("2019-H1.r1", "late_cases", unit, f"{code}.days_late")
        assert (found.value, found.count) == (days, 1)
        (row,) = found.rows
        assert (row["case_code"], row["due_date"], row["ended_date"]) == (code, due, finished)


def test_what_is_not_there_is_said(published: Published) -> None:
    for arguments, said in (
        (("2019-H9.r1", "appendix_1", "TOTAL", "total"), "There is no publication 2019-H9.r1"),
        (("2019-H1.r1", "appendix_9", "TOTAL", "total"), "appendix_9 is no table of figures"),
        (("2019-H1.r1", "appendix_1", "X", "total"), "has no unit X"),
        (("2019-H1.r1", "appendix_1", "TOTAL", "x"), "has no figure x"),
        (("2019-H1.r1", "late_cases", "TOTAL", "coverage_percent"), "is no figure of late_cases"),
        (("2019-H1.r1", "indicator_evidence", "TOTAL", "²"), "² is no figure of indicator_ev"),
        (
            ("2019-H1.r1", "appendix_1", "TOTAL", "total", "--all", "/nowhere/x.csv"),
            "/nowhere/x.csv cannot be written",
        ),
    ):
        failed = motcua("trace", *arguments)
        assert failed.returncode == 1
        assert said in failed.stderr
