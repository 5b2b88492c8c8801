"""Nạp tệp xuất / Load export files.

**What.** Reads every export file in the landing zone that the warehouse has not read yet, one
transaction per file, and stores the reference pack when it has changed. Business dates come from
the files, never from the clock: a missed day heals itself in the next run.

**When.** Every night at 05:00 (Asia/Ho_Chi_Minh); a run by hand at any time does no harm.
*Skipped* means that nothing new waits; otherwise `build_warehouse` follows by itself.

**Who.** The data engineers of the Centre. They keep the login of a remote landing zone in the
connection that `MOTCUA_LANDING_CONNECTION` names.

**When it fails.** The log names file, record, column and what to do. A file that is unreadable is
quarantined and does not stop the others: see `motcua rejects`. After mending, start a run by hand.
A server or a landing zone that does not answer is tried again three times with growing pauses.
"""

from datetime import timedelta

from airflow.sdk import Asset, CronTriggerTimetable, chain, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from task_help import DEFAULTS

LANDING_ZONE = Asset("landing_zone")
RAW = Asset("warehouse_raw")
# No interval: the first run comes with the next 05:00. (False, the default, means 10 % of a day.)
EVERY_NIGHT = CronTriggerTimetable(
    "0 5 * * *", timezone="Asia/Ho_Chi_Minh", run_immediately=timedelta(0)
)


def landing_login() -> dict[str, str] | None:
    """The login of a remote landing zone from the connection of MOTCUA_LANDING_CONNECTION."""
    from airflow.sdk import Connection

    from motcua import settings

    name = settings.landing_connection()
    if name is None:
        return None
    told = Connection.get(name)
    fields = {field: getattr(told, field) for field in ("login", "password", "host", "port")}
    return {key: str(value) for key, value in (fields | told.extra_dejson).items() if value}


@dag(
    dag_display_name="1. Nạp tệp xuất từ vùng tiếp nhận",
    doc_md=__doc__,
    schedule=EVERY_NIGHT,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["motcua", "landing"],
)
def ingest_exports() -> None:
    @task(
        task_display_name="Nạp các tệp mới vào kho",
        retries=3,
        retry_delay=timedelta(minutes=1),
        retry_exponential_backoff=True,
        max_retry_delay=timedelta(minutes=15),
        inlets=[LANDING_ZONE],
        outlets=[RAW],
    )
    def load_exports() -> None:
        from motcua import pipeline

        pipeline.run_ingest(progress=pipeline.log_progress(), options=landing_login())
        if not pipeline.waiting():
            raise AirflowSkipException("Nothing new in the landing zone: nothing to build.")

    chain(load_exports())


ingest_exports()
