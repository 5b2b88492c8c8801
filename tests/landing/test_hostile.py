"""Files made to do harm are refused with a clear reason, in little memory, and stop no other."""

import gzip
import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator

import mutator
import pytest
import xlsxwriter
from export_files import case, csv_of, text_of

from motcua.landing import find, ingest
from motcua.landing.feeds import FEEDS

DAY, GOOD = "cases_2019-03-04", "cases_2019-03-05.csv"
MOST_MEMORY_MB = 300
MOST_SECONDS = 8
"""Processor time of a run with such a file and a good one: 5 s, and room for a slower machine."""
MEGABYTE = 1 << 20

INGEST = """
import json, resource
from pathlib import Path
from motcua.landing import ingest

def spent():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)

before = spent()
report = ingest.ingest()
seconds = spent() - before
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0])  # unlike ru_maxrss it begins at exec
reader = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"messages": report.messages, "warnings": report.warnings,
                  "seconds": seconds, "loaded": report.loaded,
                  "peak": peak / 1024, "reader": reader / 1024}))
"""


@pytest.fixture
def refused(put) -> Callable[[str, bytes], str]:
    """Ingest a file beside a good one in a process of its own; gives the message about it."""

    def refused(name: str, content: bytes) -> str:
        put(name, content)
        put(GOOD, csv_of([case(number) for number in range(30)]))
        done = subprocess.run(
            [sys.executable, "-c", INGEST], stdout=subprocess.PIPE, check=True, timeout=300
        )
        told = json.loads(done.stdout)
        assert told["loaded"] >= 1
        assert told["seconds"] <= MOST_SECONDS
        assert told["peak"] <= MOST_MEMORY_MB
        assert told["reader"] <= MOST_MEMORY_MB
        (message,) = told["messages"]
        assert message.startswith(f"{name}: ")
        return message

    return refused


def header_and(*records: dict[str, str]) -> bytes:
    return csv_of(records)


