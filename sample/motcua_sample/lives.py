"""Turns the life of a case into the records that the daily exports hold of it and of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from motcua_sample.intake import ONLINE, REGISTERED, STOPPED, WITHDRAWN, Calendar, Case, Request
from motcua_sample.names import COPY_NUMBER, applicant, one_of, person_name

ACCEPTED, IN_PROCESS, SUPPLEMENT_ASKED, FINANCIAL_DUTY = 2, 4, 5, 6
SETTLED, HANDED_OVER = 9, 10
ENDED = (WITHDRAWN, STOPPED, SETTLED)
NOT_COLLECTED_SHARE = 0.05
ORGANISATION_SHARE = {1: 0.7, 2: 0.9, 4: 0.15, 5: 0.95, 9: 0.4, 10: 0.9, 11: 0.6, 14: 0.4, 16: 0.6}
LAND_UNIT = 11
MORNING = 4 * 3600
DOUBLE_NOTE = "Hồ sơ nhập trùng"
TAX_NOTE = "Chuyển cơ quan thuế xác định nghĩa vụ tài chính"

OFFICES = (
    "Bộ phận Một cửa",
    "Phòng chuyên môn",
    "Lãnh đạo phòng",
    "Lãnh đạo Sở",
    "Văn thư",
)
REQUESTS = (
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
    """Something that changed a case: what its record says from then on.

    known: the working day whose export tells it. stamp: its moment; told: NgayCapNhat.
    """

    day: int
    known: int
    status: int
    field: str = ""
    stamp: str = ""
    told: str = ""


@dataclass(frozen=True)
class Stamps:
    """Texts of days and times of day, made once."""

    days: tuple[str, ...]
    slashed_days: tuple[str, ...]
    times: tuple[str, ...]


def make_stamps(calendar: Calendar) -> Stamps:
    """Stamps of every working day, and of every second of the working hours (7-11, 13-17)."""
    seconds = (*range(7 * 3600, 11 * 3600), *range(13 * 3600, 17 * 3600))
    return Stamps(
        days=tuple(f"{day:%Y%m%d}" for day in calendar.workdays.days),
        slashed_days=tuple(f"{day:%d/%m/%Y}" for day in calendar.workdays.days),
        times=tuple(f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}" for s in seconds),
    )


@dataclass(frozen=True)
class Desk:
    """One unit at its work: who does it, and what writing its records needs."""

    order: int
    unit: str
    reception: tuple[str, ...]
    offices: tuple[tuple[str, ...], ...]
    reviewer: str
    calendar: Calendar
    stamps: Stamps
    rng: Random


def make_desk(order: int, unit: str, calendar: Calendar, stamps: Stamps, rng: Random) -> Desk:
    """A unit with three officers at the counter, four in each office, and a reviewer."""
    return Desk(
        order=order,
        unit=unit,
        reception=tuple(person_name(rng) for _ in range(3)),
        offices=tuple(tuple(person_name(rng) for _ in range(4)) for _ in OFFICES),
        reviewer=person_name(rng),
        calendar=calendar,
        stamps=stamps,
        rng=rng,
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


def records(case: Case, code: str, desk: Desk) -> Iterator[Row]:
    """All records of one case: its own, its steps' and its supplement requests'."""
    if case.registration_status:
        yield from _registration(case, code, desk)
        return
    events = _events(case, desk)
    yield from _case_rows(case, code, events, desk)
    end = next((event.stamp for event in events if event.status in ENDED), "")
    yield from _step_rows(case, code, events[0].stamp, end, desk)
    for number, request in enumerate(case.requests, start=1):
        yield from _request_rows(case, code, number, request, desk)


def _events(case: Case, desk: Desk) -> list[_Event]:
    """What happened to a case, in the order in which it became known."""
    rng, end = desk.rng, desk.calendar.end

    def event(day: int, status: int, field: str = "", known: int = 0) -> _Event:
        return _Event(day, max(day, case.known_from, known), status, field)

    over = case.finished if case.returned is None else case.returned
    events = [event(case.received, ACCEPTED, "received")]
    forwarded = case.received + (rng.random() < 0.4)
    if forwarded < (end + 1 if over is None else over):
        events.append(event(forwarded, IN_PROCESS))
    for request in case.requests:
        events.append(event(max(request.asked, events[-1].day), SUPPLEMENT_ASKED))
        if request.answered is not None:
            events.append(event(max(request.answered, events[-1].day), IN_PROCESS))
    if desk.order == LAND_UNIT and over is not None and over - events[-1].day > 6:
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
        waited = 1 + int(rng.random() * 3) if case.by_post else int(rng.random() ** 2 * 9)
        collected = rng.random() > NOT_COLLECTED_SHARE or case.by_post
        if collected and max(case.finished + waited, known) <= end:
            events.append(event(case.finished + waited, HANDED_OVER, "handed over", known))
    if case.corrected is not None:
        events.append(event(case.corrected, 0, "corrected"))
    if case.removed is not None:
        events.append(event(case.removed, 0, "removed"))
    events.sort(key=lambda e: e.known)
    _stamp(events, desk)
    return events


def _stamp(events: list[_Event], desk: Desk) -> None:
    """Give events their moments; those of one day follow each other."""
    last_second = len(desk.stamps.times) - 1
    day, second = -1, 0
    for event in events:
        earliest = second if event.day == day else 0
        day, second = event.day, earliest + int(desk.rng.random() * (last_second - earliest))
        event.stamp = desk.stamps.days[day] + desk.stamps.times[second]
        # What is told on a later day is told at closing time.
        told = event.stamp[8:] if event.known == day else desk.stamps.times[last_second]
        event.told = desk.stamps.days[event.known] + told


def _case_rows(case: Case, code: str, events: list[_Event], desk: Desk) -> Iterator[Row]:
    """One record per day on which the case changed, in its state at the end of that day."""
    rng, days = desk.rng, desk.stamps.days
    fixed = _fixed_cells(case, code, desk)
    received = submitted = events[0].stamp
    if case.channel == ONLINE and rng.random() < 0.3:
        submitted = f"{days[case.received - 1]}20{received[10:]}"
    due = f"{days[case.first_due]}170000"
    finished = handed_over = ""
    status, removed = ACCEPTED, 0
    staff = f"{one_of(rng, desk.reception)},{one_of(rng, desk.offices[1])}"
    for i, event in enumerate(events):
        status = event.status or status
        if event.field == "finished":
            finished = event.stamp
        elif event.field == "handed over":
            handed_over = event.stamp
        elif event.field == "corrected":
            assert case.old_received is not None
            received = submitted = days[case.old_received] + received[8:]
        elif event.field == "removed":
            removed = 1
        if i + 1 == len(events) or events[i + 1].known != event.known:
            note = TAX_NOTE if status == FINANCIAL_DUTY else DOUBLE_NOTE if removed else ""
            yield (
                "cases",
                event.known,
                f"{fixed},{submitted},{received},{due},{finished},{handed_over},"
                f"{int(case.by_post)},{status},{staff},{note},{removed},{event.told}\n",
            )


def _fixed_cells(case: Case, code: str, desk: Desk) -> str:
    """The cells of a case that never change, from MaHoSo to DiaChi."""
    person = applicant(desk.rng, ORGANISATION_SHARE.get(desk.order, 0.1))
    return (
        f"{code},{case.procedure.code},{desk.unit},{case.channel},{case.procedure.level},"
        f'{person.kind},"{person.name}",{person.identity},{person.phone},{person.email},'
        f'"{person.address}"'
    )


def _step_rows(case: Case, code: str, received: str, finished: str, desk: Desk) -> Iterator[Row]:
    """Two to five steps share the time between receipt and finish.

    A step ends before the end allotted to it, but for the last one of a case on time or late, and
    one step of the cases whose steps went to the day. A step is told when it begins and when it
    is done.
    """
    rng, stamps, sample_end = desk.rng, desk.stamps, desk.calendar.end
    start, due = case.received, max(case.due, case.received)
    end = case.finished if case.returned is None else case.returned
    allotted = case.procedure.days
    number = 2 if allotted <= 2 else 3 if allotted <= 7 else 4 if allotted <= 20 else 5
    span = (due if end is None else end) - start
    to_the_day = number - 1 if end is None or end > start else 1
    began, began_stamp = start, received
    # The last step of a returned case never began.
    for i in range(number if case.returned is None else number - 1):
        last = i == number - 1
        day = start + (span * (i + 1) // number if i else 0)
        is_open = end is None and (last or (i > 0 and day >= min(sample_end, due)))
        limit_day = min(max(start + (due - start) * (i + 1) // number, day + 1), due)
        if case.steps_to_the_day and i == to_the_day:
            limit_day = day
        # Receipt over the counter has no allotted end where everything is quick.
        limit = f"{stamps.days[limit_day]}170000" if i or allotted > 2 else ""
        officer = one_of(rng, desk.offices[i] if i else desk.reception)
        fixed = f"{code},{i + 1},{desk.unit},{OFFICES[i]},{officer},{began_stamp},{limit}"
        known = (case.finish_known if last else None) or max(day, case.known_from)
        began_known = max(began, case.known_from)
        if is_open or began_known < known:
            told = f"{stamps.days[began_known]}{began_stamp[8:]}"
            yield "steps", began_known, f"{fixed},,1,{told}\n"
        if is_open:
            return
        if last:
            done = finished
        elif day == began:
            done = _later_that_day(began_stamp, finished if day == end else "", desk)
        else:
            done = stamps.days[day] + stamps.times[int(rng.random() * MORNING)]
        yield "steps", known, f"{fixed},{done},2,{stamps.days[known]}{done[8:]}\n"
        began, began_stamp = day, done


def _later_that_day(after: str, before: str, desk: Desk) -> str:
    """A moment of one day after another, and not after `before` if that is given."""
    times = desk.stamps.times
    low = _second(after)
    high = _second(before) if before else len(times) - 1
    return after[:8] + times[low + int(desk.rng.random() * (high - low))]


def _second(stamp: str) -> int:
    """Second of the working day that a stamp yyyyMMddHHmmss tells."""
    hour, minute, second = int(stamp[8:10]), int(stamp[10:12]), int(stamp[12:14])
    worked = hour - 7 if hour < 12 else hour - 9
    return worked * 3600 + minute * 60 + second


def _request_rows(
    case: Case, code: str, number: int, request: Request, desk: Desk
) -> Iterator[Row]:
    """A request as asked and, when it was answered on a later day, as answered."""
    days = desk.stamps.slashed_days
    asked_on, answered_on = request.asked, request.answered
    due = case.first_due + sum(
        (earlier.answered or earlier.asked) - earlier.asked
        for earlier in case.requests[: number - 1]
        if earlier.moves_due
    )
    asked = f"BS{code[7:9]}-{code[14:]}-{number},{code},{days[asked_on]} {8 + number:02d}:30:00"
    tail = f"{int(request.applicants_fault)},{request.agencies},{one_of(desk.rng, REQUESTS)}"
    if answered_on is None or answered_on > asked_on:
        yield (
            "supplements",
            asked_on,
            f"{asked},,{days[due]},,{tail},{days[asked_on]} 16:45:00\n",
        )
    if answered_on is not None:
        new_due = days[due + answered_on - asked_on] if request.moves_due else ""
        yield (
            "supplements",
            answered_on,
            f"{asked},{days[answered_on]} {14 + number}:05:00,{days[due]},{new_due},{tail},"
            f"{days[answered_on]} 16:50:00\n",
        )


def _registration(case: Case, code: str, desk: Desk) -> Iterator[Row]:
    """A case registered online; on the next working day it may be found unacceptable."""
    day, days = case.received, desk.stamps.days
    submitted = f"{days[day]}{one_of(desk.rng, desk.stamps.times)}"
    fixed = f"{_fixed_cells(case, code, desk)},{submitted},,,,,0"
    yield "cases", day, f"{fixed},{REGISTERED},,,,0,{submitted}\n"
    if case.registration_status != REGISTERED and day < desk.calendar.end:
        refused = f"{days[day + 1]}0915{int(desk.rng.random() * 60):02d}"
        yield (
            "cases",
            day + 1,
            f"{fixed},{case.registration_status},,,Không đủ thành phần hồ sơ,0,{refused}\n",
        )
