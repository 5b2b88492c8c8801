"""Writes the reconstruction: the daily export files of all feeds, once or many times over."""

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import xlsxwriter

from motcua_sample import intake, lives, paperwork, procedures, ratings, solve, targets
from motcua_sample.names import COPY_DIGITS, COPY_NAME, COPY_NUMBER, copy_syllables
from motcua_sample.workdays import read_workdays

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "soc_trang"
SEED = 20190101
FIRST_DAY, LAST_DAY = date(2018, 12, 3), date(2019, 7, 11)
DAILY_FEEDS = ("cases", "steps", "supplements")

COLUMNS = {
    "cases": (
        "MaHoSo,MaTTHC,MaDonVi,KenhThucHien,MucDo,LoaiDoiTuong,ChuHoSo,SoGiayToChuHoSo,"
        "SoDienThoai,Email,DiaChi,NgayNopHoSo,NgayTiepNhan,NgayHenTra,NgayKetThucXuLy,NgayTra,"
        "HinhThuc,TrangThaiHoSo,NguoiTiepNhan,NguoiXuLy,GhiChu,DaXoa,NgayCapNhat"
    ),
    "steps": (
        "MaHoSo,MaBuoc,MaDonVi,PhongBanXuLy,NguoiXuLy,NgayBatDau,NgayKetThucTheoQuyDinh,"
        "ThoiDiemXuLy,TrangThai,NgayCapNhat"
    ),
    "supplements": (
        "HoSoBoSungId,MaHoSo,NgayBoSung,NgayTiepNhanBoSung,NgayHenTraTruoc,NgayHenTraMoi,"
        "LoiNguoiNop,SoCoQuanLienHe,NoiDungBoSung,NgayCapNhat"
    ),
    "petitions": (
        "MaPAKN,MaDonVi,MaHoSo,LoaiPhanAnh,NgayTiepNhan,HanXuLy,NgayXuLy,KetLuan,KeoDai,NgayCapNhat"
    ),
    "procedures": (
        "MaTTHC,TenTTHC,MaDonVi,MaLinhVuc,TenLinhVuc,MucDo,NiemYetTaiTrungTam,TaiCho,"
        "NhanTraTaiTrungTam,CongKhai,MaQuyTrinh,SoQuyetDinh,NgayPheDuyet,DonViThoiGian,"
        "NgayCapNhatPhanMem,GhiChu,NgayHetHieuLuc,NgayCapNhat"
    ),
    "ratings": "MaKiosk,Quay,SoThuTu,MaDonVi,MaCanBo,ThoiGian,NutDanhGia,NoiDung",
    "late_reviews": ("MaHoSo,NguyenNhan,NgayTraThucTe,SoVanBan,NguoiXacNhan,NgayXacNhan,DaXinLoi"),
    "external_counts": (
        "HeThong,MaDonVi,TuNgay,DenNgay,KyTruoc,TiepNhanMoi,TruocHan,DungHan,QuaHan,"
        "DangXuLyConHan,DangXuLyQuaHan,TraLai,TrucTuyen,NgayCapNhat"
    ),
}
# Cells that a spreadsheet holds as numbers and as dates; the rest is text.
NUMBER_COLUMNS = frozenset(
    {
        "MucDo",
        "DaXoa",
        "MaBuoc",
        "CongKhai",
        "KenhThucHien",
        "LoaiDoiTuong",
        "HinhThuc",
        "TrangThaiHoSo",
        "NutDanhGia",
        "NguyenNhan",
        "DaXinLoi",
        "LoiNguoiNop",
        "SoCoQuanLienHe",
        "NiemYetTaiTrungTam",
        "TaiCho",
        "NhanTraTaiTrungTam",
        "LoaiPhanAnh",
        "KetLuan",
        "KeoDai",
    }
)
DATE_PREFIXES = ("Ngay", "ThoiDiem", "ThoiGian", "HanXuLy")
DATE_FORMATS = {14: "%Y%m%d%H%M%S", 10: "%d/%m/%Y", 16: "%d/%m/%Y %H:%M", 19: "%d/%m/%Y %H:%M:%S"}
EXPORTED_AT = timezone(timedelta(hours=7))
DOCUMENT_DATE = datetime(2019, 7, 11)
# The forms an export may take, each shown on some days of the single copy.
SPREADSHEET_DAYS = frozenset(
    (date(2018, 12, 18), date(2019, 2, 18), date(2019, 4, 18), date(2019, 6, 18))
)
REVISED = frozenset((("cases", date(2019, 3, 14)), ("ratings", date(2019, 4, 10))))
ZIPPED = frozenset((("cases", date(2019, 5, 21)),))
UTF_16 = frozenset((("steps", date(2019, 5, 9)),))
SEMICOLON_DAY = 25
COPIED_ONCE = frozenset(("procedures", "external_counts"))

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DayFile:
    """One export file: its feed, day and part, and the text of one copy's records."""

    feed: str
    day: date
    part: str
    text: bytes
    records: int

    @property
    def path(self) -> str:
        """Place in the landing zone, without extension."""
        part = f"_{self.part}" if self.part else ""
        return f"{self.feed}/{self.day.year}/{self.feed}_{self.day}{part}"


