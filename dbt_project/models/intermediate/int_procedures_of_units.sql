-- The register with the units' codes: an export may spell a unit by one of its aliases.

with

procedures as (

    select * from {{ ref('dim_procedures') }}

),

aliases as (

    select * from {{ ref('stg_reference__unit_aliases') }}

),

final as (

    select
        procedures.procedure_code,
        coalesce(aliases.unit_code, procedures.unit_code) as unit_code,
        procedures.field_code,
        procedures.field_name,
        procedures.service_level,
        procedures.is_listed,
        procedures.is_on_the_spot,
        procedures.is_handled_at_centre,
        procedures.publicity,
        procedures.process_code,
        procedures.approved_date,
        procedures.time_unit,
        procedures.on_software_date,
        procedures.note,
        procedures.expiry_date,
        procedures.row_id,
        procedures.valid_from,
        procedures.valid_to
    from procedures
    left join aliases on procedures.unit_code = aliases.alias

)

select * from final
