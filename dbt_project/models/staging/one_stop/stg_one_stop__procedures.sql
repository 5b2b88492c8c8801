with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        matthc as procedure_code,
        tentthc as procedure_name,
        madonvi as unit_code,
        malinhvuc as field_code,
        tenlinhvuc as field_name,
        {{ whole('mucdo') }} as service_level,
        {{ flag('niemyettaitrungtam') }} as is_listed,
        {{ flag('taicho') }} as is_on_the_spot,
        {{ flag('nhantrataitrungtam') }} as is_handled_at_centre,
        {{ whole('congkhai') }} as publicity,
        maquytrinh as process_code,
        soquyetdinh as decision_number,
        cast({{ local_time('ngaypheduyet') }} as date) as approved_date,
        donvithoigian as time_unit,
        cast({{ local_time('ngaycapnhatphanmem') }} as date) as on_software_date,
        ghichu as note,
        cast({{ local_time('ngayhethieuluc') }} as date) as expiry_date,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'procedures') }}

)

select * from final
