"""Why figures differ: between quarters and half-year, and between a release and its revision."""

import csv
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from commands import done, motcua
from motcua import settings
from motcua.publication import trace, trace_revisions
from motcua.publication.recompute import recompute

UNITS = {f"000.00.{number:02d}.H51": number for number in range(1, 17)}

REGISTERED_AGAIN = {1: 1, 2: 1, 4: 673, 5: 13, 8: 10, 9: 27, 10: 18, 12: 194, 13: 4, 14: 43, 16: 1}
"""Carried-over cases that the quarters counted as received, by unit (985 in all)."""

FLOWS = (
    *(("appendix_1", f"settled_{how}") for how in ("total", "early", "on_time", "late")),
    *(("appendix_1", "newly_received"), ("appendix_1", "returned")),
    *(("appendix_1", "settled_late_after_review"), ("appendix_1", "returned_by_post")),
    *(("scorecard", "received"), ("scorecard", "settled")),
)
"""Cells that add up over joining periods."""


def changes(url: str, publication_id: str, comparison: str) -> list[dict[str, object]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            "select * from published.revisions where publication_id = %s and comparison = %s",
            [publication_id, comparison],
        )
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def check_traces(url: str, publication_id: str) -> int:
    """Trace every changed cell to its rows, by release; returns how many cells count rows."""
    with psycopg.connect(url) as connection:
        cells = connection.execute(
            "select distinct unit_code, table_name || '.' || column_name from published.revisions"
            " where publication_id = %s order by 1, 2",
            [publication_id],
        ).fetchall()
    counted = 0
    for unit, cell in cells:
        for change in trace_revisions.changes(publication_id, unit, cell, first=None):
            assert not change.disagrees, (unit, cell, change)
            for one in change.changed:
                signed = [
                    row.counted if row.publication_id == change.new_id else -row.counted
                    for row in one.rows
                ]
                assert sum(signed) == one.difference, (unit, cell, one)
            rows = trace.definition_of(*cell.split(".", 1)).rows
            is_count = rows and not rows.points and "value" not in cell
            if is_count and change.table not in ("late_cases", "indicator_evidence"):
                of_rows = [one for one in change.reasons if one.reason != "counted_externally"]
                if all(one.difference is not None for one in of_rows):
                    found = sum(one.difference for one in change.changed)
                    assert found == sum(one.difference for one in of_rows), (unit, cell)
                    counted += 1
    return counted


def test_a_change_is_traced_to_the_rows_that_one_release_counts_and_another_does_not(
    published: tuple[str, Path], tmp_path: Path
) -> None:
    assert check_traces(published[0], "2019-H1.r1") > 40
    of = ("2019-H1.r1", "revisions", "000.00.05.H51", "appendix_1.settled_total")
    told = done("trace", *of)
    assert "2019-H1.r1 so với 2019-Q1.r1 + 2019-Q2.r1" in told
    assert "recorded_late (ghi nhận sau ngày chốt): +12 (12 dòng)" in told
    whole = tmp_path / "all.csv"
    done("trace", *of, "--all", str(whole))
    with whole.open(encoding="utf-8", newline="") as lines:
        written = list(csv.DictReader(lines))
    assert len({row["key"] for row in written}) == 12
    assert {row["reason"] for row in written} == {"recorded_late"}
    late = [row for row in written if row["publication_id"] == "2019-H1.r1"]
    assert len(late) == 12
    for row in late:
        (path,) = (published[1] / "landing").rglob(row["told_file"])
        if path.suffix == ".csv":
            record = path.read_text(encoding="utf-8-sig").splitlines()[int(row["told_record"])]
            assert row["key"] in record
    failed = motcua("trace", "2019-H1.r1", "revisions", "000.00.05.H51", "appendix_1.x")
    assert (failed.returncode, "has no figure x" in failed.stderr) == (1, True)
    failed = motcua("trace", "2019-Q1.r1", "revisions", "000.00.05.H51", "appendix_1.total")
    assert "tells no change of appendix_1.total" in failed.stderr


def test_quarters_and_half_year_differ_by_what_happened_to_67_settled_cases(
    published: tuple[str, Path],
) -> None:
    settled = {
        (UNITS[str(row["unit_code"])], row["reason"]): row["difference"]
        for row in changes(published[0], "2019-H1.r1", "overlap")
        if (row["table_name"], row["column_name"]) == ("appendix_1", "settled_total")
    }
    assert settled == {
        (5, "recorded_late"): 12,
        (8, "record_removed"): -1,
        (12, "recorded_late"): 1,
        (15, "record_removed"): -53,
    }


