"""Every MOTCUA_* setting, with a default that works on one machine."""

import os
import re
from contextlib import suppress
from datetime import time, timedelta
from pathlib import Path

from motcua.errors import Failed

TIME_ZONE = "Asia/Ho_Chi_Minh"

PROJECT = Path(os.environ.get("MOTCUA_PROJECT", Path(__file__).resolve().parents[2]))
"""The checkout: dags/, dbt_project/, expectations/, reference/ and sample/ lie in it."""


def home() -> Path:
    """Where this installation keeps its server, secrets, logs and run files."""
    return Path(os.environ.get("MOTCUA_HOME", PROJECT / ".motcua"))


def warehouse_url() -> str | None:
    """The PostgreSQL (15 or newer) to use instead of the embedded server."""
    return _or_of_file("MOTCUA_WAREHOUSE_URL")


def metadata_url() -> str | None:
    """The database of Airflow, where it is not that of the embedded server; backups need it."""
    return _or_of_file("MOTCUA_METADATA_URL")


def landing() -> str:
    """URI of the landing zone: a folder, s3:// or sftp://."""
    return os.environ.get("MOTCUA_LANDING") or str(home() / "landing")


def landing_options_file() -> Path | None:
    """JSON file with the login of a remote landing zone; its owner alone may read it."""
    named = os.environ.get("MOTCUA_LANDING_OPTIONS_FILE")
    return Path(named) if named else None


def landing_connection() -> str | None:
    """Airflow's connection with the login of a remote landing zone; the DAGs alone read it."""
    return os.environ.get("MOTCUA_LANDING_CONNECTION") or None


def reference() -> Path:
    """Folder of the province's reference pack."""
    return Path(os.environ.get("MOTCUA_REFERENCE") or PROJECT / "reference" / "soc_trang")


def publications() -> Path:
    """Folder that receives the documents of every publication."""
    return Path(os.environ.get("MOTCUA_PUBLICATIONS") or home() / "publications")


def notices() -> Path:
    """Folder that receives the monthly notices to the units."""
    return Path(os.environ.get("MOTCUA_NOTICES") or home() / "notices")


def unit_addresses() -> Path | None:
    """The csv (unit_code, address) of who gets notices by mail; it lies outside reference packs."""
    named = os.environ.get("MOTCUA_UNIT_ADDRESSES")
    return Path(named) if named else None


def key_file() -> Path:
    """File with the key of the pseudonyms; it never enters the warehouse."""
    return Path(os.environ.get("MOTCUA_KEY_FILE") or home() / "pseudonym.key")


def retention_days() -> int:
    """Days after its business date for which a record keeps its personal columns.

    Raises Failed when the setting is no whole number of days from 1 on.
    """
    given = os.environ.get("MOTCUA_RETENTION_DAYS") or "365"
    if given.isdecimal() and int(given) > 0:
        return int(given)
    raise Failed(f"MOTCUA_RETENTION_DAYS is {given}; it must be a whole number of days from 1 on.")


def reject_limit_percent() -> float:
    """Share of rejected records, in percent, above which a file is quarantined.

    Raises Failed when the setting is no number from 0 to 100.
    """
    given = os.environ.get("MOTCUA_REJECT_LIMIT_PERCENT") or "5"
    with suppress(ValueError):
        if 0 <= (percent := float(given)) <= 100:
            return percent
    raise Failed(f"MOTCUA_REJECT_LIMIT_PERCENT is {given}; it must be a number from 0 to 100.")


def quiet_seconds() -> float:
    """Seconds since its last change during which a file may still be written, and waits; 0: none.

    Raises Failed when the setting is no number of seconds from 0 on.
    """
    given = os.environ.get("MOTCUA_QUIET_SECONDS") or "60"
    with suppress(ValueError):
        if 0 <= (seconds := float(given)) < float("inf"):
            return seconds
    raise Failed(f"MOTCUA_QUIET_SECONDS is {given}; it must be a number of seconds from 0 on.")


def deadline() -> time:
    """When the files of a day should have been loaded: local time of the next calendar day.

    Raises Failed when the setting is no time of day.
    """
    return _time("MOTCUA_DEADLINE", "07:00")


def airflow_port() -> int:
    """Port of Airflow's UI on 127.0.0.1; another free one when somebody has it.

    Raises Failed when the setting is no port.
    """
    given = os.environ.get("MOTCUA_AIRFLOW_PORT") or "8080"
    if given.isdecimal() and 0 < int(given) < 65_536:
        return int(given)
    raise Failed(f"MOTCUA_AIRFLOW_PORT is {given}; it must be a port from 1 to 65535.")


