-- What must exist: every unit that was a unit at some time of the period's window, and every
-- former one that still has cases in it. A table, because every figure of the period asks it.
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

units as (

    select * from {{ ref('dim_units') }}

),

units_with_cases as (

    select distinct
        period_code,
        unit_code
    from {{ ref('int_period_cases') }}
    where period_code in (select due.period_code from periods as due)

),

final as (

    select
        periods.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order
    from periods
    cross join units
    left join units_with_cases
        on
            periods.period_code = units_with_cases.period_code
            and units.unit_code = units_with_cases.unit_code
    where
        units_with_cases.unit_code is not null
        or (
            units.valid_from <= periods.cases_until
            and (units.valid_to is null or units.valid_to >= periods.cases_from)
        )

)

select * from final
