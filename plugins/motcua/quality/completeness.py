"""Which days of every feed and kiosk have come, how late, and with how many records."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from psycopg.rows import dict_row

from motcua import settings
from motcua.quality import suites
from motcua.warehouse.database import Connection

PRESENT, LATE, QUARANTINED, MISSING, DUE = "present", "late", "quarantined", "missing", "due"


@dataclass(frozen=True)
class Day:
    """A day of a feed (kiosk None) or of one kiosk.

    state: present; late (complete after the deadline); quarantined (only such files came);
    missing; due (its deadline has not passed). complete_at: local time of the first complete
    state. usual_records: median of up to 20 working days before, None on a day off or with fewer
    than 5. absent_kiosks: kiosks of the feed without a file. file_ids: the files that count.
    """

    feed: str
    day: date
    kiosk: str | None
    is_expected: bool
    state: str
    files: int
    quarantined: int
    records: int
    rejected: int
    complete_at: datetime | None
    late_by: timedelta | None
    usual_records: float | None
    absent_kiosks: list[str]
    file_ids: list[int]

    @property
    def named(self) -> str:
        """The day, with the kiosks that are silent while others are not."""
        is_partial = self.files and self.absent_kiosks
        return f"{self.day} ({', '.join(self.absent_kiosks)})" if is_partial else str(self.day)

    @property
    def is_unusual(self) -> bool:
        """Whether the number of records is far from the usual, by the landing suite of the feed."""
        if not self.usual_records or not self.files:
            return False
        percent = 100 * self.records / self.usual_records
        return any(
            self.usual_records >= limit.from_usual and not limit.least <= percent <= limit.most
            for limit in _limits(self.feed)
        )


@dataclass(frozen=True)
class _Limit:
    """Percent of the usual number that a day may have, where that number is at least so much."""

    least: float
    most: float
    from_usual: float


def days(
    connection: Connection,
    reference_sha256: str,
    at: datetime | None = None,
    first: date = date.min,
    last: date = date.max,
) -> list[Day]:
    """Every day that the pack expects or that has come, oldest first; kiosks after their feed.

    at: local time of the Centre that deadlines are compared with, by default now. first, last: of
    the days that are told, all by default; they are judged by all the days before.
    """
    query = "select * from ops.completeness_at(%s, deadline => %s"
    query += ", at => %s)" if at else ")"
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            f"{query} where day between %s and %s order by feed, day, kiosk nulls first",
            [reference_sha256, settings.deadline(), *([at] if at else []), first, last],
        )
        return [Day(**row) for row in found]


@cache
def _limits(feed: str) -> list[_Limit]:
    path = settings.PROJECT / "expectations" / "landing" / f"{feed}.json"
    return [
        _Limit(
            said["kwargs"].get("min_value", 0),
            said["kwargs"].get("max_value", float("inf")),
            said["kwargs"]["row_condition"]["parameter"],
        )
        for said in suites.read(path)["expectations"]
        if said["kwargs"].get("column") == "percent_of_usual"
    ]
