"""Draws the cases of each unit: when received, due and finished, so that its plan is met.

Days are numbers of working days (see workdays). A case's due day follows from its procedure's
allotment and from the supplement requests that moved it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from motcua_sample.procedures import JUDICIAL_RECORD, Pool, Procedure, make_pool
from motcua_sample.solve import QuarterPlan, UnitPlan
from motcua_sample.workdays import Workdays

DIRECT, ONLINE, POSTAL = 1, 2, 3
REGISTERED, NOT_ACCEPTED = 1, 3
WITHDRAWN, STOPPED = 7, 8
RECORDED_LATE, REPEATED_SUPPLEMENT, WAITING_FOR_OTHERS = 1, 2, 3
ROOM_FOR_LATE = 14
HISTORY_SHARE = 0.15
NOT_ACCEPTED_SHARE = 0.006
POST_SHARE = 0.18


@dataclass(frozen=True)
class Calendar:
    """The windows of the sample, as numbers of working days (both ends included)."""

    workdays: Workdays
    history: tuple[int, int]
    quarters: tuple[tuple[int, int], tuple[int, int]]
    corrections: tuple[int, int]
    end: int


@dataclass(slots=True)
class Request:
    """A supplement request: asked, answered (None: not yet), and if it moved the due day."""

    asked: int
    answered: int | None
    moves_due: bool
    applicants_fault: bool
    agencies: int


@dataclass(slots=True, eq=False)
class Case:
    """One case file as it will be known at the end of the sample.

    due: after all requests. first_due: as promised at the counter. old_received: the true receipt
    day that a correction brings. known_from: the first working day with a record of the case.
    finish_known: the working day whose export brings the finish date, if later than that.
    """

    procedure: Procedure
    received: int
    due: int
    first_due: int
    finished: int | None
    channel: int = DIRECT
    steps_to_the_day: bool = False
    requests: list[Request] = field(default_factory=list)
    returned: int | None = None
    returned_status: int = 0
    registration_status: int = 0
    old_received: int | None = None
    corrected: int | None = None
    removed: int | None = None
    known_from: int = 0
    finish_known: int | None = None
    by_post: bool = False
    in_half_year: bool = False
    late_reason: int = 0


@dataclass(slots=True, eq=False)
class _Draft:
    """A case before its procedure is chosen; `outcome` says how it must end."""

    received: int
    outcome: str
    eligible: bool = False
    online: bool = False
    re_registered: bool = False
    steps_to_the_day: bool = False
    contacts: int = 0
    agencies: int = 0
    late_reason: int = 0


def read_windows(workdays: Workdays) -> Calendar:
    """The windows that the sample plays in (see the domain's table of periods)."""

    def between(first: date, last: date) -> tuple[int, int]:
        return workdays.first_from(first), workdays.last_until(last)

    return Calendar(
        workdays=workdays,
        history=between(date(2018, 12, 3), date(2018, 12, 28)),
        quarters=(
            between(date(2019, 1, 1), date(2019, 3, 31)),
            between(date(2019, 4, 1), date(2019, 6, 15)),
        ),
        corrections=between(date(2019, 6, 21), date(2019, 7, 10)),
        end=workdays.last_until(date(2019, 7, 11)),
    )


def draw_cases(
    plan: UnitPlan, register: list[Procedure], calendar: Calendar, rng: Random
) -> list[Case]:
    """All cases of one unit, in no particular order."""
    pools = (
        make_pool([p for p in register if p.level < 3]),
        make_pool([p for p in register if p.level >= 3]),
    )
    reasons = _late_reasons(plan)
    first = _draft_first_quarter(plan, calendar, rng)
    crossing = [draft for draft in first if draft.outcome == "crossing"]
    second = _draft_second_quarter(plan, len(crossing), calendar, rng)
    settled_first = [draft for draft in first if draft.outcome != "crossing"]
    settled_second = crossing + [draft for draft in second if draft.outcome == "early"]
    for quarter, drafts, window in (
        (plan.quarters[0], settled_first, calendar.quarters[0]),
        (plan.quarters[1], settled_second, calendar.quarters[1]),
    ):
        _settle(quarter, drafts, window, reasons, rng)
    # A case that crosses the quarters was received, and counts for indicator 9, in the first.
    _put_online(plan.quarters[0], first, rng)
    _put_online(plan.quarters[1], second, rng)

    cases = [_first_quarter_case(draft, pools, calendar, rng) for draft in first]
    cases += [_second_quarter_case(draft, pools, calendar, rng) for draft in second]
    for case, draft in zip(cases, first + second, strict=True):
        case.steps_to_the_day = draft.steps_to_the_day
        case.late_reason = draft.late_reason
        case.in_half_year = case.finished is not None and case.finished <= calendar.quarters[1][1]
        if draft.re_registered:
            case.old_received = _day_of_2018(calendar, rng)
            case.corrected = rng.randint(*calendar.corrections)
    _remove_double_entries(plan.removed, cases, calendar, rng)
    _post_results(plan.by_post, cases, rng)
    cases += _loaded_late(plan.loaded_late, pools, calendar, rng)
    cases += _returned(plan.targets.half_year["returned"], pools, calendar, rng)
    cases += _history(plan, pools, calendar, rng)
    cases += _after_the_half_year(plan, pools, calendar, rng)
    cases += _never_accepted(plan, pools, calendar, rng)
    if all(quarter.online * 2 > quarter.received for quarter in plan.quarters):
        # The report's text counts what was not online as direct ("nhận trực tiếp 81 hồ sơ").
        for case in cases:
            case.channel = DIRECT if case.channel == POSTAL else case.channel
    return cases


def _draft_first_quarter(plan: UnitPlan, calendar: Calendar, rng: Random) -> list[_Draft]:
    """Everything received; the last to come cross into the second quarter."""
    quarter, window = plan.quarters[0], calendar.quarters[0]
    days = _receipt_days(quarter.received, window, rng)
    open_at_end = quarter.received - quarter.settled
    crossing = set(_latest(days, open_at_end, rng))
    carried_over = set(_earliest(days, plan.re_registered, crossing, rng))
    return [
        _Draft(day, "crossing" if i in crossing else "early", re_registered=i in carried_over)
        for i, day in enumerate(days)
    ]


def _draft_second_quarter(
    plan: UnitPlan, crossing: int, calendar: Calendar, rng: Random
) -> list[_Draft]:
    """What is received and not settled is in progress: in time, overdue, or recorded late."""
    quarter, window = plan.quarters[1], calendar.quarters[1]
    days = _receipt_days(quarter.received, window, rng)
    open_at_end = quarter.received - (quarter.settled - crossing)
    overdue = plan.targets.half_year["in_progress_overdue"]
    in_time = _latest(days, open_at_end - overdue, rng)
    drafts = [_Draft(day, "early") for day in days]
    for position, i in enumerate(in_time):
        drafts[i].outcome = "recorded late" if position < plan.recorded_late else "in time"
    roomy = [
        draft
        for draft in drafts
        if draft.outcome == "early" and window[1] - draft.received >= ROOM_FOR_LATE
    ]
    for draft in rng.sample(roomy, overdue):
        draft.outcome = "overdue"
    return drafts


def _receipt_days(number: int, window: tuple[int, int], rng: Random) -> list[int]:
    """Receipt days, in order; more come late in a window than early, and on Mondays' heels."""
    first, last = window
    days = range(first, last + 1)
    weights = [0.8 + 0.4 * (day - first) / (last - first) + 0.1 * (day % 5 == 0) for day in days]
    return sorted(rng.choices(days, weights, k=number))


def _latest(days: Sequence[int], number: int, rng: Random) -> list[int]:
    """Places of the `number` latest days, roughly: queues are not strict."""
    spread = 8
    order = sorted(range(len(days)), key=lambda i: (days[i] + rng.random() * spread, i))
    return sorted(order[len(order) - number :])


def _earliest(days: Sequence[int], number: int, without: set[int], rng: Random) -> list[int]:
    spread = 12
    candidates = [i for i in range(len(days)) if i not in without]
    candidates.sort(key=lambda i: (days[i] + rng.random() * spread, i))
    if len(candidates) < number:
        raise ValueError("more carried-over cases than settled ones in the first quarter")
    return candidates[:number]


def _late_reasons(plan: UnitPlan) -> list[int]:
    """Reasons of the unit's late cases, as the report's text counts them."""
    late = plan.targets.half_year["settled_late"]
    reasons = [WAITING_FOR_OTHERS] * plan.targets.late_waiting_for_others
    reasons += [REPEATED_SUPPLEMENT] * plan.targets.late_by_repeated_supplement
    return reasons + [RECORDED_LATE] * (late - len(reasons))


def _settle(
    quarter: QuarterPlan,
    drafts: list[_Draft],
    window: tuple[int, int],
    reasons: list[int],
    rng: Random,
) -> None:
    """Give the settled cases of a quarter their outcomes, requests and steps."""

    def room(draft: _Draft) -> int:
        return window[1] - max(draft.received, window[0])

    # Late and on-time cases need days before the end of the window; crossing ones stay early.
    fitting = [draft for draft in drafts if draft.outcome == "early"]
    fitting.sort(key=room, reverse=True)
    roomy = sum(room(draft) >= ROOM_FOR_LATE for draft in fitting)
    late = rng.sample(fitting[: max(roomy, quarter.late)], quarter.late)
    for draft in late:
        draft.outcome = "late"
        draft.late_reason = reasons.pop(0)
    fitting = [draft for draft in fitting if draft.outcome == "early" and room(draft) >= 4]
    for draft in rng.sample(fitting, quarter.on_time):
        draft.outcome = "on time"

    early = [draft for draft in drafts if draft.outcome in ("early", "crossing")]
    for draft in rng.sample(early, quarter.steps_on_allotted_end):
        draft.steps_to_the_day = True

    contacted = [draft for draft in late if draft.late_reason == REPEATED_SUPPLEMENT]
    others = [draft for draft in drafts if draft.late_reason != REPEATED_SUPPLEMENT]
    others.sort(key=room, reverse=True)
    wanted = quarter.once_contacted + quarter.often_contacted - len(contacted)
    contacted += rng.sample(others[: max(len(others) * 4 // 5, wanted)], wanted)
    for draft in contacted[: quarter.often_contacted]:
        draft.contacts = 2
    for draft in contacted[quarter.often_contacted :]:
        draft.contacts = 1
    for draft in contacted[: quarter.many_agencies]:
        draft.agencies = 2 + (draft.received % 3 == 0)
    one_agency = contacted[quarter.many_agencies : quarter.many_agencies + quarter.one_agency]
    for draft in one_agency:
        draft.agencies = 1


def _put_online(quarter: QuarterPlan, drafts: list[_Draft], rng: Random) -> None:
    """Online cases are in time, so that indicator 9 hangs on the shares alone."""
    fitting = [
        draft
        for draft in drafts
        if draft.outcome not in ("late", "overdue") and not draft.re_registered
    ]
    for draft in rng.sample(fitting, quarter.online):
        draft.online = draft.eligible = True
    others = [draft for draft in drafts if not draft.eligible]
    rng.shuffle(others)
    # Late cases come last: they join only where nearly all cases are of level 3.
    others.sort(key=lambda draft: draft.outcome in ("late", "overdue"))
    for draft in others[: quarter.eligible - quarter.online]:
        draft.eligible = True


def _first_quarter_case(
    draft: _Draft, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> Case:
    window = calendar.quarters[1 if draft.outcome == "crossing" else 0]
    return _settled_case(draft, window, pools, rng)


def _second_quarter_case(
    draft: _Draft, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> Case:
    window = calendar.quarters[1]
    if draft.outcome == "recorded late":
        # Unknown at the second publication, and in time then, so its due day lies after it.
        publication = calendar.corrections[0]
        case = _case(draft, pools, rng, publication - draft.received, 99)
        case.finished = rng.randint(draft.received, window[1])
        case.finish_known = rng.randint(*calendar.corrections)
        return case
    if draft.outcome == "in time":
        case = _case(draft, pools, rng, window[1] + 1 - draft.received, 99)
        _finish_later(case, window[1] + 1, calendar, rng)
        return case
    if draft.outcome == "overdue":
        case = _case(draft, pools, rng, 2, window[1] - draft.received)
        finished = window[1] + 1 + int(rng.random() * 30)
        case.finished = finished if finished <= calendar.end else None
        return case
    return _settled_case(draft, window, pools, rng)


def _settled_case(
    draft: _Draft, window: tuple[int, int], pools: tuple[Pool, Pool], rng: Random
) -> Case:
    """A case settled within the window, as early or late as the draft says."""
    received = draft.received
    room = window[1] - received
    pauses = _pauses(draft, room, rng)
    paused = sum(pauses)
    if draft.outcome == "on time":
        case = _case(draft, pools, rng, 1, room - paused)
        finished = case.first_due + paused
    elif draft.outcome == "late":
        case = _case(draft, pools, rng, 1, min(room - paused - 1, ROOM_FOR_LATE - 3))
        slack = window[1] - case.first_due - paused
        finished = case.first_due + paused + 1 + int(rng.random() ** 2 * slack)
    else:
        least = window[0] - received + 1 if received < window[0] else 1
        case = _case(draft, pools, rng, least, 99)
        earliest = max(received + paused, window[0])
        latest = min(case.first_due + paused - 1, window[1])
        spread = int(rng.triangular(0, 1, 0.45) * (latest - earliest + 1))
        finished = min(earliest + spread, latest)
    case.finished = finished
    case.due = case.first_due + paused
    case.requests = _requests(draft, case, pauses, rng)
    return case


def _case(draft: _Draft, pools: tuple[Pool, Pool], rng: Random, least: int, most: int) -> Case:
    """A case with a procedure allotted `least` to `most` working days.

    Where the unit has no such procedure the counter promised another day than the allotment.
    """
    pool = pools[draft.eligible]
    procedure = None
    if draft.late_reason == WAITING_FOR_OTHERS or draft.outcome == "overdue":
        procedure = next((p for p in pool.procedures if p.name == JUDICIAL_RECORD), None)
    if procedure is None or not least <= procedure.days <= most:
        procedure = pool.draw(rng, least, most)
    if procedure is None:
        procedure = pool.procedures[-1 if least > 10 else 0]
    due = draft.received + min(max(procedure.days, least), most)
    channel = ONLINE if draft.online else POSTAL if rng.random() < 0.03 else DIRECT
    return Case(procedure, draft.received, due, due, None, channel)


def _pauses(draft: _Draft, room: int, rng: Random) -> list[int]:
    """Working days that the case waits for the applicant, one per request."""
    left = room - (0 if draft.outcome in ("early", "crossing") else 3)
    pauses = []
    for _ in range(draft.contacts):
        pause = max(min(1 + int(rng.random() * 3), left), 0)
        left -= pause
        pauses.append(pause)
    if draft.late_reason == REPEATED_SUPPLEMENT:
        # The second request came without a new due day: that made the case late.
        pauses[-1] = 0
    return pauses


def _requests(draft: _Draft, case: Case, pauses: list[int], rng: Random) -> list[Request]:
    """The requests of a settled case, one after the other between receipt and finish.

    Two requests that are not the applicant's fault cost both points; one costs one, whoever is
    at fault.
    """
    assert case.finished is not None
    requests = []
    asked_from = case.received
    spare = case.finished - case.received - sum(pauses)
    for number, pause in enumerate(pauses):
        asked = asked_from + int(rng.random() * (spare + 1) / len(pauses))
        answered = asked + pause
        requests.append(
            Request(
                asked=asked,
                answered=answered,
                moves_due=pause > 0,
                applicants_fault=draft.contacts == 1 and rng.random() < 0.4,
                agencies=draft.agencies if number == 0 else min(draft.agencies, 1),
            )
        )
        asked_from = answered
    return requests


def _finish_later(case: Case, earliest: int, calendar: Calendar, rng: Random) -> None:
    """Finish before the due day, from `earliest` on; not yet, if that is past the sample."""
    span = max(case.due - earliest, 1)
    finished = earliest + int(rng.random() * span)
    case.finished = finished if finished <= calendar.end else None
    if case.finished is None and rng.random() < 0.1:
        asked = min(earliest + 1, calendar.end)
        case.requests = [Request(asked, None, False, rng.random() < 0.5, 0)]


def _remove_double_entries(number: int, cases: list[Case], calendar: Calendar, rng: Random) -> None:
    """Cancel settled cases of the second quarter; the correction comes after its publication."""
    first, last = calendar.quarters[1]
    doubles = [
        case
        for case in cases
        if case.received >= first
        and case.finished is not None
        and case.finished <= min(last, case.due - 1)
        and case.channel == DIRECT
    ]
    for case in rng.sample(doubles, number):
        case.removed = rng.randint(*calendar.corrections)
        case.in_half_year = False


def _post_results(number: int, cases: list[Case], rng: Random) -> None:
    settled = [case for case in cases if case.in_half_year and case.finish_known is None]
    for case in rng.sample(settled, number):
        case.by_post = True


def _loaded_late(
    number: int, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> list[Case]:
    """Carried-over cases that no export held until after the second publication."""
    cases = []
    for _ in range(number):
        procedure = pools[0].procedures[-1 - int(rng.random() * 3) % len(pools[0].procedures)]
        # Promised late in 2018 for the second half of 2019: after the end of the window.
        due = calendar.corrections[1] + int(rng.random() * 40)
        case = Case(procedure, _day_of_2018(calendar, rng), due, due, None)
        case.known_from = rng.randint(*calendar.corrections)
        cases.append(case)
    return cases


def _returned(number: int, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random) -> list[Case]:
    """Withdrawn or stopped cases: inside one quarter, or carried over from 2018."""
    cases = []
    for i in range(number):
        first, last = calendar.quarters[i % 2]
        received = rng.randint(first, last - 3)
        returned = rng.randint(received, min(received + 12, last))
        if i % 6 == 2:
            received = rng.randint(calendar.history[1] - 8, calendar.history[1])
        procedure = pools[0].draw(rng, 1, 99) or pools[0].procedures[0]
        due = max(received + procedure.days, returned)
        case = Case(procedure, received, due, due, None)
        case.returned = returned
        case.returned_status = WITHDRAWN if i % 3 else STOPPED
        cases.append(case)
    return cases


def _history(
    plan: UnitPlan, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> list[Case]:
    """The trial weeks of December 2018: everything received was finished in the year."""
    first, last = calendar.history
    number = 1 + round(plan.quarters[0].received * HISTORY_SHARE)
    cases = []
    for day in _receipt_days(number, (first, last - 1), rng):
        case = _settled_case(_Draft(day, "early"), calendar.history, pools, rng)
        case.by_post = rng.random() < POST_SHARE
        cases.append(case)
    return cases


def _after_the_half_year(
    plan: UnitPlan, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> list[Case]:
    """Work goes on at the second quarter's pace until the sample ends."""
    quarter, (first, last) = plan.quarters[1], calendar.quarters[1]
    number = round(quarter.received * (calendar.end - last) / (last - first + 1))
    online_share = quarter.online / quarter.received
    eligible_share = quarter.eligible / quarter.received
    cases = []
    for day in _receipt_days(number, (last + 1, calendar.end), rng):
        draft = _Draft(day, "early", online=rng.random() < online_share)
        draft.eligible = draft.online or rng.random() < eligible_share - online_share
        case = _case(draft, pools, rng, 1, 99)
        _finish_later(case, day, calendar, rng)
        case.by_post = rng.random() < POST_SHARE
        cases.append(case)
    return cases


def _never_accepted(
    plan: UnitPlan, pools: tuple[Pool, Pool], calendar: Calendar, rng: Random
) -> list[Case]:
    """Online registrations that were refused, or not looked at yet."""
    first, last = calendar.quarters[0][0], calendar.end
    number = round(sum(quarter.received for quarter in plan.quarters) * NOT_ACCEPTED_SHARE)
    cases = []
    for day in _receipt_days(number, (first, last), rng):
        procedure = pools[1].draw(rng, 1, 99) or pools[1].procedures[0]
        case = Case(procedure, day, day, day, None, ONLINE)
        case.registration_status = REGISTERED if day > last - 3 else NOT_ACCEPTED
        cases.append(case)
    return cases


def _day_of_2018(calendar: Calendar, rng: Random) -> int:
    """A receipt day from October 2018 to the last working day of the year."""
    return rng.randint(calendar.workdays.first_from(date(2018, 10, 15)), calendar.history[1])
