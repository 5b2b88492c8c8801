"""What a person has to be told about data, runs and publications, from facts in the warehouse."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
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

READY_BEFORE = timedelta(days=3)
"""So long before its day a publication has to be ready, as far as its data can be there."""

GRACE = timedelta(hours=1)
"""So long after its moment, or after a sign-off ended, a publication may be at work."""

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
select stage, subject, finished_at, outcome, coalesce(message, ''), task
from (
    select distinct on (stage, subject) *
    from ops.stage_runs
    where task is not null or outcome = 'done'
    order by stage, subject, finished_at desc
) as last_runs
where
    outcome <> 'done'
    and finished_at > %(at)s - interval '1 day'
    and not exists (
        select from ops.alerts where alerts.cause = last_runs.task and alerts.day < %(today)s
    )
order by finished_at
"""
"""Runs on the command line are left out: who types a command reads how it ended."""

_LAST_LOAD = "select max(finished_at) from ops.stage_runs where stage = %s and outcome = 'done'"

_FIRST_LOAD = "select min(finished_at) from ops.stage_runs where stage = %s and outcome = 'done'"

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
    """Everything to be told at a moment (now); also a warehouse that does not answer.

    Each part is looked at for itself: one that cannot be looked at is told, and hides no other.
    """
    at = at or datetime.now(ZoneInfo(settings.TIME_ZONE))
    found: list[Alert] = []
    silent: str | None = None
    broken: dict[str, list[str]] = {}
    for part, look in _WATCHED.items():
        try:
            found += look(at)
        except (database.NoAnswer, psycopg.OperationalError) as error:
            silent = silent or _told(error)
        except Exception as error:
            broken.setdefault(_told(error), []).append(part)
    if silent:
        body = f"{silent}\nSee `motcua status`."
        found.append(Alert("warehouse", "Kho dữ liệu không trả lời", body))
    for reason, parts in broken.items():
        listed = ", ".join(parts)
        body = (
            f"{reason}\nUntil that is mended, nothing is told of this. The log of check_freshness"
            " shows the run."
        )
        found.append(Alert(f"watch {listed}", f"Không trông chừng được: {listed}", body))
    return found


def _told(error: Exception) -> str:
    """Our own words; of other errors the kind alone, as their texts may quote a record."""
    return str(error) if isinstance(error, Failed | Refused) else type(error).__name__


def _stages(at: datetime) -> list[Alert]:
    """Stages whose last run in a DAG failed since yesterday.

    The cause is that of the callback of the task, so what went out from there is not told again.
    """
    with database.connect(database.OPS_READER) as connection:
        rows = connection.execute(_FAILED_STAGES, {"at": at, "today": _local(at).date()}).fetchall()
    return [
        Alert(
            task,
            f"Bước {stage} {'bị từ chối' if outcome == runs.REFUSED else 'thất bại'}",
            f"{stage} {subject or ''} ended at {finished_at:%Y-%m-%d %H:%M} as {outcome}:\n"
            f"{message}\nMend it as it says, then run the DAG again (it was {task}).",
        )
        for stage, subject, finished_at, outcome, message, task in rows
    ]


def _loads(at: datetime) -> list[Alert]:
    """No load since yesterday."""
    last = _moment_of_load(_LAST_LOAD)
    if last and at - last <= SILENT:
        return []
    since = f"since {last:%Y-%m-%d %H:%M}" if last else "ever"
    body = (
        f"No load has ended well {since}; one runs every night at 05:00. See whether the"
        " scheduler runs (`motcua status`) and whether ingest_exports is paused."
    )
    return [Alert("no load", "Chưa có lần nạp dữ liệu nào từ hôm qua", body)]


def _reminders(at: datetime) -> list[Alert]:
    """Sign-offs that wait for their approver."""
    return [
        Alert(
            f"sign-off {asked.run_id}",
            f"Đang chờ phê duyệt: {asked.period_code}",
            f"The sign-off of {asked.period_code} waits since {asked.at:%Y-%m-%d %H:%M} and fails"
            f" after {asked.ends_at:%Y-%m-%d %H:%M}. Approve or refuse it in Airflow, Required"
            f" Actions of publish_scorecard (run {asked.run_id}).",
        )
        for asked in _sign_offs()
        if asked.waits(at)
    ]


