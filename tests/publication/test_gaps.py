"""Missing days of a release: refused, or waived by name, kept and told."""

from datetime import date

import psycopg
import pytest

from motcua.documents import tables
from motcua.errors import Refused
from motcua.publication import release
from motcua.waivers import Waiver

WAIVER = Waiver("Trần Thị B", "máy chủ hỏng, không xuất lại được")
THIN = "Mỗi ngày gần như không có bản ghi phải có người chấp nhận."


def change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def gaps(built: str) -> str:
    """Q1 is known on 5 April 2019, a Friday; cases are missing on 4 and 5, ratings of K02 on 5."""
    change(
        built,
        "update reference.feeds set expected = 'working_days', expected_from = '2019-04-04'"
        " where feed = 'cases';"
        " update reference.feeds set expected = 'working_days', expected_from = '2019-04-05'"
        " where feed = 'ratings';"
        " insert into marts.release_inputs (period_code, feed, file_name, business_date, part,"
        " revision, sha256, records) values"
        " ('2019-Q1', 'ratings', 'ratings_2019-04-05_K01.csv', '2019-04-05', 'K01', 1, 'c', 3)",
    )
    return built


def test_missing_days_refuse_a_release_and_all_are_named(gaps: str) -> None:
    with pytest.raises(Refused) as refusal:
        release.publish("2019-Q1", "A")
    assert (
        "3 expected day(s) are missing: cases 2019-04-04, 2019-04-05; ratings 2019-04-05 (K02)."
        in str(refusal.value)
    )
    assert "`motcua publish 2019-Q1 --waive NAME --reason TEXT`" in str(refusal.value)
    assert rows(gaps, "select * from published.publications") == []


def test_a_waiver_is_kept_with_every_day_and_told_in_checks_and_tables(gaps: str) -> None:
    made = release.publish("2019-Q1", "A", waiver=WAIVER)
    assert made.publication_id == "2019-Q1.r1"
    assert rows(gaps, "select * from published.waivers order by feed, day") == [
        ("2019-Q1.r1", feed, date(2019, 4, number), WAIVER.name, WAIVER.reason)
        for feed, number in (("cases", 4), ("cases", 5), ("ratings", 5))
    ]
    told = (
        "Mỗi ngày làm việc thiếu tệp phải có người chấp nhận. Thiếu tệp của các ngày: hồ sơ"
        " 04/04/2019, 05/04/2019; đánh giá 05/04/2019 (K02). Người chấp nhận: Trần Thị B."
        " Lý do: máy chủ hỏng, không xuất lại được."
    )
    assert rows(
        gaps,
        "select check_id, level, expected, found, passed, explanation from published.checks"
        " where check_id in ('missing_days', 'thin_days') order by check_id",
    ) == [
        ("missing_days", "warning", "0", "3", False, told),
        ("thin_days", "warning", "0", "0", True, THIN),
    ]
    (table,) = tables.of_publication("2019-Q1.r1")
    assert table.release.gaps == (told,)
    assert any("missing_days" in warning for warning in made.warnings)


def test_the_same_figures_again_are_the_release_that_stands(gaps: str) -> None:
    release.publish("2019-Q1", "A", waiver=WAIVER)
    assert not release.publish("2019-Q1", "A").is_new
    assert not release.publish("2019-Q1", "A", waiver=WAIVER).is_new
    assert rows(gaps, "select count(*) from published.waivers") == [(3,)]


def test_a_revision_needs_a_waiver_of_its_own_for_what_is_missing_then(gaps: str) -> None:
    release.publish("2019-Q1", "A", waiver=WAIVER)
    change(
        gaps,
        "update marts.appendix_1 set total = total + 1, newly_received = newly_received + 1,"
        " in_progress_total = in_progress_total + 1, in_progress_in_time = in_progress_in_time + 1"
        " where period_code = '2019-Q1' and display_order = 1;"
        " update marts.scorecard set received = received + 1"
        " where period_code = '2019-Q1' and display_order = 1;"
        " insert into marts.release_inputs (period_code, feed, file_name, business_date, part,"
        " revision, sha256, records) values"
        " ('2019-Q1', 'cases', 'cases_2019-04-04.csv', '2019-04-04', '', 1, 'd', 3),"
        " ('2019-Q1', 'cases', 'cases_2019-04-05.csv', '2019-04-05', '', 1, 'e', 3)",
    )
    with pytest.raises(Refused, match="1 expected day"):
        release.publish("2019-Q1", "A", revise=True, note="n")
    release.publish("2019-Q1", "A", revise=True, note="n", waiver=WAIVER)
    assert rows(
        gaps,
        "select publication_id, feed from published.waivers where publication_id like '%.r2'",
    ) == [("2019-Q1.r2", "ratings")]


def test_without_a_missing_day_a_waiver_is_refused(built: str) -> None:
    with pytest.raises(Refused, match="nothing to waive: no day of 2019-Q1 is missing"):
        release.publish("2019-Q1", "A", waiver=WAIVER)


def test_a_thin_day_that_was_let_through_is_told_with_the_releases_that_rest_on_it(
    built: str,
) -> None:
    change(
        built,
        "update reference.feeds set expected = 'working_days', expected_from = '2019-01-02'"
        " where feed = 'cases';"
        " insert into raw.files (file_id, feed, uri, file_name, business_date, sha256, bytes,"
        " records, loaded, rejected, state, read_by) values (7, 'cases', '',"
        " 'cases_2019-01-02.csv', '2019-01-02', repeat('ab', 32), 1, 3, 3, 0, 'loaded', 'stream');"
        " insert into core.files_applied (file_id, project_sha256)"
        " select 7, project_sha256 from core.files_applied limit 1;"
        " insert into ops.landing_waivers values"
        " ('cases', '2019-01-02', '{7}', 3, 400, 'Lê C', 'cúp điện'),"
        " ('cases', '2019-01-03', '{8}', 2, 400, 'Lê C', 'tệp đã được thay')",
    )
    change(built, "update marts.periods set known_as_of = '2019-01-02' where period_code='2019-Q1'")
    release.publish("2019-Q1", "A")
    assert rows(
        built,
        "select found, passed, explanation from published.checks where check_id = 'thin_days'",
    ) == [
        (
            *("1", False),
            f"{THIN} Ngày có rất ít bản ghi: hồ sơ 02/01/2019 (3 bản ghi)."
            " Người chấp nhận: Lê C. Lý do: cúp điện.",
        )
    ]
