-- Reference packs: every changed pack is kept under the sha256 of its files and never altered.

create table reference.packs (
    reference_sha256 text primary key,
    name text not null,
    stored_at timestamptz not null default clock_timestamp()
);
comment on table reference.packs is 'One row per distinct reference pack that a run has used.';

create table reference.units (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    unit_code text,
    display_order text,
    name_vi text,
    name_en text,
    valid_from text,
    valid_to text,
    successor_code text,
    primary key (reference_sha256, line)
);

create table reference.unit_aliases (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    alias text,
    unit_code text,
    primary key (reference_sha256, line)
);

create table reference.kiosks (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    kiosk text,
    counter text,
    unit_code text,
    valid_from text,
    valid_to text,
    primary key (reference_sha256, line)
);

create table reference.reporting_periods (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    period_code text,
    kind text,
    label_vi text,
    label_en text,
    cases_from text,
    cases_to text,
    ratings_from text,
    ratings_to text,
    processes_as_of text,
    known_as_of text,
    publish_on text,
    rule_set text,
    primary key (reference_sha256, line)
);

create table reference.rule_sets (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    rule_set text,
    legal_basis text,
    valid_from text,
    valid_to text,
    timeliness_mode text,
    returned_bucket text,
    due_date text,
    online_denominator text,
    rounding_digits text,
    total_of text,
    band_excellent_from text,
    band_good_from text,
    band_fair_from text,
    band_average_from text,
    primary key (reference_sha256, line)
);

create table reference.scoring_rules (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    rule_set text,
    indicator text,
    form text,
    points text,
    condition text,
    min_share_percent text,
    above_share_percent text,
    min_online_percent text,
    max_count text,
    title_vi text,
    title_en text,
    source text,
    primary key (reference_sha256, line)
);

create table reference.calendar (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    date text,
    is_working_day text,
    note text,
    primary key (reference_sha256, line)
);

create table reference.feeds (
    reference_sha256 text not null references reference.packs,
    line integer not null,
    feed text,
    expected text,
    expected_from text,
    primary key (reference_sha256, line)
);

alter table reference.packs owner to motcua_owner;
alter table reference.units owner to motcua_owner;
alter table reference.unit_aliases owner to motcua_owner;
alter table reference.kiosks owner to motcua_owner;
alter table reference.reporting_periods owner to motcua_owner;
alter table reference.rule_sets owner to motcua_owner;
alter table reference.scoring_rules owner to motcua_owner;
alter table reference.calendar owner to motcua_owner;
alter table reference.feeds owner to motcua_owner;

-- Even the loader only adds: a release pins the pack it used.
grant usage on schema reference
    to motcua_loader, motcua_transformer, motcua_publisher, ops_reader;
grant insert on all tables in schema reference to motcua_loader;
grant select on all tables in schema reference
    to motcua_loader, motcua_transformer, motcua_publisher, ops_reader;
