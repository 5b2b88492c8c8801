"""Random histories of a small province: what its one-stop system exported, and when it arrived.

A history is plain data that hypothesis draws and can make smaller: lives of cases with their
corrections, the files in which they came, in what order these arrived, and when figures were
published.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as some

from motcua import settings
from motcua.landing.feeds import FEEDS

UNITS = ("K01", "K02", "K03")
PROCEDURES = {"P1": "K01", "P2": "K01", "P3": "K02", "P4": "K03", "P5": "K02"}
FIRST_DAY = date(2019, 2, 25)
LAST_DAY = 32
"""The newest export, in days after the first."""

PERIODS = {
    "Q1": ("quarter", 4, 13, 16),
    "Q2": ("quarter", 14, 23, 25),
    "H1": ("half_year", 4, 23, 28),
    "Y": ("year", 4, 23, 30),
}
"""Kind, first day, last day and knowledge day of each period; two more days of ratings."""

OPEN = ("2", "4", "5", "6")
SETTLED = ("9", "10")
RETURNED = ("7", "8")
EXTERNAL = ("TruocHan", "DungHan", "QuaHan", "DangXuLyConHan", "DangXuLyQuaHan")

Row = dict[str, str]


@dataclass(frozen=True)
class Record:
    """A record of an export: the day of the file, the file's part, and the row."""

    feed: str
    day: int
    part: str
    row: Row


@dataclass(frozen=True)
class File:
    """An export file; `stage` is when it arrives, `folder` the folder in which it then lies."""

    feed: str
    day: int
    part: str
    revision: int
    rows: tuple[Row, ...]
    stage: int
    folder: str

    @property
    def name(self) -> str:
        """Its name by the contract."""
        part = f"_{self.part}" if self.part else ""
        revision = f"_r{self.revision}" if self.revision > 1 else ""
        return f"{self.feed}_{day(self.day)}{part}{revision}.csv"


@dataclass(frozen=True)
class History:
    """Rules of the province, files, and which periods are published after each arrival.

    withdrawals: the periods whose standing releases are withdrawn before these publications.
    """

    rules: dict[str, str]
    files: tuple[File, ...]
    publications: tuple[tuple[str, ...], ...]
    withdrawals: tuple[tuple[str, ...], ...]


def day(number: int) -> date:
    """The day so many days after the first."""
    return FIRST_DAY + timedelta(number)


def moment(number: int, hour: int) -> str:
    """A time as exports write it."""
    return f"{datetime.combine(day(number), time(hour)):%Y%m%d%H%M%S}"


def rarely(draw: some.DrawFn, one_in: int = 4) -> bool:
    """True once in so many draws; a history shrinks to False."""
    return draw(some.integers(1, one_in)) == one_in


HOURS = some.integers(7, 18)
PARTS = some.sampled_from(("", "", "B"))


