"""The pages show what is published and what has landed, to those alone who may see it."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import lxml.html
import psycopg
import pytest
from lxml.html import HtmlElement

from motcua import settings
from motcua.documents import layouts
from motcua.landing import reference
from motcua.pages import render, words
from motcua.publication import release
from motcua.quality import gate_results
from motcua.warehouse import database, runs

VI = render.reader(None, "/scorecard")
EN = render.reader("en", "/scorecard")
TODAY = date(2019, 7, 20)
NIGHT = datetime(2019, 7, 12, 8, 0)

COLUMNS = {
    "scorecard": "received, settled, indicator_1, indicator_2, indicator_3, indicator_4,"
    " indicator_7, form_1_total, indicator_5, indicator_6, indicator_8, indicator_9, form_2_total,"
    " total, band, rank",
    "appendix_1": "total, carried_over, newly_received, settled_total, settled_early,"
    " settled_on_time, settled_late, in_progress_total, in_progress_in_time, in_progress_overdue,"
    " returned, received_online",
    "appendix_2": "satisfied_service, satisfied_attitude, dissatisfied_competence,"
    " dissatisfied_time, comments, total",
    "appendix_4": "procedures_listed, processes_approved, processes_on_software,"
    " completion_percent, figures.note",
}
"""The figures of each table in the order of the printed columns."""

BANDS = {"xuất sắc": "excellent", "tốt": "good", "khá": "fair"}


def parsed(html: str | None) -> HtmlElement:
    assert html is not None
    page = lxml.html.document_fromstring(html)
    for line_break in page.iter("br"):
        line_break.tail = f" {line_break.tail or ''}"
    return page


def text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def rows(page: HtmlElement, table: str, kind: str = "") -> list[list[str]]:
    """The texts of a table's body, row by row."""
    found = page.xpath(f"//table[@id='{table}']/tbody/tr" + (f"[@class='{kind}']" if kind else ""))
    return [[text(cell) for cell in row] for row in found]


def number(shown: str, lang: str) -> Decimal | None:
    if lang == "vi":
        shown = shown.translate(str.maketrans(",.", ".,"))
    return Decimal(shown.replace(",", "")) if shown else None


def as_shown(value: Any, table: str) -> Decimal | str | None:
    """A published figure at the decimals of the report: appendix IV alone rounds."""
    if value is None or isinstance(value, str):
        return value
    figure = Decimal(value)
    if table == "appendix_4" and figure != round(figure, 2):
        return Decimal(f"{figure + Decimal('1e-9'):.1f}")
    return figure


@pytest.mark.parametrize("publication_id", ["2019-Q1.r1", "2019-Q2.r1", "2019-H1.r1"])
@pytest.mark.parametrize("who", [VI, EN], ids=["vi", "en"])
def test_every_figure_of_a_publication_is_the_published_one(
    published: tuple[str, Path], who: render.Reader, publication_id: str
) -> None:
    page = parsed(render.publication(who, publication_id))
    name = "unit_name" if who is VI else "units.name_en"
    for table, columns in COLUMNS.items():
        with psycopg.connect(published[0]) as connection:
            expected = connection.execute(
                f"select figures.display_order, {name}, {columns}"
                f" from published.{table} as figures"
                " inner join published.publications as releases using (publication_id)"
                " inner join reference.units as units"
                " on releases.reference_sha256 = units.reference_sha256"
                " and figures.unit_code = units.unit_code"
                " where publication_id = %s order by figures.display_order",
                [publication_id],
            ).fetchall()
        assert len(expected) == 16
        found = rows(page, table, "unit")
        assert [row[1] for row in found] == [row[1] for row in expected], table
        for shown, figures in zip(found, expected, strict=True):
            for cell, figure in zip(shown[2:], figures[2:], strict=True):
                if isinstance(figure, str):
                    is_band = who is EN and figure in BANDS
                    assert cell == (BANDS[figure] if is_band else " ".join(figure.split()))
                else:
                    assert number(cell, who.lang) == as_shown(figure, table), (table, shown)


