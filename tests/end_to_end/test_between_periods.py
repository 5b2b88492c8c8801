"""The relations between periods, on the warehouse in which the whole sample is published."""

from pathlib import Path

import psycopg
import pytest

from motcua.errors import Refused
from motcua.publication import audit, checks, figures, periods, release
from motcua.warehouse import database, dbt

SETTLED = {"000.00.05.H51": 12, "000.00.08.H51": -1, "000.00.12.H51": 1, "000.00.15.H51": -53}
"""Settled cases by which the half-year of 2019 differs from its quarters (domain, fault 5)."""


def checks_of(url: str, publication_id: str, check_id: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select unit_code, level, found, expected, passed, explanation from published.checks"
            " where publication_id = %s and check_id = %s order by display_order nulls first",
            [publication_id, check_id],
        ).fetchall()


def test_half_year_warns_of_67_settled_cases_that_its_quarters_tell_otherwise(
    published: tuple[str, Path],
) -> None:
    (all_units,) = checks_of(published[0], "2019-H1.r1", "settled_of_parts_in_all")
    assert all_units[:5] == (None, "warning", "21648", "21689", False)
    assert "published.revisions" in str(all_units[5])
    assert "2019-Q1.r1 + 2019-Q2.r1" in str(all_units[5])
    held, *units = checks_of(published[0], "2019-H1.r1", "settled_of_parts")
    assert held[2:5] == ("12 of 16", "16 of 16", False)
    assert {row[0]: int(str(row[2])) - int(str(row[3])) for row in units} == SETTLED
    assert not checks_of(published[0], "2019-Q1.r1", "settled_of_parts"), "a quarter has no parts"
    text, is_critical = audit.audit_publication("2019-H1.r1")
    assert not is_critical
    assert "settled_of_parts_in_all · mọi đơn vị" in text
    assert "có: 21648; phải là: 21689." in text


def test_half_year_warns_of_5_reviews_that_its_quarters_did_not_know(
    published: tuple[str, Path],
) -> None:
    """Late after review are 57 in the half-year of 2019 (domain, late twice)."""
    (all_units,) = checks_of(published[0], "2019-H1.r1", "late_after_review_of_parts_in_all")
    assert all_units[:5] == (None, "warning", "57", "62", False)
    _, *units = checks_of(published[0], "2019-H1.r1", "late_after_review_of_parts")
    assert [str(row[0])[7:9] for row in units] == ["01", "06", "08", "09", "11"]
    assert not checks_of(published[0], "2019-H1.r1", "presses_of_parts"), "other windows"


def test_carried_over_is_what_was_open_on_the_eve(published: tuple[str, Path]) -> None:
    """2.456 of the half-year (domain, fault 1), counted from the versions of the cases."""
    (all_units,) = checks_of(published[0], "2019-H1.r1", "carried_over_at_eve_in_all")
    assert all_units[:4] == (None, "critical", "1 of 1", "1 of 1")
    for period in ("2019-Q1", "2019-Q2", "2019-H1"):
        (held,) = checks_of(published[0], f"{period}.r1", "carried_over_at_eve")
        assert held[1:5] == ("critical", "16 of 16", "16 of 16", True)
    with database.connect(database.PUBLISHER) as connection:
        period_of = periods.ready(connection, "2019-H1")
        beside = checks.neighbours.read(connection, period_of, [], "outside")
    (eve,) = [row for row in beside["eve"] if row["unit_code"] is None]
    assert eve["in_progress"] - eve["returned"] + eve["external"] == 2456
    assert eve["external"] == 1274


def test_second_quarter_is_told_beside_the_open_cases_of_the_first(
    published: tuple[str, Path],
) -> None:
    with psycopg.connect(published[0]) as connection:
        row = connection.execute(
            "select (select sum(carried_over) from published.appendix_1"
            " where publication_id = '2019-Q2.r1'), (select sum(in_progress_total)"
            " from published.appendix_1 where publication_id = '2019-Q1.r1')"
        ).fetchone()
    assert row is not None
    carried_over, open_then = row
    (told,) = checks_of(published[0], "2019-Q2.r1", "carried_over_as_published_in_all")
    assert told[1] == "info"
    assert bool(told[4]) == (carried_over == open_then)
    assert "So với: 2019-Q1.r1." in str(told[5])


@pytest.mark.parametrize("period", ["2019-Q1", "2019-Q2"])
def test_indicators_2_and_7_that_are_indicator_1_are_warnings(
    published: tuple[str, Path], period: str
) -> None:
    """The report of 2019 has the same fault in 7 (domain, fault 7)."""
    told = checks_of(published[0], f"{period}.r1", "identical_indicators")
    assert {row[1:5] for row in told} == {("warning", "16", "< 16", False)}
    assert sorted(str(row[5]).partition(" riêng của nó. ")[2] for row in told) == [
        "Chỉ số 2 và chỉ số 1.",
        "Chỉ số 7 và chỉ số 1.",
    ]


@pytest.mark.slow
def test_a_case_lost_from_the_figures_is_found_by_the_eve(
    copy: tuple[str, Path],
) -> None:
    """A row of int_period_cases that is gone changes all tables alike: nothing else can see it."""
    with psycopg.connect(copy[0]) as connection:
        row = connection.execute(
            "delete from intermediate.int_period_cases where period_code = '2019-H1'"
            " and case_code = (select min(case_code) from intermediate.int_period_cases"
            " where period_code = '2019-H1' and origin = 'carried_over'"
            " and outcome = 'in_progress_in_time') returning unit_code"
        ).fetchone()
        assert row is not None
        sha256 = connection.execute("select max(reference_sha256) from core.files_applied")
        ((pack,),) = sha256.fetchall()
    dbt.run(["run", "--select", "appendix_1"], {"reference_sha256": pack})
    with database.connect(database.PUBLISHER) as connection:
        period = periods.ready(connection, "2019-H1")
        candidate = figures.candidate(connection, "2019-H1")
        done = checks.of_candidate(connection, period, candidate)
    critical = [check for check in done if not check.passed and check.relation.level == "critical"]
    assert {check.relation.check_id for check in critical} == {
        "carried_over_at_eve",
        "carried_over_at_eve_in_all",
    }
    assert {check.unit_code for check in critical} == {None, row[0]}
    with pytest.raises(Refused, match="carried_over_at_eve"):
        release.publish("2019-H1", "A", revise=True, note="x")
