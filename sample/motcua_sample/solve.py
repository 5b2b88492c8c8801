"""Solves the report's tables for the numbers behind them: which cases of which kind each unit had.

The three publications were made at different times, so their tables differ by the corrections in
between. Plain arithmetic on the tables gives the corrections; a search over small whole numbers
gives splits that round to every printed score.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from motcua_sample.targets import Report, UnitTargets

QUARTERS = ("2019-Q1", "2019-Q2")
FULL_POINTS = 2
WIDE_LEVEL_3_SHARE = 0.30
NARROW_LEVEL_3_SHARE = 0.12


@dataclass(frozen=True)
class Bounds:
    """Whole points lost against full marks (2 per case) that still round to a printed mean."""

    least: int
    most: int


@dataclass(frozen=True)
class QuarterPlan:
    """One unit's quarter as known at its publication (numbers of cases, and points lost)."""

    received: int
    early: int
    on_time: int
    late: int
    eligible: int
    online: int
    steps_on_allotted_end: int
    once_contacted: int
    often_contacted: int
    one_agency: int
    many_agencies: int

    @property
    def settled(self) -> int:
        """Cases settled in the quarter."""
        return self.early + self.on_time + self.late


@dataclass(frozen=True)
class UnitPlan:
    """One unit's year so far.

    re_registered: carried over, first recorded with a receipt date of 2019.
    loaded_late: carried over, in no export before the last publication.
    counted_externally: carried over in software that the Centre cannot read.
    removed: settled, then cancelled as double entries. recorded_late: settled in the second
    quarter, exported after its publication.
    """

    targets: UnitTargets
    quarters: tuple[QuarterPlan, QuarterPlan]
    re_registered: int
    loaded_late: int
    counted_externally: int
    removed: int
    recorded_late: int
    by_post: int
    level_3_share: float


def solve(report: Report) -> tuple[UnitPlan, ...]:
    """Find one plan per unit that satisfies every cell; raises ValueError if there is none."""
    posts = _share_out(
        report.returned_by_post, [unit.half_year["settled_total"] for unit in report.units]
    )
    plans = tuple(
        _solve_unit(unit, by_post) for unit, by_post in zip(report.units, posts, strict=True)
    )
    late = sum(unit.half_year["settled_late"] for unit in report.units)
    explained = report.recorded_late + sum(
        unit.late_waiting_for_others + unit.late_by_repeated_supplement for unit in report.units
    )
    if late != explained:
        raise ValueError(f"the report counts {late} late cases and explains {explained}")
    return plans


def _solve_unit(unit: UnitTargets, by_post: int) -> UnitPlan:
    half = unit.half_year
    received = [int(unit.quarters[code]["received"]) for code in QUARTERS]
    settled = [int(unit.quarters[code]["settled"]) for code in QUARTERS]
    later = half["settled_total"] - sum(settled)
    removed, recorded_late = max(-later, 0), max(later, 0)
    re_registered = sum(received) - removed - half["newly_received"]
    unknown = half["carried_over"] - re_registered
    if re_registered < 0 or unknown < 0:
        raise ValueError(f"{unit.name}: the quarters cannot hold the half-year's cases")
    splits = _settled_splits(unit, settled, recorded_late - removed)
    shares, wide = _online(unit, received)
    return UnitPlan(
        targets=unit,
        quarters=(
            _quarter(unit, QUARTERS[0], received[0], splits[0], shares[0]),
            _quarter(unit, QUARTERS[1], received[1], splits[1], shares[1]),
        ),
        re_registered=re_registered,
        loaded_late=0 if unit.has_own_software else unknown,
        counted_externally=unknown if unit.has_own_software else 0,
        removed=removed,
        recorded_late=recorded_late,
        by_post=by_post,
        level_3_share=WIDE_LEVEL_3_SHARE if wide else NARROW_LEVEL_3_SHARE,
    )


