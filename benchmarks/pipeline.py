"""How long files take from landing to published figures, in how much memory, against pandas.

    motcua bench pipeline [--scales 3 33 330] [--rounds 1] [--deadline 20] [--at FOLDER]

For each scale, on a PostgreSQL server of its own, in a temporary folder, the sample is written
`scale` times over as plain csv (each about 30 thousand cases). Then both take turns:

motcua   `motcua ingest`, `motcua build` and `motcua publish` of the second quarter, all checks,
         evidence and the workbook included
pandas   as practitioners do it: every file, day by day, by read_csv, all as text, in chunks of 100
         thousand records; times converted by their format; to_sql into a table for each feed in an
         empty database of the same server (SQLAlchemy with psycopg, the default executemany: its
         method "multi" is several times slower); of cases, supplements and ratings the columns
         that count stay in memory, which is quicker than reading them back. From these, by
         groupby, appendices I and II of the same quarter for each unit. No check, no history, no
         evidence

Time is from the start of the first process to the end of the last one. Peak memory is that of each
process (VmHWM), read every 50 ms; PostgreSQL is not counted, for both use the same. `motcua build`
and `motcua publish` hold their gate in their own process, dbt is a process of its own.

pandas stops loading at the deadline (minutes). Its time, and what its memory grew by, are then
extrapolated from the bytes that it has loaded, and marked so; every day has all feeds, so that what
it has loaded is like the rest. The figures, which it did not come to, are left out, which favours
it. What each made is deleted before the other begins.

disk   all tables of the warehouse with their indexes after the publication, against the csv files

Our figures must be those that the sample was made for, and those of pandas must be the published
ones, cell by cell. Exit code 1 when they are not, or when a limit is missed: they hold from 1
million or from 10 million cases on; from a scale of 1 million to one of 10 million a build may take
at most 11 times as long. Scale 330 needs about 80 GB of disk. With --at, the last scale's warehouse
is left for other benchmarks, which need not load it again; it then lies there while pandas works.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import build
import measuring
import practice
import psycopg
from measuring import Row
from practice import PERIOD, Figures
from psycopg import sql

COMPARATOR = Path(__file__).with_name("by_pandas.py")

OURS, PANDAS = "ours", "by_pandas"
"""Names of the databases."""

LEAST_TIMES = {1_000_000: 3, 10_000_000: 5}
"""Cases from which ours must be so many times as fast."""

MILLION, TEN_MILLION = 1_000_000, 10_000_000
SMALL = 100_000
"""At most so many cases has the sample against which memory grows."""

MOST_MEMORY_MB = {"ingest": 300, "build": 400, "dbt": 300, "publish": 400}
"""By command; a gate is part of `build` and of `publish`."""

MOST_GROWTH_MB = 30
MOST_GROWTH_OF_BUILD = 11
"""Times that a build of ten million cases may take of one of a million."""

MOST_OF_MEMORY = 0.1
MOST_DISK = 3


class Done(NamedTuple):
    """What a way took: seconds, and the peak memory in MB of each kind of process.

    is_whole: whether it came to its end, or is extrapolated. steps: of ours, seconds of each
    command.
    """

    seconds: float
    peaks: dict[str, float]
    is_whole: bool = True
    steps: Mapping[str, float] = MappingProxyType({})


def by_motcua(folder: Path) -> tuple[Done, str]:
    """Load, build and publish in an installation of its own; tells also the URL of its database."""
    address, environment = measuring.another_installation(folder, OURS)
    program = str(Path(sys.executable).with_name("motcua"))
    steps, peaks = dict[str, float](), dict[str, float]()
    for command in (["ingest"], ["build"], ["publish", PERIOD, "--approved-by", "Benchmark"]):
        seconds, found, _ = measuring.watch([program, *command], command[0], environment)
        measuring.say(f"motcua {command[0]}: {seconds:.1f} s, {_text(found)}")
        steps[command[0]] = seconds
        peaks |= found
    return Done(sum(steps.values()), peaks, steps=steps), address


def by_pandas(landing: Path, address: str, minutes: float) -> tuple[Done, Figures | None]:
    """Load and count with pandas, in a process of its own; figures: None when time was short."""
    command = [sys.executable, str(COMPARATOR), str(landing), address, str(60 * minutes)]
    seconds, peaks, printed = measuring.watch(command, "pandas")
    told = json.loads(printed)
    measuring.say(f"pandas: {seconds:.1f} s, {_text(peaks)}, {told['share']:.0%} loaded")
    if told["figures"] is not None:
        return Done(seconds, peaks), told["figures"]
    # What it took before the first file is not extrapolated.
    whole = told["before"] + (seconds - told["before"]) / told["share"]
    peak = told["memory_before"] + (peaks["pandas"] - told["memory_before"]) / told["share"]
    return Done(whole, {"pandas": peak}, is_whole=False), None


def _text(peaks: Mapping[str, float]) -> str:
    return ", ".join(f"{name} at most {peak:.0f} MB" for name, peak in peaks.items())


def disk(address: str) -> int:
    """Bytes of all tables of a warehouse, with their indexes."""
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "select sum(pg_total_relation_size(pg_class.oid)) from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind in ('r', 'm')"
            " and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _published(address: str) -> Figures:
    """Appendices I and II of the release."""
    with psycopg.connect(address) as connection:
        return practice.read(connection, "published", "publication_id", f"{PERIOD}.r1")


def wrong_figures(address: str, scale: int, totals: dict[str, Any]) -> Iterator[str]:
    """Figures of the marts, or numbers of the release, that the sample was not made for."""
    from motcua_sample.targets import read_report

    with psycopg.connect(address) as connection:
        yield from build.wrong_figures(connection, scale, totals)
        released = {
            order: counts
            for order, *counts in connection.execute(
                "select display_order, newly_received, settled_total from published.appendix_1"
                " where publication_id = %s",
                [f"{PERIOD}.r1"],
            )
        }
    for unit in read_report().units:
        scores = unit.quarters[PERIOD]
        due = [scale * scores["received"], scale * scores["settled"]]
        if released.get(unit.order) != due:
            yield f"{unit.name}: {released.get(unit.order)} published, due {due}"


def refuse(problems: Sequence[str]) -> None:
    """Stop the benchmark when there are problems."""
    if problems:
        sys.exit("\n".join(["Nothing counts, for the figures are wrong:", *problems[:50]]))


class Measured(NamedTuple):
    """Of one scale: cases, every round of both ways, bytes of the warehouse and of the files."""

    cases: int
    ours: list[Done]
    pandas: list[Done]
    disk: int
    csv: int


def measure(folder: Path, scale: int, rounds: int, minutes: float, is_kept: bool) -> Measured:
    """Let both ways take turns on one sample; is_kept: leave what ours made the last time."""
    from motcua.warehouse import schema
    from motcua_sample import write_sample

    schema.migrate()  # what ours is a copy of
    measuring.say(f"writing the sample at scale {scale}")
    landing = folder / "landing"
    totals = write_sample(landing, scale)
    csv = sum(path.stat().st_size for path in landing.rglob("*.csv"))
    measured = Measured(totals["cases"], [], [], 0, csv)
    for turn in range(1, rounds + 1):
        measuring.say(f"{totals['cases']} cases, round {turn} of {rounds}")
        done, address = by_motcua(folder)
        measured.ours.append(done)
        refuse([*wrong_figures(address, scale, totals)])
        figures, size = _published(address), disk(address)
        if turn < rounds or not is_kept:
            measuring.drop_copy(OURS)
        done, counted = by_pandas(landing, _empty_database(), minutes)
        measured.pandas.append(done)
        if counted is not None:
            refuse([*practice.differences(figures, counted)])
            measuring.say("pandas has the published figures")
        measuring.drop_copy(PANDAS)
        measured = measured._replace(disk=size)
    if is_kept:
        _keep(folder, scale, totals)
    return measured


def _keep(folder: Path, scale: int, totals: dict[str, Any]) -> None:
    """Make the copy the warehouse of the installation, and its files those of its landing zone."""
    measuring.drop_copy("warehouse")
    with psycopg.connect(_address("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("alter database {} rename to warehouse").format(sql.Identifier(OURS)))
    (folder / "landing").rename(folder / "home" / "landing")
    measuring.note_sample(folder, scale, totals)


def _address(database: str) -> str:
    """The URL of a database of the running server."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    return server.url(record, "postgres", database)


