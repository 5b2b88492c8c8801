"""The process that reads an xlsx workbook: bytes come in, the first sheet goes out as texts.

`sheets.py` starts it as a script; it needs nothing of the project. Out goes every column of the
sheet, from its first row on, with a text or null for each cell: as an Arrow IPC stream of its own,
after the length of that in bytes. At the end the number of rows goes to the error output. Exit code
REFUSED: the reason stands there instead.
"""

import io
import os
import re
import resource
import signal
import sys
import zipfile
import zlib
from contextlib import suppress
from typing import Any

REFUSED, OUT_OF_MEMORY = 3, 4

SIZE_OF_LENGTH = 8
"""Bytes of the length before a column, most significant byte first."""

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

_MACROS = re.compile(r"(?i)(?:^|/)(?:vbaProject\.bin|macrosheets/|dialogsheets/|activeX/)")
_LINKS = re.compile(r"(?i)(?:^|/)externalLinks/")
OVERLAP = 200
"""Bytes of a part that are looked at again with the next ones, as a tag may be cut between them."""

_CELL = re.compile(rb'r="([A-Z]{1,3}[0-9]{1,7})"')
_STYLE_OF_NO_DATE = re.compile(rb' s="([0-9]{1,5})"[^<>]*><v>-?(?:[0-9]{8}|[3-9][0-9]{6})')
_ATTRIBUTE = re.compile(rb'\b(\w+)="([^"]*)"')
_NO_LETTERS_OF_DATES = re.compile(rb'(?i)"[^"]*"|\[(?!h|m|s)[^][]*\]|[\\_*].')
_DATE_FORMATS = (*range(14, 23), *range(45, 48))
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
    """Write the sheet once the examination has ended well; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_TO_BEGIN, MOST_SECONDS + 1))
    try:
        cells = _first_sheet(content)
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
        os.read(examined, 1)
        _write(cells)
    except (Refused, MemoryError) as reason:
        os.read(examined, 1)
        return _exit_code(reason)
    sys.stderr.write(str(cells.length))
    sys.stderr.flush()
    return 0


def _first_sheet(content: bytes) -> Any:
    """The cells of the first sheet, from its first row on, as an Arrow table of texts.

    Whole numbers have no decimals, moments are written as in "2019-03-04 08:05:59[.600]", booleans
    are "true" and "false"; empty cells and errors (#N/A) are null.
    """
    import fastexcel
    import nanoarrow

    try:
        book = fastexcel.read_excel(content)
        sheet = book.load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
    except (fastexcel.FastExcelError, OSError) as error:
        what = str(error).partition("\n")[0]
        raise Refused(f"The workbook cannot be opened ({what}). Export it again.") from error
    last_row = sheet.height - 1  # counted from 0, as the header is no record
    if last_row > MOST_ROWS:
        raise Refused(_too_many_rows(last_row))
    return nanoarrow.c_array(sheet)


def _write(cells: Any) -> None:
    """Send one column after the other, so that nobody holds the table twice."""
    from nanoarrow import c_array_from_buffers, struct
    from nanoarrow.ipc import StreamWriter

    try:
        for column in cells.children:
            kind = struct({"text": column.schema})
            table = c_array_from_buffers(kind, cells.length, [None], children=[column])
            stream = io.BytesIO()
            with StreamWriter.from_writable(stream) as writer:
                writer.write_array(table)
            sys.stdout.buffer.write(stream.tell().to_bytes(SIZE_OF_LENGTH, "big"))
            sys.stdout.buffer.write(stream.getbuffer())
    except RuntimeError as error:  # of nanoarrow; nothing but taking memory can fail here
        raise MemoryError from error
    sys.stdout.flush()


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
            styles: set[bytes] = set()
            for part in archive.infolist():
                left -= _examine_part(archive, part, left, styles)
            if styles and "xl/styles.xml" in names:
                _refuse_lost_numbers(archive, styles)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, zipfile.BadZipFile) and "not a zip" in str(error):
            raise Refused(
                "The file is not an xlsx workbook as its name says, or it is cut off. Export it"
                " again, as xlsx or csv."
            ) from error
        raise Refused(f"The workbook is damaged ({error}). Export it again.") from error


def _examine_part(
    archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int, styles: set[bytes]
) -> int:
    """Unpack a part without keeping it; returns how many bytes it has in truth.

    styles: gets the style of every cell with a number that can be no date, as those are less than
    2958466 (the year 10000).
    """
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
            text = before[-OVERLAP:] + block if is_xml else b""
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
                styles.update(_STYLE_OF_NO_DATE.findall(text))
            before = block
    return size


def _refuse_lost_numbers(archive: zipfile.ZipFile, styles: set[bytes]) -> None:
    """Refuse when one of the styles is that of a date: the reader takes such numbers for empty."""
    with archive.open("xl/styles.xml") as part:
        text = part.read(UNSUSPICIOUS)
    formats = {str(number).encode() for number in _DATE_FORMATS}
    for tag in re.findall(rb"<numFmt [^<>]*>", text):
        written = dict(_ATTRIBUTE.findall(tag))
        code = written.get(b"formatCode", b"").replace(b"&quot;", b'"')
        if re.search(rb"(?i)[dmyhs]", _NO_LETTERS_OF_DATES.sub(b"", code)):
            formats.add(written.get(b"numFmtId", b""))
    of_cells = text.partition(b"<cellXfs")[2].partition(b"</cellXfs>")[0]
    for number, tag in enumerate(re.findall(rb"<xf [^<>]*>", of_cells)):
        is_date = dict(_ATTRIBUTE.findall(tag)).get(b"numFmtId") in formats
        if is_date and str(number).encode() in styles:
            raise Refused(
                "The workbook has numbers in the format of a date that are no dates. Give those"
                " cells the format of a number or text, or export this day as csv."
            )


def _too_many_rows(rows: int | None = None) -> str:
    found = f"{rows} records, more" if rows else "more records"
    return f"A sheet of the workbook has {found} than the {MOST_ROWS} allowed. {EXPORT_CSV}"


if __name__ == "__main__":
    sys.exit(main())
