"""Holds the running text and the attachment lines of a report against its tables."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import islice

from motcua.publication import report_vocabulary as vocabulary
from motcua.publication.audit_passages import NEAR, Context, Passage, Span
from motcua.publication.audit_tables import Finding, by_last_digit, column_total, division, shown
from motcua.publication.checks import half_up
from motcua.publication.relations import printed
from motcua.publication.report_reading import plain
from motcua.publication.report_tables import Report, Row, Table, day_of, number_of

Sum = tuple[str, ...]
"""Columns to be added; a name that begins with `-` is taken away."""


@dataclass(frozen=True)
class Phrase:
    """How a text says a figure. N in the pattern is the number, in small letters without marks.

    figures: what it may mean, the usual meaning first. below: the denominators of a share that
    follows it, the usual first. of_unit: whether texts say it of single units too; `partly` when
    they then may tell a part of it. needs: sums of which the table has to hold one (the usual
    meaning when none is named), else nothing can be said.
    """

    table: str
    pattern: str
    figures: tuple[Sum, ...]
    below: tuple[str, ...] = ()
    of_unit: str = ""
    needs: tuple[Sum, ...] = ()


_N = r"(?<!\d)(?P<n>\d[\d.,]{0,14}\d|\d)"
_IS = r"\s*(?:la|duoc|co|:|,|=)?\s*(?:tong (?:so|cong)\s*)?(?:la|:)?\s*"
_FILES = r"\s*(?:ho so|truong hop|tthc|hs)"
_EARLY_OR_IN_TIME = (
    r"(?:(?:giai quyet |tra )?(?:ho so )?(?:truoc(?: h[ae]n)?(?: va|,) dung h[ae]n"
    r"|dung(?: h[ae]n)?(?: va|,) truoc h[ae]n|som va dung h[ae]n))"
)
_IN_TIME: tuple[Sum, ...] = (
    ("settled_early", "settled_on_time"),
    ("settled_in_time",),
    ("settled_total", "-settled_late"),
)

PHRASES: tuple[Phrase, ...] = (
    Phrase(
        "appendix_1",
        rf"(?<!moi )tiep nhan(?: va giai quyet)?(?! moi){_IS}N{_FILES}",
        (("total",), ("newly_received",)),
        ("total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?:tiep )?nhan truc tiep{_IS}N{_FILES}",
        (
            ("received_in_person",),
            ("newly_received", "-received_online"),
            ("total", "-received_online"),
        ),
        ("total", "newly_received"),
        "exactly",
        (("received_in_person",), ("newly_received", "-received_online")),
    ),
    Phrase(
        "appendix_1",
        r"(?:ky truoc(?: chuyen (?:sang|qua))?|chuyen (?:tu )?ky truoc|ton ky truoc)"
        rf"{_IS}N{_FILES}",
        (("carried_over",),),
        ("total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?:tiep nhan moi|moi tiep nhan|nhan moi)(?: trong ky)?{_IS}N{_FILES}",
        (("newly_received",),),
        ("total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"da (?:duoc )?giai quyet(?: xong)?{_IS}N{_FILES}",
        (("settled_total",),),
        ("total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"{_EARLY_OR_IN_TIME}{_IS}N{_FILES}",
        _IN_TIME,
        ("settled_total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?<!va )(?<!dung h[ae]n, )truoc h[ae]n{_IS}N{_FILES}",
        (("settled_early",),),
        ("settled_total", "total"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?<!va )(?<!truoc h[ae]n, )(?<!con )dung h[ae]n{_IS}N{_FILES}",
        (("settled_on_time",), *_IN_TIME),
        ("settled_total", "total"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?<!dang )(?:da )?giai quyet (?:bi )?(?:tre|qua|cham) h[ae]n{_IS}N{_FILES}",
        (("settled_late",),),
        ("settled_total", "total"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"(?:ho so )?(?:bi )?(?:tre|qua|cham) h[ae]n{_IS}N{_FILES}"
        rf"|ho so (?:bi )?(?:tre|qua|cham) h[ae]n{_IS}N",
        (("settled_late",), ("in_progress_overdue",), ("settled_late", "in_progress_overdue")),
        ("settled_total", "total", "in_progress_total"),
        "partly",
        (("settled_late", "in_progress_overdue"),),
    ),
    Phrase(
        "appendix_1",
        rf"dang (?:giai quyet|xu ly){_IS}N{_FILES}",
        (("in_progress_total",), ("in_progress_in_time", "in_progress_overdue")),
        ("total",),
        "exactly",
        (("in_progress_total",), ("in_progress_in_time", "in_progress_overdue")),
    ),
    Phrase(
        "appendix_1",
        rf"(?:con|trong|chua den) h[ae]n{_IS}N{_FILES}",
        (("in_progress_in_time",),),
        ("in_progress_total", "total"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"dang (?:giai quyet|xu ly) (?:bi )?(?:tre|qua|cham) h[ae]n{_IS}N{_FILES}",
        (("in_progress_overdue",),),
        ("in_progress_total", "total"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"N{_FILES} (?:bi )?tra lai|(?:bi )?tra lai{_IS}N{_FILES}",
        (("returned",),),
        ("total",),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        rf"N{_FILES} (?:duoc )?(?:tiep )?(?:nhan|nop) (?:qua )?(?:hinh thuc )?truc tuyen"
        rf"|truc tuyen(?: phat sinh)?{_IS}N{_FILES}",
        (("received_online",),),
        ("total", "newly_received"),
        "exactly",
    ),
    Phrase(
        "appendix_1",
        r"chuyen phat N ket qua|(?:qua (?:dich vu )?(?:buu dien|buu chinh)[a-z ]*)"
        rf"{_IS}N{_FILES}",
        (("returned_by_post",),),
        ("settled_total",),
    ),
    Phrase(
        "appendix_2",
        r"N (?:y kien danh gia|luot danh gia|danh gia cua|phieu danh gia)",
        (("total",),),
    ),
)
"""Figures of the tables as texts tell them."""


@dataclass(frozen=True)
class Share:
    """How a text says a share alone; P in the pattern is the percentage."""

    table: str
    pattern: str
    above: tuple[Sum, ...]
    below: tuple[str, ...]


_P = r"(?<!\d)(?P<n>\d[\d.,]{0,14}\d|\d)\s*%"

SHARES_ALONE: tuple[Share, ...] = (
    Share(
        "appendix_1",
        rf"{_EARLY_OR_IN_TIME}[^.;:\d]{{0,45}}?(?:chiem|dat|la) P",
        _IN_TIME,
        ("settled_total",),
    ),
    Share(
        "appendix_1",
        r"(?:ty le|ti le)[^.;:\d]{0,40}?(?<!truoc )(?<!va )(?<!han, )dung h[ae]n"
        r"[^.;:\d]{0,25}?(?:chiem|dat|la) P",
        (*_IN_TIME, ("settled_on_time",)),
        ("settled_total", "total"),
    ),
    Share(
        "appendix_1",
        r"truc tuyen[^.;:\d]{0,45}?(?:chiem|dat|la) P",
        (("received_online",),),
        ("total", "newly_received"),
    ),
    Share(
        "appendix_2",
        r"(?:chiem|dat) P (?:tren )?(?:tong so )?ho so da (?:duoc )?giai quyet",
        (("total",),),
        ("appendix_1.settled_total",),
    ),
    Share(
        "appendix_2",
        r"P (?:to chuc|ca nhan|nguoi dan|y kien|danh gia|khach hang)?[a-z, ]{0,45}?"
        r"(?<!khong )(?<!chua )hai long",
        (vocabulary.SATISFIED,),
        ("total",),
    ),
    Share(
        "appendix_2",
        r"P (?:to chuc|ca nhan|nguoi dan|y kien|danh gia|khach hang)?[a-z, ]{0,45}?"
        r"(?:khong|chua) hai long",
        (vocabulary.DISSATISFIED,),
        ("total",),
    ),
)
"""Percentages that stand without their count."""

_ELSEWHERE = re.compile(
    r"cung ky|so voi|nam truoc|quy truoc|thang truoc|luy ke|ke hoach|du kien|chi tieu|muc tieu"
    r"|phan dau|phai dat"
    r"|cap huyen|cap xa|ubnd (?:cac )?(?:huyen|xa|thi xa)|trong thang|thang \d+/\d{4}|thi du|vi du"
    r"|binh quan|trung binh|moi (?:ngay|tuan|thang|quay)"
)
"""Words of figures that are not those of the tables: other times, places or wishes."""

_WHOLE = re.compile(
    r"\s*(?:tthc|thu tuc hanh chinh|cac loai|trong ky)?\s*"
    r"(?:$|[.,;:()–-]|chiem\b|dat (?:ty le )?\d|va\b|trong do\b"
    r"|bi tra lai|tra lai|tiep nhan|nhan|nop|duoc (?:tiep nhan|giai quyet)"
    r"|(?:cua )?(?:to chuc|ca nhan|nguoi dan|cong dan|khach hang)\b)"
)
"""What may follow "… hồ sơ" when all are meant, and not those of a kind."""

_DIGIT = re.compile(r"\d")
_TIME = re.compile(r"\bquy (?:[ivx]+|\d)\b|\bthang \d{1,2}\b|\bnam (?:19|20)\d\d\b")

ENOUGH_DIGITS = 3
"""Digits of a number that agrees with the tables not by chance."""

MOST_FIGURES = 1_000
"""Figures of the text that are held against the tables; the report of 2019 tells some fifty."""

_MOST_APART = 45
"""Characters between a unit and a figure that is said of it."""


def audit(report: Report) -> list[Finding]:
    """All contradictions between text and tables, and between a report and its attachments."""
    found = list(_attachments(report))
    told = list(_told(report))
    context = Context(report, [passage for passage, _ in told])
    said: set[tuple[int, int]] = set()
    for place, (passage, figures) in enumerate(told):
        for figure in figures:
            said.add((place, figure.match.start("n")))
            if share_after := _share_after(passage.words, figure.match):
                said.add((place, figure.match.end("n") + share_after.start("n")))
            found += _figure(report, context, place, figure)
        for share in SHARES_ALONE:
            for match in _percentages(passage.words, share):
                if len(said) < MOST_FIGURES and (place, match.start("n")) not in said:
                    said.add((place, match.start("n")))
                    found += _share_alone(report, context, place, match, share)
        found += _causes(report, passage.text, passage.words)
    return found


@dataclass(frozen=True)
class _Said:
    """A figure of the text. due: what the tables give, the usual meaning first.

    row: the unit that it is said of; without one it is said of all.
    """

    match: re.Match[str]
    phrase: Phrase
    value: Decimal
    due: tuple[tuple[Decimal, Table], ...]
    row: Row | None
    is_right: bool

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(*self.match.span())

    @property
    def digits(self) -> int:
        """How many digits it has: those of a long number do not agree by chance."""
        return len(f"{abs(self.value):f}".replace(".", "").lstrip("0"))


def _told(report: Report) -> Iterator[tuple[Passage, list[_Said]]]:
    """Each paragraph with the figures that it tells of what the tables have, up to a bound."""
    left = MOST_FIGURES
    for text in report.texts:
        words = plain(text)
        matches = list(islice(_first_matches(words), left))
        left -= len(matches)
        figures = [one for match, phrase in matches if (one := _read(report, words, match, phrase))]
        right = [one for one in figures if one.is_right]
        yield (
            Passage(
                text,
                words,
                tuple(Span(*match.span()) for match, _ in matches),
                tuple(one.span for one in right if not one.row and one.digits >= ENOUGH_DIGITS),
                tuple(one.span for one in right if one.row),
            ),
            figures,
        )


def _read(report: Report, words: str, match: re.Match[str], phrase: Phrase) -> _Said | None:
    """What a figure is said of, and what the tables give for it; None when they give nothing."""
    clause = _clause(words, match.start())
    after = words[match.end() : match.end() + 40]
    if _ELSEWHERE.match(after.lstrip(" (,")) or not _WHOLE.match(after):
        return None
    value = number_of(match["n"]).value
    if value is None:
        return None
    unit = _unit_before(report, clause)
    if unit or re.match(r"\s*(?:cua|thuoc|o|tai) (?:so|cong an|ban|thanh tra|chi nhanh) ", after):
        if not unit or unit[1] > _MOST_APART or not phrase.of_unit:
            return None
        if _is_elsewhere(report, phrase.table, clause + match[0]):
            return None
        return _read_of_unit(report, unit[0], match, phrase, value)
    due = tuple(
        (total, table)
        for table in report.tables
        if table.kind == phrase.table and _is_told(table, phrase.figures, phrase.needs)
        for figure in phrase.figures
        if (total := _total(table, figure)) is not None
    )
    if not due:
        return None
    return _Said(match, phrase, value, due, None, value in [total for total, _ in due])


def _read_of_unit(
    report: Report, unit: str, match: re.Match[str], phrase: Phrase, value: Decimal
) -> _Said | None:
    for table in report.tables:
        row = next((row for row in table.of_kind("unit") if plain(row.name) == plain(unit)), None)
        if table.kind == phrase.table and row:
            break
    else:
        return None
    figures = {key: cell.value for key, cell in row.cells.items()}
    needs = phrase.needs or phrase.figures[:1]
    if phrase.of_unit == "partly":
        needs = phrase.figures[:1]
    if phrase.figures != _IN_TIME and all(_add(one, figures.get) is None for one in needs):
        return None
    due = tuple(
        (total, table)
        for figure in phrase.figures
        if (total := _add(figure, figures.get)) is not None
    )
    if not due:
        return None
    totals = [total for total, _ in due]
    is_right = value <= max(totals) if phrase.of_unit == "partly" else value in totals
    return _Said(match, phrase, value, due, row, is_right)


def count_of(report: Report) -> int:
    """How many figures of the text were held against the tables."""
    figures = (one for text in report.texts for one in _first_matches(plain(text)))
    return sum(1 for _ in islice(figures, MOST_FIGURES))


def _percentages(words: str, share: Share) -> Iterator[re.Match[str]]:
    return re.finditer(share.pattern.replace("P", _P), words) if "%" in words else iter(())


def _first_matches(words: str) -> Iterator[tuple[re.Match[str], Phrase]]:
    """The figures that a text tells, each by its longest phrase."""
    if not _DIGIT.search(words):
        return
    found: dict[int, tuple[re.Match[str], Phrase]] = {}
    for phrase in PHRASES:
        for pattern in _alternatives(phrase.pattern):
            for match in re.finditer(pattern, words):
                at = match.start("n")
                old = found.get(at)
                if old is None or len(match[0]) > len(old[0][0]):
                    found[at] = match, phrase
    yield from (found[at] for at in sorted(found))


@cache
def _alternatives(pattern: str) -> list[str]:
    """A pattern whose alternatives name a number each as patterns of one number."""
    depth = 0
    parts = [""]
    for letter in pattern:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.replace("N", _N) for part in parts]


def _clause(words: str, at: int) -> str:
    """The words before a place, back to the end of the sentence or clause before."""
    near = words[max(0, at - NEAR) : at]
    return re.split(r"[.;](?=\s)", near)[-1]


def _is_elsewhere(report: Report, kind: str, clause: str) -> bool:
    """Whether a clause speaks of another time than the tables do, or of wishes."""
    if _ELSEWHERE.search(clause):
        return True
    return any(
        not re.search(rf"\b{found[0].removeprefix('nam ')}\b", report.times[kind])
        for found in _TIME.finditer(clause)
    )


def _unit_before(report: Report, clause: str) -> tuple[str, int] | None:
    """The unit that a clause names last, and how far before its end (far beyond a comma)."""
    last: tuple[str, int] | None = None
    for words, name in report.unit_names.items():
        at = clause.rfind(words)
        if at >= 0:
            end = at + len(words)
            apart = len(clause) - end + (1000 if "," in clause[end:] else 0)
            if last is None or apart < last[1] or (apart == last[1] and len(name) > len(last[0])):
                last = name, apart
    return last


def _figure(report: Report, context: Context, place: int, said: _Said) -> Iterator[Finding]:
    text = context.passages[place].text
    match, phrase = said.match, said.phrase
    total, table = said.due[0]
    if said.row:
        if not said.is_right and context.is_of_unit(place, match.start(), phrase.table):
            yield Finding(
                printed("printed_text"),
                "Lời văn",
                f"{said.row.name}: {_quote(text, match)}",
                _meaning(table, phrase.figures[0]),
                *(match["n"], f"{shown(total)} như {table.label}"),
            )
        return
    lead = context.lead(place, match.start(), phrase.table)
    if lead is None:
        return
    is_tied = lead.is_tied or _is_tied_by_share(report, context.passages[place].words, said)
    if not said.is_right and is_tied:
        yield Finding(
            printed("printed_text"),
            *("Lời văn", _quote(text, match), _meaning(table, _usual(table, phrase))),
            *(match["n"], f"{shown(total)} như {table.label}"),
            _sums_up(table, phrase.figures[0], total),
        )
    if is_tied or (said.is_right and said.digits > 1):
        yield from _following_share(report, text, context.passages[place].words, match, phrase)


def _usual(table: Table, phrase: Phrase) -> Sum:
    """The first meaning of a phrase that a table has."""
    return next(one for one in phrase.figures if _total(table, one) is not None)


def _share_after(words: str, match: re.Match[str]) -> re.Match[str] | None:
    """The share in "21.648 hồ sơ (chiếm 86,48 % trên tổng số 25.031 hồ sơ)"."""
    return re.match(
        r"(?:[a-z /]{0,60}?)[(,]?\s*(?:chiem|dat|ty le|ti le)(?: ty le| ti le)?\s*:?\s*"
        r"(?P<n>\d[\d.,]*)\s*%(?:[^.;\d]{0,25}?tong so\s*(?P<whole>\d[\d.,]*\d))?",
        words[match.end("n") : match.end("n") + NEAR],
    )


def _is_tied_by_share(report: Report, words: str, said: _Said) -> bool:
    """Whether the share that follows is of the tables, or of this figure in a total of theirs."""
    share = _share_after(words, said.match)
    cell = number_of(share["n"], is_count=False) if share else None
    if not share or cell is None or not cell.value or not cell.digits:
        return False
    tables = list({id(table): table for _, table in said.due}.values())
    wholes = [
        whole
        for table in tables
        for below in said.phrase.below
        if (whole := _below(report, table, below))
    ]
    parts = [said.value, *(total for total, _ in said.due)]
    return any(
        half_up(100 * part / whole, cell.digits) == cell.value for part in parts for whole in wholes
    ) or (share["whole"] is not None and number_of(share["whole"]).value in wholes)


def _following_share(
    report: Report, text: str, words: str, match: re.Match[str], phrase: Phrase
) -> Iterator[Finding]:
    share = _share_after(words, match)
    if not share or not phrase.below:
        return
    cell = number_of(share["n"], is_count=False)
    tables = [table for table in report.tables if table.kind == phrase.table]
    due = [
        one
        for table in tables
        if _is_told(table, phrase.figures, phrase.needs) and _below(report, table, phrase.below[0])
        for below in phrase.below
        for figure in phrase.figures
        if (one := _share(report, table, figure, below, cell.digits)) is not None
    ]
    quote = _quote(text, match, match.end("n") + share.end())
    if cell.value is not None and due and cell.value not in due:
        yield Finding(
            printed("printed_text_share"),
            *("Lời văn", quote, f"tỷ lệ {_meaning(tables[0], phrase.figures[0])}"),
            *(f"{share['n']} %", f"{shown(due[0], cell.digits)} %"),
            _division(report, tables[0], phrase.figures[0], phrase.below[0]),
            by_last_digit(cell.value, due[0], cell.digits),
        )
    if share["whole"] and (whole := number_of(share["whole"]).value) is not None:
        totals = [one for table in tables if (one := column_total(table, "total")) is not None]
        if totals and whole not in totals:
            yield Finding(
                printed("printed_text"),
                *("Lời văn", quote, "Tổng số"),
                *(share["whole"], f"{shown(totals[0])} như {tables[0].label}"),
            )


def _share_alone(
    report: Report, context: Context, place: int, match: re.Match[str], share: Share
) -> Iterator[Finding]:
    passage = context.passages[place]
    text = passage.text
    lead = context.lead(place, match.start(), share.table)
    is_tied = lead is not None and lead.is_tied
    if not is_tied and not _is_of_all(context, place, match, share):
        return
    inside = text[match.start() : match.start("n")]
    if _unit_before(report, plain(inside)) or not context.is_common(inside, share.table):
        return
    cell = number_of(match["n"], is_count=False)
    tables = [table for table in report.tables if table.kind == share.table]
    due = [
        one
        for table in tables
        if _is_told(table, share.above) and _below(report, table, share.below[0])
        for below in share.below
        for figure in share.above
        if (one := _share(report, table, figure, below, cell.digits)) is not None
    ]
    if cell.value is None or not due or cell.value in due:
        return
    yield Finding(
        printed("printed_text_share"),
        *("Lời văn", _quote(text, match), "Tỷ lệ"),
        *(f"{match['n']} %", f"{shown(due[0], cell.digits)} %"),
        _division(report, tables[0], share.above[0], share.below[0]),
        by_last_digit(cell.value, due[0], cell.digits) if is_tied else "info",
    )


def _is_of_all(context: Context, place: int, match: re.Match[str], share: Share) -> bool:
    """Whether a share "trên tổng số" has nothing else in its clause: perhaps of the tables."""
    passage = context.passages[place]
    clause = re.split(r"[;:(]", _clause(passage.words, match.start()))[-1]
    own = passage.text[match.start() - len(clause) : match.start()]
    after = re.match(r"[^.;:\d]{0,10}tong so[^.;:)]{0,40}", passage.words[match.end() :])
    return (
        after is not None
        and context.is_common(own, share.table)
        and context.is_common(after[0], share.table)
    )


def _causes(report: Report, text: str, words: str) -> Iterator[Finding]:
    """The causes that a sentence lists after "nguyên nhân quá hạn" are all late cases."""
    start = re.search(r"nguyen nhan (?:qua|tre) han", words)
    tables = [table for table in report.tables if table.kind == "appendix_1"]
    if not start or len(tables) != 1 or _ELSEWHERE.search(_clause(words, start.start())):
        return
    end = re.search(r"[.;](?=\s|$)", words[start.start() :])
    sentence = words[start.start() : start.start() + (end.start() if end else len(words))]
    parts = [
        value
        for found in re.finditer(rf"(?:qua|tre) han:?\s*{_N} (?:truong hop|ho so)", sentence)
        if (value := number_of(found["n"]).value) is not None
    ]
    late = column_total(tables[0], "settled_late")
    if len(parts) > 1 and late is not None and sum(parts) != late:
        yield Finding(
            printed("printed_text_causes"),
            *("Lời văn", text[start.start() : start.start() + 60].strip() + "…", "Quá hạn"),
            *(
                " + ".join(map(shown, parts)) + f" = {shown(Decimal(sum(parts)))}",
                f"{shown(late)} như {tables[0].label}",
            ),
        )


def _add(figure: Sum, of: Callable[[str], Decimal | None]) -> Decimal | None:
    values = [(name.startswith("-"), of(name.removeprefix("-"))) for name in figure]
    if any(value is None for _, value in values):
        return None
    return sum(
        (-value if minus else value for minus, value in values if value is not None), Decimal()
    )


def _is_told(table: Table, figures: tuple[Sum, ...], needs: tuple[Sum, ...] = ()) -> bool:
    """Whether a table holds the usual meaning of a figure; without it none of the others counts."""
    return figures[: len(_IN_TIME)] == _IN_TIME or any(
        _total(table, one) is not None for one in needs or figures[:1]
    )


def _has_all_answers(table: Table) -> bool:
    """Whether the answers that were recognised are all, but for misprints."""
    whole = column_total(table, "total") if "total" in table.headings else None
    answers = [
        column_total(table, name) or Decimal()
        for name in vocabulary.ANSWERS
        if name in table.headings
    ]
    return whole is not None and abs(sum(answers, -whole)) <= whole / 50


def _total(table: Table, figure: Sum) -> Decimal | None:
    if figure in (vocabulary.SATISFIED, vocabulary.DISSATISFIED):
        figure = tuple(name for name in figure if name in table.headings)
        if not figure or not _has_all_answers(table):
            return None
    if any(name.removeprefix("-") not in table.headings for name in figure):
        return None
    return _add(figure, lambda name: column_total(table, name))


def _below(report: Report, table: Table, below: str) -> Decimal | None:
    other, _, key = below.rpartition(".")
    if not other:
        return column_total(table, key) if key in table.headings else None
    return next(
        (
            column_total(one, key)
            for one in report.tables
            if one.kind == other and key in one.headings
        ),
        column_total(table, key) if key in table.headings else None,
    )


def _share(report: Report, table: Table, figure: Sum, below: str, digits: int) -> Decimal | None:
    part, whole = _total(table, figure), _below(report, table, below)
    return None if part is None or not whole else half_up(100 * part / whole, digits)


def _division(report: Report, table: Table, figure: Sum, below: str) -> str:
    part, whole = _total(table, figure), _below(report, table, below)
    return division(part, whole)


def _meaning(table: Table, figure: Sum) -> str:
    names = [table.headings.get(name.removeprefix("-"), name) for name in figure]
    return " và ".join(names)


def _sums_up(table: Table, figure: Sum, total: Decimal) -> str:
    """That only the table adds up, where it does."""
    whole, other = (
        column_total(table, "total"),
        {"carried_over": "newly_received", "newly_received": "carried_over"},
    )
    if len(figure) == 1 and figure[0] in other and whole is not None:
        rest = column_total(table, other[figure[0]]) if other[figure[0]] in table.headings else None
        if rest is not None and total + rest == whole:
            return f"Chỉ số của bảng cộng đúng: {shown(total)} + {shown(rest)} = {shown(whole)}."
    return ""


def _quote(text: str, match: re.Match[str], end: int | None = None) -> str:
    start = max(0, match.start())
    quote = text[start : max(end or 0, match.end())].strip()
    return f"“{quote}”"


# Attachments.


def _attachments(report: Report) -> Iterator[Finding]:
    """The date and symbol under which attachments are issued, against those of the report."""
    own_symbol = next(
        (
            _symbol(found["number"], found["symbol"])
            for text in report.texts
            if (found := _OWN.match(plain(text)))
        ),
        None,
    )
    is_decision = own_symbol is not None and own_symbol[1].startswith("qd")
    issued = [
        (table, found)
        for table in report.tables
        for title in table.titles
        if (found := _ISSUED.search(plain(title)))
        and (found["what"] != "quyet dinh" or is_decision)  # else it issues the form, not the table
    ]
    symbols = {id(table): _symbol(found["number"], found["symbol"]) for table, found in issued}
    days = {id(table): found["day"].strip(" .,…)") for table, found in issued}
    filled = {key: text for key, text in days.items() if re.match(r"\d.*\d{4}", text)}
    own_day = next(
        (
            day
            for text in report.texts
            if len(text) < 80
            and re.search(r", ngay .*thang.*nam", plain(text))
            and (day := day_of(text))
        ),
        None,
    )
    usual = Counter(symbols.values()).most_common(1)
    due_symbol = own_symbol or (usual[0][0] if usual else None)
    days_told = [day for text in filled.values() if (day := day_of(text))]
    due_day = own_day or (Counter(days_told).most_common(1)[0][0] if days_told else None)
    for table, found in issued:
        key = id(table)
        if due_symbol and not _agrees(symbols[key], due_symbol):
            yield Finding(
                printed("printed_attachment_symbol"),
                *(table.label, "dòng ban hành kèm theo", "số, ký hiệu"),
                *("/".join(symbols[key]).upper(), "/".join(due_symbol).upper()),
            )
        if key not in filled or not due_day or day_of(filled[key]) == due_day:
            continue
        is_day = day_of(filled[key]) is not None
        yield Finding(
            printed("printed_attachment_date"),
            *(table.label, "dòng ban hành kèm theo", "ngày"),
            found["day"].strip(" .,)"),
            f"{due_day:%d/%m/%Y}",
            "" if is_day else "Không phải là một ngày.",
        )


_ISSUED = re.compile(
    r"kem theo (?P<what>bao cao|cong van|to trinh|thong bao|quyet dinh)(?: so)?:?\s*"
    r"(?P<number>[\d.… ]*)\s*/\s*(?P<symbol>[\w-]+)\s*,?\s*(?:ngay\s*)?(?P<day>[^)]*?)\s*"
    r"(?:cua|\)|$)"
)
_OWN = re.compile(r"so\s*:\s*(?P<number>[\d.… ]*)\s*/\s*(?P<symbol>[\w-]+)")


def _symbol(number: str, symbol: str) -> tuple[str, str]:
    digits = re.sub(r"\D", "", number)
    return digits, symbol


def _agrees(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two numbers and symbols can be one; a number left open agrees with any."""
    numbers = [text.lstrip("0") for text in (one[0], other[0])]
    return one[1] == other[1] and (not all(numbers) or numbers[0] == numbers[1])
