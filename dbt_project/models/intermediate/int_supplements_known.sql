-- Supplement requests as known on the period's day, one row per case: how often the applicant had
-- to come back, how many agencies he had to contact, and the due dates that the requests set.
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

supplements as (

    select * from {{ ref('fct_supplements') }}

),

known as (

    select
        periods.period_code,
        supplements.case_code,
        supplements.is_applicants_fault,
        supplements.agencies_contacted,
        supplements.due_before_at,
        supplements.due_after_at,
        supplements.row_id,
        row_number() over (
            partition by periods.period_code, supplements.case_code
            order by
                supplements.requested_at,
                length(supplements.supplement_code),
                supplements.supplement_code
        ) as place_from_first,
        row_number() over (
            partition by
                periods.period_code,
                supplements.case_code,
                supplements.due_after_at is null
            order by
                supplements.requested_at desc,
                length(supplements.supplement_code) desc,
                supplements.supplement_code desc
        ) as place_from_last
    from supplements
    inner join periods on {{ known_on('supplements', 'periods.as_of') }}

),

final as (

    select
        period_code,
        case_code,
        count(*) as requests,
        count(*) filter (where not is_applicants_fault) as requests_not_applicants_fault,
        max(coalesce(agencies_contacted, 0)) as agencies_contacted,
        max(due_before_at) filter (where place_from_first = 1) as first_due_before_at,
        max(due_after_at) filter (where place_from_last = 1) as last_due_after_at,
        max(row_id) filter (where place_from_first = 1) as first_row_id,
        max(row_id) filter (
            where place_from_last = 1 and due_after_at is not null
        ) as last_due_row_id
    from known
    group by period_code, case_code

)

select * from final
