-- A finish date under a status in process (2 to 6) counts; the unit should mend one of the two.
{{ config(severity='warn') }}

with

told as (

    {{ told_now('fct_cases', 'last_known_on', 'cases') }}

),

final as (

    select
        case_code,
        status_code,
        finished_at
    from told
    where
        status_code between 2 and 6
        and finished_at is not null
        and not is_cancelled

)

select * from final
