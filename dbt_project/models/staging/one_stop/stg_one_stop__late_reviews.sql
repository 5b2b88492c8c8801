with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        mahoso as case_code,
        {{ whole('nguyennhan') }} as reason,
        {{ local_time('ngaytrathucte') }} as actually_returned_at,
        sovanban as document_number,
        {{ local_time('ngayxacnhan') }} as changed_at,
        {{ flag('daxinloi') }} as is_apology_sent
    from {{ source('raw', 'late_reviews') }}

)

select * from final
