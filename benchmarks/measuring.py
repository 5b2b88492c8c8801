"""What the benchmarks have in common: an installation of their own, and one form of results."""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from motcua import settings

STORED = settings.PROJECT / ".motcua" / "benchmarks"
"""The folder that keeps every table of results."""

KEPT = "sample.json"
"""The file that tells what a kept installation holds."""

AT = "keep the loaded sample in this folder, or take up the one that another benchmark kept there"


class Row(NamedTuple):
    """A line of results: what was measured, and its value in every run.

    ratio: to `against`, which the same run measured. limit: as it is printed; is_kept: whether it
    holds, None without a limit.
    """

    what: str
    unit: str
    values: Sequence[float]
    against: str = ""
    ratio: float | None = None
    limit: str = ""
    is_kept: bool | None = None


class Server(NamedTuple):
    """An installation of a benchmark: its folder, and where its PostgreSQL keeps the data."""

    folder: Path
    data: Path


def options(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The command line of a benchmark, to which it adds its own options."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def sample_options(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The command line of a benchmark of one sample, which can be kept for the next one."""
    parser = options(description, rounds)
    parser.add_argument("--scale", type=int, default=33, help="33: 1 million cases")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help=AT)
    return parser


@contextmanager
def own_server(name: str, is_kept: bool = False, at: Path | None = None) -> Iterator[Server]:
    """Start an empty installation in a temporary folder, without any setting of this machine.

    All of it goes in the end, also when the benchmark is interrupted; is_kept leaves it as it is.
    at: the folder of an installation that stays, and may be there from another benchmark.
    """
    for setting in [each for each in os.environ if each.startswith("MOTCUA_")]:
        if setting != "MOTCUA_PROJECT":
            del os.environ[setting]
    folder = at.resolve() if at else Path(tempfile.mkdtemp(prefix=f"motcua-{name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MOTCUA_HOME"] = str(folder / "home")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from motcua.warehouse import server

    base = folder
    try:
        record, _ = server.up()
        data = Path(record["data"])
        base = data.parent  # for root it is not in our folder
        yield Server(folder, data)
    except KeyboardInterrupt:
        print("Interrupted.")
        sys.exit(130)
    finally:
        if is_kept:
            print(f"The server still runs: MOTCUA_HOME={folder / 'home'}")
        else:
            server.down()
            for place in () if at else (base, folder):
                shutil.rmtree(place, ignore_errors=True)


def prepare_sample(folder: Path, scale: int) -> dict[str, Any]:
    """Load the sample into the installation under `folder`, and build; returns its known totals.

    Does nothing when the folder has it from another benchmark.
    """
    from motcua_sample import write_sample

    if (folder / KEPT).exists():
        kept = json.loads((folder / KEPT).read_text())
        if kept["scale"] != scale:
            sys.exit(f"{folder} holds the sample at scale {kept['scale']}: give that one.")
        if not kept["built"]:
            say("building")
            command("build")
            note_sample(folder, scale, kept["totals"])
        return dict(kept["totals"])
    say(f"writing the sample at scale {scale}")
    totals = write_sample(folder / "home" / "landing", scale)
    say(f"loading {totals['files']} files with {totals['cases']} cases")
    command("ingest")
    say("building")
    command("build")
    note_sample(folder, scale, totals)
    return totals


def note_sample(folder: Path, scale: int, totals: dict[str, Any]) -> None:
    """Note what the installation under `folder` holds, for other benchmarks."""
    kept = {"scale": scale, "totals": totals, "built": True}
    (folder / KEPT).write_text(json.dumps(kept))


def note_unbuilt(folder: Path) -> None:
    """Note that core and marts are gone: whoever comes next to the folder builds them first."""
    kept = json.loads((folder / KEPT).read_text())
    (folder / KEPT).write_text(json.dumps(kept | {"built": False}))


def sample_text(scale: int, totals: dict[str, Any]) -> str:
    """What the sample holds, for the head of a table."""
    records = sum(totals["records"].values())
    return (
        f"The sample at scale {scale}: {totals['cases']} cases, {records} records in"
        f" {totals['files']} files."
    )


def copy_warehouse(name: str) -> str:
    """Copy the warehouse, to which nobody may be connected; returns the URL of the copy."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    with psycopg.connect(server.url(record, "postgres", "postgres"), autocommit=True) as admin:
        copy = sql.Identifier(name)
        admin.execute(
            sql.SQL("create database {} template warehouse strategy file_copy").format(copy)
        )
        # What stands on the database itself is not copied with it.
        admin.execute(sql.SQL("grant create on database {} to motcua_transformer").format(copy))
        admin.execute(
            sql.SQL("alter database {} set timezone to {}").format(copy, settings.TIME_ZONE)
        )
    return server.url(record, "postgres", name)


def another_installation(folder: Path, name: str) -> tuple[str, dict[str, str]]:
    """Copy the empty warehouse for an installation in `folder`; its URL, and what commands need.

    Its files arrive in `folder`/landing, and none of them waits.
    """
    address = copy_warehouse(name)
    return address, os.environ | {
        "MOTCUA_HOME": str(folder / "home"),
        "MOTCUA_LANDING": str(folder / "landing"),
        "MOTCUA_QUIET_SECONDS": "0",
        "MOTCUA_WAREHOUSE_URL": address,
    }


def drop_copy(name: str) -> None:
    """Delete a copy of the warehouse."""
    from motcua.warehouse import server

    record = server.running()
    assert record is not None
    with psycopg.connect(server.url(record, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def say(text: str) -> None:
    """Tell how far the benchmark has come."""
    print(f"{datetime.now():%H:%M:%S} {text}", flush=True)


def command(*arguments: str, environment: Mapping[str, str] | None = None) -> float:
    """Run a command of `motcua` in a process of its own; returns its seconds."""
    program = str(Path(sys.executable).with_name("motcua"))
    start = time.perf_counter()
    subprocess.run([program, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def watch(
    command: Sequence[str], kind: str, environment: Mapping[str, str] | None = None
) -> tuple[float, dict[str, float], str]:
    """Run a command; returns its seconds, the peaks of its processes in MB, and what it printed."""
    peaks: dict[str, float] = defaultdict(float)
    start = time.perf_counter()
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, env=environment, stdout=output) as process,
    ):
        try:
            while process.poll() is None:
                for number in _family(process.pid):
                    name, peak = _peak(number)
                    peaks[name or kind] = max(peaks[name or kind], peak)
                time.sleep(0.05)
        except BaseException:  # interrupted: nobody waits for it
            process.kill()
            raise
        seconds = time.perf_counter() - start
        output.seek(0)
        printed = output.read().decode()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{printed}")
    return seconds, {name: peak for name, peak in peaks.items() if peak}, printed


def _family(number: int) -> Iterator[int]:
    """A process and all that it started."""
    yield number
    try:
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:  # it has ended
        return


def _peak(number: int) -> tuple[str, float]:
    """`dbt` if that is what a process runs, and its peak memory in MB; 0 when it has ended."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[:2]
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return "", 0.0
    names = [Path(word.decode(errors="replace")).name for word in words]
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return "dbt" if "dbt" in names else "", peaks[0] / 1024 if peaks else 0.0


def tell(name: str, what: str, rows: Sequence[Row]) -> bool:
    """Print and store the table of a benchmark; tells whether every limit was kept.

    what: the data that was measured. The server must still run, for its version.
    """
    now = datetime.now(UTC)
    text = "\n".join(
        [
            f"### {name}, {now:%Y-%m-%d %H:%M} UTC",
            "",
            what,
            f"{_machine()}. {_versions()}.",
            "",
            *_table(rows),
        ]
    )
    STORED.mkdir(parents=True, exist_ok=True)
    path = STORED / f"{name}-{now:%Y%m%d-%H%M%S}.md"
    path.write_text(f"{text}\n", encoding="utf-8")
    print(f"\n{text}\n\nStored: {path}")
    return all(row.is_kept is not False for row in rows)


def warn_if_busy() -> None:
    """Say so when other work runs beside the benchmark."""
    load_average, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load_average > 0.5 * cores:
        print(
            f"Other work runs here (load {load_average:.1f} on {cores} cores): times are too long,"
            " and ratios say little."
        )


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Of the medians of two things that were measured in the same run."""
    return statistics.median(values) / statistics.median(others)


def _table(rows: Sequence[Row]) -> list[str]:
    """A Markdown table, in columns that can be read as they are."""
    lines = [
        ["what", "unit", "median", "least", "most", "runs", "against", "ratio", "limit", ""],
        *(
            [
                row.what,
                row.unit,
                *(f"{number:.4g}" for number in _summary(row.values)),
                str(len(row.values)),
                row.against,
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.limit,
                {True: "kept", False: "MISSED", None: ""}[row.is_kept],
            ]
            for row in rows
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    ]


def _summary(values: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"Machine: {os.cpu_count()} cores of {processor}, {memory:.0f} GB, {platform.system()};"
        f" load average at the end {os.getloadavg()[0]:.1f}"
    )


def _versions() -> str:
    from motcua.warehouse import database

    with psycopg.connect(database.admin_url()) as connection:
        server = connection.info.parameter_status("server_version")
    return (
        f"Versions: motcua {settings.code_commit()}, Python {platform.python_version()},"
        f" PostgreSQL {server}, dbt {version('dbt-core')}"
    )
