-- Facts about runs and people's decisions, append-only: stages, sign-offs, alerts.

create table ops.stage_runs (
    stage_run_id bigint generated always as identity primary key,
    stage text not null,
    subject text,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    outcome text not null check (outcome in ('done', 'failed', 'refused')),
    message text
);
comment on table ops.stage_runs is
    'Every stage that ended by itself, through Airflow or the command line; a killed one is absent.';
create index on ops.stage_runs (stage, finished_at);

create table ops.sign_offs (
    sign_off_id bigint generated always as identity primary key,
    run_id text not null,
    period_code text not null,
    candidate_sha256 text not null,
    event text not null check (event in ('asked', 'approved', 'rejected', 'timed_out')),
    by text,
    words text,
    at timestamptz not null default clock_timestamp(),
    check ((event in ('approved', 'rejected')) = (by is not null))
);
comment on table ops.sign_offs is
    'Who was asked to approve which candidate figures, what was answered, and in which words.';

create table ops.alerts (
    day date not null,
    cause text not null,
    channel text not null check (channel in ('mail', 'webhook')),
    subject text not null,
    body text not null,
    sent_at timestamptz not null default clock_timestamp(),
    primary key (day, cause, channel)
);
comment on table ops.alerts is 'Alerts that were delivered: each cause once a day on each channel.';

create trigger insert_only before update or delete or truncate on ops.stage_runs
for each statement execute function ops.refuse_change();
create trigger insert_only before update or delete or truncate on ops.sign_offs
for each statement execute function ops.refuse_change();
create trigger insert_only before update or delete or truncate on ops.alerts
for each statement execute function ops.refuse_change();

grant select, insert on ops.stage_runs to motcua_loader, motcua_transformer, motcua_publisher;
grant select, insert on ops.sign_offs to motcua_publisher;
grant select, insert on ops.alerts to motcua_publisher;
grant select on ops.stage_runs, ops.sign_offs, ops.alerts to ops_reader;
