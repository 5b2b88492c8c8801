"""Reads docker-compose.yml as Docker does: merged, with the variables of .env put in."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from motcua import settings

FILE = settings.PROJECT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])((?:[^{}]|\{[^{}]*\})*))?\})")
"""A default may name another variable."""


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file as it counts. Raises KeyError, with the file's words, for a variable it demands."""
    found: dict[str, Any] = _filled(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    return found


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, variables) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        dollar, name, operator, text = match.groups()
        if dollar:
            return "$"
        if variables.get(name):
            return variables[name]
        if operator == "?":
            raise KeyError(f"{name}: {text}")
        return _VARIABLE.sub(fill, text or "")

    return _VARIABLE.sub(fill, value)
