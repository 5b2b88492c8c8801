-- Who ran a stage: an alert is for what Airflow ran; on the command line a person reads the answer.

alter table ops.stage_runs add column task text;
comment on column ops.stage_runs.task is
    'DAG, task and run of Airflow, as <dag>.<task> <run>; null: the command line.';