def test_received_differs_by_corrected_receipt_dates_and_removed_records(
    published: tuple[str, Path],
) -> None:
    received = {
        (UNITS[str(row["unit_code"])], row["reason"]): row["difference"]
        for row in changes(published[0], "2019-H1.r1", "overlap")
        if (row["table_name"], row["column_name"]) == ("scorecard", "received")
    }
    assert received == {
        **{(unit, "receipt_date_corrected"): -n for unit, n in REGISTERED_AGAIN.items()},
        (8, "record_removed"): -1,
        (15, "record_removed"): -53,
    }


def test_late_after_review_differs_by_the_reviews_that_quarters_did_not_know(
    published: tuple[str, Path],
) -> None:
    differing = {
        (UNITS[str(row["unit_code"])], row["reason"]): row["difference"]
        for row in changes(published[0], "2019-H1.r1", "overlap")
        if row["column_name"] == "settled_late_after_review"
    }
    assert differing == {(unit, "review_changed"): -1 for unit in (1, 6, 8, 9, 11)}


def test_reasons_sum_to_the_difference_of_every_cell(published: tuple[str, Path]) -> None:
    cells: dict[tuple[object, ...], tuple[Decimal, Decimal]] = {}
    for row in changes(published[0], "2019-H1.r1", "overlap"):
        cell = (row["table_name"], row["unit_code"], row["column_name"])
        change = Decimal(str(row["new_value"])) - Decimal(str(row["old_value"]))
        before = cells.get(cell, (change, Decimal()))
        cells[cell] = (change, before[1] + Decimal(str(row["difference"])))
        assert row["reason"] != "unexplained"
    assert all(change == explained for change, explained in cells.values())
    with psycopg.connect(published[0]) as connection:
        differing = {
            (table, unit, column)
            for table, column in FLOWS
            for (unit,) in connection.execute(
                f"select unit_code from published.{table} group by unit_code having sum({column})"
                f" filter (where period_code = '2019-H1') <> sum({column})"
                " filter (where period_code <> '2019-H1')"
            )
        }
    assert len(differing) > len(REGISTERED_AGAIN)
    assert {cell for cell, (change, _) in cells.items() if change} == differing


@pytest.mark.slow
def test_a_late_file_changes_the_next_release_and_never_the_stored_one(
    copy: tuple[str, Path], published: tuple[str, Path]
) -> None:
    url, landing = copy
    (whole,) = (published[1] / "landing").rglob("cases_2019-03-29.csv")
    header, *records = whole.read_text(encoding="utf-8").splitlines()
    settled = next(line for line in records if ",9," in line or ",10," in line)
    code = settled.split(",")[0]
    late = [settled.replace(code, f"{code}{letter}") for letter in "ABC"]
    (landing / "cases").mkdir()
    part = landing / "cases" / "cases_2019-03-29_late.csv"
    part.write_text("\n".join([header, *late]) + "\n", encoding="utf-8")

    done("ingest")
    done("build")
    refused = motcua("publish", "2019-Q1", "--approved-by", "A")
    assert refused.returncode == 3
    assert "--revise" in refused.stderr
    assert motcua("publish", "2019-Q1", "--approved-by", "A", "--revise").returncode == 3
    done("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Tệp đến muộn")

    rows = changes(url, "2019-Q1.r2", "revision")
    assert {row["reason"] for row in rows if row["table_name"] == "appendix_1"} == {"loaded_late"}
    received = [row for row in rows if row["column_name"] == "newly_received"]
    assert [(row["difference"], row["cases_affected"]) for row in received] == [(3, 3)]
    assert {
        (row["reason"], row["difference"])
        for row in changes(url, "2019-Q1.r2", "overlap")
        if row["new_publication_id"] == "2019-H1.r1"
        and (row["column_name"], row["unit_code"]) == ("newly_received", received[0]["unit_code"])
        and row["reason"] == "loaded_late"
    } == {("loaded_late", -3)}
    for row in rows:
        if row["column_name"] in ("coverage_percent", "rank", "total", "band"):
            expected = (
                {"loaded_late"}
                if row["table_name"] == "appendix_1"
                else {"follows_from_other_figures"}
            )
            assert row["reason"] in expected, row
        if row["old_value"] is not None and row["new_value"] is not None:
            change = Decimal(str(row["new_value"])) - Decimal(str(row["old_value"]))
            assert row["difference"] == change, row

    first, second = recompute("2019-Q1.r1"), recompute("2019-Q1.r2")
    assert first.is_same
    assert second.is_same

    done("withdraw", "2019-Q1.r2", "--reason", "Nhầm tệp", "--by", "A")
    with psycopg.connect(url) as connection:
        latest = connection.execute(
            "select publication_id from published.latest_publications where period_code = '2019-Q1'"
        ).fetchall()
    assert latest == [("2019-Q1.r1",)]
    assert check_traces(url, "2019-Q1.r2") > 3


