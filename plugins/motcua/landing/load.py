"""Load one export file in one transaction: its records, its rejects and its manifest row.

Two ways lead into the table. A csv file in UTF-8 whose columns the feed knows streams to COPY as it
is, while a second core checks its records. What COPY or that check does not like is read again
record by record; so is every other encoding, and xlsx.
"""

import io
import json
import logging
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from gzip import BadGzipFile
from threading import Event
from typing import NamedTuple

import polars as pl
import psycopg

from motcua import settings
from motcua.landing import checks, find, inspection, pseudonyms, reading, sheets
from motcua.landing.checks import Fault, Known
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.find import ExportFile, StillWritten
from motcua.landing.inspection import Inspected, Writing
from motcua.landing.reading import Batch, Header, Layout, NotPlain, Record, Source, Unfit
from motcua.landing.rejects import MOST_LISTED, RejectBook
from motcua.warehouse.database import Connection

log = logging.getLogger(__name__)

STREAM, RECORDS, XLSX = "stream", "records", "xlsx"
LOADED, QUARANTINED = "loaded", "quarantined"

AHEAD = 2
"""Blocks that may wait for their check while the next one is sent."""

SHARED_BLOCK, SHARED_AHEAD = 1 << 20, 1
"""The same and the bytes of a block where another session loads at the same time."""

SMALL = 1 << 18
"""Bytes of a block below which a second core is not worth the trouble."""

ALL_COUNTED, MOST_OF_HALF = 10_000, 20_000
"""Rejected records up to which a file is read to its end even when it is to be refused, and above
which it is refused when they are more than half of those read."""


@dataclass
class Outcome:
    """What became of one file; loaded + rejected = records.

    not_streamed: why a csv file was read record by record, which is slower.
    """

    state: str
    records: int
    rejected: int
    read_by: str
    reason: str | None = None
    not_streamed: str = ""
    first_reject: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def loaded(self) -> int:
        """Records that are in the raw table."""
        return self.records - self.rejected


class _Task(NamedTuple):
    """A file that is being loaded, and what is needed for it."""

    connection: Connection
    file: ExportFile
    feed: Feed
    known: Known
    file_id: int
    rejects: RejectBook
    stop: Event | None

    def go_on(self) -> None:
        """Raise KeyboardInterrupt when the sessions of this process are to end."""
        if self.stop is not None and self.stop.is_set():
            raise KeyboardInterrupt


class _Read(NamedTuple):
    """What reading a file told: records in it, sha256 and size of its bytes."""

    records: int
    sha256: str
    bytes: int
    read_by: str
    warnings: Sequence[str]
    not_streamed: str = ""


def load(
    connection: Connection, file: ExportFile, known: Known, stop: Event | None = None
) -> Outcome | None:
    """Load a file, or quarantine it; None when the manifest has its bytes already.

    stop: given when another session of this process loads at the same time, so take half the
    memory; when it is set, all of them are to end. Raises KeyboardInterrupt then, StillWritten when
    the file changed meanwhile, OSError when it cannot be read at all, and psycopg.Error when the
    server fails; then nothing of the file is in the warehouse.
    """
    with connection.transaction():
        file_id, earlier = _begin(connection, file)
        if earlier and find.digest(file) in earlier:
            return None
        task = _Task(connection, file, FEEDS[file.feed], known, file_id, RejectBook(), stop)
        before = find.stamp(file)
        try:
            read = _read(task)
            outcome = Outcome(LOADED, read.records, len(task.rejects.numbers), read.read_by)
            outcome.first_reject = task.rejects.first
            outcome.not_streamed = read.not_streamed
        except Unfit as unfit:
            way = XLSX if file.form == "xlsx" else RECORDS
            read = _Read(unfit.records, find.digest(file), before[0], way, ())
            outcome = Outcome(QUARANTINED, read.records, read.records, way, str(unfit))
        if find.stamp(file) != before:
            raise StillWritten
        outcome.warnings = [*read.warnings, *_strange_name(file, known)]
        if LOADED in earlier.values() and outcome.state == LOADED:
            outcome.warnings.append(
                "Another export of the same name was loaded before; both count. If this one"
                " replaces it, deliver it under the next revision."
            )
        _enter(task, read, outcome, _recognise(task, outcome))
        listed = None if outcome.state == LOADED else MOST_LISTED
        task.rejects.store(connection, file_id, listed)
    return outcome


