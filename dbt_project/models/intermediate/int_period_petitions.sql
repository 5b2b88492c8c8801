-- The petitions received in each period's window, as known on its day, judged.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_periods',
        indexes=[{'columns': ['period_code', 'unit_code']}],
    )
}}

with

petitions as (

    select * from {{ ref('int_petitions_known') }}

),

periods as (

    select * from {{ ref('int_periods_due') }}

),

final as (

    select
        petitions.period_code,
        petitions.petition_code,
        petitions.unit_code,
        petitions.received_date,
        petitions.due_date,
        petitions.resolved_date,
        petitions.is_protracted,
        -- On time: resolved by its deadline, or not yet due at the end of the window.
        coalesce(
            petitions.resolved_date <= petitions.due_date
            or petitions.due_date >= periods.cases_until,
            petitions.due_date is null
        ) as is_on_time,
        petitions.row_id
    from petitions
    inner join periods
        on
            petitions.period_code = periods.period_code
            and petitions.received_date between periods.cases_from and periods.cases_until

)

select * from final
