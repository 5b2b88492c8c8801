"""What every published figure means: definition, formula, source, and the rows that it counts.

The definitions are those of the rule set's law and of the province's report; conditions are SQL on
the evidence of a release.
"""

from dataclasses import dataclass

DECREE = "Nghị định 61/2018/NĐ-CP; Quy chế hoạt động của Trung tâm; mẫu Phụ lục I"
CIRCULAR = "theo bộ quy tắc của bản công bố"
"""Stands for the law of the release's own rule set, which a trace reads from its pack."""
CENTRE = "Báo cáo của Trung tâm Phục vụ hành chính công"


@dataclass(frozen=True)
class Rows:
    """Rows of an evidence table that a figure counts.

    table: table of schema evidence. condition: which of its rows; %(publication_id)s in it is the
    release. points: column of `cases` whose values an indicator takes the mean of. external:
    columns of `external_counts` that are added.
    """

    table: str
    condition: str
    points: str | None = None
    external: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """One figure. `parts` are figures that it is computed of, as (table, column).

    indicator: number of the indicator whose rules in the reference pack give text and thresholds.
    """

    text: str
    formula: str
    source: str
    rows: Rows | None = None
    parts: tuple[tuple[str, str], ...] = ()
    indicator: int | None = None


def _cases(
    text: str, formula: str, condition: str, *external: str, source: str = DECREE
) -> Definition:
    return Definition(text, formula, source, Rows("cases", condition, external=external))


def _mean(number: int) -> Definition:
    column = f"points_{number}"
    return Definition(
        f"Chỉ số {number}",
        f"trung bình {column} của hồ sơ đã giải quyết có điểm, làm tròn nửa lên theo bộ quy tắc",
        CIRCULAR,
        Rows("cases", f"is_settled and {column} is not null", points=column),
        indicator=number,
    )


def _basis(number: int, formula: str, table: str, condition: str) -> Definition:
    """A number of rows that an indicator's points depend on."""
    return Definition(
        f"Chỉ số {number}",
        formula,
        CIRCULAR,
        Rows(table, condition),
        indicator=number,
    )


def _judged(number: int, formula: str) -> Definition:
    """An indicator whose points depend on numbers of rows."""
    names = [name for name in INDICATOR_EVIDENCE if name.startswith(f"{number}.")]
    return Definition(
        f"Chỉ số {number}",
        formula,
        CIRCULAR,
        parts=tuple(("indicator_evidence", name) for name in names),
        indicator=number,
    )


SETTLED = ("settled_early", "settled_on_time", "settled_late")
IN_PROGRESS = ("in_progress_in_time", "in_progress_overdue")
NEW_AND_OLD = ("carried_over", "newly_received")

