"""Files go into the raw tables whole or not at all, by either way, and every record is told of."""

import csv
import gzip
import io
import logging
import os
import threading
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import openpyxl
import psycopg
import pytest
from export_files import OTHER_UNIT, UNIT, case, csv_of, rating, text_of

from motcua import pipeline
from motcua.errors import Failed
from motcua.landing import ingest, load, reading, rejects, sheets
from motcua.landing.feeds import FEEDS
from motcua.warehouse import database

DAY = "cases_2019-03-04.csv"
KEPT = "mahoso, chuhoso, ngaytiepnhan, ghichu"


@pytest.fixture
def manifest(rows):
    """The manifest as the test reads it, in the order of loading."""

    def manifest():
        return rows(
            "select file_name, state, records, loaded, rejected, read_by from raw.files"
            " order by file_id"
        )

    return manifest


@pytest.fixture
def cases(rows):
    """Record numbers and case codes in the warehouse."""
    return lambda: rows(
        "select (row_id & 4294967295)::integer, mahoso from raw.cases order by row_id"
    )


def many(count, **changes):
    return [case(number, **changes) for number in range(1, count + 1)]


def test_a_file_is_loaded_with_its_manifest_row(put, rows, manifest):
    path = put(DAY, csv_of(many(3)))
    report = ingest.ingest()
    assert (report.found, report.loaded, report.records, report.rejected) == (1, 1, 3, 0)
    assert manifest() == [(DAY, "loaded", 3, 3, 0, "stream")]
    assert rows(
        "select feed, uri, business_date, part, revision, bytes, reason, warnings, length(sha256)"
        " from raw.files"
    ) == [("cases", str(path), date(2019, 3, 4), "", 1, path.stat().st_size, None, [], 64)]
    assert rows(
        "select r.row_id - (f.file_id::bigint << 32), mahoso, chuhoso, ghichu, daxoa"
        " from raw.cases as r, raw.files as f order by 1"
    ) == [
        (number, f"{UNIT}-190304-{number:04}", "Trần Thị Bích Ngọc", None, "0")
        for number in (1, 2, 3)
    ]


def test_the_same_file_again_changes_nothing(put, rows, manifest):
    put(DAY, csv_of(many(3)))
    ingest.ingest()
    before = rows("select xmin, * from raw.files"), rows("select xmin, * from raw.cases")
    put("cases_2019-03-05.csv", csv_of([case(9)]))
    report = ingest.ingest()
    assert (report.found, report.loaded, report.unchanged) == (2, 1, 1)
    after = (
        rows("select xmin, * from raw.files order by file_id limit 1"),
        rows("select xmin, * from raw.cases order by row_id limit 3"),
    )
    assert after == before


def test_the_same_bytes_in_another_folder_are_one_file(put, landing):
    path = put(DAY, csv_of(many(3)))
    (landing / "cases" / "again").mkdir()
    (landing / "cases" / "again" / DAY).write_bytes(path.read_bytes())
    report = ingest.ingest()
    assert (report.loaded, report.unchanged) == (1, 1)


def test_equal_header_only_files_of_two_days_are_two_files(put, manifest):
    put(DAY, csv_of([]))
    put("cases_2019-03-05.csv", csv_of([]))
    assert ingest.ingest().loaded == 2
    assert [row[1:] for row in manifest()] == [("loaded", 0, 0, 0, "stream")] * 2


def test_an_export_written_again_under_its_name_counts_too_with_a_warning(put, cases):
    put(DAY, csv_of([case(1)]))
    ingest.ingest()
    put(DAY, csv_of([case(1), case(2)]))
    report = ingest.ingest()
    assert (report.loaded, report.unchanged) == (1, 0)
    (warning,) = report.warnings
    assert warning.startswith(f"{DAY}: Another export of the same name was loaded before")
    assert len(cases()) == 3


def test_parts_and_revisions_are_kept_apart_in_the_manifest(put, rows):
    put("cases_2019-03-04_A.csv", csv_of([case(1)]))
    put("cases_2019-03-04_A_r2.csv", csv_of([case(1)]))
    put("cases_2019-03-04_r3.csv", csv_of([case(1)]))
    assert ingest.ingest().loaded == 3
    assert rows("select part, revision from raw.files order by 1, 2") == [
        ("", 3),
        ("A", 1),
        ("A", 2),
    ]


