"""The outcome depends on the set of files alone: not on their order, not on how builds cut it."""

import csv
import random
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from motcua import settings
from motcua.landing import ingest, reference
from motcua.warehouse import database, dbt
from motcua_sample import write_sample

FROM_BUILD_TO_BUILD = {"int_days_changed", "int_files_of_changed_days", "int_periods_due"}
"""Tables that say what one build had to do, not what is known."""

EVE_AND_DAY = {"cases_2019-01-08.csv", "cases_2019-01-09.csv"}
"""Files of the sample, of two working days in turn."""

MORE_FILES_THAN_ARE_NAMED = 257


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


def land(files: list[Path], landing: Path) -> None:
    """Deliver and load these files."""
    for path in files:
        feed = path.name.rpartition("_20")[0]
        (landing / feed).mkdir(exist_ok=True)
        shutil.copy(path, landing / feed)
    assert ingest.ingest().loaded == len(files)


def records_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write(path: Path, records: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as output:
        writer = csv.DictWriter(output, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


def wait_until_it_waits(connection: psycopg.Connection, table: str, build: Future[object]) -> None:
    """Return when the build waits for a lock on this table; fail when it ends without."""
    while not build.done():
        if connection.execute(
            "select 1 from pg_locks where relation = %s::regclass and not granted", [table]
        ).fetchone():
            return
        time.sleep(0.02)
    raise AssertionError(f"The build never waited for {table}: {build.result()}")


@pytest.mark.slow
def test_file_that_lands_between_two_statements_of_a_model_costs_no_history(
    warehouse: str, tmp_path: Path, sample: list[Path]
) -> None:
    sha256, _ = reference.store(settings.reference())
    procedures = [path for path in sample if path.name.startswith("procedures")]
    eve, day = (path for path in sample if path.name in EVE_AND_DAY)
    land([*procedures, eve], tmp_path / "landing")
    assert dbt.build(sha256).built
    # More files than a statement names: it asks the table of them when it runs.
    known = records_of(eve)[0]
    new_case = next(case for case in records_of(day) if case["MaHoSo"] != known["MaHoSo"])
    days = [date(2019, 1, 9) + timedelta(number) for number in range(MORE_FILES_THAN_ARE_NAMED)]
    new = [write(tmp_path / f"cases_{of_the_day}.csv", [new_case]) for of_the_day in days]
    land(new, tmp_path / "landing")
    revision = write(tmp_path / "cases_2019-01-09_r2.csv", [new_case, known])
    with ThreadPoolExecutor(1) as beside, psycopg.connect(warehouse) as watcher:
        # What the model reads is read; what it writes has to wait.
        watcher.execute("lock table core.fct_case_versions in share mode")
        build = beside.submit(dbt.build, sha256)
        wait_until_it_waits(watcher, "core.fct_case_versions", build)
        land([revision], tmp_path / "landing")
        watcher.rollback()
    assert build.result().built
    assert dbt.build(sha256).built, "the revision is news for the next build"
    with database.connect(database.TRANSFORMER) as connection:
        told_on = connection.execute(
            "select valid_from::text from core.fct_case_versions where case_code = %s order by 1",
            [known["MaHoSo"]],
        ).fetchall()
    assert told_on == [("2019-01-08",), ("2019-01-09",)]
    in_steps = contents()
    assert dbt.build(sha256, full_refresh=True).built
    assert contents() == in_steps


@pytest.mark.slow
def test_any_cut_and_order_of_builds_gives_what_one_full_build_gives(
    warehouse: str, tmp_path: Path, sample: list[Path]
) -> None:
    sha256, _ = reference.store(settings.reference())
    files = list(sample)
    random.Random(7).shuffle(files)
    for part in (files[:600], files[600:850], files[850:]):
        land(part, tmp_path / "landing")
        assert dbt.build(sha256).built
    assert not dbt.waiting(sha256)
    assert not dbt.build(sha256).built, "nothing new, nothing done"
    piecemeal = contents()
    assert dbt.build(sha256, full_refresh=True).built
    assert contents() == piecemeal
    assert piecemeal["core.fct_cases"][0] > 20_000
