-- What must exist: every unit that was a unit at some time of the period's window.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

units as (

    select * from {{ ref('dim_units') }}

),

final as (

    select
        periods.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order
    from periods
    inner join units
        on
            units.valid_from <= periods.cases_until
            and (units.valid_to is null or units.valid_to >= periods.cases_from)

)

select * from final
