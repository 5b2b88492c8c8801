"""Read an export file record by record, or in blocks of whole records, whatever form it has."""

import codecs
import csv
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO, NamedTuple, cast
from unicodedata import normalize

from motcua.landing import find
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.find import ExportFile

HEAD = 1 << 16
"""Bytes in which the header must end."""

BLOCK = 1 << 22
"""Bytes that are read, checked and sent at a time."""

LONGEST_RECORD = 2 * BLOCK
"""Characters of a record above which it is rejected."""

MOST_LINES = 500
"""Lines over which the quotes of one record may reach."""

LARGEST_SHEET = 600 << 20
"""Bytes of an unpacked xlsx file above which it is refused."""

UTF_8, UTF_16, WINDOWS_1258 = "utf-8", "utf-16", "cp1258"
_TITLES = {UTF_8: "UTF-8", UTF_16: "UTF-16", WINDOWS_1258: "Windows-1258"}

_NOT_DECODED = re.compile("[\udc80-\udcff]")
_QUOTED_EMPTY = re.compile(r'(?:^|[,;\n])""(?:[,;\r\n]|$)')

csv.field_size_limit(LONGEST_RECORD)

_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel (.xls) or another Office document"),
    (b"%PDF", "a PDF document"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
)


class Unfit(Exception):
    """The file as a whole cannot be loaded; the text says why and what to do.

    records: how many it holds, when they were read.
    """

    def __init__(self, text: str, records: int = 0) -> None:
        super().__init__(text)
        self.records = records


class NotPlain(Exception):
    """The bytes of a csv file cannot go into the table as they are; the text says why."""


class Record(NamedTuple):
    """One record of a file. number counts from 1; fault is set when it could not be read."""

    number: int
    fields: list[str]
    text: str
    fault: str | None = None


