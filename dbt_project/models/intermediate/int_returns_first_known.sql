-- The business date on which a withdrawn (7) or stopped (8) case was first told as such: its
-- return date when the export names none.
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}

with

versions as (

    select * from {{ ref('fct_case_versions') }}
    where status_code in (7, 8)

),

final as (

    select
        case_code,
        status_code,
        min(valid_from) as first_told_on
    from versions
    group by case_code, status_code

)

select * from final
