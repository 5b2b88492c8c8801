"""deploy/prepare.sh: fresh secrets, readable by their owner alone, and renewed only when asked."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

import compose_file
from motcua import settings

SCRIPT = settings.PROJECT / "deploy" / "prepare.sh"
ACCOUNT = os.getuid() or 65534


def prepare(folder: Path, *names: str, **others: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "MOTCUA_STATE": str(folder / "state"),
        "MOTCUA_UID": str(ACCOUNT),
        "MOTCUA_GID": str(os.getgid() or 65534),
        **others,
    }
    return prepare_as_told(folder, *names, **environment)


def prepare_as_told(
    folder: Path, *names: str, script: Path = SCRIPT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run with no variable but these, so that .env decides the rest."""
    environment = {
        "PATH": os.environ["PATH"],
        "MOTCUA_ENV_FILE": str(folder / ".env"),
        **variables,
    }
    return subprocess.run(
        ["sh", str(script), *names],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def secrets(folder: Path) -> dict[str, str]:
    place = folder / "state" / "secrets"
    return {
        str(path.relative_to(place)): path.read_text()
        for path in place.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    done = prepare(tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_it_makes_every_file_and_folder_that_the_compose_file_names(prepared: Path) -> None:
    variables = dict(
        line.split("=", 1)
        for line in (prepared / ".env").read_text().splitlines()
        if not line.startswith("#")
    )
    compose = compose_file.read(variables)
    for secret in compose["secrets"].values():
        assert Path(secret["file"]).is_file(), secret
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            assert Path(volume["source"]).is_dir(), volume
    assert variables["MOTCUA_UID"] == str(ACCOUNT)


def test_secrets_are_their_owners_alone_and_never_printed(tmp_path: Path) -> None:
    done = prepare(tmp_path)
    for path in (tmp_path / "state").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        assert path.stat().st_uid == ACCOUNT
    for name, text in secrets(tmp_path).items():
        if name.endswith(("password", "_key", "_url", "_async", "jwt_secret", "pseudonym.key")):
            assert len(text) >= 40, name
            assert text == text.strip(), "Airflow does not trim what it reads"
            assert text not in done.stdout + done.stderr


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        prepare(tmp_path / name)
    one, two = secrets(tmp_path / "one"), secrets(tmp_path / "two")
    assert one.keys() == two.keys()
    same = {name for name in one if one[name] == two[name]}
    assert same == {"alert_webhook"}, "it is empty until somebody fills it"


def test_again_it_changes_nothing(prepared: Path) -> None:
    before = secrets(prepared)
    assert "wrote" not in prepare(prepared).stdout
    assert secrets(prepared) == before


def test_a_password_made_anew_stands_in_its_url_too_and_nowhere_else(prepared: Path) -> None:
    before = secrets(prepared)
    inode = (prepared / "state" / "secrets" / "motcua_password").stat().st_ino
    prepare(prepared, "motcua_password")
    after = secrets(prepared)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"motcua_password", "warehouse_url"}
    assert after["motcua_password"].strip() in after["warehouse_url"]
    again = (prepared / "state" / "secrets" / "motcua_password").stat().st_ino
    assert again == inode, "a running container sees it"


def test_a_new_key_of_the_connections_keeps_the_former_one(prepared: Path) -> None:
    former = secrets(prepared)["fernet_key"].strip()
    prepare(prepared, "fernet_key")
    new, kept = secrets(prepared)["fernet_key"].strip().split(",")
    assert kept == former
    assert new != former


def test_the_key_of_the_pseudonyms_is_not_made_anew_by_the_way(prepared: Path) -> None:
    before = secrets(prepared)
    done = prepare(prepared, "pseudonym.key")
    assert done.returncode == 1
    assert "keep it" in done.stderr
    assert secrets(prepared) == before


def test_a_user_who_is_added_gets_a_password_of_his_own(prepared: Path) -> None:
    before = json.loads(secrets(prepared)["airflow_passwords.json"])
    text = (prepared / ".env").read_text().replace("viewer:viewer", "viewer:viewer,an.nguyen:user")
    (prepared / ".env").write_text(text)
    prepare(prepared)
    after = json.loads(secrets(prepared)["airflow_passwords.json"])
    assert after.keys() == before.keys() | {"an.nguyen"}
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after)


def test_the_certificate_is_of_its_authority_and_names_the_server(prepared: Path) -> None:
    place = prepared / "state" / "secrets"
    checked = subprocess.run(
        [
            *("openssl", "verify", "-CAfile", str(place / "ca.crt")),
            *("-verify_hostname", "postgres", str(place / "server.crt")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_root_has_to_name_an_account(tmp_path: Path) -> None:
    done = prepare(tmp_path, MOTCUA_UID="0")
    assert done.returncode == 1
    assert "do not run as root" in done.stderr
    assert not (tmp_path / "state").exists()


def test_what_env_tells_is_not_asked_again(prepared: Path) -> None:
    before = secrets(prepared)
    done = prepare_as_told(prepared)
    assert done.returncode == 0, done.stderr
    assert "wrote" not in done.stdout
    assert secrets(prepared) == before
    for path in (prepared / "state").rglob("*"):
        assert path.stat().st_uid == ACCOUNT, path


def test_an_account_that_the_containers_do_not_run_as_is_refused() -> None:
    command = ["sh", str(SCRIPT)]
    if os.getuid() == 0:
        command = ["setpriv", f"--reuid={ACCOUNT}", "--clear-groups", *command]
    environment = {"PATH": os.environ["PATH"], "MOTCUA_UID": "4242", "MOTCUA_STATE": "/nowhere"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Run this as account 4242 or as root" in done.stderr


def test_a_last_line_of_env_without_an_end_stays_a_line(prepared: Path) -> None:
    text = (prepared / ".env").read_text()
    (prepared / ".env").write_text(text + "MOTCUA_DEADLINE=06:30")
    prepare(prepared)
    lines = (prepared / ".env").read_text().splitlines()
    assert "MOTCUA_DEADLINE=06:30" in lines
    assert len([line for line in lines if line.startswith("MOTCUA_COMMIT=")]) == 1


def test_a_relative_place_begins_at_the_project_for_everybody(tmp_path: Path) -> None:
    """Compose takes it from the folder of its file; it does not matter where this is run."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(SCRIPT.parent, project / "deploy")
    (elsewhere / ".env").write_text(
        f"MOTCUA_STATE=./kept\nMOTCUA_UID={ACCOUNT}\nMOTCUA_GID={ACCOUNT}\n"
        "MOTCUA_AIRFLOW_USERS=admin:admin\n"
    )
    done = prepare_as_told(elsewhere, script=project / "deploy" / "prepare.sh")
    assert done.returncode == 0, done.stderr
    assert (project / "kept" / "secrets" / "warehouse_url").is_file()
    assert not (elsewhere / "kept").exists()


def test_what_compose_mounts_of_a_strict_checkout_can_be_read(tmp_path: Path) -> None:
    deploy = tmp_path / "project" / "deploy"
    shutil.copytree(SCRIPT.parent, deploy)
    for path in deploy.iterdir():
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    done = prepare_as_told(
        tmp_path, script=deploy / "prepare.sh", MOTCUA_UID=str(ACCOUNT), MOTCUA_GID=str(ACCOUNT)
    )
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((deploy / "pg_hba.conf").stat().st_mode) == 0o644
    assert stat.S_IMODE((deploy / "logins.sh").stat().st_mode) == 0o755


def test_an_openssl_that_fails_is_told_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """Before OpenSSL 3 it knew fewer options; this one makes no certificate of a server."""
    real = shutil.which("openssl")
    (tmp_path / "openssl").write_text(
        f'#!/bin/sh\n[ "$1" != x509 ] || {{ echo "unknown option" >&2; exit 1; }}\n'
        f'exec {real} "$@"\n'
    )
    (tmp_path / "openssl").chmod(0o755)
    done = prepare(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "unknown option" in done.stderr
    assert "The certificate was not made: openssl x509 failed (OpenSSL" in done.stderr
    assert prepare(tmp_path).returncode == 0
    place = tmp_path / "state" / "secrets"
    assert {path.name for path in place.glob("server.*")} == {"server.crt", "server.key"}
