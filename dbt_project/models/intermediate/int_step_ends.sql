-- How the finished steps of each case ended that had an allotted end: a column for each due period,
-- with 1 for a step that ended on a day before the allotted one, 2 on that day and 4 after it, each
-- at most once and added up, as known on the period's day. One pass over the steps for all periods.
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}
{%- set periods = periods_due(ref('int_periods_due')) %}

with

steps as (

    select * from {{ ref('fct_case_steps') }}
    where finished_at is not null and allotted_end_at is not null

),

dated as (

    select
        case_code,
        valid_from,
        valid_to,
        cast(finished_at as date) as finished_date,
        cast(allotted_end_at as date) as allotted_date
    from steps

),

final as (

    select -- noqa: LT09
        case_code
        {%- for period in periods %},
        bit_or(
            case
                when finished_date < allotted_date then cast(1 as smallint)
                when finished_date = allotted_date then cast(2 as smallint)
                else cast(4 as smallint)
            end
        ) filter (
            where {{ known_on('dated', "date '" ~ period.as_of ~ "'") }}
        ) as {{ adapter.quote(period.period_code) }}
        {%- endfor %}
    from dated
    group by case_code

)

select * from final
{%- if not periods %}
where false
{%- endif %}
