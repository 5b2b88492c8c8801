"""Publishing: all or nothing, never changed afterwards, revised only in the open."""

import threading
from datetime import date
from decimal import Decimal

import psycopg
import pytest

import report_marts
from motcua.errors import Failed, Refused
from motcua.publication import figures, release
from motcua.warehouse import database, dbt

TABLES = [*figures.KEYS, "publications", "release_inputs", "checks"]
EVERYONE = (
    *(database.PUBLISHER, database.BI_READER, database.LOADER, database.OPS_READER),
    database.TRANSFORMER,
)
"""Every role that logs in."""


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"select count(*) from published.{table}").fetchone()
    assert row is not None
    return int(row[0])


def change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def test_release_holds_every_figure_of_the_candidate_and_pins_its_inputs(built: str) -> None:
    made = release.publish("2019-Q1", "Nguyễn Văn A", note="lần đầu")
    assert (made.publication_id, made.is_new) == ("2019-Q1.r1", True)
    for table, rows in {
        "appendix_1": 16,
        "appendix_2": 16,
        "appendix_4": 16,
        "scorecard": 16,
        "indicator_evidence": 144,
        "late_cases": 0,
        "release_inputs": 1,
    }.items():
        assert count(built, table) == rows, table
    with psycopg.connect(built) as connection:
        connection.execute("set time zone 'Asia/Ho_Chi_Minh'")
        row = connection.execute(
            "select period_code, revision, kind, cases_from, cases_to, ratings_to, known_as_of,"
            " rule_set, approved_by, note, code_version, length(reference_sha256)"
            " from published.publications"
        ).fetchone()
        score = connection.execute(
            "select unit_name, received, settled, indicator_2, form_1_total, total, band, rank"
            " from published.latest_scorecard where display_order = 1"
        ).fetchone()
        pinned = connection.execute("select * from published.release_inputs").fetchone()
    assert row == (
        *("2019-Q1", 1, "quarter", date(2019, 1, 1), date(2019, 3, 31), date(2019, 3, 31)),
        *(date(2019, 4, 5), "qd1216_2019", "Nguyễn Văn A", "lần đầu", dbt.code_version(), 64),
    )
    assert score == (
        *("Sở Thông tin và Truyền thông", 22, 21),
        *(Decimal("1.9"), Decimal("9.7"), Decimal("14.7"), "tốt", 6),
    )
    assert pinned == (
        *("2019-Q1.r1", "cases", "cases_2019-01-02.csv", date(2019, 1, 2), "", 1),
        *("ab" * 32, 3),
    )


def test_publishing_the_same_figures_again_adds_no_row(built: str) -> None:
    release.publish("2019-Q1", "A")
    before = {table: count(built, table) for table in TABLES}
    again = release.publish("2019-Q1", "B")
    assert (again.publication_id, again.is_new) == ("2019-Q1.r1", False)
    assert {table: count(built, table) for table in TABLES} == before


def test_other_figures_are_refused_without_revise_and_the_cells_are_named(built: str) -> None:
    release.publish("2019-Q1", "A")
    report_marts.receive_one_more(built)
    with pytest.raises(Refused) as refusal:
        release.publish("2019-Q1", "A")
    text = str(refusal.value)
    assert "2019-Q1.r1" in text
    assert "5 cell(s) differ" in text
    assert "appendix_1, Sở Thông tin và Truyền thông, newly_received: 22 → 23" in text
    assert "--revise" in text
    assert count(built, "publications") == 1


def test_revision_needs_a_note_and_a_change_and_then_stands_beside_the_first(built: str) -> None:
    with pytest.raises(Refused, match="no release that could be revised"):
        release.publish("2019-Q1", "A", revise=True, note="vì")
    release.publish("2019-Q1", "A")
    with pytest.raises(Refused, match=r"Nothing has changed since 2019-Q1\.r1"):
        release.publish("2019-Q1", "A", revise=True, note="vì")
    report_marts.receive_one_more(built)
    for note in (None, "  "):
        with pytest.raises(Refused, match="needs a note"):
            release.publish("2019-Q1", "A", revise=True, note=note)
    made = release.publish("2019-Q1", "A", revise=True, note="bổ sung một hồ sơ")
    assert (made.publication_id, made.is_new, made.changed_cells) == ("2019-Q1.r2", True, 5)
    with psycopg.connect(built) as connection:
        totals = connection.execute(
            "select publication_id, total from published.appendix_1 where display_order = 1"
            " order by revision"
        ).fetchall()
        latest = connection.execute(
            "select publication_id, total from published.latest_appendix_1 where display_order = 1"
        ).fetchall()
    assert totals == [("2019-Q1.r1", 22), ("2019-Q1.r2", 23)]
    assert latest == [("2019-Q1.r2", 23)]


