"""Real servers of landing zones on 127.0.0.1, and a wire to them that can be cut."""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import boto3
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

LOGIN, PASSWORD = "motcua", "a word: with spaces"
BUCKET = "exports"


@dataclass
class Wire:
    """A port that leads to another one. limit: bytes from the server after which it is cut."""

    target: int
    port: int = 0
    carried: int = 0
    limit: int | None = None
    is_silent: bool = False
    ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.ends.add(writer)
        try:
            if self.is_silent:
                await reader.read()
                return
            if self._is_cut():
                return
            inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
            self.ends.add(outer)
            await asyncio.gather(self._carry(reader, outer, 0), self._carry(inner, writer, 1))
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def _is_cut(self) -> bool:
        return self.limit is not None and self.carried >= self.limit

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: int
    ) -> None:
        while data := await reader.read(4096):
            if self._is_cut():
                break
            self.carried += len(data) * counts
            writer.write(data)
            await writer.drain()
        writer.close()


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work):
        """The result of something that can be awaited."""

        async def result():
            return await work

        return asyncio.run_coroutine_threadsafe(result(), self.loop).result(30)

    def close(self) -> None:
        """End the loop and what still runs in it."""

        async def end() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@contextmanager
def wire_to(target: int) -> Iterator[Wire]:
    """A wire to a port of this machine."""
    loop, wire = Loop(), Wire(target)
    server = loop.run(asyncio.start_server(wire.serve, "127.0.0.1", 0))
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        loop.loop.call_soon_threadsafe(server.close)
        loop.close()


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of an S3 server with an empty bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield port
    finally:
        server.stop()


def s3_client(port: int):
    """A client of the S3 server, as those use it who deliver exports."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=LOGIN,
        aws_secret_access_key=PASSWORD,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}),
    )


def fill(count: int, key: str) -> None:
    """Put many objects into the bucket at once, on the server's side."""
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for number in range(1, count + 1):
        bucket.put_object(BUCKET, key.format(number), b"x")


@dataclass
class SshServer:
    """An SFTP server: its port, the folder it shows as /, its key and that of its user."""

    port: int
    folder: Path
    known_hosts: Path
    key_file: Path


@contextmanager
def sftp_server(folder: Path) -> Iterator[SshServer]:
    """An SFTP server with keys of its own, made for this time."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    user_key = asyncssh.generate_private_key("ssh-ed25519")
    root, keys = folder / "root", folder / "keys"
    root.mkdir()
    keys.mkdir()

    class Users(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (LOGIN, PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == LOGIN and key == user_key.convert_to_public()

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
            super().__init__(channel, chroot=os.fsencode(root))

        def scandir(self, path: bytes):
            if b"closed" in path:  # the tests may run as root, whom no mode stops
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            return super().scandir(path)

    loop = Loop()
    listen = asyncssh.listen(
        "127.0.0.1", 0, server_factory=Users, server_host_keys=[host_key], sftp_factory=Files
    )
    server = loop.run(listen)
    port = server.get_port()
    known_hosts, key_file = keys / "known_hosts", keys / "id"
    public = host_key.export_public_key().decode().strip()
    known_hosts.write_text(f"[127.0.0.1]:{port} {public}\n")
    user_key.write_private_key(key_file, "openssh", passphrase="locked")
    try:
        yield SshServer(port, root, known_hosts, key_file)
    finally:
        loop.loop.call_soon_threadsafe(server.close)
        loop.close()
        shutil.rmtree(folder)


def trust(server: SshServer, port: int) -> None:
    """Let the server be known under the port of a wire, too."""
    lines = server.known_hosts.read_text()
    server.known_hosts.write_text(lines + lines.replace(f"]:{server.port} ", f"]:{port} "))