def _settled_splits(
    unit: UnitTargets, settled: list[int], later_early: int
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Early, on time and late per quarter; what came after the second quarter is all early.

    Of all splits that give both printed means, the one closest to proportional is taken.
    """
    half = unit.half_year
    first_share = settled[0] / sum(settled)
    bounds = [
        points_lost(unit.quarters[code]["indicator_1"], number)
        for code, number in zip(QUARTERS, settled, strict=True)
    ]
    best: tuple[float, tuple[tuple[int, int, int], tuple[int, int, int]]] | None = None
    for late in range(half["settled_late"] + 1):
        for on_time in range(half["settled_on_time"] + 1):
            first = (settled[0] - on_time - late, on_time, late)
            second_late = half["settled_late"] - late
            second_on_time = half["settled_on_time"] - on_time
            second = (settled[1] - second_on_time - second_late, second_on_time, second_late)
            if first[0] < 0 or second[0] < 0:
                continue
            if first[0] + second[0] + later_early != half["settled_early"]:
                continue
            if not all(
                bound.least <= split[1] + 2 * split[2] <= bound.most
                for bound, split in zip(bounds, (first, second), strict=True)
            ):
                continue
            distance = abs(late - half["settled_late"] * first_share) + abs(
                on_time - half["settled_on_time"] * first_share
            )
            if best is None or distance < best[0]:
                best = (distance, (first, second))
    if best is None:
        raise ValueError(f"{unit.name}: no split of the settled cases gives both quarters' scores")
    return best[1]


def points_lost(mean: Decimal, cases: int) -> Bounds:
    """Points that `cases` cases may lose so that their mean rounds half-up to `mean`."""
    tenths = int(mean * 10)
    # mean - 0.05 <= points / cases < mean + 0.05, in whole numbers (times 20).
    least_points = -(-(2 * tenths - 1) * cases // 20)
    most_points = -(-(2 * tenths + 1) * cases // 20) - 1
    full = FULL_POINTS * cases
    return Bounds(least=max(full - most_points, 0), most=full - max(least_points, 0))


def _quarter(
    unit: UnitTargets,
    code: str,
    received: int,
    split: tuple[int, int, int],
    online: tuple[int, int],
) -> QuarterPlan:
    scores = unit.quarters[code]
    settled = sum(split)
    lost_by_time = split[1] + 2 * split[2]
    steps = points_lost(scores["indicator_2"], settled)
    steps_lost = max(steps.least, min(steps.most, lost_by_time + settled // 50))
    if steps_lost < lost_by_time or steps_lost - lost_by_time > split[0]:
        raise ValueError(f"{unit.name}, {code}: indicator 2 does not fit indicator 1")

    contacts_lost = _typical(points_lost(scores["indicator_3"], settled))
    often = min(contacts_lost // 6, settled)
    once = contacts_lost - 2 * often
    contacted = often + once
    agencies = points_lost(scores["indicator_4"], settled)
    agencies_lost = _typical(agencies) if agencies.least else min(agencies.most, contacted) // 3
    many = max(agencies_lost - contacted, agencies_lost // 8)
    one = agencies_lost - 2 * many
    if once < 0 or contacted > settled or one < 0 or one + many > contacted:
        raise ValueError(f"{unit.name}, {code}: indicator 4 does not fit indicator 3")
    return QuarterPlan(
        received=received,
        early=split[0],
        on_time=split[1],
        late=split[2],
        eligible=online[0],
        online=online[1],
        steps_on_allotted_end=steps_lost - lost_by_time,
        once_contacted=once,
        often_contacted=often,
        one_agency=one,
        many_agencies=many,
    )


def _typical(bounds: Bounds) -> int:
    """The middle, or a good third of what is allowed where nothing need be lost."""
    if bounds.least == 0:
        return bounds.most * 2 // 5
    return (bounds.least + bounds.most) // 2


def _online(
    unit: UnitTargets, received: list[int]
) -> tuple[tuple[tuple[int, int], tuple[int, int]], bool]:
    """Eligible and online cases per quarter that give indicator 9, and if many levels are ≥ 3.

    A unit that ever scores 2 has a wide share of level-3 procedures (20 % or more); then 1 means
    an online share of 15 to 30 %. With a narrow share 15 % is enough for 1, and 2 is impossible.
    """
    points = [int(unit.quarters[code]["indicator_9"]) for code in QUARTERS]
    wide = 2 in points
    online = unit.half_year["received_online"]
    limits = [_online_share_limits(point, wide) for point in points]
    for first in _outwards(round(online * received[0] / sum(received)), online):
        numbers = (first, online - first)
        eligible = [
            _eligible(number, cases, limit)
            for number, cases, limit in zip(numbers, received, limits, strict=True)
        ]
        if eligible[0] is not None and eligible[1] is not None:
            return ((eligible[0], numbers[0]), (eligible[1], numbers[1])), wide
    raise ValueError(f"{unit.name}: no online share gives indicator 9")


def _online_share_limits(points: int, wide: bool) -> tuple[float, float, float]:
    """Least share, share from which the score changes, and the share to aim at."""
    if points == 0:
        return (0.0, 0.15, 0.12)
    if points == 1:
        return (0.15, 0.30, 0.22) if wide else (0.15, 1.01, 0.25)
    return (0.30, 1.01, 0.50)


def _eligible(online: int, received: int, limits: tuple[float, float, float]) -> int | None:
    """Cases of level-3 procedures so that `online` of them is a share within the limits."""
    least, below, aim = limits
    if online == 0:
        return received // 8 if least == 0 else None
    eligible = min(received, max(online, round(online / aim)))
    return eligible if least <= online / eligible < below else None


def _outwards(start: int, most: int) -> Iterator[int]:
    for distance in range(most + 1):
        for number in (start - distance, start + distance):
            if 0 <= number <= most:
                yield number


def _share_out(total: int, weights: list[int]) -> list[int]:
    """Split `total` by weight into whole numbers that add up (largest remainder)."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
