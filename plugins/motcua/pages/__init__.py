"""The pages inside Airflow's UI, rendered as plain HTML; nothing in here imports Airflow."""