def test_consent_is_asked_for_before_the_long_work(built: str) -> None:
    release.check_consent("2019-Q1", "A", revise=False, note=None)
    with pytest.raises(Refused, match="name of the person"):
        release.check_consent("2019-Q1", " ", revise=False, note=None)
    release.publish("2019-Q1", "A")
    release.check_consent("2019-Q1", "A", revise=False, note=None)
    with pytest.raises(Refused, match="Nothing has changed"):
        release.check_consent("2019-Q1", "A", revise=True, note="vì")
    report_marts.receive_one_more(built)
    with pytest.raises(Refused, match="needs a note"):
        release.check_consent("2019-Q1", "A", revise=True, note=" ")
    release.check_consent("2019-Q1", "A", revise=True, note="vì")


def test_a_change_without_any_row_behind_it_is_unexplained_and_texts_are_kept(built: str) -> None:
    release.publish("2019-Q1", "A")
    report_marts.receive_one_more(built)
    change(
        built,
        "update marts.appendix_4 set note = 'mới' where period_code = '2019-Q1'"
        " and display_order = 1",
    )
    release.publish("2019-Q1", "A", revise=True, note="vì")
    with psycopg.connect(built) as connection:
        found = connection.execute(
            "select column_name, new_text, reason, difference from published.latest_revisions"
            " where comparison = 'revision' and column_name in ('newly_received', 'note')"
            " order by column_name"
        ).fetchall()
    assert found == [
        ("newly_received", None, "unexplained", 1),
        ("note", "mới", "unexplained", None),
    ]


def test_an_empty_cell_that_becomes_a_zero_follows_from_what_made_it_one(built: str) -> None:
    release.publish("2019-Q1", "A")
    change(
        built,
        "update marts.appendix_4 set processes_approved = 1, processes_on_software = 0,"
        " completion_percent = 0 where period_code = '2019-Q1' and unit_code = (select"
        " min(unit_code) from published.appendix_4 where processes_approved is null)",
    )
    release.publish("2019-Q1", "A", revise=True, note="vì")
    with psycopg.connect(built) as connection:
        found = connection.execute(
            "select column_name, old_value, new_value, reason, difference"
            " from published.latest_revisions where table_name = 'appendix_4'"
            " and comparison = 'revision' order by column_name"
        ).fetchall()
    assert found == [
        ("completion_percent", None, 0, "follows_from_other_figures", 0),
        ("processes_approved", None, 1, "unexplained", 1),
        ("processes_on_software", None, 0, "follows_from_other_figures", 0),
    ]


def test_another_name_of_a_unit_is_no_new_figure_but_may_be_revised(built: str) -> None:
    release.publish("2019-Q1", "A")
    change(built, "update marts.scorecard set unit_name = 'Sở Một' where display_order = 1")
    assert not release.publish("2019-Q1", "A").is_new
    assert release.publish("2019-Q1", "A", revise=True, note="đổi tên").changed_cells == 1


def test_withdrawn_release_gives_way_to_the_one_before(built: str) -> None:
    release.publish("2019-Q1", "A")
    report_marts.receive_one_more(built)
    release.publish("2019-Q1", "A", revise=True, note="bổ sung")
    release.withdraw("2019-Q1.r2", "B", "đếm nhầm")
    with psycopg.connect(built) as connection:
        latest = connection.execute(
            "select distinct publication_id from published.latest_scorecard"
        ).fetchall()
        reason = connection.execute(
            "select publication_id, by, reason from published.withdrawals"
        ).fetchall()
    assert latest == [("2019-Q1.r1",)]
    assert reason == [("2019-Q1.r2", "B", "đếm nhầm")]
    with pytest.raises(Refused, match="withdrawn already, by B"):
        release.withdraw("2019-Q1.r2", "C", "vì")
    with pytest.raises(Refused, match="needs a reason"):
        release.withdraw("2019-Q1.r1", "C", " ")
    with pytest.raises(Failed, match=r"no publication 2019-Q9\.r1"):
        release.withdraw("2019-Q9.r1", "C", "vì")


def test_after_every_release_is_withdrawn_a_new_one_is_a_revision(built: str) -> None:
    release.publish("2019-Q1", "A")
    release.withdraw("2019-Q1.r1", "B", "sai")
    with pytest.raises(Refused, match="was withdrawn"):
        release.publish("2019-Q1", "A")
    made = release.publish("2019-Q1", "A", revise=True, note="công bố lại")
    assert (made.publication_id, made.is_new) == ("2019-Q1.r2", True)


