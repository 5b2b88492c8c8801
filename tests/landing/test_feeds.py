"""The feeds in the code are those of the raw tables, and what is personal stays there."""

import pytest

from motcua.landing.feeds import FEEDS

WRITTEN = "('personal_digest', 'officer')"
"""Pseudonyms, which stand in no export."""


@pytest.mark.parametrize("feed", FEEDS)
def test_the_raw_table_has_the_columns_of_the_feed_in_their_order(feed, rows):
    columns = rows(
        "select column_name from information_schema.columns"
        f" where (table_schema, table_name) = ('raw', '{feed}') and column_name not in {WRITTEN}"
        " order by ordinal_position"
    )
    assert [name for (name,) in columns] == [
        "row_id",
        *(column.sql_name for column in FEEDS[feed].columns),
    ]


@pytest.mark.parametrize("feed", FEEDS)
def test_the_transformer_sees_every_column_but_the_personal_ones(feed, rows):
    granted = rows(
        "select column_name from information_schema.column_privileges"
        " inner join information_schema.columns using (table_schema, table_name, column_name)"
        f" where (table_schema, table_name) = ('raw', '{feed}') and column_name not in {WRITTEN}"
        " and grantee = 'motcua_transformer' and privilege_type = 'SELECT'"
    )
    assert {name for (name,) in granted} == {
        "row_id",
        *(column.sql_name for column in FEEDS[feed].columns if not column.personal),
    }


@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_has_its_sequence_and_its_block_range_index(feed, rows):
    assert rows(
        f"select to_regclass('raw.{feed}_row_id') is not null,"
        f" to_regclass('raw.{feed}_by_row_id') is not null"
    ) == [(True, True)]
