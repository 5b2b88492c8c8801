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
        state = 'loaded' as is_loaded,
        file_id in (
            select passed.file_id from {{ source('ops', 'landing_passed') }} as passed
        ) as has_passed
    from {{ source('raw', 'files') }}

)

select * from final
