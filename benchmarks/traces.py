"""How long it takes to trace a published figure to its rows, files and records.

    motcua bench trace [--scale 33] [--rounds 5] [--period 2019-Q2] [--at FOLDER]

On a PostgreSQL server of its own, in a temporary folder, the sample is loaded `scale` times over
(each about 30 thousand cases), built, and a period published. Then nine figures of all kinds are
traced in turn, of the unit with the most cases and of the Centre. Measured is everything but the
start of the command: from the first question to the warehouse, connecting included, to the finished
text. There is nothing to compare with.

Every traced figure must be the published one, and a count the number of the rows behind it and of
other software. Exit code 1 when they are not.
"""

import sys
import time
from collections.abc import Iterator

import build
import measuring
import psycopg
import publish
from measuring import Row
from psycopg import sql

LARGEST = "000.00.04.H51"
CENTRE = "TOTAL"

FIGURES = (
    ("appendix_1", LARGEST, "total"),
    ("appendix_1", LARGEST, "received_online"),
    ("appendix_1", CENTRE, "settled_total"),
    ("appendix_1", CENTRE, "settled_late"),
    ("appendix_2", CENTRE, "total"),
    ("appendix_4", CENTRE, "processes_on_software"),
    ("scorecard", LARGEST, "indicator_1"),
    ("scorecard", LARGEST, "indicator_9"),
    ("scorecard", LARGEST, "rank"),
)


def trace(publication_id: str, table: str, unit: str, column: str) -> float:
    """Trace a figure; returns the seconds."""
    from motcua.publication import trace as tracing

    start = time.perf_counter()
    tracing.text(tracing.trace(publication_id, table, unit, column))
    return time.perf_counter() - start


def wrong_traces(publication_id: str) -> Iterator[str]:
    """Traces that tell another figure than the published one, or other rows than it counts."""
    from motcua.publication import trace as tracing
    from motcua.warehouse import database

    with psycopg.connect(database.admin_url()) as connection:
        for table, unit, column in FIGURES:
            published = connection.execute(
                sql.SQL(
                    "select sum({}) from {} where publication_id = %s and unit_code like %s"
                ).format(sql.Identifier(column), sql.Identifier("published", table)),
                [publication_id, "%" if unit == CENTRE else unit],
            ).fetchone()
            found = tracing.trace(publication_id, table, unit, column)
            if published != (found.value,):
                yield f"{table} {unit} {column}: {found.value}, published {published}"
            if table == "scorecard":
                continue
            rows = found.count + sum(row["counted"] for row in found.external)
            if rows != found.value:
                yield f"{table} {unit} {column}: {rows} rows behind {found.value}"


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = measuring.sample_options(__doc__, rounds=5)
    parser.add_argument("--period", default="2019-Q2")
    arguments = parser.parse_args()
    with measuring.own_server("trace", at=arguments.at) as server:
        from motcua.warehouse import database

        measuring.warn_if_busy()
        totals = measuring.prepare_sample(server.folder, arguments.scale)
        publication_id = f"{arguments.period}.r1"
        with psycopg.connect(database.admin_url()) as connection:
            published = connection.execute(
                "select from published.publications where publication_id = %s", [publication_id]
            ).fetchone()
        if published is None:  # a kept sample may have it
            publish.publish(arguments.period, database.admin_url())
        with psycopg.connect(database.admin_url()) as connection:
            publish.refuse(
                [
                    *build.wrong_figures(connection, arguments.scale, totals),
                    *publish.other_figures(database.admin_url(), arguments.period),
                    *wrong_traces(publication_id),
                ]
            )
        taken = {
            figure: [trace(publication_id, *figure) for _ in range(arguments.rounds)]
            for figure in FIGURES
        }
        rows = [Row(" ".join(figure), "s", seconds) for figure, seconds in taken.items()]
        what = f"{measuring.sample_text(arguments.scale, totals)} Of {publication_id}."
        return 0 if measuring.tell("trace", what, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
