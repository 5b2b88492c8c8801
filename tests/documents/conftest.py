"""A warehouse whose marts hold the figures of the report."""

import pytest

import report_marts


@pytest.fixture
def built(warehouse: str) -> str:
    """URL of a warehouse with the three periods of 2019 as candidates."""
    report_marts.build(warehouse)
    return warehouse
