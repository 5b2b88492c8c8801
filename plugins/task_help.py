"""What the tasks of all DAGs share: refusals that explain themselves, and alerts of failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

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


@contextmanager
def explained() -> Iterator[None]:
    """End the task, without another try, when the library says no; skip it when there is nothing.

    The reason is in the log and, as XCom `refusal`, in the task's tab XCom: rule, rows, a sample of
    case codes, the page of Data Docs, what to do.
    """
    from motcua import pipeline
    from motcua.errors import NothingToDo

    try:
        yield
    except NothingToDo as reason:
        raise AirflowSkipException(str(reason)) from None
    except pipeline.STOPPED as reason:
        get_current_context()["ti"].xcom_push("refusal", str(reason))
        raise AirflowFailException(str(reason)) from None


def tell_failure(context: Context) -> None:
    """Callback of a task that failed for good: send an alert with the reason and the page.

    Of an error that nobody foresaw only its kind is told, as its text may quote a record.
    """
    from motcua.errors import Failed, Interrupted
    from motcua.operations import alerts

    task, error = context["ti"], context.get("exception")
    is_ours = isinstance(error, AirflowFailException | Interrupted)
    reason = str(error) if is_ours else type(error).__name__
    kind = BROKEN if "The check is broken" in reason else FAILED
    if kind == FAILED and task.task_id.startswith("check_"):
        kind = REFUSED
    name = f"{task.dag_id}.{task.task_id}"
    body = f"{reason}\n\n{task.log_url}\n"
    try:
        alerts.send(alerts.Alert(f"{name} {context['run_id']}", f"{kind}: {name}", body), mail())
    except Failed as failure:
        print(failure)


DEFAULTS = {
    "owner": OWNER,
    "retry_delay": timedelta(minutes=1),
    "on_failure_callback": tell_failure,
}
"""What every task has unless it says otherwise."""


def deliver(found: list["Alert"]) -> list[str]:
    """Send alerts; returns the causes that went out now. Raises when a channel did not take one."""
    from motcua.errors import Failed
    from motcua.operations import alerts

    server, sent, failures = mail(), [], []
    for alert in found:
        print(f"{alert.subject}\n  {alert.body}")
        try:
            sent += [alert.cause] if alerts.send(alert, server) else []
        except Failed as failure:
            failures.append(str(failure))
    if failures:
        raise AirflowFailException("\n".join(failures))
    return sent


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
