"""From the landing zone into schema raw: find export files, read, check and load them."""
