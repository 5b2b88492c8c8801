"""Evaluates the declared relations on the figures of a publication."""

import ast
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import combinations
from typing import Any

from psycopg.rows import dict_row

from motcua.errors import Failed
from motcua.publication import neighbours
from motcua.publication.figures import NAMES, Figures, Row, shown
from motcua.publication.periods import Period
from motcua.publication.relations import (
    INDICATOR_RELATIONS,
    OUTSIDE_RELATIONS,
    PERIOD_RELATIONS,
    RELATIONS,
    Relation,
    alike,
)
from motcua.warehouse.database import Connection

Value = Decimal | date | str | None

BANDS = (
    ("band_excellent_from", "xuất sắc"),
    ("band_good_from", "tốt"),
    ("band_fair_from", "khá"),
    ("band_average_from", "trung bình"),
)
LOWEST_BAND = "yếu"
INDICATORS = range(1, 10)
CONDITIONS = ("early", "on_time", "late")

_ARITHMETIC: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True)
class Rules:
    """What the relations need of a rule set.

    settings: its row in rule_sets.csv. forms: indicators by form. points: of an indicator, by
    condition.
    """

    settings: dict[str, str]
    forms: dict[int, list[int]]
    points: dict[int, dict[str, Decimal]]


@dataclass(frozen=True)
class Check:
    """The outcome of one relation, for one unit or (unit empty) for all of them.

    remark: what was compared, where the relation alone does not say it.
    """

    relation: Relation
    expected: str
    found: str
    passed: bool
    unit_code: str | None = None
    unit_name: str | None = None
    display_order: int | None = None
    remark: str = ""

    @property
    def explanation(self) -> str:
        """The relation in words, with the remark."""
        return f"{self.relation.explanation} {self.remark}".strip()

    def __str__(self) -> str:
        where = f" of {self.unit_name}" if self.unit_name else ""
        return (
            f"{self.relation.check_id} ({self.relation.table}: {self.relation.text}){where}:"
            f" found {self.found}, expected {self.expected}. {self.explanation}"
        )


def rules_of(connection: Connection, period: Period) -> Rules:
    """The rule set of a period, from the reference pack that its figures were computed with.

    Raises Failed when the pack does not hold it.
    """
    where = "where reference_sha256 = %s and rule_set = %s"
    values = [period.reference_sha256, period.rule_set]
    with connection.cursor(row_factory=dict_row) as cursor:
        settings = cursor.execute(f"select * from reference.rule_sets {where}", values).fetchone()
        scoring = cursor.execute(
            "select cast(indicator as integer) as indicator, cast(form as integer) as form,"
            " condition, max(cast(points as numeric)) as points"
            f" from reference.scoring_rules {where} group by indicator, form, condition",
            values,
        ).fetchall()
    if settings is None or not scoring:
        raise Failed(
            f"The stored reference pack {period.reference_sha256[:12]} has no rule set"
            f" {period.rule_set}. Check the pack with `motcua check-reference`, then run"
            " `motcua build`."
        )
    forms: dict[int, list[int]] = {}
    points: dict[int, dict[str, Decimal]] = {}
    for form, indicator in sorted({(row["form"], row["indicator"]) for row in scoring}):
        forms.setdefault(form, []).append(indicator)
    for row in scoring:
        points.setdefault(row["indicator"], {})[row["condition"]] = row["points"]
    return Rules(settings, forms, points)


def of_candidate(connection: Connection, period: Period, candidate: Figures) -> list[Check]:
    """Evaluate the relations on the candidate of a period, other periods included."""
    rules = rules_of(connection, period)
    units = [row["unit_code"] for row in candidate["appendix_1"]]
    beside = neighbours.read(connection, period, units, rules.settings["returned_bucket"])
    return run(candidate, period, rules, beside)


def run(
    figures: Figures, period: Period, rules: Rules, beside: Figures | None = None
) -> list[Check]:
    """Evaluate every relation that the rule set calls for.

    A relation gives one check for all units and one for each unit where it does not hold. Without
    the tables of other periods (`beside`, see motcua.publication.neighbours) nothing is said of
    them.
    """
    tables = _with_derived(figures, period) | (beside or {})
    publication = Publication.of(tables, rules)
    return [
        check
        for relation in (*RELATIONS, *INDICATOR_RELATIONS, *OUTSIDE_RELATIONS, *PERIOD_RELATIONS)
        if relation.only_for is None or rules.settings[relation.only_for[0]] == relation.only_for[1]
        if relation.beside is None or tables.get(relation.beside)
        for check in _evaluate(relation, publication)
    ]


