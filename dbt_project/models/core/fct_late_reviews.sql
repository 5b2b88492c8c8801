{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['case_code'],
        meta={'feed': 'late_reviews', 'staging': 'stg_one_stop__late_reviews'},
    )
}}

{{
    versions(
        feed='late_reviews',
        staging=ref('stg_one_stop__late_reviews'),
        key=['case_code'],
        columns=[
            'reason',
            'actually_returned_at',
            'document_number',
            'is_apology_sent',
        ],
    )
}}
