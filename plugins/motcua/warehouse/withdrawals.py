"""The releases that were withdrawn, for everything that shows a release."""

from dataclasses import dataclass
from datetime import date

from motcua.warehouse.database import Connection

_QUERY = """
    select publication_id, cast(withdrawn_at as date) as withdrawn_on, by, reason
    from published.withdrawals
"""


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawn release: the day (of the Centre), who decided it, and why."""

    publication_id: str
    withdrawn_on: date
    by: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.publication_id} was withdrawn on {self.withdrawn_on} by {_line(self.by)}:"
            f" {_line(self.reason)}"
        )

    @property
    def notice(self) -> str:
        """The same for the readers of the release."""
        return (
            f"ĐÃ THU HỒI: bản công bố {self.publication_id} đã bị thu hồi ngày"
            f" {self.withdrawn_on:%d/%m/%Y}. Người quyết định: {_line(self.by)}. Lý do:"
            f" {_line(self.reason)}"
        )


def of(connection: Connection, publication_id: str) -> Withdrawal | None:
    """The withdrawal of a release; None while the release stands."""
    row = connection.execute(f"{_QUERY} where publication_id = %s", [publication_id]).fetchone()
    return Withdrawal(*row) if row else None


def every(connection: Connection) -> list[Withdrawal]:
    """All withdrawals, the newest first."""
    rows = connection.execute(f"{_QUERY} order by withdrawals.withdrawn_at desc")
    return [Withdrawal(*row) for row in rows]


def _line(text: str) -> str:
    """A name or a reason on one line, whatever was typed."""
    return " ".join(text.split())
