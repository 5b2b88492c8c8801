"""Figures beside the statutory ones: rates, timeliness adjusted for the cases, counts by field.

They are computed of a release's figures and of the cases behind them, in exact arithmetic, so that
they come out again to the last digit. They are no statutory figures and make no revision.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from motcua.publication import disclosure
from motcua.publication.definitions import RATES, Rate
from motcua.publication.disclosure import Before
from motcua.publication.figures import Difference, Figures, Row
from motcua.warehouse.database import Connection

KEYS: dict[str, tuple[str, ...]] = {
    "rates": ("unit_code", "rate"),
    "adjusted_timeliness": ("unit_code",),
    "cases_by_field": ("unit_code", "field_code"),
}
"""The tables of companions, with the columns that name a row among those of one release."""

SMALL_DENOMINATOR = 30
"""Denominators below this are flagged."""

Z = Decimal("1.959963984540054")
"""Quantile 0.975 of the standard normal distribution: a two-sided interval of 95 %."""

BOUND_DIGITS, PERCENT_DIGITS, MEAN_DIGITS = 10, 16, 2
"""Decimals of bounds, of percentages, and of mean points."""

_EXACT = Context(prec=60)
_UNIT = ("unit_code", "unit_name", "display_order")


@dataclass(frozen=True)
class Settled:
    """Settled cases of a unit that share field, promised time, points and whether they are late."""

    unit_code: str
    field_code: str
    promised_time: str | None
    points_1: Decimal | None
    is_late: bool
    number_of_cases: int


def append(
    connection: Connection, publication_id: str, revision: int, period_code: str, figures: Figures
) -> None:
    """Compute the companions of a release and append them, in the open transaction."""
    settled = _settled(
        connection,
        sql.SQL("evidence.case_counts where publication_id = {}").format(publication_id),
        sql.SQL("sum(number_of_cases)"),
    )
    fields = _fields(
        connection, sql.SQL("evidence.fields where publication_id = {}").format(publication_id)
    )
    made = compute(figures, settled, fields, _before(connection, publication_id))
    with connection.cursor() as cursor:
        for table, rows in made.items():
            if not rows:
                continue
            cursor.executemany(
                sql.SQL(
                    "insert into published.{} (publication_id, period_code, revision, {})"
                    " values (%s, %s, %s, {})"
                ).format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, rows[0])),
                    sql.SQL(", ").join([sql.Placeholder()] * len(rows[0])),
                ),
                [(publication_id, period_code, revision, *row.values()) for row in rows],
            )


def are_there(connection: Connection, publication_id: str) -> bool:
    """Whether the release has companions; releases of before them have none."""
    found = connection.execute(
        "select 1 from published.rates where publication_id = %s limit 1", [publication_id]
    ).fetchone()
    return found is not None


def differences(
    connection: Connection, publication_id: str, period_code: str, figures: Figures, prefix: str
) -> list[Difference]:
    """Every cell in which the release's companions and those of a recomputation differ."""
    schema = sql.Identifier(f"{prefix}intermediate")
    settled = _settled(
        connection,
        sql.SQL("{}.int_period_cases where period_code = {}").format(schema, period_code),
        sql.SQL("count(*)"),
    )
    fields = _fields(
        connection,
        sql.SQL("{}.int_period_fields where period_code = {}").format(schema, period_code),
    )
    again = compute(figures, settled, fields, _before(connection, publication_id))
    found = []
    for table, key in KEYS.items():
        with connection.cursor(row_factory=dict_row) as cursor:
            stored = cursor.execute(
                sql.SQL("select * from published.{} where publication_id = %s").format(
                    sql.Identifier(table)
                ),
                [publication_id],
            ).fetchall()
        then = {tuple(row[name] for name in key): row for row in stored}
        now = {tuple(row[name] for name in key): row for row in again[table]}
        for place in sorted(then.keys() | now.keys(), key=str):
            was, new = then.get(place, {}), now.get(place, {})
            found += [
                Difference(table, place, str(place[0]), column, was.get(column), new.get(column))
                for column in new or was
                if was.get(column) != new.get(column)
            ]
    return found


def compute(
    figures: Figures,
    settled: list[Settled],
    fields: dict[tuple[str, str], str | None],
    before: dict[tuple[str, str], Before],
) -> Figures:
    """The companions of a release.

    fields: names of the fields that each unit has, by unit and field. before: what earlier releases
    kept back of the counts by field.
    """
    units = sorted(
        ({name: row[name] for name in _UNIT} for row in figures["appendix_1"]),
        key=lambda unit: unit["display_order"],
    )
    return {
        "rates": _rates(units, figures),
        "adjusted_timeliness": _adjusted_timeliness(units, settled),
        "cases_by_field": _cases_by_field(units, settled, fields, before),
    }


