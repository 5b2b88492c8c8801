"""The rules that a single record must keep, and what to say about one that breaks them.

Source: section 1 of the contract, the columns marked ! and the forms of values. Every rule stands
here twice, on purpose: `doubts` picks out, a whole block of records at a time, every record that
*may* be bad, and `faults` then decides about those few one by one. A test holds the two together.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize
from zoneinfo import ZoneInfo

from motcua import settings
from motcua.landing.feeds import TIME, WHOLE, Column, Feed

if TYPE_CHECKING:
    import polars as pl


class Known(NamedTuple):
    """What the reference pack knows. No kiosks means that any kiosk is accepted.

    expected_from: the first day on which it expects any file, if it says so.
    """

    units: frozenset[str]
    kiosks: frozenset[str]
    expected_from: date | None = None


class Fault(NamedTuple):
    """What is wrong with a record; column is None when it is the record as a whole."""

    column: str | None
    reason: str
    next_step: str


def _days(order: str) -> str:
    """Pattern of the days that exist from 1900 to 9999, written in `order` (Y, M and D)."""

    def written(year: str, month: str, day: str) -> str:
        return order.replace("Y", year).replace("M", month).replace("D", day)

    year = "(?:19|[2-9][0-9])[0-9]{2}"
    leap_year = (
        "(?:(?:19|[2-9][0-9])(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[3579][26])00)"
    )
    return "|".join(
        (
            written(year, "(?:0[1-9]|1[0-2])", "(?:0[1-9]|1[0-9]|2[0-8])"),
            written(year, "(?:0[13-9]|1[0-2])", "(?:29|30)"),
            written(year, "(?:0[13578]|1[02])", "31"),
            written(leap_year, "02", "29"),
        )
    )


_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_OFFSET = f"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?{_SIXTY})?)"
TIME_FORMS = "|".join(
    (
        f"(?:{_days('YMD')}){_HOUR}{_SIXTY}{_SIXTY}",
        f"(?:{_days('D/M/Y')})(?: {_HOUR}:{_SIXTY}(?::{_SIXTY})?)?",
        f"(?:{_days('Y-M-D')})"
        f"(?:[T ]{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:[.][0-9]{{1,6}})?)?{_OFFSET}?)?",
    )
)
"""Pattern of a time as it may stand in schema raw: the three forms of the contract."""

DATE_CELL_FORM = f"(?:{_days('Y-M-D')}) {_HOUR}:{_SIXTY}:{_SIXTY}(?:[.][0-9]{{3}})?"
"""Pattern of a time as the reader of sheets writes it: to the second, or to its thousandth."""

WHOLE_FORM = "0|[1-9][0-9]{0,8}"
"""Pattern of a whole number as it may stand in schema raw."""

_TIME = re.compile(TIME_FORMS)
_WHOLE = re.compile(WHOLE_FORM)
_WHOLE_WRITTEN_OTHERWISE = re.compile(r"0*([0-9]{1,9})(?:[.,]0{1,2})?")
_OTHER_ISO = re.compile(r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}-?[1-7])(?:[T ].*)?")
_NOT_PERSONAL = re.compile(r"[0-9]{1,4}|[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.H[0-9]{2}|K[0-9]{1,3}")
_LIKE_A_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}[0-9:.]{0,10})?"
    r"|[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{4}( [0-9]{1,2}:[0-9:]{1,5})?"
    r"|(19|20)[0-9]{12}"
)


def tidy(column: Column, text: str) -> str:
    """The value in the form in which it stands in schema raw.

    Unicode NFC; no blanks around it; a whole number without leading zeros or decimals; a time of a
    rarer ISO 8601 form as yyyyMMddHHmmss. What cannot be read is left for `faults` to tell, and the
    text of personal columns as it was written.
    """
    value = text if text.isascii() else normalize("NFC", text)
    if column.personal:
        return value
    value = value.strip()
    if column.kind == WHOLE:
        match = _WHOLE_WRITTEN_OTHERWISE.fullmatch(value)
        return match[1] if match else value
    if column.kind == TIME and value and not _TIME.fullmatch(value):
        return _plain_time(value)
    return value


def _plain_time(value: str) -> str:
    if not _OTHER_ISO.fullmatch(value):
        return value
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            moment = moment.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    except (ValueError, OverflowError):  # no such moment, or only outside the years 1 to 9999
        return value
    if moment.year < 1900:
        return value
    if moment.microsecond:
        return moment.isoformat()
    return f"{moment:%Y%m%d%H%M%S}"


def faults(feed: Feed, record: Mapping[str, str], known: Known) -> list[Fault]:
    """Everything that is wrong with a tidied record (column name → value); empty when it is good.

    Columns that the file does not have are not in `record`.
    """
    found = []
    for column in feed.columns:
        if column.name in record:
            fault = _fault(column, record, known)
            if fault is not None:
                found.append(fault)
    return found


def _fault(column: Column, record: Mapping[str, str], known: Known) -> Fault | None:
    value = record[column.name]
    if not value:
        return _empty(column, record)
    if column.kind == TIME and not _TIME.fullmatch(value):
        return Fault(
            column.name,
            f"{shown(value, is_time=True)} is not a time that exists",
            "Write it as yyyyMMddHHmmss, dd/MM/yyyy[ HH:mm[:ss]] or ISO 8601.",
        )
    if column.kind == WHOLE and not _WHOLE.fullmatch(value):
        return Fault(
            column.name, f"{shown(value)} is not a whole number", "Write digits only, or nothing."
        )
    if column.codes and int(value) not in column.codes:
        allowed = ", ".join(map(str, column.codes))
        return Fault(column.name, f"{shown(value)} is not allowed", f"Write one of {allowed}.")
    if column.unit and value not in known.units:
        return Fault(
            column.name,
            f"{shown(value)} is not a unit of the reference pack",
            "Correct the code, or add the unit to units.csv or unit_aliases.csv; then deliver the"
            " file again under the next revision.",
        )
    if column.kiosk and known.kiosks and value not in known.kiosks:
        return Fault(
            column.name,
            f"{shown(value)} is not a kiosk of the reference pack",
            "Correct the code, or add the kiosk to kiosks.csv; then deliver the file again under"
            " the next revision.",
        )
    return None


def _empty(column: Column, record: Mapping[str, str]) -> Fault | None:
    if not column.required:
        return None
    if column.empty_when is None:
        return Fault(column.name, "is empty", "Fill it in and deliver a revision of the file.")
    other, codes = column.empty_when
    if record.get(other) in [str(code) for code in codes]:
        return None
    return Fault(
        column.name,
        f"is empty although {other} is {shown(record.get(other, ''))}",
        f"Fill it in, or correct {other} (empty is right under {', '.join(map(str, codes))}).",
    )


def shown(value: str, is_time: bool = False) -> str:
    """A value as a message may show it: in full only when it can be no personal data.

    Those are up to four digits, codes in the form of units and kiosks, and in a column of times
    what is written like one; elsewhere a date may be of birth, and dots part a telephone number.
    """
    if _NOT_PERSONAL.fullmatch(value) or (is_time and _LIKE_A_TIME.fullmatch(value)):
        return f'"{value}"'
    return f"the value ({len(value)} characters)"


def doubts(feed: Feed, names: Sequence[str], known: Known) -> "pl.Expr":
    """Expression over a frame of texts (columns `names`): the record may be bad or untidy.

    It never passes over a record that `faults` would refuse or `tidy` would change, Unicode forms
    aside (see `may_need_nfc`).
    """
    import polars as pl

    columns = [column for column in feed.columns if column.name in names and not column.personal]
    return pl.any_horizontal([_doubt(column, known) for column in columns])


def _doubt(column: Column, known: Known) -> "pl.Expr":
    import polars as pl

    value = pl.col(column.name)
    may_be_empty = not column.required or column.empty_when is not None
    empty = [""] if may_be_empty else []
    if column.unit or (column.kiosk and known.kiosks):
        doubt = ~value.is_in([*(known.units if column.unit else known.kiosks), *empty])
    elif column.kind == TIME:
        doubt = ~value.str.contains(rf"\A(?:{TIME_FORMS}{'|' if empty else ''})\z")
    elif column.codes:
        doubt = ~value.is_in([*map(str, column.codes), *empty])
    elif column.kind == WHOLE:
        doubt = ~value.str.contains(rf"\A(?:{WHOLE_FORM}{'|' if empty else ''})\z")
    else:
        doubt = value.str.strip_chars().str.len_bytes() != value.str.len_bytes()
        if not may_be_empty:
            doubt = doubt | (value.str.len_bytes() == 0)
    if column.empty_when is not None:
        other, codes = column.empty_when
        excused = pl.col(other).is_in([str(code) for code in codes])
        doubt = doubt | ((value.str.len_bytes() == 0) & ~excused)
    return doubt


def may_need_nfc(block: bytes) -> bool:
    """Whether UTF-8 bytes hold combining marks (U+0300 to U+037F), as texts in NFD do."""
    return b"\xcc" in block or b"\xcd" in block
