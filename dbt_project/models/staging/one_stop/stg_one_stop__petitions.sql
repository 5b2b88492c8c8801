with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        {{ clean('mapakn') }} as petition_code,
        {{ clean('madonvi') }} as unit_code,
        {{ clean('mahoso') }} as case_code,
        {{ whole('loaiphananh') }} as petition_type,
        {{ local_time('ngaytiepnhan') }} as received_at,
        {{ local_time('hanxuly') }} as due_at,
        {{ local_time('ngayxuly') }} as resolved_at,
        {{ yes('ketluan') }} as is_founded,
        {{ yes('keodai') }} as is_protracted,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'petitions') }}

)

select * from final
