"""Whatever happens to cases and files: figures are right, explained, and come out again.

Random histories of a small province are loaded and built in random pieces, with publications and
revisions of overlapping periods and withdrawals in between. MOTCUA_EXAMPLES sets how many histories
are tried; without it the same few are.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note
from hypothesis import settings as trials

import oracle
from motcua.errors import Refused
from motcua.landing import ingest, reference
from motcua.publication import figures, periods, release, trace
from motcua.publication.definitions import DEFINITIONS, INDICATOR_EVIDENCE
from motcua.publication.recompute import recompute
from motcua.publication.revisions import UNEXPLAINED
from motcua.warehouse import database, dbt

from .histories import History, arrive, histories, write_pack

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("MOTCUA_EXAMPLES")
RECOMPUTED = 2 if EXAMPLES is None else 99
"""How many of the releases that have seen later files arrive are computed again."""

FLOWS = (
    *(("appendix_1", f"settled_{how}") for how in ("total", "early", "on_time", "late")),
    *(("appendix_1", "newly_received"), ("appendix_1", "returned")),
    *(("appendix_1", "settled_late_after_review"), ("appendix_1", "returned_by_post")),
    *(("scorecard", "received"), ("scorecard", "settled")),
)
"""Cells that add up over joining periods."""

PRESSES = tuple(
    ("appendix_2", column)
    for column in (
        *("satisfied_service", "satisfied_attitude", "dissatisfied_competence"),
        *("dissatisfied_time", "comments", "total"),
    )
)
"""They add up where the windows of ratings join: a year and its half-year have the same."""

TILINGS = {"H1": ({"Q1", "Q2"},), "Y": ({"H1"}, {"Q1", "Q2"})}
"""The periods that tile a longer one, the fewest first."""

FIRST, EVIDENCE = "appendix_1", "indicator_evidence"

Cell = tuple[str, ...]
"""Table, unit, column."""


@trials(
    max_examples=int(EXAMPLES or 2),
    deadline=None,
    derandomize=EXAMPLES is None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_any_history_gives_right_explained_and_repeatable_releases(
    new_warehouse: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
    history: History,
) -> None:
    folder = tmp_path_factory.mktemp("history")
    write_pack(folder / "pack", history.rules)
    with new_warehouse(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_REFERENCE", str(folder / "pack"))
        # dbt reads its project once for all histories.
        patch.setenv("MOTCUA_HOME", str(tmp_path_factory.getbasetemp() / "home_of_histories"))
        sha256, _ = reference.store(folder / "pack")
        early: list[str] = []
        for stage, order in enumerate(history.publications):
            with database.connect(database.PUBLISHER) as connection:
                early = _all(connection)
            arrive(folder / "landing", history.files, stage)
            loaded = ingest.ingest()
            assert (loaded.quarantined, loaded.rejected) == (0, 0), loaded.messages
            dbt.build(sha256)
            withdraw(history.withdrawals[stage])
            for period in order:
                publish(period, folder, is_last=stage == len(history.publications) - 1)
        with database.connect(database.PUBLISHER) as connection:
            made = _all(connection)
        revised = len([one for one in made if not one.endswith(".r1")])
        event(f"{len(history.publications)} arrivals, {len(made)} releases, {revised} revisions")
        for publication_id in early[-1:] + made[-1:]:
            traced_like_published(publication_id)
        for publication_id in early[:RECOMPUTED]:
            again = recompute(publication_id)
            assert again.is_same, (publication_id, again.differences, again.evidence_differences)


def publish(period: str, folder: Path, is_last: bool) -> None:
    """Publish or revise a period, if it is ready, and hold the release against all that is known.

    When the last files have arrived every period is ready.
    """
    obstacle = refusal(lambda: periods.check(period))
    if obstacle:
        note(f"{period}: {obstacle}")
        assert not is_last, obstacle
        return
    expected = oracle.figures(folder / "landing", folder / "pack", period)
    with database.connect(database.PUBLISHER) as connection:
        standing = _standing(connection).get(period)
        is_revision = any(one.startswith(f"{period}.r") for one in _all(connection))
        obstacle = refusal(lambda: release.publish(period, "A", revise=is_revision, note="lần nữa"))
        publication_id = _standing(connection)[period]
        new = figures.released(connection, publication_id)
        hold_against_oracle(new, expected)
        if obstacle:
            assert (publication_id, "Nothing has changed" in obstacle) == (standing, True)
            return
        note(f"{publication_id} is published")
        assert publication_id != standing
        if standing is not None:
            explained = sums(connection, publication_id, "revision")
            assert explained == changes(figures.released(connection, standing), new)
        hold_against_longer(connection, publication_id, period)


def hold_against_longer(connection: database.Connection, publication_id: str, period: str) -> None:
    """A release is explained against its parts, and longer ones against theirs, it among them.

    Nothing is said of longer releases with which it is not compared: its own do not tile them, or
    a longer one is a part instead of it.
    """
    standing = _standing(connection)
    for longer in TILINGS.keys() & standing.keys():
        inside = next((one for one in TILINGS[longer] if one <= standing.keys()), set())
        explained = sums(connection, publication_id, "overlap", standing[longer])
        if not inside or period not in (longer, *inside):
            assert explained == {}, (publication_id, standing[longer])
            continue
        differing = flow_differences(
            [figures.released(connection, standing[part]) for part in inside],
            figures.released(connection, standing[longer]),
            FLOWS + PRESSES if inside == {"H1"} else FLOWS,
        )
        assert {cell: change for cell, change in explained.items() if change} == differing


def withdraw(codes: tuple[str, ...]) -> None:
    """Withdraw the standing releases of these periods, where there are any."""
    with database.connect(database.PUBLISHER) as connection:
        standing = _standing(connection)
    for code in codes:
        if code in standing:
            note(f"{standing[code]} is withdrawn")
            event("a withdrawal")
            release.withdraw(standing[code], "B", "sai")


def traced_like_published(publication_id: str) -> None:
    """Every count is the number of rows that its trace names, for each unit and for all."""
    with database.connect(database.PUBLISHER) as connection:
        units = [row["unit_code"] for row in figures.released(connection, publication_id)[FIRST]]
    counts = {
        (table, column): one
        for table, columns in {**DEFINITIONS, EVIDENCE: INDICATOR_EVIDENCE}.items()
        for column, one in columns.items()
        if table in (*figures.KEYS, EVIDENCE)
        and one.rows
        and one.rows.points is None
        and column not in ("time_unit", "note")
        and (table != EVIDENCE or column.endswith(("numerator", "denominator")))
    }
    for unit in [*units, trace.TOTAL]:
        for table, column in counts:
            found = trace.trace(publication_id, table, unit, column, first=1_000)
            outside = sum(row["counted"] for row in found.external)
            assert found.count + outside == (found.value or 0), (publication_id, unit, column)
            assert len(found.rows) == found.count, (publication_id, unit, column)


def refusal(action: Callable[[], object]) -> str:
    """What an action was refused for; empty when it was done."""
    try:
        action()
    except Refused as reason:
        return str(reason)
    return ""


def hold_against_oracle(found: figures.Figures, expected: dict[str, oracle.Table]) -> None:
    """Every published figure is that of the independent computation."""
    for table, rows in expected.items():
        key = "case_code" if table == "late_cases" else "unit_code"
        ours = {row[key]: row for row in found[table]}
        assert ours.keys() == rows.keys(), table
        for code, row in rows.items():
            theirs = {column: _close(value) for column, value in row.items()}
            assert {column: _close(ours[code][column]) for column in row} == theirs, (table, code)


def sums(
    connection: database.Connection, publication_id: str, comparison: str, new: str | None = None
) -> dict[Cell, Any]:
    """Cell → sum of the differences by reason; every one has a reason."""
    found: dict[Cell, Decimal] = defaultdict(Decimal)
    for table, unit, column, reason, difference in connection.execute(
        "select table_name, unit_code, column_name, reason, difference from published.revisions"
        " where publication_id = %s and comparison = %s and new_publication_id = %s",
        [publication_id, comparison, new or publication_id],
    ):
        assert reason != UNEXPLAINED, (publication_id, table, unit, column, difference)
        if difference is not None:
            found[table, unit, column] += difference
    return dict(found)


def changes(old: figures.Figures, new: figures.Figures) -> dict[Cell, Decimal]:
    """Every number that differs between two releases of a period, and by how much."""
    found = {}
    for table in ("appendix_1", "appendix_2", "appendix_4", "scorecard", "indicator_evidence"):
        before, after = (
            {(row["unit_code"], row.get("indicator")): row for row in one[table]}
            for one in (old, new)
        )
        assert before.keys() == after.keys()
        for (unit, indicator), row in after.items():
            for column, value in row.items():
                was = before[unit, indicator][column]
                if was == value or isinstance(was or value, str | bool):
                    continue
                name = f"{indicator}.{column}" if indicator else column
                found[table, unit, name] = Decimal(value or 0) - Decimal(was or 0)
    late = [{row["case_code"]: row for row in one["late_cases"]} for one in (old, new)]
    for code in late[0].keys() | late[1].keys():
        was, value = (one.get(code, {}).get("days_late") for one in late)
        if was != value:
            unit = (late[1].get(code) or late[0][code])["unit_code"]
            cell = ("late_cases", unit, f"{code}.days_late")
            found[cell] = Decimal(value or 0) - Decimal(was or 0)
    return found


def flow_differences(
    parts: list[figures.Figures], whole: figures.Figures, flows: tuple[tuple[str, str], ...]
) -> dict[Cell, Decimal]:
    """By how much a period differs from the sum of the periods inside it."""
    found: dict[Cell, Decimal] = defaultdict(Decimal)
    for sign, one in [(1, whole), *((-1, part) for part in parts)]:
        for table, column in flows:
            for row in one[table]:
                found[table, row["unit_code"], column] += sign * Decimal(row[column])
    return {cell: change for cell, change in found.items() if change}


def _all(connection: database.Connection) -> list[str]:
    """Every release, the oldest first."""
    found = connection.execute(
        "select publication_id from published.publications order by published_at"
    )
    return [publication_id for (publication_id,) in found]


def _standing(connection: database.Connection) -> dict[str, str]:
    return dict(
        connection.execute(
            "select period_code, publication_id from published.latest_publications"
        ).fetchall()
    )


def _close(value: Any) -> Any:
    """Percentages have more digits than two computations agree upon."""
    return round(value, 9) if isinstance(value, Decimal) else value