@some.composite
def lives(draw: some.DrawFn, code: str) -> list[Record]:
    """A case from its receipt on: its course, its corrections, and what belongs to it."""
    received = draw(some.integers(0, 26))
    due = received + draw(some.integers(0, 8))
    state = {
        "MaHoSo": code,
        "MaTTHC": draw(some.sampled_from(list(PROCEDURES))),
        "MaDonVi": draw(some.sampled_from(UNITS)),
        "KenhThucHien": draw(some.sampled_from("123")),
        "NgayTiepNhan": moment(received, draw(HOURS)),
        "NgayHenTra": "" if rarely(draw, 8) else moment(due, draw(HOURS)),
        "TrangThaiHoSo": draw(some.sampled_from(OPEN)),
    }
    told: list[Record] = []

    def tell(number: int, **changes: str) -> None:
        state.update(changes)
        if number <= LAST_DAY:
            row = {**state, "NgayCapNhat": moment(number, draw(HOURS))}
            told.append(Record("cases", number, draw(PARTS), row))

    if rarely(draw, 8):
        registered = {"TrangThaiHoSo": draw(some.sampled_from("13")), "NgayTiepNhan": ""}
        row = {**state, **registered, "NgayCapNhat": moment(received, 7)}
        told.append(Record("cases", max(received - 1, 0), draw(PARTS), row))
    tell(received)
    events = [
        (received + after, kind)
        for after, kind in draw(
            some.lists(
                some.tuples(
                    some.integers(0, 14),
                    some.sampled_from(
                        (
                            *("finish", "finish", "finish", "return", "receipt", "due"),
                            *("unit", "remove", "reopen", "channel", "procedure"),
                        )
                    ),
                ),
                max_size=4,
            )
        )
    ]
    for number, kind in sorted(events):
        earlier = max(received, number - draw(some.integers(0, 6)))
        match kind:
            case "finish":
                posted = draw(some.booleans())
                tell(
                    number,
                    TrangThaiHoSo=draw(some.sampled_from(SETTLED)),
                    NgayKetThucXuLy="" if rarely(draw, 6) else moment(earlier, draw(HOURS)),
                    NgayTra=moment(number, draw(HOURS)) if posted else "",
                    HinhThuc="1" if posted else "0",
                )
            case "return":
                ended = "" if draw(some.booleans()) else moment(earlier, draw(HOURS))
                status = draw(some.sampled_from(RETURNED))
                tell(number, TrangThaiHoSo=status, NgayKetThucXuLy=ended, NgayTra="")
            case "receipt":
                other = max(0, received + draw(some.integers(-9, 9)))
                tell(number, NgayTiepNhan=moment(min(other, number), draw(HOURS)))
            case "due":
                tell(number, NgayHenTra=moment(received + draw(some.integers(0, 14)), 17))
            case "unit":
                tell(number, MaDonVi=draw(some.sampled_from(UNITS)))
            case "remove":
                tell(number, DaXoa="0" if state.get("DaXoa") == "1" else "1")
            case "reopen":
                tell(number, TrangThaiHoSo="4", NgayKetThucXuLy="", NgayTra="")
            case "channel":
                tell(number, KenhThucHien=draw(some.sampled_from("123")))
            case "procedure":
                tell(number, MaTTHC=draw(some.sampled_from(list(PROCEDURES))))
    for kind in draw(some.lists(some.sampled_from(("supplement", "step", "review")), max_size=3)):
        number = received + draw(some.integers(0, 10))
        if number > LAST_DAY:
            continue
        part, updated = draw(PARTS), moment(number, draw(HOURS))
        if kind == "supplement":
            row = {
                "HoSoBoSungId": f"{code}/{draw(some.integers(1, 2))}",
                "MaHoSo": code,
                "NgayBoSung": moment(max(received, number - 1), draw(HOURS)),
                "NgayHenTraTruoc": state["NgayHenTra"],
                "NgayHenTraMoi": ""
                if rarely(draw)
                else moment(number + draw(some.integers(0, 9)), 17),
                "LoiNguoiNop": draw(some.sampled_from(("", "0", "1"))),
                "SoCoQuanLienHe": draw(some.sampled_from(("", "0", "1", "2"))),
                "NgayCapNhat": updated,
            }
            told.append(Record("supplements", number, part, row))
        elif kind == "step":
            row = {
                "MaHoSo": code,
                "MaBuoc": draw(some.sampled_from("12")),
                "NgayBatDau": moment(received, 8),
                "NgayKetThucTheoQuyDinh": moment(received + draw(some.integers(0, 5)), 17),
                "ThoiDiemXuLy": "" if rarely(draw) else moment(number, draw(HOURS)),
                "NgayCapNhat": updated,
            }
            told.append(Record("steps", number, part, row))
        else:
            row = {
                "MaHoSo": code,
                "NguyenNhan": draw(some.sampled_from("11234")),
                "NgayTraThucTe": "" if rarely(draw) else moment(draw(some.integers(0, 30)), 10),
                "NgayXacNhan": updated,
                "DaXinLoi": draw(some.sampled_from(("", "0", "1"))),
            }
            told.append(Record("late_reviews", number, part, row))
    return told


@some.composite
def registers(draw: some.DrawFn, code: str) -> list[Record]:
    """A procedure and what became of it."""
    told = []
    for number in [draw(some.integers(0, 6)), *draw(some.lists(some.integers(7, 32), max_size=2))]:
        row = {
            "MaTTHC": code,
            "TenTTHC": f"Thủ tục {code}",
            "MaDonVi": PROCEDURES[code],
            "MucDo": draw(some.sampled_from("234")),
            "NiemYetTaiTrungTam": "0" if rarely(draw, 6) else "1",
            "TaiCho": draw(some.sampled_from("01")),
            "NhanTraTaiTrungTam": "1",
            "CongKhai": draw(some.sampled_from("210")),
            "MaQuyTrinh": "" if rarely(draw) else f"QT-{code}",
            "NgayPheDuyet": moment(draw(some.integers(0, 20)), 9),
            "DonViThoiGian": draw(some.sampled_from(("ngay", "gio", "ngay_gio", ""))),
            "NgayCapNhatPhanMem": "" if rarely(draw) else moment(draw(some.integers(0, 30)), 9),
            "GhiChu": draw(some.sampled_from(("", "chờ phần mềm", "mới"))),
            "NgayHetHieuLuc": moment(draw(some.integers(0, 40)), 0) if rarely(draw, 6) else "",
            "NgayCapNhat": moment(number, draw(HOURS)),
        }
        told.append(Record("procedures", number, draw(PARTS), row))
    return told


