"""Tells by its exit code whether the component that MOTCUA_COMPONENT names is at work.

The API server tells of the heartbeats of scheduler, triggerer and DAG processor; a worker answers
through the broker. Airflow's own command for this takes eight seconds of a core each time.
"""

import json
import os
import socket
import sys
import urllib.request
from pathlib import Path

HEARTBEATS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}
PATIENCE = 8
"""Seconds that an answer may take."""


def main() -> int:
    component = os.environ["MOTCUA_COMPONENT"]
    is_well = worker_answers() if component == "worker" else health_of(component)
    if not is_well:
        print(f"{component} is not healthy", file=sys.stderr)
    return 0 if is_well else 1


def health_of(component: str) -> bool:
    """What the API server knows; of itself, that it answers and reaches its database."""
    address = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("execution/")
    with urllib.request.urlopen(f"{address}api/v2/monitor/health", timeout=PATIENCE) as answer:  # noqa: S310
        told = json.load(answer)
    return bool(told[HEARTBEATS.get(component, "metadatabase")]["status"] == "healthy")


def worker_answers() -> bool:
    from celery import Celery

    secrets = Path(os.environ.get("MOTCUA_SECRETS", "/run/secrets"))
    broker = (secrets / "broker_url").read_text().strip()
    name = os.environ.get("MOTCUA_WORKER") or f"celery@{socket.gethostname()}"
    return bool(Celery(broker=broker).control.ping(destination=[name], timeout=PATIENCE))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"no answer: {error}")
