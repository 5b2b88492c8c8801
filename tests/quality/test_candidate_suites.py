"""Every candidate expectation passes good figures and fails bad ones for its own reason."""

from dataclasses import dataclass

import psycopg
import pytest
from small_warehouse import PERIOD

from motcua.quality import candidate_figures, gates, suites

Rule = tuple[str, str]


@dataclass(frozen=True)
class Bad:
    """A fault put into the figures, what fails of the suite, and the rows named."""

    fault: str
    fails: set[Rule]
    rows: tuple[str, ...] = ("U1",)


def _both(column: str) -> set[Rule]:
    return {(column, "critical"), (column, "warning")}


def _critical(column: str) -> set[Rule]:
    return {(column, "critical")}


def _warning(column: str) -> set[Rule]:
    return {(column, "warning")}


def _set(table: str, column: str, value: object, where: str = "unit_code = 'U1'") -> str:
    return f"update marts.{table} set {column} = {value} where {where}"


BAD: dict[str, list[Bad]] = {
    "presence": [
        Bad("update reference.units set valid_to = '2018-12-31'", {("rows", "critical")}, ()),
        *(
            Bad(f"delete from marts.{table} where unit_code = 'U1'", _critical(f"{table}_rows"))
            for table in ("appendix_1", "appendix_2", "appendix_4", "scorecard")
        ),
        Bad(
            "delete from marts.indicator_evidence where unit_code = 'U1' and indicator = 8",
            _critical("indicators_absent"),
        ),
    ],
    "missing_days": [
        Bad(
            "delete from marts.release_inputs where feed = 'cases'"
            " and business_date in ('2019-01-05', '2019-04-05')",
            _critical("files"),
            ("cases 2019-01-05", "cases 2019-04-05"),
        ),
        Bad(
            "insert into reference.kiosks (reference_sha256, line, kiosk, valid_from, valid_to)"
            " select repeat('a', 64), line, kiosk, '2019-01-01', valid_to from (values"
            " (1, 'K01', ''), (2, 'K02', ''), (3, 'K03', '2019-03-19')) as k (line, kiosk,"
            " valid_to);"
            " update marts.release_inputs set part = 'K01' where feed = 'ratings'"
            " and business_date in ('2019-03-19', '2019-03-20')",
            _critical("files"),
            ("ratings 2019-03-19 K02", "ratings 2019-03-19 K03", "ratings 2019-03-20 K02"),
        ),
        Bad(
            "delete from reference.reporting_periods where period_code = '2018-Q4';"
            " update reference.feeds set expected_from = '2018-12-31' where feed = 'cases'",
            _critical("files"),
            ("cases 2018-12-31",),
        ),
        Bad(
            "update reference.feeds set expected_from = '2019-03-15' where feed = 'ratings'",
            _critical("files"),
            ("ratings 2019-03-15",),
        ),
    ],
    "appendix_1": [
        Bad("delete from marts.appendix_1", {("total", "critical")}, ()),
        Bad(_set("appendix_1", "carried_over", -1), _critical("least_figure")),
        Bad(
            _set("appendix_1", "settled_late", 81),
            {("settled_late_percent", "critical"), ("settled_late_percent", "warning")},
        ),
        Bad(_set("appendix_1", "settled_late", 41), _warning("settled_late_percent")),
        Bad(_set("appendix_1", "in_progress_overdue", 21), _critical("overdue_percent")),
        Bad(_set("appendix_1", "received_online", 101), _critical("online_percent")),
        Bad(_set("appendix_1", "counted_externally", 101), _critical("counted_externally_percent")),
    ],
    "appendix_2": [
        Bad(_set("appendix_2", "comments", -1), _critical("least_figure")),
        Bad(_set("appendix_2", "coverage_percent", -1), _critical("coverage_percent")),
        Bad(_set("appendix_2", "coverage_percent", 301), _warning("coverage_percent")),
        Bad(_set("appendix_2", "total", 0, "true"), _warning("total"), ()),
    ],
    "appendix_4": [
        Bad(_set("appendix_4", "processes_on_software", -1), _critical("least_figure")),
        Bad(_set("appendix_4", "completion_percent", 101), _critical("completion_percent")),
        Bad(_set("appendix_4", "procedures_listed", 0), _warning("procedures_listed")),
    ],
    "scorecard": [
        *(
            Bad(_set("scorecard", f"indicator_{n}", "2.1"), _critical(f"indicator_{n}"))
            for n in range(1, 10)
        ),
        Bad(_set("scorecard", "form_1_total", "10.1"), _critical("form_1_total")),
        Bad(_set("scorecard", "form_2_total", "8.1"), _critical("form_2_total")),
        Bad(_set("scorecard", "total", "18.1"), _critical("total")),
        Bad(_set("scorecard", "rank", 0), _critical("rank")),
        Bad(_set("scorecard", "indicator_8", "null"), _warning("indicators_without_evidence")),
    ],
    "indicator_evidence": [
        Bad(
            _set("indicator_evidence", column, -1, "unit_code = 'U1' and indicator = 3"),
            _critical(column),
            ("U1 3",),
        )
        for column in ("numerator", "denominator", "unrounded_value")
    ],
    "late_cases": [
        Bad(_set("late_cases", "days_late", -1), _critical("days_late"), ("U1-190107-0001",)),
        Bad(
            _set("late_cases", "finished_date", "due_date"),
            _critical("days_after_due"),
            ("U1-190107-0001",),
        ),
    ],
    "change": [
        Bad(
            _set("appendix_1", "newly_received", 500),
            _warning("received_change_percent"),
            ("TOTAL", "U1"),
        ),
        Bad(_set("appendix_1", "settled_total", 10), _warning("settled_change_percent")),
        Bad(_set("scorecard", "total", "12.2"), _warning("score_change")),
    ],
}


