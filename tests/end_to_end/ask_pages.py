"""Asks Airflow's real API application for pages, as several users; runs in its own process.

Run as: python ask_pages.py < requests.json. A request is [user, path, headers]; the users are those
of USERS, None asks without a token. Prints for each the status, the headers and the text.
"""

import contextlib
import json
import sys
from typing import Any

USERS = {"viewer": "VIEWER", "admin": "ADMIN", "no_role": None}


def main() -> None:
    requests = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answers = ask(requests)
    print(json.dumps(answers))


def ask(requests: list[Any]) -> list[Any]:
    from airflow.utils.db import initdb

    initdb()
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    app = create_app(apps="core")
    tokens = {
        name: get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
        for name, role in USERS.items()
    }
    answers = []
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        for user, path, headers in requests:
            client.cookies.clear()
            if user:
                client.cookies.set("_token", tokens[user])
            answer = client.get(path, headers=headers)
            text = answer.content.decode(errors="replace")
            answers.append([answer.status_code, dict(answer.headers), text])
    return answers


if __name__ == "__main__":
    main()
