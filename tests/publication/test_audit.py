"""The audit finds what contradicts itself in a printed report, and nothing else."""

import os
import zipfile
from decimal import Decimal
from pathlib import Path

import printed_report
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from motcua import cli
from motcua.errors import Failed
from motcua.publication import audit, audit_tables, audit_text, release, report_reading
from motcua.publication import report_tables as tables
from motcua.publication.report_reading import Block, Grid, Paragraph

REPORT = Path(__file__).parents[2] / "sample" / "report" / "report_2019_h1.txt"

Found = tuple[str, str, str, str, str]


def findings(blocks: list[Block]) -> list[audit_tables.Finding]:
    report = tables.recognise(blocks, audit_tables.fits)
    return [*audit_tables.audit(report), *audit_text.audit(report)]


def seen(done: audit.Audit) -> set[tuple[str, str, str, str]]:
    """Level, table, place and what is printed."""
    return {(one.severity, one.table, one.place, one.found) for one in done.findings}


BOTH = "Phụ lục IIIa + Phụ lục IIIb"
ISSUED = "dòng ban hành kèm theo"
LABOUR = "Sở Lao động, Thương binh và Xã hội"
CONTRADICTIONS: dict[str, set[tuple[str, str, str, str]]] = {
    "1 carried over in the text": {
        ("critical", "Lời văn", "“Kỳ trước chuyển sang: 2.447 hồ sơ”", "2.447"),
    },
    "2 coverage is rounded wrongly": {
        ("warning", "Lời văn", "“chiếm 26,99 % hồ sơ đã giải quyết”", "26,99 %"),
    },
    "3 windows are mixed": {
        ("warning", "Phụ lục II", "tiêu đề", "từ 01/01/2019 đến 30/06/2019"),
        ("info", "Phụ lục IV", "tiêu đề", "đến 28/06/2019"),
    },
    "4 a form's total": {
        ("critical", "Phụ lục IIIa", "Sở Thông tin và Truyền thông", "9,7"),
    },
    "5 settled of the quarters": {
        ("warning", BOTH, "Sở Kế hoạch và Đầu tư", "1.223"),
        ("warning", BOTH, "Sở Nội vụ", "492"),
        ("warning", BOTH, "Sở Tư pháp", "2.940"),
        ("warning", BOTH, "Sở Y tế", "595"),
        ("warning", BOTH, "Tổng cộng", "21.689"),
    },
    "6 received of the quarters": {
        ("warning", BOTH, "Sở Giao thông vận tải", "12.805"),
        ("warning", BOTH, "Sở Nội vụ", "509"),
        ("warning", BOTH, "Sở Tư pháp", "3.427"),
        ("warning", BOTH, "Sở Y tế", "736"),
        ("warning", BOTH, "các đơn vị", "bằng số mới tiếp nhận ở 3 đơn vị"),
    },
    "7 indicator 7 is indicator 1": {
        ("warning", "Phụ lục IIIa, Phụ lục IIIb", "mọi đơn vị", "bằng Chỉ số 1 ở cả 32 dòng"),
    },
    "8 indicator 9": {
        ("info", "Phụ lục IIIa, Phụ lục IIIb", "Sở Tài chính", "Sở Tài chính: 77 % trực tuyến"),
    },
    "9 names of units": {("info", "Phụ lục IIIa", LABOUR, LABOUR)},
    "10 blanks and decimals": {
        ("info", "Phụ lục IV", "các đơn vị", "100, 83,3, 31,25"),
        ("info", "Phụ lục IV", "Sở Thông tin và Truyền thông", "để trống, trong khi 5 đơn vị in 0"),
    },
    "11 dates and symbols": {
        ("warning", "Phụ lục I", ISSUED, "03/BC-TTTC"),
        ("warning", "Phụ lục I", ISSUED, "14/7/2019"),
        ("warning", "Phụ lục II", ISSUED, "11/06/2019"),
        ("warning", "Phụ lục IIIa", ISSUED, "17/2019"),
        ("warning", "Phụ lục IIIb", ISSUED, "17/2019"),
        ("warning", "Phụ lục IV", ISSUED, "17/7/2019"),
    },
}


def test_report_of_2019_has_its_eleven_contradictions_and_no_other() -> None:
    found = seen(audit.audit_file(REPORT))
    for name, expected in CONTRADICTIONS.items():
        for level, table, place, text in expected:
            matching = {
                one
                for one in found
                if one[:2] == (level, table)
                and one[2].startswith(place)
                and one[3].startswith(text)
            }
            assert len(matching) == 1, f"{name}: {place}"
            found -= matching
    assert found == set()


def test_four_units_differ_by_what_the_domain_says() -> None:
    differences = [
        one.expected
        for one in audit.audit_file(REPORT).findings
        if one.relation.check_id == "printed_settled_of_quarters"
    ]
    assert [text.partition("lệch ")[2].rstrip(")") for text in differences] == [
        *("−12", "+1", "−1", "+53", "+41"),
    ]


@pytest.mark.parametrize("form", [".docx", ".xlsx"])
def test_report_of_2019_says_the_same_as_an_office_document(form: str, tmp_path: Path) -> None:
    text: list[str] = []
    parts: list[printed_report.Part] = []
    for block in report_reading.read(REPORT):
        if isinstance(block, Paragraph):
            text.append(block.text)
        else:
            at = next(
                number
                for number in range(len(text), 0, -1)
                if number == 1 or text[number - 1].endswith(("Trinh", "</table>"))
            )
            titles, text[at:] = text[at:], ["</table>"]
            heads = [[(cell, 1, 1) for cell in row] for row in block.rows[:1]]
            sheet = f"Bảng {len(parts)}"
            parts.append(printed_report.Part(titles, heads, block.rows[1:], sheet))
    body = [line for line in text if line != "</table>"]
    path = printed_report.write(printed_report.Printed(body, parts), tmp_path / f"report{form}")
    assert seen(audit.audit_file(path)) == seen(audit.audit_file(REPORT))


