"""Another province is another folder: other units, other windows, no change of code.

The pack and the exports are made up here; the expected figures are counted straight from the list
of made-up cases, without files, database or the project's code.
"""

import csv
import random
import re
import shutil
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import openpyxl
import psycopg
import pytest

from commands import motcua
from motcua import settings

UNITS = {"K01": "Sở Một", "K02": "Sở Hai", "K03": "Sở Ba"}
FROM, TO, KNOWN = date(2018, 12, 15), date(2019, 6, 15), date(2019, 6, 21)
FIRST_DAY = date(2018, 12, 3)
PERIOD = "HK1-2019"
LAW = "Quyết định 7/QĐ-UBND của tỉnh khác"
ALIAS = "So Hai (cu)"
"""Another spelling of K02, which every other of its exports uses."""
MISTYPED = 8
"""Number of the case whose due date has the wrong century."""


def workday(day: date) -> date:
    while day.weekday() > 4:
        day += timedelta(1)
    return day


def made_up_cases() -> list[dict[str, object]]:
    """300 cases: when received, due, finished (or not), and on which day the finish was told."""
    draw = random.Random(20190615)
    cases: list[dict[str, object]] = []
    for number in range(300):
        received = workday(FIRST_DAY + timedelta(draw.randrange(205)))
        finished = workday(received + timedelta(draw.randrange(25))) if number % 7 else None
        told = workday(finished + timedelta(draw.choice([0, 0, 0, 4]))) if finished else None
        unit = draw.choice(list(UNITS))
        due = received + timedelta(draw.randrange(3, 20))
        if number == MISTYPED:
            due = due.replace(year=1919)
        cases.append(
            {
                "code": f"{unit}-{received:%y%m%d}-{number:04d}",
                "received": received,
                "due": due,
                "finished": finished,
                "told": told,
                "online": number % 3 == 0,
                "returned": number % 41 == 0,
            }
        )
    return cases


def expected(cases: list[dict[str, object]]) -> dict[str, Counter[str]]:
    """The definitions of appendix I, in a few lines."""
    figures: dict[str, Counter[str]] = {unit: Counter() for unit in UNITS}
    for case in cases:
        counts = figures[str(case["code"]).split("-")[0]]
        received, due = case["received"], case["due"]
        finished = case["finished"] if case["told"] and case["told"] <= KNOWN else None  # type: ignore[operator]
        if received > TO or received > KNOWN or (finished and finished < FROM):  # type: ignore[operator]
            continue
        if case["returned"] and finished and finished <= TO:  # type: ignore[operator]
            counts["returned"] += 1
            continue
        new = received >= FROM  # type: ignore[operator]
        counts["newly_received" if new else "carried_over"] += 1
        counts["received_online"] += bool(case["online"])
        if finished and finished <= TO and not case["returned"]:  # type: ignore[operator]
            kind = "early" if finished < due else "on_time" if finished == due else "late"  # type: ignore[operator]
            counts[f"settled_{kind}"] += 1
        else:
            counts["in_progress_overdue" if due < TO else "in_progress_in_time"] += 1  # type: ignore[operator]
    return figures


