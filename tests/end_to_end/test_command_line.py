"""The main job by the command line: exports in, the report's tables out, cell for cell."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

import oracle
from commands import PERIODS, done, motcua
from motcua import pipeline, settings
from motcua.documents import comparison
from motcua.landing.feeds import FEEDS


def test_every_cell_equals_the_report(published: tuple[str, Path]) -> None:
    compared = comparison.compare("2019-H1.r1", settings.PROJECT / "sample" / "report")
    assert compared.differences == []
    # 5 tables of 16 units with their total and percentage rows.
    assert sum(compared.cells.values()) == 852
    (misprint,) = compared.misprints
    assert (misprint.computed, misprint.printed) == ("1,9", "2,0")


def test_figures_that_the_text_tells(published: tuple[str, Path]) -> None:
    with psycopg.connect(published[0]) as connection:
        totals = connection.execute(
            "select sum(total), sum(settled_late), sum(settled_late_after_review),"
            " sum(returned_by_post) from published.appendix_1 where publication_id = '2019-H1.r1'"
        ).fetchone()
        late = connection.execute(
            "select count(*), count(*) filter (where reason = 1), count(*) filter (where reason"
            " = 2), count(*) filter (where reason = 3) from published.late_cases"
            " where publication_id = '2019-H1.r1'"
        ).fetchone()
    assert totals == (25_031, 70, 57, 4_061)
    assert late == (98, 13, 1, 56)


def test_the_calendar_misses_no_day(published: tuple[str, Path]) -> None:
    with psycopg.connect(published[0]) as connection:
        found = connection.execute("select min(day), max(day), count(*) from core.dim_dates")
        first, last, days = found.fetchone() or ()
    assert (first, last) == (date(1900, 1, 1), date(2100, 12, 31))
    assert days == (last - first).days + 1


@pytest.mark.parametrize("period", PERIODS)
def test_every_figure_equals_an_independent_computation(
    published: tuple[str, Path], period: str
) -> None:
    url, folder = published
    expected = oracle.figures(folder / "landing", settings.reference(), period)
    compared = 0
    with psycopg.connect(url) as connection:
        for table, rows in expected.items():
            key = "case_code" if table == "late_cases" else "unit_code"
            cursor = connection.execute(
                f"select * from published.{table} where publication_id = %s", [f"{period}.r1"]
            )
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            found = {row[names.index(key)]: dict(zip(names, row, strict=True)) for row in cursor}
            assert found.keys() == rows.keys(), table
            for code, figures in rows.items():
                for column, value in figures.items():
                    ours = found[code][column]
                    if isinstance(value, Decimal) and ours is not None:
                        assert abs(ours - value) < Decimal("1e-9"), (table, code, column)
                    else:
                        assert ours == value, (table, code, column)
                    compared += 1
    assert compared > 900


def test_again_with_nothing_new_changes_no_row(published: tuple[str, Path]) -> None:
    def fingerprint() -> list[tuple[str, int, object]]:
        with psycopg.connect(published[0]) as connection:
            tables = connection.execute(
                "select schemaname || '.' || tablename from pg_tables where schemaname in"
                " ('raw', 'reference', 'core', 'intermediate', 'marts', 'published', 'evidence')"
                " order by 1"
            ).fetchall()
            return [
                (
                    table,
                    *connection.execute(
                        "select count(*), sum(hashtextextended(t::text, 0)::numeric)"
                        f" from {table} as t"
                    ).fetchall()[0],
                )
                for (table,) in tables
            ]

    before = fingerprint()
    assert "861" in done("ingest") or "loaded before" in done("ingest")
    assert "Nothing new" in done("build")
    for period in PERIODS:
        assert "stands already" in done("publish", period, "--approved-by", "Nguyễn Văn A")
    assert fingerprint() == before
    assert sum(count for _, count, _ in before) > 500_000


def test_no_personal_data_leaves_raw(published: tuple[str, Path]) -> None:
    """Values of every personal column of the sample stand in raw, and nowhere else."""
    with psycopg.connect(published[0]) as connection:
        names = {
            value
            for feed in FEEDS.values()
            for column in feed.columns
            if column.personal
            for (value,) in connection.execute(
                f"select distinct {column.sql_name} from raw.{feed.name}"
                f" where length({column.sql_name}) > 5 limit 200"
            )
        }
        assert len(names) > 100
        columns = connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where data_type in ('text', 'jsonb') and table_schema in ('reference', 'ops',"
            " 'staging', 'intermediate', 'core', 'marts', 'published', 'evidence', 'provisional')"
        ).fetchall()
        assert len(columns) > 200
        for schema, table, column in columns:
            if (table, column) in {
                ("publications", "approved_by"),
                ("latest_publications", "approved_by"),
            }:
                continue  # who signed is meant to be read
            hits = connection.execute(
                f'select count(*) from {schema}."{table}" where "{column}"::text = any(%s)',
                [list(names)],
            ).fetchone()
            assert hits == (0,), f"{schema}.{table}.{column} holds names of applicants"
    home = published[1] / "home"
    for path in home.rglob("*"):
        if path.is_file() and path.suffix in {".html", ".log", ".json"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [name for name in names if len(name) > 9 and name in text], path


def test_second_release_needs_a_change_and_a_note(published: tuple[str, Path]) -> None:
    refused = motcua("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "x")
    assert refused.returncode == 3
    assert "Nothing has changed" in refused.stderr


def test_unknown_period_and_wrong_usage_have_their_own_exit_codes(
    published: tuple[str, Path],
) -> None:
    assert motcua("publish", "2031-Q9", "--approved-by", "A").returncode == 1
    assert motcua("publish").returncode == 2


@pytest.fixture
def first_quarter_running(warehouse: str, published: tuple[str, Path], tmp_path: Path) -> None:
    """A warehouse that knows the sample until 20/3, in the middle of the first quarter."""
    for path in (published[1] / "landing").rglob("*_20*"):
        if path.is_file() and f"20{path.name.partition('_20')[2][:8]}" <= "2019-03-20":
            target = tmp_path / "landing" / path.relative_to(published[1] / "landing")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    done("ingest")
    done("build")


def test_period_that_is_not_ready_is_refused_with_the_reason(
    first_quarter_running: None,
) -> None:
    for period, reason in (
        ("2019-Q1", "has not ended"),
        ("2019-Q2", "has not begun"),
        ("2019-H1", "has not ended"),
    ):
        refused = motcua("publish", period, "--approved-by", "A")
        assert (refused.returncode, reason in refused.stderr) == (3, True), refused.stderr


def test_publishing_from_an_empty_warehouse_is_refused(warehouse: str) -> None:
    refused = motcua("publish", "2019-Q1", "--approved-by", "A")
    assert refused.returncode == 3
    assert "Nothing is built yet" in refused.stderr


@pytest.mark.slow
def test_a_file_that_comes_after_the_gate_waits_for_the_next(
    copy: tuple[str, Path], published: tuple[str, Path]
) -> None:
    """The gate and the build are two tasks in Airflow; an export may be loaded between them."""
    url, landing = copy
    (whole,) = (published[1] / "landing").rglob("cases_2019-03-29.csv")
    header, record, *_ = whole.read_text(encoding="utf-8").splitlines()
    code = record.split(",")[0]
    (landing / "cases").mkdir()

    def arrives(part: str) -> None:
        told = record.replace(code, f"{code}{part}")
        path = landing / "cases" / f"cases_2019-03-29_{part}.csv"
        path.write_text(f"{header}\n{told}\n", encoding="utf-8")
        done("ingest")

    def built() -> set[str]:
        with psycopg.connect(url) as connection:
            return {
                name
                for (name,) in connection.execute(
                    "select file_name from core.files_applied inner join raw.files using (file_id)"
                    " where file_name like 'cases!_2019-03-29!_%' escape '!'"
                )
            }

    arrives("judged")
    pipeline.check_landing()
    arrives("late")
    pipeline.build_models()
    assert built() == {"cases_2019-03-29_judged.csv"}
    done("build")
    assert built() == {"cases_2019-03-29_judged.csv", "cases_2019-03-29_late.csv"}
