"""Computes a release again from the files and the reference pack that it pinned."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from motcua.errors import Failed
from motcua.publication import companions, evidence, figures
from motcua.publication.figures import Difference
from motcua.warehouse import database, dbt, withdrawals
from motcua.warehouse.database import Connection
from motcua.warehouse.withdrawals import Withdrawal

_LAYERS = ("staging", "intermediate", "core", "marts")


@dataclass(frozen=True)
class Recomputation:
    """What came out: the cells and evidence rows that differ from the release as it stands.

    A difference under another code version than the release's is code drift: the models compute
    something else today from the same files. A withdrawn release is computed like any other.
    """

    publication_id: str
    cells: int
    differences: list[Difference] = field(default_factory=list)
    evidence_differences: dict[str, int] = field(default_factory=dict)
    code_then: str = ""
    code_now: str = ""
    withdrawal: Withdrawal | None = None

    @property
    def is_same(self) -> bool:
        """Bit for bit the same figures and the same rows behind them."""
        return not self.differences and not any(self.evidence_differences.values())

    @property
    def is_code_drift(self) -> bool:
        """The figures differ, and so does the code."""
        return not self.is_same and self.code_then != self.code_now


def recompute(publication_id: str, progress: dbt.Progress | None = None) -> Recomputation:
    """Build the release once more, beside the living tables, and compare.

    Raises Failed when there is no such release, or a pinned file is not in the warehouse any more.
    """
    with database.connect(database.TRANSFORMER) as connection:
        period_code, reference_sha256, code_then = release_of(connection, publication_id)
        _require_inputs(connection, publication_id)
    with scratch() as prefix:
        dbt.run(
            ["run"],
            {
                "reference_sha256": reference_sha256,
                "pinned_publication": publication_id,
                "pinned_period": period_code,
                "schema_prefix": prefix,
            },
            progress,
            stage="recompute",
        )
        with database.connect(database.TRANSFORMER) as connection:
            then = figures.released(connection, publication_id)
            now = figures.candidate(connection, period_code, f"{prefix}marts")
            changed = figures.differences(then, now)
            has_companions = companions.are_there(connection, publication_id)
            if has_companions:
                changed += companions.differences(
                    connection, publication_id, period_code, now, prefix
                )
            return Recomputation(
                publication_id,
                cells=sum(len(row) for rows in then.values() for row in rows),
                differences=changed,
                evidence_differences=evidence.differences(
                    *(connection, publication_id, period_code, f"{prefix}intermediate"),
                    has_companions=has_companions,
                ),
                code_then=code_then,
                code_now=dbt.code_version(),
                withdrawal=withdrawals.of(connection, publication_id),
            )


@contextmanager
def scratch() -> Iterator[str]:
    """Prefix of a recomputation's schemas, one at a time; what a killed one left is removed."""
    prefix = "recompute_"
    with database.only_one("recompute"):
        _drop(prefix)
        try:
            yield prefix
        finally:
            _drop(prefix)


def release_of(connection: Connection, publication_id: str) -> tuple[str, str, str]:
    """Period, sha256 of the reference pack, and code version of a release.

    Raises Failed when there is no such release.
    """
    row = connection.execute(
        "select period_code, reference_sha256, code_version from published.publications"
        " where publication_id = %s",
        [publication_id],
    ).fetchone()
    if row is None:
        known = [
            code
            for (code,) in connection.execute(
                "select publication_id from published.publications order by published_at"
            )
        ]
        raise Failed(
            f"There is no publication {publication_id}; there are {', '.join(known) or 'none yet'}."
        )
    period_code, reference_sha256, code_version = row
    return period_code, reference_sha256, code_version


def _require_inputs(connection: Connection, publication_id: str) -> None:
    gone = connection.execute(
        "select inputs.file_name from published.release_inputs as inputs"
        " left join raw.files using (feed, business_date, part, revision, sha256)"
        " where inputs.publication_id = %s and files.state is distinct from 'loaded'"
        " order by inputs.feed, inputs.business_date",
        [publication_id],
    ).fetchall()
    if gone:
        raise Failed(
            f"{len(gone)} file(s) that {publication_id} pinned are not in the warehouse any more,"
            f" such as {gone[0][0]}. Load them again (`motcua ingest`), then recompute."
        )


def _drop(prefix: str) -> None:
    with database.connect(database.TRANSFORMER) as connection:
        for layer in _LAYERS:
            connection.execute(
                sql.SQL("drop schema if exists {} cascade").format(
                    sql.Identifier(f"{prefix}{layer}")
                )
            )
