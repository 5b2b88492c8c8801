"""Which periods are refused, and what the refusal says."""

from datetime import date

import psycopg
import pytest

import report_marts
from motcua.errors import Failed, Refused
from motcua.publication import periods, release
from motcua.warehouse import database


def data_reach(url: str, day: str) -> None:
    """Pretend that the newest business date is `day`, a working day."""
    with psycopg.connect(url) as connection:
        connection.execute("delete from marts.periods")
        connection.execute(
            "insert into marts.periods select periods.*, %(day)s,"
            " least(known_as_of, (select min(day) - 1 from core.dim_dates"
            " where is_working_day and day > %(day)s))"
            " from core.dim_periods as periods where cases_from <= %(day)s",
            {"day": day},
        )


def test_unknown_period_fails_and_names_the_known_ones(built: str) -> None:
    with pytest.raises(Failed, match=r"no period 2019-Q7; it has 2019-Q1, 2019-Q2, 2019-H1"):
        release.publish("2019-Q7", "A")


def test_nothing_is_published_before_anything_is_built(warehouse: str) -> None:
    with pytest.raises(Refused, match="Nothing is built yet"):
        release.publish("2019-Q1", "A")


def test_period_that_has_not_ended_is_refused(built: str) -> None:
    data_reach(built, "2019-03-28")
    with pytest.raises(Refused, match="has not ended: it runs to 2019-03-31"):
        release.publish("2019-Q1", "A")
    with pytest.raises(Refused, match="has not begun"):
        release.publish("2019-Q2", "A")


@pytest.mark.parametrize("day", ["2019-03-29", "2019-04-04"])
def test_period_whose_knowledge_date_the_data_have_not_reached_is_refused(
    built: str, day: str
) -> None:
    data_reach(built, day)
    with pytest.raises(Refused, match=f"must reach 2019-04-05.*; they reach {day}"):
        release.publish("2019-Q1", "A")


def test_period_is_known_on_the_last_working_day_up_to_its_knowledge_date(built: str) -> None:
    with psycopg.connect(built) as connection:
        # A Sunday; 6 April is a Saturday.
        connection.execute(
            "update core.dim_periods set known_as_of = '2019-04-07' where period_code = '2019-Q1'"
        )
    data_reach(built, "2019-04-04")
    with pytest.raises(Refused, match="must reach 2019-04-05"):
        release.publish("2019-Q1", "A")
    data_reach(built, "2019-04-05")
    assert release.publish("2019-Q1", "A").is_new


def test_calendar_of_the_pack_decides_what_a_working_day_is(built: str) -> None:
    with database.connect(database.PUBLISHER) as connection:
        # Saturday 5 January made up for Monday 31 December; Tet ran from 4 to 8 February.
        assert periods.last_working_day(connection, date(2019, 1, 6)) == date(2019, 1, 5)
        assert periods.last_working_day(connection, date(2019, 2, 10)) == date(2019, 2, 1)


def test_half_year_comes_after_the_quarters_inside_it(built: str) -> None:
    release.publish("2019-Q1", "A")
    with pytest.raises(Refused, match=r"Publish first: 2019-Q2 \(run publish_scorecard"):
        release.publish("2019-H1", "A")
    release.publish("2019-Q2", "A")
    assert release.publish("2019-H1", "A").publication_id == "2019-H1.r1"


def test_half_year_is_refused_after_a_quarter_of_it_was_withdrawn(built: str) -> None:
    release.publish("2019-Q1", "A")
    release.publish("2019-Q2", "A")
    release.withdraw("2019-Q1.r1", "B", "sai")
    with pytest.raises(Refused, match=r"2019-Q1 not published \(or withdrawn\)"):
        release.publish("2019-H1", "A")


def test_files_that_wait_to_be_built_stop_the_periods_that_know_them(built: str) -> None:
    with database.connect(database.LOADER) as connection:
        report_marts.load_file(connection, 2, "2019-05-02")
    assert release.publish("2019-Q1", "A").is_new
    with pytest.raises(Refused, match=r"1 export file\(s\).*not built.*motcua build"):
        release.publish("2019-Q2", "A")


def test_build_by_other_models_stops_a_publication(built: str) -> None:
    with psycopg.connect(built) as connection:
        connection.execute("update core.files_applied set project_sha256 = 'older'")
    with pytest.raises(Refused, match="models have changed since the last build"):
        release.publish("2019-Q1", "A")


def test_listing_tells_the_release_and_the_obstacle_of_every_period(built: str) -> None:
    release.publish("2019-Q1", "A")
    states = {state.period_code: state for state in periods.listing()}
    assert list(states) == ["2019-Q1", "2019-Q2", "2019-H1"]
    assert states["2019-Q1"].publication_id == "2019-Q1.r1"
    assert states["2019-Q2"].publication_id is None
    assert states["2019-Q2"].obstacles == []
    [obstacle] = states["2019-H1"].obstacles
    assert (obstacle.kind, obstacle.parts) == (periods.PARTS_LACK, ("2019-Q2",))


def test_listing_tells_all_that_stands_against_a_period(built: str) -> None:
    data_reach(built, "2019-07-10")
    with database.connect(database.LOADER) as connection:
        report_marts.load_file(connection, 2, "2019-05-02")
    states = {state.period_code: state for state in periods.listing()}
    assert [one.kind for one in states["2019-H1"].obstacles] == [
        periods.EARLY,
        periods.PARTS_LACK,
        periods.NOT_BUILT,
    ]


def test_check_refuses_what_publish_refuses(built: str) -> None:
    periods.check("2019-Q1")
    with pytest.raises(Refused, match="Publish first"):
        periods.check("2019-H1")
