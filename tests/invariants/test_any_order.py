"""Random files of a small province, in any order and grouping: core depends on their set alone.

MOTCUA_EXAMPLES sets how many sets of files are tried; without it the same two are.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as some

from motcua.landing import ingest, reference
from motcua.warehouse import database, dbt

from .histories import File, History, arrive, histories, write_pack

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("MOTCUA_EXAMPLES")

IN_THE_EXPORT = "not in ('row_id', 'due_row_id', 'review_row_id', 'file_id')"
"""Columns whose values the order of loading leaves alone: files are numbered as they come."""

Contents = dict[str, tuple[int, object]]


def core() -> Contents:
    """Rows and sum of their fingerprints of every table of facts, file numbers aside."""
    found = {}
    with database.connect(database.TRANSFORMER) as connection:
        tables = connection.execute(
            "select table_name, string_agg(quote_ident(column_name), ', ' order by column_name)"
            f" from information_schema.columns where table_schema = 'core'"
            f" and table_name like 'fct%' and column_name {IN_THE_EXPORT} group by 1"
        ).fetchall()
        for table, columns in tables:
            row = connection.execute(
                f"select count(*), sum(hashtextextended(row({columns})::text, 0)::numeric)"
                f" from core.{table}"
            ).fetchone()
            assert row is not None
            found[table] = (row[0], row[1])
    return found


@contextmanager
def province(
    new_warehouse: Callable[[Path], AbstractContextManager[str]], folder: Path, history: History
) -> Iterator[str]:
    """An empty warehouse of the province; the sha256 of its reference pack."""
    folder.mkdir()
    write_pack(folder / "pack", history.rules)
    with new_warehouse(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_REFERENCE", str(folder / "pack"))
        patch.setenv("MOTCUA_HOME", str(folder.parent / "home"))
        sha256, _ = reference.store(folder / "pack")
        yield sha256


def load(folder: Path, files: list[File]) -> None:
    """Load files one after another, so that the order is theirs and not that of their names."""
    for number, file in enumerate(files):
        zone = folder / f"zone-{number}"
        arrive(zone, (replace(file, stage=0),), 0)
        done = ingest.ingest(str(zone))
        assert (done.found, done.quarantined, done.rejected) == (1, 0, 0), done.messages


@trials(
    max_examples=int(EXAMPLES or 2),
    deadline=None,
    derandomize=EXAMPLES is None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(), seed=some.integers(0, 2**32), cuts=some.integers(1, 3))
def test_any_order_and_grouping_of_the_same_files_gives_the_same_core(
    new_warehouse: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
    history: History,
    seed: int,
    cuts: int,
) -> None:
    folder = tmp_path_factory.mktemp("orders")
    files = list(history.files)
    with province(new_warehouse, folder / "at-once", history) as sha256:
        arrive(folder / "at-once" / "landing", tuple(replace(f, stage=0) for f in files), 0)
        assert ingest.ingest().quarantined == 0
        assert dbt.build(sha256).built
        expected = core()
    assert expected["fct_case_versions"][0] > 0

    draw = random.Random(seed)
    draw.shuffle(files)
    marks = sorted(draw.sample(range(1, len(files)), cuts))
    with province(new_warehouse, folder / "piecemeal", history) as sha256:
        for number, (first, last) in enumerate(zip([0, *marks], [*marks, None], strict=True)):
            load(folder / "piecemeal" / str(number), files[first:last])
            dbt.build(sha256)
        assert core() == expected, f"loaded in {cuts + 1} runs, seed {seed}"
        assert dbt.build(sha256, full_refresh=True).built
        assert core() == expected, "incremental and full refresh differ"
