"""The monthly notices as workbooks: one for each unit, and a summary for the Centre.

A unit's has its late cases and its bad ratings, each with what is lacking; comments are counted and
never quoted.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from motcua.documents import formats, layouts, tables, workbook
from motcua.documents.layouts import Column, Layout
from motcua.documents.notice_facts import COMMENT, COMPETENCE, TIME, Facts, LateCase, Press, Unit
from motcua.documents.tables import Row, Value
from motcua.warehouse import missing

CENTRE = "CENTRE"
"""Who gets the summary."""

LATE, BAD, SUMMARY = "Hồ sơ trễ hạn", "Đánh giá không hài lòng", "Tổng hợp"

REVIEWS = {
    1: "Ghi nhận trễ trên hệ thống",
    2: "Bổ sung nhiều lần",
    3: "Chờ cơ quan khác",
    4: "Lý do khác",
}
BUTTONS = {COMPETENCE: "Nghiệp vụ nhân viên", TIME: "Thời gian giao dịch"}
NONE = "Không có"


@dataclass(frozen=True)
class Listing:
    """One table of a notice, as its sheet prints it; sources: the lines below it."""

    layout: Layout
    titles: tuple[str, ...]
    subtitles: tuple[str, ...]
    rows: tuple[Row, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """What one recipient is told: a unit by its code, or the Centre.

    headline and body: the mail's. sheets: the workbook's.
    """

    recipient: str
    name: str
    headline: str
    body: str
    sheets: dict[str, Listing]

    @property
    def content_sha256(self) -> str:
        """Names what it says, whatever the file's bytes are."""
        told = [
            (sheet, table.titles, table.subtitles, [row.cells for row in table.rows], table.sources)
            for sheet, table in self.sheets.items()
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()


def of_month(facts: Facts) -> list[Notice]:
    """The notice of each unit, also of one with nothing to mend, and last that of the Centre."""
    return [*(_of_unit(facts, unit) for unit in facts.units), _summary(facts)]


def write(notice: Notice, facts: Facts, folder: Path) -> Path:
    """Write the workbook of a notice into the folder of its month; returns its path.

    The same facts give the same bytes.
    """
    sheets = {name: [table] for name, table in notice.sheets.items()}
    name = f"{facts.month}_{notice.recipient}"
    return workbook.write_sheets(sheets, name, facts.known_as_of, folder / str(facts.month))


def _laid_out(headings: dict[str, Column]) -> Layout:
    return Layout("", (), (), layouts.one_row(headings), tuple(headings.values()))


LATE_CASES = _laid_out(
    {
        "STT": Column("order", "order", width=5),
        "Mã hồ sơ": Column("case_code", "text", width=27),
        "Thủ tục hành chính": Column("procedure", "note", width=36),
        "Tình trạng cuối tháng": Column("state", "note", width=15),
        "Hạn trả": Column("due_date", "day", width=12),
        "Kết thúc xử lý": Column("ended_date", "day", width=12),
        "Trễ (ngày làm việc)": Column("days_late", width=9),
        "Rà soát": Column("review", "note", width=24),
        "Văn bản xin lỗi": Column("apology", "note", width=12),
        "Hẹn lại ngày": Column("new_due_date", "day", width=12),
        "Còn thiếu": Column("lacking", "note", width=20),
    }
)

BAD_RATINGS = _laid_out(
    {
        "STT": Column("order", "order", width=6),
        "Thời điểm": Column("pressed_at", "day", width=22),
        "Máy đánh giá": Column("kiosk", "text", width=16),
        "Quầy": Column("counter", "text", width=16),
        "Số thứ tự": Column("ticket", "text", width=16),
        "Không hài lòng về": Column("button", "note", width=32),
    }
)

_COUNTED: dict[str, tuple[int, Callable[[Unit], int]]] = {
    "Đã giải quyết trễ hạn": (12, lambda unit: sum(one.is_settled for one in unit.late)),
    "Quá hạn cuối tháng": (12, lambda unit: sum(not one.is_settled for one in unit.late)),
    "Chưa rà soát": (11, lambda unit: sum(one.lacks_review for one in unit.late)),
    "Chưa xin lỗi": (11, lambda unit: sum(one.lacks_apology for one in unit.late)),
    "Chưa hẹn lại": (11, lambda unit: sum(one.lacks_new_date for one in unit.late)),
    "Không hài lòng về nghiệp vụ": (14, lambda unit: unit.pressed(COMPETENCE)),
    "Không hài lòng về thời gian": (14, lambda unit: unit.pressed(TIME)),
    "Ý kiến góp ý": (11, lambda unit: unit.pressed(COMMENT)),
    "Tổng lượt đánh giá": (12, lambda unit: sum(unit.presses.values())),
}
"""Columns of the summary: heading, width and the number of a unit."""

BY_UNIT = _laid_out(
    {
        "STT": Column("order", "order", width=5),
        "Đơn vị": Column("unit_name", "name", width=38),
        **{text: Column(text, width=width) for text, (width, _) in _COUNTED.items()},
    }
)


def _of_unit(facts: Facts, unit: Unit) -> Notice:
    late = [_late_row(number, case) for number, case in enumerate(unit.late, start=1)]
    bad = [_bad_row(number, press) for number, press in enumerate(unit.bad, start=1)]
    counts = {text: count(unit) for text, (_, count) in _COUNTED.items()}
    name = unit.unit_name.upper()
    sheets = {
        LATE: Listing(
            LATE_CASES,
            (f"HỒ SƠ TRỄ HẠN {facts.month.label}".upper(), name),
            (
                _sentence(counts, *list(_COUNTED)[:2]),
                "Hồ sơ trễ hạn phải có văn bản xin lỗi và hẹn lại ngày trả kết quả"
                f" (căn cứ: {facts.legal_basis})",
            ),
            _rows(LATE_CASES, late, "procedure"),
            _sources(
                facts,
                "Hạn trả là hạn cuối cùng đã hẹn đến hết tháng; gia hạn sau đó ghi ở cột “Hẹn lại"
                " ngày”. Hồ sơ đã rà soát là ghi nhận trễ nhưng thực tế trả đúng hạn thì không phải"
                " xin lỗi, hẹn lại.",
            ),
        ),
        BAD: Listing(
            BAD_RATINGS,
            (f"ĐÁNH GIÁ KHÔNG HÀI LÒNG {facts.month.label}".upper(), name),
            (_sentence(counts, *list(_COUNTED)[5:]),),
            _rows(BAD_RATINGS, bad, "button"),
            _sources(facts, "Ý kiến góp ý chỉ đếm số lượt, không ghi nội dung."),
        ),
    }
    return Notice(
        recipient=unit.unit_code,
        name=unit.unit_name,
        headline=f"{facts.month.label.capitalize()}: {len(late)} hồ sơ trễ hạn, {len(bad)} lượt"
        f" đánh giá không hài lòng – {unit.unit_name}",
        body=_body(facts, counts),
        sheets=sheets,
    )


def _summary(facts: Facts) -> Notice:
    totals = {
        text: sum(count(unit) for unit in facts.units) for text, (_, count) in _COUNTED.items()
    }
    rows = [
        _row(
            BY_UNIT,
            "unit",
            {
                "order": number,
                "unit_name": unit.unit_name,
                **{text: count(unit) for text, (_, count) in _COUNTED.items()},
            },
        )
        for number, unit in enumerate(facts.units, start=1)
    ]
    rows.append(_row(BY_UNIT, "total", {"unit_name": layouts.TOTAL_ROW, **totals}))
    late = sum(len(unit.late) for unit in facts.units)
    bad = sum(len(unit.bad) for unit in facts.units)
    return Notice(
        recipient=CENTRE,
        name="Trung tâm Phục vụ hành chính công",
        headline=f"{facts.month.label.capitalize()}: {late} hồ sơ trễ hạn, {bad} lượt đánh giá"
        " không hài lòng – tổng hợp các đơn vị",
        body=_body(facts, totals),
        sheets={
            SUMMARY: Listing(
                BY_UNIT,
                (
                    "TỔNG HỢP HỒ SƠ TRỄ HẠN VÀ ĐÁNH GIÁ KHÔNG HÀI LÒNG",
                    facts.month.label.upper(),
                ),
                (f"(Căn cứ: {facts.legal_basis})",),
                tuple(rows),
                _sources(facts, "Không gồm hồ sơ của phần mềm riêng, chỉ có số đếm."),
            )
        },
    )


def _late_row(number: int, case: LateCase) -> dict[str, Value]:
    return {
        "order": number,
        "case_code": case.case_code,
        "procedure": f"{case.procedure_code} {case.procedure_name or ''}".strip(),
        "state": "Đã giải quyết trễ hạn" if case.is_settled else "Quá hạn, chưa giải quyết",
        "due_date": case.due_date,
        "ended_date": case.ended_date,
        "days_late": case.days_late,
        "review": _review(case),
        "apology": _apology(case),
        "new_due_date": case.new_due_date,
        "lacking": "; ".join(
            text
            for text, is_lacking in (
                ("Rà soát", case.lacks_review),
                ("Xin lỗi", case.lacks_apology),
                ("Hẹn lại ngày", case.lacks_new_date),
            )
            if is_lacking
        )
        or None,
    }


def _review(case: LateCase) -> str:
    if case.review_reason is None:
        return "Chưa rà soát"
    said = REVIEWS[case.review_reason]
    if case.actually_returned_date is None:
        return said
    return f"{said}, thực tế trả ngày {formats.day(case.actually_returned_date)}"


def _apology(case: LateCase) -> str:
    if case.is_apology_sent:
        return "Đã gửi"
    return "Chưa gửi" if case.lacks_apology else "Không phải gửi"


def _bad_row(number: int, press: Press) -> dict[str, Value]:
    return {
        "order": number,
        "pressed_at": press.pressed_at,
        "kiosk": press.kiosk,
        "counter": press.counter,
        "ticket": press.ticket,
        "button": BUTTONS[press.button],
    }


def _rows(layout: Layout, rows: Sequence[dict[str, Value]], says_none: str) -> tuple[Row, ...]:
    """The rows, or one that says there are none."""
    return tuple(_row(layout, "unit", row) for row in rows or [{says_none: NONE}])


def _row(layout: Layout, kind: Literal["unit", "total"], values: dict[str, Value]) -> Row:
    return Row(
        kind, tuple(tables.cell(values.get(column.key), column) for column in layout.columns)
    )


def _sentence(counts: dict[str, int], *texts: str) -> str:
    return "; ".join(f"{text}: {formats.count(counts[text])}" for text in texts)


def _sources(facts: Facts, remark: str) -> tuple[str, ...]:
    first, last = formats.day(facts.month.first), formats.day(facts.month.last)
    known = (
        f"Số liệu từ ngày {first} đến ngày {last}, biết đến ngày {formats.day(facts.known_as_of)};"
        " không phải số liệu công bố."
    )
    absent = missing.listed_vi(facts.absent)
    return (known, remark, *([f"Thiếu tệp của các ngày: {absent}."] if absent else []))


def _body(facts: Facts, counts: dict[str, int]) -> str:
    lines = [f"{text}: {formats.count(number)}" for text, number in counts.items()]
    return "\n".join([*lines, "", *_sources(facts, "Chi tiết trong tệp kèm theo."), ""])
