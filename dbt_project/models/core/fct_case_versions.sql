{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'cases'},
    )
}}

{{
    versions(
        feed='cases',
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
