"""What the landing gate looks at: one row per feed and day of the files not yet built into core.

A profile holds counts and shares, never a value of a record. It reads the manifest and, once for
each feed, the new rows only. What share is too much is written in expectations/landing/*.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from motcua.quality.suites import Row, Table
from motcua.waivers import Waiver, waiver
from motcua.warehouse.database import Connection

SAMPLE = 5
"""How many codes of offending records a message shows."""


def _is_usual(column: str) -> str:
    """Whether a moment is written yyyyMMddHHmmss: a first load has millions of these."""
    return f"octet_length(record.{column}) = 14"


def _day(column: str) -> str:
    """The local day of a moment as text, yyyyMMdd; every form of the contract, no cast to fail."""
    moment = f"record.{column}"
    return (
        f"case when record.{column} is null then null"
        f" when {_is_usual(column)} then left(record.{column}, 8)"
        f" when substr({moment}, 3, 1) = '/'"
        f" then substr({moment}, 7, 4) || substr({moment}, 4, 2) || left({moment}, 2)"
        f" when substr({moment}, 12) ~ '[Z+-]'"
        f" then to_char(cast({moment} as timestamptz), 'YYYYMMDD')"
        f" else left(replace({moment}, '-', ''), 8) end"
    )


# Days are compared as bytes: the rules of a language cost a second per million comparisons. A
# moment in the usual form need not be cut to its day for that: `end_of_day` is the day and this.
_AFTER_DIGITS = "~"


def _after_day(*columns: str) -> str:
    return " or ".join(
        f'case when {_is_usual(column)} then record.{column} > file.end_of_day collate "C"'
        f' else {_day(column)} > file.day collate "C" end'
        for column in columns
    )


def _before_day(column: str) -> str:
    return (
        f'case when {_is_usual(column)} then record.{column} < file.day collate "C"'
        f' else {_day(column)} < file.day collate "C" end'
    )


def _on_day_before(column: str, other: str) -> str:
    """Whether a moment lies on a day before that of another one."""
    return (
        f"case when {_is_usual(column)} and {_is_usual(other)}"
        f' and record.{column} >= record.{other} collate "C" then false'
        f' else {_day(column)} < {_day(other)} collate "C" end'
    )


def _empty(column: str) -> str:
    return f"record.{column} is null"


_KNOWN_PROCEDURES = "select listed.matthc from raw.procedures as listed"

MEASURES: dict[str, dict[str, str]] = {
    "cases": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "changed_before_day": _before_day("ngaycapnhat"),
        "happened_after_day": _after_day(
            "ngaynophoso", "ngaytiepnhan", "ngayketthucxuly", "ngaytra"
        ),
        # Judged only when some register has come: files come in any order.
        "unknown_procedure": (
            "exists (select from raw.procedures)"
            f" and record.matthc not in ({_KNOWN_PROCEDURES} where listed.matthc is not null)"
        ),
        "code_date_differs": (
            f"split_part(record.mahoso, '-', 2) <> substr({_day('ngaytiepnhan')}, 3)"
        ),
        "without_due_date": f"{_empty('ngayhentra')} and record.trangthaihoso not in ('1', '3')",
        "due_before_receipt": _on_day_before("ngayhentra", "ngaytiepnhan"),
        "settled_without_finish": (
            f"record.trangthaihoso in ('9', '10') and {_empty('ngayketthucxuly')}"
        ),
    },
    "steps": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "changed_before_day": _before_day("ngaycapnhat"),
        "happened_after_day": _after_day("ngaybatdau", "thoidiemxuly"),
        "without_allotted_end": _empty("ngayketthuctheoquydinh"),
    },
    "supplements": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "happened_after_day": _after_day("ngaybosung", "ngaytiepnhanbosung"),
        "without_fault": _empty("loinguoinop"),
    },
    "petitions": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "happened_after_day": _after_day("ngaytiepnhan", "ngayxuly"),
        "without_deadline": _empty("hanxuly"),
    },
    "procedures": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "without_level": _empty("mucdo"),
        "without_publicity": _empty("congkhai"),
    },
    "ratings": {
        "pressed_after_day": _after_day("thoigian"),
        "pressed_before_day": _before_day("thoigian"),
    },
    "late_reviews": {
        "changed_after_day": _after_day("ngayxacnhan"),
        "in_time_without_date": f"record.nguyennhan = '1' and {_empty('ngaytrathucte')}",
    },
    "external_counts": {
        "changed_after_day": _after_day("ngaycapnhat"),
        "window_after_day": _after_day("denngay"),
    },
}
"""Per feed, what is counted among the new records of a day: a condition on `record` and `file`."""

_CODES = {
    "cases": "mahoso",
    "steps": "mahoso",
    "supplements": "mahoso",
    "petitions": "mapakn",
    "procedures": "matthc",
    "ratings": "makiosk",
    "late_reviews": "mahoso",
    "external_counts": "hethong",
}
"""The column that names a record of a feed in a message; none is personal."""

# A revision replaces the earlier ones of its feed, day and part, so that a faulty file is put right
# by sending it again.
_NEW_DAYS = """
select
    days.feed,
    days.day,
    array_agg(files.file_id order by files.file_id),
    array_agg(files.file_name order by files.file_name),
    sum(files.loaded),
    days.records,
    days.usual_records,
    days.file_ids,
    waivers.name,
    waivers.reason
