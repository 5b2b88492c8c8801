"""What the tasks of all DAGs share: refusals that explain themselves, and alerts of failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, Context, get_current_context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)

if TYPE_CHECKING:
    from motcua.operations.alerts import Alert, MailServer

OWNER = "data-engineering"

REFUSED = "Bước kiểm tra từ chối"
BROKEN = "Bộ kiểm tra bị lỗi"
FAILED = "Tác vụ thất bại"
KILLED = "Tiến trình của tác vụ bị ngắt"

_WHY_KILLED = """\
It ended without a word: its process was killed, because memory ran out or the machine or a worker
was started anew, or somebody set it to failed. See the end of its log, then the memory of the
machine (`dmesg`) and the log of the scheduler or worker; then clear the task."""


class TaskRefused(AirflowFailException):
    """A gate or a rule said no in a task; it is not tried again."""


@contextmanager
def explained() -> Iterator[None]:
    """End the task, without another try, when the library says no; skip it when there is nothing.

    The reason is in the log and, as XCom `refusal`, in the task's tab XCom: rule, rows, a sample of
    case codes, the page of Data Docs, what to do.
    """
    from motcua import pipeline
    from motcua.errors import NothingToDo, Refused

    try:
        yield
    except NothingToDo as reason:
        raise AirflowSkipException(str(reason)) from None
    except pipeline.STOPPED as reason:
        said = _with_page(reason)
        get_current_context()["ti"].xcom_push("refusal", said)
        ended = TaskRefused if isinstance(reason, Refused) else AirflowFailException
        raise ended(said) from None


def _with_page(reason: Exception) -> str:
    """The reason, with the address of the page of the UI that shows more."""
    from airflow.configuration import conf

    from scorecard_pages import PREFIX

    page = getattr(reason, "page", None)
    if page is None:
        return str(reason)
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{reason}\nIn the UI: {base}{PREFIX}/{page}"


def tell_failure(context: Context) -> None:
    """Callback of a task that failed for good: send an alert with the reason and the page.

    Of an error that nobody foresaw only its kind is told, as its text may quote a record.
    """
    name = f"{context['ti'].dag_id}.{context['ti'].task_id}"
    _tell(context, name, f"{name} {context['run_id']}")


def tell_failure_once_a_day(context: Context) -> None:
    """The same for a task that is tried anew every hour, whatever becomes of the run."""
    name = f"{context['ti'].dag_id}.{context['ti'].task_id}"
    _tell(context, name, name)


def _tell(context: Context, name: str, cause: str) -> None:
    from motcua.operations import alerts

    kind, reason = _reason(context.get("exception"))
    body = f"{reason}\n\n{context['ti'].log_url}\n"
    server, failures = _mail_or_why()
    try:
        alerts.send(alerts.Alert(cause, f"{kind}: {name}", body), server)
    except Exception as failure:  # a callback that raises says nothing to anybody
        failures.append(alerts.harmless(failure))
    for line in failures:
        print(line)


def _reason(error: Any) -> tuple[str, str]:
    """What kind of end it was, and why; without an error the process had no time to have one."""
    from motcua.errors import Failed, Interrupted, Refused

    if error is None:
        return KILLED, _WHY_KILLED
    is_ours = isinstance(error, AirflowFailException | Failed | Interrupted | Refused)
    reason = str(error) if is_ours else type(error).__name__
    if "The check is broken" in reason:
        return BROKEN, reason
    return REFUSED if isinstance(error, TaskRefused | Refused) else FAILED, reason


DEFAULTS = {
    "owner": OWNER,
    "retry_delay": timedelta(minutes=1),
    "on_failure_callback": tell_failure,
}
"""What every task has unless it says otherwise."""


def deliver(found: list["Alert"]) -> list[str]:
    """Send alerts; returns the causes that went out now.

    Raises, after all were tried, when a channel did not take one.
    """
    from motcua.operations import alerts

    sent: list[str] = []
    server, failures = _mail_or_why()
    for alert in found:
        print(f"{alert.subject}\n  {alert.body}")
        try:
            sent += [alert.cause] if alerts.send(alert, server) else []
        except Exception as failure:
            failures.append(alerts.harmless(failure))
    if failures:
        raise AirflowFailException("\n".join(failures))
    return sent


def _mail_or_why() -> tuple["MailServer | None", list[str]]:
    """The mail server, so far as its connection can be read; else why it cannot."""
    from motcua import settings

    try:
        return mail(), []
    except Exception as error:  # the webhook may work all the same
        return None, [
            f"Airflow's connection {settings.smtp_connection()} cannot be read"
            f" ({type(error).__name__}), so no mail goes out. Set it anew in Admin, Connections."
        ]


def mail() -> "MailServer | None":
    """The mail server of Airflow's connection that the settings name; None when there is none.

    Extra: from_email; disable_ssl (then STARTTLS), and disable_tls too (then in the clear).
    """
    from motcua import settings
    from motcua.operations.alerts import MailServer

    try:
        found = Connection.get(settings.smtp_connection())
    except AirflowNotFoundException:
        return None
    extra = found.extra_dejson
    security = "none" if extra.get("disable_tls") else "starttls"
    security = security if extra.get("disable_ssl") else "tls"
    return MailServer(
        host=found.host or "",
        port=found.port or (465 if security == "tls" else 587),
        sender=extra.get("from_email") or found.login or "",
        security=security,
        login=found.login,
        password=found.password,
    )
