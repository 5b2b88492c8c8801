-- The first known due date of each case, for rule sets that measure against it (original_due).
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('int_periods_due') }}
    where due_date_basis = 'original_due'

),

versions as (

    select * from {{ ref('fct_case_versions') }}

),

ranked as (

    select
        periods.period_code,
        versions.case_code,
        versions.due_at,
        row_number() over (
            partition by periods.period_code, versions.case_code
            order by versions.valid_from
        ) as place
    from periods
    inner join versions
        on
            versions.valid_from <= periods.as_of
            and versions.due_at is not null

),

final as (

    select
        period_code,
        case_code,
        due_at as first_due_at
    from ranked
    where place = 1

)

select * from final
