"""How long the same day takes on short and on long histories, from landing to core.

    motcua bench daily [--scales 3 33 330] [--days 3]

On a PostgreSQL server of its own, in a temporary folder, the sample without its last days is
loaded and built `scale` times over (each about 30 thousand cases): a database and a landing zone
for each history. Then the days that were held back land, in each history the same files: those of
the sample as it is, each with 300 to 350 new cases, 550 to 620 that stand in the history and
changed, 1000 to 1700 records of steps and about 50 ratings. Day after day every history takes it up
in turn, by `motcua ingest` and `motcua build`. The first day warms up and does not count.

landing to core   both commands from start to end, without the next line: reading the landing zone,
                  loading, landing gate, start of dbt, every model and test that core needs
figures           time of the build in which only nodes ran that core does not need (figures of
                  periods, marts, their tests), and the provisional figures. The half-year is open
                  and holds most of the history, so this grows with it; no limit

On the last day, which does not count either, the server writes down every plan: told are the scans
of tables of the history that read many rows, and of which node.

In the end the days come again as revisions with the records of all copies, and all figures must be
those that the sample was made for. On a long history a day of one copy is next to nothing, so the
landing gate lets it through by a waiver; an attempt that it refused does not count. Autovacuum is
off, and every table was vacuumed when its history was built.

Exit code 1 when figures are wrong or a limit is missed. The limits hold for a history of 10 million
cases or more, the ratio against one of 100 thousand or less. Scale 330 needs about 90 GB of disk.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import build
import measuring
import psycopg
from measuring import Row

MOST_TIMES = 1.2
LIMITED_FROM = 10_000_000
AGAINST_AT_MOST = 100_000
"""Cases of the histories between which the ratio has its limit."""

REFUSED = 3
"""Exit code of a command that a gate refused."""

MANY_ROWS = 20_000
"""A scan of fewer rows is told by nobody: tables of petitions or reviews stay that small."""

HISTORY = {
    *("cases", "steps", "supplements", "petitions", "ratings", "late_reviews"),
    *("fct_cases", "fct_case_versions", "fct_case_steps", "fct_supplements", "fct_petitions"),
    *("fct_ratings", "fct_late_reviews", "int_rating_sightings"),
}
"""Tables of raw, core and beside core that grow with every day."""

FIGURES = ("model.", "test.", "refresh")
"""How the names of what computes figures begin, unless core needs it."""

PROVISIONAL = "refresh of the provisional figures"

Span = tuple[datetime, datetime]


class History(NamedTuple):
    """A warehouse with its landing zone: the sample so many times over.

    totals: what the whole sample holds. cases: of them, those in the history.
    """

    scale: int
    folder: Path
    address: str
    environment: Mapping[str, str]
    totals: dict[str, Any]
    cases: int

    @property
    def landing(self) -> Path:
        """Where its export files arrive."""
        return self.folder / "landing"

    @property
    def dbt(self) -> Path:
        """Where dbt leaves the results of a build."""
        return self.folder / "home" / "dbt" / "build" / "target"


class Day(NamedTuple):
    """Seconds that a day took: all of `ingest`, landing gate, the rest of the build, figures."""

    load: float
    gate: float
    build: float
    figures: float

    @property
    def to_core(self) -> float:
        """Seconds of everything but the figures."""
        return self.load + self.gate + self.build


class Scan(NamedTuple):
    """A scan of a table of the history by a node of dbt, or by what is around dbt: see `_node`."""

    by: str
    table: str
    kind: str
    rows: int


def last_days(count: int) -> list[dict[Path, bytes]]:
    """The last days of the sample as it is: the files of each, oldest first."""
    from motcua_sample import targets, write

    files, _ = write.make_files(targets.read_report())
    days: dict[Any, dict[Path, bytes]] = {}
    for file in files:
        header = f"{write.COLUMNS[file.feed]}\n".encode()
        text = header + write.copy_text(file.text, 0)
        days.setdefault(file.day, {})[Path(f"{file.path}.csv")] = text
    return [days[day] for day in sorted(days)[-count:]]


def make_history(folder: Path, scale: int, days: Sequence[Iterable[Path]]) -> History:
    """Load and build the sample without these days, whose files go to the folder `held`."""
    from motcua_sample import write_sample

    name = f"history_{scale}"
    own = folder / name
    address, environment = measuring.another_installation(own, name)
    measuring.say(f"writing the sample at scale {scale}")
    totals = write_sample(own / "landing", scale)
    for path in (path for day in days for path in day):
        held = own / "held" / path
        held.parent.mkdir(parents=True, exist_ok=True)
        (own / "landing" / path).rename(held)
    measuring.say("loading the history")
    measuring.command("ingest", environment=environment)
    measuring.say("building the history")
    measuring.command("build", environment=environment)
    build.quieten(address)
    with psycopg.connect(address) as connection:
        (cases,) = connection.execute("select count(*) from core.fct_cases").fetchone() or (0,)
    return History(scale, own, address, environment, totals, cases)


def land(history: History, day: Mapping[Path, bytes]) -> None:
    """Put the files of a day into the landing zone."""
    for path, text in day.items():
        target = history.landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def build_day(history: History, is_waived: bool) -> tuple[float, bool]:
    """Build what has landed, with a waiver or without; seconds, and whether there was a waiver.

    The gate refuses a day with next to no records without one, and a waiver of nothing: then it is
    built the other way. The refused attempt does not count.
    """
    for way in (is_waived, not is_waived):
        command = [str(Path(sys.executable).with_name("motcua")), "build"]
        command += ["--waive", "Benchmark", "--reason", "A day of one copy"] if way else []
        start = time.perf_counter()
        done = subprocess.run(
            command, env=history.environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
        if done.returncode == 0:
            return seconds, way
        if done.returncode != REFUSED:
            break
    sys.exit(f"The build failed:\n{done.stdout}{done.stderr}")


def take_up(history: History, day: Mapping[Path, bytes], is_waived: bool) -> tuple[Day, bool]:
    """Load and build a day; is_waived: whether it probably needs a waiver. Tells whether it did."""
    land(history, day)
    load = measuring.command("ingest", environment=history.environment)
    whole, is_waived = build_day(history, is_waived)
    figures = _seconds_of_figures_alone(history) + _stage_seconds(history, "refresh_provisional")
    gate = _stage_seconds(history, "check_landing")
    return Day(load, gate, whole - gate - figures, figures), is_waived


def _seconds_of_figures_alone(history: History) -> float:
    """Seconds of the newest run of dbt in which nothing was done for core."""
    core = nodes_of_core(history)
    spans: dict[bool, list[Span]] = {True: [], False: []}
    for node, span in _spans(history):
        spans[node in core].append(span)
    return _length(spans[True] + spans[False]) - _length(spans[True])


def _stage_seconds(history: History, stage: str) -> float:
    """Seconds of the newest run of a stage."""
    with psycopg.connect(history.address) as connection:
        row = connection.execute(
            "select extract(epoch from finished_at - started_at) from ops.stage_runs"
            " where stage = %s order by stage_run_id desc limit 1",
            [stage],
        ).fetchone()
    assert row is not None
    return float(row[0])


def nodes_of_core(history: History) -> set[str]:
    """Ids of the nodes that core needs: its models, theirs, and the tests of nothing else."""
    nodes = json.loads((history.dbt / "manifest.json").read_text())["nodes"]
    # It closes a build and waits for the marts; core's rows do not.
    last = next(key for key, node in nodes.items() if node["name"] == "files_applied")
    needed = {last}
    waiting = [key for key, node in nodes.items() if node["path"].startswith("core/")]
    while waiting:
        key = waiting.pop()
        if key in nodes and key not in needed:
            needed.add(key)
            waiting += nodes[key]["depends_on"]["nodes"]
    for key, node in nodes.items():
        parents = {each for each in node["depends_on"]["nodes"] if each in nodes}
        if node["resource_type"] == "test" and parents <= needed:
            needed.add(key)
    return needed


def _spans(history: History) -> Iterator[tuple[str, Span]]:
    """When each node of the newest build ran."""
    for result in json.loads((history.dbt / "run_results.json").read_text())["results"]:
        moments = [
            datetime.fromisoformat(each[at])
            for each in result["timing"]
            for at in ("started_at", "completed_at")
        ]
        if moments:
            yield result["unique_id"], (min(moments), max(moments))


def _length(spans: Iterable[Span]) -> float:
    """Seconds in which at least one of the spans ran."""
    seconds, until = 0.0, None
    for start, end in sorted(spans):
        if until is None or start > until:
            until = start
        if end > until:
            seconds += (end - until).total_seconds()
            until = end
    return seconds


def tell_slowest(history: History) -> None:
    """Say which nodes of core the newest build spent its time on."""
    core = nodes_of_core(history)
    taken = [(_length([span]), node) for node, span in _spans(history) if node in core]
    text = ", ".join(f"{node.split('.')[2]} {s:.2f} s" for s, node in sorted(taken)[:-9:-1])
    measuring.say(f"slowest nodes of core, {history.cases} cases: {text}")


def explain(log: Path) -> None:
    """Let the server write the plans of everything that later sessions do into its log."""
    from motcua.warehouse import database

    assert log.is_file(), log
    with psycopg.connect(database.admin_url(), autocommit=True) as admin:
        admin.execute("load 'auto_explain'")
        for name, value in {
            "session_preload_libraries": "auto_explain",
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json",
        }.items():
            admin.execute(f"alter system set {name} = '{value}'")
        admin.execute("select pg_reload_conf()")
    time.sleep(1)  # until the server has read it


def scans(log: Path, start: int) -> Iterator[Scan]:
    """Scans of many rows of the history that the log tells from this byte on."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").split("\n")
    for number, line in enumerate(lines):
        if not line.endswith(" plan:"):
            continue
        plan = []
        for following in lines[number + 1 :]:
            if not following.startswith("\t"):
                break
            plan.append(following)
        # A line break within a text of the statement is written as it is.
        told = json.loads("\n".join(plan), strict=False)
        yield from _scans(told["Plan"], _node(told["Query Text"]))


