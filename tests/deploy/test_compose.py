"""The compose file and the image: valid, pinned, without rights or secrets that nobody needs."""

import copy
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import compose_file
from motcua import settings
from motcua.warehouse import server

ENVIRONMENT = {
    "MOTCUA_STATE": "/srv/motcua",
    "MOTCUA_UID": "990",
    "MOTCUA_GID": "990",
    "MOTCUA_COMMIT": "0123456789ab",
    "MOTCUA_AIRFLOW_USERS": "admin:admin",
}
"""What deploy/prepare.sh writes into .env."""

PACKAGE = settings.PROJECT / "plugins" / "motcua"

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|_URL|CONN", re.IGNORECASE)
OPEN = {
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "MOTCUA_SMTP_CONNECTION",
}
"""Addresses without a login in them, and the name of a connection."""


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


ELSEWHERE = {
    "MOTCUA_AIRFLOW_PORT": "the port of the host, in `ports` and the address of the UI",
    "MOTCUA_AIRFLOW_EXECUTOR": "Airflow's own setting, which `motcua up` would write",
    "MOTCUA_AIRFLOW_USERS": "Airflow's own setting, from the same name in .env",
    "MOTCUA_BROKER_URL_FILE": "Airflow's own setting, from the secret broker_url",
    "MOTCUA_AUTOMATIC_APPROVAL": "for samples and tests only",
}
"""Settings that are no variable of the containers, and why."""


def test_every_setting_of_the_readme_reaches_the_containers() -> None:
    table = (settings.PROJECT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(MOTCUA_\w+)` \|", table, re.MULTILINE))
    read = set(re.findall(r'"(MOTCUA_\w+)"', (PACKAGE / "settings.py").read_text("utf-8")))
    assert named == read - {"MOTCUA_PROJECT", "MOTCUA_COMMIT"}, "the table has all that is read"
    given = {**ENVIRONMENT, **dict.fromkeys(named, "given")}
    compose = compose_file.read(given)
    for service in ("worker", "scheduler", "dag-processor", "migrate", "tools", "admin"):
        told = compose["services"][service]["environment"]
        for name in named - ELSEWHERE.keys():
            value = told.get(name) or told.get(f"{name}_FILE")
            assert value, f"{service} does not get {name}"
            assert value == "given" or value.startswith("/"), f"{name} of .env is not used"
    assert compose["services"]["worker"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "given"
    assert named >= ELSEWHERE.keys()


def test_an_empty_setting_counts_as_none(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What .env does not have reaches the containers as its default, or empty."""
    for name, value in compose["services"]["tools"]["environment"].items():
        if not name.endswith("_FILE") or not value:
            monkeypatch.setenv(name, value)
    assert settings.landing_options_file() is None
    assert settings.unit_addresses() is None
    assert settings.landing_connection() is None
    assert settings.smtp_connection() == "motcua_smtp"
    assert settings.quiet_seconds() == 60
    assert settings.reject_limit_percent() == 5
    assert settings.retention_days() == 365


def test_folders_that_settings_name_are_mounted(compose: dict[str, Any]) -> None:
    for name in ("worker", "scheduler", "tools", "admin"):
        service = compose["services"][name]
        mounted = {volume["target"]: volume for volume in service["volumes"]}
        for setting in ("HOME", "LANDING", "PUBLICATIONS", "NOTICES"):
            assert service["environment"][f"MOTCUA_{setting}"] in mounted, f"{name}: {setting}"
        assert mounted["/var/lib/motcua/settings"]["read_only"] is True


def test_the_address_of_the_ui_follows_its_port() -> None:
    def address(**given: str) -> str:
        compose = compose_file.read({**ENVIRONMENT, **given})
        told: str = compose["services"]["scheduler"]["environment"]["AIRFLOW__API__BASE_URL"]
        return told

    assert address() == "http://127.0.0.1:8080"
    assert address(MOTCUA_AIRFLOW_PORT="9000") == "http://127.0.0.1:9000"
    other = {"MOTCUA_AIRFLOW_PORT": "9000", "MOTCUA_AIRFLOW_URL": "https://motcua.example"}
    assert address(**other) == "https://motcua.example"


def test_logs_outlive_their_container(compose: dict[str, Any]) -> None:
    service = compose["services"]["dag-processor"]
    mounted = [volume["target"] for volume in service["volumes"]]
    for name, value in service["environment"].items():
        if name.startswith("AIRFLOW__LOGGING__"):
            assert any(value.startswith(place) for place in mounted), name
    assert "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY" in service["environment"]


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
    project = tomllib.loads((settings.PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    built_with = project["build-system"]["requires"]
    built_with += project["tool"]["uv"]["build-constraint-dependencies"]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", one) for one in built_with), built_with
    assert "chmod -R a+rX /opt/motcua" in text, "whatever the modes of the checkout"
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


@pytest.fixture
def cluster(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], str]]:
    """Made by the embedded server's initdb as the image would make it; runs one query."""
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path))
    base, binaries, account = server._place()
    data, password = base / "cluster", base / "password"
    password.write_text("secret")
    password.chmod(0o644)
    how = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}

    def run(*command: str, **others: Any) -> str:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd="/", **how, **others
        ).stdout

    arguments = shlex.split(compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"])
    names = ("-D", str(data), "-U", "postgres", f"--pwfile={password}", "--no-sync")
    try:
        run(str(binaries / "initdb"), *names, *arguments)
        yield lambda query: run(
            str(binaries / "postgres"), "--single", "-D", str(data), "postgres", input=query
        )
    finally:
        shutil.rmtree(base if account else data, ignore_errors=True)


def test_what_the_file_tells_initdb_makes_a_cluster(cluster: Callable[[str], str]) -> None:
    said = cluster(
        "select datlocprovider, datlocale, pg_encoding_to_char(encoding) from pg_database"
        " where datname = 'template1'"
    )
    assert re.findall(r'\d: \w+ = "(.*?)"', said) == ["b", "C.UTF-8", "UTF8"]


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
