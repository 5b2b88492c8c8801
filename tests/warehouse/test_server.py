"""The embedded server: private, found again, and healed after a kill."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import server_data
from motcua.errors import Failed
from motcua.warehouse import server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    record = server.running()
    server.down()
    server_data.delete(record)


def test_up_starts_once_and_down_ends_it(home: Path) -> None:
    record, started = server.up()
    again, started_again = server.up()
    assert (started, started_again) == (True, False)
    assert again == record
    assert server.down() is True
    assert server.running() is None
    assert server.down() is False


def test_server_listens_on_loopback_alone_and_asks_for_a_password(home: Path) -> None:
    record, _ = server.up()
    address = f"postgresql://postgres@127.0.0.1:{record['port']}/warehouse"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address)
    with psycopg.connect(server.url(record, "postgres", "warehouse")) as connection:
        listens = connection.execute("show listen_addresses").fetchone()
    assert listens == ("127.0.0.1",)
    others = {
        address[4][0]
        for address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        if not str(address[4][0]).startswith("127.")
    }
    for other in others:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((other, record["port"]), timeout=2)


def test_passwords_are_readable_by_their_owner_alone(home: Path) -> None:
    server.up()
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_data_whose_passwords_are_gone_is_refused_and_kept(home: Path) -> None:
    record, _ = server.up()
    server.down()
    secrets = (home / "secrets.json").read_text()
    for gone in home.iterdir():
        if gone.is_file():
            gone.unlink()
    with pytest.raises(Failed, match=f"{record['data']}.*earlier installation.*rm -r"):
        server.up()
    (home / "secrets.json").write_text(secrets)
    assert server.up()[0]["data"] == record["data"]


def test_killed_server_is_replaced_and_keeps_its_data(home: Path) -> None:
    record, _ = server.up()
    with psycopg.connect(server.url(record, "postgres", "warehouse")) as connection:
        connection.execute("create table kept as select 42 as answer")
    os.kill(record["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while server.running() is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    again, started = server.up()
    assert started
    with psycopg.connect(server.url(again, "postgres", "warehouse")) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_server_of_a_killed_run_is_used_again(home: Path) -> None:
    record, _ = server.up()
    # The run that started it is gone; only the files under .motcua tell of the server.
    assert server.running() == record
    assert server.up() == (record, False)


def test_login_of_the_pipeline_is_no_administrator(home: Path) -> None:
    record, _ = server.up()
    with psycopg.connect(server.url(record, "motcua", "postgres")) as connection:
        row = connection.execute(
            "select rolsuper or rolcreaterole or rolcreatedb from pg_roles"
            " where rolname = current_user"
        ).fetchone()
    assert row == (False,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.url(record, "motcua", "airflow"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root PostgreSQL runs as another account")
def test_first_starts_at_one_moment_make_one_account() -> None:
    name = f"motcua-{os.getpid()}"
    code = (
        "from motcua.warehouse import server;"
        "server.PLACE_FOR_ROOT.mkdir(exist_ok=True);"
        f"server.SYSTEM_USER = {name!r};"
        "print(flush=True); input();"  # all of them begin together
        "print(server._system_user().pw_uid)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starts = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(6)]
    try:
        for each in starts:
            each.stdout.readline()
        for each in starts:
            each.stdin.write("\n")
            each.stdin.flush()
        told = {int(each.communicate()[0]) for each in starts}
        assert told == {pwd.getpwnam(name).pw_uid}
    finally:
        for each in starts:
            each.kill()
        subprocess.run(["userdel", name], check=True)
