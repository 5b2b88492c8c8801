"""Check a block of csv bytes on a core of its own, while the same bytes go to the server."""

import csv
import io
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from motcua.landing import checks, reading
from motcua.landing.checks import Fault, Known
from motcua.landing.feeds import FEEDS, Feed
from motcua.landing.reading import NotPlain


class Inspected(NamedTuple):
    """Records of a block, and the bad ones: place in the block, what is wrong, the record."""

    height: int
    bad: list[tuple[int, list[Fault], str]]


class Inspector:
    """Checks blocks of csv files of one layout; it keeps what is the same for all of them."""

    def __init__(
        self,
        feed: Feed,
        columns: tuple[str, ...],
        separator: str,
        quotes_empty: bool,
        known: Known,
    ) -> None:
        import polars as pl

        self.feed, self.separator, self.known = feed, separator, known
        self.quotes_empty = quotes_empty
        self.schema = dict.fromkeys(columns, pl.String)
        doubtful = checks.doubts(feed, columns, known).arg_true()
        self.outcome = (pl.len().alias("height"), doubtful.implode().alias("doubtful"))

    def inspect(self, block: bytes) -> Inspected:
        """The bad records of a block. Raises NotPlain when its bytes cannot be sent as they are."""
        import polars as pl

        if checks.may_need_nfc(block):
            raise NotPlain("it has letters with separate accents")
        quoting = reading.quoting_of(block, self.separator)
        if quoting.is_stray:
            raise NotPlain("it has a stray quote")
        if quoting.has_empty and not self.quotes_empty:
            raise NotPlain("it has an empty value in quotes, but none in its first lines")
        table = pl.scan_csv(
            block,
            has_header=False,
            schema=self.schema,
            separator=self.separator,
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
        )
        try:
            # Only the columns that have rules are parsed here; COPY reads them all.
            height, doubtful = table.select(self.outcome).collect().row(0)
            rows = table.collect()[doubtful].rows(named=True) if doubtful else []
        except pl.exceptions.PolarsError as error:
            raise NotPlain(str(error)) from error
        bad = []
        for place, row in zip(doubtful, rows, strict=True):
            if tidied(self.feed, row) != row:
                raise NotPlain("it has values that need tidying")
            faults = checks.faults(self.feed, row, self.known)
            if faults:
                bad.append((place, faults, _line(row.values())))
        return Inspected(height, bad)


@lru_cache(maxsize=64)
def inspector(
    feed: str, columns: tuple[str, ...], separator: str, quotes_empty: bool, known: Known
) -> Inspector:
    """The inspector for files of a feed that have these columns in this order."""
    return Inspector(FEEDS[feed], columns, separator, quotes_empty, known)


def tidied(feed: Feed, row: dict[str, str]) -> dict[str, str]:
    """A record with every value tidied (see `checks.tidy`)."""
    columns = {column.name: column for column in feed.columns}
    return {name: checks.tidy(columns[name], value) for name, value in row.items()}


def _line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
