"""How fast files load, as ratios within one run, and in how much memory.

    motcua bench load [--cases 1000000] [--rounds 5] [--ways csv gz xlsx] [--large [5]]

All ways take turns on a PostgreSQL server of their own, in a temporary folder:

bare      psql's \\copy (psycopg's COPY where there is no psql) of the plain csv file in UTF-8 into
          an all-text table without index or default; the ways of csv are measured against it
csv       the same file; it streams
gz        the same file, packed; it streams
stray     the same file but for a stray quote in its last record: it streams in vain, then it is
          read record by record
cp1258    the same records in Windows-1258, which are read record by record
utf-16    likewise in UTF-16
openpyxl  the first 100 thousand cases as xlsx (text, number and date cells), read by openpyxl in
          its read-only mode and sent to the COPY of bare; xlsx is measured against it
xlsx      the same workbook

Ours: from the first byte of the file to the commit of its manifest row, all record checks
included, in a fresh process. Its start with that of its libraries and its connection is not
counted: each run of ingestion has them once for all files. Neither is that of psql, which tells the
time of \\copy itself. After each load the cases in the table are counted. Memory: the peaks of that
process and of the one that it starts for a sheet.
--large: besides, a csv file of so many GB, as a stream and record by record, for memory alone.

Exit code 1 when a ratio (of medians) or a peak misses its limit.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import exports
import measuring
import psycopg
from measuring import Row

MOST_MEMORY_MB = 250

SHEET_CASES = 100_000
"""Records of the workbook: the most that a sheet may have."""

LARGE_GB = 5.0

DISK_OF_LARGE = 2.4
"""Free disk that the large file needs with its table and the server's log, in times its size."""

FILE_NAME = "cases_2019-06-28"


class Way(NamedTuple):
    """A way of loading, and how fast it must be at least against another one.

    write: makes its file from the plain one. form: the ending of the file. read_by, rejected: what
    the loader must tell of it.
    """

    write: Callable[[Path, Path], None]
    form: str
    read_by: str
    rejected: int
    against: str
    least: float


def _write_sheet(source: Path, target: Path) -> None:
    exports.write_sheet(source, target, SHEET_CASES)


WAYS = {
    "csv": Way(shutil.copyfile, "csv", "stream", 0, "bare", 0.9),
    "gz": Way(exports.write_gz, "csv.gz", "stream", 0, "bare", 0.7),
    "stray": Way(exports.write_with_stray_quote, "csv", "records", 1, "bare", 0.25),
    "cp1258": Way(exports.write_windows_1258, "csv", "records", 0, "bare", 0.25),
    "utf-16": Way(exports.write_utf_16, "csv", "records", 0, "bare", 0.25),
    "xlsx": Way(_write_sheet, "xlsx", "xlsx", 0, "openpyxl", 5.0),
}


class Measured(NamedTuple):
    """What loading took: seconds, and where it is known the peak memory of its processes in MB."""

    seconds: float
    memory: float = 0.0


def load_bare(address: str, path: Path) -> Measured:
    """Bring a csv file into the bare table."""
    if shutil.which("psql"):
        copy = f"\\copy public.bare from '{path}' (format csv, header)"
        command = ["psql", "-qX", address, "-c", "\\timing on", "-c", copy]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found = re.search(r"([0-9]+[.,][0-9]+) ms", done.stdout)
        assert found is not None, done.stdout
        return Measured(float(found[1].replace(",", ".")) / 1000)
    with psycopg.connect(address, autocommit=True) as connection:
        start = time.perf_counter()
        with (
            path.open("rb") as source,
            connection.cursor().copy("copy public.bare from stdin (format csv, header)") as stream,
        ):
            while block := source.read(1 << 16):
                stream.write(block)
        return Measured(time.perf_counter() - start)