@dataclass(frozen=True)
class Header:
    """Columns of a file: `names` as written, of which the feed knows those in `positions`."""

    names: tuple[str, ...]
    positions: dict[str, int]
    warnings: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the known columns in the order of the file."""
        return sorted(self.positions, key=self.positions.__getitem__)


@dataclass(frozen=True)
class Layout:
    """How a csv file is written.

    start: where the first record begins, in bytes. quotes_empty: empty values stand in quotes, as
    far as the first bytes tell.
    """

    header: Header
    encoding: str
    separator: str
    newline: str
    start: int
    quotes_empty: bool


class Source(io.RawIOBase):
    """The bytes of a file, hashed and counted as they are read."""

    def __init__(self, inner: io.BufferedReader) -> None:
        self.inner = inner
        self.hash = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.inner.readinto(buffer)
        self.hash.update(memoryview(buffer)[:count])
        self.bytes += count
        return count


@contextmanager
def opened(file: ExportFile) -> Iterator[tuple[Source, BinaryIO]]:
    """The source of a file, and the stream of its content (unpacked when it is a csv.gz)."""
    with find.open_file(file) as raw:
        source = Source(raw)
        if file.form == "csv.gz":
            yield source, cast(BinaryIO, gzip.GzipFile(fileobj=io.BufferedReader(source, HEAD)))
        else:
            yield source, io.BufferedReader(source, HEAD)


def header_of(feed: Feed, written: Sequence[str]) -> Header:
    """Match the header of a file with the columns of its feed (after Unicode NFC and trimming).

    Raises Unfit when a required column is missing or a column comes twice.
    """
    names = _plain(written)
    positions = _positions(feed, written)
    twice = sorted(name for name in positions if names.count(name) > 1)
    if twice:
        raise Unfit(f"The header has column {', '.join(twice)} twice. Remove one and export again.")
    missing = [column.name for column in feed.required if column.name not in positions]
    if missing:
        raise Unfit(f"Required column missing: {', '.join(missing)}. {_hint(feed, names, missing)}")
    extra = [name for name in names if name not in positions]
    absent = [column.name for column in feed.columns if column.name not in positions]
    warnings = []
    if extra:
        listed = ", ".join(f'"{name[:60]}"' for name in extra[:10])
        more = f" and {len(extra) - 10} more" if len(extra) > 10 else ""
        warnings.append(f"Columns that the feed does not have are ignored: {listed}{more}.")
    if absent:
        warnings.append(f"Columns that the file does not have stay empty: {', '.join(absent)}.")
    return Header(names, positions, tuple(warnings))


def _plain(written: Sequence[str]) -> tuple[str, ...]:
    return tuple(normalize("NFC", name).strip("\ufeff\u00a0 \t\r\n") for name in written)


def _positions(feed: Feed, written: Sequence[str]) -> dict[str, int]:
    """Where the columns of the feed stand."""
    places = {name: place for place, name in enumerate(_plain(written))}
    return {column.name: places[column.name] for column in feed.columns if column.name in places}


def _hint(feed: Feed, names: Sequence[str], missing: Sequence[str]) -> str:
    """What a person should do about a header that lacks columns."""
    for other in FEEDS.values():
        if other is not feed and all(column.name in names for column in other.required):
            return f"This is an export of feed {other.name}: rename it, or export {feed.name}."
    folded = {name.casefold(): name for name in names}
    for name in missing:
        if name.casefold() in folded:
            return f'Write {name} exactly so; the header has "{folded[name.casefold()]}".'
    found = ", ".join(f'"{name[:40]}"' for name in names[:8])
    return f"The first line must be the header; it reads {found}. Export the file again."


def layout_of(feed: Feed, head: bytes, encoding: str | None = None) -> Layout:
    """How a csv file is written, from its first bytes; `encoding` overrules what they suggest.

    Raises Unfit when it is empty, no csv, or its header does not fit the feed.
    """
    if not head.strip(b"\xef\xbb\xbf \r\n\t"):
        raise Unfit(
            "The file is empty. A day without records is a file with only the header; export again."
        )
    for magic, kind in _OTHER_KINDS:
        if head.startswith(magic):
            raise Unfit(f"The file is not csv as its name says, but {kind}. Export it as csv.")
    bom = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = UTF_16
        text = head[: len(head) // 2 * 2].decode(UTF_16, "replace")
    elif head.count(b"\0") * 10 > len(head):
        raise Unfit(
            "The file is not text (or UTF-16 without a byte order mark). Export it as UTF-8 csv."
        )
    else:
        encoding = encoding or UTF_8
        text = head[bom:].decode(encoding, "surrogateescape")
    end = _end_of_record(text)
    if end is None:
        if len(head) >= HEAD:
            raise Unfit(f"The header does not end within {HEAD} bytes. Export the file again.")
        end = len(text)
    line = text[:end]
    newline = "\r\n" if line.endswith("\r\n") else line[-1:] if line[-1:] in "\r\n" else "\n"
    separator, names = max(
        ((mark, _fields(line, mark) or []) for mark in ",;"),
        key=lambda choice: len(_positions(feed, choice[1])),
    )
    return Layout(
        header=header_of(feed, names),
        encoding=encoding,
        separator=separator,
        newline=newline,
        start=bom + len(line.encode(UTF_8, "surrogateescape")),
        quotes_empty=_QUOTED_EMPTY.search(text) is not None,
    )


def _end_of_record(text: str) -> int | None:
    """Where the first record of a text ends, its line ending included."""
    for match in re.finditer(r"\r\n|\r|\n", text):
        if text.count('"', 0, match.start()) % 2 == 0 and match.end() < len(text):
            return match.end()
    return len(text) if text.endswith(("\r", "\n")) else None


def blocks(stream: BinaryIO, layout: Layout) -> Iterator[bytes]:
    """The bytes after the header, cut where records end; for csv in UTF-8 with line feeds.

    A line feed ends a record when the quotes before it are even in number (RFC 4180).
    Raises NotPlain when no end of a record is in sight.
    """
    stream.read(layout.start)
    while block := stream.read(BLOCK):
        parts, more = [block], 0
        is_open = block.count(b'"') % 2 == 1
        while line := stream.readline(LONGEST_RECORD):
            parts.append(line)
            more += len(line)
            is_open ^= line.count(b'"') % 2 == 1
            if not is_open:
                break
            if more > LONGEST_RECORD:
                raise NotPlain("a quote is opened and not closed")
        yield b"".join(parts)


class Quoting(NamedTuple):
    """Whether a quote stands where RFC 4180 has none, and whether there are quoted empty values."""

    is_stray: bool
    has_empty: bool


def quoting_of(block: bytes, separator: str) -> Quoting:
    """How a block of whole records is quoted.

    In turn, quotes open and close a value. One that opens follows a separator or a line ending, one
    that closes is before one; or the two are neighbours, a doubled quote inside a value. COPY would
    drop any other quote, and the check on the second core would read it as a letter.
    """
    if b'"' not in block:
        return Quoting(False, False)
    import numpy as np

    letters = np.frombuffer(block, dtype=np.uint8)
    places = np.flatnonzero(letters == ord('"'))
    if len(places) % 2:
        return Quoting(True, False)
    opening, closing = places[0::2], places[1::2]
    is_border = np.zeros(256, dtype=bool)
    is_border[[ord(separator), ord("\n"), ord("\r")]] = True
    last = len(letters) - 1
    opens = is_border[letters[np.maximum(opening - 1, 0)]] | (opening == 0)
    closes = is_border[letters[np.minimum(closing + 1, last)]] | (closing == last)
    has_empty = bool((opens & closes & (closing == opening + 1)).any())
    is_doubled = opening[1:] == closing[:-1] + 1
    opens[1:] |= is_doubled
    closes[:-1] |= is_doubled
    return Quoting(not (opens.all() and closes.all()), has_empty)


def csv_records(stream: BinaryIO, layout: Layout) -> Iterator[Record]:
    """The records of a csv file, in any encoding and with any line ending.

    A record that cannot be read comes with its fault. One whose quotes reach over several lines and
    that does not fit the header is given up after its first line, and reading goes on with the
    next: a stray quote costs one record and not the rest of the file. Blank lines are no records.
    """
    errors = "replace" if layout.encoding == UTF_16 else "surrogateescape"
    encoding = "utf-8-sig" if layout.encoding == UTF_8 else layout.encoding
    text = io.TextIOWrapper(stream, encoding, errors, newline="")
    width = len(layout.header.names)
    lines = _Lines(text)
    number = -1  # the header is no record
    while line := lines.next():
        if not line.strip("\r\n"):
            continue
        number += 1
        if len(line) >= LONGEST_RECORD and line[-1] not in "\r\n":
            lines.skip()
            yield Record(number, [], line[:1000], "is longer than a record can be")
            continue
        record, following = line, lines.until_closed() if line.count('"') % 2 else []
        fields = _fields("".join((line, *following)), layout.separator, strict=True)
        if following and (fields is None or len(fields) != width):
            lines.give_back(following)
            fields = _fields(line, layout.separator, strict=True)
        elif following:
            record = "".join((line, *following))
        if number > 0:
            fault = _unreadable(record, fields, width, layout.encoding)
            yield Record(number, [] if fault else fields or [], record, fault)


class _Lines:
    """Lines of a text that can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.waiting: deque[str] = deque()

    def next(self) -> str:
        """The next line in Unicode NFC, its ending included; nothing at the end of the text."""
        if self.waiting:
            return self.waiting.popleft()
        line = self.text.readline(LONGEST_RECORD)
        return line if line.isascii() else normalize("NFC", line)

    def until_closed(self) -> list[str]:
        """The lines up to the one that closes an open quote, or as many as a record may have."""
        taken: list[str] = []
        size = 0
        while len(taken) < MOST_LINES and size < LONGEST_RECORD and (line := self.next()):
            taken.append(line)
            size += len(line)
            if line.count('"') % 2:
                break
        return taken

    def give_back(self, lines: list[str]) -> None:
        self.waiting.extendleft(reversed(lines))

    def skip(self) -> None:
        """Pass over the rest of a line that was too long to be read at once."""
        while (line := self.text.readline(LONGEST_RECORD)) and line[-1] not in "\r\n":
            pass


