"""Tells which figures of a text are said of the tables: only what ties to them, nothing else.

A sentence that says nothing against it need not be about the tables: it may be of a week, of a
clerk or of all years. So the words that may stand before a figure are listed, not those that may
not.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from motcua.publication.report_reading import plain
from motcua.publication.report_tables import Report, day_of, window_of

NEAR = 500
"""Characters of a sentence that are looked at."""

MOST_ITEMS = 12
"""Items of a list among which a figure of the tables is looked for."""

_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_ITEM = re.compile(r"\s*([-+•*–])\s*")

_COMMON = re.compile(
    r"\b(?:voi dich vu|thai do phuc vu|cua nhan vien|tai trung tam"
    r"|trung tam(?: phuc vu)?(?: hanh chinh cong)?|thu tuc hanh chinh|tthc|ho so|hs|truong hop"
    r"|tong(?: so| cong)?|so luong|so|ket qua|tiep nhan|nhan|nop|giai quyet|xu ly|thuc hien|tra lai"
    r"|tra|phat sinh|trong do|bao gom|gom|cu the|nhu sau|nhu|va|con|da|dang|duoc|bi|co|cua|la|dat"
    r"|chiem|chi|voi|ve|ty le|ti le|cao|thap|tren|xong|moi|som|(?:som|truoc|dung|tre|qua|cham|con"
    r"|trong|chua den) (?:thoi )?h[ae]n|truc tuyen|truc tiep|(?:qua )?hinh thuc|qua buu dien"
    r"|(?:y kien|luot|phieu) danh gia|danh gia|den giao dich"
    r"|to chuc, ca nhan|(?:thong )?qua may|muc do|(?:khong |chua |rat )?hai long|tinh hinh)\b"
)
"""What reports say of all cases of the tables; of a part, a place or another time they say more."""

_OF_PROVINCE = re.compile(
    r"(?<=ông) (?:tỉnh|thành phố) [A-ZĐÀ-Ỵ]\w+(?: [A-ZĐÀ-Ỵ]\w+){0,2}"
)  # Trung tâm … hành chính công tỉnh Sóc Trăng
_WITH_NUMBER = re.compile(
    r"\d[\d.,]*\s*%|\btong so(?: ho so)?\s*\d[\d.,]*|\b(?:phu luc|bieu) (?:so )?[ivx\d]+[a-e]?\b"
)
_DAY = r"\d{1,2}\s*(?:[/.-]|thang)\s*\d{1,2}(?:\s*(?:[/.-]|nam)\s*\d{4})?"
_MONTHS = {"ba": "3", "sau": "6", "chin": "9"}
_QUARTERS = ("", "i", "ii", "iii", "iv")
_PERIOD = re.compile(
    r"\b(?:trong )?(?:"
    rf"(?P<window>tu (?:ngay )?{_DAY} (?:den|-|–) (?:het )?(?:ngay )?{_DAY})"
    rf"|(?P<end>(?:tinh )?den (?:het )?(?:ngay )?{_DAY})"
    r"|quy (?P<quarter>i{1,3}|iv|[1-4])\b"
    r"|(?P<months>\d{1,2}|ba|sau|chin) thang (?P<side>dau|cuoi) nam\b"
    r"|thang (?P<month>\d{1,2})\b"
    r"|(?P<own>ky(?: bao cao)?(?: nay)?)\b(?! truoc| sau| toi)"
    r"|(?P<quarter_itself>quy)\b(?! truoc| sau| toi)"
    r")(?P<years>(?:\s*[/,-]?\s*(?:nam )?(?:19|20)\d\d\b)*)"
)


class Span(NamedTuple):
    """Where a figure stands in its text."""

    start: int
    end: int


@dataclass(frozen=True)
class Lead:
    """What stands before a figure, when only common words do: is it tied to the tables?"""

    is_tied: bool


@dataclass(frozen=True)
class Passage:
    """A paragraph, with where it tells figures and where figures of the tables.

    anchors: figures that agree with the tables and are too long for chance. unit_anchors: the same
    of single units.
    """

    text: str
    words: str
    figures: tuple[Span, ...]
    anchors: tuple[Span, ...]
    unit_anchors: tuple[Span, ...] = ()

    @cached_property
    def starts(self) -> list[int]:
        """Where sentences begin."""
        return [0, *(found.end() for found in _SENTENCE_END.finditer(self.words))]

    @cached_property
    def mark(self) -> str:
        """The mark of an item of a list."""
        found = _ITEM.match(self.text)
        return found[1] if found else ""

    def sentence(self, at: int) -> Span:
        """The sentence around a place, of what is near."""
        number = bisect_right(self.starts, at)
        end = self.starts[number] if number < len(self.starts) else len(self.words)
        return Span(self.starts[number - 1], min(end, at + 2 * NEAR))

    def last_anchor(self, begin: int, end: int) -> Span | None:
        """The last anchor within a part of the text."""
        at = bisect_right(self.anchors, Span(end, -1)) - 1
        return self.anchors[at] if at >= 0 and self.anchors[at].start >= begin else None

    def first_anchor(self, begin: int, end: int) -> Span | None:
        """The first anchor within a part of the text."""
        at = bisect_left(self.anchors, Span(begin, -1))
        return self.anchors[at] if at < len(self.anchors) and self.anchors[at].end <= end else None

    def without_figures(self, begin: int, end: int) -> str:
        """A part of the text with its figures blotted out."""
        parts = []
        at = begin
        for number in range(bisect_left(self.figures, Span(begin, -1)), len(self.figures)):
            figure = self.figures[number]
            if figure.start >= end:
                break
            parts.append(self.text[at : max(at, figure.start)])
            at = max(at, min(figure.end, end))
        return " ".join([*parts, self.text[at:end]])


class Context:
    """The paragraphs of a report, and what they may say of its tables."""

    def __init__(self, report: Report, passages: Sequence[Passage]):
        self.report = report
        self.passages = passages

    def lead(self, place: int, begin: int, kind: str) -> Lead | None:
        """What stands before a figure of all units; None when something else is spoken of."""
        passage = self.passages[place]
        sentence = passage.sentence(begin)
        anchor = passage.last_anchor(sentence.start, begin)
        since = anchor.end if anchor else sentence.start
        if begin - since > NEAR:
            return None
        said = self._said(passage.without_figures(since, begin), kind)
        if said is None:
            return None
        return Lead(
            anchor is not None
            or said == (True, True)
            or self._is_followed(passage, begin, sentence, kind)
            or self._is_continued(place, sentence, kind)
        )

    def is_of_unit(self, place: int, begin: int, kind: str) -> bool:
        """Whether a figure of a single unit is tied: by its period or by others of the sentence."""
        passage = self.passages[place]
        sentence = passage.sentence(begin)
        if begin - sentence.start <= NEAR:
            said = self._said(passage.without_figures(sentence.start, begin), kind, True)
            if said and said[1]:
                return True
        digits = sum(
            len(re.sub(r"\D", "", passage.words[one.start : one.end]).lstrip("0"))
            for one in (*passage.anchors, *passage.unit_anchors)
            if one.start != begin and sentence.start <= one.start < sentence.end
        )
        if digits < 2:
            return False
        near = passage.words[max(sentence.start, begin - NEAR) : begin]
        cut = max(near.rfind(mark) for mark in ",;:(")
        return self._said(passage.text[begin - len(near) + cut + 1 : begin], kind, True) is not None

    def is_common(self, text: str, kind: str) -> bool:
        """Whether words say nothing of a part, a place or another time than that of the tables."""
        return self._said(text, kind) is not None

    def _is_followed(self, passage: Passage, begin: int, sentence: Span, kind: str) -> bool:
        """Whether the same sentence goes on to a figure of the tables."""
        after = passage.first_anchor(begin + 1, sentence.end)
        return after is not None and self.is_common(
            passage.without_figures(begin, after.start), kind
        )

    def _is_continued(self, place: int, sentence: Span, kind: str) -> bool:
        """Whether the sentence before, or the list around, tells figures of the tables."""
        passage = self.passages[place]
        if sentence.start:
            before = passage.sentence(sentence.start - 1)
            return passage.last_anchor(before.start, sentence.start) is not None
        if not passage.mark:
            return False
        for step in (-1, 1):
            for other in range(place + step, place + step * MOST_ITEMS, step):
                if not 0 <= other < len(self.passages):
                    break
                near = self.passages[other]
                if near.mark != passage.mark:
                    if step < 0 and near.text.rstrip().endswith(":"):
                        return self._introduces(near, kind)
                    break
                if near.anchors:
                    return True
        return False

    def _introduces(self, passage: Passage, kind: str) -> bool:
        """Whether a paragraph that ends with a colon ends with speaking of the tables."""
        end = len(passage.words)
        sentence = passage.sentence(end)
        anchor = passage.last_anchor(sentence.start, end)
        said = self._said(
            passage.without_figures(anchor.end if anchor else sentence.start, end), kind
        )
        return said is not None and (anchor is not None or said == (True, True))

    def _said(self, text: str, kind: str, is_of_unit: bool = False) -> tuple[bool, bool] | None:
        """Whether words name the Centre, and the period of the tables; None when they say more."""
        if is_of_unit:
            text = self._without_units(text)
        if re.search(r"\b(?:Sở|Ban)\b", text):  # without marks the former would read as số
            return None
        words = plain(_OF_PROVINCE.sub("", text))
        periods = 0

        def without(found: re.Match[str]) -> str:
            nonlocal periods
            if not self._is_own_period(found, kind):
                return found[0]
            periods += not found["end"]
            return " "

        words = _PERIOD.sub(without, words)
        names_centre = "trung tam" in words
        words = _COMMON.sub(" ", _WITH_NUMBER.sub(" ", words))
        return None if re.search(r"\w", words) else (names_centre, periods > 0)

    def _without_units(self, text: str) -> str:
        for name in sorted(self.report.unit_names, key=len, reverse=True):
            at = plain(text).find(name)
            if at >= 0:
                text = f"{text[:at]} {text[at + len(name) :]}"
        return text

    def _is_own_period(self, found: re.Match[str], kind: str) -> bool:
        titles = self._titles(kind)
        windows = [one.window for one in self.report.tables if one.kind == kind and one.window]
        if any(year not in titles for year in re.findall(r"\d{4}", found["years"])):
            return False
        if found["window"]:
            return window_of(found["window"]) in windows
        if found["end"]:
            return day_of(found["end"]) in [last for _, last in windows]
        if found["quarter"]:
            arabic = found["quarter"]
            number = int(arabic) if arabic.isdigit() else _QUARTERS.index(arabic)
            return bool(re.search(rf"\bquy (?:{number}|{_QUARTERS[number]})\b", titles))
        if found["months"]:
            months = _MONTHS.get(found["months"], found["months"]).lstrip("0")
            word = next((word for word, one in _MONTHS.items() if one == months), months)
            return bool(re.search(rf"\b(?:0?{months}|{word}) thang {found['side']} nam\b", titles))
        if found["month"]:
            month = found["month"].lstrip("0")
            return bool(re.search(rf"(?<!\d )(?<!\d)\bthang 0?{month}\b", titles))
        return not found["quarter_itself"] or bool(re.search(r"\bquy\b", titles))

    def _titles(self, kind: str) -> str:
        """The titles of the tables; those that name no time are of the time of the report."""
        titles = self.report.times[kind]
        if re.search(r"\bquy\b|\bthang\b|\bnam \d{4}", titles):
            return titles
        heads = [plain(text) for text in self.report.texts[:40] if len(text) < 250]
        return " ".join([titles, *(text for text in heads if text.startswith(("bao cao", "# b")))])