def load_by_openpyxl(address: str, path: Path) -> Measured:
    """Bring a workbook into the bare table."""
    import openpyxl

    start = time.perf_counter()
    with psycopg.connect(address) as connection:
        sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0]
        with connection.cursor().copy("copy public.bare from stdin") as copy:
            for row in sheet.iter_rows(min_row=2, values_only=True):
                copy.write_row(row)
    return Measured(time.perf_counter() - start, _peak_memory())


def load(landing: Path) -> tuple[Measured, str, int]:
    """Load the only file of a landing zone; tells also how it was read and how many rejects."""
    from motcua import settings
    from motcua.landing import find, load, reference
    from motcua.warehouse import database

    known = reference.known_codes(settings.reference())
    (file,), _ = find.find(str(landing))
    with database.connect(database.LOADER, autocommit=True) as connection:
        start = time.perf_counter()
        outcome = load.load(connection, file, known)
        seconds = time.perf_counter() - start
    assert outcome is not None
    assert outcome.state == load.LOADED, outcome.reason
    return Measured(seconds, _peak_memory()), outcome.read_by, outcome.rejected


def _peak_memory() -> float:
    """The larger of the peaks of this process and of those that it waited for, in MB.

    ru_maxrss would tell of this process the memory of its parent too, which wrote the files.
    """
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def measure(address: str, folder: Path, name: str, cases: int) -> Measured:
    """Load the file of a way into empty tables, in a process of its own where it is Python.

    cases: of the plain file. Stops the benchmark when not all of them are in the table then.
    """
    _empty(address)
    if name == "bare":
        measured = load_bare(address, folder / "plain.csv")
        _check(address, "public.bare", cases)
        return measured
    if name == "openpyxl":
        taken = _alone("--by-openpyxl", address, _path(folder, "xlsx"))
        _check(address, "public.bare", min(cases, SHEET_CASES))
        return Measured(*taken)
    way = WAYS[name]
    taken, read_by, rejected = _alone("--load", folder / name)
    assert (read_by, rejected) == (way.read_by, way.rejected), (name, read_by, rejected)
    due = min(cases, SHEET_CASES) if way.form == "xlsx" else cases
    _check(address, "raw.cases", due - way.rejected)
    return Measured(*taken)


def _check(address: str, table: str, cases: int) -> None:
    with psycopg.connect(address) as connection:
        found = connection.execute(
            f"select count(*), count(distinct mahoso) from {table}"
        ).fetchone()
    if found != (cases, cases):
        sys.exit(f"Nothing counts: {table} holds (rows, codes) {found}, due are {cases}.")