def test_every_feed_loads(put, rows):
    for feed, columns in ((name, FEEDS[name].columns) for name in FEEDS):
        good = {"time": "20190304080000", "whole": "1", "text": "x"}
        record = {
            column.name: UNIT
            if column.unit
            else "K01"
            if column.kiosk
            else str(column.codes[0])
            if column.codes
            else good[column.kind]
            for column in columns
        }
        put(f"{feed}_2019-03-04.csv", csv_of([record], feed))
    assert ingest.ingest().loaded == 8
    for feed in FEEDS:
        assert rows(f"select count(*) from raw.{feed}") == [(1,)]


def test_a_bad_record_is_rejected_and_the_rest_loads(put, rows, manifest, cases):
    put(DAY, csv_of([*many(20), case(21, NgayHenTra="20190230080000", ChuHoSo="Lê A"), case(22)]))
    report = ingest.ingest()
    assert manifest() == [(DAY, "loaded", 22, 21, 1, "stream")]
    assert [number for number, _ in cases()] == [*range(1, 21), 22]
    assert rows("select record, column_name, reason from raw.rejects") == [
        (21, "NgayHenTra", '"20190230080000" is not a time that exists')
    ]
    ((content,),) = rows("select content from raw.rejects")
    assert next(csv.reader([content]))[6] == "Lê A"
    (message,) = report.messages
    assert message.startswith(
        f'{DAY}: 1 of 22 records rejected; the first: record 21, column NgayHenTra: "20190230'
    )
    assert "Write it as yyyyMMddHHmmss" in message
    assert "Lê A" not in message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"MaHoSo": ""}, "MaHoSo", "is empty"),
        ({"MaDonVi": "000.00.99.H51"}, "MaDonVi", "is not a unit of the reference pack"),
        ({"NgayTiepNhan": "20190230080000"}, "NgayTiepNhan", "is not a time that exists"),
        ({"NgayTra": "29/02/2019"}, "NgayTra", "is not a time that exists"),
        ({"TrangThaiHoSo": "12"}, "TrangThaiHoSo", "is not allowed"),
        ({"KenhThucHien": "x"}, "KenhThucHien", "is not a whole number"),
        ({"NgayTiepNhan": ""}, "NgayTiepNhan", "is empty although TrangThaiHoSo is"),
    ],
)
def test_both_ways_reject_the_same(change, column, reason, encoding, put, rows, cases):
    put(DAY, text_of([*many(30), case(31, **change)]).encode(encoding))
    report = ingest.ingest()
    assert (report.loaded, report.rejected) == (1, 1)
    ((record, found, told),) = rows("select record, column_name, reason from raw.rejects")
    assert (record, found) == (31, column)
    assert reason in told
    assert len(cases()) == 30


def test_loaded_and_rejected_make_all_records_of_every_file(put, rows):
    put(DAY, csv_of([*many(60), case(61, DaXoa="9"), case(62, MaDonVi="?")]))
    put("cases_2019-03-05.csv", csv_of(many(10, DaXoa="9")))
    put("cases_2019-03-06.csv", (text_of(many(40)) + "broken,line\n").encode())
    ingest.ingest()
    for records, loaded, rejected, state, in_table, listed in rows(
        "select records, loaded, rejected, state,"
        " (select count(*) from raw.cases as r where r.row_id >> 32 = f.file_id),"
        " (select count(*) from raw.rejects as j where j.file_id = f.file_id) from raw.files as f"
    ):
        assert loaded + rejected == records
        assert in_table == loaded
        assert listed == rejected
        assert state == ("loaded" if loaded else "quarantined")


def test_more_than_five_percent_rejected_quarantines_the_file(put, manifest, cases):
    put(DAY, csv_of([*many(94), *many(6, NgayHenTra="mai")]))
    put("cases_2019-03-05.csv", csv_of([*many(95), *many(5, NgayHenTra="mai")]))
    report = ingest.ingest()
    assert manifest() == [
        (DAY, "quarantined", 100, 0, 100, "records"),
        ("cases_2019-03-05.csv", "loaded", 100, 95, 5, "stream"),
    ]
    assert len(cases()) == 95
    assert "6 of 100 records are rejected, more than 5 %" in report.messages[0]
    assert "record 95, column NgayHenTra" in report.messages[0]


