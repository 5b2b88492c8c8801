"""The arithmetic relations that the figures of a publication must satisfy, declared as data.

A relation compares two expressions for every row of its table. Names are columns of that table,
`table.column` is the same unit's figure elsewhere. `evidence` holds the unrounded indicators,
`late_counts` the number of listed late cases of a unit, `windows` one row with the period's dates.
Functions: rounded(x) by the rule set, round(x, digits) half-up, form(n) the sum of the indicators
of a form, unrounded(n) that of their unrounded values, most(n) the most points a form can have,
early(i), on_time(i), late(i) the points of a case for an indicator, band(x), dense_rank(x) the rank
of a total.
A figure that is missing makes the expression missing; a sum must be missing exactly then.
Beside the figures stand `totals`, their sums over the units; `indicators` and `indicator_pairs`,
how many units have the same value; and what motcua.publication.neighbours reads of other periods
and of other software.
"""

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Relation:
    """One relation. `only_for` names a setting of the rule set and the value it must have.

    beside: a table of other periods; without rows in it there is nothing to compare.
    """

    check_id: str
    level: Level
    table: str
    text: str
    explanation: str
    only_for: tuple[str, str] | None = None
    beside: str | None = None


_IDENTICAL = "Hai chỉ số bằng nhau ở mọi đơn vị thì một chỉ số không đo điều riêng của nó."

