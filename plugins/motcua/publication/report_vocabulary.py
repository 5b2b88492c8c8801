"""How provinces head the columns of their reports, as data: add a row, not a rule.

Patterns are regular expressions over headings in small letters without Vietnamese marks.
Source: the appendices of the 2019 report, the forms of Circular 01/2018/TT-VPCP and of
Decision 1216/QĐ-UBND, and the usual variants of their wording.
"""

from typing import NamedTuple


class Heading(NamedTuple):
    """A way to head a column.

    leaf: the lowest heading. under: what the headings above (or the lowest) should say too.
    never: what none of them may say.
    """

    table: str
    key: str
    leaf: str
    under: str = ""
    never: str = ""


_LATE = r"(qua|tre|cham) (thoi )?h[ae]n"
_STILL_IN_TIME = r"(con|trong|chua (den|toi|qua)|chua) (thoi )?h[ae]n"
_OPEN = r"dang giai quyet|chua giai quyet|dang xu ly|dang thuc hien"
_DONE = r"da giai quyet|da xu ly|ket qua giai quyet|giai quyet xong|duoc giai quyet"
_RATE = r"ty le|ti le|%"
_SUM = r"tong|^cong$|\bso luong\b"
_FORM_1 = r"phieu so 1|mau so 1|mau phieu 1|can bo, cong chuc|doi voi can bo"
_FORM_2 = r"phieu so 2|mau so 2|mau phieu 2|doi voi co quan|nguoi dung dau"
_UNHAPPY = r"(khong|chua) hai long"

HEADINGS: tuple[Heading, ...] = (
    # Appendix I: cases.
    Heading(
        "appendix_1",
        "total",
        _SUM + "|tiep nhan",
        "tiep nhan|tong",
        f"{_RATE}|{_DONE}|{_OPEN}|moi|truc tuyen",
    ),
    Heading("appendix_1", "carried_over", r"ky truoc|chuyen (sang|qua|tiep)|\bton\b", "", _RATE),
    Heading(
        "appendix_1",
        "newly_received",
        r"(tiep )?nhan moi|moi (tiep )?nhan|^moi$|trong ky|phat sinh",
        "tiep nhan|moi",
        f"{_RATE}|{_DONE}|truc tuyen",
    ),
    Heading("appendix_1", "settled_total", f"{_SUM}|{_DONE}", _DONE, f"{_RATE}|{_OPEN}"),
    Heading(
        "appendix_1", "settled_early", r"(truoc|som) (thoi )?h[ae]n", "", f"{_RATE}|dung h[ae]n"
    ),
    Heading("appendix_1", "settled_on_time", "dung (thoi )?h[ae]n", "", f"{_RATE}|truoc"),
    Heading(
        "appendix_1",
        "settled_in_time",
        r"truoc.{0,12}dung h[ae]n|dung.{0,8}truoc h[ae]n",
        "",
        _RATE,
    ),
    Heading("appendix_1", "settled_in_time", r"trong (thoi )?h[ae]n", _DONE, f"{_RATE}|{_OPEN}"),
    Heading("appendix_1", "settled_late", _LATE, _DONE, f"{_RATE}|{_OPEN}"),
    Heading(
        "appendix_1", "in_progress_total", f"{_SUM}|{_OPEN}", _OPEN, rf"{_RATE}|{_DONE}|\bh[ae]n\b"
    ),
    Heading(
        "appendix_1",
        "in_progress_in_time",
        _STILL_IN_TIME,
        "",
        f"{_RATE}|{_DONE}",
    ),
    Heading(
        "appendix_1",
        "in_progress_overdue",
        f"{_LATE}|{_OPEN}",
        _OPEN,
        f"{_RATE}|{_DONE}|{_STILL_IN_TIME}",
    ),
    Heading(
        "appendix_1", "returned", r"tra lai|tu choi|rut ho so|khong (du )?dieu kien", "", _RATE
    ),
    Heading("appendix_1", "received_online", r"truc tuyen|qua mang", "", f"{_RATE}|truc tiep"),
    Heading("appendix_1", "received_in_person", "truc tiep", "", f"{_RATE}|truc tuyen|{_DONE}"),
    Heading("appendix_1", "returned_by_post", r"buu dien|buu chinh|bcci", "", f"{_RATE}|tiep nhan"),
    Heading("appendix_1", "settled_percent", _RATE, "giai quyet", f"h[ae]n|truc tuyen|{_OPEN}"),
    Heading("appendix_1", "in_time_percent", _RATE, "dung h[ae]n|truoc h[ae]n", _LATE),
    Heading("appendix_1", "late_percent", _RATE, _LATE, _OPEN),
    Heading("appendix_1", "online_percent", _RATE, "truc tuyen"),
    # Appendix II: ratings.
    Heading("appendix_2", "satisfied_service", "hai long.*dich vu|dich vu", "hai long", _UNHAPPY),
    Heading("appendix_2", "satisfied_attitude", "thai do", "hai long", _UNHAPPY),
    Heading("appendix_2", "very_satisfied", "rat hai long", "", _RATE),
    Heading("appendix_2", "satisfied", "^hai long$|hai long$", "", f"rat|{_RATE}|{_UNHAPPY}"),
    Heading("appendix_2", "neutral", "binh thuong|chap nhan", "", _RATE),
    Heading("appendix_2", "dissatisfied_competence", "nghiep vu|chuyen mon|trinh do", _UNHAPPY),
    Heading("appendix_2", "dissatisfied_time", "thoi gian", _UNHAPPY),
    Heading("appendix_2", "dissatisfied_attitude", "thai do", _UNHAPPY),
    Heading("appendix_2", "dissatisfied", f"{_UNHAPPY}$", "", _RATE),
    Heading("appendix_2", "comments", "gop y|y kien khac", "", "tong|ty le|ti le"),
    Heading("appendix_2", "total", r"tong|^cong$|luot danh gia$", "", f"{_RATE}|{_DONE}"),
    Heading("appendix_2", "settled_total", _DONE, "", _RATE),
    Heading("appendix_2", "coverage_percent", _RATE, "danh gia|giai quyet", "hai long"),
    Heading("appendix_2", "satisfied_percent", _RATE, "hai long", _UNHAPPY),
    # Appendix III: scores.
    Heading("scorecard", "received", "tiep nhan|da nhan", "", "chi so|giai quyet|phieu"),
    Heading("scorecard", "settled", "giai quyet", "", "chi so|tiep nhan|phieu|cham diem"),
    *(
        Heading("scorecard", f"indicator_{n}", rf"^(chi so|tieu chi|cs|tc)( so)? ?0?{n}\b")
        for n in range(1, 10)
    ),
    Heading("scorecard", "form_1_total", _SUM, _FORM_1, _FORM_2),
    Heading("scorecard", "form_2_total", _SUM, _FORM_2, _FORM_1),
    Heading("scorecard", "total", _SUM, "", f"{_FORM_1}|{_FORM_2}|ho so"),
    Heading("scorecard", "band", "xep loai|phan loai"),
    Heading("scorecard", "rank", "xep hang|thu hang|xep thu"),
    # Appendix IV: procedures and their processes.
    Heading(
        "appendix_4", "procedures_listed", r"niem yet|tong so (tthc|thu tuc)|so (tthc|thu tuc)"
    ),
    Heading("appendix_4", "processes_approved", r"(duoc|da|phe) duyet|ban hanh", "", _RATE),
    Heading(
        "appendix_4",
        "processes_on_software",
        r"cap nh?at|phan mem|he thong",
        "",
        _RATE,
    ),
    Heading("appendix_4", "completion_percent", _RATE),
    Heading("appendix_4", "note", "ghi chu"),
)

