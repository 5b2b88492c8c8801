-- depends_on: {{ ref('int_files_of_changed_days') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'procedures'},
    )
}}

with

procedures as (

    select * from {{ ref('dim_procedures') }}

),

{% if is_incremental() -%}
touched as (

    {{ keys_told_on_changed_days('procedures') | indent }}

),
{%- endif %}

compared as (

    select
        procedures.*,
        row_number() over (
            partition by procedures.procedure_code order by procedures.valid_from
        ) as place,
        lag(procedures.process_code) over (
            partition by procedures.procedure_code order by procedures.valid_from
        ) as process_code_before,
        lag(procedures.approved_date) over (
            partition by procedures.procedure_code order by procedures.valid_from
        ) as approved_date_before,
        lag(procedures.on_software_date) over (
            partition by procedures.procedure_code order by procedures.valid_from
        ) as on_software_date_before
    from procedures
    {%- if is_incremental() %}
    inner join touched on procedures.procedure_code = touched.procedure_code
    {%- endif %}

),

final as (

    select
        procedure_code,
        valid_from as known_on,
        unit_code,
        process_code,
        decision_number,
        approved_date,
        on_software_date,
        row_id
    from compared
    where
        place = 1
        or process_code is distinct from process_code_before
        or approved_date is distinct from approved_date_before
        or on_software_date is distinct from on_software_date_before

)

select * from final