def test_totals_and_shares_are_those_of_the_printed_report(published: tuple[str, Path]) -> None:
    page = parsed(render.publication(VI, "2019-H1.r1"))
    with psycopg.connect(published[0]) as connection:
        total, settled, late = connection.execute(  # type: ignore[misc]
            "select sum(total), sum(settled_total), sum(settled_late)"
            " from published.appendix_1 where publication_id = '2019-H1.r1'"
        ).fetchone()
    (totals,) = rows(page, "appendix_1", "total")
    (shares,) = rows(page, "appendix_1", "share")
    assert totals[1] == "Tổng cộng"
    assert [number(totals[place], "vi") for place in (2, 5, 8)] == [total, settled, late]
    assert abs(number(shares[8], "vi") - 100 * late / settled) <= Decimal("0.005")


def test_a_publication_tells_who_signed_what_failed_and_what_it_rests_on(
    published: tuple[str, Path],
) -> None:
    html = render.publication(VI, "2019-H1.r1")
    page = parsed(html)
    with psycopg.connect(published[0]) as connection:
        files, records = connection.execute(  # type: ignore[misc]
            "select count(*), sum(records) from published.release_inputs"
            " where publication_id = '2019-H1.r1'"
        ).fetchone()
        checks, failed = connection.execute(  # type: ignore[misc]
            "select count(*), count(*) filter (where not passed) from published.checks"
            " where publication_id = '2019-H1.r1'"
        ).fetchone()
    signed = {text(term): text(term.getnext()) for term in page.xpath("//dl/dt")}
    assert signed["Người phê duyệt"] == "Nguyễn Văn A"
    assert signed["Ngày chốt số liệu"] == "11/07/2019"
    inputs = rows(page, "release-inputs")
    assert sum(int(number(row[1], "vi") or 0) for row in inputs) == files
    assert sum(int(number(row[2], "vi") or 0) for row in inputs) == records
    assert len(rows(page, "failed-checks")) == failed > 0
    assert len(rows(page, "passed-checks")) == checks - failed
    assert html is not None
    assert html.index("failed-checks") < html.index("passed-checks")
    (link,) = page.xpath("//a[@download]")
    assert link.get("href") == "/scorecard/publications/2019-H1.r1/documents/2019-H1.r1.xlsx"


def test_companions_stand_apart_and_say_that_they_are_not_official(
    published: tuple[str, Path],
) -> None:
    page = parsed(render.companion_figures(VI, "2019-H1.r1"))
    assert "không thay cho số liệu của các phụ lục" in text(page.xpath("//main")[0])
    with psycopg.connect(published[0]) as connection:
        ((late,),) = connection.execute(
            "select percent from published.rates where publication_id = '2019-H1.r1'"
            " and rate = 'settled_late' and unit_code is null"
        ).fetchall()
    shown = rows(page, "rates")
    place = next(place for place, row in enumerate(shown) if row[1] == "Đã giải quyết quá hạn")
    centre = next(row for row in shown[place:] if row[1] == "Toàn Trung tâm")
    assert abs(number(centre[4], "vi") - late) <= Decimal("0.005")
    english = parsed(render.companion_figures(EN, "2019-H1.r1"))
    assert not re.search("[ạảấầẩậắệễộờợứữỳ]", text(english.xpath("//main")[0]))


def test_nothing_that_people_wrote_becomes_markup(copy: tuple[str, Path]) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    release.withdraw("2019-Q1.r1", hostile, hostile)
    release.publish("2019-Q1", hostile, revise=True, note=hostile)
    pages = (
        render.publication(VI, "2019-Q1.r1"),
        render.publication(VI, "2019-Q1.r2"),
        render.publications(VI, TODAY),
    )
    for html in pages:
        page = parsed(html)
        assert hostile in page.text_content()
        assert not page.xpath("//script | //img")


def state(today: date, period_code: str) -> str:
    page = parsed(render.publications(VI, today))
    (row,) = page.xpath(f"//tr[@id='{period_code}']")
    return text(row[3]).split(" ", 1)[1]


def test_a_withdrawn_release_is_told_as_withdrawn_with_its_reason(copy: tuple[str, Path]) -> None:
    assert state(TODAY, "2019-H1") == "Đã công bố"
    release.withdraw("2019-H1.r1", "Trần Thị B", "Sai danh mục thủ tục")
    assert state(TODAY, "2019-H1") == "Đã thu hồi"
    assert state(TODAY, "2019-Q1") == "Đã công bố"
    page = parsed(render.publication(VI, "2019-H1.r1"))
    signed = {text(term): text(term.getnext()) for term in page.xpath("//dl/dt")}
    assert signed["Người thu hồi"] == "Trần Thị B"
    assert signed["Lý do"] == "Sai danh mục thủ tục"


