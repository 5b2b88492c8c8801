"""What servers that a test starts for itself leave behind."""

import shutil
from pathlib import Path
from typing import Any


def delete(record: dict[str, Any] | None) -> None:
    """Delete the data of a stopped server, which for root lie outside the test's folder."""
    if record:
        shutil.rmtree(Path(record["data"]).parent)
