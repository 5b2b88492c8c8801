{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['system_code', 'unit_code', 'counted_from', 'counted_to'],
        meta={'feed': 'external_counts', 'staging': 'stg_one_stop__external_counts'},
    )
}}

{{
    versions(
        feed='external_counts',
        staging=ref('stg_one_stop__external_counts'),
        key=['system_code', 'unit_code', 'counted_from', 'counted_to'],
        columns=[
            'carried_over',
            'newly_received',
            'settled_early',
            'settled_on_time',
            'settled_late',
            'in_progress_in_time',
            'in_progress_overdue',
            'returned',
            'received_online',
        ],
    )
}}
