"""The eight export feeds: their columns, what must hold in a record, and what is personal.

Source: section 1 of the contract; field names are those of the national synchronisation interface.
"""

from dataclasses import dataclass
from functools import cached_property

TEXT, TIME, WHOLE = "text", "time", "whole"


@dataclass(frozen=True)
class Column:
    """One column of an export file.

    kind: text, time (a local date or moment) or whole (a whole number).
    required: the column must be in the file and its value must not be empty.
    personal: the value stays in schema raw.
    codes: the whole numbers allowed; empty means any that is not negative.
    unit: the value must be a unit of the reference pack. kiosk: likewise a kiosk.
    empty_when: a whole-number column and the codes under which this one may be empty all the same.
    """

    name: str
    kind: str = TEXT
    required: bool = False
    personal: bool = False
    codes: tuple[int, ...] = ()
    unit: bool = False
    kiosk: bool = False
    empty_when: tuple[str, tuple[int, ...]] | None = None

    @property
    def sql_name(self) -> str:
        """Name of the column in schema raw."""
        return self.name.lower()


@dataclass(frozen=True)
class Feed:
    """One kind of export file; `changed_at` is the column that orders records of one day."""

    name: str
    columns: tuple[Column, ...]
    changed_at: str | None = "NgayCapNhat"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    @property
    def required(self) -> tuple[Column, ...]:
        """Columns without which a file is rejected."""
        return tuple(column for column in self.columns if column.required)


def _text(name: str, required: bool = False) -> Column:
    return Column(name, TEXT, required)


def _personal(name: str) -> Column:
    return Column(name, TEXT, personal=True)


def _time(name: str, required: bool = False) -> Column:
    return Column(name, TIME, required)


def _whole(name: str, *codes: int, required: bool = False) -> Column:
    return Column(name, WHOLE, required, codes=codes)


def _unit(required: bool = True) -> Column:
    return Column("MaDonVi", TEXT, required, unit=required)


NOT_RECEIVED = (1, 3)
"""Case statuses under which NgayTiepNhan may be empty: registered only, and not accepted."""

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        Feed(
            "cases",
            (
                _text("MaHoSo", required=True),
                _text("MaTTHC", required=True),
                _unit(),
                _whole("KenhThucHien", 1, 2, 3, required=True),
                _whole("MucDo", 2, 3, 4),
                _whole("LoaiDoiTuong", 1, 2, 3, 4),
                _personal("ChuHoSo"),
                _personal("SoGiayToChuHoSo"),
                _personal("SoDienThoai"),
                _personal("Email"),
                _personal("DiaChi"),
                _time("NgayNopHoSo"),
                Column(
                    "NgayTiepNhan", TIME, required=True, empty_when=("TrangThaiHoSo", NOT_RECEIVED)
                ),
                _time("NgayHenTra"),
                _time("NgayKetThucXuLy"),
                _time("NgayTra"),
                _whole("HinhThuc", 0, 1),
                _whole("TrangThaiHoSo", *range(1, 11), required=True),
                _personal("NguoiTiepNhan"),
                _personal("NguoiXuLy"),
                _personal("GhiChu"),
                _whole("DaXoa", 0, 1),
                _time("NgayCapNhat", required=True),
            ),
        ),
        Feed(
            "steps",
            (
                _text("MaHoSo", required=True),
                _text("MaBuoc", required=True),
                _unit(required=False),
                _text("PhongBanXuLy"),
                _personal("NguoiXuLy"),
                _time("NgayBatDau", required=True),
                _time("NgayKetThucTheoQuyDinh"),
                _time("ThoiDiemXuLy"),
                _text("TrangThai"),
                _time("NgayCapNhat", required=True),
            ),
        ),
        Feed(
            "supplements",
            (
                _text("HoSoBoSungId", required=True),
                _text("MaHoSo", required=True),
                _time("NgayBoSung", required=True),
                _time("NgayTiepNhanBoSung"),
                _time("NgayHenTraTruoc"),
                _time("NgayHenTraMoi"),
                _whole("LoiNguoiNop", 0, 1),
                _whole("SoCoQuanLienHe"),
                _personal("NoiDungBoSung"),
                _time("NgayCapNhat", required=True),
            ),
        ),
        Feed(
            "petitions",
            (
                _text("MaPAKN", required=True),
                _unit(),
                _text("MaHoSo"),
                _whole("LoaiPhanAnh", 1, 2, 3),
                _time("NgayTiepNhan", required=True),
                _time("HanXuLy"),
                _time("NgayXuLy"),
                _whole("KetLuan", 0, 1),
                _whole("KeoDai", 0, 1),
                _time("NgayCapNhat", required=True),
            ),
        ),
        Feed(
            "procedures",
            (
                _text("MaTTHC", required=True),
                _text("TenTTHC", required=True),
                _unit(),
                _text("MaLinhVuc"),
                _text("TenLinhVuc"),
                _whole("MucDo", 1, 2, 3, 4),
                _whole("NiemYetTaiTrungTam", 0, 1),
                _whole("TaiCho", 0, 1),
                _whole("NhanTraTaiTrungTam", 0, 1),
                _whole("CongKhai", 0, 1, 2),
                _text("MaQuyTrinh"),
                _text("SoQuyetDinh"),
                _time("NgayPheDuyet"),
                _text("DonViThoiGian"),
                _time("NgayCapNhatPhanMem"),
                _text("GhiChu"),
                _time("NgayHetHieuLuc"),
                _time("NgayCapNhat", required=True),
            ),
        ),
        Feed(
            "ratings",
            (
                Column("MaKiosk", TEXT, True, kiosk=True),
                _text("Quay", required=True),
                _text("SoThuTu", required=True),
                _unit(),
                _personal("MaCanBo"),
                _time("ThoiGian", required=True),
                _whole("NutDanhGia", 1, 2, 3, 4, 5, required=True),
                _personal("NoiDung"),
            ),
            changed_at=None,
        ),
        Feed(
            "late_reviews",
            (
                _text("MaHoSo", required=True),
                _whole("NguyenNhan", 1, 2, 3, 4, required=True),
                _time("NgayTraThucTe"),
                _text("SoVanBan"),
                _personal("NguoiXacNhan"),
                _time("NgayXacNhan", required=True),
                _whole("DaXinLoi", 0, 1),
            ),
            changed_at="NgayXacNhan",
        ),
        Feed(
            "external_counts",
            (
                _text("HeThong", required=True),
                _unit(),
                _time("TuNgay", required=True),
                _time("DenNgay", required=True),
                *(
                    _whole(name)
                    for name in (
                        "KyTruoc",
                        "TiepNhanMoi",
                        "TruocHan",
                        "DungHan",
                        "QuaHan",
                        "DangXuLyConHan",
                        "DangXuLyQuaHan",
                        "TraLai",
                        "TrucTuyen",
                    )
                ),
                _time("NgayCapNhat", required=True),
            ),
        ),
    )
}
