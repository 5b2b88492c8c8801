"""Read an export file record by record, or in blocks of whole records, whatever form it has."""

import codecs
import csv
import gzip
import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, BinaryIO, NamedTuple, cast
from unicodedata import is_normalized, normalize

import numpy as np
import polars as pl

from motcua.landing import checks, find
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.find import ExportFile

HEAD = 1 << 16
"""Bytes in which the header must end."""

BLOCK = 1 << 21
"""Bytes that are read, checked and sent at a time."""

LONGEST_RECORD = 1 << 22
"""Characters of a record above which it is rejected."""

MOST_LINES = 500
"""Lines over which the quotes of one record may reach."""

BLOCK_OF_TEXT = 1 << 20
"""Characters that are read, checked and sent at a time where bytes cannot be sent as they are."""

READ_AHEAD = BLOCK + LONGEST_RECORD
"""Bytes of a csv file that may have been read although their records are still to come."""

MOST_RECORDS = 10_000
"""Records that are read one by one before they are checked and sent."""

MOST_RATIO, UNSUSPICIOUS = 200, 64 << 20
"""A csv.gz may unpack to this many times its size, and in any case to so many bytes.

Exports pack to a tenth of their size; deflate can pack to a thousandth.
"""

UTF_8, UTF_16, WINDOWS_1258 = "utf-8", "utf-16", "cp1258"
_TITLES = {UTF_8: "UTF-8", UTF_16: "UTF-16", WINDOWS_1258: "Windows-1258"}

_FIRST_OF_LETTER = 0xC0  # the least first byte of a letter of several bytes in UTF-8
_REPLACED = "\ufffd"
_QUOTED_EMPTY = re.compile(r'(?:^|[,;\n])""(?:[,;\r\n]|$)')

csv.field_size_limit(LONGEST_RECORD)

_OTHER_SEPARATORS = {"\t": "tabs", "|": "vertical bars (|)"}