def _empty_database() -> str:
    """Make an empty database for pandas; returns its URL."""
    with psycopg.connect(_address("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(PANDAS)))
    return _address(PANDAS)


def rows_of(all_measured: Sequence[Measured]) -> list[Row]:
    """Times, memory and disk of every scale, and how memory grows from the first to the last."""
    rows = [row for measured in all_measured for row in _rows_of(measured)]
    first, last = all_measured[0], all_measured[-1]
    for kind in MOST_MEMORY_MB if first is not last else ():
        growth = _peak_of(last.ours, kind) - _peak_of(first.ours, kind)
        row = Row(
            f"{kind}, peak memory from {first.cases} to {last.cases} cases", "MB more", [growth]
        )
        if first.cases <= SMALL and last.cases >= TEN_MILLION:
            row = row._replace(limit=f"≤ {MOST_GROWTH_MB}", is_kept=growth <= MOST_GROWTH_MB)
        rows.append(row)
    million = [each for each in all_measured if MILLION <= each.cases < TEN_MILLION]
    if million and last.cases >= TEN_MILLION:
        less, more = ([done.steps["build"] for done in each.ours] for each in (million[0], last))
        times = measuring.ratio(more, less)
        rows.append(
            Row(
                *(f"build of {last.cases} cases", "s", more),
                *(f"of {million[0].cases} cases", times, f"≤ {MOST_GROWTH_OF_BUILD}"),
                times <= MOST_GROWTH_OF_BUILD,
            )
        )
    return rows


def _rows_of(measured: Measured) -> Iterator[Row]:
    of = f"{measured.cases} cases"
    ours = [done.seconds for done in measured.ours]
    pandas = [done.seconds for done in measured.pandas]
    mark = "" if all(done.is_whole for done in measured.pandas) else ", extrapolated"
    times = measuring.ratio(pandas, ours)
    row = Row(f"motcua, {of}", "s", ours, f"pandas{mark}", times)
    if limits := [least for cases, least in LEAST_TIMES.items() if measured.cases >= cases]:
        row = row._replace(limit=f"≥ {limits[-1]}", is_kept=times >= limits[-1])
    yield row
    for step in measured.ours[0].steps:
        yield Row(f"of it {step}, {of}", "s", [done.steps[step] for done in measured.ours])
    yield Row(f"pandas{mark}, {of}", "s", pandas)
    for kind, most in MOST_MEMORY_MB.items():
        peaks = [done.peaks.get(kind, 0.0) for done in measured.ours]
        row = Row(f"{kind}, peak memory, {of}", "MB", peaks)
        if measured.cases >= TEN_MILLION:
            row = row._replace(limit=f"≤ {most}", is_kept=max(peaks) <= most)
        yield row
    largest = [max(done.peaks.values()) for done in measured.ours]
    theirs = [done.peaks["pandas"] for done in measured.pandas]
    part = measuring.ratio(largest, theirs)
    row = Row(f"largest process, peak memory, {of}", "MB", largest, f"pandas{mark}", part)
    if measured.cases >= TEN_MILLION:
        row = row._replace(limit=f"≤ {MOST_OF_MEMORY}", is_kept=part <= MOST_OF_MEMORY)
    yield row
    yield Row(f"pandas{mark}, peak memory, {of}", "MB", theirs)
    part = measured.disk / measured.csv
    row = Row(f"disk, {of}", "MB", [measured.disk / 1e6], "csv files", part)
    if measured.cases >= MILLION:
        row = row._replace(limit=f"≤ {MOST_DISK}", is_kept=part <= MOST_DISK)
    yield row
    yield Row(f"csv files, {of}", "MB", [measured.csv / 1e6])


def _peak_of(done: Sequence[Done], kind: str) -> float:
    return max(each.peaks.get(kind, 0.0) for each in done)


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = measuring.options(__doc__, rounds=1)
    parser.add_argument("--scales", type=int, nargs="+", default=[3, 33, 330], metavar="N")
    parser.add_argument("--deadline", type=float, default=20, metavar="MINUTES")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help="keep the last warehouse here")
    arguments = parser.parse_args()
    if min(arguments.scales) < 2 or arguments.rounds < 1:
        parser.error("give scales from 2 on, for 1 has files of other forms, and rounds from 1 on")
    if arguments.at and any(arguments.at.iterdir() if arguments.at.exists() else ()):
        parser.error(f"{arguments.at} is not empty: give a new folder")
    all_measured = []
    for scale in arguments.scales:
        is_last = scale == arguments.scales[-1]
        at = arguments.at if is_last else None
        with measuring.own_server("pipeline", at=at) as (folder, _):
            measuring.warn_if_busy()
            done = measure(folder, scale, arguments.rounds, arguments.deadline, is_kept=bool(at))
            all_measured.append(done)
            if is_last:
                what = f"From landing to {PERIOD}, {arguments.rounds} rounds."
                return 0 if measuring.tell("pipeline", what, rows_of(all_measured)) else 1
    raise AssertionError("the last scale returns")


if __name__ == "__main__":
    sys.exit(main())
