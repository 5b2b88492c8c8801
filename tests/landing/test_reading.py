"""Files of every form, read record by record and in blocks."""

import csv
import io

import mutator
import pytest
from export_files import case, text_of

from motcua.landing import reading
from motcua.landing.feeds import FEEDS
from motcua.landing.reading import Unfit

CASES = FEEDS["cases"]
LATE = FEEDS["late_reviews"]
HEADER = "MaHoSo,NguyenNhan,NgayXacNhan\n"


def layout(content, feed=LATE, encoding=None):
    return reading.layout_of(feed, content[: reading.HEAD], encoding)


def records(content, feed=LATE, encoding=None):
    """The records of a file in their order, whether they were read one by one or in blocks."""
    found = []
    for batch in reading.csv_batches(io.BytesIO(content), layout(content, feed, encoding)):
        written = batch.written or [""] * batch.frame.height
        found += [
            reading.Record(number, list(row), text)
            for number, row, text in zip(batch.numbers, batch.frame.rows(), written, strict=True)
        ]
        found += batch.unreadable
    return sorted(found)


def fields(content, **how):
    return [record.fields for record in records(content, **how)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"])
def test_encoding_separator_and_line_ending_are_found_out(encoding, separator, newline):
    text = text_of([case(1), case(2)], separator=separator, newline=newline)
    content = (
        b"\xff\xfe" + text.encode("utf-16-le")
        if encoding == "utf-16-le-bom"
        else text.encode(encoding)
    )
    found = layout(content, CASES)
    assert (found.separator, found.newline) == (separator, newline)
    assert fields(content, feed=CASES) == [list(case(1).values()), list(case(2).values())]


def test_windows_1258_is_told_from_utf_8_with_a_few_bad_bytes():
    names = "MaHoSo,NguyenNhan,NgayXacNhan,NguoiXacNhan\n"
    line = "a,1,20190304080000,Trâ\u0300n Thi\u0323 Bích Ngo\u0323c\n"
    old = (names + line).encode("cp1258")
    assert reading.encoding_of(io.BytesIO(old)) == reading.WINDOWS_1258
    assert fields(old, encoding=reading.WINDOWS_1258)[0][3] == "Trần Thị Bích Ngọc"
    new = (names + line * 5).encode() + b"b,1,20190304080000,L\xea\n"
    assert reading.encoding_of(io.BytesIO(new)) == reading.UTF_8
    assert records(new)[5].fault == "has bytes that are not UTF-8"
    assert [record.fault for record in records(new)[:5]] == [None] * 5


def test_windows_1258_is_told_also_from_one_line_without_an_end():
    content = "MaHoSo,NguyenNhan,NgayXacNhan,NguoiXacNhan\na,1,20190304080000,Lê Nguyễn".encode(
        "cp1258", "ignore"
    )
    assert reading.encoding_of(io.BytesIO(content)) == reading.WINDOWS_1258
    assert reading.encoding_of(io.BytesIO("không dấu ở cuối: ế".encode())) == reading.UTF_8
    assert reading.encoding_of(io.BytesIO(b"")) == reading.UTF_8


def test_header_names_match_after_nfc_and_trimming_in_any_order():
    content = " NgayXacNhan ;MaHoSo\u00a0;NguyenNhan\n20190304080000;a;1\n".encode()
    found = layout(content)
    assert found.header.columns == ["NgayXacNhan", "MaHoSo", "NguyenNhan"]


def test_extra_and_absent_columns_are_warned_of_by_name():
    header = layout(b"MaHoSo,NguyenNhan,NgayXacNhan,Mau,\n").header
    extra, absent = header.warnings
    assert '"Mau", ""' in extra
    assert "NgayTraThucTe, SoVanBan, NguoiXacNhan, DaXinLoi" in absent


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\r\n", "The file is empty"),
        (b"MaHoSo,NguyenNhan\n", "Required column missing: NgayXacNhan"),
        (b"mahoso,NguyenNhan,NgayXacNhan\n", 'Write MaHoSo exactly so; the header has "mahoso"'),
        (b"MaHoSo,MaHoSo,NguyenNhan,NgayXacNhan\n", "column MaHoSo twice"),
        (b"a,1,20190304080000\n", "The first line must be the header"),
        (b"PK\x03\x04rest", "but an Excel workbook or a zip archive"),
        (b"%PDF-1.4", "but a PDF document"),
        (b"<html><body>", "but a web page or XML"),
        (b"\xd0\xcf\x11\xe0", r"an old Excel"),
        (b"\x1f\x8b\x08", "but a gzip archive"),
        ("MaHoSo".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"x" * reading.HEAD, "The header does not end"),
        (b"sep=;\r\nMaHoSo;NguyenNhan;NgayXacNhan\r\n", r"\(sep=\). Remove that line"),
        (b'\xef\xbb\xbf"sep=\t"\nMaHoSo\tNguyenNhan\n', r"\(sep=\). Remove that line"),
        ("sep=,\nMaHoSo,x\n".encode("utf-16"), r"\(sep=\). Remove that line"),
        (b"MaHoSo\tNguyenNhan\tNgayXacNhan\nH1\t1\tx\n", "separated by tabs. Export"),
        (b'"MaHoSo"|"NguyenNhan"\n', r"separated by vertical bars \(\|\). Export"),
    ],
)
def test_a_file_that_does_not_fit_is_told_why(content, reason):
    with pytest.raises(Unfit, match=reason):
        layout(content)


