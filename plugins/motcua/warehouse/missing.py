"""The days that figures need and that no file tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from motcua.warehouse.database import Connection

# A window needs the ratings of its days, and the other feeds from its first day on. What was told
# before it was asked for with the period before; the first period of its kind needs it itself.
NEEDED_DAYS = """
    select needed.*
    from period
    cross join lateral
        ops.expected_days(period.reference_sha256, period.known_as_of) as needed
    where
        needed.day >= case
            when needed.feed = 'ratings' then period.ratings_from
            when exists (
                select from reference.reporting_periods as earlier
                where
                    earlier.reference_sha256 = period.reference_sha256
                    and earlier.kind = period.kind
                    and cast(earlier.cases_to as date) < period.cases_from
            ) then period.cases_from
            else needed.day
        end
"""

SOURCES = f"""
with period as (
    select * from marts.periods where period_code = %(period)s
),

needed as ({NEEDED_DAYS}),

pinned as (
    select * from marts.release_inputs where period_code = %(period)s
)

select
    needed.feed,
    needed.day,
    coalesce(needed.kiosk, '') as kiosk,
    count(pinned.sha256) as files
from needed
left join pinned
    on
        needed.feed = pinned.feed
        and needed.day = pinned.business_date
        and pinned.part <> all(needed.other_kiosks)
group by needed.feed, needed.day, needed.kiosk
order by needed.feed, needed.day, needed.kiosk
"""
"""Every feed, day and kiosk that a period needs, with the number of files that it would pin.

A day that a release would not pin is missing, whether its file never came, was quarantined, or is
not built into core yet.
"""


_OF_DAYS = """
select
    needed.feed,
    needed.day,
    coalesce(needed.kiosk, '') as kiosk,
    count(files.file_id) as files
from ops.expected_days(%(pack)s, %(last)s) as needed
left join (core.files_applied inner join raw.files using (file_id, feed, business_date))
    on
        needed.feed = files_applied.feed
        and needed.day = files_applied.business_date
        and files.part <> all(needed.other_kiosks)
where needed.day >= %(first)s and needed.feed = any(%(feeds)s)
group by needed.feed, needed.day, needed.kiosk
order by needed.feed, needed.day, needed.kiosk
"""

FEEDS_VI = {
    "cases": "hồ sơ",
    "steps": "bước xử lý",
    "supplements": "yêu cầu bổ sung",
    "petitions": "phản ánh, kiến nghị",
    "procedures": "thủ tục",
    "ratings": "đánh giá",
    "late_reviews": "rà soát hồ sơ trễ hạn",
    "external_counts": "số liệu phần mềm riêng",
}


@dataclass(frozen=True)
class Missing:
    """A day of a feed without a file; kiosks: those that are silent, when not the whole feed is."""

    feed: str
    day: date
    kiosks: tuple[str, ...] = ()


def of_period(connection: Connection, period_code: str) -> list[Missing]:
    """The missing days of a period that the marts hold, by feed and day."""
    return _by_day(connection.execute(SOURCES, {"period": period_code}).fetchall())


def of_days(
    connection: Connection, pack: str, first: date, last: date, feeds: Sequence[str]
) -> list[Missing]:
    """The expected days of some feeds, by a reference pack, whose files core does not hold."""
    asked = {"pack": pack, "first": first, "last": last, "feeds": list(feeds)}
    return _by_day(connection.execute(_OF_DAYS, asked).fetchall())


def _by_day(found: Sequence[tuple[Any, ...]]) -> list[Missing]:
    days = []
    for (feed, day), group in groupby(found, key=lambda row: row[:2]):
        sources = [(kiosk, files) for _, _, kiosk, files in group]
        silent = tuple(kiosk for kiosk, files in sources if not files)
        if silent:
            days.append(Missing(feed, day, silent if len(silent) < len(sources) else ()))
    return days


def listed(days: Sequence[Missing]) -> str:
    """All of the days: `cases 2019-02-28, 2019-03-01; ratings 2019-03-05 (K02)`."""
    return "; ".join(
        f"{feed} {', '.join(told(day, str(day.day)) for day in group)}"
        for feed, group in groupby(days, key=lambda day: day.feed)
    )


def listed_vi(days: Sequence[Missing]) -> str:
    """All of the days as documents print them: `hồ sơ 28/02/2019, 01/03/2019`."""
    return "; ".join(
        f"{FEEDS_VI[feed]} {', '.join(told(day, f'{day.day:%d/%m/%Y}') for day in group)}"
        for feed, group in groupby(days, key=lambda day: day.feed)
    )


def told(missing: Missing, day: str) -> str:
    """A day as written, with its silent kiosks."""
    return f"{day} ({', '.join(missing.kiosks)})" if missing.kiosks else day
