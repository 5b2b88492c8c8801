"""Holds the tables of a printed report against the declared relations."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from functools import lru_cache
from typing import cast

from motcua.publication import report_vocabulary as vocabulary
from motcua.publication.checks import (
    BANDS,
    LOWEST_BAND,
    Publication,
    Rules,
    Scope,
    Value,
    compare,
    half_up,
    names_in,
)
from motcua.publication.relations import (
    PRINTED_RELATIONS,
    READINGS,
    RELATIONS,
    SHARES,
    Level,
    Relation,
    alike,
    printed,
)
from motcua.publication.report_reading import plain
from motcua.publication.report_tables import Cell, Report, Row, Table

Figures = dict[str, Decimal | None]

MOST = Decimal("0.5")
"""A definition counts as the report's own when over so large a part of the rows satisfies it."""

BANDS_FROM = dict(zip((name for _, name in BANDS), map(Decimal, (15, 12, 9, 6)), strict=True))
"""Bands of Decree 61/2018/NĐ-CP, of 18 points."""

MOST_COMPARISONS = 20_000
"""Pairs of names that are compared letter by letter; a province has some dozens of units."""

ENOUGH_ROWS = 8
"""Rows below which two equal columns are no more than chance."""


@dataclass(frozen=True)
class Finding:
    """A contradiction: where it stands, what is printed there and what the relation expects."""

    relation: Relation
    table: str
    place: str
    column: str
    found: str
    expected: str
    explanation: str = ""
    level: Level | None = None

    @property
    def severity(self) -> Level:
        """The level of the finding; that of its relation unless it is slighter."""
        return self.level or self.relation.level

    @property
    def rule(self) -> str:
        """The relation in Vietnamese, with what this finding adds."""
        return f"{self.relation.explanation} {self.explanation}".strip()


def shown(value: Value, digits: int = 0) -> str:
    """A figure as Vietnamese reports print it, with at least so many decimals."""
    if not isinstance(value, Decimal):
        return "(để trống)" if value is None else str(value)
    text = f"{value:,.{max(digits, -cast(int, value.normalize().as_tuple().exponent), 0)}f}"
    return text.translate(str.maketrans(",.", ".,"))


def row_relations(kind: str, columns: Iterable[str]) -> list[tuple[Relation, list[str]]]:
    """The relations within a row that these columns allow, each with its possible readings."""
    return _row_relations(kind, frozenset(columns))


@lru_cache(maxsize=10_000)
def _row_relations(kind: str, present: frozenset[str]) -> list[tuple[Relation, list[str]]]:
    usable = []
    for relation in (*RELATIONS, *PRINTED_RELATIONS):
        if relation.table != kind or (relation.check_id == "printed_flow" and "total" in present):
            continue
        readings = [
            text
            for text in (_own_text(relation, present), *READINGS.get(relation.check_id, ()))
            if text and _is_plain(text) and names_in(text) <= present
        ]
        if readings:
            usable.append((relation, readings))
    return usable


def fits(kind: str, rows: list[Figures]) -> Iterator[tuple[frozenset[str], Decimal]]:
    """For each equation that applies: its columns, and the part of the rows that it fits."""
    columns = list(rows[0]) if rows else []
    for _, readings in row_relations(kind, columns):
        parts = {
            text: _part_that_fits(text, *_columns_of(text, rows))
            for text in readings
            if " = " in text
        }
        if parts:
            best = max(readings, key=lambda text: parts.get(text, Decimal(-1)))
            yield names_in(best), parts[best]


def audit(report: Report) -> list[Finding]:
    """All contradictions within and between the tables of a report."""
    units = unit_names(report.tables)
    found: list[Finding] = []
    for table in report.tables:
        found += _rows(table)
        found += _formulas(table, found)
        found += _totals(table)
        found += _unknown_totals(table)
        found += _share_row(table)
        found += _ranks_and_bands(table)
        found += _percentages(table)
    found += _names(report.tables, units)
    found += _windows(report.tables)
    found += _across_periods(report.tables, units)
    found += _carried_over(report.tables)
    found += _identical_indicators(report.tables)
    found += _indicator_9(report.tables, units)
    return found