RELATIONS: tuple[Relation, ...] = (
    # Appendix I adds up.
    Relation(
        "appendix_1_total_by_origin",
        "critical",
        "appendix_1",
        "total = carried_over + newly_received",
        "Tổng số hồ sơ bằng kỳ trước chuyển sang cộng tiếp nhận mới.",
    ),
    Relation(
        "appendix_1_total_by_outcome",
        "critical",
        "appendix_1",
        "total = settled_total + in_progress_total",
        "Tổng số hồ sơ bằng đã giải quyết cộng đang giải quyết.",
    ),
    Relation(
        "appendix_1_settled",
        "critical",
        "appendix_1",
        "settled_total = settled_early + settled_on_time + settled_late",
        "Đã giải quyết bằng trước hạn cộng đúng hạn cộng quá hạn.",
    ),
    Relation(
        "appendix_1_in_progress",
        "critical",
        "appendix_1",
        "in_progress_total = in_progress_in_time + in_progress_overdue",
        "Đang giải quyết bằng còn hạn cộng quá hạn.",
    ),
    Relation(
        "appendix_1_late_after_review",
        "critical",
        "appendix_1",
        "settled_late_after_review <= settled_late",
        "Rà soát chỉ có thể bớt, không thể thêm hồ sơ quá hạn.",
    ),
    Relation(
        "appendix_1_online",
        "critical",
        "appendix_1",
        "received_online <= total",
        "Hồ sơ nhận qua trực tuyến là một phần của tổng số.",
    ),
    Relation(
        "appendix_1_by_post",
        "critical",
        "appendix_1",
        "returned_by_post <= settled_total",
        "Kết quả trả qua bưu điện là một phần của số đã giải quyết.",
    ),
    # Appendix II.
    Relation(
        "appendix_2_total",
        "critical",
        "appendix_2",
        "total = satisfied_service + satisfied_attitude + dissatisfied_competence"
        " + dissatisfied_time + comments",
        "Tổng số đánh giá bằng tổng năm nút bấm.",
    ),
    Relation(
        "appendix_2_settled",
        "critical",
        "appendix_2",
        "settled_total = appendix_1.settled_total",
        "Số đã giải quyết ở Phụ lục II là số ở Phụ lục I.",
    ),
    Relation(
        "appendix_2_coverage",
        "critical",
        "appendix_2",
        "round(coverage_percent, 6) = round(100 * total / settled_total, 6)",
        "Tỷ lệ đánh giá bằng số đánh giá trên số hồ sơ đã giải quyết.",
    ),
    Relation(
        "coverage_windows_begin",
        "warning",
        "windows",
        "ratings_from = cases_from",
        "Tỷ lệ đánh giá chia hai con số có ngày bắt đầu khác nhau.",
    ),
    Relation(
        "coverage_windows_end",
        "warning",
        "windows",
        "ratings_to = cases_to",
        "Tỷ lệ đánh giá chia hai con số có ngày kết thúc khác nhau.",
    ),
    # Appendix IV.
    Relation(
        "appendix_4_approved",
        "warning",
        "appendix_4",
        "processes_approved <= procedures_listed",
        "Quy trình được duyệt không nhiều hơn thủ tục được niêm yết.",
    ),
    Relation(
        "appendix_4_on_software",
        "critical",
        "appendix_4",
        "processes_on_software <= processes_approved",
        "Quy trình trên phần mềm là một phần của quy trình được duyệt.",
    ),
    Relation(
        "appendix_4_completion",
        "critical",
        "appendix_4",
        "round(completion_percent, 6) = round(100 * processes_on_software / processes_approved, 6)",
        "Tỷ lệ hoàn thành bằng quy trình trên phần mềm trên quy trình được duyệt.",
    ),
    # The scorecard.
    *(
        Relation(
            f"scorecard_indicator_{number}",
            "critical",
            "scorecard",
            f"indicator_{number} = rounded(evidence.indicator_{number})",
            f"Chỉ số {number} là giá trị chưa làm tròn được làm tròn một lần.",
        )
        for number in range(1, 10)
    ),
    Relation(
        "scorecard_form_1",
        "critical",
        "scorecard",
        "form_1_total = form(1)",
        "Tổng Mẫu phiếu số 1 bằng tổng các chỉ số đã làm tròn của mẫu.",
        only_for=("total_of", "rounded"),
    ),
    Relation(
        "scorecard_form_2",
        "critical",
        "scorecard",
        "form_2_total = form(2)",
        "Tổng Mẫu phiếu số 2 bằng tổng các chỉ số đã làm tròn của mẫu.",
        only_for=("total_of", "rounded"),
    ),
    Relation(
        "scorecard_total",
        "critical",
        "scorecard",
        "total = form_1_total + form_2_total",
        "Tổng điểm bằng tổng hai mẫu phiếu.",
        only_for=("total_of", "rounded"),
    ),
    Relation(
        "scorecard_form_1_unrounded",
        "critical",
        "scorecard",
        "form_1_total = rounded(unrounded(1))",
        "Tổng Mẫu phiếu số 1 là tổng các chỉ số chưa làm tròn, làm tròn một lần.",
        only_for=("total_of", "unrounded"),
    ),
    Relation(
        "scorecard_form_2_unrounded",
        "critical",
        "scorecard",
        "form_2_total = rounded(unrounded(2))",
        "Tổng Mẫu phiếu số 2 là tổng các chỉ số chưa làm tròn, làm tròn một lần.",
        only_for=("total_of", "unrounded"),
    ),
    Relation(
        "scorecard_total_unrounded",
        "critical",
        "scorecard",
        "total = rounded(unrounded(1) + unrounded(2))",
        "Tổng điểm là tổng các chỉ số chưa làm tròn của hai mẫu phiếu, làm tròn một lần.",
        only_for=("total_of", "unrounded"),
    ),
    Relation(
        "scorecard_form_1_most",
        "critical",
        "scorecard",
        "form_1_total <= most(1)",
        "Mẫu phiếu số 1 không quá điểm tối đa của các chỉ số của nó.",
    ),
    Relation(
        "scorecard_form_2_most",
        "critical",
        "scorecard",
        "form_2_total <= most(2)",
        "Mẫu phiếu số 2 không quá điểm tối đa của các chỉ số của nó.",
    ),
    Relation(
        "scorecard_band",
        "critical",
        "scorecard",
        "band = band(total)",
        "Xếp loại theo tổng điểm và ngưỡng của bộ quy tắc.",
    ),
    Relation(
        "scorecard_rank",
        "critical",
        "scorecard",
        "rank = dense_rank(total)",
        "Thứ hạng theo tổng điểm, cao nhất trước, đồng điểm đồng hạng.",
    ),
)