def test_a_half_year_tells_the_quarters_that_it_prints_and_that_one_is_withdrawn(
    copy: tuple[str, Path],
) -> None:
    release.withdraw("2019-Q2.r1", "Trần Thị B", "Sai danh mục thủ tục")
    page = parsed(render.publication(VI, "2019-H1.r1"))
    assert state(TODAY, "2019-H1") == "Đã công bố"
    (notice,) = page.xpath("//p[@class='notice']")
    assert text(notice).startswith("ĐÃ THU HỒI: bản công bố 2019-Q2.r1")
    assert "2019-Q1.r1, 2019-Q2.r1 (Đã thu hồi)." in text(page)
    assert not parsed(render.publication(VI, "2019-Q1.r1")).xpath("//p[@class='notice']")


def test_before_its_release_a_period_has_the_state_of_its_gate_and_sign_off(warehouse: str) -> None:
    reference.store(settings.reference())
    assert state(date(2019, 5, 5), "2019-Q1") == "Chưa đến hạn"
    assert state(date(2019, 5, 6), "2019-Q1") == "Đến hạn công bố"
    # Its publish_on is its knowledge date, whose files come in the night after.
    assert state(date(2019, 7, 11), "2019-H1") == "Chưa đến hạn"
    assert state(date(2019, 7, 12), "2019-H1") == "Đến hạn công bố"
    gate = (
        "insert into ops.gate_results (gate_run_id, gate, subject, suite, position, expectation,"
        " severity, outcome, explanation) values (%s, 'candidate', '2019-Q1', 'presence', 1, 'e',"
        " %s, %s, %s)"
    )
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(gate, ["1", "critical", "failed", "Đơn vị 03 không có số liệu"])
        assert state(date(2019, 5, 6), "2019-Q1") == "Không qua kiểm tra"
        page = text(parsed(render.publications(VI, TODAY)))
        assert "Đơn vị 03 không có số liệu" in page
        connection.execute(gate, ["2", "warning", "failed", "Ít hơn kỳ trước"])
        assert state(date(2019, 5, 6), "2019-Q1") == "Đã qua kiểm tra"
        runs.sign_off("run", "2019-Q1", "0" * 64, runs.ASKED)
        assert state(date(2019, 5, 6), "2019-Q1") == "Chờ phê duyệt"
        runs.sign_off("run", "2019-Q1", "0" * 64, runs.REJECTED, "Lê Thị C", "Thiếu đơn vị 03")
        assert state(date(2019, 5, 6), "2019-Q1") == "Bị từ chối"
        page = text(parsed(render.publications(VI, TODAY)))
        assert re.search(r"Đã từ chối: Lê Thị C, .{10,20}: Thiếu đơn vị 03", page)
        runs.sign_off("run", "2019-Q1", "0" * 64, runs.TIMED_OUT)
        assert state(date(2019, 5, 6), "2019-Q1") == "Không ai phê duyệt đúng hạn"
        connection.execute(gate, ["3", "warning", "broken", "Phép kiểm hỏng"])
        assert state(date(2019, 5, 6), "2019-Q1") == "Không qua kiểm tra"


def add_file(
    connection: psycopg.Connection, feed: str, day: str, loaded_at: str, **values: Any
) -> int:
    counts = {"records": 10, "loaded": 10, "rejected": 0}
    values = {"state": "loaded", "part": "", "revision": 1, **counts} | values
    name = values.pop("name", f"{feed}_{day}.csv")
    row = connection.execute(
        "insert into raw.files (feed, uri, file_name, business_date, part, revision, sha256, bytes,"
        " records, loaded, rejected, state, reason, read_by, loaded_at) values (%s, %s, %s, %s, %s,"
        " %s, %s, 1, %s, %s, %s, %s, %s, 'stream', %s) returning file_id",
        [
            *(feed, name, name, day, values["part"], values["revision"], name),
            *(values["records"], values["loaded"]),
            *(values["rejected"], values["state"], values.get("reason"), loaded_at),
        ],
    ).fetchone()
    assert row is not None
    return int(row[0])


