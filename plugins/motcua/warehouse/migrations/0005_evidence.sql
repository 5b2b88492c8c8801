-- The rows that every published figure counts, kept with the release: what `motcua trace` shows.
-- Insert-only like `published`, and not for BI: it is finer than unit and period.

create schema evidence authorization motcua_owner;

create table evidence.cases (
    publication_id text not null references published.publications,
    case_code text not null,
    unit_code text not null,
    procedure_code text not null,
    origin text,
    outcome text not null,
    is_returned boolean not null,
    received_date date not null,
    due_date date,
    ended_date date,
    is_online boolean not null,
    is_returned_by_post boolean not null,
    is_settled boolean not null,
    is_late_after_review boolean not null,
    points_1 numeric,
    points_2 numeric,
    points_3 numeric,
    points_4 numeric,
    points_7 numeric,
    row_id bigint not null,
    due_row_id bigint,
    review_row_id bigint
);
comment on table evidence.cases is
    'The cases of a release: where each counts, when and why, and the records that told it.';

create table evidence.case_counts (
    publication_id text not null references published.publications,
    unit_code text not null,
    origin text,
    outcome text not null,
    is_returned boolean not null,
    is_online boolean not null,
    is_returned_by_post boolean not null,
    is_settled boolean not null,
    is_late_after_review boolean not null,
    points_1 numeric,
    points_2 numeric,
    points_3 numeric,
    points_4 numeric,
    points_7 numeric,
    number_of_cases bigint not null
);
comment on table evidence.case_counts is
    'How many cases of a release share all that figures depend on: counts without reading cases.';

create table evidence.ratings (
    publication_id text not null references published.publications,
    press_key text not null,
    unit_code text not null,
    kiosk text not null,
    counter text not null,
    ticket text not null,
    pressed_at timestamp not null,
    button integer not null,
    row_id bigint not null
);
comment on table evidence.ratings is 'The presses that a release counts.';

create table evidence.procedures (
    publication_id text not null references published.publications,
    day_of text not null,
    procedure_code text not null,
    unit_code text not null,
    service_level integer,
    is_on_the_spot boolean not null,
    is_handled_at_centre boolean not null,
    publicity integer,
    time_unit text,
    note text,
    has_approved_process boolean not null,
    has_process_on_software boolean not null,
    row_id bigint not null
);
comment on table evidence.procedures is
    'The procedures listed on the days of a release: its last day of cases, its day of processes.';

create table evidence.petitions (
    publication_id text not null references published.publications,
    petition_code text not null,
    unit_code text not null,
    received_date date not null,
    due_date date,
    resolved_date date,
    is_protracted boolean not null,
    is_on_time boolean not null,
    row_id bigint not null
);
comment on table evidence.petitions is 'The petitions received in the window of a release.';

create table evidence.external_counts (
    publication_id text not null references published.publications,
    system_code text not null,
    unit_code text not null,
    carried_over integer not null,
    newly_received integer not null,
    settled_early integer not null,
    settled_on_time integer not null,
    settled_late integer not null,
    in_progress_in_time integer not null,
    in_progress_overdue integer not null,
    returned integer not null,
    received_online integer not null,
    row_id bigint not null
);
comment on table evidence.external_counts is
    'The counts of other software that a release adds to its appendix I.';

create index cases_of_units
    on evidence.cases (publication_id, unit_code, origin, outcome, case_code);
create index cases_by_code on evidence.cases (case_code, publication_id);
create index cases_online on evidence.cases (publication_id, unit_code, case_code)
    where is_online;
create index cases_by_post on evidence.cases (publication_id, unit_code, case_code)
    where is_returned_by_post;
create index case_counts_of_units on evidence.case_counts (publication_id, unit_code);
create index ratings_of_units on evidence.ratings (publication_id, unit_code, button);
create index procedures_of_units on evidence.procedures (publication_id, unit_code);
create index petitions_of_units on evidence.petitions (publication_id, unit_code);
create index external_counts_of_units on evidence.external_counts (publication_id, unit_code);

do $$
declare
    name text;
begin
    for name in select tablename from pg_tables where schemaname = 'evidence' loop
        execute format(
            'create trigger insert_only before update or delete or truncate on evidence.%I'
            ' for each statement execute function published.refuse_change()', name);
        execute format('alter table evidence.%I owner to motcua_owner', name);
    end loop;
end
$$;

grant usage on schema evidence to motcua_publisher, motcua_transformer, ops_reader;
grant select on all tables in schema evidence
    to motcua_publisher, motcua_transformer, ops_reader;
grant insert on all tables in schema evidence to motcua_publisher;

-- A release is computed again in schemas beside the living ones, dropped afterwards.
do $$
begin
    execute format('grant create on database %I to motcua_transformer', current_database());
end
$$;
