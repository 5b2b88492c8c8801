"""The printed layouts of the appendices: titles, merged headings and columns, as data.

Source: the Centre's half-year report of 2019 and the score forms of Decision 1216/QĐ-UBND.
"""

from dataclasses import dataclass
from typing import Literal

Style = Literal["order", "name", "count", "score", "percentage", "note", "text", "day"]


@dataclass(frozen=True)
class Column:
    """One printed column.

    key: the figure's column in the published table.
    number: the column number as printed, with its sum, such as 3=(4+5).
    share_of: key of the column that is the denominator in the row "Tỷ lệ %".
    width: characters of the body font.
    """

    key: str
    style: Style = "count"
    number: str = ""
    share_of: str = ""
    width: float = 8.5


@dataclass(frozen=True)
class Heading:
    """A heading over columns `first` … `last` and heading rows `top` … `bottom` (from 0)."""

    text: str
    top: int
    bottom: int
    first: int
    last: int


@dataclass(frozen=True)
class Layout:
    """One appendix: the published table that it prints, and how.

    titles and subtitles may name {label} and the period's windows; titles are printed in capitals.
    has_totals: the rows "Tổng cộng" and "Tỷ lệ %" follow the units.
    """

    table: str
    titles: tuple[str, ...]
    subtitles: tuple[str, ...]
    headings: tuple[Heading, ...]
    columns: tuple[Column, ...]
    has_totals: bool = False

    @property
    def heading_rows(self) -> int:
        """Number of heading rows, without the row of column numbers."""
        return 1 + max(heading.bottom for heading in self.headings)


ISSUED_WITH = (
    "(Ban hành kèm theo Báo cáo số ……/BC-TTHC ngày ……/……/{year}"
    " của Trung tâm Phục vụ hành chính công)"
)
TOTAL_ROW = "Tổng cộng"
SHARE_ROW = "Tỷ lệ %"

APPENDIX_1 = Layout(
    table="appendix_1",
    titles=("Tình hình, kết quả giải quyết thủ tục hành chính {label}",),
    subtitles=("(TỪ NGÀY {cases_from} ĐẾN {cases_to})", ISSUED_WITH),
    headings=(
        Heading("STT", 0, 2, 0, 0),
        Heading("Đơn vị", 0, 2, 1, 1),
        Heading("Số hồ sơ tiếp nhận giải quyết", 0, 0, 2, 4),
        Heading("Tổng số", 1, 2, 2, 2),
        Heading("Trong đó", 1, 1, 3, 4),
        Heading("Kỳ trước", 2, 2, 3, 3),
        Heading("Số mới tiếp nhận", 2, 2, 4, 4),
        Heading("Kết quả giải quyết", 0, 0, 5, 11),
        Heading("Số hồ sơ đã giải quyết", 1, 1, 5, 8),
        Heading("Tổng số", 2, 2, 5, 5),
        Heading("Trước hạn", 2, 2, 6, 6),
        Heading("Đúng hạn", 2, 2, 7, 7),
        Heading("Quá hạn", 2, 2, 8, 8),
        Heading("Số hồ sơ đang giải quyết", 1, 1, 9, 11),
        Heading("Tổng số", 2, 2, 9, 9),
        Heading("Còn hạn", 2, 2, 10, 10),
        Heading("Quá hạn", 2, 2, 11, 11),
        Heading("Hồ sơ bị trả lại", 0, 2, 12, 12),
        Heading("Hồ sơ nhận qua trực tuyến", 0, 2, 13, 13),
    ),
    columns=(
        Column("display_order", "order", "1", width=4.5),
        Column("unit_name", "name", "2", width=33),
        Column("total", number="3=(4+5)", share_of="total", width=10),
        Column("carried_over", number="4", share_of="total"),
        Column("newly_received", number="5", share_of="total", width=10),
        Column("settled_total", number="6=(7+8+9)", share_of="total", width=11),
        Column("settled_early", number="7", share_of="settled_total", width=9),
        Column("settled_on_time", number="8", share_of="settled_total"),
        Column("settled_late", number="9", share_of="settled_total"),
        Column("in_progress_total", number="10=(11+12)", share_of="total", width=12),
        Column("in_progress_in_time", number="11", share_of="in_progress_total"),
        Column("in_progress_overdue", number="12", share_of="in_progress_total"),
        Column("returned", number="13", share_of="total"),
        Column("received_online", number="14", share_of="total", width=10),
    ),
    has_totals=True,
)