def test_the_share_that_quarantines_is_a_setting(put, manifest, monkeypatch):
    monkeypatch.setenv("MOTCUA_REJECT_LIMIT_PERCENT", "50")
    put(DAY, csv_of([case(1), case(2, NgayHenTra="mai")]))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 2, 1, 1, "stream")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (DAY, b"", "The file is empty"),
        (DAY, csv_of([case()], columns=["MaHoSo", "MaTTHC"]), "Required column missing: MaDonVi"),
        (DAY, b"PK\x03\x04...", "not csv as its name says, but an Excel workbook"),
        (DAY, csv_of([rating()], "ratings"), "This is an export of feed ratings"),
        ("cases_2019-03-04.csv.gz", csv_of([case()]), "cut off or damaged"),
        ("cases_2019-03-04.csv.gz", gzip.compress(csv_of(many(500)))[:-20], "cut off or damaged"),
        ("cases_2019-03-04.xlsx", csv_of([case()]), "not an xlsx workbook as its name says"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_stops_no_other(
    name, content, reason, put, manifest, cases, rows
):
    put(name, content)
    put("cases_2019-03-05.csv", csv_of([case()]))
    report = ingest.ingest()
    assert (report.loaded, report.quarantined) == (1, 1)
    assert manifest()[0][:5] == (name, "quarantined", 0, 0, 0)
    assert len(cases()) == 1
    (message,) = report.messages
    assert message.startswith(f"{name}: quarantined. ")
    assert reason in message
    ((stored,),) = rows("select reason from raw.files where state = 'quarantined'")
    assert message.endswith(stored)
    again = ingest.ingest()
    assert (again.unchanged, again.messages) == (2, [])


def as_xlsx(records, cells=None):
    book = openpyxl.Workbook()
    sheet = book.active
    names = [column.name for column in FEEDS["cases"].columns]
    sheet.append(names)
    for record in records:
        sheet.append([(cells or {}).get(name, record[name] or None) for name in names])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_a_sheet_with_numbers_and_dates_gives_the_texts_of_the_csv(put, rows, manifest):
    record = case(1, GhiChu='Hồ sơ "gấp",\nđã gọi')
    put("cases_2019-03-04_A.csv", csv_of([record]))
    cells = {
        "KenhThucHien": 1,
        "TrangThaiHoSo": 2.0,
        "NgayTiepNhan": datetime(2019, 3, 4, 8),
        "NgayNopHoSo": 20190304074500,
    }
    put("cases_2019-03-04_B.xlsx", as_xlsx([record], cells))
    ingest.ingest()
    assert [row[5] for row in manifest()] == ["stream", "xlsx"]
    columns = ", ".join(column.sql_name for column in FEEDS["cases"].columns)
    first, second = rows(f"select {columns} from raw.cases order by row_id")
    assert first == second


@pytest.mark.parametrize(
    ("patched", "last", "way"),
    [
        ({"BLOCK": 1 << 12}, b"", "stream"),
        ({"BLOCK_OF_TEXT": 1 << 17, "MOST_RECORDS": 10}, b'a "stray\n', "records"),
    ],
)
def test_a_large_file_with_few_bad_records_is_not_refused_before_its_end(
    put, manifest, monkeypatch, patched, last, way
):
    monkeypatch.setattr(load, "ALL_COUNTED", 0)
    for name, size in patched.items():
        monkeypatch.setattr(reading, name, size)
    bad = [case(number, NgayTra="mai") for number in range(1, 49)]
    put(DAY, csv_of([*bad, *many(952)]) + last)
    ingest.ingest()
    rejected = len(bad) + len(last.splitlines())
    assert manifest() == [(DAY, "loaded", 952 + rejected, 952, rejected, way)]


def test_a_record_of_a_sheet_is_numbered_by_its_row(put, rows):
    sheet = as_xlsx([*many(225), case(226, NgayTra="mai"), case(227)])
    put("cases_2019-03-04.xlsx", sheet)
    ingest.ingest()
    assert rows("select record, column_name from raw.rejects") == [(226, "NgayTra")]
    assert rows("select max(row_id & 4294967295) from raw.cases") == [(227,)]


TRICKY = [
    case(1, GhiChu="dòng 1\ndòng 2"),
    case(2, GhiChu='ông "Ba"', DiaChi=""),
    case(3, ChuHoSo="\\.", GhiChu="\\N"),
    case(4, MaTTHC="NULL", GhiChu=" giữ khoảng trắng "),
    case(5, GhiChu="'; drop table raw.cases; --"),
    case(6, GhiChu="=1+1"),
    case(7, GhiChu="dòng 1\n\\.\ndòng 3", NgayCapNhat="20190304080000"),
    case(8, MaHoSo="\\.", GhiChu="\\.\n\\."),
    case(9, MaHoSo="\\.x", ChuHoSo="\n\\.\n"),
]


@pytest.mark.parametrize(
    ("content", "way"),
    [
        (csv_of(TRICKY), "stream"),
        (b"\xef\xbb\xbf" + csv_of(TRICKY), "stream"),
        (csv_of(TRICKY, separator=";"), "stream"),
        (csv_of(TRICKY, newline="\r\n"), "stream"),
        (csv_of(TRICKY, quoting=csv.QUOTE_ALL), "stream"),
        (csv_of(TRICKY).rstrip(b"\n"), "stream"),
        (csv_of(TRICKY, columns=reversed([c.name for c in FEEDS["cases"].columns])), "stream"),
        (csv_of(TRICKY, newline="\r", quoting=csv.QUOTE_ALL), "records"),
        (text_of(TRICKY).encode("utf-16"), "records"),
        (text_of(TRICKY, separator=";").encode("utf-16"), "records"),
        (csv_of(TRICKY, columns=[*TRICKY[0], "Mau"]), "records"),
    ],
)
def test_all_writings_of_the_same_records_give_the_same_rows(content, way, put, rows, manifest):
    put(DAY, content)
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 9, 9, 0, way)]
    columns = list(FEEDS["cases"].columns)
    found = rows(
        f"select {', '.join(column.sql_name for column in columns)} from raw.cases order by row_id"
    )
    assert found == [tuple(record[c.name] or None for c in columns) for record in TRICKY]


