with

units as (

    select * from {{ ref('int_period_units') }}

),

periods as (

    select * from {{ ref('int_periods_due') }}

),

petitions as (

    select * from {{ ref('int_petitions_known') }}

),

rules as (

    select * from {{ ref('int_rule_points') }}
    where indicator = 8

),

judged as (

    select
        petitions.period_code,
        petitions.unit_code,
        petitions.is_protracted,
        -- On time: resolved by its deadline, or not yet due at the end of the window.
        coalesce(
            petitions.resolved_date <= petitions.due_date
            or petitions.due_date >= periods.cases_until,
            petitions.due_date is null
        ) as is_on_time
    from petitions
    inner join periods
        on
            petitions.period_code = periods.period_code
            and petitions.received_date between periods.cases_from and periods.cases_until

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
