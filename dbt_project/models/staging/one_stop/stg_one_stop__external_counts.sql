with

final as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        hethong as system_code,
        madonvi as unit_code,
        cast({{ local_time('tungay') }} as date) as counted_from,
        cast({{ local_time('denngay') }} as date) as counted_to,
        {{ whole('kytruoc') }} as carried_over,
        {{ whole('tiepnhanmoi') }} as newly_received,
        {{ whole('truochan') }} as settled_early,
        {{ whole('dunghan') }} as settled_on_time,
        {{ whole('quahan') }} as settled_late,
        {{ whole('dangxulyconhan') }} as in_progress_in_time,
        {{ whole('dangxulyquahan') }} as in_progress_overdue,
        {{ whole('tralai') }} as returned,
        {{ whole('tructuyen') }} as received_online,
        {{ local_time('ngaycapnhat') }} as changed_at
    from {{ source('raw', 'external_counts') }}

)

select * from final
