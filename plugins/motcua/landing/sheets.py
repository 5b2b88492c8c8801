"""Read the first sheet of an xlsx workbook in a process of its own, which cannot harm this one.

A workbook is a zip archive of XML: a few kilobytes can unpack to gigabytes, or ask the reader for a
table of a trillion cells. So another process (`workbook.py`) reads it, with limits on its memory
and its processor time, and sends the cells as csv. Whatever happens to it, the run goes on.
"""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from motcua.landing import reading, workbook
from motcua.landing.feeds import Feed
from motcua.landing.reading import Layout, Unfit


@dataclass(frozen=True)
class Sheet:
    """The first sheet of a workbook while it is read.

    header: the texts of its first row. records: the other rows as csv in UTF-8, the number of the
    record before its fields; rows without any value are left out.
    """

    header: list[str]
    records: BinaryIO
    process: "subprocess.Popen[bytes]"
    said: IO[bytes]

    def count(self) -> int:
        """How many records the reader says that it sent. Raises Unfit when it broke off."""
        if self.process.wait() != 0:
            raise _unfit(self.process, self.said)
        return int(_text(self.said))


@contextmanager
def opened(source: BinaryIO) -> Iterator[Sheet]:
    """Start the reader on the bytes of a workbook. Raises Unfit when it refuses them."""
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
            import polars  # noqa: F401 - the check needs it, and now there is time

            header = process.stdout.readline()
            if not header:
                process.wait()
                raise _unfit(process, said)
            yield Sheet(json.loads(header), cast(BinaryIO, process.stdout), process, said)
        finally:
            process.kill()


def layout_of(feed: Feed, sheet: Sheet) -> Layout:
    """How the records are written. Raises Unfit when the header does not fit the feed."""
    if not any(sheet.header):
        raise Unfit(
            "The first row of the first sheet is empty; it must be the header. Export the file"
            " again; a day without records is a file with only the header."
        )
    header = reading.header_of(feed, sheet.header)
    return Layout(header, reading.UTF_8, ",", "\n", 0, quotes_empty=False)


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
