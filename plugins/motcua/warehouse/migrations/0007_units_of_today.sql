-- Units change: they merge, split off a name, close. A release keeps the units of its time for ever;
-- the views today_… add its figures up on the units of today.

-- Which pack the last build used. The newest stored pack is not it: after pack A, pack B and A again
-- the newest stored one is B.
create table reference.builds (
    build_number bigint generated always as identity primary key,
    reference_sha256 text not null references reference.packs,
    built_at timestamptz not null default clock_timestamp()
);
comment on table reference.builds is
    'One row per change of the reference pack that core is built with; the last is the pack of now.';
alter table reference.builds owner to motcua_owner;
grant select, insert on reference.builds to motcua_transformer;
grant select on reference.builds to motcua_loader, motcua_publisher, ops_reader;

do $$
begin
    if to_regclass('core.files_applied') is not null then
        execute 'insert into reference.builds (reference_sha256)'
            || ' select max(reference_sha256) from core.files_applied'
            || ' having max(reference_sha256) in (select reference_sha256 from reference.packs)';
    end if;
end
$$;

create view published.units_today as
with recursive

pack as (
    select reference_sha256 from reference.builds order by build_number desc limit 1
),

-- A successor counts from the day after the unit's last day on.
units as (
    select
        units.unit_code,
        units.name_vi as unit_name,
        cast(units.display_order as integer) as display_order,
        case
            when cast(units.valid_to as date) < cast(now() at time zone 'Asia/Ho_Chi_Minh' as date)
                then units.successor_code
        end as next_code
    from reference.units
    inner join pack on units.reference_sha256 = pack.reference_sha256
),

starts as (
    select unit_code, unit_code as reached_code from units
    union
    select aliases.alias, aliases.unit_code
    from reference.unit_aliases as aliases
    inner join pack on aliases.reference_sha256 = pack.reference_sha256
    where aliases.alias not in (select units.unit_code from units)
),

chains as (
    select unit_code, reached_code from starts
    union
    select chains.unit_code, units.next_code
    from chains
    inner join units on chains.reached_code = units.unit_code
    where units.next_code is not null
)

select
    chains.unit_code,
    units.unit_code as today_code,
    units.unit_name,
    units.display_order
from chains
inner join units on chains.reached_code = units.unit_code
where units.next_code is null;
comment on view published.units_today is
    'Each unit code of the current reference pack, and the unit that it is today: the end of its'
    ' chain of successors. A code that the pack does not know stays as it was.';

create view published.today_appendix_1 as
select
    figures.publication_id,
    figures.period_code,
    figures.revision,
    coalesce(today.today_code, figures.unit_code) as unit_code,
    coalesce(max(today.unit_name), max(figures.unit_name)) as unit_name,
    coalesce(max(today.display_order), max(figures.display_order)) as display_order,
    array_agg(figures.unit_code order by figures.display_order) as units_then,
    cast(sum(figures.total) as bigint) as total,
    cast(sum(figures.carried_over) as bigint) as carried_over,
    cast(sum(figures.newly_received) as bigint) as newly_received,
    cast(sum(figures.settled_total) as bigint) as settled_total,
    cast(sum(figures.settled_early) as bigint) as settled_early,
    cast(sum(figures.settled_on_time) as bigint) as settled_on_time,
    cast(sum(figures.settled_late) as bigint) as settled_late,
    cast(sum(figures.settled_late_after_review) as bigint) as settled_late_after_review,
    cast(sum(figures.in_progress_total) as bigint) as in_progress_total,
    cast(sum(figures.in_progress_in_time) as bigint) as in_progress_in_time,
    cast(sum(figures.in_progress_overdue) as bigint) as in_progress_overdue,
    cast(sum(figures.returned) as bigint) as returned,
    cast(sum(figures.received_online) as bigint) as received_online,
    cast(sum(figures.returned_by_post) as bigint) as returned_by_post,
    cast(sum(figures.counted_externally) as bigint) as counted_externally
from published.latest_appendix_1 as figures
left join published.units_today as today on figures.unit_code = today.unit_code
group by
    figures.publication_id,
    figures.period_code,
    figures.revision,
    coalesce(today.today_code, figures.unit_code);

create view published.today_appendix_2 as
select
    figures.publication_id,
    figures.period_code,
    figures.revision,
    coalesce(today.today_code, figures.unit_code) as unit_code,
    coalesce(max(today.unit_name), max(figures.unit_name)) as unit_name,
    coalesce(max(today.display_order), max(figures.display_order)) as display_order,
    array_agg(figures.unit_code order by figures.display_order) as units_then,
    cast(sum(figures.satisfied_service) as bigint) as satisfied_service,
    cast(sum(figures.satisfied_attitude) as bigint) as satisfied_attitude,
    cast(sum(figures.dissatisfied_competence) as bigint) as dissatisfied_competence,
    cast(sum(figures.dissatisfied_time) as bigint) as dissatisfied_time,
    cast(sum(figures.comments) as bigint) as comments,
    cast(sum(figures.total) as bigint) as total,
    cast(sum(figures.settled_total) as bigint) as settled_total,
    100 * sum(figures.total) / nullif(sum(figures.settled_total), 0) as coverage_percent
from published.latest_appendix_2 as figures
left join published.units_today as today on figures.unit_code = today.unit_code
group by
    figures.publication_id,
    figures.period_code,
    figures.revision,
    coalesce(today.today_code, figures.unit_code);

