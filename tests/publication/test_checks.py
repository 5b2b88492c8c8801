"""The declared relations hold on the report's figures and catch what breaks them."""

import ast
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg
import pytest

from motcua.errors import Failed
from motcua.publication import checks, figures, neighbours, periods, relations, release
from motcua.publication.checks import Check
from motcua.publication.figures import Figures
from motcua.publication.periods import Period
from motcua.warehouse import database


def candidate(period_code: str) -> tuple[Figures, Period, checks.Rules]:
    with database.connect(database.PUBLISHER) as connection:
        period = periods._find(connection, period_code)
        rules = checks.rules_of(connection, period)
        return figures.candidate(connection, period_code), period, rules


def scope_of(row: figures.Row, rules: checks.Rules) -> checks.Scope:
    return checks.Scope(row, checks.Publication.of({"scorecard": []}, rules))


def outside(period_code: str) -> Figures:
    """The counts of other software, as a candidate is checked with."""
    with database.connect(database.PUBLISHER) as connection:
        period = periods._find(connection, period_code)
        units = [
            row["unit_code"] for row in figures.candidate(connection, period_code)["appendix_1"]
        ]
        beside = neighbours.read(connection, period, units, "outside")
    return {neighbours.OUTSIDE: beside[neighbours.OUTSIDE]}


SAY_NOTHING = {relation.check_id for relation in relations.INDICATOR_RELATIONS}
"""Of the report's indicators some are alike and some the same for all units: a test of its own."""


def failed(done: list[Check]) -> list[str]:
    return sorted({check.relation.check_id for check in done if not check.passed} - SAY_NOTHING)


def test_relations_hold_on_the_figures_of_the_report(built: str) -> None:
    for period_code in ("2019-Q1", "2019-Q2"):
        done = checks.run(*candidate(period_code), outside(period_code))
        assert failed(done) == []
        evaluated = {check.relation.check_id for check in done}
        assert {relation.check_id for relation in relations.OUTSIDE_RELATIONS} <= evaluated


def test_half_year_of_the_report_warns_that_coverage_mixes_windows(built: str) -> None:
    counts = outside("2019-H1")
    assert counts["outside"][-1]["carried_over"] == 1274
    done = checks.run(*candidate("2019-H1"), counts)
    assert failed(done) == ["coverage_windows_end"]
    (check,) = [check for check in done if check.relation.check_id == "coverage_windows_end"]
    assert (check.relation.level, check.found, check.expected) == (
        *("warning", "2019-06-30", "2019-06-15"),
    )


def test_every_relation_can_be_read_and_has_its_own_name() -> None:
    declared = (
        *relations.RELATIONS,
        *relations.INDICATOR_RELATIONS,
        *relations.OUTSIDE_RELATIONS,
        *relations.PERIOD_RELATIONS,
    )
    names = [relation.check_id for relation in declared]
    assert len(names) == len(set(names))
    for relation in declared:
        left, sign, right = checks._parsed(relation.text)
        assert sign in ("=", "<=", "<")
        assert isinstance(left, ast.expr)
        assert isinstance(right, ast.expr)
        assert relation.explanation.endswith(".")


BREAKS = {
    "appendix_1_total_by_origin": ("appendix_1", "carried_over", 999),
    "appendix_1_total_by_outcome": ("appendix_1", "total", 999),
    "appendix_1_settled": ("appendix_1", "settled_early", 999),
    "appendix_1_in_progress": ("appendix_1", "in_progress_overdue", 999),
    "appendix_1_late_after_review": ("appendix_1", "settled_late_after_review", 999),
    "appendix_1_online": ("appendix_1", "received_online", 99999),
    "appendix_1_by_post": ("appendix_1", "returned_by_post", 99999),
    "appendix_1_external": ("appendix_1", "counted_externally", 99999),
    "late_cases_settled": ("appendix_1", "settled_late", 1),
    "late_cases_overdue": ("appendix_1", "in_progress_overdue", 1),
    "appendix_2_total": ("appendix_2", "comments", 999),
    "appendix_2_settled": ("appendix_2", "settled_total", 1),
    "appendix_2_coverage": ("appendix_2", "coverage_percent", Decimal("12.3")),
    "appendix_4_approved": ("appendix_4", "processes_approved", 999),
    "appendix_4_on_software": ("appendix_4", "processes_on_software", 999),
    "appendix_4_completion": ("appendix_4", "completion_percent", None),
    **{
        f"scorecard_indicator_{number}": ("scorecard", f"indicator_{number}", Decimal("0.3"))
        for number in range(1, 10)
    },
    "scorecard_form_1": ("scorecard", "form_1_total", None),
    "scorecard_form_2": ("scorecard", "form_2_total", Decimal("0.1")),
    "scorecard_total": ("scorecard", "total", Decimal("0.1")),
    "scorecard_form_1_most": ("scorecard", "form_1_total", Decimal("10.1")),
    "scorecard_form_2_most": ("scorecard", "form_2_total", Decimal("8.1")),
    "scorecard_band": ("scorecard", "band", "yếu"),
    "scorecard_rank": ("scorecard", "rank", 99),
    "scorecard_settled": ("scorecard", "settled", 0),
    "scorecard_received": ("scorecard", "received", 0),
    "scorecard_handling_time": ("appendix_1", "settled_early", 1),
}