@pytest.mark.parametrize("form", [".docx", ".xlsx", ".md"])
def test_sound_report_of_another_province_has_no_finding(form: str, tmp_path: Path) -> None:
    path = printed_report.write(printed_report.clean_report(), tmp_path / f"report{form}")
    done = audit.audit_file(path)
    assert audit.listing(done).endswith("không thấy mâu thuẫn nào.")
    assert [table.partition(" (")[0] for table in done.tables] == [
        *("Phụ lục 1", "Phụ lục 2", "Phụ lục 3", "Phụ lục 4"),
    ]
    assert done.checked > 100


@pytest.mark.parametrize("form", [".docx", ".xlsx", ".md"])
def test_planted_errors_are_found_where_they_were_planted(form: str, tmp_path: Path) -> None:
    report = printed_report.clean_report()
    report.put(0, "Sở Y tế", 7, "541")  # early: 540
    report.put(1, "Tỷ lệ (%)", 3, "83,00")
    report.put(2, "Sở Xây dựng", 14, "14,9")
    report.put(2, "Thanh tra tỉnh", 15, "Khá")
    report.put(3, "Sở Tài chính", 2, "34,5")
    report.put(3, "Sở Giáo dục & Đào tạo", 1, "Sở GD&ĐT")
    report.change("giải quyết quá hạn 44 hồ sơ", "giải quyết quá hạn 45 hồ sơ")
    report.parts[1].titles[2] = "Từ ngày 01/4/2026 đến ngày 25/6/2026"
    report.parts[3].titles[3] = report.parts[3].titles[3].replace("06/7/2026", "07/7/2026")
    done = audit.audit_file(printed_report.write(report, tmp_path / f"report{form}"))
    told = {(one.relation.check_id, one.place, one.found, one.expected) for one in done.findings}
    assert told == {
        ("appendix_1_settled", "Sở Y tế", "662", "663"),
        ("printed_total_row", "Tổng cộng", "5.816", "5.817"),
        ("printed_share_row", "Tỷ lệ (%)", "83,00", "82,87"),
        ("scorecard_total", "Sở Xây dựng", "14,9", "12,8"),
        ("printed_rank", "Sở Xây dựng", "8", "7"),
        ("printed_rank", "Sở Nông nghiệp và Môi trường", "7", "8"),
        ("scorecard_band", "Thanh tra tỉnh", "Khá", "trung bình"),
        ("printed_completion", "Sở Tài chính", "34,5", "34,4"),
        ("printed_unit_names", "Sở GD&ĐT", "Sở GD&ĐT",
         "Sở Giáo dục & Đào tạo (như ở Phụ lục 1, Phụ lục 2, Phụ lục 3)"),
        ("printed_text", "“giải quyết quá hạn 45 hồ sơ”", "45", "44 như Phụ lục 1"),
        ("printed_windows", "tiêu đề", "từ 01/04/2026 đến 25/06/2026",
         "từ 01/04/2026 đến 30/06/2026 như Phụ lục 1"),
        ("printed_attachment_date", "dòng ban hành kèm theo", "07/7/2026", "06/07/2026"),
    }  # fmt: skip


@pytest.mark.parametrize("heading", ["Mới", "Tiếp nhận mới", "Phát sinh trong kỳ"])
def test_newly_received_is_known_by_its_usual_headings(heading: str, tmp_path: Path) -> None:
    report = printed_report.clean_report()
    report.parts[0].headings[2][1] = (heading, 1, 1)
    report.put(0, "Sở Y tế", 4, "716")  # 715
    done = audit.audit_file(printed_report.write(report, tmp_path / "report.md"))
    assert {(one.relation.check_id, one.place) for one in done.findings} == {
        ("appendix_1_total_by_origin", "Sở Y tế"),
        ("printed_total_row", "Tổng cộng"),
    }


@pytest.fixture(scope="module")
def clean_blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Block]:
    path = tmp_path_factory.mktemp("audit") / "report.docx"
    return report_reading.read(printed_report.write(printed_report.clean_report(), path))


def changed(blocks: list[Block], part: int, row: int, column: int, text: str) -> list[Block]:
    places = [at for at, block in enumerate(blocks) if isinstance(block, Grid)]
    grid = blocks[places[part]]
    assert isinstance(grid, Grid)
    rows = [list(cells) for cells in grid.rows]
    rows[row][column] = text
    return [*blocks[: places[part]], Grid(rows), *blocks[places[part] + 1 :]]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=some.data())
def test_any_changed_figure_is_found_in_its_row_or_a_total(
    clean_blocks: list[Block], data: some.DataObject
) -> None:
    grids = [block for block in clean_blocks if isinstance(block, Grid)]
    part = data.draw(some.sampled_from(range(len(grids))))
    cells = [
        (row, column, cell)
        for row, texts in enumerate(grids[part].rows)
        for column, text in enumerate(texts)
        if column > 1
        and (cell := tables.number_of(text, "," not in text)).value is not None
        and len(texts[1]) > 2
    ]
    row, column, cell = data.draw(some.sampled_from(cells))
    step = data.draw(some.sampled_from([1, 2, 7, 30]))
    assert cell.value is not None
    text = audit_tables.shown(cell.value + Decimal(step).scaleb(-cell.digits), cell.digits)
    found = findings(changed(clean_blocks, part, row, column, text))
    name = grids[part].rows[row][1]
    report = tables.recognise(clean_blocks, audit_tables.fits)
    heading = next(
        (
            report.tables[part].headings[key]
            for key, at in report.tables[part].positions.items()
            if at == column
        ),
        None,
    )
    assert any(
        one.place == name or (one.place.startswith("Tổng") and one.column == heading)
        for one in found
    )


