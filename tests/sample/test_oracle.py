"""The oracle reads the domain's definitions right: few records, figures counted by hand."""

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

import oracle
from conftest import REFERENCE, read_table
from motcua.landing.feeds import FEEDS

Rows = list[dict[str, str]]
Figures = Callable[..., dict[str, oracle.Table]]

UNIT = "01.X99"
DEFAULTS = {
    "cases": {
        "MaTTHC": "P1",
        "MaDonVi": UNIT,
        "KenhThucHien": "1",
        "NgayHenTra": "20210310",
        "TrangThaiHoSo": "4",
    },
    "steps": {"MaBuoc": "1", "NgayBatDau": "01/03/2021"},
    "supplements": {},
    "petitions": {"MaDonVi": UNIT},
    "procedures": {
        "TenTTHC": "Cấp giấy",
        "MaDonVi": UNIT,
        "NiemYetTaiTrungTam": "1",
        "NhanTraTaiTrungTam": "1",
        "CongKhai": "2",
        "MucDo": "2",
    },
    "ratings": {"MaDonVi": UNIT, "MaKiosk": "K1", "Quay": "1"},
    "late_reviews": {"NgayXacNhan": "01/07/2021"},
    "external_counts": {"MaDonVi": UNIT, "HeThong": "GPLX"},
}


def write_pack(folder: Path, **settings: str) -> None:
    """A pack of one unit and one half-year, 15/12/2020 to 15/06/2021, known on 30/06/2021."""
    folder.mkdir()
    for name in ("rule_sets", "scoring_rules", "calendar", "kiosks"):
        (folder / f"{name}.csv").write_bytes((REFERENCE / f"{name}.csv").read_bytes())
    rule_set = read_table(REFERENCE / "rule_sets.csv")[0] | settings
    period = {
        "period_code": "2021-H1",
        "kind": "half_year",
        "cases_from": "2020-12-15",
        "cases_to": "2021-06-15",
        "ratings_from": "2020-12-15",
        "ratings_to": "2021-06-30",
        "processes_as_of": "2021-06-15",
        "known_as_of": "2021-06-30",
        "publish_on": "2021-07-01",
        "rule_set": rule_set["rule_set"],
    }
    unit = {
        "unit_code": UNIT,
        "display_order": "1",
        "name_vi": "Sở A",
        "valid_from": "2018-01-01",
        "valid_to": "",
    }
    for name, row in (("rule_sets", rule_set), ("reporting_periods", period), ("units", unit)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)


def write_export(landing: Path, name: str, rows: Rows) -> None:
    """One export file; what a row does not say is empty or the feed's usual value."""
    feed = name.rsplit("_20", 1)[0]
    day = name.removeprefix(f"{feed}_")[:10]
    landing.mkdir(exist_ok=True)
    with (landing / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in FEEDS[feed].columns], restval="")
        writer.writeheader()
        for row in rows:
            usual = DEFAULTS[feed] | ({"NgayCapNhat": day} if FEEDS[feed].changed_at else {})
            usual = {name: value for name, value in usual.items() if name in writer.fieldnames}
            writer.writerow(usual | row)


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    """Writes exports (file name → rows) and a pack (settings), and gives the oracle's figures."""

    def compute(exports: dict[str, Rows], **settings: str) -> dict[str, oracle.Table]:
        for name, rows in exports.items():
            write_export(tmp_path / "landing", name, rows)
        pack = tmp_path / f"pack_{'_'.join(settings.values())}"
        if not pack.exists():
            write_pack(pack, **settings)
        return oracle.figures(tmp_path / "landing", pack, "2021-H1")

    return compute


def case(code: str, received: str = "01/03/2021", **row: str) -> dict[str, str]:
    return {"MaHoSo": code, "NgayTiepNhan": received} | row


def finished(code: str, day: str, received: str = "01/03/2021", **row: str) -> dict[str, str]:
    return case(code, received, NgayKetThucXuLy=day, TrangThaiHoSo="9", **row)


