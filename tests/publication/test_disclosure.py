"""Nobody can work out a kept-back number from what is shown and from the statutory sums."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from motcua.publication.disclosure import LEAST, Before, Counts, Shown, protect

CELLS = ("settled", "in_time", "late")
Interval = tuple[int, int]

counts = st.builds(
    Counts,
    st.one_of(st.integers(0, 12), st.integers(0, 400)),
    st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 60)),
)
units = st.dictionaries(st.sampled_from("abcdefgh"), counts, min_size=2, max_size=8)
kept_before = st.dictionaries(
    st.sampled_from("abcdefgh"), st.builds(Before, st.booleans(), st.booleans()), max_size=4
)


def attack(
    rows: Mapping[str, Counts], shown: Mapping[str, Shown]
) -> dict[tuple[str, str], Interval]:
    """The least and most that each kept-back number can be, by linear programming.

    Unknowns are in time and late of each field, not negative. Known are the shown numbers and the
    unit's sums. The system is that of a transport table, so its corners are whole numbers.
    """
    names = list(rows)
    weights = {"settled": (1.0, 1.0), "in_time": (1.0, 0.0), "late": (0.0, 1.0)}

    def of(name: str, cell: str) -> np.ndarray:
        line = np.zeros(2 * len(names))
        line[2 * names.index(name) : 2 * names.index(name) + 2] = weights[cell]
        return line

    known, values = [], []
    for cell in CELLS:
        known.append(sum(of(name, cell) for name in names))
        values.append(sum(getattr(row, cell) for row in rows.values()))
        for name in names:
            value = getattr(shown[name], cell)
            if value is not None:
                known.append(of(name, cell))
                values.append(value)
    found = {}
    for name, cell in product(names, CELLS):
        if getattr(shown[name], cell) is None:
            ends = []
            for sign in (1, -1):
                solved = linprog(
                    sign * of(name, cell), A_eq=np.array(known), b_eq=values, method="highs"
                )
                assert solved.status == 0, "the true table itself solves the system"
                ends.append(round(sign * solved.fun))
            found[name, cell] = (ends[0], ends[1])
    return found


def by_trying(rows: Mapping[str, Counts], shown: Mapping[str, Shown]) -> dict[tuple[str, str], int]:
    """How many values each kept-back number takes, over all tables that fit what is known."""
    names = list(rows)
    in_time = sum(row.in_time for row in rows.values())
    late = sum(row.late for row in rows.values())
    seen: dict[tuple[str, str], set[int]] = {
        (name, cell): set()
        for name, cell in product(names, CELLS)
        if getattr(shown[name], cell) is None
    }
    choices = [
        [
            Counts(one, two)
            for one, two in product(range(in_time + 1), range(late + 1))
            if all(
                getattr(shown[name], cell) in (None, getattr(Counts(one, two), cell))
                for cell in CELLS
            )
        ]
        for name in names
    ]
    for table in product(*choices):
        if sum(r.in_time for r in table) == in_time and sum(r.late for r in table) == late:
            for name, row in zip(names, table, strict=True):
                for cell in CELLS:
                    if (name, cell) in seen:
                        seen[name, cell].add(getattr(row, cell))
    return {place: len(values) for place, values in seen.items()}


@settings(max_examples=300, deadline=None)
@given(units, kept_before)
def test_no_kept_back_number_can_be_worked_out(
    rows: dict[str, Counts], before: dict[str, Before]
) -> None:
    shown = protect(rows, before)
    settled = sum(row.settled for row in rows.values())
    late = sum(row.late for row in rows.values())
    in_time = settled - late
    for (name, cell), (least, most) in attack(rows, shown).items():
        value = getattr(rows[name], cell)
        assert least <= value <= most
        assert most > least, (name, cell)
        if cell == "settled":
            assert (least, most - least >= min(9, settled)) == (0, True)
        elif shown[name].settled is None:
            assert (least, most - least >= min(9, {"late": late, "in_time": in_time}[cell])) == (
                *(0, True),
            )
        else:
            of_row = rows[name].settled
            assert most - least >= min(9, of_row, late, in_time, settled - of_row)


@settings(max_examples=200, deadline=None)
@given(units, kept_before)
def test_small_numbers_are_kept_back_and_zeros_only_for_others(
    rows: dict[str, Counts], before: dict[str, Before]
) -> None:
    shown = protect(rows, before)
    assert list(shown) == list(rows)
    for name, row in rows.items():
        for cell in CELLS:
            value = getattr(shown[name], cell)
            assert value in (None, getattr(row, cell))
            assert value is None or not 0 < value < LEAST
        if before.get(name, Before(False, False)).settled and sum(
            one.settled for one in rows.values()
        ):
            assert shown[name].settled is None
    if not any(0 < getattr(row, cell) < LEAST for row in rows.values() for cell in CELLS) and not (
        before.keys() & rows.keys()
    ):
        assert not any(one.suppressed for one in shown.values())


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abc"), st.builds(Counts, st.integers(0, 4), st.integers(0, 2)), min_size=2
    )
)
def test_every_table_that_fits_was_tried(rows: dict[str, Counts]) -> None:
    """The same by brute force: no theory of linear programs is needed for small tables."""
    shown = protect(rows, {})
    assert all(values > 1 for values in by_trying(rows, shown).values())


def test_a_naive_choice_is_caught_by_the_attack() -> None:
    """The tests can fail: keeping back the small number alone gives it away."""
    rows = {"a": Counts(5, 0), "b": Counts(200, 0)}
    naive = {"a": Shown(None, None, 0), "b": Shown(200, 200, 0)}
    assert attack(rows, naive) == {("a", "settled"): (5, 5), ("a", "in_time"): (5, 5)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"a": (5, 0), "b": (20, 0), "c": (90, 0)}, {"a": "--0", "b": "--0", "c": "sil"}),
        ({"a": (50, 3), "b": (40, 8), "c": (90, 0)}, {"a": "s--", "b": "s--", "c": "sil"}),
        ({"a": (500, 3), "b": (0, 0)}, {"a": "---", "b": "---"}),
        ({"a": (4, 1)}, {"a": "sil"}),
        ({"a": (12, 0), "b": (0, 0)}, {"a": "sil", "b": "sil"}),
    ],
)
def test_what_is_kept_back(rows: dict[str, tuple[int, int]], expected: dict[str, str]) -> None:
    """s, i, l: shown; -: kept back; 0: a column that is nought for every kept-back row."""
    shown = protect({name: Counts(*row) for name, row in rows.items()}, {})
    for name, pattern in expected.items():
        for cell, sign in zip(CELLS, pattern, strict=True):
            assert (getattr(shown[name], cell) is None) == (sign == "-"), (name, cell)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from("abcde"), st.tuples(counts, counts), min_size=2, max_size=5))
def test_quarters_and_their_half_year_together_give_nothing_away(
    quarters: dict[str, tuple[Counts, Counts]],
) -> None:
    """The attack on the quarters and on the half-year that is their sum, all at once."""
    tables = [{name: both[place] for name, both in quarters.items()} for place in (0, 1)]
    half_year = {
        name: Counts(one.in_time + two.in_time, one.late + two.late)
        for name, (one, two) in quarters.items()
    }
    shown = [protect(table, {}) for table in tables]
    before = {
        name: Before(
            any(one[name].settled is None for one in shown),
            any(one[name].in_time is None and one[name].late is None for one in shown),
        )
        for name in quarters
    }
    whole = protect(half_year, before)
    names = [f"{place}{name}" for place in (0, 1) for name in quarters]
    weights = {"settled": (1.0, 1.0), "in_time": (1.0, 0.0), "late": (0.0, 1.0)}

    def of(places: list[str], cell: str) -> np.ndarray:
        line = np.zeros(2 * len(names))
        for place in places:
            line[2 * names.index(place) : 2 * names.index(place) + 2] = weights[cell]
        return line

    known, values = [], []
    for place, table in enumerate(tables):
        for cell in CELLS:
            known.append(of([f"{place}{name}" for name in quarters], cell))
            values.append(sum(getattr(row, cell) for row in table.values()))
            for name in quarters:
                if (value := getattr(shown[place][name], cell)) is not None:
                    known.append(of([f"{place}{name}"], cell))
                    values.append(value)
    for name, cell in product(quarters, CELLS):
        if (value := getattr(whole[name], cell)) is not None:
            known.append(of([f"0{name}", f"1{name}"], cell))
            values.append(value)
    places = [
        (f"{place}{name}", cell)
        for place in (0, 1)
        for name, cell in product(quarters, CELLS)
        if getattr(shown[place][name], cell) is None
    ]
    for place, cell in places:
        least, most = (
            sign
            * linprog(
                sign * of([place], cell), A_eq=np.array(known), b_eq=values, method="highs"
            ).fun
            for sign in (1, -1)
        )
        assert round(most - least) >= 1, (place, cell)
