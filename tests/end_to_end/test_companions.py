"""Figures beside the statutory ones, on the whole sample."""

from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from commands import PERIODS, motcua
from motcua.publication import trace
from motcua.publication.definitions import RATES

Published = tuple[str, Path]


def rows(url: str, query: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


@pytest.mark.parametrize("period", PERIODS)
def test_every_unit_and_the_centre_have_every_rate(published: Published, period: str) -> None:
    found = rows(
        published[0], "select * from published.latest_rates where period_code = %s", period
    )
    assert Counter(row["rate"] for row in found) == dict.fromkeys(RATES, 17)
    for row in found:
        if row["percent"] is None:
            assert not row["denominator"]
            assert (row["lower"], row["upper"]) == (None, None)
        elif RATES[row["rate"]].is_proportion:
            assert 0 <= row["lower"] <= row["percent"] <= row["upper"] <= 100, row
        else:
            assert (row["lower"], row["upper"]) == (None, None)
        assert row["small_denominator"] == ((row["denominator"] or 0) < 30)


def test_rates_of_the_centre_are_the_shares_that_the_report_prints(published: Published) -> None:
    found = {
        row["rate"]: row
        for row in rows(
            published[0],
            "select * from published.rates where publication_id = '2019-H1.r1'"
            " and unit_code is null",
        )
    }
    for rate, numerator, denominator, printed in (
        ("carried_over", 2_456, 25_031, "9.81"),
        ("settled", 21_648, 25_031, "86.48"),
        ("settled_in_time", 21_578, 21_648, "99.68"),
        ("settled_late", 70, 21_648, "0.32"),
        ("settled_late_after_review", 57, 21_648, "0.26"),
        ("in_progress_overdue", 28, 3_383, "0.83"),
        ("returned", 27, 25_031, "0.11"),
        ("received_online", 1_980, 25_031, "7.91"),
        ("coverage", 5_841, 21_648, "26.98"),
    ):
        row = found[rate]
        assert (row["numerator"], row["denominator"]) == (numerator, denominator), rate
        assert row["percent"] == round(Decimal(100 * numerator) / denominator, 16)
        assert round(row["percent"], 2) == Decimal(printed)


def test_percentages_are_those_of_the_tables(published: Published) -> None:
    for rate, table, column in (
        ("coverage", "appendix_2", "coverage_percent"),
        ("completion", "appendix_4", "completion_percent"),
    ):
        found = rows(
            published[0],
            f"select rates.percent, {column} as other from published.rates"
            f" inner join published.{table} using (publication_id, unit_code) where rate = %s",
            rate,
        )
        assert len(found) == 48
        for row in found:
            assert (row["percent"] is None) == (row["other"] is None)
            assert row["percent"] is None or abs(row["percent"] - row["other"]) < Decimal("1e-12")


@pytest.mark.parametrize("period", PERIODS)
def test_adjusted_timeliness_is_that_of_a_computation_case_by_case(
    published: Published, period: str
) -> None:
    """The method once more, from the single cases of the release."""
    cases = rows(
        published[0],
        "select unit_code, field_code, promised_time, points_1 from evidence.cases"
        " where publication_id = %s and is_settled and points_1 is not null",
        f"{period}.r1",
    )
    units_of_field: dict[Any, set[str]] = defaultdict(set)
    for case in cases:
        units_of_field[case["field_code"]].add(case["unit_code"])
    for case in cases:
        shared = len(units_of_field[case["field_code"]]) > 1
        case["group"] = (shared, case["field_code"] if shared else case["promised_time"])
    in_group: dict[Any, list[Any]] = defaultdict(list)
    for case in cases:
        in_group[case["group"]].append(case)
    means, comparable = {}, []
    for group, members in in_group.items():
        means[group] = Fraction(sum(one["points_1"] for one in members)) / len(members)
        if len({one["unit_code"] for one in members}) > 1:
            comparable += members
    overall = Fraction(sum(one["points_1"] for one in comparable)) / len(comparable)
    stored = rows(
        published[0],
        "select * from published.adjusted_timeliness where publication_id = %s",
        f"{period}.r1",
    )
    assert len(stored) == 16
    balance = Fraction()
    for row in stored:
        own = [one for one in comparable if one["unit_code"] == row["unit_code"]]
        assert row["comparable_cases"] == len(own)
        assert row["small_denominator"] == (len(own) < 30)
        if not own:
            assert row["adjusted"] is row["expected"] is row["difference"] is None
            continue
        reached = Fraction(sum(one["points_1"] for one in own)) / len(own)
        expected = sum(means[one["group"]] for one in own) / len(own)
        balance += len(own) * (reached - expected)
        half = Fraction(1, 200)
        for column, exact in (
            ("comparable_observed", reached),
            ("expected", expected),
            ("difference", reached - expected),
            ("adjusted", overall + reached - expected),
        ):
            assert abs(Fraction(row[column]) - exact) <= half, (row["unit_code"], column)
    assert balance == 0, "what one unit does better, others do worse"
    assert sum(row["comparable_cases"] for row in stored) == len(comparable) > 5_000


def test_observed_timeliness_is_indicator_1(published: Published) -> None:
    found = rows(
        published[0],
        "select observed, cases, unrounded_value, denominator"
        " from published.adjusted_timeliness"
        " inner join published.indicator_evidence using (publication_id, unit_code)"
        " where indicator = 1",
    )
    assert len(found) == 48
    for row in found:
        assert row["cases"] == row["denominator"]
        assert abs(row["observed"] - row["unrounded_value"]) <= Decimal("0.005")


@pytest.mark.parametrize("period", PERIODS)
def test_counts_by_field_are_those_of_the_cases_or_kept_back(
    published: Published, period: str
) -> None:
    publication_id = f"{period}.r1"
    true = {
        (row["unit_code"], row["field_code"]): row
        for row in rows(
            published[0],
            "select unit_code, coalesce(field_code, '') as field_code, count(*) as settled,"
            " count(*) filter (where outcome = 'settled_late') as settled_late"
            " from evidence.cases where publication_id = %s and is_settled group by 1, 2",
            publication_id,
        )
    }
    stored = rows(
        published[0],
        "select * from published.cases_by_field where publication_id = %s",
        publication_id,
    )
    assert true.keys() <= {(row["unit_code"], row["field_code"]) for row in stored}
    fields_of = Counter(row["unit_code"] for row in stored)
    for row in stored:
        exact = true.get((row["unit_code"], row["field_code"]), {"settled": 0, "settled_late": 0})
        cells = {
            "settled": exact["settled"],
            "settled_late": exact["settled_late"],
            "settled_in_time": exact["settled"] - exact["settled_late"],
        }
        for column, value in cells.items():
            assert row[column] in (None, value)
            if 0 < value < 10 and fields_of[row["unit_code"]] > 1:
                assert row[column] is None
        assert row["suppressed"] == (None in [row[column] for column in cells])
        assert row["field_name"]
    assert any(row["suppressed"] for row in stored)
    assert any(not row["suppressed"] and row["settled"] for row in stored)
    for unit in fields_of:
        kept = [row for row in stored if row["unit_code"] == unit and row["settled"] is None]
        assert len(kept) != 1, "one alone is the unit's sum less the others"


def test_what_a_quarter_keeps_back_the_half_year_keeps_back(published: Published) -> None:
    leaked = rows(
        published[0],
        "select quarters.unit_code, quarters.field_code from published.cases_by_field as quarters"
        " inner join published.cases_by_field as whole using (unit_code, field_code)"
        " where quarters.period_code <> '2019-H1' and whole.period_code = '2019-H1'"
        " and quarters.settled is null and whole.settled is not null",
    )
    assert leaked == []


def test_companions_are_traced(published: Published) -> None:
    unit = "000.00.12.H51"
    rate = trace.trace("2019-H1.r1", "rates", unit, "settled_late")
    late, settled = (part.value for part in rate.parts)
    assert rate.value == round(Decimal(100 * late) / settled, 16)
    whole = trace.trace("2019-H1.r1", "rates", trace.TOTAL, "settled_in_time.upper")
    assert round(whole.value, 2) == Decimal("99.74")
    for name in RATES:
        for place in (unit, trace.TOTAL):
            assert "Nguồn" in trace.text(trace.trace("2019-H1.r1", "rates", place, name, first=2))
    cases = trace.trace("2019-H1.r1", "adjusted_timeliness", unit, "cases")
    assert cases.value == cases.count
    counted = 0
    for row in rows(
        published[0],
        "select * from published.cases_by_field where publication_id = '2019-H1.r1'"
        " and unit_code = %s",
        unit,
    ):
        found = trace.trace("2019-H1.r1", "cases_by_field", unit, f"{row['field_code']}.settled")
        assert found.value in (None, found.count)
        counted += found.count
    settled = trace.trace("2019-H1.r1", "scorecard", unit, "settled")
    assert counted == settled.value


def test_what_companions_have_not_is_said(published: Published) -> None:
    for arguments, said in (
        (("rates", "TOTAL", "nothing"), "rates has no figure nothing"),
        (("rates", "TOTAL", "settled_late.x"), "settled_late has no figure x"),
        (("adjusted_timeliness", "TOTAL", "adjusted"), "has no total"),
        (("cases_by_field", "TOTAL", "G12-01.settled"), "could give kept-back numbers away"),
        (("cases_by_field", "000.00.12.H51", "settled"), "has no field"),
        (("cases_by_field", "000.00.12.H51", "x'.settled"), "is no figure of cases_by_field"),
    ):
        failed = motcua("trace", "2019-H1.r1", *arguments)
        assert failed.returncode == 1, failed.stdout
        assert said in failed.stderr
