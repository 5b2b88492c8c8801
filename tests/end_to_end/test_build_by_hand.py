"""Core and figures are those of an independent script: that of the benchmark of the build."""

from pathlib import Path

import psycopg
import pytest

from motcua import settings


def test_the_hand_written_script_makes_the_same_tables(
    copy: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(settings.PROJECT / "benchmarks")
    import build

    build.build_by_script()
    with psycopg.connect(copy[0]) as connection:
        assert [*build.unknown_tables(connection)] == []
        ours = build.made_by("motcua", connection)
        assert [*build.differences(ours, build.made_by("script", connection))] == []
        steps = connection.execute("select count(*) from by_hand.fct_case_steps").fetchone()
        assert steps > (100_000,)
        # The comparison sees one other value in one row.
        connection.execute(
            "update by_hand.fct_case_steps set office = office || '.'"
            " where ctid = (select min(ctid) from by_hand.fct_case_steps where office is not null)"
        )
        (difference,) = build.differences(ours, build.made_by("script", connection))
        assert difference.startswith("fct_case_steps: rows and their sum of hashes")
        connection.rollback()