def _publications(at: datetime) -> list[Alert]:
    """Publications that are soon due and not ready, or due and not made.

    Of what was due before the first load of this installation nothing is told: it began later.
    """
    due = {event.period_code: event.moment for event in calendar.events()}
    known, sign_offs = calendar.known_as_of(), _sign_offs()
    began = _moment_of_load(_FIRST_LOAD)
    found = []
    try:
        states = periods.listing()
    except Refused:  # nothing is built: `_not_built` tells it
        return []
    for state in states:
        code, moment = state.period_code, due.get(state.period_code)
        asked = [one for one in sign_offs if one.period_code == code]
        if moment is None or state.publication_id or (asked and asked[-1].waits(at)):
            continue
        name = f"{code} ({state.label_vi})"
        against = _Against(state, at, sign_offs)
        if moment + GRACE <= at:
            if began is None or moment < began:
                continue
            was = f"{name} was to be published at {moment:%Y-%m-%d %H:%M}.\n"
            if before := against.in_the_way(moment):
                subject = f"Chờ kỳ {before.period_code} được phê duyệt: {name}"
                found.append(Alert(f"waits {code}", subject, was + _waits_behind(before)))
            elif not any(at - GRACE < one.at <= at for one in sign_offs):
                refused = asked[-1] if asked and asked[-1].event == runs.REJECTED else None
                subject = f"Đã đến ngày mà chưa công bố: {name}"
                body = was + _how_on(refused, against.all(), code)
                found.append(Alert(f"overdue {code}", subject, body))
        elif moment - at <= READY_BEFORE and (why := against.in_advance(known[code], due)):
            body = f"{name} is to be published at {moment:%Y-%m-%d %H:%M}.\n" + "\n".join(why)
            found.append(Alert(f"not ready {code}", f"Chưa sẵn sàng công bố: {name}", body))
    return found


class _Against:
    """What stands against a publication at a moment, as far as a run of it would be refused."""

    def __init__(self, state: State, at: datetime, sign_offs: list[_SignOff]) -> None:
        self.state = state
        self.at = at
        self.waiting = [one for one in sign_offs if one.waits(at)]

    def in_the_way(self, moment: datetime) -> _SignOff | None:
        """The sign-off of a part, or one that had the DAG's only run when this one was due."""
        parts = {part for one in self.state.obstacles for part in one.parts}
        for one in self.waiting:
            if one.period_code in parts or one.at <= moment + GRACE:
                return one
        return None

    def all(self) -> list[str]:
        """Everything, once the day has come."""
        return [one.text for one in self.state.obstacles] + self._missing()

    def in_advance(self, known_as_of: date, due: Mapping[str, datetime]) -> list[str]:
        """What is late already, before the day: not that which can only come until then.

        The data need not reach the knowledge date before its deadline has passed, parts need not
        stand before they are due, and files need not be built before the deadline of their night.
        """
        found = []
        for one in self.state.obstacles:
            if one.kind == periods.EARLY and known_as_of > _newest_due(self.at):
                continue
            if one.kind == periods.NOT_BUILT and not _unbuilt(self.at)[0]:
                continue
            if one.kind == periods.PARTS_LACK:
                found += [
                    self._part(part)
                    for part in one.parts
                    if part not in due or due[part] + GRACE <= self.at
                ]
                continue
            found.append(one.text)
        return found + self._missing()

    def _part(self, part: str) -> str:
        for one in self.waiting:
            if one.period_code == part:
                return _waits_behind(one)
        return f"{part}, a period inside it, is not published: run publish_scorecard with {part}."

    def _missing(self) -> list[str]:
        """The expected days past their deadline that core does not hold."""
        newest = _newest_due(self.at)
        with database.connect(database.PUBLISHER) as connection:
            needed = missing.of_period(connection, self.state.period_code)
        absent = [one for one in needed if one.day <= newest]
        return [f"Expected days are missing: {missing.listed(absent)}."] if absent else []


def _waits_behind(before: _SignOff) -> str:
    return (
        f"It waits for the sign-off of {before.period_code}, asked for at"
        f" {before.at:%Y-%m-%d %H:%M}: publish_scorecard does one period after the other. Have that"
        f" approved or refused in Airflow, Required Actions (run {before.run_id}); a run that is"
        " queued behind it then goes on by itself. Publish neither by hand meanwhile."
    )


