"""A release comes out again from its pinned files, whatever has been loaded since."""

from pathlib import Path

import pytest

from motcua.publication import figures
from motcua.publication.recompute import recompute
from motcua.publication.today import recompute_on_units_of_today
from motcua.warehouse import database

from .conftest import PERIODS


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