def test_received_in_the_window_counts_even_when_it_is_said_to_have_ended_before(
    figures: Figures,
) -> None:
    """A corrected receipt date can lie after the end: received within, and not settled within."""
    row = figures(
        {"cases_2021-06-18.csv": [finished("end before receipt", "14/12/2020", "15/12/2020")]}
    )["appendix_1"][UNIT]
    assert {name for name, value in row.items() if value} == {
        *("total", "newly_received", "in_progress_total", "in_progress_overdue")
    }


def test_windows_population_and_timeliness(figures: Figures) -> None:
    row = figures(
        {
            "cases_2021-06-18.csv": [
                case("registered", TrangThaiHoSo="1"),
                case("refused", TrangThaiHoSo="3"),
                finished("cancelled", "05/03/2021", DaXoa="1"),
                finished("before", "14/12/2020", "01/12/2020"),
                finished("carried, early", "15/12/2020", "14/12/2020"),
                finished("on time", "10/03/2021 16:00"),
                finished("without a due date", "10/03/2021", NgayHenTra=""),
                finished("late", "11/03/2021", KenhThucHien="2"),
                finished("after", "16/06/2021", NgayHenTra="16/06/2021"),
                case("due on the last day", NgayHenTra="15/06/2021"),
                case("overdue", NgayHenTra="14/06/2021"),
                case("received after", "16/06/2021"),
                case("returned before", "01/12/2020", TrangThaiHoSo="7", NgayTra="14/12/2020"),
                case("returned", TrangThaiHoSo="8", NgayKetThucXuLy="08/03/2021"),
                case("returned after", TrangThaiHoSo="7", NgayTra="16/06/2021", NgayHenTra=""),
                finished("by post", "05/03/2021", HinhThuc="1", NgayTra="08/03/2021"),
                finished("not yet posted", "05/03/2021", HinhThuc="1"),
            ]
        }
    )["appendix_1"][UNIT]
    assert row == {
        "total": 10,
        "carried_over": 1,
        "newly_received": 9,
        "settled_total": 6,
        "settled_early": 3,
        "settled_on_time": 2,
        "settled_late": 1,
        "settled_late_after_review": 1,
        "in_progress_total": 4,
        "in_progress_in_time": 3,
        "in_progress_overdue": 1,
        "returned": 1,
        "received_online": 1,
        "returned_by_post": 1,
        "counted_externally": 0,
    }


def test_finish_dates_that_the_export_leaves_out(figures: Figures) -> None:
    row = figures(
        {
            "cases_2021-03-09.csv": [case("by business date", TrangThaiHoSo="9")],
            "cases_2021-03-11.csv": [
                case("by handover", TrangThaiHoSo="10", NgayTra="09/03/2021"),
                case("status behind", NgayKetThucXuLy="09/03/2021"),
                case("told back", TrangThaiHoSo="8"),
            ],
            "cases_2021-06-20.csv": [case("told back", TrangThaiHoSo="8", GhiChu="again")],
        }
    )["appendix_1"][UNIT]
    assert (row["settled_early"], row["returned"], row["total"]) == (3, 1, 3)


def test_returned_cases_may_count_as_settled(figures: Figures) -> None:
    exports = {
        "cases_2021-06-18.csv": [
            case("returned late", TrangThaiHoSo="7", NgayTra="12/03/2021"),
            case("returned before", "01/12/2020", TrangThaiHoSo="7", NgayTra="14/12/2020"),
        ]
    }
    outside = figures(exports)["appendix_1"][UNIT]
    assert (outside["total"], outside["returned"]) == (0, 1)
    settled = figures(exports, returned_bucket="settled")["appendix_1"][UNIT]
    assert (settled["total"], settled["settled_late"], settled["returned"]) == (1, 1, 1)


