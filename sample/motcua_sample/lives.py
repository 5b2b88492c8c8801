"""Turns the life of a case into the records that the daily exports hold of it and of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from motcua_sample.intake import ONLINE, STOPPED, WITHDRAWN, Calendar, Case, Request
from motcua_sample.names import COPY_NUMBER, applicant, person_name

ACCEPTED, IN_PROCESS, SUPPLEMENT_ASKED, FINANCIAL_DUTY = 2, 4, 5, 6
SETTLED, HANDED_OVER = 9, 10
ENDED = (WITHDRAWN, STOPPED, SETTLED)
NOT_COLLECTED_SHARE = 0.05
ORGANISATION_SHARE = {1: 0.7, 2: 0.9, 4: 0.15, 5: 0.95, 9: 0.4, 10: 0.9, 11: 0.6, 14: 0.4, 16: 0.6}
TAX_PROCEDURES_UNIT = 11
LAND_REGISTER_NOTE = "Chuyển cơ quan thuế xác định nghĩa vụ tài chính"

OFFICES = (
    "Bộ phận Một cửa",
    "Phòng chuyên môn",
    "Lãnh đạo phòng",
    "Lãnh đạo Sở",
    "Văn thư",
)
SUPPLEMENT_TEXTS = (
    "Bổ sung bản sao giấy tờ có chứng thực",
    "Chỉnh sửa đơn đề nghị theo mẫu",
    "Bổ sung bản vẽ",
    "Bổ sung văn bản xác nhận của cơ quan liên quan",
    "Nộp lại ảnh chân dung",
)

Row = tuple[str, int, str]
"""Feed, number of the working day whose export holds the record, the record as a CSV line."""


@dataclass(slots=True)
class _Event:
    """Something that changed a case: what the record says from then on."""

    day: int
    known: int
    status: int
    field: str = ""


@dataclass(frozen=True)
class Stamps:
    """Texts of days and times of day, made once."""

    days: tuple[str, ...]
    dashed_days: tuple[str, ...]
    times: tuple[str, ...]


def make_stamps(calendar: Calendar) -> Stamps:
    """Stamps of every working day, and of every second of the working hours (7-11, 13-17)."""
    seconds = (*range(7 * 3600, 11 * 3600), *range(13 * 3600, 17 * 3600))
    return Stamps(
        days=tuple(f"{day:%Y%m%d}" for day in calendar.workdays.days),
        dashed_days=tuple(f"{day:%d/%m/%Y}" for day in calendar.workdays.days),
        times=tuple(f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}" for s in seconds),
    )


@dataclass(frozen=True)
class Staff:
    """Officers of a unit: at the counter and in its offices."""

    reception: tuple[str, ...]
    offices: tuple[tuple[str, ...], ...]


def make_staff(rng: Random) -> Staff:
    """Two or three officers at the counter, some in each office."""
    return Staff(
        tuple(person_name(rng) for _ in range(3)),
        tuple(tuple(person_name(rng) for _ in range(4)) for _ in OFFICES),
    )


def case_codes(unit: str, cases: list[Case], stamps: Stamps) -> list[str]:
    """Codes `<agency>-<yyMMdd>-<sequence>`, in the order of the cases."""
    last: dict[int, int] = {}
    codes = []
    for case in cases:
        last[case.received] = last.get(case.received, 0) + 1
        day = stamps.days[case.received][2:]
        codes.append(f"{unit}-{day}-{COPY_NUMBER}{last[case.received]:04d}")
    return codes


def records(
    case: Case,
    code: str,
    order: int,
    unit: str,
    staff: Staff,
    calendar: Calendar,
    stamps: Stamps,
    rng: Random,
) -> Iterator[Row]:
    """All records of one case: its own, its steps' and its supplement requests'."""
    if case.registration_status:
        yield from _registration(case, code, order, unit, calendar, stamps, rng)
        return
    events, times = _events(case, order, calendar, rng)
    stamp_of = [
        stamps.days[event.day] + stamps.times[time]
        for event, time in zip(events, times, strict=True)
    ]
    yield from _case_rows(case, code, order, unit, staff, events, times, stamp_of, stamps, rng)
    end = next((s for e, s in zip(events, stamp_of, strict=True) if e.status in ENDED), "")
    yield from _step_rows(case, code, unit, staff, stamp_of[0], end, calendar, stamps, rng)
    for number, request in enumerate(case.requests, start=1):
        yield from _request_rows(case, code, number, request, stamps, rng)


def _events(
    case: Case, order: int, calendar: Calendar, rng: Random
) -> tuple[list[_Event], list[int]]:
    """What happened to a case, in order, with seconds of the working day."""
    known_from = case.known_from

    def event(day: int, status: int, field: str = "", known: int = 0) -> _Event:
        return _Event(day, max(day, known_from, known), status, field)

    over = case.finished if case.returned is None else case.returned
    events = [event(case.received, ACCEPTED, "received")]
    if over is None or over > case.received:
        forwarded = case.received + (rng.random() < 0.4)
        if (over is None and forwarded <= calendar.end) or (over is not None and forwarded < over):
            events.append(event(forwarded, IN_PROCESS))
    for request in case.requests:
        events.append(event(max(request.asked, events[-1].day), SUPPLEMENT_ASKED))
        if request.answered is not None:
            events.append(event(max(request.answered, events[-1].day), IN_PROCESS))
    if order == TAX_PROCEDURES_UNIT and over is not None and over - events[-1].day > 6:
        events.append(event(events[-1].day + 3, FINANCIAL_DUTY))
        events.append(event(events[-1].day + 2, IN_PROCESS))
    if case.returned is not None:
        # A withdrawn file goes back over the counter; a stopped one ends in the office.
        took_back = case.returned_status == WITHDRAWN
        ending = "handed over" if took_back else "finished"
        events.append(event(case.returned, case.returned_status, ending))
    if case.finished is not None:
        known = case.finish_known or 0
        events.append(event(case.finished, SETTLED, "finished", known))
        collected = case.finished + (
            1 + int(rng.random() * 3) if case.by_post else int(rng.random() ** 2 * 9)
        )
        late_record = max(collected, known)
        if late_record <= calendar.end and (case.by_post or rng.random() > NOT_COLLECTED_SHARE):
            events.append(event(collected, HANDED_OVER, "handed over", known))
    if case.corrected is not None:
        events.append(event(case.corrected, 0, "corrected"))
    if case.removed is not None:
        events.append(event(case.removed, 0, "removed"))
    events.sort(key=lambda e: e.known)

    times = []
    day, time = -1, 0
    for e in events:
        time = (
            int(rng.random() * 28000) if e.day != day else time + int(rng.random() * (28799 - time))
        )
        day = e.day
        times.append(time)
    return events, times


def _case_rows(
    case: Case,
    code: str,
    order: int,
    unit: str,
    staff: Staff,
    events: list[_Event],
    times: list[int],
    stamp_of: list[str],
    stamps: Stamps,
    rng: Random,
) -> Iterator[Row]:
    """One record per day on which the case changed, in its state at the end of that day."""
    person = applicant(rng, ORGANISATION_SHARE.get(order, 0.1))
    fixed = (
        f"{code},{case.procedure.code},{unit},{case.channel},{case.procedure.level},{person.kind},"
        f'"{person.name}",{person.identity},{person.phone},{person.email},"{person.address}"'
    )
    received = submitted = stamp_of[0]
    if case.channel == ONLINE and case.received > 0 and rng.random() < 0.3:
        submitted = f"{stamps.days[case.received - 1]}20{stamp_of[0][10:]}"
    due = f"{stamps.days[case.first_due]}170000"
    finished = handed_over = ""
    status = ACCEPTED
    removed = 0
    reception = staff.reception[int(rng.random() * len(staff.reception))]
    officer = staff.offices[1][int(rng.random() * 4)]
    last = len(events) - 1
    for i, event in enumerate(events):
        status = event.status or status
        if event.field == "finished":
            finished = stamp_of[i]
        elif event.field == "handed over":
            handed_over = stamp_of[i]
        elif event.field == "corrected":
            assert case.old_received is not None
            received = submitted = stamps.days[case.old_received] + stamp_of[0][8:]
        elif event.field == "removed":
            removed = 1
        if i == last or events[i + 1].known != event.known:
            note = LAND_REGISTER_NOTE if status == FINANCIAL_DUTY else ""
            if removed:
                note = "Hồ sơ nhập trùng"
            yield (
                "cases",
                event.known,
                f"{fixed},{submitted},{received},{due},{finished},{handed_over},"
                f"{int(case.by_post)},{status},{reception},{officer},{note},{removed},"
                f"{stamps.days[event.known]}{_clock(stamps, event, times[i])}\n",
            )


def _clock(stamps: Stamps, event: _Event, time: int) -> str:
    """Time of a change; what is recorded on a later day is recorded before closing."""
    return stamps.times[time] if event.day == event.known else stamps.times[28799]


def _step_rows(
    case: Case,
    code: str,
    unit: str,
    staff: Staff,
    received: str,
    finished: str,
    calendar: Calendar,
    stamps: Stamps,
    rng: Random,
) -> Iterator[Row]:
    """Two to five steps share the time between receipt and finish.

    A step ends before the end allotted to it, but for the last one of a case on time or late, and
    one step of the cases whose steps went to the day.
    """
    start, due = case.received, case.due
    end = case.finished if case.returned is None else case.returned
    allotted = case.procedure.days
    number = 2 if allotted <= 2 else 3 if allotted <= 7 else 4 if allotted <= 20 else 5
    known_from = case.known_from
    if end is None:
        last, reached = due, min(calendar.end, max(due, start))
    else:
        last = reached = end
    to_the_day = number - 1 if end is None or end > start else 1
    began, began_stamp = start, received
    for i in range(number):
        day = start if i == 0 else start + (last - start) * (i + 1) // number
        if case.returned is not None and i == number - 1:
            return
        open_step = end is None and ((i > 0 and day >= reached) or i == number - 1)
        latest = max(due, start)
        allotted_end = min(max(start + (latest - start) * (i + 1) // number, day + 1), latest)
        if case.steps_to_the_day and i == to_the_day:
            allotted_end = day
        if began > calendar.end:
            return
        if open_step:
            done = ""
        elif day == end and i == number - 1:
            done = finished
        elif day == began:
            done = _later_that_day(began_stamp, finished if day == end else "", stamps, rng)
        else:
            done = stamps.days[day] + stamps.times[int(rng.random() * 14400)]
        officer = staff.offices[i][int(rng.random() * 4)]
        office = OFFICES[i] if number < 5 or i < 4 else OFFICES[4]
        fixed = f"{code},{i + 1},{unit},{office},{officer},{began_stamp}"
        limit = f"{stamps.days[allotted_end]}170000" if i or allotted > 2 else ""
        known = max(day, known_from)
        if i == number - 1 and case.finish_known:
            known = case.finish_known
        began_known = max(began, known_from)
        if began_known <= calendar.end and (open_step or began_known < known):
            yield (
                "steps",
                began_known,
                f"{fixed},{limit},,1,{stamps.days[began_known]}{began_stamp[8:]}\n",
            )
        if open_step or known > calendar.end:
            return
        yield ("steps", known, f"{fixed},{limit},{done},2,{stamps.days[known]}{done[8:]}\n")
        began, began_stamp = day, done


def _later_that_day(after: str, before: str, stamps: Stamps, rng: Random) -> str:
    """A moment between two of one day (working hours; the lunch break aside)."""
    low = _second(after)
    high = _second(before) if before else 28799
    return after[:8] + stamps.times[low + int(rng.random() * max(high - low, 0))]


def _second(stamp: str) -> int:
    """Second of the working day that a stamp yyyyMMddHHmmss tells."""
    hour, minute, second = int(stamp[8:10]), int(stamp[10:12]), int(stamp[12:14])
    return hour * 3600 + minute * 60 + second - (25200 if hour < 12 else 32400)


def _request_rows(
    case: Case, code: str, number: int, request: Request, stamps: Stamps, rng: Random
) -> Iterator[Row]:
    """A request as asked and, when it was answered on a later day, as answered."""
    due = case.first_due + sum(
        (earlier.answered or earlier.asked) - earlier.asked
        for earlier in case.requests[: number - 1]
        if earlier.moves_due
    )
    text = SUPPLEMENT_TEXTS[int(rng.random() * len(SUPPLEMENT_TEXTS))]
    identity = f"BS{code[7:9]}-{code[14:]}-{number}"
    asked = f"{stamps.dashed_days[request.asked]} {8 + number:02d}:30:00"
    before = stamps.dashed_days[due]
    tail = f"{int(request.applicants_fault)},{request.agencies},{text}"
    known = max(request.asked, case.known_from)
    if request.answered is None or request.answered > request.asked:
        yield (
            "supplements",
            known,
            f"{identity},{code},{asked},,{before},,{tail},{stamps.dashed_days[known]} 16:45:00\n",
        )
    if request.answered is not None:
        moved = ""
        if request.moves_due:
            moved = stamps.dashed_days[due + request.answered - request.asked]
        known = max(request.answered, case.known_from)
        answered = f"{stamps.dashed_days[request.answered]} {14 + number}:05:00"
        yield (
            "supplements",
            known,
            f"{identity},{code},{asked},{answered},{before},{moved},{tail},"
            f"{stamps.dashed_days[known]} 16:50:00\n",
        )


def _registration(
    case: Case,
    code: str,
    order: int,
    unit: str,
    calendar: Calendar,
    stamps: Stamps,
    rng: Random,
) -> Iterator[Row]:
    """A case registered online; on the next working day it may be found unacceptable."""
    person = applicant(rng, ORGANISATION_SHARE.get(order, 0.1))
    day = case.received
    submitted = f"{stamps.days[day]}{stamps.times[int(rng.random() * 28799)]}"
    fixed = (
        f"{code},{case.procedure.code},{unit},{case.channel},{case.procedure.level},{person.kind},"
        f'"{person.name}",{person.identity},{person.phone},{person.email},"{person.address}",'
        f"{submitted},,,,,0"
    )
    yield "cases", day, f"{fixed},1,,,,0,{submitted}\n"
    if case.registration_status != 1 and day < calendar.end:
        refused = f"{stamps.days[day + 1]}0915{int(rng.random() * 60):02d}"
        yield "cases", day + 1, f"{fixed},{case.registration_status},,,Không đúng,0,{refused}\n"
