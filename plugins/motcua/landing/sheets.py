"""Read the first sheet of an xlsx workbook in a process of its own, which cannot harm this one.

A workbook is a zip archive of XML: a few kilobytes can unpack to gigabytes, or ask the reader for a
table of a trillion cells. So another process (`workbook.py`) reads it, with limits on its memory
and its processor time, and sends the cells as texts. Whatever happens to it, the run goes on.
"""

import fcntl
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import IO, Any, BinaryIO

import polars as pl
from polars import selectors as cs

from motcua.landing import checks, inspection, reading, workbook
from motcua.landing.feeds import TEXT, TIME, WHOLE, Feed
from motcua.landing.reading import Batch, Header, Record, Unfit

_TIME_WITHOUT_DAY = r"\A(?:1899-12-3[01]|1900-[0-9]{2}-[0-9]{2}) [0-9]{2}:[0-9]{2}:[0-9]{2}"
"""How the reader writes a cell that holds a time of day, or some hours: they count from 1900."""

_LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59)
"""Nothing can be rounded up to what comes after it."""


@dataclass(frozen=True)
class Sheet:
    """The first sheet of a workbook.

    cells: a text, or null for an empty cell, of every row. rows: how many the reader says that it
    sent.
    """

    cells: pl.DataFrame
    rows: int

    @property
    def header(self) -> list[str]:
        """The texts of the first row."""
        return [name or "" for name in self.cells.row(0)] if self.cells.height else []

    @cached_property
    def sizes(self) -> pl.Series:
        """Bytes of text in every row but the first."""
        texts = self.cells[1:].select(pl.all().str.len_bytes().cast(pl.Int64))
        return texts.sum_horizontal()

    def count(self) -> int:
        """How many records the sheet has by what the reader says; rows without a value are none."""
        return max(self.rows - 1, 0) - int((self.sizes == 0).sum())


def read(source: BinaryIO) -> Sheet:
    """Let the reader read the bytes of a workbook. Raises Unfit when it refuses them."""
    command = [sys.executable, "-I", workbook.__file__]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as process,
    ):
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(OSError):  # the kernel may refuse; then each waits more for the other
                for pipe in (process.stdin, process.stdout):
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, reading.BLOCK_OF_TEXT)
            with suppress(BrokenPipeError), process.stdin:
                shutil.copyfileobj(source, process.stdin, reading.BLOCK)
            columns = list(_columns(process.stdout))
            if process.wait() != 0:
                raise _unfit(process, said)
            return Sheet(pl.DataFrame(columns), int(_text(said)))
        finally:
            process.kill()


def _columns(stream: IO[bytes]) -> Iterator[pl.Series]:
    """The columns that the reader sends, but one that is cut off: its exit code tells more."""
    number = 0
    while len(length := stream.read(workbook.SIZE_OF_LENGTH)) == workbook.SIZE_OF_LENGTH:
        size = int.from_bytes(length, "big")
        sent = stream.read(size)
        if len(sent) == size:
            yield pl.read_ipc_stream(sent).to_series().alias(str(number))
        number += 1


def header_of(feed: Feed, sheet: Sheet) -> Header:
    """The header of a sheet. Raises Unfit when it does not fit the feed."""
    if not any(sheet.header):
        raise Unfit(
            "The first row of the first sheet is empty; it must be the header. Export the file"
            " again; a day without records is a file with only the header."
        )
    return reading.header_of(feed, sheet.header)


def batches(feed: Feed, header: Header, sheet: Sheet) -> Iterator[Batch]:
    """The records of a sheet. Rows without any value are none, but they are counted.

    Texts are in NFC; in columns of times a date cell is written as yyyyMMddHHmmss, in columns of
    whole numbers TRUE and FALSE as 1 and 0.
    """
    names = {
        kind: [name for name in header.columns if feed.by_name[name].kind == kind]
        for kind in (TEXT, TIME, WHOLE)
    }
    values = [
        *map(_plain_time, names[TIME]),
        pl.col(names[WHOLE]).replace({"true": "1", "false": "0", "-0": "0"}),
    ]
    has_nul = pl.any_horizontal(pl.col(names[TEXT]).str.contains("\0", literal=True))
    numbered = sheet.cells[1:]
    numbered.columns = header.frame_names
    numbered = numbered.with_row_index("#", 1).with_columns(sheet.sizes.alias("##"))
    first = 0
    for height in (sheet.sizes.cum_sum() // reading.BLOCK).rle().struct.field("len"):
        rows = numbered[first : first + height].filter(pl.col("##") > 0)
        first += height
        rows = rows.with_columns(cs.string().fill_null("")).with_columns(values)
        is_bad = rows.select(has_nul | (pl.col("##") > reading.LONGEST_RECORD)).to_series()
        unreadable = [_unreadable(row) for row in rows.filter(is_bad).iter_rows(named=True)]
        rows = rows.filter(~is_bad)
        numbers = rows["#"].cast(pl.Int64)
        yield Batch(numbers, reading.in_nfc(rows.drop("#", "##")), unreadable)


def _unreadable(row: dict[str, Any]) -> Record:
    """The record of a row that is too long or has a NUL byte."""
    number, size, values = row.pop("#"), row.pop("##"), row
    text = inspection.line_of(values.values())
    if size > reading.LONGEST_RECORD:
        long = f"is longer than a record can be, which is {reading.LONGEST_RECORD} bytes"
        return Record(number, [], text[:1000], long)
    column = next(name for name, value in values.items() if "\0" in value)
    return Record(number, [], text, "has a NUL byte", column)


def _plain_time(name: str) -> pl.Expr:
    """A column of times in which those of date cells are yyyyMMddHHmmss, to the nearest second.

    A time without a day stands without one, so that no day is made up for it.
    """
    value = pl.col(name)
    moment = value.str.head(19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    nearest = moment + pl.duration(seconds=(value.str.slice(19) >= ".5").cast(pl.Int64))
    has_no_day = value.str.contains(_TIME_WITHOUT_DAY) & ~value.str.ends_with(" 00:00:00")
    return (
        pl.when(has_no_day)
        .then(value.str.slice(11))
        .when(value.str.contains(rf"\A(?:{checks.DATE_CELL_FORM})\z"))
        .then(nearest.clip(upper_bound=_LAST_SECOND).dt.strftime("%Y%m%d%H%M%S"))
        .otherwise(value)
        .alias(name)
    )


def _unfit(process: "subprocess.Popen[bytes]", said: IO[bytes]) -> Unfit:
    """Why the reader ended without having read all."""
    if process.returncode == workbook.REFUSED:
        return Unfit(_text(said))
    if process.returncode == -signal.SIGXCPU:
        why = (
            f"reading it takes longer than {workbook.MOST_TO_BEGIN} s before the first record, or"
            f" {workbook.MOST_SECONDS} s in all"
        )
    elif process.returncode in (-signal.SIGABRT, -signal.SIGKILL, workbook.OUT_OF_MEMORY):
        why = f"reading it takes more than {workbook.MOST_MEMORY >> 20} MB of memory"
    else:
        last = _text(said).strip().rpartition("\n")[2][:200]
        why = f"its reader ended with {process.returncode}: {last}"
    return Unfit(f"The workbook cannot be read: {why}. Export this day as csv.")


def _text(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read(1 << 16).decode(errors="replace")
