"""The two gates: suites of expectations on new files (landing) and on figures (candidate)."""
