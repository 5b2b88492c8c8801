"""Writes the records that change rarely: registers, petitions, late reviews, external counts."""

from collections.abc import Iterator
from datetime import date

from motcua_sample.intake import (
    RECORDED_LATE,
    REPEATED_SUPPLEMENT,
    WAITING_FOR_OTHERS,
    Case,
)
from motcua_sample.lives import Desk, Row
from motcua_sample.names import COPY_NUMBER, one_of
from motcua_sample.procedures import Procedure
from motcua_sample.workdays import Workdays

LICENCE_SYSTEM = "GPLX"
HALF_YEAR_CASES = ("01/01/2019", "15/06/2019")
EXTERNAL_COUNT_DAY = date(2019, 7, 4)
NOTICE_DAYS = 10
PETITION_DAYS = 7


def procedure_rows(procedure: Procedure, workdays: Workdays) -> Iterator[Row]:
    """A procedure as first registered, then one record for each day that changed it."""
    opened = workdays.first_from(procedure.registered)
    changes = {opened}
    if procedure.approved:
        changes.add(workdays.first_from(procedure.approved) + 1)
    if procedure.on_software:
        changes.add(workdays.first_from(procedure.on_software))
    ending_told = workdays.first_from(procedure.ends or date.max) - NOTICE_DAYS
    if procedure.ends:
        changes.add(ending_told)
    for change in sorted(changes):
        day = workdays.days[change]
        approved = procedure.approved if _known(procedure.approved, day) else None
        entered = procedure.on_software if _known(procedure.on_software, day) else None
        ends = procedure.ends if change >= ending_told else None
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


def petition_rows(codes: list[str], desk: Desk) -> Iterator[Row]:
    """One or two petitions of a unit, each answered before its deadline; no conduct founded."""
    rng, calendar, order, days = desk.rng, desk.calendar, desk.order, desk.stamps.slashed_days
    first = calendar.quarters[0][0]
    for number in range(1 + (order % 5 == 4)):
        received = rng.randint(first + 5, calendar.end - 8)
        deadline = received + PETITION_DAYS
        answered = received + 2 + int(rng.random() * 4)
        topic = 1 + (order + number) % 3
        founded = int(topic == 2)
        earlier = tuple(code for code in codes if code[14:20] < desk.stamps.days[received][2:])
        about = one_of(rng, earlier) if topic == 1 else ""
        identity = f"PAKN-{order:02d}-{COPY_NUMBER}{number + 1:03d}"
        fixed = (
            f"{identity},{desk.unit},{about},{topic},{days[received]} 09:20,{days[deadline]} 17:00"
        )
        yield (
            "petitions",
            received,
            f"{fixed},,,0,{days[received]} 16:00\n",
        )
        day = days[answered]
        yield "petitions", answered, f"{fixed},{day} 10:10,{founded},0,{day} 10:15\n"


def review_rows(case: Case, code: str, desk: Desk) -> Iterator[Row]:
    """The review of a late case, some days after it was finished."""
    if not case.late_reason:
        return
    assert case.finished is not None
    rng, calendar, days = desk.rng, desk.calendar, desk.stamps.slashed_days
    day = min(case.finished + 2 + int(rng.random() * 20), calendar.end)
    handed_over = ""
    if case.late_reason == RECORDED_LATE:
        in_time = case.due - int(rng.random() * 2)
        handed_over = days[max(in_time, case.received)]
    evidence = {
        RECORDED_LATE: "Sổ giao nhận kết quả",
        REPEATED_SUPPLEMENT: "Phiếu yêu cầu bổ sung lần 2",
        WAITING_FOR_OTHERS: "Công văn gửi Trung tâm Lý lịch tư pháp Quốc gia",
    }[case.late_reason]
    apology = int(case.late_reason == WAITING_FOR_OTHERS and rng.random() < 0.8)
    yield (
        "late_reviews",
        day,
        f"{code},{case.late_reason},{handed_over},{evidence},{desk.reviewer},"
        f"{days[day]} 15:40:00,{apology}\n",
    )


def external_row(cases: int, desk: Desk) -> Row:
    """Carried-over cases in a unit's own software: one count for the half-year, all in time."""
    day = desk.calendar.workdays.first_from(EXTERNAL_COUNT_DAY)
    first, last = HALF_YEAR_CASES
    counts = f"{cases},0,0,0,0,{cases},0,0,0"
    told = f"{desk.stamps.slashed_days[day]} 14:00:00"
    return (
        "external_counts",
        day,
        f"{LICENCE_SYSTEM},{desk.unit},{first},{last},{counts},{told}\n",
    )


def _known(day: date | None, by: date) -> bool:
    return day is not None and day <= by


def _date(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""
