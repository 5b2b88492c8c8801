"""The broker that hands tasks from Airflow's scheduler to the workers of CeleryExecutor.

Its URL holds a password, so it comes from a file that its owner alone may read, and is told to
people without the password.
"""

from collections.abc import Iterable
from typing import Any

from motcua import settings
from motcua.errors import Failed

PATIENCE = 5.0
"""Seconds for a connection or an answer."""


def url() -> str:
    """The URL in the file of the settings. Raises Failed when there is none, or others read it."""
    path = settings.broker_url_file()
    if path is None:
        raise Failed(
            "CeleryExecutor needs a broker: write its URL, such as"
            " redis://:PASSWORD@127.0.0.1:6379/0, into a file that only you can read, and name the"
            " file in MOTCUA_BROKER_URL_FILE."
        )
    try:
        if path.stat().st_mode & 0o077:
            raise Failed(f"Others can read the broker's URL in {path}. Run `chmod 600 {path}`.")
        told = path.read_text().strip()
    except OSError as error:
        raise Failed(
            f"{path} cannot be read ({error.strerror}). Correct it, or MOTCUA_BROKER_URL_FILE."
        ) from error
    if "://" not in told:
        raise Failed(f"{path} holds no URL such as redis://:PASSWORD@127.0.0.1:6379/0.")
    return told


def check() -> None:
    """Raise Failed when the broker does not answer, or refuses the login."""
    address = url()
    try:
        with _application(address).connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=PATIENCE)
    except Exception as error:  # each transport has errors of its own
        # The text of a ValueError quotes a part of a URL that cannot be read: of its password.
        said = type(error).__name__ if isinstance(error, ValueError) else str(error)
        raise Failed(
            f"The broker {_without_login(address)} does not let us in ({said})."
            " Start it, or correct the URL in the file of MOTCUA_BROKER_URL_FILE."
        ) from None


def silent(workers: Iterable[str]) -> list[str]:
    """Those of the Celery workers that do not answer through the broker."""
    names = {f"celery@{name}": name for name in workers}
    with _application(url()) as application:
        answers = application.control.ping(destination=list(names), timeout=1.0)
    heard = {name for answer in answers for name in answer}
    return [name for node, name in names.items() if node not in heard]


def _application(address: str) -> Any:
    from celery import Celery

    application = Celery(broker=address)
    application.conf.broker_connection_timeout = PATIENCE
    if address.startswith(("redis://", "rediss://")):
        options = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
        application.conf.broker_transport_options = options
    return application


def _without_login(address: str) -> str:
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
