"""A landing zone on another machine, S3 or SFTP, through fsspec: list it and fetch its files.

Paths are taken as they stand in the URI, without percent signs for anything: `#`, `?`, `%`, spaces
and Vietnamese letters are letters like others.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from motcua import settings
from motcua.errors import Failed
from motcua.landing import seen

S3, SFTP = "s3", "sftp"

Options = Mapping[str, str]
"""How to log in, by the names of `OPTIONS`."""

OPTIONS = {
    S3: ("login", "password", "host", "port", "endpoint_url", "region_name", "aws_session_token"),
    SFTP: (
        *("login", "password", "host", "port", "key_file", "private_key"),
        *("private_key_passphrase", "known_hosts_file"),
    ),
}

PATIENCE = 20.0
"""Seconds for a connection or an answer."""

LONGEST_LISTING = 600.0
"""Seconds for the listing of one folder (SFTP) or of the whole zone (S3)."""

SLOWEST = 20_000
"""Bytes per second below which a transfer is given up."""

BLOCK = 1 << 22
"""Bytes that are fetched at a time over SFTP."""

SPARE = 64 << 20
"""Bytes of the disk that a fetched file must leave free."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""How this machine says that a disk or somebody's share of it is full."""

_URI = re.compile(
    r"(?P<scheme>s3|sftp)://(?:(?P<login>[^/]*)@)?(?P<host>\[[^]/]+\]|[^/:]*)(?::(?P<port>\d+))?"
    r"(?:/(?P<path>.*))?",
    re.DOTALL,
)
_LOGIN_REFUSED = {
    *("AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"),
    *("RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired"),
}
"""Codes of S3 that concern the login and not one file."""


class Address(NamedTuple):
    """What the URI of a remote zone says. root: bucket and prefix, or the path on the server."""

    uri: str
    scheme: str
    login: str
    host: str
    port: int | None
    root: str


class Listed(NamedTuple):
    """A file of the zone. path: below the root; mark: changes when the file does, or is empty."""

    path: str
    size: int
    mark: str


class Fetched(NamedTuple):
    """A copy of a remote file that vanishes after use. is_steady: the file did not change."""

    path: Path
    sha256: str
    is_steady: bool


@dataclass(frozen=True)
class Zone:
    """A remote zone that answers. place: the server, when the URI does not name it."""

    address: Address
    place: str
    system: Any
    known_hosts: tuple[str, ...] = ()


def is_remote(uri: str) -> bool:
    """Whether a landing zone lies on another machine."""
    return uri.startswith((f"{S3}://", f"{SFTP}://"))


def options() -> dict[str, str]:
    """The options of the file that MOTCUA_LANDING_OPTIONS_FILE names; none without it.

    Raises Failed when it cannot be read, or when others than its owner can read it.
    """
    path = settings.landing_options_file()
    if path is None:
        return {}
    todo = "Correct it, or MOTCUA_LANDING_OPTIONS_FILE."
    try:
        if path.stat().st_mode & 0o077:
            raise Failed(f"Others can read the login in {path}. Run `chmod 600 {path}`.")
        told = json.loads(path.read_text())
    except OSError as error:
        raise Failed(f"{path} cannot be read ({error.strerror}). {todo}") from error
    except ValueError:  # its text may hold a part of the login
        raise Failed(f"{path} is not JSON. {todo}") from None
    if not isinstance(told, dict):
        raise Failed(f'{path} is not a JSON object such as {{"login": "…"}}. {todo}')
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def address_of(uri: str) -> Address:
    """Take the URI of a remote zone apart.

    Raises Failed when it is not one, or when it holds a password; the password is not told.
    """
    match = _URI.fullmatch(uri)
    scheme = uri.partition("://")[0]
    if "@" in uri and (match is None or scheme == S3 or ":" in (match["login"] or "")):
        raise Failed(
            f"The URI of the landing zone ({scheme}://…) holds a login. Passwords and keys belong"
            " into the environment or the file that MOTCUA_LANDING_OPTIONS_FILE names; take them"
            " out of MOTCUA_LANDING."
        )
    if match is None or (scheme == S3 and not match["host"]) or (scheme == S3 and match["port"]):
        raise Failed(
            f"The landing zone {uri} cannot be understood. Write s3://bucket/prefix or"
            " sftp://user@host:port/path into MOTCUA_LANDING."
        )
    path = (match["path"] or "").strip("/")
    return Address(
        uri=uri.rstrip("/"),
        scheme=scheme,
        login=match["login"] or "",
        host=match["host"].strip("[]"),
        port=int(match["port"]) if match["port"] else None,
        root="/".join(filter(None, (match["host"], path))) if scheme == S3 else f"/{path}",
    )


