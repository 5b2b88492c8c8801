-- A case whose unit has no row in its period's tables would vanish from them.

with

cases as (

    select * from {{ ref('int_period_cases') }}
    where period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

units as (

    select * from {{ ref('int_period_units') }}

),

final as (

    select
        cases.period_code,
        cases.unit_code,
        count(*) as cases_affected,
        min(cases.case_code) as such_as
    from cases
    left join units
        on
            cases.period_code = units.period_code
            and cases.unit_code = units.unit_code
    where units.unit_code is null
    group by cases.period_code, cases.unit_code

)

select * from final
