"""A mistyped setting is told by its name, with what it must be."""

import pytest

from motcua import settings
from motcua.errors import Failed

READS = {
    "MOTCUA_PUBLISH_AT": settings.publish_at,
    "MOTCUA_DEADLINE": settings.deadline,
    "MOTCUA_SIGN_OFF_DAYS": settings.sign_off_within,
    "MOTCUA_RETENTION_DAYS": settings.retention_days,
    "MOTCUA_REJECT_LIMIT_PERCENT": settings.reject_limit_percent,
}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("MOTCUA_PUBLISH_AT", text) for text in ("8:00", "25:00", "08:00+07:00")),
        ("MOTCUA_DEADLINE", "7:00"),
        *(("MOTCUA_SIGN_OFF_DAYS", text) for text in ("three", "0", "-1", "nan", "inf", "1e9")),
        *(("MOTCUA_RETENTION_DAYS", text) for text in ("a year", "0", "-3", "1.5")),
        *(("MOTCUA_REJECT_LIMIT_PERCENT", text) for text in ("5 %", "-1", "101", "nan")),
    ],
)
def test_a_mistyped_setting_is_told_with_its_name_and_what_it_must_be(
    name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    READS[name]()
    monkeypatch.setenv(name, wrong)
    with pytest.raises(Failed) as told:
        READS[name]()
    assert str(told.value).startswith(f"{name} is {wrong}; it must be a ")


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
