"""The sample's figures are the report's, cell for cell."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

import motcua_sample.write
import oracle
from conftest import REFERENCE, REPORT, UNIT_CODES, read_table

# The report prints 2,0; its own total of the row and its counts (20 early, 1 late) give 1,9.
PRINTED_WRONGLY = {("2019-Q1", 1, "indicator_2"): Decimal("1.9")}

TABLES = [
    ("appendix_1.csv", "2019-H1", "appendix_1"),
    ("appendix_2.csv", "2019-H1", "appendix_2"),
    ("appendix_3a_2019_q1.csv", "2019-Q1", "scorecard"),
    ("appendix_3b_2019_q2.csv", "2019-Q2", "scorecard"),
    ("appendix_4.csv", "2019-H1", "appendix_4"),
]


def as_printed(column: str, text: str) -> Any:
    """A printed cell as a figure; empty is None."""
    if not text:
        return None
    return text if column == "note" else Decimal(text)


def printed_percent(value: Decimal | None) -> Decimal | None:
    """Exactly if two decimals suffice, else half-up to one."""
    if value is None or value == value.quantize(Decimal("0.01")):
        return value
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)


@pytest.mark.parametrize(("file", "period", "table"), TABLES)
def test_every_cell_equals_the_report(
    published: dict[str, Any], file: str, period: str, table: str
) -> None:
    different = {}
    for row in read_table(REPORT / file):
        order = int(row["display_order"])
        figures = published[period][table][UNIT_CODES[order]]
        for column in row.keys() - {"display_order", "unit_name"}:
            expected = PRINTED_WRONGLY.get((period, order, column), as_printed(column, row[column]))
            found = figures[column]
            if column == "completion_percent":
                found = printed_percent(found)
            if found != expected:
                different[order, column] = (expected, found)
    assert different == {}


def test_totals_of_the_half_year(published: dict[str, Any]) -> None:
    appendix_1 = published["2019-H1"]["appendix_1"].values()
    totals = {column: sum(row[column] for row in appendix_1) for column in next(iter(appendix_1))}
    assert totals == {
        "total": 25031,
        "carried_over": 2456,
        "newly_received": 22575,
        "settled_total": 21648,
        "settled_early": 21172,
        "settled_on_time": 406,
        "settled_late": 70,
        "settled_late_after_review": 57,
        "in_progress_total": 3383,
        "in_progress_in_time": 3355,
        "in_progress_overdue": 28,
        "returned": 27,
        "received_online": 1980,
        "returned_by_post": 4061,
        "counted_externally": 1274,
    }
    assert sum(row["total"] for row in published["2019-H1"]["appendix_2"].values()) == 5841


def test_indicator_7_equals_indicator_1_and_petitions_lose_nothing(
    published: dict[str, Any],
) -> None:
    for period in ("2019-Q1", "2019-Q2"):
        for row in published[period]["scorecard"].values():
            assert row["indicator_7"] == row["indicator_1"]
            assert row["indicator_8"] == 2


def test_bands_of_the_quarters(published: dict[str, Any]) -> None:
    exactly_15 = {
        period: sum(row["total"] == 15 for row in published[period]["scorecard"].values())
        for period in ("2019-Q1", "2019-Q2")
    }
    assert exactly_15 == {"2019-Q1": 7, "2019-Q2": 8}
    assert {
        row["band"] for row in published["2019-Q1"]["scorecard"].values() if row["total"] == 15
    } == {"xuất sắc"}


def test_late_cases_of_the_half_year_and_their_reasons(published: dict[str, Any]) -> None:
    late = published["2019-H1"]["late_cases"].values()
    assert len(late) == 98
    settled = [row for row in late if row["finished_date"]]
    reasons: dict[tuple[int, str], int] = {}
    for row in settled:
        key = (row["reason"], row["unit_code"][7:9])
        reasons[key] = reasons.get(key, 0) + 1
    assert reasons.pop((3, "12")) == 56
    assert reasons.pop((2, "11")) == 1
    assert reasons.pop((1, "11")) == 5
    assert {reason for reason, _ in reasons} == {1}
    assert sum(reasons.values()) == 8
    assert {row["unit_code"][7:9] for row in late if not row["finished_date"]} == {"11", "12"}
    assert all(row["days_late"] > 0 for row in settled)


@pytest.mark.slow
def test_other_draws_give_the_same_tables(
    published: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motcua_sample.write, "SEED", 7)
    motcua_sample.write.write_sample(tmp_path)
    for period, table in (("2019-Q1", "scorecard"), ("2019-Q2", "scorecard")):
        assert oracle.figures(tmp_path, REFERENCE, period)[table] == published[period][table]
    half_year = oracle.figures(tmp_path, REFERENCE, "2019-H1")
    for table in ("appendix_1", "appendix_2", "appendix_4"):
        assert half_year[table] == published["2019-H1"][table]
