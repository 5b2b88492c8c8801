"""How long core and marts take to build from nothing, against one hand-written SQL script.

    motcua bench build [--scale 33] [--rounds 3] [--at FOLDER]

On a PostgreSQL server of its own, in a temporary folder, the sample is loaded `scale` times over
(each about 30 thousand cases) and built once, so that the landing gate has let it through. Then
both take turns, each on a warehouse without core and marts:

motcua   the stage `build` of `motcua build --full-refresh`, in a fresh process: models, their
         tests, statistics. The landing gate before it and the provisional figures after it make
         neither core nor marts and are left out
script   benchmarks/build.sql, in one session under the same role: the same tables of core and the
         figures of appendices I, II, IV and the scorecard. What one made is dropped before the next

Wall time is from the start of the process, or of the session, to its end. Database time is the
processor time of all processes of the server. What it counts as `active_time` of the database
stands beside it without a limit: the time in which sessions ran statements, added up over sessions.
That says less here, for it knows nothing of a session's parallel workers, which the script uses all
the time, and counts a session that waits for a core which another one has, and we use two. Each run
begins after a checkpoint, and autovacuum is off, so that neither pays for what the other left
behind.

Beside it, without limit and once: from the files, or from the raw tables, to the same figures of
two appendices of one quarter as practitioners count them, in SQL, DuckDB and pandas (practice.py).

Before anything counts, both must have made the same: for every table the columns, types, primary
key and checks, the number of rows, and the sum of a 64-bit hash of every row. The figures must be
those that the sample was made for (sample/report, `scale` times). Exit code 1 when they are not, or
when a limit is missed: of wall time from 10 million cases on, of database time from 1 million on.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import measuring
import practice
import psycopg
from measuring import Row
from psycopg import sql

SCRIPT = Path(__file__).with_name("build.sql")

MOST_TIMES = 1.3

LIMITED_FROM = {"wall": 10_000_000, "processor": 1_000_000}
"""Cases from which the limit holds: below, what dbt takes to start weighs more."""


class Taken(NamedTuple):
    """Seconds of a build: from start to end, of the server's processors, of its sessions."""

    wall: float
    processor: float
    active: float


NAMES = {
    "wall": "wall time",
    "processor": "database time",
    "active": "active time of sessions",
}

CORE = (
    *("dim_dates", "dim_periods", "dim_procedures", "dim_units"),
    *("fct_case_steps", "fct_case_versions", "fct_cases", "fct_external_counts"),
    *("fct_late_reviews", "fct_petitions", "fct_process_updates", "fct_ratings"),
    *("fct_supplements", "files_applied"),
)
MARTS = ("appendix_1", "appendix_2", "appendix_4", "scorecard")

_MOTCUA = "from motcua import pipeline; pipeline.build_models(full_refresh=True)"

_COLUMNS = """
    select attname, format_type(atttypid, atttypmod), attnotnull
    from pg_attribute
    where attrelid = cast(%s as regclass) and attnum > 0 and not attisdropped
    order by attname
"""

_CONSTRAINTS = """
    select pg_get_constraintdef(oid)
    from pg_constraint
    where conrelid = cast(%s as regclass) and contype in ('p', 'c')
    order by 1
"""


def quieten(address: str | None = None) -> None:
    """See to it that nothing which earlier work left behind is done while a way is measured.

    address: of another database than the warehouse.
    """
    from motcua.warehouse import database

    with psycopg.connect(address or database.admin_url(), autocommit=True) as admin:
        admin.execute("alter system set autovacuum = off")
        admin.execute("select pg_reload_conf()")
        admin.execute("vacuum analyze")


def build_by_motcua() -> None:
    """Build core and marts anew, in a fresh process."""
    subprocess.run([sys.executable, "-c", _MOTCUA], stdout=subprocess.DEVNULL, check=True)


def build_by_script() -> None:
    """Run the script in a session of the role that builds."""
    from motcua import settings
    from motcua.landing import reference
    from motcua.warehouse import database, dbt

    with database.connect(database.TRANSFORMER) as connection:
        connection.execute(
            "select set_config('bench.reference_sha256', %s, false),"
            " set_config('bench.project_sha256', %s, false)",
            [reference.sha256(settings.reference()), dbt.project_sha256()],
        )
        connection.execute(SCRIPT.read_bytes())


WAYS = {"script": build_by_script, "motcua": build_by_motcua}
"""In this order: what is left in the end is ours, for other benchmarks."""


