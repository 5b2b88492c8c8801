"""Computes every published figure from export files, independently of the warehouse.

Plain Python, written from the domain's definitions: slow, simple, and sharing no code with the
loader, the models or the sample. It assumes that every record is loadable; it checks nothing.
"""

import csv
import gzip
import hashlib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import openpyxl

FEEDS = (
    "cases",
    "steps",
    "supplements",
    "petitions",
    "procedures",
    "ratings",
    "late_reviews",
    "external_counts",
)
KEYS = {
    "cases": ("MaHoSo",),
    "steps": ("MaHoSo", "MaBuoc"),
    "supplements": ("HoSoBoSungId",),
    "petitions": ("MaPAKN",),
    "procedures": ("MaTTHC",),
    "late_reviews": ("MaHoSo",),
    "external_counts": ("HeThong", "MaDonVi", "TuNgay", "DenNgay"),
}
RATING_COLUMNS = (
    "MaKiosk",
    "Quay",
    "SoThuTu",
    "MaDonVi",
    "MaCanBo",
    "ThoiGian",
    "NutDanhGia",
    "NoiDung",
)
APPENDIX_1 = (
    "total",
    "carried_over",
    "newly_received",
    "settled_total",
    "settled_early",
    "settled_on_time",
    "settled_late",
    "settled_late_after_review",
    "in_progress_total",
    "in_progress_in_time",
    "in_progress_overdue",
    "returned",
    "received_online",
    "returned_by_post",
    "counted_externally",
)
BUTTONS = {
    1: "satisfied_service",
    2: "satisfied_attitude",
    3: "dissatisfied_competence",
    4: "dissatisfied_time",
    5: "comments",
}
EXTERNAL_COLUMNS = {
    "carried_over": "KyTruoc",
    "newly_received": "TiepNhanMoi",
    "settled_early": "TruocHan",
    "settled_on_time": "DungHan",
    "settled_late": "QuaHan",
    "settled_late_after_review": "QuaHan",
    "in_progress_in_time": "DangXuLyConHan",
    "in_progress_overdue": "DangXuLyQuaHan",
    "returned": "TraLai",
    "received_online": "TrucTuyen",
}
BANDS = (
    ("band_excellent_from", "xuất sắc"),
    ("band_good_from", "tốt"),
    ("band_fair_from", "khá"),
    ("band_average_from", "trung bình"),
)
LOCAL = timezone(timedelta(hours=7))
NAME = re.compile(
    r"(?P<feed>[a-z_]+)_(?P<day>\d{4}-\d{2}-\d{2})(?:_(?!r\d+\.)(?P<part>[^.]+?))?"
    r"(?:_r(?P<revision>\d+))?\.(?P<kind>csv|csv\.gz|xlsx)"
)

Row = dict[str, str]
Table = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Record:
    """A record and what decides which of two counts (`place`: revision, part, sha256, position)."""

    day: date
    place: tuple[int, str, str, int]
    row: Row


@dataclass(frozen=True)
class Case:
    """A case as known on a day, with the due date that the rule set means."""

    code: str
    procedure: str
    unit: str
    online: bool
    received: datetime
    due: datetime | None
    finished: datetime | None
    returned: datetime | None
    posted: bool


