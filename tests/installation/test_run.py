"""`make run`: everything through the real scheduler, twice, and nothing twice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import server_data
from motcua.warehouse import server

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    for setting in ("WAREHOUSE_URL", "LANDING", "PUBLICATIONS"):  # `published` sets them
        monkeypatch.delenv(f"MOTCUA_{setting}", raising=False)
    yield tmp_path / "home"
    record, _ = server.up()
    motcua("down")
    server_data.delete(record)


def motcua(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("motcua")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


def rows() -> dict[str, tuple[int, object]]:
    record, _ = server.up()
    with psycopg.connect(server.url(record, "postgres", "warehouse")) as connection:
        tables = connection.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname in"
            " ('raw', 'reference', 'core', 'marts', 'published', 'evidence')"
        ).fetchall()
        return {
            table: connection.execute(  # type: ignore[misc]
                f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {table} as t"
            ).fetchone()
            for (table,) in tables
        }


def test_run_ends_with_the_report_and_again_changes_no_row(home: Path) -> None:
    first = motcua("run")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "852 cells compared with the report" in first.stdout
    assert "Every other cell is the same." in first.stdout
    assert len(list((home / "publications").glob("*.xlsx"))) == 3
    assert server.running() is None, "what it started, it stops"
    before = rows()
    assert before["published.appendix_1"][0] == 3 * 16

    second = motcua("run")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Every other cell is the same." in second.stdout
    assert rows() == before
