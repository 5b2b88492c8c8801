with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        mahoso as case_code,
        matthc as procedure_code,
        madonvi as unit_code,
        {{ whole('kenhthuchien') }} as channel_code,
        {{ whole('mucdo') }} as service_level,
        {{ whole('loaidoituong') }} as applicant_type,
        {{ local_time_by_digits('ngaynophoso') }} as submitted_at,
        {{ local_time_by_digits('ngaytiepnhan') }} as received_at,
        {{ local_time_by_digits('ngayhentra') }} as due_at,
        {{ local_time_by_digits('ngayketthucxuly') }} as finished_at,
        {{ local_time_by_digits('ngaytra') }} as handed_over_at,
        {{ whole('hinhthuc') }} as return_method,
        {{ whole('trangthaihoso') }} as status_code,
        {{ flag('daxoa') }} as is_cancelled,
        {{ local_time_by_digits('ngaycapnhat') }} as changed_at
    from {{ ref('base_one_stop__cases') }}

)

select * from final