# Appendix I adds the counts of other software to the cases; lists and scores know the cases alone.
OUTSIDE_RELATIONS: tuple[Relation, ...] = (
    Relation(
        "appendix_1_external",
        "critical",
        "appendix_1",
        "counted_externally = outside.carried_over + outside.newly_received",
        "Số đếm từ phần mềm khác ở Phụ lục I là số các phần mềm đó đã báo.",
        beside="outside",
    ),
    Relation(
        "late_cases_settled",
        "critical",
        "appendix_1",
        "late_counts.settled = settled_late - outside.settled_late",
        "Danh sách hồ sơ giải quyết quá hạn có đúng những hồ sơ được đếm, trừ phần mềm khác.",
        beside="outside",
    ),
    Relation(
        "late_cases_overdue",
        "critical",
        "appendix_1",
        "late_counts.overdue = in_progress_overdue - outside.in_progress_overdue",
        "Danh sách hồ sơ đang giải quyết quá hạn có đúng những hồ sơ được đếm, trừ phần mềm khác.",
        beside="outside",
    ),
    Relation(
        "scorecard_settled",
        "critical",
        "scorecard",
        "settled = appendix_1.settled_total"
        " - (outside.settled_early + outside.settled_on_time + outside.settled_late)",
        "Hồ sơ được chấm điểm là số đã giải quyết ở Phụ lục I trừ số của phần mềm khác.",
        beside="outside",
    ),
    Relation(
        "scorecard_received",
        "critical",
        "scorecard",
        "received = appendix_1.newly_received - outside.newly_received",
        "Hồ sơ tiếp nhận được chấm điểm là số mới tiếp nhận ở Phụ lục I trừ số của phần mềm khác.",
        beside="outside",
    ),
    Relation(
        "scorecard_handling_time",
        "critical",
        "scorecard",
        "round(evidence.indicator_1, 6) = round(("
        "early(1) * (appendix_1.settled_early - outside.settled_early)"
        " + on_time(1) * (appendix_1.settled_on_time - outside.settled_on_time)"
        " + late(1) * (appendix_1.settled_late - outside.settled_late)) / settled, 6)",
        "Chỉ số 1 là điểm bình quân của hồ sơ trước hạn, đúng hạn và quá hạn ở Phụ lục I.",
        beside="outside",
    ),
)


# What tells nothing: no reason to stop a publication, but a reason to look at the rule.
INDICATOR_RELATIONS: tuple[Relation, ...] = (
    Relation(
        "identical_indicators",
        "warning",
        "indicator_pairs",
        "equal_units < units",
        _IDENTICAL,
    ),
    Relation(
        "indistinct_indicator",
        "warning",
        "indicators",
        "equal_units < units",
        "Một chỉ số bằng nhau ở mọi đơn vị thì không phân biệt được đơn vị nào.",
    ),
)

_CARRIED_OVER = (
    "Kỳ trước chuyển sang bằng số đang giải quyết khi bắt đầu kỳ, đếm riêng từ lịch sử hồ sơ theo"
    " cùng ngày chốt số liệu, trừ hồ sơ bị trả lại trong kỳ, cộng số đếm từ phần mềm khác."
)
_OF_PARTS = (
    "Số của kỳ dài khác tổng các kỳ bên trong khi hồ sơ được sửa sau khi công bố; từng lý do ở"
    " published.revisions (comparison = overlap)."
)
_TWIN = (
    "Hai kỳ kết thúc cùng ngày, chốt số liệu cùng ngày thì số đang giải quyết phải bằng nhau; khác"
    " nhau khi có tệp đến sau lần công bố kia."
)
_BEFORE = (
    "Kỳ trước chuyển sang và số đang giải quyết đã công bố của kỳ liền trước (trừ hồ sơ bị trả lại"
    " trong kỳ này) khác nhau khi ngày chốt số liệu khác nhau."
)

