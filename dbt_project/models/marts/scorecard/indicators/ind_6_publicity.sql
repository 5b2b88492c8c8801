with

procedures as (

    select * from {{ ref('int_period_procedures') }}
    where
        day_of = 'window_end'
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

final as (

    select
        period_code,
        unit_code,
        6 as indicator,
        cast(count(*) filter (where publicity = 2) as numeric) as numerator,
        cast(count(*) as numeric) as denominator,
        -- The code of publicity is the number of points: 0, 1 posted or electronic, 2 both.
        cast(min(coalesce(publicity, 0)) as numeric) as unrounded_value
    from procedures
    group by period_code, unit_code

)

select * from final