APPENDIX_2 = Layout(
    table="appendix_2",
    titles=(
        "Thống kê số hồ sơ đánh giá mức độ hài lòng và ý kiến góp ý của tổ chức, cá nhân",
        "{label} (từ {ratings_from} đến {ratings_to})",
    ),
    subtitles=(ISSUED_WITH,),
    headings=(
        Heading("STT", 0, 0, 0, 0),
        Heading("Tên đơn vị", 0, 0, 1, 1),
        Heading("Hài lòng với dịch vụ", 0, 0, 2, 2),
        Heading("Hài lòng về thái độ phục vụ", 0, 0, 3, 3),
        Heading("Không hài lòng về nghiệp vụ nhân viên", 0, 0, 4, 4),
        Heading("Không hài lòng về thời gian giao dịch", 0, 0, 5, 5),
        Heading("Ý kiến góp ý", 0, 0, 6, 6),
        Heading("Tổng cộng", 0, 0, 7, 7),
    ),
    columns=(
        Column("display_order", "order", width=4.5),
        Column("unit_name", "name", width=33),
        Column("satisfied_service", share_of="total", width=15),
        Column("satisfied_attitude", share_of="total", width=15),
        Column("dissatisfied_competence", share_of="total", width=17),
        Column("dissatisfied_time", share_of="total", width=17),
        Column("comments", share_of="total", width=13),
        Column("total", share_of="total", width=13),
    ),
    has_totals=True,
)

APPENDIX_3 = Layout(
    table="scorecard",
    titles=(
        "Bảng tổng hợp kết quả chấm điểm đánh giá việc giải quyết thủ tục hành chính",
        "{label} (từ ngày {cases_from} đến ngày {cases_to})",
    ),
    subtitles=(ISSUED_WITH,),
    headings=(
        Heading("STT", 0, 2, 0, 0),
        Heading("Đơn vị", 0, 2, 1, 1),
        Heading("Tổng số hồ sơ đã tiếp nhận trong kỳ", 0, 2, 2, 2),
        Heading("Tổng số hồ sơ đã giải quyết trong kỳ", 0, 2, 3, 3),
        Heading("MẪU PHIẾU SỐ 1", 0, 0, 4, 9),
        Heading("Chấm điểm đánh giá đối với cán bộ, công chức, viên chức", 1, 1, 4, 9),
        Heading("Chỉ số 1", 2, 2, 4, 4),
        Heading("Chỉ số 2", 2, 2, 5, 5),
        Heading("Chỉ số 3", 2, 2, 6, 6),
        Heading("Chỉ số 4", 2, 2, 7, 7),
        Heading("Chỉ số 7", 2, 2, 8, 8),
        Heading("Tổng cộng", 2, 2, 9, 9),
        Heading("MẪU PHIẾU SỐ 2", 0, 0, 10, 14),
        Heading(
            "Chấm điểm đánh giá đối với cơ quan, đơn vị và trách nhiệm người đứng đầu",
            *(1, 1, 10, 14),
        ),
        Heading("Chỉ số 5", 2, 2, 10, 10),
        Heading("Chỉ số 6", 2, 2, 11, 11),
        Heading("Chỉ số 8", 2, 2, 12, 12),
        Heading("Chỉ số 9", 2, 2, 13, 13),
        Heading("Tổng cộng", 2, 2, 14, 14),
        Heading("Tổng cộng", 0, 2, 15, 15),
    ),
    columns=(
        Column("display_order", "order", "[0]", width=4.5),
        Column("unit_name", "name", "[1]", width=33),
        Column("received", number="[2]", width=11.5),
        Column("settled", number="[3]", width=11.5),
        Column("indicator_1", "score", "[4]", width=7.5),
        Column("indicator_2", "score", "[5]", width=7.5),
        Column("indicator_3", "score", "[6]", width=7.5),
        Column("indicator_4", "score", "[7]", width=7.5),
        Column("indicator_7", "score", "[8]", width=7.5),
        Column("form_1_total", "score", "[9]", width=7.5),
        Column("indicator_5", "score", "[10]", width=7.5),
        Column("indicator_6", "score", "[11]", width=7.5),
        Column("indicator_8", "score", "[12]", width=7.5),
        Column("indicator_9", "score", "[13]", width=7.5),
        Column("form_2_total", "score", "[14]", width=7.5),
        Column("total", "score", "[15]", width=7.5),
    ),
)

APPENDIX_4 = Layout(
    table="appendix_4",
    titles=(
        "Bảng thống kê tình hình cập nhật quy trình nội bộ của các sở, ngành trên phần mềm",
        "(các đơn vị cung cấp đến thời điểm {processes_as_of})",
    ),
    subtitles=(ISSUED_WITH,),
    headings=(
        Heading("STT", 0, 0, 0, 0),
        Heading("Tên đơn vị", 0, 0, 1, 1),
        Heading("Tổng số TTHC hiện hành được niêm yết tại Trung tâm (TTHC)", 0, 0, 2, 2),
        Heading("Số Quy trình nội bộ hiện hành được duyệt (QT)", 0, 0, 3, 3),
        Heading("Tình hình cập nhật trên Hệ thống một cửa (QT)", 0, 0, 4, 4),
        Heading("Tỷ lệ hoàn thành (%)", 0, 0, 5, 5),
        Heading("Ghi chú", 0, 0, 6, 6),
    ),
    columns=(
        Column("display_order", "order", width=4.5),
        Column("unit_name", "name", width=33),
        Column("procedures_listed", width=17.5),
        Column("processes_approved", width=16),
        Column("processes_on_software", width=16),
        Column("completion_percent", "percentage", width=11),
        Column("note", "note", width=42),
    ),
)