APPENDIX_1 = {
    "total": _cases(
        "Tổng số hồ sơ tiếp nhận giải quyết",
        "kỳ trước + tiếp nhận mới = đã + đang giải quyết",
        "origin is not null",
        *NEW_AND_OLD,
    ),
    "carried_over": _cases(
        "Hồ sơ kỳ trước chuyển sang",
        "tiếp nhận trước kỳ, chưa giải quyết xong trước kỳ",
        "origin = 'carried_over'",
        "carried_over",
    ),
    "newly_received": _cases(
        "Hồ sơ tiếp nhận mới",
        "ngày tiếp nhận trong kỳ",
        "origin = 'newly_received'",
        "newly_received",
    ),
    "settled_total": _cases(
        "Hồ sơ đã giải quyết", "kết thúc xử lý trong kỳ", "is_settled", *SETTLED
    ),
    "settled_early": _cases(
        "Đã giải quyết trước hạn",
        "kết thúc xử lý trước ngày hẹn trả",
        "outcome = 'settled_early'",
        "settled_early",
    ),
    "settled_on_time": _cases(
        "Đã giải quyết đúng hạn",
        "kết thúc xử lý đúng ngày hẹn trả, hoặc không có ngày hẹn trả",
        "outcome = 'settled_on_time'",
        "settled_on_time",
    ),
    "settled_late": _cases(
        "Đã giải quyết quá hạn, như phần mềm ghi nhận",
        "kết thúc xử lý sau ngày hẹn trả",
        "outcome = 'settled_late'",
        "settled_late",
    ),
    "settled_late_after_review": _cases(
        "Đã giải quyết quá hạn sau rà soát",
        "quá hạn, trừ hồ sơ được rà soát là ghi nhận trễ (nguyên nhân 1) mà thực tế trả trong hạn",
        "is_late_after_review",
        "settled_late",
    ),
    "in_progress_total": _cases(
        "Hồ sơ đang giải quyết",
        "tổng số trừ đã giải quyết",
        "outcome in ('in_progress_in_time', 'in_progress_overdue')",
        *IN_PROGRESS,
    ),
    "in_progress_in_time": _cases(
        "Đang giải quyết còn hạn",
        "ngày hẹn trả không trước ngày cuối kỳ",
        "outcome = 'in_progress_in_time'",
        "in_progress_in_time",
    ),
    "in_progress_overdue": _cases(
        "Đang giải quyết quá hạn",
        "ngày hẹn trả trước ngày cuối kỳ",
        "outcome = 'in_progress_overdue'",
        "in_progress_overdue",
    ),
    "returned": _cases("Hồ sơ bị trả lại", "rút hoặc dừng trong kỳ", "is_returned", "returned"),
    "received_online": _cases(
        "Hồ sơ nhận qua trực tuyến",
        "kênh 2 trong tổng số",
        "is_online and origin is not null",
        "received_online",
    ),
    "returned_by_post": _cases(
        "Kết quả trả qua bưu điện",
        "đã giải quyết, hình thức trả 1, đã trả",
        "is_returned_by_post",
        source=CENTRE,
    ),
    "counted_externally": _cases(
        "Phần của tổng số chỉ có số đếm từ phần mềm riêng",
        "kỳ trước + tiếp nhận mới của số đếm",
        "false",
        *NEW_AND_OLD,
        source=CENTRE,
    ),
}

BUTTONS = {
    "satisfied_service": (1, "Hài lòng với dịch vụ"),
    "satisfied_attitude": (2, "Hài lòng về thái độ phục vụ"),
    "dissatisfied_competence": (3, "Không hài lòng về nghiệp vụ nhân viên"),
    "dissatisfied_time": (4, "Không hài lòng về thời gian giao dịch"),
    "comments": (5, "Ý kiến góp ý"),
}

APPENDIX_2 = {
    **{
        column: Definition(
            text, f"số lần bấm nút {button}", CENTRE, Rows("ratings", f"button = {button}")
        )
        for column, (button, text) in BUTTONS.items()
    },
    "total": Definition("Tổng số lượt đánh giá", "số lần bấm nút", CENTRE, Rows("ratings", "true")),
    "settled_total": APPENDIX_1["settled_total"],
    "coverage_percent": Definition(
        "Tỷ lệ lượt đánh giá trên hồ sơ đã giải quyết",
        "100 × lượt đánh giá ÷ hồ sơ đã giải quyết",
        CENTRE,
        parts=(("appendix_2", "total"), ("appendix_1", "settled_total")),
    ),
}

_LISTED = "day_of = 'processes'"

APPENDIX_4 = {
    "procedures_listed": Definition(
        "TTHC niêm yết tại Trung tâm",
        "còn hiệu lực, NiemYetTaiTrungTam = 1",
        CENTRE,
        Rows("procedures", _LISTED),
    ),
    "processes_approved": Definition(
        "Quy trình nội bộ được duyệt",
        "TTHC niêm yết có quy trình đã phê duyệt",
        CENTRE,
        Rows("procedures", f"{_LISTED} and has_approved_process"),
    ),
    "processes_on_software": Definition(
        "Quy trình đã cập nhật trên phần mềm",
        "quy trình được duyệt đã có trên phần mềm",
        CENTRE,
        Rows("procedures", f"{_LISTED} and has_process_on_software"),
    ),
    "completion_percent": Definition(
        "Tỷ lệ hoàn thành",
        "100 × đã cập nhật ÷ được duyệt; trống khi chưa có quy trình",
        CENTRE,
        parts=(("appendix_4", "processes_on_software"), ("appendix_4", "processes_approved")),
    ),
    "time_unit": Definition(
        "Đơn vị thời gian của quy trình",
        "ngày, giờ, hoặc ngày và giờ",
        CENTRE,
        Rows("procedures", f"{_LISTED} and has_approved_process"),
    ),
    "note": Definition(
        "Ghi chú",
        "các ghi chú khác nhau của TTHC niêm yết",
        CENTRE,
        Rows("procedures", f"{_LISTED} and note is not null"),
    ),
}