def store(
    connection: Connection, publication_id: str, period_code: str, revision: int, done: list[Check]
) -> None:
    """Append the outcomes to published.checks."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.checks (publication_id, period_code, revision, unit_code,"
            " unit_name, display_order, check_id, level, relation, expected, found, passed,"
            " explanation) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(publication_id, period_code, revision),
                    *(check.unit_code, check.unit_name, check.display_order),
                    *(check.relation.check_id, check.relation.level),
                    f"{check.relation.table}: {check.relation.text}",
                    *(check.expected, check.found, check.passed, check.explanation),
                )
                for check in done
            ],
        )


def _with_derived(figures: Figures, period: Period) -> Figures:
    """The figure tables and those that relations need beside them."""
    evidence: dict[str, Row] = {}
    for row in figures["indicator_evidence"]:
        unit = evidence.setdefault(row["unit_code"], {"unit_code": row["unit_code"]})
        unit[f"indicator_{row['indicator']}"] = row["unrounded_value"]
    late = {
        row["unit_code"]: {"unit_code": row["unit_code"], "settled": 0, "overdue": 0}
        for row in figures["appendix_1"]
    }
    for row in figures["late_cases"]:
        counts = late.setdefault(
            row["unit_code"], {"unit_code": row["unit_code"], "settled": 0, "overdue": 0}
        )
        counts["overdue" if row["finished_date"] is None else "settled"] += 1
    return {
        **figures,
        "evidence": list(evidence.values()),
        "late_counts": list(late.values()),
        "windows": [vars(period)],
        "totals": [_totals(figures["appendix_1"])],
        **_indicators(figures["scorecard"]),
    }


def _totals(rows: list[Row]) -> Row:
    """The counts of a table, added up."""
    counts = [name for name, value in (rows[:1] or [{}])[0].items() if isinstance(value, int)]
    return {name: sum(row[name] for row in rows) for name in counts if name not in NAMES}


def _indicators(cards: list[Row]) -> Figures:
    """How many units have the same value: of one indicator, and of two. One unit tells nothing."""
    columns = {n: [card[f"indicator_{n}"] for card in cards] for n in INDICATORS}
    single, pairs = [], []
    for number, values in columns.items():
        known = [value for value in values if value is not None]
        if len(known) > 1:
            most = max(known.count(value) for value in known)
            name = f"Chỉ số {number}: {shown(known[0])}." if most == len(known) else ""
            single.append({"row": name, "equal_units": most, "units": len(known)})
    telling = alike(columns)
    for first, second in combinations(INDICATORS, 2):
        both = list(zip(columns[first], columns[second], strict=True))
        known = [pair for pair in both if pair != (None, None)]
        equal = sum(one == other for one, other in known)
        if equal < len(known) or (first, second) in telling:
            name = f"Chỉ số {second} và chỉ số {first}."
            pairs.append({"row": name, "equal_units": equal, "units": len(known)})
    return {"indicators": single, "indicator_pairs": pairs}


@dataclass(frozen=True)
class Publication:
    """All that a relation may name: tables, each unit's row in them, the totals of the scorecard.

    totals: the distinct ones, highest first.
    """

    tables: Figures
    units: dict[str, dict[str | None, Row]]
    totals: list[Decimal]
    rules: Rules

    @classmethod
    def of(cls, tables: Figures, rules: Rules) -> "Publication":
        units = {name: {row.get("unit_code"): row for row in rows} for name, rows in tables.items()}
        totals = {row["total"] for row in tables["scorecard"]} - {None}
        return cls(tables, units, sorted(totals, reverse=True), rules)


def _evaluate(relation: Relation, publication: Publication) -> Iterable[Check]:
    rows = publication.tables[relation.table]
    remark = _compared(publication.tables[relation.beside][0]) if relation.beside else ""
    failed = []
    for row in rows:
        holds, found, expected = compare(relation.text, Scope(row, publication))
        if not holds:
            unit = (row.get("unit_code"), row.get("unit_name"), row.get("display_order"))
            least = "< " if _parsed(relation.text)[1] == "<" else ""
            wanted = f"{least}{shown(expected)}"
            failed.append(
                Check(relation, wanted, shown(found), False, *unit, row.get("row", remark))
            )
    if failed and all(check.unit_code is None for check in failed):
        return failed
    held = f"{len(rows) - len(failed)} of {len(rows)}"
    return [
        Check(relation, f"{len(rows)} of {len(rows)}", held, not failed, remark=remark),
        *failed,
    ]


def _compared(row: Row) -> str:
    return f"So với: {row['of']}."


@dataclass(frozen=True)
class Scope:
    """What the names of a relation mean for one row, beside the other figures of a publication."""

    row: Row
    publication: Publication

    @property
    def rules(self) -> Rules:
        """What the rule set says."""
        return self.publication.rules

    def column(self, name: str) -> Value:
        """A figure of the row."""
        return _exact(self.row.get(name))

    def elsewhere(self, table: str, name: str) -> Value:
        """A figure of the same unit in another table."""
        return _exact(self.publication.units[table].get(self.row.get("unit_code"), {}).get(name))

    def call(self, name: str, values: list[Value]) -> Value:
        """A function of the relations' language."""
        first = values[0]
        if name == "form":
            return _sum(self.column(f"indicator_{n}") for n in self._form(first))
        if name == "unrounded":
            return _sum(self.elsewhere("evidence", f"indicator_{n}") for n in self._form(first))
        if name == "most":
            most = (max(self.rules.points[n].values()) for n in self._form(first))
            return sum(most, Decimal())
        if not isinstance(first, Decimal):
            return None
        if name in CONDITIONS:
            return self.rules.points[int(first)].get(name, Decimal())
        if name == "band":
            return self._band(first)
        if name == "dense_rank":
            return self._rank(first)
        if name == "rounded":
            return half_up(first, int(self.rules.settings["rounding_digits"]))
        if name == "round" and isinstance(values[1], Decimal):
            return half_up(first, int(values[1]))
        raise ValueError(f"relations have no function {name}")

    def _form(self, number: Value) -> list[int]:
        assert isinstance(number, Decimal)
        return self.rules.forms.get(int(number), [])

    def _band(self, total: Decimal) -> str:
        for setting, name in BANDS:
            if total >= Decimal(self.rules.settings[setting]):
                return name
        return LOWEST_BAND

    def _rank(self, total: Decimal) -> Decimal:
        """Rank among the totals of the scorecard: dense, highest first."""
        return Decimal(1 + self.publication.totals.index(total))


