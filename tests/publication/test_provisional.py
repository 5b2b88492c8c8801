"""Schema provisional: what is not published yet, readable by the Centre's dashboards only."""

from datetime import date

import psycopg
import pytest

from motcua.publication import provisional, release
from motcua.warehouse import database


def read(query: str) -> list[tuple[object, ...]]:
    with database.connect(database.OPS_READER) as connection:
        return connection.execute(query).fetchall()


def test_all_unpublished_periods_are_shown_as_not_published(built: str) -> None:
    assert provisional.refresh() == ["2019-Q1", "2019-H1", "2019-Q2"]
    assert read("select period_code, title_vi, as_of from provisional.periods order by as_of") == [
        ("2019-Q1", "Quý I năm 2019 – chưa công bố", date(2019, 4, 5)),
        ("2019-Q2", "Quý II năm 2019 – chưa công bố", date(2019, 6, 20)),
        ("2019-H1", "06 tháng đầu năm 2019 – chưa công bố", date(2019, 7, 11)),
    ]
    assert read(
        "select as_of, sum(total) from provisional.appendix_1 where period_code = '2019-H1'"
        " group by as_of"
    ) == [(date(2019, 7, 11), 25031)]
    assert read("select count(*) from provisional.indicator_evidence") == [(432,)]


def test_published_period_leaves_until_its_figures_change(built: str) -> None:
    release.publish("2019-Q1", "A")
    assert provisional.refresh() == ["2019-H1", "2019-Q2"]
    assert read("select count(*) from provisional.scorecard where period_code = '2019-Q1'") == [
        (0,)
    ]
    with psycopg.connect(built) as connection:
        connection.execute(
            "update marts.appendix_2 set comments = comments + 1 where period_code = '2019-Q1'"
        )
    assert provisional.refresh() == ["2019-Q1", "2019-H1", "2019-Q2"]
    assert read("select published_as from provisional.periods where period_code = '2019-Q1'") == [
        ("2019-Q1.r1",)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from marts.appendix_2 where {one}",
        "insert into marts.appendix_2 select (jsonb_populate_record(a,"
        " jsonb_build_object('unit_code', 'of its own'))).* from marts.appendix_2 as a where {one}",
    ],
    ids=["gone", "come"],
)
def test_a_row_gone_or_come_since_the_release_is_news(built: str, statement: str) -> None:
    release.publish("2019-Q1", "A")
    assert "2019-Q1" not in provisional.refresh()
    one = "period_code = '2019-Q1' and unit_code = (select max(unit_code) from marts.appendix_2)"
    with psycopg.connect(built) as connection:
        assert connection.execute(statement.format(one=one)).rowcount == 1
    assert "2019-Q1" in provisional.refresh()


def test_open_cases_due_soon_and_overdue_are_counted_by_unit(built: str) -> None:
    unit = "000.00.12.H51"
    cases = [
        # code, due, finished, status, cancelled; data reach Thursday 11 July 2019
        ("overdue", "2019-07-10", None, 4, False),
        ("due-today", "2019-07-11", None, 4, False),
        ("in-three-working-days", "2019-07-16", None, 2, False),
        ("in-four-working-days", "2019-07-17", None, 4, False),
        ("promised-again", "2019-07-01", None, 5, False),
        ("finished", "2019-07-01", "2019-07-02", 9, False),
        ("handed-over", "2019-07-01", None, 10, False),
        ("withdrawn", "2019-07-01", None, 7, False),
        ("registered", "2019-07-01", None, 1, False),
        ("cancelled", "2019-07-01", None, 4, True),
        ("without-due-date", None, None, 4, False),
    ]
    with psycopg.connect(built) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into core.fct_cases (case_code, procedure_code, unit_code, due_at, finished_at,"
            f" status_code, is_cancelled) values (%s, '1.000001', '{unit}', %s, %s, %s, %s)",
            cases,
        )
        cursor.execute(
            "insert into core.fct_supplements values"
            " ('1', 'promised-again', '2019-06-01', '2019-06-20', null),"
            " ('2', 'promised-again', '2019-06-25', '2019-12-20', null),"
            " ('3', 'promised-again', '2019-06-28', null, null),"
            " ('4', 'overdue', '2019-06-28', '2019-12-20', '2019-06-30')"
        )
    provisional.refresh()
    assert read(
        "select case_code, state, working_days_left from provisional.cases_due order by due_date"
    ) == [
        ("overdue", "overdue", -1),
        ("due-today", "due_soon", 0),
        ("in-three-working-days", "due_soon", 3),
    ]
    assert read(
        "select unit_name, as_of, due_soon, overdue from provisional.cases_due_by_unit"
        " where due_soon + overdue > 0"
    ) == [("Sở Tư pháp", date(2019, 7, 11), 2, 1)]
    assert read("select count(*) from provisional.cases_due_by_unit") == [(16,)]


def test_refresh_twice_gives_the_same(built: str) -> None:
    provisional.refresh()
    before = read("select * from provisional.appendix_4 order by 1, 2, 3")
    provisional.refresh()
    assert read("select * from provisional.appendix_4 order by 1, 2, 3") == before


def test_readers_of_the_published_tables_do_not_see_provisional_ones(built: str) -> None:
    provisional.refresh()
    with (
        database.connect(database.BI_READER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select * from provisional.scorecard")
    with (
        database.connect(database.OPS_READER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("delete from provisional.scorecard")
