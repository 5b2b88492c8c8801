"""motcua: the warehouse of a public one-stop centre."""