def test_timestamps_decide_where_the_rule_set_says_so(figures: Figures) -> None:
    exports = {
        "cases_2021-06-18.csv": [
            finished("same day", "20210310150000", NgayHenTra="20210310170000"),
            finished("same second", "20210310170000", NgayHenTra="20210310170000"),
            finished("a second late", "20210310170001", NgayHenTra="20210310170000"),
        ]
    }
    assert figures(exports)["appendix_1"][UNIT]["settled_on_time"] == 3
    row = figures(exports, timeliness_mode="timestamp")["appendix_1"][UNIT]
    assert [row[f"settled_{how}"] for how in ("early", "on_time", "late")] == [1, 1, 1]


def test_supplement_requests_move_the_due_date(figures: Figures) -> None:
    request = {"MaHoSo": "moved", "NgayHenTraTruoc": "10/03/2021"}
    exports = {
        "cases_2021-03-01.csv": [case("moved"), case("promised again")],
        "cases_2021-06-18.csv": [
            finished("moved", "20/03/2021"),
            finished("promised again", "20/03/2021", NgayHenTra="25/03/2021"),
        ],
        "supplements_2021-06-18.csv": [
            request
            | {"HoSoBoSungId": "9", "NgayBoSung": "08/03/2021", "NgayHenTraMoi": "01/04/2021"},
            request
            | {"HoSoBoSungId": "10", "NgayBoSung": "08/03/2021", "NgayHenTraMoi": "20/03/2021"},
            request | {"HoSoBoSungId": "11", "NgayBoSung": "09/03/2021"},
        ],
    }
    row = figures(exports)["appendix_1"][UNIT]
    assert (row["settled_on_time"], row["settled_early"]) == (1, 1)
    original = figures(exports, due_date="original_due")["appendix_1"][UNIT]
    assert original["settled_late"] == 2


def test_reviews_excuse_cases_handed_over_in_time(figures: Figures) -> None:
    review = {"NguyenNhan": "1", "NgayTraThucTe": "10/03/2021", "NgayXacNhan": "18/06/2021"}
    computed = figures(
        {
            "cases_2021-06-18.csv": [
                finished(code, "12/03/2021") for code in ("excused", "handed over late", "waiting")
            ]
            + [finished("reviewed too late", "15/03/2021")],
            "late_reviews_2021-06-18.csv": [
                review | {"MaHoSo": "excused", "DaXinLoi": "1"},
                review | {"MaHoSo": "handed over late", "NgayTraThucTe": "11/03/2021"},
                review | {"MaHoSo": "waiting", "NguyenNhan": "3"},
            ],
            "late_reviews_2021-07-01.csv": [review | {"MaHoSo": "reviewed too late"}],
        }
    )
    assert computed["appendix_1"][UNIT]["settled_late"] == 4
    assert computed["appendix_1"][UNIT]["settled_late_after_review"] == 3
    late = computed["late_cases"]
    # 10/03/2021 was a Wednesday; a weekend lies before the 15th.
    assert {code: row["days_late"] for code, row in late.items()} == {
        "excused": 2,
        "handed over late": 2,
        "waiting": 2,
        "reviewed too late": 3,
    }
    assert late["excused"]["apology_sent"] is True
    assert late["reviewed too late"]["reviewed"] is False


def test_external_counts_need_the_periods_own_window(figures: Figures) -> None:
    counts = {"KyTruoc": "2", "TiepNhanMoi": "3", "TruocHan": "4", "DangXuLyConHan": "1"}
    row = figures(
        {
            "external_counts_2021-06-20.csv": [
                counts | {"TuNgay": "15/12/2020", "DenNgay": "15/06/2021"},
                counts | {"TuNgay": "15/12/2020", "DenNgay": "31/03/2021"},
            ]
        }
    )["appendix_1"][UNIT]
    assert (row["total"], row["settled_early"], row["counted_externally"]) == (5, 4, 5)


