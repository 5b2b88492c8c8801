with

final as (

    select
        cast({{ local_time(clean('date')) }} as date) as day,
        {{ yes('is_working_day') }} as is_working_day,
        {{ clean('note') }} as note
    from {{ source('reference', 'calendar') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
