"""What the gates judged, read from ops.gate_results: for the pages of the UI and for Data Docs."""

from typing import Any

from psycopg.rows import dict_row

from motcua.warehouse.database import Connection

Row = dict[str, Any]

_MOST_CHECKS = 100
"""More than one run of a gate has."""


def runs(connection: Connection, limit: int) -> list[Row]:
    """The last runs of both gates, the newest first: how many checks ended how."""
    return _rows(
        connection,
        """
        with newest as (
            select * from ops.gate_results order by checked_at desc limit %s
        )

        select
            gate_run_id,
            gate,
            subject,
            min(checked_at) at time zone 'Asia/Ho_Chi_Minh' as checked_at,
            count(*) as checks,
            count(*) filter (where outcome = 'failed' and severity = 'critical') as critical,
            count(*) filter (where outcome = 'failed' and severity <> 'critical') as warnings,
            count(*) filter (where outcome = 'broken') as broken
        from newest
        group by gate_run_id, gate, subject
        order by checked_at desc
        limit %s
        """,
        [limit * _MOST_CHECKS, limit],
    )


def checks(connection: Connection, gate_run_id: str) -> list[Row]:
    """What a gate judged, what does not hold first; nothing when there is no such run."""
    return _rows(
        connection,
        """
        select
            gate, subject, suite, expectation, severity, outcome, unexpected, explanation,
            checked_at at time zone 'Asia/Ho_Chi_Minh' as checked_at
        from ops.gate_results
        where gate_run_id = %s
        order by outcome = 'passed', severity, suite, position
        """,
        [gate_run_id],
    )


def _rows(connection: Connection, query: str, arguments: list[Any]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, arguments).fetchall()
