"""A purge empties what is personal past its retention, and nothing else."""

import errno
import os
import subprocess
from datetime import date
from pathlib import Path

import psycopg
import pytest
from export_files import case, csv_of, rating

from motcua.errors import Failed
from motcua.landing import find, ingest, purge, rejects
from motcua.landing.feeds import FEEDS
from motcua.warehouse import database

TODAY = date(2019, 4, 5)
OLD, RECENT = "2019-03-04", "2019-03-07"
"""More and less than 30 days before TODAY."""

PERSONAL = {
    "ChuHoSo": "Trần Thị Bích Ngọc",
    "SoGiayToChuHoSo": "079185001234",
    "SoDienThoai": "0912345678",
    "Email": "ngoc@example.vn",
    "DiaChi": "12 Lê Hồng Phong",
    "NguoiTiepNhan": "Lý Văn Sâm",
    "NguoiXuLy": "Thạch Thị Sô Phi",
    "GhiChu": "gọi cho bà Ngọc",
}


def deliver(put):
    """Cases with a bad one among them, presses that differ in what is personal, on two days."""
    for day in (OLD, RECENT):
        good = [case(n, **PERSONAL) for n in range(1, 31)]
        put(f"cases_{day}.csv", csv_of([*good, case(31, DaXoa="9", **PERSONAL)]))
        presses = [rating(1, MaCanBo=f"CB{n}", NoiDung="chị Ngọc") for n in (1, 2, 1)]
        put(f"ratings_{day}.csv", csv_of(presses, "ratings"))
    return ingest.ingest()


def personal_values(rows, feed):
    """Number of values that personal columns of a feed hold, by file name."""
    names = ", ".join(column.sql_name for column in FEEDS[feed].columns if column.personal)
    return dict(
        rows(
            f"select file_name, sum(num_nonnulls({names})) from raw.{feed}"
            " inner join raw.files on file_id = row_id >> 32 group by 1"
        )
    )


def test_records_past_their_retention_keep_nothing_personal(put, rows):
    deliver(put)
    kept = (
        "select row_id, mahoso, madonvi, ngaytiepnhan, trangthaihoso, ngaycapnhat from raw.cases"
        " order by row_id"
    )
    presses = (
        "select row_id, makiosk, thoigian, personal_digest, officer from raw.ratings order by 1"
    )
    before = rows(kept), rows(presses)
    report = purge.purge("Lê A", older_than=30, today=TODAY)
    assert personal_values(rows, "cases") == {
        f"cases_{OLD}.csv": 0,
        f"cases_{RECENT}.csv": 30 * len(PERSONAL),
    }
    assert personal_values(rows, "ratings") == {
        f"ratings_{OLD}.csv": 0,
        f"ratings_{RECENT}.csv": 6,
    }
    assert (rows(kept), rows(presses)) == before
    contents = dict(
        rows("select file_name, content is null from raw.rejects join raw.files using (file_id)")
    )
    assert contents == {f"cases_{OLD}.csv": True, f"cases_{RECENT}.csv": False}
    assert [(one.feed, one.files, one.rows, one.rejects) for one in report.emptied] == [
        ("cases", 1, 30, 1),
        ("ratings", 1, 3, 0),
    ]


def test_reasons_and_warnings_past_their_retention_are_emptied(put, rows, warehouse):
    """Rules of earlier versions let some values through into reasons."""
    deliver(put)
    for day in (OLD, RECENT):
        put(f"cases_{day}_a.csv", csv_of([case(1)], columns=[*list(case(1))[1:]]))
        put(f"steps_{day}.csv", b"x,y\n")
    ingest.ingest()
    with psycopg.connect(warehouse) as connection:
        connection.execute("""update raw.rejects set reason = '"0912.345.678" is not allowed'""")
        connection.execute("""update raw.files set reason = 'it reads "Ngọc"' where reason > ''""")
        connection.execute("""update raw.files set warnings = '["0912.345.678"]'""")
    purge.purge("Lê A", older_than=30, today=TODAY)
    said = "select business_date, reason, warnings::text from raw.files where feed = 'steps'"
    assert rows(f"{said} order by 1") == [
        (date.fromisoformat(OLD), "The reason was emptied with what is personal.", "[]"),
        (date.fromisoformat(RECENT), 'it reads "Ngọc"', '["0912.345.678"]'),
    ]
    assert rows(
        "select business_date, r.reason from raw.rejects as r join raw.files using (file_id)"
        " order by 1"
    ) == [
        (date.fromisoformat(OLD), "the value is not allowed"),
        (date.fromisoformat(RECENT), '"0912.345.678" is not allowed'),
    ]
    assert rows(f"select reason from raw.files where business_date = '{OLD}' and state = 'loaded'"
                " and reason is not null") == []  # fmt: skip


