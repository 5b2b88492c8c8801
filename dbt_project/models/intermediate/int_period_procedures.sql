-- Procedures listed at the Centre on a day of the period: `window_end` (the last day of the cases,
-- for indicators 5, 6 and 9) or `processes` (the day of appendix IV).
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

procedures as (

    select * from {{ ref('int_procedures_of_units') }}

),

first_registers as (

    select * from {{ ref('int_units_first_register') }}

),

days as (

    select
        period_code,
        'window_end' as day_of,
        cases_until as day,
        least(cases_until, as_of) as known_day
    from periods
    union all
    select
        period_code,
        'processes' as day_of,
        processes_day as day,
        least(processes_day, as_of) as known_day
    from periods

),

registered as (

    select
        days.period_code,
        days.day_of,
        days.day,
        procedures.*
    from procedures
    inner join first_registers on procedures.unit_code = first_registers.unit_code
    inner join days
        on
            -- A unit's first register counts backwards.
            {{ known_on(
                'procedures',
                'greatest(days.known_day, first_registers.first_registered_on)'
            ) }}

),

final as (

    select
        period_code,
        day_of,
        procedure_code,
        unit_code,
        service_level,
        is_on_the_spot,
        is_handled_at_centre,
        publicity,
        time_unit,
        note,
        row_id,
        process_code is not null
        and coalesce(approved_date <= day, false) as has_approved_process,
        process_code is not null
        and coalesce(approved_date <= day, false)
        and coalesce(on_software_date <= day, false) as has_process_on_software
    from registered
    where
        is_listed
        and (expiry_date is null or expiry_date > day)

)

select * from final
