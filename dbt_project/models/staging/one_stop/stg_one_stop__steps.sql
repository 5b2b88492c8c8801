with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        mahoso as case_code,
        mabuoc as step_code,
        madonvi as unit_code,
        phongbanxuly as office,
        {{ local_time_by_digits('ngaybatdau') }} as started_at,
        {{ local_time_by_digits('ngayketthuctheoquydinh') }} as allotted_end_at,
        {{ local_time_by_digits('thoidiemxuly') }} as finished_at,
        trangthai as status,
        {{ local_time_by_digits('ngaycapnhat') }} as changed_at
    from {{ ref('base_one_stop__steps') }}

)

select * from final
