with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        hosobosungid as supplement_code,
        mahoso as case_code,
        {{ local_time('ngaybosung') }} as requested_at,
        {{ local_time('ngaytiepnhanbosung') }} as answered_at,
        {{ local_time('ngayhentratruoc') }} as due_before_at,
        {{ local_time('ngayhentramoi') }} as due_after_at,
        {{ flag('loinguoinop') }} as is_applicants_fault,
        {{ whole('socoquanlienhe') }} as agencies_contacted,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'supplements') }}

)

select * from final
