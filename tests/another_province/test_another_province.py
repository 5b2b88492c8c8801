"""Another province is another folder: other units, other windows, no change of code.

The pack and the exports are made up here; the expected figures are counted straight from the list
of made-up cases, without files, database or the project's code.
"""

import csv
import random
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg
import pytest

from motcua import settings

UNITS = {"K01": "Sở Một", "K02": "Sở Hai", "K03": "Sở Ba"}
FROM, TO, KNOWN = date(2018, 12, 15), date(2019, 6, 15), date(2019, 6, 21)
FIRST_DAY = date(2018, 12, 3)
PERIOD = "HK1-2019"
ALIAS = "So Hai (cu)"
"""Another spelling of K02, which every other of its exports uses."""


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
        cases.append(
            {
                "code": f"{draw.choice(list(UNITS))}-{received:%y%m%d}-{number:04d}",
                "received": received,
                "due": received + timedelta(draw.randrange(3, 20)),
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
        (folder / f"{name}.csv").write_text(text.replace(",2019-01-01,", ",2018-01-01,"))
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


def motcua(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("motcua")), *arguments],
        capture_output=True,
        text=True,
        check=False,
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