def count_of(report: Report) -> int:
    """How many rows were held against a relation within a row: the extent of an audit."""
    return sum(len(rows) for table in report.tables for _, _, rows in _held(table)[0])


# One row.


def _own_text(relation: Relation, present: AbstractSet[str]) -> str:
    """The relation's text; sums over what a report may have more or less of follow its columns."""
    if relation.check_id == "appendix_2_total":
        answers = [key for key in vocabulary.ANSWERS if key in present]
        return f"total = {' + '.join(answers)}" if len(answers) > 1 else ""
    for form, indicators in vocabulary.FORMS.items():
        if relation.check_id == f"scorecard_form_{form}":
            own = [f"indicator_{n}" for n in indicators if f"indicator_{n}" in present]
            return f"form_{form}_total = {' + '.join(own)}" if len(own) > 1 else ""
    if (
        relation.check_id == "printed_total_without_forms"
        and {*("form_1_total", "form_2_total")} & present
    ):
        return ""
    return relation.text


def _is_plain(text: str) -> bool:
    return "." not in text and not re.search(r"\b(?!printed)\w+\(", text)


@dataclass(frozen=True)
class _Printed(Scope):
    """The scope of a printed row: rounds to the decimals of the figure on the left."""

    digits: int = 0

    def column(self, name: str) -> Value:
        return cast(Value, self.row.get(name))

    def call(self, name: str, values: list[Value]) -> Value:
        if name == "printed":
            return half_up(values[0], self.digits) if isinstance(values[0], Decimal) else None
        return super().call(name, values)


_ALONE = Publication.of({"scorecard": []}, Rules({}, {}, {}))


def _outcome(text: str, figures: Figures, digits: int = 2) -> tuple[bool, Value, Value]:
    """Whether a relation holds for a printed row; a blank among counts is none."""
    names = names_in(text)
    blank = [name for name in names if figures.get(name) is None]
    is_sum = "printed" not in text and "indicator_" not in text and "form_" not in text
    if blank and (not is_sum or len(blank) == len(names)):
        return True, None, None
    row = {name: figures.get(name) or Decimal() for name in names}
    holds, found, expected = compare(text, _Printed(row, _ALONE, digits))
    return holds or expected is None, found, expected


def _columns_of(text: str, rows: list[Figures]) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    names = tuple(sorted(names_in(text)))
    return names, tuple(row.get(name) for row in rows for name in names)


@lru_cache(maxsize=10_000)
def _part_that_fits(text: str, names: tuple[str, ...], values: tuple[Value, ...]) -> Decimal:
    rows = [
        dict(zip(names, values[at : at + len(names)], strict=True))
        for at in range(0, len(values), len(names))
    ]
    told = [row for row in rows if any(value is not None for value in row.values())]
    good = sum(
        _outcome(text, cast(Figures, row), digits)[0]
        for row in told
        for digits in (_digits(row.get(text.split(" ")[0])),)
    )
    return Decimal(good) / len(told) if told else Decimal()


def _digits(value: Value) -> int:
    if not isinstance(value, Decimal):
        return 0
    return max(0, -cast(int, value.as_tuple().exponent))


Held = list[tuple[Relation, str, list[Row]]]


def _held(table: Table) -> tuple[Held, list[Finding]]:
    """The relations that a table is held against, each with its reading and rows.

    Beside them a note for each that most rows contradict: then the report counts by another
    definition, or headings mislead, and no row is held against it.
    """
    rows = table.of_kind("unit", "group", "total")
    units = [row.values() for row in table.of_kind("unit")]
    held: Held = []
    notes: list[Finding] = []
    for relation, readings in row_relations(table.kind, table.headings):
        parts = {text: _part_that_fits(text, *_columns_of(text, units)) for text in readings}
        text = max(readings, key=lambda one: parts[one])
        is_own = text == readings[0] and text == _own_text(relation, set(table.headings))
        if parts[text] > MOST or (is_own and len(units) < 4 and " = " in text):
            held.append(
                (
                    relation,
                    text,
                    [row for row in rows if row.kind != "total" or _is_additive(table, text)],
                )
            )
        elif is_own and parts[text] > 0 and text == relation.text:
            notes.append(
                Finding(
                    relation,
                    *(table.label, "đa số đơn vị", _heading(table, text)),
                    f"đúng ở {parts[text]:.0%} số dòng",
                    "đúng ở mọi dòng",
                    "Báo cáo có thể tính theo định nghĩa khác; cần ghi rõ.",
                    "info",
                )
            )
    return held, notes


