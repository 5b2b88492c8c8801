-- The texts of steps, and the numbers that their moments of fourteen digits are.
-- A barrier keeps the server from computing a number anew wherever it is used; conditions on row_id
-- pass it.
{{ config(post_hook="alter view {{ this }} set (security_barrier)") }}

with

final as (

    select
        row_id,
        mahoso,
        mabuoc,
        madonvi,
        phongbanxuly,
        trangthai,
        ngaybatdau,
        ngayketthuctheoquydinh,
        thoidiemxuly,
        ngaycapnhat,
        {{ digits('ngaybatdau') }} as ngaybatdau_digits,
        {{ digits('ngayketthuctheoquydinh') }} as ngayketthuctheoquydinh_digits,
        {{ digits('thoidiemxuly') }} as thoidiemxuly_digits,
        {{ digits('ngaycapnhat') }} as ngaycapnhat_digits
    from {{ source('raw', 'steps') }}

)

select * from final
