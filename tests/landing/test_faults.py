"""The server goes away or has no room left in the middle of a load: nothing is lost or doubled."""

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest
from export_files import case, csv_of

import server_data
from motcua.errors import Interrupted
from motcua.landing import ingest, load, rejects
from motcua.warehouse import database, schema, server

DAY, NEXT = "cases_2019-03-04.csv", "cases_2019-03-05.csv"
NAME = "Huỳnh Thị Tuyết Nhung"
FILES = "select file_name, records, loaded from raw.files order by 1"


def many(number=3_000):
    return [case(n, ChuHoSo=NAME, MaHoSo=f"HS-{n}") for n in range(1, number + 1)]


def in_the_middle(monkeypatch, act):
    """Do something to the server after the first block of a file has been sent."""
    monkeypatch.setattr(load.reading, "BLOCK", 1 << 16, raising=True)
    blocks = load.reading.blocks

    def interrupted(stream, layout, size):
        for number, block in enumerate(blocks(stream, layout, size)):
            yield block
            if number == 1:
                act()

    monkeypatch.setattr(load.reading, "blocks", interrupted)


def hold_interrupted(words):
    """The load says what happened and what to do, and shows nothing of a record."""
    with pytest.raises(Interrupted) as told:
        ingest.ingest()
    text = str(told.value)
    for word in (DAY, *words, "start the same command again"):
        assert word in text, text
    assert NAME not in text
    assert "HS-" not in text
    assert told.value.__suppress_context__


def test_a_connection_lost_in_the_middle_of_a_file(put, rows, warehouse):
    put(DAY, csv_of(many()))
    put(NEXT, csv_of(many(5)))

    def end_the_session():
        with psycopg.connect(warehouse, autocommit=True) as admin:
            ended = admin.execute(
                "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                " where query like 'copy raw.cases%' and datname = current_database()"
            ).fetchone()
            assert ended == (1,)

    with pytest.MonkeyPatch.context() as patch:
        in_the_middle(patch, end_the_session)
        hold_interrupted(["motcua status"])
    assert rows(FILES) == []
    assert ingest.ingest().loaded == 2
    assert rows(FILES) == [(DAY, 3_000, 3_000), (NEXT, 5, 5)]
    assert rows("select count(*), count(distinct row_id) from raw.cases") == [(3_005, 3_005)]


def test_a_second_run_waits_for_the_first_in_the_middle_of_a_file(put, rows):
    put(DAY, csv_of(many()))
    reports = []
    second = threading.Thread(target=lambda: reports.append(ingest.ingest()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load.reading, "BLOCK", 1 << 16)
        blocks = load.reading.blocks

        def start_another(stream, layout, size):
            for block in blocks(stream, layout, size):
                yield block
                if second.ident is None:
                    second.start()
                    second.join(1)
                    assert second.is_alive(), "the second run must wait for the first"

        patch.setattr(load.reading, "blocks", start_another)
        reports.append(ingest.ingest())
        second.join()
    assert sorted((report.loaded, report.unchanged) for report in reports) == [(0, 1), (1, 0)]
    assert rows("select count(*) from raw.cases") == [(3_000,)]


@pytest.fixture
def own_server(landing, tmp_path, monkeypatch):
    """A server of the test's own, and its administrator's URL; it is stopped after the test."""
    monkeypatch.delenv("MOTCUA_WAREHOUSE_URL", raising=False)
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOTCUA_LANDING", str(landing))
    (landing / "cases").mkdir(parents=True)
    record, _ = server.up()
    schema.migrate()
    yield record
    server.down()
    server_data.delete(record)


def ask(query):
    with psycopg.connect(database.admin_url()) as connection:
        return connection.execute(query).fetchall()


def kill(postmaster):
    """Kill the server, and wait until the session that copies has noticed it."""
    ((session,),) = ask("select pid from pg_stat_activity where query like 'copy raw.cases%'")
    os.kill(postmaster, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{session}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_a_file(own_server, landing):
    (landing / "cases" / DAY).write_bytes(csv_of(many()))
    with pytest.MonkeyPatch.context() as patch:
        in_the_middle(patch, lambda: kill(own_server["pid"]))
        hold_interrupted(["motcua up"])
    record, started = server.up()
    assert started
    assert ask("select count(*) from raw.cases") == [(0,)]
    assert ingest.ingest().loaded == 1
    assert ask(FILES) == [(DAY, 3_000, 3_000)]
    assert ask("select count(*), count(distinct row_id) from raw.cases") == [(3_000, 3_000)]
    log = Path(record["data"], "server.log").read_text(encoding="utf-8", errors="replace")
    assert "database system is ready" in log
    assert NAME not in log


@pytest.fixture
def small_disk(tmp_path, own_server):
    """A file system of 12 MB that belongs to the server's account."""
    disk = Path(own_server["data"]).parent / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "motcua", disk], check=True)
    shutil.chown(disk, Path(own_server["data"]).owner())
    yield disk
    for _ in range(20):
        if subprocess.run(["umount", disk], check=False, capture_output=True).returncode == 0:
            return
        server.down()
        time.sleep(0.5)
    raise AssertionError(f"{disk} is still mounted")