def _unreadable(record: str, fields: list[str] | None, width: int, encoding: str) -> str | None:
    """Why a record cannot be read, if so."""
    if fields is None:
        return "has a quote that is stray, or opened and not closed"
    if len(fields) != width:
        return f"has {len(fields)} fields where the header has {width}"
    if "\0" in record:
        return "has a NUL byte"
    if not _is_text(record, encoding):
        return f"has bytes that are not {_TITLES[encoding]}"
    return None


def _fields(record: str, separator: str, strict: bool = False) -> list[str] | None:
    """The fields of one record; with `strict`, None when its quotes are not those of RFC 4180."""
    try:
        return next(csv.reader([record.rstrip("\r\n")], delimiter=separator, strict=strict), [])
    except csv.Error:
        return None


def _is_text(record: str, encoding: str) -> bool:
    """Whether every byte of the record could be decoded."""
    if encoding == UTF_16:
        return "\ufffd" not in record
    try:
        record.encode()
    except UnicodeEncodeError:
        return False
    return True


def encoding_of(stream: BinaryIO) -> str:
    """UTF-8, or Windows-1258 when most of what is not ASCII is no UTF-8. Reads the whole stream."""
    decoder = codecs.getincrementaldecoder(UTF_8)("surrogateescape")
    good = bad = 0
    is_more = True
    while is_more:
        block = stream.read(BLOCK)
        is_more = bool(block)
        text = decoder.decode(block, final=not is_more)
        broken = len(_NOT_DECODED.findall(text))
        bad += broken
        good += len(text) - len(text.encode("ascii", "ignore")) - broken
    return WINDOWS_1258 if bad > good else UTF_8


