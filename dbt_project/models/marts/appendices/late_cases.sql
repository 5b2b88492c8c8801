with

cases as (

    select * from {{ ref('int_period_cases') }}
    where
        outcome in ('settled_late', 'in_progress_overdue')
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

periods as (

    select * from {{ ref('int_periods_due') }}

),

units as (

    select * from {{ ref('int_period_units') }}

),

reviews as (

    select * from {{ ref('int_late_reviews_known') }}

),

days as (

    select * from {{ ref('dim_dates') }}

),

final as (

    select
        cases.period_code,
        cases.unit_code,
        units.unit_name,
        units.display_order,
        cases.case_code,
        cases.procedure_code,
        cases.due_date,
        cases.ended_date as finished_date,
        -- In working days; an unfinished case is late until the end of the window.
        until_day.working_day_number - due_day.working_day_number as days_late,
        reviews.reason,
        reviews.case_code is not null as reviewed,
        reviews.is_apology_sent as apology_sent
    from cases
    inner join periods on cases.period_code = periods.period_code
    inner join units
        on
            cases.period_code = units.period_code
            and cases.unit_code = units.unit_code
    left join reviews
        on
            cases.period_code = reviews.period_code
            and cases.case_code = reviews.case_code
    inner join days as due_day on cases.due_date = due_day.day
    inner join days as until_day
        on coalesce(cases.ended_date, periods.cases_until) = until_day.day

)

select * from final
