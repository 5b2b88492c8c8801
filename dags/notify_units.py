"""Gửi đơn vị hồ sơ trễ hạn, đánh giá không hài lòng / Notify the units.

**What.** Writes for each unit a workbook with its late cases of a month (review, apology, new due
date, and what is lacking) and its bad ratings, and a summary for the Centre, into the folder of
`MOTCUA_NOTICES`; mails each to the addresses of `MOTCUA_UNIT_ADDRESSES`. Publishes nothing.

**When.** At 08:00 on the 5th, for the month before, as known on the 4th. By hand with `month`;
`known_as_of` for what was known on another day.

**Who.** The data engineers of the Centre; the units answer to the Centre.

**When it fails.** The log says why. *The data do not hold the month:* load, build, clear the task.
*Addresses are wrong:* mend the rows that it names, clear the task. *The mail server did not take
all:* it is tried again three times; then check the connection `motcua_smtp` and clear the task. The
same contents do not go out twice.
"""

from datetime import date, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, chain, dag, task

from task_help import DEFAULTS, explained, mail

EVERY_MONTH = CronTriggerTimetable(
    "0 8 5 * *", timezone="Asia/Ho_Chi_Minh", run_immediately=timedelta(0)
)
MONTH = Param(None, type=["null", "string"], title="Tháng (ví dụ 2019-06)")
KNOWN_AS_OF = Param(None, type=["null", "string"], format="date", title="Biết đến ngày")


@dag(
    dag_display_name="5. Gửi đơn vị hồ sơ trễ hạn, đánh giá không hài lòng",
    doc_md=__doc__,
    schedule=EVERY_MONTH,
    catchup=False,
    max_active_runs=1,
    params={"month": MONTH, "known_as_of": KNOWN_AS_OF},
    default_args=DEFAULTS,
    tags=["motcua", "notices"],
)
def notify_units() -> None:
    @task(
        task_display_name="Viết sổ và gửi từng đơn vị",
        retries=3,
        retry_exponential_backoff=True,
        max_retry_delay=timedelta(minutes=15),
    )
    def tell_units(**context: Any) -> None:
        from motcua.operations import notify

        with explained():
            params, run = context["params"], context["dag_run"]
            known = params["known_as_of"] and date.fromisoformat(params["known_as_of"])
            month = params["month"] or notify.month_before(run.data_interval_end)
            notify.notify_units(month, known, mail())

    chain(tell_units())


notify_units()
