{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'steps'},
    )
}}

{{
    versions(
        feed='steps',
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