def days_shown(at: datetime) -> dict[tuple[str, str], str]:
    """What the page says of each day and feed, such as ("08/07/2019", "hồ sơ")."""
    page = parsed(render.data(VI, at))
    feeds = [text(cell) for cell in page.xpath("//table[@id='days']/thead/tr/th")]
    return {
        (row[0], feed): said
        for row in rows(page, "days")
        for feed, said in zip(feeds[1:], row[1:], strict=True)
    }


def test_days_are_told_as_present_late_missing_quarantined_or_due(warehouse: str) -> None:
    reference.store(settings.reference())
    with psycopg.connect(warehouse, autocommit=True) as connection:
        add_file(connection, "cases", "2019-07-05", "2019-07-05 21:00+07")
        add_file(connection, "cases", "2019-07-08", "2019-07-09 06:59+07", loaded=8, rejected=2)
        add_file(connection, "cases", "2019-07-09", "2019-07-10 07:01+07")
        add_file(
            *(connection, "cases", "2019-07-10", "2019-07-10 21:00+07"),
            state="quarantined",
            loaded=0,
            rejected=10,
            reason="bad header",
        )
        # Wednesday 10/7 is quarantined and Thursday 11/7 is missing.
    shown = days_shown(datetime(2019, 7, 12, 8, 0))
    assert shown["05/07/2019", "hồ sơ"] == "✓ đủ 10"
    assert shown["06/07/2019", "hồ sơ"] == "–không yêu cầu"
    assert shown["08/07/2019", "hồ sơ"] == "✓ đủ 8 (−2)"
    assert shown["09/07/2019", "hồ sơ"] == "! đến muộn 10"
    assert shown["10/07/2019", "hồ sơ"] == "✗ bị giữ lại"
    assert shown["11/07/2019", "hồ sơ"] == "✗ thiếu"
    assert shown["12/07/2019", "hồ sơ"] == "! chưa đến hạn"
    assert shown["11/07/2019", "phản ánh, kiến nghị"] == "–không yêu cầu"
    assert days_shown(datetime(2019, 7, 12, 6, 59))["11/07/2019", "hồ sơ"] == "! chưa đến hạn"
    page = parsed(render.data(VI, datetime(2019, 7, 12, 8, 0)))
    cases = next(row for row in rows(page, "feeds") if row[0] == "hồ sơ (cases)")
    assert cases[4:8] == ["3", "28", "2", "1"]
    # Of the window from 22/6 the working days before 5/7 have not come either.
    assert "10/07/2019, 11/07/2019" in ", ".join(sorted(cases[8].split(": ")[1].split(", ")))
    assert cases[9] == "! 1: 09/07/2019"
    assert rows(page, "quarantine") == [
        ["cases_2019-07-10.csv", "hồ sơ", "10/07/2019", "bad header", "Không"]
    ]


def test_a_silent_kiosk_and_a_day_far_from_the_usual_are_told(warehouse: str) -> None:
    reference.store(settings.reference())
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for day in (*range(1, 6), 8):
            come = {"name": f"ratings_2019-07-{day:02}_K01.csv", "part": "K01"}
            if day == 8:
                come |= {"records": 500, "loaded": 500}
            for part in ("K01", "K02") if day < 8 else ("K01",):
                come |= {"name": f"ratings_{day}_{part}.csv", "part": part}
                at = f"2019-07-{day:02} 21:00+07"
                add_file(connection, "ratings", f"2019-07-{day:02}", at, **come)
    shown = days_shown(datetime(2019, 7, 9, 8, 0))
    assert shown["05/07/2019", "đánh giá"] == "✓ đủ 20"
    assert shown["08/07/2019", "đánh giá"] == "✗ thiếu 500 không có K02 ! bất thường, thường 20"