create view published.today_appendix_4 as
with

-- Remarks stand in the order of procedures, each once, as in the table of then.
noted as (
    select
        procedures.publication_id,
        coalesce(today.today_code, procedures.unit_code) as unit_code,
        procedures.note,
        min(procedures.procedure_code) as first_procedure
    from evidence.procedures as procedures
    left join published.units_today as today on procedures.unit_code = today.unit_code
    where procedures.day_of = 'processes' and procedures.note is not null
    group by
        procedures.publication_id,
        coalesce(today.today_code, procedures.unit_code),
        procedures.note
),

notes as (
    select
        publication_id,
        unit_code,
        string_agg(note, '; ' order by first_procedure) as note
    from noted
    group by publication_id, unit_code
),

figures as (
    select
        figures.publication_id,
        figures.period_code,
        figures.revision,
        coalesce(today.today_code, figures.unit_code) as unit_code,
        coalesce(max(today.unit_name), max(figures.unit_name)) as unit_name,
        coalesce(max(today.display_order), max(figures.display_order)) as display_order,
        array_agg(figures.unit_code order by figures.display_order) as units_then,
        cast(sum(figures.procedures_listed) as bigint) as procedures_listed,
        -- Missing only where no unit of then had an approved process.
        cast(sum(figures.processes_approved) as bigint) as processes_approved,
        cast(sum(figures.processes_on_software) as bigint) as processes_on_software,
        100 * sum(figures.processes_on_software)
        / nullif(sum(figures.processes_approved), 0) as completion_percent,
        case
            when min(figures.time_unit) = max(figures.time_unit) then min(figures.time_unit)
            when min(figures.time_unit) is not null then 'ngay_gio'
        end as time_unit
    from published.latest_appendix_4 as figures
    left join published.units_today as today on figures.unit_code = today.unit_code
    group by
        figures.publication_id,
        figures.period_code,
        figures.revision,
        coalesce(today.today_code, figures.unit_code)
)

select
    figures.*,
    notes.note
from figures
left join notes
    on figures.publication_id = notes.publication_id and figures.unit_code = notes.unit_code;

create view published.today_scorecard as
with

cards as (
    select
        figures.publication_id,
        figures.period_code,
        figures.revision,
        coalesce(today.today_code, figures.unit_code) as unit_code,
        coalesce(max(today.unit_name), max(figures.unit_name)) as unit_name,
        coalesce(max(today.display_order), max(figures.display_order)) as display_order,
        array_agg(figures.unit_code order by figures.display_order) as units_then,
        cast(sum(figures.received) as bigint) as received,
        cast(sum(figures.settled) as bigint) as settled
    from published.latest_scorecard as figures
    left join published.units_today as today on figures.unit_code = today.unit_code
    group by
        figures.publication_id,
        figures.period_code,
        figures.revision,
        coalesce(today.today_code, figures.unit_code)
),

-- Means of points over cases: the points add up, and so do the cases. Rounded once, at the end.
means as (
    select
        evidence.publication_id,
        coalesce(today.today_code, evidence.unit_code) as unit_code,
        evidence.indicator,
        round(
            sum(evidence.numerator) / nullif(sum(evidence.denominator), 0),
            cast(max(rule_sets.rounding_digits) as integer)
        ) as points
    from published.latest_indicator_evidence as evidence
    inner join published.publications on evidence.publication_id = publications.publication_id
    inner join reference.rule_sets
        on
            publications.reference_sha256 = rule_sets.reference_sha256
            and publications.rule_set = rule_sets.rule_set
    left join published.units_today as today on evidence.unit_code = today.unit_code
    where evidence.indicator in (1, 2, 3, 4, 7)
    group by
        evidence.publication_id,
        coalesce(today.today_code, evidence.unit_code),
        evidence.indicator
)

select
    cards.*,
    max(means.points) filter (where means.indicator = 1) as indicator_1,
    max(means.points) filter (where means.indicator = 2) as indicator_2,
    max(means.points) filter (where means.indicator = 3) as indicator_3,
    max(means.points) filter (where means.indicator = 4) as indicator_4,
    max(means.points) filter (where means.indicator = 7) as indicator_7
from cards
left join means
    on cards.publication_id = means.publication_id and cards.unit_code = means.unit_code
group by
    cards.publication_id,
    cards.period_code,
    cards.revision,
    cards.unit_code,
    cards.unit_name,
    cards.display_order,
    cards.units_then,
    cards.received,
    cards.settled;

comment on view published.today_appendix_1 is
    'Appendix I of the newest standing release of each period, added up on the units of today.';
comment on view published.today_appendix_2 is
    'Appendix II of the newest standing releases on the units of today; coverage from the sums.';
comment on view published.today_appendix_4 is
    'Appendix IV of the newest standing releases on the units of today; completion from the sums.';
comment on view published.today_scorecard is
    'What adds up of the scorecard, on the units of today: cases and the indicators that are means'
    ' over cases. The others follow rules: `motcua recompute PUBLICATION --units today`.';

do $$
declare
    name text;
begin
    foreach name in array array[
        'units_today', 'today_appendix_1', 'today_appendix_2', 'today_appendix_4',
        'today_scorecard'
    ] loop
        execute format('alter view published.%I owner to motcua_owner', name);
        execute format(
            'grant select on published.%I'
            ' to motcua_publisher, bi_reader, ops_reader, motcua_transformer', name);
    end loop;
end
$$;