def _node(query: str) -> str:
    """What sent a statement: a node of dbt, by the comment that dbt begins it with, or PROVISIONAL.

    Of everything else, which is what loads and the landing gate, the first words.
    """
    comment, mark, _ = query.partition("*/")
    if mark and "node_id" in comment:
        return str(json.loads(comment.removeprefix("/*"))["node_id"])
    return PROVISIONAL if "provisional" in query else " ".join(query.split())[:80]


def _scans(plan: Mapping[str, Any], by: str) -> Iterator[Scan]:
    kind, table = plan["Node Type"], plan.get("Relation Name")
    if table in HISTORY and kind != "ModifyTable":
        read = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
        rows = round((read + plan.get("Rows Removed by Index Recheck", 0)) * plan["Actual Loops"])
        if rows >= MANY_ROWS:
            yield Scan(by, table, kind, rows)
    for child in plan.get("Plans", ()):
        yield from _scans(child, by)


def scanned_for_core(history: History, log: Path, start: int) -> list[Scan]:
    """Sequential scans for core that the log tells; says these, and other reads of many rows."""
    core = nodes_of_core(history)
    found: dict[Scan, None] = dict.fromkeys(sorted(scans(log, start)))
    kept = []
    for scan in found:
        is_core = scan.by in core or not scan.by.startswith(FIGURES)
        if is_core and scan.kind == "Seq Scan":
            kept.append(scan)
        where = "landing to core" if is_core else "figures"
        measuring.say(
            f"{where}, {history.cases} cases: {scan.by} reads {scan.rows} rows of {scan.table}"
            f" ({scan.kind})"
        )
    return kept


