"""Alerts against a real mail server and a real HTTP listener on loopback."""

import json
import os
import subprocess
import sys
import threading
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
    with pytest.raises(Failed, match=r"mail: SMTPAuthenticationError 535; webhook: .* 403") as told:
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


TWO_FAILURES = """
from types import SimpleNamespace
from airflow.sdk.exceptions import AirflowFailException
import task_help
task = SimpleNamespace(dag_id='build_warehouse', task_id='check_landing', log_url='http://log')
for run, error in (('a', AirflowFailException('12 rows')), ('b', ValueError('Trần Thị B'))):
    task_help.tell_failure({'ti': task, 'run_id': run, 'exception': error})
"""


def test_a_failed_task_is_told_through_the_mail_server_of_airflows_connection(
    warehouse: str, sink: tuple[Sink, MailServer], tmp_path: Path
) -> None:
    handler, mail = sink
    connection = {
        "conn_type": "smtp",
        "host": mail.host,
        "port": mail.port,
        "login": mail.login,
        "password": mail.password,
        "extra": {"from_email": mail.sender, "disable_ssl": True, "disable_tls": True},
    }
    done = subprocess.run(
        [sys.executable, "-c", TWO_FAILURES],
        env={
            **{name: text for name, text in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW_CONN_MOTCUA_SMTP": json.dumps(connection),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told, unforeseen = handler.mails
    assert told["Subject"] == "Bước kiểm tra từ chối: build_warehouse.check_landing"
    assert told["From"] == mail.sender
    assert told.get_content().splitlines() == ["12 rows", "", "http://log"]
    assert "ValueError" in unforeseen.get_content()
    assert "Trần" not in unforeseen.get_content(), "its text may quote a record"
    assert "s3cret" not in done.stdout + done.stderr