def connect(uri: str, given: Options | None = None, patience: float = PATIENCE) -> Zone:
    """Log in to a remote zone with the options given, or else those of the settings.

    Raises Failed when it does not answer, cannot be trusted, or refuses the login.
    """
    address = address_of(uri)
    told = options() if given is None else given
    strange = sorted(set(told) - set(OPTIONS[address.scheme]))
    if strange:
        raise Failed(
            f"The options of the landing zone {address.uri} have {', '.join(strange)}, which"
            f" {address.scheme} does not know. It knows {', '.join(OPTIONS[address.scheme])}."
        )
    opener = _open_s3 if address.scheme == S3 else _open_sftp
    return opener(address, told, patience)


def reach(uri: str, seconds: float = 3.0) -> None:
    """Log in and look at the root once. Raises Failed with the reason."""
    zone = connect(uri, patience=seconds)
    with _told(zone.address, zone.known_hosts):
        if zone.address.scheme == S3:
            bucket, _, prefix = zone.address.root.partition("/")
            zone.system.retries = 1
            zone.system.call_s3(
                "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1, timeout=seconds
            )
        else:
            zone.system.info(zone.address.root, timeout=seconds)


def listing(zone: Zone) -> tuple[list[Listed], list[str]]:
    """Every file of the zone, and a warning for everything that cannot be looked into.

    Names in the warnings are as they stand, whatever letters they have.
    Raises Failed when the zone as a whole cannot be listed.
    """
    with _told(zone.address, zone.known_hosts):
        return _list_s3(zone) if zone.address.scheme == S3 else _list_sftp(zone)


@contextmanager
def fetched(zone: Zone, file: Listed) -> Iterator[Fetched]:
    """A copy of a file of the zone, in a nameless file that is gone with the process at the latest.

    Raises Failed when the zone does not answer any more, OSError when this file alone cannot be
    read or the disk has no room for it.
    """
    folder = settings.home()
    folder.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(folder).free - SPARE
    if file.size > room:
        raise OSError(
            errno.ENOSPC,
            f"it has {file.size >> 20} MB, and the disk of {folder} has room for"
            f" {max(room, 0) >> 20} MB; free some, or move MOTCUA_HOME",
        )
    # Without a name nobody else opens it, and the kernel frees it however this process ends.
    with tempfile.TemporaryFile(dir=folder) as spool:
        path = Path(f"/proc/self/fd/{spool.fileno()}")
        source = f"{zone.address.root.rstrip('/')}/{file.path}"
        with _told(zone.address, zone.known_hosts, file.path):
            _copy(zone, source, file.size, path)
            after = zone.system.info(source, refresh=True, timeout=PATIENCE)
        sha256 = hashlib.file_digest(spool, "sha256").hexdigest()
        mark = _mark(after)
        is_steady = path.stat().st_size == after["size"] == file.size and mark == file.mark
        if is_steady:
            seen.note(identity(zone, file), file.size, mark, sha256)
        yield Fetched(path, sha256, is_steady)


def _copy(zone: Zone, source: str, size: int, path: Path) -> None:
    """Bring a file of `size` bytes to `path`, and of one that has grown a little more."""
    if zone.address.scheme == S3:
        # One stream: several at once would hold 50 MB each in memory.
        limit = PATIENCE + size / SLOWEST
        zone.system.get_file(source, str(path), timeout=limit, max_concurrency=1)
        return
    limit = PATIENCE + BLOCK / SLOWEST
    with zone.system.open(source, "rb") as remote, open(path, "wb") as spool:
        # One byte more than is left, as what lies beyond the end is asked for in many small pieces.
        while (left := size - spool.tell()) >= 0:
            block = remote.read(min(BLOCK, left + 1), timeout=limit)
            if not block:
                break
            spool.write(block)


