-- One row per period and case that counts in it: where it counts, when and why, and the points that
-- it brings to indicators 1, 2, 3, 4 and 7. Every figure made of cases is a count or a mean of it.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_periods',
        indexes=[{'columns': ['period_code']}],
    )
}}
{%- set periods = periods_due(ref('int_periods_due')) %}

-- What is read twice is marked `not materialized`, and what later steps use several times is computed
-- once before a `limit all`: with a materialized part, or with `offset 0`, nothing above runs parallel.
with

cases as (

    select * from {{ ref('int_cases_classified') }}

),

rules as not materialized (

    select * from {{ ref('int_rule_points') }}

),

step_rules as (

    select
        period_code,
        max(points) filter (where condition = 'before_allotted_end') as points_before,
        max(points) filter (where condition = 'on_allotted_end') as points_on,
        max(points) filter (where condition = 'after_allotted_end') as points_after
    from rules
    where indicator = 2
    group by period_code

),

reviews as (

    select * from {{ ref('int_late_reviews_known') }}

),

step_ends as (

    select * from {{ ref('int_step_ends') }}

),

contact_points as not materialized (

    select * from {{ ref('int_contact_points') }}

),

procedures as (

    select * from {{ ref('int_procedures_known') }}

),

days as not materialized (

    select * from {{ ref('dim_dates') }}

),

founded_conduct as (

    select distinct
        period_code,
        case_code
    from {{ ref('int_petitions_known') }}
    where petition_type = 1 and is_founded

),

marked as (

    select
        cases.*,
        cases.outcome like 'settled%' as is_settled,
        case
            when founded_conduct.case_code is not null or cases.outcome = 'settled_late'
                then 'late_or_founded_petition'
            when cases.outcome = 'settled_early' then 'early_without_founded_petition'
            when cases.outcome = 'settled_on_time' then 'on_time_without_founded_petition'
        end as attitude,
        procedures.field_code,
        due_days.working_day_number - received_days.working_day_number as promised_days,
        {{ value_of_period('step_ends', periods, 'cases.period_code') }} as step_ends
    from cases
    left join step_ends on cases.case_code = step_ends.case_code
    left join founded_conduct
        on
            cases.period_code = founded_conduct.period_code
            and cases.case_code = founded_conduct.case_code
    left join procedures
        on
            cases.period_code = procedures.period_code
            and cases.procedure_code = procedures.procedure_code
    left join days as received_days on cases.received_date = received_days.day
    left join days as due_days on cases.due_date = due_days.day
    limit all

),

final as (

    select
        marked.period_code,
        marked.case_code,
        marked.unit_code,
        marked.procedure_code,
        marked.row_id,
        marked.due_row_id,
        reviews.row_id as review_row_id,
        marked.origin,
        marked.outcome,
        marked.is_returned,
        marked.received_date,
        marked.due_date,
        marked.ended_date,
        marked.is_online,
        marked.is_returned_by_post,
        marked.is_settled,
        marked.outcome = 'settled_late'
        and not coalesce(
            reviews.reason = 1 and reviews.actually_returned_date <= marked.due_date, false
        ) as is_late_after_review,
        timeliness.points as points_1,
        case
            when marked.is_settled
                then
                    least(
                        case when marked.step_ends & 1 > 0 then step_rules.points_before end,
                        case when marked.step_ends & 2 > 0 then step_rules.points_on end,
                        case when marked.step_ends & 4 > 0 then step_rules.points_after end
                    )
        end as points_2,
        case
            when marked.is_settled then coalesce(contacts.points_3, without.points_3)
        end as points_3,
        case
            when marked.is_settled then coalesce(contacts.points_4, without.points_4)
        end as points_4,
        attitude.points as points_7,
        reviews.reason as review_reason,
        reviews.actually_returned_date as review_returned_date,
        reviews.document_number as review_document,
        marked.field_code,
        case
            when marked.promised_days is null then 'none'
            when marked.promised_days <= 1 then '0-1'
            when marked.promised_days <= 5 then '2-5'
            when marked.promised_days <= 10 then '6-10'
            when marked.promised_days <= 20 then '11-20'
            when marked.promised_days <= 40 then '21-40'
            else 'over 40'
        end as promised_time
    from marked
    left join reviews
        on
            marked.period_code = reviews.period_code
            and marked.case_code = reviews.case_code
    left join rules as timeliness
        on
            marked.period_code = timeliness.period_code
            and timeliness.indicator = 1
            and marked.outcome = 'settled_' || timeliness.condition
    left join step_rules on marked.period_code = step_rules.period_code
    left join contact_points as contacts
        on
            marked.period_code = contacts.period_code
            and marked.case_code = contacts.case_code
    left join contact_points as without
        on
            marked.period_code = without.period_code
            and without.case_code is null
    left join rules as attitude
        on
            marked.period_code = attitude.period_code
            and attitude.indicator = 7
            and marked.is_settled
            and marked.attitude = attitude.condition

)

select * from final
