with

final as (

    select
        {{ clean('period_code') }} as period_code,
        {{ clean('kind') }} as kind,
        {{ clean('label_vi') }} as label_vi,
        {{ clean('label_en') }} as label_en,
        cast({{ local_time(clean('cases_from')) }} as date) as cases_from,
        cast({{ local_time(clean('cases_to')) }} as date) as cases_to,
        cast({{ local_time(clean('ratings_from')) }} as date) as ratings_from,
        cast({{ local_time(clean('ratings_to')) }} as date) as ratings_to,
        cast({{ local_time(clean('processes_as_of')) }} as date) as processes_as_of,
        cast({{ local_time(clean('known_as_of')) }} as date) as known_as_of,
        cast({{ local_time(clean('publish_on')) }} as date) as publish_on,
        {{ clean('rule_set') }} as rule_set
    from {{ source('reference', 'reporting_periods') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