def wilson(numerator: Decimal, denominator: Decimal) -> tuple[Decimal, Decimal] | None:
    """Bounds of the Wilson score interval, 95 %, in percent to ten decimals.

    None where it is not defined: nothing to count from, or more counted than there is. Decimal
    arithmetic of 60 digits, correctly rounded: the same digits on every machine. Source: Wilson,
    Journal of the American Statistical Association 22 (1927).
    """
    if not 0 <= numerator <= denominator or not denominator:
        return None
    square = _EXACT.multiply(Z, Z)
    others = denominator - numerator
    root = _EXACT.sqrt(_EXACT.add(square, _EXACT.divide(4 * numerator * others, denominator)))
    middle = _EXACT.add(2 * numerator, square)
    width = _EXACT.multiply(Z, root)
    below = _EXACT.multiply(2, _EXACT.add(denominator, square))
    lower, upper = (
        _rounded(_EXACT.divide(_EXACT.multiply(100, end), below), BOUND_DIGITS)
        for end in (_EXACT.subtract(middle, width), _EXACT.add(middle, width))
    )
    return lower, upper


def _rates(units: list[Row], figures: Figures) -> list[Row]:
    """One row for each unit and rate, and one for each rate of the whole Centre."""
    values: dict[tuple[str, str, str], Decimal | None] = {}
    for table in ("appendix_1", "appendix_2", "appendix_4"):
        for row in figures[table]:
            values |= {(row["unit_code"], table, column): value for column, value in row.items()}
    for row in figures["indicator_evidence"]:
        for column in ("numerator", "denominator"):
            name = f"{row['indicator']}.{column}"
            values[row["unit_code"], "indicator_evidence", name] = row[column]
    centre: Row = dict.fromkeys(_UNIT)
    codes = [unit["unit_code"] for unit in units]
    return [
        unit | {"rate": name} | _rate(values, rate, of)
        for unit, of in [*((unit, [unit["unit_code"]]) for unit in units), (centre, codes)]
        for name, rate in RATES.items()
    ]


def _rate(values: dict[tuple[str, str, str], Decimal | None], rate: Rate, codes: list[str]) -> Row:
    def total(parts: tuple[tuple[str, str], ...]) -> Decimal | None:
        found = (values.get((code, table, column)) for code in codes for table, column in parts)
        known = [Decimal(one) for one in found if one is not None]
        return sum(known, Decimal()) if known else None

    numerator, denominator = total(rate.numerator), total(rate.denominator)
    percent = bounds = None
    if numerator is not None and denominator:
        percent = _rounded(_EXACT.divide(100 * numerator, denominator), PERCENT_DIGITS)
        bounds = wilson(numerator, denominator) if rate.is_proportion else None
    lower, upper = bounds or (None, None)
    return {
        "numerator": numerator,
        "denominator": denominator,
        "percent": percent,
        "lower": lower,
        "upper": upper,
        "small_denominator": (denominator or 0) < SMALL_DENOMINATOR,
    }


def _adjusted_timeliness(units: list[Row], settled: list[Settled]) -> list[Row]:
    """Indicator 1 of each unit beside what the same groups of procedures reach in all units."""
    scored = [one for one in settled if one.points_1 is not None]
    group_of = _grouping(scored)
    groups: dict[Any, _Mean] = defaultdict(_Mean)
    in_group: dict[Any, set[str]] = defaultdict(set)
    for one in scored:
        groups[group_of(one)].add(one.points_1, one.number_of_cases)
        in_group[group_of(one)].add(one.unit_code)
    every, own, comparable, expected = _Mean(), _means(), _means(), _means()
    for one in scored:
        own[one.unit_code].add(one.points_1, one.number_of_cases)
        group = group_of(one)
        if len(in_group[group]) > 1:
            every.add(one.points_1, one.number_of_cases)
            comparable[one.unit_code].add(one.points_1, one.number_of_cases)
            expected[one.unit_code].add(groups[group].mean, one.number_of_cases)
    found = []
    for unit in units:
        code = unit["unit_code"]
        reached, usual = comparable[code].mean, expected[code].mean
        difference = reached - usual if reached is not None and usual is not None else None
        adjusted = (
            every.mean + difference if every.mean is not None and difference is not None else None
        )
        found.append(
            unit
            | {
                "cases": own[code].number,
                "observed": _points(own[code].mean),
                "comparable_cases": comparable[code].number,
                "comparable_observed": _points(reached),
                "expected": _points(usual),
                "difference": _points(difference),
                "adjusted": _points(adjusted),
                "small_denominator": comparable[code].number < SMALL_DENOMINATOR,
            }
        )
    return found


