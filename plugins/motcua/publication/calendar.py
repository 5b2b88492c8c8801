"""When each period of a reference pack is to be published, read from its csv alone."""

import csv
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from motcua import settings
from motcua.errors import Failed

APART = timedelta(minutes=5)
"""Between two periods of one day."""


class Event(NamedTuple):
    """A period, and the moment (with the Centre's time zone) at which its publication starts."""

    moment: datetime
    period_code: str


class _Row(NamedTuple):
    due_on: date
    days: int
    cases_to: date
    period_code: str
    known_as_of: date


def due_on(publish_on: date, known_as_of: date) -> date:
    """The day on which a period is published.

    It is `publish_on`, but never before the morning after the knowledge date, whose files are
    loaded in the night that follows it: on that date itself every run would be refused.
    """
    return max(publish_on, known_as_of + timedelta(days=1))


def events(pack: Path | None = None, at: time | None = None) -> list[Event]:
    """The publications of a reference pack (that of the settings), in their order.

    at: local time of a day's first one (the setting). Periods of one day come some minutes apart,
    the shorter first, because a whole is published after its parts. Raises Failed when the pack
    cannot be read, with file and line.
    """
    start = at or settings.publish_at()
    zone = ZoneInfo(settings.TIME_ZONE)
    return [
        Event(datetime.combine(day, start, zone) + number * APART, row.period_code)
        for day, rows in groupby(sorted(_rows(pack)), key=lambda row: row.due_on)
        for number, row in enumerate(rows)
    ]


def codes(pack: Path | None = None) -> list[str]:
    """Every period of a reference pack, in the order of the file."""
    return [line["period_code"] for line in _lines(pack)]


def known_as_of(pack: Path | None = None) -> dict[str, date]:
    """The knowledge date of every period of a reference pack, by its code."""
    return {row.period_code: row.known_as_of for row in _rows(pack)}


def next_after(moment: datetime, among: list[Event]) -> Event | None:
    """The first publication after a moment; None when the pack has none."""
    return next((event for event in among if event.moment > moment), None)


def due_at(moment: datetime, among: list[Event]) -> str:
    """The period whose publication starts at a moment. Raises Failed when none does."""
    for event in among:
        if event.moment == moment:
            return event.period_code
    local = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    raise Failed(
        f"No period of the reference pack is to be published at {local:%Y-%m-%d %H:%M}."
        " Start a run by hand and name the period."
    )


def _rows(pack: Path | None) -> list[_Row]:
    found = []
    for number, line in enumerate(_lines(pack), start=2):
        try:
            starts, ends, known, on = (
                date.fromisoformat(line[name].strip())
                for name in ("cases_from", "cases_to", "known_as_of", "publish_on")
            )
        except (KeyError, ValueError, AttributeError) as error:
            raise Failed(
                f"{_file(pack)}, line {number}: {error}. cases_from, cases_to, known_as_of and"
                " publish_on are dates (yyyy-mm-dd); `motcua check-reference` checks them all."
            ) from error
        found.append(
            _Row(due_on(on, known), (ends - starts).days, ends, line["period_code"], known)
        )
    return found


def _lines(pack: Path | None) -> list[dict[str, str]]:
    try:
        with _file(pack).open(encoding="utf-8-sig", newline="") as handle:
            return list(csv.DictReader(handle))
    except OSError as error:
        raise Failed(f"The periods cannot be read: {error}. See MOTCUA_REFERENCE.") from error


def _file(pack: Path | None) -> Path:
    return (pack or settings.reference()) / "reporting_periods.csv"
