"""The workbook, read back, shows the report's printed tables cell by cell."""

import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from openpyxl.worksheet.worksheet import Worksheet

import report_marts
from motcua.documents import layouts, tables, workbook
from motcua.errors import Failed
from motcua.publication import release
from motcua.publication.definitions import RATES


@pytest.fixture
def published(built: str) -> str:
    for period in report_marts.PERIODS:
        release.publish(period, "A")
    return built


def shown(cell: Any) -> str:
    """What a spreadsheet shows for a cell, by its number format alone."""
    value, number_format = cell.value, cell.number_format
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    exact = re.fullmatch(r'\[=([\d.]+)\]"([\d.,]+)";General', number_format)
    if exact:
        assert float(exact[1]) == value
        return exact[2]
    assert number_format == workbook.GROUPED
    assert isinstance(value, int)
    return f"{value:,}".replace(",", ".")


def body(sheet: Worksheet, first: str) -> list[list[str]]:
    """The rows of units and totals below the heading that ends with `first` in column A."""
    rows = [[shown(cell) for cell in row] for row in sheet.iter_rows()]
    start = next(number for number, row in enumerate(rows) if row[0] == first) + 1
    return [row for row in rows[start:] if row[1]]


def report_rows(name: str, columns: list[str]) -> list[list[str]]:
    """The report's rows of units, as it prints them."""
    rows = []
    for row in report_marts.rows_of(name):
        texts = [row[column] for column in columns]
        rows.append([row["display_order"], *map(as_report_prints, texts)])
    return rows


def as_report_prints(text: str) -> str:
    if not re.fullmatch(r"[\d.]+", text):
        return text
    if "." in text:
        return text.replace(".", ",")
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", ".", text)


def totals(table: str, row: str) -> list[str]:
    return [
        cell["printed"]
        for cell in report_marts.rows_of("totals")
        if (cell["table"], cell["row"]) == (table, row)
    ]


def without_name(rows: list[list[str]]) -> list[list[str]]:
    return [[row[0], *row[2:]] for row in rows]


def test_half_year_workbook_prints_the_five_tables_of_the_report(
    published: str, tmp_path: Path
) -> None:
    path = workbook.write("2019-H1.r1", tmp_path)
    assert path == tmp_path / "2019-H1.r1.xlsx"
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        *("Phụ lục I", "Phụ lục II", "Phụ lục IIIa", "Phụ lục IIIb", "Phụ lục IV"),
        "Số liệu kèm theo",
    ]
    for sheet, table, csv_name, first in (
        (book["Phụ lục I"], "I", "appendix_1", "1"),
        (book["Phụ lục II"], "II", "appendix_2", "STT"),
        (book["Phụ lục IIIa"], "IIIa", "appendix_3a_2019_q1", "[0]"),
        (book["Phụ lục IIIb"], "IIIb", "appendix_3b_2019_q2", "[0]"),
        (book["Phụ lục IV"], "IV", "appendix_4", "STT"),
    ):
        columns = [name for name in report_marts.rows_of(csv_name)[0] if name != "unit_name"][1:]
        expected = report_rows(csv_name, columns)
        found = without_name(body(sheet, first))
        if table in ("I", "II"):
            assert found[16:] == [["", *totals(table, "total")], ["", *totals(table, "share")]]
        if table == "IIIa":
            assert (found[0][4], expected[0][4]) == ("1,9", "2,0")  # The known misprint.
            expected[0][4] = "1,9"
        assert found[:16] == expected, table


def test_values_are_those_that_the_report_prints(published: str, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))
    rows = body(book["Phụ lục I"], "1")
    assert rows[16][:4] == ["", "Tổng cộng", "25.031", "2.456"]
    assert rows[17][8:13] == ["0,32", "13,52", "99,17", "0,83", "0,11"]
    first = body(book["Phụ lục IV"], "STT")[0]
    assert first == ["1", "Sở Thông tin và Truyền thông", "41", "", "", "", "Chưa ban hành"]
    assert body(book["Phụ lục IV"], "STT")[9][5] == "31,25"


