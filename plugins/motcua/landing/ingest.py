"""One run of ingestion: keep the reference pack, then load every export file not yet loaded."""

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed
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
    touched: Counter[str] = Counter()
    with database.connect(database.LOADER, autocommit=True) as connection:
        if not new_key:
            pseudonyms.check(connection)
        manifest = _manifest(connection)
        # A file and its manifest row come or go together, so that one wait for the disk is enough
        # for all files: the one at the end.
        connection.execute("set synchronous_commit = off")
        try:
            for done, file in enumerate(files, start=1):
                earlier = manifest.get(file.key, set())
                if reason := _misdated(file, known, today):
                    report.warnings.append(f"{file.name}: {reason}")
                elif file.sha256 in earlier:
                    report.unchanged += 1
                else:
                    _load(connection, file, earlier, known, report, touched)
                if progress:
                    progress("files", done, len(files))
        except Failed:  # the landing zone is gone, and the files before stay
            _settle(connection, touched)
            raise
        _settle(connection, touched)
    if report.waiting:
        report.warnings.append(_waiting(report.waiting))
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
    earlier: set[str],
    known: Known,
    report: IngestReport,
    touched: Counter[str],
) -> None:
    """Load one file, unless its digest is an earlier one; note in the report what became of it."""
    try:
        if find.is_fresh(file):
            report.waiting.append(file.name)
            return
        with find.at_hand(file) as near:
            is_new = not earlier or find.digest(near) not in earlier
            outcome = load.load(connection, near, known) if is_new else None
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
        touched[file.feed] += outcome.loaded
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


def _settle(connection: Connection, touched: Counter[str]) -> None:
    """Wait until the server has on disk what was committed, and tell it of the new rows."""
    connection.execute("set synchronous_commit = on")
    # Its log is in one order: when this is on disk, so is all before.
    connection.execute("select pg_logical_emit_message(true, 'motcua', 'files loaded')")
    _refresh_statistics(connection, touched)


def _refresh_statistics(connection: Connection, touched: Counter[str]) -> None:
    """Let the planner and the block-range indexes know the new rows."""
    for feed, records in touched.items():
        if not records:
            continue
        connection.execute("select brin_summarize_new_values(%s)", [f"raw.{feed}_by_row_id"])
        row = connection.execute(
            "select reltuples from pg_class where oid = to_regclass(%s)", [f"raw.{feed}"]
        ).fetchone()
        if row is None or records > row[0] / 10:
            connection.execute(f"analyze raw.{feed}")
