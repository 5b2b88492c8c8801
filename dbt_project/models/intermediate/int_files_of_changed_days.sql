-- All files of the changed days, also those that count no more, or not yet: what core knows from one
-- of these days was told by one of them. A table, for files may land while a build goes on.
{{ config(materialized='table') }}

with

files as (

    select * from {{ ref('stg_manifest__files') }}

),

days as (

    select * from {{ ref('int_days_changed') }}

),

final as (

    select
        files.file_id,
        files.feed,
        files.business_date
    from files
    inner join days
        on
            files.feed = days.feed
            and files.business_date = days.business_date

)

select * from final
