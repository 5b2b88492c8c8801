-- What BI tools query. Rows are only ever added: the owner is a role without login, the publisher
-- may insert and select, and a trigger stops everybody else, the administrator included.

create table published.publications (
    publication_id text primary key,
    period_code text not null,
    revision integer not null check (revision >= 1),
    kind text not null,
    cases_from date not null,
    cases_to date not null,
    ratings_from date not null,
    ratings_to date not null,
    processes_as_of date not null,
    known_as_of date not null,
    rule_set text not null,
    reference_sha256 text not null,
    published_at timestamptz not null default clock_timestamp(),
    approved_by text not null,
    note text,
    code_version text not null,
    unique (period_code, revision),
    check (publication_id = period_code || '.r' || revision)
);

create table published.release_inputs (
    publication_id text not null references published.publications,
    feed text not null,
    file_name text not null,
    business_date date not null,
    part text not null,
    revision integer not null,
    sha256 text not null,
    records integer not null,
    primary key (publication_id, feed, business_date, part, revision, sha256)
);

create table published.withdrawals (
    publication_id text primary key references published.publications,
    withdrawn_at timestamptz not null default clock_timestamp(),
    by text not null,
    reason text not null
);

create table published.waivers (
    publication_id text not null references published.publications,
    feed text not null,
    day date not null,
    name text not null,
    reason text not null,
    primary key (publication_id, feed, day)
);

create table published.appendix_1 (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    total bigint not null,
    carried_over bigint not null,
    newly_received bigint not null,
    settled_total bigint not null,
    settled_early bigint not null,
    settled_on_time bigint not null,
    settled_late bigint not null,
    settled_late_after_review bigint not null,
    in_progress_total bigint not null,
    in_progress_in_time bigint not null,
    in_progress_overdue bigint not null,
    returned bigint not null,
    received_online bigint not null,
    returned_by_post bigint not null,
    counted_externally bigint not null,
    primary key (publication_id, unit_code)
);

create table published.appendix_2 (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    satisfied_service bigint not null,
    satisfied_attitude bigint not null,
    dissatisfied_competence bigint not null,
    dissatisfied_time bigint not null,
    comments bigint not null,
    total bigint not null,
    settled_total bigint not null,
    coverage_percent numeric,
    primary key (publication_id, unit_code)
);

create table published.appendix_4 (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    procedures_listed bigint not null,
    processes_approved bigint,
    processes_on_software bigint,
    completion_percent numeric,
    time_unit text,
    note text,
    primary key (publication_id, unit_code)
);

create table published.scorecard (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    received bigint not null,
    settled bigint not null,
    indicator_1 numeric,
    indicator_2 numeric,
    indicator_3 numeric,
    indicator_4 numeric,
    indicator_5 numeric,
    indicator_6 numeric,
    indicator_7 numeric,
    indicator_8 numeric,
    indicator_9 numeric,
    form_1_total numeric,
    form_2_total numeric,
    total numeric,
    band text,
    rank integer,
    primary key (publication_id, unit_code)
);

create table published.indicator_evidence (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    indicator integer not null,
    numerator numeric,
    denominator numeric,
    unrounded_value numeric,
    evidence_kind text not null check (evidence_kind in ('computed', 'declared', 'missing')),
    small_denominator boolean not null,
    primary key (publication_id, unit_code, indicator)
);

create table published.late_cases (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    case_code text not null,
    procedure_code text not null,
    due_date date not null,
    finished_date date,
    days_late integer not null,
    reason integer,
    reviewed boolean not null,
    apology_sent boolean,
    primary key (publication_id, case_code)
);

create table published.checks (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text,
    unit_name text,
    display_order integer,
    check_id text not null,
    level text not null check (level in ('critical', 'warning', 'info')),
    relation text not null,
    expected text,
    found text,
    passed boolean not null,
    explanation text not null
);

create table published.revisions (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    comparison text not null check (comparison in ('revision', 'overlap')),
    old_publication_ids text[] not null,
    table_name text not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    column_name text not null,
    old_value numeric,
    new_value numeric,
    reason text not null,
    difference numeric,
    cases_affected bigint
);

create index on published.checks (publication_id);
create index on published.revisions (publication_id);

create function published.refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception '%.% is insert-only: % is not possible', tg_table_schema, tg_table_name, tg_op
        using hint = 'Publish a revision (motcua publish --revise) or withdraw the release'
            || ' (motcua withdraw).';
end
$$;

do $$
declare
    name text;
    skipped text := ' not in (select w.publication_id from published.withdrawals as w)';
begin
    for name in select tablename from pg_tables where schemaname = 'published' loop
        execute format(
            'create trigger insert_only before update or delete or truncate on published.%I'
            ' for each statement execute function published.refuse_change()', name);
        execute format('alter table published.%I owner to motcua_owner', name);
        if name in ('withdrawals') then
            continue;
        end if;
        execute format(
            'create view published.latest_%I as select t.* from published.%I as t'
            ' inner join (select p.period_code, max(p.revision) as revision'
            ' from published.publications as p where p.publication_id %s'
            ' group by p.period_code) as newest'
            ' on t.publication_id = newest.period_code || ''.r'' || newest.revision',
            name, name, skipped);
        execute format('alter view published.latest_%I owner to motcua_owner', name);
    end loop;
end
$$;

alter function published.refuse_change() owner to motcua_owner;
grant usage on schema published to motcua_publisher, bi_reader, ops_reader, motcua_transformer;
grant select on all tables in schema published
    to motcua_publisher, bi_reader, ops_reader, motcua_transformer;
grant insert on
    published.publications, published.release_inputs, published.withdrawals, published.waivers,
    published.appendix_1, published.appendix_2, published.appendix_4, published.scorecard,
    published.indicator_evidence, published.late_cases, published.checks, published.revisions
    to motcua_publisher;
