"""What a person has to be told about data, runs and publications, from facts in the warehouse."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.landing import reference
from motcua.operations.alerts import Alert
from motcua.publication import calendar, periods
from motcua.publication.periods import State
from motcua.quality import completeness
from motcua.quality.completeness import MISSING, QUARANTINED
from motcua.warehouse import database, missing, runs
from motcua.warehouse.database import Connection

READY_BEFORE = timedelta(days=3)
"""So long before its day a publication has to be ready, as far as its data can be there."""

SILENT = timedelta(hours=26)
"""Without a load for so long something is wrong: one runs every night."""

LOAD = "load"

LOOKED_BACK = timedelta(days=7)
"""Missing days older than this are told by `motcua status` alone, and by the gates."""

_NOT_BUILT = """
select count(*), min(loaded_at)
from raw.files
where
    state = 'loaded'
    and loaded_at < %s
    and file_id <> all(%s)
    and not exists (
        select from raw.files as newer
        where
            newer.state = 'loaded'
            and newer.feed = raw.files.feed
            and newer.business_date = raw.files.business_date
            and newer.part = raw.files.part
            and newer.revision > raw.files.revision
    )
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

_SIGN_OFFS = """
select run_id, period_code, event, by, words, at from (
    select distinct on (run_id) *
    from ops.sign_offs
    order by run_id, sign_off_id desc
) as last_events
order by sign_off_id
"""


class _SignOff(NamedTuple):
    """What happened last to the sign-off of a run."""

    run_id: str
    period_code: str
    event: str
    by: str | None
    words: str | None
    at: datetime

    def waits(self, at: datetime) -> bool:
        """Whether its approver may still answer; of a deleted run nobody says that it ended."""
        return self.event == runs.ASKED and at < self.ends_at

    @property
    def ends_at(self) -> datetime:
        """When the wait ends without an answer."""
        return self.at + settings.sign_off_within()


def findings(at: datetime | None = None) -> list[Alert]:
    """Everything to be told at a moment (now); a warehouse that does not answer is told too."""
    at = at or datetime.now(ZoneInfo(settings.TIME_ZONE))
    found = _next_period(at)
    try:
        with database.connect(database.OPS_READER) as connection:
            found += _runs(connection, at) + _data(connection, at)
            sign_offs = [_SignOff(*row) for row in connection.execute(_SIGN_OFFS)]
        with database.connect(database.TRANSFORMER) as connection:
            found += _not_built(connection, at)
        return found + _reminders(sign_offs, at) + _publications(sign_offs, at)
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


def _reminders(sign_offs: list[_SignOff], at: datetime) -> list[Alert]:
    """Sign-offs that wait for their approver."""
    return [
        Alert(
            f"sign-off {asked.run_id}",
            f"Đang chờ phê duyệt: {asked.period_code}",
            f"The sign-off of {asked.period_code} waits since {asked.at:%Y-%m-%d %H:%M} and fails"
            f" after {asked.ends_at:%Y-%m-%d %H:%M}. Approve or refuse it in Airflow, Required"
            f" Actions of publish_scorecard (run {asked.run_id}).",
        )
        for asked in sign_offs
        if asked.waits(at)
    ]


def _publications(sign_offs: list[_SignOff], at: datetime) -> list[Alert]:
    """Publications that are soon due and not ready, or due and not made.

    Before its knowledge date has passed no period can be ready, and nothing is wrong with that.
    """
    due = {event.period_code: event.moment for event in calendar.events()}
    known = calendar.known_as_of()
    today = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    found = []
    try:
        states = periods.listing()
    except Refused:  # nothing is built: `_not_built` tells it
        return []
    for state in states:
        code, moment = state.period_code, due.get(state.period_code)
        asked = [sign_off for sign_off in sign_offs if sign_off.period_code == code]
        if moment is None or state.publication_id or (asked and asked[-1].waits(at)):
            continue
        name = f"{code} ({state.label_vi})"
        if moment <= at:
            refused = asked[-1] if asked and asked[-1].event == runs.REJECTED else None
            body = f"{name} was to be published at {moment:%Y-%m-%d %H:%M}.\n"
            body += _how_on(refused, _obstacle(state), code)
            found.append(Alert(f"overdue {code}", f"Đã đến ngày mà chưa công bố: {name}", body))
        elif moment - at <= READY_BEFORE and known[code] < today and (why := _obstacle(state)):
            body = f"{name} is to be published at {moment:%Y-%m-%d %H:%M}.\n{why}"
            found.append(Alert(f"not ready {code}", f"Chưa sẵn sàng công bố: {name}", body))
    return found


def _obstacle(state: State) -> str | None:
    """What a run of publish_scorecard would be refused for, as far as it can be told before."""
    if state.obstacle:
        return state.obstacle
    with database.connect(database.PUBLISHER) as connection:
        absent = missing.of_period(connection, state.period_code)
    return f"Expected days are missing: {missing.listed(absent)}." if absent else None


def _how_on(refused: _SignOff | None, obstacle: str | None, period_code: str) -> str:
    if obstacle:
        return obstacle
    start = f"start publish_scorecard with period {period_code}."
    if refused:
        words = refused.words or "(no words)"
        return (
            f"{refused.by} refused it at {refused.at:%Y-%m-%d %H:%M}: {words}\n"
            f"When that is settled, {start}"
        )
    return f"It is ready: {start}"


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
    """Expected days of the last week that are not complete after their deadline."""
    pack = reference.in_use(connection)
    if pack is None:
        return []
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    deadline = settings.deadline()
    newest = local.date() - timedelta(days=1 if local.time() > deadline else 2)
    absent = [
        day
        for day in completeness.days(connection, pack, local)
        if day.kiosk is None
        and day.is_expected
        and day.state in (MISSING, QUARANTINED)
        and newest - LOOKED_BACK < day.day <= newest
    ]
    if not absent:
        return []
    listed = "\n".join(
        f"  {feed}: {', '.join(day.named for day in days)}"
        for feed, days in groupby(absent, key=lambda day: day.feed)
    )
    body = (
        f"At {deadline:%H:%M} of the next day these working days were not complete:\n{listed}\n"
        "`motcua rejects` tells of quarantined files; files that never came have to be asked for."
    )
    return [Alert(f"data {newest}", f"Dữ liệu đến {newest:%d/%m/%Y} chưa đủ", body)]


def _not_built(connection: Connection, at: datetime) -> list[Alert]:
    """Files that were loaded before the last deadline and are not built into core yet."""
    zone = ZoneInfo(settings.TIME_ZONE)
    local = at.astimezone(zone)
    deadline = datetime.combine(local.date(), settings.deadline(), zone)
    if local <= deadline:
        deadline -= timedelta(days=1)
    if connection.execute("select to_regclass('core.files_applied') is null").fetchone() == (True,):
        applied = []
    else:
        found = connection.execute("select file_id from core.files_applied").fetchall()
        applied = [file_id for (file_id,) in found]
    row = connection.execute(_NOT_BUILT, [deadline, applied]).fetchone()
    files, since = row or (0, None)
    if not files:
        return []
    body = (
        f"{files} file(s) are loaded, the first since {since:%Y-%m-%d %H:%M}, and not built. See"
        " whether build_warehouse failed, hangs or is paused, then run it."
    )
    return [Alert("not built", "Dữ liệu đã nạp mà chưa được dựng", body)]
