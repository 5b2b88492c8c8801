"""Công bố kết quả / Publish a period.

**What.** Checks the candidate figures of one period (gate *candidate*), lays them before a person
who approves or refuses, appends what was approved to schema `published`, and writes the workbook.

**When.** At 08:00 on each `publish_on`, or after `known_as_of` if that is later. By hand: `period`,
for a second release `revise` and `note`; `waive_by` and `waive_reason`: who accepts missing days.

**Who.** The head of the Centre or a deputy approves (*Required Actions* of *Phê duyệt*).

**When it fails.** Log and tab XCom of the task say why; without a release nothing was published.
*Gate or rule said no:* do what it says. *Nobody signed in time:* clear `sign_off`, it asks again.
*Figures changed since they were approved,* or *release without workbook:* start a new run.
"""

from typing import Any

from airflow.sdk import Asset, Param, chain, dag, task

from reporting_calendar import ReportingCalendar
from sign_off import SignOff
from task_help import DEFAULTS, explained

MARTS, PUBLISHED = Asset("warehouse_marts"), Asset("warehouse_published")
TEXT = ["null", "string"]
PARAMS = {
    "period": Param(None, type=TEXT, title="Kỳ báo cáo (ví dụ 2019-Q1)"),
    "revise": Param(False, type="boolean", title="Công bố lại một kỳ đã công bố"),
    "note": Param(None, type=TEXT, title="Lý do công bố lại"),
    "waive_by": Param(None, type=TEXT, title="Người chấp nhận thiếu ngày dữ liệu"),
    "waive_reason": Param(None, type=TEXT, title="Lý do chấp nhận thiếu"),
}


@dag(
    dag_display_name="3. Công bố kết quả một kỳ báo cáo",
    doc_md=__doc__,
    schedule=ReportingCalendar(),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULTS,
    tags=["motcua", "publication"],
)
def publish_scorecard() -> None:
    @task(task_display_name="Chọn kỳ báo cáo", retries=0)
    def choose_period(**context: Any) -> str:
        from motcua import pipeline

        with explained():
            named, moment = context["params"]["period"], context["dag_run"].logical_date
            return pipeline.choose_period(named, moment)

    @task(task_display_name="Kiểm tra số liệu dự kiến công bố", retries=0)
    def check_candidate(period: Any, **context: Any) -> dict[str, Any]:
        from motcua import pipeline

        with explained():
            return pipeline.propose(**{**context["params"], "period": period})

    @task(task_display_name="Công bố", retries=0, inlets=[MARTS], outlets=[PUBLISHED])
    def publish_release(proposed: Any, signed: Any) -> str:
        from motcua import pipeline

        with explained():
            return pipeline.publish_approved(proposed, signed)

    @task(task_display_name="Viết sổ biểu mẫu", retries=2)
    def write_documents(publication_id: Any) -> str:
        from motcua import pipeline

        return str(pipeline.write_documents(publication_id))

    proposed = check_candidate(choose_period())
    sign_off = SignOff(task_id="sign_off", task_display_name="Phê duyệt", asks_about=proposed)
    release = publish_release(proposed, sign_off.output)
    chain(proposed, sign_off, release, write_documents(release))


publish_scorecard()
