"""What is laid before an approver, and that nothing else is published for it."""

import re

import psycopg
import pytest

import report_marts
from motcua import pipeline
from motcua.errors import Failed, Refused
from motcua.publication import proposal, release
from motcua.waivers import Waiver
from motcua.warehouse import runs

WAIVER = Waiver("Trần Thị B", "máy chủ hỏng")


def lacks(url: str, day: str) -> None:
    """No day of 2019-Q1 is missing but, when it is one of its days, this."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "update reference.feeds set expected = 'working_days', expected_from = %s"
            " where feed = 'cases'",
            [day],
        )


def test_figures_that_changed_since_they_were_approved_are_not_published(built: str) -> None:
    approved = proposal.propose("2019-Q1").candidate_sha256
    report_marts.receive_one_more(built)
    with pytest.raises(Refused, match="changed since they were approved"):
        release.publish("2019-Q1", "Nguyễn Văn A", approved_sha256=approved)
    assert release.standing("2019-Q1") is None
    approved = proposal.propose("2019-Q1").candidate_sha256
    lacks(built, "2019-04-05")
    with pytest.raises(Refused, match="missing days have changed since they were approved"):
        release.publish("2019-Q1", "Nguyễn Văn A", waiver=WAIVER, approved_sha256=approved)
    lacks(built, "2019-07-11")
    made = release.publish("2019-Q1", "Nguyễn Văn A", approved_sha256=approved)
    assert made.publication_id == "2019-Q1.r1"


def test_a_proposal_tells_what_differs_from_the_standing_release(built: str) -> None:
    first = proposal.propose("2019-Q1")
    assert (first.standing, first.changed, first.is_published) == (None, [], False)
    release.publish("2019-Q1", "Nguyễn Văn A")
    again = proposal.propose("2019-Q1")
    assert again.is_published
    assert again.candidate_sha256 == first.candidate_sha256
    report_marts.receive_one_more(built)
    with pytest.raises(Refused, match="--revise"):
        proposal.propose("2019-Q1")
    revised = proposal.propose("2019-Q1", revise=True, note="bổ sung")
    assert not revised.is_published
    assert revised.standing == "2019-Q1.r1"
    assert sorted((change.column, change.new - change.old) for change in revised.changed) == [
        ("in_progress_in_time", 1),
        ("in_progress_total", 1),
        ("newly_received", 1),
        ("received", 1),
        ("total", 1),
    ]


def test_a_period_that_the_pack_does_not_have_is_named_with_those_it_has() -> None:
    with pytest.raises(Failed, match="no period 2019-Q9; it has 2019-Q1, 2019-Q2, 2019-H1"):
        pipeline.choose_period("2019-Q9", None)
    with pytest.raises(Failed, match="one of 2019-Q1, 2019-Q2, 2019-H1"):
        pipeline.choose_period(None, None)
    assert pipeline.choose_period("2019-H1", None) == "2019-H1"


def test_missing_days_are_laid_before_the_approver_with_who_accepts_them(built: str) -> None:
    lacks(built, "2019-04-05")
    with pytest.raises(Refused, match="cases 2019-04-05"):
        proposal.propose("2019-Q1")
    found = pipeline.propose("2019-Q1", waive_by="Trần Thị B", waive_reason="máy chủ hỏng")
    told = "Thiếu tệp của các ngày: hồ sơ 05/04/2019. Người chấp nhận: Trần Thị B. Lý do: máy chủ"
    assert told in found["body"]
    publication_id = pipeline.publish_approved(found, {"approved_by": "A", "words": ""})
    with psycopg.connect(built) as connection:
        kept = connection.execute(
            "select publication_id, feed, cast(day as text), name from published.waivers"
        ).fetchall()
    assert kept == [(publication_id, "cases", "2019-04-05", "Trần Thị B")]
    again = pipeline.propose("2019-Q1")
    assert again["is_published"], "the figures that stand need no second waiver"
    assert pipeline.publish_approved(again, None) == publication_id
    report_marts.receive_one_more(built)
    with pytest.raises(Refused, match="cases 2019-04-05"):
        proposal.propose("2019-Q1", revise=True, note="bổ sung")


def test_the_sheet_of_an_approver_has_the_figures_of_the_report(built: str) -> None:
    found = pipeline.propose("2019-Q1")
    assert found["subject"] == "Phê duyệt công bố kết quả Quý I năm 2019 (2019-Q1)"
    scores = report_marts.rows_of(report_marts.SCORECARDS["2019-Q1"])
    for row in scores:
        number, total = row["display_order"], row["total"].removesuffix(".0").replace(".", ",")
        assert re.search(rf"\| {number} \| .*\| {total} \|", found["body"]), (number, total)
    assert "| Sở Công Thương | 373 | 372 |" in found["body"]
    assert "Lần công bố đầu tiên" in found["body"]
    assert "Chỉ số 5: 1." in found["body"], "a relation that does not hold and stops nothing"

    publish = {"approved_by": "Nguyễn Văn A", "words": "Đồng ý"}
    assert pipeline.publish_approved(found, publish) == "2019-Q1.r1"
    report_marts.receive_one_more(built)
    revised = pipeline.propose("2019-Q1", revise=True, note="bổ sung | hồ sơ")
    assert "Khác biệt so với 2019-Q1.r1" in revised["body"]
    assert r"Lý do công bố lại: bổ sung \| hồ sơ" in revised["body"]
    pipeline.publish_approved(revised, publish)
    with psycopg.connect(built) as connection:
        notes = connection.execute(
            "select approved_by, note from published.publications order by revision"
        ).fetchall()
        stages = connection.execute(
            "select stage, subject, outcome from ops.stage_runs order by stage_run_id"
        ).fetchall()
    assert notes == [
        ("Nguyễn Văn A", "Đồng ý"),
        ("Nguyễn Văn A", "bổ sung | hồ sơ; Đồng ý"),
    ]
    assert [found for found in stages if found[0] != "refresh_provisional"] == [
        ("check_candidate", "2019-Q1", "done"),
        ("publish", "2019-Q1", "done"),
    ] * 2


def test_how_a_stage_ended_is_kept_without_what_an_unforeseen_error_quotes(warehouse: str) -> None:
    with pytest.raises(Refused):
        pipeline.publish_release("2019-Q1", "Nguyễn Văn A")

    @runs.recorded("test")
    def fails() -> None:
        raise ValueError("Trần Thị B, 0912345678")

    with pytest.raises(ValueError, match="Trần"):
        fails()
    with psycopg.connect(warehouse) as connection:
        kept = connection.execute(
            "select stage, outcome, message from ops.stage_runs order by stage_run_id"
        ).fetchall()
    assert [row[:2] for row in kept] == [("publish", "refused"), ("test", "failed")]
    assert "motcua build" in kept[0][2]
    assert kept[1][2] == "ValueError"