@pytest.mark.slow
def test_each_reason_is_what_was_done_to_the_rows_of_that_figure(
    copy: tuple[str, Path], published: tuple[str, Path]
) -> None:
    """A case is cancelled, another ends again, a press comes late, a remark changes."""
    url, landing = copy
    unit, other = "000.00.01.H51", "000.00.10.H51"
    last_day = "cases_2019-03-29"
    with psycopg.connect(url) as connection:
        settled, settled_again = (
            {
                code
                for (code,) in connection.execute(
                    "select case_code from evidence.cases where publication_id = '2019-Q1.r1'"
                    " and unit_code = %s and is_settled and origin = 'newly_received'",
                    [one],
                )
            }
            for one in (unit, other)
        )

    def change(
        source: str, name: str, chosen: Callable[[dict[str, str]], bool], **new: str
    ) -> None:
        (whole,) = (published[1] / "landing").rglob(f"{source}.csv")
        with whole.open(encoding="utf-8-sig", newline="") as lines:
            record = next(row for row in csv.DictReader(lines) if chosen(row))
        arrived = landing / name.split("_")[0] / f"{name}.csv"
        arrived.parent.mkdir(exist_ok=True)
        with arrived.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(record))
            writer.writeheader()
            writer.writerow({**record, **new})

    change(
        *(last_day, f"{last_day}_late"),
        lambda row: row["MaHoSo"] in settled,
        DaXoa="1",
        NgayCapNhat="20190329235959",
    )
    change(
        *("ratings_2019-03-29_K01", "ratings_2019-03-29_late"),
        lambda row: row["MaDonVi"] == unit and row["NutDanhGia"] == "2",
        ThoiGian="2019-03-29T17:59:59",
    )
    change(
        *("procedures_2019-03-19", "procedures_2019-03-19_late"),
        lambda row: row["MaDonVi"] == other and row["GhiChu"] != "",
        GhiChu="Ghi chú mới",
        NgayCapNhat="19/03/2019 23:59:59",
    )
    change(
        *(last_day, "cases_2019-04-19_late"),
        lambda row: row["MaHoSo"] in settled_again,
        NgayKetThucXuLy="20190418100000",
        NgayTra="",
        NgayCapNhat="20190419100000",
    )
    done("ingest")
    done("build")
    refused = motcua("publish", "2019-Q1", "--approved-by", "A", "--revise")
    assert refused.returncode == 3
    assert "needs a note" in refused.stderr
    assert refused.stdout == "", "asked before the gate"
    done("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Sửa ba chỗ")

    rows = changes(url, "2019-Q1.r2", "revision")

    def reasons(table: str, of: str, column: str) -> list[tuple[object, object]]:
        return [
            (row["reason"], row["difference"])
            for row in rows
            if (row["table_name"], row["unit_code"], row["column_name"]) == (table, of, column)
        ]

    assert reasons("appendix_1", unit, "settled_total") == [("record_removed", -1)]
    assert reasons("appendix_2", unit, "settled_total") == [("record_removed", -1)]
    assert reasons("appendix_2", unit, "total") == [("loaded_late", 1)]
    assert reasons("appendix_2", unit, "satisfied_attitude") == [("loaded_late", 1)]
    ((coverage, _),) = reasons("appendix_2", unit, "coverage_percent")
    assert coverage == "follows_from_other_figures"
    assert reasons("indicator_evidence", unit, "1.denominator") == [("record_removed", -1)]
    assert not [row for row in rows if row["reason"] == "unexplained" or "+" in str(row["reason"])]
    assert reasons("appendix_4", other, "note") == [("loaded_late", None)]
    (remark,) = [row for row in rows if row["column_name"] == "note"]
    assert "Ghi chú mới" in str(remark["new_text"])

    longer = [
        row
        for row in changes(url, "2019-Q1.r2", "overlap")
        if (row["table_name"], row["unit_code"], row["column_name"])
        == ("appendix_1", unit, "settled_total")
    ]
    assert [
        (row["new_publication_id"], row["old_publication_ids"], row["reason"], row["difference"])
        for row in longer
    ] == [("2019-H1.r1", ["2019-Q1.r2", "2019-Q2.r1"], "record_removed", 1)]

    for period in ("2019-Q2", "2019-H1"):
        done("publish", period, "--approved-by", "A", "--revise", "--note", "Kết thúc lại")
    twice = [
        (row["old_publication_ids"], row["reason"], row["difference"])
        for row in changes(url, "2019-H1.r2", "overlap")
        if (row["table_name"], row["unit_code"], row["column_name"])
        == ("appendix_1", other, "settled_total")
    ]
    assert twice == [(["2019-Q1.r2", "2019-Q2.r2"], "recorded_late", -1)], (
        "settled in both quarters: the first did not know the later end"
    )
    for publication_id in ("2019-Q1.r2", "2019-Q2.r2", "2019-H1.r2"):
        assert check_traces(url, publication_id) > 3