def _rows(table: Table) -> Iterator[Finding]:
    relations, notes = _held(table)
    yield from notes
    for relation, text, rows in relations:
        for row in rows:
            cell = row.cells.get(text.split(" ")[0])
            digits = cell.digits if cell else 0
            holds, found, expected = _outcome(text, row.values(), digits)
            if not holds:
                yield Finding(
                    relation,
                    *(table.label, row.name, _heading(table, text)),
                    cell.text if cell and cell.text else shown(found, digits),
                    ("không quá " if "<=" in text else "") + shown(expected, digits),
                    _parts(table, row, text),
                    by_last_digit(found, expected, digits) if "printed(" in text else None,
                )


def _is_additive(table: Table, text: str) -> bool:
    """Whether a relation also holds for totals: not for points, whose totals may be means."""
    return table.kind != "scorecard" and not {"band", "rank"} & names_in(text)


def _heading(table: Table, text: str) -> str:
    name = text.split(" ")[0]
    return table.headings.get(name) or vocabulary.MEANINGS.get(name, name)


def _parts(table: Table, row: Row, text: str) -> str:
    """The figures on the right of a relation, as printed, with their headings."""
    right = re.split(r" <?= ", text)[1]
    named = [name for name in re.findall(r"[a-z]\w+", right) if name in table.headings]
    return "; ".join(
        f"{table.headings[name]}: {row.cells[name].text or '(để trống)'}" for name in named
    ).join(("(", ")"))


def by_last_digit(found: Value, expected: Value, digits: int) -> Level | None:
    """A share that is off by its last digit only is a slip of rounding."""
    if not isinstance(found, Decimal) or not isinstance(expected, Decimal):
        return None
    return "warning" if abs(found - expected) <= Decimal(1).scaleb(-digits) else None


# Columns that the table itself explains: 6=(7+8+9).


def _formulas(table: Table, before: Sequence[Finding]) -> Iterator[Finding]:
    places: dict[str, int] = {}
    for at, text in enumerate(table.numbers):
        number = re.match(r"[\[(]?\s*(\d+)", text)
        if number:
            places.setdefault(number[1], at)
    known = {(one.table, one.place, one.column) for one in before}
    units = table.of_kind("unit")
    for at, text in enumerate(table.numbers):
        written = re.fullmatch(
            r"[^=]*=\s*(\d+(?:\s*[+-]\s*\d+)+)\s*", re.sub(r"[\[\]()]", "", text)
        )
        if not written:
            continue
        terms = re.findall(r"([+-]?)\s*(\d+)", written[1])
        if any(number not in places for _, number in terms):
            continue
        columns = [(sign != "-", places[number]) for sign, number in terms]

        def total(row: Row, columns: list[tuple[bool, int]] = columns) -> Decimal:
            return sum(
                (
                    value if plus else -value
                    for plus, place in columns
                    if (value := _at(row, place)) is not None
                ),
                Decimal(),
            )

        def holds(row: Row, at: int = at, total: Callable[[Row], Decimal] = total) -> bool:
            value = _at(row, at)
            return value is None or value == total(row)

        if not units or Decimal(sum(map(holds, units))) / len(units) <= MOST:
            continue
        heading = table.leaves[at] if at < len(table.leaves) else f"cột {at + 1}"
        column = next(
            (table.headings[key] for key, place in table.positions.items() if place == at), heading
        )
        for row in table.of_kind("unit", "group", "total"):
            if not holds(row) and (table.label, row.name, column) not in known:
                yield Finding(
                    printed("printed_formula"),
                    *(table.label, row.name, column),
                    row.all_cells[at].text,
                    shown(total(row)),
                    f"Bảng in: cột {text}.",
                )


