with

units as (

    select * from {{ ref('int_period_units') }}

),

judged as (

    select * from {{ ref('int_period_petitions') }}

),

rules as (

    select * from {{ ref('int_rule_points') }}
    where indicator = 8

),

counted as (

    select
        units.period_code,
        units.unit_code,
        cast(count(*) filter (where judged.is_on_time) as numeric) as on_time,
        cast(count(*) filter (where judged.is_protracted) as numeric) as protracted,
        cast(count(judged.period_code) as numeric) as received
    from units
    left join judged
        on
            units.period_code = judged.period_code
            and units.unit_code = judged.unit_code
    group by units.period_code, units.unit_code

),

final as (

    select
        counted.period_code,
        counted.unit_code,
        8 as indicator,
        counted.on_time as numerator,
        counted.received as denominator,
        max(rules.points) as unrounded_value
    from counted
    inner join rules
        on
            counted.period_code = rules.period_code
            and (
                rules.condition = 'otherwise'
                or (
                    100 * counted.on_time >= rules.min_share_percent * counted.received
                    and counted.protracted <= rules.max_count
                )
            )
    group by
        counted.period_code, counted.unit_code, counted.on_time, counted.received

)

select * from final
