"""How fast a csv file loads, against a bare \\copy of the same file, and in how much memory.

    python benchmarks/load.py [--cases 1000000] [--rounds 5]

Both ways take turns on a PostgreSQL server of their own in a temporary folder. Bare: psql's \\copy
(psycopg's COPY where there is no psql) into an all-text table without index or default. Ours: from
the first byte of the file to the commit of its manifest row, all record checks included, in a fresh
process whose peak memory is read. Prints the medians and their ratio; exit code 1 when the ratio is
below 0.9 or the memory above 250 MB.
"""

import argparse
import csv
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

LEAST_RATIO = 0.9
MOST_MEMORY_MB = 250

FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Thạch", "Sơn", "Lý", "Danh", "Lâm")
GIVEN_NAMES = ("Văn An", "Thị Bích Ngọc", "Hoàng Phúc", "Minh Đức", "Thị Kim Liên", "Quốc Huy")
STREETS = ("Lê Hồng Phong", "Trần Hưng Đạo", "Tôn Đức Thắng", "Nguyễn Huệ", "Hùng Vương")


def write_cases(path: Path, cases: int) -> None:
    """Write a file of feed `cases`, the same every time."""
    from motcua.landing.feeds import FEEDS

    chance = random.Random(1216)  # noqa: S311 - the same file every time
    start = datetime(2019, 1, 2, 7)
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow([column.name for column in FEEDS["cases"].columns])
        for number in range(cases):
            received = start + timedelta(seconds=chance.randrange(86_400 * 150))
            due, finished = received + timedelta(days=7), received + timedelta(days=5)
            unit = f"000.00.{chance.randrange(1, 17):02}.H51"
            is_done = number % 4 > 0
            person = f"{chance.choice(FAMILY_NAMES)} {chance.choice(GIVEN_NAMES)}"
            writer.writerow(
                [
                    f"{unit}-{received:%y%m%d}-{number:07}",
                    f"1.{number % 997:06}.000.00.00.H51",
                    unit,
                    1 + number % 2,
                    2 + number % 3,
                    1 + number % 4,
                    person,
                    chance.randrange(10**8, 10**9),
                    f"09{chance.randrange(10**8):08}",
                    f"cong.dan.{number}@example.vn" if number % 3 == 0 else "",
                    f"{number % 300} {chance.choice(STREETS)}, Phường {number % 10}, Sóc Trăng",
                    f"{received:%Y%m%d%H%M%S}",
                    f"{received:%Y%m%d%H%M%S}",
                    f"{due:%Y%m%d%H%M%S}",
                    f"{finished:%Y%m%d%H%M%S}" if is_done else "",
                    f"{finished:%Y%m%d%H%M%S}" if is_done else "",
                    number % 2,
                    10 if is_done else 4,
                    chance.choice(FAMILY_NAMES),
                    chance.choice(FAMILY_NAMES),
                    'Bổ sung "bản sao"' if number % 50 == 0 else "",
                    0,
                    f"{finished:%Y%m%d%H%M%S}",
                ]
            )


def bare_seconds(address: str, path: Path) -> float:
    """Seconds of a bare COPY of the file."""
    with path.open(encoding="utf-8") as source:
        columns = source.readline().strip().split(",")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop table if exists public.bare")
        connection.execute(f"create table public.bare ({', '.join(f'{c} text' for c in columns)})")
    if shutil.which("psql"):
        command = f"\\copy public.bare from '{path}' (format csv, header)"
        start = time.perf_counter()
        subprocess.run(["psql", "-qX", address, "-c", command], check=True)
        return time.perf_counter() - start
    start = time.perf_counter()
    with (
        psycopg.connect(address) as connection,
        path.open("rb") as source,
        connection.cursor().copy("copy public.bare from stdin (format csv, header)") as copy,
    ):
        while block := source.read(1 << 16):
            copy.write(block)
    return time.perf_counter() - start


def our_seconds(address: str, landing: Path) -> dict[str, float]:
    """Seconds and peak memory (MB) of loading the file, measured in a process of its own."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("truncate raw.cases, raw.files, raw.rejects")
    done = subprocess.run(
        [sys.executable, __file__, "--load", str(landing)],
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def load_once(landing: str) -> None:
    """The process that `our_seconds` starts."""
    from motcua import settings
    from motcua.landing import find, load, reference
    from motcua.warehouse import database

    known = reference.known_codes(settings.reference())
    (file,), _ = find.find(landing)
    with database.connect(database.LOADER, autocommit=True) as connection:
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        outcome = load.load(connection, file, known)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert outcome is not None
    assert outcome.state == load.LOADED
    assert outcome.read_by == load.STREAM
    assert outcome.rejected == 0
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"s": seconds, "cpu": processor, "mb": used.ru_maxrss / 1024}))


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        load_once(arguments.load)
        return 0
    with tempfile.TemporaryDirectory(prefix="motcua-load-") as folder:
        os.environ["MOTCUA_HOME"] = str(Path(folder, "home"))
        os.environ.pop("MOTCUA_WAREHOUSE_URL", None)
        from motcua.warehouse import database, schema, server

        server.up()
        try:
            schema.migrate()
            landing = Path(folder, "landing")
            path = landing / "cases" / "cases_2019-06-28.csv"
            path.parent.mkdir(parents=True)
            write_cases(path, arguments.cases)
            print(f"{arguments.cases} cases, {path.stat().st_size / 1e6:.0f} MB")
            return compare(database.admin_url(), path, landing, arguments.rounds)
        finally:
            server.down()


def compare(address: str, path: Path, landing: Path, rounds: int) -> int:
    """Let both ways take turns and print what came out."""
    if os.getloadavg()[0] > 0.5 * (os.cpu_count() or 1):
        print(f"Other work runs here (load {os.getloadavg()[0]:.1f}): the ratio says little.")
    bare, ours, memory = [], [], []
    for turn in range(rounds):
        bare.append(bare_seconds(address, path))
        measured = our_seconds(address, landing)
        ours.append(measured["s"])
        memory.append(measured["mb"])
        print(
            f"round {turn + 1}: bare {bare[-1]:.2f} s, ours {ours[-1]:.2f} s"
            f" (processor {measured['cpu']:.2f} s), peak {memory[-1]:.0f} MB"
        )
    ratio = statistics.median(bare) / statistics.median(ours)
    print(
        f"median: bare {statistics.median(bare):.2f} s, ours {statistics.median(ours):.2f} s;"
        f" speed {ratio:.2f} of bare (at least {LEAST_RATIO}; of the best rounds"
        f" {min(bare) / min(ours):.2f});"
        f" peak memory {max(memory):.0f} MB (at most {MOST_MEMORY_MB})"
    )
    return 0 if ratio >= LEAST_RATIO and max(memory) <= MOST_MEMORY_MB else 1


if __name__ == "__main__":
    sys.exit(main())
