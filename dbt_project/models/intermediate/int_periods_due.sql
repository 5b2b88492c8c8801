-- Reporting periods whose figures have to be computed in this build: they began, and something
-- that was known on their day changed. A closed period costs nothing until then.
-- A period that runs still is seen as of the newest business date, and the free days after it.
{{ config(materialized='table') }}
{%- set built = built_before('marts', 'periods') %}

with

periods as (

    select * from {{ ref('dim_periods') }}

),

changed as (

    select * from {{ ref('int_days_changed') }}

),

days as (

    select * from {{ ref('dim_dates') }}

),

newest as (

    select max(business_date) as data_until from {{ ref('int_files_active') }}

),

{% if var('pinned_publication', none) -%}
-- A release had all that was known on its day.
reached as (

    select max(known_as_of) as reached_until from periods

),
{%- else -%}
-- Nothing is told between the newest business date and the next working day.
reached as (

    select min(days.day) - 1 as reached_until
    from days
    inner join newest on days.day > newest.data_until
    where days.is_working_day

),
{%- endif %}

first_registers as (

    select max(first_registered_on) as last_first_register
    from {{ ref('int_units_first_register') }}

),

started as (

    select
        periods.*,
        reached.reached_until,
        least(periods.known_as_of, reached.reached_until) as as_of,
        least(periods.cases_to, reached.reached_until) as cases_until,
        least(periods.ratings_to, reached.reached_until) as ratings_until,
        least(periods.processes_as_of, reached.reached_until) as processes_day
    from periods
    cross join reached
    where periods.cases_from <= reached.reached_until

),

final as (

    select started.*
    from started
    cross join first_registers
    where
        {%- if built %}
        not exists (
            select 1
            from {{ built }} as built
            where
                built.period_code = started.period_code
                and built.reference_sha256 = started.reference_sha256
                and built.as_of = started.as_of
        )
        or exists (
            select 1
            from changed
            where
                changed.business_date <= started.as_of
                -- A unit's first register counts backwards, so it may be younger than the period.
                or (
                    changed.feed = 'procedures'
                    and changed.business_date <= first_registers.last_first_register
                )
        )
        {%- elif var('pinned_period', none) %}
        started.period_code = '{{ var("pinned_period") }}'
        {%- else %}
        true
        {%- endif %}

)

select * from final