@pytest.mark.parametrize("part", range(4))
def test_missing_or_moved_columns_give_no_finding(clean_blocks: list[Block], part: int) -> None:
    places = [at for at, block in enumerate(clean_blocks) if isinstance(block, Grid)]
    grid = clean_blocks[places[part]]
    assert isinstance(grid, Grid)
    width = len(grid.rows[0])
    orders = [[at for at in range(width) if at != gone] for gone in range(2, width)]
    orders += [[0, 1, *reversed(range(2, width))], [1, *range(2, width)]]
    for order in orders:
        moved = Grid([[cells[at] for at in order] for cells in grid.rows])
        blocks = [*clean_blocks[: places[part]], moved, *clean_blocks[places[part] + 1 :]]
        assert findings(blocks) == [], order


@pytest.mark.parametrize(
    "text",
    [
        "So với cùng kỳ năm 2025, Trung tâm tiếp nhận 20.000 hồ sơ (tăng 5.031 hồ sơ).",
        "Trong tháng 6, đã tiếp nhận 3.100 hồ sơ.",
        "Quý I tiếp nhận 9.037 hồ sơ.",
        "Năm 2018 đã giải quyết 40.000 hồ sơ.",
        "Phấn đấu tỷ lệ hồ sơ trực tuyến đạt 80 %.",
        "Bộ phận Một cửa huyện Kế Sách đã tiếp nhận 1.200 hồ sơ, đã giải quyết 1.100 hồ sơ.",
        "Chi cục Thuế đã tiếp nhận 45 hồ sơ.",
        "Bưu điện tỉnh tiếp nhận 1.500 hồ sơ qua dịch vụ bưu chính công ích.",
        "Đã giải quyết 12 hồ sơ đất đai tồn đọng.",
        "Đã tiếp nhận và giải quyết 15 hồ sơ theo cơ chế liên thông.",
        "Tỷ lệ hồ sơ trực tuyến của Sở Tài chính đạt 70,4 %.",
        "Quá hạn 5 trường hợp của Sở Y tế, quá hạn 2 trường hợp do chờ kết quả.",
        "tiếp nhận " * 2000 + "1" * 20000,
    ],
)
def test_figures_of_others_other_times_and_parts_are_left_alone(
    clean_blocks: list[Block], text: str
) -> None:
    assert findings([clean_blocks[0], Paragraph(text), *clean_blocks[1:]]) == []


HARMLESS = (
    "Kể từ khi thành lập, Trung tâm đã tiếp nhận 120.000 hồ sơ.",
    "Kể từ khi thành lập đến nay, Trung tâm tiếp nhận 120.000 hồ sơ, đã giải quyết 118.000 hồ sơ.",
    "Trung bình mỗi ngày, Trung tâm tiếp nhận 300 hồ sơ.",
    "Trung bình mỗi ngày Trung tâm tiếp nhận 300 hồ sơ trong quý II/2026.",
    "Tính đến ngày 20/6/2026, Trung tâm đã tiếp nhận 7.100 hồ sơ.",
    "Tính đến hết ngày 20 tháng 6 năm 2026 đã giải quyết 5.000 hồ sơ.",
    "Từ ngày 01/6/2026 đến ngày 14/6/2026, Trung tâm tiếp nhận 1.200 hồ sơ.",
    "Từ 01/6 đến 14/6/2026 tiếp nhận 1.200 hồ sơ, đang giải quyết 30 hồ sơ.",
    "Trong 6 tháng đầu năm 2026, Trung tâm tiếp nhận 15.200 hồ sơ.",
    "6 tháng đầu năm, Trung tâm đã giải quyết 14.000 hồ sơ.",
    "Trong năm 2026, Trung tâm đã tiếp nhận 16.000 hồ sơ.",
    "Lĩnh vực đăng ký kinh doanh tiếp nhận 1.100 hồ sơ.",
    "Trong quý, lĩnh vực đất đai tiếp nhận 2.100 hồ sơ, đã giải quyết 2.000 hồ sơ.",
    "Trong tuần, Trung tâm tiếp nhận 612 hồ sơ.",
    "Trong tuần cuối quý II/2026, Trung tâm tiếp nhận 612 hồ sơ.",
    "Mỗi quầy tiếp nhận 35 hồ sơ.",
    "Quầy số 3 của Trung tâm tiếp nhận 800 hồ sơ.",
    "Công chức A tiếp nhận 410 hồ sơ, trong đó trước hạn 300 hồ sơ.",
    "Trong quý II/2026, công chức Nguyễn Văn A của Trung tâm tiếp nhận 410 hồ sơ.",
    "Toàn tỉnh tiếp nhận 61.000 hồ sơ, đã giải quyết 58.000 hồ sơ.",
    "Toàn tỉnh có 41.000 hồ sơ trực tuyến, chiếm 67,21 %.",
    "Trung tâm Y tế dự phòng tiếp nhận 90 hồ sơ trong quý II/2026.",
    "Ngày cao điểm tiếp nhận 410 hồ sơ.",
    "Đợt 1 đã giải quyết 200 hồ sơ.",
    "Tháng 5/2026, Trung tâm tiếp nhận 2.500 hồ sơ, giải quyết quá hạn 7 hồ sơ (chiếm 0,28 %).",
    "Quý I/2026, Trung tâm tiếp nhận 6.900 hồ sơ.",
    "Trong quý II/2025, Trung tâm tiếp nhận 6.001 hồ sơ.",
    "Trong đó, dịch vụ công mức độ 4 tiếp nhận 900 hồ sơ.",
    "Hệ thống cũ còn tồn 15 hồ sơ, trong đó quá hạn 3 hồ sơ.",
    "Nhóm thủ tục liên thông đang giải quyết 45 hồ sơ.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, trung bình mỗi ngày tiếp nhận 120 hồ sơ.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ (quý trước tiếp nhận 6.800 hồ sơ).",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, trong đó lĩnh vực xây dựng tiếp nhận 900 hồ sơ.",
    "Kỳ trước, Trung tâm tiếp nhận 6.900 hồ sơ.",
    "Doanh nghiệp nộp trực tuyến 900 hồ sơ, chiếm 63,21 %.",
    "Tỷ lệ hồ sơ giải quyết đúng hạn của năm 2025 đạt 97,12 %.",
    "Ngày thứ bảy có 64 lượt đánh giá, 95,3 % hài lòng.",
    "Kể từ khi thành lập, Sở Y tế đã tiếp nhận 12.000 hồ sơ.",
    "Trong tuần, Sở Xây dựng tiếp nhận 60 hồ sơ.",
    "Hồ sơ quá hạn là 52.",
    "Trong quý, quá hạn 44 hồ sơ, chiếm 0,63 %.",
    "Trong quý, Trung tâm giải quyết trễ hẹn 44 hồ sơ, chiếm 0,63 %; đang giải quyết quá hạn 16 hồ"
    " sơ.",
    "Trong quý II/2026, Trung tâm tiếp nhận 7,640 hồ sơ, đã giải quyết 7.038 hồ sơ.",
    "Sở Nội vụ tiếp nhận 45 hồ sơ trong quý II/2026.",
    "Trong quý II/2026, Trung tâm tiếp nhận trực tiếp 3.882 hồ sơ.",
    "Trung tâm tiếp nhận 7.640 hồ sơ. Trong đó có 120 hồ sơ trực tuyến mức độ 4.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ. Có 12 hồ sơ quá hạn do lỗi phần mềm.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ; còn 5 hồ sơ quá hạn của Sở Y tế.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ; lũy kế từ đầu năm tiếp nhận 15.900 hồ sơ.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, tăng 300 hồ sơ so với quý trước.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ. Hiện nay đang giải quyết 450 hồ sơ.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ. Phấn đấu quý sau tiếp nhận 9.000 hồ sơ.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, bình quân tiếp nhận 120 hồ sơ/ngày.",
    "Trung tâm tiếp nhận bình quân 120 hồ sơ/ngày trong quý II/2026.",
    "Trong quý II/2026, Trung tâm tiếp nhận 120 hồ sơ/ngày.",
    "Trong quý II/2026, Trung tâm tiếp nhận 120 hồ sơ mỗi ngày.",
    "Trong quý II/2026, Trung tâm tiếp nhận 120 hồ sơ, bình quân mỗi ngày làm việc.",
    "Trong quý II/2026, Trung tâm tiếp nhận trên 7.600 hồ sơ.",
    "Trong quý II/2026, Trung tâm tiếp nhận gần 8.000 hồ sơ.",
    "Trong quý II/2026, Trung tâm tiếp nhận hơn 7.000 hồ sơ.",
    "Trong quý II/2026, Trung tâm tiếp nhận khoảng 7.600 hồ sơ.",
    "Trung tâm đã giải quyết 7.038 hồ sơ; tỷ lệ đúng hạn của cấp xã đạt 97,10 %.",
    "Trung tâm đã giải quyết 7.038 hồ sơ; tỷ lệ hồ sơ đúng hạn tăng 1,20 % so với quý I.",
    "Trung tâm đã giải quyết 7.038 hồ sơ; có 98 % hồ sơ trực tuyến lĩnh vực thuế.",
    "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, trong đó: trong ngày 300 hồ sơ.",
    "Trong quý II/2026, Trung tâm đã tiếp nhận 9.640 lượt người.",
    "Trong quý II/2026, Trung tâm trả lại 12 hồ sơ, tiếp nhận 7.640 hồ sơ.",
    "Trong quý II/2026, Trung tâm tiếp nhận 7.640 hồ sơ, trong đó 60 hồ sơ tiếp nhận trực tuyến"
    " được trả qua bưu điện.",
)
"""Sentences of other times, places, parts and people, or that agree with the tables."""


