"""Publishes the figures of a period as a release, and withdraws one: rows are only ever added."""

import hashlib
from dataclasses import dataclass, field

import psycopg

from motcua.errors import Failed, Refused
from motcua.publication import checks, companions, evidence, figures, gaps, periods, revisions
from motcua.publication.checks import Check
from motcua.publication.figures import Difference
from motcua.publication.periods import Period
from motcua.waivers import Waiver
from motcua.warehouse import database, dbt, missing
from motcua.warehouse.database import Connection

_SHOWN = 10
"""How many differing cells or failed checks a message names."""


@dataclass(frozen=True)
class Release:
    """A release, and whether this call made it.

    changed_cells: cells that differ from the release before. warnings: relations that do not hold
    and do not stop a publication.
    """

    publication_id: str
    is_new: bool
    changed_cells: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Before:
    """The releases that a period has: the number of the newest, and the newest that stands."""

    revision: int
    standing: str | None


def publish(
    period_code: str,
    approved_by: str,
    revise: bool = False,
    note: str | None = None,
    waiver: Waiver | None = None,
    approved_sha256: str | None = None,
) -> Release:
    """Append the candidate figures of a period to schema published, all or nothing.

    waiver: accepts the days that are missing at this moment; each is kept in published.waivers.
    approved_sha256: what was approved (`fingerprint`); anything else is refused.
    The same figures as in the standing release give that release. Raises Refused when the period
    is not ready, a critical relation fails, a day is missing that nobody waives, there is nothing
    to waive, the figures differ and `revise` is not set, or a revision has no change or no note;
    Failed for a period that the reference pack does not have.
    """
    note = (note or "").strip() or None
    _require_name(approved_by)
    with (
        database.only_one("publish"),
        database.only_one("build"),
        database.connect(database.PUBLISHER) as connection,
    ):
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        period = periods.ready(connection, period_code)
        candidate = figures.candidate(connection, period_code)
        if not candidate["scorecard"] or not candidate["appendix_1"]:
            raise Refused(_nothing_built(period_code))
        absent = missing.of_period(connection, period_code)
        if approved_sha256 and fingerprint(candidate, absent) != approved_sha256:
            raise Refused(_other_than_approved(period_code))
        before = _before(connection, period_code)
        changed = _changed(connection, before, candidate)
        if before.standing and not revise and not figures_of(changed):
            return Release(before.standing, is_new=False)
        _require_consent(period_code, before, changed, revise, note)
        require_waiver(period_code, absent, waiver)
        done = checks.of_candidate(connection, period, candidate)
        done += gaps.checks_of(connection, period_code, absent, waiver)
        require_no_critical(period_code, done)
        publication_id = _append(
            connection, period, before.revision + 1, approved_by.strip(), note, done
        )
        gaps.store(connection, publication_id, absent, waiver)
        companions.append(connection, publication_id, before.revision + 1, period_code, candidate)
        if before.standing:
            revisions.explain_revision(
                connection, period, publication_id, before.revision + 1, before.standing, changed
            )
        revisions.explain_overlap(connection, period, publication_id, before.revision + 1)
    return Release(publication_id, True, len(changed), _warnings(done))


def fingerprint(candidate: figures.Figures, absent: list[missing.Missing]) -> str:
    """Names what an approver sees: the figures of a candidate and the days that they lack."""
    text = f"{figures.sha256(candidate)} {missing.listed(absent)}"
    return hashlib.sha256(text.encode()).hexdigest()


def check_consent(
    period_code: str, approved_by: str | None, revise: bool, note: str | None
) -> None:
    """Refuse what `publish` would refuse, before the long work: no name, no note, no change.

    approved_by: None while it is not known who approves.
    """
    if approved_by is not None:
        _require_name(approved_by)
    with database.connect(database.PUBLISHER) as connection:
        before = _before(connection, period_code)
        candidate = figures.candidate(connection, period_code) if before.revision else {}
        if before.revision and not candidate["scorecard"]:
            raise Refused(_nothing_built(period_code))
        changed = _changed(connection, before, candidate)
    if revise or before.standing is None or figures_of(changed):
        _require_consent(period_code, before, changed, revise, (note or "").strip() or None)


def compared(
    connection: Connection,
    period_code: str,
    candidate: figures.Figures,
    revise: bool,
    note: str | None,
) -> tuple[str | None, list[Difference]]:
    """The standing release of a period and the cells in which a candidate differs from it.

    Raises Refused where `publish` would want another `revise` or a note.
    """
    before = _before(connection, period_code)
    changed = _changed(connection, before, candidate)
    if revise or before.standing is None or figures_of(changed):
        _require_consent(period_code, before, changed, revise, (note or "").strip() or None)
    return before.standing, changed


def standing(period_code: str) -> str | None:
    """The newest release of a period that is not withdrawn."""
    with database.connect(database.PUBLISHER) as connection:
        return _before(connection, period_code).standing


def withdraw(publication_id: str, by: str, reason: str) -> None:
    """Withdraw a release openly; the `latest_` views then show the one before it.

    Raises Failed for an unknown release, Refused when it is withdrawn already or there is no
    reason.
    """
    if not reason.strip():
        raise Refused("A withdrawal needs a reason, for the readers of the release (--reason).")
    if not by.strip():
        raise Refused("A withdrawal needs the name of the person who decides it.")
    with database.only_one("publish"), database.connect(database.PUBLISHER) as connection:
        found = connection.execute(
            "select withdrawals.by, withdrawals.reason from published.publications"
            " left join published.withdrawals using (publication_id) where publication_id = %s",
            [publication_id],
        ).fetchone()
        if found is None:
            raise Failed(
                f"There is no publication {publication_id}. `select publication_id from"
                " published.publications` lists them."
            )
        if found[0] is not None:
            raise Refused(f"{publication_id} is withdrawn already, by {found[0]}: {found[1]}")
        connection.execute(
            "insert into published.withdrawals (publication_id, by, reason) values (%s, %s, %s)",
            [publication_id, by.strip(), reason.strip()],
        )


