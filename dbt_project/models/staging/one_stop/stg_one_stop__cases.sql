with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        {{ clean('mahoso') }} as case_code,
        {{ clean('matthc') }} as procedure_code,
        {{ clean('madonvi') }} as unit_code,
        {{ whole('kenhthuchien') }} as channel_code,
        {{ whole('mucdo') }} as service_level,
        {{ whole('loaidoituong') }} as applicant_type,
        {{ local_time('ngaynophoso') }} as submitted_at,
        {{ local_time('ngaytiepnhan') }} as received_at,
        {{ local_time('ngayhentra') }} as due_at,
        {{ local_time('ngayketthucxuly') }} as finished_at,
        {{ local_time('ngaytra') }} as handed_over_at,
        {{ whole('hinhthuc') }} as return_method,
        {{ whole('trangthaihoso') }} as status_code,
        {{ yes('daxoa') }} as is_cancelled,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'cases') }}

)

select * from final
