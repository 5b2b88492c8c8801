-- The landing gate judges what is loaded at one moment, and the build begins later: a file that is
-- loaded in between waits for the next gate.

create table ops.landing_passed (
    file_id integer primary key,
    passed_at timestamptz not null default clock_timestamp()
);
comment on table ops.landing_passed is
    'Files that stood loaded when the landing gate let a build through; a build takes up no other.';

create trigger insert_only before update or delete or truncate on ops.landing_passed
for each statement execute function ops.refuse_change();

grant select, insert on ops.landing_passed to motcua_transformer;
grant select on ops.landing_passed to ops_reader;

-- For the page of the gates: the last runs.
create index gate_results_by_moment on ops.gate_results (checked_at);