def test_figures_are_real_numbers(published: str, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(workbook.write("2019-Q2.r1", tmp_path)).active
    assert sheet is not None
    start = next(row for row in range(1, 20) if sheet.cell(row, 1).value == "[0]") + 4
    assert sheet.cell(start, 3).value == 7748
    assert sheet.cell(start, 16).value == 15.0


def test_quarter_workbook_prints_its_scorecard_with_title_and_numbers(
    published: str, tmp_path: Path
) -> None:
    sheet = openpyxl.load_workbook(workbook.write("2019-Q1.r1", tmp_path)).active
    assert sheet is not None
    texts = [sheet.cell(row, 1).value for row in range(1, 5)]
    assert texts == [
        "PHỤ LỤC IIIa",
        "BẢNG TỔNG HỢP KẾT QUẢ CHẤM ĐIỂM ĐÁNH GIÁ VIỆC GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH",
        "QUÝ I NĂM 2019 (TỪ NGÀY 01/01/2019 ĐẾN NGÀY 31/03/2019)",
        "(Ban hành kèm theo Báo cáo số ……/BC-TTHC ngày ……/……/2019"
        " của Trung tâm Phục vụ hành chính công)",
    ]
    numbers = next(row for row in range(1, 20) if sheet.cell(row, 1).value == "[0]")
    assert [sheet.cell(numbers, column).value for column in range(1, 17)] == [
        f"[{number}]" for number in range(16)
    ]


def test_headings_are_merged_as_in_the_report(published: str, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))["Phụ lục I"]
    spans = {
        str(sheet.cell(area.min_row, area.min_col).value): (area.min_col, area.max_col)
        for area in sheet.merged_cells.ranges
    }
    assert spans["Số hồ sơ tiếp nhận giải quyết"] == (3, 5)
    assert spans["Kết quả giải quyết"] == (6, 12)
    assert spans["Số hồ sơ đã giải quyết"] == (6, 9)
    assert spans["Số hồ sơ đang giải quyết"] == (10, 12)
    numbers = next(row for row in range(1, 20) if sheet.cell(row, 1).value == "1")
    assert [sheet.cell(numbers, column).value for column in (3, 6, 10, 14)] == [
        *("3=(4+5)", "6=(7+8+9)", "10=(11+12)", "14"),
    ]