def _how_on(refused: _SignOff | None, against: list[str], period_code: str) -> str:
    if against:
        return "\n".join(against)
    start = f"start publish_scorecard with period {period_code}."
    if refused:
        words = refused.words or "(no words)"
        return (
            f"{refused.by} refused it at {refused.at:%Y-%m-%d %H:%M}: {words}\n"
            f"When that is settled, {start}"
        )
    return f"It is ready: {start}"


def _calendar(at: datetime) -> list[Alert]:
    """A pack in which no publication follows."""
    if calendar.next_after(at, calendar.events()):
        return []
    body = (
        f"No publication follows in {settings.reference()}: add the next periods to"
        " reporting_periods.csv, then run `motcua check-reference`."
    )
    return [Alert("no period follows", "Lịch công bố không có kỳ tiếp theo", body)]


def _data(at: datetime) -> list[Alert]:
    """Expected days of the last week that are not complete after their deadline."""
    deadline, newest = settings.deadline(), _newest_due(at)
    with database.connect(database.OPS_READER) as connection:
        pack = reference.in_use(connection)
        days = completeness.days(connection, pack, _local(at)) if pack else []
    absent = [
        day
        for day in days
        if day.kiosk is None
        and day.is_expected
        and day.state in (MISSING, QUARANTINED)
        and newest - LOOKED_BACK < day.day <= newest
    ]
    if not absent:
        return []
    listed = "\n".join(
        f"  {feed}: {', '.join(day.named for day in group)}"
        for feed, group in groupby(absent, key=lambda day: day.feed)
    )
    body = (
        f"At {deadline:%H:%M} of the next day these working days were not complete:\n{listed}\n"
        "`motcua rejects` tells of quarantined files; files that never came have to be asked for."
    )
    return [Alert(f"data {newest}", f"Dữ liệu đến {newest:%d/%m/%Y} chưa đủ", body)]


def _not_built(at: datetime) -> list[Alert]:
    """Files that were loaded before the last deadline and are not built into core yet."""
    files, since = _unbuilt(at)
    if not files:
        return []
    body = (
        f"{files} file(s) are loaded, the first since {since:%Y-%m-%d %H:%M}, and not built. See"
        " whether build_warehouse failed, hangs or is paused, then run it."
    )
    return [Alert("not built", "Dữ liệu đã nạp mà chưa được dựng", body)]


def _unbuilt(at: datetime) -> tuple[int, datetime | None]:
    """How many files of before the last deadline wait for a build, and since when the first."""
    zone = ZoneInfo(settings.TIME_ZONE)
    local = at.astimezone(zone)
    deadline = datetime.combine(local.date(), settings.deadline(), zone)
    if local <= deadline:
        deadline -= timedelta(days=1)
    with database.connect(database.TRANSFORMER) as connection:
        row = connection.execute("select to_regclass('core.files_applied') is null").fetchone()
        if row == (True,):
            applied = []
        else:
            found = connection.execute("select file_id from core.files_applied").fetchall()
            applied = [file_id for (file_id,) in found]
        row = connection.execute(_NOT_BUILT, [deadline, applied]).fetchone()
    return row or (0, None)


def _sign_offs() -> list[_SignOff]:
    """The last event of every sign-off, the oldest first."""
    with database.connect(database.OPS_READER) as connection:
        return [_SignOff(*row) for row in connection.execute(_SIGN_OFFS)]


def _moment_of_load(query: str) -> datetime | None:
    with database.connect(database.OPS_READER) as connection:
        row = connection.execute(query, [LOAD]).fetchone()
    return row[0] if row else None


def _newest_due(at: datetime) -> date:
    """The newest business date whose files should have been loaded."""
    local = _local(at)
    return local.date() - timedelta(days=1 if local.time() > settings.deadline() else 2)


def _local(at: datetime) -> datetime:
    """Local time of the Centre, without its zone."""
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)


_WATCHED: dict[str, Callable[[datetime], list[Alert]]] = {
    "lịch công bố": _calendar,
    "các bước xử lý": _stages,
    "lần nạp": _loads,
    "dữ liệu hằng ngày": _data,
    "tệp chờ dựng": _not_built,
    "phê duyệt": _reminders,
    "các kỳ công bố": _publications,
}
"""What is looked at, as alerts name it."""