def zipped(parts: dict[str, bytes | Iterator[bytes]], level: int = 9) -> bytes:
    """A zip archive of these parts; large ones come in pieces."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, data in parts.items():
            with archive.open(name, "w", force_zip64=True) as part:
                for piece in [data] if isinstance(data, bytes) else data:
                    part.write(piece)
    return target.getvalue()


def book(sheet: bytes | Iterator[bytes], **more: bytes | Iterator[bytes]) -> bytes:
    """A workbook with this XML as its sheet, and other parts changed or added."""
    plain = mutator.workbook([["MaHoSo"]])
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        parts: dict[str, bytes | Iterator[bytes]] = {n: archive.read(n) for n in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = sheet
    return zipped(parts | {name.replace("__", "/"): data for name, data in more.items()}, level=6)


def sheet_of(rows: bytes) -> bytes:
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="' + main + b'"><sheetData>' + rows + b"</sheetData></worksheet>"


def header_row() -> bytes:
    return (
        b'<row r="1">'
        + b"".join(
            f'<c t="inlineStr"><is><t>{c.name}</t></is></c>'.encode()
            for c in FEEDS["cases"].columns
        )
        + b"</row>"
    )


def cell(reference: bytes, value: bytes = b"1") -> bytes:
    return b'<c r="' + reference + b'"><v>' + value + b"</v></c>"


def test_an_archive_that_unpacks_to_much_more_than_it_is_is_refused(refused):
    packed = io.BytesIO()
    line = csv_of([case(1)]).split(b"\n", 1)[1]
    with gzip.open(packed, "wb") as archive:
        archive.write(header_and())
        for _ in range(120):
            archive.write(line * (MEGABYTE // len(line)))
    assert len(packed.getvalue()) < 3 * MEGABYTE
    message = refused(f"{DAY}.csv.gz", packed.getvalue())
    assert "unpacks to more than 200 times its size" in message


def test_an_archive_of_zeros_is_refused(refused):
    content = gzip.compress(bytes(200 * MEGABYTE))
    assert "not text" in refused(f"{DAY}.csv.gz", content)


def spaces(megabytes: int) -> Iterator[bytes]:
    for _ in range(megabytes):
        yield b" <a>  </a> " * (MEGABYTE // 11)


def test_a_workbook_that_unpacks_to_much_more_than_it_is_is_refused(refused):
    content = book(spaces(200))
    assert len(content) < MEGABYTE
    assert "unpacks to more than 200 times its size" in refused(f"{DAY}.xlsx", content)


def noise(megabytes: int) -> Iterator[bytes]:
    """XML without cells that packs just less than a bomb does."""
    for number in range(megabytes):
        chance = random.Random(number)
        yield b"".join(b"<a%06x>  </a%06x> " % (n, n) * 100 for n in _numbers(chance))


def _numbers(chance: random.Random) -> list[int]:
    return [chance.randrange(1 << 24) for _ in range(MEGABYTE // 2000)]


def test_a_workbook_of_noise_is_refused_while_it_is_unpacked(refused):
    content = book(noise(380))
    assert len(content) > 380 * MEGABYTE // 200
    assert "The workbook unpacks to more than 200 MB" in refused(f"{DAY}.xlsx", content)


def test_a_workbook_of_less_noise_takes_no_longer(refused):
    message = refused(f"{DAY}.xlsx", book(noise(185)))
    assert "quarantined" in message


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize("size", [1, 15])
def test_short_lines_without_end_are_refused(form, size, refused):
    content = header_and() + b"x\n" * (size * MEGABYTE // 2)
    if form == "csv.gz":
        content = gzip.compress(content, 1)
    message = refused(f"{DAY}.{form}", content)
    assert "so reading stopped there; the first: record 1: the record has 1 fields" in message


def test_a_workbook_that_lies_about_its_size_is_refused(refused):
    content = bytearray(book(spaces(100)))
    for place in (content.index(b"PK\x01\x02"), *_entries(content)):
        if b"sheet1.xml" in content[place : place + 90]:
            content[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    assert "The workbook" in refused(f"{DAY}.xlsx", bytes(content))


def _entries(content: bytes) -> Iterator[int]:
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        yield place
        place = content.find(b"PK\x01\x02", place + 1)


@pytest.mark.parametrize("corner", [b"XFD1048576", b"ZZZ99999", b"AAA100001"])
def test_a_sheet_of_a_billion_empty_cells_is_refused(corner, refused):
    rows = header_row() + b'<row r="2">' + cell(b"A2") + b"</row><row>" + cell(corner) + b"</row>"
    message = refused(f"{DAY}.xlsx", book(sheet_of(rows)))
    assert "Export this day as csv" in message


def test_a_sheet_of_more_rows_than_allowed_is_refused(refused):
    rows = b"".join(b'<row r="%d">%s</row>' % (n, cell(b"A%d" % n)) for n in range(2, 100_003))
    message = refused(f"{DAY}.xlsx", book(sheet_of(header_row() + rows)))
    assert re.search(r"more (records )?than the 100000 allowed\. Export this day as csv", message)


def test_a_sheet_whose_last_row_is_far_away_is_refused(refused):
    rows = header_row() + b'<row r="200000">' + cell(b"A200000") + b"</row>"
    message = refused(f"{DAY}.xlsx", book(sheet_of(rows)))
    assert "has 199999 records, more than the 100000 allowed" in message


def laughs() -> bytes:
    """Entities of which each holds ten of the one before: a billion in the end."""
    lines = [b'<!ENTITY a0 "ha">']
    for n in range(1, 10):
        lines.append(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10))
    return b"<?xml version='1.0'?><!DOCTYPE worksheet [" + b"".join(lines) + b"]>"


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_xml_entities_are_refused(part, refused):
    rows = header_row() + b'<row><c t="inlineStr"><is><t>&a9;</t></is></c></row>'
    bomb = {part.replace("/", "__"): laughs() + sheet_of(rows)}
    message = refused(f"{DAY}.xlsx", book(sheet_of(rows), **bomb))
    assert f"defines XML entities ({part.rpartition('/')[2]})" in message


def test_entities_that_read_a_file_are_refused(refused):
    doctype = b'<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    message = refused(f"{DAY}.xlsx", book(doctype + sheet_of(header_row())))
    assert "defines XML entities" in message
    assert "root:" not in message


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("xl/vbaProject.bin", "has macros (vbaProject.bin). They were not run"),
        ("xl/VBAPROJECT.BIN", "has macros"),
        ("xl/macrosheets/sheet1.xml", "has macros"),
        ("xl/externalLinks/externalLink1.xml", "has links to other workbooks"),
    ],
)
def test_a_workbook_that_could_run_or_fetch_something_is_refused(part, reason, refused):
    content = mutator.with_part(mutator.workbook([["MaHoSo"]]), part, b"x" * 99)
    assert reason in refused(f"{DAY}.xlsx", content)


def test_parts_of_a_workbook_are_never_written_to_the_disk(put, tmp_path):
    rows = [list(case(1)), list(case(1).values())]
    content = mutator.with_part(mutator.workbook(rows), "../../../escaped.txt", b"x")
    put(f"{DAY}.xlsx", content)
    assert ingest.ingest().loaded == 1
    assert list(tmp_path.rglob("escaped*")) == []
    assert not os.path.exists("/escaped.txt")


def test_a_cell_of_a_hundred_megabytes_costs_its_record_and_is_named(refused, rows):
    head, line = csv_of([case(1)]).split(b"\n", 1)
    huge = csv_of([case(31, ChuHoSo="HUGE")]).split(b"\n", 1)[1]
    before, after = huge.split(b"HUGE")
    content = head + b"\n" + line * 30 + before + b"x" * (100 * MEGABYTE) + after + line * 30
    message = refused(f"{DAY}.csv", content)
    assert (
        "1 of 61 records rejected; the first: record 31, column ChuHoSo: the record is" in message
    )
    ((kept,),) = rows("select max(length(content)) from raw.rejects")
    assert kept <= 4000


def test_a_quoted_cell_of_a_hundred_megabytes_in_lines_quarantines_the_file(refused):
    head, line = csv_of([case(1)]).split(b"\n", 1)
    cell = b'"' + b"line\n" * (100 * MEGABYTE // 5) + b'"'
    content = head + b"\n" + line * 30 + cell + line.replace(b'"', b"", 1) + line * 30
    message = refused(f"{DAY}.csv", content)
    assert "half of them, so reading stopped there; the first: record 31: the record" in message


@pytest.mark.parametrize("where", ["sheet", "sharedStrings"])
def test_a_cell_of_a_hundred_megabytes_in_a_workbook_is_refused(where, refused):
    def text() -> Iterator[bytes]:
        yield b"<sst><si><t>" if where == "sharedStrings" else b""
        for n in range(100):
            yield os.urandom(512).hex().encode() * 1024 if n % 10 else b"x" * MEGABYTE
        yield b"</t></si></sst>" if where == "sharedStrings" else b""

    def sheet() -> Iterator[bytes]:
        opened, closed = sheet_of(header_row() + b"|").split(b"|")
        yield opened + b'<row r="2"><c r="A2" t="inlineStr"><is><t>'
        yield from text()
        yield b"</t></is></c></row>" + closed

    strings = {"xl__sharedStrings.xml": text()} if where == "sharedStrings" else {}
    content = book(sheet_of(header_row()) if strings else sheet(), **strings)
    message = refused(f"{DAY}.xlsx", content)
    assert "has a value of more than 1 MB" in message
    if where == "sheet":
        assert "cell A2" in message


@pytest.mark.parametrize(
    ("count", "reason"),
    [(40, "column"), (10, "is longer than a record can be, which is 4194304 bytes")],
)
def test_a_workbook_of_long_texts_takes_little_memory(count, reason, refused):
    size = 60 * MEGABYTE // 20 // count

    def sheet() -> Iterator[bytes]:
        opened, closed = sheet_of(header_row() + b"|").split(b"|")
        yield opened
        for number in range(2, count + 2):
            text = (os.urandom(5000).hex().encode() * (size // 10_000 + 1))[:size]
            cell = b'<c t="inlineStr"><is><t>' + text + b"</t></is></c>"
            yield b'<row r="%d">' % number + cell * 20 + b"</row>"
        yield closed

    message = refused(f"{DAY}.xlsx", book(sheet()))
    assert f"{count} of {count} records are rejected" in message
    assert reason in message


@pytest.mark.parametrize(
    ("number_format", "is_lost"),
    [("dd/mm/yyyy", True), ("[h]:mm", True), ('0" đồng, có hẹn (h)"', False), ("0", False)],
)
def test_a_number_in_the_format_of_a_date_is_never_lost(number_format, is_lost, put, rows):
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as made:
        style = made.add_format({"num_format": number_format})
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, list(case(1)))
        sheet.write_row(1, 0, list(case(1).values()))
        sheet.write_number(1, list(case(1)).index("NgayTra"), 20190304080000, style)
    put(f"{DAY}.xlsx", target.getvalue())
    report = ingest.ingest()
    if is_lost:
        assert "has numbers in the format of a date that are no dates" in report.messages[0]
    else:
        assert rows("select ngaytra from raw.cases") == [("20190304080000",)]


def test_a_million_columns_are_refused(refused):
    names = b",".join(b"c%d" % n for n in range(1_000_000))
    message = refused(f"{DAY}.csv", names + b"\n" + b"," * 999_999 + b"\n")
    assert "The header does not end within 65536 bytes" in message


def test_a_record_of_a_million_fields_costs_one_record(refused):
    lines = csv_of([case(n) for n in range(1, 41)]).split(b"\n")
    lines[7] = b"," * 1_000_000
    message = refused(f"{DAY}.csv", b"\n".join(lines))
    assert "1 of 40 records rejected; the first: record 7: the record has 1000001 fields" in message


def test_a_sheet_of_all_columns_is_read_for_its_own(put):
    rows = mutator.sound(mutator.random.Random(1), "cases", 3)
    wide = [[*row, *(f"x{n}" for n in range(16_300))] for row in rows]
    put(f"{DAY}.xlsx", mutator.workbook(wide))
    report = ingest.ingest()
    assert (report.loaded, report.records) == (1, 3)
    (warning,) = report.warnings
    assert "ignored:" in warning
    assert len(warning) < 1000


def test_nul_bytes_are_named_with_record_and_column(refused):
    lines = csv_of([case(n) for n in range(1, 41)]).split(b"\n")
    lines[9] = lines[9].replace(b"Ng\xe1\xbb\x8dc", b"Ng\0c")
    message = refused(f"{DAY}.csv", b"\n".join(lines))
    assert "the first: record 9, column ChuHoSo: the record has a NUL byte" in message


def test_sql_in_every_field_of_every_feed_stays_text(put, rows):
    attack = "'); drop table raw.files; --\\.\\N$$;"
    for feed in FEEDS.values():
        records = mutator.sound(mutator.random.Random(2), feed.name, 30)
        texts = [c for c in feed.columns if c.kind == "text" and not (c.unit or c.kiosk)]
        others = [column for column in feed.columns if column not in texts]
        for column in texts:
            records[1][records[0].index(column.name)] = attack + column.name
        for column in others[:1]:
            records[2][records[0].index(column.name)] = attack
        put(f"{feed.name}_2019-03-04.csv", mutator.text(records).encode())
    report = ingest.ingest()
    assert (report.loaded, report.records, report.rejected) == (8, 240, 8)
    for feed in FEEDS.values():
        for column in feed.columns:
            if column.kind == "text" and not (
                column.unit or column.kiosk or column.name == "MaDonVi"
            ):
                found = rows(
                    f"select {column.sql_name} from raw.{feed.name} where (row_id & 4294967295) = 1"
                )
                assert found == [(attack + column.name,)]


def test_sql_in_a_header_is_an_extra_column(put, rows):
    name = 'x"); drop table raw.files; --'
    put(f"{DAY}.csv", csv_of([case(1) | {name: "1"}], columns=[*case(1), name]))
    (warning,) = ingest.ingest().warnings
    assert "are ignored" in warning
    assert rows("select count(*) from raw.files") == [(1,)]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_formulas_stay_text(form, put, rows):
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0"]
    records = [case(n, MaTTHC=formula) for n, formula in enumerate(formulas, start=1)]
    table = [list(records[0]), *(list(record.values()) for record in records)]
    put(f"{DAY}.{form}", text_of(records).encode() if form == "csv" else mutator.workbook(table))
    ingest.ingest()
    assert rows("select matthc from raw.cases order by row_id") == [(text,) for text in formulas]


@pytest.mark.parametrize(
    "path",
    [
        "../cases/cases_2019-03-04.csv",
        "/etc/cases_2019-03-04.csv",
        "cases/../../cases_2019-03-04.csv/../x",
        "cases/cases_2019-03-04_../../x.csv",
        "cases/cases_2019-03-04\n.csv",
        "cases/\x1b[2J/cases_2019-03-04.csv",
        "cases/\udcff/cases_2019-03-04.csv",
        "cases/cases_2019-03-04_r99999999999.csv",
        "cases/cases_2019-03-04'; drop table raw.files;--.csv",
    ],
)
def test_a_name_that_plays_tricks_is_no_export_file(path):
    with pytest.raises(find.Unrecognised):
        find.parse("landing", find.PurePosixPath(path), 1)


def test_names_that_cannot_be_shown_are_told_without_harm(put, landing):
    put(GOOD, csv_of([case(1)]))
    folder = landing / "cases" / os.fsdecode(b"\xff\x1b[2J")
    folder.mkdir()
    (folder / f"{DAY}.csv").write_bytes(csv_of([case(1)]))
    report = ingest.ingest()
    assert report.loaded == 1
    (warning,) = report.warnings
    assert warning.startswith("cases/\\udcff\\x1b[2J/cases_2019-03-04.csv: not loaded, as its name")


def test_a_link_out_of_the_landing_zone_is_not_followed(put, landing, tmp_path):
    path = put(GOOD, csv_of([case(1)]))
    outside = tmp_path / "secret.csv"
    outside.write_bytes(csv_of([case(2)]))
    (landing / "cases" / f"{DAY}.csv").symlink_to(outside)
    (landing / "cases" / "cases_2019-03-06.csv").symlink_to("../../secret.csv")
    (landing / "cases" / "cases_2019-03-07.csv").symlink_to(path)
    report = ingest.ingest()
    assert report.loaded == 2
    assert sorted(report.warnings) == [
        f"cases/{name}: not loaded, as it is a link that leads out of the landing zone and no file."
        for name in (f"{DAY}.csv", "cases_2019-03-06.csv")
    ]


def test_a_pipe_in_the_landing_zone_does_not_hold_the_run_up(put, landing):
    put(GOOD, csv_of([case(1)]))
    os.mkfifo(landing / "cases" / f"{DAY}.csv")
    report = ingest.ingest()
    assert (report.loaded, len(report.warnings)) == (1, 1)
    assert "device or pipe" in report.warnings[0]
