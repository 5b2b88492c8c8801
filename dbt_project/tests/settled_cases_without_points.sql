-- A settled case that no rule gives points would silently leave the mean.

with

final as (

    select
        period_code,
        case_code,
        outcome
    from {{ ref('int_period_cases') }}
    where
        is_settled
        and (points_1 is null or points_3 is null or points_4 is null or points_7 is null)
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

)

select * from final
