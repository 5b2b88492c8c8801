"""The suite files themselves: known types, known keywords, severities, words for people."""

import json
from pathlib import Path

import pytest

from motcua import settings
from motcua.landing.feeds import FEEDS
from motcua.quality import candidate_figures, landing_profile, suites
from motcua.quality.suites import BrokenSuite, Table

FILES = sorted((settings.PROJECT / "expectations").glob("*/*.json"))


def _suite(tmp_path: Path, **changes: object) -> Path:
    expectation = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "records", "min_value": 1},
        "severity": "critical",
    }
    path = tmp_path / "suite.json"
    path.write_text(json.dumps({"name": "s", "expectations": [{**expectation, **changes}]}))
    return path


def test_there_is_one_suite_per_feed_and_per_query_of_figures() -> None:
    assert {path.stem for path in FILES if path.parent.name == "landing"} == set(FEEDS)
    assert set(landing_profile.MEASURES) == set(FEEDS)
    candidates = {path.stem for path in FILES if path.parent.name == "candidate"}
    assert candidates == set(candidate_figures.FIGURES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_suite_is_understood_and_tells_people_what_to_do(path: Path) -> None:
    said = suites.read(path)
    built = suites.build(path)

    assert len(built.expectations) == len(said["expectations"]) > 0
    assert said["name"] == f"{path.parent.name}_{path.stem}"
    for expectation in said["expectations"]:
        assert set(expectation) == {"type", "kwargs", "severity", "notes", "meta"}, expectation
        assert len(expectation["notes"]) == 2, "a Vietnamese sentence and an English one"
        assert expectation["meta"]["what_to_do"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "expect_column_values_to_be_betwen"},
        {"kwargs": {"column": "records", "min_vlaue": 1}},
        {"kwargs": {"colunm": "records", "min_value": 1}},
        {"severity": "grave"},
        {"serverity": "critical"},
        {"kwargs": {"column": "records"}},
        {
            "kwargs": {
                "column": "records",
                "min_value": 1,
                "row_condition": {
                    "type": "comparison",
                    "column": {"name": "records"},
                    "operator": "=>",
                    "parameter": 1,
                },
            }
        },
    ],
    ids=[
        "type",
        "keyword",
        "column keyword",
        "severity",
        "severity keyword",
        "no limit",
        "condition",
    ],
)
def test_a_suite_with_a_mistake_is_refused_and_never_thinner(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(BrokenSuite, match=r"suite\.json"):
        suites.build(_suite(tmp_path, **changes))


def test_a_mistake_in_a_suite_is_judged_broken_not_failed(tmp_path: Path) -> None:
    table = Table(("day", "records"), ("day",), [("2019-03-04", 5)])
    path = _suite(tmp_path, type="expect_something")
    assert [judgement.outcome for judgement in suites.judge(path, table)] == [suites.BROKEN]


def test_a_check_that_raises_is_broken_and_the_others_are_still_judged(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    between = "expect_column_values_to_be_between"
    path.write_text(
        json.dumps(
            {
                "name": "s",
                "expectations": [
                    {"type": between, "kwargs": {"column": "records", "min_value": 9}},
                    {"type": between, "kwargs": {"column": "no_such", "min_value": 1}},
                    {"type": between, "kwargs": {"column": "records", "min_value": 1}},
                    {
                        "type": between,
                        "kwargs": {
                            "column": "records",
                            "min_value": 1,
                            "row_condition": {
                                "type": "comparison",
                                "column": {"name": "no_column"},
                                "operator": ">=",
                                "parameter": 1,
                            },
                        },
                    },
                ],
            }
        )
    )
    table = Table(("day", "records"), ("day",), [("2019-03-04", 5)])

    first, second, third, fourth = suites.judge(path, table)

    assert (first.outcome, first.unexpected) == (suites.FAILED, 1)
    assert [row["day"] for row in first.rows] == ["2019-03-04"]
    assert second.outcome == suites.BROKEN
    assert "no_such" in str(second.problem)
    assert third.outcome == suites.PASSED
    assert fourth.outcome == suites.BROKEN
    assert "no_column" in str(fourth.problem)


def test_no_rows_pass_and_no_figures_are_no_fault(tmp_path: Path) -> None:
    path = _suite(tmp_path)
    columns, index = ("day", "records"), ("day",)
    (empty,) = suites.judge(path, Table(columns, index, []))
    (nothing,) = suites.judge(path, Table(columns, index, [("d", None)]))
    assert (empty.outcome, nothing.outcome) == (suites.PASSED, suites.PASSED)
