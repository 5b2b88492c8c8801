"""The comparison sees every cell, and hides none but the misprints that are declared."""

import shutil
from pathlib import Path

import psycopg
import pytest

import report_marts
from motcua.documents import comparison
from motcua.errors import Failed
from motcua.publication import release


@pytest.fixture
def published(built: str) -> str:
    for period in report_marts.PERIODS:
        release.publish(period, "A")
    return built


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A copy of the report that a test may alter."""
    return Path(shutil.copytree(report_marts.REPORT, tmp_path / "report"))


def alter(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_cell_of_the_report_is_compared_and_one_is_a_known_misprint(published: str) -> None:
    found = comparison.compare("2019-H1.r1", report_marts.REPORT)
    # 16 units; I 12 columns with two rows of totals, II 6 likewise, III 14, IV 5.
    assert found.cells == {"I": 18 * 12, "II": 18 * 6, "IIIa": 16 * 14, "IIIb": 16 * 14, "IV": 80}
    assert found.agrees
    assert found.differences == []
    (misprint,) = found.misprints
    assert (misprint.table, misprint.row, misprint.column) == (
        *("IIIa", "1 Sở Thông tin và Truyền thông", "indicator_2"),
    )
    assert (misprint.computed, misprint.printed) == ("1,9", "2,0")
    assert "known misprint of the report" in str(found)


def test_quarter_is_compared_with_its_own_table(published: str) -> None:
    assert comparison.compare("2019-Q2.r1", report_marts.REPORT).cells == {"IIIb": 224}


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            *("appendix_1.csv", "Sở Nội vụ,508,", "Sở Nội vụ,509,"),
            ("I", "8 Sở Nội vụ", "total", "508", "509"),
        ),
        (
            *("appendix_4.csv", "70,83.3", "70,83.4"),
            ("IV", "8 Sở Nội vụ", "completion_percent", "83,3", "83,4"),
        ),
        (
            *("appendix_4.csv", "41,,,,Chưa ban hành", "41,0,,,Chưa ban hành"),
            ("IV", "1 Sở Thông tin và Truyền thông", "processes_approved", "", "0"),
        ),
        (
            *("totals.csv", '"99,17"', '"99,18"'),
            ("I", "share", "in_progress_in_time", "99,17", "99,18"),
        ),
        (
            *("totals.csv", "I,total,returned,27", "I,total,returned,28"),
            ("I", "total", "returned", "27", "28"),
        ),
    ],
)
def test_cell_that_differs_is_found(
    published: str, report: Path, name: str, old: str, new: str, expected: tuple[str, ...]
) -> None:
    alter(report / name, old, new)
    found = comparison.compare("2019-H1.r1", report)
    assert not found.agrees
    assert [tuple(vars(cell).values())[:5] for cell in found.differences] == [expected]
    assert "1 cell(s) differ" in str(found)


def test_misprint_that_is_not_declared_is_a_difference(published: str, report: Path) -> None:
    (report / "misprints.csv").unlink()
    found = comparison.compare("2019-H1.r1", report)
    assert [(cell.column, cell.computed) for cell in found.differences] == [("indicator_2", "1,9")]


def test_misprinted_cell_must_come_out_as_its_correction(published: str, report: Path) -> None:
    alter(
        report / "appendix_3a_2019_q1.csv",
        "1,Sở Thông tin và Truyền thông,22,21,1.9,2.0",
        "1,Sở Thông tin và Truyền thông,22,21,1.9,1.9",
    )
    found = comparison.compare("2019-H1.r1", report)
    assert found.misprints == []
    (cell,) = found.differences
    assert "the report misprints this cell, and '1,9' is due" in str(cell)


def test_unit_that_one_side_lacks_is_a_difference(published: str, report: Path) -> None:
    path = report / "appendix_2.csv"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]))
    found = comparison.compare("2019-H1.r1", report)
    assert len(found.differences) == 6
    assert {cell.printed for cell in found.differences} == {"(no such cell)"}


def test_report_without_tables_fails(published: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="has no table that this publication prints"):
        comparison.compare("2019-H1.r1", tmp_path)


def test_changed_figure_of_a_publication_is_found(built: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute(
            "update marts.appendix_2 set comments = 1, total = total + 1,"
            " coverage_percent = 100.0 * (total + 1) / settled_total"
            " where period_code = '2019-H1' and display_order = 16"
        )
    for period in report_marts.PERIODS:
        release.publish(period, "A")
    found = comparison.compare("2019-H1.r1", report_marts.REPORT)
    cells = {(cell.row, cell.column): (cell.computed, cell.printed) for cell in found.differences}
    assert cells[("16 Công an tỉnh", "total")] == ("173", "172")
    assert cells[("total", "total")] == ("5.842", "5.841")
    assert cells[("share", "comments")] == ("0,02", "0,00")