def measure(way: str) -> Taken:
    """Build in one way."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    # A session of another database counts nothing in that of the warehouse.
    beside = server.url(record, "postgres", "postgres")
    with psycopg.connect(beside, autocommit=True) as admin:
        admin.execute("checkpoint")
        active, processor = _active_seconds(admin), _processor_seconds(record["pid"])
        start = time.perf_counter()
        WAYS[way]()
        wall = time.perf_counter() - start
        active = _active_seconds(admin) - active
        return Taken(wall, _processor_seconds(record["pid"]) - processor, active)


def _processor_seconds(server: int) -> float:
    """Processor time of the server's processes: of it, and of its children, ended ones too."""
    seconds = sum(_times(server))
    for task in Path(f"/proc/{server}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                seconds += sum(_times(int(child))[:2])
            except OSError:  # it has ended meanwhile
                continue
    return seconds


def _times(number: int) -> list[float]:
    """Seconds of a process in user and system mode, and the same of its ended children."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:15]]


def _active_seconds(admin: psycopg.Connection) -> float:
    """Time in statements on the warehouse; a session tells its own when it has ended."""
    sessions = "select count(*) from pg_stat_activity where datname = 'warehouse'"
    while admin.execute(sessions).fetchone() != (0,):
        time.sleep(0.05)
    row = admin.execute(
        "select active_time / 1000 from pg_stat_database where datname = 'warehouse'"
    ).fetchone()
    assert row is not None
    return float(row[0])


class Made(NamedTuple):
    """A table as a way made it: columns, keys and checks, rows, a sum of hashes of all rows."""

    columns: Any
    constraints: Any
    rows: int
    hashes: Any


SCHEMAS = {"motcua": ("core", "marts"), "script": ("by_hand", "by_hand")}
"""Where a way puts the tables of core and those of the figures."""


def made_by(way: str, connection: psycopg.Connection) -> dict[str, Made]:
    """The tables that a way made, by their names."""
    core, marts = SCHEMAS[way]
    places = {**dict.fromkeys(CORE, core), **dict.fromkeys(MARTS, marts)}
    made = {}
    for table, schema in places.items():
        name = f"{schema}.{table}"
        columns = connection.execute(_COLUMNS, [name]).fetchall()
        constraints = connection.execute(_CONSTRAINTS, [name]).fetchall()
        query = sql.SQL(
            "select count(*),"
            " sum(cast(hashtextextended(cast(row({}) as text), 0) as numeric)) from {}"
        ).format(
            sql.SQL(", ").join(sql.Identifier(column) for column, *_ in columns),
            sql.Identifier(schema, table),
        )
        rows, hashes = connection.execute(query).fetchone() or (0, None)
        made[table] = Made(columns, constraints, rows, hashes)
    return made


def differences(ours: dict[str, Made], theirs: dict[str, Made]) -> Iterator[str]:
    """What the script made otherwise than we: columns, keys, checks, rows."""
    for table, left in ours.items():
        right = theirs[table]
        for one, other in ((left.columns, right.columns), (left.constraints, right.constraints)):
            if one != other:
                yield f"{table}: {sorted({*one} ^ {*other})}"
        if left[2:] != right[2:]:
            yield f"{table}: rows and their sum of hashes {left[2:]} by us, {right[2:]} by script"


def unknown_tables(connection: psycopg.Connection) -> Iterator[str]:
    """Tables of core that this benchmark does not compare, or that are not there."""
    core = connection.execute("select tablename from pg_tables where schemaname = 'core'")
    if unknown := {name for (name,) in core} ^ {*CORE}:
        yield f"the tables of core are not those that the benchmark knows: {sorted(unknown)}"


def wrong_figures(
    connection: psycopg.Connection, scale: int, totals: dict[str, Any]
) -> Iterator[str]:
    """Figures that are not those that the sample was made for."""
    from motcua_sample.targets import read_report

    found = connection.execute("select count(*) from core.fct_cases").fetchone()
    if found != (totals["cases"],):
        yield f"core has {found} cases, the sample {totals['cases']}"
    cells = 0
    for unit in read_report().units:
        expected: list[tuple[str, str, dict[str, Any]]] = [
            ("appendix_1", "2019-H1", {key: scale * n for key, n in unit.half_year.items()}),
            ("appendix_2", "2019-H1", {key: scale * n for key, n in unit.buttons.items()}),
            (
                *("appendix_4", "2019-H1"),
                {
                    "procedures_listed": unit.listed,
                    "processes_approved": unit.approved,
                    "processes_on_software": unit.on_software,
                },
            ),
        ]
        for period, scores in unit.quarters.items():
            counts = {key: scale * scores[key] for key in ("received", "settled")}
            expected.append(("scorecard", period, {**scores, **counts}))
        for table, period, figures in expected:
            query = sql.SQL(
                "select {} from {} where period_code = %s and display_order = %s"
            ).format(
                sql.SQL(", ").join(map(sql.Identifier, figures)), sql.Identifier("marts", table)
            )
            row = connection.execute(query, [period, unit.order]).fetchone()
            for name, due, is_there in zip(figures, figures.values(), row or (), strict=True):
                cells += 1
                if is_there is None or due is None:
                    is_same = is_there is due
                else:
                    is_same = Decimal(is_there) == Decimal(due)
                if not is_same:
                    yield f"{table} of {period}, {unit.name}, {name}: {is_there}, due {due}"
    measuring.say(f"{cells} cells compared with the report")


def refuse(wrong: Sequence[str]) -> None:
    """Stop the benchmark when something is wrong."""
    if wrong:
        sys.exit("\n".join(["Nothing counts, for the results are not right:", *wrong[:50]]))


def look(way: str, scale: int, totals: dict[str, Any]) -> dict[str, Made]:
    """What a way made; stops the benchmark unless our figures are those of the sample."""
    from motcua.warehouse import database

    with psycopg.connect(database.admin_url()) as connection:
        connection.execute("set work_mem = '64MB'")
        if way == "motcua":
            refuse([*unknown_tables(connection), *wrong_figures(connection, scale, totals)])
        return made_by(way, connection)


def forget() -> None:
    """Delete what both ways made, so that the next one has the disk, and begins with nothing."""
    from motcua.warehouse import database

    with database.connect(database.TRANSFORMER) as connection:
        connection.execute("drop schema if exists by_hand cascade")
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('core', 'intermediate', 'marts')"
        ).fetchall()
        if tables:
            connection.execute("drop table " + ", ".join(name for (name,) in tables) + " cascade")


def practised(landing: Path) -> Iterator[tuple[str, float]]:
    """How long practitioners take from files, or raw tables, to the figures of one quarter.

    Nothing when the files of a kept sample are gone.
    """
    from motcua.warehouse import database

    if not landing.is_dir():
        measuring.say(f"{landing} is gone: nothing is counted as practitioners do it")
        return
    address = database.admin_url()
    with psycopg.connect(address) as connection:
        figures = practice.read(connection, "marts", "period_code", practice.PERIOD)
    for way, name in practice.WAYS.items():
        command = [sys.executable, practice.__file__, way, str(landing), address]
        seconds, peaks, printed = measuring.watch(command, way)
        measuring.say(f"{name}: {seconds:.1f} s, at most {peaks[way]:.0f} MB")
        refuse([f"{name}: {wrong}" for wrong in practice.differences(figures, json.loads(printed))])
        yield name, seconds


def main() -> int:
    """Run the benchmark; returns the exit code."""
    arguments = measuring.sample_options(__doc__, rounds=3).parse_args()
    with measuring.own_server("build", at=arguments.at) as server:
        measuring.warn_if_busy()
        totals = measuring.prepare_sample(server.folder, arguments.scale)
        quieten()
        beside = [*practised(server.folder / "home" / "landing")]
        taken: dict[str, list[Taken]] = {way: [] for way in WAYS}
        made = {}
        for turn in range(arguments.rounds):
            for way, measured in taken.items():
                measuring.note_unbuilt(server.folder)
                forget()
                measured.append(measure(way))
                told = ", ".join(
                    f"{name} {seconds:.1f} s"
                    for name, seconds in zip(NAMES.values(), measured[-1], strict=True)
                )
                measuring.say(f"round {turn + 1} of {arguments.rounds}: {way}, {told}")
                made[way] = look(way, arguments.scale, totals)
            measuring.note_sample(server.folder, arguments.scale, totals)
            refuse([*differences(made["motcua"], made["script"])])
            measuring.say(f"{len(made['motcua'])} tables are the same")
        rows = []
        for kind, name in NAMES.items():
            ours, script = (
                [getattr(each, kind) for each in taken[way]] for way in ("motcua", "script")
            )
            times = measuring.ratio(ours, script)
            row = Row(f"motcua, {name}", "s", ours, f"script, {name}", times)
            if totals["cases"] >= LIMITED_FROM.get(kind, sys.maxsize):
                row = row._replace(limit=f"≤ {MOST_TIMES}", is_kept=times <= MOST_TIMES)
            rows += [row, Row(f"script, {name}", "s", script)]
        wall = [each.wall for each in taken["motcua"]]
        rows += [
            Row(
                *(f"two appendices by {name}", "s", [seconds], "motcua, wall time"),
                measuring.ratio([seconds], wall),
            )
            for name, seconds in beside
        ]
        what = measuring.sample_text(arguments.scale, totals)
        return 0 if measuring.tell("build", what, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
