"""Appendices I and II of one quarter as practitioners count them: no history, checks or evidence.

What the benchmark `build` tells beside its own ways; it starts each in a process of its own:

    python practice.py sql|duckdb|pandas LANDING URL

sql      practice.sql on the tables of schema raw, in PostgreSQL
duckdb   the same on the csv files, in DuckDB
pandas   the csv files by read_csv, only the columns that count, and groupby (see by_pandas.py)
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

PERIOD = "2019-Q2"

STATEMENTS = Path(__file__).with_suffix(".sql")

APPENDICES = {
    "appendix_1": (
        *("carried_over", "newly_received", "settled_early", "settled_on_time", "settled_late"),
        *("in_progress_in_time", "in_progress_overdue", "returned", "received_online"),
    ),
    "appendix_2": (
        *("satisfied_service", "satisfied_attitude", "dissatisfied_competence"),
        *("dissatisfied_time", "comments"),
    ),
}
"""The figures that are counted, by appendix."""

Counts = dict[str, dict[str, int]]
"""By unit and column; what is not there is 0."""

Figures = dict[str, Counts]
"""By appendix."""

DIGITS, SECOND = "%Y%m%d%H%M%S", "%d/%m/%Y %H:%M:%S"
DAY, ISO = "%d/%m/%Y", "%Y-%m-%dT%H:%M:%S"

VIEWS = {
    "cases": {
        "case_code": "MaHoSo",
        "unit_code": "MaDonVi",
        "channel": "KenhThucHien",
        "status": "TrangThaiHoSo",
        "is_cancelled": "coalesce(DaXoa = '1', false)",
        "received_at": ("NgayTiepNhan", DIGITS),
        "due_at": ("NgayHenTra", DIGITS),
        "finished_at": ("NgayKetThucXuLy", DIGITS),
        "handed_over_at": ("NgayTra", DIGITS),
        "changed_at": ("NgayCapNhat", DIGITS),
    },
    "supplements": {
        "supplement_code": "HoSoBoSungId",
        "case_code": "MaHoSo",
        "requested_at": ("NgayBoSung", SECOND),
        "due_at": ("NgayHenTraMoi", DAY),
        "changed_at": ("NgayCapNhat", SECOND),
    },
    "ratings": {
        "kiosk": "MaKiosk",
        "counter": "Quay",
        "ticket": "SoThuTu",
        "unit_code": "MaDonVi",
        "pressed_at": ("ThoiGian", ISO),
        "button": "NutDanhGia",
    },
}
"""Columns that the statements read: of the exports, moments with the form in which they come."""

POSTGRES = {
    DIGITS: "to_timestamp({}, 'YYYYMMDDHH24MISS')::timestamp",
    SECOND: "to_timestamp({}, 'DD/MM/YYYY HH24:MI:SS')::timestamp",
    DAY: "to_date({}, 'DD/MM/YYYY')::timestamp",
    ISO: "{}::timestamp",
}


WAYS = {"sql": "SQL on raw", "duckdb": "DuckDB", "pandas": "pandas"}


def by_sql(address: str) -> Figures:
    """Count in PostgreSQL, from what is loaded."""
    with psycopg.connect(address) as connection:
        for view, columns in VIEWS.items():
            values = ", ".join(
                f"{POSTGRES[value[1]].format(value[0]) if isinstance(value, tuple) else value}"
                f" as {name}"
                for name, value in columns.items()
            )
            connection.execute(
                f"create temporary view {view} as select {values}, files.business_date as told_on"
                f" from raw.{view} as record inner join raw.files on file_id = row_id >> 32"
            )
        return {
            appendix: _counts(appendix, connection.execute(statement.encode()).fetchall())
            for appendix, statement in zip(APPENDICES, _statements(), strict=True)
        }


def by_duckdb(landing: Path) -> Figures:
    """Count in DuckDB, from the files."""
    import duckdb

    with duckdb.connect() as connection:
        for view, columns in VIEWS.items():
            values = ", ".join(
                f"strptime({value[0]}, '{value[1]}') as {name}"
                if isinstance(value, tuple)
                else f"{value} as {name}"
                for name, value in columns.items()
            )
            day = r"cast(regexp_extract(filename, '\d{4}-\d{2}-\d{2}') as date)"
            connection.execute(
                f"create view {view} as select {values}, {day} as told_on from read_csv("
                f"'{landing / view}/**/*.csv', all_varchar = true, filename = true)"
            )
        return {
            appendix: _counts(appendix, connection.execute(statement).fetchall())
            for appendix, statement in zip(APPENDICES, _statements(), strict=True)
        }


def by_frames(landing: Path) -> Figures:
    """Count with pandas, from the files."""
    import by_pandas
    import pandas as pd

    frames = {}
    for feed, kept in by_pandas.KEPT.items():
        parts = []
        for path in landing.glob(f"{feed}/**/*.csv"):
            part = pd.read_csv(
                path, dtype=str, usecols=[name for name in kept if name != "told_on"]
            )
            part["told_on"] = by_pandas.day_of(path)
            parts.append(part)
        frames[feed] = pd.concat(parts, ignore_index=True)
        for form, columns in by_pandas.TIMES[feed].items():
            for column in columns.split():
                if column in kept:
                    frames[feed][column] = pd.to_datetime(frames[feed][column], format=form)
    return {
        "appendix_1": by_pandas.appendix_1(frames["cases"], frames["supplements"]),
        "appendix_2": by_pandas.appendix_2(frames["ratings"]),
    }


def _statements() -> list[str]:
    return [each for each in STATEMENTS.read_text(encoding="utf-8").split(";") if each.strip()]


def _counts(appendix: str, rows: list[tuple[object, ...]]) -> Counts:
    return {
        str(unit): {
            name: int(str(n)) for name, n in zip(APPENDICES[appendix], counts, strict=True) if n
        }
        for unit, *counts in rows
    }


def read(connection: psycopg.Connection, schema: str, key: str, value: str) -> Figures:
    """The figures in schema marts or published of the rows whose `key` is `value`."""
    figures: Figures = {}
    for appendix, columns in APPENDICES.items():
        query = sql.SQL("select unit_code, {} from {} where {} = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(schema, appendix),
            sql.Identifier(key),
        )
        figures[appendix] = _counts(appendix, connection.execute(query, [value]).fetchall())
    return figures


def differences(ours: Figures, theirs: Figures) -> Iterator[str]:
    """Figures of practitioners that are not ours."""
    for appendix, units in ours.items():
        for unit in units.keys() | theirs[appendix].keys():
            left, right = units.get(unit, {}), theirs[appendix].get(unit, {})
            right = {name: n for name, n in right.items() if n}
            if left != right:
                yield f"{appendix}, {unit}: {left} ours, {right} theirs"


def main(way: str, landing: str, address: str) -> None:
    """Count in one way and print the figures."""
    if way == "sql":
        figures = by_sql(address)
    else:
        figures = (by_duckdb if way == "duckdb" else by_frames)(Path(landing))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