_OPEN = "day_of = 'window_end'"

# The release is a parameter and not the row's own, so that all questions are asked once and not
# for every case.
_USABLE_ONLINE = """origin = 'newly_received' and unit_code in (
    select offering.unit_code from evidence.procedures as offering
    where offering.publication_id = %(publication_id)s and offering.day_of = 'window_end'
) and (
    procedure_code in (
        select eligible.procedure_code from evidence.procedures as eligible
        where eligible.publication_id = %(publication_id)s
            and eligible.day_of = 'window_end' and eligible.service_level >= 3
    )
    or exists (
        select 1 from published.publications
        inner join reference.rule_sets using (reference_sha256, rule_set)
        where publications.publication_id = %(publication_id)s
            and rule_sets.online_denominator = 'all'
    )
)"""

INDICATOR_EVIDENCE = {
    "5.numerator": _basis(
        5, "TTHC niêm yết làm tại chỗ", "procedures", f"{_OPEN} and is_on_the_spot"
    ),
    "5.denominator": _basis(5, "TTHC niêm yết ngày cuối kỳ", "procedures", _OPEN),
    "5.handled_at_centre": _basis(
        *(5, "TTHC niêm yết nhận và trả tại Trung tâm", "procedures"),
        f"{_OPEN} and is_handled_at_centre",
    ),
    "6.numerator": _basis(
        6, "TTHC niêm yết có mức công khai 2", "procedures", f"{_OPEN} and publicity = 2"
    ),
    "6.denominator": _basis(6, "TTHC niêm yết ngày cuối kỳ", "procedures", _OPEN),
    "8.numerator": _basis(8, "phản ánh, kiến nghị đúng hạn", "petitions", "is_on_time"),
    "8.denominator": _basis(8, "phản ánh, kiến nghị nhận trong kỳ", "petitions", "true"),
    "8.protracted": _basis(8, "phản ánh, kiến nghị kéo dài", "petitions", "is_protracted"),
    "9.numerator": _basis(
        *(9, "hồ sơ tiếp nhận mới qua trực tuyến, trong mẫu số của q", "cases"),
        f"is_online and {_USABLE_ONLINE}",
    ),
    "9.denominator": _basis(
        *(9, "mẫu số của q: hồ sơ tiếp nhận mới của TTHC mức 3, 4, hoặc mọi hồ sơ tiếp nhận mới"),
        *("cases", _USABLE_ONLINE),
    ),
    "9.offered_online": _basis(
        9, "tử số của p: TTHC niêm yết mức 3, 4", "procedures", f"{_OPEN} and service_level >= 3"
    ),
    "9.listed": _basis(9, "mẫu số của p: TTHC niêm yết ngày cuối kỳ", "procedures", _OPEN),
    "9.online_late": _basis(
        *(9, "hồ sơ trực tuyến trễ hạn", "cases"),
        "is_online and outcome in ('settled_late', 'in_progress_overdue')",
    ),
}
"""What indicators 5, 6, 8 and 9 depend on, by indicator and name; numerator and denominator are
published, the others are numbers of rows of evidence only."""

INDICATORS = {
    **{number: _mean(number) for number in (1, 2, 3, 4, 7)},
    5: _judged(5, "tỷ lệ TTHC niêm yết làm tại chỗ, tỷ lệ nhận và trả tại Trung tâm"),
    6: _judged(6, "mức công khai thấp nhất của TTHC niêm yết"),
    8: _judged(8, "tỷ lệ phản ánh, kiến nghị đúng hạn, số kéo dài"),
    9: _judged(
        9,
        "p = tỷ lệ TTHC mức 3, 4; q = tỷ lệ hồ sơ trực tuyến; số hồ sơ trực tuyến trễ hạn",
    ),
}

