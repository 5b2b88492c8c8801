with

units as (

    select * from {{ ref('stg_reference__units') }}

),

final as (

    select
        unit_code,
        display_order,
        name_vi as unit_name,
        name_en as unit_name_en,
        coalesce(valid_from, date '1900-01-01') as valid_from,
        valid_to,
        successor_code
    from units

)

select * from final
