"""The compose file and the image: valid, pinned, without rights or secrets that nobody needs."""

import copy
import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import compose_file
from motcua import settings

ENVIRONMENT = {
    "MOTCUA_STATE": "/srv/motcua",
    "MOTCUA_UID": "990",
    "MOTCUA_GID": "990",
    "MOTCUA_COMMIT": "0123456789ab",
    "MOTCUA_AIRFLOW_USERS": "admin:admin",
}
"""What deploy/prepare.sh writes into .env."""

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|_URL|CONN", re.IGNORECASE)
OPEN = {"AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"}
"""Addresses without a login in them."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return compose_file.read(ENVIRONMENT)


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (settings.PROJECT / "Dockerfile").read_text(encoding="utf-8")
    return [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    """The schema is the specification's own; it is refused what the specification does not know."""
    package = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(package.read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(compose_file.FILE.read_text(encoding="utf-8")), schema)
    jsonschema.validate(compose, schema)
    compose = copy.deepcopy(compose)
    compose["services"]["postgres"]["heathcheck"] = {}
    with pytest.raises(jsonschema.ValidationError, match="heathcheck"):
        jsonschema.validate(compose, schema)


def test_all_that_airflow_needs_is_there(compose: dict[str, Any]) -> None:
    always = {name for name, one in compose["services"].items() if "profiles" not in one}
    components = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
    assert always == components | {"postgres", "redis", "migrate"}


def test_what_a_service_refers_to_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for config in service.get("configs", []):
            file = compose["configs"][config["source"]]["file"]
            assert (settings.PROJECT / file).is_file(), file
        used = set(re.findall(r"/run/secrets/([\w.]+)", json.dumps(service)))
        assert used <= set(service.get("secrets", [])), f"{name} reads secrets that it has not"


def test_no_service_has_rights_that_it_does_not_need(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["user"] == "990:990", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        forbidden = {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"}
        assert not forbidden & set(service), name


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    published = [
        port for service in compose["services"].values() for port in service.get("ports", [])
    ]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published), published


def test_without_prepare_nothing_starts() -> None:
    for name in ENVIRONMENT.keys() - {"MOTCUA_STATE"}:
        with pytest.raises(KeyError, match=r"deploy/prepare\.sh"):
            compose_file.read({**ENVIRONMENT, name: ""})


def test_secrets_are_files_and_stand_in_no_environment(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable) and variable not in OPEN and value:
                assert re.match(r"(cat )?/|/", value), f"{name}: {variable}={value}"
    assert all(
        secret["file"].startswith("/srv/motcua/secrets/") for secret in compose["secrets"].values()
    )


def test_the_api_server_alone_knows_the_passwords_of_its_users(compose: dict[str, Any]) -> None:
    holders = {
        secret: {
            name
            for name, service in compose["services"].items()
            if secret in service.get("secrets", [])
        }
        for secret in ("airflow_passwords.json", "postgres_password", "admin_url", "server.key")
    }
    assert holders == {
        "airflow_passwords.json": {"api-server"},
        "postgres_password": {"postgres"},
        "admin_url": {"admin"},
        "server.key": {"postgres"},
    }


def test_every_service_that_stays_tells_its_health(
    compose: dict[str, Any], dockerfile: list[str]
) -> None:
    assert any(line.startswith("HEALTHCHECK") for line in dockerfile)
    for name, service in compose["services"].items():
        if "build" not in service:
            assert service["healthcheck"]["test"], name
        elif service["restart"] == "unless-stopped":
            assert service["environment"]["MOTCUA_COMPONENT"] == name
            assert "healthcheck" not in service, "that of the image counts"


def test_images_are_pinned_by_their_digest(compose: dict[str, Any], dockerfile: list[str]) -> None:
    for name, service in compose["services"].items():
        if "build" not in service:
            assert DIGEST.search(service["image"]), name
    (base,) = [line for line in dockerfile if line.startswith("ARG PYTHON=")]
    assert DIGEST.search(base)
    froms = [line.split()[1] for line in dockerfile if line.startswith("FROM ")]
    assert set(froms) == {"${PYTHON}"}


def test_the_image_has_the_locked_packages_and_no_root(dockerfile: list[str]) -> None:
    text = "\n".join(dockerfile)
    syncs = re.findall(r"uv sync[^&\n]*", text)
    assert len(syncs) == 2
    assert all("--locked" in sync and "--no-dev" in sync for sync in syncs)
    last_stage = dockerfile[
        max(i for i, line in enumerate(dockerfile) if line.startswith("FROM ")) :
    ]
    users = [line.split()[1] for line in last_stage if line.startswith("USER ")]
    assert users == ["10001"]


def test_the_dump_program_of_the_image_fits_the_server(
    compose: dict[str, Any], dockerfile: list[str]
) -> None:
    served = re.match(r"postgres:(\d+)", compose["services"]["postgres"]["image"])
    installed = re.search(r"postgresql-client-(\d+)", "\n".join(dockerfile))
    assert served
    assert installed
    assert served[1] == installed[1]


def test_what_the_image_needs_is_copied_and_nothing_else() -> None:
    lines = (settings.PROJECT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    taken = {line[1:] for line in lines if line.startswith("!")}
    tracked = subprocess.run(
        ["git", "-C", str(settings.PROJECT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    tops = {Path(name).parts[0] for name in tracked}
    assert taken <= tops
    assert {"dags", "plugins", "dbt_project", "expectations", "reference", "deploy"} <= taken
