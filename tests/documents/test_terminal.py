"""Tables in a terminal are aligned by what is seen."""

import unicodedata

import pytest

import report_marts
from motcua.documents import tables, terminal
from motcua.publication import release


@pytest.fixture
def published(built: str) -> str:
    for period in report_marts.PERIODS:
        release.publish(period, "A")
    return built


def test_numbers_stand_under_each_other_and_totals_below(published: str) -> None:
    lines = terminal.render(tables.of_publication("2019-H1.r1")[0]).splitlines()
    assert lines[0] == "PHỤ LỤC I"
    unit = next(line for line in lines if "Sở Giao thông vận tải" in line)
    total = next(line for line in lines if "Tổng cộng" in line)
    share = next(line for line in lines if "Tỷ lệ %" in line)
    assert unit.split()[-5:] == ["2.176", "2.176", "0", "4", "619"]
    assert total.index("25.031") + len("25.031") == unit.index("14.079") + len("14.079")
    assert share.split()[3] == "100,00"
    assert len({len(line) for line in (unit, total, share)}) == 1


def test_every_row_and_no_line_wider_than_the_table(published: str) -> None:
    for table in tables.of_publication("2019-H1.r1"):
        lines = terminal.render(table).splitlines()
        rule = next(line for line in lines if set(line) == {"─"})
        heading = len(table.titles) + len(table.subtitles)
        assert all(len(line) <= len(rule) for line in lines[heading:])
        for row in table.rows:
            assert any(row.cells[1].text in line for line in lines)


def test_width_counts_letters_and_not_marks() -> None:
    name = "Sở Kế hoạch và Đầu tư"
    assert terminal.width(name) == 21
    assert terminal.width(unicodedata.normalize("NFD", name)) == 21
    assert terminal.width("表") == 2
