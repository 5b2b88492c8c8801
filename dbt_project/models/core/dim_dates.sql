-- The working calendar: Saturdays and Sundays are off, the pack's calendar has the exceptions. It begins
-- with the first year that the loader takes, as a mistyped due date makes a case late too.

with

exceptions as (

    select * from {{ ref('stg_reference__calendar_days') }}

),

days as (

    {{ days_between('1900-01-01', '2100-12-31') }}

),

marked as (

    select
        days.day,
        coalesce(
            exceptions.is_working_day, extract(isodow from days.day) < 6
        ) as is_working_day,
        exceptions.note
    from days
    left join exceptions on days.day = exceptions.day

),

final as (

    select
        day,
        is_working_day,
        note,
        -- Working days from one date to another: the difference of their numbers.
        cast(
            sum(case when is_working_day then 1 else 0 end) over (
                order by day rows between unbounded preceding and current row
            ) as {{ dbt.type_int() }}
        ) as working_day_number
    from marked

)

select * from final