def test_every_relation_catches_the_figure_that_breaks_it(built: str) -> None:
    whole, counts = candidate("2019-H1"), outside("2019-H1")
    unit = 11  # Justice: settled late, overdue, reviewed, everything approved.
    for check_id, (table, column, value) in BREAKS.items():
        broken = {name: [dict(row) for row in rows] for name, rows in whole[0].items()}
        row = next(row for row in broken[table] if row["display_order"] == unit + 1)
        row[column] = value
        caught = [
            check
            for check in checks.run(broken, *whole[1:], counts)
            if check.relation.check_id == check_id and not check.passed
        ]
        assert [check.unit_name for check in caught] == [None, "Sở Tư pháp"], check_id
    declared = {
        relation.check_id for relation in (*relations.RELATIONS, *relations.OUTSIDE_RELATIONS)
    }
    assert declared - BREAKS.keys() == {
        *("coverage_windows_begin", "coverage_windows_end"),
        *("scorecard_form_1_unrounded", "scorecard_form_2_unrounded", "scorecard_total_unrounded"),
    }


def test_totals_of_unrounded_indicators_are_rounded_once(built: str) -> None:
    whole, period, rules = candidate("2019-Q1")
    rules.settings["total_of"] = "unrounded"
    exact: dict[str, list[Decimal]] = {}
    for row in sorted(whole["indicator_evidence"], key=lambda row: row["indicator"]):
        exact.setdefault(row["unit_code"], []).append(row["unrounded_value"])
    for card in whole["scorecard"]:
        values = exact[card["unit_code"]]
        sums = [sum(values[:4]) + values[6], values[4] + values[5] + values[7] + values[8]]
        for column, value in zip(
            ("form_1_total", "form_2_total", "total"), (*sums, sum(sums)), strict=True
        ):
            card[column] = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    total_ranks = sorted({card["total"] for card in whole["scorecard"]}, reverse=True)
    for card in whole["scorecard"]:
        card["rank"] = 1 + total_ranks.index(card["total"])
    assert not {name for name in failed(checks.run(whole, period, rules)) if "total" in name}
    whole["scorecard"][3]["total"] += Decimal("0.1")
    whole["scorecard"][4]["form_1_total"] += Decimal("0.1")
    whole["scorecard"][5]["form_2_total"] -= Decimal("0.1")
    assert {
        *("scorecard_form_1_unrounded", "scorecard_form_2_unrounded", "scorecard_total_unrounded")
    } <= set(failed(checks.run(whole, period, rules)))


def test_unit_without_evidence_has_neither_total_nor_band_nor_rank(built: str) -> None:
    whole, period, rules = candidate("2019-Q1")
    card = next(row for row in whole["scorecard"] if row["display_order"] == 6)
    for row in whole["indicator_evidence"]:
        if row["unit_code"] == card["unit_code"] and row["indicator"] == 1:
            row["unrounded_value"] = None
    card["indicator_1"] = None
    assert failed(checks.run(whole, period, rules)) == ["scorecard_form_1"]
    for column in ("form_1_total", "total", "band", "rank"):
        card[column] = None
    assert "scorecard_form_1" not in failed(checks.run(whole, period, rules))
    card["total"] = Decimal("7.0")
    assert "scorecard_total" in failed(checks.run(whole, period, rules))


