-- Figures beside the statutory ones, never instead of them: rates with their intervals, timeliness
-- adjusted for what the cases are, and counts by field in which small numbers are kept back.

alter table evidence.cases add column field_code text, add column promised_time text;
comment on column evidence.cases.field_code is
    'Field of the procedure as known; empty in releases of before this column.';
comment on column evidence.cases.promised_time is
    'Class of working days from receipt to due date; empty in releases of before this column.';
alter table evidence.case_counts add column field_code text, add column promised_time text;

create table evidence.fields (
    publication_id text not null references published.publications,
    unit_code text not null,
    field_code text not null,
    field_name text,
    primary key (publication_id, unit_code, field_code)
);
comment on table evidence.fields is 'The fields of procedures that each unit has, as known.';

create table published.rates (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text,
    unit_name text,
    display_order integer,
    rate text not null,
    numerator numeric,
    denominator numeric,
    percent numeric,
    lower numeric,
    upper numeric,
    small_denominator boolean not null,
    unique nulls not distinct (publication_id, unit_code, rate)
);
comment on table published.rates is
    'Every share that tables and report print, of each unit and (without unit) of the Centre. A'
    ' companion of the statutory figures, no part of them.';
comment on column published.rates.percent is '100 × numerator ÷ denominator, to 16 decimals.';
comment on column published.rates.lower is
    'Wilson score interval, 95 %, in percent; empty for what is no proportion (coverage, returned).';
comment on column published.rates.upper is 'See lower.';
comment on column published.rates.small_denominator is 'Fewer than 30: read with caution.';

create table published.adjusted_timeliness (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    cases bigint not null,
    observed numeric,
    comparable_cases bigint not null,
    comparable_observed numeric,
    expected numeric,
    difference numeric,
    adjusted numeric,
    small_denominator boolean not null,
    primary key (publication_id, unit_code)
);
comment on table published.adjusted_timeliness is
    'NOT OFFICIAL: indicator 1 against the mean of the same procedure groups. It scores nobody.';
comment on column published.adjusted_timeliness.cases is
    'Not official. Settled cases with points of indicator 1.';
comment on column published.adjusted_timeliness.observed is
    'Not official. Mean points of all of them: indicator 1, to two decimals.';
comment on column published.adjusted_timeliness.comparable_cases is
    'Not official. Cases whose procedure group at least two units settle.';
comment on column published.adjusted_timeliness.comparable_observed is
    'Not official. Mean points of the comparable cases.';
comment on column published.adjusted_timeliness.expected is
    'Not official. Mean, over the comparable cases, of the mean of their group in all units.';
comment on column published.adjusted_timeliness.difference is
    'Not official. comparable_observed - expected, rounded after the subtraction.';
comment on column published.adjusted_timeliness.adjusted is
    'Not official. Mean of all comparable cases of the period + difference.';
comment on column published.adjusted_timeliness.small_denominator is
    'Not official. Fewer than 30 comparable cases.';

create table published.cases_by_field (
    publication_id text not null references published.publications,
    period_code text not null,
    revision integer not null,
    unit_code text not null,
    unit_name text not null,
    display_order integer not null,
    field_code text not null,
    field_name text,
    settled bigint,
    settled_in_time bigint,
    settled_late bigint,
    suppressed boolean not null,
    primary key (publication_id, unit_code, field_code),
    check (suppressed = (settled is null or settled_in_time is null or settled_late is null)),
    check (settled not between 1 and 9 or not suppressed)
);
comment on table published.cases_by_field is
    'Open data: settled cases by unit and field of procedures, without outside counts. Numbers from'
    ' 1 to 9, and others that would give them away, are kept back (empty, suppressed).';
comment on column published.cases_by_field.field_code is 'Empty text: field not known.';
comment on column published.cases_by_field.suppressed is 'At least one number of the row is kept back.';

do $$
declare
    name text;
begin
    foreach name in array array['rates', 'adjusted_timeliness', 'cases_by_field'] loop
        execute format(
            'create trigger insert_only before update or delete or truncate on published.%I'
            ' for each statement execute function published.refuse_change()', name);
        execute format('alter table published.%I owner to motcua_owner', name);
        execute format(
            'create view published.latest_%I as select t.* from published.%I as t'
            ' inner join published.latest_publications as newest using (publication_id)',
            name, name);
        execute format('alter view published.latest_%I owner to motcua_owner', name);
        execute format(
            'grant select on published.%I, published.latest_%I'
            ' to motcua_publisher, bi_reader, ops_reader, motcua_transformer', name, name);
        execute format('grant insert on published.%I to motcua_publisher', name);
    end loop;
end
$$;

create trigger insert_only before update or delete or truncate on evidence.fields
    for each statement execute function published.refuse_change();
alter table evidence.fields owner to motcua_owner;
grant select on evidence.fields to motcua_publisher, motcua_transformer, ops_reader;
grant insert on evidence.fields to motcua_publisher;
