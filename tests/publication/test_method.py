"""The page for statisticians says what the code counts."""

import pytest

from motcua import settings
from motcua.publication import definitions
from motcua.publication.definitions import Definition

TABLES = {
    "appendix_1": definitions.APPENDIX_1,
    "appendix_2": definitions.APPENDIX_2,
    "appendix_4": definitions.APPENDIX_4,
    "scorecard": definitions.SCORECARD,
    "indicator_evidence": definitions.INDICATOR_EVIDENCE,
    "late_cases": {name: definitions.of_late_case("X", name) for name in definitions.LATE_CASE},
}


@pytest.mark.parametrize(
    ("column", "definition"),
    [(column, found) for table in TABLES.values() for column, found in table.items()],
)
def test_the_method_of_every_figure_stands_on_the_page(column: str, definition: Definition) -> None:
    page = (settings.PROJECT / "docs" / "method.md").read_text(encoding="utf-8")
    assert f"| `{column}` | {definition.text} | {definition.formula} | " in page
