"""The reference pack of a province: check it, and keep every changed one in schema reference.

Source: section 2 of the contract.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.landing.checks import Known
from motcua.landing.feeds import FEEDS
from motcua.warehouse import database

FILES: dict[str, tuple[str, ...]] = {
    "units": (
        *("unit_code", "display_order", "name_vi", "name_en", "valid_from", "valid_to"),
        "successor_code",
    ),
    "unit_aliases": ("alias", "unit_code"),
    "kiosks": ("kiosk", "counter", "unit_code", "valid_from", "valid_to"),
    "reporting_periods": (
        *("period_code", "kind", "label_vi", "label_en", "cases_from", "cases_to"),
        *("ratings_from", "ratings_to", "processes_as_of", "known_as_of", "publish_on", "rule_set"),
    ),
    "rule_sets": (
        *("rule_set", "legal_basis", "valid_from", "valid_to", "timeliness_mode"),
        *("returned_bucket", "due_date", "online_denominator", "rounding_digits", "total_of"),
        *("band_excellent_from", "band_good_from", "band_fair_from", "band_average_from"),
    ),
    "scoring_rules": (
        *("rule_set", "indicator", "form", "points", "condition", "min_share_percent"),
        *("above_share_percent", "min_online_percent", "max_count", "title_vi", "title_en"),
        "source",
    ),
    "calendar": ("date", "is_working_day", "note"),
    "feeds": ("feed", "expected", "expected_from"),
}
"""The files of a pack (without .csv) and their columns."""

INDICATORS = range(1, 10)
CONDITIONS = {
    1: {"early", "on_time", "late"},
    2: {"before_allotted_end", "on_allotted_end", "after_allotted_end"},
    **{number: {"otherwise"} for number in (3, 4, 5, 8, 9)},
    6: set[str](),
    7: {
        "early_without_founded_petition",
        "on_time_without_founded_petition",
        "late_or_founded_petition",
    },
}
"""Conditions that must have a rule, so that no case and no unit is left without points."""

_CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("reporting_periods", "kind"): ("quarter", "half_year", "year", "month"),
    ("rule_sets", "timeliness_mode"): ("date", "timestamp"),
    ("rule_sets", "returned_bucket"): ("outside", "settled"),
    ("rule_sets", "due_date"): ("revised_due", "original_due"),
    ("rule_sets", "online_denominator"): ("eligible", "all"),
    ("rule_sets", "rounding_digits"): tuple("0123456"),
    ("rule_sets", "total_of"): ("rounded", "unrounded"),
    ("scoring_rules", "indicator"): tuple(str(number) for number in INDICATORS),
    ("scoring_rules", "form"): ("1", "2"),
    ("scoring_rules", "points"): ("0", "1", "2"),
    ("calendar", "is_working_day"): ("true", "false", "1", "0"),
    ("feeds", "feed"): tuple(FEEDS),
    ("feeds", "expected"): ("working_days", "on_change"),
}
_KEYS: dict[str, tuple[str, ...]] = {
    "units": ("unit_code",),
    "unit_aliases": ("alias",),
    "kiosks": ("kiosk", "counter", "unit_code", "valid_from"),
    "reporting_periods": ("period_code",),
    "rule_sets": ("rule_set",),
    "scoring_rules": ("rule_set", "indicator", "points", "condition"),
    "calendar": ("date",),
    "feeds": ("feed",),
}
_FILLED: dict[str, tuple[str, ...]] = {
    "units": ("unit_code", "display_order", "name_vi", "valid_from"),
    "unit_aliases": ("alias", "unit_code"),
    "kiosks": ("kiosk", "unit_code"),
    "reporting_periods": FILES["reporting_periods"],
    "rule_sets": tuple(c for c in FILES["rule_sets"] if c not in ("legal_basis", "valid_to")),
    "scoring_rules": (*("rule_set", "indicator", "form", "points", "condition"), "title_vi"),
    "calendar": ("date", "is_working_day"),
    "feeds": ("feed", "expected", "expected_from"),
}
_DAYS = {
    *("valid_from", "valid_to", "cases_from", "cases_to", "ratings_from", "ratings_to", "date"),
    *("processes_as_of", "known_as_of", "publish_on", "expected_from"),
}
_NUMBERS = {
    *("min_share_percent", "above_share_percent", "min_online_percent", "max_count"),
    *("band_excellent_from", "band_good_from", "band_fair_from", "band_average_from"),
    "display_order",
}


class Row(NamedTuple):
    """One line of a file of the pack; line counts from 1, the header being line 1."""

    file: str
    line: int
    values: Mapping[str, str]

    def says(self, column: str, problem: str) -> str:
        """A message about a value, with its place."""
        return f"{self.file}.csv, line {self.line}, column {column}: {problem}"


Pack = dict[str, list[Row]]


def check(folder: Path) -> list[str]:
    """Everything that makes a pack unusable, each with its place and what to do; empty if sound."""
    return _examine(folder)[0]


def warnings(folder: Path) -> list[str]:
    """What looks wrong in a pack but can be meant."""
    return _examine(folder)[1]


def untimely(folder: Path) -> list[str]:
    """Periods of a sound pack that are to be published before their data can be there.

    Loads do not tell it as a warning, for the calendar of publications waits by itself.
    """
    pack, _ = _read(folder)
    return [
        row.says(
            "publish_on",
            "is not after known_as_of, whose files are loaded in the night that follows. The run"
            " starts on the day after known_as_of; write that day if it may be corrected.",
        )
        for row in pack["reporting_periods"]
        if row.values["publish_on"] and row.values["publish_on"] <= row.values["known_as_of"]
    ]


def sha256(folder: Path) -> str:
    """Identity of a pack: the sha256 over names and bytes of its files."""
    whole = hashlib.sha256()
    for name in sorted(FILES):
        path = folder / f"{name}.csv"
        content = path.read_bytes() if path.is_file() else b""
        whole.update(f"{name}.csv {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


def known_codes(folder: Path) -> Known:
    """Units (codes and other spellings) and kiosks that records may name. The pack is sound."""
    pack, _ = _read(folder)
    units = {row.values["unit_code"] for row in pack["units"]}
    aliases = {row.values["alias"] for row in pack["unit_aliases"]}
    kiosks = {row.values["kiosk"] for row in pack["kiosks"]}
    days = [row.values["expected_from"] for row in pack["feeds"] if row.values["expected_from"]]
    first = date.fromisoformat(min(days)) if days else None
    return Known(frozenset(units | aliases), frozenset(kiosks), first)


def in_use(connection: psycopg.Connection) -> str | None:
    """sha256 of the pack of the settings; until a run has stored it, of the newest that a run has.

    None as long as no run has stored any.
    """
    row = connection.execute(
        "select reference_sha256 from reference.packs"
        " order by (reference_sha256 = %s) desc, stored_at desc limit 1",
        [sha256(settings.reference())],
    ).fetchone()
    return row[0] if row else None


def store(folder: Path) -> tuple[str, bool]:
    """Keep the pack in schema reference unless it is there; returns its sha256, and if it is new.

    Raises Failed when the pack is not sound.
    """
    identity = sha256(folder)
    with database.connect(database.LOADER) as connection:
        known = connection.execute(
            "select from reference.packs where reference_sha256 = %s", [identity]
        ).fetchone()
        if known is not None:
            return identity, False
        problems = check(folder)
        if problems:
            raise Failed(
                f"The reference pack {folder} cannot be used:\n  "
                + "\n  ".join(problems)
                + "\nCorrect it; `motcua check-reference` checks it again."
            )
        return identity, _insert(connection, identity, folder)


def _insert(connection: psycopg.Connection, identity: str, folder: Path) -> bool:
    """Write a pack in one transaction; False when another run was faster."""
    inserted = connection.execute(
        "insert into reference.packs (reference_sha256, name) values (%s, %s)"
        " on conflict do nothing",
        [identity, folder.resolve().name],
    )
    if not inserted.rowcount:
        return False
    pack, _ = _read(folder)
    for name, columns in FILES.items():
        with connection.cursor().copy(
            f"copy reference.{name} (reference_sha256, line, {', '.join(columns)}) from stdin"
        ) as copy:
            for row in pack[name]:
                values = (row.values[column] or None for column in columns)
                copy.write_row([identity, row.line, *values])
    return True


def _examine(folder: Path) -> tuple[list[str], list[str]]:
    """Problems and warnings. The relations are looked at only when every value can be read."""
    pack, problems = _read(folder)
    if not problems:
        problems = [problem for rows in pack.values() for problem in _values(rows)]
    if problems:
        return problems, []
    problems = [*_units(pack), *_periods(pack), *_rules(pack)]
    return problems, [*_doubtful_periods(pack)]


def _read(folder: Path) -> tuple[Pack, list[str]]:
    """The rows of every file, values trimmed and in Unicode NFC; and what cannot be read."""
    pack: Pack = {}
    problems = []
    if not folder.is_dir():
        return pack, [f"{folder} is not a folder. Set MOTCUA_REFERENCE to the folder of a pack."]
    for name, columns in FILES.items():
        pack[name] = []
        path = folder / f"{name}.csv"
        if not path.is_file():
            problems.append(f"{name}.csv is missing. It has the columns {', '.join(columns)}.")
            continue
        try:
            text = normalize("NFC", path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError:
            problems.append(f"{name}.csv is not UTF-8. Save it as UTF-8.")
            continue
        reader = csv.reader(io.StringIO(text, newline=""))
        header = [title.strip() for title in next(reader, [])]
        missing = [column for column in columns if column not in header]
        if missing:
            problems.append(f"{name}.csv, line 1: column {', '.join(missing)} is missing. Add it.")
            continue
        for fields in reader:
            if not any(fields):
                continue
            if len(fields) != len(header):
                problems.append(
                    f"{name}.csv, line {reader.line_num}: {len(fields)} fields, where the header"
                    f" has {len(header)}. Quote values that hold a comma."
                )
                continue
            values = {t: value.strip() for t, value in zip(header, fields, strict=True)}
            pack[name].append(Row(name, reader.line_num, values))
    return pack, problems


def _values(rows: list[Row]) -> Iterator[str]:
    """Empty values, unreadable days and numbers, unknown words, keys that come twice."""
    seen: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        for column in FILES[row.file]:
            value = row.values[column]
            if not value:
                if column in _FILLED[row.file]:
                    yield row.says(column, "is empty. Fill it in.")
            elif column in _DAYS and _day(value) is None:
                yield row.says(column, f'"{value}" is not a day. Write it as yyyy-mm-dd.')
            elif column in _NUMBERS and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
                yield row.says(column, f'"{value}" is not a number. Write it like 12 or 12.5.')
            else:
                choices = _CHOICES.get((row.file, column))
                if choices and value not in choices:
                    yield row.says(column, f'"{value}" is not one of {", ".join(choices)}.')
        key = tuple(row.values[column] for column in _KEYS[row.file])
        seen[key] += 1
        if seen[key] == 2:
            name = ", ".join(_KEYS[row.file])
            yield row.says(name, f'"{" · ".join(key)}" is there twice. Remove one.')
        first, last = _day(row.values.get("valid_from", "")), _day(row.values.get("valid_to", ""))
        if first and last and last < first:
            yield row.says("valid_to", "lies before valid_from. Correct one of them.")


def _units(pack: Pack) -> Iterator[str]:
    codes = {row.values["unit_code"] for row in pack["units"]}
    orders: Counter[str] = Counter()
    if not codes:
        yield "units.csv has no units. Add at least one."
    for row in pack["units"]:
        order = row.values["display_order"]
        orders[order] += 1
        if not order.isdigit():
            yield row.says("display_order", f'"{order}" is not a whole number.')
        elif orders[order] == 2:
            yield row.says("display_order", f"{order} is there twice. Give every unit its own.")
        successor = row.values["successor_code"]
        if successor == row.values["unit_code"]:
            yield row.says("successor_code", "a unit cannot succeed itself.")
        elif successor and not row.values["valid_to"]:
            yield row.says("valid_to", "is empty although the unit has a successor. Fill it in.")
    for file, column in (
        ("units", "successor_code"),
        ("unit_aliases", "unit_code"),
        ("kiosks", "unit_code"),
    ):
        for row in pack[file]:
            code = row.values[column]
            if code and code not in codes:
                yield row.says(column, f'"{code}" is not in units.csv. Add it there or correct it.')
    yield from _circles(pack["units"])
    for row in pack["unit_aliases"]:
        alias = row.values["alias"]
        if alias in codes and alias != row.values["unit_code"]:
            yield row.says("alias", f'"{alias}" is the code of another unit. Remove it.')


def _circles(units: Iterable[Row]) -> Iterator[str]:
    """Chains of successors that come back to where they began: no unit of today is at their end."""
    rows = {row.values["unit_code"]: row for row in units}
    told: set[str] = set()
    for code, row in rows.items():
        chain = [code]
        while (after := rows[chain[-1]].values["successor_code"]) in rows and after not in chain:
            chain.append(after)
        if after == code and len(chain) > 1 and code not in told:
            told.update(chain)
            yield row.says(
                "successor_code",
                f"the successors go in a circle: {' → '.join([*chain, code])}. Open it.",
            )


def _periods(pack: Pack) -> Iterator[str]:
    rule_sets = {row.values["rule_set"] for row in pack["rule_sets"]}
    for row in pack["reporting_periods"]:
        values = row.values
        for window in ("cases", "ratings"):
            if values[f"{window}_to"] < values[f"{window}_from"]:
                yield row.says(f"{window}_to", f"lies before {window}_from. Correct one of them.")
        if values["known_as_of"] < values["cases_to"]:
            yield row.says("known_as_of", "lies before cases_to, the end of the window.")
        if values["rule_set"] not in rule_sets:
            yield row.says("rule_set", f'"{values["rule_set"]}" is not in rule_sets.csv.')
    yield from _joints(pack["reporting_periods"], "cases")


def _joints(periods: Iterable[Row], window: str) -> Iterator[str]:
    """Windows of one kind that leave a gap or overlap."""
    by_kind: dict[str, list[Row]] = {}
    for row in periods:
        by_kind.setdefault(row.values["kind"], []).append(row)
    for rows in by_kind.values():
        in_order = sorted(rows, key=lambda row: row.values[f"{window}_from"])
        for before, after in pairwise(in_order):
            due = date.fromisoformat(before.values[f"{window}_to"]) + timedelta(days=1)
            found = date.fromisoformat(after.values[f"{window}_from"])
            if found != due:
                yield after.says(
                    f"{window}_from",
                    f"{found} {'leaves a gap after' if found > due else 'overlaps'}"
                    f" {before.values['period_code']}, which ends on"
                    f" {before.values[f'{window}_to']}. It must be {due}.",
                )


def _rules(pack: Pack) -> Iterator[str]:
    rule_sets = {row.values["rule_set"]: row for row in pack["rule_sets"]}
    bands = FILES["rule_sets"][-4:]
    for name, row in rule_sets.items():
        conditions: dict[int, set[str]] = {}
        for rule in pack["scoring_rules"]:
            if rule.values["rule_set"] == name:
                indicator = int(rule.values["indicator"])
                conditions.setdefault(indicator, set()).add(rule.values["condition"])
        for indicator in INDICATORS:
            needed = CONDITIONS[indicator]
            absent = sorted(needed - conditions.get(indicator, needed))
            if absent:
                yield (
                    f"scoring_rules.csv: rule set {name}, indicator {indicator} says nothing for"
                    f" {', '.join(absent)}; such cases would have no points. Add the rule, with 0"
                    " points if it gives none."
                )
            if indicator not in conditions:
                yield (
                    f"scoring_rules.csv: rule set {name} has no rule for indicator {indicator}."
                    " Add one for each number of points."
                )
        limits = [float(row.values[band]) for band in bands]
        if limits != sorted(set(limits), reverse=True):
            yield row.says(bands[0], f"{', '.join(bands)} must fall from one to the next.")
    for row in pack["scoring_rules"]:
        if row.values["rule_set"] not in rule_sets:
            yield row.says("rule_set", f'"{row.values["rule_set"]}" is not in rule_sets.csv.')


def _doubtful_periods(pack: Pack) -> Iterator[str]:
    valid = {row.values["rule_set"]: row.values for row in pack["rule_sets"]}
    for row in pack["reporting_periods"]:
        values = row.values
        rule_set = valid.get(values["rule_set"])
        if rule_set and not (
            rule_set["valid_from"] <= values["cases_from"]
            and values["cases_to"] <= (rule_set["valid_to"] or "9999-12-31")
        ):
            yield row.says(
                "rule_set", f"{values['rule_set']} is not valid on every day of the window."
            )
        for column in ("ratings_to", "processes_as_of"):
            if values[column] > values["known_as_of"]:
                yield row.says(column, "lies after known_as_of, so its last days stay empty.")
    yield from _joints(pack["reporting_periods"], "ratings")


def _day(value: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