@pytest.mark.parametrize("text", HARMLESS)
def test_sentences_without_a_tie_to_the_tables_give_no_finding(
    clean_blocks: list[Block], text: str
) -> None:
    assert findings([clean_blocks[0], Paragraph(text), *clean_blocks[1:]]) == []


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("Trong quý II/2026, Trung tâm tiếp nhận 7.641 hồ sơ.", "7.640 như Phụ lục 1"),
        (
            "Trong quý II năm 2026, Trung tâm Phục vụ hành chính công tỉnh Hưng Hòa đã tiếp"
            " nhận 7.604 hồ sơ.",
            "7.640 như Phụ lục 1",
        ),
        (
            "Từ ngày 01/4/2026 đến ngày 30/6/2026, Trung tâm đã giải quyết 7.083 hồ sơ.",
            "7.038 như Phụ lục 1",
        ),
        ("Trong kỳ, Trung tâm tiếp nhận 7.460 hồ sơ.", "7.640 như Phụ lục 1"),
        ("Tiếp nhận 7.640 hồ sơ, đã giải quyết 7.039 hồ sơ.", "7.038 như Phụ lục 1"),
        ("Kỳ trước chuyển sang: 331 hồ sơ, tiếp nhận mới: 7.327 hồ sơ.", "313 như Phụ lục 1"),
        ("Đã tiếp nhận 7.640 hồ sơ. Đang giải quyết 620 hồ sơ.", "602 như Phụ lục 1"),
        ("Đã giải quyết 7.038 hồ sơ; tỷ lệ hồ sơ giải quyết đúng hạn đạt 89,93 %.", "99,37 %"),
        ("Đã tiếp nhận 7.640 hồ sơ. Hồ sơ quá hạn là 52.", "44 như Phụ lục 1"),
        ("Tiếp nhận 7.640 hồ sơ, số hồ sơ trực tuyến chỉ chiếm 54,09 % tổng số hồ sơ.", "45,09 %"),
        (
            "Đang giải quyết 602 hồ sơ, trong đó đang giải quyết quá hạn 17 hồ sơ.",
            "16 như Phụ lục 1",
        ),
        (
            "Có 3.454 hồ sơ tiếp nhận trực tuyến (chiếm 45,09 % trên tổng số 7.640 hồ sơ).",
            "3.445 như Phụ lục 1",
        ),
        ("Đã giải quyết 7.038 hồ sơ (chiếm 92,21 %).", "92,12 %"),
        ("Giải quyết quá hạn 44 hồ sơ (chiếm 0,36 %).", "0,63 %"),
        ("Sở Xây dựng tiếp nhận 997 hồ sơ, Sở Y tế tiếp nhận 792 hồ sơ.", "998 như Phụ lục 1"),
        ("Trong quý II/2026, Sở Y tế tiếp nhận 793 hồ sơ.", "792 như Phụ lục 1"),
        ("Trong quý II/2026, Trung tâm tiếp nhận trực tiếp 3.992 hồ sơ.", "3.882 như Phụ lục 1"),
        ("Có 1.267 lượt đánh giá, 97,4 % hài lòng.", "98,9 %"),
        (
            "Trong quý II/2026, kết quả tiếp nhận, giải quyết hồ sơ của Trung tâm như sau:\n"
            "- Đã giải quyết 7.039 hồ sơ.",
            "7.038 như Phụ lục 1",
        ),
        ("- Tiếp nhận mới: 7.327 hồ sơ;\n- Đã giải quyết: 7.039 hồ sơ;", "7.038 như Phụ lục 1"),
        (
            "Trong quý, Trung tâm tiếp nhận 7.640 hồ sơ, trong đó:\n"
            "- Kỳ trước chuyển sang: 331 hồ sơ.",
            "313 như Phụ lục 1",
        ),
    ],
)
def test_figures_of_the_text_are_held_against_the_tables(
    clean_blocks: list[Block], text: str, due: str
) -> None:
    """Those that name the Centre and the period, or stand beside figures of the tables."""
    lines = [Paragraph(line) for line in text.split("\n")]
    (finding,) = findings([clean_blocks[0], *lines, *clean_blocks[1:]])
    assert (finding.severity, finding.expected) == ("critical", due)