@some.composite
def petitions(draw: some.DrawFn, number: int) -> list[Record]:
    """A petition, told once or twice."""
    received = draw(some.integers(0, 25))
    told = []
    for after in sorted(draw(some.lists(some.integers(0, 9), min_size=1, max_size=2))):
        row = {
            "MaPAKN": f"PA{number}",
            "MaDonVi": draw(some.sampled_from(UNITS)),
            "MaHoSo": draw(some.sampled_from(("", "HS-000", "HS-001", "HS-002"))),
            "LoaiPhanAnh": draw(some.sampled_from("123")),
            "NgayTiepNhan": moment(received, draw(HOURS)),
            "HanXuLy": "" if rarely(draw) else moment(received + draw(some.integers(0, 9)), 17),
            "NgayXuLy": "" if rarely(draw) else moment(received + draw(some.integers(0, 9)), 9),
            "KetLuan": draw(some.sampled_from("10")),
            "KeoDai": "1" if rarely(draw) else "0",
            "NgayCapNhat": moment(min(received + after, LAST_DAY), draw(HOURS)),
        }
        told.append(Record("petitions", min(received + after, LAST_DAY), draw(PARTS), row))
    return told


@some.composite
def presses(draw: some.DrawFn) -> list[Record]:
    """A press of a button, told on its day or later; equal ones count once."""
    pressed = draw(some.integers(0, 28))
    row = {
        "MaKiosk": "A",
        "Quay": "1",
        "SoThuTu": str(draw(some.integers(1, 3))),
        "MaDonVi": draw(some.sampled_from(UNITS)),
        "ThoiGian": moment(pressed, draw(some.integers(8, 9))),
        "NutDanhGia": draw(some.sampled_from("12345")),
    }
    return [
        Record("ratings", min(pressed + after, LAST_DAY), draw(PARTS), row)
        for after in draw(some.lists(some.integers(0, 4), min_size=1, max_size=2))
    ]


@some.composite
def outside_counts(draw: some.DrawFn) -> list[Record]:
    """What another system counted for a unit in the window of a period."""
    _, first, last, known = PERIODS[draw(some.sampled_from(list(PERIODS)))]
    counted = {name: draw(some.integers(0, 4)) for name in EXTERNAL}
    total = sum(counted.values())
    new = draw(some.integers(0, total))
    row = {
        "HeThong": draw(some.sampled_from(("GPLX", "DKKD"))),
        "MaDonVi": draw(some.sampled_from(UNITS)),
        "TuNgay": str(day(first)),
        "DenNgay": str(day(last)),
        "KyTruoc": str(total - new),
        "TiepNhanMoi": str(new),
        **{name: str(value) for name, value in counted.items()},
        "TraLai": draw(some.sampled_from(("", "1"))),
        "TrucTuyen": str(draw(some.integers(0, total))),
    }
    number = draw(some.integers(last, known + 1))
    row["NgayCapNhat"] = moment(number, draw(HOURS))
    return [Record("external_counts", number, draw(PARTS), row)]


def _many(one: some.SearchStrategy[list[Record]], least: int, most: int) -> Any:
    return some.lists(one, min_size=least, max_size=most)


@some.composite
def histories(draw: some.DrawFn) -> History:
    """A province's month: two or three arrivals of files, with publications after each."""
    told: list[Record] = []
    for number in range(draw(some.integers(20, 45))):
        told += draw(lives(f"HS-{number:03}"))
    for code in PROCEDURES:
        told += draw(registers(code))
    for number in range(draw(some.integers(0, 5))):
        told += draw(petitions(number))
    for several in draw(_many(presses(), 0, 15)) + draw(_many(outside_counts(), 0, 4)):
        told += several
    # The newest day that an arrival brings, of files that are not late; the last brings all.
    cuts = draw(some.sampled_from((1, 1, 2)))
    days = some.lists(some.integers(16, 31), min_size=cuts, max_size=cuts, unique=True)
    reached = [*sorted(draw(days)), LAST_DAY]

    grouped: dict[tuple[str, int, str], list[Row]] = defaultdict(list)
    for one in told:
        grouped[one.feed, one.day, one.part].append(one.row)
    for number in reached:
        grouped.setdefault(("cases", number, ""), [])
    files: list[File] = []
    for (feed, number, part), rows in sorted(grouped.items()):
        stage = next(place for place, last in enumerate(reached) if number <= last)
        late = draw(some.integers(0, len(reached) - 1)) if rows and rarely(draw, 6) else 0
        folder = draw(some.sampled_from("abc"))
        file = File(feed, number, part, 1, tuple(rows), max(stage, late), folder)
        files.append(file)
        if rows and rarely(draw, 8):
            files.append(draw(_again(file, len(reached))))
    order = list(PERIODS)
    publications = [tuple(order[: draw(some.integers(1, 4))]) for _ in reached[1:]]
    # Where a longer release stands already, the next one to come is that of one of its parts.
    withdrawn = some.sampled_from(((), (), ("Q2",), ("Q1",), ("H1",), ("Q2", "H1"), ("Y",)))
    withdrawals = [draw(withdrawn) for _ in reached]
    return History(draw(rules()), tuple(files), (*publications, tuple(order)), tuple(withdrawals))


