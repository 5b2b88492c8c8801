{%- set figures = [
    'carried_over', 'newly_received', 'settled_early', 'settled_on_time', 'settled_late',
    'in_progress_in_time', 'in_progress_overdue', 'returned', 'received_online',
] -%}

with

units as (

    select * from {{ ref('int_period_units') }}

),

cases as (

    select * from {{ ref('int_period_cases') }}
    where period_code in (select units.period_code from units)

),

external_counts as (

    select
        period_code,
        unit_code,
        {% for figure in figures -%}
        sum({{ figure }}) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_period_external_counts') }}
    group by period_code, unit_code

),

counted as (

    select
        period_code,
        unit_code,
        count(*) filter (where origin = 'carried_over') as carried_over,
        count(*) filter (where origin = 'newly_received') as newly_received,
        count(*) filter (where outcome = 'settled_early') as settled_early,
        count(*) filter (where outcome = 'settled_on_time') as settled_on_time,
        count(*) filter (where outcome = 'settled_late') as settled_late,
        count(*) filter (where is_late_after_review) as settled_late_after_review,
        count(*) filter (where outcome = 'in_progress_in_time') as in_progress_in_time,
        count(*) filter (where outcome = 'in_progress_overdue') as in_progress_overdue,
        count(*) filter (where is_returned) as returned,
        count(*) filter (where is_online and origin is not null) as received_online,
        count(*) filter (where is_returned_by_post) as returned_by_post
    from cases
    group by period_code, unit_code

),

added as (

    select
        units.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order,
        {% for figure in figures -%}
        coalesce(counted.{{ figure }}, 0)
        + coalesce(external_counts.{{ figure }}, 0) as {{ figure }},
        {% endfor -%}
        -- Other software tells no reviews: its late cases stay late.
        coalesce(counted.settled_late_after_review, 0)
        + coalesce(external_counts.settled_late, 0) as settled_late_after_review,
        coalesce(counted.returned_by_post, 0) as returned_by_post,
        coalesce(external_counts.carried_over, 0)
        + coalesce(external_counts.newly_received, 0) as counted_externally
    from units
    left join counted
        on
            units.period_code = counted.period_code
            and units.unit_code = counted.unit_code
    left join external_counts
        on
            units.period_code = external_counts.period_code
            and units.unit_code = external_counts.unit_code

),

final as (

    select
        period_code,
        unit_code,
        unit_name,
        display_order,
        cast(carried_over + newly_received as bigint) as total,
        cast(carried_over as bigint) as carried_over,
        cast(newly_received as bigint) as newly_received,
        cast(settled_early + settled_on_time + settled_late as bigint) as settled_total,
        cast(settled_early as bigint) as settled_early,
        cast(settled_on_time as bigint) as settled_on_time,
        cast(settled_late as bigint) as settled_late,
        cast(settled_late_after_review as bigint) as settled_late_after_review,
        cast(in_progress_in_time + in_progress_overdue as bigint) as in_progress_total,
        cast(in_progress_in_time as bigint) as in_progress_in_time,
        cast(in_progress_overdue as bigint) as in_progress_overdue,
        cast(returned as bigint) as returned,
        cast(received_online as bigint) as received_online,
        cast(returned_by_post as bigint) as returned_by_post,
        cast(counted_externally as bigint) as counted_externally
    from added

)

select * from final
