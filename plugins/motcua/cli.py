"""The command `motcua`: reads the arguments, calls one function, tells what was done.

Exit code 0 done, 1 failed, 2 wrong usage, 3 refused.
"""

import argparse
import getpass
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from motcua import settings
from motcua.errors import Failed, Interrupted, Refused

if TYPE_CHECKING:
    from motcua.landing.rejects import Reason, Reject

# What a command needs is imported when it runs, so that `motcua --help` answers at once.

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3
INTERRUPTED = 130

BENCHMARKS = {
    name: f"{name}.py"
    for name in ("load", "build", "daily", "pipeline", "scheduler", "publish", "pages")
}
BENCHMARKS["trace"] = "traces.py"  # `trace` is a module of Python

Command = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options) or DONE
    except (Failed, Interrupted) as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return FAILED
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("Interrupted. Start the same command again: it takes up where it stopped.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        traceback.print_exc()
        print(
            f"Failed: {error or type(error).__name__}\nNobody foresaw this. Start the command"
            " again; should it fail again, report the lines above.",
            file=sys.stderr,
        )
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="motcua",
        description="The warehouse of a public one-stop centre: exports in, a scorecard out.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a gate or a rule."
        " Settings are environment variables MOTCUA_*.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    add("run", _run, "show everything with the exports of 2019, then stop what it started")
    add("up", _up, "start PostgreSQL and Airflow, to stay")
    add("down", _down, "stop them")
    status = add("status", _status, "what runs, what has landed, which days are missing")
    status.add_argument(
        "--today", metavar="DATE", type=date.fromisoformat, help="tell deadlines as of its end"
    )
    sample = add("sample", _sample, "write the reconstructed exports of 2019 into a folder")
    sample.add_argument("folder", metavar="DIR", type=Path)
    sample.add_argument("--scale", metavar="N", type=_positive, default=1, help="times over")
    add("check-reference", _check_reference, "check the reference pack of MOTCUA_REFERENCE")
    ingest = add("ingest", _ingest, "load what has landed and is not loaded yet")
    ingest.add_argument("--landing", metavar="URI", help="instead of MOTCUA_LANDING")
    ingest.add_argument(
        "--new-key", action="store_true", help="the former key of the pseudonyms is lost"
    )
    rejects = add("rejects", _rejects, "list rejected records and quarantined files")
    rejects.add_argument("--feed", help="of one feed only")
    rejects.add_argument("--limit", metavar="N", type=_positive, default=100, help="at most N")
    rejects.add_argument("--by-reason", action="store_true", help="how often each reason occurs")
    build = add("build", _build, "landing gate, models, provisional figures")
    build.add_argument("--full-refresh", action="store_true", help="build everything anew")
    _add_waiver(build, "lets days with next to no records through")
    publish = add("publish", _publish, "candidate gate, release, workbook of a period")
    publish.add_argument("period", metavar="PERIOD", help="such as 2019-Q1")
    publish.add_argument("--approved-by", metavar="NAME", default=None, help="default: the login")
    publish.add_argument("--revise", action="store_true", help="release a period once more")
    publish.add_argument("--note", metavar="TEXT", help="why it is released once more")
    _add_waiver(publish, "accepts the missing days of the period")
    notify = add(
        "notify-units",
        _notify_units,
        "workbooks of a month's late cases and bad ratings for each unit; the DAG of this name"
        " mails them too",
    )
    notify.add_argument("month", metavar="MONTH", help="such as 2019-06")
    notify.add_argument(
        "--as-of",
        metavar="DATE",
        type=date.fromisoformat,
        help="count what was known on this day; default: four days after the month",
    )
    trace = add("trace", _trace, "what a published figure is made of, down to files and records")
    trace.add_argument("publication", metavar="PUBLICATION", help="such as 2019-H1.r1")
    trace.add_argument(
        "table", metavar="TABLE", help="such as appendix_1; revisions: why it changed"
    )
    trace.add_argument("unit", metavar="UNIT", help="a unit code, or TOTAL")
    trace.add_argument("column", metavar="COLUMN", help="such as settled_late")
    trace.add_argument("--all", metavar="FILE", type=Path, help="write every row as csv")
    recompute = add("recompute", _recompute, "compute a release again from its pinned files")
    recompute.add_argument("publication", metavar="PUBLICATION", help="such as 2019-H1.r1")
    recompute.add_argument(
        "--units",
        choices=("then", "today"),
        default="then",
        help="today: print its tables on the units of today and write them as a workbook;"
        " nothing is published",
    )
    withdraw = add("withdraw", _withdraw, "withdraw a faulty release")
    withdraw.add_argument("publication", metavar="PUBLICATION", help="such as 2019-Q1.r1")
    withdraw.add_argument("--reason", metavar="TEXT", required=True)
    withdraw.add_argument("--by", metavar="NAME", default=None, help="default: the login")
    purge = add(
        "purge",
        _purge,
        "empty personal columns of records past their retention, delete landing copies of theirs",
    )
    purge.add_argument(
        "--older-than",
        metavar="DAYS",
        type=_positive,
        help="after the business date; default: MOTCUA_RETENTION_DAYS, else 365",
    )
    purge.add_argument("--dry-run", action="store_true", help="say what it would do, do nothing")
    backup = add("backup", _backup, "back up the warehouse, Airflow's database and the files")
    backup.add_argument(
        "folder", metavar="DIR", type=Path, help="gets a new folder for each backup"
    )
    backup.add_argument(
        "--keys", action="store_true", help="the keys alone, which belong elsewhere than the data"
    )
    restore = add("restore", _restore, "put a backup back, into empty databases and folders")
    restore.add_argument("backup", metavar="BACKUP", type=Path, help="as `motcua backup` named it")
    audit = add(
        "audit",
        _audit,
        "find contradictions in a printed report, or tell the checks of a publication"
        " (3: there are critical ones)",
    )
    audit.add_argument(
        "what",
        metavar="FILE|PUBLICATION",
        help="report with the appendices (.docx, .xlsx, .txt, .md), or such as 2019-H1.r1",
    )
    bench = add("bench", _bench, "measure speed (needs the checkout); prints and stores a table")
    bench.add_argument("name", metavar="NAME", choices=BENCHMARKS, help=", ".join(BENCHMARKS))
    bench.add_argument(
        "options",
        metavar="...",
        nargs=argparse.REMAINDER,
        help="options of the benchmark: motcua bench NAME --help tells them",
    )
    return parser


def _add_waiver(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--waive", metavar="NAME", help=f"the person who {what}")
    parser.add_argument("--reason", metavar="TEXT", help="why; with --waive")


def _run(options: argparse.Namespace) -> int:
    from motcua.operations import demo

    return demo.run()


def _up(options: argparse.Namespace) -> None:
    from motcua.operations import local, status

    said = ""

    def tell(text: str) -> None:
        nonlocal said
        if text != said:
            print(f"  {text} ...", flush=True)
        said = text

    with local.only_one("up"):
        local.up(tell)
    print(status.addresses())


def _down(options: argparse.Namespace) -> None:
    from motcua.operations import local

    with local.only_one("down"):
        stopped = local.down()
    print(f"Stopped: {' and '.join(stopped)}." if stopped else "Nothing was running.")


def _status(options: argparse.Namespace) -> None:
    from motcua.operations import status

    at = datetime.combine(options.today, time.max) if options.today else None
    print(status.report(at))


def _sample(options: argparse.Namespace) -> None:
    from motcua_sample import write_sample

    try:
        totals = write_sample(options.folder, options.scale, _progress())
    except ValueError as error:
        raise Failed(str(error)) from error
    print(
        f"{totals['files']} export files in {options.folder}: {totals['cases']} cases,"
        f" {totals['ratings']} ratings. Load them:"
        f" motcua ingest --landing {options.folder}"
    )


def _check_reference(options: argparse.Namespace) -> int:
    from motcua.landing import reference

    folder = settings.reference()
    problems = reference.check(folder)
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        print(f"{folder}: {len(problems)} problems; mend them and check again.", file=sys.stderr)
        return FAILED
    for line in [*reference.warnings(folder), *reference.untimely(folder)]:
        print(f"Warning: {line}")
    print(f"{folder} is sound.")
    return DONE


def _ingest(options: argparse.Namespace) -> None:
    from motcua import pipeline

    pipeline.run_ingest(options.landing, _progress(), new_key=options.new_key)
    if pipeline.waiting():
        print("Next: motcua build")


def _rejects(options: argparse.Namespace) -> None:
    from motcua.landing import rejects
    from motcua.warehouse import schema

    schema.migrate()
    if options.by_reason:
        lines = [_reason(one) for one in rejects.by_reason(options.feed)]
    else:
        rows = rejects.listing(options.feed, options.limit)
        lines = [_reject(row) for row in rows]
        if len(rows) == options.limit:
            lines.append(f"These are the newest {options.limit}; --limit shows more.")
    print("\n".join(lines) or "Nothing is rejected.")


def _reject(row: "Reject") -> str:
    record = f", record {row.record}" if row.record else ""
    column = f", column {row.column_name}" if row.column_name else ""
    return f"{row.file_name}{record}{column}: {row.reason.rstrip('.')}. {row.next_step}"


def _reason(one: "Reason") -> str:
    files = "1 file" if one.files == 1 else f"{one.files} files"
    if one.records:
        files = f"{one.records} record{'s' * (one.records > 1)} of {files}"
    days = " … ".join(dict.fromkeys([f"{one.first_day}", f"{one.last_day}"]))
    column = f", column {one.column_name}" if one.column_name else ""
    return f"{files} ({days}), {one.feed}{column}: {one.reason.rstrip('.')}. {one.next_step}"


def _build(options: argparse.Namespace) -> None:
    from motcua import pipeline

    pipeline.run_build(_progress(), options.full_refresh, options.waive, options.reason)


def _publish(options: argparse.Namespace) -> None:
    from motcua import pipeline

    approved_by = options.approved_by or _login()
    pipeline.run_publish(
        options.period,
        approved_by,
        options.revise,
        options.note,
        options.waive,
        options.reason,
    )


def _notify_units(options: argparse.Namespace) -> None:
    from motcua.operations import notify

    notify.notify_units(options.month, options.as_of)


def _trace(options: argparse.Namespace) -> None:
    from motcua.publication import trace, trace_revisions

    if options.table == "revisions":
        of_cell = (options.publication, options.unit, options.column)
        print(trace_revisions.text(trace_revisions.changes(*of_cell)))
        if options.all:
            number = trace_revisions.write_all(options.all, *of_cell)
            print(f"{number} rows: {options.all}")
        return
    of = (options.publication, options.table, options.unit, options.column)
    print(trace.text(trace.trace(*of)))
    if options.all:
        number = trace.write_all(options.all, *of)
        print(f"{number} rows: {options.all}")


def _recompute(options: argparse.Namespace) -> int:
    from motcua.publication.recompute import recompute

    if options.units == "today":
        return _recompute_on_units_of_today(options.publication)
    again = recompute(options.publication, _progress())
    if again.withdrawal:
        print(again.withdrawal)
    if again.is_same:
        print(f"{options.publication} comes out again: {again.cells} cells and all rows the same.")
        return DONE
    for difference in again.differences[:50]:
        print(f"  {difference}")
    rows = sum(again.evidence_differences.values())
    print(
        f"{options.publication}: {len(again.differences)} cells and {rows} rows differ.",
        file=sys.stderr,
    )
    print(
        f"Code drift: it was computed by {again.code_then}, now by {again.code_now}."
        if again.is_code_drift
        else "The same code and files give other figures: this must not be. Report it.",
        file=sys.stderr,
    )
    return FAILED


def _recompute_on_units_of_today(publication_id: str) -> int:
    from motcua.documents import tables, terminal, workbook
    from motcua.publication import today

    figures = today.recompute_on_units_of_today(publication_id, _progress())
    sheets = tables.on_units_of_today(publication_id, figures)
    for table in sheets:
        print(terminal.render(table), end="\n\n")
    name = f"{publication_id}.units-today"
    print(f"Workbook: {workbook.write_tables(sheets, name, settings.publications())}")
    return DONE


def _withdraw(options: argparse.Namespace) -> None:
    from motcua import pipeline
    from motcua.documents import tables
    from motcua.publication import release
    from motcua.warehouse import schema

    schema.migrate()
    release.withdraw(options.publication, options.by or _login(), options.reason)
    print(
        f"{options.publication} is withdrawn; the latest_ views now show the newest release of its"
        " period that stands, if there is one."
    )
    for publication_id in tables.that_print(options.publication):
        pipeline.write_documents(publication_id)


def _purge(options: argparse.Namespace) -> None:
    from motcua.landing import purge
    from motcua.warehouse import schema

    schema.migrate()
    print(purge.text(purge.purge(_login(), options.older_than, options.dry_run)))


def _backup(options: argparse.Namespace) -> None:
    from motcua.operations import backup

    if options.keys:
        made = backup.back_up_keys(options.folder)
        print(f"Keys: {made}\nKeep them apart from the backups of the warehouse.")
        return
    made = backup.back_up(options.folder, _tell)
    print(f"Backup: {made}\nThe keys are not in it: motcua backup --keys ANOTHER_DIR")


def _restore(options: argparse.Namespace) -> None:
    from motcua.operations import backup

    backup.restore(options.backup, _tell)
    print(f"{options.backup} is restored.")


def _tell(text: str) -> None:
    print(f"  {text} ...", flush=True)


def _audit(options: argparse.Namespace) -> int:
    from motcua.publication import audit

    path = Path(options.what)
    if path.exists() or path.suffix.lower() in audit.FILES:
        done = audit.audit_file(path)
        lines = [*(one.notice for one in audit.withdrawals_of(done)), audit.listing(done)]
        text, is_critical = "\n".join(lines), done.is_critical
    else:
        text, is_critical = audit.audit_publication(options.what)
    print(text)
    return REFUSED if is_critical else DONE


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have them
        return f"account {os.getuid()}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return number


def _progress() -> Callable[[str, int, int], None]:
    """A living line on a terminal, a line once a second elsewhere."""
    from motcua import pipeline

    if not sys.stdout.isatty():
        return pipeline.log_progress()

    def show(what: str, done: int, of: int) -> None:
        print(f"\r\033[K{what}: {done} of {of}", end="\n" if done >= of else "", flush=True)

    return show


def _bench(options: argparse.Namespace) -> None:
    script = settings.PROJECT / "benchmarks" / BENCHMARKS[options.name]
    if not script.is_file():
        raise Failed(
            f"There is no {script}. The benchmarks are in the checkout only, not in an installed"
            " package. Run it in a checkout, or name one in MOTCUA_PROJECT."
        )
    # In the place of this process, so that an interruption reaches the benchmark, which then
    # stops its server and deletes its data.
    command = [sys.executable, str(script), *options.options]
    os.execv(sys.executable, command)  # noqa: S606 - by list, on purpose