def test_the_export_of_another_feed_is_recognised():
    with pytest.raises(Unfit, match="This is an export of feed cases"):
        layout(text_of([case()]).encode())


def test_a_header_alone_has_no_records():
    assert records(HEADER.encode()) == []
    assert records(HEADER.strip().encode()) == []
    assert list(reading.blocks(io.BytesIO(HEADER.encode()), layout(HEADER.encode()), 40)) == []


def test_blank_lines_are_no_records():
    content = HEADER + "\na,1,20190304080000\n\n\nb,1,20190304080000\n\n"
    assert [record.number for record in records(content.encode())] == [1, 2]


def test_quoted_values_keep_separators_quotes_and_line_feeds():
    content = HEADER + '"a,""x""\nb",1,20190304080000\n'
    assert fields(content.encode()) == [['a,"x"\nb', "1", "20190304080000"]]


def test_a_wrong_number_of_fields_costs_one_record():
    content = HEADER + "a,1,20190304080000\nb,1\nc,1,2,3\nd,1,20190304080000\n"
    assert [record.fault for record in records(content.encode())] == [
        None,
        "has 2 fields where the header has 3",
        "has 4 fields where the header has 3",
        None,
    ]


def test_a_quote_that_is_not_closed_costs_one_record_and_not_the_rest():
    lines = [f"{letter},1,20190304080000\n" for letter in "abcdef"]
    lines[1] = '"b,1,20190304080000\n'
    found = records((HEADER + "".join(lines)).encode())
    assert [record.fault is None for record in found] == [True, False, True, True, True, True]
    assert found[1].text == lines[1].rstrip()
    assert found[1].fault == "has a quote that is stray, or opened and not closed"


def test_two_stray_quotes_do_not_swallow_the_records_between_them():
    lines = [f"{letter},1,20190304080000\n" for letter in "abcdef"]
    lines[1], lines[4] = '"b,1,20190304080000\n', '"e,1,20190304080000\n'
    found = records((HEADER + "".join(lines)).encode())
    assert [record.number for record in found if record.fault] == [2, 5]
    assert len(found) == 6


def test_a_quote_inside_an_unquoted_value_is_a_letter():
    content = HEADER + 'ống 5",1,20190304080000\nb,1,20190304080000\n'
    assert fields(content.encode())[0][0] == 'ống 5"'
    assert len(records(content.encode())) == 2


