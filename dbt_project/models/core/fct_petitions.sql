{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'petitions'},
    )
}}

{{
    versions(
        feed='petitions',
        columns=[
            'unit_code',
            'case_code',
            'petition_type',
            'received_at',
            'due_at',
            'resolved_at',
            'is_founded',
            'is_protracted',
        ],
    )
}}
