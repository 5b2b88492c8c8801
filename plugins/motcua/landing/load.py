"""Load one export file in one transaction: its records, its rejects and its manifest row.

Two ways lead into the table. A csv file in UTF-8 whose columns the feed knows streams to COPY as it
is, while a second core checks its records. What COPY or that check does not like is read again
record by record; so is every other encoding, and xlsx.
"""

import csv
import io
import json
import logging
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from gzip import BadGzipFile
from itertools import islice
from typing import NamedTuple

import psycopg

from motcua import settings
from motcua.landing import checks, find, reading
from motcua.landing.checks import Fault, Known
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.find import ExportFile
from motcua.landing.reading import Header, Layout, NotPlain, Record, Unfit
from motcua.landing.rejects import MOST_LISTED, RejectBook
from motcua.warehouse.database import Connection

# The other core belongs to the server; polars reads this when it is first imported.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

log = logging.getLogger(__name__)

STREAM, RECORDS, XLSX = "stream", "records", "xlsx"
LOADED, QUARANTINED = "loaded", "quarantined"

AHEAD = 2
"""Blocks that may wait for their check while the next one is sent."""

BATCH = 10_000
"""Records that the slow path checks and sends at a time."""

LARGEST_WORKBOOK = 64 << 20
"""Bytes of an xlsx file above which it is refused unread."""


class StillWritten(Exception):
    """The file changed while it was read; it waits for the next run."""


@dataclass
class Outcome:
    """What became of one file; loaded + rejected = records."""

    state: str
    records: int
    rejected: int
    read_by: str
    reason: str | None = None
    first_reject: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def loaded(self) -> int:
        """Records that are in the raw table."""
        return self.records - self.rejected


class _Read(NamedTuple):
    """What reading a file told: records in it, sha256 and size of its bytes."""

    records: int
    sha256: str
    bytes: int
    read_by: str
    warnings: Sequence[str]


def load(connection: Connection, file: ExportFile, known: Known) -> Outcome | None:
    """Load a file, or quarantine it; None when the manifest has its bytes already.

    Raises StillWritten when the file changed meanwhile, OSError when it cannot be read at all, and
    psycopg.Error when the server fails; then nothing of the file is in the warehouse.
    """
    with connection.transaction():
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"motcua load {file.feed}"]
        )
        earlier = _earlier(connection, file)
        if earlier and find.digest(file) in earlier:
            return None
        before = find.stamp(file)
        file_id = _new_file_id(connection, file.feed)
        rejects = RejectBook()
        try:
            with connection.transaction():
                read = _read(connection, file, file_id, known, rejects)
                _refuse_too_many(rejects, read.records)
            outcome = Outcome(LOADED, read.records, len(rejects.numbers), read.read_by)
            outcome.first_reject = rejects.first
        except Unfit as unfit:
            read = _Read(unfit.records, find.digest(file), before[0], _way(file), ())
            outcome = Outcome(QUARANTINED, read.records, read.records, read.read_by, str(unfit))
        if find.stamp(file) != before:
            raise StillWritten
        outcome.warnings = [*read.warnings]
        if LOADED in earlier.values() and outcome.state == LOADED:
            outcome.warnings.append(
                "Another export of the same name was loaded before; both count. If this one"
                " replaces it, deliver it under the next revision."
            )
        _enter(connection, file, file_id, read, outcome)
        rejects.store(connection, file_id, None if outcome.state == LOADED else MOST_LISTED)
    return outcome


def _earlier(connection: Connection, file: ExportFile) -> dict[str, str]:
    """sha256 and state of the files of the same name that the manifest has."""
    return dict(
        connection.execute(
            "select sha256, state from raw.files"
            " where (feed, business_date, part, revision) = (%s, %s, %s, %s)",
            file.key,
        ).fetchall()
    )


def _new_file_id(connection: Connection, feed: str) -> int:
    """A number for the file; the next row of its table gets row_id = number * 2^32 + 1."""
    row = connection.execute(
        "select next.id, setval(%s, next.id << 32)"
        " from (select nextval('raw.file_ids') as id) as next",
        [f"raw.{feed}_row_id"],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _refuse_too_many(rejects: RejectBook, records: int) -> None:
    rejected, limit = len(rejects.numbers), settings.reject_limit_percent()
    if rejected * 100 > limit * records:
        raise Unfit(
            f"{rejected} of {records} records are rejected, more than {limit:g} %; the first:"
            f" {rejects.first} Deliver the corrected export under the next revision.",
            records,
        )


def _enter(
    connection: Connection, file: ExportFile, file_id: int, read: _Read, outcome: Outcome
) -> None:
    """Write the row of the manifest."""
    connection.execute(
        "insert into raw.files (file_id, feed, uri, file_name, business_date, part, revision,"
        " sha256, bytes, records, loaded, rejected, state, reason, warnings, read_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(file_id, file.feed, file.uri, file.name, file.business_date, file.part),
            *(file.revision, read.sha256, read.bytes, outcome.records, outcome.loaded),
            *(outcome.rejected, outcome.state, outcome.reason),
            *(json.dumps(outcome.warnings, ensure_ascii=False), outcome.read_by),
        ],
    )


