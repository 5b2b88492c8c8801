-- The files that core and marts are built of. Built last: a build that was cut short left this
-- table as it was, so the next build does the same days again.
-- depends_on: {{ ref('fct_cases') }}
-- depends_on: {{ ref('fct_process_updates') }}
-- depends_on: {{ ref('periods') }}
{{ config(post_hook="{{ note_pack() }}") }}

with

final as (

    select
        file_id,
        feed,
        business_date,
        '{{ var("reference_sha256") }}' as reference_sha256,
        '{{ var("project_sha256", "none") }}' as project_sha256
    from {{ ref('int_files_active') }}

)

select * from final
