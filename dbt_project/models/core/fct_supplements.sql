{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['supplement_code'],
        meta={'feed': 'supplements', 'staging': 'stg_one_stop__supplements'},
    )
}}

{{
    versions(
        feed='supplements',
        staging=ref('stg_one_stop__supplements'),
        key=['supplement_code'],
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
