-- A finish date under a status in process (2 to 6) counts, and a settled case (9, 10) without one
-- counts by its hand-over or business date; the units should mend both.
{{ config(severity='warn') }}

with

cases as (

    select * from {{ ref('fct_cases') }}
    where
        last_known_on in {{ changed_days('cases') }}
        and not is_cancelled

),

final as (

    select
        case_code,
        status_code,
        finished_at
    from cases
    where
        (status_code between 2 and 6 and finished_at is not null)
        or (status_code in (9, 10) and finished_at is null)

)

select * from final