def test_nul_bytes_cost_their_record():
    content = (HEADER + "a,1,20190304080000\nb\0,1,20190304080000\n").encode()
    assert [record.fault for record in records(content)] == [None, "has a NUL byte"]


def test_blocks_end_where_records_end():
    lines = [f'"{n}\n{n}",1,20190304080000\r\n' for n in range(50)]
    content = (HEADER + "".join(lines)).encode()
    blocks = list(reading.blocks(io.BytesIO(content), layout(content), 40))
    assert len(blocks) > 10
    assert b"".join(blocks) == "".join(lines).encode()
    for block in blocks:
        assert all(len(row) == 3 for row in csv.reader(io.StringIO(block.decode(), newline="")))


@pytest.mark.parametrize(
    ("block", "is_stray", "has_empty"),
    [
        (b"a,b\n", False, False),
        (b'a,"b"\n', False, False),
        (b'"a""b","""","""x"\n', False, False),
        (b'"a\nb","c"\r\n', False, False),
        (b'a,"",c\n', False, True),
        (b'""', False, True),
        (b'a,b""c\n', True, False),
        (b'a,b"c,d"e\n', True, False),
        (b'a,"b"c\n', True, False),
        (b'"a" ,b\n', True, False),
        (b'a,"b\n', True, False),
    ],
)
def test_quotes_that_rfc_4180_does_not_know_are_found(block, is_stray, has_empty):
    assert reading.quoting_of(block, ",") == (is_stray, has_empty)


@pytest.mark.parametrize("in_blocks", [True, False])
def test_values_are_brought_to_nfc_after_they_are_parted(in_blocks, monkeypatch):
    if not in_blocks:
        monkeypatch.setattr(reading, "_plain_frame", lambda *_: None)
    greek_question_mark = "\u037e"  # its NFC is the semicolon
    record = f"a;1;20190304080000;Tra\u0302\u0300n{greek_question_mark}Thi\u0323\n"
    content = "MaHoSo;NguyenNhan;NgayXacNhan;NguoiXacNhan\n" + record
    assert fields(content.encode()) == [["a", "1", "20190304080000", "Trần;Thị"]]


def test_blocks_and_single_records_tell_the_same_of_every_broken_file(monkeypatch):
    compared = 0
    for file in mutator.corpus(seed=4, rounds=1):
        if file.form != "csv" or not file.content:
            continue
        try:
            layout(file.content, FEEDS[file.feed])
        except Unfit:
            continue
        in_blocks = records(file.content, FEEDS[file.feed])
        with monkeypatch.context() as patch:
            patch.setattr(reading, "_plain_frame", lambda *_: None)
            one_by_one = records(file.content, FEEDS[file.feed])
        assert [(r.number, r.fields, r.fault, r.column) for r in in_blocks] == [
            (r.number, r.fields, r.fault, r.column) for r in one_by_one
        ], file.what
        compared += 1
    assert compared > 50


def test_a_file_without_header_shows_no_value_of_its_first_record():
    record = "HS-1,Trần Thị Bích Ngọc,0912345678,000.00.01.H51\n"
    with pytest.raises(reading.Unfit) as told:
        reading.layout_of(FEEDS["cases"], record.encode())
    text = str(told.value)
    assert "of its 4 names 0 are columns of feed cases, which has 23" in text
    assert not [value for value in record.strip().split(",") if value in text]


@pytest.mark.parametrize("name", ["Ma_Ho_So", "mã hồ sơ", "MaHoSo.", "MaHoS0"])
def test_a_name_that_is_nearly_one_of_the_feed_is_pointed_at(name):
    names = [column.name for column in FEEDS["cases"].columns]
    with pytest.raises(reading.Unfit, match="Name 1 of the header is nearly MaHoSo: write it"):
        reading.layout_of(FEEDS["cases"], ",".join([name, *names[1:]]).encode() + b"\n")
