"""The ways in which work ends without being done; the command line maps them to exit codes."""


class _Told(Exception):
    """An end with a text. page: the page of the plugin in the UI that shows more: gates/<id>."""

    def __init__(self, text: str = "", page: str | None = None) -> None:
        super().__init__(text)
        self.page = page


class Failed(_Told):
    """Something did not work (exit code 1). The text says what, where and what to do."""


class Refused(_Told):
    """A gate or a rule said no (exit code 3). The text says which, how much, and what to do."""


class Interrupted(Exception):
    """A server ended the work in the middle (exit code 1); started again, it goes on."""


class NothingToDo(Exception):
    """Neither a fault nor a refusal: what was to be done is done; the text says how."""