def _way(file: ExportFile) -> str:
    return XLSX if file.form == "xlsx" else RECORDS


def _read(
    connection: Connection, file: ExportFile, file_id: int, known: Known, rejects: RejectBook
) -> _Read:
    """Bring the records of a file into its table, and the bad ones into `rejects`."""
    try:
        if file.form == "xlsx":
            return _read_sheet(connection, file, file_id, known, rejects)
        with reading.opened(file) as (_, stream):
            layout = reading.layout_of(FEEDS[file.feed], stream.read(reading.HEAD))
        try:
            with connection.transaction():
                return _stream(connection, file, file_id, layout, known, rejects)
        except (NotPlain, psycopg.DataError) as error:
            why = str(error).strip().splitlines()[0]
            log.info("%s is read record by record: %s", file.name, why)
        rejects.clear()
        return _read_records(connection, file, file_id, layout, known, rejects)
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise Unfit(
            f"The archive is cut off or damaged ({error}). Deliver it again, whole."
        ) from error
    except psycopg.DataError as error:
        raise Unfit(
            f"The server refuses it: {error.diag.message_primary}. Export again."
        ) from error


def _stream(
    connection: Connection,
    file: ExportFile,
    file_id: int,
    layout: Layout,
    known: Known,
    rejects: RejectBook,
) -> _Read:
    """Send the bytes to COPY as they are, and check them at the same time.

    Raises NotPlain or psycopg.DataError when that is not possible.
    """
    _refuse_unplain(layout)
    feed = FEEDS[file.feed]
    columns = layout.header.columns
    inspector = _Inspector(feed, columns, layout.separator, known)
    records = 0

    def collect(inspected: Future[_Inspected]) -> None:
        nonlocal records
        height, bad = inspected.result()
        for place, faults, content in bad:
            rejects.add(records + place + 1, faults, content)
        records += height

    waiting: deque[Future[_Inspected]] = deque()
    cursor = connection.cursor()
    with reading.opened(file) as (source, stream), ThreadPoolExecutor(1) as second_core:
        with cursor.copy(_copy(feed, columns, layout.separator)) as copy:
            for block in reading.blocks(stream, layout):
                waiting.append(second_core.submit(inspector.inspect, block))
                copy.write(block)
                if len(waiting) > AHEAD:
                    collect(waiting.popleft())
        while waiting:
            collect(waiting.popleft())
    if cursor.rowcount != records:
        raise NotPlain(f"the server counts {cursor.rowcount} records and the check {records}")
    _take_out(connection, feed, file_id, rejects.numbers)
    return _Read(records, source.hash.hexdigest(), source.bytes, STREAM, layout.header.warnings)


def _refuse_unplain(layout: Layout) -> None:
    if layout.encoding != reading.UTF_8:
        raise NotPlain(f"its encoding is {layout.encoding}")
    if layout.newline == "\r":
        raise NotPlain("its lines end with a carriage return alone")
    if len(layout.header.positions) != len(layout.header.names):
        raise NotPlain("it has columns that the feed does not have")


def _copy(feed: Feed, columns: Sequence[str], separator: str, with_row_id: bool = False) -> str:
    """The COPY statement; an empty value is null, quoted or not."""
    names = ", ".join(name.lower() for name in columns)
    return (
        f"copy raw.{feed.name} ({'row_id, ' if with_row_id else ''}{names}) from stdin"
        f" (format csv, delimiter '{separator}', force_null ({names}), encoding 'UTF8')"
    )


class _Inspected(NamedTuple):
    """Records of a block, and the bad ones: place in the block, what is wrong, the record."""

    height: int
    bad: list[tuple[int, list[Fault], str]]


class _Inspector:
    """Checks blocks of a csv file of one layout; it keeps what is the same for all of them."""

    def __init__(self, feed: Feed, columns: Sequence[str], separator: str, known: Known) -> None:
        import polars as pl

        self.feed, self.columns, self.separator, self.known = feed, columns, separator, known
        self.schema = dict.fromkeys(columns, pl.String)
        doubtful = checks.doubts(feed, columns, known).arg_true()
        self.outcome = (pl.len().alias("height"), doubtful.implode().alias("doubtful"))

    def inspect(self, block: bytes) -> _Inspected:
        """The bad records of a block. Raises NotPlain when its bytes cannot be sent as they are."""
        import polars as pl

        if checks.may_need_nfc(block):
            raise NotPlain("it has letters with separate accents")
        if reading.has_stray_quote(block, self.separator):
            raise NotPlain("it has a stray quote")
        table = pl.scan_csv(
            block,
            has_header=False,
            schema=self.schema,
            separator=self.separator,
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        )
        try:
            # Only the columns that have rules are parsed here; COPY reads them all.
            height, doubtful = table.select(self.outcome).collect().row(0)
            rows = table.collect()[doubtful].rows(named=True) if doubtful else []
        except pl.exceptions.PolarsError as error:
            raise NotPlain(str(error)) from error
        bad = []
        for place, row in zip(doubtful, rows, strict=True):
            if _tidied(self.feed, row) != row:
                raise NotPlain("it has values that need tidying")
            faults = checks.faults(self.feed, row, self.known)
            if faults:
                bad.append((place, faults, _line(row.values())))
        return _Inspected(height, bad)