def compare(text: str, scope: Scope) -> tuple[bool, Value, Value]:
    """Whether a relation holds for a row, with both its sides."""
    left, sign, right = _parsed(text)
    found, expected = _value(left, scope), _value(right, scope)
    if sign == "=":
        return found == expected, found, expected
    if isinstance(found, Decimal) and isinstance(expected, Decimal):
        return found < expected if sign == "<" else found <= expected, found, expected
    return True, found, expected


@cache
def names_in(text: str) -> frozenset[str]:
    """The columns of its own table that a relation names."""
    left, _, right = _parsed(text)
    nodes = [node for side in (left, right) for node in ast.walk(side)]
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    tables = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    return frozenset(
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and id(node) not in functions | tables
    )


@cache
def _parsed(text: str) -> tuple[ast.expr, str, ast.expr]:
    sign = next(sign for sign in ("<=", "<", "=") if f" {sign} " in text)
    left, right = text.split(f" {sign} ")
    return ast.parse(left, mode="eval").body, sign, ast.parse(right, mode="eval").body


def _value(node: ast.expr, scope: Scope) -> Value:
    match node:
        case ast.Constant(value=int(number)):
            return Decimal(number)
        case ast.Name(id=name):
            return scope.column(name)
        case ast.Attribute(value=ast.Name(id=table), attr=name):
            return scope.elsewhere(table, name)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return scope.call(name, [_value(argument, scope) for argument in arguments])
        case ast.BinOp(left=left, op=sign, right=right):
            return _calculate(sign, _value(left, scope), _value(right, scope))
    raise ValueError(f"relations have no {ast.unparse(node)}")


def _calculate(sign: ast.operator, left: Value, right: Value) -> Value:
    if not isinstance(left, Decimal) or not isinstance(right, Decimal):
        return None
    if isinstance(sign, ast.Div) and right == 0:
        return None
    return _ARITHMETIC[type(sign)](left, right)


def _sum(values: Iterable[Value]) -> Value:
    total = Decimal()
    for value in values:
        if not isinstance(value, Decimal):
            return None
        total += value
    return total


def half_up(number: Decimal, digits: int) -> Decimal:
    """Round to so many decimals, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _exact(value: Any) -> Value:
    if isinstance(value, int):
        return Decimal(value)
    if value is None or isinstance(value, Decimal | date | str):
        return value
    raise TypeError(f"a figure is neither a number nor a date nor a text: {value!r}")