def _alone(*arguments: object) -> list[object]:
    """What this script prints when it is started with these arguments."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    printed: list[object] = json.loads(done.stdout)
    return printed


def _empty(address: str) -> None:
    """Empty the tables, and let nothing of earlier loads wait for the disk."""
    columns = ", ".join(f"{column.sql_name} text" for column in exports.COLUMNS)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("truncate raw.cases, raw.files, raw.rejects")
        connection.execute("drop table if exists public.bare")
        connection.execute(f"create table public.bare ({columns})")
        connection.execute("checkpoint")


def _path(folder: Path, name: str) -> Path:
    """The file of a way, in a landing zone of its own."""
    path = folder / name / "cases" / f"{FILE_NAME}.{WAYS[name].form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def compare(address: str, folder: Path, names: list[str], cases: int, rounds: int) -> list[Row]:
    """Let the ways take turns; returns their times, ratios and peaks."""
    plain = folder / "plain.csv"
    exports.write_csv(plain, cases)
    for name in names:
        WAYS[name].write(plain, _path(folder, name))
        print(f"{name}: {_path(folder, name).stat().st_size / 1e6:.1f} MB")
    turns = dict.fromkeys([*(WAYS[name].against for name in names), *names])
    taken: dict[str, list[Measured]] = {name: [] for name in turns}
    for turn in range(rounds):
        for name, measured in taken.items():
            measured.append(measure(address, folder, name, cases))
        line = ", ".join(f"{name} {measured[-1].seconds:.2f} s" for name, measured in taken.items())
        measuring.say(f"round {turn + 1} of {rounds}: {line}")
    return _rows(taken)


def _rows(taken: dict[str, list[Measured]]) -> list[Row]:
    """Times and ratios beside their limits, then the peaks of memory."""
    times, peaks = [], []
    for name, measured in taken.items():
        seconds = [each.seconds for each in measured]
        if name not in WAYS:
            times.append(Row(name, "s", seconds))
            continue
        against, least = WAYS[name].against, WAYS[name].least
        # A ratio of speeds: how much of the other's speed ours has.
        speed = measuring.ratio([each.seconds for each in taken[against]], seconds)
        times.append(Row(name, "s", seconds, against, speed, f"≥ {least}", speed >= least))
        peaks.append(_peak(name, [each.memory for each in measured]))
    return times + peaks


def _peak(what: str, memory: list[float]) -> Row:
    is_kept = max(memory) <= MOST_MEMORY_MB
    return Row(f"{what}, peak memory", "MB", memory, limit=f"≤ {MOST_MEMORY_MB}", is_kept=is_kept)


def measure_large(address: str, folder: Path, size: float) -> list[Row]:
    """Load a file of `size` GB in both ways; returns times and peaks."""
    path = _path(folder, "csv")
    exports.write_large_csv(path, round(size * 1e9))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("alter system set max_wal_size = '512MB'")
        connection.execute("select pg_reload_conf()")
    rows = []
    for read_by, rejected in (("stream", 0), ("records", 1)):
        if rejected:
            exports.put_stray_quote(path, first=True)
        _empty(address)
        measured, *found = _alone("--load", folder / "csv")
        assert found == [read_by, rejected], found
        seconds, peak = measured
        what = f"{path.stat().st_size / 1e9:.1f} GB as {read_by}"
        measuring.say(f"{what}: {seconds:.0f} s, peak {peak:.0f} MB")
        rows += [Row(what, "s", [seconds]), _peak(what, [peak])]
    path.unlink()
    _empty(address)
    return rows


def _has_room(size: float, *places: Path) -> bool:
    """Whether a file of `size` GB and its table find room; says so when they do not."""
    needed = DISK_OF_LARGE * size
    free = min(shutil.disk_usage(place).free for place in places) / 1e9
    if free < needed:
        print(
            f"--large {size:g} needs {needed:.0f} GB of free disk in"
            f" {' and '.join(map(str, places))}; there are {free:.0f} GB. Make room, or name"
            " another folder in TMPDIR."
        )
    return free >= needed


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = measuring.options(__doc__, rounds=5)
    parser.add_argument("--cases", type=int, default=1_000_000, help="records of the csv files")
    parser.add_argument(
        "--ways", nargs="*", choices=WAYS, default=list(WAYS), help="those to measure, if not all"
    )
    parser.add_argument(
        "--large",
        type=float,
        nargs="?",
        const=LARGE_GB,
        metavar="GB",
        help=f"load a csv file of so many GB too: {LARGE_GB:g}, if nothing else is said, which take"
        f" some minutes and {DISK_OF_LARGE * LARGE_GB:.0f} GB of free disk",
    )
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by-openpyxl", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(load(arguments.load)))
        return 0
    if arguments.by_openpyxl:
        address, path = arguments.by_openpyxl
        print(json.dumps(load_by_openpyxl(address, Path(path))))
        return 0
    with measuring.own_server("load") as (folder, data):
        from motcua.warehouse import database, schema

        if arguments.large and not _has_room(arguments.large, folder, data):
            return 2
        measuring.warn_if_busy()
        schema.migrate()
        address = database.admin_url()
        rows = []
        if arguments.ways:
            rows += compare(address, folder, arguments.ways, arguments.cases, arguments.rounds)
        if arguments.large:
            rows += measure_large(address, folder, arguments.large)
        what = (
            f"{arguments.cases} cases; a ratio is one of speeds: seconds of what it is against"
            " divided by the way's own."
        )
        return 0 if measuring.tell("load", what, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
