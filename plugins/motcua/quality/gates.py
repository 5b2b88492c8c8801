"""The two gates of the pipeline: run the suites, keep every outcome, refuse on a critical one."""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.quality import candidate_figures, data_docs, landing_profile
from motcua.quality.landing_profile import NewDay
from motcua.quality.suites import (
    BROKEN,
    CRITICAL,
    FAILED,
    PASSED,
    WARNING,
    Judgement,
    Row,
    Table,
    broken,
    judge,
    library,
)
from motcua.waivers import Waiver
from motcua.warehouse import database, missing
from motcua.warehouse.database import Connection

LANDING, CANDIDATE = "landing", "candidate"

_SHOWN = 10
"""How many offending rows a message names."""


@dataclass(frozen=True)
class GateReport:
    """What a gate saw. `seconds` is wall time; `docs` is the page of this run.

    A gate with nothing to look at has no checks, no run id and no page. A report that a gate
    returns has an empty failed_critical: with one the gate raises.
    """

    gate: str
    subject: str
    checks: int = 0
    failed_critical: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    docs: Path | None = None
    gate_run_id: str | None = None


@dataclass(frozen=True)
class _Evidence:
    """More about offending rows: sentences, and the SQL that shows them."""

    lines: list[str]
    query: str | None = None


@dataclass(frozen=True)
class _Batch:
    """A suite, the rows it is judged on, and how to tell more about those that offend.

    standing: the waiver that stands for an offending row from before.
    """

    suite: Path
    read: Callable[[], Table]
    evidence: Callable[[Judgement], _Evidence]
    standing: Callable[[Row], Waiver | None]


@dataclass(frozen=True)
class _Finding:
    """A judgement told in words: `message` for people, `query` shows the rows it is about.

    waived: offending rows that the waiver of this run lets through.
    """

    suite: str
    judgement: Judgement
    message: str
    query: str | None = None
    waived: tuple[Row, ...] = ()

    @property
    def explanation(self) -> str:
        """The message with the query, as it is stored."""
        return f"{self.message}\nSee them: {self.query}" if self.query else self.message

    @property
    def shown(self) -> str:
        """The message under the name of its suite and rule, as a step's log shows it."""
        lines = [f"* {self.suite}, {self.judgement.expectation}", *self.message.splitlines()]
        return "\n    ".join(lines)


def landing_gate(reference_sha256: str, waiver: Waiver | None = None) -> GateReport:
    """Judge the loaded files that are not built into core yet, feed by feed.

    reference_sha256: the pack that they will be built with; its calendar counts. waiver: lets days
    with next to no records through and is kept in ops.landing_waivers with their files; the same
    files need none again. What is loaded when the gate begins is in ops.landing_passed when it lets
    it through: a build takes up nothing else.
    Raises Refused when a critical expectation fails or there is nothing to waive, Failed when a
    check is broken.
    """
    started = time.monotonic()
    with database.connect(database.TRANSFORMER, autocommit=True) as connection:
        loaded = [
            file_id
            for (file_id,) in connection.execute(
                "select file_id from raw.files where state = 'loaded'"
                " except select file_id from ops.landing_passed"
            )
        ]
        new = landing_profile.new_days(connection, reference_sha256)
        days = [day for of_feed in new.values() for day in of_feed]
        if not days:
            if waiver:
                raise Refused(_nothing_to_waive(LANDING, "no new file"))
            _let_through(connection, loaded)
            return GateReport(LANDING, "no new file")
        subject = _subject(days)
        batches = (_landing_batch(connection, feed, of_feed) for feed, of_feed in new.items())
        report, findings = _run(connection, LANDING, subject, batches, started, waiver)
        if waiver:
            _keep_waivers(connection, waiver, new, findings)
        _let_through(connection, loaded)
        return report


def candidate_gate(period_code: str, waiver: Waiver | None = None) -> GateReport:
    """Judge whether the figures of a period in schema marts are fit to publish.

    waiver: accepts the missing days of the period; the release keeps it. Days that the standing
    release of the period waives are let through, so that the same figures can be asked for again.
    Raises Refused when a critical expectation fails or there is nothing to waive, Failed when a
    check is broken or the marts do not hold the period.
    """
    started = time.monotonic()
    with database.connect(database.PUBLISHER, autocommit=True) as connection:
        candidate_figures.must_exist(connection, period_code)
        waived = candidate_figures.waived_days(connection, period_code)
        batches = (
            _candidate_batch(connection, suite, period_code, waived)
            for suite in candidate_figures.FIGURES
        )
        return _run(connection, CANDIDATE, period_code, batches, started, waiver)[0]


