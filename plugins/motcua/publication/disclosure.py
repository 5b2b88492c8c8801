"""Keeps small numbers of a finer table back, and with them what would give them away.

A unit's settled cases are split by field, and each field's into in time and late. Readers know the
unit's exact sums of both from the statutory tables, every number of this table that is shown, and
that numbers are not negative. What is kept back is chosen so that they cannot work it out.

Let the kept-back rows be W (settled is kept back too) and P (only the split is). The readers'
unknowns are then a transport table: row sums known in P, the sum over all of W known, two column
sums known. In such a table the values that a cell can have are whole numbers without gaps, and the
ends are known in closed form: in W, settled runs from 0 to the sum of W; late (and in time) from 0
to the smaller of that sum and the kept-back late (in time). In P, late and in time each have
1 + min(settled, kept-back late, kept-back in time, settled of the other kept-back rows) values.
`protect` widens W and P until these are at least two, and ten wherever the unit's exact sums leave
so many. Source of the method: complementary cell suppression, as statistical offices do it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

LEAST = 10
"""Numbers below this and above zero are small."""

_SPREAD = LEAST - 1
"""How far a kept-back number can lie from the least that it may be, where sums leave so much."""


@dataclass(frozen=True)
class Counts:
    """Settled cases of one field in one unit."""

    in_time: int
    late: int

    @property
    def settled(self) -> int:
        """All of them."""
        return self.in_time + self.late


@dataclass(frozen=True)
class Shown:
    """What readers see of a row; None is kept back."""

    settled: int | None
    in_time: int | None
    late: int | None

    @property
    def suppressed(self) -> bool:
        """Whether something of the row is kept back."""
        return None in (self.settled, self.in_time, self.late)


@dataclass(frozen=True)
class Before:
    """What earlier tables that could be subtracted from this one kept back of a row."""

    settled: bool
    split: bool


def protect(rows: Mapping[str, Counts], before: Mapping[str, Before]) -> dict[str, Shown]:
    """What of a unit's rows may be shown, by field.

    A unit with one field is shown whole: its row is the unit's statutory sum. What was kept back
    before stays kept back.
    """
    every = Counts(_sum(rows, rows, _in_time), _sum(rows, rows, _late))
    if len(rows) < 2 or not every.settled:
        return {name: Shown(row.settled, row.in_time, row.late) for name, row in rows.items()}
    earlier = {name: before.get(name, Before(False, False)) for name in rows}
    whole = {name for name, row in rows.items() if _small(row.settled) or earlier[name].settled}
    parts = (
        {
            name
            for name, row in rows.items()
            if _small(row.in_time) or _small(row.late) or (earlier[name].split and row.settled)
        }
        if every.in_time and every.late
        else set()
    )
    must_split = any(one.split for one in earlier.values()) and every.in_time > 0 and every.late > 0
    while _widen(rows, every, whole, parts, must_split):
        pass
    kept_back = whole | parts
    # Where no kept-back row has a late case (or none in time), readers know that: zero is shown.
    hides_late = _hides_split(rows, kept_back, must_split) or _sum(rows, kept_back, _late) > 0
    hides_in_time = _hides_split(rows, kept_back, must_split) or _sum(rows, kept_back, _in_time) > 0
    return {
        name: Shown(
            None if name in whole else row.settled,
            None if name in kept_back and hides_in_time else row.in_time,
            None if name in kept_back and hides_late else row.late,
        )
        for name, row in rows.items()
    }


def _widen(
    rows: Mapping[str, Counts],
    every: Counts,
    whole: set[str],
    parts: set[str],
    must_split: bool,
) -> bool:
    """Keep one more row back if the rows kept back so far do not protect each other."""
    missing = min(_SPREAD, every.settled) - _sum(rows, whole, _settled)
    if whole and (len(whole) < 2 or missing > 0):
        whole.add(_partner(rows, rows.keys() - whole, missing, _settled))
        return True
    kept_back = whole | parts
    if not _hides_split(rows, kept_back, must_split):
        return False
    others = rows.keys() - kept_back
    for size, least in ((_late, every.late), (_in_time, every.in_time)):
        missing = min(_SPREAD, least) - _sum(rows, kept_back, size)
        if missing > 0:
            parts.add(_partner(rows, others, missing, size))
            return True
    for name in sorted(parts - whole):
        settled = rows[name].settled
        if settled == every.settled:
            whole.add(name)
            return True
        missing = min(_SPREAD, every.settled - settled) - (
            _sum(rows, kept_back, _settled) - settled
        )
        if missing > 0:
            parts.add(_partner(rows, others, missing, _settled))
            return True
    return False


def _hides_split(rows: Mapping[str, Counts], kept_back: set[str], must_split: bool) -> bool:
    return must_split or (_sum(rows, kept_back, _late) > 0 and _sum(rows, kept_back, _in_time) > 0)


def _partner(
    rows: Mapping[str, Counts],
    others: Iterable[str],
    missing: int,
    size: Callable[[Counts], int],
) -> str:
    """The smallest row that brings what is missing, else the largest."""
    ordered = sorted(others, key=lambda name: (size(rows[name]), name))
    enough = [name for name in ordered if size(rows[name]) >= max(missing, 1)]
    return enough[0] if enough else ordered[-1]


def _small(count: int) -> bool:
    return 0 < count < LEAST


def _sum(rows: Mapping[str, Counts], names: Iterable[str], size: Callable[[Counts], int]) -> int:
    return sum(size(rows[name]) for name in names)


def _settled(row: Counts) -> int:
    return row.settled


def _in_time(row: Counts) -> int:
    return row.in_time


def _late(row: Counts) -> int:
    return row.late