def check(history: History, days: Sequence[Iterable[Path]]) -> None:
    """Stop the benchmark unless, with all copies of the days, the figures are the known ones."""
    for path in (path for day in days for path in day):
        held = history.folder / "held" / path
        held.rename(history.landing / path.with_name(f"{path.stem}_r2.csv"))
    for stage in ("ingest", "build"):
        measuring.command(stage, environment=history.environment)
    with psycopg.connect(history.address) as connection:
        wrong = [*build.wrong_figures(connection, history.scale, history.totals)]
    if wrong:
        sys.exit("\n".join(["Nothing counts, for the figures are wrong:", *wrong[:50]]))


def rows_of(
    histories: Sequence[History], taken: Sequence[Sequence[Day]], found: Sequence[Sequence[Scan]]
) -> list[Row]:
    """Times of all histories, each against the first, and their scans."""
    rows = []
    to_core = [[day.to_core for day in days] for days in taken]
    first = histories[0]
    for place, (history, seconds) in enumerate(zip(histories, to_core, strict=True)):
        row = Row(f"landing to core, {history.cases} cases", "s", seconds)
        if place:
            times = measuring.ratio(seconds, to_core[0])
            row = row._replace(against=f"{first.cases} cases", ratio=times)
            if history.totals["cases"] >= LIMITED_FROM and first.cases <= AGAINST_AT_MOST:
                row = row._replace(limit=f"≤ {MOST_TIMES}", is_kept=times <= MOST_TIMES)
        rows.append(row)
    parts = ("of it ingest", "of it the landing gate", "of it the rest of build", "figures")
    for place, what in enumerate(parts):
        rows += [
            Row(f"{what}, {history.cases} cases", "s", [day[place] for day in days])
            for history, days in zip(histories, taken, strict=True)
        ]
    for history, each in zip(histories, found, strict=True):
        row = Row(f"sequential scans for core, {history.cases} cases", "", [len(each)])
        if history.totals["cases"] >= LIMITED_FROM:
            row = row._replace(limit="0", is_kept=not each)
        rows.append(row)
    return rows