def test_rejects_are_counted_by_reason_without_what_was_written(warehouse: str) -> None:
    reference.store(settings.reference())
    with psycopg.connect(warehouse, autocommit=True) as connection:
        file_id = add_file(
            connection, "cases", "2019-07-08", "2019-07-08 21:00+07", loaded=7, rejected=3
        )
        for record, reason in enumerate(["is empty", "is empty", '"31/02/2019" does not exist']):
            connection.execute(
                "insert into raw.rejects values (%s, %s, 'NgayTiepNhan', %s, 'mend', 'Ông Bí Mật')",
                [file_id, record + 1, reason],
            )
    html = render.data(VI, NIGHT)
    assert [row[1:6] for row in rows(parsed(html), "rejects")] == [
        ["NgayTiepNhan", "is empty", "mend", "2", "1"],
        ["NgayTiepNhan", '"31/02/2019" does not exist', "mend", "1", "1"],
    ]
    assert "Bí Mật" not in html
    with psycopg.connect(warehouse, autocommit=True) as connection:
        values = {"name": "cases_2019-07-08_r2.csv", "revision": 2}
        add_file(connection, "cases", "2019-07-08", "2019-07-09 21:00+07", **values)
    assert rows(parsed(render.data(VI, NIGHT)), "rejects") == []


def test_models_show_the_last_run_with_what_failed_first(warehouse: str) -> None:
    assert "Chưa dựng lần nào" in (render.models(VI) or "")
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for run, node, kind, status, seconds, affected in (
            ("a", "model.motcua.old", "model", "success", 1, 5),
            ("b", "model.motcua.fct_cases", "model", "success", 12.34, 30676),
            ("b", "model.motcua.scorecard", "model", "error", 0.5, None),
            ("b", "test.motcua.unique_cases.1a", "test", "pass", 0.2, None),
        ):
            connection.execute(
                "insert into ops.dbt_results (invocation_id, stage, node, resource_type, status,"
                " seconds, rows_affected, message) values (%s, 'build', %s, %s, %s, %s, %s, 'm')",
                [run, node, kind, status, seconds, affected],
            )
    page = parsed(render.models(VI))
    assert [row[2:] for row in rows(page, "runs")] == [
        ["✗ lỗi", "13,0", "2", "1", "1", "0"],
        ["✓ thành công", "1,0", "1", "0", "0", "0"],
    ]
    assert [row[:4] for row in rows(page, "models")] == [
        ["scorecard", "✗ lỗi", "0,5", ""],
        ["fct_cases", "✓ thành công", "12,3", "30.676"],
    ]
    assert [row[:2] for row in rows(page, "tests")] == [["unique_cases", "✓ đạt"]]
    assert rows(parsed(render.models(VI, "a")), "models")[0][0] == "old"
    assert render.models(VI, "unknown") is None


def gate_of(subject: str) -> str:
    """The newest run of the gate on this subject."""
    with database.connect(database.OPS_READER) as connection:
        return next(
            str(run["gate_run_id"])
            for run in gate_results.runs(connection, 50)
            if run["subject"] == subject
        )


def test_a_run_of_a_gate_is_shown_rule_by_rule(published: tuple[str, Path]) -> None:
    with psycopg.connect(published[0]) as connection:
        told = connection.execute(
            "select gate, subject, count(*)::text, count(*) filter (where outcome = 'failed')::text"
            " from ops.gate_results group by gate_run_id, gate, subject order by min(checked_at)"
        ).fetchall()
    gates = {"landing": "Cổng dữ liệu vào", "candidate": "Cổng trước công bố"}
    shown = [(row[1], row[2], row[4], row[6]) for row in rows(parsed(render.gates(VI)), "gates")]
    assert shown == [(gates[gate], *rest) for gate, *rest in reversed(told)]
    (in_list,) = parsed(render.publications(VI, TODAY)).xpath(
        "//tr[@id='2019-H1']//a[contains(@href, '/gates/')]/@href"
    )
    assert in_list == f"/scorecard/gates/{gate_of('2019-H1')}"
    page = parsed(render.gate(VI, gate_of("2019-H1")))
    *_, checks = (int(count) for _, subject, count, _ in told if subject == "2019-H1")
    found = rows(page, "checks")
    assert len(found) == checks
    assert found[0][0] == "! không đạt", "what does not hold comes first"
    assert "coverage_percent" in found[0][3]
    assert "What to do" in found[0][5]
    assert render.gate(VI, "unknown") is None