def write_pack(folder: Path) -> None:
    """A pack of three units and one half-year, from 15 December to 15 June."""
    folder.mkdir()
    pack = settings.PROJECT / "reference" / "soc_trang"
    for name in ("rule_sets", "scoring_rules"):
        text = (pack / f"{name}.csv").read_text().replace("qd1216_2019", "rules_of_here")
        text = text.replace(",2019-01-01,", ",2018-01-01,").replace(",15,12,9,6", ",14,11,8,5")
        text = re.sub(r"Quyết định 1216/QĐ-UBND( ngày 26/4/2019)?", LAW, text)
        text = text.replace("on_the_spot_share,20,", "on_the_spot_share,35,")
        (folder / f"{name}.csv").write_text(text)
    tables = {
        "units": [
            "unit_code,display_order,name_vi,name_en,valid_from,valid_to,successor_code",
            *(
                f"{code},{place},{name},Department {place},2018-01-01,,"
                for place, (code, name) in enumerate(UNITS.items(), 1)
            ),
        ],
        "unit_aliases": ["alias,unit_code", f"{ALIAS},K02"],
        "kiosks": ["kiosk,counter,unit_code,valid_from,valid_to"],
        "calendar": ["date,is_working_day,note", "2019-01-01,0,Tết Dương lịch"],
        "feeds": [
            "feed,expected,expected_from",
            f"cases,working_days,{FIRST_DAY}",
            *(
                f"{feed},on_change,{FIRST_DAY}"
                for feed in (
                    "steps",
                    "supplements",
                    "petitions",
                    "procedures",
                    "ratings",
                    "late_reviews",
                    "external_counts",
                )
            ),
        ],
        "reporting_periods": [
            "period_code,kind,label_vi,label_en,cases_from,cases_to,ratings_from,ratings_to,"
            "processes_as_of,known_as_of,publish_on,rule_set",
            f"{PERIOD},half_year,Nửa năm,Half-year,{FROM},{TO},{FROM},{TO},{TO},{KNOWN},{KNOWN},"
            "rules_of_here",
        ],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_exports(folder: Path, cases: list[dict[str, object]]) -> None:
    """A file of cases for every weekday, and ratings of one day."""
    header = [
        *("MaHoSo", "MaTTHC", "MaDonVi", "KenhThucHien", "NgayTiepNhan", "NgayHenTra"),
        *("NgayKetThucXuLy", "TrangThaiHoSo", "NgayCapNhat"),
    ]
    days: dict[date, list[list[object]]] = {
        FIRST_DAY + timedelta(n): [] for n in range((KNOWN - FIRST_DAY).days + 20)
    }
    for case in cases:
        code, unit = case["code"], str(case["code"]).split("-")[0]
        if unit == "K02" and str(code).endswith(("0", "2", "4", "6", "8")):
            unit = ALIAS
        start = [
            code,
            "1.000",
            unit,
            2 if case["online"] else 1,
            f"{case['received']:%d/%m/%Y 08:00}",
        ]
        due = f"{case['due']:%Y%m%d170000}"
        received, told = case["received"], case["told"]
        rows = [(received, [*start, due, "", 4])]
        if told:
            status = 7 if case["returned"] else 9
            rows.append((told, [*start, due, f"{case['finished']:%Y-%m-%dT15:00:00}", status]))
        for day, row in rows:
            if day in days:
                days[day].append([*row, f"{day:%Y%m%d}170000"])  # type: ignore[index, misc]
    for day, rows_of_day in days.items():
        if day.weekday() > 4:
            continue
        path = folder / "cases" / f"cases_{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *rows_of_day])
    path = folder / "ratings" / "ratings_2019-05-06.csv"
    path.parent.mkdir()
    path.write_text(
        "MaKiosk,Quay,SoThuTu,MaDonVi,ThoiGian,NutDanhGia\n"
        "A,1,1,K01,06/05/2019 08:00,1\nA,1,2,K01,06/05/2019 08:05,4\nA,1,2,K01,06/05/2019 08:05,4\n"
        "A,1,3,K03,06/05/2019 08:07,2\n"
    )


def test_another_province_is_another_folder(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = made_up_cases()
    write_pack(tmp_path / "pack")
    write_exports(tmp_path / "landing", cases)
    monkeypatch.setenv("MOTCUA_REFERENCE", str(tmp_path / "pack"))
    shutil.rmtree(tmp_path / "publications", ignore_errors=True)

    assert motcua("check-reference").returncode == 0
    for arguments in (["ingest"], ["build"], ["publish", PERIOD, "--approved-by", "Nguyễn Văn A"]):
        done = motcua(*arguments)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        if arguments == ["build"]:
            assert "A due date cannot lie before the receipt" in done.stdout
            assert cases[MISTYPED]["code"] in done.stdout

    figures = expected(cases)
    columns = (
        "carried_over",
        "newly_received",
        "settled_early",
        "settled_on_time",
        "settled_late",
        "in_progress_in_time",
        "in_progress_overdue",
        "returned",
        "received_online",
    )
    with psycopg.connect(empty_database) as connection:
        table = connection.execute(
            f"select unit_code, {', '.join(columns)} from published.appendix_1"
        ).fetchall()
        ratings = connection.execute(
            "select unit_code, satisfied_service, satisfied_attitude, dissatisfied_time, total"
            " from published.appendix_2 order by display_order"
        ).fetchall()
        scores = connection.execute(
            "select unit_code, received, settled, indicator_1, indicator_2, indicator_3, total"
            " from published.scorecard order by display_order"
        ).fetchall()
    assert {row[0]: dict(zip(columns, row[1:], strict=True)) for row in table} == {
        unit: {column: counts[column] for column in columns} for unit, counts in figures.items()
    }
    assert ratings == [("K01", 1, 0, 1, 2), ("K02", 0, 0, 0, 0), ("K03", 0, 1, 0, 1)]
    for unit, received, settled, indicator_1, indicator_2, indicator_3, total in scores:
        counts = figures[unit]
        points = 2 * counts["settled_early"] + counts["settled_on_time"]
        number = sum(counts[f"settled_{kind}"] for kind in ("early", "on_time", "late"))
        mean = (Decimal(points) / number).quantize(Decimal("0.1"), ROUND_HALF_UP)
        assert (received, settled) == (counts["newly_received"], number)
        # No steps and no register of procedures came: those indicators and the total are missing.
        assert (indicator_1, indicator_2, indicator_3, total) == (mean, None, 2, None)
    assert list((tmp_path / "publications").rglob("*.xlsx")), "the publication has a workbook"
    assert_traces_tell_the_rules_of_here()


def assert_traces_tell_the_rules_of_here() -> None:
    """Law, levels and thresholds are those that the release pinned, not those of Sóc Trăng."""
    for column, said in (
        ("band", "xuất sắc ≥ 14; tốt ≥ 11; khá ≥ 8; trung bình ≥ 5; còn lại yếu"),
        ("indicator_5", "2: on_the_spot_share ≥ % 35"),
        ("received", "Bộ quy tắc rules_of_here"),
    ):
        traced = motcua("trace", f"{PERIOD}.r1", "scorecard", "K02", column)
        assert traced.returncode == 0, traced.stderr
        assert said in traced.stdout
        sources = [line for line in traced.stdout.splitlines() if "Nguồn:" in line]
        assert sources
        assert LAW in sources[0]
        assert "1216" not in traced.stdout


def write_kiosks(folder: Path) -> None:
    """Two kiosks whose ratings are expected on the last days before the period is known."""
    (folder / "kiosks.csv").write_text(
        "kiosk,counter,unit_code,valid_from,valid_to\nA,1,K01,2018-01-01,\nB,2,K02,2018-01-01,\n"
    )
    feeds = (folder / "feeds.csv").read_text()
    feeds = feeds.replace(f"ratings,on_change,{FIRST_DAY}", "ratings,working_days,2019-06-12")
    (folder / "feeds.csv").write_text(feeds)


def write_ratings(folder: Path, kiosk: str, days: list[int]) -> None:
    """Files of days of June 2019 without a press."""
    for day in days:
        path = folder / "ratings" / f"ratings_2019-06-{day}_{kiosk}.csv"
        path.write_text("MaKiosk,Quay,SoThuTu,MaDonVi,ThoiGian,NutDanhGia\n")


def write_busy_days(folder: Path, first: date, last: date) -> None:
    """200 more cases on each weekday up to `last`, and no file after the next day."""
    for path in (folder / "cases").iterdir():
        day = date.fromisoformat(path.stem.removeprefix("cases_"))
        if day > last + timedelta(1):
            path.unlink()
        elif first <= day <= last:
            with path.open("a", encoding="utf-8", newline="") as handle:
                for number in range(200):
                    code, when = f"K01-{day:%y%m%d}-B{number:03d}", f"{day:%Y%m%d}080000"
                    csv.writer(handle).writerow([code, "1.000", "K01", 1, when, "", "", 4, when])


def test_missing_and_thin_days_of_another_province_are_waived_by_name_or_refuse(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = tmp_path / "landing"
    write_pack(tmp_path / "pack")
    write_kiosks(tmp_path / "pack")
    write_exports(landing, made_up_cases())
    # 12 June 2019 is a Wednesday. Kiosk B is silent on Friday 14, both on Wednesday 19.
    write_ratings(landing, "A", [12, 13, 14, 17, 18, 20, 21])
    write_ratings(landing, "B", [12, 13, 17, 18, 20, 21])
    # Missing before the window, within it, and past it; the holiday is in this calendar. On Friday
    # 21 June next to nothing is told.
    for day in ("2018-12-07", "2019-03-04", "2019-06-20"):
        (landing / "cases" / f"cases_{day}.csv").unlink()
    (landing / "cases" / "cases_2019-01-01.csv").unlink()
    write_busy_days(landing, date(2019, 5, 20), date(2019, 6, 20))
    bad = landing / "cases" / "cases_2019-03-05.csv"
    bad.write_text("MaHoSo,MaDonVi\nK01-1,K01\n")
    monkeypatch.setenv("MOTCUA_REFERENCE", str(tmp_path / "pack"))
    assert motcua("ingest").returncode == 0
    thin = motcua("build")
    assert thin.returncode == 3
    assert "Rows: 1: 2019-06-21 " in thin.stderr
    assert motcua("build", "--waive", "Lê C", "--reason", "nghỉ họp").returncode == 0
    again = motcua("build", "--waive", "Lê C", "--reason", "nghỉ họp")
    assert (again.returncode, "nothing to waive" in again.stderr) == (3, True)

    status = motcua("status", "--today", "2019-07-10").stdout
    assert "3 working days without a file: 2018-12-07, 2019-03-04, 2019-06-20\n" in status
    assert "1 working days with quarantined files only (motcua rejects): 2019-03-05\n" in status
    assert "without a file: 2019-06-14 (B), 2019-06-19" in status

    publish = ["publish", PERIOD, "--approved-by", "Nguyễn Văn A"]
    refused = motcua(*publish)
    assert refused.returncode == 3
    assert (
        "Missing days: 6: cases 2018-12-07, 2019-03-04, 2019-03-05, 2019-06-20;"
        " ratings 2019-06-14 (B), 2019-06-19." in refused.stderr
    )
    assert motcua(*publish, "--waive", "Trần Thị B").returncode == 3, "a reason is needed"

    waiver = ["--waive", "Trần Thị B", "--reason", "cúp điện"]
    released = motcua(*publish, *waiver)
    assert released.returncode == 0, released.stdout + released.stderr
    again = motcua(*publish)
    assert again.returncode == 0
    assert "stands already" in again.stdout
    with psycopg.connect(empty_database) as connection:
        waivers = connection.execute(
            "select feed, to_char(day, 'YYYY-MM-DD'), name, reason from published.latest_waivers"
            " order by feed, day"
        ).fetchall()
    assert waivers == [
        *(
            ("cases", day, "Trần Thị B", "cúp điện")
            for day in ("2018-12-07", "2019-03-04", "2019-03-05", "2019-06-20")
        ),
        *(("ratings", day, "Trần Thị B", "cúp điện") for day in ("2019-06-14", "2019-06-19")),
    ]
    book = openpyxl.load_workbook(tmp_path / "publications" / f"{PERIOD}.r1.xlsx")
    foot = (
        "Thiếu tệp của các ngày: hồ sơ 07/12/2018, 04/03/2019, 05/03/2019, 20/06/2019; đánh giá"
        " 14/06/2019 (B), 19/06/2019. Người chấp nhận: Trần Thị B. Lý do: cúp điện."
    )
    records = len((landing / "cases" / "cases_2019-06-21.csv").read_text().splitlines()) - 1
    thin_foot = (
        f"Ngày có rất ít bản ghi: hồ sơ 21/06/2019 ({records} bản ghi). Người chấp nhận: Lê C."
        " Lý do: nghỉ họp."
    )
    for sheet in book:
        texts = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value]
        assert any(text.endswith(foot) for text in texts), sheet.title
        assert any(text.endswith(thin_foot) for text in texts), sheet.title
