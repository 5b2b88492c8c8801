with

final as (

    select
        {{ clean('unit_code') }} as unit_code,
        {{ whole(clean('display_order')) }} as display_order,
        {{ clean('name_vi') }} as name_vi,
        {{ clean('name_en') }} as name_en,
        cast({{ local_time(clean('valid_from')) }} as date) as valid_from,
        cast({{ local_time(clean('valid_to')) }} as date) as valid_to,
        {{ clean('successor_code') }} as successor_code
    from {{ source('reference', 'units') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
