-- Points of indicator 2 per settled case: the least of its finished steps with an allotted end.
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

steps as (

    select * from {{ ref('fct_case_steps') }}
    where finished_at is not null and allotted_end_at is not null

),

rules as (

    select
        period_code,
        max(points) filter (where condition = 'before_allotted_end') as points_before,
        max(points) filter (where condition = 'on_allotted_end') as points_on,
        max(points) filter (where condition = 'after_allotted_end') as points_after
    from {{ ref('int_rule_points') }}
    where indicator = 2
    group by period_code

),

dated as (

    select
        case_code,
        valid_from,
        valid_to,
        cast(finished_at as date) as finished_date,
        cast(allotted_end_at as date) as allotted_date
    from steps

),

final as (

    select
        periods.period_code,
        dated.case_code,
        min(
            case
                when dated.finished_date < dated.allotted_date then rules.points_before
                when dated.finished_date = dated.allotted_date then rules.points_on
                else rules.points_after
            end
        ) as points_2
    from dated
    inner join periods on {{ known_on('dated', 'periods.as_of') }}
    inner join rules on periods.period_code = rules.period_code
    group by periods.period_code, dated.case_code

)

select * from final
