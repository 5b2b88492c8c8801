"""Check a block of csv bytes on a core of its own, while the same bytes go to the server."""

import csv
import io
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import NamedTuple

import polars as pl

from motcua.landing import checks, reading
from motcua.landing.checks import Fault, Known
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.reading import NotPlain


class Writing(NamedTuple):
    """What is the same for all blocks of a file: its columns in order, and how it is written."""

    feed: str
    columns: tuple[str, ...]
    separator: str
    quotes_empty: bool


class Inspected(NamedTuple):
    """Records of a block, and the bad ones: place in the block, what is wrong, the record."""

    height: int
    bad: list[tuple[int, list[Fault], str]]


def inspector(writing: Writing, known: Known) -> Callable[[bytes], Inspected]:
    """The check for blocks of files that are written so: it tells the bad records of a block.

    The check raises NotPlain when the bytes cannot go into the table as they are.
    """
    return partial(_inspect, writing, known, _questions(writing, known))


def _inspect(
    writing: Writing, known: Known, questions: tuple[pl.Expr, pl.Expr], block: bytes
) -> Inspected:
    try:
        pl.Series([block], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError:
        raise NotPlain("it has bytes that are not UTF-8") from None
    if checks.may_need_nfc(block):
        raise NotPlain("it has letters with separate accents")
    quoting = reading.quoting_of(block, writing.separator)
    if quoting.is_stray:
        raise NotPlain("it has a stray quote")
    if quoting.has_empty and not writing.quotes_empty:
        raise NotPlain("it has an empty value in quotes, but none in its first lines")
    table = pl.scan_csv(
        block,
        has_header=False,
        schema=dict.fromkeys(writing.columns, pl.String),
        separator=writing.separator,
        empty_string_is_null=False,
        extra_columns="raise",
        missing_columns="raise",
    )
    try:
        # Only the columns that have rules are parsed here; COPY reads them all.
        height, doubtful = table.select(questions).collect(engine="in-memory").row(0)
        rows = table.collect(engine="in-memory")[doubtful].iter_rows(named=True) if doubtful else ()
    except pl.exceptions.PolarsError as error:
        raise NotPlain(f"its values do not fit ({type(error).__name__})") from error
    feed = FEEDS[writing.feed]
    bad = []
    for place, row in zip(doubtful, rows, strict=True):
        if tidied(feed, row) != row:
            raise NotPlain("it has values that need tidying")
        faults = checks.faults(feed, row, known)
        if faults:
            bad.append((place, faults, line_of(row.values())))
    return Inspected(height, bad)


@lru_cache(maxsize=64)
def _questions(writing: Writing, known: Known) -> tuple[pl.Expr, pl.Expr]:
    """Expressions for the number of records and the places of the doubtful ones."""
    doubtful = checks.doubts(FEEDS[writing.feed], writing.columns, known).arg_true()
    return pl.len().alias("height"), doubtful.implode().alias("doubtful")


def tidied(feed: Feed, row: dict[str, str]) -> dict[str, str]:
    """A record with every value tidied (see `checks.tidy`)."""
    return {name: checks.tidy(feed.by_name[name], value) for name, value in row.items()}


def line_of(values: Iterable[str]) -> str:
    """Values as one line of csv."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
