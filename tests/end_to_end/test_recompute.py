"""A release comes out again from its pinned files, whatever has been loaded since."""

from pathlib import Path

import psycopg
import pytest

from commands import PERIODS
from motcua.publication import evidence, figures
from motcua.publication.recompute import recompute
from motcua.publication.today import recompute_on_units_of_today
from motcua.warehouse import database


@pytest.mark.slow
def test_every_release_comes_out_again_bit_for_bit(published: tuple[str, Path]) -> None:
    """When the half-year is published, corrections to both quarters have long been loaded."""
    for period in PERIODS:
        again = recompute(f"{period}.r1")
        assert again.differences == []
        assert set(again.evidence_differences.values()) == {0}
        assert again.cells > 2_000


@pytest.mark.slow
def test_as_long_as_no_unit_changes_the_tables_of_today_are_those_of_then(
    published: tuple[str, Path],
) -> None:
    today = recompute_on_units_of_today("2019-H1.r1")
    with database.connect(database.PUBLISHER) as connection:
        then = figures.released(connection, "2019-H1.r1")
    assert figures.differences(then, today) == []
    assert {table: len(rows) for table, rows in today.items()} == {
        table: len(rows) for table, rows in then.items()
    }


def test_a_release_of_before_reviews_were_kept_is_not_said_to_differ(
    copy: tuple[str, Path],
) -> None:
    def differing() -> int:
        with database.connect(database.TRANSFORMER) as connection:
            return evidence.differences(connection, "2019-H1.r1", "2019-H1", "intermediate")[
                "cases"
            ]

    assert differing() == 0
    with psycopg.connect(copy[0]) as admin:
        admin.execute("set session_replication_role = replica")
        forgotten = admin.execute(
            "update evidence.cases set review_reason = null, review_returned_date = null,"
            " review_document = null where review_row_id is not null"
        ).rowcount
    assert forgotten > 100
    assert differing() == 0, "the columns are left out"


def test_a_review_that_differs_is_a_difference(copy: tuple[str, Path]) -> None:
    with psycopg.connect(copy[0]) as admin:
        admin.execute("set session_replication_role = replica")
        changed = admin.execute(
            "update evidence.cases set review_returned_date = review_returned_date + 1"
            " where publication_id = '2019-H1.r1' and review_returned_date is not null"
        ).rowcount
    assert changed >= 13
    with database.connect(database.TRANSFORMER) as connection:
        found = evidence.differences(connection, "2019-H1.r1", "2019-H1", "intermediate")
    assert found["cases"] == 2 * changed, "each stands on both sides"