_BETWEEN_PERIODS: tuple[tuple[str, Level, str, str, str], ...] = (
    (
        "carried_over_at_eve",
        "critical",
        "carried_over = eve.in_progress - eve.returned + eve.external",
        _CARRIED_OVER,
        "eve",
    ),
    (
        "received_of_parts",
        "warning",
        "newly_received = parts.newly_received",
        _OF_PARTS,
        "parts",
    ),
    (
        "settled_of_parts",
        "warning",
        "settled_total = parts.settled_total",
        _OF_PARTS,
        "parts",
    ),
    (
        "late_after_review_of_parts",
        "warning",
        "settled_late_after_review = parts.settled_late_after_review",
        _OF_PARTS,
        "parts",
    ),
    (
        "returned_by_post_of_parts",
        "warning",
        "returned_by_post = parts.returned_by_post",
        _OF_PARTS,
        "parts",
    ),
    ("returned_of_parts", "warning", "returned = parts.returned", _OF_PARTS, "parts"),
    (
        "in_time_of_twin",
        "warning",
        "in_progress_in_time = twin.in_progress_in_time",
        _TWIN,
        "twin",
    ),
    (
        "overdue_of_twin",
        "warning",
        "in_progress_overdue = twin.in_progress_overdue",
        _TWIN,
        "twin",
    ),
    (
        "carried_over_as_published",
        "info",
        "carried_over = before.in_progress_total - eve.returned",
        _BEFORE,
        "before",
    ),
)

# Between periods: for each unit, and for their sum.
PERIOD_RELATIONS: tuple[Relation, ...] = (
    *(
        Relation(f"{name}{ending}", level, table, text, explanation, beside=beside)
        for name, level, text, explanation, beside in _BETWEEN_PERIODS
        for table, ending in (("appendix_1", ""), ("totals", "_in_all"))
    ),
    Relation(
        "presses_of_parts",
        "warning",
        "appendix_2",
        "total = press_parts.total",
        _OF_PARTS,
        beside="press_parts",
    ),
)

# What only a printed report can break. Its figures are those that were printed, so `printed(x)`
# rounds x half-up to the decimals of the figure on the left. Relations of table `report` go beyond
# one row: over rows, tables or text; they are evaluated by name, and their text is for readers.

