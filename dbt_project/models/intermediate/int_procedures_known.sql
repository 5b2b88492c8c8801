-- The field of every procedure as known on the period's day. A unit's first register counts
-- backwards, so that a case of an older day has a field too.
-- A table: what joins it is planned by its statistics.
{{ config(materialized='table') }}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

procedures as (

    select * from {{ ref('int_procedures_of_units') }}

),

first_registers as (

    select * from {{ ref('int_units_first_register') }}

),

ranked as (

    select
        periods.period_code,
        procedures.procedure_code,
        procedures.unit_code,
        procedures.field_code,
        procedures.field_name,
        row_number() over (
            partition by periods.period_code, procedures.procedure_code
            order by
                case when procedures.valid_from <= periods.as_of then 0 else 1 end,
                procedures.valid_from desc
        ) as place
    from procedures
    inner join first_registers on procedures.unit_code = first_registers.unit_code
    inner join periods
        on
            procedures.valid_from
            <= greatest(periods.as_of, first_registers.first_registered_on)

),

final as (

    select
        period_code,
        procedure_code,
        unit_code,
        field_code,
        field_name
    from ranked
    where place = 1

)

select * from final
