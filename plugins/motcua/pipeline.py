"""The stages in their order, for the command line and the DAGs: the same functions for both.

Each says on standard output what it did: that is the terminal, or the log of the task.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from motcua import settings
from motcua.errors import Failed, NothingToDo, Refused
from motcua.waivers import waiver
from motcua.warehouse.runs import recorded

# Each stage imports what it needs when it runs: Great Expectations alone takes seconds.
if TYPE_CHECKING:
    from motcua.landing.ingest import IngestReport
    from motcua.publication.proposal import Proposal
    from motcua.publication.release import Release
    from motcua.quality.gates import GateReport
    from motcua.warehouse.dbt import BuildReport

Progress = Callable[[str, int, int], None]

STOPPED = (Failed, Refused)
"""Ends of a stage whose text is meant for a person; trying again does not mend them."""

SHOWN = 20
"""How many warnings are printed; the rest is counted."""


class Published(NamedTuple):
    """What `run_publish` did."""

    release: "Release"
    workbook: Path


@recorded("load")
def run_ingest(
    uri: str | None = None,
    progress: Progress | None = None,
    options: Mapping[str, str] | None = None,
    new_key: bool = False,
) -> "IngestReport":
    """Load what has landed and is not loaded yet; sets up an empty warehouse before.

    `uri` is the landing zone and `options` its login, by default those of the settings. `new_key`
    accepts another key of the pseudonyms than before.
    """
    from motcua.landing import ingest
    from motcua.warehouse import schema

    schema.migrate()
    report = ingest.ingest(uri, progress, options, new_key)
    print(
        f"Landing zone {uri or settings.landing()}: {report.found} files;"
        f" {report.loaded} loaded ({report.records} records, {report.rejected} of them rejected),"
        f" {report.quarantined} quarantined, {report.unchanged} loaded before,"
        f" {len(report.waiting)} waiting for the next run."
    )
    if report.reference_changed:
        print(f"The reference pack {settings.reference()} is new or has changed; it is stored.")
    _list(
        "Read record by record, which is slower",
        [f"{count} files, because {why}" for why, count in report.not_streamed.most_common()],
    )
    _list("Refused", report.messages)
    _list("Warnings", report.warnings)
    return report


def run_build(
    progress: Progress | None = None,
    full_refresh: bool = False,
    waive_by: str | None = None,
    waive_reason: str | None = None,
) -> "BuildReport":
    """Landing gate, models, provisional figures. Nothing new, nothing done: no gate, no dbt."""
    from motcua.warehouse import dbt, schema

    schema.migrate()
    if not waive_by and not full_refresh and not waiting():
        print("Nothing new: the warehouse is as built before.")
        return dbt.BuildReport(built=False)
    check_landing(waive_by, waive_reason)
    report = build_models(progress, full_refresh)
    refresh_provisional()
    return report


def run_publish(
    period: str,
    approved_by: str,
    revise: bool = False,
    note: str | None = None,
    waive_by: str | None = None,
    waive_reason: str | None = None,
) -> Published:
    """Candidate gate, release, documents."""
    from motcua.warehouse import schema

    schema.migrate()
    check_candidate(period, approved_by, revise, note, waive_by, waive_reason)
    release = publish_release(period, approved_by, revise, note, waive_by, waive_reason)
    return Published(release, write_documents(release.publication_id))


def waiting() -> bool:
    """Whether a build would have something to do: files, another reference pack, other models."""
    from motcua.landing import reference
    from motcua.warehouse import dbt

    return bool(dbt.waiting(reference.sha256(settings.reference())))


@recorded("check_landing")
def check_landing(waive_by: str | None = None, waive_reason: str | None = None) -> None:
    """Gate on the shape of what was loaded and is not built yet."""
    from motcua.landing import reference
    from motcua.quality import gates

    sha256, _ = reference.store(settings.reference())
    _tell_gate(gates.landing_gate(sha256, waiver(waive_by, waive_reason)))


@recorded("build")
def build_models(progress: Progress | None = None, full_refresh: bool = False) -> "BuildReport":
    """Build core and marts of what passed the landing gate, with the pack of the settings."""
    from motcua.landing import pseudonyms, reference
    from motcua.warehouse import dbt

    pseudonyms.complete()
    sha256, _ = reference.store(settings.reference())
    report = dbt.build(sha256, progress, full_refresh, only_passed=True)
    if report.built:
        slowest = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.slowest)
        print(f"dbt: {report.nodes} nodes in {report.seconds:.0f} s. The slowest: {slowest}.")
    return report


@recorded("refresh_provisional")
def refresh_provisional() -> None:
    """Refill the tables of figures that are not published yet."""
    from motcua.publication import provisional

    provisional.refresh()
    print("The provisional figures are those of the newest build.")


def choose_period(named: str | None, moment: datetime | None) -> str:
    """The period to publish: the one that is named, else the one due at the moment of the run.

    Raises Failed for a code that the reference pack does not have, and when neither tells;
    NothingToDo when the period that is due stands published already.
    """
    from motcua.publication import calendar, release

    codes = ", ".join(calendar.codes())
    if named and named not in calendar.codes():
        raise Failed(
            f"The reference pack {settings.reference()} has no period {named}; it has {codes}."
            " Start the run again with one of them."
        )
    if not named and moment is None:
        raise Failed(f"Name the period to publish in the parameter `period`: one of {codes}.")
    period = named or calendar.due_at(moment, calendar.events())  # type: ignore[arg-type]
    if not named and (standing := release.standing(period)):
        raise NothingToDo(f"{standing} is published already.")
    print(f"The period to publish: {period}.")
    return period


@recorded("check_candidate")
def check_candidate(
    period: str,
    approved_by: str | None = None,
    revise: bool = False,
    note: str | None = None,
    waive_by: str | None = None,
    waive_reason: str | None = None,
) -> tuple["GateReport", "Proposal"]:
    """Whether a period may be published, and in this way; then the gate and the relations.

    approved_by: None while it is not known who approves.
    """
    from motcua.publication import periods, proposal, release
    from motcua.quality import gates

    waived = waiver(waive_by, waive_reason)
    periods.check(period)
    release.check_consent(period, approved_by, revise, note)
    report = gates.candidate_gate(period, waived)
    _tell_gate(report)
    found = proposal.propose(period, revise, note, waived)
    print(f"Relations of the figures: none critical fails, {len(found.not_held)} do not hold.")
    _list("They stop nothing", [str(check) for check in found.not_held])
    return report, found


def propose(
    period: str,
    revise: bool = False,
    note: str | None = None,
    waive_by: str | None = None,
    waive_reason: str | None = None,
) -> dict[str, Any]:
    """Check a candidate and lay out what an approver has to know before signing.

    candidate_sha256 names what is to be approved; is_published: the figures stand published already
    as standing; subject and body are the sheet for the approver.
    """
    from motcua.documents import sign_off_sheet

    report, found = check_candidate(period, None, revise, note, waive_by, waive_reason)
    sheet = sign_off_sheet.Sheet(
        period_code=period,
        label=found.period.label_vi,
        cases_from=found.period.cases_from,
        cases_to=found.period.cases_to,
        known_as_of=found.period.known_as_of,
        scorecard=found.figures["scorecard"],
        appendix_1=found.figures["appendix_1"],
        standing=found.standing,
        changes=[str(change) for change in found.changed],
        missing=found.missing,
        not_held=[str(check) for check in found.not_held],
        warnings=report.warnings,
        note=note,
        docs=str(report.docs) if report.docs else None,
    )
    return {
        "period_code": period,
        "candidate_sha256": found.candidate_sha256,
        "revise": revise,
        "note": note,
        "waive_by": waive_by,
        "waive_reason": waive_reason,
        "standing": found.standing,
        "is_published": found.is_published,
        "subject": sign_off_sheet.subject(sheet),
        "body": sign_off_sheet.markdown(sheet),
    }


@recorded("publish")
def publish_release(
    period: str,
    approved_by: str,
    revise: bool = False,
    note: str | None = None,
    waive_by: str | None = None,
    waive_reason: str | None = None,
    approved_sha256: str | None = None,
) -> "Release":
    """Append the release of a period, or find the one that stands with the same figures.

    approved_sha256: of what was approved (`propose`); anything else is refused.
    """
    from motcua.publication import release

    waived = waiver(waive_by, waive_reason)
    made = release.publish(
        period,
        approved_by,
        revise=revise,
        note=note,
        waiver=waived,
        approved_sha256=approved_sha256,
    )
    state = "is published" if made.is_new else "stands already, with the same figures"
    print(f"{made.publication_id} {state}.")
    if made.is_new:
        refresh_provisional()
    return made


def publish_approved(proposed: dict[str, Any], signed: dict[str, str] | None) -> str:
    """Publish what `propose` laid out, once it is approved, and nothing else; the release's id.

    signed: approved_by and words of the approver; the words stand in the note of the release. None
    when nobody was asked, because the same figures stand published.
    """
    if signed is None:
        print(f"{proposed['standing']} stands already, with the same figures.")
        return str(proposed["standing"])
    made = publish_release(
        proposed["period_code"],
        signed["approved_by"],
        revise=proposed["revise"],
        note="; ".join(filter(None, [proposed["note"], signed["words"].strip()])),
        waive_by=proposed["waive_by"],
        waive_reason=proposed["waive_reason"],
        approved_sha256=proposed["candidate_sha256"],
    )
    return made.publication_id


@recorded("write_documents")
def write_documents(publication_id: str) -> Path:
    """Write the documents of a release into the folder of the settings; returns the workbook."""
    from motcua.documents import workbook

    path = workbook.write(publication_id, settings.publications())
    print(f"Workbook: {path}")
    return path


def log_progress() -> Progress:
    """A progress that prints a line once a second and at the end, as logs show it."""
    last = 0.0

    def show(what: str, done: int, of: int) -> None:
        nonlocal last
        if done >= of or time.monotonic() - last >= 1:
            last = time.monotonic()
            print(f"{what}: {done} of {of}", flush=True)

    return show


def _tell_gate(report: "GateReport") -> None:
    print(
        f"Gate {report.gate}, {report.subject}: {report.checks} checks, none critical failed,"
        f" {len(report.warnings)} warnings."
    )
    _list("Warnings", report.warnings)
    if report.docs:
        print(f"Data Docs: {report.docs}")


def _list(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{title}:")
    for line in lines[:SHOWN]:
        print(f"  {line}")
    if len(lines) > SHOWN:
        print(f"  … and {len(lines) - SHOWN} more.")
