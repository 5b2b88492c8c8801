"""Large amounts are loaded in two sessions side by side, with the outcome of one."""

import signal
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import psycopg
import pytest
from export_files import case, csv_of, rating

from motcua.errors import Failed, Interrupted
from motcua.landing import find, ingest, load, remote
from motcua.landing.find import ExportFile
from motcua.warehouse import database

DAYS = [f"2019-03-{day:02}" for day in range(4, 9)]
LOADED = "select feed, file_name, state, records, loaded from raw.files order by 1, 2"


@pytest.fixture
def two_sessions(monkeypatch: pytest.MonkeyPatch):
    """Let small files be worth two sessions; tells which thread loads which file."""
    monkeypatch.setattr(ingest, "WORTH_A_SESSION", 1)
    threads: dict[str, str] = {}
    load_one = load.load

    def told(connection, file, known, stop):
        threads[file.name] = threading.current_thread().name
        return load_one(connection, file, known, stop)

    monkeypatch.setattr(load, "load", told)
    return threads


@pytest.fixture
def exports(put):
    """Five days of cases and of ratings; one file has a bad record, another is to be refused."""
    for number, day in enumerate(DAYS, start=1):
        cases = [case(n, MaHoSo=f"HS-{day}-{n}") for n in range(1, 101)]
        if number == 2:
            cases[7]["MucDo"] = "9"
        put(f"cases_{day}.csv", csv_of(cases))
        presses = [rating(n, NutDanhGia="7" if number == 3 else "1") for n in range(1, 41)]
        put(f"ratings_{day}_K01.csv", csv_of(presses, "ratings"))


def test_two_sessions_load_what_one_would(exports, two_sessions, rows):
    told = []
    report = ingest.ingest(progress=lambda what, done, of: told.append((what, done, of)))
    assert len({two_sessions[f"cases_{day}.csv"] for day in DAYS}) == 1
    assert {
        thread for name, thread in two_sessions.items() if name.startswith("ratings")
    }.isdisjoint({thread for name, thread in two_sessions.items() if name.startswith("cases")})
    assert (report.found, report.loaded, report.quarantined) == (10, 9, 1)
    assert (report.records, report.rejected) == (500 + 160, 1)
    assert [done for _, done, _ in told] == list(range(1, 11))
    assert {(what, of) for what, _, of in told} == {("files", 10)}
    assert sorted(message.split(":")[0] for message in report.messages) == [
        "cases_2019-03-05.csv",
        "ratings_2019-03-06_K01.csv",
    ]
    assert rows(LOADED) == [
        *(
            ("cases", f"cases_{day}.csv", "loaded", 100, 99 if day == DAYS[1] else 100)
            for day in DAYS
        ),
        *(
            (
                *("ratings", f"ratings_{day}_K01.csv"),
                *(("quarantined", 40, 0) if day == DAYS[2] else ("loaded", 40, 40)),
            )
            for day in DAYS
        ),
    ]
    assert rows("select count(*), count(distinct mahoso) from raw.cases") == [(499, 499)]
    again = ingest.ingest()
    assert (again.found, again.loaded, again.unchanged) == (10, 0, 10)


def test_a_session_that_is_lost_stops_the_other_and_nothing_is_lost_or_doubled(
    exports, two_sessions, rows, warehouse, monkeypatch
):
    load_one, load_all, runs = load.load, ingest._load_all, []
    other_at_work = threading.Event()

    def noted(run, files):
        runs.append(run)
        return load_all(run, files)

    def ended(connection, file, known, stop):
        if file.name == f"cases_{DAYS[2]}.csv":
            assert other_at_work.wait(30)
            with psycopg.connect(warehouse, autocommit=True) as admin:
                admin.execute(
                    "select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid]
                )
        elif file.name == f"ratings_{DAYS[1]}_K01.csv":
            other_at_work.set()
            assert runs[0].is_over.wait(30)
        return load_one(connection, file, known, stop)

    with monkeypatch.context() as patch:
        patch.setattr(load, "load", ended)
        patch.setattr(ingest, "_load_all", noted)
        with pytest.raises(Interrupted, match=f"Loading cases_{DAYS[2]}.csv was interrupted"):
            ingest.ingest()
    assert [name for _, name, *_ in rows(LOADED)] == [
        *(f"cases_{day}.csv" for day in DAYS[:2]),
        *(f"ratings_{day}_K01.csv" for day in DAYS[:2]),
    ]
    assert ingest.ingest().loaded == 5
    assert rows("select count(*), count(distinct mahoso) from raw.cases") == [(499, 499)]
    assert rows("select count(*), count(distinct row_id) from raw.ratings") == [(160, 160)]


