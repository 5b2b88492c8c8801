-- Every case of a period's population as known on the period's day, with the due date that the
-- rule set means and the times that decide.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

versions as (

    select * from {{ ref('fct_case_versions') }}

),

supplements as (

    select * from {{ ref('int_supplements_known') }}

),

original_dues as (

    select * from {{ ref('int_original_dues') }}

),

returns as (

    select * from {{ ref('int_returns_first_known') }}

),

aliases as (

    select * from {{ ref('stg_reference__unit_aliases') }}

),

known as (

    select
        periods.period_code,
        periods.cases_from,
        periods.cases_until,
        periods.timeliness_mode,
        periods.returned_bucket,
        periods.due_date_basis,
        versions.case_code,
        coalesce(aliases.unit_code, versions.unit_code) as unit_code,
        versions.procedure_code,
        versions.channel_code,
        versions.status_code,
        versions.return_method,
        versions.due_at,
        versions.handed_over_at,
        versions.row_id,
        versions.valid_from,
        cast(versions.received_at as date) as received_date,
        versions.status_code in (7, 8) as is_returned,
        case
            when versions.status_code in (7, 8)
                then coalesce(versions.finished_at, versions.handed_over_at)
            when versions.finished_at is not null then versions.finished_at
            when versions.status_code in (9, 10)
                then coalesce(versions.handed_over_at, cast(versions.valid_from as timestamp))
        end as ended_at
    from versions
    inner join periods on {{ known_on('versions', 'periods.as_of') }}
    left join aliases on versions.unit_code = aliases.alias
    where
        not versions.is_cancelled
        and versions.status_code not in (1, 3)
        -- A `case` for the same reason as in `known_on`.
        and case
            when versions.status_code in (7, 8) then true
            else versions.received_at < periods.cases_until + 1
        end

),

final as (

    select
        known.period_code,
        known.cases_from,
        known.cases_until,
        known.timeliness_mode,
        known.returned_bucket,
        known.case_code,
        known.unit_code,
        known.procedure_code,
        known.channel_code,
        known.status_code,
        known.return_method,
        known.handed_over_at,
        known.received_date,
        known.is_returned,
        known.row_id,
        case
            when known.due_date_basis = 'original_due'
                then coalesce(supplements.first_due_before_at, original_dues.first_due_at)
            else coalesce(supplements.last_due_after_at, known.due_at)
        end as due_at,
        -- The supplement request that set the due date, if one did.
        case
            when known.due_date_basis <> 'original_due' then supplements.last_due_row_id
            when supplements.first_due_before_at is not null then supplements.first_row_id
        end as due_row_id,
        coalesce(
            known.ended_at,
            case when known.is_returned then cast(returns.first_told_on as timestamp) end
        ) as ended_at
    from known
    left join supplements
        on
            known.period_code = supplements.period_code
            and known.case_code = supplements.case_code
    left join original_dues
        on
            known.period_code = original_dues.period_code
            and known.case_code = original_dues.case_code
    left join returns
        on
            known.is_returned
            and known.case_code = returns.case_code
            and known.status_code = returns.status_code

)

select * from final