ORDER = r"^(stt|tt|so tt|so thu tu|#)$"
NAME = r"don vi|co quan|so,? (ban,? )?nganh|^ten\b|dia phuong"

TITLES = {
    "appendix_1": r"ket qua giai quyet|tinh hinh.{0,40}giai quyet|tiep nhan.{0,12}giai quyet",
    "appendix_2": r"hai long|y kien gop y|danh gia muc do",
    "scorecard": r"cham diem|danh gia viec giai quyet|bo chi so",
    "appendix_4": r"quy trinh noi bo|cap nh?at.{0,8}quy? trinh",
}
"""What the title of a table says; one word is enough to tell two kinds apart."""

TOTAL_ROW = r"^(tong( cong| so| hop)?|cong|toan tinh)( chung| toan tinh| \(.*\))?:?$"
SHARE_ROW = r"^(ty le|ti le|tile|tyle|%)"

NAMES = {
    "appendix_1": "Tình hình giải quyết hồ sơ",
    "appendix_2": "Mức độ hài lòng",
    "scorecard": "Chấm điểm",
    "appendix_4": "Quy trình nội bộ",
}
"""What a table is called that bears no number of an appendix."""

MEANINGS = {
    "total": "Tổng số",
    "newly_received": "Tiếp nhận mới",
    "settled_total": "Đã giải quyết",
    "settled_late": "Đã giải quyết quá hạn",
    "in_progress_total": "Đang giải quyết",
    "in_progress_in_time": "Đang giải quyết còn hạn",
    "in_progress_overdue": "Đang giải quyết quá hạn",
    "form_1_total": "Tổng Mẫu phiếu số 1",
    "form_2_total": "Tổng Mẫu phiếu số 2",
}
"""What a column is called whose printed headings do not say it."""

ANSWERS = (
    "very_satisfied",
    "satisfied",
    "satisfied_service",
    "satisfied_attitude",
    "neutral",
    "dissatisfied",
    "dissatisfied_competence",
    "dissatisfied_time",
    "dissatisfied_attitude",
    "comments",
)
SATISFIED = ("very_satisfied", "satisfied", "satisfied_service", "satisfied_attitude")
DISSATISFIED = (
    "dissatisfied",
    "dissatisfied_competence",
    "dissatisfied_time",
    "dissatisfied_attitude",
)
"""The columns of appendix II that count answers, whatever buttons the kiosks have."""

FORMS = {1: (1, 2, 3, 4, 7), 2: (5, 6, 8, 9)}
"""Indicators of the two score forms of Decision 1216/QĐ-UBND."""

TEXTS = frozenset({"band", "note"})