def measure(folder: Path, data: Path, scales: Sequence[int], count: int) -> list[Row]:
    """Make the histories, and take up the days in turn."""
    from motcua.warehouse import schema

    schema.migrate()  # what the histories are copies of
    warming, *days, explained = last_days(count + 2)
    every = [warming, *days, explained]
    histories = [make_history(folder, scale, every) for scale in scales]
    measuring.say("the day that warms up")
    waived = [take_up(history, warming, False)[1] for history in histories]
    taken: list[list[Day]] = [[] for _ in histories]
    for number, day in enumerate(days, start=1):
        for history, is_waived, of_history in zip(histories, waived, taken, strict=True):
            of_history.append(take_up(history, day, is_waived)[0])
            told = ", ".join(f"{what} {s:.1f} s" for what, s in of_history[-1]._asdict().items())
            measuring.say(f"day {number} of {count}, {history.cases} cases: {told}")
    for history in histories:
        tell_slowest(history)
    log = data / "server.log"
    explain(log)
    found = []
    for history, is_waived in zip(histories, waived, strict=True):
        start = log.stat().st_size
        take_up(history, explained, is_waived)
        found.append(scanned_for_core(history, log, start))
    for history in histories:
        measuring.say(f"checking the figures of {history.cases} cases")
        check(history, every)
    return rows_of(histories, taken, found)


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scales", type=int, nargs="+", default=[3, 33, 330], metavar="N")
    parser.add_argument("--days", type=int, default=3)
    arguments = parser.parse_args()
    if min(arguments.scales) < 2 or arguments.days < 1:
        parser.error(
            "scales are whole numbers from 2 on, as 1 has files of other forms; days from 1"
        )
    with measuring.own_server("daily") as (folder, data):
        measuring.warn_if_busy()
        rows = measure(folder, data, arguments.scales, arguments.days)
        what = f"The same {arguments.days} days on each history, after one that warms up."
        return 0 if measuring.tell("daily", what, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
