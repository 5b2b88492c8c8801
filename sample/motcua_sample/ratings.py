"""Draws the presses of the satisfaction kiosks' buttons, as many as appendix II counts."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from motcua_sample.lives import Stamps
from motcua_sample.names import COPY_NUMBER, one_of
from motcua_sample.targets import UnitTargets
from motcua_sample.workdays import Workdays

BUTTONS = (
    "satisfied_service",
    "satisfied_attitude",
    "dissatisfied_competence",
    "dissatisfied_time",
    "comments",
)
COMMENT = 5
FIRST_DAY, LAST_DAY = date(2019, 1, 2), date(2019, 6, 30)
COMMENTS = ("Cán bộ hướng dẫn tận tình", "Nên có thêm ghế ngồi chờ", "Bãi giữ xe còn xa")


@dataclass(frozen=True)
class Counter:
    """A counter of a unit and the kiosk that stands at it."""

    kiosk: str
    counter: str
    unit: str


def read_counters(kiosks: Path) -> dict[str, list[Counter]]:
    """Unit code → its counters, from the reference pack."""
    counters: dict[str, list[Counter]] = {}
    with kiosks.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counter = Counter(row["kiosk"], row["counter"], row["unit_code"])
            counters.setdefault(counter.unit, []).append(counter)
    return counters


def presses(
    targets: UnitTargets,
    counters: list[Counter],
    officers: tuple[str, ...],
    workdays: Workdays,
    end: int,
    stamps: Stamps,
    rng: Random,
) -> Iterator[tuple[str, int, str]]:
    """(kiosk, working day, CSV line) of every press: the half-year's, then on at the same pace."""
    first, last = workdays.first_from(FIRST_DAY), workdays.last_until(LAST_DAY)
    pressed: set[tuple[str, int, int]] = set()
    for button, column in enumerate(BUTTONS, start=1):
        for _ in range(targets.buttons[column]):
            day = rng.randint(first, last)
            yield _press(button, day, counters, officers, workdays, pressed, stamps, rng)
    for day in range(last + 1, end + 1):
        expected = targets.buttons["total"] / (last - first + 1)
        for _ in range(int(expected + rng.random())):
            button = COMMENT if rng.random() < 0.01 else 1 + (rng.random() < 0.6)
            yield _press(button, day, counters, officers, workdays, pressed, stamps, rng)


def _press(
    button: int,
    day: int,
    counters: list[Counter],
    officers: tuple[str, ...],
    workdays: Workdays,
    pressed: set[tuple[str, int, int]],
    stamps: Stamps,
    rng: Random,
) -> tuple[str, int, str]:
    """One press; a counter has at most one in a second, as equal rows would count once."""
    counter = counters[int(rng.random() * len(counters))]
    second = int(rng.random() * len(stamps.times))
    while (counter.counter, day, second) in pressed:
        second = int(rng.random() * len(stamps.times))
    pressed.add((counter.counter, day, second))
    time = stamps.times[second]
    # Tickets are drawn through the day, so a later press has a higher number.
    ticket = f"{counter.counter[1:]}{COPY_NUMBER}{1000 + second // 4:05d}"
    text = one_of(rng, COMMENTS) if button == COMMENT else ""
    return (
        counter.kiosk,
        day,
        f"{counter.kiosk},{counter.counter},{ticket},{counter.unit},"
        f"{one_of(rng, officers)},"
        f"{workdays.days[day]:%Y-%m-%d}T{time[:2]}:{time[2:4]}:{time[4:]},{button},{text}\n",
    )