class _Mean:
    """A weighted mean, exact."""

    def __init__(self) -> None:
        self.total, self.number = Fraction(), 0

    def add(self, value: Decimal | Fraction | None, number: int) -> None:
        assert value is not None
        self.total += Fraction(value) * number
        self.number += number

    @property
    def mean(self) -> Fraction | None:
        return self.total / self.number if self.number else None


def _means() -> defaultdict[str, _Mean]:
    return defaultdict(_Mean)


def _grouping(scored: list[Settled]) -> Callable[[Settled], tuple[str, str | None]]:
    """The procedure group of a case: its field if two units settle it, else its promised time."""
    units_of: dict[str, set[str]] = defaultdict(set)
    for one in scored:
        if one.field_code:
            units_of[one.field_code].add(one.unit_code)
    shared = {field for field, units in units_of.items() if len(units) > 1}

    def group_of(one: Settled) -> tuple[str, str | None]:
        if one.field_code in shared:
            return "field", one.field_code
        return "promised_time", one.promised_time

    return group_of


def _cases_by_field(
    units: list[Row],
    settled: list[Settled],
    fields: dict[tuple[str, str], str | None],
    before: dict[tuple[str, str], Before],
) -> list[Row]:
    counts: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for of, field in fields:
        counts[of][field] = [0, 0]
    for one in settled:
        counted = counts[one.unit_code].setdefault(one.field_code, [0, 0])
        counted[one.is_late] += one.number_of_cases
    names: dict[str, str] = {}
    for (_, field), name in fields.items():
        if name is not None:
            names[field] = min(name, names.get(field, name))
    rows = []
    for unit in units:
        code = unit["unit_code"]
        shown = disclosure.protect(
            {field: disclosure.Counts(*both) for field, both in counts[code].items()},
            {field: one for (unit_code, field), one in before.items() if unit_code == code},
        )
        rows += [
            unit
            | {
                "field_code": field,
                "field_name": fields.get((code, field)) or names.get(field),
                "settled": row.settled,
                "settled_in_time": row.in_time,
                "settled_late": row.late,
                "suppressed": row.suppressed,
            }
            for field, row in sorted(shown.items())
        ]
    return rows


def _settled(
    connection: Connection, source: sql.Composable, number: sql.Composable
) -> list[Settled]:
    """Settled cases summed up by all that companions depend on, from counts or from cases."""
    found = connection.execute(
        sql.SQL(
            "select unit_code, coalesce(field_code, ''), promised_time, points_1,"
            " outcome = 'settled_late', {} from {} and is_settled group by 1, 2, 3, 4, 5"
        ).format(number, source)
    ).fetchall()
    return [
        Settled(unit, field, promised, points, is_late, int(cases))
        for unit, field, promised, points, is_late, cases in found
    ]


def _fields(connection: Connection, source: sql.Composable) -> dict[tuple[str, str], str | None]:
    found = connection.execute(
        sql.SQL("select unit_code, field_code, field_name from {}").format(source)
    ).fetchall()
    return {(unit, field): name for unit, field, name in found}


def _before(connection: Connection, publication_id: str) -> dict[tuple[str, str], Before]:
    """What was kept back, by unit and field, in earlier releases that this one can be compared to.

    Those are the releases whose windows overlap its own, and those that overlap these in turn:
    revisions, quarters and their half-year, also when withdrawn.
    """
    releases = connection.execute(
        "select publication_id, cases_from, cases_to from published.publications"
        " where published_at <="
        " (select published_at from published.publications where publication_id = %s)",
        [publication_id],
    ).fetchall()
    windows = {name: (first, last) for name, first, last in releases}
    near = _overlapping(publication_id, windows) - {publication_id}
    found = connection.execute(
        "select unit_code, field_code, bool_or(settled is null),"
        " bool_or(settled_in_time is null and settled_late is null)"
        " from published.cases_by_field where publication_id = any(%s) and suppressed"
        " group by unit_code, field_code",
        [sorted(near)],
    ).fetchall()
    return {(unit, field): Before(settled, split) for unit, field, settled, split in found}


def _overlapping(start: str, windows: dict[str, tuple[date, date]]) -> set[str]:
    """The releases that can be reached from one by steps between overlapping windows."""
    reached, waiting = {start}, [start]
    while waiting:
        first, last = windows[waiting.pop()]
        for name, (begins, ends) in windows.items():
            if name not in reached and begins <= last and first <= ends:
                reached.add(name)
                waiting.append(name)
    return reached


def _points(mean: Fraction | None) -> Decimal | None:
    if mean is None:
        return None
    return _rounded(_EXACT.divide(mean.numerator, mean.denominator), MEAN_DIGITS)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _EXACT)