def _at(row: Row, place: int) -> Decimal | None:
    return row.all_cells[place].value if place < len(row.all_cells) else None


# Rows of totals and shares.


def _additive_keys(table: Table) -> list[str]:
    return [
        key
        for key in table.headings
        if not key.endswith("_percent")
        and key not in vocabulary.TEXTS
        and key != "rank"
        and (table.kind != "scorecard" or key in ("received", "settled"))
    ]


def column_total(table: Table, key: str) -> Decimal | None:
    """A column's figure for all units: as printed in the last row of totals, else their sum."""
    return table.totals.get(key)


def _totals(table: Table) -> Iterator[Finding]:
    keys = _additive_keys(table)
    wrong = []
    for key in keys:
        since = Decimal()
        whole = Decimal()
        members = sum(
            (row.cells[key].value or Decimal() for row in table.of_kind("unit")), Decimal()
        )
        group: tuple[Row, Decimal] | None = None
        has_seen = False
        for row in table.rows:
            cell = row.cells.get(key, Cell("", None))
            value = cell.value or Decimal()
            if row.kind in ("group", "total") and group:
                yield from _group(table, key, *group)
                group = None
            if row.kind == "unit":
                has_seen = True
                since, whole = since + value, whole + value
                group = (group[0], group[1] + value) if group else None
            elif row.kind == "group":
                group = row, Decimal()
            elif row.kind == "total":
                expected = {members} if not has_seen else {since, whole}
                if cell.value is not None and cell.value not in expected:
                    wrong.append((key, row, members if not has_seen else whole))
                since = Decimal()
        if group:
            yield from _group(table, key, *group)
    judged = [key for key in keys if table.of_kind("total")]
    is_part = len(wrong) > 3 and len({key for key, _, _ in wrong}) * 2 > len(judged)
    for key, row, expected_sum in wrong:
        yield Finding(
            printed("printed_total_row"),
            *(table.label, row.name, table.headings[key]),
            *(row.cells[key].text, shown(expected_sum)),
            "Quá nửa số cột lệch: bảng có thể chỉ in một phần đơn vị." if is_part else "",
            "warning" if is_part else None,
        )


_NO_COUNT = r"ty le|ti le|%|binh quan|trung binh|diem|chi so|xep|hang|\bnam\b|ghi chu|^(stt|tt)$"


def _unknown_totals(table: Table) -> Iterator[Finding]:
    """Totals of columns with whole numbers whose headings are not known: no more than a warning."""
    if table.kind == "scorecard" or table.of_kind("group") or not table.of_kind("unit"):
        return
    known = set(table.positions.values())
    units = table.of_kind("unit")
    totals = table.of_kind("total")
    for at, heading in enumerate(table.leaves):
        if at in known or not heading or re.search(_NO_COUNT, plain(heading)):
            continue
        cells = [row.all_cells[at] for row in units if at < len(row.all_cells)]
        told = [cell for cell in cells if cell.text.strip()]
        if len(told) < 2 or any(cell.value is None or cell.digits for cell in told):
            continue
        whole = sum((cell.value for cell in told if cell.value is not None), Decimal())
        printed_total = _at(totals[0], at) if len(totals) == 1 else None
        if printed_total is not None and printed_total != whole:
            yield Finding(
                printed("printed_total_row"),
                *(table.label, totals[0].name, heading),
                *(totals[0].all_cells[at].text, shown(whole)),
                level="warning",
            )


def _group(table: Table, key: str, row: Row, total: Decimal) -> Iterator[Finding]:
    cell = row.cells.get(key)
    if cell and cell.value is not None and cell.value != total:
        yield Finding(
            printed("printed_group_row"),
            *(table.label, row.name, table.headings[key]),
            *(cell.text, shown(total)),
        )


