"""Why figures differ: between quarters and half-year, and between a release and its revision."""

from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from motcua.publication.recompute import recompute

from .conftest import done, motcua

UNITS = {f"000.00.{number:02d}.H51": number for number in range(1, 17)}

REGISTERED_AGAIN = {1: 1, 2: 1, 4: 673, 5: 13, 8: 10, 9: 27, 10: 18, 12: 194, 13: 4, 14: 43, 16: 1}
"""Carried-over cases that the quarters counted as received, by unit (985 in all)."""


def changes(url: str, publication_id: str, comparison: str) -> list[dict[str, object]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            "select * from published.revisions where publication_id = %s and comparison = %s",
            [publication_id, comparison],
        )
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def test_quarters_and_half_year_differ_by_what_happened_to_67_settled_cases(
    published: tuple[str, Path],
) -> None:
    settled = {
        (UNITS[str(row["unit_code"])], row["reason"]): row["difference"]
        for row in changes(published[0], "2019-H1.r1", "overlap")
        if (row["table_name"], row["column_name"]) == ("appendix_1", "settled_total")
    }
    assert settled == {
        (5, "recorded_late"): 12,
        (8, "record_removed"): -1,
        (12, "recorded_late"): 1,
        (15, "record_removed"): -53,
    }


def test_received_differs_by_corrected_receipt_dates_and_removed_records(
    published: tuple[str, Path],
) -> None:
    received = {
        (UNITS[str(row["unit_code"])], row["reason"]): row["difference"]
        for row in changes(published[0], "2019-H1.r1", "overlap")
        if (row["table_name"], row["column_name"]) == ("scorecard", "received")
    }
    assert received == {
        **{(unit, "receipt_date_corrected"): -n for unit, n in REGISTERED_AGAIN.items()},
        (8, "record_removed"): -1,
        (15, "record_removed"): -53,
    }


def test_reasons_sum_to_the_difference_of_every_cell(published: tuple[str, Path]) -> None:
    cells: dict[tuple[object, ...], tuple[Decimal, Decimal]] = {}
    for row in changes(published[0], "2019-H1.r1", "overlap"):
        cell = (row["table_name"], row["unit_code"], row["column_name"])
        change = Decimal(str(row["new_value"])) - Decimal(str(row["old_value"]))
        before = cells.get(cell, (change, Decimal()))
        cells[cell] = (change, before[1] + Decimal(str(row["difference"])))
        assert row["reason"] != "unexplained"
    assert cells
    assert all(change == explained for change, explained in cells.values())


@pytest.mark.slow
def test_a_late_file_changes_the_next_release_and_never_the_stored_one(
    copy: tuple[str, Path], published: tuple[str, Path]
) -> None:
    url, landing = copy
    (whole,) = (published[1] / "landing").rglob("cases_2019-03-29.csv")
    header, *records = whole.read_text(encoding="utf-8").splitlines()
    settled = next(line for line in records if ",9," in line or ",10," in line)
    code = settled.split(",")[0]
    late = [settled.replace(code, f"{code}{letter}") for letter in "ABC"]
    (landing / "cases").mkdir()
    part = landing / "cases" / "cases_2019-03-29_late.csv"
    part.write_text("\n".join([header, *late]) + "\n", encoding="utf-8")

    done("ingest")
    done("build")
    refused = motcua("publish", "2019-Q1", "--approved-by", "A")
    assert refused.returncode == 3
    assert "--revise" in refused.stderr
    assert motcua("publish", "2019-Q1", "--approved-by", "A", "--revise").returncode == 3
    done("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Tệp đến muộn")

    rows = changes(url, "2019-Q1.r2", "revision")
    assert {row["reason"] for row in rows if row["table_name"] == "appendix_1"} == {"loaded_late"}
    received = [row for row in rows if row["column_name"] == "newly_received"]
    assert [(row["difference"], row["cases_affected"]) for row in received] == [(3, 3)]
    for row in rows:
        if row["old_value"] is not None and row["new_value"] is not None:
            change = Decimal(str(row["new_value"])) - Decimal(str(row["old_value"]))
            assert row["difference"] == change, row

    first, second = recompute("2019-Q1.r1"), recompute("2019-Q1.r2")
    assert first.is_same
    assert second.is_same

    done("withdraw", "2019-Q1.r2", "--reason", "Nhầm tệp", "--by", "A")
    with psycopg.connect(url) as connection:
        latest = connection.execute(
            "select publication_id from published.latest_publications where period_code = '2019-Q1'"
        ).fetchall()
    assert latest == [("2019-Q1.r1",)]
