"""How long a publication takes: candidate gate, release with its evidence, workbook.

    motcua bench publish [--scale 33] [--rounds 3] [--period 2019-Q2] [--at FOLDER]

On a PostgreSQL server of its own, in a temporary folder, the sample is loaded `scale` times over
(each about 30 thousand cases) and built. A release cannot be taken back, so every round publishes
in a fresh copy of that warehouse, which is deleted afterwards: `motcua publish`, from the start of
its process to its end. There is nothing to compare with.

The figures of the marts must be those that the sample was made for, and those of the release those
of the marts. Exit code 1 when they are not.
"""

import os
import sys
from collections.abc import Iterator

import build
import measuring
import psycopg
from measuring import Row
from psycopg import sql

COPY = "published_once"

_COLUMNS = """
    select attname
    from pg_attribute
    where attrelid = cast(%s as regclass) and attnum > 0 and not attisdropped
    order by attname
"""


def publish(period: str, address: str) -> float:
    """Publish in the warehouse of this address; returns the seconds."""
    own = os.environ | {"MOTCUA_WAREHOUSE_URL": address}
    return measuring.command("publish", period, "--approved-by", "Benchmark", environment=own)


def other_figures(address: str, period: str) -> Iterator[str]:
    """Tables of the first release of a period that are not those of the marts."""
    with psycopg.connect(address) as connection:
        for table in build.MARTS:
            names = sql.SQL(", ").join(
                sql.Identifier(name) for (name,) in connection.execute(_COLUMNS, [f"marts.{table}"])
            )
            row = connection.execute(
                sql.SQL(
                    "with ours as (select {0} from {1} where period_code = {3}),"
                    " released as (select {0} from {2} where publication_id = {3} || '.r1')"
                    " select (select count(*) from released),"
                    " (select count(*) from (table ours except table released) as lacking),"
                    " (select count(*) from (table released except table ours) as strange)"
                ).format(
                    names,
                    sql.Identifier("marts", table),
                    sql.Identifier("published", table),
                    sql.Literal(period),
                )
            ).fetchone()
            assert row is not None
            if row[0] == 0 or row[1:] != (0, 0):
                yield f"{table}: {row[0]} rows published, {row[1]} lacking, {row[2]} strange"


def refuse(problems: list[str]) -> None:
    """Stop the benchmark when there are problems."""
    if problems:
        sys.exit("\n".join(["Nothing counts, for the figures are wrong:", *problems[:50]]))


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = measuring.sample_options(__doc__, rounds=3)
    parser.add_argument("--period", default="2019-Q2")
    arguments = parser.parse_args()
    with measuring.own_server("publish", at=arguments.at) as server:
        from motcua.warehouse import database

        measuring.warn_if_busy()
        totals = measuring.prepare_sample(server.folder, arguments.scale)
        with psycopg.connect(database.admin_url()) as connection:
            refuse([*build.wrong_figures(connection, arguments.scale, totals)])
        taken = []
        for turn in range(arguments.rounds):
            copy = measuring.copy_warehouse(COPY)
            taken.append(publish(arguments.period, copy))
            refuse([*other_figures(copy, arguments.period)])
            measuring.drop_copy(COPY)
            measuring.say(f"round {turn + 1} of {arguments.rounds}: {taken[-1]:.1f} s")
        what = measuring.sample_text(arguments.scale, totals)
        rows = [Row(f"publish {arguments.period}", "s", taken)]
        return 0 if measuring.tell("publish", what, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
