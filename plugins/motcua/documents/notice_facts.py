"""What a month's notices tell of each unit: its late cases and its bad ratings, read from core.

A case counts with its record as known on the notice's day, but is judged by the due date that stood
at the end of the month: a new promise that came afterwards is what the law asks for, and does not
undo that the case was late. No column with personal data is within reach of the role that reads.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from motcua.errors import Failed, Refused
from motcua.warehouse import database, missing
from motcua.warehouse.database import Connection
from motcua.warehouse.missing import Missing

KNOWN_AFTER = timedelta(days=4)
"""After the end of the month: on the morning of the fifth these days are loaded."""

FEEDS = ("cases", "supplements", "ratings")
"""Daily feeds that the notices rest on."""

COMPETENCE, TIME, COMMENT = 3, 4, 5
"""Buttons of dissatisfaction with competence and with time, and of a comment."""

HANDED_OVER_IN_TIME = 1
"""Reason of a review: recorded late, handed over in time."""

_PACK = "select reference_sha256 from reference.builds order by build_number desc limit 1"

_REACHED = """
    select newest.business_date, min(days.day) - 1
    from (select max(business_date) as business_date from core.files_applied) as newest
    inner join core.dim_dates as days on days.day > newest.business_date and days.is_working_day
    group by newest.business_date
"""

_RULES = """
    select rule_set, legal_basis, timeliness_mode, returned_bucket, due_date as due_date_basis
    from reference.rule_sets
    where
        reference_sha256 = %s
        and cast(valid_from as date) <= %s
        and coalesce(cast(nullif(valid_to, '') as date), 'infinity') >= %s
    order by cast(valid_from as date) desc
    limit 1
"""

# The rules of int_cases_known and int_cases_classified for any month, and only for late cases.
_LATE_CASES = """
with knowledge (day, name) as (
    values (cast(%(last)s as date), 'then'), (cast(%(known)s as date), 'now')
),

versions as (
    select * from core.fct_case_versions as versions
    where
        versions.valid_from <= %(known)s
        and (versions.valid_to is null or versions.valid_to > %(known)s)
        and not versions.is_cancelled
        and versions.status_code not in (1, 3)
        and versions.received_at < cast(%(last)s as date) + 1
),

returns as (
    select case_code, status_code, min(valid_from) as first_told_on
    from core.fct_case_versions
    where status_code in (7, 8)
    group by case_code, status_code
),

ended as (
    select
        versions.*,
        versions.status_code in (7, 8) as is_returned,
        cast(
            case
                when versions.status_code in (7, 8)
                    then coalesce(
                        versions.finished_at, versions.handed_over_at, returns.first_told_on
                    )
                when versions.finished_at is not null then versions.finished_at
                when versions.status_code in (9, 10)
                    then coalesce(versions.handed_over_at, versions.valid_from)
            end as timestamp
        ) as ended_at
    from versions
    left join returns
        on
            versions.case_code = returns.case_code
            and versions.status_code = returns.status_code
),

-- Everything that was open in the month, and neither returned before its end nor settled before.
open_in_month as (
    select
        *,
        coalesce(cast(ended_at as date) between %(first)s and %(last)s, false) as is_settled
    from ended
    where
        (
            ended_at is null
            or cast(ended_at as date) >= %(first)s
            or (cast(received_at as date) >= %(first)s and not is_returned)
        )
        and not (
            is_returned
            and %(returned_bucket)s = 'outside'
            and cast(ended_at as date) <= %(last)s
        )
),

supplements as (
    select
        knowledge.name,
        supplements.case_code,
        (
            array_agg(
                due_before_at order by requested_at, length(supplement_code), supplement_code
            )
        )[1] as first_due_before_at,
        (
            array_agg(
                due_after_at
                order by requested_at desc, length(supplement_code) desc, supplement_code desc
            ) filter (where due_after_at is not null)
        )[1] as last_due_after_at
    from core.fct_supplements as supplements
    inner join knowledge
        on
            supplements.valid_from <= knowledge.day
            and (supplements.valid_to is null or supplements.valid_to > knowledge.day)
    group by knowledge.name, supplements.case_code
),

due_then as (
    select versions.case_code, coalesce(supplements.last_due_after_at, versions.due_at) as due_at
    from core.fct_case_versions as versions
    left join supplements
        on versions.case_code = supplements.case_code and supplements.name = 'then'
    where
        versions.valid_from <= %(last)s
        and (versions.valid_to is null or versions.valid_to > %(last)s)
),

first_dues as (
    select distinct on (case_code) case_code, due_at
    from core.fct_case_versions
    where
        %(due_date_basis)s = 'original_due'
        and due_at is not null
        and valid_from <= %(known)s
    order by case_code, valid_from
),

