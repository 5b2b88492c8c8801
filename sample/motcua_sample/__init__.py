"""The reconstruction of the exports behind the 2019 report."""

from motcua_sample.write import write_sample

__all__ = ["write_sample"]
