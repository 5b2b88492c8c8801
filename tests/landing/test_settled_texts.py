"""What stands in schema raw needs no trimming: staging and the landing gate take it as it is."""

import random

import pytest
from mutator import WRITINGS, sound

from motcua.landing import ingest
from motcua.landing.feeds import FEEDS


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("writing", WRITINGS)
def test_no_value_has_blanks_around_it_and_none_is_an_empty_text(put, rows, feed, writing):
    form, write = WRITINGS[writing]
    header, *records = sound(random.Random(7), feed, 12)
    columns = FEEDS[feed].columns
    personal = [place for place, column in enumerate(columns) if column.personal]
    for number, record in enumerate(records):
        for place, column in enumerate(columns):
            if place in personal:
                continue
            is_left_out = not column.required and (number + place) % 4 == 0
            blanks = ("", " ", "\t ", "\u00a0")[(number + place) % 3]
            record[place] = blanks if is_left_out else f"{blanks}{record[place]}{blanks}"
    put(f"{feed}_2019-03-29.{form}", write([header, *records]))
    report = ingest.ingest()
    assert (report.records, report.rejected) == (12, 0), report.messages
    for column in columns:
        if not column.personal:
            name = column.sql_name
            (counted,) = rows(
                f"select count(*) filter (where {name} = ''), count(*) filter (where {name} <>"
                f" btrim({name}, e' \\t\\u00a0')), count({name}) from raw.{feed}"
            )
            assert counted[:2] == (0, 0), column
            assert counted[2] > 0, column


@pytest.mark.parametrize("feed", FEEDS)
def test_blanks_in_one_column_alone_are_seen_in_a_file_that_could_stream(put, rows, feed):
    columns = [column for column in FEEDS[feed].columns if not column.personal]
    for day, column in enumerate(columns, start=1):
        header, *records = sound(random.Random(day), feed, 3)
        place = header.index(column.name)
        records[1][place] = f"{records[1][place]} "
        put(f"{feed}_2019-03-{day:02}.csv", WRITINGS["utf-8"][1]([header, *records]))
    report = ingest.ingest()
    assert (report.records, report.rejected) == (3 * len(columns), 0), report.messages
    assert rows("select distinct read_by from raw.files") == [("records",)]
    for column in columns:
        name = column.sql_name
        assert rows(f"select count(*) from raw.{feed} where {name} <> btrim({name})") == [(0,)]
