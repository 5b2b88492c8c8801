"""Programs of the system that some tests need: without one CI fails, and others skip the test."""

import os
import shutil

import pytest


def program(package: str, *names: str) -> str:
    """Path of the first of these programs; `package` is Debian's that has it."""
    for name in names:
        if path := shutil.which(name):
            return path
    message = f"No {names[0]} on PATH: install Debian's package {package} to run this test."
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message)
    pytest.skip(message)