def _failed(connection: psycopg.Connection, suite: str) -> list[suites.Judgement]:
    table = candidate_figures.figures(connection, suite, PERIOD)
    judgements = suites.judge(gates.suite_file("candidate", suite), table)
    assert [found.problem for found in judgements if found.outcome == suites.BROKEN] == []
    return [found for found in judgements if found.outcome == suites.FAILED]


def _rule(judgement: suites.Judgement) -> Rule:
    return (judgement.column or "rows", judgement.severity)


@pytest.mark.parametrize("suite", candidate_figures.FIGURES)
def test_good_figures_pass_and_each_fault_fails_the_intended_checks(
    candidate: psycopg.Connection, suite: str
) -> None:
    expected = {
        (rule["kwargs"].get("column", "rows"), rule["severity"])
        for rule in suites.read(gates.suite_file("candidate", suite))["expectations"]
    }
    assert set().union(*(bad.fails for bad in BAD[suite])) == expected, "a fault for every rule"
    assert _failed(candidate, suite) == []

    for bad in BAD[suite]:
        candidate.execute(bad.fault)
        failed = _failed(candidate, suite)
        assert {_rule(found) for found in failed} == bad.fails, bad
        index = candidate_figures.FIGURES[suite].index
        for found in failed:
            named = tuple(" ".join(str(row[name]) for name in index).strip() for row in found.rows)
            assert named == bad.rows, bad
        candidate.rollback()


def test_a_unit_without_figures_then_is_not_compared(candidate: psycopg.Connection) -> None:
    rows = list(candidate_figures.figures(candidate, "change", PERIOD).rows)
    assert [row["unit_code"] for row in rows] == ["TOTAL", "U1", "U2"]
    assert [row["settled_change_percent"] for row in rows] == [0, 0, 0]


def test_figures_are_compared_with_the_release_in_force_of_the_same_period_first(
    candidate: psycopg.Connection,
) -> None:
    candidate.execute(
        "insert into published.publications select '2019-Q1.r1', '2019-Q1', 1, kind, '2019-01-01',"
        " '2019-03-31', ratings_from, ratings_to, processes_as_of, known_as_of, rule_set,"
        " reference_sha256, published_at, approved_by, note, code_version"
        " from published.publications"
    )
    candidate.execute(
        "insert into published.appendix_1 select '2019-Q1.r1', '2019-Q1', revision, unit_code,"
        " unit_name, display_order, total, carried_over, newly_received, 8, settled_early,"
        " settled_on_time, settled_late, settled_late_after_review, in_progress_total,"
        " in_progress_in_time, in_progress_overdue, returned, received_online, returned_by_post,"
        " counted_externally from published.appendix_1 where unit_code = 'U1'"
    )
    rows = list(candidate_figures.figures(candidate, "change", PERIOD).rows)
    assert [(row["unit_code"], row["settled_change_percent"]) for row in rows] == [
        ("TOTAL", 900),
        ("U1", 900),
    ]

    candidate.execute(
        "insert into published.withdrawals (publication_id, by, reason)"
        " values ('2019-Q1.r1', 'test', 'test')"
    )
    rows = list(candidate_figures.figures(candidate, "change", PERIOD).rows)
    assert [row["unit_code"] for row in rows] == ["TOTAL", "U1", "U2"]


def test_a_first_release_is_compared_with_nothing(candidate: psycopg.Connection) -> None:
    candidate.execute("update marts.periods set kind = 'half_year'")
    assert candidate_figures.figures(candidate, "change", PERIOD).values == []
    assert _failed(candidate, "change") == []


def test_the_list_of_late_cases_may_be_empty(candidate: psycopg.Connection) -> None:
    candidate.execute("delete from marts.late_cases")
    assert _failed(candidate, "late_cases") == []