@pytest.mark.slow
def test_a_review_alone_is_told_and_a_longer_release_without_all_its_parts_is_left_alone(
    copy: tuple[str, Path],
) -> None:
    url, landing = copy
    done("withdraw", "2019-Q2.r1", "--by", "B", "--reason", "Nhầm tệp")
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select case_code, unit_code from published.late_cases"
            " where publication_id = '2019-Q1.r1' and not reviewed order by case_code"
        ).fetchone()
    assert found is not None
    code, unit = found
    arrived = landing / "late_reviews" / "late_reviews_2019-04-03_late.csv"
    arrived.parent.mkdir()
    arrived.write_text(
        "MaHoSo,NguyenNhan,NgayTraThucTe,SoVanBan,NguoiXacNhan,NgayXacNhan,DaXinLoi\n"
        f"{code},4,,CV-1,A,03/04/2019 10:00:00,1\n",
        encoding="utf-8",
    )
    done("ingest")
    done("build")
    done("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Rà soát đến muộn")
    told = [
        (
            *(row["table_name"], row["unit_code"], row["column_name"]),
            *(row["old_text"], row["new_text"], row["reason"], row["cases_affected"]),
        )
        for row in changes(url, "2019-Q1.r2", "revision")
    ]
    assert sorted(told, key=str) == [
        ("late_cases", unit, f"{code}.apology_sent", None, "true", "review_changed", 1),
        ("late_cases", unit, f"{code}.reason", None, "4", "review_changed", 1),
        ("late_cases", unit, f"{code}.reviewed", "false", "true", "review_changed", 1),
    ]
    assert changes(url, "2019-Q1.r2", "overlap") == [], "2019-Q2 stands no more"
    told_by = done("trace", "2019-Q1.r2", "revisions", unit, f"late_cases.{code}.reason")
    assert "review_changed" in told_by
    assert arrived.name in told_by, "the review stands there with its file"


@pytest.mark.slow
def test_a_code_renamed_by_the_pack_is_no_correction_of_the_unit(
    copy: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "000.00.01.H51", "000.00.01.S99"
    pack = tmp_path / "pack"
    shutil.copytree(settings.PROJECT / "reference" / "soc_trang", pack)
    for name in ("units", "kiosks"):
        file = pack / f"{name}.csv"
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with (pack / "unit_aliases.csv").open("a", encoding="utf-8") as aliases:
        aliases.write(f"{old},{new}\n")
    monkeypatch.setenv("MOTCUA_REFERENCE", str(pack))
    done("ingest")
    done("build")
    done("publish", "2019-Q1", "--approved-by", "A", "--revise", "--note", "Mã đơn vị mới")
    rows = changes(copy[0], "2019-Q1.r2", "revision")
    assert {row["reason"] for row in rows} == {"rules_changed", "follows_from_other_figures"}
    assert {row["unit_code"] for row in rows} == {old, new}
    settled = {
        row["unit_code"]: (row["old_value"], row["new_value"], row["reason"])
        for row in rows
        if (row["table_name"], row["column_name"]) == ("appendix_1", "settled_total")
    }
    assert settled[old][0] == settled[new][1] > 0
    assert (settled[old][1], settled[new][0]) == (None, None)
    assert settled[old][2] == settled[new][2] == "rules_changed"
    assert {row["reason"] for row in rows if row["table_name"] == "late_cases"} == {"rules_changed"}
    assert not {"unit_name", "display_order", "period_code"} & {row["column_name"] for row in rows}
    assert check_traces(copy[0], "2019-Q1.r2") > 10
