-- The receipt date disagrees with the date in the case code.
{{ config(severity='warn') }}

with

final as (

    select
        case_code,
        received_at
    from {{ ref('fct_cases') }}
    where
        is_code_date_different
        and not is_cancelled
        and last_known_on in {{ changed_days('cases') }}

)

select * from final
