-- The files that a release pinned; read only to compute that release again.
{{ config(materialized='ephemeral') }}

with

final as (

    select
        publication_id,
        feed,
        business_date,
        part,
        revision,
        sha256
    from {{ source('published', 'release_inputs') }}

)

select * from final