def test_share_of_all_without_a_tie_is_no_more_than_a_note(clean_blocks: list[Block]) -> None:
    text = "Người dân chưa quen (số hồ sơ trực tuyến chỉ chiếm 54,09 % tổng số hồ sơ đã tiếp nhận)."
    (finding,) = findings([clean_blocks[0], Paragraph(text), *clean_blocks[1:]])
    assert (finding.severity, finding.expected) == ("info", "45,09 %")


@pytest.mark.parametrize(
    ("printed", "changed"),
    [
        ("tiếp nhận 25.031 hồ sơ TTHC", "tiếp nhận 25.310 hồ sơ TTHC"),
        ("tiếp nhận mới: 22.575", "tiếp nhận mới: 22.557"),
        ("Đã giải quyết 21.648", "Đã giải quyết 21.684"),
        ("(chiếm 86,48 %", "(chiếm 84,68 %"),
        ("đúng hạn là 21.578", "đúng hạn là 21.587"),
        ("chiếm 99,68 %; số", "chiếm 98,68 %; số"),
        ("trễ hạn là 70", "trễ hạn là 71"),
        ("(chiếm 0,32 %)", "(chiếm 0,23 %)"),
        ("quá hạn 56 trường hợp do chờ", "quá hạn 65 trường hợp do chờ"),
        ("Đang giải quyết 3.383", "Đang giải quyết 3.338"),
        ("còn hạn là 3.355", "còn hạn là 3.535"),
        ("quá hạn là 28 hồ sơ", "quá hạn là 82 hồ sơ"),
        ("Có 27 hồ sơ bị trả lại", "Có 72 hồ sơ bị trả lại"),
        ("chiếm 0,11%", "chiếm 0,21%"),
        ("Có 1.980 hồ sơ", "Có 1.890 hồ sơ"),
        ("(chiếm 7,91 % trên", "(chiếm 9,71 % trên"),
        ("có 99,71 % tổ", "có 97,91 % tổ"),
        ("có 0,29 % không", "có 0,92 % không"),
        ("99,68 % trên tổng số", "96,98 % trên tổng số"),
        ("tiếp nhận 36 hồ sơ", "tiếp nhận 63 hồ sơ"),
        ("nhận trực tiếp 81", "nhận trực tiếp 18"),
        ("chỉ chiếm 7,91 %", "chỉ chiếm 9,71 %"),
    ],
)
def test_any_figure_changed_in_the_text_of_2019_is_found(
    tmp_path: Path, printed: str, changed: str
) -> None:
    text = REPORT.read_text(encoding="utf-8")
    assert text.count(printed) == 1
    path = tmp_path / "report.txt"
    path.write_text(text.replace(printed, changed), encoding="utf-8")
    before = seen(audit.audit_file(REPORT))
    now = seen(audit.audit_file(path))
    assert before < now
    assert len(now - before) == 1


@pytest.mark.parametrize(
    ("text", "is_count", "value", "digits"),
    [
        ("25.031", True, "25031", 0),
        ("25,031", True, "25031", 0),
        ("25 031", True, "25031", 0),
        ("1.234.567", True, "1234567", 0),
        ("99,68", True, "99.68", 2),
        ("25.031,5", True, "25031.5", 1),
        ("25,031.5", True, "25031.5", 1),
        ("9,700", False, "9.700", 3),
        ("86,48 %", False, "86.48", 2),
        ("36*", True, "36", 0),
        ("36 (*)", True, "36", 0),
        ("36 (1)", True, "36", 0),
        ("12[3]", True, "12", 0),
        ("08", True, "8", 0),
        ("-", True, "0", 0),
    ],
)
def test_numbers_are_read_as_vietnamese_reports_print_them(
    text: str, is_count: bool, value: str, digits: int
) -> None:
    cell = tables.number_of(text, is_count)
    assert (cell.value, cell.digits) == (Decimal(value), digits)


@pytest.mark.parametrize("text", ["", "Chưa ban hành", "12/5", "1.23.4", "14 QT"])
def test_other_texts_are_no_numbers(text: str) -> None:
    assert tables.number_of(text).value is None