def figures(landing: Path, reference: Path, period_code: str) -> dict[str, Table]:
    """All figures of a period as known on its date, from the exports in `landing`.

    Returns table → unit_code → column → value, with the columns of the published interface;
    `late_cases` is keyed by case code. Scores are Decimal. Tables: appendix_1, appendix_2,
    appendix_4, scorecard, late_cases.
    """
    pack = {path.stem: _read_reference(path) for path in sorted(reference.glob("*.csv"))}
    period = _only(pack["reporting_periods"], "period_code", period_code)
    rules = _only(pack["rule_sets"], "rule_set", period["rule_set"])
    scoring = [row for row in pack["scoring_rules"] if row["rule_set"] == period["rule_set"]]
    known_as_of = read_day(period["known_as_of"])
    window = read_day(period["cases_from"]), read_day(period["cases_to"])
    units = [
        unit["unit_code"]
        for unit in sorted(pack["units"], key=lambda unit: int(unit["display_order"]))
        if read_day(unit["valid_from"]) <= window[1]
        and (not unit["valid_to"] or read_day(unit["valid_to"]) >= window[0])
    ]

    told = read_exports(landing)
    exports = {
        feed: [record for record in records if record.day <= known_as_of]
        for feed, records in told.items()
    }
    opened = _first_registers(told["procedures"])
    exports["procedures"] = [
        record
        for record in told["procedures"]
        if record.day <= max(known_as_of, opened[record.row["MaDonVi"]])
    ]
    versions = {feed: _versions(feed, exports[feed]) for feed in KEYS}
    last = {
        feed: {key: records[-1].row for key, records in versions[feed].items()} for feed in KEYS
    }

    cases = _cases(versions["cases"], _by_case(last["supplements"]), rules)
    state = {case.code: _state(case, window, rules) for case in cases}
    by_unit: dict[str, list[Case]] = {unit: [] for unit in units}
    for case in cases:
        if state[case.code] and case.unit in by_unit:
            by_unit[case.unit].append(case)
    reviews = {row["MaHoSo"]: row for row in last["late_reviews"].values()}

    appendix_1 = {unit: _appendix_1(by_unit[unit], state, reviews, window, rules) for unit in units}
    for row in last["external_counts"].values():
        counted = read_day(row["TuNgay"]), read_day(row["DenNgay"])
        if counted == window and row["MaDonVi"] in appendix_1:
            _add_external(appendix_1[row["MaDonVi"]], row)

    ratings_window = read_day(period["ratings_from"]), read_day(period["ratings_to"])
    registers = {
        column: _register(versions["procedures"], read_day(period[column]), known_as_of)
        for column in ("cases_to", "processes_as_of")
    }
    return {
        "appendix_1": appendix_1,
        "appendix_2": _appendix_2(units, exports["ratings"], ratings_window, appendix_1),
        "appendix_4": {
            unit: _appendix_4(
                registers["processes_as_of"].get(unit, []), read_day(period["processes_as_of"])
            )
            for unit in units
        },
        "scorecard": _scorecard(
            by_unit, state, registers["cases_to"], last, window, rules, scoring
        ),
        "late_cases": _late_cases(by_unit, state, reviews, window, _exceptions(pack["calendar"])),
    }


def notices(landing: Path, reference: Path, first: date, last: date, known: date) -> Table:
    """What each unit is told of a month: unit_code → late, bad and presses.

    late: case code → the columns of late_cases, with due dates as they stood on `last` and all else
    as known on `known`; new_due_date: a later promise for a case that was open on `last`;
    ended_date: also after `last`. bad: presses of buttons 3 and 4; presses: button → how often.
    """
    pack = {path.stem: _read_reference(path) for path in sorted(reference.glob("*.csv"))}
    [rules] = pack["rule_sets"]
    units = [unit["unit_code"] for unit in pack["units"]]
    exports = {
        feed: [record for record in records if record.day <= known]
        for feed, records in read_exports(landing).items()
    }
    versions = {feed: _versions(feed, exports[feed]) for feed in ("cases", "supplements")}
    then = {
        feed: {
            key: kept
            for key, records in versions[feed].items()
            if (kept := [record for record in records if record.day <= last])
        }
        for feed in versions
    }
    requests_then, requests = (
        _by_case({key: records[-1].row for key, records in found["supplements"].items()})
        for found in (then, versions)
    )
    reviews = {
        records[-1].row["MaHoSo"]: records[-1].row
        for records in _versions("late_reviews", exports["late_reviews"]).values()
    }
    by_unit: dict[str, list[Case]] = {unit: [] for unit in units}
    state, latest = {}, {}
    for case in _cases(versions["cases"], requests, rules):
        history = then["cases"].get((case.code,))
        due = _due(history, requests_then.get(case.code, []), rules) if history else None
        judged = replace(case, due=due or case.due)
        state[case.code] = _state(judged, (first, last), rules)
        latest[case.code] = case
        by_unit[case.unit].append(judged)
    late = _late_cases(by_unit, state, reviews, (first, last), _exceptions(pack["calendar"]))
    told: Table = {unit: {"late": {}, "bad": [], "presses": defaultdict(int)} for unit in units}
    for code, row in late.items():
        case = latest[code]
        ended = case.finished or case.returned
        is_promised = state[code] == "overdue" and case.due and case.due.date() > last
        row["ended_date"] = ended.date() if ended else None
        row["new_due_date"] = case.due.date() if case.due and is_promised else None
        told[row["unit_code"]]["late"][code] = row
    for press in _presses(exports["ratings"]):
        if first <= read_day(press["ThoiGian"]) <= last:
            row = told[press["MaDonVi"]]
            button = int(press["NutDanhGia"])
            row["presses"][button] += 1
            if button in (3, 4):
                moment = read_moment(press["ThoiGian"])
                row["bad"].append(
                    (moment, press["MaKiosk"], press["Quay"], press["SoThuTu"], button)
                )
    return told


