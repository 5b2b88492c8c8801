"""Facts about runs, in schema ops: which stage ended when and how, and who signed what."""

import functools
import os
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import psycopg

from motcua import settings
from motcua.errors import Failed, Refused
from motcua.warehouse import database

P = ParamSpec("P")
R = TypeVar("R")

DONE, FAILED, REFUSED = "done", "failed", "refused"
ASKED, APPROVED, REJECTED, TIMED_OUT = "asked", "approved", "rejected", "timed_out"

_LONGEST = 4000
"""Letters of a message that are kept."""


def recorded(stage: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep how every call of a stage ended; a first argument that is a text is its subject.

    A stage never fails because this could not be written (no warehouse yet, or it does not answer).
    Of an unforeseen error only the kind is kept: its text may quote a record.
    """

    def decorate(work: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            subject = args[0] if args and isinstance(args[0], str) else None
            started_at = datetime.now(ZoneInfo(settings.TIME_ZONE))
            try:
                result = work(*args, **kwargs)
            except (Failed, Refused) as stopped:
                outcome = REFUSED if isinstance(stopped, Refused) else FAILED
                _keep(stage, subject, started_at, outcome, str(stopped))
                raise
            except Exception as error:
                _keep(stage, subject, started_at, FAILED, type(error).__name__)
                raise
            _keep(stage, subject, started_at, DONE, None)
            return result

        return run

    return decorate


def task_of_airflow() -> str | None:
    """DAG, task and run that this process works for; None on the command line."""
    names = ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_TASK_ID", "AIRFLOW_CTX_DAG_RUN_ID")
    dag_id, task_id, run_id = (os.environ.get(name) for name in names)
    return f"{dag_id}.{task_id} {run_id}" if dag_id and task_id and run_id else None


def sign_off(
    run_id: str,
    period_code: str,
    candidate_sha256: str,
    event: str,
    by: str | None = None,
    words: str | None = None,
) -> None:
    """Keep that somebody was asked, approved or rejected, or that nobody answered in time."""
    with database.connect(database.PUBLISHER) as connection:
        connection.execute(
            "insert into ops.sign_offs (run_id, period_code, candidate_sha256, event, by, words)"
            " values (%s, %s, %s, %s, %s, %s)",
            [run_id, period_code, candidate_sha256, event, by, words],
        )


def _keep(
    stage: str, subject: str | None, started_at: datetime, outcome: str, message: str | None
) -> None:
    try:
        with database.connect(database.PUBLISHER) as connection:
            connection.execute(
                "insert into ops.stage_runs (stage, subject, started_at, outcome, message, task)"
                " values (%s, %s, %s, %s, %s, %s)",
                [
                    *(stage, subject, started_at, outcome),
                    *(message and message[:_LONGEST], task_of_airflow()),
                ],
            )
    except (Failed, psycopg.Error) as error:
        print(f"How {stage} ended could not be kept in ops.stage_runs: {type(error).__name__}.")