def _before(connection: Connection, period_code: str) -> _Before:
    row = connection.execute(
        "select coalesce(max(publications.revision), 0), max(latest.publication_id)"
        " from published.publications left join published.latest_publications as latest"
        " using (publication_id) where publications.period_code = %s",
        [period_code],
    ).fetchone()
    assert row is not None
    return _Before(*row)


def _changed(
    connection: Connection, before: _Before, candidate: figures.Figures
) -> list[Difference]:
    if before.standing is None:
        return []
    return figures.differences(figures.released(connection, before.standing), candidate)


def figures_of(changed: list[Difference]) -> list[Difference]:
    """Differences in figures; names and order of units are none."""
    return [cell for cell in changed if cell.column not in figures.NAMES]


def _nothing_built(period_code: str) -> str:
    return f"The marts hold no figure of {period_code}. Run `motcua build` first."


def _other_than_approved(period_code: str) -> str:
    return (
        f"{period_code} is not published: its figures or missing days have changed since they were"
        " approved, by a build in between. Start the publication again and let what stands now be"
        " approved."
    )


def _require_name(approved_by: str) -> None:
    if not approved_by.strip():
        raise Refused("A release needs the name of the person who approves it (--approved-by).")


def _require_consent(
    period_code: str, before: _Before, changed: list[Difference], revise: bool, note: str | None
) -> None:
    """A second release is a revision: asked for, with a note, and with something changed."""
    again = f'`motcua publish {period_code} --revise --note "why"`'
    if not before.revision:
        if revise:
            raise Refused(
                f"{period_code} has no release that could be revised. Publish it without --revise."
            )
        return
    if not revise:
        if before.standing is None:
            raise Refused(
                f"{period_code}.r{before.revision} was withdrawn; a new release of the period is a"
                f" revision: {again}."
            )
        raise Refused(
            f"{period_code} stands published as {before.standing}, and {len(changed)} cell(s)"
            f" differ now:\n{_listed(changed)}\nTo publish them as a revision: {again}."
        )
    if before.standing and not changed:
        raise Refused(
            f"Nothing has changed since {before.standing}: a revision of the same figures is not"
            " made."
        )
    if not note:
        raise Refused(f"A revision needs a note that says why: {again}.")


def require_waiver(period_code: str, absent: list[missing.Missing], waiver: Waiver | None) -> None:
    """Missing days are named and accepted by a person; without any nobody has to."""
    if absent and not waiver:
        raise Refused(
            f"{period_code} is not published: {len(absent)} expected day(s) are missing:"
            f" {missing.listed(absent)}.\nLoad their files and build; `motcua status` and raw.files"
            " say what came of them. If they will never come:"
            f" `motcua publish {period_code} --waive NAME --reason TEXT`."
        )
    if waiver and not absent:
        raise Refused(
            f"There is nothing to waive: no day of {period_code} is missing. Publish it without"
            " --waive."
        )


def _warnings(done: list[Check]) -> list[str]:
    return [str(check) for check in done if not check.passed and check.unit_code is None]


def require_no_critical(period_code: str, done: list[Check]) -> None:
    """Raise Refused, with the cells, when a critical relation does not hold."""
    failed = [check for check in done if not check.passed and check.relation.level == "critical"]
    cells = [check for check in failed if check.unit_code is not None] or failed
    if failed:
        relations = {check.relation.check_id for check in failed}
        raise Refused(
            f"{period_code} is not published: {len(relations)} critical relation(s) do not hold,"
            f" in {len(cells)} row(s):\n{_listed(cells)}\nThe figures stand in schema marts (where"
            f" period_code = '{period_code}'). Mend the data or the rule behind them, run"
            " `motcua build`, then publish again."
        )


def _listed(lines: list[Difference] | list[Check]) -> str:
    shown = [f"  {line}" for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"  and {len(lines) - _SHOWN} more")
    return "\n".join(shown)


def _append(
    connection: Connection,
    period: Period,
    revision: int,
    approved_by: str,
    note: str | None,
    done: list[Check],
) -> str:
    """Write the release in the open transaction; returns its id."""
    publication_id = f"{period.period_code}.r{revision}"
    try:
        connection.execute(
            "insert into published.publications (publication_id, period_code, revision, kind,"
            " cases_from, cases_to, ratings_from, ratings_to, processes_as_of, known_as_of,"
            " rule_set, reference_sha256, approved_by, note, code_version)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(publication_id, period.period_code, revision, period.kind),
                *(period.cases_from, period.cases_to, period.ratings_from, period.ratings_to),
                *(period.processes_as_of, period.known_as_of),
                *(period.rule_set, period.reference_sha256),
                *(approved_by, note, dbt.code_version()),
            ],
        )
    except psycopg.errors.UniqueViolation as error:
        raise Refused(
            f"{publication_id} was published by another process at this moment. Look at it, then"
            " publish again if it is still needed."
        ) from error
    connection.execute(
        "insert into published.release_inputs (publication_id, feed, file_name, business_date,"
        " part, revision, sha256, records)"
        " select %s, feed, file_name, business_date, part, revision, sha256, records"
        " from marts.release_inputs where period_code = %s",
        [publication_id, period.period_code],
    )
    figures.copy(connection, period.period_code, publication_id, revision)
    evidence.copy(connection, period.period_code, publication_id)
    checks.store(connection, publication_id, period.period_code, revision, done)
    return publication_id
