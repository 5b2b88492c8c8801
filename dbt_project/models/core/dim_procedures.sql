{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['procedure_code'],
        meta={'feed': 'procedures', 'day_columns': ['valid_from']},
        indexes=[{'columns': ['valid_from']}],
    )
}}

{{
    versions(
        feed='procedures',
        staging=ref('stg_one_stop__procedures'),
        key=['procedure_code'],
        columns=[
            'procedure_name',
            'unit_code',
            'field_code',
            'field_name',
            'service_level',
            'is_listed',
            'is_on_the_spot',
            'is_handled_at_centre',
            'publicity',
            'process_code',
            'decision_number',
            'approved_date',
            'time_unit',
            'on_software_date',
            'note',
            'expiry_date',
        ],
    )
}}
