"""Makes up each unit's register of procedures and the history of its internal processes."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate, cycle, product
from random import Random

from motcua_sample.solve import UnitPlan
from motcua_sample.workdays import Workdays

REGISTER_OPENED = date(2018, 12, 3)
ALLOTMENTS = (3, 5, 10, 15, 7, 20, 2, 30, 1, 45, 60, 25)
ON_THE_SPOT_EVERY = 12

# Procedures that make up most of a unit's work: name, working days allotted, level.
MAIN_PROCEDURES: dict[int, tuple[tuple[str, int, int], ...]] = {
    1: (
        ("Cấp giấy phép xuất bản tài liệu không kinh doanh", 10, 2),
        ("Cấp giấy phép thiết lập trang thông tin điện tử tổng hợp", 15, 3),
    ),
    2: (
        ("Thông báo hoạt động khuyến mại", 5, 3),
        ("Cấp giấy phép bán buôn rượu trên địa bàn tỉnh", 15, 2),
        ("Đăng ký hoạt động bán hàng đa cấp tại địa phương", 7, 3),
        ("Cấp giấy chứng nhận đủ điều kiện an toàn thực phẩm", 20, 2),
    ),
    3: (
        ("Chỉnh sửa nội dung văn bằng, chứng chỉ", 5, 2),
        ("Cấp bản sao văn bằng, chứng chỉ từ sổ gốc", 1, 3),
        ("Cấp phép hoạt động giáo dục kỹ năng sống", 15, 2),
    ),
    4: (
        ("Đổi giấy phép lái xe do ngành Giao thông vận tải cấp", 5, 2),
        ("Cấp lại giấy phép lái xe", 10, 2),
        ("Cấp phù hiệu xe ô tô kinh doanh vận tải", 3, 3),
        ("Cấp giấy phép xe tập lái", 3, 2),
    ),
    5: (
        ("Đăng ký thành lập công ty trách nhiệm hữu hạn một thành viên", 3, 3),
        ("Đăng ký thay đổi nội dung đăng ký doanh nghiệp", 3, 3),
        ("Quyết định chủ trương đầu tư của Ủy ban nhân dân tỉnh", 30, 2),
    ),
    6: (
        ("Cấp giấy phép tiến hành công việc bức xạ", 25, 2),
        ("Đăng ký kết quả thực hiện nhiệm vụ khoa học và công nghệ", 15, 3),
    ),
    7: (
        ("Giải quyết chế độ mai táng phí đối với người có công", 10, 2),
        ("Cấp giấy phép lao động cho người lao động nước ngoài", 7, 3),
        ("Giải quyết chế độ thờ cúng liệt sĩ", 10, 2),
    ),
    8: (
        ("Đề nghị tặng thưởng Bằng khen của Chủ tịch Ủy ban nhân dân tỉnh", 20, 2),
        ("Thông báo tổ chức hoạt động tôn giáo", 10, 2),
        ("Phục vụ việc sử dụng tài liệu của độc giả tại phòng đọc", 1, 3),
    ),
    9: (
        ("Cấp giấy chứng nhận kiểm dịch động vật vận chuyển ra khỏi tỉnh", 3, 2),
        ("Cấp giấy chứng nhận đủ điều kiện buôn bán thuốc bảo vệ thực vật", 10, 2),
        ("Xác nhận nguyên liệu thủy sản khai thác", 5, 3),
    ),
    10: (
        ("Đăng ký mã số đơn vị có quan hệ với ngân sách", 3, 4),
        ("Quyết định điều chuyển tài sản công", 30, 2),
    ),
    11: (
        ("Giao đất, cho thuê đất đối với tổ chức", 20, 2),
        ("Thẩm định báo cáo đánh giá tác động môi trường", 30, 2),
        ("Cấp giấy phép khai thác nước dưới đất", 45, 3),
    ),
    12: (
        ("Cấp Phiếu lý lịch tư pháp cho công dân Việt Nam", 10, 2),
        ("Cấp Phiếu lý lịch tư pháp đăng ký trực tuyến", 10, 3),
        ("Bổ nhiệm công chứng viên", 20, 2),
    ),
    13: (
        ("Cấp giấy phép tổ chức biểu diễn nghệ thuật, trình diễn thời trang", 5, 3),
        ("Cấp thẻ hướng dẫn viên du lịch nội địa", 15, 3),
        ("Thông báo sản phẩm quảng cáo trên bảng quảng cáo, băng-rôn", 5, 2),
    ),
    14: (
        ("Cấp chứng chỉ hành nghề hoạt động xây dựng hạng II, hạng III", 20, 2),
        ("Thẩm định thiết kế bản vẽ thi công và dự toán", 30, 2),
        ("Cấp giấy phép xây dựng công trình", 30, 3),
    ),
    15: (
        ("Cấp chứng chỉ hành nghề khám bệnh, chữa bệnh", 45, 2),
        ("Cấp chứng chỉ hành nghề dược", 20, 2),
        ("Cấp giấy chứng nhận đủ điều kiện kinh doanh dược", 30, 2),
        ("Công bố đủ điều kiện tiêm chủng", 3, 3),
    ),
    16: (
        ("Cấp giấy chứng nhận đủ điều kiện về an ninh, trật tự", 5, 2),
        ("Cấp giấy xác nhận đăng ký mẫu dấu", 3, 3),
        ("Đăng ký tạm trú cho người nước ngoài", 2, 2),
    ),
}
JUDICIAL_RECORD = "Cấp Phiếu lý lịch tư pháp cho công dân Việt Nam"

ACTS = (
    "Cấp",
    "Cấp lại",
    "Cấp đổi",
    "Gia hạn",
    "Điều chỉnh nội dung",
    "Thu hồi",
    "Thẩm định hồ sơ đề nghị cấp",
)
FOR_WHOM = (
    "đối với tổ chức",
    "đối với cá nhân",
    "đối với hộ kinh doanh",
    "có yếu tố nước ngoài",
    "trong khu công nghiệp",
)
# What a unit licenses, by field of work (code and name of the field: objects).
FIELDS: dict[int, dict[str, str]] = {
    1: {
        "Báo chí": "giấy phép xuất bản bản tin|giấy phép họp báo",
        "Xuất bản": "giấy phép hoạt động in|giấy phép nhập khẩu xuất bản phẩm",
        "Bưu chính": "giấy phép bưu chính|giấy xác nhận hoạt động bưu chính",
    },
    2: {
        "Lưu thông hàng hóa": "giấy phép bán buôn thuốc lá|giấy phép kinh doanh rượu",
        "Hóa chất": "giấy chứng nhận sản xuất hóa chất|giấy xác nhận khai báo hóa chất",
        "Điện": "giấy phép hoạt động điện lực|thẻ an toàn điện",
        "Dầu khí": "giấy chứng nhận cửa hàng bán lẻ xăng dầu|giấy chứng nhận nạp LPG",
    },
    3: {
        "Giáo dục trung học": "quyết định thành lập trường|quyết định cho phép hoạt động giáo dục",
        "Văn bằng, chứng chỉ": "giấy công nhận văn bằng|bản sao chứng chỉ",
    },
    4: {
        "Đường bộ": "giấy phép kinh doanh vận tải|giấy phép lưu hành xe quá tải|giấy phép thi công",
        "Đường thủy nội địa": "chứng chỉ thuyền viên|giấy chứng nhận đăng ký phương tiện",
        "Đăng kiểm": "giấy chứng nhận cải tạo xe cơ giới|giấy phép liên vận",
    },
    5: {
        "Doanh nghiệp": "giấy chứng nhận đăng ký doanh nghiệp|giấy chứng nhận chi nhánh",
        "Đầu tư": "giấy chứng nhận đăng ký đầu tư|văn bản chấp thuận nhà đầu tư",
        "Đấu thầu": "quyết định phê duyệt kế hoạch đấu thầu|quyết định hồ sơ mời thầu",
    },
    6: {
        "An toàn bức xạ": "chứng chỉ nhân viên bức xạ|giấy phép sử dụng thiết bị X-quang",
        "Sở hữu trí tuệ": "giấy chứng nhận giám định sở hữu công nghiệp|giấy xác nhận nhãn hiệu",
    },
    7: {
        "Người có công": "giấy chứng nhận gia đình liệt sĩ|trợ cấp thương tật|trợ cấp một lần",
        "Việc làm": "giấy phép dịch vụ việc làm|giấy xác nhận không thuộc diện cấp phép lao động",
    },
    8: {
        "Công chức, viên chức": "quyết định tuyển dụng|quyết định xếp ngạch",
        "Tôn giáo": "giấy chứng nhận đăng ký sinh hoạt tôn giáo|văn bản chấp thuận tôn giáo",
        "Văn thư lưu trữ": "chứng chỉ hành nghề lưu trữ|bản sao tài liệu lưu trữ",
    },
    9: {
        "Thú y": "chứng chỉ hành nghề thú y|giấy chứng nhận vùng an toàn dịch bệnh",
        "Thủy sản": "giấy phép khai thác thủy sản|giấy chứng nhận đăng ký tàu cá",
        "Bảo vệ thực vật": "giấy phép vận chuyển thuốc|giấy chứng nhận kiểm dịch thực vật",
    },
    10: {"Quản lý công sản": "quyết định thanh lý tài sản|quyết định mua sắm tài sản công"},
    11: {
        "Đất đai": "quyết định giao đất|giấy chứng nhận quyền sử dụng đất",
        "Tài nguyên nước": "giấy phép xả nước thải|giấy phép khoan nước dưới đất",
        "Môi trường": "giấy xác nhận kế hoạch bảo vệ môi trường|sổ chủ nguồn thải",
    },
    12: {
        "Công chứng": "thẻ công chứng viên|giấy đăng ký văn phòng công chứng",
        "Luật sư": "giấy đăng ký hoạt động văn phòng luật sư|giấy đăng ký công ty luật",
        "Hộ tịch, nuôi con nuôi": "giấy chứng nhận nuôi con nuôi|quyết định quốc tịch",
        "Trọng tài thương mại": "giấy đăng ký trung tâm trọng tài|thẻ đấu giá viên",
    },
    13: {
        "Du lịch": "giấy phép kinh doanh lữ hành|thẻ hướng dẫn viên|biển hiệu phương tiện",
        "Thể dục thể thao": "giấy chứng nhận câu lạc bộ|giấy chứng nhận kinh doanh thể thao",
        "Văn hóa": "giấy phép triển lãm|giấy phép kinh doanh karaoke",
    },
    14: {
        "Hoạt động xây dựng": "giấy phép xây dựng|chứng chỉ năng lực xây dựng",
        "Quy hoạch": "giấy phép quy hoạch|chứng chỉ quy hoạch",
    },
    15: {
        "Khám bệnh, chữa bệnh": "giấy phép phòng khám|chứng chỉ hành nghề|giấy phép nhà hộ sinh",
        "Dược": "giấy chứng nhận nhà thuốc|giấy chứng nhận quầy thuốc",
        "An toàn thực phẩm": "giấy chứng nhận an toàn thực phẩm|giấy xác nhận quảng cáo",
    },
    16: {"Quản lý hành chính": "giấy chứng nhận sử dụng con dấu|giấy phép vật liệu nổ"},
}


@dataclass(frozen=True)
class Procedure:
    """One procedure; `days` is its allotment in working days, `weight` how often it is used.

    `approved` and `on_software` are dates; `registered` is the day from which it is in the
    register, `ends` the day on which it loses its force.
    """

    code: str
    name: str
    unit: str
    field_code: str
    field: str
    level: int
    days: int
    weight: float
    listed: bool
    on_the_spot: bool
    note: str
    time_unit: str
    registered: date
    ends: date | None = None
    process: str = ""
    decision: str = ""
    approved: date | None = None
    on_software: date | None = None


@dataclass(frozen=True)
class Pool:
    """Procedures of one unit and kind to draw from, in order of allotment."""

    procedures: tuple[Procedure, ...]
    days: tuple[int, ...]
    cumulative: tuple[float, ...]

    def draw(self, rng: Random, least: int, most: int) -> Procedure | None:
        """A procedure with an allotment of `least` to `most` working days, if there is one."""
        low, high = bisect_left(self.days, least), bisect_right(self.days, most)
        if low >= high:
            return None
        before = self.cumulative[low - 1] if low else 0.0
        mark = before + rng.random() * (self.cumulative[high - 1] - before)
        return self.procedures[min(bisect_right(self.cumulative, mark, low, high), high - 1)]


def make_pool(procedures: list[Procedure]) -> Pool:
    """A pool of the procedures that cases may use."""
    usable = sorted((p for p in procedures if p.weight > 0), key=lambda p: (p.days, p.code))
    return Pool(
        tuple(usable), tuple(p.days for p in usable), tuple(accumulate(p.weight for p in usable))
    )


def make_register(plan: UnitPlan, unit: str, workdays: Workdays, rng: Random) -> list[Procedure]:
    """All procedures of a unit, so that appendix IV and indicators 5, 6 and 9 come out."""
    targets = plan.targets
    high_level = max(1, round(targets.listed * plan.level_3_share))
    names = _names(targets.order, targets.listed, rng)
    agency = f"{targets.order:02d}"
    retired = 2 if targets.listed > 80 else 0
    at_ministry = targets.listed // 40
    main = MAIN_PROCEDURES[targets.order]
    high_level -= sum(level >= 3 for _, _, level in main)
    allotments = {True: cycle(ALLOTMENTS), False: cycle(ALLOTMENTS)}
    register = []
    for i, (field, name) in enumerate(names[: targets.listed + retired + at_ministry]):
        if i < len(main):
            days, level, weight = main[i][1], main[i][2], 24.0 / (i + 1)
        else:
            # Each kind gets every allotment, so that any due date finds a procedure.
            high = i < targets.listed and high_level > 0
            high_level -= high
            days = next(allotments[high])
            level, weight = (3 + (i % 4 == 0) if high else 2), 1.0 / (1 + i % 7)
        added_later = 20 < i < targets.listed and i % 41 == 0
        listed = i < targets.listed + retired
        usable = i < targets.listed and not added_later
        register.append(
            Procedure(
                code=f"{1 + i % 2}.{targets.order:03d}{i + 1:03d}.000.00.00.H51",
                name=name,
                unit=unit,
                field_code=f"G{agency}-{_field_number(targets.order, field):02d}",
                field=field,
                level=level,
                days=days,
                weight=weight if usable else 0.0,
                listed=listed,
                on_the_spot=i % ON_THE_SPOT_EVERY == ON_THE_SPOT_EVERY - 1,
                note=targets.process_note if listed else "",
                time_unit="",
                registered=date(2019, 3 + i % 3, 12) if added_later else REGISTER_OPENED,
                ends=date(2019, 2 + 3 * (i % 2), 18) if listed and i >= targets.listed else None,
            )
        )
    return _with_processes(register, plan, workdays, rng)


def _with_processes(
    register: list[Procedure], plan: UnitPlan, workdays: Workdays, rng: Random
) -> list[Procedure]:
    """Approve and enter into the software as many processes as appendix IV counts.

    Processes timed in hours that the note excepts ("14 QT tính theo giờ") stay out of the software.
    """
    targets = plan.targets
    approved = targets.approved or 0
    by_hour = int((re.findall(r"(\d+) QT tính theo giờ", targets.process_note) or ["0"])[0])
    unit_of_time = _time_unit(targets.process_note)
    in_order = sorted(range(targets.listed), key=lambda i: register[i].code)
    chosen = in_order[:approved]
    hourly = set(chosen[:by_hour])
    entered = set([i for i in chosen if i not in hourly][: targets.on_software or 0])
    decided = _decision_days(approved, workdays, rng)
    for position, i in enumerate(chosen):
        procedure = register[i]
        day = max(decided[position * len(decided) // approved], procedure.registered)
        number = 100 + targets.order * 37 + day.toordinal() % 90
        software_day = workdays.days[workdays.first_from(day) + 5 + (position % 4) * 4]
        register[i] = replace(
            procedure,
            process=f"QT-{targets.order:02d}-{i + 1:03d}",
            decision=f"{number}/QĐ-UBND",
            approved=day,
            on_software=software_day if i in entered else None,
            time_unit="gio" if i in hourly else unit_of_time,
        )
    return register


def _decision_days(approved: int, workdays: Workdays, rng: Random) -> list[date]:
    """One to three days on which the chairman approves a batch of processes, until May 2019."""
    first, last = workdays.first_from(date(2019, 1, 7)), workdays.last_until(date(2019, 5, 20))
    batches = 1 if approved < 10 else 2 if approved < 60 else 3
    return sorted(workdays.days[rng.randrange(first, last)] for _ in range(batches))


def _time_unit(note: str) -> str:
    if "ngày và giờ" in note:
        return "ngay_gio"
    return "ngay" if "tính theo ngày" in note else "gio"


def _names(order: int, listed: int, rng: Random) -> list[tuple[str, str]]:
    """(field, name) of enough procedures: the main ones first, then combinations."""
    fields = FIELDS[order]
    first_field = next(iter(fields))
    made = [
        (field, f"{act} {thing} {whom}")
        for field, things in fields.items()
        for act, thing, whom in product(ACTS, things.split("|"), FOR_WHOM)
    ]
    rng.shuffle(made)
    return [(first_field, name) for name, _, _ in MAIN_PROCEDURES[order]] + made


def _field_number(order: int, field: str) -> int:
    return list(FIELDS[order]).index(field) + 1
