-- The periods that the marts hold. Built after them: a period listed here is complete.
-- depends_on: {{ ref('appendix_2') }}
-- depends_on: {{ ref('appendix_4') }}
-- depends_on: {{ ref('late_cases') }}
-- depends_on: {{ ref('scorecard') }}
-- depends_on: {{ ref('release_inputs') }}
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('dim_periods') }}

),

reached as (

    select max(business_date) as data_until from {{ ref('int_files_active') }}

),

final as (

    select
        periods.period_code,
        periods.kind,
        periods.label_vi,
        periods.label_en,
        periods.cases_from,
        periods.cases_to,
        periods.ratings_from,
        periods.ratings_to,
        periods.processes_as_of,
        periods.known_as_of,
        periods.publish_on,
        periods.rule_set,
        periods.reference_sha256,
        reached.data_until
    from periods
    cross join reached
    where periods.cases_from <= reached.data_until

)

select * from final
