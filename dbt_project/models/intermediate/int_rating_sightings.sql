-- Every day on which an export told a press. fct_ratings keeps the first.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['press_key'],
        meta={'feed': 'ratings', 'staging': 'stg_kiosks__ratings'},
        indexes=[{'columns': ['press_key', 'valid_from'], 'unique': True}],
    )
}}

{{
    versions(
        feed='ratings',
        staging=ref('stg_kiosks__ratings'),
        key=['press_key'],
        columns=[
            'kiosk',
            'counter',
            'ticket',
            'unit_code',
            'pressed_at',
            'button',
        ],
    )
}}