dues as (
    select
        cases.*,
        coalesce(supplements.last_due_after_at, cases.due_at) as last_due_at,
        case
            when %(due_date_basis)s = 'original_due'
                then coalesce(supplements.first_due_before_at, first_dues.due_at)
            else coalesce(due_then.due_at, supplements.last_due_after_at, cases.due_at)
        end as judged_due_at
    from open_in_month as cases
    left join supplements
        on cases.case_code = supplements.case_code and supplements.name = 'now'
    left join due_then on cases.case_code = due_then.case_code
    left join first_dues on cases.case_code = first_dues.case_code
),

late as (
    select
        *,
        cast(judged_due_at as date) as due_date,
        cast(ended_at as date) as ended_date
    from dues
    where
        case
            when not is_settled then cast(judged_due_at as date) < %(last)s
            when %(timeliness_mode)s = 'timestamp' then ended_at > judged_due_at
            else cast(ended_at as date) > cast(judged_due_at as date)
        end
),

procedures as (
    select distinct on (procedure_code) procedure_code, procedure_name
    from core.dim_procedures
    order by procedure_code, valid_from <= %(known)s desc, valid_from desc
)

select
    coalesce(aliases.unit_code, late.unit_code) as unit_code,
    late.case_code,
    late.procedure_code,
    procedures.procedure_name,
    late.is_settled,
    late.due_date,
    late.ended_date,
    until_days.working_day_number - due_days.working_day_number as days_late,
    reviews.reason as review_reason,
    cast(reviews.actually_returned_at as date) as actually_returned_date,
    coalesce(reviews.is_apology_sent, false) as is_apology_sent,
    case
        when not late.is_settled and cast(late.last_due_at as date) > %(last)s
            then cast(late.last_due_at as date)
    end as new_due_date
from late
left join core.fct_late_reviews as reviews
    on
        late.case_code = reviews.case_code
        and reviews.valid_from <= %(known)s
        and (reviews.valid_to is null or reviews.valid_to > %(known)s)
left join procedures on late.procedure_code = procedures.procedure_code
left join reference.unit_aliases as aliases
    on late.unit_code = aliases.alias and aliases.reference_sha256 = %(pack)s
left join core.dim_dates as due_days on late.due_date = due_days.day
left join core.dim_dates as until_days
    on case when late.is_settled then late.ended_date else %(last)s end = until_days.day
order by late.due_date, late.case_code
"""

_PRESSES = """
    select
        coalesce(aliases.unit_code, ratings.unit_code) as unit_code,
        ratings.pressed_at,
        ratings.kiosk,
        ratings.counter,
        ratings.ticket,
        ratings.button
    from core.fct_ratings as ratings
    left join reference.unit_aliases as aliases
        on ratings.unit_code = aliases.alias and aliases.reference_sha256 = %(pack)s
    where
        ratings.pressed_at >= %(first)s
        and ratings.pressed_at < cast(%(last)s as date) + 1
        and ratings.known_on <= %(known)s
    order by ratings.pressed_at, ratings.kiosk, ratings.counter, ratings.ticket, ratings.button
"""

_UNITS = """
    select
        unit_code,
        unit_name,
        display_order,
        valid_from <= %(last)s and coalesce(valid_to, 'infinity') >= %(first)s as is_current
    from core.dim_units
    order by display_order
"""


@dataclass(frozen=True)
class Month:
    """A calendar month; first and last are its days."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def label(self) -> str:
        """The month as documents name it."""
        return f"tháng {self.first.month} năm {self.first.year}"


@dataclass(frozen=True)
class LateCase:
    """A case settled late in the month, or overdue at its end.

    due_date: the one that stood at the end of the month. ended_date: also of a case that was
    settled after the month. days_late: working days until it was settled, or until the end of the
    month. new_due_date: a date after the month that an open case was promised for.
    """

    unit_code: str
    case_code: str
    procedure_code: str
    procedure_name: str | None
    is_settled: bool
    due_date: date
    ended_date: date | None
    days_late: int | None
    review_reason: int | None
    actually_returned_date: date | None
    is_apology_sent: bool
    new_due_date: date | None

    @property
    def is_excused(self) -> bool:
        """Whether the review says that it was handed over in time and only recorded late."""
        returned = self.actually_returned_date
        return (
            self.review_reason == HANDED_OVER_IN_TIME
            and returned is not None
            and returned <= self.due_date
        )

    @property
    def lacks_review(self) -> bool:
        """Whether nobody has said why it is late."""
        return self.review_reason is None

    @property
    def lacks_apology(self) -> bool:
        """Whether the apology that the law asks for is not recorded."""
        return not self.is_apology_sent and not self.is_excused

    @property
    def lacks_new_date(self) -> bool:
        """Whether it still waits for its end without a new due date, which the law asks for."""
        return self.ended_date is None and self.new_due_date is None and not self.is_excused


