"""Recognises the appendices among the tables of a report, and their columns by their headings."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache

from motcua.errors import Failed
from motcua.publication import report_vocabulary as vocabulary
from motcua.publication.report_reading import Block, Paragraph, Rows, plain

Fits = Callable[[str, list[dict[str, Decimal | None]]], Iterable[tuple[frozenset[str], Decimal]]]
"""For a kind of table and its rows: the columns of each equation, and the part of rows it fits."""

FIRM = Decimal("0.8")
"""A heading below this needs an equation that most rows fit; else the column stays unknown."""

BEAM = 300
"""Readings of the headings that are tried against the arithmetic of the table."""

FIT = Decimal("0.5")
"""An equation supports the reading of its columns when it fits a larger part of the rows."""

MOST_TABLES = 150
"""Tables that are looked at in one report; a file with more is none, and is refused."""

LONGEST_NUMBER = 40
LONGEST_TITLE = 250


@dataclass(frozen=True)
class Cell:
    """A printed figure. digits: decimals printed; dash: written as a dash, which is none."""

    text: str
    value: Decimal | None
    digits: int = 0


@dataclass(frozen=True)
class Row:
    """A printed row. kind: unit, group (a heading with subtotals), total or share."""

    kind: str
    name: str
    order: str
    cells: dict[str, Cell]
    all_cells: tuple[Cell, ...] = ()

    def values(self) -> dict[str, Decimal | None]:
        """Figures by column."""
        return {key: cell.value for key, cell in self.cells.items()}


@dataclass(frozen=True)
class Table:
    """An appendix as recognised.

    kind: the published table of the same content. headings: what each known column is headed.
    numbers: the printed numbers of the columns, such as 3=(4+5), by position.
    windows: days named in its titles as (from or None, to), in their order.
    """

    kind: str
    label: str
    titles: tuple[str, ...]
    headings: dict[str, str]
    rows: tuple[Row, ...]
    numbers: tuple[str, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)
    leaves: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> list[Row]:
        """Its rows of these kinds, in their order."""
        return [row for row in self.rows if row.kind in kinds]

    @property
    def window(self) -> tuple[date | None, date] | None:
        """The days from and to that the titles name; only the latter when they say "up to"."""
        return next(filter(None, map(window_of, self.titles)), None)

    @cached_property
    def totals(self) -> dict[str, Decimal]:
        """Figures for all units: as printed in the last row of totals, else the units' sum."""
        found: dict[str, Decimal] = {}
        for key in self.headings:
            last = [row.cells[key].value for row in self.of_kind("total") if key in row.cells]
            cells = [row.cells[key].value for row in self.of_kind("unit") if key in row.cells]
            if last and last[-1] is not None:
                found[key] = last[-1]
            elif cells:
                found[key] = sum((value for value in cells if value is not None), Decimal())
        return found


@dataclass(frozen=True)
class Report:
    """The recognised tables and the running text; `others` counts the tables of other content."""

    tables: list[Table]
    texts: list[str]
    others: int = 0

    @cached_property
    def unit_names(self) -> dict[str, str]:
        """Names of units in small letters without marks, and as first printed."""
        names: dict[str, str] = {}
        for table in self.tables:
            for row in table.of_kind("unit"):
                names.setdefault(plain(row.name), row.name)
        return names

    @cached_property
    def times(self) -> dict[str, str]:
        """By kind of table: the titles in small letters without marks, and the quarter told."""
        return {
            kind: _times([table for table in self.tables if table.kind == kind])
            for kind in vocabulary.NAMES
        }


