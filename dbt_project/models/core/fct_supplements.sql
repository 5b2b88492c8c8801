{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'supplements'},
    )
}}

{{
    versions(
        feed='supplements',
        columns=[
            'case_code',
            'requested_at',
            'answered_at',
            'due_before_at',
            'due_after_at',
            'is_applicants_fault',
            'agencies_contacted',
        ],
    )
}}