def test_groups_have_subtotals_and_count_once() -> None:
    rows = [
        "TT\tĐơn vị\tTổng số\tKỳ trước\tTiếp nhận mới",
        "I\tCấp tỉnh\t30\t10\t20",
        "1\tSở Y tế\t10\t4\t6",
        "2\tSở Tài chính\t20\t6\t14",
        "II\tCấp huyện\t8\t3\t5",
        "3\tHuyện Kế Sách\t8\t3\t5",
        "\tTổng cộng\t38\t13\t25",
    ]
    title = Paragraph("Kết quả giải quyết hồ sơ")
    grid = Grid([row.split("\t") for row in rows])
    assert findings([title, grid]) == []
    grid.rows[1][4] = "21"
    assert [
        (one.relation.check_id, one.place, one.expected) for one in findings([title, grid])
    ] == [
        ("appendix_1_total_by_origin", "Cấp tỉnh", "31"),
        ("printed_group_row", "Cấp tỉnh", "20"),
    ]


def test_table_that_goes_on_after_a_page_break_is_one() -> None:
    head = ["TT", "Đơn vị", "Tổng số", "Kỳ trước", "Tiếp nhận mới"]
    first = Grid([head, ["1", "Sở Y tế", "10", "4", "6"]])
    second = Grid([["2", "Sở Tài chính", "20", "6", "14"], ["", "Tổng cộng", "30", "10", "20"]])
    title = Paragraph("Kết quả giải quyết hồ sơ")
    assert findings([title, first, second]) == []


def test_total_may_hold_the_returned_when_it_does_so_for_most_units() -> None:
    head = "TT\tĐơn vị\tTổng số\tĐã giải quyết\tĐang giải quyết\tTrả lại"
    rows = [
        f"{n}\tSở {name}\t{n + 12}\t{n}\t9\t3" for n, name in enumerate(["Y", "Z", "T", "V"], 1)
    ]
    title = Paragraph("Kết quả giải quyết hồ sơ")
    grid = Grid([row.split("\t") for row in [head, *rows]])
    grid.rows[4][1] = "Sở Văn hóa"
    assert findings([title, grid]) == []


def table_of(*rows: str, title: str = "Kết quả giải quyết hồ sơ quý II năm 2026") -> list[Block]:
    lines = [Paragraph("PHỤ LỤC I"), Paragraph(title)]
    return [*lines, Grid([row.split("|") for row in rows])]


def brief(blocks: list[Block]) -> list[tuple[str, str, str, str]]:
    return [(one.relation.check_id, one.place, one.found, one.expected) for one in findings(blocks)]


OPEN_WITHOUT_TOTAL = (
    "TT|Đơn vị|Tổng số|Đã giải quyết|Đang giải quyết trong hạn|Đang giải quyết quá hạn",
    "1|Sở Y tế|150|100|46|4",
    "2|Sở Tài chính|240|148|91|1",
    "3|Sở Nội vụ|30|20|10|0",
    "|Tổng cộng|420|268|147|5",
)


def test_open_cases_in_time_and_overdue_need_no_total() -> None:
    table = table_of(*OPEN_WITHOUT_TOTAL)
    true = "Trong quý II/2026, Trung tâm tiếp nhận 420 hồ sơ, đang giải quyết 152 hồ sơ."
    assert findings([Paragraph(true), *table]) == []
    assert brief([Paragraph(true.replace("152", "125")), *table]) == [
        ("printed_text", "“đang giải quyết 125 hồ sơ”", "125", "152 như Phụ lục I")
    ]
    wrong = [*OPEN_WITHOUT_TOTAL[:3], "3|Sở Nội vụ|30|20|9|0", "|Tổng cộng|420|268|146|5"]
    assert brief(table_of(*wrong)) == [
        ("appendix_1_total_by_outcome", "Sở Nội vụ", "30", "29"),
        ("appendix_1_total_by_outcome", "Tổng cộng", "420", "419"),
    ]


def test_columns_of_what_is_due_by_appointment_are_known() -> None:
    rows = [
        "TT|Đơn vị|Đã giải quyết|Trước hẹn|Đúng hẹn|Trễ hẹn",
        "1|Sở Y tế|100|80|15|5",
        "2|Sở Tài chính|60|40|20|0",
        "3|Sở Nội vụ|20|10|9|1",
        "|Tổng cộng|180|130|44|6",
    ]
    said = Paragraph("Đã giải quyết 180 hồ sơ, trước hẹn 130 hồ sơ, đúng hẹn 44 hồ sơ.")
    assert findings([said, *table_of(*rows)]) == []
    wrong = Paragraph("Đã giải quyết 180 hồ sơ, trước hẹn 131 hồ sơ, đúng hẹn 46 hồ sơ.")
    assert [one[2] for one in brief([wrong, *table_of(*rows)])] == ["131", "46"]
    rows[1] = "1|Sở Y tế|100|80|16|5"
    assert ("appendix_1_settled", "Sở Y tế", "100", "101") in brief(table_of(*rows))


BY_CHANNEL = (
    "TT|Đơn vị|Tổng số|Trực tuyến|Trực tiếp|Từ kỳ trước|Đã giải quyết|Đang giải quyết",
    "1|Sở Y tế|150|60|70|20|120|30",
    "2|Sở Tài chính|240|140|90|10|200|40",
    "3|Sở Nội vụ|30|10|18|2|20|10",
    "|Tổng cộng|420|210|178|32|340|80",
)


def test_cases_received_in_person_are_those_of_their_column() -> None:
    said = "Trong quý II/2026, Trung tâm tiếp nhận trực tiếp {} hồ sơ."
    assert findings([Paragraph(said.format(178)), *table_of(*BY_CHANNEL)]) == []
    assert [one[3] for one in brief([Paragraph(said.format(187)), *table_of(*BY_CHANNEL)])] == [
        "178 như Phụ lục I"
    ]
    without = [
        "|".join(cell for at, cell in enumerate(row.split("|")) if at not in (4, 5))
        for row in BY_CHANNEL
    ]
    assert findings([Paragraph(said.format(178)), *table_of(*without)]) == []


