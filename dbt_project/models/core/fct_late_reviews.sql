{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'late_reviews'},
    )
}}

{{
    versions(
        feed='late_reviews',
        columns=[
            'reason',
            'actually_returned_at',
            'document_number',
            'is_apology_sent',
        ],
    )
}}