def _share_row(table: Table) -> Iterator[Finding]:
    shares = SHARES.get(table.kind, {})
    for row in table.of_kind("share"):
        held = {key: cell for key, cell in row.cells.items() if cell.value is not None}
        for denominators in dict.fromkeys(shares.values()):
            keys = [key for key in held if shares.get(key) == denominators]
            outcomes = {
                below: [(key, share_of(table, [key], below, held[key].digits)) for key in keys]
                for below in denominators
                if column_total(table, below)
            }
            if not outcomes:
                continue
            below, best = max(
                outcomes.items(),
                key=lambda one: sum(held[key].value == share for key, share in one[1]),
            )
            for key, share in best:
                if share is not None and held[key].value != share:
                    yield Finding(
                        printed("printed_share_row"),
                        *(table.label, row.name, table.headings[key]),
                        *(held[key].text, shown(share, held[key].digits)),
                        division(column_total(table, key), column_total(table, below)),
                        by_last_digit(held[key].value, share, held[key].digits),
                    )


def share_of(table: Table, keys: Sequence[str], below: str, digits: int) -> Decimal | None:
    """The share of columns in another for all units, in percent, rounded to so many decimals."""
    parts = [column_total(table, key) for key in keys]
    whole = column_total(table, below)
    if not whole or any(part is None for part in parts):
        return None
    return half_up(100 * sum(cast(list[Decimal], parts), Decimal()) / whole, digits)


def division(part: Decimal | None, whole: Decimal | None) -> str:
    """The two figures of a share."""
    return f"({shown(part)} / {shown(whole)})" if part is not None and whole else ""


# Points.


def _ranks_and_bands(table: Table) -> Iterator[Finding]:
    rows = [row for row in table.of_kind("unit") if "total" in row.cells]
    totals = [total for row in rows if (total := row.cells["total"].value) is not None]
    if table.kind != "scorecard" or not totals:
        return
    in_order = sorted(totals, reverse=True)
    ranked = {
        "dense": {total: Decimal(n) for n, total in enumerate(dict.fromkeys(in_order), 1)},
        "gaps": {total: Decimal(n) for n, total in reversed([*enumerate(in_order, 1)])},
    }

    def misfits(key: str, due: Callable[[Decimal], Value]) -> list[tuple[Row, Value]]:
        return [
            (row, due(total))
            for row in rows
            if key in row.cells
            and (total := row.cells["total"].value) is not None
            and (found := _rank_or_band(row.cells[key], key)) is not None
            and found != due(total)
        ]

    if "rank" in table.headings:
        wrong = min((misfits("rank", rule.__getitem__) for rule in ranked.values()), key=len)
        if len(wrong) <= MOST * len(rows):
            for row, rank in wrong:
                yield Finding(
                    printed("printed_rank"),
                    *(table.label, row.name, table.headings["rank"]),
                    *(row.cells["rank"].text, shown(rank)),
                    f"(tổng điểm {row.cells['total'].text})",
                )
    if "band" in table.headings:
        wrong = misfits("band", _band)
        relation = next(one for one in RELATIONS if one.check_id == "scorecard_band")
        if len(wrong) <= MOST * len(rows):
            for row, band in wrong:
                yield Finding(
                    relation,
                    *(table.label, row.name, table.headings["band"]),
                    *(row.cells["band"].text, str(band)),
                    f"(tổng điểm {row.cells['total'].text})",
                )


def _rank_or_band(cell: Cell, key: str) -> Value:
    if key == "rank":
        return cell.value
    words = plain(cell.text)
    names = [name for name in (*BANDS_FROM, LOWEST_BAND) if plain(name) in words]
    return names[0] if names else None


def _band(total: Decimal) -> str:
    return next((name for name, lowest in BANDS_FROM.items() if total >= lowest), LOWEST_BAND)


# How percentages are written.