def test_a_reject_is_still_listed_when_its_content_is_gone(put):
    deliver(put)
    purge.purge("Lê A", older_than=30, today=TODAY)
    listed = rejects.listing("cases", with_content=True)
    assert [(one.record, one.content is None) for one in listed] == [(31, False), (31, True)]


def test_every_personal_column_of_every_feed_is_emptied(put, rows, warehouse):
    ingest.ingest()
    with psycopg.connect(warehouse) as connection:
        for number, feed in enumerate(FEEDS, start=9000):
            connection.execute(
                "insert into raw.files (file_id, feed, uri, file_name, business_date, sha256,"
                " bytes, records, loaded, rejected, state, read_by, key_id)"
                " values (%s, %s, '', %s, %s, 'x', 1, 1, 1, 0, 'loaded', 'stream', 'k')",
                [number, feed, feed, OLD],
            )
            names = [column.sql_name for column in FEEDS[feed].columns]
            connection.execute(
                f"insert into raw.{feed} (row_id, {', '.join(names)})"
                f" values ({(number << 32) + 1}, {', '.join(['%s'] * len(names))})",
                [f"value of {name}" for name in names],
            )
        connection.execute("update raw.files set key_id = null")
    purge.purge("Lê A", older_than=30, today=TODAY)
    for feed in FEEDS:
        for column in FEEDS[feed].columns:
            value = None if column.personal else f"value of {column.sql_name}"
            assert rows(f"select {column.sql_name} from raw.{feed}") == [(value,)], column.name


def test_landing_copies_go_when_their_contents_are_loaded(put, rows, landing):
    deliver(put)
    lone = put(f"steps_{OLD}.csv", b"")
    put(f"petitions_{OLD}.csv", b"")
    ingest.ingest()
    header = ",".join(column.name for column in FEEDS["petitions"].columns)
    put(f"petitions_{OLD}_r2.csv", header.encode())
    ingest.ingest()
    unloaded = put("ratings_2019-03-01.csv", csv_of([rating(9)], "ratings"))
    report = purge.purge("Lê A", older_than=30, today=TODAY)
    left = {path.name for path in landing.rglob("*.csv")}
    assert left == {
        *(f"cases_{RECENT}.csv", f"ratings_{RECENT}.csv"),
        *(lone.name, unloaded.name),
    }
    assert len(report.kept) == 2
    assert all("kept, as its contents are not loaded" in line for line in report.kept)
    deleted = rows("select uri from ops.landing_deletions order by uri")
    assert deleted == [(uri,) for uri in sorted(report.deleted)]
    assert len(deleted) == 4