def test_an_end_mark_of_copy_between_records_ends_nothing(put, manifest, cases):
    """PostgreSQL before 18 takes it for the end of the data, also from a client."""
    head, *lines = csv_of(many(40)).splitlines(keepends=True)
    put(DAY, b"".join([head, *lines[:20], b"\\.\n", *lines[20:]]))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 41, 40, 1, "records")]
    assert [number for number, _ in cases()] == [*range(1, 21), *range(22, 42)]


def test_an_empty_value_is_null_also_where_quotes_come_late(put, rows, manifest, monkeypatch):
    monkeypatch.setattr(reading, "HEAD", 2000)
    text = text_of(many(20)) + text_of([case(21)], quoting=csv.QUOTE_ALL).split("\n", 1)[1]
    put(DAY, text.encode())
    ingest.ingest()
    assert manifest()[0][1:] == ("loaded", 21, 21, 0, "records")
    assert rows("select count(*) from raw.cases where email is null") == [(21,)]


def test_a_compressed_file_streams_too(put, rows, manifest):
    path = put("cases_2019-03-04.csv.gz", gzip.compress(csv_of(TRICKY)))
    ingest.ingest()
    assert manifest() == [("cases_2019-03-04.csv.gz", "loaded", 6, 6, 0, "stream")]
    assert rows("select bytes from raw.files") == [(path.stat().st_size,)]


def test_values_that_need_tidying_are_tidied(put, rows, manifest):
    put(DAY, csv_of([case(1, MaDonVi=f" {UNIT} ", MucDo="2.0", NgayHenTra="20190311"), case(2)]))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 2, 2, 0, "records")]
    assert rows("select madonvi, mucdo, ngayhentra from raw.cases order by row_id limit 1") == [
        (UNIT, "2", "20190311000000")
    ]


def test_separate_accents_become_letters(put, rows):
    put(DAY, csv_of([case(1, ChuHoSo="Le\u0302\u0323 Thu\u031b")]))
    ingest.ingest()
    assert rows("select chuhoso from raw.cases") == [("Lệ Thư",)]


def test_windows_1258_is_read(put, rows, manifest):
    text = text_of([case(1, ChuHoSo="Trâ\u0300n Thi\u0323 Ngo\u0323c", DiaChi="")])
    put(DAY, text.encode("cp1258"))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 1, 1, 0, "records")]
    assert rows("select chuhoso from raw.cases") == [("Trần Thị Ngọc",)]


def test_a_broken_line_costs_one_record_and_the_way_is_logged(put, manifest, rows, caplog):
    text = text_of(many(30)).splitlines(keepends=True)
    text[11] = "một,dòng,cụt\n"
    put(DAY, "".join(text).encode())
    with caplog.at_level(logging.INFO, logger="motcua.landing.load"):
        ingest.ingest()
    assert manifest() == [(DAY, "loaded", 30, 29, 1, "records")]
    assert f"{DAY} is read record by record" in caplog.text
    assert rows("select record, column_name, reason, content from raw.rejects") == [
        (11, None, "the record has 3 fields where the header has 23", "một,dòng,cụt")
    ]