@dataclass(frozen=True)
class Press:
    """One press of a button of dissatisfaction; nothing tells who pressed or served."""

    pressed_at: datetime
    kiosk: str
    counter: str
    ticket: str
    button: int


@dataclass
class Unit:
    """What a unit is told. presses: how often each button was pressed in the month."""

    unit_code: str
    unit_name: str
    display_order: int
    late: list[LateCase] = field(default_factory=list)
    bad: list[Press] = field(default_factory=list)
    presses: dict[int, int] = field(default_factory=dict)

    def pressed(self, button: int) -> int:
        """Presses of one button."""
        return self.presses.get(button, 0)


@dataclass(frozen=True)
class Facts:
    """The notices of a month: of every unit of the month, and of former ones with something left.

    known_as_of: the day up to which business dates count. codes: every unit of the reference pack,
    whatever its time. absent: expected days without a file.
    """

    month: Month
    known_as_of: date
    legal_basis: str
    units: list[Unit]
    codes: frozenset[str]
    absent: list[Missing]


def month(text: str) -> Month:
    """The month that is written as 2019-06. Raises Failed for anything else."""
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise Failed(f"{text} is no month. Write it as 2019-06 and start again.") from None
    return Month(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))


def read(asked: Month, known_as_of: date | None = None) -> Facts:
    """What the notices of a month tell, as known on a day (four days after its end).

    When the data do not reach that day yet, they count as far as they go. Waits for a build that is
    at work. Raises Refused when they do not reach the end of the month or nothing is built, and
    when the reference pack has no rule set for the month; Failed when the day lies in the month.
    """
    known = known_as_of or asked.last + KNOWN_AFTER
    if known < asked.last:
        raise Failed(
            f"The notices of {asked} cannot be as known on {known}: the month ends on {asked.last}."
            " Name a later day, or none."
        )
    with database.only_one("build"), database.connect(database.PUBLISHER) as connection:
        connection.read_only = True
        return _read(connection, asked, known)


def _read(connection: Connection, asked: Month, known: date) -> Facts:
    newest, reached = _reached(connection)
    if reached < asked.last:
        raise Refused(
            f"The data end on {newest} and do not hold the whole of {asked}. Load the exports up to"
            f" {asked.last} and build; then start again."
        )
    [(pack,)] = connection.execute(_PACK).fetchall()
    with connection.cursor(row_factory=dict_row) as cursor:
        rules = cursor.execute(_RULES, [pack, asked.last, asked.last]).fetchone()
        if rules is None:
            raise Refused(
                f"No rule set of the reference pack is valid on {asked.last}. Mend rule_sets.csv"
                " (valid_from, valid_to), run `motcua ingest` and `motcua build`."
            )
        known = known if known <= reached else newest
        values = {
            **rules,
            "pack": pack,
            "first": asked.first,
            "last": asked.last,
            "known": known,
        }
        found: dict[str, list[dict[str, Any]]] = {
            name: cursor.execute(query, values).fetchall()
            for name, query in (("units", _UNITS), ("late", _LATE_CASES), ("presses", _PRESSES))
        }
    absent = missing.of_days(connection, pack, asked.first, known, FEEDS)
    return Facts(
        month=asked,
        known_as_of=known,
        legal_basis=rules["legal_basis"],
        units=_units(found),
        codes=frozenset(row["unit_code"] for row in found["units"]),
        absent=[day for day in absent if day.feed != "ratings" or day.day <= asked.last],
    )


def _reached(connection: Connection) -> tuple[date, date]:
    """The newest business date, and the last day before the next working day."""
    row = connection.execute("select to_regclass('core.files_applied')").fetchone()
    found = connection.execute(_REACHED).fetchone() if row and row[0] else None
    if found is None:
        raise Refused("Nothing is built yet. Run `motcua ingest` and `motcua build` first.")
    newest, reached = found
    return newest, reached


def _units(found: Mapping[str, list[dict[str, Any]]]) -> list[Unit]:
    """The units with what is theirs; one that no pack knows any more loses nothing."""
    known = {row["unit_code"]: row for row in found["units"]}
    units: dict[str, Unit] = {}

    def unit(code: str) -> Unit:
        row = known.get(code, {"unit_name": code, "display_order": len(known) + 1})
        return units.setdefault(code, Unit(code, row["unit_name"], row["display_order"]))

    for code, row in known.items():
        if row["is_current"]:
            unit(code)
    for row in found["late"]:
        unit(row["unit_code"]).late.append(LateCase(**row))
    for row in found["presses"]:
        pressing = unit(row.pop("unit_code"))
        button = row["button"]
        pressing.presses[button] = pressing.pressed(button) + 1
        if button in (COMPETENCE, TIME):
            pressing.bad.append(Press(**row))
    return sorted(units.values(), key=lambda each: (each.display_order, each.unit_code))