def every_page(who: render.Reader) -> dict[str, HtmlElement]:
    return {
        "publications": parsed(render.publications(who, TODAY)),
        "publication": parsed(render.publication(who, "2019-H1.r1")),
        "companions": parsed(render.companion_figures(who, "2019-H1.r1")),
        "data": parsed(render.data(who, NIGHT)),
        "models": parsed(render.models(who)),
        "gates": parsed(render.gates(who)),
        "gate": parsed(render.gate(who, gate_of("2019-H1"))),
        "problem": parsed(render.problem(who, "not_found")),
    }


@pytest.mark.parametrize("who", [VI, EN], ids=["vi", "en"])
def test_pages_can_be_read_by_everybody_and_ask_nobody_else(
    published: tuple[str, Path], who: render.Reader
) -> None:
    """Language, landmarks, skip link, captions, scopes; nothing is fetched from elsewhere."""
    for name, page in every_page(who).items():
        assert page.get("lang") == who.lang, name
        assert len(page.xpath("//h1")) == len(page.xpath("//main")) == 1, name
        assert all(nav.get("aria-label") for nav in page.xpath("//nav")), name
        skip = page.xpath("//body/a[1]")[0].get("href")
        assert page.xpath(f"//main[@id='{skip[1:]}']"), name
        for table in page.xpath("//table"):
            assert text(table.xpath("caption")[0]), name
            assert all(row.xpath("th[@scope='row']") for row in table.xpath("tbody/tr")), name
        assert not page.xpath("//th[not(@scope)]"), name
        assert not page.xpath("//*[@style] | //script | //link | //img | //iframe"), name
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids)), name
        for link in page.xpath("//a/@href"):
            assert link.startswith(("/scorecard/", "#")), link


def test_headings_and_rows_have_their_english(published: tuple[str, Path]) -> None:
    printed = (layouts.APPENDIX_1, layouts.APPENDIX_2, layouts.APPENDIX_3, layouts.APPENDIX_4)
    headings = {heading.text for layout in printed for heading in layout.headings}
    assert headings <= words.HEADINGS.keys()
    assert set(layouts.RATE_NAMES.values()) <= words.ROWS.keys()
    assert all(vi and en and vi != en for vi, en in words.WORDS.values())
    decisions = (settings.PROJECT / "docs" / "decisions.md").read_text(encoding="utf-8")
    reasons = decisions.partition("| reason | what happened |")[2].partition("\n\n")[0]
    named = set(re.findall("`([a-z_]+)`", reasons))
    assert len(named) == 15
    assert named <= words.WORDS.keys()


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_that_wcag_asks_for_in_light_and_dark() -> None:
    schemes = re.findall(r":root \{([^}]*)\}", render.style())
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w+)", scheme))
        for ground in ("page", "soft"):
            for ink in ("ink", "link", "good", "bad", "wait"):
                bright, dark = sorted(
                    (luminance(colours[ink]), luminance(colours[ground])), reverse=True
                )
                assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, ground, colours)


