-- depends_on: {{ ref('int_files_of_changed_days') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'cases'},
    )
}}

with

versions as (

    select * from {{ ref('fct_case_versions') }}

),

{% if is_incremental() -%}
touched as (

    {{ keys_told_on_changed_days('cases') | indent }}

),
{%- endif %}

final as (

    select
        versions.case_code,
        versions.procedure_code,
        versions.unit_code,
        versions.channel_code,
        versions.service_level,
        versions.applicant_type,
        versions.submitted_at,
        versions.received_at,
        versions.due_at,
        versions.finished_at,
        versions.handed_over_at,
        versions.return_method,
        versions.status_code,
        versions.is_cancelled,
        -- The code carries the receipt date: <agency>-<yyMMdd>-<sequence>.
        coalesce(
            to_char(versions.received_at, 'YYMMDD') <> split_part(versions.case_code, '-', 2),
            false
        ) as is_code_date_different,
        versions.row_id,
        versions.valid_from as last_known_on
    from versions
    {%- if is_incremental() %}
    inner join touched on versions.case_code = touched.case_code
    {%- endif %}
    where versions.valid_to is null

)

select * from final
