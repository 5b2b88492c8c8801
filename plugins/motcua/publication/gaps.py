"""What a release lacks and who accepts it: days without a file, days with next to no records."""

from collections.abc import Sequence
from itertools import groupby

from motcua.publication.checks import Check
from motcua.publication.relations import Relation
from motcua.waivers import Waiver
from motcua.warehouse.database import Connection
from motcua.warehouse.missing import NEEDED_DAYS, Missing, listed_vi

MISSING_DAYS = Relation(
    "missing_days",
    "warning",
    "release_inputs",
    "missing_days = 0",
    "Mỗi ngày làm việc thiếu tệp phải có người chấp nhận.",
)
THIN_DAYS = Relation(
    "thin_days",
    "warning",
    "release_inputs",
    "thin_days = 0",
    "Mỗi ngày gần như không có bản ghi phải có người chấp nhận.",
)

# Those whose files at that moment are among the files of the release.
_THIN = f"""
with period as (
    select * from marts.periods where period_code = %(period)s
),

needed as (
    select distinct feed, day from ({NEEDED_DAYS}) as days
),

pinned as (
    select files.file_id
    from marts.release_inputs as inputs
    inner join raw.files as files using (feed, business_date, part, revision, sha256)
    where inputs.period_code = %(period)s
)

select waivers.feed, waivers.day, waivers.records, waivers.name, waivers.reason
from ops.landing_waivers as waivers
inner join needed using (feed, day)
where waivers.file_ids <@ array(select file_id from pinned)
order by waivers.name, waivers.reason, waivers.feed, waivers.day
"""


def checks_of(
    connection: Connection, period_code: str, absent: Sequence[Missing], waiver: Waiver | None
) -> list[Check]:
    """Two checks of a release: its missing days, and its days with next to no records.

    A day that somebody waived breaks the relation, and the remark says who and why.
    """
    thin = connection.execute(_THIN, {"period": period_code}).fetchall()
    sentences = [
        _sentence(
            "Ngày có rất ít bản ghi",
            listed_vi(
                [Missing(feed, day, (f"{records} bản ghi",)) for feed, day, records, *_ in of]
            ),
            Waiver(*who),
        )
        for who, of in ((who, list(group)) for who, group in groupby(thin, key=lambda row: row[3:]))
    ]
    gap = [_sentence("Thiếu tệp của các ngày", listed_vi(absent), waiver)] if absent else []
    return [
        Check(relation, "0", str(len(rows)), not rows, remark=" ".join(remarks))
        for relation, rows, remarks in (
            (MISSING_DAYS, absent, gap),
            (THIN_DAYS, thin, sentences),
        )
    ]


def store(
    connection: Connection, publication_id: str, absent: Sequence[Missing], waiver: Waiver | None
) -> None:
    """Append who accepted which missing day."""
    if waiver is None:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.waivers (publication_id, feed, day, name, reason)"
            " values (%s, %s, %s, %s, %s)",
            [(publication_id, day.feed, day.day, waiver.name, waiver.reason) for day in absent],
        )


def _sentence(what: str, days: str, waiver: Waiver | None) -> str:
    if waiver is None:
        return f"{what}: {days}."
    reason = waiver.reason.rstrip(".")
    return f"{what}: {days}. Người chấp nhận: {waiver.name}. Lý do: {reason}."
