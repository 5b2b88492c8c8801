"""What a person has to be told about data, runs and publications, from facts in the warehouse."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.landing import reference
from motcua.operations.alerts import Alert
from motcua.publication import calendar, periods
from motcua.warehouse import database, runs
from motcua.warehouse.database import Connection

READY_BEFORE = timedelta(days=3)
"""So long before its day a publication has to be ready, as far as its data can be there."""

SILENT = timedelta(hours=26)
"""Without a load for so long something is wrong: one runs every night."""

LOAD = "load"

DEADLINE = time(7)
"""When the files of a day have to be loaded: local time of the next day."""

_MISSING = """
with pack as (
    -- That of the settings; until a run has stored it, the newest that a run has.
    select reference_sha256 from reference.packs
    order by (reference_sha256 = %(pack)s) desc, stored_at desc limit 1
),

exceptions as (
    select
        cast(calendar.date as date) as day,
        lower(calendar.is_working_day) in ('true', 't', '1', 'yes') as is_working
    from reference.calendar as calendar
    inner join pack on calendar.reference_sha256 = pack.reference_sha256
)

select feeds.feed, array_agg(cast(days.day as date) order by days.day)
from reference.feeds as feeds
inner join pack on feeds.reference_sha256 = pack.reference_sha256
cross join generate_series(%(first)s, %(last)s, interval '1 day') as days (day)
left join exceptions on cast(days.day as date) = exceptions.day
where
    feeds.expected = 'working_days'
    and days.day >= cast(nullif(feeds.expected_from, '') as date)
    and coalesce(exceptions.is_working, extract(isodow from days.day) <= 5)
    and not exists (
        select from raw.files
        where
            raw.files.feed = feeds.feed
            and raw.files.business_date = cast(days.day as date)
            and raw.files.state = 'loaded'
    )
group by feeds.feed
order by feeds.feed
"""

_FAILED_STAGES = """
select stage, subject, finished_at, outcome, coalesce(message, '')
from (
    select distinct on (stage, subject) *
    from ops.stage_runs
    order by stage, subject, finished_at desc
) as last_runs
where outcome <> 'done' and finished_at > %(at)s - interval '1 day'
order by finished_at
"""

_LAST_LOAD = "select max(finished_at) from ops.stage_runs where stage = %s and outcome = 'done'"

_WAITING = """
select run_id, at from (
    select distinct on (run_id) run_id, period_code, event, at
    from ops.sign_offs
    order by run_id, sign_off_id desc
) as last_events
where period_code = %s and event = 'asked'
order by at desc
limit 1
"""


def findings(at: datetime | None = None) -> list[Alert]:
    """Everything to be told at a moment (now); a warehouse that does not answer is told too."""
    at = at or datetime.now(ZoneInfo(settings.TIME_ZONE))
    found = _next_period(at)
    try:
        with database.connect(database.OPS_READER) as connection:
            parts: list[Callable[[Connection, datetime], list[Alert]]] = [_runs, _data]
            for part in parts:
                found += part(connection, at)
        return found + _publications(at)
    except (Failed, psycopg.Error) as error:
        reason = str(error) if isinstance(error, Failed) else type(error).__name__
        alert = Alert("warehouse", "Kho dữ liệu không trả lời", f"{reason}\nSee `motcua status`.")
        return [*found, alert]


def _runs(connection: Connection, at: datetime) -> list[Alert]:
    """Stages whose last run failed since yesterday, and no load since then."""
    found = [
        Alert(
            f"stage {stage} {subject or ''}".strip(),
            f"Bước {stage} {'bị từ chối' if outcome == runs.REFUSED else 'thất bại'}",
            f"{stage} {subject or ''} ended at {finished_at:%Y-%m-%d %H:%M} as {outcome}:\n"
            f"{message}\nMend it as it says, then run the DAG again.",
        )
        for stage, subject, finished_at, outcome, message in connection.execute(
            _FAILED_STAGES, {"at": at}
        )
    ]
    row = connection.execute(_LAST_LOAD, [LOAD]).fetchone()
    last = row[0] if row else None
    if last is None or at - last > SILENT:
        since = f"since {last:%Y-%m-%d %H:%M}" if last else "ever"
        body = (
            f"No load has ended well {since}; one runs every night at 05:00. See whether the"
            " scheduler runs (`motcua status`) and whether ingest_exports is paused."
        )
        found.append(Alert("no load", "Chưa có lần nạp dữ liệu nào từ hôm qua", body))
    return found


def _publications(at: datetime) -> list[Alert]:
    """Publications that are soon due and not ready, or due and not made.

    Before its knowledge date has passed no period can be ready, and nothing is wrong with that.
    """
    due = {event.period_code: event.moment for event in calendar.events()}
    known = calendar.known_as_of()
    found = []
    try:
        states = periods.listing()
    except Refused as refusal:
        return [Alert("not built", "Kho dữ liệu chưa được dựng", str(refusal))]
    for state in states:
        moment = due.get(state.period_code)
        if moment is None or state.publication_id:
            continue
        name = f"{state.period_code} ({state.label_vi})"
        if moment <= at:
            found.append(_overdue(state.period_code, name, moment, state.obstacle))
        elif (
            moment - at <= READY_BEFORE
            and state.obstacle
            and known[state.period_code] < at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        ):
            body = f"{name} is to be published at {moment:%Y-%m-%d %H:%M}.\n{state.obstacle}"
            alert = Alert(f"not ready {state.period_code}", f"Chưa sẵn sàng công bố: {name}", body)
            found.append(alert)
    return found


def _overdue(period_code: str, name: str, moment: datetime, obstacle: str | None) -> Alert:
    with database.connect(database.OPS_READER) as connection:
        asked = connection.execute(_WAITING, [period_code]).fetchone()
    if asked:
        subject = f"Đang chờ phê duyệt: {name}"
        what = f"Its sign-off waits since {asked[1]:%Y-%m-%d %H:%M} (run {asked[0]})."
    else:
        subject = f"Đã đến ngày mà chưa công bố: {name}"
        what = obstacle or f"It is ready: start publish_scorecard with period {period_code}."
    body = f"{name} was to be published at {moment:%Y-%m-%d %H:%M}.\n{what}"
    return Alert(f"overdue {period_code}", subject, body)


def _next_period(at: datetime) -> list[Alert]:
    try:
        if calendar.next_after(at, calendar.events()):
            return []
        body = (
            f"No publication follows in {settings.reference()}: add the next periods to"
            " reporting_periods.csv, then run `motcua check-reference`."
        )
    except Failed as failure:
        body = str(failure)
    return [Alert("no period follows", "Lịch công bố không có kỳ tiếp theo", body)]


def _data(connection: Connection, at: datetime) -> list[Alert]:
    """Expected days of the last week that were not there at the deadline of the day after."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    newest = local.date() - timedelta(days=1 if local.time() >= DEADLINE else 2)
    pack = reference.sha256(settings.reference())
    missing = connection.execute(
        _MISSING, {"pack": pack, "first": newest - timedelta(days=6), "last": newest}
    ).fetchall()
    if not missing:
        return []
    listed = "\n".join(f"  {feed}: {', '.join(map(str, days))}" for feed, days in missing)
    body = (
        f"At {DEADLINE:%H:%M} these working days had no loaded file:\n{listed}\n"
        "`motcua rejects` tells of quarantined files; files that never came have to be asked for."
    )
    return [Alert(f"data {newest}", f"Dữ liệu đến {newest:%d/%m/%Y} chưa đủ", body)]