_OTHER_KINDS = (
    (codecs.BOM_UTF32_LE, "text in UTF-32"),
    (codecs.BOM_UTF32_BE, "text in UTF-32"),
    (b"\xff\xd8\xff", "a photograph (JPEG)"),
    (b"\x89PNG", "a picture (PNG)"),
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
        super().__init__(find.shown(text))
        self.records = records


class NotPlain(Exception):
    """The bytes of a csv file cannot go into the table as they are; the text says why."""


class Record(NamedTuple):
    """One record of a file. number counts from 1; fault is set when it could not be read.

    column: the name of the column that is to blame, if one is.
    """

    number: int
    fields: list[str]
    text: str
    fault: str | None = None
    column: str | None = None


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

    @cached_property
    def frame_names(self) -> tuple[str, ...]:
        """A name of its own for every column, known or not."""
        known = {place: name for name, place in self.positions.items()}
        return tuple(known.get(place, f"#{place}") for place in range(len(self.names)))

    def name_at(self, place: int) -> str | None:
        """Name of the column at a place, counted from 0; None where there is no such column."""
        return self.names[place] if place < len(self.names) else None


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
        self.unpacked: int | None = None

    @property
    def content(self) -> int:
        """Bytes of content read so far: those of the file, or those unpacked from them."""
        return self.bytes if self.unpacked is None else self.unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.inner.readinto(buffer)
        self.hash.update(memoryview(buffer)[:count])
        self.bytes += count
        return count


class Unpacked(io.RawIOBase):
    """The content of a csv.gz. Raises Unfit when it is a bomb."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.archive = gzip.GzipFile(fileobj=cast(BinaryIO, io.BufferedReader(source, HEAD)))
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.archive.readinto(buffer)
        self.size += count
        self.source.unpacked = self.size
        if self.size > UNSUSPICIOUS and self.size > MOST_RATIO * self.source.bytes:
            raise Unfit(
                f"The archive unpacks to more than {MOST_RATIO} times its size, as no export does."
                " Look at what is in it, or export this day as csv."
            )
        return count


def most_bytes(file: ExportFile) -> int:
    """More bytes than these cannot come out of a file."""
    return max(UNSUSPICIOUS, MOST_RATIO * file.size) if file.form == "csv.gz" else file.size


@contextmanager
def opened(file: ExportFile) -> Iterator[tuple[Source, BinaryIO]]:
    """The source of a file, and the stream of its content (unpacked when it is a csv.gz)."""
    with find.open_file(file) as raw:
        source = Source(raw)
        if file.form == "csv.gz":
            yield source, io.BufferedReader(Unpacked(source), BLOCK)
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
    """Names of columns as they may be stored and shown, whatever bytes the file has there."""
    return tuple(
        find.shown(normalize("NFC", name).strip("\ufeff\u00a0 \t\r\n")) for name in written
    )


def _positions(feed: Feed, written: Sequence[str]) -> dict[str, int]:
    """Where the columns of the feed stand."""
    places = {name: place for place, name in enumerate(_plain(written))}
    return {column.name: places[column.name] for column in feed.columns if column.name in places}


def _hint(feed: Feed, names: Sequence[str], missing: Sequence[str]) -> str:
    """What a person should do about a header that lacks columns.

    A name that is none of a feed is never quoted: without a header, it is a value of a record.
    """
    for other in FEEDS.values():
        if other is not feed and all(column.name in names for column in other.required):
            return f"This is an export of feed {other.name}: rename it, or export {feed.name}."
    folded = {name.casefold(): name for name in names}
    for name in missing:
        if name.casefold() in folded:
            return f'Write {name} exactly so; the header has "{folded[name.casefold()]}".'
    for place, name in enumerate(names, start=1):
        if close := get_close_matches(_bare(name), map(_bare, missing), 1, 0.8):
            meant = next(column for column in missing if _bare(column) == close[0])
            return f"Name {place} of the header is nearly {meant}: write it exactly so."
    found = sum(column.name in names for column in feed.columns)
    return (
        f"The first line must be the header; of its {len(names)} names {found} are columns of feed"
        f" {feed.name}, which has {len(feed.columns)}. Export the file again."
    )


def _bare(name: str) -> str:
    """A name by its letters and digits alone, without case and accents."""
    letters = normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


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
            raise Unfit(
                f"The file is not csv as its name says, but {kind}. Export it as UTF-8 csv."
            )
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
    _refuse_other_separators(feed, text)
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


def _refuse_other_separators(feed: Feed, text: str) -> None:
    """Raise Unfit for a separator that is no comma or semicolon, or told by a line of its own."""
    first = text.partition("\n")[0].partition("\r")[0].strip("\ufeff\"' ")
    if re.fullmatch("sep=.?", first, re.IGNORECASE):
        raise Unfit(
            "The first line is not the header but tells Excel the separator (sep=). Remove that"
            " line, or export the file without it, separated by commas or semicolons."
        )
    for mark, title in _OTHER_SEPARATORS.items():
        if len(_positions(feed, [name.strip("\"'") for name in first.split(mark)])) > 1:
            raise Unfit(
                f"The columns are separated by {title}. Export the file with commas or semicolons."
            )


def _end_of_record(text: str) -> int | None:
    """Where the first record of a text ends, its line ending included."""
    for match in re.finditer(r"\r\n|\r|\n", text):
        if text.count('"', 0, match.start()) % 2 == 0 and match.end() < len(text):
            return match.end()
    return len(text) if text.endswith(("\r", "\n")) else None


def blocks(stream: BinaryIO, layout: Layout, size: int) -> Iterator[bytes]:
    """The bytes after the header in blocks of about `size`, cut where records end.

    For csv in UTF-8 with line feeds: one ends a record when the quotes before it are even in number
    (RFC 4180).
    Raises NotPlain when no end of a record is in sight.
    """
    stream.read(layout.start)
    while block := stream.read(size):
        parts, more = [block], 0
        quotes = np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord('"'))
        is_open = quotes % 2 == 1
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


class Batch(NamedTuple):
    """Some records of a file: those that could be read as texts in a frame, the others apart.

    numbers: their numbers in the file. frame: every column of the file, named by
    `Header.frame_names`. written: the records as they stand in the file, when read one by one.
    """

    numbers: pl.Series
    frame: pl.DataFrame
    unreadable: list[Record]
    written: list[str] | None = None


def csv_batches(stream: BinaryIO, layout: Layout) -> Iterator[Batch]:
    """The records of a csv file, in any encoding and with any line ending.

    Blocks in which every record is sound are read as a whole, the others record by record. A record
    that cannot be read comes with its fault. One whose quotes reach over several lines and that
    does not fit the header is given up after its first line, and reading goes on with the next: a
    stray quote costs one record and not the rest of the file. Blank lines are no records.
    """
    errors = "replace" if layout.encoding == UTF_16 else "surrogateescape"
    encoding = "utf-8-sig" if layout.encoding == UTF_8 else layout.encoding
    lines = _Lines(io.TextIOWrapper(stream, encoding, errors, newline=""))
    _next_record(lines, layout)
    number = 0
    while text := lines.block():
        frame = _plain_frame(text, layout)
        if frame is not None:
            numbers = pl.int_range(number + 1, number + 1 + frame.height, eager=True)
            yield Batch(numbers, frame, [])
            number += frame.height
            continue
        lines.give_back(io.StringIO(text, newline="").readlines())
        while lines.waiting:
            batch = _batch_of_records(lines, layout, number)
            yield batch
            number += batch.numbers.len() + len(batch.unreadable)


def _plain_frame(text: str, layout: Layout) -> pl.DataFrame | None:
    """Whole records as a frame of texts in NFC; None when one has to be looked at by itself."""
    names = layout.header.frame_names
    try:
        block = text.encode()
    except UnicodeEncodeError:
        return None
    if b"\0" in block or _has_blank_line(block):
        return None
    if layout.newline == "\r" and b"\n" in block:
        return None
    if layout.encoding == UTF_16 and _REPLACED.encode() in block:
        return None
    if quoting_of(block, layout.separator).is_stray:
        return None
    height = _records_of_width(block, layout, len(names))
    if height is None:
        return None
    try:
        frame = pl.scan_csv(
            block,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=layout.separator,
            eol_char="\r" if layout.newline == "\r" else "\n",
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        ).collect()
    except pl.exceptions.PolarsError:
        return None
    if frame.height != height:
        return None
    if checks.may_need_nfc(block) or not is_normalized("NFC", text):
        return in_nfc(frame)
    return frame


def in_nfc(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of texts with each of them in Unicode NFC."""
    value = pl.all().str
    is_ascii = frame.select((value.len_bytes() == value.len_chars()).all()).row(0, named=True)
    others = [
        name
        for name in frame.columns
        if not is_ascii[name] and not is_normalized("NFC", frame[name].str.join("\n").item())
    ]
    return frame.with_columns(pl.col(others).str.normalize("NFC")) if others else frame


def _has_blank_line(block: bytes) -> bool:
    if block[0] in b"\r\n" or b"\n\n" in block:
        return True
    return b"\r" in block and (b"\n\r" in block or b"\r\r" in block)


def _records_of_width(block: bytes, layout: Layout, width: int) -> int | None:
    """How many records a well quoted block has; None unless each has `width` fields.

    polars does not tell: it fills short records up.
    """
    letters = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))

    def unquoted(letter: str) -> np.ndarray[Any, np.dtype[np.intp]]:
        places = np.flatnonzero(letters == ord(letter))
        return places[np.searchsorted(quotes, places) % 2 == 0] if len(quotes) else places

    ends = unquoted("\r" if layout.newline == "\r" else "\n")
    if not len(ends) or ends[-1] != len(letters) - 1:
        ends = np.append(ends, len(letters))
    before = np.searchsorted(unquoted(layout.separator), ends)
    fits = bool((np.diff(before, prepend=0) == width - 1).all())
    return len(ends) if fits else None


