"""Alerts against a real mail server and a real HTTP listener on loopback."""

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mail_sink import Sink
from motcua.errors import Failed
from motcua.operations import alerts
from motcua.operations.alerts import Alert, MailServer

ALERT = Alert("data", "Dữ liệu chưa đủ", "Thiếu: cases 2019-03-04\nGọi đơn vị.")


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """What a listener was posted; the settings name it."""
    got: list[dict[str, str]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path != "/hook/t0ken":
                self.send_error(403)
                return
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{listener.server_port}/hook/t0ken"
    monkeypatch.setenv("MOTCUA_ALERT_WEBHOOK", address)
    try:
        yield got
    finally:
        listener.shutdown()
        listener.server_close()


@pytest.fixture(autouse=True)
def recipients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_ALERT_RECIPIENTS", "a@example.vn, b@example.vn")


def test_an_alert_goes_out_on_both_channels_once_a_day(
    warehouse: str, sink: tuple[Sink, MailServer], webhook: list[dict[str, str]]
) -> None:
    handler, mail = sink
    assert alerts.send(ALERT, mail) == ["mail", "webhook"]
    assert alerts.send(ALERT, mail) == []
    [message] = handler.mails
    assert message["Subject"] == "Dữ liệu chưa đủ"
    assert message["To"] == "a@example.vn, b@example.vn"
    assert message["From"] == "kho@example.vn"
    assert message.get_content().splitlines() == ALERT.body.splitlines()
    [posted] = webhook
    assert posted["cause"] == "data"
    assert posted["text"] == "Dữ liệu chưa đủ\nThiếu: cases 2019-03-04\nGọi đơn vị."
    assert alerts.send(Alert("run", "Chạy lỗi", "-"), mail) == ["mail", "webhook"]
    with psycopg.connect(warehouse) as connection:
        noted = connection.execute("select cause, channel from ops.alerts order by 1, 2").fetchall()
    assert noted == [("data", "mail"), ("data", "webhook"), ("run", "mail"), ("run", "webhook")]


def test_a_channel_that_fails_is_tried_again_and_stops_no_other(
    warehouse: str, sink: tuple[Sink, MailServer], webhook: list[dict[str, str]]
) -> None:
    handler, mail = sink
    handler.is_full = True
    with pytest.raises(Failed, match="mail: SMTPDataError 452") as failure:
        alerts.send(ALERT, mail)
    assert "hunter2" not in str(failure.value), "what the server says may hold a secret"
    assert len(webhook) == 1
    handler.is_full = False
    assert alerts.send(ALERT, mail) == ["mail"]


def test_no_secret_is_told_when_an_alert_does_not_go_out(
    warehouse: str,
    sink: tuple[Sink, MailServer],
    webhook: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, mail = sink
    wrong = MailServer(mail.host, mail.port, mail.sender, "none", "motcua", "wr0ng")
    assert "wr0ng" not in repr(wrong)
    address = alerts.settings.alert_webhook()
    monkeypatch.setenv("MOTCUA_ALERT_WEBHOOK", f"{address}-wrong")
    with pytest.raises(Failed, match=r"mail: SMTPAuthenticationError 535.*webhook: .* 403") as told:
        alerts.send(ALERT, wrong)
    printed = capsys.readouterr()
    for secret in ("wr0ng", "t0ken"):
        assert secret not in str(told.value) + printed.out + printed.err


def test_an_alert_goes_out_when_the_warehouse_does_not_answer(
    sink: tuple[Sink, MailServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, mail = sink
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert alerts.send(ALERT, mail) == ["mail"]
    assert len(handler.mails) == 1


def test_a_mail_carries_workbooks(sink: tuple[Sink, MailServer]) -> None:
    handler, mail = sink
    alerts.send_mail(mail, ["c@example.vn"], "Hồ sơ\ntrễ", "Xem tệp.", {"trễ.xlsx": b"PK12"})
    [message] = handler.mails
    assert message["Subject"] == "Hồ sơ trễ", "one line, whatever the subject holds"
    [attachment] = message.iter_attachments()
    assert attachment.get_filename() == "trễ.xlsx"
    assert attachment.get_content() == b"PK12"


def test_without_any_channel_nothing_is_sent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alerts.send(ALERT, None) == []
    assert "No alert goes out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://127.0.0.1/hook secret", "InvalidURL"),
        ("http://127.0.0.1:secret/hook", "InvalidURL"),
        ("http://tên..vn/secret", "UnicodeError"),
        ("http://[secret", "ValueError"),
        ("secret", "The address is none"),
    ],
)
def test_an_address_of_any_kind_stops_no_mail_and_is_not_quoted(
    warehouse: str,
    sink: tuple[Sink, MailServer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    kind: str,
) -> None:
    handler, mail = sink
    monkeypatch.setenv("MOTCUA_ALERT_WEBHOOK", address)
    with pytest.raises(Failed, match=rf"on webhook: {kind}\. Check MOTCUA_ALERT_WEBHOOK") as told:
        alerts.send(ALERT, mail)
    assert len(handler.mails) == 1
    trace = "".join(traceback.format_exception(told.value))
    assert "secret" not in trace + capsys.readouterr().out


def test_a_mail_without_a_sender_is_refused_with_a_sentence_and_stops_no_webhook(
    warehouse: str, webhook: list[dict[str, str]]
) -> None:
    nobody = MailServer("127.0.0.1", 1, "", "none")
    with pytest.raises(Failed, match="connection motcua_smtp has neither a login nor from_email"):
        alerts.send(ALERT, nobody)
    assert len(webhook) == 1


def test_a_file_of_the_webhook_that_cannot_be_read_stops_no_mail(
    warehouse: str, sink: tuple[Sink, MailServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handler, mail = sink
    (tmp_path / "hook").write_bytes(b"http://\xff")
    for file, why in ((tmp_path / "none", "No such file"), (tmp_path / "hook", "no text in UTF-8")):
        monkeypatch.setenv("MOTCUA_ALERT_WEBHOOK_FILE", str(file))
        alert = Alert(why, "Dữ liệu chưa đủ", "-")
        with pytest.raises(Failed, match=rf"webhook: MOTCUA_ALERT_WEBHOOK_FILE .* {why}"):
            alerts.send(alert, mail)
    assert len(handler.mails) == 2


FAILURES = """
from types import SimpleNamespace
import task_help
from motcua.errors import Failed, Refused

class Instance:
    dag_id, task_id, log_url = 'build_warehouse', 'check_landing', 'http://log'
    def xcom_push(self, key, value):
        pass

def tell(run, error):
    task_help.tell_failure({'ti': Instance(), 'run_id': run, 'exception': error})

def ended(error):
    from airflow.sdk.execution_time.context import set_current_context
    with set_current_context({'ti': Instance()}):
        try:
            with task_help.explained():
                raise error
        except Exception as end:
            return end

tell('a', ended(Refused('12 rows')))
tell('b', ended(Failed('No connection to the warehouse')))
tell('c', ended(Refused('The check is broken: no column')))
tell('d', ValueError('Trần Thị B'))
tell('e', Failed('The models cannot be built'))
tell('f', None)
"""


@pytest.fixture
def connection(sink: tuple[Sink, MailServer]) -> dict[str, Any]:
    """The mail server as a connection of Airflow."""
    _, mail = sink
    return {
        "conn_type": "smtp",
        "host": mail.host,
        "port": mail.port,
        "login": mail.login,
        "password": mail.password,
        "extra": {"from_email": mail.sender, "disable_ssl": True, "disable_tls": True},
    }


def run_with(connection: dict[str, Any], home: Path, script: str) -> str:
    """Run a script with a connection of Airflow in a process of its own; what it said."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **{name: text for name, text in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_MOTCUA_SMTP": json.dumps(connection),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_a_failed_task_is_told_as_what_it_is_through_the_mail_server_of_airflows_connection(
    warehouse: str, sink: tuple[Sink, MailServer], connection: dict[str, Any], tmp_path: Path
) -> None:
    handler, mail = sink
    said = run_with(connection, tmp_path, FAILURES)
    assert "s3cret" not in said
    told = [(mail["Subject"], mail.get_content().splitlines()[0]) for mail in handler.mails]
    place = "build_warehouse.check_landing"
    assert told[:5] == [
        (f"Bước kiểm tra từ chối: {place}", "12 rows"),
        (f"Tác vụ thất bại: {place}", "No connection to the warehouse"),
        (f"Bộ kiểm tra bị lỗi: {place}", "The check is broken: no column"),
        (f"Tác vụ thất bại: {place}", "ValueError"),  # its text may quote a record
        (f"Tác vụ thất bại: {place}", "The models cannot be built"),
    ]
    killed = handler.mails[5]
    assert killed["Subject"] == f"Tiến trình của tác vụ bị ngắt: {place}"
    assert "memory ran out" in killed.get_content()
    assert {mail["From"] for mail in handler.mails} == {mail.sender}
    assert all(mail.get_content().splitlines()[-1] == "http://log" for mail in handler.mails)


WATCH = """
import task_help
from motcua.operations.alerts import Alert
try:
    task_help.deliver([Alert('one', 'Một', '1'), Alert('two', 'Hai', '2')])
except task_help.AirflowFailException as end:
    error = end
    print('ended with', end)
class Instance:
    dag_id, task_id, log_url = 'check_freshness', 'tell_what_is_late', 'http://log'
for run in ('at 08:05', 'at 09:05'):
    context = {'ti': Instance(), 'run_id': run, 'exception': error}
    task_help.tell_failure_once_a_day(context)
"""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"login": None, "extra": {"disable_ssl": True}}, "neither a login nor from_email"),
        ({"extra": "[1]"}, "connection motcua_smtp cannot be read (AttributeError)"),
    ],
)
def test_a_channel_that_is_set_wrongly_stops_no_alert_on_the_other(
    warehouse: str,
    connection: dict[str, Any],
    webhook: list[dict[str, str]],
    tmp_path: Path,
    wrong: dict[str, Any],
    told: str,
) -> None:
    said = run_with(connection | wrong, tmp_path, WATCH)
    assert told in said.partition("ended with")[2]
    causes = [posted["cause"] for posted in webhook]
    watch = "check_freshness.tell_what_is_late"
    assert causes == ["one", "two", watch], "and the watch that failed is told once a day"
    assert told in webhook[-1]["body"]
