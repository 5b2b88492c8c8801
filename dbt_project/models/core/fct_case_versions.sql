{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['case_code'],
        meta={'feed': 'cases', 'day_columns': ['valid_from']},
        indexes=[{'columns': ['valid_from']}],
    )
}}

{{
    versions(
        feed='cases',
        staging=ref('stg_one_stop__cases'),
        key=['case_code'],
        columns=[
            'procedure_code',
            'unit_code',
            'channel_code',
            'service_level',
            'applicant_type',
            'submitted_at',
            'received_at',
            'due_at',
            'finished_at',
            'handed_over_at',
            'return_method',
            'status_code',
            'is_cancelled',
        ],
    )
}}
