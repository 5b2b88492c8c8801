"""Made-up records and files, written as every kind of source would write them."""

import csv
import io
from collections.abc import Iterable, Mapping

from motcua.landing.feeds import FEEDS

Record = dict[str, str]

UNIT = "000.00.01.H51"
OTHER_UNIT = "000.00.12.H51"


def case(number: int = 1, **changes: str) -> Record:
    """A good record of feed `cases`, in the order of the contract."""
    values = {
        "MaHoSo": f"{UNIT}-190304-{number:04}",
        "MaTTHC": "1.000012.000.00.00.H51",
        "MaDonVi": UNIT,
        "KenhThucHien": "1",
        "MucDo": "2",
        "LoaiDoiTuong": "1",
        "ChuHoSo": "Trần Thị Bích Ngọc",
        "SoDienThoai": "0912345678",
        "DiaChi": "12 Lê Hồng Phong, Phường 3",
        "NgayNopHoSo": "20190304074500",
        "NgayTiepNhan": "20190304080000",
        "NgayHenTra": "20190311170000",
        "TrangThaiHoSo": "2",
        "DaXoa": "0",
        "NgayCapNhat": "20190304080000",
    }
    return {column.name: "" for column in FEEDS["cases"].columns} | values | changes


def rating(number: int = 1, **changes: str) -> Record:
    """A good record of feed `ratings`."""
    return {
        "MaKiosk": "K01",
        "Quay": "Q01",
        "SoThuTu": f"{number:03}",
        "MaDonVi": UNIT,
        "MaCanBo": "",
        "ThoiGian": "20190304080000",
        "NutDanhGia": "1",
        "NoiDung": "",
    } | changes


def text_of(
    records: Iterable[Mapping[str, str]],
    feed: str = "cases",
    separator: str = ",",
    newline: str = "\n",
    quoting: "csv._QuotingType" = csv.QUOTE_MINIMAL,
    columns: Iterable[str] | None = None,
) -> str:
    """The text of a csv file with these records."""
    names = list(columns or (column.name for column in FEEDS[feed].columns))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerow(names)
    writer.writerows([record.get(name, "") for name in names] for record in records)
    return text.getvalue()


def csv_of(records: Iterable[Mapping[str, str]], feed: str = "cases", **how: str) -> bytes:
    """The bytes of a csv file in UTF-8."""
    return text_of(records, feed, **how).encode()
