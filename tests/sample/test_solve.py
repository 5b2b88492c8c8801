"""The solve turns the report's tables into whole numbers that give back every printed score."""

from decimal import ROUND_HALF_UP, Decimal

import pytest

from motcua_sample.solve import points_lost, solve
from motcua_sample.targets import read_report


def rounded_mean(points: int, cases: int) -> Decimal:
    return (Decimal(points) / cases).quantize(Decimal("0.1"), ROUND_HALF_UP)


@pytest.mark.parametrize("cases", [1, 3, 20, 21, 372])
@pytest.mark.parametrize("mean", ["1.4", "1.9", "2.0"])
def test_points_lost_are_exactly_those_that_round_to_the_mean(cases: int, mean: str) -> None:
    fitting = [
        lost
        for lost in range(2 * cases + 1)
        if rounded_mean(2 * cases - lost, cases) == Decimal(mean)
    ]
    bounds = points_lost(Decimal(mean), cases)
    assert list(range(bounds.least, bounds.most + 1)) == fitting


def test_corrections_follow_from_the_tables() -> None:
    plans = {plan.targets.order: plan for plan in solve(read_report())}
    assert sum(plan.re_registered for plan in plans.values()) == 985
    assert {n: p.loaded_late for n, p in plans.items() if p.loaded_late} == {
        3: 1, 7: 19, 11: 23, 12: 1, 15: 153,
    }  # fmt: skip
    assert {n: p.counted_externally for n, p in plans.items() if p.counted_externally} == {4: 1274}
    assert {n: p.removed for n, p in plans.items() if p.removed} == {8: 1, 15: 53}
    assert {n: p.recorded_late for n, p in plans.items() if p.recorded_late} == {5: 12, 12: 1}


def test_splits_give_the_quarters_and_the_half_year() -> None:
    for plan in solve(read_report()):
        half, (first, second) = plan.targets.half_year, plan.quarters
        later = plan.recorded_late - plan.removed
        assert first.early + second.early + later == half["settled_early"]
        assert first.on_time + second.on_time == half["settled_on_time"]
        assert first.late + second.late == half["settled_late"]
        for code, quarter in (("2019-Q1", first), ("2019-Q2", second)):
            points = 2 * quarter.early + quarter.on_time
            assert (
                rounded_mean(points, quarter.settled) == plan.targets.quarters[code]["indicator_1"]
            )


def test_the_row_that_does_not_add_up_follows_its_total() -> None:
    first = read_report().units[0].quarters["2019-Q1"]
    assert first["indicator_2"] == Decimal("1.9")


def test_figures_of_the_text() -> None:
    report = read_report()
    assert (report.returned_by_post, report.recorded_late) == (4061, 13)
    assert [u.order for u in report.units if u.late_waiting_for_others] == [12]
    assert [u.order for u in report.units if u.late_by_repeated_supplement] == [11]
    assert [u.order for u in report.units if u.has_own_software] == [4, 5, 10]
