"""Trông chừng số liệu và lịch công bố / Watch the data and the calendar.

**What.** Looks, independently of every other run, for what nobody else would tell: data that are
not complete at 07:00, a load, build or publication that failed or did not run, a publication that
is due in three days and lacks what should be there, one that was due an hour ago and is not made, a
calendar without a next period. What it finds goes out by mail and webhook, each cause once a day.

**When.** Every hour.

**Who.** The data engineers of the Centre.

**When it fails.** A channel did not take an alert: the log says which; check the connection of the
mail server (`motcua_smtp`) and `MOTCUA_ALERT_WEBHOOK`. The other channel tells it, once a day; it
tries again in an hour. A warehouse that does not answer is itself an alert.
"""

from airflow.sdk import CronTriggerTimetable, chain, dag, task

from task_help import DEFAULTS, deliver, tell_failure_once_a_day

EVERY_HOUR = CronTriggerTimetable("5 * * * *", timezone="Asia/Ho_Chi_Minh")


@dag(
    dag_display_name="4. Trông chừng số liệu và lịch công bố",
    doc_md=__doc__,
    schedule=EVERY_HOUR,
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "on_failure_callback": tell_failure_once_a_day},
    tags=["motcua", "alerts"],
)
def check_freshness() -> None:
    @task(task_display_name="Tìm và báo những gì cần biết", retries=0)
    def tell_what_is_late() -> list[str]:
        from motcua.operations import freshness

        return deliver(freshness.findings())

    chain(tell_what_is_late())


check_freshness()
