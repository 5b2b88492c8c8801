"""Công bố kết quả / Publish a period.

**What.** Checks the candidate figures of one period (gate *candidate*), appends them as a release
to schema `published`, and writes the workbook. A release is never changed afterwards.

**When.** By hand, on or after the day in `publish_on` of the reference pack. Parameters: `period`
(such as 2019-Q1), `approved_by` (who answers for the figures), and for a second release of the same
period `revise` with a `note` that says why. `waive_by` with `waive_reason`: who accepts that days
of the period are missing; the release keeps it, the workbook prints it.

**Who.** The head of the Centre or a deputy approves; the data engineers start the run.

**When it fails.** *Gate or rule said no:* the log says which and what to do; nothing was published.
A period that has not ended, whose knowledge date the data has not reached, or that lacks days is
refused, and so is a second release without `revise` and `note`, or with nothing changed. *Release
stored but no workbook:* start the run again with the same parameters: identical figures are not
published twice, and the workbook is written anew.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, chain, dag, task
from airflow.sdk.exceptions import AirflowFailException

MARTS = Asset("warehouse_marts")
PUBLISHED = Asset("warehouse_published")
PARAMS = {
    "period": Param(type="string", minLength=1, title="Kỳ báo cáo (ví dụ 2019-Q1)"),
    "approved_by": Param(type="string", minLength=2, title="Người phê duyệt"),
    "revise": Param(False, type="boolean", title="Công bố lại một kỳ đã công bố"),
    "note": Param(None, type=["null", "string"], title="Lý do công bố lại"),
    "waive_by": Param(None, type=["null", "string"], title="Người chấp nhận thiếu ngày dữ liệu"),
    "waive_reason": Param(None, type=["null", "string"], title="Lý do chấp nhận thiếu"),
}


@dag(
    dag_display_name="3. Công bố kết quả một kỳ báo cáo",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={"owner": "data-engineering", "retry_delay": timedelta(minutes=1)},
    tags=["motcua", "publication"],
)
def publish_scorecard() -> None:
    @task(task_display_name="Kiểm tra số liệu dự kiến công bố", retries=0)
    def check_candidate(**context: Any) -> None:
        from motcua import pipeline

        try:
            pipeline.check_candidate(**context["params"])
        except pipeline.STOPPED as reason:
            raise AirflowFailException(str(reason)) from None

    @task(task_display_name="Công bố", retries=0, inlets=[MARTS], outlets=[PUBLISHED])
    def publish_release(**context: Any) -> str:
        from motcua import pipeline

        try:
            return pipeline.publish_release(**context["params"]).publication_id
        except pipeline.STOPPED as reason:
            raise AirflowFailException(str(reason)) from None

    @task(task_display_name="Viết sổ biểu mẫu", retries=2)
    def write_documents(publication_id: str) -> str:
        from motcua import pipeline

        return str(pipeline.write_documents(publication_id))

    release = publish_release()
    chain(check_candidate(), release, write_documents(release))  # type: ignore[arg-type]


publish_scorecard()
