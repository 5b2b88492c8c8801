"""A real mail server on loopback that keeps what it is handed and wants a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from motcua.operations.alerts import MailServer
from motcua.warehouse import server


class Sink:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.is_full = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.is_full:
            return "452 no space, password hunter2"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_known = (data.login, data.password) == (b"motcua", b"s3cret")
    return AuthResult(success=is_known, handled=is_known)


@contextmanager
def opened() -> Iterator[tuple[Sink, MailServer]]:
    """A running mail server, and how to reach it."""
    handler = Sink()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=server.free_port(0),
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    try:
        controller.start()
        sender = "kho@example.vn"
        yield handler, MailServer("127.0.0.1", controller.port, sender, "none", "motcua", "s3cret")
    finally:
        controller.stop()