def _percentages(table: Table) -> Iterator[Finding]:
    for key in table.headings:
        if not key.endswith("_percent"):
            continue
        rows = [row for row in table.of_kind("unit") if key in row.cells]
        written: dict[int, str] = {}
        for row in rows:
            if row.cells[key].value is not None:
                written.setdefault(row.cells[key].digits, row.cells[key].text)
        if len(written) > 1:
            yield Finding(
                printed("printed_decimals"),
                *(table.label, "các đơn vị", table.headings[key]),
                ", ".join(written[digits] for digits in sorted(written)),
                "cùng một số chữ số thập phân",
            )
        blank = [row.name for row in rows if not row.cells[key].text]
        zero = [row.name for row in rows if row.cells[key].value == 0]
        if blank and zero and key == "completion_percent":
            yield Finding(
                printed("printed_blank"),
                *(table.label, ", ".join(blank), table.headings[key]),
                f"để trống, trong khi {len(zero)} đơn vị in 0",
                "một cách ghi, có chú thích",
            )


# Between tables.

Units = dict[tuple[str, str], str]
"""The unit that a name in a table means: (label of the table, printed name) → name of the unit."""


def unit_names(tables: Sequence[Table]) -> Units:
    """Recognise the same unit in several tables: by its name, else by likeness and place."""
    units: Units = {}
    known: dict[str, tuple[str, str]] = {}
    left = MOST_COMPARISONS
    for table in tables:
        rows = table.of_kind("unit")
        rest = []
        taken = set()
        for row in rows:
            key = _name_key(row.name)
            if key in known and key not in taken:
                units[table.label, row.name] = known[key][0]
                taken.add(key)
            else:
                rest.append(row)
        for row in rest:
            key = _name_key(row.name)
            free = (
                {other: unit for other, unit in known.items() if other not in taken} if left else {}
            )
            left = max(0, left - len(free))
            likely = [
                (ratio, other)
                for other, (_, order) in free.items()
                if (ratio := SequenceMatcher(None, key, other).ratio())
                >= (0.5 if order and order == row.order else 0.85)
            ]
            if likely:
                other = max(likely)[1]
                taken.add(other)
                units[table.label, row.name] = known[other][0]
            else:
                known[key] = (row.name, row.order)
                taken.add(key)
                units[table.label, row.name] = row.name
    return units


def _name_key(name: str) -> str:
    words = re.findall(r"\w+", plain(name).replace("&", " va "))
    return " ".join(word for word in words if word not in ("va", "tinh", "thanh", "pho"))


def _spelling(name: str) -> str:
    return re.sub(r"\s*([-–,&])\s*", r" \1 ", re.sub(r"\s+", " ", name)).strip(" .").casefold()


def _names(tables: Sequence[Table], units: Units) -> Iterator[Finding]:
    forms: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for (label, name), unit in units.items():
        forms.setdefault(unit, {}).setdefault(_spelling(name), []).append((label, name))
    for same in forms.values():
        usual = max(same, key=lambda form: len(same[form]))
        for form, places in same.items():
            if form != usual:
                yield Finding(
                    printed("printed_unit_names"),
                    ", ".join(label for label, _ in places),
                    *(places[0][1], "Tên đơn vị"),
                    places[0][1],
                    f"{same[usual][0][1]} (như ở {', '.join(label for label, _ in same[usual])})",
                )


def _windows(tables: Sequence[Table]) -> Iterator[Finding]:
    cases = [table for table in tables if table.kind == "appendix_1" and table.window]
    if len(cases) != 1:
        return
    first, last = cast(tuple[object, object], cases[0].window)
    for table in tables:
        if table.kind not in ("appendix_2", "appendix_4") or not table.window:
            continue
        begin, end = table.window
        is_rated = table.kind == "appendix_2"
        begins_apart = is_rated and begin is not None and first is not None and begin != first
        if end != last or begins_apart:
            yield Finding(
                printed("printed_windows" if is_rated else "printed_as_of"),
                *(table.label, "tiêu đề", "thời gian"),
                _window(table),
                f"{_window(cases[0])} như {cases[0].label}",
            )


def _window(table: Table) -> str:
    assert table.window is not None
    first, last = table.window
    return (f"từ {first:%d/%m/%Y} " if first else "") + f"đến {last:%d/%m/%Y}"


