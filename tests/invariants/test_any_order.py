"""Random files of a small province, in any order and grouping: core depends on their set alone.

MOTCUA_EXAMPLES sets how many sets of files are tried; without it the same one is. It takes a
minute or more, as every file is loaded in a run of its own.
"""

import csv
import gzip
import io
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as trials
from hypothesis import strategies as some

from motcua.landing import ingest, reference
from motcua.landing.feeds import FEEDS
from motcua.warehouse import database, dbt
from xlsx import workbook

from .histories import File, History, Row, histories, write_pack

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("MOTCUA_EXAMPLES")

IN_THE_EXPORT = "not in ('row_id', 'due_row_id', 'review_row_id', 'file_id')"
"""Columns whose values the order of loading leaves alone: files are numbered as they come."""

LIMIT_PERCENT = 60
"""Files are small: one bad record among two must not quarantine a file here."""

TONES = "\u0300\u0301\u0303\u0309\u0323"

Contents = dict[str, tuple[int, object]]


class Delivery(NamedTuple):
    """A file as it is delivered, and what becomes of it when it is loaded alone."""

    path: str
    content: bytes
    is_refused: bool
    rejected: int


def core() -> Contents:
    """Rows and sum of their fingerprints of all facts and dimensions, file numbers aside."""
    found = {}
    with database.connect(database.TRANSFORMER) as connection:
        tables = connection.execute(
            "select table_name, string_agg(quote_ident(column_name), ', ' order by column_name)"
            f" from information_schema.columns where table_schema = 'core'"
            f" and table_name like any (array['fct%', 'dim%'])"
            f" and column_name {IN_THE_EXPORT} group by 1"
        ).fetchall()
        for table, columns in tables:
            row = connection.execute(
                f"select count(*), sum(hashtextextended(row({columns})::text, 0)::numeric)"
                f" from core.{table}"
            ).fetchone()
            assert row is not None
            found[table] = (row[0], row[1])
    return found


@contextmanager
def province(
    new_warehouse: Callable[[Path], AbstractContextManager[str]], folder: Path, history: History
) -> Iterator[str]:
    """An empty warehouse of the province; the sha256 of its reference pack."""
    folder.mkdir()
    write_pack(folder / "pack", history.rules)
    with new_warehouse(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_REFERENCE", str(folder / "pack"))
        patch.setenv("MOTCUA_HOME", str(folder.parent / "home"))
        sha256, _ = reference.store(folder / "pack")
        yield sha256


def bad(file: File, row: Row) -> Row:
    """The row with a time that is none, where the feed must have one."""
    name = next(c.name for c in FEEDS[file.feed].required if c.kind == "time" and not c.empty_when)
    return row | {name: "hôm qua"}


def with_bad_revisions(files: list[File], draw: random.Random) -> list[File]:
    """Also revisions that are refused whole, and such as lose a record."""
    first = list({(file.feed, file.day, file.part): file for file in files if file.rows}.values())
    assume(len(first) > 5)
    refused = [
        replace(file, revision=3, rows=tuple(bad(file, row) for row in file.rows))
        for file in draw.sample(first, 3)
    ]
    partly = [
        replace(file, revision=4, rows=(*file.rows, bad(file, file.rows[0])))
        for file in draw.sample(first, 3)
    ]
    return [*files, *refused, *partly]


def delivered(file: File, draw: random.Random) -> Delivery:
    """The file in one of the forms that exports may have."""
    columns = [column.name for column in FEEDS[file.feed].columns]
    rows = [columns, *([row.get(name, "") for name in columns] for row in file.rows)]
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    text, name = target.getvalue(), file.name
    match draw.choice(("utf-8", "utf-8", "cp1258", "utf-16", "csv.gz", "xlsx")):
        case "cp1258":
            content = "".join(map(in_two, text)).encode("cp1258")
        case "utf-16":
            content = text.encode("utf-16")
        case "csv.gz":
            name, content = f"{name}.gz", gzip.compress(text.encode(), mtime=0)
        case "xlsx":
            name, content = name.replace(".csv", ".xlsx"), workbook(rows)
        case _:
            content = text.encode()
    rejected = sum("hôm qua" in row.values() for row in file.rows)
    is_refused = rejected * 100 > LIMIT_PERCENT * len(file.rows)
    return Delivery(f"{file.feed}/{file.folder}/{name}", content, is_refused, rejected)


def in_two(letter: str) -> str:
    """A letter as Windows-1258 has it, its tone behind it where the two are no letter there."""
    try:
        letter.encode("cp1258")
    except UnicodeEncodeError:
        parts = normalize("NFD", letter)
        tones = "".join(mark for mark in parts if mark in TONES)
        return normalize("NFC", parts.translate(dict.fromkeys(map(ord, TONES)))) + tones
    return letter


def lay(zone: Path, deliveries: Iterable[Delivery]) -> str:
    """Put files into a landing zone; those of one name lie in folders of their own."""
    for number, one in enumerate(deliveries):
        feed, _, rest = one.path.partition("/")
        path = zone / feed / str(number) / rest
        path.parent.mkdir(parents=True)
        path.write_bytes(one.content)
    return str(zone)


def load(folder: Path, deliveries: list[Delivery]) -> None:
    """Load files one after another, so that the order is theirs and not that of their names."""
    for number, one in enumerate(deliveries):
        done = ingest.ingest(lay(folder / f"zone-{number}", [one]))
        assert done.found == 1
        if done.loaded or done.quarantined:
            assert bool(done.quarantined) == one.is_refused, done.messages
            assert done.rejected == (0 if one.is_refused else one.rejected), done.messages
        else:
            assert done.unchanged == 1


@trials(
    max_examples=int(EXAMPLES or 1),
    deadline=None,
    derandomize=EXAMPLES is None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(), seed=some.integers(0, 2**32), cuts=some.integers(1, 3))
def test_any_order_and_grouping_of_the_same_files_gives_the_same_core(
    new_warehouse: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    history: History,
    seed: int,
    cuts: int,
) -> None:
    monkeypatch.setenv("MOTCUA_REJECT_LIMIT_PERCENT", str(LIMIT_PERCENT))
    folder = tmp_path_factory.mktemp("orders")
    draw = random.Random(seed)
    files = [delivered(file, draw) for file in with_bad_revisions([*history.files], draw)]
    assert sum(file.is_refused for file in files) == 3
    with province(new_warehouse, folder / "at-once", history) as sha256:
        report = ingest.ingest(lay(folder / "at-once" / "zone", files))
        assert (report.found, report.quarantined) == (len(files), 3)
        assert report.rejected == 3
        assert dbt.build(sha256).built
        expected = core()
    for table in ("fct_case_versions", "dim_procedures", "dim_units"):
        assert expected[table][0] > 0

    draw.shuffle(files)
    marks = sorted(draw.sample(range(1, len(files)), cuts))
    with province(new_warehouse, folder / "piecemeal", history) as sha256:
        for number, (first, last) in enumerate(zip([0, *marks], [*marks, None], strict=True)):
            load(folder / "piecemeal" / str(number), files[first:last])
            dbt.build(sha256)
        assert core() == expected, f"loaded in {cuts + 1} runs, seed {seed}"
        assert dbt.build(sha256, full_refresh=True).built
        assert core() == expected, "incremental and full refresh differ"
