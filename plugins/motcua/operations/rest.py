"""The few calls of Airflow's REST API that running it needs."""

import http.client
import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from motcua.errors import Failed

TIMEOUT = 30
SETTLED = timedelta(seconds=5)
"""How long a question has to stand before a program answers it. The scheduler first has to note
that the process which asked has ended; an answer before that fails the task. No person is so
fast."""
BEGUN = ("queued", "running", "restarting", "up_for_retry")


class Api(NamedTuple):
    """A session: where the API is, and the token that proves who asks."""

    url: str
    token: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call /api/v2 and return its JSON. Raises Failed with what the API said."""
        return _call(method, self.url, f"/api/v2{path}", body, self.token)


def answers(url: str, path: str = "/api/v2/version", timeout: float = 2) -> bool:
    """Whether an API answers there."""
    try:
        status, _ = _request("GET", url, path, timeout=timeout)
    except (OSError, http.client.HTTPException):
        return False
    return status == http.HTTPStatus.OK


def health(url: str) -> dict[str, Any]:
    """State of each component; this asks for no token."""
    found: dict[str, Any] = _call("GET", url, "/api/v2/monitor/health")
    return found


def log_in(url: str, user: str, password: str) -> Api:
    """Open a session."""
    body = {"username": user, "password": password}
    return Api(url, _call("POST", url, "/auth/token", body)["access_token"])


def trigger(api: Api, dag_id: str, parameters: dict[str, Any]) -> str:
    """Start a run of a DAG; returns its id."""
    body = {"logical_date": None, "conf": parameters}
    run_id: str = api.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]
    return run_id


def run(api: Api, dag_id: str, run_id: str) -> dict[str, Any]:
    """One run of a DAG."""
    found: dict[str, Any] = api.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}")
    return found


def runs(api: Api, dag_id: str) -> list[dict[str, Any]]:
    """The last runs of a DAG, the newest first."""
    path = f"/dags/{dag_id}/dagRuns?limit=20&order_by=-run_after"
    found: list[dict[str, Any]] = api.call("GET", path)["dag_runs"]
    return found


def tasks(api: Api, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """The task instances of a run, in the order of their start."""
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
    found: list[dict[str, Any]] = api.call("GET", path)["task_instances"]
    return sorted(found, key=lambda task: task["start_date"] or "9")


def begun_tasks(api: Api) -> list[dict[str, Any]]:
    """The task instances of all runs that an executor has taken up and not brought to an end."""
    states = "&".join(f"state={state}" for state in BEGUN)
    path = f"/dags/~/dagRuns/~/taskInstances?{states}&limit=100"
    found: list[dict[str, Any]] = api.call("GET", path)["task_instances"]
    return found


def approvals(api: Api, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """What a run has asked people, a moment ago at least, and nobody has answered yet."""
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/hitlDetails?response_received=false"
    found: list[dict[str, Any]] = api.call("GET", path)["hitl_details"]
    before = datetime.now(UTC) - SETTLED
    return [
        asked
        for asked in found
        if asked["task_instance"]["state"] == "awaiting_input"
        and datetime.fromisoformat(asked["created_at"]) < before
    ]


def answer(api: Api, asked: dict[str, Any], option: str, words: str = "") -> None:
    """Answer one of `approvals` as the user of the session: Approve or Reject."""
    task = asked["task_instance"]
    run = f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}"
    body = {"chosen_options": [option], "params_input": {"words": words}}
    api.call("PATCH", f"{run}/taskInstances/{task['task_id']}/-1/hitlDetails", body)


def _call(
    method: str, url: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
) -> Any:
    try:
        status, content = _request(method, url, path, body, token)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(
            f"Airflow does not answer at {url}: {error!r}. See its logs (`motcua status`)."
        ) from error
    if status >= http.HTTPStatus.BAD_REQUEST:
        said = content.decode(errors="replace")[:1000]
        raise Failed(f"Airflow refused {method} {path}: {status} {said}")
    return json.loads(content or b"null")


def _request(
    method: str,
    url: str,
    path: str,
    body: dict[str, Any] | None = None,
    token: str | None = None,
    timeout: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Status and content of one answer; no proxy, as the API is on this machine."""
    place = urlsplit(url)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