def test_total_is_the_sum_of_its_channels_and_what_was_carried_over() -> None:
    rows = [*BY_CHANNEL[:3], "3|Sở Nội vụ|30|10|17|2|20|10", "|Tổng cộng|420|210|177|32|340|80"]
    assert brief(table_of(*rows)) == [
        ("appendix_1_total_by_origin", "Sở Nội vụ", "30", "29"),
        ("appendix_1_total_by_origin", "Tổng cộng", "420", "419"),
    ]


def test_what_comes_in_is_what_goes_out_or_stays_without_a_total() -> None:
    rows = [
        "TT|Đơn vị|Kỳ trước|Tiếp nhận mới|Đã giải quyết|Đang giải quyết",
        *("1|Sở Y tế|20|130|120|30", "2|Sở Tài chính|10|230|200|40", "3|Sở Nội vụ|2|28|20|10"),
        "4|Sở Xây dựng|5|15|12|8",
    ]
    assert findings(table_of(*rows)) == []
    rows[3] = "3|Sở Nội vụ|2|28|20|11"
    assert brief(table_of(*rows)) == [("printed_flow", "Sở Nội vụ", "2", "3")]


def test_totals_of_columns_that_are_not_known_are_added_up() -> None:
    rows = [
        "TT|Đơn vị|Tổng số|Đã giải quyết|Đang giải quyết|Số công dân đến quầy",
        *("1|Sở Y tế|150|120|30|310", "2|Sở Tài chính|240|200|40|1.402"),
        "|Tổng cộng|390|320|70|1.712",
    ]
    assert findings(table_of(*rows)) == []
    rows[3] = rows[3].replace("1.712", "1.721")
    (finding,) = findings(table_of(*rows))
    assert (finding.column, finding.found, finding.expected, finding.severity) == (
        *("Số công dân đến quầy", "1.721", "1.712"),
        "warning",
    )


def test_table_that_repeats_its_headings_on_the_next_page_is_one() -> None:
    head = "TT|Đơn vị|Tổng số|Kỳ trước|Tiếp nhận mới"
    first = [head, "1|Sở Y tế|10|4|6", "2|Sở Nội vụ|7|3|4"]
    second = [head, "3|Sở Tài chính|20|6|14", "|Tổng cộng|37|13|24"]
    title = "Phụ lục I"
    for between in ([], [Paragraph("2")], [Paragraph(title), Paragraph("(tiếp theo)")]):
        pages = [*table_of(*first), *between, table_of(*second)[-1]]
        assert findings(pages) == []
        assert len(tables.recognise(pages, audit_tables.fits).tables) == 1
    second[1] = "1|Sở Tài chính|20|6|14"
    other = [*table_of(*first), Paragraph("Phụ lục II"), table_of(*second)[-1]]
    assert len(tables.recognise(other, audit_tables.fits).tables) == 2


@pytest.mark.parametrize(
    "line",
    [
        "(Biểu mẫu ban hành kèm theo Quyết định số 1216/QĐ-UBND ngày 26/4/2019 của UBND tỉnh)",
        "(Kèm theo Báo cáo số 215/BC-PVHCC ngày    /7/2026 của Trung tâm)",
        "(Kèm theo Báo cáo số 215/BC-PVHCC ngày …/7/2026 của Trung tâm)",
        "(Kèm theo Báo cáo số 215/BC-PVHCC ngày     tháng 7 năm 2026 của Trung tâm)",
    ],
)
def test_decisions_on_forms_and_days_left_blank_are_no_contradiction(
    clean_blocks: list[Block], line: str
) -> None:
    at = max(
        place
        for place, block in enumerate(clean_blocks)
        if isinstance(block, Paragraph) and block.text.startswith("(Kèm theo")
    )
    assert findings([*clean_blocks[:at], Paragraph(line), *clean_blocks[at + 1 :]]) == []


def test_only_relations_that_rows_are_held_against_are_counted() -> None:
    """Of three rows each misses total = settled + in progress: nothing is held against it."""
    rows = [
        "TT|Đơn vị|Tổng số|Đã giải quyết|Đang giải quyết",
        *(f"{n}|Sở {name}|{n}0|{n}|1" for n, name in enumerate(["Y tế", "Nội vụ", "Tài chính"], 1)),
        "4|Sở Xây dựng|77|1|5",
    ]
    report = tables.recognise(table_of(*rows), audit_tables.fits)
    assert audit_tables.count_of(report) == 0
    assert audit_tables.audit(report) == []


def test_both_ways_to_part_thousands_may_stand_in_one_report() -> None:
    rows = [
        "TT|Đơn vị|Tổng số|Kỳ trước|Tiếp nhận mới",
        *("1|Sở Y tế|1.234|234|1,000", "2|Sở Tài chính|2,500|1.100|1.400"),
        "|Tổng cộng|3.734|1,334|2.400",
    ]
    said = Paragraph("Tiếp nhận 3,734 hồ sơ, trong đó tiếp nhận mới 2.400 hồ sơ, chiếm 64,27 %.")
    assert findings([said, *table_of(*rows)]) == []