@pytest.mark.parametrize(
    ("columns", "pairs"),
    [
        ({1: [1, 2], 2: [1, 2], 3: [2, 1]}, [(1, 2)]),
        ({1: [1, 2], 2: [1, 2], 7: [1, 2]}, [(1, 2), (1, 7)]),
        ({1: [1, 3], 2: [1, 2], 7: [1, 2]}, [(2, 7)]),
        ({1: [2, 2], 2: [2, 2]}, []),
    ],
)
def test_pairs_of_indicators_with_the_same_values_are_found(
    columns: dict[int, list[Any]], pairs: list[tuple[int, int]]
) -> None:
    assert relations.alike(columns) == pairs


def test_indicators_that_say_nothing_of_their_own_are_warned_of(built: str) -> None:
    """In the report of 2019 indicator 7 is indicator 1 in every row."""
    whole, period, rules = candidate("2019-Q1")
    for place, card in enumerate(whole["scorecard"]):
        for number in (2, 3, 4, 5, 6, 8, 9):
            card[f"indicator_{number}"] = Decimal(place * number) / 100
        card["indicator_5"] = Decimal(2) if place else None
    alike = [check for check in checks.run(whole, period, rules) if not check.passed]
    told = {
        check.relation.check_id: (check.relation.level, check.found, check.expected, check.remark)
        for check in alike
        if check.relation.check_id in SAY_NOTHING
    }
    assert told == {
        "identical_indicators": ("warning", "16", "< 16", "Chỉ số 7 và chỉ số 1."),
        "indistinct_indicator": ("warning", "15", "< 15", "Chỉ số 5: 2."),
    }
    whole["scorecard"][3]["indicator_7"] -= Decimal("0.1")
    whole["scorecard"][3]["indicator_5"] = Decimal(1)
    held = {
        check.relation.check_id: (check.found, check.passed)
        for check in checks.run(whole, period, rules)
        if check.relation.check_id in SAY_NOTHING
    }
    assert held == {
        "identical_indicators": ("36 of 36", True),
        "indistinct_indicator": ("9 of 9", True),
    }


def test_bands_include_their_lower_bound(built: str) -> None:
    scope = scope_of({}, candidate("2019-Q1")[2])
    expected = {
        "15.0": "xuất sắc",
        "14.9": "tốt",
        "12.0": "tốt",
        "11.9": "khá",
        "9.0": "khá",
        "8.9": "trung bình",
        "6.0": "trung bình",
        "5.9": "yếu",
    }
    assert {total: scope.call("band", [Decimal(total)]) for total in expected} == expected


def test_checks_of_a_release_are_stored_with_what_was_found(built: str) -> None:
    release.publish("2019-Q1", "A")
    release.publish("2019-Q2", "A")
    made = release.publish("2019-H1", "A")
    assert any(warning.startswith("coverage_windows_end") for warning in made.warnings)
    with psycopg.connect(built) as connection:
        rows = connection.execute(
            "select check_id, level, relation, expected, found, passed, unit_code"
            " from published.latest_checks where period_code = '2019-H1'"
            " and check_id in ('appendix_1_settled', 'coverage_windows_end') order by check_id"
        ).fetchall()
        told = set(
            connection.execute(
                "select check_id, found, expected, passed from published.latest_checks"
                " where period_code = '2019-H1'"
                " and check_id in ('carried_over_at_eve_in_all', 'settled_of_parts_in_all')"
            )
        )
    assert rows == [
        (
            *("appendix_1_settled", "critical"),
            "appendix_1: settled_total = settled_early + settled_on_time + settled_late",
            *("16 of 16", "16 of 16", True, None),
        ),
        (
            *("coverage_windows_end", "warning", "windows: ratings_to = cases_to"),
            *("2019-06-15", "2019-06-30", False, None),
        ),
    ]
    assert told == {
        ("carried_over_at_eve_in_all", "1 of 1", "1 of 1", True),
        ("settled_of_parts_in_all", "21648", "21689", False),
    }


def test_relations_compare_dates_and_refuse_what_they_do_not_know(built: str) -> None:
    scope = scope_of({"a": date(2019, 1, 1), "b": 1.5}, candidate("2019-Q1")[2])
    assert checks.compare("a = a", scope)[0]
    with pytest.raises(TypeError):
        checks.compare("b = a", scope)
    with pytest.raises(ValueError, match="no function price"):
        checks.compare("price(1) = 1", scope)
    with pytest.raises(ValueError, match="relations have no"):
        checks.compare("a[0] = 1", scope)


def test_pack_without_the_rule_set_fails_with_its_name(built: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute("update marts.periods set rule_set = 'qd9999'")
    with pytest.raises(Failed, match="has no rule set qd9999"):
        release.publish("2019-Q1", "A")
