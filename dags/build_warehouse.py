"""Dựng kho dữ liệu / Build the warehouse.

**What.** Checks the shape of what was loaded (gate *landing*), builds staging, core and the
candidate figures of every period with dbt, and refills the provisional tables.

**When.** After `ingest_exports` has loaded something new; a run by hand with nothing new changes
nothing. `waive_by` with `waive_reason`: who lets days with next to no records through; it is kept,
and told with every publication that rests on them.

**Who.** The data engineers of the Centre.

**When it fails.** *Gate:* the log says which rule was broken, by how many rows, and how to see
them; it is not tried again, because the data will not mend itself. Ask the unit for a revised file
(`_r2`), then run `ingest_exports`. "The check is broken" means a fault of the suite, not of the
data. *Models:* the log shows the failing model or test of dbt; nothing is published by this run,
and the last good figures stay.
"""

from typing import Any

from airflow.sdk import Asset, Param, chain, dag, task

from task_help import DEFAULTS, explained

RAW = Asset("warehouse_raw")
MARTS = Asset("warehouse_marts")
WAIVE_BY = Param(None, type=["null", "string"], title="Người chấp nhận ngày có rất ít bản ghi")
WAIVE_REASON = Param(None, type=["null", "string"], title="Lý do chấp nhận")


@dag(
    dag_display_name="2. Dựng kho dữ liệu và số liệu tạm tính",
    doc_md=__doc__,
    schedule=[RAW],
    catchup=False,
    max_active_runs=1,
    params={"waive_by": WAIVE_BY, "waive_reason": WAIVE_REASON},
    default_args=DEFAULTS,
    tags=["motcua", "warehouse"],
)
def build_warehouse() -> None:
    @task(task_display_name="Kiểm tra dữ liệu tiếp nhận", retries=0)
    def check_landing(**context: Any) -> None:
        from motcua import pipeline

        with explained():
            pipeline.check_landing(**context["params"])

    @task(task_display_name="Dựng các mô hình dữ liệu", retries=0, outlets=[MARTS])
    def build_models() -> None:
        from motcua import pipeline

        pipeline.build_models(progress=pipeline.log_progress())

    @task(task_display_name="Làm mới số liệu chưa công bố", retries=2)
    def refresh_provisional() -> None:
        from motcua import pipeline

        pipeline.refresh_provisional()

    chain(check_landing(), build_models(), refresh_provisional())


build_warehouse()
