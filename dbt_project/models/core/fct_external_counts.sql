{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'external_counts'},
    )
}}

{{
    versions(
        feed='external_counts',
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
