-- Counts of other software whose window is the period's window, as known on the period's day.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_periods',
        indexes=[{'columns': ['period_code', 'unit_code']}],
    )
}}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

counts as (

    select * from {{ ref('fct_external_counts') }}

),

aliases as (

    select * from {{ ref('stg_reference__unit_aliases') }}

),

final as (

    select
        periods.period_code,
        counts.system_code,
        coalesce(aliases.unit_code, counts.unit_code) as unit_code,
        {% for figure in [
            'carried_over', 'newly_received', 'settled_early', 'settled_on_time', 'settled_late',
            'in_progress_in_time', 'in_progress_overdue', 'returned', 'received_online',
        ] -%}
        coalesce(counts.{{ figure }}, 0) as {{ figure }},
        {% endfor -%}
        counts.row_id
    from counts
    inner join periods
        on
            counts.counted_from = periods.cases_from
            and counts.counted_to = periods.cases_to
            and {{ known_on('counts', 'periods.as_of') }}
    left join aliases on counts.unit_code = aliases.alias

)

select * from final
