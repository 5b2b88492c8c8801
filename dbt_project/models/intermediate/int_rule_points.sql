-- The points that the rule set of each period gives for a condition.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

rules as (

    select * from {{ ref('stg_reference__scoring_rules') }}

),

final as (

    select
        periods.period_code,
        rules.indicator,
        rules.form,
        rules.points,
        rules.condition,
        rules.min_share_percent,
        rules.above_share_percent,
        rules.min_online_percent,
        rules.max_count
    from periods
    inner join rules on periods.rule_set = rules.rule_set

)

select * from final
