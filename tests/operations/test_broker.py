"""The executor and its broker: a wrong setting is told before anything starts, no password is."""

from pathlib import Path

import pytest

from motcua.errors import Failed
from motcua.operations import airflow_setup, broker
from motcua.warehouse import server


def test_an_unknown_executor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_AIRFLOW_EXECUTOR", "SequentialExecutor")
    with pytest.raises(Failed, match="Set it to LocalExecutor or CeleryExecutor"):
        airflow_setup.executor()
    monkeypatch.delenv("MOTCUA_AIRFLOW_EXECUTOR")
    assert airflow_setup.executor() == "LocalExecutor"


def test_a_broker_is_named_by_a_file_that_nobody_else_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOTCUA_BROKER_URL_FILE", raising=False)
    with pytest.raises(Failed, match=r"CeleryExecutor needs a broker.*MOTCUA_BROKER_URL_FILE"):
        broker.url()
    path = tmp_path / "broker_url"
    monkeypatch.setenv("MOTCUA_BROKER_URL_FILE", str(path))
    with pytest.raises(Failed, match=r"cannot be read \(No such file"):
        broker.url()
    path.write_text("geheim")
    path.chmod(0o640)
    with pytest.raises(Failed, match="chmod 600"):
        broker.url()
    path.chmod(0o600)
    with pytest.raises(Failed, match="holds no URL") as failed:
        broker.url()
    assert "geheim" not in str(failed.value).removeprefix(str(path))
    path.write_text("redis://:geheim@127.0.0.1:6379/0\n")
    assert broker.url() == "redis://:geheim@127.0.0.1:6379/0"


@pytest.mark.parametrize("password", ["geheim", "ge/heim", "ge@heim", "ge:heim", "ge#heim", "%zz"])
def test_a_broker_that_does_not_answer_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    place = f"127.0.0.1:{server.free_port()}"
    server.write_private(tmp_path / "broker_url", f"redis://:{password}@{place}/0")
    monkeypatch.setenv("MOTCUA_BROKER_URL_FILE", str(tmp_path / "broker_url"))
    with pytest.raises(Failed, match=f"The broker redis://{place}/0 does not let us in") as failed:
        broker.check()
    assert not [part for part in (password, "geh", "heim") if part in str(failed.value)]
