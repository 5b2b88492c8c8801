"""How fast files load, as ratios within one run, and in how much memory.

    python benchmarks/load.py [--cases 1000000] [--rounds 5] [--ways csv gz xlsx] [--large [5]]

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

Ours: from the first byte of the file to the commit of its manifest row, all record checks included,
in a fresh process. Memory: the peaks of that process and of the one that it starts for a sheet.
--large: besides, a csv file of so many GB, as a stream and record by record, for memory alone.

Exit code 1 when a ratio (of medians) or a peak misses its limit.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import exports
import psycopg

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
        command = f"\\copy public.bare from '{path}' (format csv, header)"
        start = time.perf_counter()
        subprocess.run(["psql", "-qX", address, "-c", command], check=True)
        return Measured(time.perf_counter() - start)
    start = time.perf_counter()
    with (
        psycopg.connect(address) as connection,
        path.open("rb") as source,
        connection.cursor().copy("copy public.bare from stdin (format csv, header)") as copy,
    ):
        while block := source.read(1 << 16):
            copy.write(block)
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


def measure(address: str, folder: Path, name: str) -> Measured:
    """Load the file of a way into empty tables, in a process of its own where it is Python."""
    _empty(address)
    if name == "bare":
        return load_bare(address, folder / "plain.csv")
    if name == "openpyxl":
        measured = _alone("--by-openpyxl", address, _path(folder, "xlsx"))
        return Measured(*measured)
    way = WAYS[name]
    measured, read_by, rejected = _alone("--load", folder / name)
    assert (read_by, rejected) == (way.read_by, way.rejected), (name, read_by, rejected)
    return Measured(*measured)


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


def compare(address: str, folder: Path, names: list[str], cases: int, rounds: int) -> bool:
    """Let the ways take turns and print what came out; tells whether every limit was kept."""
    plain = folder / "plain.csv"
    exports.write_csv(plain, cases)
    for name in names:
        WAYS[name].write(plain, _path(folder, name))
        print(f"{name}: {_path(folder, name).stat().st_size / 1e6:.1f} MB")
    load_average = os.getloadavg()[0]
    if load_average > 0.5 * (os.cpu_count() or 1):
        print(f"Other work runs here (load {load_average:.1f}): the ratios say little.")
    turns = dict.fromkeys([*(WAYS[name].against for name in names), *names])
    taken: dict[str, list[Measured]] = {name: [] for name in turns}
    for turn in range(rounds):
        for name, measured in taken.items():
            measured.append(measure(address, folder, name))
        line = ", ".join(f"{name} {measured[-1].seconds:.2f} s" for name, measured in taken.items())
        print(f"round {turn + 1} of {rounds}: {line}", flush=True)
    return _tell(taken)


def _tell(taken: dict[str, list[Measured]]) -> bool:
    """Print a table of medians, ratios and peaks beside their limits."""
    print(
        f"\n{'way':9}{'median s':>9}  {'against':9}{'ratio':>6}{'least':>6}{'of best':>9}"
        f"{'peak MB':>9}{'most':>6}"
    )
    all_kept = True
    for name, measured in taken.items():
        seconds = [each.seconds for each in measured]
        line = f"{name:9}{statistics.median(seconds):9.2f}"
        if name in WAYS:
            against, least = WAYS[name].against, WAYS[name].least
            others = [each.seconds for each in taken[against]]
            ratio = statistics.median(others) / statistics.median(seconds)
            peak = max(each.memory for each in measured)
            is_kept = ratio >= least and peak <= MOST_MEMORY_MB
            all_kept &= is_kept
            line += (
                f"  {against:9}{ratio:6.2f}{least:6.2f}{min(others) / min(seconds):9.2f}"
                f"{peak:9.0f}{MOST_MEMORY_MB:6}  {'kept' if is_kept else 'MISSED'}"
            )
        print(line)
    return all_kept


def measure_large(address: str, folder: Path, size: float) -> bool:
    """Load a file of `size` GB in both ways; tells whether memory kept its limit."""
    path = _path(folder, "csv")
    exports.write_large_csv(path, round(size * 1e9))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("alter system set max_wal_size = '512MB'")
        connection.execute("select pg_reload_conf()")
    all_kept = True
    for read_by, rejected in (("stream", 0), ("records", 1)):
        if rejected:
            exports.put_stray_quote(path, first=True)
        _empty(address)
        measured, *found = _alone("--load", folder / "csv")
        assert found == [read_by, rejected], found
        seconds, peak = measured
        is_kept = peak <= MOST_MEMORY_MB
        all_kept &= is_kept
        print(
            f"{path.stat().st_size / 1e9:.1f} GB as {read_by}: {seconds:.0f} s, peak {peak:.0f} MB"
            f" (at most {MOST_MEMORY_MB})  {'kept' if is_kept else 'MISSED'}",
            flush=True,
        )
    path.unlink()
    _empty(address)
    return all_kept


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


@contextmanager
def _own_server() -> Iterator[tuple[str, Path, Path]]:
    """Start a server; its address, its folder and one for files, which go with it."""
    with tempfile.TemporaryDirectory(prefix="motcua-load-") as folder:
        os.environ["MOTCUA_HOME"] = str(Path(folder, "home"))
        os.environ.pop("MOTCUA_WAREHOUSE_URL", None)
        from motcua.warehouse import database, schema, server

        record, _ = server.up()
        data = Path(record["data"])
        try:
            schema.migrate()
            yield database.admin_url(), data, Path(folder)
        finally:
            server.down()
            shutil.rmtree(data.parent)  # for root it is not in our folder


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1_000_000, help="records of the csv files")
    parser.add_argument("--rounds", type=int, default=5)
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
    with _own_server() as (address, data, folder):
        if arguments.large and not _has_room(arguments.large, folder, data):
            return 2
        all_kept = True
        if arguments.ways:
            all_kept &= compare(address, folder, arguments.ways, arguments.cases, arguments.rounds)
        if arguments.large:
            all_kept &= measure_large(address, folder, arguments.large)
        return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
