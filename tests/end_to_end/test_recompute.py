"""A release comes out again from its pinned files, whatever has been loaded since."""

from pathlib import Path

import pytest

from motcua.publication.recompute import recompute

from .conftest import PERIODS


@pytest.mark.slow
def test_every_release_comes_out_again_bit_for_bit(published: tuple[str, Path]) -> None:
    """When the half-year is published, corrections to both quarters have long been loaded."""
    for period in PERIODS:
        again = recompute(f"{period}.r1")
        assert again.differences == []
        assert set(again.evidence_differences.values()) == {0}
        assert again.cells > 2_000
