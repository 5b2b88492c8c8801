"""Cells of sheets, and the rows that they stand in, read through the process that reads them."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest

from motcua.landing import reading, sheets
from motcua.landing.feeds import FEEDS, TEXT, TIME, WHOLE
from motcua.landing.reading import Batch, Unfit
from xlsx import workbook

LATE = FEEDS["late_reviews"]
NAMES = ["MaHoSo", "NguyenNhan", "NgayXacNhan", "SoVanBan", "NguoiXacNhan", "Khác"]
OF_KIND = {TEXT: "SoVanBan", WHOLE: "NguyenNhan", TIME: "NgayXacNhan"}


def written(rows: Sequence[Sequence[object]]) -> bytes:
    """A workbook with these cells in its first sheet; None is no cell."""
    book = openpyxl.Workbook()
    for row, values in enumerate(rows, start=1):
        for column, value in enumerate(values, start=1):
            if value is not None:
                book.active.cell(row, column, value)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def batches(content: bytes) -> list[Batch]:
    sheet = sheets.read(io.BytesIO(content))
    header = sheets.header_of(LATE, sheet)
    found = list(sheets.batches(LATE, header, sheet))
    assert sum(len(batch.numbers) + len(batch.unreadable) for batch in found) == sheet.count()
    return found


def records(content: bytes) -> dict[int, list[str]]:
    """The fields of every record by its number."""
    return {
        number: list(row)
        for batch in batches(content)
        for number, row in zip(batch.numbers, batch.frame.rows(), strict=True)
    }


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        (TEXT, "Lệ", "Lệ"),
        (TEXT, "Tra\u0302\u0300n Thi\u0323", "Trần Thị"),
        (TEXT, 1.0, "1"),
        (TEXT, 2.5, "2.5"),
        (TEXT, "true", "true"),
        (TEXT, "2019-03-04 08:05:59", "2019-03-04 08:05:59"),
        (TEXT, None, ""),
        (TEXT, "#N/A", ""),
        (WHOLE, 2, "2"),
        (WHOLE, 3.0, "3"),
        (WHOLE, True, "1"),
        (WHOLE, False, "0"),
        (WHOLE, "", ""),
        (TIME, 20190304080000.0, "20190304080000"),
        (TIME, "20190304080000", "20190304080000"),
        (TIME, datetime(2019, 3, 4, 8, 5, 59), "20190304080559"),
        (TIME, datetime(2019, 3, 4, 8, 5, 59, 400_000), "20190304080559"),
        (TIME, datetime(2019, 3, 4, 8, 5, 59, 500_000), "20190304080600"),
        (TIME, datetime(2019, 3, 4, 7, 59, 59, 999_600), "20190304080000"),
        (TIME, datetime(9999, 12, 31, 23, 59, 59, 600_000), "99991231235959"),
        (TIME, date(2019, 3, 4), "20190304000000"),
        (TIME, date(1900, 3, 1), "19000301000000"),
        (TIME, "2019-02-29 08:00:00", "2019-02-29 08:00:00"),
        (TIME, "2019-03-04 24:00:00", "2019-03-04 24:00:00"),
        (TIME, "2019-03-04T08:00:00.123456Z", "2019-03-04T08:00:00.123456Z"),
        (TIME, time(8, 5), "08:05:00"),
        (TIME, timedelta(hours=30), "06:00:00"),
    ],
)
def test_cells_of_a_sheet_become_texts(kind, cell, text):
    row = ["a", *(cell if OF_KIND[kind] == name else "x" for name in NAMES[1:])]
    (found,) = records(written([NAMES, row])).values()
    assert found[NAMES.index(OF_KIND[kind])] == text


ROWS = [
    ["a", "1", "20190304080000", 'ông "Ba"', "Phường 3, Sóc Trăng", "dòng 1\ndòng 2"],
    ["", "", "", "", "", ""],
    [",", '"', " ", "", "\\.", "\\N"],
    ["", "", "", "", "", "x"],
]


def test_rows_of_a_sheet_keep_their_numbers_and_those_without_a_value_are_none():
    assert records(workbook([NAMES, *ROWS])) == {1: ROWS[0], 3: ROWS[2], 4: ROWS[3]}


@pytest.mark.parametrize(
    ("size", "heights"), [(1, [1, 1, 1]), (70, [1, 2]), (72, [2, 1]), (1000, [3])]
)
def test_rows_come_in_batches_of_some_bytes(size, heights, monkeypatch):
    content = workbook([NAMES, *ROWS])
    monkeypatch.setattr(reading, "BLOCK", size)
    assert [len(batch.numbers) for batch in batches(content)] == heights
    assert list(records(content)) == [1, 3, 4]


def test_a_record_that_is_too_long_is_set_apart(monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_RECORD", 20)
    (batch,) = batches(workbook([NAMES, *ROWS]))
    assert list(batch.numbers) == [3, 4]
    (bad,) = batch.unreadable
    assert (bad.number, bad.fault) == (1, "is longer than a record can be, which is 20 bytes")


def test_rows_that_are_narrower_than_the_header_are_filled_up():
    assert records(workbook([NAMES, ["a"]])) == {1: ["a", "", "", "", "", ""]}


def test_a_sheet_that_is_wider_than_its_header_has_columns_without_a_name():
    sheet = sheets.read(io.BytesIO(workbook([NAMES, [*NAMES, "more"]])))
    assert sheet.header == [*NAMES, ""]
    assert sheets.header_of(LATE, sheet).columns == NAMES[:-1]


@pytest.mark.parametrize("rows", [[], [[], NAMES, ["a"]], [[""] * 6, NAMES]])
def test_an_empty_first_row_is_no_header(rows):
    sheet = sheets.read(io.BytesIO(workbook(rows)))
    with pytest.raises(Unfit, match="The first row of the first sheet is empty"):
        sheets.header_of(LATE, sheet)


def test_a_sheet_with_only_a_header_has_no_records():
    assert records(workbook([NAMES])) == {}


def test_a_nul_byte_in_a_cell_costs_its_record():
    sheet = sheets.read(io.BytesIO(workbook([NAMES, ROWS[0], ["b", "1", "", "T@n", "", ""]])))
    import polars as pl

    cells = sheet.cells.with_columns(pl.all().str.replace("@", "\0", literal=True))
    found = list(
        sheets.batches(LATE, sheets.header_of(LATE, sheet), sheets.Sheet(cells, sheet.rows))
    )
    assert [list(batch.numbers) for batch in found] == [[1]]
    (bad,) = found[0].unreadable
    assert (bad.number, bad.fault, bad.column) == (2, "has a NUL byte", "SoVanBan")
    assert next(csv.reader([bad.text])) == ["b", "1", "", "T\0n", "", ""]