def fill(path):
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_full(small_disk, landing):
    with psycopg.connect(database.admin_url(), autocommit=True) as admin:
        admin.execute(f"create tablespace small location '{small_disk}'")
        admin.execute("alter table raw.cases set tablespace small")
    (landing / "cases" / DAY).write_bytes(csv_of(many(100)))
    assert ingest.ingest().loaded == 1
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        fill(ballast)
    (landing / "cases" / DAY).rename(landing / "cases" / NEXT)
    (landing / "cases" / DAY).write_bytes(csv_of(many()))
    hold_interrupted(["Free space on the disk of the warehouse"])
    assert ask(FILES) == [(DAY, 100, 100)]
    assert ask("select count(*) from raw.cases") == [(100,)]
    ballast.unlink()
    assert ingest.ingest().loaded == 2
    assert ask("select count(*), count(distinct row_id) from raw.cases") == [(3_200, 3_200)]


@pytest.mark.parametrize(
    "fault",
    [OverflowError(NAME), psycopg.DataError(NAME), psycopg.errors.UniqueViolation(NAME)],
)
def test_a_file_at_which_the_loader_fails_stops_no_other(put, rows, monkeypatch, fault):
    """Such a fault is one of ours, so it is put in; what the file says is not told."""
    put(DAY, csv_of(many(5)))
    put(NEXT, csv_of(many(6)))
    written = load._enter

    def failing(task, *told):
        if task.file.name == DAY:
            raise fault
        written(task, *told)

    with monkeypatch.context() as patch:
        patch.setattr(load, "_enter", failing)
        report = ingest.ingest()
    assert report.loaded == 1
    (message,) = report.messages
    assert message.startswith(f"{DAY}: not loaded, as the loader failed at it")
    assert type(fault).__name__ in message
    assert NAME not in message
    assert rows(FILES) == [(NEXT, 6, 6)]
    assert rows("select count(*) from raw.cases") == [(6,)]
    assert ingest.ingest().loaded == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_that_has_no_room_for_rejected_records(put, rows, tmp_path, monkeypatch):
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "motcua", disk], check=True)
    try:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        monkeypatch.setattr(rejects, "_IN_MEMORY", 1 << 16)
        put(DAY, csv_of([case(n, DaXoa="9", GhiChu="x" * 3000) for n in range(1, 600)]))
        put(NEXT, csv_of(many(5)))
        report = ingest.ingest()
    finally:
        gc.collect()  # the book of rejected records is closed with its last reference
        subprocess.run(["umount", disk], check=True)
    assert rows(FILES) == [(NEXT, 5, 5)]
    (warning,) = report.warnings
    assert warning.startswith(f"{DAY}: this machine has no room to load it (the disk of {disk} is")
    assert "TMPDIR" in warning
    assert "Check" not in warning