def write_sample(
    directory: Path, scale: int = 1, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the exports of December 2018 to July 2019 into `directory`, `scale` times over.

    Every copy has cases, applicants and tickets of its own, so that all totals but the registers
    of procedures are `scale` times those of the report. The same call writes the same bytes.
    A scale above 1 is written as plain csv.

    Returns the known totals: files, records by feed, cases, ratings, and the half-year's sums.
    Raises ValueError when `scale` is below 1 or the directory holds other exports.
    """
    if scale < 1:
        raise ValueError(f"scale {scale}: give a whole number from 1 on")
    report = targets.read_report()
    files, cases = make_files(report, scale, progress)
    names = [_file_names(file, scale) for file in files]
    _refuse_strangers(directory, {name for group in names for name in group})
    records: dict[str, int] = dict.fromkeys(COLUMNS, 0)
    for i, (file, group) in enumerate(zip(files, names, strict=True)):
        for name in group:
            _write_file(directory / name, file, scale)
        records[file.feed] += file.records * (1 if file.feed in COPIED_ONCE else scale)
        if progress:
            progress("writing the sample", i + 1, len(files))
    return {
        "files": sum(len(group) for group in names),
        "records": records,
        "cases": cases * scale,
        "ratings": records["ratings"],
        "half_year": {
            column: scale * sum(unit.half_year[column] for unit in report.units)
            for column in report.units[0].half_year
        },
        "returned_by_post": scale * report.returned_by_post,
    }


def make_files(
    report: targets.Report, scale: int = 1, progress: Progress | None = None
) -> tuple[list[DayFile], int]:
    """Draw everything; return the files in order of feed and day, and the number of cases.

    The records hold marks where copies differ; `scale` enters only the external counts.
    """
    rng = Random(SEED)
    workdays = read_workdays(REFERENCE / "calendar.csv", date(2018, 10, 1), date(2019, 12, 31))
    calendar = intake.read_windows(workdays)
    stamps = lives.make_stamps(calendar)
    counters = ratings.read_counters(REFERENCE / "kiosks.csv")
    with (REFERENCE / "units.csv").open(encoding="utf-8", newline="") as file:
        units = {int(row["display_order"]): row["unit_code"] for row in csv.DictReader(file)}

    lines: dict[tuple[str, int, str], list[str]] = {}
    for day in range(workdays.first_from(FIRST_DAY), calendar.end + 1):
        for feed in DAILY_FEEDS:
            lines[feed, day, ""] = []
    for day in range(workdays.first_from(ratings.FIRST_DAY), calendar.end + 1):
        for kiosk in sorted({c.kiosk for group in counters.values() for c in group}):
            lines["ratings", day, kiosk] = []
    plans = solve.solve(report)
    number = 0
    for done, plan in enumerate(plans):
        if progress:
            progress("drawing the cases", done, len(plans))
        unit = units[plan.targets.order]
        register = procedures.make_register(plan, unit, workdays, rng)
        cases = intake.draw_cases(plan, register, calendar, rng)
        cases.sort(key=lambda case: case.received)
        number += len(cases)
        desk = lives.make_desk(plan.targets.order, unit, calendar, stamps, rng)
        for row in _unit_rows(plan.counted_externally * scale, register, cases, desk):
            lines.setdefault((row[0], row[1], ""), []).append(row[2])
        officers = tuple(f"CB{plan.targets.order:02d}{i}" for i in range(1, 4))
        for kiosk, day, line in ratings.presses(
            plan.targets, counters[unit], officers, workdays, calendar.end, stamps, rng
        ):
            lines["ratings", day, kiosk].append(line)
    files = [
        DayFile(feed, workdays.days[day], part, "".join(text).encode(), len(text))
        for (feed, day, part), text in sorted(lines.items())
    ]
    return files, number


def _unit_rows(
    counted_externally: int,
    register: list[procedures.Procedure],
    cases: list[intake.Case],
    desk: lives.Desk,
) -> Iterator[lives.Row]:
    """Everything that one unit's exports hold, but for its ratings."""
    for procedure in register:
        yield from paperwork.procedure_rows(procedure, desk.calendar.workdays)
    codes = lives.case_codes(desk.unit, cases, desk.stamps)
    for case, code in zip(cases, codes, strict=True):
        yield from lives.records(case, code, desk)
        yield from paperwork.review_rows(case, code, desk)
    yield from paperwork.petition_rows(codes, desk)
    if counted_externally:
        yield paperwork.external_row(counted_externally, desk)


def _file_names(file: DayFile, scale: int) -> list[str]:
    """Names of the file in the landing zone; a revision comes after what it replaces.

    A single copy shows every form an export may take; many copies are plain csv.
    """
    if scale > 1:
        return [f"{file.path}.csv"]
    if (file.feed, file.day) in REVISED:
        return [f"{file.path}.csv", f"{file.path}_r2.csv"]
    if (file.feed, file.day) in ZIPPED:
        return [f"{file.path}.csv.gz"]
    daily = file.feed in DAILY_FEEDS or file.feed == "ratings"
    if (file.day in SPREADSHEET_DAYS) if daily else file.day.day % 10 == 8:
        return [f"{file.path}.xlsx"]
    return [f"{file.path}.csv"]


def _write_file(target: Path, file: DayFile, scale: int) -> None:
    """Write under another name first, so that no reader ever meets half a file.

    Its time is the evening of its day, as if it had come then: nothing waits for it to settle.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    if target.suffix == ".xlsx":
        _write_spreadsheet(unfinished, file)
    else:
        with unfinished.open("wb") as output:
            if target.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=output, mtime=0) as zipped:
                    _write_copies(zipped, file, scale)
            elif scale == 1:
                output.write(_one_copy(target, file))
            else:
                _write_copies(output, file, scale)
    evening = datetime.combine(file.day, time(17, 30), EXPORTED_AT).timestamp()
    os.utime(unfinished, (evening, evening))
    os.replace(unfinished, target)


def _write_copies(output: BinaryIO | gzip.GzipFile, file: DayFile, scale: int) -> None:
    output.write(f"{COLUMNS[file.feed]}\n".encode())
    for copy in range(scale if file.feed not in COPIED_ONCE else 1):
        output.write(copy_text(file.text, copy))


def copy_text(text: bytes, copy: int) -> bytes:
    """The records of one copy: its own codes, tickets, names and identity numbers."""
    for mark, own in (
        (COPY_NUMBER, str(copy) if copy else ""),
        (COPY_NAME, copy_syllables(copy)),
        (COPY_DIGITS, f"{copy % 1000:03d}"),
    ):
        text = text.replace(mark.encode(), own.encode())
    return text


def _one_copy(target: Path, file: DayFile) -> bytes:
    """A csv file of the single copy, some days as other programs write csv."""
    text = f"{COLUMNS[file.feed]}\n" + copy_text(file.text, 0).decode()
    if (file.feed, file.day) in REVISED and not target.stem.endswith("_r2"):
        # The first export of the day stopped half-way; its revision replaces it.
        text = "".join(text.splitlines(keepends=True)[: file.records // 2])
    if file.day.day == SEMICOLON_DAY:
        rewritten = io.StringIO()
        csv.writer(rewritten, delimiter=";", lineterminator="\r\n").writerows(
            csv.reader(io.StringIO(text))
        )
        return rewritten.getvalue().encode("utf-8-sig")
    if (file.feed, file.day) in UTF_16:
        return b"\xff\xfe" + text.encode("utf-16-le")
    return text.encode()


def _write_spreadsheet(target: Path, file: DayFile) -> None:
    """An xlsx file with numbers and dates as such; nothing in it depends on the clock."""
    columns = COLUMNS[file.feed].split(",")
    workbook = xlsxwriter.Workbook(target, {"in_memory": True})
    workbook.set_properties({"created": DOCUMENT_DATE})
    sheet = workbook.add_worksheet(file.feed)
    moment = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    sheet.write_row(0, 0, columns)
    rows = csv.reader(io.StringIO(copy_text(file.text, 0).decode()))
    for number, row in enumerate(rows, start=1):
        for place, (column, value) in enumerate(zip(columns, row, strict=True)):
            if not value:
                continue
            if column in NUMBER_COLUMNS:
                sheet.write_number(number, place, int(value))
            elif column.startswith(DATE_PREFIXES):
                sheet.write_datetime(number, place, _moment(value), moment)
            else:
                sheet.write_string(number, place, value)
    workbook.close()


def _moment(text: str) -> datetime:
    if "T" in text:
        return datetime.fromisoformat(text)
    return datetime.strptime(text, DATE_FORMATS[len(text)])


def _refuse_strangers(directory: Path, expected: set[str]) -> None:
    """Other exports beside the sample's would change every total."""
    for feed in COLUMNS:
        for path in sorted((directory / feed).rglob("*")):
            name = path.relative_to(directory).as_posix()
            if path.is_file() and not path.name.startswith(".") and name not in expected:
                raise ValueError(
                    f"{directory} holds {name}, which is not of this sample; "
                    "empty the directory or choose another"
                )
