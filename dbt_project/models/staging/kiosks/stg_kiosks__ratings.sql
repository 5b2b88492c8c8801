with

typed as (

    select
        row_id,
        {{ file_of('row_id') }} as file_id,
        makiosk as kiosk,
        quay as counter,
        sothutu as ticket,
        madonvi as unit_code,
        {{ local_time('thoigian') }} as pressed_at,
        {{ whole('nutdanhgia') }} as button,
        personal_digest
    from {{ source('raw', 'ratings') }}

),

final as (

    select
        row_id,
        file_id,
        -- A press is the whole row: equal rows are one press, whichever files tell it.
        md5(
            concat_ws(
                '|', kiosk, counter, ticket, unit_code, pressed_at, button, personal_digest
            )
        ) as press_key,
        kiosk,
        counter,
        ticket,
        unit_code,
        pressed_at,
        button,
        pressed_at as changed_at
    from typed

)

select * from final
