"""Mistyped settings of the UI are told, with what to do."""

import pytest

from motcua import settings
from motcua.errors import Failed


def test_users_of_the_ui_are_named_with_their_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_AIRFLOW_USERS", "lan:user, mai@centre.example:op,admin:viewer")
    assert settings.airflow_users() == {
        "lan": "user",
        "mai@centre.example": "op",
        "admin": "admin",
        "viewer": "viewer",
    }, "the pipeline itself logs in as admin"


@pytest.mark.parametrize("given", ["lan", "lan:boss", "lan=user", "lan:user;mai:op"])
def test_a_mistyped_user_is_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("MOTCUA_AIRFLOW_USERS", given)
    with pytest.raises(Failed, match=f"MOTCUA_AIRFLOW_USERS has '{given}'; it must be name:role"):
        settings.airflow_users()


@pytest.mark.parametrize("given", ["http", "0", "65536", "-1"])
def test_a_mistyped_port_is_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("MOTCUA_AIRFLOW_PORT", given)
    with pytest.raises(Failed, match=f"MOTCUA_AIRFLOW_PORT is {given}; it must be a port"):
        settings.airflow_port()