def _quarters(tables: Sequence[Table]) -> tuple[Table, list[Table]] | None:
    """Appendix I and the score tables of its parts, when the report has one such set."""
    cases = [table for table in tables if table.kind == "appendix_1"]
    scores = [table for table in tables if table.kind == "scorecard"]
    return (cases[0], scores) if len(cases) == 1 and scores else None


def _by_unit(table: Table, units: Units) -> dict[str, Row]:
    return {units[table.label, row.name]: row for row in table.of_kind("unit")}


def _added(scores: list[Table], key: str, units: Units) -> dict[str, Decimal]:
    """A column of the score tables added up by unit, for units that are in all of them."""
    rows = [_by_unit(table, units) for table in scores]
    added = {}
    for unit in rows[0]:
        values = [
            one[unit].cells[key].value for one in rows if unit in one and key in one[unit].cells
        ]
        if len(values) == len(scores) and None not in values:
            added[unit] = sum(cast(list[Decimal], values), Decimal())
    return added


def _across_periods(tables: Sequence[Table], units: Units) -> Iterator[Finding]:
    found = _quarters(tables)
    if found is None:
        return
    cases, scores = found
    whole = _by_unit(cases, units)
    labels = " + ".join(table.label for table in scores)

    def figure(unit: str, key: str) -> Decimal | None:
        return whole[unit].cells[key].value if key in whole[unit].cells else None

    settled = {
        unit: (total, due)
        for unit, total in _added(scores, "settled", units).items()
        if unit in whole and (due := figure(unit, "settled_total")) is not None
    }
    different = {unit: pair for unit, pair in settled.items() if pair[0] != pair[1]}
    if settled and len(different) < MOST * len(settled):  # otherwise they are of other periods
        for unit, (total, due) in different.items():
            yield Finding(
                printed("printed_settled_of_quarters"),
                *(labels, unit, "Đã giải quyết"),
                shown(total),
                f"{shown(due)} như {cases.label} (lệch {_signed(total - due)})",
            )
        sums = [sum(pair[side] for pair in settled.values()) for side in (0, 1)]
        if sums[0] != sums[1] and len(settled) == len(whole):
            yield Finding(
                printed("printed_settled_of_quarters"),
                *(labels, "Tổng cộng", "Đã giải quyết"),
                shown(Decimal(sums[0])),
                f"{shown(Decimal(sums[1]))} như {cases.label}"
                f" (lệch {_signed(Decimal(sums[0] - sums[1]))})",
            )
    yield from _received(cases, scores, whole, units)


