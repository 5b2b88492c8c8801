-- The day of each unit's first register of procedures.

with

procedures as (

    select * from {{ ref('dim_procedures') }}

),

final as (

    select
        unit_code,
        min(valid_from) as first_registered_on
    from procedures
    group by unit_code

)

select * from final