def test_a_copy_that_cannot_be_deleted_or_read_is_told_and_not_in_the_log(put, rows, monkeypatch):
    deliver(put)
    unlink, opened = Path.unlink, find.open_file

    def refuse(path, missing_ok=False):
        if path.name.startswith("cases_"):
            raise PermissionError(errno.EROFS, "Read-only file system", str(path))
        unlink(path, missing_ok)

    def fail(file):
        if file.name.startswith("steps_"):
            raise OSError(errno.EIO, "Input/output error", file.uri)
        return opened(file)

    put(f"steps_{OLD}.csv", b"")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        patch.setattr(find, "open_file", fail)
        report = purge.purge("Lê A", older_than=30, today=TODAY)
    assert [line.partition(" Let")[0] for line in report.kept] == [
        f"cases_{OLD}.csv: kept, as it cannot be read or deleted (Read-only file system).",
        f"steps_{OLD}.csv: kept, as it cannot be read or deleted (Input/output error).",
    ]
    deleted = rows("select uri from ops.landing_deletions")
    assert [uri.rpartition("/")[2] for (uri,) in deleted] == [f"ratings_{OLD}.csv"]
    assert report.deleted == [uri for (uri,) in deleted]
    again = purge.purge("Lê A", older_than=30, today=TODAY)
    assert [uri.rpartition("/")[2] for uri in again.deleted] == [f"cases_{OLD}.csv"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a folder read-only")
def test_a_share_that_is_read_only(put, rows, landing):
    deliver(put)
    subprocess.run(["mount", "--bind", landing, landing], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", landing], check=True)
        report = purge.purge("Lê A", older_than=30, today=TODAY)
    finally:
        subprocess.run(["umount", landing], check=True)
    assert report.deleted == []
    assert len(report.kept) == 2
    assert all("(Read-only file system)" in line for line in report.kept)
    assert rows("select count(*) from ops.landing_deletions") == [(0,)]
    assert len(list(landing.rglob("*.csv"))) == 4


def test_files_of_other_names_are_told(put, landing):
    deliver(put)
    for name in ("old cases.csv", f"cases_{OLD}.csv.part", f"cases_{OLD}.csv.tmp", f".cases_{OLD}"):
        (landing / "cases" / name).write_text("Trần Thị Bích Ngọc")
    report = purge.purge("Lê A", older_than=30, today=TODAY)
    said = "\n".join(report.kept)
    for told in (
        "Kept: cases/old cases.csv: not loaded",
        f"Kept: cases/cases_{OLD}.csv.part: waits",
        f"Kept: cases/cases_{OLD}.csv.tmp: waits",
        f"Kept: Hidden files and folders are not looked into: cases/.cases_{OLD}",
    ):
        assert told in said
    assert "old cases.csv" in purge.text(report)


def test_the_same_file_delivered_again_is_not_loaded_again(put, rows):
    content = csv_of([case(1, **PERSONAL)])
    put(f"cases_{OLD}.csv", content)
    ingest.ingest()
    purge.purge("Lê A", older_than=30, today=TODAY)
    again = put(f"cases_{OLD}.csv", content)
    assert (ingest.ingest().loaded, ingest.ingest().unchanged) == (0, 1)
    assert personal_values(rows, "cases") == {f"cases_{OLD}.csv": 0}
    report = purge.purge("Lê A", older_than=30, today=TODAY)
    assert (report.emptied, report.deleted) == ([], [str(again)])


def test_a_dry_run_counts_and_changes_nothing(put, rows, landing):
    deliver(put)
    everything = "select md5(string_agg(t::text, '|' order by t::text)) from raw.{} as t"
    tables = ("cases", "ratings", "rejects", "files")
    before = [rows(everything.format(table)) for table in tables]
    would = purge.purge("Lê A", older_than=30, is_dry_run=True, today=TODAY)
    assert [rows(everything.format(table)) for table in tables] == before
    assert len(list(landing.rglob("*.csv"))) == 4
    assert rows("select count(*) from ops.purges") == [(0,)]
    done = purge.purge("Lê A", older_than=30, today=TODAY)
    assert (would.emptied, would.deleted) == (done.emptied, done.deleted)
    assert purge.text(would).startswith(f"Would empty cases, {OLD} – {OLD}: 1 files, 30 rows")


def test_the_log_tells_who_and_what_and_is_only_added_to(put, rows, warehouse):
    deliver(put)
    purge.purge("Lê A", older_than=30, today=TODAY)
    assert rows(
        "select feed, purged_by, retention_days, first_day, last_day, files, rows_emptied,"
        " rejects_emptied from ops.purges order by feed"
    ) == [
        ("cases", "Lê A", 30, date(2019, 3, 4), date(2019, 3, 4), 1, 30, 1),
        ("ratings", "Lê A", 30, date(2019, 3, 4), date(2019, 3, 4), 1, 3, 0),
    ]
    for statement in ("delete from ops.purges", "truncate ops.purges"):
        with psycopg.connect(warehouse) as admin, pytest.raises(psycopg.Error, match="insert-only"):
            admin.execute(statement)
    with (
        database.connect(database.LOADER) as loader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        loader.execute("update ops.purges set purged_by = 'B'")


def test_the_retention_is_a_setting(put, monkeypatch):
    deliver(put)
    monkeypatch.setenv("MOTCUA_RETENTION_DAYS", "29")
    assert len(purge.purge("A", is_dry_run=True, today=TODAY).emptied) == 2
    monkeypatch.setenv("MOTCUA_RETENTION_DAYS", "60")
    assert purge.purge("A", is_dry_run=True, today=TODAY).emptied == []
    for wrong in ("0", "-3", "a year"):
        monkeypatch.setenv("MOTCUA_RETENTION_DAYS", wrong)
        with pytest.raises(Failed, match="MOTCUA_RETENTION_DAYS"):
            purge.purge("A")


def test_a_remote_zone_is_left_to_its_owner(put):
    deliver(put)
    report = purge.purge("A", older_than=30, uri="s3://exports/in", today=TODAY)
    assert report.deleted == []
    assert "its owner has to delete" in report.kept[0]