NOT_STATUTORY = "(Không thuộc biểu mẫu báo cáo; không thay cho số liệu của các phụ lục)"
SMALL_DENOMINATOR = "Dưới 30"


def _companion(table: str, titles: tuple[str, ...], headings: dict[str, Column]) -> Layout:
    return Layout(
        table=table,
        titles=titles,
        subtitles=("(TỪ NGÀY {cases_from} ĐẾN {cases_to})", NOT_STATUTORY),
        headings=one_row(headings),
        columns=tuple(headings.values()),
    )


def one_row(headings: dict[str, Column]) -> tuple[Heading, ...]:
    """One heading over each column."""
    return tuple(Heading(text, 0, 0, place, place) for place, text in enumerate(headings))


ADJUSTED_TIMELINESS = _companion(
    "adjusted_timeliness",
    (
        "Số liệu kèm theo – không chính thức",
        "Chỉ số 1 điều chỉnh theo nhóm thủ tục {label}",
    ),
    {
        "STT": Column("display_order", "order", width=6),
        "Đơn vị": Column("unit_name", "name", width=42),
        "Điểm trung bình, mọi hồ sơ đã giải quyết": Column("observed", "score", width=16),
        "Điểm trung bình, hồ sơ so sánh được": Column("comparable_observed", "score", width=16),
        "Điểm kỳ vọng theo nhóm thủ tục": Column("expected", "score", width=14),
        "Chênh lệch": Column("difference", "score", width=14),
        "Điểm điều chỉnh": Column("adjusted", "score", width=14),
        "Mẫu số nhỏ": Column("small_denominator", "note", width=14),
    },
)

RATES = _companion(
    "rates",
    ("Số liệu kèm theo", "Các tỷ lệ và khoảng tin cậy 95 % (Wilson) {label}"),
    {
        "STT": Column("display_order", "order", width=6),
        "Tỷ lệ, đơn vị": Column("unit_name", "name", width=42),
        "Tử số": Column("numerator", width=16),
        "Mẫu số": Column("denominator", width=16),
        "Tỷ lệ %": Column("percent", "score", width=14),
        "Khoảng từ %": Column("lower", "score", width=14),
        "Khoảng đến %": Column("upper", "score", width=14),
        "Mẫu số nhỏ": Column("small_denominator", "note", width=14),
    },
)

RATE_NAMES = {
    "carried_over": "Kỳ trước chuyển sang",
    "newly_received": "Tiếp nhận mới",
    "settled": "Đã giải quyết",
    "settled_early": "Đã giải quyết trước hạn",
    "settled_on_time": "Đã giải quyết đúng hạn",
    "settled_in_time": "Đã giải quyết trước hạn và đúng hạn",
    "settled_late": "Đã giải quyết quá hạn",
    "settled_late_after_review": "Đã giải quyết quá hạn sau rà soát",
    "in_progress": "Đang giải quyết",
    "in_progress_in_time": "Đang giải quyết còn hạn",
    "in_progress_overdue": "Đang giải quyết quá hạn",
    "returned": "Bị trả lại so với tổng số (không nằm trong tổng số)",
    "received_online": "Nhận qua trực tuyến",
    "returned_by_post": "Trả qua bưu điện",
    "satisfied_service": "Hài lòng dịch vụ",
    "satisfied_attitude": "Hài lòng thái độ",
    "dissatisfied_competence": "Không hài lòng nghiệp vụ",
    "dissatisfied_time": "Không hài lòng thời gian",
    "comments": "Góp ý",
    "satisfied": "Hài lòng, trong bốn nút đánh giá",
    "dissatisfied": "Không hài lòng, trong bốn nút đánh giá",
    "coverage": "Lượt đánh giá trên 100 hồ sơ đã giải quyết",
    "completion": "Quy trình đã cập nhật trên phần mềm",
    "done_on_the_spot": "TTHC làm tại chỗ (chỉ số 5)",
    "petitions_on_time": "Phản ánh, kiến nghị đúng hạn (chỉ số 8)",
    "online_used": "Hồ sơ trực tuyến của TTHC mức 3, 4 (chỉ số 9)",
}
"""What the rates are called, in the order in which they are printed."""
