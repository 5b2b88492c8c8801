"""The process that reads an xlsx workbook: bytes come in, the first sheet goes out as csv.

`sheets.py` starts it as a script; it needs nothing of the project. First line out: the header as
JSON. Then every row with a value: its number (the row after the header is 1) and its cells as
text. At the end the number of those rows goes to the error output. Exit code REFUSED: the reason
stands there instead.
"""

import io
import json
import os
import re
import resource
import signal
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

REFUSED, OUT_OF_MEMORY = 3, 4

LARGEST_WORKBOOK = 32 << 20
"""Bytes of an xlsx file above which it is refused unread."""

MOST_UNPACKED = 200 << 20
"""Bytes of all its parts, unpacked. 100 thousand cases take 80 MB."""

MOST_RATIO, UNSUSPICIOUS = 200, 16 << 20
"""A part may unpack to this many times its size, and in any case to so many bytes."""

MOST_ROWS = 100_000
"""Records of a sheet. A larger one belongs into a csv file, which has no limit."""

LONGEST_TEXT = 1 << 20
"""Bytes of XML without a tag: no cell is that long (Excel itself allows 32767 characters)."""

MOST_MEMORY = 300 << 20
"""Bytes of address space of the process. 100 thousand cases take 250 MB."""

MOST_SECONDS, MOST_TO_BEGIN = 60, 8
"""Seconds of processor time, in all and before the first record; 100 thousand cases take 3."""

EXPORT_CSV = "Export this day as csv."

ROWS_AT_ONCE = 100
"""Rows whose cells become texts together; each cell may be as long as 32767 characters."""

_MACROS = re.compile(r"(?i)(?:^|/)(?:vbaProject\.bin|macrosheets/|dialogsheets/|activeX/)")
_LINKS = re.compile(r"(?i)(?:^|/)externalLinks/")
_CELL = re.compile(rb'r="([A-Z]{1,3}[0-9]{1,7})"')
_ENCODED_DOCTYPE = tuple("<!DOCTYPE".encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be"))


class Refused(Exception):
    """The workbook cannot be loaded; the text says why and what to do."""


def main() -> int:
    """Read a workbook from the input; returns the exit code.

    It is examined while another process reads it, which says nothing before that has ended well;
    one after the other would take a sixth longer. A reader that was killed ends this one likewise.
    """
    _limit()
    content = sys.stdin.buffer.read(LARGEST_WORKBOOK + 1)
    examined, ends_when_closed = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(ends_when_closed)
        os._exit(_read(content, examined))
    try:
        _examine(content)
    except (Refused, MemoryError) as reason:
        os.kill(reader, signal.SIGKILL)
        os.waitpid(reader, 0)
        with suppress(OSError):
            os.ftruncate(2, 0)  # what the reader said of this workbook is no reason
            os.lseek(2, 0, os.SEEK_SET)
        return _exit_code(reason)
    os.close(ends_when_closed)
    code = os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1])
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


def _exit_code(reason: Refused | MemoryError) -> int:
    if isinstance(reason, MemoryError):
        return OUT_OF_MEMORY
    sys.stderr.buffer.write(str(reason).encode())
    sys.stderr.flush()
    return REFUSED


def _limit() -> None:
    """Let the kernel hold the limits; what the reader does with a bad file cannot be foreseen."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(content: bytes, examined: int) -> int:
    """Write header and rows once the examination has ended well; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_TO_BEGIN, MOST_SECONDS + 1))
    try:
        sheet = _first_sheet(content)
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
        os.read(examined, 1)
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        count = _write(sheet.iter_rows(), sys.stdout)
        sys.stdout.flush()
    except (Refused, MemoryError) as reason:
        os.read(examined, 1)
        return _exit_code(reason)
    sys.stderr.write(str(count))
    sys.stderr.flush()
    return 0


def _first_sheet(content: bytes) -> Any:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = book.get_sheet_by_index(0)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise Refused(f"The workbook cannot be opened ({error}). Export it again.") from error
    last_row = sheet.end[0] if sheet.end else 0  # counted from 0, as the header is no record
    if last_row > MOST_ROWS:
        raise Refused(_too_many_rows(last_row))
    return sheet


def _write(rows: Iterator[list[Any]], target: Any) -> int:
    """Write header and rows; returns how many rows have a value."""
    header = [cell_text(cell) for cell in next(rows, [])]
    target.write(json.dumps(header) + "\n")
    count, number = 0, 1
    while some := list(islice(rows, ROWS_AT_ONCE)):
        lines = _lines(some, number)
        target.writelines(lines)
        count += len(lines)
        number += len(some)
    return count


def _lines(rows: Sequence[Sequence[Any]], first: int) -> list[str]:
    """Rows as lines of csv, each after its number, the one of the first row being `first`.

    Rows without any value are left out. Cells of a column are mostly alike, so a column is treated
    as a whole: a csv writer, and a look at each cell, would take three times as long.
    """
    columns = [_fields(cells) for cells in zip(*rows, strict=True)]
    numbered = enumerate(map(",".join, zip(*columns, strict=True)), start=first)
    return [f"{number},{line}\n" for number, line in numbered if line.strip(",")]