def _strange_name(file: ExportFile, known: Known) -> Iterator[str]:
    """What the name of a file says that the reference pack does not know."""
    if file.feed == "ratings" and known.kiosks and file.part and file.part not in known.kiosks:
        yield (
            f"Its part {file.part} is not a kiosk of the reference pack, so it counts for none when"
            " missing days are looked for. Correct the name or kiosks.csv; a file of all kiosks has"
            " no part."
        )
    if known.expected_from and file.business_date < known.expected_from:
        yield (
            f"Its business date lies before {known.expected_from}, the first day that feeds.csv"
            " expects. If that is a slip, deliver it under its true day, and under this one a"
            " revision with only the header."
        )


def _begin(connection: Connection, file: ExportFile) -> tuple[int, dict[str, str]]:
    """Take the turn of the feed; returns a number for the file, and its namesakes in the manifest.

    The next row of the feed's table gets row_id = number * 2^32 + 1. Of the namesakes it tells
    sha256 and state.
    """
    with connection.pipeline():
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"motcua load {file.feed}"]
        )
        earlier = connection.execute(
            "select sha256, state from raw.files"
            " where (feed, business_date, part, revision) = (%s, %s, %s, %s)",
            file.key,
        )
        numbered = connection.execute(
            "select next.id, setval(%s, next.id << 32)"
            " from (select nextval('raw.file_ids') as id) as next",
            [f"raw.{file.feed}_row_id"],
        )
    row = numbered.fetchone()
    assert row is not None
    return int(row[0]), dict(earlier.fetchall())


def _recognise(task: _Task, outcome: Outcome) -> str | None:
    """Write the pseudonyms of a file where figures need them; returns the id of their key."""
    if task.feed.name != pseudonyms.FEED or outcome.state != LOADED:
        return None
    return pseudonyms.write(task.connection, task.file_id)


def _enter(task: _Task, read: _Read, outcome: Outcome, key_id: str | None) -> None:
    """Write the row of the manifest."""
    file = task.file
    task.connection.execute(
        "insert into raw.files (file_id, feed, uri, file_name, business_date, part, revision,"
        " sha256, bytes, records, loaded, rejected, state, reason, warnings, read_by, key_id)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(task.file_id, file.feed, file.uri, file.name, file.business_date, file.part),
            *(file.revision, read.sha256, read.bytes, outcome.records, outcome.loaded),
            *(outcome.rejected, outcome.state, outcome.reason),
            *(json.dumps(outcome.warnings, ensure_ascii=False), outcome.read_by, key_id),
        ],
    )


def _read(task: _Task) -> _Read:
    """Bring the records of a file into its table, and the bad ones into the rejects."""
    file = task.file
    try:
        if file.form == "xlsx":
            return _read_sheet(task)
        with reading.opened(file) as (_, stream):
            layout = reading.layout_of(task.feed, stream.read(reading.HEAD))
        try:
            return _stream(task, layout)
        except (NotPlain, psycopg.DataError) as error:
            why = str(error).strip().splitlines()[0]
            log.info("%s is read record by record: %s", file.name, why)
        task.rejects.clear()
        return _read_records(task, layout)._replace(not_streamed=why)
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise Unfit(
            f"The archive is cut off or damaged ({error}). Deliver it again, whole."
        ) from error
    except psycopg.DataError as error:
        raise Unfit(
            f"The server refuses it: {error.diag.message_primary}. Export again."
        ) from error


def _refuse_too_many(rejects: RejectBook, records: int) -> None:
    rejected, limit = len(rejects.numbers), settings.reject_limit_percent()
    if rejected * 100 > limit * records:
        raise Unfit(
            f"{rejected} of {records} records are rejected, more than {limit:g} %; the first:"
            f" {rejects.first} Deliver the corrected export under the next revision.",
            records,
        )


