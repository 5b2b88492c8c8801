"""Records that were not loaded, and files that were refused: keep them, and list them."""

import csv
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

from motcua.landing.checks import Fault
from motcua.landing.remote import NO_ROOM
from motcua.warehouse import database
from motcua.warehouse.database import Connection

MOST_LISTED = 1000
"""Rejected records that are kept of a file that is refused as a whole."""

_LONGEST_CONTENT = 4000
_IN_MEMORY = 4 << 20


class Reject(NamedTuple):
    """One line of `motcua rejects`; record and column are None when it is a whole file.

    content is personal and None unless it was asked for.
    """

    feed: str
    file_name: str
    business_date: date
    record: int | None
    column_name: str | None
    reason: str
    next_step: str
    content: str | None


class Reason(NamedTuple):
    """How often a feed was rejected for one reason; records is 0 for files refused as a whole."""

    feed: str
    column_name: str | None
    reason: str
    next_step: str
    records: int
    files: int
    first_day: date
    last_day: date


_NOT_MADE_GOOD = """
    with current_files as not materialized (
        select f.*
        from raw.files as f
        where (%(feed)s::text is null or f.feed = %(feed)s)
            and f.business_date between %(first)s and %(last)s
            and not exists (
                select from raw.files as newer
                where (newer.feed, newer.business_date, newer.part)
                    = (f.feed, f.business_date, f.part)
                    and newer.state = 'loaded'
                    and (
                        newer.revision > f.revision
                        or newer.revision = f.revision
                        and f.state = 'quarantined'
                        and newer.file_id > f.file_id
                    )
            )
    ),

    faults as (
        select file_id, feed, file_name, business_date, null as record, null as column_name,
            reason, 'Deliver a corrected file under the next revision (_r2, _r3 …).' as next_step,
            null as content
        from current_files
        where state = 'quarantined'
        union all
        select f.file_id, f.feed, f.file_name, f.business_date, r.record, r.column_name, r.reason,
            r.next_step, {content}
        from raw.rejects as r
        inner join current_files as f on r.file_id = f.file_id
    )
"""
"""Faults of files that are not made good, of %(feed)s or of all, of a window of days.

A later revision makes a file good; of a file that was refused as a whole, also one of the same name
that was loaded after it. Of two that were loaded both count, and so do the faults of both.
"""


class RejectBook:
    """The rejected records of one file while it is read; many of them go to disk, not memory."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all, because the file is read again."""
        self.numbers = array("q")
        self.first = ""
        self._lines = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as the book
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8", newline=""
        )
        self._writer = csv.writer(self._lines)

    def add(self, number: int, faults: Sequence[Fault], content: str) -> None:
        """Note a record, with everything that is wrong with it."""
        columns = ", ".join(fault.column for fault in faults if fault.column)
        reason = "; ".join(
            f"{fault.column} {fault.reason}" if len(faults) > 1 and fault.column else fault.reason
            for fault in faults
        )
        next_step = " ".join(dict.fromkeys(fault.next_step for fault in faults))
        if not self.numbers:
            where = f"record {number}, column {columns}" if columns else f"record {number}"
            self.first = f"{where}: {reason}. {next_step}"
        self.numbers.append(number)
        kept = content[:_LONGEST_CONTENT].replace("\0", "\\0")
        kept = kept.encode("utf-8", "backslashreplace").decode()
        with _with_room():
            self._writer.writerow([number, columns, reason, next_step, kept])

    def store(self, connection: Connection, file_id: int, most: int | None = None) -> None:
        """Write them to raw.rejects (the first `most`); the manifest has to know the file."""
        if not self.numbers:
            return
        with _with_room():
            self._lines.seek(0)
        with connection.cursor().copy(
            "copy raw.rejects (file_id, record, column_name, reason, next_step, content) from stdin"
        ) as copy:
            for place, row in enumerate(csv.reader(self._lines)):
                if place == most:
                    break
                number, columns, *rest = row
                copy.write_row([file_id, int(number), columns or None, *rest])


@contextmanager
def _with_room() -> Iterator[None]:
    """Tell which disk is full when one is."""
    try:
        yield
    except OSError as error:
        todo = f"the disk of {tempfile.gettempdir()} is full; free some, or let TMPDIR name another"
        raise OSError(error.errno, todo if error.errno in NO_ROOM else error.strerror) from error


def listing(
    feed: str | None = None, limit: int | None = None, with_content: bool = False
) -> list[Reject]:
    """What was rejected and is not yet made good, newest business date first.

    A file counts as made good when a later revision of it was loaded, or after it was refused as a
    whole another of its name. `with_content` adds the records as they were written, which hold
    personal data.
    """
    with database.connect(database.LOADER) as connection:
        rows = connection.execute(
            f"""
            {_NOT_MADE_GOOD.format(content="r.content" if with_content else "null")}
            select feed, file_name, business_date, record, column_name, reason, next_step, content
            from faults
            order by business_date desc, feed, file_name, file_id, record nulls first
            limit %(limit)s
            """,
            {"feed": feed, "first": date.min, "last": date.max, "limit": limit},
        ).fetchall()
    return [Reject(*row) for row in rows]


def by_reason(feed: str | None = None) -> list[Reason]:
    """What was rejected and is not yet made good, by reason, the most frequent first."""
    with database.connect(database.LOADER) as connection:
        return reasons(connection, feed)


def reasons(
    connection: Connection,
    feed: str | None = None,
    first: date = date.min,
    last: date = date.max,
) -> list[Reason]:
    """The same of some business dates alone; reads no content."""
    rows = connection.execute(
        f"""
        {_NOT_MADE_GOOD.format(content="null")}
        select feed, column_name, reason, next_step, count(record), count(distinct file_id),
            min(business_date), max(business_date)
        from faults
        group by feed, column_name, reason, next_step, record is null
        order by count(record) > 0, count(*) desc, feed, column_name, reason
        """,
        {"feed": feed, "first": first, "last": last},
    ).fetchall()
    return [Reason(*row) for row in rows]