def identity(zone: Zone, file: Listed) -> str:
    """What a file of a zone is called in the notebook of files seen."""
    return f"{zone.place} {zone.address.uri}/{file.path}"


def _mark(info: Mapping[str, Any]) -> str:
    """What changes when a file changes: the ETag of S3, the time of the last change of SFTP."""
    changed = info.get("mtime")
    return info.get("ETag") or (changed.isoformat() if changed else "")


def _open_s3(address: Address, told: Options, patience: float) -> Zone:
    # Without this a login that is missing is looked for at a service of the network.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    import s3fs

    host, port = told.get("host", ""), told.get("port")
    if host:
        host = (host if "://" in host else f"https://{host}") + (f":{port}" if port else "")
    endpoint = told.get("endpoint_url") or host or None
    region = {"region_name": told["region_name"]} if "region_name" in told else {}
    with _told(address):
        system = s3fs.S3FileSystem(
            key=told.get("login"),
            secret=told.get("password"),
            token=told.get("aws_session_token"),
            endpoint_url=endpoint,
            client_kwargs=region,
            config_kwargs={
                "connect_timeout": min(patience, 5),
                "read_timeout": patience,
                "retries": {"max_attempts": 0},  # s3fs itself tries again
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        system.connect(timeout=patience)
    return Zone(address, system.s3.meta.endpoint_url, system)


def _list_s3(zone: Zone) -> tuple[list[Listed], list[str]]:
    """List objects, a thousand with each request; names that end in / stand for folders."""
    root = zone.address.root
    found = zone.system.find(root, detail=True, timeout=LONGEST_LISTING)
    files, warnings = [], []
    for name, info in found.items():
        path = name.removeprefix(f"{root}/")
        if path == name or (path.endswith("/") and not info["size"]) or not path:
            continue
        if "" in path.split("/") or "?versionId=" in path:
            warnings.append(f"{path}: not loaded, as no file can have this path. Rename it.")
        else:
            files.append(Listed(path, info["size"], _mark(info)))
    return files, warnings


def _open_sftp(address: Address, told: Options, patience: float) -> Zone:
    import asyncssh
    from sshfs import SSHFileSystem

    host = address.host or told.get("host", "")
    if not host or told.get("host", host) != host:
        raise Failed(
            f"The landing zone {address.uri} and its options name the hosts"
            f' "{address.host}" and "{told.get("host", "")}". Name one and the same.'
        )
    port = address.port or int(told.get("port", "22"))
    own = told.get("known_hosts_file")
    usual = (Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts"))
    hosts = (own,) if own else tuple(str(path) for path in usual if path.is_file())
    login = address.login or told.get("login")
    how: dict[str, Any] = {"username": login} if login else {}
    if "password" in told:
        how["password"] = told["password"]
    with _told(address, hosts or (str(usual[0]),)):
        try:
            passphrase = told.get("private_key_passphrase")
            if "private_key" in told:
                how["client_keys"] = [asyncssh.import_private_key(told["private_key"], passphrase)]
            elif "key_file" in told:
                how["client_keys"] = [asyncssh.read_private_key(told["key_file"], passphrase)]
        except (ValueError, OSError) as error:
            raise Failed(
                f"The private key for {address.uri} cannot be read ({error}). Check key_file or"
                " private_key, and private_key_passphrase, of the options."
            ) from error
        system = SSHFileSystem(
            host,
            port=port,
            # An empty list makes the library look in the usual place; None would trust anybody.
            known_hosts=list(hosts),
            connect_timeout=patience,
            login_timeout=patience,
            keepalive_interval=10,
            keepalive_count_max=3,
            skip_instance_cache=True,
            timeout=2 * patience,
            # A name that is no UTF-8 is told as it is, and hides none of its neighbours.
            sftp_client_kwargs={"path_errors": "surrogateescape"},
            **how,
        )
    return Zone(address, f"{host}:{port}", system, hosts or (str(usual[0]),))


def _list_sftp(zone: Zone) -> tuple[list[Listed], list[str]]:
    """List folder by folder. A link to a file is that file; one to a folder is not entered."""
    import asyncssh

    system, root = zone.system, zone.address.root.rstrip("/")
    files: list[Listed] = []
    warnings: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = system.ls(f"{root}/{folder}".rstrip("/") or "/", timeout=LONGEST_LISTING)
        except (asyncssh.SFTPError, PermissionError, FileNotFoundError) as error:
            if not folder or _is_lost(error):
                raise
            warnings.append(f"{folder}/: this folder cannot be listed ({error}). Ask its owner.")
            continue
        for entry in entries:
            path = entry["name"].removeprefix(f"{root}/")
            if entry["type"] == "link":
                try:
                    entry = system.info(entry["name"], timeout=PATIENCE)
                except (asyncssh.SFTPError, PermissionError, FileNotFoundError) as error:
                    if _is_lost(error):
                        raise
                    entry = {"type": "link that leads nowhere"}
                else:
                    if entry["type"] == "directory":
                        entry = {"type": "link to a folder"}
            if entry["type"] == "directory":
                waiting.append(path)
            elif entry["type"] == "file":
                files.append(Listed(path, entry["size"], _mark(entry)))
            else:
                warnings.append(f"{path}: not loaded, as it is a {entry['type']} and no file.")
    return files, warnings


@contextmanager
def _told(address: Address, known_hosts: tuple[str, ...] = (), path: str = "") -> Iterator[None]:
    """Tell what went wrong with a zone, or with one of its files, and what to do.

    Raises Failed, or OSError when `path` alone is concerned.
    """
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        kinds = _kinds(address.scheme)
        if not isinstance(error, kinds):
            raise
        if path and getattr(error, "errno", None) in NO_ROOM:
            todo = f"the disk of {settings.home()} is full; free some, or move MOTCUA_HOME"
            raise OSError(errno.ENOSPC, todo) from error
        if path and _concerns_file(error):
            raise OSError(getattr(error, "errno", None) or errno.EIO, _text(error)) from error
        raise Failed(_reason(address, error, known_hosts, path)) from error


def _kinds(scheme: str) -> tuple[type[Exception], ...]:
    """How the libraries say that a server, a network or a login does not do."""
    if scheme == S3:
        from aiohttp import ClientError
        from botocore.exceptions import BotoCoreError, HTTPClientError

        return OSError, ClientError, BotoCoreError, HTTPClientError
    import asyncssh

    return OSError, asyncssh.Error


def _is_lost(error: Exception) -> bool:
    """Whether the connection of SFTP is gone, and not one file or folder at fault."""
    import asyncssh

    return isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection)


def _concerns_file(error: Exception) -> bool:
    code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return True
    if isinstance(error, PermissionError):
        return code not in _LOGIN_REFUSED
    import asyncssh

    return isinstance(error, asyncssh.SFTPError) and not _is_lost(error)


def _reason(address: Address, error: Exception, known_hosts: tuple[str, ...], path: str) -> str:
    zone = f"The landing zone {address.uri}"
    name = type(error).__name__
    server = f"-p {address.port} {address.host}" if address.port else address.host
    if name == "HostKeyNotVerifiable":
        return (
            f"{zone}: the key that its server shows is not in {', '.join(known_hosts)}, so it may"
            " be another machine; nothing was sent. Ask the owner of the server for the"
            f" fingerprint, compare it with `ssh-keyscan {server} | ssh-keygen -lf -`, and then add"
            f" the key: `ssh-keyscan {server} >> {known_hosts[0]}`."
        )
    where = "the environment (AWS_ACCESS_KEY_ID …)" if address.scheme == S3 else "~/.ssh"
    login = (
        f"Check the login in {where}, in the file of MOTCUA_LANDING_OPTIONS_FILE or in the"
        " connection of MOTCUA_LANDING_CONNECTION."
    )
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        return f"{zone} wants a login, and there is none. {login}"
    if isinstance(error, PermissionError):
        return f"{zone} refuses the login or the access ({_text(error)}). {login}"
    if isinstance(error, FileNotFoundError) or name == "SFTPNoSuchFile":
        return f"{zone} is not there ({_text(error)}). Check the name in MOTCUA_LANDING."
    during = f" while {path} was read" if path else ""
    return (
        f"{zone} does not answer, or broke off{during} ({_text(error)}). Check the server and the"
        " network, and the address in MOTCUA_LANDING. Files that were loaded stay; the next run"
        " goes on from there."
    )


def _text(error: Exception) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(text).split())[:300] or type(error).__name__