def _refuse_hopeless(task: _Task, header: Header, records: int, read: int) -> None:
    """Refuse a file before its end when too much is bad even if all that follows is good.

    Likewise when more than half of many records is bad: one that is rejected takes the time of
    fifty good ones, and an export that begins so does not recover.
    records: how many came so far. read: bytes of content, none of which is of a later record.
    """
    rejected = len(task.rejects.numbers)
    if rejected <= ALL_COUNTED:
        return
    most = reading.most_bytes(task.file)
    least_record = len(header.names)  # bytes: its separators and a line ending
    follow = max(most - read, 0) // least_record + 1
    limit = settings.reject_limit_percent()
    is_hopeless = rejected * 100 > limit * (records + follow)
    if is_hopeless or (rejected > MOST_OF_HALF and rejected * 2 > records and limit < 50):
        how_many = f"{limit:g} % of the file whatever follows" if is_hopeless else "half of them"
        raise Unfit(
            f"{rejected} of the first {records} records are rejected, more than {how_many}, so"
            f" reading stopped there; the first: {task.rejects.first}"
            " Deliver the corrected export under the next revision.",
            records,
        )


def _stream(task: _Task, layout: Layout) -> _Read:
    """Send the bytes to COPY as they are, and check them at the same time.

    Raises NotPlain or psycopg.DataError when that is not possible.
    """
    _refuse_unplain(layout)
    size, ahead = (reading.BLOCK, AHEAD) if task.stop is None else (SHARED_BLOCK, SHARED_AHEAD)
    columns = tuple(layout.header.columns)
    writing = Writing(task.feed.name, columns, layout.separator, layout.quotes_empty)
    inspect = inspection.inspector(writing, task.known)
    records = read = 0

    def collect(size: int, inspected: Callable[[], Inspected]) -> None:
        nonlocal records, read
        height, bad = inspected()
        for place, faults, content in bad:
            task.rejects.add(records + place + 1, faults, content)
        records += height
        read += size
        _refuse_hopeless(task, layout.header, records, read)

    waiting: deque[tuple[int, Callable[[], Inspected]]] = deque()
    # SQL_ASCII spares the server the test for UTF-8: the second core makes it, as it is faster.
    statement = _copy(task.feed, columns, layout.separator, layout.quotes_empty, "SQL_ASCII")
    with (
        task.connection.transaction(),
        reading.opened(task.file) as (source, stream),
        ThreadPoolExecutor(1) as second_core,
    ):
        cursor = task.connection.cursor()
        with cursor.copy(statement) as copy:
            for block in reading.blocks(stream, layout, size):
                task.go_on()
                if len(block) < SMALL:
                    waiting.append((len(block), partial(inspect, block)))
                else:
                    waiting.append((len(block), second_core.submit(inspect, block).result))
                copy.write(block)
                if len(waiting) > ahead:
                    collect(*waiting.popleft())
        while waiting:
            collect(*waiting.popleft())
        if cursor.rowcount != records:
            raise NotPlain(f"the server counts {cursor.rowcount} records, the check {records}")
        _refuse_too_many(task.rejects, records)
        taken_out = _take_out(task)
        _refuse_uncounted(task, records, cursor.rowcount - taken_out)
    return _Read(records, source.hash.hexdigest(), source.bytes, STREAM, layout.header.warnings)


def _refuse_unplain(layout: Layout) -> None:
    if layout.encoding != reading.UTF_8:
        raise NotPlain(f"its encoding is {layout.encoding}")
    if layout.newline == "\r":
        raise NotPlain("its lines end with a carriage return alone")
    if len(layout.header.positions) != len(layout.header.names):
        raise NotPlain("it has columns that the feed does not have")


def _copy(
    feed: Feed, columns: Sequence[str], separator: str, quotes_empty: bool, encoding: str
) -> str:
    """The COPY statement. Empty is null; in quotes it costs the server a test of every value."""
    names = ", ".join(name.lower() for name in columns)
    return (
        f"copy raw.{feed.name} ({names}) from stdin (format csv, delimiter '{separator}',"
        f" encoding '{encoding}'{f', force_null ({names})' if quotes_empty else ''})"
    )


def _take_out(task: _Task) -> int:
    """Remove the bad records that COPY brought in; returns how many there were."""
    if not task.rejects.numbers:
        return 0
    base = task.file_id << 32
    table = f"raw.{task.feed.name}"
    # The new pages must be in the block-range index, or every page of the table would be read.
    task.connection.execute("select brin_summarize_new_values(%s)", [f"{table}_by_row_id"])
    task.connection.execute("set local enable_seqscan = off")
    return task.connection.execute(
        f"delete from {table} where row_id between %s and %s and row_id = any(%s)",
        [base, base + 2**32 - 1, [base + number for number in task.rejects.numbers]],
    ).rowcount


