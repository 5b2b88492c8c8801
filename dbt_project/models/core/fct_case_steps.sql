{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['case_code', 'step_code'],
        meta={'feed': 'steps', 'staging': 'stg_one_stop__steps'},
    )
}}

{{
    versions(
        feed='steps',
        staging=ref('stg_one_stop__steps'),
        key=['case_code', 'step_code'],
        columns=[
            'unit_code',
            'office',
            'started_at',
            'allotted_end_at',
            'finished_at',
            'status',
        ],
    )
}}