REVIEW_REASONS = {
    1: "ghi nhận trễ, thực tế trả trong hạn",
    2: "bổ sung nhiều lần",
    3: "chờ cơ quan khác",
    4: "khác",
}
"""Why a case was late, by NguyenNhan of its review."""

FORMS = {1: (1, 2, 3, 4, 7), 2: (5, 6, 8, 9)}

SCORECARD = {
    "received": _cases(
        "Tổng số hồ sơ đã tiếp nhận trong kỳ",
        "tiếp nhận mới, không kể số đếm phần mềm riêng",
        "origin = 'newly_received'",
        source=CIRCULAR,
    ),
    "settled": _cases(
        "Tổng số hồ sơ đã giải quyết trong kỳ",
        "đã giải quyết, không kể số đếm phần mềm riêng",
        "is_settled",
        source=CIRCULAR,
    ),
    **{f"indicator_{number}": INDICATORS[number] for number in sorted(INDICATORS)},
    **{
        f"form_{form}_total": Definition(
            f"Tổng điểm Mẫu phiếu số {form}",
            "tổng các chỉ số, làm tròn theo bộ quy tắc",
            CIRCULAR,
            parts=tuple(("scorecard", f"indicator_{number}") for number in numbers),
        )
        for form, numbers in FORMS.items()
    },
    **{
        column: Definition(
            text,
            formula,
            CIRCULAR,
            parts=(("scorecard", "form_1_total"), ("scorecard", "form_2_total")),
        )
        for column, text, formula in (
            ("total", "Tổng cộng", "Mẫu phiếu số 1 + Mẫu phiếu số 2"),
            ("band", "Xếp loại", "tổng cộng so với các mức của bộ quy tắc, tính cả mức dưới"),
            ("rank", "Xếp hạng", "thứ tự tổng cộng giữa các đơn vị, cao nhất là 1"),
        )
    },
}

LATE_CASES = Definition(
    "Danh sách hồ sơ trễ hạn",
    "đã giải quyết quá hạn, hoặc đang giải quyết quá hạn cuối kỳ",
    DECREE,
    Rows("cases", "outcome in ('settled_late', 'in_progress_overdue')"),
)


LATE_CASE = {
    "unit_code": ("Đơn vị của hồ sơ", "theo lần ghi nhận cuối đến ngày chốt"),
    "procedure_code": ("Mã thủ tục của hồ sơ", "theo lần ghi nhận cuối đến ngày chốt"),
    "due_date": ("Hạn của hồ sơ", "ngày hẹn trả mà hồ sơ được đối chiếu"),
    "finished_date": ("Ngày kết thúc xử lý", "để trống khi còn đang giải quyết"),
    "days_late": (
        "Số ngày trễ hạn",
        "số ngày làm việc từ hạn đến ngày kết thúc; còn đang giải quyết: đến ngày cuối kỳ",
    ),
    "reason": ("Nguyên nhân trễ hạn", "mã theo kết quả rà soát"),
    "reviewed": ("Đã rà soát", "có kết quả rà soát đến ngày chốt"),
    "apology_sent": ("Đã gửi thư xin lỗi", "theo kết quả rà soát"),
}
"""What the list tells of each late case."""


def of_late_case(case_code: str, column: str) -> Definition:
    """The definition of what the list of late cases tells of one case."""
    text, formula = LATE_CASE[column]
    assert LATE_CASES.rows is not None
    condition = f"{LATE_CASES.rows.condition} and case_code = '{case_code}'"
    return Definition(text, formula, DECREE, Rows("cases", condition))


CHANGE_REASONS = {
    "record_removed": ("hồ sơ bị hủy", "record removed"),
    "unit_corrected": ("sửa đơn vị", "unit corrected"),
    "receipt_date_corrected": ("sửa ngày tiếp nhận", "receipt date corrected"),
    "due_date_corrected": ("sửa hạn trả", "due date corrected"),
    "recorded_late": ("ghi nhận sau ngày chốt", "recorded late"),
    "loaded_late": ("tệp đến sau khi công bố", "loaded late"),
    "review_changed": ("kết quả rà soát thay đổi", "review changed"),
    "file_replaced": ("tệp được thay", "file replaced"),
    "rules_changed": ("bộ quy tắc hoặc dữ liệu tham chiếu thay đổi", "rules changed"),
    "procedures_changed": ("danh mục thủ tục thay đổi", "procedures changed"),
    "related_records_changed": ("dữ liệu liên quan thay đổi", "related records changed"),
    "counted_externally": ("đếm từ phần mềm khác", "counted externally"),
    "follows_from_other_figures": ("theo số liệu khác", "follows from other figures"),
    "follows_from_uncounted_rows": (
        "theo dòng không nằm trong tử số, mẫu số",
        "follows from uncounted rows",
    ),
    "unexplained": ("chưa giải thích được", "unexplained"),
}
"""Why a figure changed, in Vietnamese and English."""


