with

procedures as (

    select * from {{ ref('int_period_procedures') }}
    where
        day_of = 'window_end'
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

rules as (

    select * from {{ ref('int_rule_points') }}
    where indicator = 5

),

shares as (

    select
        period_code,
        unit_code,
        cast(count(*) filter (where is_on_the_spot) as numeric) as on_the_spot,
        cast(count(*) filter (where is_handled_at_centre) as numeric) as handled_at_centre,
        cast(count(*) as numeric) as listed
    from procedures
    group by period_code, unit_code

),

final as (

    select
        shares.period_code,
        shares.unit_code,
        5 as indicator,
        shares.on_the_spot as numerator,
        shares.listed as denominator,
        max(rules.points) as unrounded_value
    from shares
    inner join rules
        on
            shares.period_code = rules.period_code
            and (
                rules.condition = 'otherwise'
                or (
                    rules.condition = 'on_the_spot_share'
                    and 100 * shares.on_the_spot >= rules.min_share_percent * shares.listed
                )
                or (
                    rules.condition = 'handled_at_centre_share'
                    and 100 * shares.handled_at_centre >= rules.min_share_percent * shares.listed
                )
            )
    group by shares.period_code, shares.unit_code, shares.on_the_spot, shares.listed

)

select * from final
