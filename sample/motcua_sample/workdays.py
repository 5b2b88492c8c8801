"""Counts working days as the reference pack's calendar says."""

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Workdays:
    """The working days of a stretch of time, numbered from 0; all planning is done in numbers."""

    days: tuple[date, ...]

    def first_from(self, day: date) -> int:
        """Number of the first working day on or after `day`."""
        return bisect_left(self.days, day)

    def last_until(self, day: date) -> int:
        """Number of the last working day on or before `day`."""
        return bisect_right(self.days, day) - 1


def read_workdays(calendar: Path, first: date, last: date) -> Workdays:
    """Working days from `first` to `last`: Monday to Friday but for the calendar's exceptions."""
    with calendar.open(encoding="utf-8", newline="") as file:
        exceptions = {
            date.fromisoformat(row["date"]): row["is_working_day"] == "true"
            for row in csv.DictReader(file)
        }
    return Workdays(
        tuple(day for day in _each_day(first, last) if exceptions.get(day, day.isoweekday() <= 5))
    )


def _each_day(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)
