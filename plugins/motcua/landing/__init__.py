"""From the landing zone into schema raw: find export files, read, check and load them."""

import os

# The other core belongs to the server; polars reads this when it is first imported.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
