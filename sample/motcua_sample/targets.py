"""Reads what the province printed: the report's tables and the few figures only its text holds."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

REPORT = Path(__file__).resolve().parents[1] / "report"
QUARTER_TABLES = {
    "2019-Q1": "appendix_3a_2019_q1.csv",
    "2019-Q2": "appendix_3b_2019_q2.csv",
}
FORM_1 = tuple(f"indicator_{number}" for number in (1, 2, 3, 4, 7))


@dataclass(frozen=True)
class UnitTargets:
    """One unit's printed figures; `quarters` maps a period to its row of appendix III."""

    order: int
    name: str
    half_year: Mapping[str, int]
    quarters: Mapping[str, Mapping[str, Decimal]]
    buttons: Mapping[str, int]
    listed: int
    approved: int | None
    on_software: int | None
    process_note: str
    late_waiting_for_others: int
    late_by_repeated_supplement: int
    has_own_software: bool


@dataclass(frozen=True)
class Report:
    """The whole report; `recorded_late` counts late cases handed over in time (its text)."""

    units: tuple[UnitTargets, ...]
    returned_by_post: int
    recorded_late: int


def read_report(folder: Path = REPORT) -> Report:
    """Read the tables and the text of the half-year report.

    Raises ValueError when the text lacks a figure that the sample needs.
    """
    text = " ".join((folder / "report_2019_h1.txt").read_text(encoding="utf-8").split())
    own_software = _find(r"phần mềm riêng còn gặp khó khăn.*?\(như ([^)]*)\)", text)
    repeated, repeated_unit = re.findall(
        r"quá hạn (\d+) trường hợp của (Sở [\w ]+?) do yêu cầu bổ sung lần 2", text
    )[0]
    waiting = int(_find(r"quá hạn (\d+) trường hợp do chờ kết quả xác minh", text))
    waiting_unit = _find(rf"của (Sở [\w ]+?) quá hạn {waiting} trường hợp", text)

    half_year = _rows(folder / "appendix_1.csv")
    buttons = _rows(folder / "appendix_2.csv")
    processes = _rows(folder / "appendix_4.csv")
    quarters = {code: _rows(folder / name) for code, name in QUARTER_TABLES.items()}
    units = []
    for order, row in half_year.items():
        name = row["unit_name"]
        process = processes[order]
        units.append(
            UnitTargets(
                order=order,
                name=name,
                half_year=_counts(row),
                quarters={code: _scores(rows[order]) for code, rows in quarters.items()},
                buttons=_counts(buttons[order]),
                listed=int(process["procedures_listed"]),
                approved=_count_or_none(process["processes_approved"]),
                on_software=_count_or_none(process["processes_on_software"]),
                process_note=process["note"],
                late_waiting_for_others=waiting if name == waiting_unit else 0,
                late_by_repeated_supplement=int(repeated) if name == repeated_unit else 0,
                has_own_software=name in own_software,
            )
        )
    return Report(
        units=tuple(units),
        returned_by_post=_number(_find(r"chuyển phát ([\d.]+) kết quả", text)),
        recorded_late=int(_find(r"quá hạn (\d+) trường hợp là do cập nhật", text)),
    )


def _scores(row: Mapping[str, str]) -> dict[str, Decimal]:
    """One row of appendix III, with indicator 2 as the printed total of form 1 implies it.

    The report prints 2,0 for the first unit of the first quarter, where only 1,9 adds up.
    """
    scores = {
        column: Decimal(value)
        for column, value in row.items()
        if column not in ("display_order", "unit_name")
    }
    printed = sum((scores[column] for column in FORM_1), Decimal(0))
    scores["indicator_2"] += scores["form_1_total"] - printed
    return scores


def _counts(row: Mapping[str, str]) -> dict[str, int]:
    return {
        column: int(value)
        for column, value in row.items()
        if column not in ("display_order", "unit_name")
    }


def _count_or_none(text: str) -> int | None:
    return int(text) if text else None


def _rows(table: Path) -> dict[int, dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return {int(row["display_order"]): row for row in csv.DictReader(file)}


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"report_2019_h1.txt: nothing matches {pattern!r}; restore the file")
    return found.group(1)


def _number(text: str) -> int:
    return int(text.replace(".", ""))
