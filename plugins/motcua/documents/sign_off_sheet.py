"""The sheet that an approver reads before signing: figures, failed checks, what has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from motcua.documents import formats

Row = Mapping[str, Any]

_SHOWN = 30
"""How many lines of a list are printed; the rest is counted."""

_TOTALS = {
    "total": "Tổng số hồ sơ tiếp nhận giải quyết",
    "carried_over": "Kỳ trước chuyển sang",
    "newly_received": "Mới tiếp nhận",
    "settled_total": "Đã giải quyết",
    "settled_early": "Đã giải quyết trước hạn",
    "settled_on_time": "Đã giải quyết đúng hạn",
    "settled_late": "Đã giải quyết quá hạn",
    "in_progress_total": "Đang giải quyết",
    "in_progress_overdue": "Đang giải quyết, quá hạn",
    "returned": "Bị trả lại",
    "received_online": "Nhận qua trực tuyến",
}
"""Columns of appendix I whose totals are shown."""


@dataclass(frozen=True)
class Sheet:
    """What is laid before the approver.

    standing: the release that the figures are compared with, None before the first. changes,
    not_held, warnings, missing: sentences. note: why a revision is asked for. docs: Data Docs.
    """

    period_code: str
    label: str
    cases_from: date
    cases_to: date
    known_as_of: date
    scorecard: Sequence[Row]
    appendix_1: Sequence[Row]
    standing: str | None
    changes: Sequence[str]
    not_held: Sequence[str] = field(default_factory=list)
    warnings: Sequence[str] = field(default_factory=list)
    missing: Sequence[str] = field(default_factory=list)
    note: str | None = None
    docs: str | None = None


def subject(sheet: Sheet) -> str:
    """The headline of the task."""
    return f"Phê duyệt công bố kết quả {sheet.label} ({sheet.period_code})"


def markdown(sheet: Sheet) -> str:
    """The sheet as Markdown."""
    against = f"Khác biệt so với {sheet.standing}" if sheet.standing else "Lần công bố đầu tiên"
    parts = [
        f"Hồ sơ từ {formats.day(sheet.cases_from)} đến {formats.day(sheet.cases_to)}, theo số liệu"
        f" biết được đến {formats.day(sheet.known_as_of)}. **Chưa công bố.**",
        f"Lý do công bố lại: {_text(sheet.note)}" if sheet.note else "",
        "### Bảng điểm",
        _scorecard(sheet.scorecard),
        "### Phụ lục I, toàn Trung tâm",
        _totals(sheet.appendix_1),
        f"### {against}",
        _list(sheet.changes) if sheet.standing else "",
        "### Ngày thiếu dữ liệu",
        _list(sheet.missing),
        "### Kiểm tra không đạt (không cản trở công bố)",
        _list([*sheet.not_held, *sheet.warnings]),
        f"Data Docs: `{sheet.docs}`" if sheet.docs else "",
        "**Approve**: công bố đúng các số liệu này, dưới tên người phê duyệt."
        " **Reject**: không công bố gì; ý kiến được lưu lại.",
    ]
    return "\n\n".join(part for part in parts if part)


def _scorecard(rows: Sequence[Row]) -> str:
    heads = ["STT", "Đơn vị", "Tiếp nhận", "Giải quyết", "Mẫu 1", "Mẫu 2", "Tổng", "Xếp loại"]
    names = ["display_order", "unit_name", "received", "settled"]
    names += ["form_1_total", "form_2_total", "total", "band"]
    ordered = sorted(rows, key=lambda row: row["display_order"])
    return _table([*heads, "Hạng"], [[row[name] for name in [*names, "rank"]] for row in ordered])


def _totals(rows: Sequence[Row]) -> str:
    totals = [
        [title, sum(int(row[column] or 0) for row in rows)] for column, title in _TOTALS.items()
    ]
    return _table(["Nội dung", "Số hồ sơ"], totals)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_value(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(lines: Sequence[str]) -> str:
    if not lines:
        return "Không có."
    shown = [f"* {_text(line)}" for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"* … và {len(lines) - _SHOWN} dòng khác.")
    return "\n".join(shown)


def _value(cell: object) -> str:
    if cell is None:
        return formats.BLANK
    if isinstance(cell, int):
        return formats.count(cell)
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}".replace(".", ",")
    return _text(str(cell))


def _text(text: str) -> str:
    """Text of the data as it stands, on one line: nothing in it is read as Markdown or HTML."""
    one_line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#~" else letter for letter in one_line)
