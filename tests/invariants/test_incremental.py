"""The outcome depends on the set of files alone: not on their order, not on how builds cut it."""

import random
import shutil
from pathlib import Path

import pytest

from motcua import settings
from motcua.landing import ingest, reference
from motcua.warehouse import database, dbt
from motcua_sample import write_sample

FROM_BUILD_TO_BUILD = {"int_days_changed", "int_files_of_changed_days", "int_periods_due"}
"""Tables that say what one build had to do, not what is known."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents() -> dict[str, tuple[int, int]]:
    """Number of rows and sum of their fingerprints, of every table that dbt builds."""
    with database.connect(database.TRANSFORMER) as connection:
        tables = connection.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname in ('intermediate', 'core', 'marts')"
        ).fetchall()
        found = {}
        for (table,) in tables:
            if table.partition(".")[2] in FROM_BUILD_TO_BUILD:
                continue
            row = connection.execute(
                f"select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
                f" from {table} as t"
            ).fetchone()
            assert row is not None
            found[table] = (int(row[0]), int(row[1]))
    return found


@pytest.mark.slow
def test_any_cut_and_order_of_builds_gives_what_one_full_build_gives(
    warehouse: str, tmp_path: Path, sample: list[Path]
) -> None:
    sha256, _ = reference.store(settings.reference())
    files = list(sample)
    random.Random(7).shuffle(files)
    for part in (files[:600], files[600:850], files[850:]):
        for path in part:
            feed = path.name.rpartition("_20")[0]
            (tmp_path / "landing" / feed).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / "landing" / feed)
        assert ingest.ingest().loaded == len(part)
        assert dbt.build(sha256).built
    assert not dbt.waiting(sha256)
    assert not dbt.build(sha256).built, "nothing new, nothing done"
    piecemeal = contents()
    assert dbt.build(sha256, full_refresh=True).built
    assert contents() == piecemeal
    assert piecemeal["core.fct_cases"][0] > 20_000