def _batch_of_records(lines: "_Lines", layout: Layout, before: int) -> Batch:
    """Read one record after the other while lines wait, but no more than MOST_RECORDS."""
    readable: list[Record] = []
    unreadable: list[Record] = []
    while lines.waiting and len(readable) + len(unreadable) < MOST_RECORDS:
        read = _next_record(lines, layout)
        if read is None:
            continue
        number = before + len(readable) + len(unreadable) + 1
        record = Record(number, *read)
        (unreadable if record.fault else readable).append(record)
    columns = layout.header.frame_names
    by_column = zip(*(record.fields for record in readable), strict=True)
    frame = pl.DataFrame(
        [
            pl.Series(name, values, pl.String)
            for name, values in zip(
                columns, by_column if readable else ((),) * len(columns), strict=True
            )
        ]
    )
    numbers = pl.Series([record.number for record in readable], dtype=pl.Int64)
    return Batch(numbers, frame, unreadable, [record.text for record in readable])


def _next_record(
    lines: "_Lines", layout: Layout
) -> tuple[list[str], str, str | None, str | None] | None:
    """Fields, text, fault and faulty column of the next record; None for a blank line."""
    width = len(layout.header.names)
    line = lines.next()
    if not line.strip("\r\n"):
        return None
    if len(line) >= LONGEST_RECORD and line[-1] not in "\r\n":
        lines.skip()
        before = len(_fields(line[:LONGEST_RECORD], layout.separator) or [""])
        long = f"is longer than a record can be, which is {LONGEST_RECORD} characters"
        return [], line[:1000], long, layout.header.name_at(before - 1)
    record, following = line, lines.until_closed() if line.count('"') % 2 else []
    fields = _fields("".join((line, *following)), layout.separator, strict=True)
    if following and (fields is None or len(fields) != width):
        lines.give_back(following)
        fields = _fields(line, layout.separator, strict=True)
    elif following:
        record = "".join((line, *following))
    fault, place = _unreadable(record, fields, width, layout.encoding)
    column = None if place is None else layout.header.name_at(place)
    sound = [] if fault else [_nfc(field) for field in fields or ()]
    return sound, _nfc(record.rstrip("\r\n")), fault, column