def test_two_at_once_give_one_release(built: str) -> None:
    made: list[release.Release] = []
    threads = [
        threading.Thread(target=lambda: made.append(release.publish("2019-Q1", "A")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.is_new for one in made) == [False, False, False, True]
    assert {one.publication_id for one in made} == {"2019-Q1.r1"}
    assert count(built, "publications") == 1
    assert count(built, "scorecard") == 16


def test_publication_that_fails_in_the_middle_leaves_nothing(
    built: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the connection is lost")

    monkeypatch.setattr(release.checks, "store", broken)
    with pytest.raises(RuntimeError):
        release.publish("2019-Q1", "A")
    assert {table: count(built, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_publication_whose_session_ends_in_the_middle_leaves_nothing(
    built: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process is killed: the server rolls back, and another publication may begin."""
    store = release.checks.store

    def cut(connection: database.Connection, *rest: object) -> None:
        found = connection.execute("select count(*) from published.scorecard").fetchone()
        assert found == (16,), "the figures stand inserted at this moment"
        with psycopg.connect(built) as administrator:
            pid = connection.info.backend_pid
            administrator.execute("select pg_terminate_backend(%s, 5000)", [pid])
        store(connection, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(release.checks, "store", cut)
        with pytest.raises(psycopg.OperationalError):
            release.publish("2019-Q1", "A")
    assert {table: count(built, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert release.publish("2019-Q1", "A").is_new


def test_failed_critical_relation_refuses_and_names_relation_unit_and_figures(built: str) -> None:
    change(
        built,
        "update marts.appendix_1 set in_progress_in_time = in_progress_in_time + 1"
        " where period_code = '2019-Q1' and display_order = 2",
    )
    with pytest.raises(Refused) as refusal:
        release.publish("2019-Q1", "A")
    text = str(refusal.value)
    assert "1 critical relation(s) do not hold, in 1 row(s)" in text
    assert "appendix_1_in_progress" in text
    assert "of Sở Công Thương: found 1, expected 2" in text
    assert {table: count(built, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_release_needs_the_name_of_its_approver(built: str) -> None:
    with pytest.raises(Refused, match="--approved-by"):
        release.publish("2019-Q1", " ")


@pytest.mark.parametrize(
    "statement",
    [
        "update published.{} set publication_id = publication_id",
        "delete from published.{}",
        "truncate published.{} cascade",
    ],
)
def test_nobody_changes_a_release_not_even_the_administrator(released: str, statement: str) -> None:
    for table in (*TABLES, "withdrawals", "waivers", "revisions"):
        text = statement.format(table)
        for role in EVERYONE:
            with (
                database.connect(role) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(text)
        with (
            psycopg.connect(released) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="insert-only"),
        ):
            connection.execute(text)


@pytest.fixture
def released(built: str) -> str:
    release.publish("2019-Q1", "A")
    return built


@pytest.mark.parametrize(
    "statement",
    [
        "insert into published.appendix_1 (publication_id, period_code, revision, unit_code,"
        " unit_name, display_order, total, carried_over, newly_received, settled_total,"
        " settled_early, settled_on_time, settled_late, settled_late_after_review,"
        " in_progress_total, in_progress_in_time, in_progress_overdue, returned, received_online,"
        " returned_by_post, counted_externally) values ('2019-Q1.r1', '2019-Q1', 1, 'FAKE', 'x',"
        " 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
        "insert into published.checks select * from published.checks",
        "insert into published.release_inputs (publication_id, feed, file_name, business_date,"
        " part, revision, sha256, records)"
        " values ('2019-Q1.r1', 'cases', 'x.csv', '2019-01-02', '', 9, 'x', 1)",
        "insert into evidence.petitions (publication_id, petition_code, unit_code, received_date,"
        " is_protracted, is_on_time, row_id)"
        " values ('2019-Q1.r1', 'x', 'x', '2019-01-02', false, true, 1)",
    ],
)
def test_nothing_joins_a_release_that_stands(released: str, statement: str) -> None:
    with (
        database.connect(database.PUBLISHER) as connection,
        pytest.raises(psycopg.errors.RaiseException, match=r"2019-Q1\.r1 is closed"),
    ):
        connection.execute(statement)


def test_bi_reader_reads_the_release_and_no_candidate(released: str) -> None:
    with database.connect(database.BI_READER) as connection:
        row = connection.execute("select sum(received) from published.latest_scorecard").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from marts.scorecard")
    assert row == (
        sum(int(unit["received"]) for unit in report_marts.rows_of("appendix_3a_2019_q1")),
    )