from ops.completeness_at(%s) as days
cross join lateral unnest(days.file_ids) as counting (file_id)
inner join raw.files as files on counting.file_id = files.file_id
left join ops.landing_waivers as waivers
    on
        days.feed = waivers.feed
        and days.day = waivers.day
        and days.file_ids = waivers.file_ids
where days.kiosk is null {not_applied}
group by
    days.feed, days.day, days.records, days.usual_records, days.file_ids,
    waivers.name, waivers.reason
order by days.feed, days.day
"""


@dataclass(frozen=True)
class NewDay:
    """The files of one feed and business date that core does not hold yet.

    usual_records: median of the working days before; None on a day off or with too little before.
    counting_ids: all files of the day that count, also those that core holds. waiver: who let a day
    of exactly these files through.
    """

    feed: str
    business_date: date
    file_ids: list[int]
    file_names: list[str]
    records: int
    records_of_day: int
    usual_records: float | None
    counting_ids: list[int]
    waiver: Waiver | None


def new_days(connection: Connection, reference_sha256: str) -> dict[str, list[NewDay]]:
    """Per feed, the days of loaded files that count and are not built into core yet.

    The pack of this sha256 says which days are working days.
    """
    row = connection.execute("select to_regclass('core.files_applied') is not null").fetchone()
    assert row is not None
    not_applied = (
        "and not exists (select from core.files_applied as applied"
        " where applied.file_id = files.file_id)"
        if row[0]
        else ""
    )
    days: dict[str, list[NewDay]] = {}
    for found in connection.execute(_NEW_DAYS.format(not_applied=not_applied), [reference_sha256]):
        feed, business_date, file_ids, file_names, records, of_day, usual, ids, *waived = found
        days.setdefault(feed, []).append(
            NewDay(
                feed=feed,
                business_date=business_date,
                file_ids=file_ids,
                file_names=file_names,
                records=int(records),
                records_of_day=int(of_day),
                usual_records=usual,
                counting_ids=ids,
                waiver=waiver(*waived),
            )
        )
    return days


def profile(connection: Connection, days: Sequence[NewDay]) -> Table:
    """One row per day of one feed: how much came, and how much of it each measure counts.

    Shares are in percent of the day's new records; a day without records has none.
    """
    feed = days[0].feed
    measures = MEASURES[feed]
    counts = {found[0]: found[1:] for found in _count(connection, feed, days)}
    rows: list[Row] = []
    for day in days:
        row: Row = {
            "business_date": day.business_date.isoformat(),
            "files": len(day.file_ids),
            "records": day.records,
            "records_of_day": day.records_of_day,
            "usual_records": day.usual_records,
            "percent_of_usual": (
                100 * day.records_of_day / day.usual_records if day.usual_records else None
            ),
        }
        total, *counted = counts.get(day.business_date, (0, *(0 for _ in measures)))
        for name, number in zip(measures, counted, strict=True):
            row[name] = number
            row[f"{name}_percent"] = 100 * number / total if total else None
        rows.append(row)
    return Table(tuple(rows[0]), ("business_date",), [tuple(row.values()) for row in rows])


def _count(
    connection: Connection, feed: str, days: Sequence[NewDay]
) -> list[tuple[date, *tuple[int, ...]]]:
    """Count every measure in one pass over the new rows of a feed."""
    counts = ", ".join(
        f"count(*) filter (where {condition})" for condition in MEASURES[feed].values()
    )
    files = [(file_id, day.business_date) for day in days for file_id in day.file_ids]
    return connection.execute(
        # The days come as values: a day computed from the manifest is computed for every record.
        f"select file.business_date, count(*), {counts} from raw.{feed} as record"
        " inner join unnest(cast(%s as integer[]), cast(%s as date[]), cast(%s as text[]),"
        " cast(%s as text[])) as file (file_id, business_date, day, end_of_day)"
        " on file.file_id = (record.row_id >> 32)"
        f" where {_range(days)} group by file.business_date",
        [
            [file_id for file_id, _ in files],
            [business_date for _, business_date in files],
            [f"{business_date:%Y%m%d}" for _, business_date in files],
            [f"{business_date:%Y%m%d}{_AFTER_DIGITS}" for _, business_date in files],
        ],
    ).fetchall()


def _range(days: Sequence[NewDay]) -> str:
    """The range of row_id of the files; its index keeps the scan within the new blocks."""
    files = [file_id for day in days for file_id in day.file_ids]
    return f"record.row_id >= {min(files) << 32} and record.row_id < {(max(files) + 1) << 32}"


def records_query(days: Sequence[NewDay], measure: str) -> str:
    """SQL that shows the records of some days that a measure counts, with file and number."""
    feed = days[0].feed
    files = ", ".join(str(file_id) for day in days for file_id in day.file_ids)
    return (
        f"select record.{_CODES[feed]}, file.file_name, record.row_id & 4294967295 as record"
        f" from raw.{feed} as record inner join (select file_id, file_name,"
        " to_char(business_date, 'YYYYMMDD') as day,"
        f" to_char(business_date, 'YYYYMMDD\"{_AFTER_DIGITS}\"') as end_of_day"
        f" from raw.files where file_id in ({files}))"
        " as file on file.file_id = (record.row_id >> 32)"
        f" where {_range(days)} and ({MEASURES[feed][measure]}) order by record.row_id"
    )


def sample(connection: Connection, days: Sequence[NewDay], measure: str) -> list[str]:
    """Codes of the first few records that a measure counts."""
    query = f"{records_query(days, measure)} limit {SAMPLE}"
    found = connection.execute(query)
    return list(dict.fromkeys(str(row[0]).strip() for row in found))
