"""A made-up quarterly report of another province, printed as docx, xlsx or markdown.

Its columns stand in another order than those of the report of 2019, bear other headings, and some
are missing; other units, other kiosks, groups of units. Without a change it contradicts itself
nowhere.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

Text = str
Cells = list[str]


@dataclass
class Part:
    """One table: its titles, rows of headings as (text, columns, rows) and body."""

    titles: list[Text]
    headings: list[list[tuple[str, int, int]]]
    rows: list[Cells]
    sheet: str


@dataclass
class Printed:
    """A report: running text, then tables."""

    text: list[Text]
    parts: list[Part] = field(default_factory=list)

    def change(self, old: str, new: str) -> "Printed":
        """The same report with other words in its text or titles; fails when they are not there."""
        changed = 0
        for lines in [self.text, *(part.titles for part in self.parts)]:
            for at, line in enumerate(lines):
                changed += line.count(old)
                lines[at] = line.replace(old, new)
        assert changed == 1, f"{old!r} stands {changed} times in the report"
        return self

    def put(self, part: int, row: str, column: int, text: str) -> "Printed":
        """The same report with another text in the cell of a row that is named so."""
        (found,) = (cells for cells in self.parts[part].rows if row in cells[:2])
        found[column] = text
        return self


UNITS = (
    # name, carried, new, early, on time, late, overdue, online
    ("Sở Công Thương", 12, 1503, 1210, 205, 3, 0, 900),
    ("Sở Giáo dục & Đào tạo", 4, 221, 180, 30, 0, 1, 95),
    ("Sở Nông nghiệp và Môi trường", 130, 2044, 1700, 300, 25, 9, 610),
    ("Sở Tài chính", 31, 1800, 1500, 260, 0, 0, 1290),
    ("Sở Xây dựng", 58, 940, 610, 240, 14, 6, 204),
    ("Sở Y tế", 77, 715, 540, 120, 2, 0, 301),
    ("Ban Quản lý các khu công nghiệp", 0, 64, 50, 10, 0, 0, 33),
    ("Thanh tra tỉnh", 1, 9, 6, 2, 0, 0, 0),
    ("Văn phòng Ủy ban nhân dân tỉnh", 0, 31, 20, 11, 0, 0, 12),
)
RATINGS = ((210, 33, 2), (40, 11, 0), (380, 95, 6), (300, 20, 1), (120, 44, 5))
SCORES = (
    # indicators 1 2 3 4 7 / 5 6 8 9
    ("1,9 1,8 2,0 2,0 2,0", "1,0 2,0 2,0 1,5"),
    ("1,8 1,7 2,0 2,0 1,9", "1,0 2,0 2,0 1,0"),
    ("1,8 1,8 1,9 2,0 1,9", "1,0 1,0 2,0 0,5"),
    ("1,9 1,9 2,0 1,9 1,9", "2,0 2,0 2,0 2,0"),
    ("1,7 1,6 1,5 1,8 1,9", "1,0 2,0 1,0 0,3"),
    ("1,8 1,9 1,9 2,0 1,8", "1,0 2,0 2,0 0,9"),
    ("1,8 1,8 2,0 2,0 2,0", "1,0 2,0 2,0 1,0"),
    ("1,7 1,7 1,0 1,0 1,7", "0,0 1,0 0,0 0,0"),
    ("1,6 1,6 2,0 2,0 2,0", "2,0 2,0 2,0 0,9"),
)
PROCESSES = ((120, 118, 110), (55, 50, 50), (240, 201, 150), (96, 96, 33), (88, 80, 0))
WINDOW = "Từ ngày 01/4/2026 đến ngày 30/6/2026"
ISSUED = "(Kèm theo Báo cáo số 215/BC-PVHCC ngày 06/7/2026 của Trung tâm Phục vụ hành chính công)"


def count(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def share(part: int, whole: int, digits: int = 2) -> str:
    exact = Decimal(100 * part) / whole
    return f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)}".replace(".", ",")


def points(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def clean_report() -> Printed:
    """The report as it should be."""
    cases = [
        [name, carried + new, carried, new, late, on_time, early, early + on_time + late,
         carried + new - early - on_time - late, overdue, online]
        for name, carried, new, early, on_time, late, overdue, online in UNITS
    ]  # fmt: skip
    sums = [sum(int(row[at]) for row in cases) for at in range(1, 11)]
    total, carried, new, late, on_time, early, settled, open_, _, online = sums
    rated = [sum(values) for values in RATINGS]
    happy = sum(first + second for first, second, _ in RATINGS)
    text = [
        "ỦY BAN NHÂN DÂN TỈNH",
        "Số: 215/BC-PVHCC",
        "Hưng Hòa, ngày 06 tháng 7 năm 2026",
        "BÁO CÁO kết quả giải quyết thủ tục hành chính quý II năm 2026",
        f"Trong quý, Trung tâm đã tiếp nhận {count(total)} hồ sơ, trong đó kỳ trước chuyển sang"
        f" {count(carried)} hồ sơ, tiếp nhận mới {count(new)} hồ sơ; cùng kỳ năm trước tiếp nhận"
        " 6.001 hồ sơ.",
        f"Đã giải quyết {count(settled)} hồ sơ (đạt {share(settled, total)} % trên tổng số"
        f" {count(total)} hồ sơ); trong đó trước hạn {count(early)} hồ sơ, chiếm"
        f" {share(early, settled)} %; giải quyết quá hạn {late} hồ sơ (chiếm"
        f" {share(late, settled)} %). Đang giải quyết {count(open_)} hồ sơ.",
        f"Có {count(online)} hồ sơ tiếp nhận trực tuyến, chiếm {share(online, total)} %. Sở Xây"
        " dựng tiếp nhận 998 hồ sơ; Sở Y tế đã giải quyết 662 hồ sơ.",
        f"Có {count(sum(rated))} lượt đánh giá, {share(happy, sum(rated), 1)} % hài lòng.",
        "Kế hoạch năm 2027: tiếp nhận 40.000 hồ sơ, trực tuyến đạt 80 %.",
    ]
    appendix_1 = Part(
        ["PHỤ LỤC 1", "KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH QUÝ II NĂM 2026", WINDOW, ISSUED],
        [
            [("TT", 1, 3), ("Cơ quan, đơn vị", 1, 3), ("Hồ sơ tiếp nhận", 3, 1),
             ("Hồ sơ đã giải quyết", 4, 1), ("Hồ sơ đang giải quyết", 2, 1),
             ("Tỷ lệ trước và đúng hạn (%)", 1, 3), ("Trong đó: tiếp nhận trực tuyến", 1, 3)],
            [("Tổng số", 1, 2), ("Trong đó", 2, 1), ("Quá hạn", 1, 2), ("Đúng hạn", 1, 2),
             ("Trước hạn", 1, 2), ("Cộng", 1, 2), ("Tổng", 1, 2), ("Quá hạn", 1, 2)],
            [("Tồn kỳ trước", 1, 1), ("Mới tiếp nhận", 1, 1)],
        ],
        [["A", "B", "(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)=(4)+(5)+(6)", "(8)=(1)-(7)",
          "(9)", "(10)", "(11)"]],
        "PL1",
    )  # fmt: skip
    for order, row in enumerate(cases, 1):
        figures = [count(int(value)) for value in row[1:]]
        ratio = share(int(row[5]) + int(row[6]), int(row[7]))
        figures.insert(9, ratio)
        appendix_1.rows.append([str(order), str(row[0]), *figures])
    figures = [count(value) for value in sums]
    figures.insert(9, share(early + on_time, settled))
    appendix_1.rows.append(["", "Tổng cộng", *figures])
    appendix_2 = Part(
        ["PHỤ LỤC 2", "KẾT QUẢ ĐÁNH GIÁ MỨC ĐỘ HÀI LÒNG", WINDOW, ISSUED],
        [[("STT", 1, 1), ("Đơn vị", 1, 1), ("Tổng số lượt đánh giá", 1, 1), ("Rất hài lòng", 1, 1),
          ("Hài lòng", 1, 1), ("Không hài lòng", 1, 1)]],
        [],
        "PL2",
    )  # fmt: skip
    for order, ((name, *_), values) in enumerate(zip(UNITS, RATINGS, strict=False), 1):
        appendix_2.rows.append([str(order), name, *map(count, [sum(values), *values])])
    columns = [sum(rated), *(sum(values) for values in zip(*RATINGS, strict=True))]
    appendix_2.rows.append(["", "Tổng số", *map(count, columns)])
    appendix_2.rows.append(["", "Tỷ lệ (%)", *(share(one, sum(rated)) for one in columns)])
    appendix_3 = Part(
        ["PHỤ LỤC 3", "BẢNG CHẤM ĐIỂM ĐÁNH GIÁ VIỆC GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH", WINDOW, ISSUED],
        [
            [("STT", 1, 2), ("Đơn vị", 1, 2), ("Hồ sơ đã giải quyết", 1, 2),
             ("Mẫu phiếu số 2", 5, 1), ("Mẫu phiếu số 1", 6, 1), ("Tổng điểm", 1, 2),
             ("Xếp loại", 1, 2), ("Xếp hạng", 1, 2)],
            [*((f"Chỉ số {n}", 1, 1) for n in (5, 6, 8, 9)), ("Cộng", 1, 1),
             *((f"Chỉ số {n}", 1, 1) for n in (1, 2, 3, 4, 7)), ("Cộng", 1, 1)],
        ],
        [],
        "PL3",
    )  # fmt: skip
    both = [[list(map(points, form.split())) for form in pair] for pair in SCORES]
    totals = [sum(staff) + sum(agency) for staff, agency in both]
    for order, (row, (staff, agency), points_) in enumerate(zip(cases, both, totals, strict=True)):
        band = "Xuất sắc" if points_ >= 15 else "Tốt" if points_ >= 12 else "Khá"
        if points_ < 9:
            band = "Trung bình"
        shown = [*agency, sum(agency), *staff, sum(staff), points_]
        appendix_3.rows.append(
            [str(order + 1), str(row[0]), count(int(row[7])),
             *(f"{value:.1f}".replace(".", ",") for value in shown),
             band, str(1 + sum(other > points_ for other in totals))]
        )  # fmt: skip
    appendix_4 = Part(
        ["PHỤ LỤC 4", "TÌNH HÌNH CẬP NHẬT QUY TRÌNH NỘI BỘ", "(Tính đến ngày 30/6/2026)", ISSUED],
        [[("STT", 1, 1), ("Tên đơn vị", 1, 1), ("Tỷ lệ (%)", 1, 1),
          ("Quy trình đã cập nhật lên phần mềm", 1, 1), ("Quy trình được phê duyệt", 1, 1),
          ("Số TTHC niêm yết", 1, 1)]],
        [],
        "PL4",
    )  # fmt: skip
    for order, ((name, *_), (listed, approved, done)) in enumerate(
        zip(UNITS, PROCESSES, strict=False), 1
    ):
        appendix_4.rows.append(
            [str(order), name, share(done, approved, 1), count(done), count(approved),
             count(listed)]
        )  # fmt: skip
    listed, approved, done = map(sum, zip(*PROCESSES, strict=True))
    appendix_4.rows.append(
        ["", "Tổng số", share(done, approved, 1), count(done), count(approved), count(listed)]
    )
    return Printed(text, [appendix_1, appendix_2, appendix_3, appendix_4])


def write(report: Printed, path: Path) -> Path:
    """Print the report in the form that the path's ending names."""
    {".docx": _docx, ".xlsx": _xlsx, ".md": _markdown}[path.suffix](report, path)
    return path


