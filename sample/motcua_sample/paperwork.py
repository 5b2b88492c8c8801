"""Writes the records that change rarely: registers, petitions, late reviews, external counts."""

from collections.abc import Iterator
from datetime import date
from random import Random

from motcua_sample.intake import (
    RECORDED_LATE,
    REPEATED_SUPPLEMENT,
    WAITING_FOR_OTHERS,
    Calendar,
    Case,
)
from motcua_sample.lives import Row, Stamps
from motcua_sample.names import COPY_NUMBER, person_name
from motcua_sample.procedures import Procedure
from motcua_sample.workdays import Workdays

LICENCE_SYSTEM = "GPLX"
HALF_YEAR_CASES = ("01/01/2019", "15/06/2019")
PETITION_DAYS = 7


def procedure_rows(procedure: Procedure, workdays: Workdays) -> Iterator[Row]:
    """A procedure as first registered, then one record for each day that changed it."""
    opened = workdays.first_from(procedure.registered)
    changes = {opened}
    if procedure.approved:
        changes.add(workdays.first_from(procedure.approved) + 1)
    if procedure.on_software:
        changes.add(workdays.first_from(procedure.on_software))
    if procedure.ends:
        changes.add(workdays.first_from(procedure.ends) - 10)
    for change in sorted(changes):
        day = workdays.days[change]
        approved = procedure.approved if _known(procedure.approved, day) else None
        entered = procedure.on_software if _known(procedure.on_software, day) else None
        ends = procedure.ends if change > opened or change == max(changes) else None
        process = procedure.process if approved else ""
        decision = procedure.decision if approved else ""
        yield (
            "procedures",
            change,
            f'{procedure.code},"{procedure.name}",{procedure.unit},{procedure.field_code},'
            f'"{procedure.field}",{procedure.level},{int(procedure.listed)},'
            f"{int(procedure.on_the_spot)},{int(procedure.listed)},2,"
            f"{process},{decision},{_date(approved)},{procedure.time_unit if approved else ''},"
            f'{_date(entered)},"{procedure.note}",{_date(ends)},{day:%d/%m/%Y} 16:30:00\n',
        )


def petition_rows(
    order: int, unit: str, codes: list[str], calendar: Calendar, stamps: Stamps, rng: Random
) -> Iterator[Row]:
    """One or two petitions of a unit, each answered before its deadline; no conduct founded."""
    first = calendar.quarters[0][0]
    for number in range(1 + (order % 5 == 4)):
        received = rng.randint(first + 5, calendar.end - 8)
        deadline = received + PETITION_DAYS
        answered = received + 2 + int(rng.random() * 4)
        topic = 1 + (order + number) % 3
        founded = int(topic == 2)
        about = codes[int(rng.random() * len(codes))] if topic == 1 else ""
        identity = f"PAKN-{order:02d}-{COPY_NUMBER}{number + 1:03d}"
        fixed = (
            f"{identity},{unit},{about},{topic},{stamps.dashed_days[received]} 09:20,"
            f"{stamps.dashed_days[deadline]} 17:00"
        )
        yield (
            "petitions",
            received,
            f"{fixed},,,0,{stamps.dashed_days[received]} 16:00\n",
        )
        day = stamps.dashed_days[answered]
        yield "petitions", answered, f"{fixed},{day} 10:10,{founded},0,{day} 10:15\n"


def review_rows(
    case: Case, code: str, calendar: Calendar, stamps: Stamps, reviewer: str, rng: Random
) -> Iterator[Row]:
    """The review of a late case, some days after it was finished."""
    if not case.late_reason:
        return
    assert case.finished is not None
    day = min(case.finished + 2 + int(rng.random() * 20), calendar.end)
    handed_over = ""
    if case.late_reason == RECORDED_LATE:
        in_time = case.due - int(rng.random() * 2)
        handed_over = stamps.dashed_days[max(in_time, case.received)]
    evidence = {
        RECORDED_LATE: "Sổ giao nhận kết quả",
        REPEATED_SUPPLEMENT: "Phiếu yêu cầu bổ sung lần 2",
        WAITING_FOR_OTHERS: "Công văn gửi Trung tâm Lý lịch tư pháp Quốc gia",
    }[case.late_reason]
    apology = int(case.late_reason == WAITING_FOR_OTHERS and rng.random() < 0.8)
    yield (
        "late_reviews",
        day,
        f"{code},{case.late_reason},{handed_over},{evidence},{reviewer},"
        f"{stamps.dashed_days[day]} 15:40:00,{apology}\n",
    )


def external_row(unit: str, cases: int, calendar: Calendar, stamps: Stamps) -> Row:
    """Carried-over cases in a unit's own software: one count for the half-year, all in time."""
    day = calendar.workdays.first_from(date(2019, 7, 4))
    first, last = HALF_YEAR_CASES
    counts = f"{cases},0,0,0,0,{cases},0,0,0"
    return (
        "external_counts",
        day,
        f"{LICENCE_SYSTEM},{unit},{first},{last},{counts},{stamps.dashed_days[day]} 14:00:00\n",
    )


def make_reviewer(rng: Random) -> str:
    """The officer of the Centre who reviews a unit's late cases."""
    return person_name(rng)


def _known(day: date | None, by: date) -> bool:
    return day is not None and day <= by


def _date(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""
