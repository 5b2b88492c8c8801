-- Which figure of the period a case is in. `origin` and `outcome` are the two dimensions of
-- appendix I; a returned case has an outcome and no origin, as it is in no other figure.

with

cases as (

    select * from {{ ref('int_cases_known') }}

),

placed as (

    select
        cases.*,
        cast(cases.due_at as date) as due_date,
        cast(cases.ended_at as date) as ended_date,
        case
            when cases.received_date > cases.cases_until then null
            when cases.received_date >= cases.cases_from then 'newly_received'
            when
                cases.ended_at is null
                or cast(cases.ended_at as date) >= cases.cases_from
                then 'carried_over'
        end as origin,
        case
            when cases.due_at is null then 'on_time'
            when cases.timeliness_mode = 'timestamp'
                then
                    case
                        when cases.ended_at < cases.due_at then 'early'
                        when cases.ended_at = cases.due_at then 'on_time'
                        else 'late'
                    end
            when cast(cases.ended_at as date) < cast(cases.due_at as date) then 'early'
            when cast(cases.ended_at as date) = cast(cases.due_at as date) then 'on_time'
            else 'late'
        end as timeliness
    from cases
    -- Here and below: what later steps use several times is computed once.
    limit all

),

judged as (

    select
        placed.*,
        case
            when is_returned and ended_date < cases_from then null
            when is_returned and returned_bucket = 'outside' and ended_date <= cases_until
                then 'returned'
            when origin is null then null
            when ended_date >= cases_from and ended_date <= cases_until
                then 'settled_' || timeliness
            when due_date < cases_until then 'in_progress_overdue'
            else 'in_progress_in_time'
        end as outcome
    from placed
    limit all

),

final as (

    select
        period_code,
        case_code,
        unit_code,
        procedure_code,
        row_id,
        due_row_id,
        case when outcome <> 'returned' then origin end as origin,
        outcome,
        is_returned and ended_date between cases_from and cases_until as is_returned,
        received_date,
        due_date,
        case
            when outcome = 'returned' or outcome like 'settled%' then ended_date
        end as ended_date,
        channel_code = 2 as is_online,
        coalesce(outcome like 'settled%' and return_method = 1, false)
        and handed_over_at is not null as is_returned_by_post
    from judged
    where outcome is not null

)

select * from final
