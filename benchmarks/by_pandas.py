"""The exports loaded and counted with pandas, as practitioners do it.

What the benchmark `pipeline` compares with; it says how, and starts this in a process of its own:

    python by_pandas.py LANDING URL SECONDS
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy

CHUNK = 100_000
"""Records that are read and inserted at once."""

DIGITS, DAY, MINUTE, SECOND = "%Y%m%d%H%M%S", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"

TIMES = {
    "cases": {
        DIGITS: "NgayNopHoSo NgayTiepNhan NgayHenTra NgayKetThucXuLy NgayTra NgayCapNhat",
    },
    "steps": {DIGITS: "NgayBatDau NgayKetThucTheoQuyDinh ThoiDiemXuLy NgayCapNhat"},
    "supplements": {
        DAY: "NgayHenTraTruoc NgayHenTraMoi",
        SECOND: "NgayBoSung NgayTiepNhanBoSung NgayCapNhat",
    },
    "petitions": {MINUTE: "NgayTiepNhan HanXuLy NgayXuLy NgayCapNhat"},
    "procedures": {DAY: "NgayPheDuyet NgayCapNhatPhanMem NgayHetHieuLuc", SECOND: "NgayCapNhat"},
    "ratings": {"%Y-%m-%dT%H:%M:%S": "ThoiGian"},
    "late_reviews": {DAY: "NgayTraThucTe", SECOND: "NgayXacNhan"},
    "external_counts": {DAY: "TuNgay DenNgay", SECOND: "NgayCapNhat"},
}
"""Columns of times, by the form in which a feed writes them."""

KEPT = {
    "cases": [
        *("MaHoSo", "MaDonVi", "KenhThucHien", "TrangThaiHoSo", "DaXoa", "NgayTiepNhan"),
        *("NgayHenTra", "NgayKetThucXuLy", "NgayTra", "NgayCapNhat", "told_on"),
    ],
    "supplements": [
        *("HoSoBoSungId", "MaHoSo", "NgayBoSung", "NgayHenTraMoi", "NgayCapNhat", "told_on"),
    ],
    "ratings": [
        *("MaKiosk", "Quay", "SoThuTu", "MaDonVi", "ThoiGian", "NutDanhGia", "told_on"),
    ],
}
"""Columns that the figures need."""

FROM, TO, KNOWN = pd.Timestamp("2019-04-01"), pd.Timestamp("2019-06-15"), pd.Timestamp("2019-06-20")
"""The second quarter of 2019: its first and last day, and the day as of which it is known."""

BUTTONS = {
    "1": "satisfied_service",
    "2": "satisfied_attitude",
    "3": "dissatisfied_competence",
    "4": "dissatisfied_time",
    "5": "comments",
}

Counts = dict[str, dict[str, int]]


def run(landing: Path, address: str, seconds: float) -> dict[str, Any]:
    """Load every file, day by day, and count; figures: None when loading takes over `seconds`.

    Tells the share of bytes that were loaded, and what the imports took before: seconds of
    processor time, MB of memory.
    """
    start = time.monotonic()
    engine = sqlalchemy.create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1))
    paths = sorted(landing.rglob("*.csv"), key=lambda path: (day_of(path), path))
    total, loaded = sum(path.stat().st_size for path in paths), 0
    before = {"before": time.process_time(), "memory_before": _peak_memory()}
    kept: dict[str, list[pd.DataFrame]] = {feed: [] for feed in KEPT}
    for path in paths:
        feed = path.parent.parent.name
        told_on = day_of(path)
        with path.open(encoding="utf-8") as file:
            for frame in pd.read_csv(file, dtype=str, chunksize=CHUNK):
                _load(engine, feed, frame, told_on)
                if feed in kept:
                    kept[feed].append(frame[KEPT[feed]].copy())
                if time.monotonic() - start > seconds:
                    share = (loaded + file.buffer.tell()) / total
                    return before | {"share": share, "figures": None}
        loaded += path.stat().st_size
    frames = {feed: pd.concat(of_feed, ignore_index=True) for feed, of_feed in kept.items()}
    kept.clear()
    figures = {
        "appendix_1": appendix_1(frames["cases"], frames["supplements"]),
        "appendix_2": appendix_2(frames["ratings"]),
    }
    return before | {"share": 1.0, "figures": figures}


def day_of(path: Path) -> pd.Timestamp:
    """The business date in the name of a file, which comes after the name of its feed."""
    return pd.Timestamp(path.stem.removeprefix(f"{path.parent.parent.name}_")[:10])


def _load(engine: sqlalchemy.Engine, feed: str, frame: pd.DataFrame, told_on: pd.Timestamp) -> None:
    """Convert the times of a chunk, note its day, and insert it into the table of the feed."""
    for form, columns in TIMES[feed].items():
        for column in columns.split():
            frame[column] = pd.to_datetime(frame[column], format=form)
    frame["told_on"] = told_on
    frame.to_sql(feed, engine, if_exists="append", index=False)


def appendix_1(cases: pd.DataFrame, supplements: pd.DataFrame) -> Counts:
    """Cases of the quarter for each unit: origin, outcome, online."""
    known = cases[cases["told_on"] <= KNOWN]
    known = known.sort_values(["told_on", "NgayCapNhat"]).drop_duplicates("MaHoSo", keep="last")
    status = known["TrangThaiHoSo"]
    known = known[(known["DaXoa"] != "1") & ~status.isin(["1", "3"])].copy()
    status = known["TrangThaiHoSo"]

    asked = supplements[supplements["told_on"] <= KNOWN]
    asked = asked.sort_values(["told_on", "NgayCapNhat"])
    asked = asked.drop_duplicates("HoSoBoSungId", keep="last").dropna(subset="NgayHenTraMoi")
    moved = asked.sort_values("NgayBoSung").drop_duplicates("MaHoSo", keep="last")
    moved_to = known["MaHoSo"].map(moved.set_index("MaHoSo")["NgayHenTraMoi"])
    due = moved_to.fillna(known["NgayHenTra"]).dt.normalize()

    is_returned, is_settled = status.isin(["7", "8"]), status.isin(["9", "10"])
    ended = known["NgayKetThucXuLy"].copy()
    ended[is_returned | is_settled] = ended.fillna(known["NgayTra"]).fillna(known["told_on"])
    ended, received = ended.dt.normalize(), known["NgayTiepNhan"].dt.normalize()

    is_back = is_returned & ended.between(FROM, TO)
    is_old = is_returned & (ended < FROM)
    is_new = received.between(FROM, TO)
    is_carried = (received < FROM) & ~(ended < FROM)
    counts = (is_new | is_carried) & ~is_back & ~is_old
    in_quarter = counts & ended.between(FROM, TO)
    is_open = counts & ~ended.between(FROM, TO)
    marks = pd.DataFrame(
        {
            "carried_over": counts & is_carried,
            "newly_received": counts & is_new,
            "settled_early": in_quarter & (ended < due),
            "settled_on_time": in_quarter & ((ended == due) | due.isna()),
            "settled_late": in_quarter & (ended > due),
            "in_progress_in_time": is_open & ~(due < TO),
            "in_progress_overdue": is_open & (due < TO),
            "returned": is_back,
            "received_online": counts & (known["KenhThucHien"] == "2"),
        }
    )
    return _counts(marks.groupby(known["MaDonVi"]).sum())


def appendix_2(ratings: pd.DataFrame) -> Counts:
    """Presses of the quarter for each unit and button; equal rows are one press."""
    known = ratings[
        (ratings["told_on"] <= KNOWN)
        & (ratings["ThoiGian"] >= FROM)
        & (ratings["ThoiGian"] < TO + timedelta(days=1))
    ]
    presses = known.drop(columns="told_on").drop_duplicates()
    counted = presses.groupby(["MaDonVi", "NutDanhGia"]).size().unstack(fill_value=0)
    return _counts(counted.rename(columns=BUTTONS))


def _counts(frame: pd.DataFrame) -> Counts:
    return {
        str(unit): {str(name): int(n) for name, n in row.items() if n}
        for unit, row in frame.iterrows()
    }


def _peak_memory() -> float:
    status = Path("/proc/self/status").read_text()
    return next(
        int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")
    )


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