def _placed(part: Part) -> tuple[int, list[tuple[int, int, int, int, str]]]:
    """Width of a table, and its headings as (row, column, last row, last column, text)."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for row, headings in enumerate(part.headings):
        column = 0
        for text, columns, rows in headings:
            while (row, column) in taken:
                column += 1
            placed.append((row, column, row + rows - 1, column + columns - 1, text))
            taken |= {(row + y, column + x) for y in range(rows) for x in range(columns)}
    return max(column for _, column in taken) + 1, placed


def _docx(report: Printed, path: Path) -> None:
    import docx

    document = docx.Document()
    for line in report.text:
        document.add_paragraph(line)
    for part in report.parts:
        for title in part.titles:
            document.add_paragraph().add_run(title).bold = True
        width, placed = _placed(part)
        top = len(part.headings)
        table = document.add_table(top + len(part.rows), width)
        for row, column, last_row, last_column, text in placed:
            table.cell(row, column).merge(table.cell(last_row, last_column)).text = text
        for at, cells in enumerate(part.rows):
            for cell, text in zip(table.rows[top + at].cells, cells, strict=True):
                cell.paragraphs[0].add_run(text).bold = "Tổng" in cells[1]
        footnote = table.cell(top + 1, 1).paragraphs[0].add_run("1")
        footnote.font.superscript = True
    document.save(str(path))


def _xlsx(report: Printed, path: Path) -> None:
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.title = "Báo cáo"
    for line in report.text:
        sheet.append([line])
    for part in report.parts:
        sheet = workbook.create_sheet(part.sheet)
        width, placed = _placed(part)
        for title in part.titles:
            sheet.append([title])
            sheet.merge_cells(
                start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=width
            )
        sheet.append([])
        top = len(part.titles) + 2
        for row, column, last_row, last_column, text in placed:
            sheet.cell(top + row, column + 1, text)
            sheet.merge_cells(
                start_row=top + row, end_row=top + last_row,
                start_column=column + 1, end_column=last_column + 1,
            )  # fmt: skip
        for at, cells in enumerate(part.rows):
            for column, text in enumerate(cells):
                cell = sheet.cell(top + len(part.headings) + at, column + 1)
                bare = text.replace(".", "").replace(",", "")
                if bare.isdigit() and column > 1:
                    digits = len(text.partition(",")[2])
                    cell.value = float(text.replace(".", "").replace(",", "."))
                    cell.number_format = "#,##0" + ("." + "0" * digits if digits else "")
                else:
                    cell.value = text
    workbook.save(path)


def _markdown(report: Printed, path: Path) -> None:
    lines = [f"{line}\n" for line in report.text]
    for part in report.parts:
        lines += [f"**{title}**\n" for title in part.titles]
        width, placed = _placed(part)
        grid = [[""] * width for _ in part.headings]
        for row, column, _, _, text in placed:
            grid[row][column] = text
        for at, cells in enumerate([*grid, *part.rows]):
            bold = "**" if "Tổng" in cells[1] else ""
            lines.append(
                f"| {' | '.join(f'{bold}{text}{bold}' if text else '' for text in cells)} |"
            )
            if not at:
                lines.append("|" + "---|" * width)
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
