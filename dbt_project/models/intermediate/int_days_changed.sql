-- Days of a feed whose set of counting files differs from the one that core was built of.
{{ config(materialized='table') }}
{%- set applied = built_before('core', 'files_applied') %}

with

active as (

    select
        file_id,
        feed,
        business_date
    from {{ ref('int_files_active') }}

),

{% if applied -%}
applied as (

    select
        file_id,
        feed,
        business_date
    from {{ applied }}

),

final as (

    select distinct
        coalesce(active.feed, applied.feed) as feed,
        coalesce(active.business_date, applied.business_date) as business_date
    from active
    full outer join applied on active.file_id = applied.file_id
    where active.file_id is null or applied.file_id is null

)
{%- else -%}
final as (

    select distinct
        feed,
        business_date
    from active

)
{%- endif %}

select * from final
