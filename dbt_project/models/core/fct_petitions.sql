{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['petition_code'],
        meta={'feed': 'petitions', 'staging': 'stg_one_stop__petitions'},
    )
}}

{{
    versions(
        feed='petitions',
        staging=ref('stg_one_stop__petitions'),
        key=['petition_code'],
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
