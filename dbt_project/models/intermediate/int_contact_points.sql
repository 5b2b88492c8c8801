-- Points of indicators 3 (contacts to complete the file) and 4 (agencies contacted) for the cases
-- that have supplement requests, and, with an empty case code, for those that have none.
-- A table: what joins it is planned by its statistics. The index finds the few rows without a case.
{{ config(materialized='table', indexes=[{'columns': ['case_code']}]) }}

with

supplements as (

    select * from {{ ref('int_supplements_known') }}

),

periods as (

    select * from {{ ref('int_periods_due') }}

),

rules as (

    select * from {{ ref('int_rule_points') }}

),

counted as (

    select
        period_code,
        case_code,
        requests,
        requests_not_applicants_fault,
        agencies_contacted
    from supplements
    union all
    select
        period_code,
        null as case_code,
        0 as requests,
        0 as requests_not_applicants_fault,
        0 as agencies_contacted
    from periods

),

final as (

    select
        counted.period_code,
        counted.case_code,
        max(rules.points) filter (
            where
            rules.indicator = 3
            and (
                rules.condition = 'otherwise'
                or (
                    rules.condition = 'requests_at_most'
                    and counted.requests <= rules.max_count
                )
                or (
                    rules.condition = 'not_applicant_fault_at_most'
                    and counted.requests_not_applicants_fault <= rules.max_count
                )
            )
        ) as points_3,
        max(rules.points) filter (
            where
            rules.indicator = 4
            and (
                rules.condition = 'otherwise'
                or (
                    rules.condition = 'agencies_at_most'
                    and counted.agencies_contacted <= rules.max_count
                )
            )
        ) as points_4
    from counted
    inner join rules
        on
            counted.period_code = rules.period_code
            and rules.indicator in (3, 4)
    group by counted.period_code, counted.case_code

)

select * from final
