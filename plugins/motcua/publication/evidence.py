"""Keeps the rows that a release counts, so that every figure can be traced to them."""

from psycopg import sql

from motcua.warehouse.database import Connection

TABLES = ("cases", "ratings", "procedures", "petitions", "external_counts", "fields")
"""Tables of schema evidence; intermediate.int_period_<table> holds those of the candidate."""

_OF_COMPANIONS = ("fields", "field_code", "promised_time")
"""Table and columns that a release of before the companions does not have."""

_OF_REVIEWS = ("review_reason", "review_returned_date", "review_document")
"""Columns that a release of before them has empty; else every review has a reason."""


def copy(connection: Connection, period_code: str, publication_id: str) -> None:
    """Append the candidate's evidence to the release, in the open transaction.

    Cases go in by their code, read in the order in which they lie: with indexes filled at random
    places the insertion took three times as long at ten million cases.
    """
    connection.execute("set local enable_indexscan = off")
    for table in TABLES:
        columns = sql.SQL(", ").join(map(sql.Identifier, columns_of(connection, table)))
        connection.execute(
            sql.SQL(
                "insert into evidence.{table} (publication_id, {columns})"
                " select %s, {columns} from intermediate.{source} where period_code = %s {order}"
            ).format(
                table=sql.Identifier(table),
                source=sql.Identifier(f"int_period_{table}"),
                columns=columns,
                order=sql.SQL("order by case_code" if table == "cases" else ""),
            ),
            [publication_id, period_code],
        )
    connection.execute("set local enable_indexscan = on")
    _count_cases(connection, publication_id)


def _count_cases(connection: Connection, publication_id: str) -> None:
    """Sum the cases of the release up by all that its figures depend on."""
    columns = [name for name in columns_of(connection, "case_counts") if name != "number_of_cases"]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(
        sql.SQL(
            "insert into evidence.case_counts (publication_id, {names}, number_of_cases)"
            " select publication_id, {names}, count(*) from evidence.cases"
            " where publication_id = %s group by publication_id, {names}"
        ).format(names=names),
        [publication_id],
    )


def columns_of(connection: Connection, table: str) -> list[str]:
    """Columns of a table of evidence, without the release."""
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped and attname <> 'publication_id' order by attnum",
        [f"evidence.{table}"],
    ).fetchall()
    return [name for (name,) in found]


def differences(
    connection: Connection,
    publication_id: str,
    period_code: str,
    schema: str,
    has_companions: bool = True,
) -> dict[str, int]:
    """Number of rows by which the release's evidence and that of a recomputation differ."""
    left_out = [] if has_companions else [*_OF_COMPANIONS]
    left_out += [] if _tells_reviews(connection, publication_id) else _OF_REVIEWS
    found = {}
    for table in TABLES:
        if table in left_out:
            continue
        names = [name for name in columns_of(connection, table) if name not in left_out]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        row = connection.execute(
            sql.SQL(
                """
                with released as (select {columns} from evidence.{table} where publication_id = %s),
                again as (select {columns} from {source} where period_code = %s)
                select count(*)
                from (
                    (select * from released except all select * from again)
                    union all
                    (select * from again except all select * from released)
                ) as differing
                """
            ).format(
                columns=columns,
                table=sql.Identifier(table),
                source=sql.Identifier(schema, f"int_period_{table}"),
            ),
            [publication_id, period_code],
        ).fetchone()
        assert row is not None
        found[table] = int(row[0])
    return found


def _tells_reviews(connection: Connection, publication_id: str) -> bool:
    row = connection.execute(
        "select not exists (select from evidence.cases where publication_id = %s"
        " and review_row_id is not null and review_reason is null)",
        [publication_id],
    ).fetchone()
    assert row is not None
    return bool(row[0])
