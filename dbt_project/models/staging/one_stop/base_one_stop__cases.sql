-- The texts of cases, and the numbers that their moments of fourteen digits are.
-- A barrier keeps the server from computing a number anew wherever it is used; conditions on row_id
-- pass it.
{{ config(post_hook="alter view {{ this }} set (security_barrier)") }}

with

final as (

    select
        row_id,
        mahoso,
        matthc,
        madonvi,
        kenhthuchien,
        mucdo,
        loaidoituong,
        hinhthuc,
        trangthaihoso,
        daxoa,
        ngaynophoso,
        ngaytiepnhan,
        ngayhentra,
        ngayketthucxuly,
        ngaytra,
        ngaycapnhat,
        {{ digits('ngaynophoso') }} as ngaynophoso_digits,
        {{ digits('ngaytiepnhan') }} as ngaytiepnhan_digits,
        {{ digits('ngayhentra') }} as ngayhentra_digits,
        {{ digits('ngayketthucxuly') }} as ngayketthucxuly_digits,
        {{ digits('ngaytra') }} as ngaytra_digits,
        {{ digits('ngaycapnhat') }} as ngaycapnhat_digits
    from {{ source('raw', 'cases') }}

)

select * from final