def test_a_session_that_is_refused_stops_the_other(exports, two_sessions, rows, monkeypatch):
    connect, asked = database.connect, []
    first_at_work, runs, load_all = threading.Event(), [], ingest._load_all

    def refused(role, **options):
        if threading.current_thread() is not threading.main_thread():
            asked.append(role)
            if len(asked) == 2:
                assert first_at_work.wait(30)
                raise Failed("The server has no connection left.")
        return connect(role, **options)

    def noted(run, files):
        runs.append(run)
        return load_all(run, files)

    def slow(connection, file, known, stop):
        first_at_work.set()
        assert runs[0].is_over.wait(30)
        return load_one(connection, file, known, stop)

    load_one = load.load
    with monkeypatch.context() as patch:
        patch.setattr(ingest.database, "connect", refused)
        patch.setattr(ingest, "_load_all", noted)
        patch.setattr(load, "load", slow)
        with pytest.raises(Failed, match="no connection left"):
            ingest.ingest()
    assert len(rows(LOADED)) == 1
    assert ingest.ingest().loaded == 8


@pytest.fixture
def heeds_interrupts():
    """As in a terminal: what a shell starts in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_undoes_the_files_at_work(
    exports, two_sessions, rows, monkeypatch, heeds_interrupts
):
    """As by Ctrl-C, while both sessions copy files whose ends are long in coming."""
    main = threading.main_thread().ident
    blocks, at_work = (
        load.reading.blocks,
        # The system gives a signal to the main thread, if that takes it.
        threading.Barrier(2, partial(signal.pthread_kill, main, signal.SIGINT)),
    )
    sent = []

    def long(stream, layout, size):
        (block,) = blocks(stream, layout, size)
        yield block
        at_work.wait(30)
        for _ in range(600):
            sent.append(block)
            yield block
            time.sleep(0.05)

    with monkeypatch.context() as patch:
        patch.setattr(load.reading, "blocks", long)
        with pytest.raises(KeyboardInterrupt):
            ingest.ingest()
    assert len(sent) < 100
    assert rows(LOADED) == []
    assert ingest.ingest().loaded == 9


def test_one_session_is_enough_for_little_for_sheets_and_for_remote_zones(put):
    def export(feed: str, size: int, **changes) -> ExportFile:
        name = f"{feed}_2019-03-04.csv"
        file = find.parse("/landing", PurePosixPath(f"{feed}/{name}"), size)
        return replace(file, **changes)

    cases, steps, ratings = (export(feed, 20 << 20) for feed in ("cases", "steps", "ratings"))
    small = export("petitions", 99)
    assert ingest._shares([cases, ratings, steps, small]) == [[cases, steps], [ratings, small]]
    assert ingest._shares([cases, small]) == [[cases, small]]
    assert ingest._shares([]) == []
    zone = remote.Zone(remote.Address("s3://a/b", "s3", "", "", None, "a/b"), "", None)
    for change in ({"form": "xlsx"}, {"zone": zone}):
        other = replace(ratings, **change)
        assert ingest._shares([cases, other]) == [[cases, other]]


def test_in_the_end_every_block_range_is_summarized(exports, rows):
    ingest.ingest()
    assert rows(
        "select brin_summarize_new_values('raw.cases_by_row_id'),"
        " brin_summarize_new_values('raw.ratings_by_row_id')"
    ) == [(0, 0)]
