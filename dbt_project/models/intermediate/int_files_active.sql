-- The files that count: loaded, and of the highest revision of their feed, day and part.
-- A table, so that every model of one build reads the same set, whatever lands meanwhile.
{{ config(materialized='table') }}

with

files as (

    select * from {{ ref('stg_manifest__files') }}
    where is_loaded

),

ranked as (

    select
        *,
        max(revision) over (partition by feed, business_date, part) as highest_revision
    from files

),

final as (

    select
        file_id,
        feed,
        file_name,
        business_date,
        part,
        revision,
        sha256,
        records
    from ranked
    where revision = highest_revision

)

select * from final