# --- exports ---------------------------------------------------------------------------------


def read_exports(landing: Path) -> dict[str, list[Record]]:
    """Every record that counts, by feed: revisions replace, the same bytes count once."""
    return _read_all(
        tuple(
            (str(path), path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(landing.rglob("*"))
            if path.is_file() and NAME.fullmatch(path.name)
        )
    )


@lru_cache(maxsize=4)
def _read_all(listing: tuple[tuple[str, int, int], ...]) -> dict[str, list[Record]]:
    chosen: dict[tuple[str, date, str], dict[int, dict[str, tuple[Path, bytes]]]] = {}
    for name, _, _ in listing:
        path = Path(name)
        match = NAME.fullmatch(path.name)
        assert match is not None
        content = path.read_bytes()
        # Header-only files of many days are the same bytes: a file is its name's day and part too.
        key = match["feed"], date.fromisoformat(match["day"]), match["part"] or ""
        revisions = chosen.setdefault(key, {})
        revision = revisions.setdefault(int(match["revision"] or 1), {})
        revision[hashlib.sha256(content).hexdigest()] = (path, content)
    exports: dict[str, list[Record]] = {feed: [] for feed in FEEDS}
    for (feed, day, part), revisions in sorted(chosen.items()):
        newest = max(revisions)
        for sha256, (path, content) in sorted(revisions[newest].items()):
            for position, row in enumerate(_rows(path, content), start=1):
                exports[feed].append(Record(day, (newest, part, sha256, position), row))
    return exports


def _rows(path: Path, content: bytes) -> Iterator[Row]:
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
        rows = sheet.iter_rows(values_only=True)
        table: Iterable[list[str]] = ([_cell(value) for value in row] for row in rows)
    else:
        text = read_text(gzip.decompress(content) if path.suffix == ".gz" else content)
        header = text.split("\n", 1)[0]
        delimiter = ";" if header.count(";") > header.count(",") else ","
        table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines = iter(table)
    columns = [unicodedata.normalize("NFC", name.strip()) for name in next(lines)]
    for line in lines:
        if any(line):
            # A spreadsheet drops empty cells at the end of a row.
            line += [""] * (len(columns) - len(line))
            yield dict(zip(columns, line, strict=False))


def read_text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return unicodedata.normalize("NFC", content.decode("cp1258"))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def read_moment(text: str) -> datetime | None:
    """A local time in any of the forms that exports may use."""
    text = text.strip()
    if not text:
        return None
    if re.fullmatch(r"\d{14}", text):
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
    if "/" in text:
        form = {10: "%d/%m/%Y", 16: "%d/%m/%Y %H:%M", 19: "%d/%m/%Y %H:%M:%S"}[len(text)]
        return datetime.strptime(text, form)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(LOCAL).replace(tzinfo=None) if moment.tzinfo else moment


def read_day(text: str) -> date:
    moment = read_moment(text)
    assert moment is not None
    return moment.date()


def _whole(text: str | None) -> int:
    return int(text) if text else 0


def _versions(feed: str, records: list[Record]) -> dict[tuple[str, ...], list[Record]]:
    """Key → its versions by business date; within a day the latest change counts."""
    changed_at = "NgayXacNhan" if feed == "late_reviews" else "NgayCapNhat"
    days: dict[tuple[str, ...], dict[date, Record]] = defaultdict(dict)
    for record in records:
        key = tuple(record.row[column] for column in KEYS[feed])
        if feed == "external_counts":
            key = (key[0], key[1], str(read_day(key[2])), str(read_day(key[3])))
        other = days[key].get(record.day)
        if other is None or _order(other, changed_at) < _order(record, changed_at):
            days[key][record.day] = record
    return {key: [found[day] for day in sorted(found)] for key, found in days.items()}


def _order(record: Record, changed_at: str) -> tuple[datetime, tuple[int, str, str, int]]:
    return read_moment(record.row[changed_at]) or datetime.min, record.place


# --- cases -----------------------------------------------------------------------------------


def _by_case(rows: dict[tuple[str, ...], Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        grouped[row["MaHoSo"]].append(row)
    return grouped


def _cases(
    versions: dict[tuple[str, ...], list[Record]], requests: dict[str, list[Row]], rules: Row
) -> list[Case]:
    """The population: not cancelled, and neither only registered nor refused."""
    population = []
    for (code,), history in versions.items():
        row = history[-1].row
        status = int(row["TrangThaiHoSo"])
        received = read_moment(row["NgayTiepNhan"])
        if _whole(row.get("DaXoa")) == 1 or status in (1, 3) or received is None:
            continue
        ended = read_moment(row.get("NgayKetThucXuLy", ""))
        handed_over = read_moment(row.get("NgayTra", ""))
        finished = returned = None
        if status in (7, 8):
            first = next(r.day for r in history if int(r.row["TrangThaiHoSo"]) == status)
            returned = ended or handed_over or datetime.combine(first, time())
        elif status in (9, 10):
            finished = ended or handed_over or datetime.combine(history[-1].day, time())
        else:
            finished = ended
        population.append(
            Case(
                code=code,
                procedure=row["MaTTHC"],
                unit=row["MaDonVi"],
                online=row["KenhThucHien"] == "2",
                received=received,
                due=_due(history, requests.get(code, []), rules),
                finished=finished,
                returned=returned,
                posted=row.get("HinhThuc") == "1" and handed_over is not None,
            )
        )
    return population


def _due(history: list[Record], requests: list[Row], rules: Row) -> datetime | None:
    def asked(row: Row) -> tuple[datetime, int, str]:
        identity = row["HoSoBoSungId"]
        return read_moment(row["NgayBoSung"]) or datetime.min, len(identity), identity

    if rules["due_date"] == "original_due":
        if requests:
            promised = read_moment(min(requests, key=asked).get("NgayHenTraTruoc", ""))
            if promised:
                return promised
        dues = (read_moment(version.row.get("NgayHenTra", "")) for version in history)
        return next((due for due in dues if due), None)
    moved = [row for row in requests if read_moment(row.get("NgayHenTraMoi", ""))]
    if moved:
        return read_moment(max(moved, key=asked)["NgayHenTraMoi"])
    return read_moment(history[-1].row.get("NgayHenTra", ""))


def _state(case: Case, window: tuple[date, date], rules: Row) -> str:
    """early, on_time, late, in_time, overdue, returned; empty when in no figure."""
    first, last = window
    if case.received.date() > last:
        return ""
    ended = case.finished
    if case.returned and case.returned.date() <= last:
        if case.returned.date() < first:
            return ""
        if rules["returned_bucket"] == "outside":
            return "returned"
        ended = case.returned
    if ended and first <= ended.date() <= last:
        return _timeliness(ended, case.due, rules)
    if ended and ended.date() < first and case.received.date() < first:
        return ""
    return "overdue" if case.due and case.due.date() < last else "in_time"


def _timeliness(ended: datetime, due: datetime | None, rules: Row) -> str:
    if due is None:
        return "on_time"
    if rules["timeliness_mode"] == "date":
        ended = datetime.combine(ended.date(), time())
        due = datetime.combine(due.date(), time())
    if ended == due:
        return "on_time"
    return "early" if ended < due else "late"


SETTLED = ("early", "on_time", "late")
IN_PROGRESS = ("in_time", "overdue")


def _appendix_1(
    cases: list[Case],
    state: dict[str, str],
    reviews: dict[str, Row],
    window: tuple[date, date],
    rules: Row,
) -> dict[str, int]:
    counts = dict.fromkeys(APPENDIX_1, 0)
    for case in cases:
        how = state[case.code]
        returned = case.returned is not None and window[0] <= case.returned.date() <= window[1]
        counts["returned"] += returned
        if how == "returned":
            continue
        counts["total"] += 1
        counts["newly_received" if case.received.date() >= window[0] else "carried_over"] += 1
        counts["received_online"] += case.online
        if how in SETTLED:
            counts["settled_total"] += 1
            counts[f"settled_{how}"] += 1
            counts["returned_by_post"] += case.posted
        else:
            counts["in_progress_total"] += 1
            counts[f"in_progress_{how}"] += 1
        if how == "late":
            counts["settled_late_after_review"] += not _excused(case, reviews.get(case.code))
    return counts


def _excused(case: Case, review: Row | None) -> bool:
    """Recorded late, but handed over by the due date."""
    if review is None or review["NguyenNhan"] != "1" or case.due is None:
        return False
    handed_over = read_moment(review.get("NgayTraThucTe", ""))
    return handed_over is not None and handed_over.date() <= case.due.date()


def _add_external(counts: dict[str, int], row: Row) -> None:
    for column, source in EXTERNAL_COLUMNS.items():
        counts[column] += _whole(row.get(source))
    settled = sum(_whole(row.get(name)) for name in ("TruocHan", "DungHan", "QuaHan"))
    in_progress = sum(_whole(row.get(name)) for name in ("DangXuLyConHan", "DangXuLyQuaHan"))
    total = _whole(row.get("KyTruoc")) + _whole(row.get("TiepNhanMoi"))
    counts["settled_total"] += settled
    counts["in_progress_total"] += in_progress
    counts["total"] += total
    counts["counted_externally"] += total


def _late_cases(
    by_unit: dict[str, list[Case]],
    state: dict[str, str],
    reviews: dict[str, Row],
    window: tuple[date, date],
    exceptions: dict[date, bool],
) -> Table:
    found: Table = {}
    for unit, cases in by_unit.items():
        for case in cases:
            how = state[case.code]
            if how not in ("late", "overdue"):
                continue
            assert case.due is not None
            ended = (case.finished or case.returned) if how == "late" else None
            until = ended.date() if ended else window[1]
            review = reviews.get(case.code)
            found[case.code] = {
                "unit_code": unit,
                "procedure_code": case.procedure,
                "due_date": case.due.date(),
                "finished_date": ended.date() if ended else None,
                "days_late": _working_days(case.due.date(), until, exceptions),
                "reason": int(review["NguyenNhan"]) if review else None,
                "reviewed": review is not None,
                "apology_sent": review.get("DaXinLoi") == "1" if review else None,
            }
    return found


def _exceptions(calendar: list[Row]) -> dict[date, bool]:
    return {
        read_day(row["date"]): row["is_working_day"].lower() in ("true", "1", "t")
        for row in calendar
    }


def _working_days(after: date, until: date, exceptions: dict[date, bool]) -> int:
    """Working days after `after`, up to and with `until`."""
    days = (after + timedelta(days=n) for n in range(1, (until - after).days + 1))
    return sum(exceptions.get(day, day.isoweekday() <= 5) for day in days)


# --- ratings and procedures ------------------------------------------------------------------


def _appendix_2(
    units: list[str],
    ratings: list[Record],
    window: tuple[date, date],
    appendix_1: dict[str, dict[str, int]],
) -> Table:
    counts: Table = {unit: dict.fromkeys((*BUTTONS.values(), "total"), 0) for unit in units}
    for press in _presses(ratings):
        if window[0] <= read_day(press["ThoiGian"]) <= window[1] and press["MaDonVi"] in counts:
            counts[press["MaDonVi"]][BUTTONS[int(press["NutDanhGia"])]] += 1
            counts[press["MaDonVi"]]["total"] += 1
    for unit, row in counts.items():
        settled = appendix_1[unit]["settled_total"]
        row["settled_total"] = settled
        row["coverage_percent"] = Decimal(100 * row["total"]) / settled if settled else None
    return counts


def _presses(ratings: list[Record]) -> Iterator[Row]:
    """Every press once, however often it was told."""
    presses = set()
    for record in ratings:
        press = {column: record.row.get(column, "") for column in RATING_COLUMNS}
        press["ThoiGian"] = str(read_moment(press["ThoiGian"]))
        presses.add(tuple(press.values()))
    for values in presses:
        yield dict(zip(RATING_COLUMNS, values, strict=True))


def _first_registers(records: Iterable[Record]) -> dict[str, date]:
    """Unit → the day of its first register, which counts backwards, on knowledge dates too."""
    opened: dict[str, date] = {}
    for record in records:
        unit = record.row["MaDonVi"]
        opened[unit] = min(opened.get(unit, record.day), record.day)
    return opened


def _register(
    versions: dict[tuple[str, ...], list[Record]], day: date, known_as_of: date
) -> dict[str, list[Row]]:
    """Unit → its listed procedures on `day`; a unit's first register counts backwards."""
    opened = _first_registers(record for history in versions.values() for record in history)
    register: dict[str, list[Row]] = defaultdict(list)
    for _, history in sorted(versions.items()):
        valid = [
            record
            for record in history
            if record.day <= max(min(day, known_as_of), opened[record.row["MaDonVi"]])
        ]
        if not valid:
            continue
        row = valid[-1].row
        ends = read_moment(row.get("NgayHetHieuLuc", ""))
        if _whole(row.get("NiemYetTaiTrungTam")) == 1 and (ends is None or ends.date() > day):
            register[row["MaDonVi"]].append(row)
    return register


def _appendix_4(listed: list[Row], day: date) -> dict[str, Any]:
    def by(row: Row, column: str) -> bool:
        moment = read_moment(row.get(column, ""))
        return moment is not None and moment.date() <= day

    approved = [row for row in listed if row.get("MaQuyTrinh") and by(row, "NgayPheDuyet")]
    entered = [row for row in approved if by(row, "NgayCapNhatPhanMem")]
    return {
        "procedures_listed": len(listed),
        "processes_approved": len(approved) or None,
        "processes_on_software": len(entered) if approved else None,
        "completion_percent": Decimal(100 * len(entered)) / len(approved) if approved else None,
        "time_unit": _time_unit({row.get("DonViThoiGian", "") for row in approved} - {""}),
        "note": _joined(row.get("GhiChu", "") for row in listed),
    }


def _time_unit(units: set[str]) -> str | None:
    """The unit of time of a unit's processes; days and hours side by side are `ngay_gio`."""
    return "ngay_gio" if len(units) > 1 else next(iter(units), None)


def _joined(texts: Iterable[str]) -> str | None:
    return "; ".join(dict.fromkeys(text for text in texts if text)) or None


# --- scorecard -------------------------------------------------------------------------------


def _scorecard(
    by_unit: dict[str, list[Case]],
    state: dict[str, str],
    registers: dict[str, list[Row]],
    last: dict[str, dict[tuple[str, ...], Row]],
    window: tuple[date, date],
    rules: Row,
    scoring: list[Row],
) -> Table:
    steps = _by_case(last["steps"])
    requests = _by_case(last["supplements"])
    petitions = list(last["petitions"].values())
    rude = {
        row["MaHoSo"]
        for row in petitions
        if row.get("LoaiPhanAnh") == "1" and row.get("KetLuan") == "1" and row.get("MaHoSo")
    }
    points = _points(scoring)
    high = {
        row["MaTTHC"]
        for register in registers.values()
        for row in register
        if _whole(row.get("MucDo")) >= 3
    }
    card: Table = {}
    for unit, cases in by_unit.items():
        settled = [case for case in cases if state[case.code] in SETTLED]
        received = [
            case
            for case in cases
            if state[case.code] != "returned" and case.received.date() >= window[0]
        ]
        register = registers.get(unit, [])
        by_time = [points[1][state[case.code]] for case in settled]
        stepwise = [_step_points(steps.get(case.code, []), points[2]) for case in settled]
        exact: dict[int, Decimal | None] = {
            1: _mean(by_time),
            2: _mean([score for score in stepwise if score is not None]),
            3: _mean([_contact_points(requests.get(c.code, []), scoring) for c in settled]),
            4: _mean([_agency_points(requests.get(c.code, []), scoring) for c in settled]),
            5: _on_the_spot(register, scoring),
            6: _publicity(register),
            7: _mean(
                [
                    points[7]["late"] if case.code in rude else score
                    for case, score in zip(settled, by_time, strict=True)
                ]
            ),
            8: _petition_points(
                [row for row in petitions if row["MaDonVi"] == unit], window, scoring
            ),
            9: _online_points(cases, received, register, high, state, rules, scoring),
        }
        card[unit] = {"received": len(received), "settled": len(settled)} | _totals(
            exact, rules, scoring
        )
    totals = sorted({row["total"] for row in card.values() if row["total"] is not None})
    for row in card.values():
        row["rank"] = None if row["total"] is None else len(totals) - totals.index(row["total"])
    return card


def _points(scoring: list[Row]) -> dict[int, dict[str, int]]:
    """Indicator → how it went → points, for the indicators that score single events."""
    conditions = {
        "early": ("early", "before_allotted_end", "early_without_founded_petition"),
        "on_time": ("on_time", "on_allotted_end", "on_time_without_founded_petition"),
        "late": ("late", "after_allotted_end", "late_or_founded_petition"),
    }
    return {
        indicator: {
            how: int(row["points"])
            for row in scoring
            for how, names in conditions.items()
            if int(row["indicator"]) == indicator and row["condition"] in names
        }
        for indicator in (1, 2, 7)
    }


def _mean(scores: list[int]) -> Decimal | None:
    return Decimal(sum(scores)) / len(scores) if scores else None


def _step_points(steps: list[Row], points: dict[str, int]) -> int | None:
    scores = []
    for row in steps:
        done = read_moment(row.get("ThoiDiemXuLy", ""))
        limit = read_moment(row.get("NgayKetThucTheoQuyDinh", ""))
        if done and limit:
            late = done.date() > limit.date()
            on_it = done.date() == limit.date()
            scores.append(points["late" if late else "on_time" if on_it else "early"])
    return min(scores) if scores else None


def _rules_of(scoring: list[Row], indicator: int) -> list[Row]:
    """An indicator's rules, the most points first: the first that holds counts."""
    rows = [row for row in scoring if int(row["indicator"]) == indicator]
    return sorted(rows, key=lambda row: -int(row["points"]))


def _contact_points(requests: list[Row], scoring: list[Row]) -> int:
    at_fault = sum(row.get("LoiNguoiNop") == "1" for row in requests)
    counted = {
        "requests_at_most": len(requests),
        "not_applicant_fault_at_most": len(requests) - at_fault,
    }
    return _first_at_most(counted, _rules_of(scoring, 3))


def _agency_points(requests: list[Row], scoring: list[Row]) -> int:
    agencies = max((_whole(row.get("SoCoQuanLienHe")) for row in requests), default=0)
    return _first_at_most({"agencies_at_most": agencies}, _rules_of(scoring, 4))


def _first_at_most(counted: dict[str, int], rules: list[Row]) -> int:
    for rule in rules:
        if rule["condition"] == "otherwise":
            return int(rule["points"])
        if counted[rule["condition"]] <= int(rule["max_count"]):
            return int(rule["points"])
    return 0


def _percent(part: int, whole: int) -> Decimal:
    return Decimal(100 * part) / whole if whole else Decimal(0)


def _on_the_spot(register: list[Row], scoring: list[Row]) -> Decimal | None:
    if not register:
        return None
    shares = {
        "on_the_spot_share": sum(row.get("TaiCho") == "1" for row in register),
        "handled_at_centre_share": sum(row.get("NhanTraTaiTrungTam") == "1" for row in register),
    }
    for rule in _rules_of(scoring, 5):
        if rule["condition"] == "otherwise":
            return Decimal(rule["points"])
        share = _percent(shares[rule["condition"]], len(register))
        if share >= Decimal(rule["min_share_percent"]):
            return Decimal(rule["points"])
    return Decimal(0)


def _publicity(register: list[Row]) -> Decimal | None:
    return Decimal(min(_whole(row.get("CongKhai")) for row in register)) if register else None


def _petition_points(
    petitions: list[Row], window: tuple[date, date], scoring: list[Row]
) -> Decimal:
    received = [row for row in petitions if window[0] <= read_day(row["NgayTiepNhan"]) <= window[1]]
    on_time = 0
    for row in received:
        deadline, resolved = (
            read_moment(row.get("HanXuLy", "")),
            read_moment(row.get("NgayXuLy", "")),
        )
        open_at_end = deadline is None or deadline.date() >= window[1]
        on_time += open_at_end or (
            resolved is not None and deadline is not None and resolved.date() <= deadline.date()
        )
    protracted = sum(row.get("KeoDai") == "1" for row in received)
    share = _percent(on_time, len(received)) if received else Decimal(100)
    for rule in _rules_of(scoring, 8):
        if rule["condition"] == "otherwise":
            return Decimal(rule["points"])
        if share >= Decimal(rule["min_share_percent"]) and protracted <= int(rule["max_count"]):
            return Decimal(rule["points"])
    return Decimal(0)


def _online_points(
    cases: list[Case],
    received: list[Case],
    register: list[Row],
    high: set[str],
    state: dict[str, str],
    rules: Row,
    scoring: list[Row],
) -> Decimal | None:
    if not register:
        return None
    share = _percent(sum(row["MaTTHC"] in high for row in register), len(register))
    if rules["online_denominator"] == "eligible":
        received = [case for case in received if case.procedure in high]
    online = _percent(sum(case.online for case in received), len(received))
    bad = sum(case.online and state[case.code] in ("late", "overdue") for case in cases)
    for rule in _rules_of(scoring, 9):
        if rule["condition"] == "otherwise":
            return Decimal(rule["points"])
        if rule["min_share_percent"] and share < Decimal(rule["min_share_percent"]):
            continue
        if rule["above_share_percent"] and share <= Decimal(rule["above_share_percent"]):
            continue
        if online < Decimal(rule["min_online_percent"]) or bad > int(rule["max_count"]):
            continue
        return Decimal(rule["points"])
    return Decimal(0)


def _totals(
    exact: dict[int, Decimal | None], rules: Row, scoring: list[Row]
) -> dict[str, Decimal | str | None]:
    digits = Decimal(1).scaleb(-int(rules["rounding_digits"]))

    def rounded(value: Decimal | None) -> Decimal | None:
        return None if value is None else value.quantize(digits, ROUND_HALF_UP)

    def total(indicators: Iterable[int]) -> Decimal | None:
        values = [exact[i] for i in indicators]
        if rules["total_of"] == "rounded":
            values = [rounded(value) for value in values]
        known = [value for value in values if value is not None]
        return rounded(sum(known, Decimal(0))) if len(known) == len(values) else None

    forms = {
        form: sorted({int(row["indicator"]) for row in scoring if row["form"] == form})
        for form in ("1", "2")
    }
    row: dict[str, Decimal | str | None] = {
        f"indicator_{number}": rounded(value) for number, value in exact.items()
    }
    row["form_1_total"] = total(forms["1"])
    row["form_2_total"] = total(forms["2"])
    whole = row["total"] = total(forms["1"] + forms["2"])
    row["band"] = None if whole is None else _band(whole, rules)
    return row


def _band(total: Decimal, rules: Row) -> str:
    return next((name for column, name in BANDS if total >= Decimal(rules[column])), "yếu")


def _read_reference(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _only(rows: list[Row], column: str, value: str) -> Row:
    return next(row for row in rows if row[column] == value)