def suite_file(gate: str, suite: str) -> Path:
    """Where the suite of a gate lies."""
    return settings.PROJECT / "expectations" / gate / f"{suite}.json"


def _subject(days: Sequence[NewDay]) -> str:
    files = sum(len(day.file_ids) for day in days)
    dates = sorted({day.business_date for day in days})
    told = f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else f"{dates[0]}"
    return f"{files} new {'file' if files == 1 else 'files'} of {told}"


def _landing_batch(connection: Connection, feed: str, days: Sequence[NewDay]) -> _Batch:
    by_date = {day.business_date.isoformat(): day for day in days}

    def evidence(judgement: Judgement) -> _Evidence:
        offending = [by_date[str(row["business_date"])] for row in judgement.rows]
        names = [name for day in offending for name in day.file_names]
        lines = [f"Files: {_some(names)}."]
        measure = (judgement.column or "").removesuffix("_percent")
        if measure not in landing_profile.MEASURES[feed]:
            return _Evidence(lines)
        affected = sum(_whole(row[measure]) for row in judgement.rows)
        records = sum(_whole(row["records"]) for row in judgement.rows)
        codes = landing_profile.sample(connection, offending, measure)
        lines.append(f"Records: {affected} of {records}, such as {', '.join(codes)}.")
        return _Evidence(lines, landing_profile.records_query(offending, measure))

    return _Batch(
        suite_file(LANDING, feed),
        lambda: landing_profile.profile(connection, days),
        evidence,
        lambda row: by_date[str(row["business_date"])].waiver,
    )


def _candidate_batch(
    connection: Connection, suite: str, period_code: str, waived: dict[tuple[str, str], Waiver]
) -> _Batch:
    def evidence(_: Judgement) -> _Evidence:
        query = candidate_figures.figures_query(connection, suite, period_code)
        if suite != "missing_days":
            return _Evidence([], query)
        days = missing.of_period(connection, period_code)
        return _Evidence([f"Missing days: {len(days)}: {missing.listed(days)}."], query)

    return _Batch(
        suite_file(CANDIDATE, suite),
        lambda: candidate_figures.figures(connection, suite, period_code),
        evidence,
        lambda row: waived.get((str(row["feed"]), str(row["day"]))),
    )


def _let_through(connection: Connection, loaded: list[int]) -> None:
    connection.execute(
        "insert into ops.landing_passed (file_id) select unnest(cast(%s as integer[]))"
        " on conflict do nothing",
        [loaded],
    )


def _keep_waivers(
    connection: Connection,
    waiver: Waiver,
    new: dict[str, list[NewDay]],
    findings: Sequence[_Finding],
) -> None:
    """Keep whom the gate let days through for, with the files that the days had at this moment."""
    for finding in findings:
        waived = {str(row["business_date"]) for row in finding.waived}
        for day in new.get(finding.suite, ()):
            if day.business_date.isoformat() in waived:
                connection.execute(
                    "insert into ops.landing_waivers"
                    " (feed, day, file_ids, records, usual_records, name, reason)"
                    " values (%s, %s, %s, %s, %s, %s, %s)",
                    [
                        *(day.feed, day.business_date, day.counting_ids, day.records_of_day),
                        *(day.usual_records, waiver.name, waiver.reason),
                    ],
                )


def _nothing_to_waive(gate: str, subject: str) -> str:
    return (
        f"There is nothing to waive: the {gate} gate finds nothing in {subject} that needs it."
        " Run the command again without --waive."
    )


