"""Keeps the rows that a release counts, so that every figure can be traced to them."""

from psycopg import sql

from motcua.warehouse.database import Connection

TABLES = ("cases", "ratings", "procedures", "petitions", "external_counts")
"""Tables of schema evidence; intermediate.int_period_<table> holds those of the candidate."""


def copy(connection: Connection, period_code: str, publication_id: str) -> None:
    """Append the candidate's evidence to the release, in the open transaction."""
    for table in TABLES:
        columns = sql.SQL(", ").join(map(sql.Identifier, _columns(connection, table)))
        connection.execute(
            sql.SQL(
                "insert into evidence.{table} (publication_id, {columns})"
                " select %s, {columns} from intermediate.{source} where period_code = %s"
            ).format(
                table=sql.Identifier(table),
                source=sql.Identifier(f"int_period_{table}"),
                columns=columns,
            ),
            [publication_id, period_code],
        )


def _columns(connection: Connection, table: str) -> list[str]:
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped and attname <> 'publication_id' order by attnum",
        [f"evidence.{table}"],
    ).fetchall()
    return [name for (name,) in found]