def _fields(cells: Sequence[Any]) -> Sequence[str]:
    """Cells as fields of csv."""
    texts = [cell if type(cell) is str else _TEXT_OF.get(type(cell), str)(cell) for cell in cells]
    if not _needs_quotes("".join(texts)):
        return texts
    return [_quoted(text) if _needs_quotes(text) else text for text in texts]


def _needs_quotes(text: str) -> bool:
    return "," in text or '"' in text or "\n" in text or "\r" in text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _examine(content: bytes) -> None:
    """Refuse what is no xlsx workbook, what could run or fetch something, and bombs."""
    if len(content) > LARGEST_WORKBOOK:
        raise Refused(f"The workbook has more than {LARGEST_WORKBOOK >> 20} MB. {EXPORT_CSV}")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused(
            "The file is an old Excel workbook (.xls) or has a password. Save it as xlsx without"
            " a password, or as csv."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names:
                raise Refused(
                    "The file is a zip archive without a workbook. Export it as xlsx or csv."
                )
            for name in names:
                if _MACROS.search(name):
                    raise Refused(
                        f"The workbook has macros ({os.path.basename(name)}). They were not run."
                        " Save it as xlsx without macros, or as csv."
                    )
                if _LINKS.search(name):
                    raise Refused(
                        "The workbook has links to other workbooks, so its values may be theirs."
                        " Break the links, or export this day as csv."
                    )
            left = MOST_UNPACKED
            for part in archive.infolist():
                left -= _examine_part(archive, part, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, zipfile.BadZipFile) and "not a zip" in str(error):
            raise Refused(
                "The file is not an xlsx workbook as its name says, or it is cut off. Export it"
                " again, as xlsx or csv."
            ) from error
        raise Refused(f"The workbook is damaged ({error}). Export it again.") from error


def _examine_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    """Unpack a part without keeping it; returns how many bytes it has in truth."""
    size = rows = 0
    before = b""
    is_sheet = part.filename.startswith("xl/worksheets/")
    is_xml = part.filename.endswith((".xml", ".rels"))
    with archive.open(part) as stream:
        while block := stream.read(LONGEST_TEXT):
            size += len(block)
            if size > most:
                raise Refused(
                    f"The workbook unpacks to more than {MOST_UNPACKED >> 20} MB. {EXPORT_CSV}"
                )
            if size > UNSUSPICIOUS and size > MOST_RATIO * part.compress_size:
                raise Refused(
                    f"The workbook unpacks to more than {MOST_RATIO} times its size, as no export"
                    f" does. Look at what is in it. {EXPORT_CSV}"
                )
            text = before[-20:] + block if is_xml else b""
            if any(mark in text for mark in _ENCODED_DOCTYPE):
                raise Refused(
                    f"The workbook defines XML entities ({os.path.basename(part.filename)}), which"
                    f" no spreadsheet program does. Look at where it comes from. {EXPORT_CSV}"
                )
            if is_xml and len(block) == LONGEST_TEXT and b"<" not in block:
                cells = _CELL.findall(before)
                where = f", about cell {cells[-1].decode()}" if cells else ""
                raise Refused(
                    f"The workbook has a value of more than {LONGEST_TEXT >> 20} MB{where}. Remove"
                    " it, or export this day as csv."
                )
            if is_sheet:
                rows += block.count(b"<row ")
                if rows > MOST_ROWS + 1:
                    raise Refused(_too_many_rows())
            before = block
    return size


def _too_many_rows(rows: int | None = None) -> str:
    found = f"{rows} records, more" if rows else "more records"
    return f"A sheet of the workbook has {found} than the {MOST_ROWS} allowed. {EXPORT_CSV}"


def cell_text(cell: object) -> str:
    """The text of a cell: whole numbers without decimals, moments as yyyyMMddHHmmss."""
    return _TEXT_OF.get(type(cell), str)(cell)


@lru_cache(maxsize=1 << 12)
def _number(cell: float) -> str:
    return str(int(cell)) if cell.is_integer() else str(cell)


def _moment(cell: datetime) -> str:
    """The nearest second. strftime would take four times as long."""
    if cell.microsecond and cell < _LAST_SECOND:
        cell += timedelta(microseconds=500_000)
    day = f"{cell.year}{_TWO[cell.month]}{_TWO[cell.day]}"
    return f"{day}{_TWO[cell.hour]}{_TWO[cell.minute]}{_TWO[cell.second]}"


_LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59)
"""Nothing can be rounded up to what comes after it."""

_TWO = [f"{number:02}" for number in range(60)]

_TEXT_OF: dict[type, Callable[[Any], str]] = {
    float: _number,
    datetime: _moment,
    bool: lambda cell: str(int(cell)),
    date: lambda cell: f"{cell:%Y%m%d}000000",
    type(None): lambda _: "",
}


if __name__ == "__main__":
    sys.exit(main())
