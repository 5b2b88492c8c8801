"""One run of ingestion: keep the reference pack, then load every export file not yet loaded."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed, Interrupted
from motcua.landing import find, load, pseudonyms, reference, remote
from motcua.landing.checks import Known
from motcua.landing.find import ExportFile, StillWritten
from motcua.warehouse import database
from motcua.warehouse.database import Connection

Progress = Callable[[str, int, int], None]
"""Told what is done, how many are done, and of how many."""

AHEAD = timedelta(days=1)
"""How far ahead of the day at the Centre a business date may lie, as clocks differ."""

YEARS_BEFORE = 10
"""Years before the first expected one from which old records may still be delivered."""

SESSIONS = 2
"""Sessions that load a large amount side by side."""

WORTH_A_SESSION = 16 << 20
"""Bytes of files for which a second session is worth its start."""

SEES_SIGNALS = 0.2
"""Seconds after which a signal is seen at the latest while sessions are waited for."""

MOST_UNSETTLED = 64 << 20
"""Bytes of files after which the server settles what was loaded."""

Manifest = dict[tuple[str, date, str, int], set[str]]


@dataclass
class IngestReport:
    """What a run did. found, loaded, unchanged and quarantined count files, the others records.

    not_streamed: why csv files were read record by record, which is slower, and how many for each
    reason. warnings: what may be wrong; messages: what was refused, with what to do next. waiting:
    names of files that changed a moment ago, so that somebody may still write them.
    """

    found: int = 0
    loaded: int = 0
    unchanged: int = 0
    quarantined: int = 0
    records: int = 0
    rejected: int = 0
    reference_sha256: str = ""
    reference_changed: bool = False
    not_streamed: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def add(self, part: "IngestReport") -> None:
        """Add what became of some of the files."""
        for name in ("loaded", "unchanged", "quarantined", "records", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(part, name))
        self.not_streamed.update(part.not_streamed)
        for name in ("warnings", "messages", "waiting"):
            getattr(self, name).extend(getattr(part, name))


def ingest(
    uri: str | None = None,
    progress: Progress | None = None,
    options: Mapping[str, str] | None = None,
    new_key: bool = False,
) -> IngestReport:
    """Load what has landed in `uri` (default: the setting) and is not in the warehouse.

    options: how to log in to a remote zone, by default as the settings say. new_key: accept another
    key of the pseudonyms than before. A bad file is quarantined with its reason and stops no other.
    Raises Failed when the landing zone, the reference pack or the key cannot be used, or the
    warehouse cannot be reached, and Interrupted when it went away; files loaded before stay, except
    that a server that crashed may have lost those of its last second, which the next run loads.
    """
    settings.reject_limit_percent()  # a wrong setting is no fault of a file
    settings.quiet_seconds()
    pack = settings.reference()
    report = IngestReport()
    report.reference_sha256, report.reference_changed = reference.store(pack)
    if report.reference_changed:
        report.warnings += [f"Reference pack: {warning}" for warning in reference.warnings(pack)]
    known = reference.known_codes(pack)
    files, report.warnings[:0] = find.find(uri or settings.landing(), options)
    report.found = len(files)
    today = datetime.now(ZoneInfo(settings.TIME_ZONE)).date()
    with database.connect(database.LOADER) as connection:
        if not new_key:
            pseudonyms.check(connection)
        manifest = _manifest(connection)
    run = _Run(known, manifest, progress, len(files))
    new = []
    for file in files:
        if reason := _misdated(file, known, today):
            report.warnings.append(f"{file.name}: {reason}")
            run.tell()
        elif file.sha256 in manifest.get(file.key, ()):
            report.unchanged += 1
            run.tell()
        else:
            new.append(file)
    for part in _side_by_side(run, _shares(new)):
        report.add(part)
    if report.waiting:
        report.warnings.append(_waiting(report.waiting))
    return report


@dataclass
class _Run:
    """What the sessions of a run have in common.

    is_over: one of them cannot go on. stop: set when those of several are to end at once.
    """

    known: Known
    manifest: Manifest
    progress: Progress | None
    files: int
    done: int = 0
    stop: Event | None = None
    lock: Lock = field(default_factory=Lock)
    is_over: Event = field(default_factory=Event)
    sessions: list[Connection] = field(default_factory=list)

    def tell(self) -> None:
        """Count a file that is done with."""
        with self.lock:
            self.done += 1
            if self.progress:
                self.progress("files", self.done, self.files)

    def interrupt(self) -> None:
        """Begin no other file, and ask the server to undo those that are at work."""
        self.is_over.set()
        if self.stop:
            self.stop.set()
        for session in self.sessions:
            with suppress(psycopg.Error):
                session.cancel_safe()


def _shares(files: Sequence[ExportFile]) -> list[list[ExportFile]]:
    """The files for each session; none without files.

    Whole feeds, as a feed takes one file at a time. One session when a second one is not worth its
    start, for sheets, which lie in memory, and for a remote zone, which has one connection.
    """
    feeds: dict[str, list[ExportFile]] = {}
    for file in files:
        feeds.setdefault(file.feed, []).append(file)
    shares: list[list[ExportFile]] = [[] for _ in range(SESSIONS)]
    for of_feed in sorted(feeds.values(), key=_bytes, reverse=True):
        min(shares, key=_bytes).extend(of_feed)
    if min(map(_bytes, shares)) < WORTH_A_SESSION or any(
        file.zone or file.form == "xlsx" for file in files
    ):
        shares = [[*files]]
    return [share for share in shares if share]


def _bytes(files: Sequence[ExportFile]) -> int:
    return sum(file.size for file in files)


def _side_by_side(run: _Run, shares: Sequence[Sequence[ExportFile]]) -> Iterator[IngestReport]:
    """Load every share in a session of its own; one that cannot go on stops the others, too."""
    if len(shares) == 1:
        yield _load_all(run, shares[0])
        return
    run.stop = Event()
    with ThreadPoolExecutor(SESSIONS) as pool:
        try:
            parts = [pool.submit(_load_all, run, share) for share in shares]
            ended: list[Future[IngestReport]] = []
            while len(ended) < len(parts):
                # With polars at work a signal interrupts no wait: it is seen between two of them.
                done, _ = wait({*parts} - {*ended}, SEES_SIGNALS, FIRST_COMPLETED)
                ended.extend(done)
                for part in done:
                    if part.exception() is not None:
                        run.is_over.set()
                    if isinstance(part.exception(), KeyboardInterrupt):  # it met polars at work
                        part.result()
        except BaseException:  # a signal: the server is to undo the files that are at work
            run.interrupt()
            raise
    yield from [part.result() for part in ended]


def _load_all(run: _Run, files: Sequence[ExportFile]) -> IngestReport:
    """Load files one after the other in a session; tells what became of them."""
    report = IngestReport()
    loaded: Counter[str] = Counter()
    unsettled: Counter[str] = Counter()
    with database.connect(database.LOADER, autocommit=True) as connection:
        run.sessions.append(connection)
        # A file and its manifest row come or go together, so one wait for the disk is enough for
        # many small files.
        connection.execute("set synchronous_commit = off")
        try:
            for file in files:
                if run.is_over.is_set():
                    break
                records = report.records
                _load(connection, file, run, report)
                loaded[file.feed] += report.records - records
                unsettled[file.feed] += file.size
                if unsettled.total() >= MOST_UNSETTLED:
                    _settle(connection, unsettled)
                run.tell()
        # The landing zone, the server or the memory is gone, or there was a signal; what is done
        # stays.
        except (Failed, Interrupted, MemoryError, KeyboardInterrupt):
            run.is_over.set()
            with suppress(Interrupted):  # what is told is the first
                _settle(connection, unsettled, loaded)
            raise
        _settle(connection, unsettled, loaded)
    return report


def _manifest(connection: Connection) -> Manifest:
    """sha256 of all files that were read before, by what their names identify."""
    known: Manifest = {}
    for feed, business_date, part, revision, sha256 in connection.execute(
        "select feed, business_date, part, revision, sha256 from raw.files"
    ):
        known.setdefault((feed, business_date, part, revision), set()).add(sha256)
    return known


def _load(
    connection: Connection,
    file: ExportFile,
    run: _Run,
    report: IngestReport,
) -> None:
    """Load one file, unless its digest is an earlier one; note in the report what became of it."""
    earlier = run.manifest.get(file.key, set())
    try:
        if find.is_fresh(file):
            report.waiting.append(file.name)
            return
        with find.at_hand(file) as near:
            is_new = not earlier or find.digest(near) not in earlier
            outcome = load.load(connection, near, run.known, run.stop) if is_new else None
    except psycopg.Error as error:
        if _concerns_all(connection, error):
            # Not chained: the server tells in which row it stopped, and rows are personal.
            raise database.interrupted(f"Loading {file.name}", error) from None
        report.messages.append(_skipped(file, error))
        return
    except StillWritten:
        report.warnings.append(f"{file.name}: still being written; it waits for the next run.")
        return
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        todo = f" Check {file.uri}."
        if error.errno in remote.NO_ROOM:  # nothing is written to where the file lies
            what, todo = f"this machine has no room to load it ({error.strerror})", ""
        report.warnings.append(f"{file.name}: {what}; it waits for the next run.{todo}")
        return
    except (Failed, MemoryError):
        raise
    except Exception as error:  # whatever a file does to the loader, it stops no other
        report.messages.append(_skipped(file, error))
        return
    if outcome is None:
        report.unchanged += 1
        return
    report.warnings += [f"{file.name}: {warning}" for warning in outcome.warnings]
    if outcome.not_streamed:
        report.not_streamed[outcome.not_streamed] += 1
    if outcome.state == load.QUARANTINED:
        report.quarantined += 1
        report.messages.append(f"{file.name}: quarantined. {outcome.reason}")
    else:
        report.loaded += 1
        report.records += outcome.records
        report.rejected += outcome.rejected
    if outcome.first_reject:
        report.messages.append(
            f"{file.name}: {outcome.rejected} of {outcome.records} records rejected; the first:"
            f" {outcome.first_reject} All of them: `motcua rejects`."
        )


def _concerns_all(connection: Connection, error: psycopg.Error) -> bool:
    """Whether no file can be loaded: the server is gone, lacks something, or refuses statements."""
    kinds = (psycopg.OperationalError, psycopg.ProgrammingError, psycopg.NotSupportedError)
    return connection.closed or isinstance(error, kinds)


def _misdated(file: ExportFile, known: Known, today: date) -> str | None:
    """Why a file is held for its business date, which no export can have; None if it can."""
    if file.business_date > today + AHEAD:
        return f"held, as its business date lies ahead of today, {today}. Rename it, or wait."
    if known.expected_from and file.business_date.year < known.expected_from.year - YEARS_BEFORE:
        return (
            f"held, as its business date lies years before {known.expected_from}, the first day"
            " that feeds.csv expects. Rename it, or correct expected_from."
        )
    return None


def _waiting(names: Sequence[str]) -> str:
    return (
        f"Changed less than {settings.quiet_seconds():g} s ago, so perhaps still being written:"
        f" {find.first_ten(names)}. The next run takes them (`MOTCUA_QUIET_SECONDS=0` at once)."
    )


def _skipped(file: ExportFile, error: Exception) -> str:
    """What to say of a file at which the loader failed; never its text, which may be personal."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{file.name}: not loaded, as the loader failed at it ({type(error).__name__} in"
        f" {Path(place.filename).name}, line {place.lineno}). Report this, with the file for"
        " whoever may see it; the next run tries again."
    )