@some.composite
def _again(draw: some.DrawFn, file: File, stages: int) -> File:
    """The file a second time: the same bytes, other bytes under its name, or a revision."""
    how = draw(some.sampled_from(("duplicate", "overwritten", "revision")))
    stage = draw(some.integers(0, stages - 1))
    elsewhere = replace(file, stage=stage, folder=f"{file.folder}2")
    if how == "duplicate":
        return elsewhere
    rows = list(file.rows)
    if how == "revision" and draw(some.booleans()):
        rows.pop(draw(some.integers(0, len(rows) - 1)))
    place = draw(some.integers(0, max(len(rows) - 1, 0)))
    if rows and file.feed == "cases":
        rows[place] = {
            **rows[place],
            "MaDonVi": draw(some.sampled_from(UNITS)),
            "NgayCapNhat": moment(file.day, draw(HOURS)),
        }
    revision = 2 if how == "revision" else 1
    return replace(elsewhere, rows=tuple(rows), revision=revision)


@some.composite
def rules(draw: some.DrawFn) -> dict[str, str]:
    """What a rule set may decide otherwise than that of 2019."""
    return {
        "timeliness_mode": draw(some.sampled_from(("date", "timestamp"))),
        "returned_bucket": draw(some.sampled_from(("outside", "settled"))),
        "due_date": draw(some.sampled_from(("revised_due", "original_due"))),
        "online_denominator": draw(some.sampled_from(("eligible", "all"))),
        "total_of": draw(some.sampled_from(("rounded", "unrounded"))),
    }


def write_pack(folder: Path, changed_rules: dict[str, str]) -> None:
    """The reference pack of the province, with the rules of 2019 but for those changed."""
    folder.mkdir()
    national = settings.PROJECT / "reference" / "soc_trang"
    with (national / "rule_sets.csv").open(encoding="utf-8", newline="") as file:
        rule_set = next(csv.DictReader(file)) | changed_rules
    (folder / "scoring_rules.csv").write_bytes((national / "scoring_rules.csv").read_bytes())
    tables: dict[str, list[dict[str, object]]] = {
        "rule_sets": [dict(rule_set)],
        "units": [
            {
                "unit_code": code,
                "display_order": place,
                "name_vi": f"Sở {place}",
                "name_en": code,
                "valid_from": "2018-01-01",
                "valid_to": "",
                "successor_code": "",
            }
            for place, code in enumerate(UNITS, 1)
        ],
        "calendar": [{"date": day(9), "is_working_day": 0, "note": "nghỉ"}],
        "feeds": [
            {"feed": feed, "expected": "on_change", "expected_from": FIRST_DAY} for feed in FEEDS
        ],
        "reporting_periods": [
            {
                "period_code": code,
                "kind": kind,
                "label_vi": code,
                "label_en": code,
                "cases_from": day(first),
                "cases_to": day(last),
                "ratings_from": day(first),
                "ratings_to": day(last + 2),
                "processes_as_of": day(last + 1),
                "known_as_of": day(known),
                "publish_on": day(known + 1),
                "rule_set": rule_set["rule_set"],
            }
            for code, (kind, first, last, known) in PERIODS.items()
        ],
    }
    for name, rows in tables.items():
        _write(folder / f"{name}.csv", list(rows[0]), rows)
    (folder / "unit_aliases.csv").write_text("alias,unit_code\n")
    (folder / "kiosks.csv").write_text("kiosk,counter,unit_code,valid_from,valid_to\n")


def arrive(landing: Path, files: tuple[File, ...], stage: int) -> None:
    """Put the files of an arrival into the landing zone."""
    for file in files:
        if file.stage == stage:
            path = landing / file.feed / f"{stage}{file.folder}" / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, [column.name for column in FEEDS[file.feed].columns], file.rows)


def _write(path: Path, columns: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