def _run(
    connection: Connection,
    gate: str,
    subject: str,
    batches: Iterable[_Batch],
    started: float,
    waiver: Waiver | None,
) -> tuple[GateReport, list[_Finding]]:
    library()  # its import begins
    findings = [finding for batch in batches for finding in _findings(batch, waiver)]
    now = datetime.now(ZoneInfo(settings.TIME_ZONE))
    gate_run_id = f"{gate}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    _store(connection, gate_run_id, gate, subject, findings)
    docs = data_docs.write(connection, gate_run_id)
    failed = [finding for finding in findings if finding.judgement.outcome == FAILED]
    critical = [found.shown for found in failed if found.judgement.severity == CRITICAL]
    warnings = [found.shown for found in failed if found.judgement.severity != CRITICAL]
    unable = [found.shown for found in findings if found.judgement.outcome == BROKEN]
    page = f"gates/{gate_run_id}"
    details = (
        f"Details, with the SQL that shows the rows: {docs}, or"
        f" select explanation from ops.gate_results where gate_run_id = '{gate_run_id}'"
    )
    if critical:
        refusal = f"The {gate} gate refuses {subject}. Critical checks that failed:"
        besides = ["Besides, checks that are broken:", *unable] if unable else []
        raise Refused("\n".join([refusal, *critical, *besides, details]), page)
    if unable:
        raise Failed(
            "\n".join(
                [
                    f"The check is broken: the {gate} gate could not judge {subject}."
                    " This says nothing about the data.",
                    *unable,
                    "What to do: put the suite or its query right, then run the step again.",
                    details,
                ]
            ),
            page,
        )
    if waiver and not any(found.judgement.is_waivable for found in failed):
        raise Refused(_nothing_to_waive(gate, subject))
    report = GateReport(
        gate=gate,
        subject=subject,
        checks=len(findings),
        warnings=warnings,
        seconds=time.monotonic() - started,
        docs=docs,
        gate_run_id=gate_run_id,
    )
    return report, findings


def _findings(batch: _Batch, waiver: Waiver | None) -> list[_Finding]:
    try:
        judgements = judge(batch.suite, batch.read())
    except psycopg.Error as error:
        judgements = broken(batch.suite, f"its query failed: {_said(error)}")
    return [_finding(batch, judgement, waiver) for judgement in judgements]


def _finding(batch: _Batch, judgement: Judgement, waiver: Waiver | None) -> _Finding:
    suite = batch.suite.stem
    if judgement.outcome == PASSED:
        return _Finding(suite, judgement, judgement.notes or judgement.expectation)
    if judgement.outcome == BROKEN:
        return _Finding(suite, judgement, f"The check is broken: {judgement.problem}")
    evidence = _Evidence([])
    if judgement.rows:
        try:
            evidence = batch.evidence(judgement)
        except psycopg.Error as error:
            evidence = _Evidence([f"No sample, its query failed: {_said(error)}"])
    lines = [_offence(judgement), *evidence.lines]
    lines += [f"Rule: {judgement.notes}"] if judgement.notes else []
    if judgement.is_waivable:
        standing = [batch.standing(row) for row in judgement.rows]
        waived = tuple(
            row for row, before in zip(judgement.rows, standing, strict=True) if not before
        )
        if waiver or not waived:
            names = {before for before in standing if before} | ({waiver} if waived else set())
            lines += sorted(str(name) for name in names)
            judgement = replace(judgement, severity=WARNING)
            return _Finding(suite, judgement, "\n".join(lines), evidence.query, waived)
    lines += [f"What to do: {judgement.what_to_do}"] if judgement.what_to_do else []
    return _Finding(suite, judgement, "\n".join(lines), evidence.query)


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error)


def _offence(judgement: Judgement) -> str:
    if not judgement.rows:
        return f"Found: {_figure(judgement.observed)}."
    rows = [_named(row, judgement.column) for row in judgement.rows]
    return f"Rows: {judgement.unexpected}: {_some(rows)}."


def _named(row: Row, column: str | None) -> str:
    """The texts of a row name it (day, unit, case); the figure is the one that offends."""
    name = " ".join(value for value in row.values() if isinstance(value, str) and value)
    return f"{name} ({_figure(row[column])})" if column else name


def _figure(value: object) -> str:
    if value is None:
        return "nothing"
    text = f"{float(str(value)):.2f}"
    return text.rstrip("0").rstrip(".")


def _whole(value: object) -> int:
    return int(str(value))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _store(
    connection: Connection, gate_run_id: str, gate: str, subject: str, findings: Sequence[_Finding]
) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.gate_results (gate_run_id, gate, subject, suite, position,"
            " expectation, severity, outcome, unexpected, explanation)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    gate_run_id,
                    gate,
                    subject,
                    finding.suite,
                    finding.judgement.position,
                    finding.judgement.expectation,
                    finding.judgement.severity,
                    finding.judgement.outcome,
                    finding.judgement.unexpected,
                    finding.explanation,
                )
                for finding in findings
            ],
        )
