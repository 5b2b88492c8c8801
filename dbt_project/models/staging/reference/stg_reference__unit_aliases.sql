with

final as (

    select
        {{ clean('alias') }} as alias,
        {{ clean('unit_code') }} as unit_code
    from {{ source('reference', 'unit_aliases') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