def test_presses_count_once_however_often_they_are_told(figures: Figures) -> None:
    press = {"SoThuTu": "7", "ThoiGian": "2021-03-04T09:00:00", "NutDanhGia": "1"}
    row = figures(
        {
            "ratings_2021-03-04_K1.csv": [press, press],
            "ratings_2021-03-05.csv": [press | {"ThoiGian": "04/03/2021 09:00:00"}],
            "ratings_2021-03-06.csv": [press | {"NutDanhGia": "3"}],
            "ratings_2021-07-01.csv": [press | {"SoThuTu": "8"}],
        }
    )["appendix_2"][UNIT]
    assert (row["satisfied_service"], row["dissatisfied_competence"], row["total"]) == (1, 1, 2)


def test_revisions_replace_and_later_days_win(figures: Figures) -> None:
    row = figures(
        {
            "cases_2021-03-04.csv": [case("gone"), case("kept elsewhere")],
            "cases_2021-03-04_A.csv": [case("part")],
            "cases_2021-03-04_r2.csv": [case("revised")],
            "cases_2021-03-05.csv": [
                case("twice", NgayCapNhat="05/03/2021 09:00", KenhThucHien="2"),
                case("twice", NgayCapNhat="05/03/2021 08:00"),
            ],
        }
    )["appendix_1"][UNIT]
    assert (row["total"], row["received_online"]) == (3, 1)


def test_registers_on_a_day(figures: Figures) -> None:
    process = {"MaQuyTrinh": "Q1", "DonViThoiGian": "ngay"}
    computed = figures(
        {
            "procedures_2021-06-20.csv": [
                {"MaTTHC": "P1", "GhiChu": "b"} | process | {"NgayPheDuyet": "15/06/2021"},
                {"MaTTHC": "P2", "GhiChu": "a"} | process | {"NgayPheDuyet": "16/06/2021"},
                {"MaTTHC": "P3", "GhiChu": "b", "NgayHetHieuLuc": "15/06/2021"},
                {"MaTTHC": "P4", "NiemYetTaiTrungTam": "0"},
                {"MaTTHC": "P5", "DonViThoiGian": "gio"}
                | {"MaQuyTrinh": "Q5", "NgayPheDuyet": "01/06/2021"}
                | {"NgayCapNhatPhanMem": "10/06/2021"},
            ],
            "procedures_2021-06-25.csv": [{"MaTTHC": "P6"}],
        }
    )
    assert computed["appendix_4"][UNIT] == {
        "procedures_listed": 3,
        "processes_approved": 2,
        "processes_on_software": 1,
        "completion_percent": Decimal(50),
        "time_unit": "ngay_gio",
        "note": "b; a",
    }
    none = figures({"procedures_2021-06-20.csv": [{"MaTTHC": "P1"}]})["appendix_4"][UNIT]
    assert [none["processes_approved"], none["completion_percent"]] == [None, None]


