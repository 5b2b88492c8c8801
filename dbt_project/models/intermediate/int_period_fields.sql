-- The fields of procedures that each unit has in a period.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_periods',
    )
}}

with

procedures as (

    select * from {{ ref('int_procedures_known') }}

),

final as (

    select
        period_code,
        unit_code,
        field_code,
        min(field_name) as field_name
    from procedures
    where field_code is not null
    group by period_code, unit_code, field_code

)

select * from final
