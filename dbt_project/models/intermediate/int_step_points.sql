-- Points of indicator 2 per settled case: the least of its finished steps with an allotted end.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),


steps as (

    select * from {{ ref('fct_case_steps') }}
    where finished_at is not null and allotted_end_at is not null

),

rules as (

    select * from {{ ref('int_rule_points') }}
    where indicator = 2

),

judged as (

    select
        periods.period_code,
        steps.case_code,
        case
            when cast(steps.finished_at as date) < cast(steps.allotted_end_at as date)
                then 'before_allotted_end'
            when cast(steps.finished_at as date) = cast(steps.allotted_end_at as date)
                then 'on_allotted_end'
            else 'after_allotted_end'
        end as condition
    from steps
    inner join periods on {{ known_on('steps', 'periods.as_of') }}

),

final as (

    select
        judged.period_code,
        judged.case_code,
        min(rules.points) as points_2
    from judged
    inner join rules
        on
            judged.period_code = rules.period_code
            and judged.condition = rules.condition
    group by judged.period_code, judged.case_code

)

select * from final
