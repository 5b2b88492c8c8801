-- Reporting periods whose figures have to be computed in this build: they began, and something
-- that was known on their day changed. A closed period costs nothing until then.
-- A period that runs still is seen as of the newest business date.
{{ config(materialized='table') }}
{%- set built = built_before('marts', 'periods') %}

with

periods as (

    select * from {{ ref('dim_periods') }}

),

changed as (

    select * from {{ ref('int_days_changed') }}

),

reached as (

    select max(business_date) as data_until from {{ ref('int_files_active') }}

),

first_registers as (

    select max(first_registered_on) as last_first_register
    from {{ ref('int_units_first_register') }}

),

started as (

    select
        periods.*,
        reached.data_until,
        least(periods.known_as_of, reached.data_until) as as_of,
        least(periods.cases_to, reached.data_until) as cases_until,
        least(periods.ratings_to, reached.data_until) as ratings_until,
        least(periods.processes_as_of, reached.data_until) as processes_day
    from periods
    cross join reached
    where periods.cases_from <= reached.data_until

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
        {%- else %}
        true
        {%- endif %}

)

select * from final
