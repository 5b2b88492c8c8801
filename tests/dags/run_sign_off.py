"""Runs the task sign_off of publish_scorecard on given candidates, in a process of its own.

Run as: python run_sign_off.py <folder of DAGs> <candidates as JSON>. Its last line: the results.
"""

import json
import sys
from typing import Any, NamedTuple


class Instance(NamedTuple):
    """Gives the sign-off what the task before it found."""

    candidate: dict[str, Any]

    def xcom_pull(self, task_ids: str) -> dict[str, Any]:
        assert task_ids == "check_candidate"
        return self.candidate


def main(folder: str, candidates: str) -> None:
    import airflow.sdk  # noqa: F401
    from airflow.dag_processing.dagbag import DagBag

    task = DagBag(folder).dags["publish_scorecard"].task_dict["sign_off"]
    results = [
        task.execute({"ti": Instance(candidate), "run_id": "a run"})
        for candidate in json.loads(candidates)
    ]
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
