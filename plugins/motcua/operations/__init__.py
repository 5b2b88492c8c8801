"""Running it all on one machine: Airflow as child processes, and the show of `motcua run`."""
