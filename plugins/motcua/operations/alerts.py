"""Sends alerts by mail and webhook, each cause once a day; secrets never reach a log."""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed
from motcua.warehouse import database

TIMEOUT = 20
"""Seconds that a mail server or a webhook may take to answer."""

MAIL, WEBHOOK = "mail", "webhook"

_WEBHOOK_WANTED = (
    "MOTCUA_ALERT_WEBHOOK, one address that begins with http:// or https:// and has no blanks"
)


@dataclass(frozen=True)
class Alert:
    """Something that a person has to know. cause: names it, once a day; subject and body: texts."""

    cause: str
    subject: str
    body: str


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. security: `tls` from the first byte, `starttls`, or `none`."""

    host: str
    port: int
    sender: str
    security: str = "tls"
    login: str | None = None
    password: str | None = field(default=None, repr=False)


def send(alert: Alert, mail: MailServer | None) -> list[str]:
    """Deliver an alert on every channel that is set up and has not had it today; returns those.

    mail: None when no mail server is known; recipients and webhook are settings. An alert that
    cannot be noted, because the warehouse does not answer, is sent all the same. Raises Failed,
    after every channel was tried, naming those that did not take it and what to check; of an error
    only the kind is told, as its text may quote a secret.
    """
    channels: dict[str, Callable[[], None]] = {}
    sent, failures = [], []
    recipients = settings.alert_recipients()
    if mail and recipients:
        channels[MAIL] = lambda: send_mail(mail, recipients, alert.subject, alert.body)
    try:
        if webhook := settings.alert_webhook():
            channels[WEBHOOK] = lambda: _post(webhook, alert)
    except Failed as failure:
        failures.append(f"{WEBHOOK}: {failure}")
    if not channels and not failures:
        print("No alert goes out: neither recipients with a mail server nor a webhook are set.")
    today = datetime.now(ZoneInfo(settings.TIME_ZONE)).date()
    for channel, deliver in channels.items():
        if _was_sent(today.isoformat(), alert, channel):
            continue
        try:
            deliver()
        except Exception as error:  # whatever it is, the other channels are tried
            todo = "" if isinstance(error, Failed) else f". Check {_wanted(channel)}."
            failures.append(f"{channel}: {harmless(error)}{todo}")
            continue
        _note(today.isoformat(), alert, channel)
        sent.append(channel)
    if failures:
        raise Failed(f"The alert “{alert.subject}” did not go out on {' '.join(failures)}")
    return sent


def _wanted(channel: str) -> str:
    """What a channel rests on."""
    if channel == WEBHOOK:
        return _WEBHOOK_WANTED
    return (
        f"Airflow's connection {settings.smtp_connection()} (host, port, login, password,"
        " from_email, TLS) and MOTCUA_ALERT_RECIPIENTS"
    )


def send_mail(
    server: MailServer,
    recipients: list[str],
    subject: str,
    body: str,
    attachments: Mapping[str, bytes] | None = None,
) -> None:
    """Hand in one mail. attachments: content of workbooks (xlsx) by file name.

    Raises Failed when nobody stands as its sender, OSError or smtplib.SMTPException when the server
    does not take it.
    """
    if not server.sender:
        raise Failed(
            f"Airflow's connection {settings.smtp_connection()} has neither a login nor from_email"
            " in its extra, so no mail has a sender. Set from_email."
        )
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = server.sender
    message["To"] = ", ".join(recipients)
    message.set_content(body)
    for name, content in (attachments or {}).items():
        message.add_attachment(
            content,
            maintype="application",
            subtype="vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            filename=name,
        )
    trusted = ssl.create_default_context()
    place = (server.host, server.port)
    with (
        smtplib.SMTP_SSL(*place, timeout=TIMEOUT, context=trusted)
        if server.security == "tls"
        else smtplib.SMTP(*place, timeout=TIMEOUT)
    ) as session:
        if server.security == "starttls":
            session.starttls(context=trusted)
        if server.login:
            session.login(server.login, server.password or "")
        session.send_message(message)


def _post(url: str, alert: Alert) -> None:
    """Post an alert as JSON: cause, subject, body, and `text` as chat services want it."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Failed(f"The address is none. Check {_wanted(WEBHOOK)}.")
    content = {
        "cause": alert.cause,
        "subject": alert.subject,
        "body": alert.body,
        "text": f"{alert.subject}\n{alert.body}",
    }
    request = urllib.request.Request(  # noqa: S310 (the scheme is checked)
        url,
        json.dumps(content, ensure_ascii=False).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
        pass


def harmless(error: Exception) -> str:
    """What went wrong, without what a server or an address may quote of a secret."""
    if isinstance(error, Failed):  # our own words
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__


def _was_sent(day: str, alert: Alert, channel: str) -> bool:
    try:
        with database.connect(database.PUBLISHER) as connection:
            found = connection.execute(
                "select from ops.alerts where day = %s and cause = %s and channel = %s",
                [day, alert.cause, channel],
            ).fetchone()
    except (Failed, psycopg.Error):
        return False
    return found is not None


def _note(day: str, alert: Alert, channel: str) -> None:
    try:
        with database.connect(database.PUBLISHER) as connection:
            connection.execute(
                "insert into ops.alerts (day, cause, channel, subject, body)"
                " values (%s, %s, %s, %s, %s) on conflict do nothing",
                [day, alert.cause, channel, alert.subject, alert.body],
            )
    except (Failed, psycopg.Error) as error:
        print(f"The alert is out, but could not be noted in ops.alerts: {type(error).__name__}.")