def test_unreadable_files_say_what_to_do(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.pdf", b"%PDF", "Save it in one of these forms"),
        ("a.docx", b"no zip", "is no docx file"),
        ("a.txt", "Sở".encode("cp1258", "replace") + b"\xff\xfe", "Save it as UTF-8"),
        ("b.txt", b"nothing here", "needs a heading row"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(Failed, match=message) as failure:
            audit.audit_file(path)
        assert name in str(failure.value)
    with pytest.raises(Failed, match="There is no file"):
        audit.audit_file(tmp_path / "none.xlsx")


def test_hostile_archives_are_not_opened(tmp_path: Path) -> None:
    for content, message in (
        (b" " * (30 << 20), "zip bomb"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>', "declares entities"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x/>'.encode("utf-16"), "declares entities"),
        (b'<worksheet><mergeCell ref="A1:XFD1048576"/></worksheet>', "merges more cells"),
    ):
        path = tmp_path / "hostile.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", content)
        with pytest.raises(Failed, match=message):
            audit.audit_file(path)


def test_endless_text_is_held_against_the_tables_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50,000 figures in one paragraph: so many are looked at, and the listing says so."""
    looked_at = []
    usual = audit_text._figure

    def counted(*arguments: object) -> object:
        looked_at.append(arguments)
        return usual(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(audit_text, "_figure", counted)
    told = " ".join(f"Trong kỳ, Trung tâm tiếp nhận {number} hồ sơ." for number in range(50_000))
    path = tmp_path / "endless.md"
    path.write_text(f"{REPORT.read_text(encoding='utf-8')}\n{told}\n", encoding="utf-8")
    done = audit.audit_file(path)
    assert len(looked_at) <= audit_text.MOST_FIGURES < len(done.findings) + 100
    assert len(done.findings) <= audit_text.MOST_FIGURES + 100
    listing = audit.listing(done)
    assert "chỉ đối chiếu 1.000 số đầu" in listing
    assert listing.count("[printed_") < 3 * audit.SHOWN
    assert "chỗ nữa" in listing


def test_text_without_end_tells_no_figure_and_changes_no_finding(tmp_path: Path) -> None:
    """20,000 repeated words, marks of emphasis, open brackets, digits."""
    report = REPORT.read_text(encoding="utf-8")
    usual = seen(audit.audit_file(REPORT))
    for odd in ("quá hạn hồ sơ ", "*_", "<b ", "7", "1.", "| "):
        path = tmp_path / "odd.md"
        path.write_text(f"{report}\n\n{odd * 20_000}\n", encoding="utf-8")
        assert seen(audit.audit_file(path)) == usual, odd


def test_names_of_many_units_are_compared_letter_by_letter_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    usual = audit_tables.SequenceMatcher

    def counted(*arguments: object) -> object:
        compared.append(arguments)
        return usual(*arguments)  # type: ignore[call-overload]

    monkeypatch.setattr(audit_tables, "SequenceMatcher", counted)
    monkeypatch.setattr(audit_tables, "MOST_COMPARISONS", 500)

    def table(label: str, letter: str) -> tables.Table:
        rows = tuple(tables.Row("unit", f"Sở {letter} {n}", "", {}) for n in range(300))
        return tables.Table("appendix_1", label, (), {}, rows)

    units = audit_tables.unit_names([table("A", "x"), table("B", "y")])
    assert len(units) == 600
    assert len(compared) < 500 + 600


def test_files_with_more_tables_or_rows_than_a_report_are_refused(tmp_path: Path) -> None:
    one = "| Đơn vị | Tổng số |\n|---|---|\n| Sở A | 1 |\n\nx\n\n"
    path = tmp_path / "many.md"
    path.write_text(one * (tables.MOST_TABLES + 1), encoding="utf-8")
    with pytest.raises(Failed, match="more than 150 tables"):
        audit.audit_file(path)
    path.write_text("| a | b |\n" * 5_001, encoding="utf-8")
    with pytest.raises(Failed, match="more than 5000 rows"):
        audit.audit_file(path)


@given(
    some.lists(
        some.tuples(some.integers(0, 12), some.sampled_from((0, 1, 2))), min_size=1, max_size=12
    )
)
def test_smaller_share_with_more_points_is_found_as_by_comparing_all(
    units: list[tuple[int, int]],
) -> None:
    shares = {f"U{n}": Decimal(share) for n, (share, _) in enumerate(units)}
    points = {f"U{n}": Decimal(point) for n, (_, point) in enumerate(units)}
    every = [
        (shares[high] - shares[low], high, low)
        for high in shares
        for low in shares
        if shares[high] > shares[low] and points[high] < points[low]
    ]
    worst = {high: max(one for one in every if one[1] == high) for _, high, _ in every}
    assert {one[1]: one for one in audit_tables._inverted(shares, points)} == worst


def test_exit_code_says_whether_something_critical_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["audit", str(REPORT)]) == cli.REFUSED
    told = capsys.readouterr().out
    assert "Mâu thuẫn nghiêm trọng (2)" in told
    assert "in: 2.447; theo quan hệ: 2.456 như Phụ lục I" in told
    clean = printed_report.write(printed_report.clean_report(), tmp_path / "report.md")
    assert cli.main(["audit", str(clean)]) == cli.DONE
    assert cli.main(["audit", str(tmp_path / "none.docx")]) == cli.FAILED


def test_stored_checks_of_a_publication_are_told(
    built: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert os.environ["MOTCUA_WAREHOUSE_URL"] == built
    release.publish("2019-Q1", "A")
    assert cli.main(["audit", "2019-Q1.r1"]) == cli.DONE
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Kiểm tra đã lưu của 2019-Q1.r1"
    assert told[-1].endswith(", 2 không đúng.")
    assert any("identical_indicators" in line for line in told)
    assert any("indistinct_indicator" in line for line in told)
    with psycopg.connect(built) as connection:
        connection.execute("set session_replication_role = replica")  # else the release is closed
        connection.execute(
            "insert into published.checks (publication_id, period_code, revision, check_id, level,"
            " relation, expected, found, passed, explanation) values ('2019-Q1.r1', '2019-Q1', 1,"
            " 'made_up', 'critical', 'windows: a = b', '1', '2', false, 'Hai số bằng nhau.')"
        )
    assert cli.main(["audit", "2019-Q1.r1"]) == cli.REFUSED
    assert "có: 2; phải là: 1. Hai số bằng nhau." in capsys.readouterr().out
    with pytest.raises(Failed, match=r"no publication 2019-H1\.r9"):
        audit.audit_publication("2019-H1.r9")
