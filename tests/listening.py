"""On which addresses processes listen and whether they live, as the kernel tells it."""

import os
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

LISTENS = "0A"


def addresses(leaders: Iterable[int]) -> dict[int, set[IPv4Address | IPv6Address]]:
    """For each process in the sessions of `leaders`, the addresses of its listening TCP sockets."""
    sessions, sockets = set(leaders), _listening_sockets()
    return {
        pid: {sockets[inode] for inode in _sockets_of(pid) if inode in sockets}
        for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        if pid in sessions or _session(pid) in sessions
    }


def lives(pid: int) -> bool:
    """Whether a process has not ended; one that its parent has not asked for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _listening_sockets() -> dict[str, IPv4Address | IPv6Address]:
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, inode = fields[1].partition(":")[0], fields[9]
            if fields[3] == LISTENS:
                found[inode] = _address(address)
    return found


def _address(told: str) -> IPv4Address | IPv6Address:
    """Read words of four bytes, each of them in the order of a little-endian machine."""
    words = [bytes.fromhex(told[place : place + 8]) for place in range(0, len(told), 8)]
    return ip_address(b"".join(word[::-1] for word in words))


def _sockets_of(pid: int) -> set[str]:
    found = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except FileNotFoundError:  # closed meanwhile
                continue
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except FileNotFoundError:  # the process has ended
        return set()
    return found
