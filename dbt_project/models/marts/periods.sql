-- The periods that the marts hold. Built after them: a period listed here is complete.
-- depends_on: {{ ref('appendix_2') }}
-- depends_on: {{ ref('appendix_4') }}
-- depends_on: {{ ref('late_cases') }}
-- depends_on: {{ ref('scorecard') }}
-- depends_on: {{ ref('release_inputs') }}
{{ config(materialized='table') }}

{%- set built = built_before('marts', 'periods') %}

with

periods as (

    select * from {{ ref('dim_periods') }}

),

due as (

    select
        period_code,
        as_of
    from {{ ref('int_periods_due') }}

),

newest as (

    select max(business_date) as data_until from {{ ref('int_files_active') }}

),

{% if built -%}
kept as (

    select
        period_code,
        as_of
    from {{ built }}

),
{%- else -%}
kept as (

    select * from due

),
{%- endif %}

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
        newest.data_until,
        coalesce(due.as_of, kept.as_of) as as_of
    from periods
    cross join newest
    left join due on periods.period_code = due.period_code
    left join kept on periods.period_code = kept.period_code
    where coalesce(due.as_of, kept.as_of) is not null

)

select * from final
