"""Calls the function of one task with parameters; runs in its own process, as Airflow's tasks do.

Run as: python run_task.py <folder of DAGs> <DAG> <task> <parameters as JSON>.
"""

import json
import sys


def main(folder: str, dag_id: str, task_id: str, params: str) -> None:
    import airflow.sdk  # noqa: F401
    from airflow.dag_processing.dagbag import DagBag

    task = DagBag(folder).dags[dag_id].task_dict[task_id]
    task.python_callable(params=json.loads(params))


if __name__ == "__main__":
    main(*sys.argv[1:])
