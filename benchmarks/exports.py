"""Write the files that the benchmark loads: made-up cases, the same every time."""

import csv
import gzip
import os
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from unicodedata import normalize

import xlsxwriter

from motcua.landing.feeds import FEEDS, TIME, WHOLE

COLUMNS = FEEDS["cases"].columns

FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Thạch", "Sơn", "Lý", "Danh", "Lâm")
GIVEN_NAMES = ("Văn An", "Thị Bích Ngọc", "Hoàng Phúc", "Minh Đức", "Thị Kim Liên", "Quốc Huy")
STREETS = ("Lê Hồng Phong", "Trần Hưng Đạo", "Tôn Đức Thắng", "Nguyễn Huệ", "Hùng Vương")

TONES = "\u0300\u0301\u0303\u0309\u0323"


def write_csv(target: Path, cases: int) -> None:
    """Write a file of feed `cases` in UTF-8, which streams to COPY as it is."""
    with target.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow([column.name for column in COLUMNS])
        writer.writerows(_cases(cases))


def write_large_csv(target: Path, size: int) -> None:
    """Write a file of at least so many bytes: the same 100 thousand cases again and again."""
    write_csv(target, 100_000)
    content = target.read_bytes()
    records = content[content.index(b"\n") + 1 :]
    with target.open("ab") as output:
        while output.tell() < size:
            output.write(records)


def put_stray_quote(path: Path, first: bool = False) -> None:
    """Put a quote for the last letter of a csv file's last (or first) record."""
    with path.open("r+b") as content:
        if first:
            content.readline()
            content.readline()
            content.seek(-2, os.SEEK_CUR)
        else:
            content.seek(-2, os.SEEK_END)
        content.write(b'"')


def write_with_stray_quote(source: Path, target: Path) -> None:
    """Copy a csv file, with a stray quote in the last record."""
    shutil.copyfile(source, target)
    put_stray_quote(target)


def write_gz(source: Path, target: Path) -> None:
    """Pack a csv file as `gzip` does when nothing else is asked for."""
    with source.open("rb") as content, gzip.open(target, "wb", compresslevel=6) as packed:
        shutil.copyfileobj(content, packed, 1 << 20)


def write_utf_16(source: Path, target: Path) -> None:
    """Write a csv file again in UTF-16 with a byte order mark."""
    with (
        source.open(encoding="utf-8", newline="") as lines,
        target.open("w", encoding="utf-16", newline="") as output,
    ):
        output.writelines(lines)


def write_windows_1258(source: Path, target: Path) -> None:
    """Write a csv file again in Windows-1258, which has tones as letters of their own."""
    apart = {code: _tone_apart(chr(code)) for code in range(0xC0, 0x1F00)}
    with (
        source.open(encoding="utf-8", newline="") as lines,
        target.open("w", encoding="cp1258", newline="") as output,
    ):
        output.writelines(line.translate(apart) for line in lines)


def _tone_apart(letter: str) -> str:
    marks = normalize("NFD", letter)
    tones = "".join(mark for mark in marks if mark in TONES)
    return normalize("NFC", "".join(mark for mark in marks if mark not in TONES)) + tones


def write_sheet(source: Path, target: Path, cases: int) -> None:
    """Write the first records of a csv file as xlsx: texts, whole numbers and dates as such."""
    with (
        source.open(encoding="utf-8", newline="") as lines,
        xlsxwriter.Workbook(target) as book,
    ):
        sheet = book.add_worksheet("cases")
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        records = csv.reader(lines)
        sheet.write_row(0, 0, next(records))
        for number, record in zip(range(1, cases + 1), records, strict=False):
            for place, (column, value) in enumerate(zip(COLUMNS, record, strict=True)):
                if not value:
                    continue
                if column.kind == WHOLE:
                    sheet.write_number(number, place, int(value))
                elif column.kind == TIME:
                    written = datetime.strptime(value, "%Y%m%d%H%M%S")
                    sheet.write_datetime(number, place, written, moment)
                else:
                    sheet.write_string(number, place, value)


def _cases(count: int) -> Iterator[list[object]]:
    chance = random.Random(1216)  # noqa: S311 - the same file every time
    start = datetime(2019, 1, 2, 7)
    for number in range(count):
        received = start + timedelta(seconds=chance.randrange(86_400 * 150))
        due, finished = received + timedelta(days=7), received + timedelta(days=5)
        unit = f"000.00.{chance.randrange(1, 17):02}.H51"
        is_done = number % 4 > 0
        yield [
            f"{unit}-{received:%y%m%d}-{number:07}",
            f"1.{number % 997:06}.000.00.00.H51",
            unit,
            1 + number % 2,
            2 + number % 3,
            1 + number % 4,
            f"{chance.choice(FAMILY_NAMES)} {chance.choice(GIVEN_NAMES)}",
            chance.randrange(10**8, 10**9),
            f"09{chance.randrange(10**8):08}",
            f"cong.dan.{number}@example.vn" if number % 3 == 0 else "",
            f"{number % 300} {chance.choice(STREETS)}, Phường {number % 10}, Sóc Trăng",
            f"{received:%Y%m%d%H%M%S}",
            f"{received:%Y%m%d%H%M%S}",
            f"{due:%Y%m%d%H%M%S}",
            f"{finished:%Y%m%d%H%M%S}" if is_done else "",
            f"{finished:%Y%m%d%H%M%S}" if is_done else "",
            number % 2,
            10 if is_done else 4,
            chance.choice(FAMILY_NAMES),
            chance.choice(FAMILY_NAMES),
            'Bổ sung "bản sao"' if number % 50 == 0 else "",
            0,
            f"{finished:%Y%m%d%H%M%S}",
        ]
