"""Judge rows against one suite of expectations (a JSON file) with Great Expectations."""

import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, object]

PASSED, FAILED, BROKEN = "passed", "failed", "broken"
CRITICAL, WARNING = "critical", "warning"


class BrokenSuite(Exception):
    """The suite itself is wrong; the text says where and how."""


@dataclass(frozen=True)
class Table:
    """Rows to judge, and which columns tell them apart; all other columns are figures.

    values: the rows, each in the order of the columns; a period of a whole country has many.
    """

    columns: tuple[str, ...]
    index: tuple[str, ...]
    values: list[tuple[object, ...]]

    @property
    def rows(self) -> Iterator[Row]:
        """The rows by the names of their columns."""
        return (dict(zip(self.columns, values, strict=True)) for values in self.values)


@dataclass(frozen=True)
class Judgement:
    """What came of one expectation.

    expectation: the rule in words. rows: the offending rows (none for a rule about the whole).
    unexpected: how many rows offend; None when it was not counted. observed: what a rule about
    the whole (a sum, a number of rows) saw. problem: why the check is broken. is_waivable: a named
    person may let the offending rows through.
    """

    position: int
    expectation: str
    column: str | None
    severity: str
    notes: str
    what_to_do: str
    outcome: str
    unexpected: int | None = None
    rows: tuple[Row, ...] = ()
    observed: float | None = None
    problem: str | None = None
    is_waivable: bool = False


def read(path: Path) -> dict[str, Any]:
    """The suite as its file says it; raises BrokenSuite when it is not there or no JSON."""
    try:
        suite: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for expectation in suite["expectations"]:
            _words(expectation)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenSuite(f"{path} cannot be read as a suite: {error!r}") from error
    return suite


def broken(path: Path, problem: str) -> list[Judgement]:
    """The judgement when there was nothing to judge: every expectation is broken."""
    try:
        expectations = read(path)["expectations"]
    except BrokenSuite as error:
        expectations, problem = [], f"{problem} {error}"
    return [_judgement(position, said, problem) for position, said in enumerate(expectations)] or [
        Judgement(0, "the suite", None, CRITICAL, "", "", BROKEN, problem=problem)
    ]


def judge(path: Path, table: Table) -> list[Judgement]:
    """Judge rows by the suite in a file.

    An expectation that cannot be computed is broken, which is not the same as failed. Only the
    index columns of offending rows leave Great Expectations, never a value.
    """
    try:
        suite = build(path)
        return _validate(path, suite, table)
    except Exception as error:
        return broken(path, f"{type(error).__name__}: {error}")


def build(path: Path) -> Any:
    """The suite as Great Expectations understands it.

    Raises BrokenSuite when an expectation is unknown or one of its keywords is.
    """
    said = read(path)
    library().result()
    from great_expectations import ExpectationSuite

    for position, expectation in enumerate(said["expectations"]):
        # Results come back in an order of their own.
        expectation["meta"] = {**expectation.get("meta", {}), "position": position}
    try:
        suite = ExpectationSuite(**said)
    except Exception as error:
        raise BrokenSuite(f"{path}: {error}") from error
    # An unknown type or severity is dropped with no more than a line in the log.
    kept = {(expectation.meta or {})["position"] for expectation in suite.expectations}
    dropped = [
        _words(expectation)
        for position, expectation in enumerate(said["expectations"])
        if position not in kept
    ]
    if dropped:
        raise BrokenSuite(f"{path}: unknown type or severity in: {'; '.join(dropped)}")
    return suite


@cache
def library() -> Future[Any]:
    """Great Expectations, whose import takes seconds; it goes on while a gate asks the database."""
    return ThreadPoolExecutor(1).submit(_import)


def _import() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # What goes wrong is reported by us; its own log repeats every step and every traceback.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(path: Path, suite: Any, table: Table) -> list[Judgement]:
    source = library().result().data_sources.add_or_update_pandas("gate")
    definition = source.add_dataframe_asset(path.stem).add_batch_definition_whole_dataframe("rows")
    result = definition.get_batch(batch_parameters={"dataframe": _frame(table)}).validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(table.index),
            "exclude_unexpected_values": True,
            "return_unexpected_index_query": False,
        },
    )
    said = read(path)["expectations"]
    judgements = []
    for found in result.results:
        position = found.expectation_config.meta["position"]
        problem = _problem(found.exception_info)
        if problem or found.success:
            judgements.append(_judgement(position, said[position], problem))
            continue
        observed = found.result.get("observed_value")
        judgements.append(
            _judgement(
                position,
                said[position],
                None,
                outcome=FAILED,
                unexpected=found.result.get("unexpected_count"),
                rows=_offending(found.result, table),
                observed=None if observed is None else float(observed),
            )
        )
    return sorted(judgements, key=lambda judgement: judgement.position)


def _judgement(position: int, said: dict[str, Any], problem: str | None, **found: Any) -> Judgement:
    return Judgement(
        position=position,
        expectation=_words(said),
        column=said["kwargs"].get("column"),
        severity=said.get("severity", CRITICAL),
        notes=" · ".join(said.get("notes", [])),
        what_to_do=said.get("meta", {}).get("what_to_do", ""),
        problem=problem,
        is_waivable=said.get("meta", {}).get("waivable", False),
        **({"outcome": BROKEN if problem else PASSED} | found),
    )


def _words(said: dict[str, Any]) -> str:
    """The rule in words: column records, values to be between, min_value 1."""
    limits = {
        name: value
        for name, value in said["kwargs"].items()
        if name not in ("column", "row_condition")
    }
    column = said["kwargs"].get("column")
    words = said["type"].removeprefix("expect_").removeprefix("column_").removeprefix("table_")
    text = f"{column}: {words.replace('_', ' ')}" if column else words.replace("_", " ")
    text += "".join(f", {name.replace('_', ' ')} {value}" for name, value in limits.items())
    condition = said["kwargs"].get("row_condition")
    if condition:
        compared, operator = condition["column"]["name"], condition["operator"]
        text += f", where {compared} {operator} {condition['parameter']}"
    return text


def _frame(table: Table) -> Any:
    """A data frame in which every column of figures is a number, an empty one included."""
    import pandas

    return pandas.DataFrame(
        {
            name: pandas.Series(
                [_number(values[place]) for values in table.values],
                dtype="object" if name in table.index else "float64",
            )
            for place, name in enumerate(table.columns)
        }
    )


def _number(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _offending(result: dict[str, Any], table: Table) -> tuple[Row, ...]:
    """The offending rows; without values their indexes come as one list per column."""
    keys: list[tuple[str, ...]] = []
    for group in result.get("unexpected_index_list") or ():
        keys.extend(zip(*(group[name] for name in table.index), strict=True))
    if not keys:
        return ()
    by_index = {tuple(str(row[name]) for name in table.index): row for row in table.rows}
    return tuple(by_index[key] for key in keys)


def _problem(exception_info: dict[str, Any]) -> str | None:
    """What a check raised, if it did: the flag stands at the top or under each metric."""
    infos = [exception_info, *(v for v in exception_info.values() if isinstance(v, dict))]
    raised = [info for info in infos if info.get("raised_exception")]
    return str(raised[0]["exception_message"]) if raised else None
