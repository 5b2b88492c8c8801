with

final as (

    select
        file_id,
        feed,
        file_name,
        business_date,
        part,
        revision,
        sha256,
        records,
        state = 'loaded' as is_loaded
    from {{ source('raw', 'files') }}

)

select * from final