@dataclass(frozen=True)
class Rate:
    """A share: the sum of some figures in the sum of others, as (table, column).

    is_proportion: the numerator counts some of what the denominator counts; only then there is an
    interval.
    """

    text: str
    numerator: tuple[tuple[str, str], ...]
    denominator: tuple[tuple[str, str], ...]
    is_proportion: bool = True

    @property
    def definition(self) -> Definition:
        """How a trace explains it."""
        above, below = (
            " + ".join(f"{table}.{column}" for table, column in side)
            for side in (self.numerator, self.denominator)
        )
        interval = (
            "khoảng Wilson 95 %"
            if self.is_proportion
            else "không phải tỷ lệ của một phần trong tổng thể nên không có khoảng tin cậy"
        )
        return Definition(
            f"{self.text} (số liệu kèm theo)",
            f"100 × ({above}) ÷ ({below}); {interval}",
            CENTRE,
            parts=self.numerator + self.denominator,
        )


def _share(text: str, table: str, above: str, below: str, is_proportion: bool = True) -> Rate:
    numerator, denominator = (
        tuple((table, column) for column in side.split(" + ")) for side in (above, below)
    )
    return Rate(text, numerator, denominator, is_proportion)


_OPINIONS = "satisfied_service + satisfied_attitude + dissatisfied_competence + dissatisfied_time"

RATES = {
    "carried_over": _share("Kỳ trước chuyển sang", "appendix_1", "carried_over", "total"),
    "newly_received": _share("Tiếp nhận mới", "appendix_1", "newly_received", "total"),
    "settled": _share("Đã giải quyết", "appendix_1", "settled_total", "total"),
    "settled_early": _share(
        "Đã giải quyết trước hạn", "appendix_1", "settled_early", "settled_total"
    ),
    "settled_on_time": _share(
        "Đã giải quyết đúng hạn", "appendix_1", "settled_on_time", "settled_total"
    ),
    "settled_in_time": _share(
        "Đã giải quyết trước hạn và đúng hạn",
        "appendix_1",
        "settled_early + settled_on_time",
        "settled_total",
    ),
    "settled_late": _share("Đã giải quyết quá hạn", "appendix_1", "settled_late", "settled_total"),
    "settled_late_after_review": _share(
        "Đã giải quyết quá hạn sau rà soát",
        "appendix_1",
        "settled_late_after_review",
        "settled_total",
    ),
    "in_progress": _share("Đang giải quyết", "appendix_1", "in_progress_total", "total"),
    "in_progress_in_time": _share(
        "Đang giải quyết còn hạn", "appendix_1", "in_progress_in_time", "in_progress_total"
    ),
    "in_progress_overdue": _share(
        "Đang giải quyết quá hạn", "appendix_1", "in_progress_overdue", "in_progress_total"
    ),
    "returned": _share(
        "Bị trả lại so với tổng số (không nằm trong tổng số)",
        "appendix_1",
        "returned",
        "total",
        is_proportion=False,
    ),
    "received_online": _share("Nhận qua trực tuyến", "appendix_1", "received_online", "total"),
    "returned_by_post": _share(
        "Trả qua bưu điện", "appendix_1", "returned_by_post", "settled_total"
    ),
    "satisfied_service": _share("Hài lòng dịch vụ", "appendix_2", "satisfied_service", "total"),
    "satisfied_attitude": _share("Hài lòng thái độ", "appendix_2", "satisfied_attitude", "total"),
    "dissatisfied_competence": _share(
        "Không hài lòng nghiệp vụ", "appendix_2", "dissatisfied_competence", "total"
    ),
    "dissatisfied_time": _share(
        "Không hài lòng thời gian", "appendix_2", "dissatisfied_time", "total"
    ),
    "comments": _share("Góp ý", "appendix_2", "comments", "total"),
    "satisfied": _share(
        "Hài lòng, trong bốn nút đánh giá",
        "appendix_2",
        "satisfied_service + satisfied_attitude",
        _OPINIONS,
    ),
    "dissatisfied": _share(
        "Không hài lòng, trong bốn nút đánh giá",
        "appendix_2",
        "dissatisfied_competence + dissatisfied_time",
        _OPINIONS,
    ),
    "coverage": _share(
        "Lượt đánh giá trên 100 hồ sơ đã giải quyết",
        "appendix_2",
        "total",
        "settled_total",
        is_proportion=False,
    ),
    "completion": _share(
        "Quy trình đã cập nhật trên phần mềm",
        "appendix_4",
        "processes_on_software",
        "processes_approved",
    ),
    "done_on_the_spot": _share(
        "TTHC làm tại chỗ (chỉ số 5)", "indicator_evidence", "5.numerator", "5.denominator"
    ),
    "petitions_on_time": _share(
        "Phản ánh, kiến nghị đúng hạn (chỉ số 8)",
        *("indicator_evidence", "8.numerator", "8.denominator"),
    ),
    "online_used": _share(
        "Hồ sơ trực tuyến của TTHC mức 3, 4 (chỉ số 9)",
        *("indicator_evidence", "9.numerator", "9.denominator"),
    ),
}
"""Every share that tables and report print, in their order."""

