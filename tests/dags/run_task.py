"""Calls the function of one task with parameters; runs in its own process, as Airflow's tasks do.

Run as: python run_task.py <folder of DAGs> <DAG> <task> <period> <parameters as JSON>.
"""

import json
import sys
from typing import Any


class Instance:
    """Shows what a task leaves on its page."""

    def xcom_push(self, key: str, value: Any) -> None:
        print(f"XCom {key}: {value}")


def main(folder: str, dag_id: str, task_id: str, period: str, params: str) -> None:
    import airflow.sdk  # noqa: F401
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.execution_time.context import set_current_context

    task = DagBag(folder).dags[dag_id].task_dict[task_id]
    context: Any = {"ti": Instance(), "params": json.loads(params)}
    with set_current_context(context):
        task.python_callable(period, **context)


if __name__ == "__main__":
    main(*sys.argv[1:])