def test_a_run_tells_why_files_were_not_streamed(put, capsys):
    for day in (4, 5):
        put(f"cases_2019-03-0{day}.csv", text_of([case(day)]).encode("utf-16"))
    put("cases_2019-03-06.csv", text_of([case(6)], newline="\r").encode())
    put("cases_2019-03-07.csv", csv_of([case(7)]))
    report = pipeline.run_ingest()
    assert report.not_streamed == {
        "its encoding is utf-16": 2,
        "its lines end with a carriage return alone": 1,
    }
    said = capsys.readouterr().out
    assert "Read record by record, which is slower" in said
    assert "2 files, because its encoding is utf-16" in said


def test_bytes_that_are_no_text_cost_one_record(put, manifest, rows):
    lines = csv_of(many(40)).splitlines(keepends=True)
    lines[5] = lines[5].replace("Trần".encode(), b"Tr\xffn")
    lines[6] = lines[6].replace(b"Ng", b"N\0")
    put(DAY, b"".join(lines))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 40, 38, 2, "records")]
    assert rows("select record, reason from raw.rejects order by 1") == [
        (5, "the record has bytes that are not UTF-8"),
        (6, "the record has a NUL byte"),
    ]


def test_extra_columns_are_ignored_with_a_warning_that_names_them(put, manifest):
    put(DAY, csv_of([case(1) | {"Mau": "x"}], columns=[*case(1), "Mau"]))
    report = ingest.ingest()
    assert manifest() == [(DAY, "loaded", 1, 1, 0, "records")]
    assert report.warnings == [f'{DAY}: Columns that the feed does not have are ignored: "Mau".']


def test_optional_columns_may_be_absent(put, manifest, rows):
    columns = [column.name for column in FEEDS["cases"].columns if column.required]
    put(DAY, csv_of([case(1)], columns=columns))
    report = ingest.ingest()
    assert manifest() == [(DAY, "loaded", 1, 1, 0, "stream")]
    assert rows("select ngayhentra, chuhoso from raw.cases") == [(None, None)]
    assert "stay empty: MucDo" in report.warnings[0]