def sheet_records(feed: Feed, content: bytes) -> tuple[Header, Iterator[Record]]:
    """Header and records of the first sheet of an xlsx file; rows without any value are skipped.

    The number of a record is that of its row less one, as the first row is the header.
    Raises Unfit when it is no xlsx file, too large, or its header does not fit the feed.
    """
    import python_calamine

    _refuse_huge(content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = book.get_sheet_by_index(0).iter_rows()
        written = [cell_text(cell) for cell in next(rows, [])]
    except (python_calamine.CalamineError, OSError) as error:
        raise Unfit(f"The workbook cannot be opened ({error}). Export it again.") from error
    if not any(written):
        raise Unfit(
            "The first row of the first sheet is empty; it must be the header. Export the file"
            " again; a day without records is a file with only the header."
        )
    header = header_of(feed, written)
    return header, _sheet_rows(rows, len(written))


def _sheet_rows(rows: Iterator[list[Any]], width: int) -> Iterator[Record]:
    for number, row in enumerate(rows, start=1):
        fields = [cell_text(cell) for cell in row]
        if not any(fields):
            continue
        text = ",".join(fields)
        broken = "\0" in text or not _is_text(text, UTF_8)
        yield Record(
            number, fields[:width], text, "has characters that are not text" if broken else None
        )


def _refuse_huge(content: bytes) -> None:
    """Refuse what is no xlsx file, and one that would unpack to more than LARGEST_SHEET bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            names = archive.namelist()
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        raise Unfit(
            "The file is not an xlsx workbook as its name says. Export it as xlsx or csv."
        ) from error
    if "xl/workbook.xml" not in names:
        raise Unfit("The file is a zip archive without a workbook. Export it as xlsx or csv.")
    if size > LARGEST_SHEET:
        raise Unfit(f"The workbook unpacks to {size >> 20} MB. Export this day as csv.")


def cell_text(cell: object) -> str:
    """The text of a cell: whole numbers without decimals, moments as yyyyMMddHHmmss."""
    match cell:
        case str():
            return normalize("NFC", cell)
        case bool():
            return str(int(cell))
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            nearest = cell + timedelta(microseconds=500_000)
            return f"{nearest:%Y%m%d%H%M%S}"
        case date():
            return f"{cell:%Y%m%d}000000"
        case None:
            return ""
        case _:
            return str(cell)