PRINTED_RELATIONS: tuple[Relation, ...] = (
    Relation(
        "printed_coverage",
        "critical",
        "appendix_2",
        "coverage_percent = printed(100 * total / settled_total)",
        "Tỷ lệ đánh giá bằng số đánh giá trên số hồ sơ đã giải quyết.",
    ),
    Relation(
        "printed_satisfied",
        "critical",
        "appendix_2",
        "satisfied_percent = printed(100 * (satisfied_service + satisfied_attitude) / total)",
        "Tỷ lệ hài lòng bằng số hài lòng trên tổng số đánh giá.",
    ),
    Relation(
        "printed_completion",
        "critical",
        "appendix_4",
        "completion_percent = printed(100 * processes_on_software / processes_approved)",
        "Tỷ lệ hoàn thành bằng quy trình trên phần mềm trên quy trình được duyệt.",
    ),
    Relation(
        "printed_by_channel",
        "critical",
        "appendix_1",
        "newly_received = received_online + received_in_person",
        "Tiếp nhận mới bằng trực tuyến cộng trực tiếp.",
    ),
    Relation(
        "printed_flow",
        "critical",
        "appendix_1",
        "carried_over = settled_total + in_progress_total - newly_received",
        "Kỳ trước chuyển sang cộng tiếp nhận mới bằng đã giải quyết cộng đang giải quyết.",
    ),
    Relation(
        "printed_settled_share",
        "critical",
        "appendix_1",
        "settled_percent = printed(100 * settled_total / total)",
        "Tỷ lệ giải quyết bằng số đã giải quyết trên tổng số.",
    ),
    Relation(
        "printed_in_time_share",
        "critical",
        "appendix_1",
        "in_time_percent = printed(100 * (settled_early + settled_on_time) / settled_total)",
        "Tỷ lệ trước và đúng hạn bằng số trước và đúng hạn trên số đã giải quyết.",
    ),
    Relation(
        "printed_late_share",
        "critical",
        "appendix_1",
        "late_percent = printed(100 * settled_late / settled_total)",
        "Tỷ lệ quá hạn bằng số giải quyết quá hạn trên số đã giải quyết.",
    ),
    Relation(
        "printed_online_share",
        "critical",
        "appendix_1",
        "online_percent = printed(100 * received_online / total)",
        "Tỷ lệ trực tuyến bằng số nhận qua trực tuyến trên tổng số.",
    ),
    Relation(
        "printed_total_without_forms",
        "critical",
        "scorecard",
        "total = indicator_1 + indicator_2 + indicator_3 + indicator_4 + indicator_5"
        " + indicator_6 + indicator_7 + indicator_8 + indicator_9",
        "Tổng điểm bằng tổng các chỉ số.",
    ),
    # Over the rows and columns of one table.
    Relation(
        "printed_formula",
        "critical",
        "report",
        "column n=(a+b) = column a + column b",
        "Số thứ tự cột in dưới tiêu đề cho biết cột này tính từ các cột nào.",
    ),
    Relation(
        "printed_total_row",
        "critical",
        "report",
        "total row = sum of the units",
        "Dòng tổng cộng bằng tổng các đơn vị.",
    ),
    Relation(
        "printed_group_row",
        "critical",
        "report",
        "group row = sum of its units",
        "Dòng của nhóm bằng tổng các đơn vị trong nhóm.",
    ),
    Relation(
        "printed_share_row",
        "critical",
        "report",
        "share row = 100 * total row / its denominator",
        "Tỷ lệ % bằng dòng tổng cộng chia cho mẫu số của cột, làm tròn như đã in.",
    ),
    Relation(
        "printed_rank",
        "critical",
        "report",
        "rank = rank of total",
        "Thứ hạng theo tổng điểm, cao nhất trước.",
    ),
    Relation(
        "printed_decimals",
        "info",
        "report",
        "decimals of a percentage are the same in all rows",
        "Tỷ lệ trong một cột cần cùng một số chữ số thập phân.",
    ),
    Relation(
        "printed_blank",
        "info",
        "report",
        "a percentage without denominator is written in one way",
        "Đơn vị chưa có quy trình được để trống, đơn vị chưa cập nhật in 0: hai nghĩa khác nhau,"
        " cần ghi chú rõ.",
    ),
    # Between tables.
    Relation(
        "printed_unit_names",
        "info",
        "report",
        "a unit is written the same in all tables",
        "Một đơn vị cần được viết giống nhau ở mọi bảng.",
    ),
    Relation(
        "printed_windows",
        "warning",
        "report",
        "ratings_to = cases_to, ratings_from = cases_from",
        "Tỷ lệ đánh giá chia số đánh giá cho số hồ sơ đã giải quyết: hai bảng phải cùng thời gian.",
    ),
    Relation(
        "printed_as_of",
        "info",
        "report",
        "processes_as_of = cases_to",
        "Các bảng của một báo cáo chốt số liệu ở những ngày khác nhau.",
    ),
    Relation(
        "printed_settled_of_quarters",
        "warning",
        "report",
        "sum of scorecard.settled over periods = appendix_1.settled_total",
        "Số đã giải quyết của các kỳ cộng lại khác số của cả thời gian thì phải nói vì sao.",
    ),
    Relation(
        "printed_received_of_quarters",
        "warning",
        "report",
        "sum of scorecard.received over periods = appendix_1.newly_received",
        "Số tiếp nhận của các kỳ cộng lại bằng số mới tiếp nhận (hoặc cả kỳ trước chuyển sang).",
    ),
    Relation(
        "printed_received_mixed",
        "warning",
        "report",
        "received means the same for all units",
        "Tiếp nhận trong kỳ phải cùng một nghĩa ở mọi đơn vị: có hoặc không có kỳ trước chuyển"
        " sang.",
    ),
    Relation(
        "printed_carried_over",
        "critical",
        "report",
        "carried_over = in_progress_total of the period before",
        "Kỳ trước chuyển sang bằng số đang giải quyết cuối kỳ trước.",
    ),
    Relation(
        "printed_identical_indicators",
        "warning",
        "report",
        "indicators differ in some row",
        _IDENTICAL,
    ),
    Relation(
        "printed_indicator_9",
        "info",
        "report",
        "indicator_9 rises with received_online / total",
        "Chỉ số 9 không suy ra được chỉ từ tỷ lệ trực tuyến đã in; cần in kèm căn cứ chấm điểm.",
    ),
    # Text and attachments.
    Relation(
        "printed_text",
        "critical",
        "report",
        "figure in the text = figure of the table",
        "Số trong lời văn là số của bảng.",
    ),
    Relation(
        "printed_text_share",
        "critical",
        "report",
        "percentage in the text = share of the figures of the tables",
        "Tỷ lệ trong lời văn tính từ số của bảng, làm tròn như đã in.",
    ),
    Relation(
        "printed_text_causes",
        "critical",
        "report",
        "sum of the causes in the text = settled_late",
        "Các nguyên nhân quá hạn cộng lại bằng số quá hạn.",
    ),
    Relation(
        "printed_attachment_date",
        "warning",
        "report",
        "date of the report in an attachment = date of the report",
        "Phụ lục ban hành kèm theo báo cáo mang ngày của báo cáo.",
    ),
    Relation(
        "printed_attachment_symbol",
        "warning",
        "report",
        "number and symbol in an attachment = those of the report",
        "Phụ lục ban hành kèm theo báo cáo mang số, ký hiệu của báo cáo.",
    ),
)