def test_a_large_file_is_checked_in_blocks_while_it_streams(put, manifest, rows, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", 50_000)
    monkeypatch.setattr(load, "SMALL", 1000)
    records = many(5000)
    for number in (1, 777, 2500, 4999, 5000):
        records[number - 1] = case(number, NgayHenTra="mai", GhiChu="x\ny")
    put(DAY, csv_of(records))
    ingest.ingest()
    assert manifest() == [(DAY, "loaded", 5000, 4995, 5, "stream")]
    assert rows("select record from raw.rejects order by 1") == [
        (1,),
        (777,),
        (2500,),
        (4999,),
        (5000,),
    ]
    assert rows("select count(*), count(distinct mahoso) from raw.cases") == [(4995, 4995)]
    assert rows("select count(*) from raw.cases where ngayhentra = 'mai'") == [(0,)]
    assert rows(
        "select count(*) from raw.cases where right(mahoso, 4)::integer <> (row_id & 4294967295)"
    ) == [(0,)]


def test_a_file_that_changes_while_it_is_read_waits(put, manifest, monkeypatch):
    path = put(DAY, csv_of(many(3)))
    real = load._read

    def read_and_change(task):
        result = real(task)
        path.write_bytes(csv_of(many(4)))
        return result

    monkeypatch.setattr(load, "_read", read_and_change)
    report = ingest.ingest()
    assert (report.loaded, manifest()) == (0, [])
    assert report.warnings == [f"{DAY}: still being written; it waits for the next run."]
    monkeypatch.undo()


def test_a_file_whose_writer_only_pauses_waits(put, rows, manifest, monkeypatch):
    """Half of it loaded now and the whole of it later would count its presses twice."""
    monkeypatch.delenv("MOTCUA_QUIET_SECONDS")
    whole = csv_of([rating(number) for number in range(1, 31)], "ratings")
    path = put("ratings_2019-03-04_K01.csv", whole[:-8])
    report = ingest.ingest()
    assert (report.loaded, report.waiting, manifest()) == (0, [path.name], [])
    (warning,) = report.warnings
    assert warning.startswith("Changed less than 60 s ago, so perhaps still being written: ratings")
    path.write_bytes(whole)
    assert ingest.ingest().waiting == [path.name]
    minute_ago = time.time() - 61
    os.utime(path, (minute_ago, minute_ago))
    assert ingest.ingest().loaded == 1
    assert rows("select count(*) from raw.ratings") == [(30,)]


@pytest.mark.parametrize(
    ("age", "quiet", "waits"), [(5, "60", 1), (5, "4", 0), (5, "0", 0), (-3600, "60", 0)]
)
def test_how_long_a_file_waits_is_a_setting(age, quiet, waits, put, monkeypatch):
    """A time far ahead is that of a wrong clock; it must not hold a file for ever."""
    monkeypatch.setenv("MOTCUA_QUIET_SECONDS", quiet)
    os.utime(put(DAY, csv_of(many(1))), (time.time() - age,) * 2)
    report = ingest.ingest()
    assert (len(report.waiting), report.loaded) == (waits, 1 - waits)


@pytest.mark.parametrize("setting", ["-1", "a minute", "nan", "inf"])
def test_a_setting_that_is_no_number_of_seconds_is_told(setting, put, monkeypatch):
    monkeypatch.setenv("MOTCUA_QUIET_SECONDS", setting)
    put(DAY, csv_of(many(1)))
    with pytest.raises(Failed, match="MOTCUA_QUIET_SECONDS"):
        ingest.ingest()


def test_a_business_date_that_no_export_can_have_is_held(put, manifest):
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    names = {
        days: put(f"cases_{today + timedelta(days)}.csv", csv_of([case(days + 9)])).name
        for days in (0, 1, 2)
    }
    for day in ("9999-12-31", "2007-12-31", "2008-01-01", "2018-12-02", "2018-12-03"):
        put(f"cases_{day}.csv", csv_of([case(int(day.replace("-", "")))]))
    report = ingest.ingest()
    held = {said.partition(":")[0] for said in report.warnings if ": held, as its" in said}
    assert held == {names[2], "cases_9999-12-31.csv", "cases_2007-12-31.csv"}
    early = {said.partition(":")[0] for said in report.warnings if "lies before 2018-12-03" in said}
    assert early == {"cases_2008-01-01.csv", "cases_2018-12-02.csv"}
    assert {name for name, *_ in manifest()} == {
        "cases_2008-01-01.csv", "cases_2018-12-02.csv", "cases_2018-12-03.csv", names[0], names[1],
    }  # fmt: skip


def test_a_part_that_is_no_kiosk_is_told(put):
    for part in ("", "_K01", "_K1", "_hall"):
        press = rating(len(part))
        put(f"ratings_2019-03-04{part}.csv", csv_of([press], "ratings"))
    report = ingest.ingest()
    assert report.loaded == 4
    assert [said.partition(" is not a kiosk")[0] for said in report.warnings] == [
        "ratings_2019-03-04_K1.csv: Its part K1",
        "ratings_2019-03-04_hall.csv: Its part hall",
    ]


def test_two_runs_at_once_load_every_file_once(put, rows):
    for day in range(1, 21):
        put(f"cases_2019-03-{day:02}.csv", csv_of(many(50)))
    reports = []
    runs = [threading.Thread(target=lambda: reports.append(ingest.ingest())) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(report.loaded + report.unchanged for report in reports) == [20, 20]
    assert sum(report.loaded for report in reports) == 20
    assert rows("select count(*), count(distinct row_id) from raw.cases") == [(1000, 1000)]


def test_progress_counts_the_files(put):
    for day in (4, 5, 6):
        put(f"cases_2019-03-0{day}.csv", csv_of([case()]))
    told = []
    ingest.ingest(progress=lambda *step: told.append(step))
    assert told == [("files", 1, 3), ("files", 2, 3), ("files", 3, 3)]


def test_the_loader_writes_under_its_own_role(put):
    put(DAY, csv_of([case()]))
    ingest.ingest()
    with (
        database.connect(database.TRANSFORMER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select chuhoso from raw.cases")


def test_rejects_are_listed_until_a_later_revision_makes_them_good(put):
    put(DAY, csv_of([*many(30), case(31, MaDonVi="000.00.99.H51", ChuHoSo="Lê A")]))
    put("ratings_2019-03-05.csv", b"")
    ingest.ingest()
    file, record = rejects.listing()
    assert (file.file_name, file.record, file.column_name) == ("ratings_2019-03-05.csv", None, None)
    assert file.reason.startswith("The file is empty")
    assert (record.file_name, record.record, record.column_name) == (DAY, 31, "MaDonVi")
    assert record.content is None
    assert "Lê A" in rejects.listing("cases", with_content=True)[0].content
    assert rejects.listing("steps") == []
    assert len(rejects.listing(limit=1)) == 1

    put("cases_2019-03-04_r2.csv", csv_of([*many(30), case(31, MaDonVi=OTHER_UNIT)]))
    ingest.ingest()
    assert [reject.feed for reject in rejects.listing()] == ["ratings"]


def test_a_refused_file_is_made_good_by_a_later_one_of_its_name_alone(put):
    put(DAY, csv_of(many(9)))
    ingest.ingest()
    put(DAY, b"mahoso\n")
    put("ratings_2019-03-05.csv", b"")
    put("steps_2019-03-05.csv", b"")
    put("steps_2019-03-05_B.csv", csv_of([], "steps"))
    ingest.ingest()
    names = [DAY, "ratings_2019-03-05.csv", "steps_2019-03-05.csv"]
    assert sorted(reject.file_name for reject in rejects.listing()) == names
    put("ratings_2019-03-05.csv", csv_of([rating(1)], "ratings"))
    ingest.ingest()
    assert sorted(reject.file_name for reject in rejects.listing()) == [names[0], names[2]]
    # Of two that were loaded both count, so a bad record of the first stays told.
    put("cases_2019-03-08.csv", csv_of([*many(30), case(31, DaXoa="9")]))
    ingest.ingest()
    put("cases_2019-03-08.csv", csv_of([*many(30), case(31)]))
    ingest.ingest()
    assert "cases_2019-03-08.csv" in [reject.file_name for reject in rejects.listing("cases")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_many_rejects_of_a_refused_file_are_kept_as_examples(encoding, put, rows, monkeypatch):
    monkeypatch.setattr(load, "MOST_LISTED", 10)
    put(DAY, text_of(many(300, DaXoa="9")).encode(encoding))
    ingest.ingest()
    assert rows("select records, rejected from raw.files") == [(300, 300)]
    assert rows("select count(*), min(record), max(record) from raw.rejects") == [(10, 1, 10)]


@pytest.mark.parametrize("name", [DAY, "cases_2019-03-04.xlsx"])
def test_a_record_that_gets_lost_on_the_way_stops_the_file(name, put, manifest, cases, monkeypatch):
    real = load._good_lines
    monkeypatch.setattr(
        load, "_good_lines", lambda *of: b"".join(real(*of).splitlines(keepends=True)[:-1])
    )
    put(name, as_xlsx(many(9)) if name.endswith("xlsx") else text_of(many(9)).encode("utf-16"))
    (message,) = ingest.ingest().messages
    assert "It has 9 records, of which 8 came into the table and 0 were rejected" in message
    assert manifest()[0][1:5] == ("quarantined", 9, 0, 9)
    assert cases() == []


def test_a_row_that_the_reader_of_a_workbook_forgets_stops_the_file(put, cases, monkeypatch):
    real = sheets.Sheet.count
    monkeypatch.setattr(sheets.Sheet, "count", lambda sheet: real(sheet) + 1)
    put("cases_2019-03-04.xlsx", as_xlsx(many(9)))
    (message,) = ingest.ingest().messages
    assert "It has 10 records, of which 9 came" in message
    assert cases() == []


def test_rejects_are_counted_by_reason(put):
    bad = [case(31, MaDonVi="000.00.99.H51"), case(32, MaDonVi="000.00.99.H51")]
    put(DAY, csv_of([*many(60), *bad]))
    put("cases_2019-03-06.csv", csv_of([*many(30), case(33, MaDonVi="000.00.99.H51")]))
    put("ratings_2019-03-05.csv", b"")
    ingest.ingest()
    file, records = rejects.by_reason()
    assert (file.feed, file.column_name, file.records, file.files) == ("ratings", None, 0, 1)
    assert (records.column_name, records.records, records.files) == ("MaDonVi", 3, 2)
    assert (records.first_day, records.last_day) == (date(2019, 3, 4), date(2019, 3, 6))
    assert records.reason == rejects.listing("cases")[0].reason
    assert rejects.by_reason("steps") == []
