-- The day of each unit's first register of procedures.

with

procedures as (

    select * from {{ ref('int_procedures_of_units') }}

),

final as (

    select
        unit_code,
        min(valid_from) as first_registered_on
    from procedures
    group by unit_code

)

select * from final