READINGS: dict[str, tuple[str, ...]] = {
    "appendix_1_total_by_origin": ("total = received_online + received_in_person + carried_over",),
    "appendix_1_total_by_outcome": (
        "total = settled_total + in_progress_total + returned",
        "total = settled_total + in_progress_in_time + in_progress_overdue",
        "total = settled_total + in_progress_in_time + in_progress_overdue + returned",
    ),
    "printed_flow": (
        "carried_over = settled_total + in_progress_total + returned - newly_received",
        "carried_over = settled_total + in_progress_in_time + in_progress_overdue - newly_received",
    ),
    "appendix_1_settled": (
        "settled_total = settled_in_time + settled_late",
        "settled_total = settled_on_time + settled_late",
        "settled_total = settled_early + settled_late",
    ),
    "printed_in_time_share": (
        "in_time_percent = printed(100 * settled_in_time / settled_total)",
        "in_time_percent = printed(100 * settled_on_time / settled_total)",
        "in_time_percent = printed(100 * (settled_total - settled_late) / settled_total)",
    ),
    "printed_satisfied": (
        "satisfied_percent = printed(100 * (very_satisfied + satisfied) / total)",
        "satisfied_percent = printed(100 * satisfied / total)",
    ),
    "printed_settled_share": ("settled_percent = printed(100 * settled_total / newly_received)",),
    "printed_late_share": ("late_percent = printed(100 * settled_late / total)",),
    "printed_online_share": ("online_percent = printed(100 * received_online / newly_received)",),
}
"""Other definitions that a province may follow; the one that most of its rows satisfy counts."""

SHARES: dict[str, dict[str, tuple[str, ...]]] = {
    "appendix_1": {
        "total": ("total",),
        "carried_over": ("total",),
        "newly_received": ("total",),
        "settled_total": ("total",),
        "settled_early": ("settled_total", "total"),
        "settled_on_time": ("settled_total", "total"),
        "settled_in_time": ("settled_total", "total"),
        "settled_late": ("settled_total", "total"),
        "in_progress_total": ("total",),
        "in_progress_in_time": ("in_progress_total", "total"),
        "in_progress_overdue": ("in_progress_total", "total"),
        "returned": ("total",),
        "received_online": ("total", "newly_received"),
        "returned_by_post": ("settled_total",),
    },
    "appendix_2": dict.fromkeys(
        (
            *("satisfied_service", "satisfied_attitude", "very_satisfied", "satisfied"),
            *("neutral", "dissatisfied", "dissatisfied_competence", "dissatisfied_time"),
            *("dissatisfied_attitude", "comments", "total"),
        ),
        ("total",),
    ),
}
"""Denominators in the row "Tỷ lệ %": the first is that of the report of 2019."""


def alike(columns: dict[int, list[Any]]) -> list[tuple[int, int]]:
    """Pairs of indicators with the same values in the same rows, the lower number first.

    An indicator with one value everywhere says nothing about a pair. Of several that are alike each
    is told with the lowest number.
    """
    telling = {n: values for n, values in columns.items() if len(set(values) - {None}) > 1}
    pairs = [(n, m) for n in telling for m in telling if n < m and telling[n] == telling[m]]
    return [
        (first, second)
        for first, second in pairs
        if not any((lower, first) in pairs for lower in range(1, first))
    ]


def printed(check_id: str) -> Relation:
    """A relation that only a printed report can break."""
    return next(one for one in PRINTED_RELATIONS if one.check_id == check_id)
