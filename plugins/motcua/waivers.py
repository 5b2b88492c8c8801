"""A waiver: a named person lets something through that a gate would refuse, and says why."""

from dataclasses import dataclass

from motcua.errors import Refused


@dataclass(frozen=True)
class Waiver:
    """Who waives, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"Waived by {self.name}: {self.reason}"


def waiver(name: str | None, reason: str | None) -> Waiver | None:
    """The waiver that was given; raises Refused when name or reason are missing."""
    name, reason = (name or "").strip(), (reason or "").strip()
    if bool(name) != bool(reason):
        raise Refused(
            "A waiver needs the name of the person who answers for it and a reason"
            " (--waive NAME --reason TEXT)."
        )
    return Waiver(name, reason) if name else None
