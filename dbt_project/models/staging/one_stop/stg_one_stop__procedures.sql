with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        {{ clean('matthc') }} as procedure_code,
        {{ clean('tentthc') }} as procedure_name,
        {{ clean('madonvi') }} as unit_code,
        {{ clean('malinhvuc') }} as field_code,
        {{ clean('tenlinhvuc') }} as field_name,
        {{ whole('mucdo') }} as service_level,
        {{ yes('niemyettaitrungtam') }} as is_listed,
        {{ yes('taicho') }} as is_on_the_spot,
        {{ yes('nhantrataitrungtam') }} as is_handled_at_centre,
        {{ whole('congkhai') }} as publicity,
        {{ clean('maquytrinh') }} as process_code,
        {{ clean('soquyetdinh') }} as decision_number,
        cast({{ local_time('ngaypheduyet') }} as date) as approved_date,
        {{ clean('donvithoigian') }} as time_unit,
        cast({{ local_time('ngaycapnhatphanmem') }} as date) as on_software_date,
        {{ clean('ghichu') }} as note,
        cast({{ local_time('ngayhethieuluc') }} as date) as expiry_date,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'procedures') }}

)

select * from final
