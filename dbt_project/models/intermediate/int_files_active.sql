-- The files that count: loaded, and of the highest revision of their feed, day and part.
-- A table, so that every model of one build reads the same set, whatever lands meanwhile.
-- In the pipeline the landing gate has let them through: what is loaded after it waits for the next.
-- To compute a release again, the files are those that it pinned.
{{ config(materialized='table') }}

with

files as (

    select * from {{ ref('stg_manifest__files') }}
    where is_loaded {% if var('only_passed') %} and has_passed {% endif %}

),

{% if var('pinned_publication', none) -%}
pinned as (

    select * from {{ ref('stg_published__release_inputs') }}
    where publication_id = '{{ var("pinned_publication") }}'

),

counting as (

    select files.*
    from files
    inner join pinned
        on
            files.feed = pinned.feed
            and files.business_date = pinned.business_date
            and files.part = pinned.part
            and files.revision = pinned.revision
            and files.sha256 = pinned.sha256

),
{%- else -%}
ranked as (

    select
        *,
        max(revision) over (partition by feed, business_date, part) as highest_revision
    from files

),

counting as (

    select * from ranked
    where revision = highest_revision

),
{%- endif %}

final as (

    select
        file_id,
        feed,
        file_name,
        business_date,
        part,
        revision,
        sha256,
        records,
        -- Of two files of a day, the later one has the last word.
        row_number() over (
            order by revision, part collate "C", sha256 collate "C"
        ) as place
    from counting

)

select * from final
