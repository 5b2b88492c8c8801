"""How long a page takes when the warehouse holds ten years of ten million cases.

    motcua bench pages [--rounds 20] [--keep]

On a PostgreSQL server of its own, in a temporary folder: the sample is loaded, built and published,
then all that the pages read grows to ten years of working days: the manifest (every feed on every
day, 4000 cases a day), rejected records, results of dbt and of gates. Cases are not multiplied, for
no page reads them (tests/end_to_end/test_pages.py holds that). Measured is everything but Airflow:
from the first question to the warehouse, connecting included, to the finished HTML.

Exit code 1 when the median of a page is above the limit. --keep leaves the server running and tells
its MOTCUA_HOME.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import measuring
import psycopg
from measuring import Row

MOST_MS = 300

NIGHT = datetime(2028, 12, 4, 8, 0)
"""The Monday after ten years; the sample begins on 2018-12-03."""

_GROW = """
insert into raw.files (feed, uri, file_name, business_date, part, sha256, bytes, records, loaded,
    rejected, state, read_by, loaded_at)
select feed, '', feed || '_' || cast(day as date), day, part, md5(feed || part || day), 1000000,
    4000, 3980, 20, 'loaded', 'stream', day + interval '22 hours'
from generate_series(timestamp '2019-07-15', timestamp '2028-12-01', interval '1 day') as day,
    (values ('cases', ''), ('steps', ''), ('supplements', ''), ('petitions', ''),
        ('procedures', ''), ('ratings', 'K01'), ('ratings', 'K02')) as files (feed, part)
where extract(isodow from day) <= 5;

insert into raw.rejects (file_id, record, column_name, reason, next_step, content)
select file_id, record, 'NgayTiepNhan', 'reason ' || record % 10, 'Mend it.', repeat('x', 300)
from raw.files, generate_series(1, 20) as record
where business_date > '2019-07-14';

insert into ops.dbt_results (invocation_id, stage, node, resource_type, status, seconds,
    rows_affected, finished_at)
select md5(cast(night as text)), results.stage, results.node, results.resource_type, 'success',
    results.seconds, results.rows_affected, night + interval '1 minute'
from generate_series(timestamp '2019-07-15', timestamp '2028-12-01', interval '1 day') as night,
    (select distinct on (node) * from ops.dbt_results) as results
where extract(isodow from night) <= 5;

insert into ops.gate_results (gate_run_id, gate, subject, suite, position, expectation, severity,
    outcome, explanation, checked_at)
select results.gate_run_id || night, gate, subject, suite, position, expectation, severity, outcome,
    explanation, night
from generate_series(timestamp '2019-07-15', timestamp '2028-12-01', interval '1 day') as night,
    ops.gate_results as results
where extract(isodow from night) <= 5 and gate = 'landing';
"""


def prepare(folder: Path) -> None:
    """Publish the sample in the installation under `folder`, and let it grow."""
    from motcua.warehouse import database
    from motcua_sample import write_sample

    write_sample(folder / "home" / "landing")
    steps = [["ingest"], ["build"]]
    steps += [["publish", period, "--approved-by", "B"] for period in ("2019-Q1", "2019-Q2")]
    steps.append(["publish", "2019-H1", "--approved-by", "B"])
    for step in steps:
        measuring.say(" ".join(step))
        measuring.command(*step)
    with psycopg.connect(database.admin_url(), autocommit=True) as connection:
        connection.execute(_GROW)
        connection.execute("vacuum analyze")
        for table in ("raw.files", "raw.rejects", "ops.dbt_results", "ops.gate_results"):
            (rows,) = connection.execute(f"select count(*) from {table}").fetchone() or (0,)
            print(f"{table}: {rows} rows")


def pages() -> dict[str, Callable[[], str | None]]:
    """Every page, by its name."""
    from motcua.pages import render

    who = render.reader(None, "/scorecard")
    return {
        "publications": lambda: render.publications(who, NIGHT.date()),
        "publication 2019-H1.r1": lambda: render.publication(who, "2019-H1.r1"),
        "its companions": lambda: render.companion_figures(who, "2019-H1.r1"),
        "data": lambda: render.data(who, NIGHT),
        "models": lambda: render.models(who),
        "gates": lambda: render.gates(who),
    }


def measure(rounds: int) -> list[Row]:
    """The times of every page, in milliseconds."""
    rows = []
    for name, page in pages().items():
        html = page()  # templates are read at the first time
        if html is None or "</" not in html:
            sys.exit(f"Nothing counts: {name} is no page.")
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            page()
            taken.append(1000 * (time.perf_counter() - start))
        is_kept = statistics.median(taken) <= MOST_MS
        what = f"{name} ({len(html.encode()) / 1024:.0f} KiB)"
        rows.append(Row(what, "ms", taken, limit=f"≤ {MOST_MS}", is_kept=is_kept))
    return rows


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = measuring.options(__doc__, rounds=20)
    parser.add_argument("--keep", action="store_true", help="leave the server as it is")
    arguments = parser.parse_args()
    with measuring.own_server("pages", arguments.keep) as (folder, _):
        measuring.warn_if_busy()
        prepare(folder)
        rows = measure(arguments.rounds)
        return 0 if measuring.tell("pages", "Ten years of working days.", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