def test_page_is_that_of_decree_30(published: str, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))
    for number, sheet in enumerate(book.worksheets):
        setup = sheet.page_setup
        assert (setup.paperSize, setup.orientation, setup.fitToHeight) == (9, "landscape", 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        margins = sheet.page_margins
        assert [round(25.4 * side) for side in (margins.left, margins.right, margins.top)] == [
            *(30, 15, 20),
        ]
        assert (sheet.cell(1, 1).font.name, sheet.cell(1, 1).font.size) == ("Times New Roman", 13)
        assert ("&P" in str(sheet.oddHeader.center.text)) == (number > 0)


@pytest.mark.parametrize("text", ["=1+1", "+84", "-x", "@cmd", "\tx"])
def test_text_that_looks_like_a_formula_is_text(built: str, tmp_path: Path, text: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute("update marts.appendix_4 set note = %s where display_order = 1", [text])
    for period in report_marts.PERIODS:
        release.publish(period, "A")
    path = workbook.write("2019-H1.r1", tmp_path)
    cells = [
        cell
        for row in openpyxl.load_workbook(path)["Phụ lục IV"].iter_rows()
        for cell in row
        if cell.value == text
    ]
    assert [(cell.data_type, cell.quotePrefix) for cell in cells] == [("s", True)]
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        assert not any(b"<f>" in archive.read(name) for name in sheets)


def test_same_publication_gives_the_same_bytes_and_leaves_no_other_file(
    published: str, tmp_path: Path
) -> None:
    first = workbook.write("2019-H1.r1", tmp_path).read_bytes()
    assert workbook.write("2019-H1.r1", tmp_path).read_bytes() == first
    assert [path.name for path in tmp_path.glob("*.xlsx")] == ["2019-H1.r1.xlsx"]
    assert not list(tmp_path.glob(".*"))


def test_unknown_publication_fails_and_writes_nothing(published: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"no publication 2019-H1\.r7"):
        workbook.write("2019-H1.r7", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_half_year_prints_the_quarters_that_stood_when_it_was_published(
    published: str, tmp_path: Path
) -> None:
    with psycopg.connect(published) as connection:
        connection.execute(
            "update marts.scorecard set received = received - 1"
            " where period_code in ('2019-Q1', '2019-H1') and display_order = 16"
        )
        connection.execute(
            "update marts.appendix_1 set newly_received = newly_received - 1, total = total - 1,"
            " in_progress_total = in_progress_total - 1,"
            " in_progress_in_time = in_progress_in_time - 1"
            " where period_code in ('2019-Q1', '2019-H1') and display_order = 16"
        )
    first = workbook.write("2019-H1.r1", tmp_path / "before").read_bytes()
    release.publish("2019-Q1", "A", revise=True, note="một hồ sơ trùng")
    assert workbook.write("2019-H1.r1", tmp_path / "after").read_bytes() == first
    assert tables.printed("2019-H1.r1")["IIIa"][15][2] == "67"

    release.publish("2019-H1", "A", revise=True, note="một hồ sơ trùng")
    assert tables.printed("2019-H1.r2")["IIIa"][15][2] == "66"
    assert tables.that_print("2019-Q1.r1") == ["2019-Q1.r1", "2019-H1.r1"]
    assert tables.that_print("2019-Q1.r2") == ["2019-Q1.r2", "2019-H1.r2"]

    release.withdraw("2019-Q1.r2", "A", "sai")
    assert tables.that_print("2019-Q1.r2") == ["2019-Q1.r2", "2019-H1.r2"]
    told = {table.name: table.subtitles[0] for table in tables.of_publication("2019-H1.r2")}
    assert told["IIIa"].startswith("ĐÃ THU HỒI: bản công bố 2019-Q1.r2")
    assert not any("THU HỒI" in line for name, line in told.items() if name != "IIIa")


def test_printed_tables_are_those_of_the_workbook(published: str, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))
    starts = {"I": "1", "II": "STT", "IIIa": "[0]", "IIIb": "[0]", "IV": "STT"}
    printed = tables.printed("2019-H1.r1")
    assert list(printed) == list(starts)
    for name, rows in printed.items():
        assert body(book[f"Phụ lục {name}"], starts[name]) == rows


def test_missing_figures_are_blank_and_a_share_of_nothing_too() -> None:
    column = tables.layouts.APPENDIX_3.columns[4]
    assert tables.cell(None, column).text == ""
    assert tables.cell(Decimal("2"), column).text == "2,0"
    assert tables.cell(Decimal("1.85"), column).text == "1,85"
    layout = tables.layouts.APPENDIX_2
    empty = {one.key: 0 for one in layout.columns} | {"unit_name": "Sở Một"}
    rows = list(tables._rows(layout, [empty]))
    assert [cell.text for cell in rows[2].cells] == ["", "Tỷ lệ %", *[""] * 6]


def test_foot_of_every_table_names_its_release(published: str, tmp_path: Path) -> None:
    with psycopg.connect(published) as connection:
        connection.execute("set time zone 'Asia/Ho_Chi_Minh'")
        row = connection.execute("select max(published_at)::date from published.publications")
        ((published_on,),) = row.fetchall()
    assert isinstance(published_on, date)
    book = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))
    foot = [book["Phụ lục IIIb"].cell(row, 1).value for row in range(20, 40)]
    assert (
        "Số liệu công bố 2019-Q2.r1, biết đến ngày 20/06/2019; công bố ngày"
        f" {published_on:%d/%m/%Y}." in foot
    )


def test_companions_are_on_a_sheet_of_their_own_that_says_so(
    published: str, tmp_path: Path
) -> None:
    sheet = openpyxl.load_workbook(workbook.write("2019-H1.r1", tmp_path))["Số liệu kèm theo"]
    lines = [[shown(cell) for cell in row] for row in sheet.iter_rows()]
    assert lines[0][0] == "SỐ LIỆU KÈM THEO – KHÔNG CHÍNH THỨC"
    assert lines[3][0].startswith("(Không thuộc biểu mẫu báo cáo")
    names = [line[1] for line in lines]
    assert [name for name in names if name in layouts.RATE_NAMES.values()] == [
        *layouts.RATE_NAMES.values(),
    ]
    late = names.index("Đã giải quyết quá hạn")
    assert lines[late + 17][1:7] == [
        *("Toàn Trung tâm", "70", "21.648", "0,32", "0,26", "0,41"),
    ]
    assert lines[late + 1][3:8:4] == ["34", ""]
    overdue = names.index("Đang giải quyết quá hạn")
    assert lines[overdue + 1][3:8:4] == ["2", "Dưới 30"]


def test_every_rate_has_a_printed_name() -> None:
    assert list(layouts.RATE_NAMES) == list(RATES)
