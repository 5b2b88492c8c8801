"""What somebody is asked to approve: the candidate figures of a period beside the last release."""

from dataclasses import dataclass

from motcua.publication import checks, figures, gaps, periods, release
from motcua.publication.checks import Check
from motcua.publication.figures import Difference, Figures
from motcua.publication.periods import Period
from motcua.waivers import Waiver
from motcua.warehouse import database, missing


@dataclass(frozen=True)
class Proposal:
    """A candidate that may be published once it is approved.

    candidate_sha256: names these figures and missing days; `release.publish` takes no others for
    them. standing: the release that stands now. changed: cells that differ from it. not_held:
    relations that do not hold and stop nothing. missing: sentences on days without a file or with
    next to no records, and who accepts them. is_published: there is nothing to approve, as the
    standing release has these very figures and no revision is asked for.
    """

    period: Period
    candidate_sha256: str
    figures: Figures
    standing: str | None
    changed: list[Difference]
    not_held: list[Check]
    missing: list[str]
    is_published: bool


def propose(
    period_code: str,
    revise: bool = False,
    note: str | None = None,
    waiver: Waiver | None = None,
) -> Proposal:
    """What would be published now. Raises Refused and Failed like `release.publish`."""
    with database.connect(database.PUBLISHER) as connection:
        period = periods.ready(connection, period_code)
        candidate = figures.candidate(connection, period_code)
        standing, changed = release.compared(connection, period_code, candidate, revise, note)
        done = checks.of_candidate(connection, period, candidate)
        absent = missing.of_period(connection, period_code)
        lacks = gaps.checks_of(connection, period_code, absent, waiver)
    release.require_no_critical(period_code, done)
    is_published = standing is not None and not revise and not release.figures_of(changed)
    if not is_published:
        release.require_waiver(period_code, absent, waiver)
    return Proposal(
        period=period,
        candidate_sha256=release.fingerprint(candidate, absent),
        figures=candidate,
        standing=standing,
        changed=changed,
        not_held=[check for check in done if not check.passed and check.unit_code is None],
        missing=[check.remark for check in lacks if not check.passed],
        is_published=is_published,
    )
