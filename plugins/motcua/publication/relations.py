"""The arithmetic relations that the figures of a publication must satisfy, declared as data.

A relation compares two expressions for every row of its table. Names are columns of that table,
`table.column` is the same unit's figure elsewhere. `evidence` holds the unrounded indicators,
`late_counts` the number of listed late cases of a unit, `windows` one row with the period's dates.
Functions: rounded(x) by the rule set, round(x, digits) half-up, form(n) the sum of the indicators
of a form, most(n) the most points a form can have, band(x), dense_rank(x) the rank of a total.
A figure that is missing makes the expression missing; a sum must be missing exactly then.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Relation:
    """One relation. `only_for` names a setting of the rule set and the value it must have."""

    check_id: str
    level: Level
    table: str
    text: str
    explanation: str
    only_for: tuple[str, str] | None = None


RELATIONS: tuple[Relation, ...] = (
    # Appendix I adds up.
    Relation(
        "appendix_1_total_by_origin",
        "critical",
        "appendix_1",
        "total = carried_over + newly_received",
        "Tổng số hồ sơ bằng kỳ trước chuyển sang cộng tiếp nhận mới: cột 3 = 4 + 5.",
    ),
    Relation(
        "appendix_1_total_by_outcome",
        "critical",
        "appendix_1",
        "total = settled_total + in_progress_total",
        "Tổng số hồ sơ bằng đã giải quyết cộng đang giải quyết: cột 3 = 6 + 10.",
    ),
    Relation(
        "appendix_1_settled",
        "critical",
        "appendix_1",
        "settled_total = settled_early + settled_on_time + settled_late",
        "Đã giải quyết bằng trước hạn cộng đúng hạn cộng quá hạn: cột 6 = 7 + 8 + 9.",
    ),
    Relation(
        "appendix_1_in_progress",
        "critical",
        "appendix_1",
        "in_progress_total = in_progress_in_time + in_progress_overdue",
        "Đang giải quyết bằng còn hạn cộng quá hạn: cột 10 = 11 + 12.",
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
    Relation(
        "appendix_1_external",
        "critical",
        "appendix_1",
        "counted_externally <= total",
        "Số đếm từ phần mềm khác là một phần của tổng số.",
    ),
    # The list of late cases is the figure; other software gives counts without a list.
    Relation(
        "late_cases_settled",
        "critical",
        "appendix_1",
        "late_counts.settled <= settled_late",
        "Danh sách hồ sơ giải quyết quá hạn không nhiều hơn con số quá hạn.",
    ),
    Relation(
        "late_cases_settled_complete",
        "critical",
        "appendix_1",
        "settled_late - late_counts.settled <= counted_externally",
        "Chỉ hồ sơ đếm từ phần mềm khác mới thiếu trong danh sách quá hạn.",
    ),
    Relation(
        "late_cases_overdue",
        "critical",
        "appendix_1",
        "late_counts.overdue <= in_progress_overdue",
        "Danh sách hồ sơ đang giải quyết quá hạn không nhiều hơn con số quá hạn.",
    ),
    Relation(
        "late_cases_overdue_complete",
        "critical",
        "appendix_1",
        "in_progress_overdue - late_counts.overdue <= counted_externally",
        "Chỉ hồ sơ đếm từ phần mềm khác mới thiếu trong danh sách quá hạn.",
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
    # Scores count cases; appendix I adds the counts of other software.
    Relation(
        "scorecard_settled",
        "critical",
        "scorecard",
        "settled <= appendix_1.settled_total",
        "Hồ sơ được chấm điểm là một phần của số đã giải quyết ở Phụ lục I.",
    ),
    Relation(
        "scorecard_settled_complete",
        "critical",
        "scorecard",
        "appendix_1.settled_total - settled <= appendix_1.counted_externally",
        "Chỉ hồ sơ đếm từ phần mềm khác mới không được chấm điểm.",
    ),
    Relation(
        "scorecard_received",
        "critical",
        "scorecard",
        "received <= appendix_1.newly_received",
        "Hồ sơ tiếp nhận được chấm điểm là một phần của số mới tiếp nhận ở Phụ lục I.",
    ),
    Relation(
        "scorecard_received_complete",
        "critical",
        "scorecard",
        "appendix_1.newly_received - received <= appendix_1.counted_externally",
        "Chỉ hồ sơ đếm từ phần mềm khác mới không được chấm điểm.",
    ),
)