def _times(tables: list[Table]) -> str:
    titles = plain(" ".join(title for table in tables for title in table.titles))
    for table in tables:
        first, last = table.window or (None, None)
        if (
            first
            and last
            and (first.year, (first.month - 1) // 3) == (last.year, (last.month - 1) // 3)
        ):
            quarter = (last.month - 1) // 3
            titles += f" quy {('i', 'ii', 'iii', 'iv')[quarter]} quy {quarter + 1}"
    return titles


def recognise(blocks: Sequence[Block], fits: Fits) -> Report:
    """Find the appendices of a report. `fits` decides between readings of the same headings.

    Raises Failed for more tables than a report has.
    """
    if sum(not isinstance(block, Paragraph) for block in blocks) > MOST_TABLES:
        raise Failed(
            f"The file has more than {MOST_TABLES} tables, no report has. Save the pages with the"
            " appendices as a file of their own."
        )
    tables: list[Table] = []
    texts: list[str] = []
    pending: list[str] = []
    others = 0
    previous: Rows | None = None
    for block in blocks:
        if isinstance(block, Paragraph):
            pending.append(block.text)
            continue
        grid = block
        split = _split(grid.rows)
        if split is None:  # a table for layout: its cells are text
            pending += [" ".join(dict.fromkeys(filter(None, row))) for row in grid.rows]
            continue
        heads, body = split
        if previous is not None and (
            _goes_on(tables[-1], heads, previous, pending, body)
            if heads
            else len(body[0]) == len(previous[0])
        ):
            tables[-1] = _joined(tables[-1], body)
            if heads:
                pending = []
            continue
        titles, rest = _titles(pending)
        texts += rest
        pending = []
        table = _recognised(heads, body, titles, grid.name, fits)
        if table is None:
            others += 1
            previous = None
        else:
            tables.append(table)
            previous = heads or grid.rows[:1]
    return Report(_labelled(tables), texts + pending, others)


@lru_cache(maxsize=100_000)
def number_of(text: str, is_count: bool = True) -> Cell:
    """A printed number: 25.031, 99,68, 25.031,5, 25,031.5, 12 %, 36*; what is none has no value.

    is_count: a single separator before three digits parts thousands (in a column of counts).
    """
    if len(text) > LONGEST_NUMBER:
        return Cell(text, None)
    bare = re.sub(r"[¹²³⁴-⁹⁰]|\s*\(?\*+\)?$|\s*\[\d+\]$|(?<=\d)\s*\(\d\)$", "", text.strip())
    bare = re.sub(r"\s*%$", "", bare)
    bare = re.sub(r"(?<=\d)[\s\u00a0\u202f](?=\d{3}(\D|$))", "", bare)
    if bare in ("-", "–", "—"):
        return Cell(text, Decimal())
    if not re.fullmatch(r"-?\d[\d.,]*", bare):
        return Cell(text, None)
    separators = [letter for letter in bare if letter in ".,"]
    if len(set(separators)) == 2:
        decimal = separators[-1]
        bare = bare.replace("," if decimal == "." else ".", "").replace(decimal, ".")
    elif len(separators) > 1 or (
        is_count and separators and re.fullmatch(r"-?[1-9]\d{0,2}[.,]\d{3}", bare)
    ):
        if not re.fullmatch(r"-?\d{1,3}([.,]\d{3})+", bare):
            return Cell(text, None)
        bare = bare.replace(".", "").replace(",", "")
    else:
        bare = bare.replace(",", ".")
    if not re.fullmatch(r"-?\d+(\.\d+)?", bare):
        return Cell(text, None)
    return Cell(text, Decimal(bare), len(bare.partition(".")[2]))


def day_of(text: str) -> date | None:
    """The day that a text like 15/6/2019 or "ngày 15 tháng 6 năm 2019" names, if there is one."""
    found = re.search(
        r"(\d{1,2})\s*(?:[/.-]|thang)\s*(\d{1,2})\s*(?:[/.-]|nam)\s*(\d{4})", plain(text)
    )
    if not found:
        return None
    day, month, year = map(int, found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


_DAY = (
    r"(?:ngay\s*)?(\d{1,2}\s*(?:[/.-]|thang)\s*\d{1,2}"
    r"(?:\s*(?:[/.-]|nam)\s*\d{4})?)"
)


def window_of(text: str) -> tuple[date | None, date] | None:
    """The window that a title names: "từ … đến …", or "đến …" alone."""
    words = plain(text)
    found = re.search(rf"tu\s*{_DAY}\s*(?:den|-|–)\s*(?:het\s*)?{_DAY}", words)
    if found:
        last = day_of(found[2])
        if last is None:
            return None
        first = day_of(found[1]) or day_of(f"{found[1]}/{last.year}")
        return first, last
    found = re.search(rf"(?:den|thoi diem|tinh den)\s*(?:het\s*)?{_DAY}", words)
    last = day_of(found[1]) if found else None
    return (None, last) if last else None


def _split(rows: Rows) -> tuple[Rows, Rows] | None:
    """Heading rows and body, or None when no row tells figures of something."""
    first = next((at for at, row in enumerate(rows) if _is_body(row)), None)
    return None if first is None else (rows[:first], rows[first:])


def _is_body(row: list[str]) -> bool:
    lead = next((at for at, text in enumerate(row[:3]) if _letters(text) > 1), None)
    if lead is None:
        return False
    order = row[0] if lead else ""
    name = plain(row[lead])
    if re.search(vocabulary.ORDER, name) or re.search(vocabulary.ORDER, plain(order)):
        return False
    if re.fullmatch(r"(ten )?(cac )?(don vi|co quan|so,? (ban,? )?nganh)( .*)?", name) and not (
        re.search(r"\d", order)
    ):
        return False
    figures = sum(number_of(text).value is not None for text in row[lead + 1 :])
    return figures > 0 and (not order or _letters(order) < 4 or bool(_special(order)))


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)


def _special(text: str) -> str:
    words = plain(text).strip(" .:")
    if re.search(vocabulary.TOTAL_ROW, words):
        return "total"
    return "share" if re.search(vocabulary.SHARE_ROW, words) else ""


_TITLE = re.compile(r"\bphu luc\s*(?:so\s*)?([ivx]+\s*[a-e]?|\d+\s*[a-e]?)\b")


def _titles(paragraphs: list[str]) -> tuple[list[str], list[str]]:
    """The titles right above a table, and the text before them."""
    at = len(paragraphs)
    while at and len(paragraphs) - at < 10 and len(paragraphs[at - 1]) <= LONGEST_TITLE:
        words = plain(paragraphs[at - 1])
        if re.match(r"[-+•]|\d+\.\s|noi nhan|luu:", words) or "dinh kem" in words:
            break
        at -= 1
    titles = paragraphs[at:]
    numbered = [
        place for place, text in enumerate(titles) if _TITLE.search(plain(text)) and len(text) < 60
    ]
    if numbered:
        start = numbered[-1]
        while start and titles[start - 1].isupper() and len(titles[start - 1]) > 30:
            start -= 1
        at += start
    return paragraphs[at:], paragraphs[:at]


def _recognised(heads: Rows, body: Rows, titles: list[str], sheet: str, fits: Fits) -> Table | None:
    numbers = next((row for row in heads if _is_numbers(row)), [])
    heads = [row for row in heads if row is not numbers and any(row)]
    if not heads:
        return None
    paths = _paths(heads)
    leaves = [plain(path[-1]) if path else "" for path in paths]
    name = _name_column(leaves, body)
    rows = _body_rows(body, name)
    if not any(row[0] in ("unit", "group") for row in rows):
        return None
    title = plain(" ".join([*titles, sheet]))
    best: tuple[Decimal, str, dict[int, str]] | None = None
    for kind in vocabulary.NAMES:
        score, keys = _assigned(kind, paths, name, rows, fits)
        figures = [key for key in keys.values() if key not in vocabulary.TEXTS]
        if len(figures) < 2:
            continue
        if re.search(vocabulary.TITLES[kind], title):
            score += 3
        if best is None or score > best[0]:
            best = score, kind, keys
    if best is None or best[0] < 3:
        return None
    _, kind, keys = best
    return Table(
        kind,
        _label(titles, sheet),
        tuple(titles),
        {key: _shown(paths[at], kind, key) for at, key in keys.items()},
        tuple(_row(kind, row, keys, paths) for row in rows),
        tuple(numbers),
        {key: at for at, key in keys.items()},
        tuple(" – ".join(path) for path in paths),
    )


def _is_numbers(row: list[str]) -> bool:
    """Whether a row numbers the columns: 1, [2], (3), 4=5+6, A."""
    texts = [text for text in row if text]
    return len(texts) > 2 and all(
        re.fullmatch(r"[\[(]?\s*(\d{1,3}(/\d+)?|[A-Z])\s*[\])]?(\s*=.*)?", text) for text in texts
    )


def _paths(heads: Rows) -> list[list[str]]:
    """The headings over each column, from the top; a blank right of a heading belongs to it."""
    width = max(map(len, heads))
    filled: Rows = []
    for level, row in enumerate(heads):
        row = row + [""] * (width - len(row))
        for column in range(1, width):
            below = any(after[column] for after in heads[level + 1 :] if column < len(after))
            same_above = all(above[column] == above[column - 1] for above in filled)
            if not row[column] and row[column - 1] and same_above and below:
                row[column] = row[column - 1]
        filled.append(row)
    return [
        list(dict.fromkeys(row[column] for row in filled if row[column])) for column in range(width)
    ]


def _name_column(leaves: list[str], body: Rows) -> int:
    for at, leaf in enumerate(leaves[:4]):
        if re.search(vocabulary.NAME, leaf) and not re.search(vocabulary.ORDER, leaf):
            return at
    wordy = [sum(_letters(row[at]) > 3 for row in body) for at in range(min(3, len(body[0])))]
    return wordy.index(max(wordy))


RawRow = tuple[str, str, str, list[str]]


def _body_rows(body: Rows, name: int) -> list[RawRow]:
    rows: list[RawRow] = []
    for row in body:
        texts = [text for text in row[: name + 1] if text]
        special = next(filter(None, map(_special, texts)), "")
        order = row[0] if name else ""
        figures = sum(number_of(text).value is not None for text in row[name + 1 :])
        if special:
            if figures:
                rows.append((special, texts[-1], "", row))
        elif row[name] and _letters(row[name]) > 1 and (figures or re.match(r"\d", order)):
            rows.append(("unit", row[name], order, row))
    roman = [bool(re.fullmatch(r"[IVXA-E]+\.?", order)) for kind, _, order, _ in rows]
    arabic = [bool(re.match(r"\d", order)) for kind, _, order, _ in rows]
    if any(roman) and any(arabic):
        rows = [
            ("group", *row[1:]) if row[0] == "unit" and is_roman else row
            for row, is_roman in zip(rows, roman, strict=True)
        ]
    return rows


def _is_count(kind: str, key: str) -> bool:
    if kind == "scorecard":
        return key in ("received", "settled")
    return not key.endswith("_percent")


def _row(kind: str, row: RawRow, keys: dict[int, str], paths: list[list[str]]) -> Row:
    what, name, order, texts = row
    cells = {
        key: number_of(texts[at], _is_count(kind, key) and what != "share")
        for at, key in keys.items()
        if at < len(texts)
    }
    every = tuple(
        cells[keys[at]] if at in keys else number_of(text) for at, text in enumerate(texts)
    )
    return Row(what, name, order, cells, every)


def _assigned(
    kind: str, paths: list[list[str]], name: int, rows: list[RawRow], fits: Fits
) -> tuple[Decimal, dict[int, str]]:
    """The best reading of the headings as columns of a kind: each figure at most once.

    Headings alone cannot tell the third "Tổng số" from the first when a cell was lost, so the
    likeliest readings are tried against the arithmetic of the rows.
    """
    weights = [_options(kind, path) if path else {} for path in paths]
    beam: list[tuple[Decimal, dict[int, str]]] = [(Decimal(), {})]
    for at, path in enumerate(paths):
        if at == name or not path or re.search(vocabulary.ORDER, plain(path[-1])):
            continue
        options = weights[at]
        grown = [
            (score + weight, {**keys, at: key})
            for score, keys in beam
            for key, weight in options.items()
            if key not in keys.values()
        ]
        if not options or max(options.values()) < 1 or not grown:
            grown += beam
        else:
            grown += [(score - 1, keys) for score, keys in beam]
        beam = sorted(grown, key=lambda one: -one[0])[:BEAM]
    parsed = [
        {
            (at, count): number_of(text, count).value
            for at, text in enumerate(row[3])
            for count in (True, False)
        }
        for row in [row for row in rows if row[0] == "unit"][:20]
    ]
    best: tuple[Decimal, dict[int, str]] | None = None
    for score, keys in beam:
        columns = [
            {key: one.get((at, _is_count(kind, key))) for at, key in keys.items()} for one in parsed
        ]
        equations = list(fits(kind, columns))
        supported = {key for names, fit in equations if fit > FIT for key in names}
        firm = {at: key for at, key in keys.items() if key in supported or weights[at][key] >= FIRM}
        whole = score + sum((3 * max(Decimal(), 2 * fit - 1) for _, fit in equations), Decimal())
        if best is None or whole > best[0]:
            best = whole, firm
    assert best is not None
    return best


def _options(kind: str, path: list[str]) -> dict[str, Decimal]:
    """The columns that a heading may mean, each with a weight up to 1."""
    leaf = plain(path[-1])
    whole = " > ".join(map(plain, path))
    options: dict[str, Decimal] = {}
    for heading in vocabulary.HEADINGS:
        if heading.table != kind or not re.search(heading.leaf, leaf):
            continue
        weight = Decimal(1)
        if heading.under and not re.search(heading.under, whole):
            weight = Decimal("0.4")
        if heading.never and re.search(heading.never, leaf):
            continue
        if heading.never and re.search(heading.never, whole):
            weight -= Decimal("0.3")
        options[heading.key] = max(weight, options.get(heading.key, weight))
    return options


def _shown(path: list[str], kind: str, key: str) -> str:
    """A heading as messages name it: with the one above when it says little alone."""
    if _options(kind, path).get(key, 0) < 1 and key in vocabulary.MEANINGS:
        return vocabulary.MEANINGS[key]  # the figures, not the headings, told what it is
    if len(path) > 1 and len(path[-1]) < 16 and not re.match(r"chi so", plain(path[-1])):
        above = path[0] if kind == "scorecard" else path[-2]
        return f"{path[-1]} ({above})"
    return path[-1]


def _label(titles: list[str], sheet: str) -> str:
    for text in titles:
        found = _TITLE.search(plain(text))
        if found and len(text) < 60:
            return f"Phụ lục {text[found.start(1) : found.end(1)].strip()}"
    return sheet if re.search(r"phu luc|pl", plain(sheet)) else ""


def _labelled(tables: list[Table]) -> list[Table]:
    """Tables without a number get the name of their kind, counted when there are several."""
    named = []
    for table in tables:
        same = [one for one in tables if one.kind == table.kind and not one.label]
        label = table.label or vocabulary.NAMES[table.kind]
        if not table.label and len(same) > 1:
            label += f" (bảng {1 + [one is table for one in same].index(True)})"
        named.append(replace(table, label=label))
    return named


_BETWEEN_PAGES = re.compile(r"(trang )?[-–\s]*\d+([/.-]\d+)?[-–\s]*|\W*(tiep theo|tiep)\W*")


def _goes_on(table: Table, heads: Rows, before: Rows, between: list[str], body: Rows) -> bool:
    """Whether a table with headings is the next page of the one before, which had the same."""
    first = next((row[0] for row in body if row[0]), "")
    titles = {plain(title) for title in table.titles}
    return (
        [list(map(plain, row)) for row in heads] == [list(map(plain, row)) for row in before]
        and not re.fullmatch(r"(1|I|A)\.?", first)
        and not any(row.kind == "total" for row in table.rows[-1:])
        and all(
            plain(text) in titles or _BETWEEN_PAGES.fullmatch(plain(text).strip())
            for text in between
        )
    )


def _joined(table: Table, body: Rows) -> Table:
    """A table that goes on after a page break, without headings."""
    keys = {at: key for key, at in table.positions.items()}
    rows = _body_rows(body, 1 if len(body[0]) > 1 and _letters(body[0][1]) > 1 else 0)
    more = tuple(_row(table.kind, row, keys, []) for row in rows)
    return replace(table, rows=table.rows + more)