def _read_records(task: _Task, layout: Layout) -> _Read:
    """Read a csv file record by record, in whatever encoding it is."""
    if layout.encoding != reading.UTF_16:
        with reading.opened(task.file) as (_, stream):
            encoding = reading.encoding_of(stream)
        with reading.opened(task.file) as (_, stream):
            layout = reading.layout_of(task.feed, stream.read(reading.HEAD), encoding)
    with reading.opened(task.file) as (source, stream):
        records = _send_records(task, layout.header, reading.csv_batches(stream, layout), source)
    return _Read(records, source.hash.hexdigest(), source.bytes, RECORDS, layout.header.warnings)


def _read_sheet(task: _Task) -> _Read:
    """Read the first sheet of an xlsx file."""
    with reading.opened(task.file) as (source, stream):
        sheet = sheets.read(stream)
    header = sheets.header_of(task.feed, sheet)
    batches = sheets.batches(task.feed, header, sheet)
    records = _send_records(task, header, batches, count=sheet.count)
    return _Read(records, source.hash.hexdigest(), source.bytes, XLSX, header.warnings)


def _send_records(
    task: _Task,
    header: Header,
    batches: Iterator[Batch],
    source: Source | None = None,
    count: Callable[[], int] | None = None,
) -> int:
    """Check records, tidy their values and send the good ones to COPY; returns how many came.

    source: of a csv file, whose end need not be read. count: asked at the end how many records the
    file has, where that is known elsewhere.
    """
    doubts = checks.doubts(task.feed, header.columns, task.known).arg_true()
    came = 0
    with task.connection.transaction():
        names = ["row_id", *header.columns]
        statement = _copy(task.feed, names, ",", quotes_empty=True, encoding="UTF8")
        cursor = task.connection.cursor()
        with cursor.copy(statement) as copy:
            for batch in batches:
                task.go_on()
                came += batch.numbers.len() + len(batch.unreadable)
                copy.write(_good_lines(task, header, doubts, batch))
                if source is not None:
                    _refuse_hopeless(task, header, came, source.content - reading.READ_AHEAD)
        expected = count() if count else came
        _refuse_uncounted(task, expected, cursor.rowcount)
        _refuse_too_many(task.rejects, came)
    return came


def _refuse_uncounted(task: _Task, records: int, loaded: int) -> None:
    """Refuse a file of which a record is neither loaded nor rejected, or is so twice."""
    rejected = len(task.rejects.numbers)
    if loaded + rejected != records:
        raise Unfit(
            f"It has {records} records, of which {loaded} came into the table and {rejected} were"
            " rejected; that does not add up. Nothing of it is loaded. Export the file again; if"
            " it stays so, the loader is at fault.",
            records,
        )


def _good_lines(task: _Task, header: Header, doubts: pl.Expr, batch: Batch) -> bytes:
    """The good records of a batch as csv with their row_id; the others go to the rejects."""
    columns = header.columns
    row_ids = batch.numbers.alias("row_id") + (task.file_id << 32)
    frame = batch.frame.select(columns).insert_column(0, row_ids)
    bad = {record.number: ([_unreadable(record)], record.text) for record in batch.unreadable}
    doubtful = frame.select(doubts).to_series()
    if doubtful.len():
        mended = []
        for place, row in zip(doubtful, frame[doubtful].iter_rows(named=True), strict=True):
            number = row.pop("row_id") - (task.file_id << 32)
            tidied = inspection.tidied(task.feed, row)
            if faults := checks.faults(task.feed, tidied, task.known):
                bad[number] = (faults, _content(batch, place))
            else:
                mended.append((number + (task.file_id << 32), *tidied.values()))
        is_sound = ~pl.int_range(frame.height, eager=True).is_in(doubtful.implode())
        frame = frame.filter(is_sound)
        if mended:
            frame = pl.concat([frame, pl.DataFrame(mended, frame.schema, orient="row")])
            frame = frame.sort("row_id")
    for number, (faults, content) in sorted(bad.items()):
        task.rejects.add(number, faults, content)
    lines = io.BytesIO()
    frame.write_csv(lines, include_header=False)
    return lines.getvalue()


def _content(batch: Batch, place: int) -> str:
    """A record as it was written, or as it may have been written."""
    if batch.written is not None:
        return batch.written[place]
    return inspection.line_of(batch.frame.row(place))


def _unreadable(record: Record) -> Fault:
    return Fault(record.column, f"the record {record.fault}", "Correct it and deliver a revision.")
