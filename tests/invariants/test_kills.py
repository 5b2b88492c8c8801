"""Killed anywhere and started again, a run ends with the same published rows.

MOTCUA_KILLS sets how many processes are killed (default 3), in turn while they ingest, build and
publish, at random moments that are spread over the whole stage. MOTCUA_KILL_SEED gives others.
What comes before the stage that is killed is done once, and copied.
"""

import itertools
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from motcua_sample import write_sample

pytestmark = pytest.mark.slow

KNOWN_AS_OF = "2019-04-05"
NIGHT = {
    "ingest": ["ingest"],
    "build": ["build"],
    "publish": ["publish", "2019-Q1", "--approved-by", "A"],
}
"""The commands of a night, with the publication of the first quarter at its end."""

PATIENCE = 5
"""How often a process may end before its moment until the test gives up."""


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of the sample up to the knowledge date of the first quarter."""
    whole, folder = (tmp_path_factory.mktemp(name) for name in ("whole", "landing"))
    write_sample(whole)
    for path in whole.rglob("*_20*"):
        day = path.name.partition("_20")[2][:8]
        if path.is_file() and f"20{day}" <= KNOWN_AS_OF:
            target = folder / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    return folder


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    """Databases that stay until the end of the test."""
    with ExitStack() as stack:
        yield stack


@contextmanager
def warehouse(
    server_url: str, landing: Path, home: Path, like: dict[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Environment of a run on a database of its own: empty, or a copy of another run's as it is."""
    name = f"k_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        if like:
            _, _, template = like["MOTCUA_WAREHOUSE_URL"].rpartition("/")
            admin.execute(f"create database {name} template {template} strategy file_copy")
            # What stands on the database itself is not copied with it.
            admin.execute(f"grant create on database {name} to motcua_transformer")
            admin.execute(f"alter database {name} set timezone to 'Asia/Ho_Chi_Minh'")
            if Path(like["MOTCUA_HOME"]).is_dir():
                shutil.copytree(like["MOTCUA_HOME"], home)
        else:
            admin.execute(f"create database {name}")
    try:
        yield {
            **os.environ,
            "MOTCUA_HOME": str(home),
            "MOTCUA_KEY_FILE": str(landing.with_suffix(".key")),
            "MOTCUA_WAREHOUSE_URL": f"{server_url}/{name}",
            "MOTCUA_LANDING": str(landing),
            "MOTCUA_PUBLICATIONS": str(home / "publications"),
        }
    finally:
        with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)")


def run(environment: dict[str, str], stage: str, kill_after: float | None = None) -> bool:
    """Run a stage; with `kill_after` seconds, kill it and its children then. True if it was."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("motcua")), *NIGHT[stage]],
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    if kill_after is not None and process.returncode == -signal.SIGKILL:
        return True
    assert process.returncode == 0, output
    return False


def published(environment: dict[str, str]) -> dict[str, tuple[int, object]]:
    """Every published and evidence table: rows, and the sum of their fingerprints."""
    found = {}
    with psycopg.connect(environment["MOTCUA_WAREHOUSE_URL"]) as connection:
        for schema, table in connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname in ('published', 'evidence')"
        ).fetchall():
            # When it was published, and the numbers that files got, differ from run to run.
            row = connection.execute(
                "select count(*), sum(hashtextextended((to_jsonb(t) - array['published_at',"
                " 'row_id', 'due_row_id', 'review_row_id', 'code_version'])::text, 0)::numeric)"
                f" from {schema}.{table} as t"
            ).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = (row[0], row[1])
    return found


def test_killed_runs_end_with_the_same_published_rows(
    server_url: str,
    landing: Path,
    tmp_path: Path,
    kept: ExitStack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun, seconds = {}, {}
    whole = kept.enter_context(warehouse(server_url, landing, tmp_path / "whole"))
    for stage in NIGHT:
        if stage != "ingest":
            home = tmp_path / f"before-{stage}"
            begun[stage] = kept.enter_context(warehouse(server_url, landing, home, like=whole))
        started = time.monotonic()
        run(whole, stage)
        seconds[stage] = time.monotonic() - started
    expected = published(whole)
    assert expected["published.appendix_1"][0] == 16
    assert expected["evidence.cases"][0] > 5_000

    kills = int(os.environ.get("MOTCUA_KILLS", "3"))
    seed = int(os.environ.get("MOTCUA_KILL_SEED", "20190405"))
    draw = random.Random(seed)
    stages = [stage for stage, _ in zip(itertools.cycle(NIGHT), range(kills), strict=False)]
    for number, stage in enumerate(stages):
        # The stage in as many slices as it is killed times, one moment in each.
        slices, place = stages.count(stage), stages[:number].count(stage)
        for attempt in range(PATIENCE):
            home = tmp_path / f"killed-{number}-{attempt}"
            moment = draw.uniform(place, place + 1) / slices * seconds[stage]
            what = f"kill {number + 1} of {kills}, {moment:.1f} s after the start of {stage}"
            with warehouse(server_url, landing, home, like=begun.get(stage)) as environment:
                is_killed = run(environment, stage, kill_after=moment)
                with capsys.disabled():
                    print(
                        f"{what} (of {seconds[stage]:.1f} s){'' if is_killed else ': it had ended'}"
                    )
                if is_killed:
                    for again in NIGHT:
                        run(environment, again)
                    assert published(environment) == expected, f"{what}, seed {seed}"
            shutil.rmtree(home, ignore_errors=True)
            if is_killed:
                break
        else:
            pytest.fail(
                f"{stage} ended {PATIENCE} times before its moment, the last {moment:.1f} s"
            )
