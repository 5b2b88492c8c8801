with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        {{ clean('mahoso') }} as case_code,
        {{ clean('mabuoc') }} as step_code,
        {{ clean('madonvi') }} as unit_code,
        {{ clean('phongbanxuly') }} as office,
        {{ local_time('ngaybatdau') }} as started_at,
        {{ local_time('ngayketthuctheoquydinh') }} as allotted_end_at,
        {{ local_time('thoidiemxuly') }} as finished_at,
        {{ clean('trangthai') }} as status,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'steps') }}

)

select * from final
