-- Counts of other software whose window is that of no period: they are never summed.
{{ config(severity='warn') }}

with

counts as (

    select * from {{ ref('fct_external_counts') }}
    where valid_to is null

),

periods as (

    select * from {{ ref('dim_periods') }}

),

final as (

    select
        counts.system_code,
        counts.unit_code,
        counts.counted_from,
        counts.counted_to
    from counts
    left join periods
        on
            counts.counted_from = periods.cases_from
            and counts.counted_to = periods.cases_to
    where periods.period_code is null

)

select * from final