_TIMELINESS = {
    "cases": "hồ sơ đã giải quyết có điểm chỉ số 1",
    "observed": "điểm trung bình của các hồ sơ đó, hai chữ số thập phân",
    "comparable_cases": "hồ sơ thuộc nhóm thủ tục mà ít nhất hai đơn vị giải quyết",
    "comparable_observed": "điểm trung bình của hồ sơ so sánh được",
    "expected": "trung bình, trên hồ sơ so sánh được, của điểm trung bình nhóm ở mọi đơn vị",
    "difference": "điểm trung bình của hồ sơ so sánh được − điểm kỳ vọng",
    "adjusted": "điểm trung bình chung của hồ sơ so sánh được trong kỳ + chênh lệch",
}

ADJUSTED_TIMELINESS = {
    column: Definition(
        "Chỉ số 1 điều chỉnh theo nhóm thủ tục (KHÔNG CHÍNH THỨC)",
        f"{formula}; nhóm: lĩnh vực nếu ít nhất hai đơn vị giải quyết, nếu không thì mức thời gian"
        " hẹn trả (ngày làm việc)",
        CENTRE,
        Rows("cases", "is_settled and points_1 is not null", points="points_1"),
    )
    for column, formula in _TIMELINESS.items()
}

CASES_BY_FIELD = {
    "settled": ("Hồ sơ đã giải quyết", "is_settled"),
    "settled_in_time": (
        "Hồ sơ đã giải quyết trước hạn và đúng hạn",
        "outcome in ('settled_early', 'settled_on_time')",
    ),
    "settled_late": ("Hồ sơ đã giải quyết quá hạn", "outcome = 'settled_late'"),
}


def of_field(field_code: str, column: str) -> Definition:
    """The definition of a count of one field of procedures."""
    text, condition = CASES_BY_FIELD[column]
    return Definition(
        f"{text}, lĩnh vực {field_code or 'không rõ'} (dữ liệu mở; số nhỏ được giữ lại)",
        "không kể số đếm phần mềm riêng",
        CENTRE,
        Rows("cases", f"{condition} and coalesce(field_code, '') = '{field_code}'"),
    )


DEFINITIONS: dict[str, dict[str, Definition]] = {
    "appendix_1": APPENDIX_1,
    "appendix_2": APPENDIX_2,
    "appendix_4": APPENDIX_4,
    "scorecard": SCORECARD,
    "rates": {name: rate.definition for name, rate in RATES.items()},
    "adjusted_timeliness": ADJUSTED_TIMELINESS,
}
"""Definition of every figure, by table and column."""