class _Lines:
    """Lines of a text that can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.waiting: deque[str] = deque()

    def block(self) -> str:
        """Some whole lines in which, as far as can be seen, all quotes are closed."""
        text = self.text.read(BLOCK_OF_TEXT)
        if text and text[-1] != "\n":
            text += self.text.readline(LONGEST_RECORD)
        return "".join((text, *self.until_closed())) if text.count('"') % 2 else text

    def next(self) -> str:
        """The next line, its ending included; nothing at the end of the text."""
        if self.waiting:
            return self.waiting.popleft()
        return self.text.readline(LONGEST_RECORD)

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


def _nfc(text: str) -> str:
    return text if text.isascii() else normalize("NFC", text)


def _unreadable(
    record: str, fields: list[str] | None, width: int, encoding: str
) -> tuple[str | None, int | None]:
    """Why a record cannot be read, if so, and the place of the field that is to blame."""
    if fields is None:
        return "has a quote that is stray, or opened and not closed", None
    if len(fields) != width:
        return f"has {len(fields)} fields where the header has {width}", None
    if "\0" in record:
        return "has a NUL byte", next(n for n, field in enumerate(fields) if "\0" in field)
    if not _is_text(record, encoding):
        place = next(n for n, field in enumerate(fields) if not _is_text(field, encoding))
        return f"has bytes that are not {_TITLES[encoding]}", place
    return None, None


def _fields(record: str, separator: str, strict: bool = False) -> list[str] | None:
    """The fields of one record; with `strict`, None when its quotes are not those of RFC 4180."""
    try:
        return next(csv.reader([record.rstrip("\r\n")], delimiter=separator, strict=strict), [])
    except csv.Error:
        return None


def _is_text(record: str, encoding: str) -> bool:
    """Whether every byte of the record could be decoded."""
    if encoding == UTF_16:
        return _REPLACED not in record
    try:
        record.encode()
    except UnicodeEncodeError:
        return False
    return True


def encoding_of(stream: BinaryIO) -> str:
    """UTF-8, or Windows-1258 when most of what is not ASCII is no UTF-8. Reads the whole stream."""
    decoder = codecs.getincrementaldecoder(UTF_8)("ignore")
    good = bad = 0
    is_more = True
    while is_more:
        block = stream.read(BLOCK)
        is_more = bool(block)
        decoded = decoder.decode(block, final=not is_more).encode()
        good += int(np.count_nonzero(np.frombuffer(decoded, dtype=np.uint8) >= _FIRST_OF_LETTER))
        bad += len(block) - len(decoded)
    return WINDOWS_1258 if bad > good else UTF_8
