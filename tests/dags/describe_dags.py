"""Loads every DAG file as Airflow does and prints what it found as JSON; runs in its own process.

Run as: python describe_dags.py <folder of DAGs>.
"""

import contextlib
import json
import sys
import time
from typing import Any


def main(folder: str) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        found = describe(folder)
    print(json.dumps(found))


def describe(folder: str) -> dict[str, Any]:
    import airflow.sdk  # noqa: F401

    before = set(sys.modules)
    from airflow.dag_processing.dagbag import DagBag

    DagBag(folder, collect_dags=False)  # what Airflow itself imports is none of ours
    started = time.process_time()
    bag = DagBag(folder)
    seconds = time.process_time() - started
    again = DagBag(folder)
    heavy = {"pandas", "polars", "great_expectations", "dbt", "motcua"}
    return {
        "errors": bag.import_errors,
        "heavy": sorted({name.split(".")[0] for name in set(sys.modules) - before} & heavy),
        "parse_seconds": seconds,
        "dags": {
            dag_id: {**_dag(dag), "versions": [_version(dag), _version(again.dags[dag_id])]}
            for dag_id, dag in bag.dags.items()
        },
    }


def _version(dag: Any) -> str:
    """What Airflow compares to find out whether a DAG has changed."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    return str(SerializedDagModel.hash(DagSerialization.to_dict(dag)))


def _dag(dag: Any) -> dict[str, Any]:
    condition = getattr(dag.timetable, "asset_condition", None)
    return {
        "file": dag.fileloc,
        "display_name": dag.dag_display_name,
        "doc_md": dag.doc_md,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "schedule": type(dag.timetable).__name__,
        "cron": getattr(dag.timetable, "expression", None),
        "waits_for": [asset.name for asset in condition.objects] if condition else [],
        "tasks": {task.task_id: _task(task) for task in dag.tasks},
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "display_name": task.task_display_name,
        "retries": task.retries,
        "backs_off": bool(task.retry_exponential_backoff),
        "tells_failure": bool(task.on_failure_callback),
        "downstream": sorted(task.downstream_task_ids),
        "outlets": [asset.name for asset in task.outlets],
    }


if __name__ == "__main__":
    main(sys.argv[1])
