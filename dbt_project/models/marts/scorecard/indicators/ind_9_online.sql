with

periods as (

    select * from {{ ref('int_periods_due') }}

),

procedures as (

    select * from {{ ref('int_period_procedures') }}
    where
        day_of = 'window_end'
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

cases as (

    select * from {{ ref('int_period_cases') }}
    where period_code in (select due.period_code from periods as due)

),

rules as (

    select * from {{ ref('int_rule_points') }}
    where indicator = 9

),

offered as (

    select
        period_code,
        unit_code,
        cast(count(*) filter (where service_level >= 3) as numeric) as offered_online,
        cast(count(*) as numeric) as listed
    from procedures
    group by period_code, unit_code

),

eligible as (

    select distinct
        period_code,
        procedure_code
    from procedures
    where service_level >= 3

),

used as (

    select
        cases.period_code,
        cases.unit_code,
        cast(
            count(*) filter (
                where cases.origin = 'newly_received'
                and cases.is_online
                and (
                    eligible.procedure_code is not null
                    or periods.online_denominator = 'all'
                )
            ) as numeric
        ) as used_online,
        cast(
            count(*) filter (
                where cases.origin = 'newly_received'
                and (
                    eligible.procedure_code is not null
                    or periods.online_denominator = 'all'
                )
            ) as numeric
        ) as usable_online,
        cast(
            count(*) filter (
                where cases.is_online
                and cases.outcome in ('settled_late', 'in_progress_overdue')
            ) as numeric
        ) as online_late
    from cases
    inner join periods on cases.period_code = periods.period_code
    left join eligible
        on
            cases.period_code = eligible.period_code
            and cases.procedure_code = eligible.procedure_code
    group by cases.period_code, cases.unit_code

),

shares as (

    select
        offered.period_code,
        offered.unit_code,
        offered.offered_online,
        offered.listed,
        coalesce(used.used_online, 0) as used_online,
        coalesce(used.usable_online, 0) as usable_online,
        coalesce(used.online_late, 0) as online_late
    from offered
    left join used
        on
            offered.period_code = used.period_code
            and offered.unit_code = used.unit_code

),

final as (

    select
        shares.period_code,
        shares.unit_code,
        9 as indicator,
        shares.used_online as numerator,
        shares.usable_online as denominator,
        max(rules.points) as unrounded_value
    from shares
    inner join rules
        on
            shares.period_code = rules.period_code
            and (
                rules.condition = 'otherwise'
                or (
                    100 * shares.offered_online
                    >= coalesce(rules.min_share_percent, 0) * shares.listed
                    and (
                        rules.above_share_percent is null
                        or 100 * shares.offered_online
                        > rules.above_share_percent * shares.listed
                    )
                    and 100 * shares.used_online
                    >= rules.min_online_percent * shares.usable_online
                    -- Without such cases the share is 0.
                    and (shares.usable_online > 0 or rules.min_online_percent <= 0)
                    and shares.online_late <= rules.max_count
                )
            )
    group by
        shares.period_code, shares.unit_code, shares.used_online, shares.usable_online

)

select * from final
