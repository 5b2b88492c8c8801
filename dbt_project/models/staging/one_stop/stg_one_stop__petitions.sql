with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        mapakn as petition_code,
        madonvi as unit_code,
        mahoso as case_code,
        {{ whole('loaiphananh') }} as petition_type,
        {{ local_time('ngaytiepnhan') }} as received_at,
        {{ local_time('hanxuly') }} as due_at,
        {{ local_time('ngayxuly') }} as resolved_at,
        {{ flag('ketluan') }} as is_founded,
        {{ flag('keodai') }} as is_protracted,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'petitions') }}

)

select * from final
