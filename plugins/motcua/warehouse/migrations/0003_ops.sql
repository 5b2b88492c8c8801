-- Facts about runs, append-only: what dbt built, what the gates said.

create table ops.dbt_results (
    invocation_id text not null,
    stage text not null,
    node text not null,
    resource_type text not null,
    status text not null,
    seconds numeric not null,
    rows_affected bigint,
    message text,
    finished_at timestamptz not null default clock_timestamp(),
    primary key (invocation_id, node)
);
comment on table ops.dbt_results is 'State, seconds and rows of every dbt node of every run.';

create table ops.gate_results (
    gate_run_id text not null,
    gate text not null check (gate in ('landing', 'candidate')),
    subject text not null,
    suite text not null,
    position integer not null,
    expectation text not null,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    outcome text not null check (outcome in ('passed', 'failed', 'broken')),
    unexpected bigint,
    explanation text not null,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (gate_run_id, suite, position)
);
comment on table ops.gate_results is
    'Every expectation of every gate: passed, failed (the data is unfit) or broken (the check is).';

grant usage on schema ops to motcua_loader, motcua_transformer, motcua_publisher, ops_reader;
grant select, insert on ops.dbt_results to motcua_transformer;
grant select, insert on ops.gate_results to motcua_transformer, motcua_publisher;
grant select on all tables in schema ops to ops_reader, motcua_publisher, motcua_loader;