def airflow_users() -> dict[str, str]:
    """Who may log in to the UI of this machine, and the role of each; admin and viewer always may.

    Raises Failed when the setting is not name:role, name:role with roles that Airflow knows.
    """
    users = {}
    for one in filter(None, (os.environ.get("MOTCUA_AIRFLOW_USERS") or "").split(",")):
        found = re.fullmatch(r"\s*([\w.@-]+):(viewer|user|op|admin)\s*", one)
        if found is None:
            raise Failed(
                f"MOTCUA_AIRFLOW_USERS has {one!r}; it must be name:role with commas between, the"
                " role one of viewer, user (may sign publications), op and admin."
            )
        users[found[1]] = found[2]
    return {**users, "admin": "admin", "viewer": "viewer"}


def airflow_executor() -> str:
    """How the Airflow of this machine runs tasks: LocalExecutor or CeleryExecutor."""
    return os.environ.get("MOTCUA_AIRFLOW_EXECUTOR") or "LocalExecutor"


def broker_url_file() -> Path | None:
    """File with the URL of the broker of CeleryExecutor; its owner alone may read it."""
    named = os.environ.get("MOTCUA_BROKER_URL_FILE")
    return Path(named) if named else None


def publish_at() -> time:
    """Local time at which the publications of a day start.

    Raises Failed when the setting is no time of day.
    """
    return _time("MOTCUA_PUBLISH_AT", "08:00")


def automatic_approval() -> str | None:
    """Name under which every publication is approved unseen: for samples and tests alone."""
    return os.environ.get("MOTCUA_AUTOMATIC_APPROVAL") or None


def sign_off_within() -> timedelta:
    """How long a publication waits for its approver; the setting is in days.

    Raises Failed when the setting is no number of days above 0, at most a year.
    """
    given = os.environ.get("MOTCUA_SIGN_OFF_DAYS") or "3"
    with suppress(ValueError):
        if 0 < (days := float(given)) <= 366:
            return timedelta(days=days)
    raise Failed(f"MOTCUA_SIGN_OFF_DAYS is {given}; it must be a number of days, such as 3 or 0.5.")


def smtp_connection() -> str:
    """Airflow's connection with the mail server of alerts."""
    return os.environ.get("MOTCUA_SMTP_CONNECTION") or "motcua_smtp"


def alert_recipients() -> list[str]:
    """Mail addresses that get the alerts, separated by commas in the setting."""
    given = os.environ.get("MOTCUA_ALERT_RECIPIENTS", "").split(",")
    return [address.strip() for address in given if address.strip()]


def alert_webhook() -> str | None:
    """URL that gets each alert as JSON; it may hold a secret, so it is never written to a log."""
    return _or_of_file("MOTCUA_ALERT_WEBHOOK")


def _time(name: str, default: str) -> time:
    """A setting that is a local time of day. Raises Failed when it is none."""
    given = os.environ.get(name) or default
    with suppress(ValueError):
        if (found := time.fromisoformat(given)).tzinfo is None:
            return found
    raise Failed(f"{name} is {given}; it must be a local time with two digits each, as {default}.")


def _or_of_file(name: str) -> str | None:
    """A setting that holds a secret: its value, or the content of the file that <name>_FILE names.

    Raises Failed when that file cannot be read.
    """
    if given := os.environ.get(name):
        return given
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise Failed(f"{name}_FILE names {file}, which cannot be read: {why}.") from None


def code_commit() -> str:
    """Commit of the checkout, or that of the image (MOTCUA_COMMIT), else the package's version."""
    folder = PROJECT / ".git"
    if folder.is_file():  # a second working tree names the place of its own
        folder = Path(folder.read_text().strip().removeprefix("gitdir: "))
    head = folder / "HEAD"
    if head.is_file():
        text = head.read_text().strip()
        if not text.startswith("ref: "):
            return text[:12]
        ref = text.removeprefix("ref: ")
        common = folder / "commondir"
        shared = (folder / common.read_text().strip()).resolve() if common.is_file() else folder
        loose = shared / ref
        if loose.is_file():
            return loose.read_text().strip()[:12]
        packed = shared / "packed-refs"
        if packed.is_file():
            for line in packed.read_text().splitlines():
                if line.endswith(" " + ref):
                    return line.split()[0][:12]
    if built_of := os.environ.get("MOTCUA_COMMIT"):
        return built_of[:12]
    from importlib.metadata import version

    return version("motcua")