def _settle(
    connection: Connection, unsettled: Counter[str], loaded: Mapping[str, int] | None = None
) -> None:
    """Wait until the server has on disk what was committed, and let it read that once more.

    That brings the block-range indexes up to date. And the first who reads a row notes in its page
    that it is committed: here the pages are still at hand and will be written anyway, while after a
    checkpoint each would go into the log as a whole, and be written once more.
    loaded: in the end, records by feed, for the planner's statistics.
    """
    try:
        connection.execute("reset synchronous_commit")
        # The log is in one order: when this is on disk, so is all before.
        connection.execute("select pg_logical_emit_message(true, 'motcua', 'files loaded')")
        connection.execute("set synchronous_commit = off")
        for feed in unsettled:
            connection.execute("select brin_summarize_new_values(%s)", [f"raw.{feed}_by_row_id"])
        unsettled.clear()
        _refresh_statistics(connection, loaded or {})
    except psycopg.Error as error:
        raise database.interrupted("Settling what was loaded", error) from None


def _refresh_statistics(connection: Connection, loaded: Mapping[str, int]) -> None:
    """Let the planner know the new rows."""
    for feed, records in loaded.items():
        row = connection.execute(
            "select reltuples from pg_class where oid = to_regclass(%s)", [f"raw.{feed}"]
        ).fetchone()
        if records and (row is None or records > row[0] / 10):
            connection.execute(f"analyze raw.{feed}")