def _tidied(feed: Feed, row: dict[str, str]) -> dict[str, str]:
    columns = {column.name: column for column in feed.columns}
    return {name: checks.tidy(columns[name], value) for name, value in row.items()}


def _line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _take_out(connection: Connection, feed: Feed, file_id: int, numbers: Sequence[int]) -> None:
    """Remove the bad records that COPY brought in."""
    if not numbers:
        return
    base = file_id << 32
    # The new pages must be in the block-range index, or every page of the table would be read.
    connection.execute("select brin_summarize_new_values(%s)", [f"raw.{feed.name}_by_row_id"])
    connection.execute("set local enable_seqscan = off")
    connection.execute(
        f"delete from raw.{feed.name} where row_id between %s and %s and row_id = any(%s)",
        [base, base + 2**32 - 1, [base + number for number in numbers]],
    )


def _read_records(
    connection: Connection,
    file: ExportFile,
    file_id: int,
    layout: Layout,
    known: Known,
    rejects: RejectBook,
) -> _Read:
    """Read a csv file record by record, in whatever encoding it is."""
    feed = FEEDS[file.feed]
    if layout.encoding != reading.UTF_16:
        with reading.opened(file) as (_, stream):
            encoding = reading.encoding_of(stream)
        with reading.opened(file) as (_, stream):
            layout = reading.layout_of(feed, stream.read(reading.HEAD), encoding)
    with reading.opened(file) as (source, stream):
        records = _send_records(
            connection,
            feed,
            layout.header,
            reading.csv_records(stream, layout),
            file_id,
            known,
            rejects,
        )
    return _Read(records, source.hash.hexdigest(), source.bytes, RECORDS, layout.header.warnings)


def _read_sheet(
    connection: Connection, file: ExportFile, file_id: int, known: Known, rejects: RejectBook
) -> _Read:
    """Read the first sheet of an xlsx file."""
    feed = FEEDS[file.feed]
    if file.size > LARGEST_WORKBOOK:
        raise Unfit(f"The workbook has {file.size >> 20} MB. Export this day as csv.")
    with reading.opened(file) as (source, stream):
        content = stream.read()
    header, rows = reading.sheet_records(feed, content)
    records = _send_records(connection, feed, header, rows, file_id, known, rejects)
    return _Read(records, source.hash.hexdigest(), source.bytes, XLSX, header.warnings)


def _send_records(
    connection: Connection,
    feed: Feed,
    header: Header,
    records: Iterator[Record],
    file_id: int,
    known: Known,
    rejects: RejectBook,
) -> int:
    """Check records, tidy their values and send the good ones to COPY; returns how many came."""
    import polars as pl

    columns = header.columns
    places = [header.positions[name] for name in columns]
    doubts = checks.doubts(feed, columns, known).arg_true()
    schema = dict.fromkeys(columns, pl.String)
    came = 0
    with connection.cursor().copy(_copy(feed, columns, ",", with_row_id=True)) as copy:
        while batch := list(islice(records, BATCH)):
            came += len(batch)
            good = [record for record in batch if record.fault is None]
            bad = [(record, [_unreadable(record)]) for record in batch if record.fault]
            rows = [[record.fields[place] for place in places] for record in good]
            frame = pl.DataFrame(rows, schema, orient="row")
            doubtful = frame.select(doubts).to_series().to_list()
            for place in doubtful:
                row = _tidied(feed, dict(zip(columns, rows[place], strict=True)))
                rows[place] = list(row.values())
                if faults := checks.faults(feed, row, known):
                    bad.append((good[place], faults))
            if doubtful:
                frame = pl.DataFrame(rows, schema, orient="row")
            out = {record.number for record, _ in bad}
            row_ids = pl.Series("row_id", [(file_id << 32) + record.number for record in good])
            frame = frame.insert_column(0, row_ids)
            if out:
                frame = frame.filter([record.number not in out for record in good])
            copy.write(frame.write_csv(include_header=False))
            for record, faults in sorted(bad, key=lambda entry: entry[0].number):
                rejects.add(record.number, faults, record.text.rstrip("\r\n"))
    return came


def _unreadable(record: Record) -> Fault:
    return Fault(None, f"the record {record.fault}", "Correct it and deliver a revision.")