def test_indicators_of_a_few_cases(figures: Figures) -> None:
    exports: dict[str, Rows] = {
        "cases_2021-06-18.csv": [
            finished("A", "09/03/2021", KenhThucHien="2"),
            finished("B", "09/03/2021"),
            finished("C", "10/03/2021"),
            finished("D", "11/03/2021"),
        ],
        "steps_2021-06-18.csv": [
            {"MaHoSo": "A", "ThoiDiemXuLy": "02/03/2021", "NgayKetThucTheoQuyDinh": "03/03/2021"},
            {"MaHoSo": "B", "ThoiDiemXuLy": "02/03/2021", "NgayKetThucTheoQuyDinh": "03/03/2021"},
            {
                "MaHoSo": "B",
                "MaBuoc": "2",
                "ThoiDiemXuLy": "04/03/2021",
                "NgayKetThucTheoQuyDinh": "03/03/2021",
            },
            {"MaHoSo": "C", "ThoiDiemXuLy": "02/03/2021"},
        ],
        "supplements_2021-06-18.csv": [
            {"MaHoSo": "A", "HoSoBoSungId": "1", "NgayBoSung": "02/03/2021", "LoiNguoiNop": "1"},
            {"MaHoSo": "B", "HoSoBoSungId": "2", "NgayBoSung": "02/03/2021"},
            {"MaHoSo": "B", "HoSoBoSungId": "3", "NgayBoSung": "03/03/2021"}
            | {"SoCoQuanLienHe": "2", "LoiNguoiNop": "0"},
            {"MaHoSo": "C", "HoSoBoSungId": "4", "NgayBoSung": "03/03/2021"}
            | {"SoCoQuanLienHe": "1"},
        ],
        "procedures_2021-06-01.csv": [
            {"MaTTHC": "P1", "MucDo": "3"},
            {"MaTTHC": "P2"},
            {"MaTTHC": "P3", "TaiCho": "1"},
        ],
        "petitions_2021-06-18.csv": [
            {"MaPAKN": "1", "NgayTiepNhan": "01/03/2021", "HanXuLy": "08/03/2021"}
            | {"NgayXuLy": "08/03/2021", "MaHoSo": "A", "LoaiPhanAnh": "1", "KetLuan": "1"},
            {"MaPAKN": "2", "NgayTiepNhan": "01/06/2021", "HanXuLy": "15/06/2021"},
        ],
    }
    card = figures(exports)["scorecard"][UNIT]
    # 1: (2+2+1+0)/4 = 1.25; 2: A 2, B 0, C and D have no such step; 3: A 1, B 0, C 1, D 2;
    # 4: A 2, B 0, C 1, D 2; 7: A 0 for its petition, so 3/4 = 0.75.
    scores = {f"indicator_{n}": Decimal(score) for n, score in (
        (1, "1.3"), (2, "1.0"), (3, "1.0"), (4, "1.3"), (7, "0.8"),
    )}  # fmt: skip
    # 5: a third on the spot; 6: all public; 8: all in time; 9: a third of level 3, 25 % online.
    scores |= {f"indicator_{n}": Decimal(score) for n, score in ((5, 2), (6, 2), (8, 2), (9, 1))}
    assert {name: card[name] for name in scores} == scores
    assert card["form_1_total"] == Decimal("5.4")
    assert card["form_2_total"] == 7
    assert (card["total"], card["band"], card["rank"]) == (Decimal("12.4"), "tốt", 1)
    # Unrounded, form 1 is 1.25 + 1 + 1 + 1.25 + 0.75.
    unrounded = figures(exports, total_of="unrounded")["scorecard"][UNIT]
    assert (unrounded["form_1_total"], unrounded["total"]) == (Decimal("5.3"), Decimal("12.3"))
    finer = figures(exports, rounding_digits="2")["scorecard"][UNIT]
    assert finer["indicator_1"] == Decimal("1.25")


def test_a_unit_without_evidence_has_no_total(figures: Figures) -> None:
    card = figures({"procedures_2021-06-01.csv": [{"MaTTHC": "P1"}]})["scorecard"][UNIT]
    assert card["indicator_8"] == 2
    missing = ("indicator_1", "indicator_2", "indicator_7", "form_1_total", "total", "band", "rank")
    assert [card[name] for name in missing] == [None] * len(missing)
    assert card["form_2_total"] == 5


@pytest.mark.parametrize(("denominator", "points"), [("eligible", 2), ("all", 0)])
def test_online_shares_of_eligible_or_all_cases(
    figures: Figures, denominator: str, points: int
) -> None:
    card = figures(
        {
            "cases_2021-06-18.csv": [
                finished("online", "09/03/2021", KenhThucHien="2"),
                *(finished(f"at the counter {n}", "09/03/2021", MaTTHC="P2") for n in range(9)),
            ],
            "procedures_2021-06-01.csv": [{"MaTTHC": "P1", "MucDo": "4"}, {"MaTTHC": "P2"}],
        },
        online_denominator=denominator,
    )["scorecard"][UNIT]
    assert card["indicator_9"] == points
