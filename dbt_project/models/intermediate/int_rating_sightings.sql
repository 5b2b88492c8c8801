-- Every day on which an export told a press. fct_ratings keeps the first.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'ratings'},
        indexes=[{'columns': ['press_key', 'valid_from'], 'unique': True}],
    )
}}

{{
    versions(
        feed='ratings',
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