def scans(url: str) -> dict[str, int]:
    """How often each table has been read, after every other session has ended."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(100):
            (others,) = connection.execute(  # type: ignore[misc]
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchone()
            if not others:
                break
            time.sleep(0.1)
        assert not others, "a session stays open"
        rows = connection.execute(
            "select format('%s.%s', schemaname, relname), seq_scan + coalesce(idx_scan, 0)"
            " from pg_stat_user_tables"
        )
        return dict(rows.fetchall())


def test_no_page_reads_a_table_that_grows_with_the_cases(published: tuple[str, Path]) -> None:
    before = scans(published[0])
    every_page(VI)
    assert render.document("2019-H1.r1", "2019-H1.r1.xlsx")
    read = {table for table, count in scans(published[0]).items() if count > before[table]}
    assert {"raw.files", "raw.rejects", "published.scorecard", "ops.dbt_results"} <= read
    schemas = {table.partition(".")[0] for table in read - {"raw.files", "raw.rejects"}}
    assert schemas == {"published", "ops", "reference"}
    assert "published.late_cases" not in read


def ask(folder: Path, requests: list[list[Any]]) -> list[tuple[int, dict[str, str], str]]:
    """Ask Airflow's real application, with our plugin, in a process of its own."""
    project = settings.PROJECT
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, str(Path(__file__).with_name("ask_pages.py"))]
    done = subprocess.run(
        command,
        input=json.dumps(requests),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [tuple(answer) for answer in json.loads(done.stdout)]


PLACES = (
    "/scorecard/publications",
    "/scorecard/publications/2019-H1.r1",
    "/scorecard/publications/2019-H1.r1/companions",
    "/scorecard/publications/2019-H1.r1/documents/2019-H1.r1.xlsx",
    "/scorecard/data",
    "/scorecard/models",
    "/scorecard/gates",
)


def test_only_users_with_a_role_get_pages_and_documents(
    published: tuple[str, Path], tmp_path: Path
) -> None:
    publications = published[1] / "publications"
    (publications / "2019-H1.r1.link.xlsx").symlink_to("/etc/passwd")
    (publications / "secret.xlsx").write_text("secret")
    browser = {"accept": "text/html"}
    tricks = [
        "/scorecard/publications/2019-H1.r1/documents/../../../../etc/passwd",
        "/scorecard/publications/2019-H1.r1/documents/%2e%2e%2fsecret.xlsx",
        "/scorecard/publications/2019-H1.r1/documents/..%2f..%2fhome%2fpseudonym.key",
        "/scorecard/publications/2019-H1.r1/documents/%2fetc%2fpasswd",
        "/scorecard/publications/2019-H1.r1/documents/secret.xlsx",
        "/scorecard/publications/2019-H1.r1/documents/2019-Q1.r1.xlsx",
        "/scorecard/publications/2019-H1.r1/documents/2019-H1.r1.link.xlsx",
        "/scorecard/publications/2019-H1.r1/documents/2019-H1.r1.xlsx%00.csv",
        "/scorecard/publications/secret/documents/secret.xlsx",
        "/scorecard/publications/..%2f/documents/secret.xlsx",
        "/scorecard/publications/%25/documents/secret.xlsx",
        "/scorecard/publications/2019-H1.r1'--",
        "/scorecard/models/x'%20or%20true--",
        "/scorecard/gates/x'%20or%20true--",
        "/scorecard/openapi.json",
        "/scorecard/docs",
    ]
    requests = [
        *([None, place, {}] for place in PLACES),
        *([None, place, browser] for place in PLACES),
        *(["no_role", place, {}] for place in PLACES),
        *(["viewer", place, {}] for place in PLACES),
        *(["viewer", place, browser] for place in tricks),
        ["viewer", "/scorecard/publications?lang=en", browser],
    ]
    answers = ask(tmp_path, requests)
    count = len(PLACES)
    for status, _, said in answers[:count]:
        assert (status, said) == (401, '{"detail":"Not authenticated"}')
    for status, headers, said in answers[count : 2 * count]:
        assert (status, said) == (303, "")
        assert headers["location"].startswith("/auth/login?next=")
    for status, _, said in answers[2 * count : 3 * count]:
        assert (status, said) == (403, '{"detail":"Forbidden"}')
    served = answers[3 * count : 4 * count]
    for status, headers, said in served:
        assert status == 200, said
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha2")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
    disposition = served[3][1]["content-disposition"]
    assert disposition == 'attachment; filename="2019-H1.r1.xlsx"'
    refused = answers[4 * count : 4 * count + len(tricks)]
    for (status, _, said), trick in zip(refused, tricks, strict=True):
        assert "secret" not in said, trick
        assert "root:" not in said, trick
        # A path with .. is made plain before it is sent, and ends in the UI's own start page.
        assert status == 404 or 'id="root"' in said, trick
    assert 'lang="en"' in answers[-1][2]


def test_a_warehouse_that_is_down_is_told_and_nothing_of_it(
    published: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://motcua:geheim@127.0.0.1:9/warehouse")
    requests = [["viewer", place, {}] for place in PLACES]
    for status, _, said in ask(tmp_path, requests):
        assert status == 503
        assert "Kho dữ liệu không trả lời" in said
        assert "geheim" not in said
        assert "Traceback" not in said


def test_the_pages_read_as_somebody_who_may_not_write_and_wait_no_longer_than_a_timeout(
    published: tuple[str, Path],
) -> None:
    from motcua.pages import facts

    with facts.reading() as connection:
        assert connection.execute("select current_user").fetchone() == ("ops_reader",)
        assert connection.execute("show statement_timeout").fetchone() == ("5s",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create temporary table t (i integer)")
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select content from raw.rejects")