def _received(
    cases: Table, scores: list[Table], whole: dict[str, Row], units: Units
) -> Iterator[Finding]:
    labels = " + ".join(table.label for table in scores)
    meant: dict[str, list[str]] = {"new": [], "all": [], "neither": []}
    received = _added(scores, "received", units)
    figures = {}
    for unit, total in received.items():
        if unit not in whole:
            continue
        new = whole[unit].cells.get("newly_received", Cell("", None)).value
        carried = whole[unit].cells.get("carried_over", Cell("", None)).value
        if new is None or carried is None:
            continue
        figures[unit] = total, new, new + carried
        if new == new + carried == total:
            continue
        name = "new" if total == new else "all" if total == new + carried else "neither"
        meant[name].append(unit)
    if len(meant["neither"]) >= MOST * len(figures):  # of other periods
        return
    for unit in meant["neither"]:
        total, new, both = figures[unit]
        yield Finding(
            printed("printed_received_of_quarters"),
            *(labels, unit, "Tiếp nhận trong kỳ"),
            shown(total),
            f"{shown(new)} (mới) hoặc {shown(both)} (cả kỳ trước) như {cases.label}",
        )
    if meant["new"] and meant["all"]:
        yield Finding(
            printed("printed_received_mixed"),
            *(labels, "các đơn vị", "Tiếp nhận trong kỳ"),
            f"bằng số mới tiếp nhận ở {len(meant['new'])} đơn vị ({_few(meant['new'])}),"
            f" bằng cả kỳ trước cộng mới ở {len(meant['all'])} đơn vị ({_few(meant['all'])})",
            "một nghĩa ở mọi đơn vị",
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")


def _signed(number: Decimal) -> str:
    return f"{'+' if number > 0 else '−'}{shown(abs(number))}"


def _carried_over(tables: Sequence[Table]) -> Iterator[Finding]:
    """Two tables of cases with joining windows: what was in progress is carried over."""
    cases = [table for table in tables if table.kind == "appendix_1" and table.window]
    for before in cases:
        for after in cases:
            begin = after.window[0] if after.window else None
            end = before.window[1] if before.window else None
            if before is after or begin is None or end is None or (begin - end).days != 1:
                continue
            left = column_total(before, "in_progress_total")
            carried = column_total(after, "carried_over")
            if left is not None and carried is not None and left != carried:
                yield Finding(
                    printed("printed_carried_over"),
                    *(after.label, "Tổng cộng", after.headings["carried_over"]),
                    shown(carried),
                    f"{shown(left)} đang giải quyết như {before.label}",
                )


def _identical_indicators(tables: Sequence[Table]) -> Iterator[Finding]:
    """Pairs that say the same everywhere, but for 2 and 1.

    The points of a case with one step are those of the case: where nothing but the printed report
    is known, that is no contradiction.
    """
    scores = [table for table in tables if table.kind == "scorecard"]
    rows = [row for table in scores for row in table.of_kind("unit")]
    columns = {}
    for n in range(1, 10):
        key = f"indicator_{n}"
        values = [row.cells[key].value for row in rows if key in row.cells]
        if len(values) == len(rows) >= ENOUGH_ROWS and None not in values:
            columns[n] = values
    for first, second in alike(columns):
        if (first, second) == (1, 2):
            continue
        headings = scores[0].headings
        yield Finding(
            printed("printed_identical_indicators"),
            ", ".join(table.label for table in scores),
            "mọi đơn vị",
            headings[f"indicator_{second}"],
            f"bằng {headings[f'indicator_{first}']} ở cả {len(rows)} dòng",
            "khác nhau ở ít nhất một dòng",
        )


def _indicator_9(tables: Sequence[Table], units: Units) -> Iterator[Finding]:
    """Units with a larger online share and fewer points: the share alone gives no score."""
    found = _quarters(tables)
    if found is None:
        return
    cases, scores = found
    points = _added(scores, "indicator_9", units)
    shares = {}
    for unit, row in _by_unit(cases, units).items():
        online = row.cells.get("received_online", Cell("", None)).value
        total = row.cells.get("total", Cell("", None)).value
        if online is not None and total and unit in points:
            shares[unit] = 100 * online / total
    inverted = _inverted(shares, points)
    if not inverted:
        return
    most = Counter({high: int(1000 * gap) for gap, high, _ in inverted})
    _, high, low = max(inverted)
    yield Finding(
        printed("printed_indicator_9"),
        ", ".join(table.label for table in scores),
        ", ".join(unit for unit, _ in most.most_common(3)),
        scores[0].headings["indicator_9"],
        f"{high}: {shown(half_up(shares[high], 1))} % trực tuyến, {shown(points[high], 1)} điểm;"
        f" {low}: {shown(half_up(shares[low], 1))} %, {shown(points[low], 1)} điểm",
        "tỷ lệ cao hơn không ít điểm hơn",
    )


def _inverted(
    shares: dict[str, Decimal], points: dict[str, Decimal]
) -> list[tuple[Decimal, str, str]]:
    """Units of which another has more points with a smaller share: by how much at most, and whom.

    Walks down the points, so that it keeps one unit in mind: that of the smallest share so far.
    """
    lowest: dict[Decimal, str] = {}
    low: str | None = None
    ranked = sorted(shares, key=lambda unit: (-points[unit], shares[unit]))
    for unit in ranked:
        if low is None or (-shares[unit], unit) > (-shares[low], low):
            low = unit
        lowest[points[unit]] = low
    above = dict(zip(sorted(lowest)[:-1], sorted(lowest)[1:], strict=True))
    return [
        (shares[high] - shares[other], high, other)
        for high in shares
        if points[high] in above and shares[high] > shares[other := lowest[above[points[high]]]]
    ]
